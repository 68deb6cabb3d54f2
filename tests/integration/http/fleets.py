"""Prepared fleets and ticks for tests of the HTTP server: three tenants whose functions bind for different reasons."""

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace

import numpy as np

from autoscaler.core.accounts import Accounts
from autoscaler.core.budgets import without_budgets
from autoscaler.core.decisions import Decisions
from autoscaler.core.fleet import Fleet, FunctionKey, Rules
from autoscaler.core.now import Now
from autoscaler.core.reasons import Reason
from autoscaler.core.seen import Seen
from autoscaler.core.stages import Stage
from autoscaler.core.trail import changes_of
from autoscaler.policy.plan import FunctionPlan, Plan, TenantPlan


@dataclass(frozen=True)
class Row:
    """One function as a test wants it; nan: unknown."""

    tenant: str
    namespace: str
    name: str
    rps: float
    seen: Seen
    requested: int
    ready: int
    stages: tuple[int, ...]
    reasons: tuple[Reason, ...]


P = Reason.PASSED
ROWS = (
    Row("acme", "acme-prod", "checkout", 42.0, Seen.VALUE, 5, 5, (5, 5, 5, 5, 5, 5, 5, 5), (Reason.DEMAND, P, P, P, P, P, P, P)),
    Row("acme", "acme-prod", "thumbnail", 0.0, Seen.PROVEN_ZERO, 1, 1, (0, 0, 0, 0, 0, 0, 0, 0), (Reason.DEMAND, P, P, Reason.ZERO_IDLE, P, P, P, P)),
    Row("acme", "acme-dev", "search", float("nan"), Seen.UNKNOWN, 3, 2, (3, 3, 3, 3, 3, 3, 3, 3), (Reason.UNKNOWN_LOAD, Reason.UNKNOWN_LOAD, P, P, P, P, P, P)),
    Row("umbrella", "umbrella", "render", 910.0, Seen.VALUE, 8, 8, (14, 14, 14, 14, 12, 8, 8, 8), (Reason.DEMAND, P, P, P, Reason.MAX_REPLICAS, Reason.BUDGET, P, P)),
    Row("umbrella", "umbrella", "mail", 0.0, Seen.VALUE, 0, 0, (0, 0, 1, 1, 1, 1, 1, 1), (Reason.DEMAND, P, Reason.WAKE, P, P, P, P, P)),
    Row("wayne", "wayne", "signal", 3.5, Seen.LOWER_BOUND, 4, 4, (1, 4, 4, 4, 4, 4, 4, 4), (Reason.DEMAND, Reason.LOWER_BOUND, P, P, P, P, P, P)),
)  # fmt: skip
CAPS = {"acme": 20, "umbrella": 9, "wayne": None}


def fleet(rows: Sequence[Row]) -> Fleet:
    """Give the fleet of these rows, sorted by key as every fleet is."""
    ordered = sorted(rows, key=lambda row: (row.namespace, row.name))
    keys = tuple(FunctionKey(row.namespace, row.name) for row in ordered)
    tenants = tuple(sorted({row.tenant for row in rows}))
    columns = {field.name: np.full(len(rows), 10.0) for field in fields(Rules)}
    columns |= {"force": np.full(len(rows), np.nan), "concurrency_cap": np.full(len(rows), np.inf)}
    columns |= {"paused": np.zeros(len(rows), np.bool_)}
    caps = [CAPS.get(tenant) for tenant in tenants]
    return Fleet(
        keys=keys,
        uids=tuple(f"uid-{key}" for key in keys),
        row_of={key: row for row, key in enumerate(keys)},
        tenant=np.array([tenants.index(row.tenant) for row in ordered], np.int64),
        tenants=tenants,
        tenant_cap=np.array([np.inf if cap is None else cap for cap in caps], np.float64),
        rules=Rules(**columns),
    )


def plan(of: Fleet) -> Plan:
    """Give a plan over a fleet: one source for acme, another for everybody else."""
    namespaces: dict[str, set[str]] = {}
    for row, key in enumerate(of.keys):
        namespaces.setdefault(of.tenants[of.tenant[row]], set()).add(key.namespace)
    return Plan(
        fleet=of,
        functions=tuple(FunctionPlan(f"{key.namespace}/default", 25.0, 1000, (), False) for key in of.keys),
        tenants={
            name: TenantPlan(name, frozenset(found), "main" if name == "acme" else "second", frozenset(), CAPS.get(name), False)
            for name, found in namespaces.items()
        },
    )  # fmt: skip


def tick(rows: Sequence[Row], now: Now, of: Fleet | None = None) -> Decisions:
    """Give the decisions of a full tick over these rows."""
    ordered = sorted(rows, key=lambda row: (row.namespace, row.name))
    bound = [[reason for reason in row.reasons if reason is not Reason.PASSED] for row in ordered]
    rps = np.array([row.rps for row in ordered])
    stages = np.array([[row.stages[stage] for row in ordered] for stage in Stage], np.float64)
    return Decisions(
        now=now,
        fleet=of if of is not None else fleet(rows),
        is_tick=True,
        rows=np.arange(len(rows), dtype=np.int64),
        seen=np.array([row.seen for row in ordered], np.uint8),
        rps=rps,
        concurrency=rps / 10,
        in_flight=np.floor(rps / 10),
        requested=np.array([row.requested for row in ordered], np.float64),
        ready=np.array([row.ready for row in ordered], np.float64),
        desired=stages[Stage.MASK],
        applied=changes_of(stages, np.array([[row.reasons[stage] for row in ordered] for stage in Stage], np.uint8)),
        reason=np.array([reasons[-1] for reasons in bound], np.uint8),
    )


def many(functions: int, tenants: int = 10) -> tuple[Row, ...]:
    """Give this many functions, in namespaces of their tenants."""
    stages = (2,) * len(Stage)
    reasons = (Reason.DEMAND,) + (Reason.PASSED,) * (len(Stage) - 1)
    return tuple(
        Row(f"t{n % tenants}", f"ns-{n % tenants}", f"fn-{n:06}", 1.5, Seen.VALUE, 2, 2, stages, reasons)
        for n in range(functions)
    )


SIZE = 14.0
"""Of the pool that acme, umbrella and wayne share: 4, 6 and 0 guaranteed."""


def contested(decisions: Decisions) -> Decisions:
    """Give a tick in which acme wants 5 and has them, umbrella wants 12 and gets 7, and wayne's 4 run unasked."""
    names = decisions.fleet.tenants
    assert names == ("acme", "umbrella", "wayne")
    guarantee = np.array([4.0, 6.0, 0.0])
    budgets = replace(without_budgets(names), guarantee=guarantee, size=np.array([SIZE]))
    granted = np.array([5.0, 7.0, 4.0])
    accounts = Accounts(
        asked=np.array([5.0, 12.0, 4.0]),
        granted=granted,
        masked=np.array([0.0, 0.0, 4.0]),
        charged=granted,
        share=granted,
        borrowed=np.array([1.0, 1.0, 4.0]),
        lent=np.zeros(3),
        concurrency=np.array([np.nan, 70.0, np.nan]),
        bound=np.array([Reason.PASSED, Reason.POOL, Reason.PASSED], np.uint8),
        guarantee=guarantee,
        kept=np.zeros(3),
        over=np.array([2.0]),
    )
    fleet = replace(decisions.fleet, budgets=budgets)
    refused = [one._replace(reason=Reason.POOL) if one.reason is Reason.BUDGET else one for one in decisions.applied]
    return replace(decisions, fleet=fleet, accounts=accounts, applied=tuple(refused))
