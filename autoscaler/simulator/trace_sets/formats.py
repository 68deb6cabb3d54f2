"""The formats of traces that are text, and how each is known by its first line."""

from collections.abc import Collection, Iterable, Iterator, Sequence
from itertools import chain
from typing import Literal, get_args

from autoscaler.simulator.trace_sets.applications import IBM_COLUMNS, read_containers, read_ibm
from autoscaler.simulator.trace_sets.azure import IDENTITY_2019, read_azure_2019, read_azure_2021, read_azure_llm
from autoscaler.simulator.trace_sets.collecting import Store
from autoscaler.simulator.trace_sets.errors import Findings, TraceError
from autoscaler.simulator.trace_sets.opendc import REQUESTS, TIME, read_opendc
from autoscaler.simulator.trace_sets.plain import Columns, read_plain
from autoscaler.simulator.trace_sets.tables import Batch, check_names, text_batches
from autoscaler.simulator.trace_sets.trace_set import TraceSet

FormatName = Literal["azure2019", "azure2021", "azureLLM", "opendc", "ibm", "containers", "plain"]

FORMATS: tuple[FormatName, ...] = get_args(FormatName)

_AZURE_2021 = ("app", "func", "end_timestamp", "duration")
_LLM_TIMES = ("TIMESTAMP", "t")


def detected(names: Sequence[str]) -> FormatName:
    """Give the format of a text by the names in its first line; what is no other is a plain table."""
    there = {name.strip() for name in names}
    needed: dict[FormatName, Collection[str]] = {
        "azure2019": IDENTITY_2019,
        "azure2021": _AZURE_2021,
        "azureLLM": ("ContextTokens", "GeneratedTokens"),
        "opendc": (TIME, REQUESTS),
        "ibm": IBM_COLUMNS,
        "containers": ("app", "mem_mb", "m0"),
    }
    return next((name for name, columns in needed.items() if there.issuperset(columns)), "plain")


def read_text(
    form: FormatName,
    name: str,
    lines: Iterable[str],
    findings: Findings,
    store: Store,
    *,
    columns: Columns | None = None,
    step_s: float | None = None,
) -> TraceSet:
    """Read one file.

    Args:
        form: its format.
        name: what a function is called that the file itself does not name.
        store: keeps single requests.
        columns: of a plain table, which column holds what; None: they are named as the fields.
        step_s: of a plain table of counts, the length of a step; None: the smallest distance of two times.

    Raises:
        TraceError: it is no such file.
    """
    match form:
        case "azure2019":
            return read_azure_2019(lines, findings)
        case "azure2021":
            return read_azure_2021(_batches(lines, findings, _AZURE_2021), findings, store)
        case "azureLLM":
            return _read_llm(lines, findings, store)
        case "opendc":
            return read_opendc([(name, lines, findings)])
        case "ibm":
            return read_ibm(lines, findings)
        case "containers":
            return read_containers(lines, findings)
        case "plain":
            chosen = columns or Columns()
            batches = text_batches(lines, findings, lambda names: chosen.wanted(names, findings))
            return read_plain(batches, findings, store, chosen, step_s=step_s)


def _batches(lines: Iterable[str], findings: Findings, wanted: Sequence[str]) -> Iterator[Batch]:
    def chosen(names: list[str]) -> Sequence[str]:
        check_names(names, wanted, findings)
        return wanted

    return text_batches(lines, findings, chosen)


def _read_llm(lines: Iterable[str], findings: Findings, store: Store) -> TraceSet:
    times: list[str] = []

    def chosen(names: list[str]) -> Sequence[str]:
        times.append(next((name for name in _LLM_TIMES if name in names), _LLM_TIMES[0]))
        wanted = (times[0], "ContextTokens", "GeneratedTokens")
        check_names(names, wanted, findings)
        return wanted

    batches = text_batches(lines, findings, chosen)
    first = next(batches, None)
    if first is None:
        findings.add(None, "", "has no rows", "rows after the first line")
        raise TraceError(findings.problems)
    return read_azure_llm(chain([first], batches), findings, store, times[0])
