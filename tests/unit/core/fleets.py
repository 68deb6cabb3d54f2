"""Small fleets and observations for tests, each with the defaults of a plain function."""

from collections.abc import Mapping, Sequence
from dataclasses import fields

import numpy as np

from autoscaler.core.controller import Controller
from autoscaler.core.decisions import Decisions
from autoscaler.core.events import Event
from autoscaler.core.fleet import OFF, Fleet, FunctionKey, Rules
from autoscaler.core.invariants import check_invariants
from autoscaler.core.now import Now
from autoscaler.core.observation import Load, Observation

INF, NAN = np.inf, np.nan

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
) -> Fleet:
    """Make a fleet from (tenant, name, rules); every tenant has a namespace named like itself."""
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
    )


def make_load(count: int, **columns: object) -> Load:
    """Make samples: unknown unless given, covered over 60 s, not idle."""
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
        }
    )


def observe(fleet: Fleet, requested: object, **columns: object) -> Observation:
    """Make an observation; ready is what is requested unless given."""
    count = len(fleet)

    def column(name: str, default: object, kind: type = np.float64) -> np.ndarray:
        return np.broadcast_to(np.asarray(columns.pop(name, default), kind), (count,)).copy()

    ready = column("ready", requested)
    waiting, is_held = column("waiting", 0.0), column("is_held", False, bool)
    wanted = np.broadcast_to(np.asarray(requested, np.float64), (count,)).copy()
    return Observation(fleet, make_load(count, **columns), wanted, ready, waiting, is_held)


def one(**rules: float | bool) -> Fleet:
    """Make a fleet of one function `acme/f`."""
    return make_fleet([("acme", "f", rules)])


def at(seconds: float) -> Now:
    return Now(seconds, 1_700_000_000.0 + seconds)


def stepped(
    controller: Controller, seconds: float, observation: Observation | None, events: Sequence[Event] = ()
) -> Decisions:
    """Step, check the invariants, and give the decisions."""
    decisions = controller.step(at(seconds), observation, events)
    check_invariants(controller, decisions)
    return decisions
