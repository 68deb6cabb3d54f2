"""Stage 6, budget: tenants within their caps, and all of them within the pools that they share."""

from typing import NamedTuple

import numpy as np

from autoscaler.core import concurrency
from autoscaler.core.accounts import Sums
from autoscaler.core.budget import Household, cut
from autoscaler.core.charges import uncharged
from autoscaler.core.columns import Codes, Floats, Ints, true_at
from autoscaler.core.memory import Memory
from autoscaler.core.pool import Claims, shares, short_of
from autoscaler.core.reasons import Reason
from autoscaler.core.reclaim import Moving, moved
from autoscaler.core.sight import Sight
from autoscaler.core.staged import NOBODY, Change
from autoscaler.core.stages import Stage
from autoscaler.core.trail import Trail


class Budgeted(NamedTuple):
    """The outcome of stage 6.

    Attributes:
        ordered: positions that got less than they asked for.
        room: `(tenants,) float64`, replicas that each tenant's own limits still leave; inf: no limit; negative where
            what the mask holds is above it.
        left: `(pools,) float64`, likewise of the pools, never negative; what is kept idle of guarantees is not in it.
        sums: what the account of the tick is made from; None: no tenant has any budget.
    """

    ordered: tuple[Ints, ...]
    room: Floats
    left: Floats
    sums: Sums | None


class _Draft:
    """Where the stage has got to: the trail, and its sums by tenant.

    Attributes:
        trail: replicas; cuts are applied to it.
        household: the rows beside their tenants.
        granted: `(tenants,) float64`, replicas that they still have.
        bound: `(tenants,) uint8`, what refused anything last.
        ordered: positions that were cut.
    """

    __slots__ = ("bound", "granted", "household", "ordered", "trail")

    def __init__(self, trail: Trail, household: Household) -> None:
        self.trail, self.household = trail, household
        self.granted = household.sums(trail.replicas)
        self.bound: Codes = np.zeros(len(self.granted), np.uint8)
        self.ordered: list[Ints] = []

    def take(self, change: Change) -> None:
        """Apply a cut, and take it off the sums."""
        if change.rows.size:
            lost = self.household.sums_at(change.rows, self.trail.replicas[change.rows] - change.replicas)
            self.granted = self.granted - lost
            self.bound[lost > 0] = change.reason
            self.ordered.append(change.rows)
            self.trail.apply(Stage.BUDGET, change)

    def keep_within(self, over: Ints, limit: Floats, free: Floats | None, reason: Reason) -> None:
        """Cut tenants to a limit."""
        if over.size:
            self.take(cut(self.trail.replicas, over, limit, self.household, free, reason))


def share_out(trail: Trail, memory: Memory, sight: Sight, household: Household) -> Budgeted:
    """Run stage 6: replica caps, then concurrency caps, then the pools; only tenants that ask for more are computed.

    A tenant's own limits come first, so that a pool shares among all what each may really use.

    Args:
        trail: replicas from the limits; cuts are applied to it.
        memory: caps and pools, and what was borrowed so far.
        sight: what runs, and what stands in its way.
        household: the rows beside their tenants.
    """
    derived, promises = memory.derived, memory.derived.promises
    cap = derived.cap
    if not derived.has_budgets:
        return Budgeted((), cap, promises.size, None)
    draft, before = _Draft(trail, household), trail.replicas.copy()
    asked = draft.granted
    draft.keep_within(true_at(asked > cap), cap, None, Reason.BUDGET)
    if promises.has_concurrency:
        draft.take(concurrency.cut_concurrency(trail.replicas, household, promises))
    free_sums, left = np.zeros(len(cap)), promises.size
    if promises.has_pool:
        free_sums, left = _divide(draft, memory, sight)
    room, load = cap - draft.granted, np.full(len(cap), np.nan)
    if promises.has_concurrency:
        load = concurrency.in_flight(trail.replicas, household, promises)
        room = np.fmin(room, np.floor((promises.concurrency_cap - load) / promises.heaviest))  # nan: no cap
    short = np.unique(np.concatenate(draft.ordered)) if draft.ordered else NOBODY
    memory.short, memory.short_of = sight.part.rows_at(short), before[short]
    sums = Sums(asked, draft.granted, household.held(), draft.granted - free_sums, load, draft.bound)
    return Budgeted(tuple(draft.ordered), room, left, sums)


