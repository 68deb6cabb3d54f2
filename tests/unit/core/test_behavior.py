"""Look-backs of growth, scaling policies and the scale-down delay, through the controller."""

import pytest

from autoscaler.core.controller import Controller
from autoscaler.core.events import BoostFiring
from autoscaler.core.lanes import Select
from autoscaler.core.reasons import Reason
from tests.unit.core.fleets import INF, NAN, at, key, make_fleet, observe, one, policies, stepped

FOUR_PODS = (False, 4.0, 60.0)
TENTH = (True, 10.0, 60.0)


def test_a_raise_waits_for_the_whole_look_back() -> None:
    """What runs at the start is a recommendation: a load for 5 waits 30 s, then is served at once."""
    fleet, controller = one(stabilization_up_s=30.0), Controller(None)
    found = [stepped(controller, t, observe(fleet, 1, rps=50.0)).record(0) for t in (0, 29, 30)]
    assert [record.desired for record in found] == [1, 1, 5]
    assert [record.reason for record in found] == [Reason.STABILIZATION_UP, Reason.STABILIZATION_UP, Reason.DEMAND]


def test_a_raise_goes_as_far_as_every_recommendation_of_the_look_back() -> None:
    """Of recommendations 5, 3 and 8 within the look-back a raise from 2 reaches 3; a cut needs no look-back here."""
    fleet, controller = one(stabilization_up_s=30.0), Controller(None)
    stepped(controller, 0, observe(fleet, 2, rps=50.0))
    loads = {32: 30.0, 34: 80.0, 60: 80.0, 61: 80.0}
    assert [stepped(controller, t, observe(fleet, 2, rps=load)).desired[0] for t, load in loads.items()] == [3, 3, 3, 3]
    assert stepped(controller, 62, observe(fleet, 2, rps=80.0)).desired[0] == 8
    assert stepped(controller, 66, observe(fleet, 8, rps=10.0)).desired[0] == 1


@pytest.mark.parametrize(
    "rules",
    [
        {"stabilization_up_s": 30.0},
        {"rate_up": policies({0: [(False, 1.0, 60.0)]})},
        {"rate_up": policies({0: [FOUR_PODS]}, Select.DISABLED)},
        {"max_rate_up": 1.1},
    ],
)
def test_held_requests_wait_for_no_rule_of_growth(rules: dict[str, object]) -> None:
    """Twenty-five held requests at 10 for each replica start 3 at once, whatever look-back, policy or rate limits growth."""
    fleet, controller = one(concurrency_limit=10.0, **rules), Controller(None)
    stepped(controller, 0, observe(fleet, 0, rps=0.0))
    for seconds, requested in ((2, 0), (4, 0), (6, 3)):
        record = stepped(controller, seconds, observe(fleet, requested, ready=0, rps=0.0, waiting=25)).record(0)
        assert (record.desired, record.reason) == (3, Reason.WAITING)


def test_growth_keeps_within_its_policy() -> None:
    """Of a load for 10, 4 Pods per 60 s give 5, then 9 once the first raise is 60 s old, then 10."""
    fleet, controller = one(rate_up=policies({0: [FOUR_PODS]})), Controller(None)
    first = stepped(controller, 0, observe(fleet, 1, rps=100.0)).record(0)
    assert (first.desired, first.reason) == (5, Reason.SCALE_UP_POLICY)
    assert [stepped(controller, t, observe(fleet, 5, rps=100.0)).desired[0] for t in (2, 59, 60)] == [5, 5, 9]
    assert [stepped(controller, t, observe(fleet, 9, rps=100.0)).desired[0] for t in (62, 120)] == [9, 10]


def test_a_raise_that_is_still_being_written_is_counted_once() -> None:
    """While 5 is written and 1 is still found, 5 is asked for again, no more and no less, and 9 after the period."""
    fleet, controller = one(rate_up=policies({0: [FOUR_PODS]})), Controller(None)
    found = [stepped(controller, t, observe(fleet, 1, rps=100.0)).desired[0] for t in (0, 2, 4, 59, 60)]
    assert found == [5, 5, 5, 5, 9]


