"""Tenants' budgets and the pools of the settings → the columns for the core."""

import math
from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from autoscaler.core.budgets import Budgets
from autoscaler.policy.plan import TenantPlan
from autoscaler.policy.problems import Problem
from autoscaler.policy.settings import PoolSettings


def budgets_of(tenants: Sequence[TenantPlan], pools: Mapping[str, PoolSettings]) -> Budgets:
    """Give the columns of these tenants, in their order.

    A tenant whose pool there is none of has no document in force; here it counts as in a pool of its own name without
    a limit, so that replaying an old log needs no settings.

    Args:
        pools: by name.
    """
    names = tuple(sorted({*pools, *(tenant.pool for tenant in tenants)}))
    place = {name: position for position, name in enumerate(names)}
    known = [pools.get(name, PoolSettings()) for name in names]
    replicas = [tenant.budget.replicas for tenant in tenants]
    return Budgets(
        guarantee=np.array([one.guarantee for one in replicas], np.float64),
        lend=np.array([math.inf if one.lend == "all" else one.lend for one in replicas], np.float64),
        weight=np.array([one.weight for one in replicas], np.float64),
        concurrency_cap=np.array([_limit(tenant.budget.concurrency.cap) for tenant in tenants], np.float64),
        pool=np.array([place[tenant.pool] for tenant in tenants], np.int64),
        pools=names,
        size=np.array([_limit(one.replicas) for one in known], np.float64),
        is_strict=np.array([one.strict for one in known], np.bool_),
        hold_s=np.array([one.hold for one in known], np.float64),
        grace_s=np.array([one.start_grace for one in known], np.float64),
    )


def pools_of(budgets: Budgets) -> dict[str, PoolSettings]:
    """Give the settings that make these pools: what a decision log knows of them, durations in seconds."""
    return {
        name: PoolSettings.model_construct(
            replicas=int(budgets.size[place]) if math.isfinite(budgets.size[place]) else None,
            strict=bool(budgets.is_strict[place]),
            hold=float(budgets.hold_s[place]),
            start_grace=float(budgets.grace_s[place]),
        )
        for place, name in enumerate(budgets.pools)
    }


def in_the_way(problems: Iterable[Problem]) -> tuple[Problem, ...]:
    """Give the problems that keep a document out; guarantees above their pool are scaled, and a simulation can show it."""
    return tuple(problem for problem in problems if not problem.is_warning)


def _limit(value: int | None) -> float:
    return math.inf if value is None else float(value)
