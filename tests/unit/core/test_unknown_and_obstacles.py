"""What is done where load is unknown for long, and where replicas are missing, through the controller."""

import pytest

from autoscaler.core.controller import Controller
from autoscaler.core.obstacles import Obstacle
from autoscaler.core.reasons import Reason
from tests.unit.core.fleets import INF, NAN, observe, one, stepped

FALLBACK = {"fallback_after": 3.0, "fallback_replicas": 6.0}
IN_FLIGHT = {"target_rps": INF, "target_concurrency": 10.0}


def test_a_fallback_holds_after_as_many_unknown_ticks() -> None:
    """Two unknown ticks hold 2, the third raises to the fallback of 6, and a known load ends it."""
    fleet, controller = one(**FALLBACK), Controller(None)
    stepped(controller, 0, observe(fleet, 2, rps=20.0))
    found = [stepped(controller, t, observe(fleet, 2)).record(0) for t in (2, 4, 6, 8)]
    assert [record.desired for record in found] == [2, 2, 6, 6]
    assert [record.reason for record in found[1:3]] == [Reason.UNKNOWN_LOAD, Reason.FALLBACK]
    assert stepped(controller, 10, observe(fleet, 6, rps=20.0)).desired[0] == 2


def test_one_known_tick_begins_the_count_anew() -> None:
    """Two unknown ticks, a known one and two more unknown ones are no three in a row."""
    fleet, controller = one(**FALLBACK), Controller(None)
    loads = (20.0, NAN, NAN, 20.0, NAN, NAN)
    assert [stepped(controller, 2.0 * n, observe(fleet, 2, rps=load)).desired[0] for n, load in enumerate(loads)] == [
        2
    ] * 6


@pytest.mark.parametrize(("requested", "fallback", "want"), [(9, 6.0, 9), (0, 6.0, 0), (2, NAN, 2), (6, 6.0, 6)])
def test_a_fallback_never_lowers_nor_wakes(requested: float, fallback: float, want: float) -> None:
    """What runs with more stays, what is at zero stays there, and a fallback that only holds raises nothing."""
    fleet, controller = one(fallback_after=1.0, fallback_replicas=fallback), Controller(None)
    assert [stepped(controller, t, observe(fleet, requested)).desired[0] for t in (0, 2)] == [want, want]


@pytest.mark.parametrize(
    ("obstacle", "why"), [(Obstacle.ROLLOUT, Reason.ROLLOUT), (Obstacle.QUOTA_EXCEEDED, Reason.QUOTA_EXCEEDED)]
)
def test_a_rollout_and_a_quota_count_at_once(obstacle: Obstacle, why: Reason) -> None:
    """Two of 4 are ready: 80 in flight at 10 for each are no reason for 8 while a rollout or a quota keeps them away."""
    sample = observe(one(**IN_FLIGHT), 4, ready=2, concurrency=80.0, obstacle=obstacle)
    record = stepped(Controller(None), 0, sample).record(0)
    assert (record.desired, record.reason) == (4, why)


@pytest.mark.parametrize(
    ("obstacle", "why"),
    [
        (Obstacle.NONE, Reason.NOT_READY),
        (Obstacle.NOT_READY, Reason.NOT_READY),
        (Obstacle.NOT_SCHEDULABLE, Reason.NOT_SCHEDULABLE),
    ],
)
def test_other_obstacles_count_after_the_deadline(obstacle: Obstacle, why: Reason) -> None:
    """For 600 s replicas that are missing are waited for, and load may raise; a moment later it may not."""
    fleet, controller = one(progress_deadline_s=600.0, **IN_FLIGHT), Controller(None)

    def sample(concurrency: float) -> object:
        return observe(fleet, 4, ready=2, concurrency=concurrency, obstacle=obstacle)

    assert [stepped(controller, t, sample(load)).desired[0] for t, load in ((0, 80.0), (600, 90.0))] == [8, 9]
    record = stepped(controller, 600.1, sample(200.0)).record(0)
    assert (record.desired, record.reason) == (9, why)


def test_replicas_that_come_begin_the_deadline_anew() -> None:
    """A moment in which all are ready ends what was missing: the deadline counts from the next one that is."""
    fleet, controller = one(progress_deadline_s=60.0, **IN_FLIGHT), Controller(None)
    ready = {0: 2, 50: 4, 60: 2, 119: 2}
    assert [
        stepped(controller, t, observe(fleet, 4, ready=n, concurrency=80.0)).desired[0] for t, n in ready.items()
    ] == [8] * 4
    assert stepped(controller, 120.1, observe(fleet, 4, ready=2, concurrency=200.0)).desired[0] == 8


def test_requests_of_a_second_raise_all_the_same() -> None:
    """A rate does not pile up where nobody serves it: 120/s ask for 12 through a rollout, and more in flight for no more."""
    fleet = one(target_concurrency=10.0)
    sample = observe(fleet, 4, ready=2, rps=120.0, concurrency=300.0, obstacle=Obstacle.ROLLOUT)
    record = stepped(Controller(None), 0, sample).record(0)
    assert (record.desired, record.reason) == (12, Reason.ROLLOUT)


def test_an_obstacle_lowers_nothing() -> None:
    """A demand of 3 is a demand of 3, and one for what is requested stays there, rollout or not."""
    for load, want, why in ((30.0, 3, Reason.DEMAND), (40.0, 4, Reason.DEMAND)):
        sample = observe(one(**IN_FLIGHT), 4, ready=2, concurrency=load, obstacle=Obstacle.ROLLOUT)
        record = stepped(Controller(None), 0, sample).record(0)
        assert (record.desired, record.reason) == (want, why)


def test_nothing_is_missing_where_all_are_ready() -> None:
    """A rollout whose replicas are all ready is no obstacle."""
    sample = observe(one(**IN_FLIGHT), 4, ready=4, concurrency=80.0, obstacle=Obstacle.ROLLOUT)
    assert stepped(Controller(None), 0, sample).desired[0] == 8


def test_a_deploy_that_resets_replicas_is_made_good_at_once() -> None:
    """A rollout that begins by setting 1 where 8 were asked for gets its 8 back, not 1."""
    fleet, controller = one(**IN_FLIGHT), Controller(None)
    assert stepped(controller, 0, observe(fleet, 8, concurrency=80.0)).desired[0] == 8
    deploy = observe(fleet, 1, ready=0, concurrency=120.0, obstacle=Obstacle.ROLLOUT)
    assert stepped(controller, 2, deploy).desired[0] == 8


def test_requests_in_flight_are_kept_through_the_controller() -> None:
    """Thirty-five in flight at 10 for each replica keep 4 where the load alone wants 1."""
    record = stepped(Controller(None), 0, observe(one(concurrency_limit=10.0), 5, rps=10.0, in_flight=35)).record(0)
    assert (record.desired, record.reason) == (4, Reason.IN_FLIGHT)
