"""What rules do to each other, where each alone is right: rest and boosts, look-backs and silence, rates and wakes."""

import numpy as np
import pytest

from autoscaler.core.controller import Controller
from autoscaler.core.decisions import Decisions
from autoscaler.core.events import BoostFiring, Wake
from autoscaler.core.fleet import Fleet
from autoscaler.core.lanes import MetricKind, Select
from autoscaler.core.observation import Observation
from autoscaler.core.obstacles import Obstacle
from autoscaler.core.reasons import Reason
from tests.unit.core.fleets import INF, NAN, make_fleet, metrics, observe, one, policies, stepped

ONE_POD = (False, 1.0, 60.0)


def quiet(fleet: Fleet, controller: Controller, times: range) -> Decisions:
    """Step through ticks at which all is at zero and idle, and give the last."""
    return [stepped(controller, t, observe(fleet, 0, rps=0.0, in_flight=0.0, is_idle=True, waiting=0)) for t in times][
        -1
    ]


def eight(**rules: float) -> Fleet:
    return make_fleet([("acme", f"f{place}", {"zero_after_s": 0.0, **rules}) for place in range(8)])


def test_a_boost_of_nothing_raises_nothing() -> None:
    """An alert that multiplies a demand of 0 leaves a function at zero, and all others too, tick after tick."""
    fleet, controller = eight(), Controller(None)
    quiet(fleet, controller, range(0, 64, 2))
    boost = BoostFiring("b", (fleet.keys[3], fleet.keys[7]), 1.5, 0.0, 1000.0)
    controller.step(stepped(controller, 64, None).now, None, [boost])
    assert quiet(fleet, controller, range(66, 80, 2)).desired.tolist() == [0.0] * 8


@pytest.mark.parametrize("busy", [0.0, 50.0])
def test_a_look_back_of_growth_outlasts_a_rest(busy: float) -> None:
    """A load that begins after a long rest waits for the look-back, whether or not another function is busy."""
    fleet, controller = eight(stabilization_up_s=60.0), Controller(None)
    rps = np.array([busy, *[0.0] * 7])
    for t in range(0, 300, 2):
        stepped(controller, t, observe(fleet, rps / 10, rps=rps, in_flight=rps, is_idle=rps == 0))
    rps[5] = 40.0
    found = stepped(controller, 300, observe(fleet, [busy / 10, *[0.0] * 7], rps=rps, in_flight=rps, is_idle=rps == 0))
    assert (found.desired[5], found.reason[5]) == (0, Reason.STABILIZATION_UP)


@pytest.mark.parametrize(
    "rules",
    [
        {"stabilization_up_s": 60.0},
        {"rate_up": policies({0: [ONE_POD]})},
        {"rate_up": policies({0: [ONE_POD]}, Select.DISABLED)},
    ],
)
def test_held_requests_are_served_whatever_growth_is_allowed(rules: dict[str, object]) -> None:
    """Fifty held at 10 for each replica get 5 at the tick that sees them, and between ticks no more and no fewer."""
    fleet, controller = one(zero_after_s=1000.0, **rules), Controller(None)
    quiet(fleet, controller, range(0, 70, 2))
    wake = Wake(fleet.keys[0], 50)
    held = observe(fleet, 0, rps=0.0, in_flight=0.0, is_idle=True, waiting=50)
    found = [
        stepped(controller, t, seen, [wake]) for t, seen in ((70, held), (71, None), (72, held), (73, None), (74, held))
    ]
    assert [decisions.desired[0] for decisions in found] == [5.0] * 5
    assert found[0].reason[0] == Reason.WAITING


def test_silence_raises_nothing_through_the_delay() -> None:
    """After 5 were asked for and nothing is known any more, what somebody sets to 0 or 2 stays so."""
    fleet, controller = one(delay_s=60.0), Controller(None)
    for t in range(0, 120, 2):
        stepped(controller, t, observe(fleet, 5, rps=50.0))
    found = [stepped(controller, t, observe(fleet, requested)) for t, requested in ((120, 5), (122, 0), (300, 2))]
    assert [decisions.desired[0] for decisions in found] == [5, 0, 2]


