"""What a controller knows that was told the past before its first tick."""

import numpy as np
import pytest

from autoscaler.core.controller import Controller
from autoscaler.core.decisions import Decisions
from autoscaler.core.events import BoostFiring, Wake
from autoscaler.core.fleet import Fleet
from autoscaler.core.journal.decoder import Decoder, read
from autoscaler.core.journal.encoder import Encoder
from autoscaler.core.journal.frames import Frame, frames
from autoscaler.core.journal.step import Head, Origin, Recorded, Step
from autoscaler.core.obstacles import Obstacle
from autoscaler.core.reasons import Reason
from autoscaler.core.seen import Seen
from autoscaler.simulator.replay.again import Again
from tests.unit.core.fleets import INF, NAN, UTC_S, at, key, observe, one, policies, stepped

STEP_S = 15.0


def told(fleet: Fleet, replicas: float, loads: dict[tuple[float, float], dict[str, object]]) -> Controller:
    """Tell a fresh controller stretches of constant load: (from, to) in seconds before 0, and the columns."""
    controller = Controller(None)
    for (begin, end), columns in loads.items():
        for seconds in np.arange(begin, end, STEP_S):
            assert controller.recall(at(float(seconds)), observe(fleet, replicas, **columns)).rows.size == 0
    return controller


def first(controller: Controller, fleet: Fleet, replicas: float, **columns: object) -> tuple[float, Reason]:
    """Tick at 0; give what is decided of the one function, and why."""
    decided = stepped(controller, 0.0, observe(fleet, replicas, **columns))
    return float(decided.desired[0]), Reason(int(decided.reason[0]))


IDLE = {"rps": 0.0, "in_flight": 0.0, "is_idle": True}


def test_without_a_past_what_runs_is_held() -> None:
    """A start over 5 replicas at a load for 3 keeps 5, since nobody knows what was before."""
    fleet = one(stabilization_down_s=300.0)
    assert first(Controller(None), fleet, 5, rps=25.0) == (5.0, Reason.STABILIZATION)


def test_a_past_as_long_as_the_look_back_lets_the_first_tick_lower() -> None:
    """After 315 s of a load for 3, a start over 5 replicas goes to 3 at once."""
    fleet = one(stabilization_down_s=300.0, panic_threshold=2.0)
    assert first(told(fleet, 5, {(-375, 0): {"rps": 25.0}}), fleet, 5, rps=25.0) == (3.0, Reason.DEMAND)


def test_a_shorter_past_holds_what_was_found() -> None:
    """After 200 s of it, what ran 300 s ago is still not known, and 5 stay."""
    fleet = one(stabilization_down_s=300.0)
    assert first(told(fleet, 5, {(-200, 0): {"rps": 25.0}}), fleet, 5, rps=25.0) == (5.0, Reason.STABILIZATION)


def test_a_burst_of_the_past_is_looked_back_on() -> None:
    """A load for 4 that ended two minutes ago holds 4 of 5 replicas for the rest of the look-back."""
    fleet = one(stabilization_down_s=300.0)
    past = {(-375, -200): {"rps": 25.0}, (-200, -120): {"rps": 40.0}, (-120, 0): {"rps": 25.0}}
    assert first(told(fleet, 5, past), fleet, 5, rps=25.0) == (4.0, Reason.STABILIZATION)


def test_windows_longer_than_a_sample_are_full() -> None:
    """Of a window of 120 s over ranges of 20 s the first tick knows the mean, and that it is whole."""
    fleet = one(stable_window_s=120.0)
    past = {(-150, -60): {"rps": 10.0, "range_s": 20.0}, (-60, 0): {"rps": 30.0, "range_s": 20.0}}
    decided = stepped(told(fleet, 9, past), 0.0, observe(fleet, 9, rps=30.0, range_s=20.0))
    assert decided.seen[0] == Seen.VALUE
    assert decided.rps[0] == pytest.approx((2 * 10 + 5 * 30) / 7)  # samples at -90, -75, -60 … -15 and 0


@pytest.mark.parametrize(
    ("quiet_s", "expected"), [(240, (0.0, Reason.ZERO_IDLE)), (210, (1.0, Reason.ZERO_NOT_PROVEN))]
)
def test_zero_needs_proof_over_all_of_its_wait(quiet_s: int, expected: tuple[float, Reason]) -> None:
    """With `zero.after` 300 s and ranges of 60 s, proof from 240 s before now is enough, from 210 s it is not."""
    fleet = one(zero_after_s=300.0)
    assert first(told(fleet, 1, {(-quiet_s, 0): IDLE}), fleet, 1, **IDLE) == expected


