"""The functions of a trace as workloads of a simulation."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from autoscaler.core.columns import Floats
from autoscaler.simulator.recorded_arrivals import RecordedArrivals
from autoscaler.simulator.recorded_rates import RecordedRates
from autoscaler.simulator.trace_sets.trace_set import Cells, Counts, Events, TraceSet
from autoscaler.simulator.workload import MOST_RATE, Spacing, Workload

Placement = Literal["equidistant", "uniform", "exponential"]
"""Where within a step its requests arrive."""

_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_MIX = (np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB))


@dataclass(frozen=True, eq=False)
class CountedRequests(Workload):
    """As many requests in each step as were counted, each at a random moment of it.

    A request's moment is hashed from its number and a key, so it is the same however time is cut into windows.

    Attributes:
        step_s: length of a step.
        counts: `(steps,)` requests of each, a row of a trace's matrix; nan: not known.
        key: what the moments are hashed from.

    Raises:
        ValueError: a rate beyond those that are simulated.
    """

    step_s: float
    counts: Cells
    key: int = 0
    arrivals: Spacing = "even"

    def __post_init__(self) -> None:
        most = float(np.nanmax(self.counts, initial=0))
        if most / self.step_s > MOST_RATE:
            raise ValueError(f"{most:g} requests in {self.step_s:g} s; at most {MOST_RATE:g} a second")

    @property
    def _before(self) -> Floats:
        """Requests before each step, and in all; not kept, since that would be twice the trace for a few calls a day."""
        return np.concatenate([[0.0], np.cumsum(np.nan_to_num(self.counts))])

    def realised(self, generator: Callable[[], np.random.Generator]) -> "CountedRequests":
        return replace(self, key=int(generator().integers(2**63)))

    def knots(self, start_s: float, end_s: float) -> Floats:
        inside = np.arange(np.floor(start_s / self.step_s) + 1, np.ceil(end_s / self.step_s)) * self.step_s
        return np.concatenate([[start_s], inside[(inside > start_s) & (inside < end_s)], [end_s]])

    def cumulative(self, times_s: Floats) -> Floats:
        edges_s = np.arange(len(self.counts) + 1) * self.step_s
        result: Floats = np.interp(times_s, edges_s, self._before)
        return result

    def between(self, start_s: float, end_s: float, _generator: np.random.Generator) -> Floats:
        first = int(start_s / self.step_s)
        last = min(int(np.ceil(end_s / self.step_s)), len(self.counts))
        if last <= first:
            return np.empty(0)
        before = self._before
        numbers = np.arange(np.ceil(before[first]), np.ceil(before[last])).astype(np.uint64)
        step = np.searchsorted(before, numbers, side="right") - 1
        times_s = (step + _fractions(numbers, self.key)) * self.step_s
        return np.sort(times_s[(times_s >= start_s) & (times_s < end_s)])

    def gaps(self, end_s: float) -> Floats:
        edges_s: Floats = np.arange(len(self.counts) + 1, dtype=np.float64) * self.step_s
        return RecordedRates(edges_s, self.counts / self.step_s).gaps(end_s)


def _fractions(numbers: NDArray[np.uint64], key: int) -> Floats:
    """Hash numbers to fractions of [0, 1), as splitmix64 does."""
    mixed = (numbers + np.uint64(1)) * _GOLDEN + np.uint64(key)
    mixed = (mixed ^ (mixed >> np.uint64(30))) * _MIX[0]
    mixed = (mixed ^ (mixed >> np.uint64(27))) * _MIX[1]
    return ((mixed ^ (mixed >> np.uint64(31))) >> np.uint64(11)).astype(np.float64) * 2.0**-53


def workload_of(trace_set: TraceSet, place: int, placement: Placement = "uniform", *, repeat: bool = False) -> Workload:
    """Give what one function of a set receives.

    Args:
        placement: of counts, where within a step requests arrive: `equidistant`, as many as were counted; `uniform`,
            as many, each at a random moment; `exponential`, at random gaps, so that counts vary around those recorded.
        repeat: begin anew at the end; not for `uniform`.

    Raises:
        ValueError: the set has no requests, or more than are simulated.
    """
    load = trace_set.load
    match load:
        case Events():
            times_s, length_s = load.times_of(place), max(trace_set.length_s, 1e-9)
            return RecordedArrivals(times_s, length_s, load.durations_of(place), repeat=repeat)
        case Counts(of="requests"):
            if placement == "uniform":
                return CountedRequests(load.step_s, load.matrix[place])
            counts = load.matrix[place].astype(np.float64)
            spacing: Spacing = "even" if placement == "equidistant" else "poisson"
            edges_s: Floats = np.arange(load.steps + 1, dtype=np.float64) * load.step_s
            return RecordedRates(edges_s, counts / load.step_s, repeat, spacing)
        case Counts():
            raise ValueError("counts of requests; these are of containers, for `mode: minutes`")
        case None:
            raise ValueError("a recorded load; this trace holds configurations alone")


def placed_requests(trace_set: TraceSet, generator: np.random.Generator) -> TraceSet:
    """Give a set of single requests for one of counts, each at a random moment of its step.

    Raises:
        ValueError: it has no counts of requests, or counts that are no whole numbers.
    """
    load = trace_set.load
    if not isinstance(load, Counts) or load.of != "requests":
        raise ValueError("counts of requests")
    counts = np.nan_to_num(load.matrix)
    if not np.all(counts == np.rint(counts)):
        raise ValueError("whole numbers of requests")
    totals = counts.sum(axis=1).astype(np.int64)
    steps = np.repeat(np.tile(np.arange(load.steps), len(counts)), counts.reshape(-1).astype(np.int64))
    times_s = (steps + generator.random(len(steps))) * load.step_s
    of = np.repeat(np.arange(len(counts)), totals)
    order = np.lexsort((times_s, of))
    events = Events(np.concatenate([[0], np.cumsum(totals)]).astype(np.int64), times_s[order])
    return replace(trace_set, load=events).noting("Requests were placed at random moments of their steps.")
