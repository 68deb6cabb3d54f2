"""What whole steps owe to whoever puts something in: order, names, more load, garbage and rest change nothing they should not."""

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from autoscaler.core.blast_radius import BlastRadiusRule
from autoscaler.core.controller import Controller
from autoscaler.core.decisions import Decisions
from autoscaler.core.events import BoostFiring, Effect, Event, Wake
from autoscaler.core.fleet import Fleet, FunctionKey
from autoscaler.core.invariants import check_invariants
from autoscaler.core.now import Now
from autoscaler.core.observation import Load, Observation, PanicAverages
from tests.property.core.strategies import Spec, built, events_of, fleet_of, observation_of, seeds, spec_of, specs_of
from tests.property.effort import examples
from tests.unit.core.fleets import INF, NAN, UTC_S, at, observe, stepped

RULE = BlastRadiusRule(3.0, 0.2, 60.0)
NO_CAPS = {f"t{tenant}": INF for tenant in range(3)}


def rows_taken(seen: Observation, fleet: Fleet, rows: np.ndarray, lanes: np.ndarray) -> Observation:
    """Give an observation of another fleet whose functions are rows of this one."""

    def taken(value: object, names: Sequence[str]) -> dict[str, np.ndarray]:
        return {name: getattr(value, name)[rows] for name in names}

    load, panic = seen.load, seen.load.panic
    return Observation(
        fleet=fleet,
        load=Load(
            **taken(load, ("rps", "concurrency", "in_flight", "is_covered", "is_idle", "range_s")),
            others=load.others[lanes],
            others_idle=load.others_idle[lanes],
            panic=None if panic is None else PanicAverages(panic.rps[rows], panic.concurrency[rows]),
        ),
        **taken(seen, ("requested", "ready", "waiting", "is_held", "obstacle")),
    )


def rows_and_lanes(new: Fleet, old: Fleet, was: dict[FunctionKey, FunctionKey]) -> tuple[np.ndarray, np.ndarray]:
    """Give the row that each function has in the other fleet, and the lane that each of its metrics has there."""
    rows = np.array([old.row_of[was.get(key, key)] for key in new.keys], np.int64)
    starts = np.searchsorted(old.others.rows, np.arange(len(old)))
    found = [starts[rows[row]] + place for row, place in _places(new.others.rows)]
    return rows, np.array(found, np.int64)


def _places(rows: np.ndarray) -> list[tuple[int, int]]:
    return [(row, n - int(np.searchsorted(rows, row))) for n, row in enumerate(rows.tolist())]


def assert_same(one: Decisions, other: Decisions, rows: np.ndarray) -> None:
    """Check that every stage decided the same of the same functions, for the same reasons."""
    np.testing.assert_array_equal(one.stages[:, rows], other.stages)
    np.testing.assert_array_equal(one.stage_reasons[:, rows], other.stage_reasons)
    np.testing.assert_array_equal(one.reason[rows], other.reason)
    np.testing.assert_array_equal(one.seen[rows], other.seen)


def renaming(rng: np.random.Generator) -> Callable[[FunctionKey], FunctionKey]:
    """Give other names to tenants and functions, so that all come to stand elsewhere."""
    tenants, names = rng.permutation(3), [*rng.permutation(5), 5]
    return lambda key: FunctionKey(f"t{tenants[int(key.namespace[1])]}", f"f{names[int(key.name[1])]}")


def moved(specs: Sequence[Spec], renamed: Callable[[FunctionKey], FunctionKey]) -> list[Spec]:
    """Give the same functions under their other names."""
    keys = [renamed(FunctionKey(spec.tenant, spec.name)) for spec in specs]
    return [replace(spec, tenant=key.namespace, name=key.name) for spec, key in zip(specs, keys, strict=True)]


@given(seeds)
@settings(max_examples=examples(30), deadline=None)
def test_names_and_places_change_nothing(seed: int) -> None:
    """Where no budget makes ties, functions and tenants of other names, in other rows, are decided the same."""
    rng = np.random.default_rng(seed)
    specs, renamed = specs_of(rng), renaming(rng)
    fleet, other = built(specs, NO_CAPS), built(moved(specs, renamed), NO_CAPS)
    rows, lanes = rows_and_lanes(other, fleet, {renamed(key): key for key in fleet.keys})
    one, two = Controller(None), Controller(None)
    for tick in range(8):
        seconds = float(20 * tick)
        seen, events = (
            observation_of(rng, fleet),
            [event for event in events_of(rng, seconds) if isinstance(event, Wake)],
        )
        theirs = [replace(event, key=renamed(event.key)) for event in events]
        left = stepped(one, seconds, seen, events)
        assert_same(left, stepped(two, seconds, rows_taken(seen, other, rows, lanes), theirs), rows)


