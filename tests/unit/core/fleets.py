"""Small fleets and observations for tests, each with the defaults of a plain function."""

from collections.abc import Mapping, Sequence
from dataclasses import fields

import numpy as np

from autoscaler.core.budgets import Budgets
from autoscaler.core.columns import Floats
from autoscaler.core.controller import Controller
from autoscaler.core.decisions import Decisions
from autoscaler.core.events import Event
from autoscaler.core.fleet import OFF, Fleet, FunctionKey, Rules
from autoscaler.core.invariants import check_invariants
from autoscaler.core.lanes import MetricKind, OtherMetrics, RatePolicies, Schedules, Select
from autoscaler.core.now import Now
from autoscaler.core.observation import Load, Observation
from autoscaler.core.reasons import Reason
from autoscaler.core.staged import Change
from autoscaler.core.stages import Stage
from autoscaler.core.trail import Trail

INF, NAN = np.inf, np.nan
UTC_S = 1_700_000_000.0
"""UTC seconds at which the monotonic clock of tests is at 0."""

PLAIN: Mapping[str, float | bool] = {
    "target_rps": 10.0,
    "target_concurrency": INF,
    "stable_window_s": 60.0,
    "max_rate_up": 1000.0,
    "max_rate_down": 1000.0,
    "tolerance_up": 0.0,
    "tolerance_down": 0.0,
    "stabilization_down_s": 0.0,
    "concurrency_limit": INF,
    "min_replicas": 0.0,
    "max_replicas": INF,
    "concurrency_cap": INF,
    "activation": 1.0,
    "zero_after_s": INF,
    "paused": False,
    "force": NAN,
    **OFF,
}


def key(name: str, namespace: str = "ns") -> FunctionKey:
    return FunctionKey(namespace, name)


def make_rules(count: int = 1, **columns: object) -> Rules:
    """Make rules of plain functions; a column given is spread over them, or taken as it is."""
    values = {}
    for field in fields(Rules):
        given = columns.get(field.name, PLAIN[field.name])
        kind = bool if field.name == "paused" else np.float64
        values[field.name] = np.broadcast_to(np.asarray(given, kind), (count,)).copy()
    return Rules(**values)


def make_fleet(
    functions: Sequence[tuple[str, str, Mapping[str, float | bool]]],
    caps: Mapping[str, float] | None = None,
    uids: Mapping[str, str] | None = None,
    **lanes: object,
) -> Fleet:
    """Make a fleet from (tenant, name, rules); every tenant has a namespace named like itself.

    Lanes (`rate_up`, `others`, …) name rows, which are ordered by tenant and name.
    """
    ordered = sorted(functions, key=lambda function: (function[0], function[1]))
    keys = tuple(FunctionKey(tenant, name) for tenant, name, _ in ordered)
    tenants = tuple(sorted({tenant for tenant, _, _ in ordered} | set(caps or {})))
    columns = {
        field.name: np.array(
            [rules.get(field.name, PLAIN[field.name]) for _, _, rules in ordered],
            bool if field.name == "paused" else np.float64,
        )
        for field in fields(Rules)
    }
    return Fleet(
        keys=keys,
        uids=tuple((uids or {}).get(one.name, f"uid-{one}") for one in keys),
        row_of={one: row for row, one in enumerate(keys)},
        tenant=np.array([tenants.index(one.namespace) for one in keys], np.int64),
        tenants=tenants,
        tenant_cap=np.array([(caps or {}).get(tenant, INF) for tenant in tenants], np.float64),
        rules=Rules(**columns),
        **lanes,
    )


Policy = tuple[bool, float, float]
"""Whether a scaling policy is a percentage, its value, and its period in seconds."""


def policies(of_rows: Mapping[int, Sequence[Policy]], select: Select = Select.MAX) -> RatePolicies:
    """Make scaling policies of one direction, all with the same choice between several."""
    rows = sorted(of_rows)
    each = [policy for row in rows for policy in of_rows[row]]
    return RatePolicies(
        rows=np.array(rows, np.int64),
        select=np.full(len(rows), select, np.uint8),
        starts=np.cumsum([0, *(len(of_rows[row]) for row in rows)]),
        is_percent=np.array([policy[0] for policy in each], np.bool_),
        value=np.array([policy[1] for policy in each], np.float64),
        period_s=np.array([policy[2] for policy in each], np.float64),
    )


