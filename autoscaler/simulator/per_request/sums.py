"""What happened up to a moment, in sums, exact at that moment."""

from dataclasses import dataclass

import numpy as np

from autoscaler.core.columns import Bools, Floats, Ints
from autoscaler.simulator.per_request.state import NOBODY, State


@dataclass(frozen=True, slots=True, eq=False)
class Sums:
    """Columns of counts and seconds, `(functions,)`.

    Attributes:
        requests: that arrived.
        cold: for which an instance was started.
        rejected: refused at once: no instance could start, and no place to wait was free.
        late: refused after they had waited as long as they would.
        served: that ended.
        queued: that wait now.
        misses: that waited longer than they should, those that still wait included.
        live: instances now.
        peak: most instances at once.
        ended: instances that went.
        busy_s: instance-seconds of serving.
        idle_s: instance-seconds of waiting for a request.
        starting_s: instance-seconds of starting.
        allocated_s: instance-seconds in all, counted by how many there were, and how long.
        zero_s: seconds without an instance.
        lifespan_s: summed life of the instances that went.
        in_flight_s: request-seconds, counted by how many were there.
        sojourn_s: request-seconds, counted by request.
        queued_s: request-seconds of waiting: for a start-up, and in the queue; counted by how many did.
        still_s: of these, those of the requests that still wait, counted by request.
    """

    requests: Ints
    cold: Ints
    rejected: Ints
    late: Ints
    served: Ints
    queued: Ints
    misses: Ints
    live: Ints
    peak: Ints
    ended: Ints
    busy_s: Floats
    idle_s: Floats
    starting_s: Floats
    allocated_s: Floats
    zero_s: Floats
    lifespan_s: Floats
    in_flight_s: Floats
    sojourn_s: Floats
    queued_s: Floats
    still_s: Floats


def sums_at(state: State, now_s: float) -> Sums:
    """Give the sums at the time up to which everything has happened."""
    functions = state.functions
    passed_s = now_s - functions["changed_s"]
    starting_s, busy_s = _ahead(state, now_s)
    who, still_s = still_waiting(state, now_s)
    own_s = _by_function(state, who, still_s)
    columns = {name: functions[name].copy() for name in ("requests", "cold", "rejected", "late", "served", "queued")}
    return Sums(
        **columns,
        misses=functions["misses"] + _by_function(state, who, still_s > functions["slo_s"][who]).astype(np.int64),
        live=functions["live"].copy(),
        peak=functions["peak"].copy(),
        ended=functions["ended"].copy(),
        busy_s=functions["busy_s"] - busy_s,
        idle_s=functions["idle_s"] + _idle_until(state, now_s),
        starting_s=functions["starting_s"] - starting_s,
        allocated_s=functions["allocated_s"] + passed_s * functions["live"],
        zero_s=functions["zero_s"] + passed_s * (functions["live"] == 0),
        lifespan_s=functions["lifespan_s"].copy(),
        in_flight_s=functions["in_flight_s"].copy(),
        sojourn_s=functions["sojourn_s"] - starting_s - busy_s + own_s,
        queued_s=functions["queued_s"] + functions["starting_s"],
        still_s=own_s,
    )


def seconds_at(state: State, function: int, now_s: float) -> Floats:
    """Give how long a function had 0, 1, 2, … instances, `(peak + 1,) float64`, seconds."""
    one = state.functions[function]
    base, peak = int(one["base"]), int(one["peak"])
    result: Floats = np.concatenate([[one["zero_s"]], state.seconds_at[base : base + peak]])
    result[one["live"]] += now_s - one["changed_s"]
    return result


def still_waiting(state: State, now_s: float) -> tuple[Ints, Floats]:
    """Give those who wait in a queue now: whose they are, and what they have waited so far, seconds."""
    who: list[int] = []
    waited_s: list[float] = []
    for function in np.flatnonzero(state.functions["queued"]).tolist():
        place = int(state.functions[function]["first"])
        for _ in range(int(state.functions[function]["queued"])):
            who.append(function)
            waited_s.append(now_s - float(state.queue[place]["came_s"]))
            place = int(state.queue[place]["after"])
    return np.array(who, np.int64), np.array(waited_s)


def _ahead(state: State, now_s: float) -> tuple[Floats, Floats]:
    """Give the seconds of starting and of serving, by function, that were counted and lie after now."""
    serving = state.serving[1 : int(state.now[0]["serving"]) + 1]
    instances = state.instances[serving["slot"]]
    ready_s = np.maximum(instances["ready_s"], now_s)
    owner = instances["owner"].astype(np.int64)
    return _by_function(state, owner, ready_s - now_s), _by_function(state, owner, serving["end_s"] - ready_s)


def _idle_until(state: State, now_s: float) -> Floats:
    is_idle: Bools = (state.instances["owner"] != NOBODY) & np.isfinite(state.instances["idle_s"])
    idle = state.instances[is_idle]
    return _by_function(state, idle["owner"].astype(np.int64), now_s - idle["idle_s"])


def _by_function(state: State, who: Ints, column: Floats | Bools) -> Floats:
    return np.bincount(who, weights=column, minlength=len(state.functions)).astype(np.float64, copy=False)
