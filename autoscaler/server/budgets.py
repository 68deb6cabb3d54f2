"""Budgets as JSON: who holds what, what was asked, what was refused, and by which budget."""

from collections.abc import Iterable, Mapping

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


def of_tenants(tenants: Iterable[TenantPlan], decisions: Decisions) -> dict[str, Json]:
    """Give tenants' budgets by name, and what the last tick made of them; its numbers are null where it made nothing."""
    used = _used(decisions)
    return {one.name: _said(one) | used.get(one.name, _UNUSED) for one in tenants}


def _said(planned: TenantPlan) -> Json:
    replicas = planned.budget.replicas
    return {
        "pool": planned.pool,
        "guarantee": replicas.guarantee,
        "cap": replicas.cap,
        "lend": replicas.lend,
        "weight": replicas.weight,
        "concurrency_cap": planned.budget.concurrency.cap,
    }


def _used(decisions: Decisions) -> dict[str, Json]:
    accounts = decisions.accounts
    if accounts is None:
        return {}
    columns = {name: column.tolist() for name, column in numbers(accounts).items()}
    bounds = [REASON_OF[code] for code in accounts.bound.tolist()]
    return {
        name: {column: known(values[at]) for column, values in columns.items()}
        | {"bound_by": None if bounds[at] is Reason.PASSED else bounds[at].name}
        for at, name in enumerate(decisions.fleet.tenants)
    }


_UNUSED: Json = dict.fromkeys((*TENANT_NUMBERS, "bound_by"))
"""Of a tenant that the last tick made no account of."""


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
