"""What the next tick would allot to functions at 0 that are woken, as far as is known between ticks."""

from typing import NamedTuple

import numpy as np

from autoscaler.core.budget import fill, rows_of_tenants, segments
from autoscaler.core.columns import Bools, Codes, Floats, Ints
from autoscaler.core.concurrency import fill_by_weight
from autoscaler.core.memory import Memory
from autoscaler.core.pool import Claims, shares
from autoscaler.core.reasons import Reason


class Allotted(NamedTuple):
    """What some rows would get.

    Attributes:
        replicas: `(rows,) float64`, of each row asked about.
        bound: `(rows,) uint8`, which limit left a row at 0, `Reason`; PASSED: it gets one.
    """

    replicas: Floats
    bound: Codes


class _Home(NamedTuple):
    """All rows of the tenants concerned that ask for anything and may be changed, grouped by tenant.

    Attributes:
        rows: `(home,) int64`.
        who: `(tenants concerned,) int64`.
        share: `(home,) int64`, which of them each row is of.
        least: `(home,) float64`, minima.
        runs: `(home,) float64`, who holds a replica now.
        locked: rows of the whole fleet under the mask, which are charged first.
    """

    rows: Ints
    who: Ints
    share: Ints
    least: Floats
    runs: Floats
    locked: Ints


def allotted(wanted: Floats, rows: Ints, *, locked: Ints, minima: Floats, memory: Memory) -> Allotted:
    """Tell what the next tick gives to rows at 0, if nothing else changes until then.

    As stage 6 has it: caps of tenants, then their pools; in a tenant minima, then one replica for every active
    function before a second for any. What budgets refused at the last tick is still asked for.

    Args:
        wanted: `(functions,) float64`, what was asked for of every function, and of those that are woken what they
            ask for now.
        rows: `(n,) int64`, rows at 0 to tell of; each asks for one at least.
        locked: rows under the mask.
        minima: `(functions,) float64`, minima of policies and schedules.
        memory: what was asked for.
    """
    told = np.minimum(memory.derived.by_tenants(wanted), memory.derived.cap) - memory.uncharged
    wanted = _with_refused(wanted, locked, memory)
    home = _home(wanted, rows, locked, minima, memory)
    bound = np.zeros(len(wanted), np.uint8)
    granted = wanted[home.rows]
    for reason, split in ((Reason.BUDGET, _within_caps), (Reason.CONCURRENCY_BUDGET, _within_concurrency)):
        before, granted = granted, split(granted, home, memory)
        bound[home.rows[(before > 0) & (granted < 1)]] = reason
    asked = np.maximum(np.maximum(memory.demanded, told), charged(memory))
    masked = _by_tenant(memory.asked, locked, memory)[home.who]
    own = np.bincount(home.share, weights=granted, minlength=len(home.who)) + masked
    asked[home.who] = np.maximum(own - memory.uncharged[home.who], 0.0)
    before, granted = granted, _within_pools(granted, asked, home, memory)
    bound[home.rows[(before > 0) & (granted < 1)]] = Reason.POOL
    column = np.zeros(len(wanted))
    column[home.rows] = granted
    return Allotted(column[rows], bound[rows])


def _with_refused(wanted: Floats, locked: Ints, memory: Memory) -> Floats:
    """Add what budgets refused at the last tick to what is asked for."""
    is_free = ~np.isin(memory.short, locked)
    short, result = memory.short[is_free], wanted.copy()
    result[short] = np.maximum(wanted[short], memory.short_of[is_free])
    return result


def _home(wanted: Floats, rows: Ints, locked: Ints, minima: Floats, memory: Memory) -> _Home:
    may_change = np.ones(len(wanted), np.bool_)
    may_change[locked] = False
    theirs = rows_of_tenants(np.unique(memory.fleet.tenant[rows]), memory.derived)
    theirs = theirs[(wanted[theirs] > 0) & may_change[theirs]]
    who, share = segments(memory.fleet.tenant[theirs])
    return _Home(theirs, who, share, minima[theirs], memory.asked[theirs], locked)


def _within_caps(wanted: Floats, home: _Home, memory: Memory) -> Floats:
    cap = memory.derived.cap
    if np.isinf(cap[home.who]).all():
        return wanted
    return _filled(wanted, home, cap - _by_tenant(memory.asked, home.locked, memory))


def _within_concurrency(wanted: Floats, home: _Home, memory: Memory) -> Floats:
    promises = memory.derived.promises
    cap, metered = promises.concurrency_cap, promises.metered.rows
    at = np.flatnonzero(np.isfinite(cap[home.who])[home.share] & (wanted > 0))
    if not at.size:
        return wanted
    cost = np.zeros(len(memory.fleet))
    cost[metered] = promises.cost
    cap = np.maximum(cap - _by_tenant(memory.asked * cost, home.locked, memory), 0.0)
    who, share = segments(home.who[home.share[at]])
    granted = wanted.copy()
    least = np.minimum(home.least[at], wanted[at])
    granted[at] = fill_by_weight(wanted[at], least, home.runs[at], cost[home.rows[at]], share, cap[who])
    return granted


def _within_pools(wanted: Floats, asked: Floats, home: _Home, memory: Memory) -> Floats:
    """Split what pools give.

    Args:
        wanted: `(home,) float64`, within the tenants' own limits.
        asked: `(tenants,) float64`, likewise, of all tenants; what they are not charged for is not in it.
    """
    promises = memory.derived.promises
    if not promises.is_limited[home.who].any():
        return wanted
    masked = _by_tenant(memory.asked, home.locked, memory)
    claims = Claims(
        demand=asked,
        guarantee=promises.guarantee,
        kept=promises.kept,
        weight=promises.weight,
        current=charged(memory),
        masked=np.minimum(masked, asked),
        pool=promises.pool,
        size=promises.size,
    )
    limit = np.where(promises.is_limited, shares(claims) + memory.uncharged, np.inf)
    return _filled(wanted, home, limit - masked)


def _filled(wanted: Floats, home: _Home, limit: Floats) -> Floats:
    least = np.minimum(home.least, wanted)
    return fill(wanted, least, home.runs, home.share, np.maximum(limit[home.who], 0.0))


def charged(memory: Memory) -> Floats:
    """Give `(tenants,) float64`, what pools are charged for of what was asked for last."""
    result: Floats = np.maximum(memory.derived.by_tenants(memory.asked) - memory.uncharged, 0.0)
    return result


def _by_tenant(column: Floats, rows: Ints, memory: Memory) -> Floats:
    tenants = len(memory.derived.cap)
    sums = np.bincount(memory.fleet.tenant[rows], weights=column[rows], minlength=tenants)
    return sums.astype(np.float64, copy=False)


def first_of_each(owner: Ints, room: Floats) -> Bools:
    """Give, of rows grouped by tenant, as many of each tenant as it has room for, the first by name."""
    who, share = segments(owner)
    begins = np.searchsorted(share, np.arange(len(who)))
    result: Bools = np.arange(len(owner)) - begins[share] < room[owner]
    return result
