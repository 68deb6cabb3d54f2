"""Schedules, and what a function has when it is first seen, through the controller."""

import numpy as np
import pytest

from autoscaler.core.calendar import standing
from autoscaler.core.controller import Controller
from autoscaler.core.derived import derive
from autoscaler.core.events import Wake
from autoscaler.core.invariants import check_invariants
from autoscaler.core.now import Now
from autoscaler.core.reasons import Reason
from tests.unit.core.fleets import INF, NAN, UTC_S, key, make_fleet, observe, one, spans, stepped

DAY = (0, 100.0, 200.0, 5.0, INF)


def test_a_schedules_floor_holds_between_its_edges() -> None:
    """A floor of 5 from 100 s to 200 s holds at its first second and no longer at its last."""
    fleet, controller = one(schedules=spans(DAY)), Controller(None)
    found = {t: stepped(controller, t, observe(fleet, 1, rps=10.0)).record(0) for t in (99, 100, 199, 200)}
    assert [found[t].desired for t in found] == [1, 5, 5, 1]
    assert (found[100].reason, found[200].reason) == (Reason.SCHEDULE, Reason.DEMAND)


def test_a_schedules_ceiling_holds_between_its_edges() -> None:
    """A ceiling of 2 caps a load for 5, unknown load too, while it lasts."""
    fleet, controller = one(schedules=spans((0, 100.0, 200.0, 0.0, 2.0))), Controller(None)
    loads = {99: 50.0, 100: 50.0, 150: NAN, 200: 50.0}
    found = {t: stepped(controller, t, observe(fleet, 5, rps=load)).record(0) for t, load in loads.items()}
    assert [found[t].desired for t in found] == [5, 2, 2, 5]
    assert found[150].reason is Reason.SCHEDULE_CEILING


def test_of_overlapping_schedules_the_highest_floor_and_the_lowest_ceiling_hold() -> None:
    """Floors of 3 and 5 make 5, ceilings of 9 and 7 make 7, whichever is named first."""
    several = [(0, 0.0, 99.0, 5.0, 9.0), (0, 0.0, 99.0, 3.0, 7.0)]
    for order in (several, several[::-1]):
        fleet = one(schedules=spans(*order))
        assert [stepped(Controller(None), 0, observe(fleet, 1, rps=load)).desired[0] for load in (10.0, 990.0)] == [
            5,
            7,
        ]


def test_a_ceiling_below_a_floor_wins() -> None:
    """A floor of 5 and a ceiling of 2 make 2, as a maximum wins over a minimum; a ceiling of 0 stops the function."""
    for ceiling, want in ((2.0, 2), (0.0, 0)):
        fleet = one(schedules=spans((0, 0.0, 99.0, 5.0, ceiling)))
        record = stepped(Controller(None), 0, observe(fleet, 4, rps=40.0)).record(0)
        assert (record.desired, record.reason) == (want, Reason.SCHEDULE_CEILING)


def test_minimum_and_maximum_go_on_beside_schedules() -> None:
    """A minimum above a schedule's floor and a maximum below its ceiling hold, with their own reasons; equal ones too."""
    for floor, ceiling in ((2.0, 9.0), (3.0, 6.0)):
        fleet = one(min_replicas=3.0, max_replicas=6.0, schedules=spans((0, 0.0, 99.0, floor, ceiling)))
        found = [stepped(Controller(None), 0, observe(fleet, 1, rps=load)).record(0) for load in (0.0, 990.0)]
        assert [(one.desired, one.reason) for one in found] == [(3, Reason.MIN_REPLICAS), (6, Reason.MAX_REPLICAS)]


def test_a_clock_that_is_set_back_sets_the_schedule_back() -> None:
    """The calendar alone follows UTC: back before the edge the floor is gone, after it again it is there."""
    fleet, controller = one(schedules=spans(DAY)), Controller(None)
    desired = []
    for monotonic_s, utc_s in ((0, 150), (1, 50), (2, 101), (3, 250), (4, 199.5)):
        decisions = controller.step(Now(monotonic_s, UTC_S + utc_s), observe(fleet, 1, rps=10.0), [])
        check_invariants(controller, decisions)
        desired.append(decisions.desired[0])
    assert desired == [5, 1, 5, 1, 5]


