"""Counts of containers from what a trace recorded."""

import numpy as np

from autoscaler.core.columns import Floats
from autoscaler.simulator.minutes.counts import Containers, MinuteCounts
from autoscaler.simulator.spec import DEFAULT_MEMORY_GB
from autoscaler.simulator.trace_sets.trace_set import Counts, Events, TraceSet

MINUTE_S = 60.0

JUST_OVER = 1e-9
"""Fraction of a number of containers that rounding may have added."""

ROWS = 1_024
"""Functions converted together: their seconds are float64, twice the size of their containers."""

UNKNOWN_SERVICE_S = 1.0
"""Where nothing is known of how long a request takes: the mean of Azure's functions is near it."""


def counts_of(
    trace_set: TraceSet,
    default_service_s: float = UNKNOWN_SERVICE_S,
    *,
    memory_gb: float | None = None,
    concurrency_limit: int | None = None,
) -> MinuteCounts:
    """Give the containers that a trace needs in each step: requests × seconds / step / limit, rounded up.

    So a minute of 90 requests of 2 s needs 3 containers that serve one at once: they are taken to come evenly. A step of
    which nothing is known needs none. Single requests are put into minutes; one that lasts over several is in each of
    them in part.

    Args:
        default_service_s: how long a request takes of which the trace does not say it.
        memory_gb: of a container of every function; None: what the trace says, else the default of scenarios.
        concurrency_limit: requests that a container serves at once, likewise, else 1; of counts of containers it is
            no matter.

    Raises:
        ValueError: the trace has no load.
    """
    load = trace_set.load
    if load is None:
        raise ValueError(f"{trace_set.source} has no load: functions with counts or requests are needed")
    service_s = np.array([one.service_s or default_service_s for one in trace_set])
    step_s = load.step_s if isinstance(load, Counts) else MINUTE_S
    limits = np.array([concurrency_limit or one.concurrency_limit or 1 for one in trace_set], dtype=np.float64)
    if isinstance(load, Events):
        matrix = _in_minutes(load, service_s, limits, trace_set.length_s)
    else:
        each = np.ones(len(service_s)) if load.of == "containers" else service_s / step_s / limits
        matrix = _in_steps(load, each)
    sizes_gb = [memory_gb or one.memory_gb or DEFAULT_MEMORY_GB for one in trace_set]
    are_requests = isinstance(load, Events) or load.of == "requests"
    return MinuteCounts(
        names=tuple(str(one.key) for one in trace_set),
        tenants=tuple(one.tenant for one in trace_set),
        containers=matrix,
        memory_gb=np.array(sizes_gb, dtype=np.float64),
        requests=trace_set.totals() if are_requests else None,
        step_s=step_s,
    )


def _in_steps(load: Counts, each: Floats) -> Containers:
    """Give `(functions, steps) int32`: what was counted, times what each of it takes, rounded up."""
    matrix = np.zeros(load.matrix.shape, dtype=np.int32)
    for start in range(0, len(matrix), ROWS):
        rows = slice(start, start + ROWS)
        known: Floats = np.nan_to_num(np.asarray(load.matrix[rows], dtype=np.float64))
        matrix[rows] = _whole(known * each[rows, None])
    return matrix


def _in_minutes(load: Events, service_s: Floats, limits: Floats, length_s: float) -> Containers:
    """Give `(functions, minutes) int32`: the mean number in service in each minute, rounded up; 1 where one begins."""
    minutes = max(int(np.ceil(length_s / MINUTE_S)), 1)
    edges_s = np.arange(minutes + 1, dtype=np.float64) * MINUTE_S
    matrix = np.zeros((len(service_s), minutes), dtype=np.int32)
    for place, (usual_s, limit) in enumerate(zip(service_s, limits, strict=True)):
        times_s = np.asarray(load.times_of(place))
        durations_s = load.durations_of(place)
        ends_s = np.sort(times_s + (usual_s if durations_s is None else durations_s))
        served_s = np.diff(_passed_s(times_s, edges_s) - _passed_s(ends_s, edges_s))
        begun = np.searchsorted(times_s, edges_s)
        is_served = begun[1:] > np.searchsorted(ends_s, edges_s[:-1], side="right")  # else all that is left is rounding
        matrix[place] = np.maximum(_whole(served_s / MINUTE_S / limit) * is_served, np.diff(begun) > 0)
    return matrix


def _passed_s(times_s: Floats, edges_s: Floats) -> Floats:
    """Give, for each edge, the sum of the seconds that have passed since each of the times before it.

    Args:
        times_s: ascending.
    """
    number = np.searchsorted(times_s, edges_s)
    sums_s = np.concatenate([[0.0], np.cumsum(times_s)])
    result: Floats = number * edges_s - sums_s[number]
    return result


def _whole(containers: Floats) -> Containers:
    """Round up to whole containers."""
    result: Containers = np.ceil(containers * (1 - JUST_OVER)).astype(np.int32)
    return result
