"""Plans for tests of sources: only what decides which series fill which rows."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from autoscaler.core.fleet import Fleet, FunctionKey, Rules
from autoscaler.core.lanes import MetricKind, OtherMetrics
from autoscaler.core.observation import Load
from autoscaler.policy.plan import FunctionPlan, Plan, QueryPlan, TenantPlan


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
                callers=frozenset(),
                replicas_cap=None,
                dry_run=False,
            )
            for name in tenants
        },
    )


@dataclass(frozen=True)
class Lane:
    """A further metric of a function: what its name is, of which kind, and the tenant's own query, if it has one."""

    name: str
    kind: MetricKind
    query: str | None = None
    activity: str | None = None


def own(name: str, query: str, activity: str | None = None) -> Lane:
    """Give a function's own query."""
    return Lane(name, MetricKind.QUERY, query, activity)


def with_lanes(plan: Plan, *lanes: Lane) -> Plan:
    """Give a plan whose functions have further metrics; the policy of each is `default` in its namespace."""
    row_of = plan.fleet.row_of
    ordered = sorted(lanes, key=lambda lane: row_of[FunctionKey(*lane.name.split("/"))])
    others = OtherMetrics(
        rows=np.array([row_of[FunctionKey(*lane.name.split("/"))] for lane in ordered], dtype=np.int64),
        kind=np.array([lane.kind for lane in ordered], dtype=np.uint8),
        names=tuple(lane.query or lane.kind.name.lower() for lane in ordered),
        target=np.ones(len(ordered)),
        is_value=np.zeros(len(ordered), dtype=np.bool_),
    )
    return replace(
        plan,
        fleet=replace(plan.fleet, others=others),
        functions=tuple(
            replace(one, policy=f"{key.namespace}/default")
            for one, key in zip(plan.functions, plan.fleet.keys, strict=True)
        ),
        queries=tuple(None if lane.query is None else QueryPlan(lane.query, lane.activity) for lane in ordered),
    )


def told(load: Load, plan: Plan, name: str) -> list[float | None]:
    """Give the values of a function's lanes; None: unknown."""
    row = plan.fleet.row_of[FunctionKey(*name.split("/"))]
    values = load.others[plan.fleet.others.rows == row]
    return [None if np.isnan(value) else float(value) for value in values]


def are_idle(load: Load, plan: Plan, name: str) -> list[bool]:
    """Tell which of a function's lanes are proven idle."""
    row = plan.fleet.row_of[FunctionKey(*name.split("/"))]
    return [bool(flag) for flag in load.others_idle[plan.fleet.others.rows == row]]
