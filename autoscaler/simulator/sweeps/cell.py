"""One cell: run, and what is kept of it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from autoscaler.core import invariants as of_decisions
from autoscaler.simulator import invariants as of_requests
from autoscaler.simulator.minutes.counts import MinuteCounts
from autoscaler.simulator.minutes.document import MinuteScenario
from autoscaler.simulator.minutes.result import MinuteResult, MinuteRow
from autoscaler.simulator.result import Result
from autoscaler.simulator.run import Progress, simulate
from autoscaler.simulator.scenario import Scenario, ScenarioError, Traces
from autoscaler.simulator.slo import BY_FUNCTION, NAMES, Each, measures_of
from autoscaler.simulator.sweeps.grid import Cell
from autoscaler.simulator.sweeps.paths import PathError
from autoscaler.simulator.sweeps.study import FINER
from autoscaler.simulator.sweeps.variants import Variants

ReadTraces = Callable[[Scenario], Traces]
"""Gives the recorded workloads of a scenario, read.

Raises:
    ScenarioError: they cannot be.
"""

ReadCounts = Callable[[MinuteScenario], MinuteCounts]
"""Likewise, the counts of a scenario on counts."""


@dataclass(frozen=True, slots=True)
class Row:
    """Measures of a run.

    Attributes:
        each: whether they are of everything together, of a tenant, or of a function.
        name: of the tenant or function; empty: of everything together, or of functions without a tenant.
        values: in the order of `slo.NAMES`; None: nothing to measure.
    """

    each: Each
    name: str
    values: tuple[float | None, ...]

    @property
    def measures(self) -> dict[str, float | None]:
        """The values by name."""
        return dict(zip(NAMES, self.values, strict=True))


@dataclass(frozen=True, slots=True)
class CellResult:
    """What became of a cell.

    Attributes:
        rows: everything together first; none where it failed.
        error: why it could not be run; None: it ran.
    """

    cell: Cell
    rows: tuple[Row, ...]
    error: str | None = None

    def measured(self, each: Each) -> dict[str, dict[str, float | None]]:
        """Give the measures by name, as `slo.measures_of` does."""
        return {row.name: row.measures for row in self.rows if row.each == each}


_BREAKS = (ScenarioError, PathError, of_decisions.InvariantError, of_requests.InvariantError)


def run_cell(
    variants: Variants, cell: Cell, read_traces: ReadTraces, finest: Each, progress: Progress | None = None
) -> CellResult:
    """Run a cell. What is wrong with its scenario, its documents or its traces, or breaks in it, is in the result.

    Args:
        finest: rows that are kept: all of everything together, and with `tenant` and `function` those too.
    """
    try:
        scenario, files = variants.made(cell.configuration)
        result = simulate(scenario, files, traces=read_traces(scenario), seed=cell.seed, progress=progress)
    except _BREAKS as error:
        return CellResult(cell, (), str(error))
    return CellResult(cell, rows_of(result, finest))


def run_cell_on_counts(variants: Variants, cell: Cell, read_counts: ReadCounts, finest: Each) -> CellResult:
    """Run a cell of counts per minute; likewise."""
    try:
        scenario = variants.made_on_counts(cell.configuration)
        (result,) = scenario.run(read_counts(scenario))
    except _BREAKS as error:
        return CellResult(cell, (), str(error))
    return CellResult(cell, rows_on_counts(result, finest))


def rows_on_counts(result: MinuteResult, finest: Each) -> tuple[Row, ...]:
    """Give the rows that are kept of a run on counts: cold starts and containers; nobody waits there."""
    by_function = {name: result.cold_fraction_quantile(fraction) for name, fraction in BY_FUNCTION.items()}
    most = {"replicas_max": float(result.allocated_by_step.max())}
    rows = [_on_counts(result, "all", "", result.total, by_function | most)]
    if finest != "all":
        rows += [_on_counts(result, "tenant", one.tenant or "", one, {}) for one in result.by_tenant()]
    if finest == "function":
        rows += [_on_counts(result, "function", one.function or "", one, {}) for one in result.by_function()]
    return tuple(rows)


def _on_counts(result: MinuteResult, each: Each, name: str, row: MinuteRow, more: Mapping[str, float | None]) -> Row:
    step_s = result.counts.step_s
    whole = row.used_steps if row.requests is None else row.requests
    values: dict[str, float | None] = {
        "cold": min(row.cold / whole, 1.0) if whole else None,
        "replicas": row.allocated_steps / result.counts.steps,
        "replica_seconds": row.allocated_steps * step_s,
        "idle_replica_seconds": (row.allocated_steps - row.used_steps) * step_s,
        "gb_seconds": row.allocated_gb_s,
        "idle_gb_seconds": row.idle_gb_s,
        **more,
    }
    return Row(each, name, tuple(values.get(measure) for measure in NAMES))


def rows_of(result: Result, finest: Each) -> tuple[Row, ...]:
    """Give the rows that are kept of a run."""
    kept = FINER[: FINER.index(finest) + 1]
    return tuple(
        Row(each, name, tuple(values[measure] for measure in NAMES))
        for each in kept
        for name, values in measures_of(result, each).items()
    )