def test_a_lower_bound_raises_nothing_through_the_delay() -> None:
    """What was asked for before an outage is no load of now: of 2 that run a bound for 1 makes no 5."""
    fleet, controller = one(delay_s=60.0), Controller(None)
    for t in range(0, 120, 2):
        stepped(controller, t, observe(fleet, 5, rps=50.0))
    found = stepped(controller, 120, observe(fleet, 2, rps=10.0, is_covered=False))
    assert (found.desired[0], found.reason[0]) == (2, Reason.LOWER_BOUND)


@pytest.mark.parametrize(("load", "want"), [(20.0, 5.0), (70.0, 7.0)])
def test_a_policy_of_shrinkage_raises_nothing(load: float, want: float) -> None:
    """A raise from 5 to 9 that is never written is no reason for 8 when the load wants 2: what runs stays at most."""
    fleet: Fleet = one(rate_down=policies({0: [ONE_POD]}))
    controller = Controller(None)
    for t, asked in ((0, 50.0), (62, 90.0), (122, 90.0)):
        stepped(controller, t, observe(fleet, 5, rps=asked))
    assert stepped(controller, 124, observe(fleet, 5, rps=load)).desired[0] == want


def test_a_rate_that_nobody_scales_by_may_be_anything() -> None:
    """Of a function that scales on requests in flight a rate of inf says nothing while replicas are missing."""
    fleet = one(target_rps=INF, target_concurrency=10.0)
    seen = observe(fleet, 4, ready=2, rps=INF, concurrency=90.0, obstacle=Obstacle.ROLLOUT)
    found = stepped(Controller(None), 0, seen)
    assert (found.desired[0], found.reason[0]) == (4, Reason.ROLLOUT)


def worker(**rules: float) -> Fleet:
    """Make a function that works a queue off, of 10 messages for each replica."""
    return one(target_rps=INF, zero_after_s=60.0, others=metrics((0, MetricKind.QUEUE, 10.0)), **rules)


def queued(fleet: Fleet, messages: float) -> Observation:
    return observe(fleet, 4, others=messages, others_idle=messages == 0)


def test_a_queue_that_was_worked_off_a_moment_ago_is_not_idle_for_a_minute() -> None:
    """What was seen full 2 s ago is not proven empty over the 60 s of a scrape range: one replica stays for 60 s."""
    fleet, controller = worker(), Controller(None)
    for t in range(0, 120, 2):
        stepped(controller, t, queued(fleet, 40.0))
    found = [stepped(controller, t, queued(fleet, 0.0)) for t in (120, 122, 178, 180)]
    assert [decisions.desired[0] for decisions in found] == [1, 1, 1, 0]
    assert found[0].reason[0] == Reason.ZERO_NOT_PROVEN


def test_silence_begins_the_proof_of_an_empty_queue_anew() -> None:
    """A queue may have held something while nobody looked: after one unknown sample 60 s are counted anew."""
    fleet, controller = worker(), Controller(None)
    for t in range(0, 60, 2):
        stepped(controller, t, queued(fleet, 0.0))
    stepped(controller, 60, queued(fleet, NAN))
    found = [stepped(controller, t, queued(fleet, 0.0)).desired[0] for t in (62, 90, 120, 122)]
    assert found == [1, 1, 1, 0]


def test_one_failed_answer_of_a_queue_does_not_stop_cuts() -> None:
    """Where silence is shorter than the range, a queue that is known again may lower at once."""
    fleet, controller = worker(), Controller(None)
    for t in range(0, 120, 2):
        stepped(controller, t, queued(fleet, 40.0))
    assert stepped(controller, 120, queued(fleet, NAN)).desired[0] == 4
    assert stepped(controller, 122, queued(fleet, 15.0)).desired[0] == 2


@pytest.mark.parametrize("rate", [INF, -1.0, NAN])
def test_a_rate_that_is_no_number_says_nothing_of_a_queue(rate: float) -> None:
    """A gateway's garbage about a function that has a queue alone is no call, beside others that use the gateway or not."""
    for busy in ({}, {"target_rps": 10.0}):
        fleet = make_fleet(
            [("t", "a", {"target_rps": INF, "zero_after_s": 60.0}), ("t", "b", {"target_rps": INF, **busy})],
            others=metrics((0, MetricKind.QUEUE, 10.0)),
        )
        controller = Controller(None)
        seen = observe(fleet, 1, rps=[rate, 5.0], others=0.0, others_idle=True)
        for t in range(0, 62, 2):
            found = stepped(controller, t, seen)
        assert found.desired[0] == 0
