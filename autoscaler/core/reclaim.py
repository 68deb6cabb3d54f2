"""Stage 6, reclaim: how what one tenant uses of a pool becomes another's."""

from typing import NamedTuple

import numpy as np

from autoscaler.core.columns import Bools, Floats
from autoscaler.core.pool import Claims
from autoscaler.core.water import shared_out


class Moving(NamedTuple):
    """What stands in the way of a new division at once.

    Attributes:
        held: `(tenants,) float64`, replicas above their guarantee that were granted so lately that they are kept.
        running: `(tenants,) float64`, replicas that run or still end.
        is_strict: `(pools,) bool`, nothing is raised before what makes room for it has gone.
    """

    held: Floats
    running: Floats
    is_strict: Bools


def moved(target: Floats, claims: Claims, moving: Moving) -> Floats:
    """Give what each tenant gets now, on its way to its share.

    What was borrowed lately stays a while. A raise within a guarantee never waits for that, so that a pool may be
    over by what was borrowed; a raise above one does, or two who want the same replicas would pass them to and fro.
    In a strict pool every raise waits until there is room for what really runs, those within guarantees first.

    Args:
        target: `(tenants,) float64`, shares, as if all could change at once.
        claims: what they come from.
        moving: what stands in the way.

    Returns:
        `(tenants,) float64`: no more than the share, but for what is held; no less than what runs of it.
    """
    lasting = np.minimum(np.minimum(claims.demand, claims.current), claims.guarantee + moving.held)
    base = np.minimum(np.maximum(target, lasting), np.maximum(claims.current, claims.masked))
    occupied = np.where(moving.is_strict[claims.pool], np.maximum(moving.running, base), base)
    most = np.maximum(claims.size, claims.by_pool(np.maximum(target, claims.kept)))
    return raised(base, np.maximum(target, base), claims, occupied, most, moving.is_strict)


def raised(base: Floats, goal: Floats, claims: Claims, occupied: Floats, most: Floats, is_strict: Bools) -> Floats:
    """Raise tenants as far as their pools have room.

    What is kept idle for a tenant is there for it. What is left of its guarantee too, but in a strict pool, where that
    goes evenly; and then by weight what is above guarantees.

    Args:
        base: `(tenants,) float64`, what they have.
        goal: `(tenants,) float64`, what they want, at least what they have.
        claims: guarantees, weights, and what breaks ties.
        occupied: `(tenants,) float64`, what is taken by each, at least what it has.
        most: `(pools,) float64`, what may be taken in all.
        is_strict: `(pools,) bool`.
    """
    guarantee, kept = claims.guarantee, claims.kept
    first = np.maximum(base, np.minimum(goal, kept))
    room = most - claims.by_pool(np.maximum(occupied, kept))
    own_low, own_need = np.minimum(first, guarantee), np.minimum(goal, guarantee)
    free = np.where(is_strict, np.maximum(room, 0.0), np.inf) + claims.by_pool(own_low)
    own = shared_out(own_low, own_need, np.ones(len(base)), claims.current, claims.pool, free)
    room = np.maximum(room - claims.by_pool(own - own_low), 0.0)
    low, need = first - own_low, goal - own_need
    rest = shared_out(low, need, claims.weight, claims.current - own, claims.pool, room + claims.by_pool(low))
    return own + rest
