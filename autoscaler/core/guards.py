"""Stage 2, guards: what demand may not do. They act on demand alone, before any floor or limit."""

import numpy as np
from numpy.typing import NDArray

from autoscaler.core.columns import Floats, Ints
from autoscaler.core.fleet import Rules
from autoscaler.core.reasons import Reason
from autoscaler.core.rounding import NOISE, whole_up
from autoscaler.core.seen import Seen
from autoscaler.core.staged import Bound, Staged


def tolerated(ratio: Floats, requested: Floats, waiting: Floats, rows: Ints, rules: Rules) -> Ints:
    """Give the rows whose load is so near the target that nothing shall change.

    At 5 replicas with target 10 and a tolerance of 0.1, loads of 45 to 55 change nothing. A function at zero,
    and one with held requests, has no dead band.

    Args:
        ratio: `(functions,) float64`, load in units of the target.
        requested: `(functions,) float64`.
        waiting: `(functions,) float64`, requests held.
        rows: rows that have a dead band at all.
        rules: tolerances.
    """
    rows = rows[(requested[rows] > 0) & (waiting[rows] <= 0)]
    deviation = ratio[rows] / requested[rows] - 1.0
    inside = (deviation <= rules.tolerance_up[rows] + NOISE) & (deviation >= -rules.tolerance_down[rows] - NOISE)
    result: Ints = rows[inside]
    return result


def guards(
    replicas: Floats,
    requested: Floats,
    seen: NDArray[np.uint8],
    *,
    near: Ints,
    peak: Floats,
    in_flight: Floats,
    concurrency_limit: Floats | None,
) -> Staged:
    """Apply dead band, hold on what is not known, stabilization, and requests in flight, in this order.

    Args:
        replicas: `(functions,) float64`, demand.
        requested: `(functions,) float64`.
        seen: `(functions,) uint8`, `Seen`.
        near: rows within their dead band.
        peak: `(functions,) float64`, largest recommendation within the stabilization window; it forbids a cut
            below itself and never raises above what is requested.
        in_flight: `(functions,) float64`, requests in flight now; nan: unknown.
        concurrency_limit: `(functions,) float64`, requests in flight that one replica takes; inf: no limit. None: of
            no function.
    """
    result = replicas.copy()
    near = near[result[near] != requested[near]]
    result[near] = requested[near]
    bound = [Bound(near, Reason.TOLERANCE), *_hold(result, seen, requested)]
    floor = np.minimum(requested, peak)
    stabilized = np.flatnonzero(floor > result)
    result[stabilized] = floor[stabilized]
    bound.append(Bound(stabilized, Reason.STABILIZATION))
    if concurrency_limit is not None:
        bound.append(_in_flight(result, in_flight, concurrency_limit))
    return Staged(result, tuple(bound))


def _hold(result: Floats, seen: NDArray[np.uint8], requested: Floats) -> list[Bound]:
    unsure = np.flatnonzero(seen <= Seen.LOWER_BOUND)
    held = unsure[result[unsure] < requested[unsure]]
    result[held] = requested[held]
    is_unknown = seen[held] == Seen.UNKNOWN
    return [Bound(held[is_unknown], Reason.UNKNOWN_LOAD), Bound(held[~is_unknown], Reason.LOWER_BOUND)]


def _in_flight(result: Floats, in_flight: Floats, concurrency_limit: Floats) -> Bound:
    needed = whole_up(in_flight / concurrency_limit)  # 0 where a replica has no limit
    short = np.flatnonzero(needed > result)  # nan compares false: unknown needs nothing
    result[short] = needed[short]
    return Bound(short, Reason.IN_FLIGHT)
