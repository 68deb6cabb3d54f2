"""A controller that was told the past decides as one that was there, as long as replicas did not change meanwhile."""

from dataclasses import replace

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from autoscaler.core.blast_radius import BlastRadiusRule
from autoscaler.core.controller import Controller
from autoscaler.core.decisions import Decisions
from autoscaler.core.fleet import Fleet
from autoscaler.core.lanes import NO_POLICIES, NO_SCHEDULES
from autoscaler.core.observation import Observation
from autoscaler.core.seen import Seen
from tests.property.core.strategies import fleet_of, observation_of, seeds
from tests.property.effort import examples
from tests.unit.core.fleets import INF, NAN, at, observe, one, stepped

Past = list[tuple[float, Observation]]


def past_of(seed: int, fleet: Fleet, *, is_whole: bool, samples: int = 24) -> Past:
    """Make a random past over constant replicas: samples near and far from each other, some of them wild."""
    rng = np.random.default_rng(seed)
    requested = rng.integers(0, 12, len(fleet)).astype(np.float64)
    ready = np.minimum(requested, rng.integers(0, 12, len(fleet))).astype(np.float64)
    now_s, past = float(rng.choice([-500.0, 0.0, 1e6])), []
    for _ in range(samples):
        now_s += float(rng.choice([2.0, 15.0, 30.0, 90.0], p=[0.5, 0.3, 0.15, 0.05]))
        seen = observation_of(rng, fleet, requested, has_panic=False, wildness=0.0 if is_whole else 0.15)
        quiet = {"waiting": np.zeros(len(fleet)), "is_held": np.zeros(len(fleet), np.bool_)}
        past.append((now_s, replace(seen, ready=ready, obstacle=np.zeros(len(fleet), np.uint8), **quiet)))
    return past


def plain(fleet: Fleet) -> Fleet:
    """Leave out what rests on own changes, on counted ticks and on the calendar: no past can be asked for it."""
    count = len(fleet)
    rules = replace(fleet.rules, fallback_after=np.full(count, np.inf), progress_deadline_s=np.full(count, np.inf))
    return replace(
        fleet,
        rules=rules,
        created_s=np.full(count, NAN),
        rate_up=NO_POLICIES,
        rate_down=NO_POLICIES,
        schedules=NO_SCHEDULES,
    )


def ran(past: Past) -> Controller:
    controller = Controller(None)
    for now_s, observation in past:
        controller.step(at(now_s), observation, [])
    return controller


def seen_of(past: Past) -> list[np.ndarray]:
    controller = Controller(None)
    return [controller.step(at(now_s), observation, []).whole().seen for now_s, observation in past]


def told(past: Past, controller: Controller | None = None) -> Controller:
    controller = Controller(None) if controller is None else controller
    for now_s, observation in past:
        assert not controller.recall(at(now_s), observation).rows.size
    return controller


def compared(one_: Decisions, other: Decisions, rows: np.ndarray | slice = slice(None)) -> None:
    np.testing.assert_array_equal(one_.seen[rows], other.seen[rows])
    np.testing.assert_array_equal(one_.rps[rows], other.rps[rows])
    np.testing.assert_array_equal(one_.desired[rows], other.desired[rows])
    np.testing.assert_array_equal(one_.reason[rows], other.reason[rows])


@given(seeds)
@settings(max_examples=examples(30), deadline=None)
def test_a_whole_past_is_as_good_as_having_been_there(seed: int) -> None:
    """Where no sample was unknown, every function's first decision is that of a controller that ran all along."""
    past = past_of(seed, plain(fleet_of(np.random.default_rng(seed))), is_whole=True)
    now_s, observation = past.pop()
    compared(stepped(told(past), now_s, observation), stepped(ran(past), now_s, observation))


@given(seeds)
@settings(max_examples=examples(30), deadline=None)
def test_a_past_with_gaps_lowers_nothing_that_having_been_there_would_not(seed: int) -> None:
    """Where samples were unknown, a function of which one was known is decided as by a controller that ran all along,
    and no other gets less.
    """
    fleet = plain(fleet_of(np.random.default_rng(seed), has_caps=False))
    past = past_of(seed, fleet, is_whole=False)
    now_s, observation = past.pop()
    here, there = stepped(told(past), now_s, observation), stepped(ran(past), now_s, observation)
    np.testing.assert_array_equal(here.seen, there.seen)
    assert (here.desired >= there.desired).all()
    is_heard = np.any([seen > Seen.UNKNOWN for seen in seen_of(past)], axis=0)
    compared(here, there, np.flatnonzero(is_heard))


@given(seeds, st.integers(1, 23))
@settings(max_examples=examples(20), deadline=None)
def test_a_past_told_twice_changes_nothing(seed: int, count: int) -> None:
    """The same past once more, or its first part, changes no bit of what is decided next."""
    fleet = fleet_of(np.random.default_rng(seed))
    past = past_of(seed, fleet, is_whole=False)
    now_s, observation = past.pop()
    once, twice = told(past), told(past[:count], told(past))
    compared(stepped(once, now_s, observation), stepped(twice, now_s, observation))


@given(seeds)
@settings(max_examples=examples(30), deadline=None)
def test_no_past_makes_unknown_load_the_reason_for_fewer_replicas(seed: int) -> None:
    """Whatever was recalled, a function whose load is unknown or a lower bound now is not lowered by load."""
    fleet = plain(fleet_of(np.random.default_rng(seed), has_caps=False))
    uncapped = np.full(len(fleet), INF)
    fleet = replace(fleet, rules=replace(fleet.rules, concurrency_cap=uncapped))
    past = past_of(seed, fleet, is_whole=False)
    now_s, observation = past.pop()
    decided = stepped(told(past, Controller(BlastRadiusRule(3.0, 0.2, 60.0))), now_s, observation)
    rules, requested = fleet.rules, observation.requested
    may_fall = (decided.seen >= Seen.VALUE) | ~np.isnan(rules.force)
    assert (decided.desired >= np.minimum(requested, rules.max_replicas))[~may_fall].all()


@given(st.integers(1, 20), st.floats(0, 5_000), st.floats(30, 600))
@settings(max_examples=examples(20), deadline=None)
def test_an_unknown_past_holds_as_a_start_without_one(replicas: int, rps: float, quiet_s: float) -> None:
    """After a past of which nothing was known, the first known samples are taken as at a start without any."""
    fleet = one(panic_threshold=2.0, stabilization_down_s=30.0, zero_after_s=60.0)
    unknown = observe(fleet, replicas, rps=NAN, is_covered=False)
    known = observe(fleet, replicas, rps=rps)
    recalled, started = Controller(None), Controller(None)
    for seconds in np.arange(-quiet_s, 0.0, 15.0):
        recalled.recall(at(float(seconds)), unknown)
    for seconds in np.arange(0.0, 100.0, 10.0):
        here, there = (stepped(one_, float(seconds), known) for one_ in (recalled, started))
        assert here.desired[0] >= there.desired[0]
        assert seconds > 75 or (here.desired[0], here.reason[0]) == (there.desired[0], there.reason[0])
