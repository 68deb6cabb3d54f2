"""The division of a pool written down as it is said: unit by unit, one tenant after the other. Slow, and obvious."""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from autoscaler.core.columns import Floats
from autoscaler.core.pool import Claims
from autoscaler.core.promises import promised


@dataclass
class SlowTenant:
    """One tenant of one pool."""

    demand: int
    guarantee: int
    kept: int
    weight: Fraction
    current: int
    masked: int
    above: int = 0

    @property
    def own(self) -> int:
        return min(self.demand, self.guarantee)


def slow_shares(claims: Claims) -> list[int]:
    """Divide every pool."""
    result = [0] * len(claims.demand)
    for pool, size in enumerate(claims.size.tolist()):
        places = np.flatnonzero(claims.pool == pool).tolist()
        tenants = [
            SlowTenant(
                *(int(column[place]) for column in claims[:3]),
                Fraction(float(claims.weight[place])).limit_denominator(1000),
                *(int(column[place]) for column in claims[4:6]),
            )
            for place in places
        ]
        divide(tenants, size)
        for place, tenant in zip(places, tenants, strict=True):
            result[place] = tenant.own + tenant.above
    return result


def divide(tenants: Sequence[SlowTenant], size: float) -> None:
    """Divide one pool: `above` is what each gets above its guarantee."""
    left = size
    for tenant in tenants:
        tenant.above = max(tenant.masked - tenant.own, 0)
        left -= max(tenant.own, tenant.kept) + tenant.above
    while left > 0:
        hungry = [place for place, one in enumerate(tenants) if one.own + one.above < one.demand]
        if not hungry:
            return
        tenants[min(hungry, key=lambda place: claim(tenants[place], place))].above += 1
        left -= 1


def claim(tenant: SlowTenant, place: int) -> tuple[bool, Fraction, bool, int]:
    """Give what orders the claims on the next unit: the smallest is served."""
    is_last = tenant.weight == 0
    holds = tenant.own + tenant.above < tenant.current
    return is_last, Fraction(tenant.above + 1) / (tenant.weight or 1), not holds, place


def random_claims(rng: np.random.Generator, most: int = 8, pools: int = 2) -> Claims:
    """Make random pools: tight and wide ones, scaled guarantees, masked replicas, weights of 0 and of equal claims."""
    tenants = int(rng.integers(1, most + 1))
    pool = rng.integers(0, pools, tenants)
    size = np.where(rng.random(pools) < 0.1, np.inf, rng.integers(0, 50, pools)).astype(float)
    asked = np.where(rng.random(tenants) < 0.4, 0, rng.integers(0, 15, tenants)).astype(float)
    guarantee, _ = promised(asked, pool, size)
    lend = rng.choice([0.0, 2.0, np.inf], tenants)
    demand = np.where(rng.random(tenants) < 0.2, 0, rng.integers(0, 25, tenants)).astype(float)
    masked = np.where(rng.random(tenants) < 0.2, np.floor(demand * rng.random(tenants)), 0.0)
    return Claims(
        demand=demand,
        guarantee=guarantee,
        kept=guarantee - np.minimum(lend, guarantee),
        weight=rng.choice([0.0, 0.1, 0.3, 0.5, 1.0, 1.0, 2.0, 3.0, 7.0], tenants),
        current=np.maximum(rng.integers(0, 20, tenants).astype(float), masked),
        masked=masked,
        pool=pool,
        size=size,
    )


def permuted(claims: Claims, order: np.ndarray) -> Claims:
    """Give the same tenants in another order."""
    return Claims(*(column[order] for column in claims[:6]), claims.pool[order], claims.size)


def by_pool(claims: Claims, column: Floats) -> Floats:
    return np.bincount(claims.pool, weights=column, minlength=len(claims.size))
