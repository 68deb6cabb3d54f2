"""The traces that Azure published: Functions 2019 (counts), Functions 2021 (single requests), LLM inference 2023.

Source: Azure/AzurePublicDataset, AzureFunctionsDataset2019.md, AzureFunctionsInvocationTrace2021.md and
AzureLLMInferenceDataset2023.md (CC-BY 4.0); samples in the same formats: vhive-serverless/invitro data/traces/example.
"""

import csv
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import orjson
from numpy.typing import NDArray

from autoscaler.core.columns import Floats
from autoscaler.policy.problems import shown
from autoscaler.simulator.laws import Quantiles
from autoscaler.simulator.trace_sets.collecting import Registry, Store
from autoscaler.simulator.trace_sets.errors import Findings
from autoscaler.simulator.trace_sets.tables import Batch, Clock, check_names, text_batches
from autoscaler.simulator.trace_sets.tenancy import placed, unplaced
from autoscaler.simulator.trace_sets.trace_set import Counts, Events, Identity, TraceFunction, TraceSet, just_after

MINUTE_S = 60.0
IDENTITY_2019 = ("HashOwner", "HashApp", "HashFunction")
MOST_COUNT = 2**31 - 1
SHORTEST_MS = 1.0
"""What a recorded duration of 0 ms is taken for: nothing is served in no time."""

_FRACTIONS = (0.0, 0.01, 0.25, 0.5, 0.75, 0.99, 1.0)
_PERCENTILES = tuple(f"percentile_Average_{round(100 * one)}" for one in _FRACTIONS)
_ALLOWED_MS = "milliseconds, 0 to 1e+09"


def read_azure_2019(
    invocations: Iterable[str],
    findings: Findings,
    durations: tuple[Iterable[str], Findings] | None = None,
    memory: tuple[Iterable[str], Findings] | None = None,
) -> TraceSet:
    """Read a day of Azure Functions 2019: requests by minute, percentiles of durations, memory of applications.

    Args:
        invocations: lines of `invocations_per_function_md.anon.dNN.csv`.
        durations: lines of `function_durations_percentiles.anon.dNN.csv` with what is found wrong with them; None:
            there are none.
        memory: likewise, of `app_memory_percentiles.anon.dNN.csv`, with or without the column HashFunction.

    Raises:
        TraceError: they are no such files.
    """
    identities, matrix = _minutes(invocations, findings)
    laws = {} if durations is None else _laws(*durations)
    sizes = {} if memory is None else _memory(*memory)
    findings.check()
    functions = []
    for owner, app, function in identities:
        law = laws.get((owner, app, function))
        size = sizes.get((owner, app, function), sizes.get((owner, app, "")))
        mean_s = None if law is None else law.mean_s
        one = unplaced(Identity(owner, app, function))
        functions.append(replace(one, service_s=mean_s, service=law, memory_gb=size))
    notes = _notes_2019(functions)
    load = Counts(MINUTE_S, matrix)
    return TraceSet(placed(functions, "byOwner"), load, load.length_s, "Azure Functions 2019", notes)


def _notes_2019(functions: list[TraceFunction]) -> tuple[str, ...]:
    without_times = sum(one.service is None for one in functions)
    without_memory = sum(one.memory_gb is None for one in functions)
    return (
        "Requests are known by the minute: where within it each arrived is lost.",
        "Service times follow the percentiles of averages over 30 s, at the recorded mean: single requests vary more.",
        "Memory is the application's, given to each of its functions.",
        f"{without_times} of {len(functions)} functions are without service times, {without_memory} without memory.",
    )