@given(seeds, st.booleans())
@settings(max_examples=examples(30), deadline=None)
def test_names_decide_ties_and_no_sums(seed: int, is_capped: bool) -> None:
    """Under caps, or a limit of cuts, other names may move a replica to another function, and none to another tenant."""
    rng = np.random.default_rng(seed)
    specs, renamed = specs_of(rng), renaming(rng)
    caps = {f"t{tenant}": float(rng.integers(0, 15)) if is_capped else INF for tenant in range(3)}
    theirs = {renamed(FunctionKey(tenant, "f0")).namespace: cap for tenant, cap in caps.items()}
    fleet, other = built(specs, caps), built(moved(specs, renamed), theirs)
    rows, lanes = rows_and_lanes(other, fleet, {renamed(key): key for key in fleet.keys})
    seen = observation_of(rng, fleet)
    sums = []
    for one, sample in ((fleet, seen), (other, rows_taken(seen, other, rows, lanes))):
        decisions = stepped(Controller(None if is_capped else RULE), 0, sample)
        sums.append(np.bincount(one.tenant, decisions.desired, len(one.tenants)))
    place = [other.tenants.index(renamed(FunctionKey(tenant, "f0")).namespace) for tenant in fleet.tenants]
    np.testing.assert_array_equal(sums[0], sums[1][place])


@given(seeds)
@settings(max_examples=examples(30), deadline=None)
def test_a_fleet_made_anew_is_the_same_fleet(seed: int) -> None:
    """Functions that come and go around it, before it and behind it, change nothing of what is remembered of a function."""
    rng = np.random.default_rng(seed)
    specs = specs_of(rng)
    fleet = built(specs, NO_CAPS)
    one, two = Controller(None), Controller(None)
    for tick in range(12):
        seconds = float(tick * 8)
        guests = [
            spec_of(rng, tenant, f"{place}{tick}") for tenant in ("t0", "zz") for place in "az" if rng.random() < 0.5
        ]
        other = built([*specs, *guests], {**NO_CAPS, "zz": INF}) if tick % 3 else built(specs, NO_CAPS)
        crowd = observation_of(rng, other, has_panic=False)
        rows = np.array([other.row_of[key] for key in fleet.keys], np.int64)
        lanes = np.flatnonzero(np.isin(other.others.rows, rows))
        events = events_of(rng, seconds)
        left = stepped(one, seconds, rows_taken(crowd, fleet, rows, lanes), events)
        assert_same(stepped(two, seconds, crowd, events), left, rows)


@given(seeds)
@settings(max_examples=examples(30), deadline=None)
def test_a_row_at_rest_is_decided_as_if_it_were_looked_at(seed: int) -> None:
    """A controller that looks at every row at every tick decides the same, through wakes, alerts, silences and new fleets."""
    rng = np.random.default_rng(seed)
    fleet = quiet_fleet(rng)
    one, two = Controller(RULE), Controller(RULE)
    requested, now_s, rested = np.zeros(len(fleet)), 0.0, 0
    for _ in range(40):
        now_s += float(rng.choice([2.0, 2.0, 2.0, 2.0, 30.0, 300.0]))
        if rng.random() < 0.05:
            fleet = quiet_fleet(rng)
            requested = np.zeros(len(fleet))
        events = events_of(rng, now_s) if rng.random() < 0.2 else []
        if rng.random() < 0.3:
            assert_same(stepped(one, now_s, None, events), stepped(two, now_s, None, events), slice(None))
        two._memory and two._memory.at_rest.fill(False)
        seen = quiet_observation(rng, fleet, requested)
        few, all_ = one.step(at(now_s), seen, events), stepped(two, now_s, seen, events)
        check_invariants(one, few)
        rested += len(fleet) - len(few.rows)
        assert_same(few.whole(), all_, slice(None))
        two._memory.at_rest.fill(False)
        requested = all_.desired.copy()


def quiet_fleet(rng: np.random.Generator) -> Fleet:
    """Make functions that may go to zero, most of them without anything that keeps them up."""
    specs = []
    for spec in specs_of(rng, functions=8):
        rules = {**spec.rules, "zero_after_s": float(rng.choice([0.0, 30.0, 90.0]))}
        quiet = replace(spec, rules={**rules, "min_replicas": 0.0, "force": NAN, "paused": False}, metrics=(), spans=())
        specs.append(quiet if rng.random() < 0.8 else replace(spec, rules=rules))
    return built(specs, {"t0": 6.0, "t1": INF, "t2": INF})


def quiet_observation(rng: np.random.Generator, fleet: Fleet, requested: np.ndarray) -> Observation:
    """Make an observation in which nearly nothing happens."""
    count, lanes = len(fleet), len(fleet.others.rows)
    is_busy, is_silent = rng.random(count) < 0.03, rng.random(count) < 0.03
    load = np.where(is_silent, NAN, np.where(is_busy, 30.0, 0.0))
    return observe(
        fleet,
        np.where(rng.random(count) < 0.02, 3.0, requested),
        ready=np.where(rng.random(count) < 0.02, 1.0, requested),
        waiting=np.where(rng.random(count) < 0.02, 4.0, 0.0),
        is_held=rng.random(count) < 0.02,
        rps=load,
        concurrency=load,
        in_flight=np.where(rng.random(count) < 0.1, NAN, np.where(rng.random(count) < 0.02, 3.0, 0.0)),
        is_idle=~is_busy & ~is_silent,
        is_covered=~is_silent & (rng.random(count) < 0.98),
        range_s=np.where(rng.random() < 0.1, 60.0, 20.0),
        others=np.zeros(lanes),
        others_idle=rng.random(lanes) < 0.9,
    )


