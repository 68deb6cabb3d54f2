"""Boosts through the controller, alone and among other events: floors that alerts set, bounded and expiring."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest

from autoscaler.core.boosts import PAIRS_BESIDE, PAIRS_PER_FUNCTION, Boosts
from autoscaler.core.controller import Controller
from autoscaler.core.events import BoostFiring, BoostResolved, Wake
from autoscaler.core.reasons import Reason
from autoscaler.core.seen import Seen
from autoscaler.core.stages import Stage
from tests.unit.core.fleets import NAN, at, key, make_fleet, observe, one, stepped

F = key("f", "acme")


def three(rows: np.ndarray, _firing: Sequence[BoostFiring]) -> np.ndarray:
    """Give a floor of three to each row."""
    return np.full(len(rows), 3.0)


def boost(ends_s: float = 1000.0, factor: float = 1.5, add: float = 0.0, name: str = "b") -> BoostFiring:
    return BoostFiring(name, (F,), factor, add, ends_s)


def test_a_step_before_any_observation_decides_nothing_and_loses_no_event() -> None:
    """Events before the first observation are kept for it; the step itself decides no rows."""
    controller = Controller(None)
    assert len(stepped(controller, 0, None, [Wake(F, 0), boost(add=3.0)]).rows) == 0
    assert stepped(controller, 1, observe(one(), 0, rps=NAN)).desired[0] == 1


def test_what_runs_at_a_restart_is_no_demand_that_a_boost_multiplies() -> None:
    """A boost of 2 over a demand of 3 is read back by a new daemon that finds its 6: it stays 6, and is no 12."""
    fleet, controller = one(panic_window_s=6.0, panic_threshold=2.0), Controller(None)
    stepped(controller, 0, observe(fleet, 6, rps=30.0))
    assert stepped(controller, 1, None, [boost(factor=2.0)]).desired[0] == 6
    assert stepped(controller, 2, observe(fleet, 6, rps=30.0)).desired[0] == 6


def test_a_boost_multiplies_demand_and_never_climbs() -> None:
    """A boost of 1.5 over a demand of 4 is a floor of 6 for as long as it lasts, however often it is repeated."""
    fleet, controller, requested = one(), Controller(None), 4.0
    stepped(controller, 0, observe(fleet, requested, rps=40.0))
    for t in range(1, 20):
        decisions = stepped(controller, t, observe(fleet, requested, rps=40.0) if t % 2 else None, [boost(), boost()])
        requested = decisions.desired[0]
        assert requested == 6
    assert decisions.record(0).reason is Reason.BOOST
    assert [(view.id, view.floors, view.ends_s) for view in controller.boosts(at(20))] == [("b", (6,), 1000.0)]


def test_a_boost_that_has_ended_already_raises_nothing() -> None:
    """A boost whose end is past when it is told is ignored."""
    fleet, controller = one(), Controller(None)
    stepped(controller, 0, observe(fleet, 4, rps=40.0))
    assert len(stepped(controller, 10, None, [boost(ends_s=10.0)]).rows) == 0
    assert controller.boosts(at(9)) == ()


def test_a_boosts_floor_does_not_depend_on_what_came_just_before() -> None:
    """Where no demand is known the floor is what the last tick decided, not what a wake since then has raised."""
    fleet, controller = one(), Controller(None)
    stepped(controller, 0, observe(fleet, 1, rps=NAN))
    stepped(controller, 1, None, [Wake(F, 7)])
    stepped(controller, 1, None, [boost()])
    assert controller.boosts(at(1))[0].floors == (1,)


def test_a_boost_of_unknown_demand_holds_what_runs() -> None:
    """Where no demand was ever known, the floor of a boost is what runs."""
    fleet, controller = one(), Controller(None)
    stepped(controller, 0, observe(fleet, 4, rps=NAN))
    assert stepped(controller, 1, None, [boost(factor=3.0)]).desired.tolist() == [4]


def test_resolved_lifts_at_the_next_tick_and_ends_do_so_too() -> None:
    """A resolved boost, and one past its end, scale nothing down by themselves; the next tick does."""
    for event, when in ((BoostResolved("b"), 10), (None, 1000)):
        fleet, controller = one(), Controller(None)
        stepped(controller, 0, observe(fleet, 4, rps=40.0))
        stepped(controller, 1, None, [boost()])
        assert not stepped(controller, when, None, [event] if event else []).changed.size
        assert stepped(controller, when + 1, observe(fleet, 6, rps=40.0)).desired[0] == 4
        assert controller.boosts(at(when + 1)) == ()


def test_a_repetition_moves_the_end() -> None:
    """A repeated boost ends when its last notification says."""
    fleet, controller = one(), Controller(None)
    stepped(controller, 0, observe(fleet, 4, rps=40.0))
    stepped(controller, 1, None, [boost(ends_s=10.0)])
    stepped(controller, 9, None, [boost(ends_s=20.0)])
    assert [stepped(controller, t, observe(fleet, 6, rps=40.0)).desired[0] for t in (15, 20)] == [6, 4]


def test_boosts_are_bounded_by_tenant() -> None:
    """A tenant's boosts over the bound are refused and counted, another tenant's are not; what ends makes room."""
    fleet, boosts = make_fleet([("acme", "f", {}), ("other", "f", {})]), Boosts(pairs_per_tenant=2)
    for n in range(4):
        boosts.fire([BoostFiring(str(n), (F,), 2.0, 0.0, 99.0)], fleet, three, 1.0)
    boosts.fire([BoostFiring("o", (key("f", "other"),), 2.0, 0.0, 99.0)], fleet, three, 1.0)
    assert boosts.refused == 2
    assert [view.id for view in boosts.in_force(1.0)] == ["0", "1", "o"]
    boosts.resolve("0")
    boosts.lift(2.0)
    boosts.fire([BoostFiring("3", (F,), 2.0, 0.0, 99.0)], fleet, three, 2.0)
    assert [view.id for view in boosts.in_force(2.0)] == ["1", "o", "3"]


def test_one_functions_boosts_are_bounded_by_how_many_functions_its_tenant_has() -> None:
    """A tenant of one function has places for a thousand boosts and some, not for as many as its alerts name."""
    fleet, boosts = make_fleet([("acme", "f", {}), ("other", "f", {})]), Boosts()
    boosts.fire([BoostFiring(f"{n:05}", (F,), 2.0, 0.0, 99.0) for n in range(3_000)], fleet, three, 1.0)
    places = PAIRS_BESIDE + PAIRS_PER_FUNCTION
    assert (len(boosts.in_force(1.0)), boosts.refused) == (places, 3_000 - places)
    boosts.fire([BoostFiring("o", (key("f", "other"),), 2.0, 0.0, 99.0)], fleet, three, 1.0)
    assert boosts.in_force(1.0)[-1].id == "o"


def test_what_is_shown_of_boosts_follows_each_change() -> None:
    """Boosts are shown as the same tuple until one comes, is resolved or ends, and then as they are."""
    fleet, boosts = make_fleet([("acme", "f", {})]), Boosts()
    boosts.fire(
        [BoostFiring(name, (F,), 2.0, 0.0, ends_s) for name, ends_s in (("a", 10.0), ("b", 20.0))], fleet, three, 1
    )
    shown = boosts.in_force(2.0)
    assert [view.id for view in shown] == ["a", "b"]
    assert boosts.in_force(9.0) is shown
    assert [view.id for view in boosts.in_force(10.0)] == ["b"]
    boosts.fire([BoostFiring("c", (F,), 2.0, 0.0, 30.0)], fleet, three, 11.0)
    assert [view.id for view in boosts.in_force(11.0)] == ["b", "c"]
    boosts.resolve("c")
    assert [view.id for view in boosts.in_force(11.0)] == ["b"]


def test_a_resolved_boost_is_not_shown_again_by_an_event_for_functions_that_are_gone() -> None:
    """Between its end and the tick that lifts it, an event that finds none of its functions brings nothing back."""
    both, other = make_fleet([("acme", "f", {}), ("acme", "g", {})]), make_fleet([("acme", "g", {})])
    boosts = Boosts()
    boosts.fire([BoostFiring("b", (F,), 2.0, 0.0, 50.0)], both, three, 1.0)
    boosts.resolve("b")
    boosts.fire([BoostFiring("b", (F,), 2.0, 0.0, 99.0)], other, three, 2.0)
    assert boosts.in_force(2.0) == ()
    boosts.lift(2.0)
    assert boosts.fire([BoostFiring("b", (F,), 2.0, 0.0, 99.0)], both, three, 3.0).tolist() == [0]
    assert [(view.id, view.floors, view.ends_s) for view in boosts.in_force(3.0)] == [("b", (3,), 99.0)]


def test_what_ends_earlier_than_it_was_told_before_ends_then() -> None:
    """A repetition moves the end in both directions, and what is shown and lifted follows."""
    fleet, boosts = make_fleet([("acme", "f", {})]), Boosts()
    for ends_s in (50.0, 20.0):
        boosts.fire([BoostFiring("b", (F,), 2.0, 0.0, ends_s)], fleet, three, 1.0)
    boosts.lift(19.0)
    assert [view.ends_s for view in boosts.in_force(19.0)] == [20.0]
    assert boosts.in_force(20.0) == ()
    boosts.lift(20.0)
    assert [floor.rows.size for floor in boosts.floors(fleet)] == [0, 0]


def test_unknown_functions_in_events_are_ignored() -> None:
    """Events for functions that the fleet lacks change nothing."""
    fleet, controller = one(), Controller(None)
    stepped(controller, 0, observe(fleet, 1, rps=10.0))
    lacking = key("lacking", "acme")
    events = [Wake(lacking, 5), BoostFiring("x", (lacking,), 2.0, 0.0, 99.0), BoostResolved("never")]
    assert len(stepped(controller, 1, None, events).rows) == 0
    assert controller.boosts(at(1)) == ()


def test_between_ticks_an_order_stands() -> None:
    """A function forced to 0 is neither woken nor boosted between ticks, and its reason stays the order."""
    fleet, controller = one(force=0.0), Controller(None)
    stepped(controller, 0, observe(fleet, 0, rps=40.0))
    record = stepped(controller, 1, None, [Wake(F, 9), boost(add=2.0)]).record(0)
    assert (record.desired, record.reason) == (0, Reason.FORCED)


def test_rows_move_with_their_functions() -> None:
    """State follows functions when others come and go, samples, proof and boosts included."""

    def fleet(*names: str) -> object:
        return make_fleet([("acme", name, {"zero_after_s": 100.0}) for name in names])

    controller = Controller(None)
    full = fleet("a", "f", "z")
    for t in range(0, 50, 10):
        stepped(controller, t, observe(full, 1, rps=[10.0, 20.0, 0.0], is_idle=[False, False, True], range_s=20.0))
    stepped(controller, 50, None, [boost(factor=1.0, add=3.0)])
    moved = stepped(
        controller,
        50,
        observe(fleet("f", "y", "z"), 1, rps=[80.0, 50.0, 0.0], is_idle=[False, False, True], range_s=20.0),
    )
    assert moved.rps.tolist() == [35.0, 50.0, 0.0]
    assert [moved.record(row).seen for row in range(3)] == [Seen.VALUE, Seen.LOWER_BOUND, Seen.PROVEN_ZERO]
    assert moved.stages[Stage.FLOORS, 0] == 5
    later = [
        stepped(controller, t, observe(fleet("z"), 1, rps=0.0, is_idle=True, range_s=20.0)).desired[0]
        for t in (60, 70, 80)
    ]
    assert later == [1, 1, 0]


def test_boosts_that_follow_each_other_never_climb() -> None:
    """A cut that is slowed by a rate raises no demand: each of five alerts in a row makes 15 of a load of 5 by factor 3."""
    fleet, controller, requested = one(max_rate_down=2.0), Controller(None), 5.0
    stepped(controller, 0, observe(fleet, requested, rps=50.0))
    floors = []
    for n in range(5):
        firing = boost(factor=3.0, name=f"b{n}")
        for t, events in ((1, [firing]), (2, []), (3, [BoostResolved(firing.id)])):
            requested = stepped(controller, 10 * n + t, observe(fleet, requested, rps=50.0), events).desired[0]
            floors += [view.floors for view in controller.boosts(at(10 * n + t))]
    assert floors == [(15,)] * 10


def test_of_early_events_the_last_word_counts() -> None:
    """Before functions are known, resolved, firing, resolved comes to resolved, and firing, resolved, firing to firing."""
    firing, resolved = boost(), BoostResolved("b")
    for events, in_force in (([resolved, firing, resolved], 0), ([firing, resolved, firing], 1)):
        controller = Controller(None)
        for event in events:
            stepped(controller, 0, None, [event])
        stepped(controller, 1, observe(one(), 4, rps=40.0))
        assert len(controller.boosts(at(1))) == in_force


def test_a_repetition_that_finds_no_place_for_more_keeps_what_it_has() -> None:
    """A repeated boost that now names more functions than there is place for goes on for those it had, and is counted."""
    fleet, boosts = make_fleet([("acme", "f", {}), ("acme", "g", {})]), Boosts(pairs_per_tenant=1)
    boosts.fire([BoostFiring("b", (F,), 2.0, 0.0, 10.0)], fleet, three, 1.0)
    rows = boosts.fire([BoostFiring("b", (F, key("g", "acme")), 2.0, 0.0, 20.0)], fleet, three, 2.0)
    assert (rows.tolist(), boosts.refused) == ([0], 1)
    assert [(view.keys, view.ends_s) for view in boosts.in_force(2.0)] == [((F,), 20.0)]


def test_a_repetition_means_the_same_rows_until_functions_or_keys_are_others() -> None:
    """Told again a boost raises its rows again; where rows have moved or it names others, those it means now."""
    first, both = make_fleet([("acme", "f", {})]), make_fleet([("acme", "a", {}), ("acme", "f", {})])
    boosts = Boosts()
    for fleet, raised in ((first, [0]), (first, [0]), (both, [1]), (both, [1]), (first, [0])):
        assert boosts.fire([boost()], fleet, three, 0.0).tolist() == raised
    wider = replace(boost(), keys=(key("a", "acme"), F))
    for _ in range(2):
        assert boosts.fire([wider], both, three, 0.0).tolist() == [0, 1]
    assert boosts.floors(both)[-1].rows.tolist() == [0, 1]


def test_a_namespace_that_changes_hands_takes_its_new_boosts_along() -> None:
    """Boosts count for the tenant that a function has when they are set, not for who had it while an older one lasts."""
    before = make_fleet([("acme", "f", {}), ("other", "g", {})])
    after = replace(before, tenant=np.array([1, 1]))
    boosts, g = Boosts(pairs_per_tenant=1), key("g", "other")
    for name, fleet, function in (("0", before, F), ("1", after, F), ("2", after, g)):
        boosts.fire([BoostFiring(name, (function,), 2.0, 0.0, 99.0)], fleet, three, 1.0)
    assert (boosts.refused, [view.id for view in boosts.in_force(1.0)]) == (1, ["0", "1"])
    for name in "01":
        boosts.resolve(name)
    boosts.lift(2.0)
    boosts.fire([BoostFiring("3", (g,), 2.0, 0.0, 99.0)], after, three, 2.0)
    assert [view.id for view in boosts.in_force(2.0)] == ["3"]


def test_whether_a_wake_leaves_zero_does_not_depend_on_what_came_just_before() -> None:
    """A boost told a step before the wake, or with it, leaves the wake its activation."""
    for parts in ([[boost(add=1.0)], [Wake(F, 0)]], [[boost(add=1.0), Wake(F, 0)]]):
        fleet, controller = one(activation=4.0), Controller(None)
        stepped(controller, 0, observe(fleet, 0, rps=0.0))
        assert [stepped(controller, 1, None, part) for part in parts][-1].desired.tolist() == [4]


@pytest.mark.parametrize(("factor", "add"), [(1e308, 0.0), (np.inf, 1.0), (1.0, 1e300)])
def test_a_boost_beyond_all_numbers_is_a_number_of_replicas(factor: float, add: float) -> None:
    """A boost without bounds raises to what Kubernetes can hold, also beside a function whose demand is not known."""
    fleet, controller = make_fleet([("acme", "f", {}), ("acme", "g", {})]), Controller(None)
    stepped(controller, 0, observe(fleet, 2, rps=[1e5, NAN]))
    firing = BoostFiring("b", (F, key("g", "acme")), factor, add, 99.0)
    assert stepped(controller, 1, None, [firing]).desired.tolist() == [2_147_483_647, 2]
    assert controller.boosts(at(1))[0].floors == (2_147_483_647, 2)