def _divide(draft: _Draft, memory: Memory, sight: Sight) -> tuple[Floats, Floats]:
    """Keep tenants within their pools; give what nobody is charged for, by tenant, and what the pools have left."""
    household, promises, trail = draft.household, memory.derived.promises, draft.trail
    free = uncharged(household.standing(trail.replicas), memory, sight)
    masked = household.masked
    claims = Claims(
        demand=draft.granted - _sums_of(free, household),
        guarantee=promises.guarantee,
        kept=promises.kept,
        weight=promises.weight,
        current=np.empty(0),
        masked=household.sums_at(masked, household.requested[masked] - (0.0 if free is None else free[masked])),
        pool=promises.pool,
        size=promises.size,
    )
    memory.demanded = claims.demand
    is_strict = memory.fleet.budgets.is_strict & np.isfinite(promises.size)
    running = target = np.zeros(len(draft.granted))
    if is_strict.any() or short_of(claims).any():
        claims = claims._replace(current=_running(memory, sight, household, sight.requested))
        running, target = _carve(draft, claims, free, is_strict, memory, sight)
        free = uncharged(household.standing(trail.replicas), memory, sight)
    free_sums = memory.uncharged = _sums_of(free, household)
    charged = draft.granted - free_sums
    awaited = np.where(is_strict[promises.pool], np.maximum(target - charged, 0.0), 0.0)
    still = np.where(is_strict[promises.pool], np.maximum(running - charged, 0.0), 0.0)
    memory.pending = np.maximum(awaited, still)
    memory.holding.grant(np.where(promises.is_limited, np.maximum(charged - promises.guarantee, 0.0), 0.0), sight.now_s)
    claims = claims._replace(demand=charged)
    # What somebody waits for is no room for another's cut to be put off: the wait would last as long as that does.
    return free_sums, np.maximum(promises.size - claims.by_pool(np.maximum(charged + awaited, claims.kept)), 0.0)


def _carve(
    draft: _Draft, claims: Claims, free: Floats | None, is_strict: np.ndarray, memory: Memory, sight: Sight
) -> tuple[Floats, Floats]:
    """Cut tenants to their shares, or to what they may have of them now.

    Returns:
        `(tenants,) float64`, what runs of each or still ends, and its share as if all could change at once.
    """
    target = given = shares(claims)
    held, running = memory.holding.held(sight.now_s), claims.current
    if is_strict.any() or held.any():
        if is_strict.any():
            running = _running(memory, sight, draft.household, np.maximum(sight.requested, sight.ready))
        given = moved(target, claims, Moving(held, running, is_strict))
    waits = is_strict[claims.pool] & (given < target)
    limit = np.where(waits, target, given)
    draft.keep_within(true_at(claims.demand > limit), limit, free, Reason.POOL)
    if waits.any():
        free = uncharged(draft.household.standing(draft.trail.replicas), memory, sight)
        draft.keep_within(true_at(waits), given, free, Reason.RECLAIM)
    return running, target


def _running(memory: Memory, sight: Sight, household: Household, column: Floats) -> Floats:
    """Sum what runs by tenant, without what nobody is charged for."""
    sums = household.sums(column)
    free = uncharged(sight.requested, memory, sight)
    return sums if free is None else sums - _sums_of(free, household)


def _sums_of(free: Floats | None, household: Household) -> Floats:
    """Sum what nobody is charged for by tenant."""
    at = np.empty(0, np.int64) if free is None else true_at(free)
    return household.sums_at(at, np.empty(0) if free is None else free[at])
