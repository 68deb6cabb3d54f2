"""Stage 7, blast radius: how much falling load alone may take from one tenant within a period."""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from autoscaler.core.columns import Floats, Ints
from autoscaler.core.reasons import Reason
from autoscaler.core.staged import Bound


@dataclass(frozen=True, slots=True)
class BlastRadiusRule:
    """Limit of load-driven cuts, per tenant.

    Attributes:
        replicas: replicas a tenant may lose per period, at least.
        share: fraction of its replicas that it may lose per period, if that is more.
        period_s: the period, seconds, > 0.
    """

    replicas: float
    share: float
    period_s: float


class Contained(NamedTuple):
    """The outcome of stage 7.

    Attributes:
        replicas: `(functions,) float64`.
        bound: the rows whose cut was put off.
        credit: `(tenants,) float64`, replicas that each tenant may still lose now.
    """

    replicas: Floats
    bound: tuple[Bound, ...]
    credit: Floats


def refilled(credit: Floats, running: Floats, elapsed_s: float, rule: BlastRadiusRule) -> Floats:
    """Let credit grow with time, up to one period's worth.

    Args:
        credit: `(tenants,) float64`, replicas; inf: a tenant not seen before, which starts with a full bucket.
        running: `(tenants,) float64`, replicas a tenant has.
        elapsed_s: seconds since the last tick.
        rule: the limit.
    """
    size = np.maximum(rule.replicas, rule.share * running)
    return np.minimum(credit + size * (elapsed_s / rule.period_s), size)


def contain(replicas: Floats, level: Floats, tenant: Ints, credit: Floats, room: Floats) -> Contained:
    """Put off the load-driven cuts that a tenant's credit does not cover.

    The largest cut is carried out first, ties by name. What is put off must fit under the tenant's cap: where a
    sibling was granted the very replicas that this cut sets free, the budget orders the cut, and no credit is needed.

    Args:
        replicas: `(functions,) float64`, from the budget.
        level: `(functions,) float64`, what load alone may cut from: what runs and was not cut by an order (max,
            cap, budget, force, an earlier tick); at or below `replicas` where there is nothing to limit.
        tenant: `(functions,) int64`.
        credit: `(tenants,) float64`, replicas each tenant may lose now.
        room: `(tenants,) float64`, replicas that the tenant's cap leaves after the budget; inf: no cap.
    """
    rows = np.flatnonzero(level > replicas)
    if not rows.size:
        return Contained(replicas, (), credit)
    excess, owner = level[rows] - replicas[rows], tenant[rows]
    total = np.bincount(owner, weights=excess, minlength=len(credit))
    allowed = np.maximum(np.floor(credit), total - np.maximum(room, 0.0))
    spent = np.maximum(credit - np.minimum(total, allowed), 0.0)
    bound = total > allowed
    if not bound.any():
        return Contained(replicas, (), spent)
    chosen = bound[owner]
    rows, excess, owner = rows[chosen], excess[chosen], owner[chosen]
    order = np.lexsort((rows, -excess, owner))
    rows, excess, owner = rows[order], excess[order], owner[order]
    starts = np.flatnonzero(np.diff(owner, prepend=-1))
    before = np.cumsum(excess) - excess
    before -= np.repeat(before[starts], np.diff(starts, append=len(rows)))
    put_off = excess - np.clip(allowed[owner] - before, 0.0, excess)
    result = replicas.copy()
    result[rows] += put_off
    return Contained(result, (Bound(np.sort(rows[put_off > 0]), Reason.BLAST_RADIUS),), spent)
