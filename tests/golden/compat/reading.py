"""What a version makes of a set: plain values, so that two versions can be compared."""

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np
from ruamel.yaml import YAML

from autoscaler.core.events import Event
from autoscaler.core.fleet import FunctionKey
from autoscaler.core.journal.decoder import read
from autoscaler.core.journal.step import Gap, Head, Recorded, Step
from autoscaler.core.lanes import RatePolicies
from autoscaler.core.reasons import Reason
from autoscaler.core.seen import Seen
from autoscaler.policy.compile import Compiler
from autoscaler.policy.deployment import Deployed
from autoscaler.policy.loading import load
from autoscaler.policy.plan import Plan
from autoscaler.policy.settings import Settings

SETS = Path(__file__).parent
UTC_S = 1_767_225_600.0
"""When plans are compiled: 2026-01-01T00:00:00Z."""

Plain = dict[str, Any]


def versions() -> list[str]:
    """Give the versions that have a set."""
    return sorted(path.name for path in SETS.iterdir() if (path / "expected.json").is_file())


def yaml_of(path: Path) -> Any:
    return YAML(typ="safe").load(path.read_text())


def settings_of(folder: Path) -> Plain:
    """Give all settings as they are understood."""
    result: Plain = Settings.model_validate(yaml_of(folder / "settings.yaml")).model_dump(mode="json", by_alias=True)
    return result


def deployed_of(folder: Path) -> list[Deployed]:
    listed = json.loads((folder / "functions.json").read_text())
    return [
        Deployed(FunctionKey(*one["name"].split("/")), f"uid-{one['name']}", one["labels"], one["annotations"], UTC_S)
        for one in listed
    ]


def plan_of(folder: Path) -> Plan:
    """Compile the documents for the functions of a set.

    Raises:
        ValueError: a document or a mark is refused.
    """
    files = {path.name: path.read_text() for path in sorted((folder / "policies").iterdir())}
    policies, compiler = load(files), Compiler()
    plan = compiler.compile(policies, deployed_of(folder), UTC_S, 8 * 86_400.0)
    problems = [str(one) for one in (*policies.problems, *compiler.problems)]
    if problems:
        raise ValueError("; ".join(problems))
    return plan


def plan_told(plan: Plan) -> Plain:
    """Give everything that a plan says of functions and tenants."""
    fleet = plan.fleet
    functions = {}
    for row, key in enumerate(fleet.keys):
        of, schedules = np.flatnonzero(fleet.others.rows == row), np.flatnonzero(fleet.schedules.rows == row)
        function = plan.functions[row]
        queries = [plan.queries[lane] for lane in of.tolist()]
        functions[str(key)] = {
            "tenant": fleet.tenants[fleet.tenant[row]],
            "rules": {one.name: number(getattr(fleet.rules, one.name)[row]) for one in fields(fleet.rules)},
            "policy": function.policy,
            "wake": [function.wake_hold_s, function.wake_waiters],
            "dry_run": function.dry_run,
            "alerts": [
                {"match": dict(one.match), "factor": one.factor, "add": one.add, "expires_s": one.expires_s}
                for one in function.alerts
            ],
            "rate_up": rate_told(fleet.rate_up, row),
            "rate_down": rate_told(fleet.rate_down, row),
            "metrics": [
                {
                    "kind": int(fleet.others.kind[lane]),
                    "name": fleet.others.names[lane],
                    "target": number(fleet.others.target[lane]),
                    "is_value": bool(fleet.others.is_value[lane]),
                    "query": None if query is None else query.query,
                    "activity": None if query is None else query.activity,
                }
                for lane, query in zip(of.tolist(), queries, strict=True)
            ],
            "schedules": [
                [
                    number(column[lane])
                    for column in (
                        fleet.schedules.starts_s,
                        fleet.schedules.ends_s,
                        fleet.schedules.floor,
                        fleet.schedules.ceiling,
                    )
                ]
                for lane in schedules.tolist()
            ],
        }
    tenants = {
        name: {
            "namespaces": sorted(one.namespaces),
            "source": one.source,
            "token_hashes": sorted(known.mark.removeprefix("token:") for known in one.callers),
            "replicas_cap": one.replicas_cap,
            "dry_run": one.dry_run,
        }
        for name, one in plan.tenants.items()
    }
    return {"functions": functions, "tenants": tenants}


