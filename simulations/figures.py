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

import csv
import json
import re
from collections import defaultdict
from collections.abc import Iterator, Mapping
from fnmatch import fnmatchcase
from functools import lru_cache
from io import StringIO
from pathlib import Path
from typing import Any, Literal

import numpy as np
from pydantic import Field
from ruamel.yaml import YAML

from autoscaler.cli.minutes import is_minutes, read_counts
from autoscaler.cli.traces import read_traces
from autoscaler.core.decisions import Decisions
from autoscaler.core.events import Event
from autoscaler.core.now import Now
from autoscaler.core.observation import Observation
from autoscaler.policy.quantities import Duration, format_duration
from autoscaler.policy.strict import Strict
from autoscaler.simulator.bounds import Bound
from autoscaler.simulator.minutes.document import parse as parse_minutes
from autoscaler.simulator.minutes.result import MinuteResult
from autoscaler.simulator.result import Result
from autoscaler.simulator.run import simulate
from autoscaler.simulator.scenario import Scenario, Traces, parse
from simulations import sweeps as of_sweeps
from simulations.columns import COLUMNS, ON_COUNTS, ready
from simulations.sweeps import STUDY

FOLDER = Path(__file__).parent
SCENARIO = "scenario.yaml"
BLOCK = re.compile(r"(<!-- figures\n(.*?)\n-->\n)(.*?)(<!-- end of figures -->)", re.DOTALL)


class Stretch(Strict):
    """A span of a run, and words for it."""

    start: Duration = Field(alias="from", description="Beginning.")
    end: Duration = Field(alias="to", description="End.")
    known: str = Field(description="What is known in it.")


class Figures(Strict):
    """What one table shows."""

    table: Literal[
        "run", "functions", "tenants", "removed", "bound", "deciders", "sweep", "configurations", "found"
    ] = Field(description="The rows. `sweep` and `run` are the commands, `found` is what searches came to.")
    columns: list[str] = Field(default_factory=list, description="Names of columns of such a table.")
    only: list[str] = Field(default_factory=lambda: ["*"], description="Functions or tenants shown, with *.")
    trace: str | None = Field(None, description="Of `configurations`: those of one trace. Default: all.")
    measured: str | None = Field(
        None, description="CSV with columns function and ready, beside `ready on average`. Default: none."
    )
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


def scenarios() -> list[Path]:
    """Give the folders of the studies whose scenario is of requests, not of counts."""
    return [folder for folder in studies() if not is_minutes((folder / SCENARIO).read_text(encoding="utf-8"))]


def sweeps() -> list[Path]:
    """Give the folders of the studies that have a sweep."""
    return [folder for folder in studies() if (folder / STUDY).exists()]


def read_study(folder: Path, change: Mapping[str, Any] | None = None) -> tuple[Scenario, Mapping[str, str], Traces]:
    """Read a study: its scenario, its policy documents, its recorded traffic.

    Args:
        change: fields of the scenario that are other; None: none.
    """
    file = folder / SCENARIO
    scenario, documents = parse(file.read_text(encoding="utf-8"), str(file))
    if change:
        scenario = Scenario.model_validate({**scenario.model_dump(by_alias=True, exclude_unset=True), **change})
    files = {name: (folder / name).read_text(encoding="utf-8") for name in scenario.policies}
    files |= {str(file): documents} if documents.strip() else {}
    return scenario, files, read_traces(folder, scenario, _unsaid)


def _unsaid(_words: str) -> None:
    """Say nothing."""


def renewed(folder: Path) -> str:
    """Give a study's README with all of its tables written anew; those of its sweep from what is kept of it."""
    text = (folder / "README.md").read_text(encoding="utf-8")
    return BLOCK.sub(lambda block: block[1] + _shown(folder, _figures(block[2])) + block[4], text)


def _figures(text: str) -> Figures:
    return Figures.model_validate(YAML(typ="safe", pure=True).load(StringIO(text)))


def _shown(folder: Path, figures: Figures) -> str:
    match figures.table:
        case "run":
            return _run_line(folder, figures)
        case "sweep":
            return of_sweeps.run_line(folder)
        case "found":
            return of_sweeps.found(folder)
    rows = list(_rows(folder, figures))
    return "".join("| " + " | ".join(row) + " |\n" for row in [rows[0], ["---"] * len(rows[0]), *rows[1:]])


