"""Budgets as JSON: who holds what, what was asked, what was refused, and by which budget."""

from collections.abc import Mapping

import numpy as np

from autoscaler.core.accounts import Accounts
from autoscaler.core.columns import Floats
from autoscaler.core.decisions import Decisions
from autoscaler.core.reasons import REASON_OF, Reason
from autoscaler.policy.plan import Plan, TenantPlan
from autoscaler.ports import Caller
from autoscaler.server.views import Json, known

TENANT_NUMBERS: Mapping[str, str] = {
    "promised": "Replicas that are its own in any case: its guarantee, or its part where more is guaranteed than there is.",
    "asked": "Replicas that its functions asked for, limits applied.",
    "granted": "Replicas that its budget gives them.",
    "refused": "Replicas that its budget refuses them.",
    "masked": "Replicas of paused functions and of those left to others.",
    "kept": "Replicas beside those that the blast radius does not let go yet.",
    "charged": "Replicas that its pool is charged for.",
    "share": "Replicas that its pool has for it now; absent where there is no limit.",
    "borrowed": "Replicas charged above its guarantee.",
    "lent": "Replicas of its guarantee that others use.",
    "concurrency": "Requests in flight that its replicas may be given; absent without a concurrency cap.",
}
"""What the account of a tick says of each tenant, with the words of `/metrics`."""

POOL_NUMBERS: Mapping[str, str] = {
    "replicas": "Replicas that there are in all; absent where there is no limit.",
    "guaranteed": "Sum of the guarantees.",
    "charged": "Replicas in use.",
    "free": "Replicas that nobody uses; absent where there is no limit.",
    "over": "Replicas in use beyond what there is: borrowed ones that are being given back, or such as cannot be cut.",
    "emergency": "Whether more is guaranteed than there is, so that every promise is cut.",
}
"""Likewise of each pool."""


def numbers(accounts: Accounts) -> dict[str, Floats]:
    """Give the columns of `TENANT_NUMBERS`, `(tenants,) float64`; nan or inf: there is no such number."""
    other = {"promised": accounts.guarantee, "refused": accounts.asked - accounts.granted}
    return {name: other[name] if name in other else getattr(accounts, name) for name in TENANT_NUMBERS}


def tenant(planned: TenantPlan | None, decisions: Decisions) -> Json | None:
    """Give a tenant's budget, and what the last tick made of it; null where nothing of either is known."""
    if planned is None:
        return None
    replicas = planned.budget.replicas
    said: Json = {
        "pool": planned.pool,
        "guarantee": replicas.guarantee,
        "cap": replicas.cap,
        "lend": replicas.lend,
        "weight": replicas.weight,
        "concurrency_cap": planned.budget.concurrency.cap,
    }
    return said | _used(planned.name, decisions)


def _used(name: str, decisions: Decisions) -> Json:
    accounts, names = decisions.accounts, decisions.fleet.tenants
    if accounts is None or name not in names:
        return dict.fromkeys((*TENANT_NUMBERS, "bound_by"), None)
    at = names.index(name)
    bound = REASON_OF[int(accounts.bound[at])]
    used: Json = {column: known(float(values[at])) for column, values in numbers(accounts).items()}
    return used | {"bound_by": None if bound is Reason.PASSED else bound.name}


def pools(decisions: Decisions, plan: Plan, caller: Caller) -> list[Json]:
    """Give every pool that somebody is in; of several tenants together, so only to who may see all of them."""
    if caller.tenants is not None:
        return []
    columns, names = pool_numbers(decisions), decisions.fleet.budgets.pools
    used = {tenant.pool for tenant in plan.tenants.values()}
    return [
        {
            "pool": name,
            **{column: known(float(values[at])) for column, values in columns.items()},
            "emergency": bool(columns["emergency"][at]),
        }
        for at, name in enumerate(names)
        if name in used
    ]


def pool_numbers(decisions: Decisions) -> dict[str, Floats]:
    """Give the columns of `POOL_NUMBERS`, `(pools,) float64`; nan or inf: there is no such number."""
    budgets, accounts = decisions.fleet.budgets, decisions.accounts
    count = len(budgets.pools)
    guaranteed = np.bincount(budgets.pool, weights=budgets.guarantee, minlength=count)
    charged = over = np.full(count, np.nan)
    if accounts is not None:
        charged, over = np.bincount(budgets.pool, weights=accounts.charged, minlength=count), accounts.over
    return {
        "replicas": budgets.size,
        "guaranteed": guaranteed,
        "charged": charged,
        "free": np.maximum(budgets.size - charged, 0.0),
        "over": over,
        "emergency": (guaranteed > budgets.size).astype(np.float64),
    }