def _minutes(lines: Iterable[str], findings: Findings) -> tuple[list[tuple[str, ...]], NDArray[np.int32]]:
    """Read names and counts; a row of counts is read as a JSON list, which is strict and several times quicker."""
    iterator = iter(lines)
    names = next(csv.reader([next(iterator, "").removeprefix("\ufeff")]), [])
    check_names(names, (*IDENTITY_2019, "Trigger"), findings)
    findings.check()
    steps = len(names) - 4
    if names[:4] != [*IDENTITY_2019, "Trigger"] or names[4:] != [str(minute) for minute in range(1, steps + 1)]:
        findings.add(1, "", "has other columns", "HashOwner,HashApp,HashFunction,Trigger, then minutes from 1 on")
        findings.check()
    identities: dict[tuple[str, ...], int] = {}
    rows: list[NDArray[np.int32]] = []
    for line, text in enumerate(iterator, start=2):
        if not text.strip():
            continue
        *identity, _, counts = text.rstrip("\r\n").split(",", 4) if text.count(",") >= 4 else ("", "", "", "", "")
        row = _counts(line, counts, steps, findings)
        place = identities.setdefault(tuple(identity), len(identities))
        if place < len(rows) and row is not None:
            rows[place] = rows[place] + row  # a function with several triggers
        elif row is not None:
            rows.append(row)
    findings.check()
    if not rows:
        findings.add(None, "", "has no rows", "a row for each function")
        findings.check()
    matrix = np.empty((len(rows), steps), np.int32)
    for place in range(len(rows) - 1, -1, -1):
        matrix[place] = rows.pop()
    return list(identities), matrix


def _counts(line: int, text: str, steps: int, findings: Findings) -> NDArray[np.int32] | None:
    try:
        counts = orjson.loads(f"[{text}]")
        row = np.array(counts, np.float64)
        if len(row) == steps and row.min() >= 0 and row.max() <= MOST_COUNT and np.all(row == np.rint(row)):
            return row.astype(np.int32)
    except (orjson.JSONDecodeError, ValueError, TypeError):
        pass
    cells = text.split(",")
    if len(cells) != steps:
        findings.add(line, "", f"has {len(cells)} minutes", f"{steps}, as the first line has")
    for minute, cell in enumerate(cells, start=1):
        if not (cell.strip().isdecimal() and int(cell) <= MOST_COUNT):
            findings.add(line, str(minute), f"is {shown(cell)}", f"a whole number of requests, 0 to {MOST_COUNT}")
    return np.array([int(cell) for cell in cells], np.int32) if not findings.problems else None


def _laws(lines: Iterable[str], findings: Findings) -> Mapping[tuple[str, ...], Quantiles]:
    """Read the laws of service times; of a function that is there twice the later row counts."""
    wanted = (*IDENTITY_2019, "Average", *_PERCENTILES)
    found: dict[tuple[str, ...], Quantiles] = {}
    fractions = np.array(_FRACTIONS)
    for batch in text_batches(lines, findings, lambda names: _checked(names, wanted, findings)):
        means = batch.numbers("Average", 0.0, 1e9, _ALLOWED_MS)
        points = np.stack([batch.numbers(name, 0.0, 1e9, _ALLOWED_MS) for name in _PERCENTILES], axis=1)
        for row in np.flatnonzero(np.any(np.diff(points, axis=1) < 0, axis=1)).tolist():
            wrong = "has a percentile below the one before it"
            findings.add(batch.lines[row], "", wrong, "percentiles that never fall")
        findings.check()
        for identity, mean, point in zip(_rows(batch, IDENTITY_2019), means, points, strict=True):
            found[identity] = _law(fractions, point / 1e3, max(mean, SHORTEST_MS) / 1e3)
    findings.check()
    return found


def _law(fractions: Floats, values_s: Floats, mean_s: float) -> Quantiles:
    """Give the law through percentiles, drawn longer or shorter so that it has the recorded mean."""
    if values_s[-1] <= 0:
        values_s = np.full(len(fractions), mean_s)
    law = Quantiles(fractions, values_s)
    return Quantiles(fractions, values_s * (mean_s / law.mean_s))


def _memory(lines: Iterable[str], findings: Findings) -> Mapping[tuple[str, ...], float]:
    """Read memory, GB, by owner, application and function; function "" where it is the application's."""
    found: dict[tuple[str, ...], float] = {}
    names: list[str] = []

    def wanted(there: list[str]) -> tuple[str, ...]:
        names.extend(name for name in IDENTITY_2019 if name in there)
        return _checked(there, (*IDENTITY_2019[:2], *names[2:], "AverageAllocatedMb"), findings)

    for batch in text_batches(lines, findings, wanted):
        sizes = batch.numbers("AverageAllocatedMb", 0.0, 1e9, "MB, 0 to 1e+09")
        for identity, size in zip(_rows(batch, names), sizes, strict=True):
            if size > 0:
                found[(*identity, "")[:3]] = float(size) / 1024
    findings.check()
    return found


