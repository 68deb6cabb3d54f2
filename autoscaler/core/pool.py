"""Stage 6, pools: how tenants share the replicas that there are."""

from typing import NamedTuple

import numpy as np

from autoscaler.core.columns import Bools, Floats, Ints
from autoscaler.core.water import shared_out


class Claims(NamedTuple):
    """What tenants ask of their pools. All `(tenants,) float64`, whole replicas, unless said.

    Attributes:
        demand: asked for, within their own caps; what is paused or somebody else's counts as it runs.
        guarantee: always theirs.
        kept: of the guarantee, what is not lent.
        weight: of what is left over, >= 0; 0: only what nobody else wants.
        current: what runs; breaks ties.
        masked: of the demand, what runs and cannot be changed.
        pool: `(tenants,) int64`.
        size: `(pools,) float64`; inf: no limit.
    """

    demand: Floats
    guarantee: Floats
    kept: Floats
    weight: Floats
    current: Floats
    masked: Floats
    pool: Ints
    size: Floats

    @property
    def own(self) -> Floats:
        """What each asks for within its guarantee."""
        return np.minimum(self.demand, self.guarantee)

    @property
    def idle(self) -> Floats:
        """What each neither uses nor lends."""
        return np.maximum(self.kept - self.own, 0.0)

    def by_pool(self, column: Floats) -> Floats:
        """Sum a column of tenants by pool: `(pools,) float64`."""
        sums = np.bincount(self.pool, weights=column, minlength=len(self.size))
        return sums.astype(np.float64, copy=False)


def short_of(claims: Claims) -> Bools:
    """Give `(pools,) bool`, where demands, and what is kept idle, exceed the pool."""
    result: Bools = claims.by_pool(np.maximum(claims.demand, claims.kept)) > claims.size
    return result


def shares(claims: Claims) -> Floats:
    """Give what each tenant gets of its pool: its demand within its guarantee, and of what is left its fair share.

    What is left is the pool without what is used of guarantees, and without what is kept idle of them. It goes unit by
    unit to the tenant with the least (units above its guarantee + 1) / weight. What the mask holds above a guarantee
    is charged to that: it may take all that is left over, and never of another's min(demand, guarantee).

    Returns:
        `(tenants,) float64`: from min(demand, guarantee) to the demand, within the pool in all but for what the mask
        holds.
    """
    own = claims.own
    above = np.maximum(claims.masked - own, 0.0)
    stock = claims.size - claims.by_pool(own + claims.idle)
    surplus = shared_out(above, claims.demand - own, claims.weight, claims.current - own, claims.pool, stock)
    return own + surplus