def test_what_somebody_else_does_is_no_change_of_ours() -> None:
    """After our raise from 1 to 5 somebody sets 3: that stands, and what we raised is used up."""
    fleet, controller = one(rate_up=policies({0: [FOUR_PODS]})), Controller(None)
    stepped(controller, 0, observe(fleet, 1, rps=100.0))
    stepped(controller, 2, observe(fleet, 5, rps=100.0))
    assert stepped(controller, 4, observe(fleet, 3, rps=100.0)).desired[0] == 3


def test_shrinkage_keeps_within_its_policy() -> None:
    """Of a fall from 50 to 10, a tenth per 60 s gives 45, then 40 (40.5 rounded down) a period later."""
    fleet, controller = one(rate_down=policies({0: [TENTH]})), Controller(None)
    first = stepped(controller, 0, observe(fleet, 50, rps=100.0)).record(0)
    assert (first.desired, first.reason) == (45, Reason.SCALE_DOWN_POLICY)
    assert [stepped(controller, t, observe(fleet, 45, rps=100.0)).desired[0] for t in (2, 59, 60)] == [45, 45, 40]


def test_a_cut_that_is_still_being_written_is_counted_once() -> None:
    """While 45 is written and 50 is still found, 45 is asked for again, and no further cut is made."""
    fleet, controller = one(rate_down=policies({0: [TENTH]})), Controller(None)
    assert [stepped(controller, t, observe(fleet, 50, rps=100.0)).desired[0] for t in (0, 2, 59, 60)] == [
        45,
        45,
        45,
        40,
    ]


@pytest.mark.parametrize(("select", "up", "down"), [(Select.MAX, 10, 0), (Select.MIN, 4, 1), (Select.DISABLED, 2, 2)])
def test_of_several_policies_the_chosen_one_holds(select: Select, up: float, down: float) -> None:
    """From 2, Max lets grow by 8 and shrink by 8, Min by 2 (all of it) and by half; Disabled lets nothing move."""
    several = (
        [(False, 8.0, 60.0), (True, 50.0, 60.0)]
        if select is not Select.MIN
        else [(False, 2.0, 60.0), (True, 50.0, 60.0)]
    )
    grown = one(rate_up=policies({0: [(False, 8.0, 60.0), (True, 100.0, 60.0)]}, select))
    shrunk = one(rate_down=policies({0: several}, select), zero_after_s=0.0)
    assert stepped(Controller(None), 0, observe(grown, 2, rps=900.0)).desired[0] == up
    assert stepped(Controller(None), 0, observe(shrunk, 2, rps=0.0, is_idle=True)).desired[0] == down


def test_a_policy_of_one_direction_leaves_the_other_free() -> None:
    """Disabled growth cuts at once, and disabled shrinkage grows at once."""
    off = policies({0: [FOUR_PODS]}, Select.DISABLED)
    assert stepped(Controller(None), 0, observe(one(rate_up=off), 9, rps=10.0)).desired[0] == 1
    assert stepped(Controller(None), 0, observe(one(rate_down=off), 1, rps=90.0)).desired[0] == 9


def test_a_cut_waits_for_the_delay() -> None:
    """What was asked for stays asked for 30 s; a raise does not wait, and a new daemon knows of nothing to wait for."""
    fleet, controller = one(delay_s=30.0), Controller(None)
    assert stepped(controller, 0, observe(fleet, 9, rps=50.0)).desired[0] == 5
    found = [stepped(controller, t, observe(fleet, 5, rps=10.0)).record(0) for t in (2, 29, 30)]
    assert [record.desired for record in found] == [5, 5, 1]
    assert [record.reason for record in found] == [Reason.DELAY, Reason.DELAY, Reason.DEMAND]
    assert stepped(controller, 32, observe(fleet, 1, rps=80.0)).desired[0] == 8


