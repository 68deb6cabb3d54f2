"""Plans of many functions, for benchmarks of the shell: only what decides which series fill which rows."""

import numpy as np

from autoscaler.core.fleet import OFF, Fleet, FunctionKey, Rules
from autoscaler.policy.plan import FunctionPlan, Plan, TenantPlan

NAMESPACE_SIZE = 100


def names(count: int) -> list[FunctionKey]:
    """Give `count` functions in namespaces of a hundred each, sorted."""
    return sorted(FunctionKey(f"tenant-{one // NAMESPACE_SIZE:05d}", f"function-{one:06d}") for one in range(count))


def plan_of(count: int, source: str = "main") -> Plan:
    """Make a plan of `count` functions, a tenant per namespace."""
    keys = tuple(names(count))
    tenants = tuple(sorted({key.namespace for key in keys}))
    position = {tenant: index for index, tenant in enumerate(tenants)}
    columns = {name: np.full(count, np.inf) for name in Rules.__dataclass_fields__ if name not in OFF}
    columns["paused"] = np.zeros(count, dtype=np.bool_)
    fleet = Fleet(
        keys=keys,
        uids=tuple(f"uid-{row}" for row in range(count)),
        row_of={key: row for row, key in enumerate(keys)},
        tenant=np.array([position[key.namespace] for key in keys], dtype=np.int64),
        tenants=tenants,
        tenant_cap=np.full(len(tenants), np.inf),
        rules=Rules(**columns),
    )
    of_tenant = {
        one: TenantPlan(one, frozenset({one}), source, frozenset(), replicas_cap=None, dry_run=False) for one in tenants
    }
    return Plan(fleet, (FunctionPlan(None, 25.0, 1_000, (), dry_run=False),) * count, of_tenant)
