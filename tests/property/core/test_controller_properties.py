"""What holds for the controller whatever is put in."""

from collections.abc import Iterator
from dataclasses import fields, is_dataclass, replace

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from autoscaler.core.blast_radius import BlastRadiusRule
from autoscaler.core.controller import Controller
from autoscaler.core.decisions import Decisions
from autoscaler.core.events import BoostFiring, Event
from autoscaler.core.lanes import NO_SCHEDULES
from autoscaler.core.observation import Observation, PanicAverages
from tests.property.core.strategies import events_of, fleet_of, observation_of, seeds
from tests.property.effort import examples
from tests.unit.core.fleets import NAN, at, make_fleet, make_load, observe, stepped

RULE = BlastRadiusRule(3.0, 0.2, 60.0)


def as_bytes(decisions: Decisions) -> bytes:
    columns = (
        decisions.rows,
        decisions.seen,
        decisions.rps,
        decisions.concurrency,
        decisions.in_flight,
        decisions.requested,
        decisions.ready,
        decisions.stages,
        decisions.stage_reasons,
        decisions.reason,
        decisions.panic_rps,
        decisions.panic_concurrency,
        decisions.panicking,
        decisions.others,
    )
    accounts = () if decisions.accounts is None else arrays_of(decisions.accounts)
    return b"".join(column.tobytes() for column in (*columns, *accounts))


def arrays_of(value: object) -> Iterator[np.ndarray]:
    """Give every column within a value, however deep."""
    for field in fields(value):
        part = getattr(value, field.name)
        if isinstance(part, np.ndarray):
            yield part
        elif is_dataclass(part):
            yield from arrays_of(part)


def script(seed: int, steps: int = 25) -> list[tuple[float, Observation | None, list[Event]]]:
    """Make a random run: irregular ticks and steps between them, fleets that come and go."""
    rng = np.random.default_rng(seed)
    fleet, now_s, run = fleet_of(rng, has_pools=True), 0.0, []
    for _ in range(steps):
        now_s += float(rng.choice([0.0, 1.0, 2.0, 15.0, 70.0]))
        if rng.random() < 0.2:
            fleet = fleet_of(rng, has_pools=rng.random() < 0.8)
        observation = observation_of(rng, fleet) if rng.random() < 0.6 else None
        run.append((now_s, observation, events_of(rng, now_s)))
    return run


@given(seeds)
@settings(max_examples=examples(60), deadline=None)
def test_invariants_hold_through_any_run(seed: int) -> None:
    """Through random churn, wild samples and events, every step keeps every invariant."""
    controller = Controller(RULE)
    for now_s, observation, events in script(seed):
        stepped(controller, now_s, observation, events)


@given(seeds)
@settings(max_examples=examples(25), deadline=None)
def test_the_same_inputs_give_the_same_bytes(seed: int) -> None:
    """Two controllers that are told the same decide the same, byte for byte."""
    one, other = Controller(RULE), Controller(RULE)
    for now_s, observation, events in script(seed):
        assert as_bytes(one.step(at(now_s), observation, events)) == as_bytes(
            other.step(at(now_s), observation, events)
        )


@given(seeds)
@settings(max_examples=examples(25), deadline=None)
def test_inputs_are_left_as_they_came(seed: int) -> None:
    """No step writes into the columns of its observation."""
    rng = np.random.default_rng(seed)
    controller, fleet = Controller(RULE), fleet_of(rng, has_pools=True)
    for tick in range(8):
        fleet = fleet_of(rng, has_pools=True) if tick % 3 == 2 else fleet
        seen = observation_of(rng, fleet)
        columns = list(arrays_of(seen))
        before = [column.copy() for column in columns]
        controller.step(at(2.0 * tick), seen, events_of(rng, 2.0 * tick))
        for column, copy in zip(columns, before, strict=True):
            np.testing.assert_array_equal(column, copy)


def meant_once(events: list[Event]) -> list[Event]:
    """Leave out what says of an alert that it means other functions than before: of two levels the later holds."""
    meant: dict[str, BoostFiring] = {}
    return [
        event
        for event in events
        if not isinstance(event, BoostFiring) or meant.setdefault(event.id, event).keys == event.keys
    ]


