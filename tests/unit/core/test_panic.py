"""Panic: while load rises steeply nothing is lowered, and the short average may raise."""

import numpy as np
import pytest

from autoscaler.core.controller import Controller
from autoscaler.core.decisions import DecisionRecord
from autoscaler.core.fleet import Fleet
from autoscaler.core.observation import PanicAverages
from autoscaler.core.reasons import Reason
from tests.unit.core.fleets import NAN, make_fleet, observe, one, stepped


def panicky(**rules: float) -> Fleet:
    """Make a function of target 10 that panics where the short average wants twice what is ready."""
    return one(panic_threshold=2.0, **rules)


def seen(
    controller: Controller,
    fleet: Fleet,
    seconds: float,
    replicas: float,
    stable: float,
    short: float,
    **columns: float,
) -> DecisionRecord:
    """Step with averages over both windows ready-made."""
    ready_made = PanicAverages(np.array([short]), np.array([NAN]))
    return stepped(controller, seconds, observe(fleet, replicas, rps=stable, panic=ready_made, **columns)).record(0)


@pytest.mark.parametrize(("short", "ready", "wants", "begins"), [(20, 1, 2, True), (19, 1, 2, True), (10, 1, 1, False)])
def test_panic_begins_at_the_threshold(short: float, ready: float, wants: float, *, begins: bool) -> None:
    """A short average that wants exactly twice what is ready begins panic; one replica fewer does not."""
    record = seen(Controller(None), panicky(), 0, ready, 10.0, short)
    assert (record.is_panicking, record.desired) == (begins, wants)
    assert record.reason is (Reason.PANIC if begins else Reason.DEMAND)


def test_the_threshold_looks_at_what_is_wanted_before_rates() -> None:
    """A want of 10 with 4 ready begins panic though growth per tick is limited to a factor of 1.5, which then holds."""
    fleet, controller = panicky(max_rate_up=1.5), Controller(None)
    seen(controller, fleet, 0, 1, 10.0, 10.0)
    record = seen(controller, fleet, 2, 4, 40.0, 100.0)
    assert (record.is_panicking, record.desired, record.reason) == (True, 6, Reason.PANIC)


def test_panic_lowers_nothing_and_ends_after_more_than_a_stable_window() -> None:
    """The most of the episode stays while panic lasts: 60 s after it began it still does, a moment later it does not."""
    fleet, controller = panicky(), Controller(None)
    seen(controller, fleet, 0, 1, 10.0, 10.0)
    assert seen(controller, fleet, 2, 1, 15.0, 40.0).desired == 4
    found = {t: seen(controller, fleet, t, 4, 10.0, 10.0) for t in (4, 61, 62, 62.1, 64)}
    assert [found[t].desired for t in found] == [4, 4, 4, 1, 1]
    assert [found[t].reason for t in (62, 62.1)] == [Reason.PANIC, Reason.DEMAND]
    assert [found[t].is_panicking for t in (62, 62.1)] == [True, False]


def test_panic_is_renewed_while_the_short_average_stays_high() -> None:
    """A second peak at 50 s makes it 8 and lets panic last until 60 s after that."""
    fleet, controller = panicky(), Controller(None)
    seen(controller, fleet, 0, 1, 10.0, 40.0)
    assert seen(controller, fleet, 50, 4, 20.0, 80.0).desired == 8
    assert [seen(controller, fleet, t, 8, 20.0, 20.0).desired for t in (61, 110, 110.1)] == [8, 8, 2]


def test_in_panic_the_larger_of_both_averages_counts() -> None:
    """In panic a stable average that wants more than the short one, and than the peak, is what is asked for."""
    fleet, controller = panicky(), Controller(None)
    seen(controller, fleet, 0, 1, 10.0, 40.0)
    record = seen(controller, fleet, 2, 4, 60.0, 50.0)
    assert (record.desired, record.reason, record.is_panicking) == (6, Reason.DEMAND, True)
    assert seen(controller, fleet, 4, 6, 20.0, 50.0).desired == 6
    assert seen(controller, fleet, 6, 6, 20.0, 70.0).desired == 7


def test_the_peak_of_one_episode_is_not_that_of_the_next() -> None:
    """A second panic begins from its own demand, not from the first one's peak."""
    fleet, controller = panicky(), Controller(None)
    seen(controller, fleet, 0, 1, 10.0, 90.0)
    assert seen(controller, fleet, 61, 9, 10.0, 10.0).desired == 1
    assert seen(controller, fleet, 63, 1, 10.0, 30.0).desired == 3


def test_unknown_load_neither_begins_nor_ends_panic() -> None:
    """Through a silence that outlasts the window what is requested stays; the first known tick after it ends panic."""
    fleet, controller = panicky(), Controller(None)
    record = seen(controller, fleet, 0, 1, NAN, 90.0)
    assert (record.desired, record.is_panicking) == (1, False)
    seen(controller, fleet, 2, 1, 10.0, 40.0)
    for t in (50, 62, 70):
        record = seen(controller, fleet, t, 4, NAN, 10.0)
        assert (record.desired, record.reason) == (4, Reason.UNKNOWN_LOAD)
    assert seen(controller, fleet, 72, 4, 10.0, 10.0).desired == 1