def test_a_gap_within_the_past_ends_its_proof() -> None:
    """Proven zeros with two minutes of nothing between them prove no more than what came after."""
    fleet = one(zero_after_s=300.0)
    controller = told(fleet, 1, {(-600, -300): IDLE, (-180, 0): IDLE})
    assert first(controller, fleet, 1, **IDLE) == (1.0, Reason.ZERO_NOT_PROVEN)


def test_a_gap_between_the_past_and_the_first_tick_ends_its_proof() -> None:
    """A past that ended longer ago than a sample reaches back proves nothing."""
    fleet = one(zero_after_s=300.0)
    assert first(told(fleet, 1, {(-600, -75): IDLE}), fleet, 1, **IDLE) == (1.0, Reason.ZERO_NOT_PROVEN)


def test_a_past_with_calls_in_it_keeps_the_last_replica() -> None:
    """One sample with a call in it, a minute ago, begins the wait for zero anew."""
    fleet = one(zero_after_s=300.0)
    past = {(-600, -60): IDLE, (-60, -45): {"rps": 0.1}, (-45, 0): IDLE}
    assert first(told(fleet, 1, past), fleet, 1, **IDLE) == (1.0, Reason.ZERO_NOT_PROVEN)


def test_an_unknown_past_is_no_past() -> None:
    """Ten minutes of nothing known hold what runs as if nobody had asked."""
    fleet = one(stabilization_down_s=300.0, panic_threshold=2.0)
    controller = told(fleet, 5, {(-600, 0): {"rps": NAN, "is_covered": False}})
    decided = stepped(controller, 0.0, observe(fleet, 5, rps=25.0))
    assert decided.desired[0] == 5.0
    decided = stepped(controller, 290.0, observe(fleet, 5, rps=25.0))
    assert decided.desired[0] == 5.0


def test_a_boost_at_the_first_tick_multiplies_what_the_past_wanted() -> None:
    """A boost by half of a load for 4 is 6, and no multiple of the 9 that were found."""
    fleet = one(stabilization_down_s=0.0)
    controller = told(fleet, 9, {(-120, 0): {"rps": 40.0}})
    boost = BoostFiring("b", (key("f", "acme"),), 1.5, 0.0, 100.0)
    decided = stepped(controller, 0.0, observe(fleet, 9, rps=40.0), [boost])
    assert decided.desired[0] == 6.0


def test_events_wait_for_the_first_tick() -> None:
    """A wake between the past and the first tick is kept, and raises at the tick."""
    fleet = one()
    controller = told(fleet, 0, {(-60, 0): IDLE})
    assert controller.step(at(0.0), None, [Wake(key("f", "acme"), 0)]).rows.size == 0
    decided = stepped(controller, 0.0, observe(fleet, 0, **IDLE))
    assert (decided.desired[0], decided.reason[0]) == (1.0, Reason.WAKE)


def test_replicas_that_are_missing_now_were_not_missing_then() -> None:
    """After a past longer than the deadline of progress, replicas that miss now are not taken for stuck ones."""
    fleet = one(target_rps=INF, target_concurrency=10.0, progress_deadline_s=100.0)
    controller = Controller(None)
    for seconds in np.arange(-300.0, 0.0, STEP_S):
        controller.recall(at(float(seconds)), observe(fleet, 5, ready=1, concurrency=80.0))
    missing = observe(fleet, 5, ready=1, concurrency=80.0, obstacle=Obstacle.NOT_SCHEDULABLE)
    assert stepped(controller, 0.0, missing).desired[0] == 8.0
    more = observe(fleet, 5, ready=1, concurrency=200.0, obstacle=Obstacle.NOT_SCHEDULABLE)
    assert stepped(controller, 101.0, more).desired[0] == 8.0  # what was asked for already


def test_an_unknown_past_counts_towards_no_fallback() -> None:
    """Unknown samples of the past are no ticks: the fallback waits for as many ticks as its policy says."""
    fleet = one(fallback_after=2.0, fallback_replicas=7.0)
    unknown = {"rps": NAN, "is_covered": False}
    controller = told(fleet, 3, {(-300, 0): unknown})
    assert first(controller, fleet, 3, **unknown)[0] == 3.0
    assert stepped(controller, 2.0, observe(fleet, 3, **unknown)).desired[0] == 7.0


def test_a_function_is_new_by_the_time_of_the_first_tick() -> None:
    """Created 30 s before the first tick it begins with its initial replicas; created 200 s before, it does not."""
    unknown = {"rps": NAN, "is_covered": False}
    for age_s, expected in ((30.0, 4.0), (200.0, 1.0)):
        fleet = one(initial=4.0, created_s=np.array([UTC_S - age_s]))
        assert first(told(fleet, 1, {(-300, 0): unknown}), fleet, 1, **unknown)[0] == expected


