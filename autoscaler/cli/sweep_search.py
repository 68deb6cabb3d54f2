"""A sweep's search: the cheapest configuration that keeps the objective, and Erlang's number beside it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import overload

from autoscaler.cli.sweep_run import Sweep
from autoscaler.simulator.laws import Exponential
from autoscaler.simulator.scenario import FunctionGroup, Scenario
from autoscaler.simulator.slo import Slo
from autoscaler.simulator.sweeps.cell import CellResult
from autoscaler.simulator.sweeps.erlang import servers_needed
from autoscaler.simulator.sweeps.grid import Cell, Configuration, Grid
from autoscaler.simulator.sweeps.search import Found, Outcome, halving, judged, smallest
from autoscaler.simulator.sweeps.study import Study
from autoscaler.simulator.workload import Constant


@dataclass(frozen=True, slots=True)
class Searched:
    """One search.

    Attributes:
        minimize: the measure.
        over: path of the parameter that was bisected; None: all configurations of the trace were halved.
        trace: name of the trace variant.
        found: what it came to.
        erlang: replicas that Erlang's formula asks for; None: it does not apply.
    """

    minimize: str
    over: str | None
    trace: str
    found: Found[Configuration]
    erlang: int | None


class Over(Sequence[Configuration]):
    """A configuration with each value of one parameter."""

    def __init__(self, base: Configuration, path: str, values: Sequence[float | int]) -> None:
        self._base, self._path, self._values = base, path, values

    def __len__(self) -> int:
        return len(self._values)

    @overload
    def __getitem__(self, place: int) -> Configuration: ...
    @overload
    def __getitem__(self, place: slice) -> Sequence[Configuration]: ...
    def __getitem__(self, place: int | slice) -> Configuration | Sequence[Configuration]:
        if isinstance(place, slice):
            return [self[one] for one in range(*place.indices(len(self)))]
        return self._base.setting(self._path, self._values[place])


def search(
    study: Study, sweep: Sweep, grid: Grid, scenarios: Mapping[str, Scenario], fresh: Sequence[int]
) -> list[Searched]:
    """Search, trace by trace; with a parameter to bisect also configuration by configuration.

    Args:
        fresh: seeds under which what was chosen is judged; none: nothing is random.
        scenarios: of each trace, for Erlang's number; none: it has no meaning.
    """
    settings, slo = study.search, study.objective
    if settings is None or slo is None:
        return []
    trier = _Trier(sweep, slo, settings.minimize)
    one_sided = study.confidence
    found: list[Searched] = []
    for trace in grid.traces:
        mine = [one for one in grid if one.trace == trace]
        erlang = erlang_replicas(scenarios[trace], slo) if trace in scenarios else None
        if settings.over is not None and settings.range is not None:
            for base in mine:
                choices = Over(base, settings.over, settings.range)
                result = judged(smallest(choices, study.seed_list, trier.evaluate, one_sided), fresh, trier.evaluate)
                found.append(Searched(settings.minimize, settings.over, trace, result, erlang))
        else:
            result = judged(halving(mine, study.seed_list, trier.evaluate, one_sided), fresh, trier.evaluate)
            found.append(Searched(settings.minimize, None, trace, result, erlang))
    return found


@dataclass(frozen=True, slots=True)
class _Trier:
    sweep: Sweep
    slo: Slo
    minimize: str

    def evaluate(self, choices: Sequence[Configuration], seeds: Sequence[int]) -> list[list[Outcome]]:
        """Run choices under seeds, all side by side."""
        cells = [Cell(choice, seed) for choice in choices for seed in seeds]
        outcomes = [self._outcome(result) for result in self.sweep.results(cells)]
        return [outcomes[at : at + len(seeds)] for at in range(0, len(outcomes), len(seeds))]

    def _outcome(self, result: CellResult) -> Outcome:
        if result.error is not None:
            return Outcome(None, None, None)
        verdict = self.slo.judge(result.measured(self.slo.each))
        return Outcome(verdict.held, verdict.excess, result.measured("all")[""][self.minimize])


def erlang_replicas(scenario: Scenario, slo: Slo) -> int | None:
    """Give the replicas that keep the objective when they are always ready, by Erlang's formula; None: it does not apply.

    It does for Poisson arrivals at a constant rate and exponential service times, with one queue in which all wait; an
    objective of all together has one function then. Instances of a request each are no such queue, and what a trace has is no such law.
    """
    if scenario.mode != "windowed" or scenario.trace_uses:
        return None
    functions = sum(group.count for group in scenario.functions)
    if slo.each == "tenant" or (slo.each == "all" and functions > 1):
        return None
    total = 0
    for group in scenario.functions:
        needed = _needed(group, slo)
        if needed is None:
            return None
        total += needed * group.count
    return total


def _needed(group: FunctionGroup, slo: Slo) -> int | None:
    workload, spec = group.workload, next(group.specs())
    is_queue = spec.hold_s is None and spec.routing == "pooled" and spec.gateway_queue is None
    is_memoryless = spec.service == "exponential" or isinstance(spec.service, Exponential)
    if not isinstance(workload, Constant) or workload.arrivals != "poisson" or not is_queue or not is_memoryless:
        return None
    servers = servers_needed(workload.rate, spec.service_s, slo.conditions)
    return None if servers is None else -(-servers // spec.concurrency_limit)
