"""Stage 6, concurrency budgets: a tenant's replicas may be given so many requests in flight in all."""

from typing import NamedTuple

import numpy as np

from autoscaler.core.budget import Household, fill, segments
from autoscaler.core.columns import Bools, Floats, Ints
from autoscaler.core.promises import Promises
from autoscaler.core.reasons import Reason
from autoscaler.core.staged import NOBODY, Change, chosen


def in_flight(replicas: Floats, household: Household, promises: Promises) -> Floats:
    """Give `(tenants,) float64`, millionths of requests that replicas may be given; nan: no concurrency cap."""
    which, at = promises.metered.of(household.part, len(household.fleet))
    load = household.sums_at(at, household.standing(replicas)[at] * promises.cost[which])
    load[np.isinf(promises.concurrency_cap)] = np.nan
    return load


def cut_concurrency(replicas: Floats, household: Household, promises: Promises) -> Change:
    """Keep tenants within their concurrency caps, by the rule that keeps them within their replica caps.

    Minima first, then one replica for every active function before a second for any, then evenly in requests in
    flight; a replica that does not fit leaves its place to those that weigh less.

    Args:
        replicas: `(size,) float64`, what is asked for.
        household: the rows beside their tenants.
        promises: the caps, and what a replica of each function weighs.
    """
    which, at = promises.metered.of(household.part, len(household.fleet))
    tenant = household.fleet.tenant[household.part.rows_at(at)]
    is_over = in_flight(replicas, household, promises) > promises.concurrency_cap  # nan compares false
    is_chosen = is_over[tenant] & (replicas[at] > 0)
    if not is_chosen.any():
        return Change(NOBODY, np.empty(0), Reason.CONCURRENCY_BUDGET)
    cost, cap = promises.cost[which], promises.concurrency_cap
    if household.masked.size:
        is_masked = np.isin(at, household.masked)
        cap = cap - household.sums_at(at[is_masked], household.requested[at[is_masked]] * cost[is_masked])
        is_chosen &= ~is_masked
    free = np.flatnonzero(is_chosen)
    free = free[np.argsort(tenant[free], kind="stable")]
    if not free.size:
        return Change(NOBODY, np.empty(0), Reason.CONCURRENCY_BUDGET)
    at, demand = at[free], replicas[at[free]]
    who, share = segments(tenant[free])
    minima, runs = np.minimum(demand, household.minima[at]), household.requested[at]
    granted = fill_by_weight(demand, minima, runs, cost[free], share, np.maximum(cap[who], 0.0))
    return chosen(at, granted < demand, granted, Reason.CONCURRENCY_BUDGET)


def fill_by_weight(
    demand: Floats, guarantee: Floats, current: Floats, weight: Floats, share: Ints, cap: Floats
) -> Floats:
    """Split caps as `fill_weighed` does; where all replicas of a share weigh the same, by counting them."""
    starts = np.searchsorted(share, np.arange(len(cap)))
    lightest = np.minimum.reduceat(weight, starts)
    is_even = (lightest == np.maximum.reduceat(weight, starts))[share]
    granted = np.empty(len(demand))
    for at, split in ((np.flatnonzero(is_even), _fill_even), (np.flatnonzero(~is_even), fill_weighed)):
        if at.size:
            who, own = segments(share[at])
            granted[at] = split(demand[at], guarantee[at], current[at], weight[at], own, cap[who])
    return granted


def _fill_even(demand: Floats, guarantee: Floats, current: Floats, weight: Floats, share: Ints, cap: Floats) -> Floats:
    starts = np.searchsorted(share, np.arange(len(cap)))
    return fill(demand, guarantee, current, share, np.floor(cap / weight[starts]))