@given(seeds)
@settings(max_examples=examples(60), deadline=None)
def test_splitting_events_changes_nothing_without_a_budget(seed: int) -> None:
    """Where no budget binds, events told one by one come to the same as told together, between ticks and after the next."""
    rng = np.random.default_rng(seed)
    fleet = fleet_of(rng, has_caps=False)
    first, last = observation_of(rng, fleet), observation_of(rng, fleet)
    events = meant_once(events_of(rng, 2.0, most=6))
    together, split = Controller(RULE), Controller(RULE)
    for controller in (together, split):
        controller.step(at(0), first, [])
    outcome = together.step(at(2.0), None, events)
    reached = dict(zip(outcome.rows.tolist(), outcome.desired.tolist(), strict=True))
    single: dict[int, float] = {}
    for event in events:
        step = split.step(at(2.0), None, [event])
        single.update(zip(step.rows.tolist(), step.desired.tolist(), strict=True))
    assert single == reached
    assert as_bytes(together.step(at(4.0), last, [])) == as_bytes(split.step(at(4.0), last, []))


@given(seeds)
@settings(max_examples=examples(60), deadline=None)
def test_splitting_events_under_a_budget_moves_no_sum(seed: int) -> None:
    """Under caps, events told one by one raise every tenant by as much as told together, and the next tick is the same."""
    rng = np.random.default_rng(seed)
    fleet = fleet_of(rng)
    first, last = observation_of(rng, fleet), observation_of(rng, fleet)
    events = meant_once(events_of(rng, 2.0, most=6))
    together, split = Controller(None), Controller(None)
    for controller in (together, split):
        controller.step(at(0), first, [])
    raised = []
    for controller, parts in ((together, [events]), (split, [[event] for event in events])):
        by_tenant = np.zeros(len(fleet.tenants))
        for part in parts:
            step = stepped(controller, 2.0, None, part)
            by_tenant += np.bincount(fleet.tenant[step.rows], step.desired - step.requested, len(fleet.tenants))
        raised.append(by_tenant.tolist())
    assert raised[0] == raised[1]
    assert as_bytes(together.step(at(4.0), last, [])) == as_bytes(split.step(at(4.0), last, []))


@given(seeds)
@settings(max_examples=examples(40), deadline=None)
def test_events_repeated_change_nothing(seed: int) -> None:
    """The same wakes and firing alerts told three times, in one step or in several, come to the same as told once."""
    rng = np.random.default_rng(seed)
    fleet = fleet_of(rng, has_pools=True)
    first, last = observation_of(rng, fleet), observation_of(rng, fleet)
    events = events_of(rng, 2.0)
    once, often = Controller(RULE), Controller(RULE)
    for controller in (once, often):
        controller.step(at(0), first, [])
    once.step(at(2.0), None, events)
    often.step(at(2.0), None, events * 2)
    repeated = often.step(at(2.0), None, events)
    assert not repeated.changed.size
    assert as_bytes(once.step(at(4.0), last, [])) == as_bytes(often.step(at(4.0), last, []))


@given(seeds)
@settings(max_examples=examples(40), deadline=None)
def test_one_tenants_inputs_never_change_anothers_rows(seed: int) -> None:
    """Whatever one tenant's loads, requests and events are, the decisions of the others stay the same bytes."""
    rng = np.random.default_rng(seed)
    fleet = fleet_of(rng)
    one, other = Controller(RULE), Controller(RULE)
    mine = fleet.tenant == 0
    for tick in range(6):
        now_s = 2.0 * tick
        has_panic = tick % 3 == 2
        plain, changed = (observation_of(rng, fleet, has_panic=has_panic) for _ in range(2))
        mixed = _mixed(plain, changed, mine)
        events = [event for event in events_of(rng, now_s, most=8) if _is_for(event, "t0")]
        left, right = stepped(one, now_s, plain), stepped(other, now_s, mixed, events)
        np.testing.assert_array_equal(left.stages[:, ~mine], right.stages[:, ~mine])
        np.testing.assert_array_equal(left.stage_reasons[:, ~mine], right.stage_reasons[:, ~mine])