def test_the_delay_goes_on_through_silence() -> None:
    """While nothing is known the last request stands; the wait begins when load is known again."""
    fleet, controller = one(delay_s=30.0), Controller(None)
    loads = {0: 50.0, 2: NAN, 40: NAN, 42: 10.0, 69: 10.0, 70: 10.0}
    found = [stepped(controller, t, observe(fleet, 5, rps=load)).desired[0] for t, load in loads.items()]
    assert found == [5, 5, 5, 5, 5, 1]


def test_a_policy_of_growth_cuts_nothing_that_runs() -> None:
    """While a cut from 11 to 1 is not written yet, an unknown load and one for 11 leave 11: that is no growth."""
    for load in (NAN, 110.0):
        fleet, controller = one(rate_up=policies({0: [FOUR_PODS]})), Controller(None)
        assert stepped(controller, 0, observe(fleet, 11, rps=10.0)).desired[0] == 1
        assert stepped(controller, 2, observe(fleet, 11, rps=load)).desired[0] == 11


LOOK_BACKS = {"stabilization_down_s": 60.0, "stabilization_up_s": 60.0, "delay_s": 60.0}


@pytest.mark.parametrize("rule", list(LOOK_BACKS))
def test_who_looks_back_does_so_beside_one_who_does_not(rule: str) -> None:
    """In a fleet of both, each is decided as if it were alone, its loads known, unknown, or known as lower bounds."""
    rules = {rule: LOOK_BACKS[rule]}
    together, apart = Controller(None), [Controller(None), Controller(None)]
    both, each = make_fleet([("t", "f", {}), ("t", "g", rules)]), [one(), one(**rules)]
    history = [
        ([50.0, 20.0], [True, True]),
        ([NAN, 30.0], [True, True]),
        ([90.0, 10.0], [True, False]),
        ([10.0, 80.0], [False, True]),
        ([10.0, NAN], [True, True]),
        ([70.0, 40.0], [False, False]),
    ]
    for n, (loads, covered) in enumerate(history):
        found = stepped(together, 7.0 * n, observe(both, 3, rps=loads, is_covered=covered)).desired.tolist()
        assert found == [
            stepped(controller, 7.0 * n, observe(fleet, 3, rps=load, is_covered=whole)).desired[0]
            for controller, fleet, load, whole in zip(apart, each, loads, covered, strict=True)
        ]


def test_a_dead_band_looks_at_the_larger_of_both_metrics() -> None:
    """At 4 replicas of 10/s and 5 in flight each, 21 in flight are within a tenth whatever the rate; 30 are not."""
    fleet = one(target_concurrency=5.0, tolerance_up=0.1, tolerance_down=0.1)
    loads = ((10.0, 21.0, 4), (42.0, 3.0, 4), (10.0, 30.0, 6), (60.0, 3.0, 6), (10.0, 3.0, 1))
    for rps, concurrency, want in loads:
        assert stepped(Controller(None), 0, observe(fleet, 4, rps=rps, concurrency=concurrency)).desired[0] == want
    alone = one(target_rps=INF, target_concurrency=5.0, tolerance_up=0.1)
    assert stepped(Controller(None), 0, observe(alone, 4, concurrency=21.0)).desired[0] == 4


def test_a_cut_that_a_rate_slows_is_no_demand_of_a_boost() -> None:
    """Nine that are halved to 4 for a load of 1 are a demand of 1: a boost of factor 3 makes 3 of it, below what stands."""
    fleet, controller = one(max_rate_down=2.0), Controller(None)
    stepped(controller, 0, observe(fleet, 9, rps=10.0))
    firing = BoostFiring("b", (key("f", "acme"),), 3.0, 0.0, 99.0)
    stepped(controller, 1, None, [firing])
    assert controller.boosts(at(1))[0].floors == (3,)
