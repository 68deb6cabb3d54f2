"""Writes what this version makes of a set, once, when the version is published.

`python -m tests.golden.compat.write VERSION`
"""

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
from pydantic import BaseModel

from autoscaler.core.blast_radius import BlastRadiusRule
from autoscaler.core.controller import Controller
from autoscaler.core.events import BoostFiring, BoostResolved, Wake
from autoscaler.core.fleet import Fleet
from autoscaler.core.journal.encoder import Encoder
from autoscaler.core.journal.step import Head, Origin, Step
from autoscaler.core.now import Now
from autoscaler.core.observation import Load, Observation
from autoscaler.policy.documents import ScalingPolicy, Tenant
from autoscaler.policy.labels import MEANINGS
from autoscaler.policy.settings import Settings
from tests.golden.compat import reading


def main(version: str) -> None:
    """Write `expected.json` and `log.decisions` of a version whose inputs are there."""
    folder = reading.SETS / version
    left_out = not_covered(folder)
    if left_out:
        sys.exit(f"{version} says nothing of: {', '.join(left_out)}; every field is needed once")
    (folder / "log.decisions").write_bytes(log(folder))
    expected = {
        "settings": reading.settings_of(folder),
        "plan": reading.plan_told(reading.plan_of(folder)),
        "log": reading.log_told((folder / "log.decisions").read_bytes()),
    }
    (folder / "expected.json").write_text(json.dumps(expected, indent=1, sort_keys=True) + "\n")


def not_covered(folder: Path) -> list[str]:
    """Name the fields and marks of this version that no input of the set has."""
    documents = [
        one
        for path in sorted((folder / "policies").iterdir())
        for one in reading.YAML(typ="safe").load_all(path.read_text())
    ]
    result = []
    for kind, model in {"Tenant": Tenant, "ScalingPolicy": ScalingPolicy}.items():
        found = {path for one in documents if one["kind"] == kind for path in paths_in(one)}
        of_scaling = {f"spec.defaults.{path}" for path in paths_of(ScalingPolicy)}  # the same model as a policy's spec
        result += [
            f"{kind} {path}"
            for path in paths_of(model)
            if path not in found and not path.startswith("spec.defaults.") and path not in of_scaling
        ]
    settings = reading.yaml_of(folder / "settings.yaml")
    named = {name: list(settings[name].values()) for name in ("sources", "alertmanagers")}
    given = paths_in({**settings, **named})
    result += [f"settings {path}" for path in paths_of(Settings) if path not in given]
    marks = {name for one in reading.deployed_of(folder) for name in (*one.labels, *one.annotations)}
    return result + [f"mark {name}" for name in MEANINGS if name not in marks]


def paths_in(value: Any, prefix: str = "") -> set[str]:
    """Give the paths of a document; the items of a list stand for each other."""
    if isinstance(value, list):
        return {path for one in value for path in paths_in(one, prefix)}
    if not isinstance(value, dict):
        return {prefix.removesuffix(".")}
    own = {prefix.removesuffix(".")} if prefix else set()
    return own | {path for name, one in value.items() for path in paths_in(one, f"{prefix}{name}.")}


def paths_of(model: type[BaseModel], prefix: str = "") -> list[str]:
    """Give the paths of all fields of a model and of the models within it."""
    result = []
    for name, field in model.model_fields.items():
        path = f"{prefix}{field.alias or name}"
        result.append(path)
        for inner in models_in(field.annotation):
            result += paths_of(inner, f"{path}.")
    return result


def models_in(annotation: Any) -> list[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [model for one in getattr(annotation, "__args__", ()) for model in models_in(one)]


def log(folder: Path) -> bytes:
    """Make a log with every kind of entry and event, over the functions of a set."""
    fleet = reading.plan_of(folder).fleet
    controller, data = Controller(BlastRadiusRule(5.0, 0.1, 30.0)), b""
    settings = {"blastRadius": {"replicas": 5, "share": 0.1, "period": "30s"}}
    encoder = Encoder(Head("20260101T000000.000Z-000000", 0, json.dumps(settings)))
    rng, lost = np.random.default_rng(1), 0
    requested = np.array([3.0, 0.0, 5.0, 2.0, 9.0, 4.0][: len(fleet)])
    key = fleet.keys[0]
    events = {
        2: (Wake(fleet.keys[1], 3), BoostFiring("alert/policy", (key,), 1.5, 2.0, 900.0)),
        5: (BoostResolved("alert/policy"),),
    }
    for number in range(8):
        now = Now(100.0 + 2.0 * number, reading.UTC_S + 2.0 * number)
        for observation in (
            (None, observed(fleet, rng, requested)) if number in events else (observed(fleet, rng, requested),)
        ):
            told = events.get(number, ()) if observation is None else ()
            decisions = controller.step(now, observation, told)
            lost = 2 if number == 6 and observation is not None else 0
            data += encoder.frames(
                Step(now, observation, told, decisions), lambda _: Origin({"a.yaml": "kind: Tenant"}, ("{}",)), lost
            )
            requested = requested.copy()
            requested[decisions.rows] = decisions.desired
    return data


def observed(fleet: Fleet, rng: np.random.Generator, requested: np.ndarray) -> Observation:
    count, lanes = len(fleet), len(fleet.others.rows)
    load = Load(
        rps=np.where(rng.random(count) < 0.2, np.nan, np.round(rng.exponential(80.0, count), 3)),
        concurrency=np.where(rng.random(count) < 0.3, 0.0, np.round(rng.exponential(40.0, count), 3)),
        in_flight=np.round(rng.exponential(20.0, count)),
        is_covered=rng.random(count) < 0.8,
        is_idle=rng.random(count) < 0.3,
        range_s=np.full(count, 50.0),
        others=np.round(rng.exponential(9.0, lanes), 3),
        others_idle=rng.random(lanes) < 0.5,
    )
    nobody = np.zeros(count)
    nobody[0] = float(rng.integers(0, 3))
    return Observation(
        fleet,
        load,
        requested=requested,
        ready=np.minimum(requested, np.round(rng.random(count) * 6)),
        waiting=nobody,
        is_held=rng.random(count) < 0.1,
        obstacle=rng.integers(0, 5, count).astype(np.uint8),
    )


if __name__ == "__main__":
    main(sys.argv[1])