def _is_for(event: Event, tenant: str) -> bool:
    keys = getattr(event, "keys", None) or ((event.key,) if hasattr(event, "key") else ())
    return bool(keys) and all(key.namespace == tenant for key in keys)


def _mixed(plain: Observation, changed: Observation, mine: np.ndarray) -> Observation:
    """Take what is seen of some functions from another observation; what their samples cover stays."""
    their_lanes = mine[plain.fleet.others.rows]

    def mix(of: object, with_: object, rows: np.ndarray, *names: str) -> dict[str, np.ndarray]:
        return {name: np.where(rows, getattr(with_, name), getattr(of, name)) for name in names}

    columns = ("rps", "concurrency", "in_flight", "is_covered", "is_idle")
    panic = plain.load.panic
    if panic is not None:
        panic = PanicAverages(**mix(panic, changed.load.panic, mine, "rps", "concurrency"))
    load = replace(
        plain.load,
        **mix(plain.load, changed.load, mine, *columns),
        **mix(plain.load, changed.load, their_lanes, "others", "others_idle"),
        panic=panic,
    )
    return replace(
        plain, load=load, **mix(plain, changed, mine, "requested", "ready", "waiting", "is_held", "obstacle")
    )


@given(seeds, st.booleans())
@settings(max_examples=examples(30), deadline=None)
def test_silence_removes_nothing(seed: int, has_caps: bool) -> None:
    """However long nothing is known, no tick asks for fewer than before, but by max, caps, budgets and orders at the first.

    Under a cap nothing may raise a sibling meanwhile; without one, schedules and fallbacks may.
    """
    rng = np.random.default_rng(seed)
    fleet = fleet_of(rng, has_caps=has_caps)
    open_ended = replace(fleet.schedules, ceiling=np.full(len(fleet.schedules.rows), np.inf))
    fleet = replace(fleet, schedules=NO_SCHEDULES if has_caps else open_ended)
    if has_caps:
        fleet = replace(fleet, rules=replace(fleet.rules, fallback_replicas=np.full(len(fleet), NAN)))
    controller = Controller(RULE)
    now_s, requested = 0.0, rng.integers(0, 9, len(fleet)).astype(float)
    for _ in range(5):
        now_s += 2.0
        requested = stepped(controller, now_s, observation_of(rng, fleet, requested)).desired.copy()
    silent = replace(observation_of(rng, fleet, requested), load=make_load(len(fleet), is_covered=False, rps=NAN))
    silent.is_held[:] = False
    silent.waiting[:] = 0
    previous = stepped(controller, now_s + 2.0, silent).desired
    for _ in range(8):
        now_s += 100.0
        desired = stepped(controller, now_s, replace(silent, requested=previous.copy(), ready=previous.copy())).desired
        assert np.all(desired >= previous)
        previous = desired


@given(seeds)
@settings(max_examples=examples(15), deadline=None)
def test_samples_that_read_too_low_remove_nothing(seed: int) -> None:
    """Under a constant load, lower bounds and silences wherever they come remove no replica, at the tick or later."""
    rng = np.random.default_rng(seed)
    windows, looks = rng.choice([30.0, 60.0, 120.0], 6), rng.choice([0.0, 20.0], 6)
    fleet = make_fleet(
        [("t", f"f{n}", {"stable_window_s": windows[n], "stabilization_down_s": looks[n]}) for n in range(6)]
    )
    controller, requested, now_s = Controller(RULE), np.full(6, 5.0), 0.0
    for _ in range(100):
        now_s += float(rng.choice([2.0, 2.0, 2.0, 9.0]))
        is_low, is_silent = rng.random(6) < 0.2, rng.random(6) < 0.1
        rps = np.where(is_silent, NAN, np.where(is_low, 50.0 * rng.random(6), 50.0))
        sample = observe(fleet, requested, rps=rps, is_covered=~is_low & ~is_silent, range_s=20.0)
        requested = stepped(controller, now_s, sample).desired.copy()
        assert requested.tolist() == [5.0] * 6
