"""What a tick's budgets came to: who holds what, what was asked, what was refused, and by which budget."""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from autoscaler.core.columns import Codes, Floats
from autoscaler.core.promises import MICRO, Promises
from autoscaler.core.water import shared_out


@dataclass(frozen=True, slots=True, eq=False)
class Accounts:
    """The budgets of one tick, `(tenants,) float64` in replicas unless said; they add up.

    Attributes:
        asked: what the limits (stage 5) left of their functions' demand; what is under the mask counts as it runs.
        granted: what they get of it.
        masked: of it what is paused or somebody else's.
        charged: what their pool is charged for: the granted, less what cannot start, and what the blast radius keeps.
        share: what their pool has for them now: granted is never more, but where the mask holds more.
        borrowed: charged above their guarantee; 0: their pool has no limit.
        lent: what others use of their guarantee.
        concurrency: requests in flight that the granted replicas may be given; nan: the tenant has no concurrency cap.
        bound: `(tenants,) uint8`, `Reason` of the budget that refused anything last (BUDGET, CONCURRENCY_BUDGET, POOL,
            RECLAIM), PASSED where none did.
        guarantee: what is theirs in any case: the document's, scaled where the pool has less than is guaranteed in all.
        kept: beside the granted, what the blast radius (stage 7) does not let go yet.
        over: `(pools,) float64`, by how much what is charged exceeds the pool: what was borrowed lately and is asked
            back, or what the mask holds.
    """

    asked: Floats
    granted: Floats
    masked: Floats
    charged: Floats
    share: Floats
    borrowed: Floats
    lent: Floats
    concurrency: Floats
    bound: Codes
    guarantee: Floats
    kept: Floats
    over: Floats


class Sums(NamedTuple):
    """What stage 6 came to, `(tenants,) float64`; as in `Accounts`.

    Attributes:
        asked: replicas.
        granted: replicas.
        masked: replicas.
        charged: replicas, without what the blast radius keeps.
        in_flight: millionths of requests; nan: no concurrency cap.
        bound: `(tenants,) uint8`.
    """

    asked: Floats
    granted: Floats
    masked: Floats
    charged: Floats
    in_flight: Floats
    bound: Codes


def account(sums: Sums, kept: Floats, cap: Floats, promises: Promises) -> Accounts:
    """Make the account of a tick.

    Args:
        sums: what stage 6 came to.
        kept: `(tenants,) float64`, what the blast radius keeps beside it.
        cap: `(tenants,) float64`, replicas; inf: no limit.
        promises: guarantees and pools.
    """
    pool, guarantee = promises.pool, promises.guarantee
    charged = sums.charged + kept
    in_use = np.bincount(pool, weights=np.maximum(charged, promises.kept), minlength=len(promises.size))
    left = np.maximum(promises.size - in_use, 0.0)[pool]
    borrowed = np.where(promises.is_limited, np.maximum(charged - guarantee, 0.0), 0.0)
    return Accounts(
        asked=sums.asked,
        granted=sums.granted,
        masked=sums.masked,
        charged=charged,
        share=np.minimum(np.maximum(charged + left, guarantee) + (sums.granted - sums.charged), cap),
        borrowed=borrowed,
        lent=_lent(charged, borrowed, promises),
        concurrency=sums.in_flight / MICRO,
        bound=sums.bound,
        guarantee=guarantee,
        kept=kept,
        over=np.maximum(np.bincount(pool, weights=charged, minlength=len(promises.size)) - promises.size, 0.0),
    )


def _lent(charged: Floats, borrowed: Floats, promises: Promises) -> Floats:
    """Say whose guarantees are lent: what is borrowed beyond what nobody is guaranteed, in proportion to what is idle."""
    if not borrowed.any():
        return np.zeros(len(charged))
    pool, guarantee, pools = promises.pool, promises.guarantee, len(promises.size)
    spare = np.maximum(guarantee - np.maximum(charged, promises.kept), 0.0)
    common = promises.size - np.bincount(pool, weights=guarantee, minlength=pools)
    lent = np.maximum(np.bincount(pool, weights=borrowed, minlength=pools) - common, 0.0)
    return shared_out(np.zeros(len(spare)), spare, np.maximum(spare, 1.0), np.zeros(len(spare)), pool, lent)
