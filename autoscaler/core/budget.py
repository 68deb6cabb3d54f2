"""Stage 6, inside a tenant: its functions share what it may have."""

from typing import NamedTuple

import numpy as np

from autoscaler.core.columns import Bools, Floats, Ints, true_at
from autoscaler.core.derived import Derived
from autoscaler.core.fleet import Fleet
from autoscaler.core.part import Part
from autoscaler.core.reasons import Reason
from autoscaler.core.staged import NOBODY, Change, chosen


class Household(NamedTuple):
    """The rows of a tick beside their tenants. All `(size,)`.

    Attributes:
        part: the rows; those outside are at rest at zero.
        fleet: whose tenants.
        derived: rows grouped by tenant.
        requested: float64.
        minima: float64, minima of policies and schedules.
        masked: positions that stay as they run.
    """

    part: Part
    fleet: Fleet
    derived: Derived
    requested: Floats
    minima: Floats
    masked: Ints

    def standing(self, replicas: Floats) -> Floats:
        """Give replicas where what the mask holds counts as it runs."""
        if not self.masked.size:
            return replicas
        standing = replicas.copy()
        standing[self.masked] = self.requested[self.masked]
        return standing

    def sums(self, replicas: Floats) -> Floats:
        """Sum replicas by tenant: `(tenants,) float64`; what the mask holds counts as it runs."""
        return by_tenant(self.standing(replicas), self.part, self.fleet, self.derived)

    def sums_at(self, at: Ints, column: Floats) -> Floats:
        """Sum the numbers of some positions by tenant."""
        tenants = self.fleet.tenant[self.part.rows_at(at)]
        return np.bincount(tenants, weights=column, minlength=len(self.fleet.tenants)).astype(np.float64, copy=False)

    def held(self) -> Floats:
        """Sum what the mask holds by tenant."""
        return self.sums_at(self.masked, self.requested[self.masked])

    def positions_of(self, tenants: Ints) -> Ints:
        """Give the positions of all rows of some tenants that are not under the mask, grouped, by name within one."""
        at = _positions_of_tenants(tenants, self.part, self.fleet, self.derived)
        if not self.masked.size:
            return at
        is_masked = np.zeros(self.part.size, np.bool_)
        is_masked[self.masked] = True
        return at[~is_masked[at]]


def cut(
    replicas: Floats, over: Ints, limit: Floats, household: Household, free: Floats | None, reason: Reason
) -> Change:
    """Keep some tenants within what they may have.

    What the mask holds is charged first, as it runs. Of the rest every function first gets its own minimum, then
    every active function one replica before any gets a second, then what is left is filled up evenly in whole
    replicas (max-min above the minima). Ties go to who holds the replica now, then by name: equal inputs never
    flap. Unknown load is demand like any other: what it holds frees nothing.

    Args:
        replicas: `(size,) float64`, what is asked for.
        over: `(over,) int64`, tenants that ask for more than their limit.
        limit: `(tenants,) float64`, replicas that they may have, without what nobody is charged for.
        household: their rows.
        free: `(size,) float64`, of what is asked for, replicas that nobody is charged for; None: nowhere any.
        reason: what the limit is.

    Source: max-min fairness by water-filling, as Volcano's proportion plugin does it; ours is in whole replicas, with
    guarantees below and one replica for each active function first.
    """
    at = household.positions_of(over)
    at = at[replicas[at] > 0]
    if not at.size:
        return Change(NOBODY, np.empty(0), reason)
    masked = household.masked
    demand, spared = replicas[at], 0.0 if free is None else free[at]
    if masked.size:
        charged = household.requested[masked] - (0.0 if free is None else free[masked])
        limit = limit - household.sums_at(masked, charged)
    charge = demand - spared
    who, share = segments(household.fleet.tenant[household.part.rows_at(at)])
    minima, runs = np.minimum(charge, household.minima[at]), household.requested[at]
    granted = fill(charge, minima, runs, share, np.maximum(limit[who], 0.0))
    # Of a function that keeps all that is there, what is not there stays asked for too; else a cut would take only that.
    keeps = granted >= np.minimum(demand, runs) - spared
    return chosen(at, granted < charge, granted + spared * keeps, reason)


