"""Small trace sets of known laws."""

import numpy as np

from autoscaler.core.columns import Floats
from autoscaler.simulator.trace_sets.tenancy import placed, unplaced
from autoscaler.simulator.trace_sets.trace_set import Counts, Events, Identity, TraceSet, joined, just_after


def generator(seed: int = 1) -> np.random.Generator:
    return np.random.Generator(np.random.SFC64(seed))


def of_requests(*times_s: Floats, length_s: float | None = None, durations_s: Floats | None = None) -> TraceSet:
    """Make a set of single requests, a function for each column of times."""
    functions = placed([unplaced(Identity("acme", None, f"f-{place}")) for place in range(len(times_s))], "byOwner")
    offsets = np.concatenate([[0], np.cumsum([len(one) for one in times_s])]).astype(np.int64)
    load = Events(offsets, joined(list(times_s)), durations_s)
    return TraceSet(functions, load, length_s or just_after(float(load.times_s.max())), "made")


def of_counts(matrix: object, step_s: float = 60.0) -> TraceSet:
    """Make a set of counts, a function for each row."""
    cells = np.array(matrix)
    functions = placed([unplaced(Identity("acme", None, f"f-{place}")) for place in range(len(cells))], "byOwner")
    load = Counts(step_s, cells.astype(np.int32 if cells.dtype.kind == "i" else np.float64))
    return TraceSet(functions, load, load.length_s, "made")


def poisson(rate: float, length_s: float, seed: int = 1) -> Floats:
    """Draw arrivals of a constant rate."""
    drawn = generator(seed)
    return np.sort(drawn.uniform(0.0, length_s, drawn.poisson(rate * length_s)))


def bursts(low: float, high: float, stays_s: tuple[float, float], length_s: float, seed: int = 1) -> Floats:
    """Draw arrivals of a rate of two states."""
    drawn, at_s, is_high = generator(seed), 0.0, False
    parts: list[Floats] = []
    while at_s < length_s:
        stay_s = drawn.exponential(stays_s[is_high])
        rate = high if is_high else low
        parts.append(np.sort(drawn.uniform(at_s, at_s + stay_s, drawn.poisson(rate * stay_s))))
        at_s, is_high = at_s + stay_s, not is_high
    times_s = joined(parts)
    return times_s[times_s < length_s]
