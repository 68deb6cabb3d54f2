"""What the documents say of tenants' budgets and of the pools that they share, as columns."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from autoscaler.core.columns import Bools, Floats, Ints


@dataclass(frozen=True, slots=True, eq=False)
class Budgets:
    """Budgets of a fleet's tenants and the pools that they are in; `Fleet.tenant_cap` has the caps.

    Attributes:
        guarantee: `(tenants,) float64`, replicas that are always theirs.
        lend: `(tenants,) float64`, of their unused guarantee, replicas that others may use; inf: all.
        weight: `(tenants,) float64`, share of what is left over, >= 0; 0: only what nobody else wants.
        concurrency_cap: `(tenants,) float64`, requests in flight that they may be given in all; inf: no limit.
        pool: `(tenants,) int64`, index into `pools`.
        pools: names of the pools.
        size: `(pools,) float64`, replicas that there are in all; inf: no limit.
        is_strict: `(pools,) bool`, a lender's raise waits until what was borrowed of it has really gone.
        hold_s: `(pools,) float64`, seconds for which a tenant keeps what it borrowed, at least.
        grace_s: `(pools,) float64`, seconds after which replicas that cannot start are charged only as far as they
            exist.
    """

    guarantee: Floats
    lend: Floats
    weight: Floats
    concurrency_cap: Floats
    pool: Ints
    pools: tuple[str, ...]
    size: Floats
    is_strict: Bools
    hold_s: Floats
    grace_s: Floats


def without_budgets(tenants: Sequence[str]) -> Budgets:
    """Give the budgets of tenants of which nothing but caps is said: one pool without a limit."""
    count = len(tenants)
    return Budgets(
        guarantee=np.zeros(count),
        lend=np.full(count, np.inf),
        weight=np.ones(count),
        concurrency_cap=np.full(count, np.inf),
        pool=np.zeros(count, np.int64),
        pools=("default",),
        size=np.array([np.inf]),
        is_strict=np.zeros(1, np.bool_),
        hold_s=np.zeros(1),
        grace_s=np.full(1, np.inf),
    )