def test_panic_goes_on_after_a_short_silence() -> None:
    """A silence within the window leaves panic and its peak as they were."""
    fleet, controller = panicky(), Controller(None)
    seen(controller, fleet, 0, 1, 10.0, 40.0)
    seen(controller, fleet, 20, 4, NAN, NAN)
    record = seen(controller, fleet, 40, 4, 10.0, 10.0)
    assert (record.desired, record.reason, record.is_panicking) == (4, Reason.PANIC, True)


def test_what_is_found_with_more_than_one_ready_is_not_cut_for_a_stable_window() -> None:
    """Five ready at first sight are the peak of a first episode, said to be the restart's; two are enough for one."""
    for replicas in (5, 2):
        fleet, controller = panicky(), Controller(None)
        found = [seen(controller, fleet, t, replicas, 10.0, 10.0) for t in (0, 60, 60.1)]
        assert [record.desired for record in found] == [replicas, replicas, 1]
        assert [record.reason for record in found] == [Reason.RESTART, Reason.RESTART, Reason.DEMAND]


def test_one_ready_replica_at_first_sight_begins_no_panic() -> None:
    """Five requested of which one is ready are cut at once: nothing says that the load rises."""
    record = seen(Controller(None), panicky(), 0, 5, 10.0, 10.0, ready=1.0)
    assert (record.desired, record.is_panicking) == (1, False)


def test_a_first_episode_that_is_renewed_is_panic() -> None:
    """Where the short average renews what a restart began, the load is the reason."""
    fleet, controller = panicky(), Controller(None)
    assert seen(controller, fleet, 0, 3, 10.0, 10.0).reason is Reason.RESTART
    assert seen(controller, fleet, 2, 3, 10.0, 60.0).reason is Reason.PANIC
    assert seen(controller, fleet, 60.1, 6, 10.0, 10.0).desired == 6


def test_who_may_not_panic_does_not_beside_one_who_may() -> None:
    """In one fleet only functions with a threshold panic, at first sight or later."""
    fleet, controller = make_fleet([("t", "f", {}), ("t", "g", {"panic_threshold": 2.0})]), Controller(None)
    short = PanicAverages(np.array([90.0, 90.0]), np.full(2, NAN))
    decisions = stepped(controller, 0, observe(fleet, 3, rps=10.0, panic=short))
    assert decisions.desired.tolist() == [1, 9]
    assert decisions.panicking.tolist() == [1]


def test_both_windows_are_averaged_from_samples() -> None:
    """With samples of 4 s each, a rise from 10 to 100 shows whole in a window of 6 s, and in 60 s as its mean."""
    fleet, controller = panicky(panic_window_s=6.0), Controller(None)
    for t in range(0, 60, 2):
        record = stepped(controller, t, observe(fleet, 1, rps=10.0, range_s=4.0)).record(0)
    assert (record.rps, record.panic_rps, record.desired) == (10.0, 10.0, 1)
    record = stepped(controller, 60, observe(fleet, 1, rps=100.0, range_s=4.0)).record(0)
    assert record.panic_rps == 100.0
    assert record.rps == pytest.approx((27 * 10 + 100) / 28)
    assert (record.desired, record.reason) == (10, Reason.PANIC)


def test_the_dead_band_holds_no_panic_down() -> None:
    """Eight replicas at 80/s are at their target over 60 s; a short average for 20 raises them all the same."""
    fleet, controller = panicky(tolerance_up=0.1, tolerance_down=0.1), Controller(None)
    assert seen(controller, fleet, 0, 8, 82.0, 82.0).desired == 9
    record = seen(controller, fleet, 2, 8, 82.0, 200.0)
    assert (record.desired, record.reason) == (20, Reason.PANIC)


def test_everybody_has_a_threshold_of_their_own() -> None:
    """A short average for 10 of 4 ready is panic at a threshold of 2 and none at 3, one beside the other."""
    fleet, controller = (
        make_fleet([("t", "f", {"panic_threshold": 2.0}), ("t", "g", {"panic_threshold": 3.0})]),
        Controller(None),
    )
    for seconds, load, panicking in ((0, 40.0, [0, 1]), (61, 40.0, []), (63, 100.0, [0]), (65, 120.0, [0, 1])):
        short = PanicAverages(np.full(2, load), np.full(2, NAN))
        decisions = stepped(controller, seconds, observe(fleet, 4, rps=40.0, panic=short))
        assert decisions.panicking.tolist() == panicking


def test_at_zero_ready_counts_as_one() -> None:
    """A short average for 2 of none ready is twice the one replica it would begin with; one for 1 is not."""
    for short, is_panicking in ((20.0, True), (10.0, False)):
        record = seen(Controller(None), panicky(), 0, 0, 10.0, short)
        assert record.is_panicking == is_panicking


def test_activation_counts_in_the_short_window_too() -> None:
    """A short average for 2 of a function with an activation of 5 asks for 5, and one of a stable load for 1 too."""
    assert seen(Controller(None), panicky(activation=5.0), 0, 1, 10.0, 20.0).desired == 5
    fleet, controller = panicky(activation=5.0), Controller(None)
    assert seen(controller, fleet, 0, 1, 0.0, 20.0).desired == 5