@given(seeds)
@settings(max_examples=examples(80), deadline=None)
def test_more_load_never_gives_fewer_replicas(seed: int) -> None:
    """After the same history, a tick that sees more load asks for no fewer replicas, whatever else it sees.

    Levels stay as they are: as the HPA's `Value`, they multiply what is ready, and not what is requested.
    """
    rng = np.random.default_rng(seed)
    fleet = built(specs_of(rng), NO_CAPS)
    one, two = Controller(None), Controller(None)
    history = [observation_of(rng, fleet, wildness=0.05) for _ in range(int(rng.integers(1, 8)))]
    for tick, seen in enumerate(history):
        for controller in (one, two):
            controller.step(at(7.0 * tick), seen, [])
    last = observation_of(rng, fleet, wildness=0.05)
    less, more = (stepped(one, 60.0, last), stepped(two, 60.0, with_more(rng, last)))
    assert np.all(more.desired >= less.desired), np.flatnonzero(more.desired < less.desired)


def with_more(rng: np.random.Generator, seen: Observation) -> Observation:
    """Give an observation with more load of every known kind, more held requests, and less that is idle."""

    def grown(column: np.ndarray) -> np.ndarray:
        is_load = (column >= 0) & (column < INF)
        more = column * rng.choice([1.0, 1.05, 1.5, 4.0], len(column)) + rng.choice([0.0, 0.1, 30.0], len(column))
        return np.where(is_load, more, column)

    load, panic = seen.load, seen.load.panic
    return replace(
        seen,
        waiting=seen.waiting + rng.choice([0.0, 0.0, 7.0], len(seen.waiting)),
        load=replace(
            load,
            rps=grown(load.rps),
            concurrency=grown(load.concurrency),
            in_flight=grown(load.in_flight),
            others=np.where(seen.fleet.others.is_value, load.others, grown(load.others)),
            is_idle=load.is_idle & (rng.random(len(load.is_idle)) < 0.5),
            others_idle=load.others_idle & (rng.random(len(load.others_idle)) < 0.5),
            panic=None if panic is None else PanicAverages(grown(panic.rps), grown(panic.concurrency)),
        ),
    )


GARBAGE = np.array([NAN, INF, -INF, -0.0, 0.0, 0.5, 2.7, -1.0, -1e308, 1e308, 5e-324, 2.0**31, 2.0**53, 1e300, 3.0])


def garbage_observation(rng: np.random.Generator, fleet: Fleet) -> Observation:
    """Make an observation of whatever floats there are, in every column."""
    count, lanes = len(fleet), len(fleet.others.rows)

    def column(size: int = count) -> np.ndarray:
        return rng.choice(GARBAGE, size)

    panic = PanicAverages(column(), column()) if rng.random() < 0.4 else None
    names = ("ready", "waiting", "rps", "concurrency", "in_flight", "range_s")
    return observe(
        fleet,
        column(),
        **{name: column() for name in names},
        is_covered=rng.random(count) < 0.7,
        is_idle=rng.random(count) < 0.5,
        is_held=rng.random(count) < 0.05,
        obstacle=rng.integers(0, 256, count),
        others=column(lanes),
        others_idle=rng.random(lanes) < 0.5,
        panic=panic,
    )


def garbage_events(rng: np.random.Generator) -> list[Event]:
    keys = [FunctionKey(f"t{rng.integers(3)}", f"f{rng.integers(5)}") for _ in range(2)]
    factor, add, ends_s, floor = (float(value) for value in rng.choice(GARBAGE, 4))
    effect = Effect(int(rng.integers(len(Effect))))
    firing = BoostFiring("b", tuple(keys), factor, add, ends_s, effect, floor if rng.random() < 0.5 else None)
    return [Wake(keys[0], int(rng.choice([0, 1, 10**12]))), firing]


@given(seeds, st.booleans())
@settings(max_examples=examples(60), deadline=None)
def test_garbage_gives_replicas_all_the_same(seed: int, is_frozen: bool) -> None:
    """Whatever floats stand in whatever column, at whatever time, replicas are whole, not negative and fit an int32."""
    rng = np.random.default_rng(seed)
    controller, fleet = Controller(RULE), fleet_of(rng)
    clock = rng.choice([NAN, INF, -INF, -5.0, 0.0, 3.0, 3.0, 70.0, 1e6, 1e15], 12)
    for now_s in clock.tolist():
        if rng.random() < 0.2:
            fleet = fleet_of(rng)
        now = Now(5.0, UTC_S) if is_frozen else Now(now_s, float(rng.choice([NAN, INF, -INF, UTC_S, 0.0, 1e18])))
        seen = garbage_observation(rng, fleet) if rng.random() < 0.8 else None
        check_invariants(controller, controller.step(now, seen, garbage_events(rng) if rng.random() < 0.4 else []))
