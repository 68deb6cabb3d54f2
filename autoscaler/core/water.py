"""Sharing a stock among tenants, unit by unit: the next one always to the least (units + 1) / weight."""

import numpy as np

from autoscaler.core.columns import Floats, Ints


def shared_out(low: Floats, need: Floats, weight: Floats, holds: Floats, pool: Ints, stock: Floats) -> Floats:
    """Share the stock of each pool among its tenants by weight, fair to one unit.

    Who has a weight of 0 gets what nobody else wants, one by one in turn.

    Args:
        low: `(tenants,) float64`, units that each has in any case, at most its need.
        need: `(tenants,) float64`, units that each asks for.
        weight: `(tenants,) float64`, >= 0.
        holds: `(tenants,) float64`, units that each has now: of two with an equal claim who holds the unit comes
            first, then the first by name, so that equal inputs never flap.
        pool: `(tenants,) int64`.
        stock: `(pools,) float64`, units to share, those of `low` among them; inf: no limit.

    Returns:
        `(tenants,) float64`: from `low` to `need`, and no more than the stock in all but where `low` is.

    Source: max-min fairness by water-filling; in whole units, as facts of Volcano's proportion plugin and Kueue's fair
    sharing suggest, with an order of all claims that is strict.
    """
    if weight.min(initial=1.0) > 0:
        return _filled(low, need, weight, holds, pool, stock)
    last = weight <= 0
    shares, first = low.copy(), ~last
    left = stock - np.bincount(pool[last], weights=low[last], minlength=len(stock))
    shares[first] = _filled(low[first], need[first], weight[first], holds[first], pool[first], left)
    left = stock - np.bincount(pool[first], weights=shares[first], minlength=len(stock))
    ones = np.ones(np.count_nonzero(last))
    shares[last] = _filled(low[last], need[last], ones, holds[last], pool[last], left)
    return shares


def _filled(low: Floats, need: Floats, weight: Floats, holds: Floats, pool: Ints, stock: Floats) -> Floats:
    """Do so for weights above 0: find a level to which all rise alike, then give the few units left in their order."""
    pools = len(stock)
    wanted = np.bincount(pool, weights=need, minlength=pools)
    is_short = wanted > stock
    if not is_short.any():
        return need.copy()
    members = np.bincount(pool, minlength=pools)
    below, above = _level(low, need, weight, pool, stock, members, is_short)
    shares = _risen(below, low, need, weight, pool)
    left = np.where(is_short, stock - np.bincount(pool, weights=shares, minlength=pools), 0.0)
    steps = (_risen(above, low, need, weight, pool) - shares).astype(np.int64)
    steps[(left <= 0)[pool]] = 0
    owner = np.repeat(np.arange(len(low)), steps)
    if not owner.size:
        return shares
    unit = shares[owner] + 1.0 + np.arange(len(owner)) - np.repeat(np.cumsum(steps) - steps, steps)
    of = pool[owner]
    order = np.lexsort((owner, unit > holds[owner], unit / weight[owner], of))
    of = of[order]
    begins = np.searchsorted(of, np.arange(pools))
    is_given = np.arange(len(of)) - begins[of] < left[of]
    given: Floats = shares + np.bincount(owner[order[is_given]], minlength=len(low))
    return given


def _level(
    low: Floats, need: Floats, weight: Floats, pool: Ints, stock: Floats, members: Ints, is_short: np.ndarray
) -> tuple[Floats, Floats]:
    """Find, for each pool, two levels with the stock between them and so few units that they can be sorted.

    A pool that is not short has no limit: both its levels are inf.
    """
    pools = len(stock)
    above = np.zeros(pools)
    np.maximum.at(above, pool, need / weight)
    above = np.where(is_short, above, np.inf)
    below = np.where(is_short, 0.0, np.inf)
    at_least = np.bincount(pool, weights=low, minlength=pools)
    at_most = np.bincount(pool, weights=need, minlength=pools)
    while True:
        with np.errstate(invalid="ignore"):
            middle = np.where(is_short, (below + above) / 2.0, np.inf)
        is_wide = is_short & (at_most - at_least > 2 * members + 8) & (middle > below) & (middle < above)
        if not is_wide.any():
            return below, above
        total = np.bincount(pool, weights=_risen(middle, low, need, weight, pool), minlength=pools)
        fits, fails = is_wide & (total <= stock), is_wide & (total > stock)
        below, at_least = np.where(fits, middle, below), np.where(fits, total, at_least)
        above, at_most = np.where(fails, middle, above), np.where(fails, total, at_most)


def _risen(level: Floats, low: Floats, need: Floats, weight: Floats, pool: Ints) -> Floats:
    """Give the units that each has once all claims up to a level are met: the largest u with u / weight <= level.

    Both roundings of the product are put right by the quotient, by which claims are ordered.
    """
    reached = level[pool]
    units = np.floor(reached * weight)
    with np.errstate(invalid="ignore"):  # at a level of inf
        units += (units + 1.0) / weight <= reached
        units -= units / weight > reached
    result: Floats = np.minimum(np.maximum(units, low), need)
    return result
