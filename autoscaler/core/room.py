"""Budgets between ticks: a raise goes into the room that caps and pools leave, and always into its own guarantee."""

import numpy as np

from autoscaler.core.budget import fill, rows_of_tenants, segments
from autoscaler.core.columns import Bools, Floats, Ints
from autoscaler.core.concurrency import fill_by_weight
from autoscaler.core.memory import Memory
from autoscaler.core.pool import Claims
from autoscaler.core.reasons import Reason
from autoscaler.core.reclaim import raised
from autoscaler.core.staged import NOBODY, Change, chosen
from autoscaler.core.stages import Stage
from autoscaler.core.trail import Trail


def into_room(trail: Trail, asked: Floats, rows: Ints, is_locked: Bools, memory: Memory) -> None:
    """Keep raises within what budgets leave free, one replica for each row at zero before others grow.

    What was given stands; who comes first between two ticks gets what is left, and the next tick shares anew.

    Args:
        trail: `(named,)`, replicas after the limits.
        asked: `(named,) float64`, what was asked for before.
        rows: `(named,) int64`, rows of the fleet.
        is_locked: `(named,) bool`, under the mask.
        memory: what is asked for of all.
    """
    derived, promises, tenant = memory.derived, memory.derived.promises, memory.fleet.tenant
    if not derived.has_budgets:
        return
    at = np.flatnonzero((trail.replicas > asked) & ~is_locked)
    at = at[np.argsort(tenant[rows[at]], kind="stable")]
    if not at.size:
        return
    trail.apply(Stage.BUDGET, _within_caps(trail, asked, at, rows, memory))
    if promises.has_concurrency:
        trail.apply(Stage.BUDGET, _within_concurrency(trail, asked, at, rows, memory))
    if promises.has_pool:
        trail.apply(Stage.BUDGET, *_within_pools(trail, asked, at, rows, memory))


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
    tenant, tenants = fleet.tenant, len(fleet.tenants)
    at = at[promises.is_limited[tenant[rows[at]]]]
    if not at.size:
        return []
    base = np.maximum(memory.derived.by_tenants(memory.asked) - memory.uncharged, 0.0)
    goal: Floats = base + np.bincount(tenant[rows[at]], weights=trail.replicas[at] - asked[at], minlength=tenants)
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
    is_strict = fleet.budgets.is_strict
    more = raised(base, goal, claims, base + memory.pending, promises.size, is_strict) - base
    changes = []
    for waits, reason in ((False, Reason.POOL), (True, Reason.RECLAIM)):
        theirs = at[is_strict[promises.pool[tenant[rows[at]]]] == waits]
        if theirs.size:
            who, share = segments(tenant[rows[theirs]])
            changes.append(_filled(trail, asked, theirs, share, more[who], reason))
    return changes


def _filled(trail: Trail, asked: Floats, at: Ints, share: Ints, room: Floats, reason: Reason) -> Change:
    """Fill the room of each tenant with what its rows want beside what they have."""
    given, wanted = asked[at], trail.replicas[at]
    own = np.bincount(share, weights=given, minlength=len(room))
    granted = fill(wanted, given, given, share, room + own)
    return chosen(at, granted < wanted, granted, reason)
