"""Stage 2, guards: what demand may not do. They act on demand alone, before any floor or limit."""

import numpy as np

from autoscaler.core.columns import Bools, Codes, Floats, Ints, true_at
from autoscaler.core.obstacles import Obstacle
from autoscaler.core.reasons import Reason
from autoscaler.core.rounding import whole_up
from autoscaler.core.seen import Seen
from autoscaler.core.staged import NO_REPLICAS, NOBODY, Change, chosen


def tolerated(load: Floats, requested: Floats, at: Ints, least: Floats, most: Floats) -> Ints:
    """Give the positions whose load is so near the target that nothing shall change.

    At 5 replicas with target 10 and a tolerance of 0.1, loads of 45 to 55 change nothing. A function at zero has no
    dead band.

    Args:
        load: `(at,) float64`, load in units of the target times what is requested.
        requested: `(at,) float64`.
        at: positions that have a dead band at all.
        least: `(at,) float64`, where the band begins: 1 less the tolerance of cuts.
        most: `(at,) float64`, where it ends.

    Source: Kubernetes pkg/controller/podautoscaler/replica_calculator.go; ends included, no epsilon.
    """
    inside = (load <= most) & (load >= least)
    inside &= requested > 0
    near: Ints = at.compress(inside)
    return near


def within_band(replicas: Floats, near: Ints, requested: Floats, is_rising: Bools) -> Floats:
    """Give `(near,) float64`, what the dead band makes of replicas: what is requested, or where they rise, the larger.

    The dead band looks at the stable window. Its word is not the last in panic, whose short average sees a rise that
    the stable one does not, nor where requests are held.

    Args:
        replicas: `(size,) float64`.
        near: positions within their dead band.
        requested: `(size,) float64`.
        is_rising: `(size,) bool`, in panic, or requests are held for it.
    """
    level: Floats = requested[near]
    at = true_at(is_rising[near])
    level[at] = np.maximum(level[at], replicas[near[at]])
    return level


def hold_near(replicas: Floats, near: Ints, requested: Floats, is_rising: Bools) -> Change:
    """Keep what is requested within the dead band."""
    level = within_band(replicas, near, requested, is_rising)
    return chosen(near, replicas[near] != level, level, Reason.TOLERANCE)


def hold_unsure(
    replicas: Floats, unsure: Ints, seen: Codes, requested: Floats, doubtful: Ints = NOBODY
) -> tuple[Change, ...]:
    """Lower nothing of what is unknown, or known as a lower bound alone.

    Args:
        replicas: `(size,) float64`.
        unsure: positions whose load is unknown or a lower bound.
        seen: `(size,) uint8`, `Seen`.
        requested: `(size,) float64`.
        doubtful: positions that other rules may be meant for; their loads count as lower bounds.
    """
    if not unsure.size and not doubtful.size:
        return ()
    runs = requested.take(unsure)
    is_held, is_unknown = replicas.take(unsure) < runs, seen.take(unsure) == Seen.UNKNOWN.value
    return (
        chosen(unsure, is_held & is_unknown, runs, Reason.UNKNOWN_LOAD),
        chosen(unsure, is_held & ~is_unknown, runs, Reason.LOWER_BOUND),
        chosen(doubtful, replicas[doubtful] < requested[doubtful], requested[doubtful], Reason.POLICY_UNKNOWN),
    )


def stabilize(replicas: Floats, at: Ints, requested: Floats, peak: Floats) -> Change:
    """Cut no deeper than the largest recommendation of the look-back; it raises nothing above what is requested.

    Args:
        replicas: `(size,) float64`.
        at: positions that look back.
        requested: `(at,) float64`.
        peak: `(at,) float64`, largest recommendation.
    """
    floor = np.minimum(requested, peak)
    return chosen(at, floor > replicas.take(at), floor, Reason.STABILIZATION)


def stabilize_up(replicas: Floats, at: Ints, requested: Floats, trough: Floats) -> Change:
    """Raise no higher than the smallest recommendation of the look-back; it cuts nothing below what is requested."""
    ceiling = np.maximum(requested, trough)
    return chosen(at, ceiling < replicas.take(at), ceiling, Reason.STABILIZATION_UP)


def limit_up(replicas: Floats, at: Ints, standing: Floats, ceiling: Floats) -> Change:
    """Keep growth within its scaling policies.

    Args:
        replicas: `(size,) float64`.
        at: positions that have such policies.
        standing: `(at,) float64`, what runs as far as we are concerned.
        ceiling: `(at,) float64`, the most that the policies allow; at least what stands.
    """
    asked = replicas.take(at)
    return chosen(at, (asked > standing) & (asked > ceiling), ceiling, Reason.SCALE_UP_POLICY)


def limit_down(replicas: Floats, at: Ints, standing: Floats, floor: Floats) -> Change:
    """Keep shrinkage within its scaling policies; likewise."""
    asked = replicas.take(at)
    return chosen(at, (asked < standing) & (asked < floor), floor, Reason.SCALE_DOWN_POLICY)


def delay(replicas: Floats, at: Ints, peak: Floats) -> Change:
    """Ask for the most that was asked for within the scale-down delay.

    Source: Knative pkg/autoscaler/scaling/autoscaler.go, `delayWindow`: last of its rules, after panic and rates.
    """
    return chosen(at, peak > replicas[at], peak, Reason.DELAY)


def serve_in_flight(replicas: Floats, in_flight: Floats, concurrency_limit: Floats) -> Change:
    """Keep as many replicas as requests in flight need to finish."""
    at = true_at(in_flight > replicas)  # a limit is 1 at least; nan compares false: unknown needs nothing
    if not at.size:
        return Change(NOBODY, NO_REPLICAS, Reason.IN_FLIGHT)
    at = at[np.isfinite(in_flight[at])]
    needed = whole_up(in_flight[at] / concurrency_limit[at])  # 0 where a replica has no limit
    return chosen(at, needed > replicas[at], needed, Reason.IN_FLIGHT)


def hold_missing(replicas: Floats, at: Ints, obstacle: Codes, most: Floats) -> tuple[Change, ...]:
    """Ask for no more because replicas are missing that cannot start.

    Args:
        replicas: `(size,) float64`.
        at: positions whose replicas are missing for a reason that counts.
        obstacle: `(at,) uint8`, `Obstacle`.
        most: `(at,) float64`, what may be asked for: what is or was asked for already, and what requests/s want,
            which do not pile up where nobody serves them.
    """
    is_bound = replicas[at] > most
    return tuple(chosen(at, is_bound & (obstacle == code.value), most, reason) for code, reason in _OBSTACLES.items())


def fall_back(replicas: Floats, at: Ints, requested: Floats, fallback: Floats, is_due: Bools) -> Change:
    """Raise what runs to the fallback where the load has been unknown for long; a function at 0 stays there.

    Args:
        replicas: `(size,) float64`.
        at: positions whose policy has a fallback that raises.
        requested: `(size,) float64`.
        fallback: `(at,) float64`, replicas.
        is_due: `(at,) bool`, the load has been unknown for as many ticks as the policy waits.
    """
    is_bound = is_due & (requested[at] > 0) & (fallback > replicas[at])
    return chosen(at, is_bound, fallback, Reason.FALLBACK)


_OBSTACLES = {
    Obstacle.ROLLOUT: Reason.ROLLOUT,
    Obstacle.NOT_READY: Reason.NOT_READY,
    Obstacle.NOT_SCHEDULABLE: Reason.NOT_SCHEDULABLE,
    Obstacle.QUOTA_EXCEEDED: Reason.QUOTA_EXCEEDED,
}
