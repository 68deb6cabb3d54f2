"""Budgets between ticks: a raise goes into the room that caps and pools leave, and always into its own guarantee."""

import numpy as np

from autoscaler.core.allotment import allotted, charged, first_of_each
from autoscaler.core.budget import fill, rows_of_tenants, segments
from autoscaler.core.columns import Bools, Floats, Ints, is_among, true_at
from autoscaler.core.concurrency import fill_by_weight
from autoscaler.core.memory import Memory
from autoscaler.core.pool import Claims
from autoscaler.core.reasons import Reason
from autoscaler.core.reclaim import raised
from autoscaler.core.staged import NOBODY, Change, chosen
from autoscaler.core.stages import Stage
from autoscaler.core.trail import Trail


def into_room(trail: Trail, asked: Floats, rows: Ints, locked: Ints, *, minima: Floats, memory: Memory) -> None:
    """Keep raises within what budgets leave free, one replica for each row at zero before others grow.

    What was given stands; who comes first between two ticks gets what is left, and the next tick shares anew. A row
    at 0 that finds no room is not left so where the next tick takes another's second replica for it: within the
    tenant's own cap it has its first one at once, as long as the pool has room (that one is cut at the next tick, so
    that for one tick at most a tenant has one replica more for each function that was woken); else it waits for that
    tick. What it would not even then get is refused by the limit that binds then.

    Args:
        trail: `(named,)`, replicas after the limits.
        asked: `(named,) float64`, what was asked for before.
        rows: `(named,) int64`, rows of the fleet.
        locked: rows of the fleet under the mask.
        minima: `(functions,) float64`, minima of policies and schedules.
        memory: what is asked for of all.
    """
    derived, tenant = memory.derived, memory.fleet.tenant
    if not derived.has_budgets:
        return
    at = true_at((trail.replicas > asked) & ~is_among(rows, locked))
    if not at.size:
        return
    at = at[np.argsort(tenant[rows[at]], kind="stable")]
    fitted = Trail(trail.replicas.copy(), Reason.PASSED)
    changes = _fit(fitted, asked, at, rows, memory)
    late = at[fitted.replicas[at] < 1]
    if late.size:
        is_late = np.zeros(len(rows), np.bool_)
        is_late[late] = True
        changes = [_without(is_late, change) for change in changes]
        found = np.bincount(tenant[rows[at]], fitted.replicas[at] - asked[at], len(derived.cap)).astype(np.float64)
        changes += _later(trail.replicas, found, late, rows, locked, minima=minima, memory=memory)
    trail.apply(Stage.BUDGET, *changes)


def _fit(trail: Trail, asked: Floats, at: Ints, rows: Ints, memory: Memory) -> list[Change]:
    """Keep raises within the room that there is now."""
    promises = memory.derived.promises
    changes = [_within_caps(trail, asked, at, rows, memory)]
    trail.apply(Stage.BUDGET, *changes)
    if promises.has_concurrency:
        changes.append(_within_concurrency(trail, asked, at, rows, memory))
        trail.apply(Stage.BUDGET, changes[-1])
    if promises.has_pool:
        of_pools = _within_pools(trail, asked, at, rows, memory)
        trail.apply(Stage.BUDGET, *of_pools)
        changes += of_pools
    return changes


def _without(is_out: Bools, change: Change) -> Change:
    return chosen(change.rows, ~is_out[change.rows], change.replicas, change.reason)


def _later(
    replicas: Floats, found: Floats, late: Ints, rows: Ints, locked: Ints, *, minima: Floats, memory: Memory
) -> list[Change]:
    """Decide rows at 0 for which there is no room: refused, given their first replica at once, or left for the next tick.

    Args:
        replicas: `(named,) float64`, after the limits.
        found: `(tenants,) float64`, replicas that this step has found room for.
        late: positions of these rows, grouped by tenant.
    """
    tenant, promises = memory.fleet.tenant, memory.derived.promises
    wanted = memory.asked.copy()
    wanted[rows] = np.where(np.isin(rows, locked), wanted[rows], replicas)
    bound = allotted(wanted, rows[late], locked=locked, minima=minima, memory=memory).bound
    nothing = np.zeros(len(late))
    changes = [chosen(late, bound == reason, nothing, reason) for reason in _REFUSING]
    late = late[bound == Reason.PASSED]
    if not late.size:
        return changes
    owner = tenant[rows[late]]
    is_given = first_of_each(owner, _room_beside(found, owner, memory))
    waits = ~is_given & memory.fleet.budgets.is_strict[promises.pool[owner]]
    return [
        *changes,
        chosen(late, is_given & (replicas[late] > 1), nothing[: len(late)] + 1.0, Reason.BUDGET),
        chosen(late, waits, nothing[: len(late)], Reason.RECLAIM),
        chosen(late, ~is_given & ~waits, nothing[: len(late)], Reason.BETWEEN_TICKS),
    ]


