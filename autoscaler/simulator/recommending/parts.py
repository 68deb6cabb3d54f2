"""A trace in two parts: one to learn from, and a later one to try on what was learned."""

from dataclasses import dataclass, replace

from autoscaler.simulator.recommending.trying import needed, warm
from autoscaler.simulator.recorded import Recorded, RecordedFunction
from autoscaler.simulator.scenario import Scenario
from autoscaler.simulator.trace_sets.trace_set import SHORTEST_S, TraceFunction, TraceSet
from autoscaler.simulator.trace_sets.using import TraceUse, recorded_functions

Part = tuple[Scenario, Recorded]


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


def parts_of(trace: TraceSet, learn: float, platform: Platform) -> tuple[Part, Part]:
    """Cut a trace.

    Args:
        learn: share of it that is the first part.

    Raises:
        ValueError: it is too short to be cut.
    """
    cut_s = trace.length_s * learn
    if min(cut_s, trace.length_s - cut_s) < SHORTEST_S:
        raise ValueError(f"two parts of a microsecond or more; it lasts {trace.length_s:g} s")
    first, begun = _part(trace.between(0.0, cut_s), platform)
    later, after = _part(trace.between(cut_s, trace.length_s), platform)
    replicas = needed(begun, first.duration)
    return (first, Recorded(functions=warm(begun, replicas))), (later, Recorded(functions=warm(after, replicas)))


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
    use = TraceUse.model_validate(
        {"file": trace.source, "service": _written(platform.service_s), "placement": "exponential"}
    )
    limited = replace(trace, functions=tuple(replace(one, concurrency_limit=platform.limit(one)) for one in trace))
    return scenario, recorded_functions(limited, use)


def _written(seconds: float) -> str:
    """Write seconds as a document has them, to the nanosecond and never as a power of ten."""
    return f"{seconds:.9f}s"