def test_scaling_policies_find_no_own_change_in_the_past() -> None:
    """A past whose load asked for 9 over 3 replicas is no raise: the first tick may add 2 as its policy says."""
    fleet = one(rate_up=policies({0: [(False, 2.0, 60.0)]}))
    assert first(told(fleet, 3, {(-120, 0): {"rps": 90.0}}), fleet, 3, rps=90.0) == (5.0, Reason.SCALE_UP_POLICY)


def test_a_fleet_that_changes_meanwhile_takes_its_past_along() -> None:
    """A function that was there keeps what was told of it; one that came since begins without a past."""
    before = one(stabilization_down_s=300.0)
    after = one(stabilization_down_s=300.0, max_replicas=50.0)
    assert first(told(before, 5, {(-375, 0): {"rps": 25.0}}), after, 5, rps=25.0) == (3.0, Reason.DEMAND)


def test_moments_that_are_known_already_change_nothing() -> None:
    """After a tick nothing is the past any more, whatever time it is said to be of."""
    fleet = one(stable_window_s=120.0)
    controller = Controller(None)
    stepped(controller, 0.0, observe(fleet, 5, rps=25.0, range_s=20.0))
    for seconds in (-30.0, 1.0, INF, NAN):
        controller.recall(at(seconds), observe(fleet, 5, rps=500.0, range_s=20.0))
    after = stepped(controller, 2.0, observe(fleet, 5, rps=25.0, range_s=20.0))
    assert after.rps[0] == 25.0


def logged() -> tuple[bytes, Decisions]:
    """Log a past, a step between, and a tick; give the bytes and what the tick decided."""
    fleet = one(stabilization_down_s=300.0)
    controller, encoder, data = Controller(None), Encoder(Head("run", 0, "{}")), b""

    def log(step: Step) -> Decisions:
        nonlocal data
        data += encoder.frames(step, lambda _: Origin())
        return step.decisions

    for seconds in np.arange(-375.0, 0.0, STEP_S):
        seen, now = observe(fleet, 5, rps=25.0), at(float(seconds))
        log(Step(now, seen, (), controller.recall(now, seen)))
    wake = (Wake(key("f", "acme"), 1),)
    log(Step(at(0.0), None, wake, controller.step(at(0.0), None, wake)))
    seen = observe(fleet, 5, rps=25.0)
    decided = log(Step(at(0.0), seen, (), controller.step(at(0.0), seen, ())))
    for seconds in (2.0, 4.0):
        seen = observe(fleet, 3, rps=26.0)
        log(Step(at(seconds), seen, (), controller.step(at(seconds), seen, ())))
    return data, decided


def test_a_log_with_a_past_is_decided_again_to_the_bit() -> None:
    """The log holds each moment that was told, and a fresh controller that is told them decides the same."""
    data, decided = logged()
    steps = [entry.step for entry in read(data) if isinstance(entry, Recorded)]
    assert [step.is_recall for step in steps] == [True] * 25 + [False] * 4
    assert steps[26].decisions.desired.tobytes() == decided.desired.tobytes() == np.array([3.0]).tobytes()
    again = Again(lambda _: Controller(None))
    again.take(read(data))
    assert again.outcome.is_identical
    assert (again.outcome.steps, again.outcome.ticks, again.outcome.compared) == (29, 3, 29)


def test_without_its_past_a_log_is_decided_otherwise() -> None:
    """The comparison can fail: a controller that is not told the past holds what it finds."""
    data, _ = logged()
    again = Again(lambda _: Controller(None))
    again.take(entry for entry in read(data) if not (isinstance(entry, Recorded) and entry.step.is_recall))
    assert again.outcome.first is not None
    assert again.outcome.first.recorded is not None
    assert (again.outcome.first.recorded.desired, again.outcome.first.replayed.desired) == (3, 5)


def test_a_moment_of_the_past_is_no_decision_in_the_log() -> None:
    """Who looks a function up finds no decision in the steps that told the past."""
    data, _ = logged()
    decoder, ticks = Decoder(), []
    for frame in frames(data):
        assert isinstance(frame, Frame)
        decoder.take(frame)
        if decoder.fleet is not None:
            ticks.append((decoder.is_tick, decoder.outline(0) is not None))
    assert ticks.count((True, True)) == 3
    assert (True, False) not in ticks
    assert (False, True) not in ticks