_REFUSING = (Reason.BUDGET, Reason.CONCURRENCY_BUDGET, Reason.POOL)


def _room_beside(found: Floats, owner: Ints, memory: Memory) -> Floats:
    """Give the room that pools have for one more replica of each owner's row beside what a step has given already."""
    promises = memory.derived.promises
    room = np.where(promises.is_limited, 0.0, np.inf)
    if promises.is_limited[owner].any():
        base = charged(memory) + found
        wish = np.bincount(owner, minlength=len(base)).astype(np.float64)
        more = _raised_by(wish, base, memory)
        np.copyto(room, more, where=promises.is_limited)
    return room


def _within_caps(trail: Trail, asked: Floats, at: Ints, rows: Ints, memory: Memory) -> Change:
    tenant, cap = memory.fleet.tenant, memory.derived.cap
    at = at[np.isfinite(cap[tenant[rows[at]]])]
    if not at.size:
        return Change(NOBODY, np.empty(0), Reason.BUDGET)
    who, share = segments(tenant[rows[at]])
    theirs = rows_of_tenants(who, memory.derived)
    running = np.bincount(tenant[theirs], weights=memory.asked[theirs], minlength=len(cap))[who]
    return _filled(trail, asked, at, share, np.maximum(cap[who] - running, 0.0), Reason.BUDGET)


def _within_concurrency(trail: Trail, asked: Floats, at: Ints, rows: Ints, memory: Memory) -> Change:
    tenant, promises = memory.fleet.tenant, memory.derived.promises
    cap, metered, tenants = promises.concurrency_cap, promises.metered.rows, len(memory.fleet.tenants)
    at = at[np.isfinite(cap[tenant[rows[at]]])]
    if not at.size:
        return Change(NOBODY, np.empty(0), Reason.CONCURRENCY_BUDGET)
    load = np.bincount(tenant[metered], weights=memory.asked[metered] * promises.cost, minlength=tenants)
    cost = promises.cost[np.searchsorted(metered, rows[at])]
    who, share = segments(tenant[rows[at]])
    given, wanted = asked[at], trail.replicas[at]
    own = np.bincount(share, weights=given * cost, minlength=len(who))
    granted = fill_by_weight(wanted, given, given, cost, share, np.maximum(cap[who] - load[who], 0.0) + own)
    return chosen(at, granted < wanted, granted, Reason.CONCURRENCY_BUDGET)


def _within_pools(trail: Trail, asked: Floats, at: Ints, rows: Ints, memory: Memory) -> list[Change]:
    """Split the room of every pool among the tenants that are named, and each one's among its rows.

    Of a strict pool, what still runs and what somebody waits for is no room: else who was cut for a lender would take
    the replica back before the lender's next tick, and so for ever.
    """
    fleet, promises = memory.fleet, memory.derived.promises
    tenant = fleet.tenant
    at = at[promises.is_limited[tenant[rows[at]]]]
    if not at.size:
        return []
    wish = np.bincount(tenant[rows[at]], trail.replicas[at] - asked[at], len(fleet.tenants)).astype(np.float64)
    more = _raised_by(wish, charged(memory), memory)
    is_strict = fleet.budgets.is_strict
    changes = []
    for waits, reason in ((False, Reason.POOL), (True, Reason.RECLAIM)):
        theirs = at[is_strict[promises.pool[tenant[rows[at]]]] == waits]
        if theirs.size:
            who, share = segments(tenant[rows[theirs]])
            changes.append(_filled(trail, asked, theirs, share, more[who], reason))
    return changes


def _raised_by(wish: Floats, base: Floats, memory: Memory) -> Floats:
    """Give how many more replicas each tenant may have now of those it wishes for beside what it has."""
    promises, is_strict = memory.derived.promises, memory.fleet.budgets.is_strict
    goal: Floats = base + wish
    claims = Claims(
        demand=goal,
        guarantee=promises.guarantee,
        kept=promises.kept,
        weight=promises.weight,
        current=base,
        masked=base,
        pool=promises.pool,
        size=promises.size,
    )
    return raised(base, goal, claims, base + memory.pending, promises.size, is_strict) - base


def _filled(trail: Trail, asked: Floats, at: Ints, share: Ints, room: Floats, reason: Reason) -> Change:
    """Fill the room of each tenant with what its rows want beside what they have."""
    given, wanted = asked[at], trail.replicas[at]
    own = np.bincount(share, weights=given, minlength=len(room))
    granted = fill(wanted, given, given, share, room + own)
    return chosen(at, granted < wanted, granted, reason)
