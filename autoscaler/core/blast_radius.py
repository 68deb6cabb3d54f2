"""Stage 7, blast radius: how much falling load alone may take from one tenant within a period."""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from autoscaler.core.columns import Floats, Ints
from autoscaler.core.reasons import Reason
from autoscaler.core.staged import Change, chosen


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
        changes: the positions whose cut was put off.
        credit: `(tenants,) float64`, replicas that each tenant may still lose now.
    """

    changes: tuple[Change, ...]
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


def contain(at: Ints, excess: Floats, replicas: Floats, owner: Ints, credit: Floats, room: Floats) -> Contained:
    """Put off the load-driven cuts that a tenant's credit does not cover.

    The largest cut is carried out first, ties by name. What is put off must fit under the tenant's cap: where a
    sibling was granted the very replicas that this cut sets free, the budget orders the cut, and no credit is needed.

    Args:
        at: positions that load alone cuts, ascending.
        excess: `(at,) float64`, by how much, > 0.
        replicas: `(at,) float64`, what they have after the cut.
        owner: `(at,) int64`, their tenants.
        credit: `(tenants,) float64`, replicas each tenant may lose now.
        room: `(tenants,) float64`, replicas that the tenant's cap leaves after the budget; inf: no cap.
    """
    if not at.size:
        return Contained((), credit)
    total = np.bincount(owner, weights=excess, minlength=len(credit))
    allowed = np.maximum(np.floor(credit), total - np.maximum(room, 0.0))
    spent = np.maximum(credit - np.minimum(total, allowed), 0.0)
    bound = total > allowed
    if not bound.any():
        return Contained((), spent)
    is_bound = bound[owner]
    at, excess, replicas, owner = at[is_bound], excess[is_bound], replicas[is_bound], owner[is_bound]
    order = _largest_first(excess, owner)
    at, excess, replicas, owner = at[order], excess[order], replicas[order], owner[order]
    starts = np.flatnonzero(np.diff(owner, prepend=-1))
    before = np.cumsum(excess) - excess
    before -= np.repeat(before[starts], np.diff(starts, append=len(at)))
    put_off = excess - np.clip(allowed[owner] - before, 0.0, excess)
    return Contained((chosen(at, put_off > 0, replicas + put_off, Reason.BLAST_RADIUS),), spent)


def _largest_first(excess: Floats, owner: Ints) -> Ints:
    """Order by owner, then the largest excess, then by position.

    One sort of whole numbers that hold all three, place included, costs a tenth of sorting by three keys. An excess
    above a million counts as a million.
    """
    bits = len(excess).bit_length()
    rank = _LARGEST - np.minimum(excess, float(_LARGEST)).astype(np.int64)
    keys = (((owner << _EXCESS_BITS) | rank) << bits) | np.arange(len(excess))
    keys.sort()
    result: Ints = keys & ((1 << bits) - 1)
    return result


_EXCESS_BITS = 20
_LARGEST = (1 << _EXCESS_BITS) - 1