def fill_weighed(
    demand: Floats, guarantee: Floats, current: Floats, weight: Floats, share: Ints, cap: Floats
) -> Floats:
    """Split caps over demands of which a replica weighs differently: guarantees, then one each, then evenly by weight.

    Each layer is filled after the one before it: all rows rise to the same level of weight, the largest that fits in
    whole replicas; the next replicas in order of their level go to who holds them, then by row, as far as they fit;
    what no longer fits in stands aside, and the rest goes on.

    Args:
        demand: `(rows,) float64`, whole replicas asked for.
        guarantee: `(rows,) float64`, at most the demand.
        current: `(rows,) float64`, what runs; breaks ties.
        weight: `(rows,) float64`, of one replica, whole and > 0, so that sums are exact.
        share: `(rows,) int64`, ascending, which cap a row is under; every share has a row.
        cap: `(shares,) float64`, whole.

    Returns:
        `(rows,) float64`: whole, at most the demand, weighing at most the cap, and such that no row that wants
        another replica could have it.
    """
    ones = np.maximum(guarantee, np.minimum(demand, 1.0))
    granted = base = np.zeros(len(demand))
    for most in (guarantee, ones, demand):
        granted = _layer(granted, base, most, current, weight, share, cap)
        base = np.minimum(guarantee, granted)
    return granted


def _layer(
    granted: Floats, base: Floats, most: Floats, current: Floats, weight: Floats, share: Ints, cap: Floats
) -> Floats:
    """Raise rows to the most of this layer, evenly by weight above their base, until nothing more fits."""
    granted, shares = granted.copy(), len(cap)
    is_open = granted < most
    while True:
        left = cap - np.bincount(share, weights=granted * weight, minlength=shares)
        is_open &= (granted < most) & (weight <= left[share])
        if not is_open.any():
            return granted
        at = np.flatnonzero(is_open)
        rows = _Rows(base[at], granted[at], most[at], weight[at], share[at])
        risen = rows.at(_level(rows, left))
        left -= np.bincount(rows.share, weights=(risen - rows.low) * rows.weight, minlength=shares)
        granted[at] = risen
        following = np.where(risen < rows.most, (risen - rows.base + 1.0) * rows.weight, np.inf)
        lowest = np.full(shares, np.inf)
        np.minimum.at(lowest, rows.share, following)
        is_tied = np.isfinite(following) & (following == lowest[rows.share]) & (rows.weight <= left[rows.share])
        granted[at[_fitting(np.flatnonzero(is_tied), rows, current[at] > risen, left)]] += 1.0


class _Rows(NamedTuple):
    """Rows of a layer that may rise, and from where to where."""

    base: Floats
    low: Floats
    most: Floats
    weight: Floats
    share: Ints

    def at(self, level: Floats) -> Floats:
        """Give the replicas of each once all have risen to a level of weight."""
        risen: Floats = np.minimum(
            np.maximum(self.base + np.floor(level[self.share] / self.weight), self.low), self.most
        )
        return risen


def _fitting(tied: Ints, rows: _Rows, is_holder: Bools, left: Floats) -> Ints:
    """Give, of rows whose next replica comes at the same level, those that still fit, holders first, then by row."""
    order = tied[np.lexsort((tied, ~is_holder[tied], rows.share[tied]))]
    share, weight = rows.share[order], rows.weight[order]
    before = np.cumsum(weight) - weight
    begins = np.searchsorted(share, share)
    result: Ints = order[before - before[begins] + weight <= left[share]]
    return result


def _level(rows: _Rows, left: Floats) -> Floats:
    """Find, for each share, the largest whole level of weight whose sum still fits, as far as it matters."""
    shares = len(left)
    cap = left + np.bincount(rows.share, weights=(rows.low - rows.base) * rows.weight, minlength=shares)
    fits, fails = np.zeros(shares), np.zeros(shares)
    np.maximum.at(fails, rows.share, (rows.most - rows.base) * rows.weight + 1.0)
    np.minimum(fails, np.maximum(cap, 0.0) + 1.0, out=fails)
    while np.any(fails - fits > 1):
        middle = np.floor((fits + fails) / 2)
        total = np.bincount(rows.share, weights=(rows.at(middle) - rows.base) * rows.weight, minlength=shares)
        is_fitting = total <= cap
        fits, fails = np.where(is_fitting, middle, fits), np.where(is_fitting, fails, middle)
    return fits