def metrics(*lanes: tuple[int, MetricKind, float], is_value: bool = False) -> OtherMetrics:
    """Make further metrics from (row, kind, target)."""
    return OtherMetrics(
        rows=np.array([row for row, _, _ in lanes], np.int64),
        kind=np.array([kind for _, kind, _ in lanes], np.uint8),
        names=tuple(f"{kind.name.lower()}{place}" for place, (_, kind, _) in enumerate(lanes)),
        target=np.array([target for _, _, target in lanes], np.float64),
        is_value=np.full(len(lanes), is_value, np.bool_),
    )


def budgets(
    size: float,
    *tenants: Mapping[str, float],
    strict: bool = False,
    hold_s: float = 0.0,
    grace_s: float = 60.0,
) -> Budgets:
    """Make the budgets of tenants in one pool, each from its guarantee, lend, weight and concurrency_cap, in order."""

    def column(name: str, otherwise: float) -> Floats:
        return np.array([tenant.get(name, otherwise) for tenant in tenants], np.float64)

    return Budgets(
        guarantee=column("guarantee", 0.0),
        lend=column("lend", INF),
        weight=column("weight", 1.0),
        concurrency_cap=column("concurrency_cap", INF),
        pool=np.zeros(len(tenants), np.int64),
        pools=("default",),
        size=np.array([size], np.float64),
        is_strict=np.array([strict]),
        hold_s=np.array([hold_s]),
        grace_s=np.array([grace_s]),
    )


def spans(*of: tuple[int, float, float, float, float]) -> Schedules:
    """Make schedules from (row, start, end, floor, ceiling); times count from the UTC second at which `at` is 0."""
    columns = np.array(of, np.float64).reshape(-1, 5).T
    return Schedules(columns[0].astype(np.int64), UTC_S + columns[1], UTC_S + columns[2], columns[3], columns[4])


def make_load(count: int, **columns: object) -> Load:
    """Make samples: unknown unless given, covered over 60 s, not idle."""
    further = {name: columns.pop(name) for name in ("others", "others_idle", "panic") if name in columns}
    for name, kind in (("others", np.float64), ("others_idle", np.bool_)):
        if name in further:
            further[name] = np.atleast_1d(np.asarray(further[name], kind)).copy()
    plain: dict[str, object] = {
        "rps": NAN,
        "concurrency": NAN,
        "in_flight": NAN,
        "is_covered": True,
        "is_idle": False,
        "range_s": 60.0,
    }
    kinds = {"is_covered": bool, "is_idle": bool}
    return Load(
        **{
            name: np.broadcast_to(np.asarray(columns.get(name, default), kinds.get(name, np.float64)), (count,)).copy()
            for name, default in plain.items()
        },
        **further,
    )


def observe(fleet: Fleet, requested: object, **columns: object) -> Observation:
    """Make an observation; ready is what is requested unless given."""
    count = len(fleet)

    def column(name: str, default: object, kind: type = np.float64) -> np.ndarray:
        return np.broadcast_to(np.asarray(columns.pop(name, default), kind), (count,)).copy()

    ready = column("ready", requested)
    waiting, is_held = column("waiting", 0.0), column("is_held", False, bool)
    obstacle = column("obstacle", 0, np.uint8)
    wanted = np.broadcast_to(np.asarray(requested, np.float64), (count,)).copy()
    return Observation(fleet, make_load(count, **columns), wanted, ready, waiting, is_held, obstacle)


_LANES = ("budgets", "created_s", "rate_up", "rate_down", "others", "schedules")


def one(**rules: object) -> Fleet:
    """Make a fleet of one function `acme/f`, with these rules and lanes."""
    lanes = {name: rules.pop(name) for name in _LANES if name in rules}
    return make_fleet([("acme", "f", rules)], **lanes)


def at(seconds: float) -> Now:
    return Now(seconds, UTC_S + seconds)


def stepped(
    controller: Controller, seconds: float, observation: Observation | None, events: Sequence[Event] = ()
) -> Decisions:
    """Step, check the invariants, and give the decisions, a tick's over all rows."""
    decisions = controller.step(at(seconds), observation, events)
    check_invariants(controller, decisions)
    return decisions.whole()


def applied(replicas: Floats, *changes: Change) -> Trail:
    """Apply what rules found to replicas that nothing has bound before."""
    trail = Trail(replicas.copy(), Reason.PASSED)
    trail.apply(Stage.GUARDS, *changes)
    return trail
