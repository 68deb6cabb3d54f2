"""What tenants' budgets come to once and for all of a fleet: what can be promised, and what a replica weighs."""

from dataclasses import dataclass

import numpy as np

from autoscaler.core.columns import Bools, Floats, Ints
from autoscaler.core.fleet import Fleet, Rules
from autoscaler.core.part import Lanes

MICRO = 1e6
"""Requests in flight are counted in millionths, so that sums of them are whole numbers and exact in any order."""

HEAVIEST = 1e9
"""What a replica weighs at most, requests in flight."""


@dataclass(frozen=True, slots=True, eq=False)
class Promises:
    """Constants of a fleet's budgets.

    Attributes:
        guarantee: `(tenants,) float64`, replicas that are always theirs: what the documents say, scaled to the pool
            where they say more than it has.
        kept: `(tenants,) float64`, of the guarantee, what is not lent.
        weight: `(tenants,) float64`, >= 0.
        pool: `(tenants,) int64`.
        size: `(pools,) float64`, whole replicas; inf: no limit.
        is_scaled: `(pools,) bool`, guarantees exceed the pool.
        is_limited: `(tenants,) bool`, its pool has a limit.
        holding: `(holding,) int64`, tenants that keep what they borrowed for a while.
        has_pool: whether any pool has a limit.
        has_guarantee: whether any tenant has a guarantee.
        concurrency_cap: `(tenants,) float64`, millionths of requests in flight; inf: no limit.
        metered: functions of tenants with a concurrency cap.
        cost: `(metered,) float64`, millionths of requests in flight that one replica weighs, whole and > 0.
        heaviest: `(tenants,) float64`, the largest of their costs; 1: of tenants without a concurrency cap.
        has_concurrency: whether any tenant has a concurrency cap.
    """

    guarantee: Floats
    kept: Floats
    weight: Floats
    pool: Ints
    size: Floats
    is_scaled: Bools
    is_limited: Bools
    holding: Ints
    has_pool: bool
    has_guarantee: bool
    concurrency_cap: Floats
    metered: Lanes
    cost: Floats
    heaviest: Floats
    has_concurrency: bool


def promise(fleet: Fleet) -> Promises:
    """Compute them."""
    budgets = fleet.budgets
    size = np.maximum(np.floor(budgets.size), 0.0)
    asked = np.maximum(np.floor(budgets.guarantee), 0.0)
    guarantee, is_scaled = promised(asked, budgets.pool, size)
    is_limited = np.isfinite(size)[budgets.pool]
    cap = np.maximum(np.floor(budgets.concurrency_cap * MICRO), 0.0)
    rows = np.flatnonzero(np.isfinite(cap)[fleet.tenant])
    cost, heaviest = weights_of(fleet.rules, rows), np.ones(len(fleet.tenants))
    np.maximum.at(heaviest, fleet.tenant[rows], cost)
    return Promises(
        guarantee=guarantee,
        kept=guarantee - np.minimum(np.maximum(np.floor(budgets.lend), 0.0), guarantee),
        weight=np.where(budgets.weight > 0, budgets.weight, 0.0),
        pool=budgets.pool,
        size=size,
        is_scaled=is_scaled,
        is_limited=is_limited,
        holding=np.flatnonzero(is_limited & (budgets.hold_s > 0)[budgets.pool]),
        has_pool=bool(is_limited.any()),
        has_guarantee=bool((guarantee > 0).any()),
        concurrency_cap=cap,
        metered=Lanes(rows, len(fleet)),
        cost=cost,
        heaviest=heaviest,
        has_concurrency=bool(np.isfinite(cap).any()),
    )


def promised(guarantee: Floats, pool: Ints, size: Floats) -> tuple[Floats, Bools]:
    """Scale guarantees to pools that have less: whole parts of the quota, then one each to the largest remainders.

    Ties go by name. With 7, 7 and 7 promised of a pool of 10, they are 4, 3 and 3.

    Args:
        guarantee: `(tenants,) float64`, whole.
        pool: `(tenants,) int64`.
        size: `(pools,) float64`, whole; inf: no limit.

    Returns:
        What can be promised, and `(pools,) bool`, where that is less than what the documents say.
    """
    total = np.bincount(pool, weights=guarantee, minlength=len(size))
    is_scaled = total > size
    if not is_scaled.any():
        return guarantee, is_scaled
    at = np.flatnonzero(is_scaled[pool])
    of = pool[at]
    parts = guarantee[at] * size[of]
    whole = np.floor(parts / total[of])
    remainder = parts - whole * total[of]
    order = np.lexsort((at, -remainder, of))
    left = np.where(is_scaled, size - np.bincount(of, weights=whole, minlength=len(size)), 0.0)
    ordered = of[order]
    is_next = np.arange(len(at)) - np.searchsorted(ordered, ordered) < left[ordered]
    whole[order[is_next]] += 1.0
    result = guarantee.copy()
    result[at] = whole
    return result, is_scaled


def weights_of(rules: Rules, rows: Ints) -> Floats:
    """Give what one replica of each of some functions weighs against a concurrency cap, in millionths of a request.

    Its hard limit, else the target that its policy names, before utilization; one request where it names neither.
    """
    limit, target = rules.concurrency_limit[rows], rules.target_concurrency[rows]
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        named = target / rules.utilization_concurrency[rows]
    weight = np.where(np.isfinite(limit), limit, np.where(np.isfinite(named), named, 1.0))
    result: Floats = np.maximum(np.rint(np.minimum(weight, HEAVIEST) * MICRO), 1.0)
    return result
