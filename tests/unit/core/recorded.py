"""Steps to be recorded: a few functions with changing loads, and comparison to the bit."""

from collections.abc import Mapping, Sequence
from dataclasses import fields, is_dataclass, replace

import numpy as np

from autoscaler.core.blast_radius import BlastRadiusRule
from autoscaler.core.controller import Controller
from autoscaler.core.decisions import Decisions
from autoscaler.core.events import BoostFiring, BoostResolved, Effect, Event, Wake
from autoscaler.core.fleet import Fleet
from autoscaler.core.journal.encoder import Encoder
from autoscaler.core.journal.step import Head, Origin, Step
from autoscaler.core.observation import Observation
from tests.unit.core.fleets import at, budgets, key, make_fleet, observe

RULES: Mapping[str, float | bool] = {"target_rps": 10.0, "zero_after_s": 30.0, "stabilization_down_s": 20.0}
HEAD = Head("run", 0, "{}")


def fleet_of(names: Sequence[str]) -> Fleet:
    """Make a fleet of one tenant, `ns`, capped at 20 replicas."""
    return make_fleet([("ns", name, RULES) for name in names], {"ns": 20.0})


def pooled_fleet(names: Sequence[str]) -> Fleet:
    """Make a fleet of two tenants that share a pool of 12 replicas; the first lends what it does not use."""
    fleet = make_fleet([(name, "f", RULES) for name in names])
    shared = [{"guarantee": 5.0}, *({"concurrency_cap": 90.0} for _ in names[1:])]
    return replace(fleet, budgets=budgets(12, *shared, hold_s=9.0))


def run(
    count: int = 40, *, seed: int = 1, fleets: Sequence[Fleet] = (fleet_of("abcdef"),), every_s: float = 2.0
) -> list[Step]:
    """Step a controller through loads that change in a third of the rows, with wakes and boosts between ticks.

    Args:
        fleets: one after the other, each for its share of the ticks.
    """
    rng = np.random.default_rng(seed)
    controller = Controller(BlastRadiusRule(10.0, 0.2, 60.0))
    replicas: dict[str, float] = {}
    steps: list[Step] = []
    for number in range(count):
        fleet = fleets[min(number * len(fleets) // count, len(fleets) - 1)]
        observation = _observation(fleet, rng, replicas)
        steps.append(_stepped(controller, number * every_s, observation, ()))
        for event in _events(number, fleet):
            steps.append(_stepped(controller, number * every_s + 0.5, None, (event,)))
        decisions = steps[-1].decisions
        for row, wanted in zip(decisions.rows.tolist(), decisions.desired.tolist(), strict=True):
            replicas[str(fleet.keys[row])] = wanted
    return steps


def _observation(fleet: Fleet, rng: np.random.Generator, replicas: Mapping[str, float]) -> Observation:
    size = len(fleet)
    rps = np.where(rng.random(size) < 0.7, np.round(rng.exponential(20.0, size)), 0.0)
    rps[rng.random(size) < 0.1] = np.nan
    requested = [replicas.get(str(one), 1.0) for one in fleet.keys]
    return observe(fleet, requested, rps=rps, in_flight=np.floor(rps / 3), is_idle=rps == 0)


def _events(number: int, fleet: Fleet) -> list[Event]:
    named = fleet.keys[number % len(fleet)]
    match number % 7:
        case 2:
            return [Wake(named, 3)]
        case 4:
            return [BoostFiring("boost", (named, key("gone")), 1.5, 1.0, number * 2.0 + 9.0)]
        case 6:
            effect = Effect(number % len(Effect))
            return [BoostFiring(f"other-{effect.name}", (named,), 1.0, 0.0, number * 2.0 + 9.0, effect, 3.0)]
        case 5:
            return [BoostResolved("boost")]
    return []


def _stepped(
    controller: Controller, seconds: float, observation: Observation | None, events: tuple[Event, ...]
) -> Step:
    return Step(at(seconds), observation, events, controller.step(at(seconds), observation, events))


def written(steps: Sequence[Step], origin: Origin | None = None, head: Head = HEAD) -> list[bytes]:
    """Write steps; give the frames of each."""
    encoder = Encoder(head)
    return [encoder.frames(step, lambda _: origin or Origin()) for step in steps]


def unlike(one: object, other: object, path: str = "") -> list[str]:
    """Name everything in which two values differ, by any bit of any column."""
    if type(one) is not type(other):
        return [path]
    if isinstance(one, np.ndarray) and isinstance(other, np.ndarray):
        is_same = one.dtype == other.dtype and one.shape == other.shape and one.tobytes() == other.tobytes()
        return [] if is_same else [path]
    if is_dataclass(one) and not isinstance(one, type):
        parts = [unlike(getattr(one, f.name), getattr(other, f.name), f"{path}.{f.name}") for f in fields(one)]
        return [name for found in parts for name in found]
    if isinstance(one, tuple) and isinstance(other, tuple):
        if len(one) != len(other):
            return [path]
        return [name for pair in zip(one, other, strict=True) for name in unlike(*pair, path)]
    return [] if repr(one) == repr(other) else [path]


def altered(decisions: Decisions) -> Decisions:
    """Give decisions with one bit of one column changed."""
    columns = {field.name: getattr(decisions, field.name) for field in fields(decisions)}
    columns["ready"] = decisions.ready + 1.0
    return Decisions(**columns)
