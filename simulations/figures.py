"""The figures of the studies: tables in each README, written from runs.

A table stands between two comments; the first says what it shows:

    <!-- figures
    table: functions
    columns: [requests, cold, wait p95]
    -->
    | function | requests | cold | wait p95 |
    ...
    <!-- end of figures -->
"""

import re
from collections.abc import Callable, Iterator, Mapping
from fnmatch import fnmatchcase
from functools import lru_cache
from io import StringIO
from pathlib import Path
from typing import Any, Literal

import numpy as np
from pydantic import Field
from ruamel.yaml import YAML

from autoscaler.cli.traces import read_traces
from autoscaler.core.decisions import Decisions
from autoscaler.core.events import Event
from autoscaler.core.now import Now
from autoscaler.core.observation import Observation
from autoscaler.policy.quantities import Duration, format_duration
from autoscaler.policy.settings import Strict
from autoscaler.simulator.result import Result, Row
from autoscaler.simulator.run import simulate
from autoscaler.simulator.scenario import Scenario, Traces, parse

FOLDER = Path(__file__).parent
BLOCK = re.compile(r"(<!-- figures\n(.*?)\n-->\n)(.*?)(<!-- end of figures -->)", re.DOTALL)

COLUMNS: Mapping[str, Callable[[Row], str]] = {
    "requests": lambda row: f"{row.requests:,}",
    "cold": lambda row: f"{row.cold:,}",
    "refused": lambda row: f"{row.refused:,}",
    "wait p50": lambda row: _seconds(row.wait_p50_s),
    "wait p95": lambda row: _seconds(row.wait_p95_s),
    "longest wait": lambda row: _seconds(row.wait_max_s),
    "replica-seconds": lambda row: f"{row.replica_seconds:,.0f}",
    "most replicas": lambda row: str(row.replicas_max),
    "hours at zero": lambda row: f"{row.zero_s / 3600:.1f}",
}


class Stretch(Strict):
    """A span of a run, and words for it."""

    start: Duration = Field(alias="from", description="Beginning.")
    end: Duration = Field(alias="to", description="End.")
    known: str = Field(description="What is known in it.")


class Figures(Strict):
    """What one table shows."""

    table: Literal["run", "functions", "tenants", "removed"] = Field(description="The rows.")
    columns: list[str] = Field(default_factory=list, description="Names of COLUMNS.")
    only: list[str] = Field(default_factory=lambda: ["*"], description="Functions or tenants shown, with *.")
    change: dict[str, Any] = Field(default_factory=dict, description="Fields of the scenario that are other here.")
    stretches: list[Stretch] = Field(default_factory=list, description="Rows of `removed`.")


class Outcome:
    """A run's result, with the replicas that each full tick took away."""

    def __init__(self, scenario: Scenario, documents: Mapping[str, str], traces: Traces) -> None:
        self.removed: list[tuple[float, float]] = []
        self.scenario = scenario
        self.result: Result = simulate(scenario, documents, traces=traces, record=self._record)

    def _record(self, now: Now, seen: Observation | None, _events: tuple[Event, ...], decisions: Decisions) -> None:
        if seen is not None:
            fewer = np.maximum(seen.requested - decisions.whole().desired, 0.0)
            self.removed.append((now.monotonic_s, float(fewer.sum())))


def studies() -> list[Path]:
    """Give the folders of all studies."""
    return sorted(path.parent for path in FOLDER.glob("*/scenario.yaml"))


def read_study(folder: Path) -> tuple[Scenario, Mapping[str, str], Traces]:
    """Read a study: its scenario, its policy documents, its recorded traffic."""
    file = folder / "scenario.yaml"
    scenario, documents = parse(file.read_text(encoding="utf-8"), str(file))
    files = {name: (folder / name).read_text(encoding="utf-8") for name in scenario.policies}
    files |= {str(file): documents} if documents.strip() else {}
    return scenario, files, read_traces(folder, scenario, lambda _words: None)


def renewed(folder: Path) -> str:
    """Give a study's README with all of its tables written anew."""
    text = (folder / "README.md").read_text(encoding="utf-8")
    return BLOCK.sub(lambda block: block[1] + _table(folder, _figures(block[2])) + block[4], text)


def _figures(text: str) -> Figures:
    return Figures.model_validate(YAML(typ="safe", pure=True).load(StringIO(text)))


@lru_cache(maxsize=8)
def _outcome(folder: Path, change: str) -> Outcome:
    scenario, files, traces = read_study(folder)
    if change:
        written = scenario.model_dump(by_alias=True, exclude_unset=True)
        changed = written | YAML(typ="safe", pure=True).load(StringIO(change))
        scenario = Scenario.model_validate(changed)
    return Outcome(scenario, files, traces)


def _table(folder: Path, figures: Figures) -> str:
    out = StringIO()
    if figures.change:
        YAML(typ="safe", pure=True).dump(figures.change, out)
    outcome = _outcome(folder, out.getvalue())
    if figures.table == "run":
        return _run_line(folder, outcome)
    rows = list(_removed(outcome, figures) if figures.table == "removed" else _rows(outcome.result, figures))
    return "".join("| " + " | ".join(row) + " |\n" for row in [rows[0], ["---"] * len(rows[0]), *rows[1:]])


def _run_line(folder: Path, outcome: Outcome) -> str:
    result = outcome.result
    requests = sum(row.requests for row in result.tenants)
    command = f"autoscaler simulate simulations/{folder.name}/scenario.yaml"
    return f"`{command}` (seed {result.seed}; {format_duration(result.duration_s)}, {requests:,} requests):\n"


def _rows(result: Result, figures: Figures) -> Iterator[list[str]]:
    yield [figures.table.removesuffix("s"), *figures.columns]
    for row in result.functions if figures.table == "functions" else result.tenants:
        name = row.function or row.tenant or "(no tenant)"
        if any(fnmatchcase(name, pattern) for pattern in figures.only):
            yield [name, *(COLUMNS[column](row) for column in figures.columns)]


def _removed(outcome: Outcome, figures: Figures) -> Iterator[list[str]]:
    yield ["from", "to", "what is known", "replicas removed"]
    for one in figures.stretches:
        number = sum(fewer for at_s, fewer in outcome.removed if one.start <= at_s < one.end)
        yield [format_duration(one.start), format_duration(one.end), one.known, f"{number:.0f}"]


def _seconds(seconds: float | None) -> str:
    return "–" if seconds is None else f"{seconds:.2f} s"