def _rows(folder: Path, figures: Figures) -> Iterator[list[str]]:
    match figures.table:
        case "deciders":
            return _deciders(folder, figures)
        case "configurations":
            return of_sweeps.configurations(folder, figures.columns, figures.trace)
        case "removed":
            return _removed(_outcome_of(folder, figures), figures)
        case "bound":
            return _bound(_outcome_of(folder, figures))
    return _members(folder, _outcome_of(folder, figures).result, figures)


def _outcome_of(folder: Path, figures: Figures) -> Outcome:
    return _outcome(folder, json.dumps(figures.change, sort_keys=True))


@lru_cache(maxsize=8)
def _outcome(folder: Path, change: str) -> Outcome:
    return Outcome(*read_study(folder, json.loads(change)))


@lru_cache(maxsize=2)
def on_counts(folder: Path) -> tuple[MinuteResult, ...]:
    """Run a study on counts by the minute, and give what each decider came to."""
    file = folder / SCENARIO
    scenario = parse_minutes(file.read_text(encoding="utf-8"), str(file))
    counts, _ = read_counts(file, scenario)
    return scenario.run(counts)


def _run_line(folder: Path, figures: Figures) -> str:
    command = f"autoscaler simulate simulations/{folder.name}/{SCENARIO}"
    if folder not in scenarios():
        counts = on_counts(folder)[0].counts
        return (
            f"`{command}` ({len(counts.names)} functions, {counts.steps} steps of {format_duration(counts.step_s)}):\n"
        )
    result = _outcome_of(folder, figures).result
    requests = sum(row.requests for row in result.tenants)
    return f"`{command}` (seed {result.seed}; {format_duration(result.duration_s)}, {requests:,} requests):\n"


def _members(folder: Path, result: Result, figures: Figures) -> Iterator[list[str]]:
    measured = {} if figures.measured is None else _measured(folder / figures.measured)
    beside = ["measured", "off by"] if measured else []
    yield [figures.table.removesuffix("s"), *figures.columns, *beside]
    for row in result.functions if figures.table == "functions" else result.tenants:
        name = row.function or row.tenant or "(no tenant)"
        if any(fnmatchcase(name, pattern) for pattern in figures.only):
            cells = [COLUMNS[column](row, result.duration_s) for column in figures.columns]
            if measured:
                off_by = ready(row, result.duration_s) / measured[name] - 1
                cells += [f"{measured[name]:.2f}", f"{100 * off_by:+.1f} %"]
            yield [name, *cells]


def _measured(file: Path) -> Mapping[str, float]:
    """Read what was measured on a real system."""
    with file.open(encoding="utf-8", newline="") as stream:
        return {row["function"]: float(row["ready"]) for row in csv.DictReader(stream)}


def _bound(outcome: Outcome) -> Iterator[list[str]]:
    """Give who got less than was wanted, by which limit, for how long and how much."""
    yield ["tenant", "bound by", "longest, of one function", "replica-seconds short"]
    found: dict[tuple[str, str], list[Bound]] = defaultdict(list)
    for one in outcome.result.bound:
        found[one.tenant, one.reason].append(one)
    for (tenant, reason), all_of_it in sorted(found.items()):
        longest_s = max(one.ticks for one in all_of_it) * outcome.scenario.tick
        yield [tenant, reason, format_duration(longest_s), f"{sum(one.short_s for one in all_of_it):,.0f}"]


def _deciders(folder: Path, figures: Figures) -> Iterator[list[str]]:
    yield ["decider", *figures.columns]
    results = on_counts(folder)
    for result in results:
        yield [result.policy, *(ON_COUNTS[column](result, results[0]) for column in figures.columns)]


def _removed(outcome: Outcome, figures: Figures) -> Iterator[list[str]]:
    yield ["from", "to", "what is known", "replicas removed"]
    for one in figures.stretches:
        number = sum(fewer for at_s, fewer in outcome.removed if one.start <= at_s < one.end)
        yield [format_duration(one.start), format_duration(one.end), one.known, f"{number:.0f}"]
