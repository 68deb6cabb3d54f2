"""A trace in two parts: one to learn from, and a later one to try on what was learned."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np

from autoscaler.core.fleet import FunctionKey
from autoscaler.simulator.recommending.clumped_requests import ClumpedRequests
from autoscaler.simulator.recommending.clumps import Clumps, clumps_of
from autoscaler.simulator.recommending.trying import needed, warm
from autoscaler.simulator.recorded import Recorded, RecordedFunction
from autoscaler.simulator.scenario import Scenario
from autoscaler.simulator.trace_sets.trace_set import SHORTEST_S, Counts, TraceFunction, TraceSet
from autoscaler.simulator.trace_sets.using import TraceUse, recorded_functions

Part = tuple[Scenario, Recorded]

MOST_STRETCHES = 4
"""Pieces that the first part is cut into at most."""

FEWEST_TICKS = 30
"""Ticks that a piece has at least."""


@dataclass(frozen=True, slots=True)
class Platform:
    """What is taken of functions and the platform where the trace does not know it.

    Attributes:
        service_s: mean service time.
        start_up_s: until a replica is ready.
        concurrency_limit: requests that a replica serves at once.
        tick_s: interval of decisions.
    """

    service_s: float
    start_up_s: float
    concurrency_limit: int
    tick_s: float

    def limit(self, function: TraceFunction) -> int:
        """Give the requests that a replica of a function serves at once."""
        return function.concurrency_limit or self.concurrency_limit


@dataclass(frozen=True, slots=True)
class Parts:
    """A trace cut in two.

    Attributes:
        learned: what is learned from.
        later: what that is tried on.
        stretches: the first part again, cut into pieces as long as the later one: a promise is to hold in each of them, as
            it is to hold there. One piece where it is no longer than that.
        clumps: of counts, how requests are spread within their steps in the first part; of single requests, empty.
    """

    learned: Part
    later: Part
    stretches: Sequence[Part]
    clumps: Mapping[FunctionKey, Clumps]


def parts_of(trace: TraceSet, learn: float, platform: Platform) -> Parts:
    """Cut a trace.

    Args:
        learn: share of it that is the first part.

    Raises:
        ValueError: it is too short to be cut.
    """
    cut_s = trace.length_s * learn
    if min(cut_s, trace.length_s - cut_s) < SHORTEST_S:
        raise ValueError(f"two parts of a microsecond or more; it lasts {trace.length_s:g} s")
    sets = (trace.between(0.0, cut_s), trace.between(cut_s, trace.length_s))
    (first, begun), (later, after) = (_part(one, platform) for one in sets)
    clumps, of_later = (_clumps(one, functions) for one, functions in zip(sets, (begun, after), strict=True))
    replicas = needed(begun, first.duration)

    def ready(one: TraceSet, functions: tuple[RecordedFunction, ...], within: Sequence[Clumps]) -> Recorded:
        return Recorded(functions=warm(_clumped(one, functions, within), replicas))

    stretches = []
    for one in _stretches(*sets, platform.tick_s):
        scenario, functions = _part(one, platform)
        stretches.append((scenario, ready(one, functions, clumps)))
    return Parts(
        (first, ready(sets[0], begun, clumps)),
        (later, ready(sets[1], after, [_told(own, earlier) for own, earlier in zip(of_later, clumps, strict=True)])),
        stretches,
        dict(zip((one.key for one in trace), clumps, strict=False)),
    )


def _stretches(learned: TraceSet, later: TraceSet, tick_s: float) -> list[TraceSet]:
    """Cut the first part into pieces as long as the later one, about; not into more than a few, nor into short ones."""
    number = min(round(learned.length_s / later.length_s), MOST_STRETCHES)
    shortest_s = FEWEST_TICKS * tick_s
    if isinstance(learned.load, Counts):
        shortest_s = max(shortest_s, learned.load.step_s)
    number = max(1, min(number, int(learned.length_s / shortest_s)))
    edges_s = np.linspace(0.0, learned.length_s, number + 1).tolist()
    return [learned.between(*span_s) for span_s in pairwise(edges_s)]


def _part(trace: TraceSet, platform: Platform) -> tuple[Scenario, tuple[RecordedFunction, ...]]:
    scenario = Scenario.model_validate(
        {
            "kind": "Scenario",
            "duration": _written(trace.length_s),
            "tick": _written(platform.tick_s),
            "startUp": _written(platform.start_up_s),
        }
    )
    if trace.begins_utc_s is not None:
        scenario = scenario.model_copy(update={"utc": trace.begins_utc_s})
    use = TraceUse.model_validate({"file": trace.source, "service": _written(platform.service_s)})
    limited = replace(trace, functions=tuple(replace(one, concurrency_limit=platform.limit(one)) for one in trace))
    return scenario, recorded_functions(limited, use)


def _clumps(trace: TraceSet, functions: Sequence[RecordedFunction]) -> list[Clumps]:
    """Give how requests are spread within steps, by function; of single requests nothing is to be estimated."""
    load = trace.load
    if not isinstance(load, Counts):
        return []
    rows = [None] * len(functions) if load.in_flight is None else list(load.in_flight)
    return [
        clumps_of(counts.astype(np.float64), load.step_s, in_flight, one.spec.service_s)
        for counts, in_flight, one in zip(load.matrix, rows, functions, strict=True)
    ]


def _told(own: Clumps, earlier: Clumps) -> Clumps:
    """Give what a later part says of itself; what was learned, where it says nothing."""
    return earlier if own.basis == "unknown" else own


def _clumped(
    trace: TraceSet, functions: tuple[RecordedFunction, ...], clumps: Sequence[Clumps]
) -> tuple[RecordedFunction, ...]:
    """Give functions whose counted requests come in clumps; single requests come as they were."""
    load = trace.load
    if not isinstance(load, Counts):
        return functions
    rows = zip(functions, load.matrix, clumps, strict=True)
    return tuple(
        replace(one, workload=ClumpedRequests.of(counts.astype(np.float64), load.step_s, within.rho))
        for one, counts, within in rows
    )


def _written(seconds: float) -> str:
    """Write seconds as a document has them, to the nanosecond and never as a power of ten."""
    return f"{seconds:.9f}s"