def _rows(batch: Batch, names: Iterable[str]) -> Iterable[tuple[str, ...]]:
    columns: list[Any] = [batch.columns[name] for name in names]
    return zip(*columns, strict=True)


def _checked(names: list[str], wanted: tuple[str, ...], findings: Findings) -> tuple[str, ...]:
    check_names(names, wanted, findings)
    return wanted


def read_azure_2021(batches: Iterable[Batch], findings: Findings, store: Store) -> TraceSet:
    """Read Azure Functions 2021: `app,func,end_timestamp,duration` of each request, seconds, in order of their ends.

    A request arrived when it ended less its duration: the source's durations hold no cold starts.

    Raises:
        TraceError: it is no such table.
    """
    registry, early, end_s = Registry(), 0, 0.0
    for batch in batches:
        ends_s = batch.numbers("end_timestamp", 0.0, 1e9, "seconds from the trace's beginning, 0 to 1e+09")
        durations_s = batch.numbers("duration", 0.0, 1e7, "seconds, 0 to 1e+07")
        words = [batch.words("app"), batch.words("func")]
        findings.check()
        times_s = ends_s - durations_s
        early += int((times_s < 0).sum())
        end_s = max(end_s, float(ends_s.max()))
        store.append(registry.codes(words), np.maximum(times_s, 0.0), durations_s)
    findings.check()
    _check_rows(len(registry), findings)
    functions = [unplaced(Identity(None, app, function)) for app, function in registry.identities]
    notes = (
        "Arrivals are ends less durations; owners and memory are not recorded.",
        *((f"{early} requests that began before the trace arrive at its beginning.",) if early else ()),
    )
    load = store.grouped(len(functions), 0.0)
    return TraceSet(placed(functions, "byApp"), load, just_after(end_s), "Azure Functions 2021", notes)


def read_azure_llm(batches: Iterable[Batch], findings: Findings, store: Store, time: str) -> TraceSet:
    """Read Azure LLM inference 2023: the time of each request and its tokens.

    Args:
        time: column of the times: `TIMESTAMP` (moments in UTC, without a zone) or `t` (seconds).

    Raises:
        TraceError: it is no such table.
    """
    clock, end_s, tokens, rows = Clock(), 0.0, np.zeros(2), 0
    for batch in batches:
        times_s = (_in_utc(batch, time) if time == "TIMESTAMP" else batch).times(time, clock)
        counts = [batch.numbers(name, 0, 1e9, "a number of tokens") for name in ("ContextTokens", "GeneratedTokens")]
        findings.check()
        tokens += [float(one.sum()) for one in counts]
        rows += len(batch)
        end_s = max(end_s, float(times_s.max()))
        store.append(np.zeros(len(batch), np.int64), times_s, None)
    _check_rows(rows, findings)
    notes = (
        "Service times are not recorded: tokens are, "
        f"{tokens[0] / rows:.0f} of context and {tokens[1] / rows:.0f} generated on average; say `service` yourself.",
    )
    functions = placed([unplaced(Identity(None, "llm", "inference"))], "byApp")
    begins_utc_s = clock.origin_s if clock.is_moments else None
    load: Events = store.grouped(1, 0.0)
    return TraceSet(functions, load, just_after(end_s), "Azure LLM inference 2023", notes, begins_utc_s)


def _in_utc(batch: Batch, time: str) -> Batch:
    """Give the same rows with a time zone in their times, which this trace leaves out."""
    cells = [f"{cell}+00:00" if isinstance(cell, str) else cell for cell in batch.columns[time]]  # type: ignore[union-attr]
    return replace(batch, columns={**batch.columns, time: cells})


def _check_rows(rows: int, findings: Findings) -> None:
    if not rows:
        findings.add(None, "", "has no rows", "rows after the first line")
        findings.check()