def event_told(event: Event) -> str:
    """Write an event; what a later version added to it and nobody has said is left out."""
    said = ((one.name, getattr(event, one.name), one.default) for one in fields(event))
    return f"{type(event).__name__}({', '.join(f'{name}={value!r}' for name, value, left in said if value != left)})"


def rate_told(policies: RatePolicies, row: int) -> list[list[float | str]]:
    told = []
    for rule in np.flatnonzero(policies.rows == row).tolist():
        for at in range(policies.starts[rule], policies.starts[rule + 1]):
            told.append(
                [
                    int(policies.select[rule]),
                    bool(policies.is_percent[at]),
                    number(policies.value[at]),
                    number(policies.period_s[at]),
                ]
            )
    return told


def log_told(data: bytes) -> list[Plain]:
    """Give everything that a decision log says, entry by entry."""
    return list(_log_told(data))


def _log_told(data: bytes) -> Iterator[Plain]:
    for entry in read(data):
        if isinstance(entry, Head):
            yield {"head": [entry.run, entry.number, json.loads(entry.settings)]}
        elif isinstance(entry, Gap):
            yield {"gap": entry.lost}
        elif isinstance(entry, Recorded):
            origin = hashlib.sha256(json.dumps([dict(entry.origin.documents), entry.origin.marks]).encode()).hexdigest()
            yield {"step": step_told(entry.step), "origin": origin}
        else:
            yield {"damage": repr(entry)}


def step_told(step: Step) -> Plain:
    """Give what a step says, by names and numbers."""
    decisions, seen = step.decisions, step.observation
    told: Plain = {
        "now": [step.now.monotonic_s, step.now.utc_s],
        "events": [event_told(event) for event in step.events],
        "is_tick": decisions.is_tick,
        "fleet": [str(key) for key in decisions.fleet.keys],
        "rows": decisions.rows.tolist(),
        "desired": numbers(decisions.desired),
        "seen": [Seen(int(code)).name for code in decisions.seen],
        "reason": [Reason(int(code)).name for code in decisions.reason],
        "rules": {
            str(decisions.fleet.keys[row]): [
                [change.stage.name, change.reason.name, number(change.before[place])]
                for change in decisions.applied
                for place in np.flatnonzero(decisions.rows[change.rows] == row).tolist()
            ]
            for row in decisions.rows.tolist()
        },
    }
    if seen is not None:
        told["requested"], told["ready"] = numbers(seen.requested), numbers(seen.ready)
        told["waiting"], told["held"] = numbers(seen.waiting), seen.is_held.tolist()
        told["obstacle"] = seen.obstacle.tolist()
        load = seen.load
        told["load"] = {
            name: numbers(getattr(load, name))
            for name in ("rps", "concurrency", "in_flight", "is_covered", "is_idle", "range_s", "others", "others_idle")
        }
    return told


def numbers(column: Any) -> list[float | str]:
    return [number(one) for one in column.tolist()]


def number(value: Any) -> float | str:
    """Give a number as JSON has it, to the bit; what JSON has not, as its name."""
    plain = float(value)
    return plain if np.isfinite(plain) else repr(plain)


def missing(expected: Any, found: Any, path: str = "") -> list[str]:
    """Say what of the expected values is not found; more may be found than was expected."""
    if isinstance(expected, Mapping):
        if not isinstance(found, Mapping):
            return [f"{path}: {found!r}"]
        return [
            problem
            for name, value in expected.items()
            for problem in (
                missing(value, found[name], f"{path}.{name}") if name in found else [f"{path}.{name}: gone"]
            )
        ]
    if isinstance(expected, list) and isinstance(found, list) and len(expected) == len(found):
        pairs = enumerate(zip(expected, found, strict=True))
        return [problem for place, (one, other) in pairs for problem in missing(one, other, f"{path}[{place}]")]
    return [] if expected == found else [f"{path}: {expected!r} was read, {found!r} is now"]