def test_what_holds_is_told_with_its_next_edge() -> None:
    """From one edge to the next nothing changes, and both are told; without schedules all holds for ever."""
    fleet = one(schedules=spans(DAY, (0, 150.0, 180.0, 7.0, INF)))
    for seconds, start, end, floor in ((0, -INF, 100, 0), (100, 100, 150, 5), (160, 150, 180, 7), (300, 200, INF, 0)):
        found = standing(fleet, derive(fleet), UTC_S + seconds)
        assert (found.from_s - UTC_S, found.until_s - UTC_S, found.floor[0]) == (start, end, floor)
        assert found.holds(UTC_S + seconds)
        assert not found.holds(found.until_s)
    assert standing(one(), derive(one()), UTC_S).until_s == INF


def test_schedules_belong_to_their_functions() -> None:
    """A schedule of one function leaves its sibling alone."""
    fleet = make_fleet([("t", "a", {}), ("t", "b", {})], schedules=spans((1, 0.0, 99.0, 5.0, INF)))
    assert stepped(Controller(None), 0, observe(fleet, 1, rps=10.0)).desired.tolist() == [1, 5]


def test_a_schedule_holds_between_ticks() -> None:
    """A ceiling that has begun since the last tick caps a boost or a wake between ticks, and lowers nothing."""
    fleet, controller = one(concurrency_limit=1.0, schedules=spans((0, 1.0, 99.0, 0.0, 3.0))), Controller(None)
    stepped(controller, 0, observe(fleet, 2, rps=20.0))
    record = stepped(controller, 1, None, [Wake(key("f", "acme"), 8)]).record(0)
    assert (record.desired, record.reason) == (3, Reason.SCHEDULE_CEILING)


@pytest.mark.parametrize(
    ("age_s", "requested", "want", "why"),
    [
        (10.0, 1, 3, Reason.INITIAL),
        (60.0, 1, 3, Reason.INITIAL),
        (60.1, 1, 1, Reason.UNKNOWN_LOAD),
        (NAN, 1, 1, Reason.UNKNOWN_LOAD),
        (10.0, 0, 0, Reason.UNKNOWN_LOAD),
        (10.0, 5, 5, Reason.UNKNOWN_LOAD),
    ],
)
def test_a_new_function_has_its_initial_replicas(age_s: float, requested: float, want: float, why: Reason) -> None:
    """A function created up to 60 s before it is first seen, with any replica, has 3 until its load is known."""
    fleet = one(initial=3.0, created_s=np.array([UTC_S - age_s]))
    controller = Controller(None)
    record = stepped(controller, 0, observe(fleet, requested)).record(0)
    assert (record.desired, record.reason) == (want, why)
    assert stepped(controller, 2, observe(fleet, want, rps=10.0)).desired[0] == 1


def test_initial_replicas_go_with_the_first_known_window_for_good() -> None:
    """A lower bound lifts nothing, a value does, and later silence does not bring them back."""
    fleet, controller = one(initial=3.0, created_s=np.array([UTC_S])), Controller(None)
    samples = {0: (10.0, False), 2: (10.0, True), 4: (NAN, True)}
    found = [
        stepped(controller, t, observe(fleet, 1, rps=rps, is_covered=whole)).desired[0]
        for t, (rps, whole) in samples.items()
    ]
    assert found == [3, 1, 1]


def test_a_new_function_at_zero_stays_there() -> None:
    """Initial replicas are of a function that was created with any: one at zero is not started, by a new fleet neither."""
    created, controller = np.array([UTC_S]), Controller(None)
    for seconds, rules in ((0, {}), (2, {"max_replicas": 99.0})):
        fleet = one(initial=3.0, created_s=created, **rules)
        assert stepped(controller, seconds, observe(fleet, 0)).desired[0] == 0
