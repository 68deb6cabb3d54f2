"""Plans for tests of sources: only what decides which series fill which rows."""

from collections.abc import Mapping, Sequence

import numpy as np

from autoscaler.core.fleet import Fleet, FunctionKey, Rules
from autoscaler.policy.plan import FunctionPlan, Plan, TenantPlan


def plan_of(functions: Mapping[str, Sequence[str]], sources: Mapping[str, str] | None = None) -> Plan:
    """Make a plan.

    Args:
        functions: `namespace/name` of each tenant's functions.
        sources: source of each tenant; default: `main`.
    """
    tenants = tuple(sorted(functions))
    rows = sorted(
        (FunctionKey(*name.split("/")), index) for index, tenant in enumerate(tenants) for name in functions[tenant]
    )
    keys = tuple(key for key, _ in rows)
    count = len(keys)
    columns = {name: np.full(count, np.inf) for name in Rules.__dataclass_fields__}
    columns["paused"] = np.zeros(count, dtype=np.bool_)
    return Plan(
        fleet=Fleet(
            keys=keys,
            uids=tuple(f"uid-{key}" for key in keys),
            row_of={key: row for row, key in enumerate(keys)},
            tenant=np.array([index for _, index in rows], dtype=np.int64),
            tenants=tenants,
            tenant_cap=np.full(len(tenants), np.inf),
            rules=Rules(**columns),
        ),
        functions=(FunctionPlan(None, 25.0, 1_000, (), False),) * count,
        tenants={
            name: TenantPlan(
                name=name,
                namespaces=frozenset(one.split("/")[0] for one in functions[name]),
                source=(sources or {}).get(name, "main"),
                token_hashes=frozenset(),
                replicas_cap=None,
                dry_run=False,
            )
            for name in tenants
        },
    )