def by_tenant(column: Floats, part: Part, fleet: Fleet, derived: Derived) -> Floats:
    """Sum a part's column by tenant: `(tenants,) float64`."""
    if part.rows is None:
        return derived.by_tenants(column)
    sums = np.bincount(fleet.tenant[part.rows], weights=column, minlength=len(derived.cap))
    return sums.astype(np.float64, copy=False)


def _positions_of_tenants(tenants: Ints, part: Part, fleet: Fleet, derived: Derived) -> Ints:
    """Give the positions of all rows of some tenants, tenant by tenant, by name within one."""
    if part.rows is None:
        return rows_of_tenants(tenants, derived)
    at = true_at(np.isin(fleet.tenant[part.rows], tenants))
    result: Ints = at[np.argsort(fleet.tenant[part.rows[at]], kind="stable")]
    return result


def segments(owner: Ints) -> tuple[Ints, Ints]:
    """Give the owners of grouped rows, each once, and `(rows,) int64`, which of them each row is."""
    is_first = np.ones(len(owner), np.bool_)
    is_first[1:] = owner[1:] != owner[:-1]
    return owner[is_first], np.cumsum(is_first) - 1


def rows_of_tenants(tenants: Ints, derived: Derived) -> Ints:
    """Give all rows of some tenants, tenant by tenant, by name within one."""
    first, length = derived.starts[tenants], derived.starts[tenants + 1] - derived.starts[tenants]
    offset = np.repeat(first - np.concatenate(([0], np.cumsum(length)[:-1])), length)
    result: Ints = derived.by_tenant[offset + np.arange(length.sum())]
    return result


def fill(demand: Floats, guarantee: Floats, current: Floats, share: Ints, cap: Floats) -> Floats:
    """Split caps over demands: guarantees, then one each, then evenly.

    Three layers, of which exactly one is cut short in each share: up to the guarantees, up to one replica for
    each active row, up to the demands. Within it all rows rise by the same whole level above their guarantee,
    the largest level that fits (found by bisection), and what then remains goes one by one, first to those who
    hold the replica now, then by row.

    Args:
        demand: `(rows,) float64`, whole replicas asked for.
        guarantee: `(rows,) float64`, at most the demand.
        current: `(rows,) float64`, what runs; breaks ties.
        share: `(rows,) int64`, ascending, which cap a row is under; every share has a row.
        cap: `(shares,) float64`, whole replicas.

    Returns:
        `(rows,) float64`: whole, at most the demand, and summing to min(cap, demand) in every share.
    """
    starts = np.searchsorted(share, np.arange(len(cap)))
    one_each = np.maximum(guarantee, np.minimum(demand, 1.0))
    has_guarantees = (np.add.reduceat(guarantee, starts) <= cap)[share]
    has_ones = (np.add.reduceat(one_each, starts) <= cap)[share]
    base = guarantee * has_guarantees
    low = np.where(has_ones, one_each, base)
    high = np.where(has_ones, demand, np.where(has_guarantees, one_each, guarantee))
    level = _level(base, low, high, starts=starts, share=share, cap=cap)[share]
    granted = np.minimum(np.maximum(base + level, low), high)
    step = np.minimum(np.maximum(base + level + 1, low), high) > granted
    left = cap - np.add.reduceat(granted, starts)
    holders = _first(step & (current > granted), left, starts, share)
    left = left - np.add.reduceat(holders.astype(np.float64), starts)
    granted[holders | _first(step & (current <= granted), left, starts, share)] += 1
    return granted


def _level(base: Floats, low: Floats, high: Floats, *, starts: Ints, share: Ints, cap: Floats) -> Floats:
    """Find, for each share, the largest whole level whose sum still fits."""
    fits = np.zeros(len(cap))
    fails = np.maximum.reduceat(high - base, starts) + 1
    while np.any(fails - fits > 1):
        middle = np.floor((fits + fails) / 2)
        total = np.add.reduceat(np.minimum(np.maximum(base + middle[share], low), high), starts)
        is_fitting = total <= cap
        fits = np.where(is_fitting, middle, fits)
        fails = np.where(is_fitting, fails, middle)
    return fits


def _first(candidates: Bools, left: Floats, starts: Ints, share: Ints) -> Bools:
    """Give, within each share, the first candidates that the remaining units reach."""
    rank = np.cumsum(candidates)
    before: Ints = rank[starts] - candidates[starts]
    result: Bools = candidates & (rank - before[share] <= left[share])
    return result
