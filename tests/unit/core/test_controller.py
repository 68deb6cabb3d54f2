"""The controller over several steps."""

from itertools import pairwise

import numpy as np
import pytest

from autoscaler.core.blast_radius import BlastRadiusRule
from autoscaler.core.controller import Controller
from autoscaler.core.events import Wake
from autoscaler.core.reasons import Reason
from autoscaler.core.seen import Seen
from autoscaler.core.stages import Stage
from tests.unit.core.fleets import NAN, at, key, make_fleet, observe, one, stepped

F = key("f", "acme")


def test_load_drives_replicas() -> None:
    """A load of 45/s at 10/s for each replica makes 5."""
    record = stepped(Controller(None), 0, observe(one(), 1, rps=45.0)).record(0)
    assert (record.desired, record.reason, record.seen) == (5, Reason.DEMAND, Seen.VALUE)


def test_stabilization_counts_what_ran_at_the_start() -> None:
    """What runs at the start is a recommendation: it stays for the whole look-back, then goes at once."""
    fleet, controller = one(stabilization_down_s=300.0), Controller(None)
    desired = [stepped(controller, t, observe(fleet, 9, rps=10.0)).record(0) for t in (0, 299, 300)]
    assert [(record.desired, record.reason) for record in desired] == [
        (9, Reason.STABILIZATION),
        (9, Reason.STABILIZATION),
        (1, Reason.DEMAND),
    ]


def test_a_cut_waits_one_look_back_not_one_for_each_halving() -> None:
    """With halving per tick and a look-back of 300 s, 8 replicas reach 1 within 300 s and three ticks."""
    fleet, controller, requested = one(stabilization_down_s=300.0, max_rate_down=2.0), Controller(None), 8.0
    for t in range(0, 320, 2):
        requested = stepped(controller, t, observe(fleet, requested, rps=80.0 if t == 0 else 10.0)).desired[0]
        if t < 300:
            assert requested == 8
    assert requested == 1


def test_after_an_outage_of_five_minutes_nothing_is_removed() -> None:
    """Under a constant 100/s an outage, then lower bounds of 37.5 and 62.5, then 100, remove no replica at any tick."""
    fleet, controller, requested = one(), Controller(BlastRadiusRule(10, 0.2, 60)), 10.0
    seen: list[Seen] = []
    for t in range(0, 600, 15):
        value, is_covered = 100.0, True
        if 100 <= t < 400:
            value, is_covered = NAN, False
        elif 400 <= t < 460:
            value, is_covered = {405: 37.5, 420: 62.5}.get(t, 62.5), False
        record = stepped(controller, t, observe(fleet, requested, rps=value, is_covered=is_covered)).record(0)
        seen.append(record.seen)
        requested = record.desired
        assert requested == 10
    assert set(seen) == {Seen.UNKNOWN, Seen.LOWER_BOUND, Seen.VALUE}


def test_unknown_for_ever_keeps_what_ran() -> None:
    """What ran when first seen is a floor until a whole window is known, even if somebody finds fewer."""
    fleet, controller = one(), Controller(None)
    for t in range(0, 1000, 100):
        assert stepped(controller, t, observe(fleet, 6)).desired[0] == 6
    record = stepped(controller, 1000, observe(fleet, 2)).record(0)
    assert (record.desired, record.reason) == (6, Reason.RESTART)
    assert stepped(controller, 1002, observe(fleet, 6, rps=10.0)).desired[0] == 1


def test_the_restart_floor_is_lifted_for_good() -> None:
    """Once a whole window was known, later silence does not bring back what ran at the start."""
    fleet, controller = one(), Controller(None)
    assert stepped(controller, 0, observe(fleet, 6, rps=10.0)).desired[0] == 1
    assert stepped(controller, 2, observe(fleet, 1, rps=NAN)).desired[0] == 1


def test_within_the_dead_band_what_is_requested_is_recommended() -> None:
    """A load of 85 within the dead band of 10 replicas recommends 10, not 9, to the look-back that follows."""
    fleet, controller = one(tolerance_down=0.2, stabilization_down_s=60.0), Controller(None)
    stepped(controller, 0, observe(fleet, 10, rps=100.0))
    loads = {50: 85.0, 100: 50.0, 111: 50.0}
    desired = [stepped(controller, t, observe(fleet, 10, rps=load)).desired[0] for t, load in loads.items()]
    assert desired == [10, 10, 5]


@pytest.mark.parametrize("load", [7.8, 8.2, 10.0, 10.1])
def test_the_dead_band_holds_nothing_below_its_activation(load: float) -> None:
    """One replica of which the load is within the band grows to the activation that a smaller load below it asks for."""
    fleet = one(tolerance_down=0.2, activation=3.0)
    assert Controller(None).step(at(0.0), observe(fleet, [1], rps=[load]), []).desired[0] == 3


def test_silence_ages_no_recommendation() -> None:
    """The last recommendation before a silence stands until its end: a look-back of 60 s begins after it."""
    fleet, controller = one(stabilization_down_s=60.0), Controller(None)
    loads = {0: 100.0, 100: NAN, 200: NAN, 210: 10.0, 259: 10.0, 260: 10.0}
    desired = [stepped(controller, t, observe(fleet, 10, rps=load)).desired[0] for t, load in loads.items()]
    assert desired == [10, 10, 10, 10, 10, 1]


def test_an_idle_function_reaches_zero_after_its_keep_alive() -> None:
    """From 4 replicas a proven idle function with a keep-alive of 300 s and a look-back of 120 s is at zero at 300 s."""
    fleet, controller, requested = one(zero_after_s=300.0, stabilization_down_s=120.0), Controller(None), 4.0
    history = {}
    for t in range(0, 320, 10):
        history[t] = requested = stepped(
            controller, t, observe(fleet, requested, rps=0.0, is_idle=True, range_s=60.0)
        ).desired[0]
    assert (history[110], history[120], history[230], history[240]) == (4, 1, 1, 0)


def test_a_function_at_zero_is_said_to_be_idle_only_while_that_is_proven() -> None:
    """At zero it says so once its keep-alive is proven, not before, not through an outage, and again after it."""
    controller, fleet = Controller(None), one(zero_after_s=120.0)
    found = {}
    for seconds in range(0, 240, 2):
        is_known = not 200 <= seconds < 206
        seen = observe(fleet, 0, rps=0.0 if is_known else NAN, is_idle=is_known, is_covered=is_known)
        decisions = stepped(controller, seconds, seen)
        found[seconds] = decisions.record(0).reason
        assert decisions.desired.tolist() == [0]
    assert [found[seconds] for seconds in (0, 58, 60, 198, 200, 204, 206)] == [
        Reason.DEMAND,
        Reason.DEMAND,
        Reason.ZERO_IDLE,
        Reason.ZERO_IDLE,
        Reason.UNKNOWN_LOAD,
        Reason.UNKNOWN_LOAD,
        Reason.ZERO_IDLE,
    ]


def test_a_function_at_zero_stays_at_zero() -> None:
    """A function at zero stays there in every state of its load but a load."""
    for columns in ({"rps": NAN}, {"rps": 0.0}, {"rps": 0.0, "is_covered": False}, {"rps": 0.0, "is_idle": True}):
        assert stepped(Controller(None), 0, observe(one(zero_after_s=60.0), 0, **columns)).desired[0] == 0


def test_a_wake_between_ticks_starts_one_replica() -> None:
    """A wake raises to activation at once, decides that row alone, and repeated it changes nothing."""
    fleet = make_fleet([("acme", "e", {}), ("acme", "f", {"activation": 2.0})])
    controller = Controller(None)
    stepped(controller, 0, observe(fleet, 0, rps=0.0))
    first = stepped(controller, 1, None, [Wake(F, 0)])
    assert (first.rows.tolist(), first.desired.tolist(), first.is_tick) == ([1], [2], False)
    again = stepped(controller, 1, None, [Wake(F, 0)])
    assert (again.desired.tolist(), again.changed.size, again.record(0).reason) == ([2], 0, Reason.WAKE)


def test_a_wake_holds_and_restarts_the_proof() -> None:
    """A wake keeps one replica for a range and a scrape after it was ready, and idleness is proven from the wake on."""
    fleet, controller = one(zero_after_s=100.0), Controller(None)
    idle = {"rps": 0.0, "is_idle": True}
    assert stepped(controller, 0, observe(fleet, 0, **idle)).desired[0] == 0
    stepped(controller, 1000, observe(fleet, 0, **idle), [Wake(F, 0)])
    desired = {t: stepped(controller, t, observe(fleet, 1, **idle)).record(0) for t in range(1010, 1120, 5)}
    assert (desired[1085].reason, desired[1090].reason) == (Reason.WAKE, Reason.ZERO_NOT_PROVEN)
    assert [desired[t].desired for t in (1010, 1090, 1095, 1100)] == [1, 1, 1, 0]


@pytest.mark.parametrize(
    ("window_s", "range_s", "holds_s"), [(60.0, 20.0, 60.0), (6.0, 4.0, 6.0), (6.0, 20.0, 25.0), (300.0, 60.0, 300.0)]
)
def test_from_ready_on_a_wake_holds_until_its_load_is_known(window_s: float, range_s: float, holds_s: float) -> None:
    """However long the start takes, the floor ends a stable window, or a range and a scrape, after it is ready."""
    for start_s in (4, 40):
        fleet, controller = one(zero_after_s=1.0, stable_window_s=window_s), Controller(None)
        idle = {"rps": 0.0, "is_idle": True, "range_s": range_s}
        stepped(controller, 0, observe(fleet, 0, **idle))
        stepped(controller, 1, None, [Wake(F, 0)])
        ends_s = start_s + holds_s
        for t in np.arange(2.0, ends_s + 1.0):
            record = stepped(controller, t, observe(fleet, 1, ready=float(t >= start_s), **idle)).record(0)
            assert (record.reason is Reason.ZERO_IDLE) == (t >= ends_s), t


def test_a_woken_function_that_flaps_is_not_held_up_for_ever() -> None:
    """A replica that is ready, then not, then ready again ends its wake's floor when the first time says."""
    fleet, controller = one(zero_after_s=1.0, stable_window_s=6.0), Controller(None)
    idle = {"rps": 0.0, "is_idle": True, "range_s": 4.0}
    stepped(controller, 0, observe(fleet, 0, **idle))
    stepped(controller, 1, None, [Wake(F, 0)])
    found = [
        stepped(controller, t, observe(fleet, 1, ready=ready, **idle)).desired[0]
        for t, ready in ((2, 0), (4, 1), (6, 0), (8, 1), (9.5, 0), (10, 1))
    ]
    assert found == [1, 1, 1, 1, 1, 0]


def test_the_replica_of_before_a_wake_is_not_the_one_that_is_waited_for() -> None:
    """One that still ends when a wake comes is ready and is none of it: the floor counts from the new one."""
    fleet, controller = one(zero_after_s=1.0, stable_window_s=6.0), Controller(None)
    idle = {"rps": 0.0, "is_idle": True, "range_s": 4.0}
    stepped(controller, 0, observe(fleet, 0, ready=1, **idle))
    stepped(controller, 1, None, [Wake(F, 0)])
    found = [
        stepped(controller, t, observe(fleet, 1, ready=ready, **idle)).desired[0]
        for t, ready in zip(range(2, 28, 2), [1, 0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1], strict=True)
    ]
    assert found == [1] * 12 + [0]


def test_a_wake_that_never_becomes_ready_ends() -> None:
    """A woken function that is never ready and never called goes back to zero when the proof is there."""
    fleet, controller = one(zero_after_s=30.0), Controller(None)
    idle = {"rps": 0.0, "is_idle": True, "ready": 0}
    stepped(controller, 0, observe(fleet, 0, **idle), [Wake(F, 0)])
    desired = [stepped(controller, t, observe(fleet, 1, **idle)).desired[0] for t in (20, 40, 59, 60)]
    assert desired == [1, 1, 1, 0]


def test_held_requests_ask_for_replicas_of_their_own() -> None:
    """Twenty-five held requests at 10 for each replica start 3, between ticks and at the next tick alike."""
    fleet, controller = one(concurrency_limit=10.0), Controller(None)
    stepped(controller, 0, observe(fleet, 0, rps=0.0))
    assert stepped(controller, 1, None, [Wake(F, 25)]).desired.tolist() == [3]
    record = stepped(controller, 2, observe(fleet, 0, rps=0.0)).record(0)
    assert (record.desired, record.reason) == (3, Reason.WAITING)
    record = stepped(controller, 4, observe(fleet, 3, rps=0.0)).record(0)
    assert (record.desired, record.reason) == (1, Reason.WAKE)


def test_between_ticks_a_cap_is_over_by_first_replicas_alone() -> None:
    """Under a full cap a wake has its first replica at once, not its second; the next tick cuts the one that has more."""
    names = ("a", "b", "c")
    fleet = make_fleet([("acme", name, {}) for name in names], {"acme": 6})
    controller = Controller(None)
    stepped(controller, 0, observe(fleet, [5, 0, 0], rps=[50.0, 0, 0]))
    woken = stepped(controller, 1, None, [Wake(key(name, "acme"), 30) for name in ("c", "b")])
    assert (woken.rows.tolist(), woken.desired.tolist()) == ([1, 2], [1, 1])
    assert [woken.record(n).reason for n in range(2)] == [Reason.BUDGET, Reason.BUDGET]
    assert stepped(controller, 2, None, [Wake(key("c", "acme"), 30)]).desired.tolist() == [1]
    assert stepped(controller, 3, observe(fleet, [5, 1, 1], rps=[50.0, 0, 0])).desired.tolist() == [2, 2, 2]


def test_between_ticks_a_cap_full_of_first_replicas_refuses() -> None:
    """Where every function of a tenant has one and its cap no more, the last one woken is refused by the cap."""
    fleet = make_fleet([("acme", name, {}) for name in "abc"], {"acme": 2})
    controller = Controller(None)
    stepped(controller, 0, observe(fleet, [1, 0, 0], rps=[10.0, 0, 0]))
    woken = stepped(controller, 1, None, [Wake(key(name, "acme"), 1) for name in "cb"])
    assert (woken.desired.tolist(), woken.record(1).reason) == ([1, 0], Reason.BUDGET)
    assert stepped(controller, 2, None, [Wake(key("c", "acme"), 1)]).record(0).desired == 0


def test_between_ticks_a_paused_function_takes_no_room() -> None:
    """A wake for a paused function leaves the last replica under the cap to its sibling."""
    fleet = make_fleet([("acme", "a", {"paused": True}), ("acme", "b", {}), ("acme", "c", {})], {"acme": 6})
    controller = Controller(None)
    stepped(controller, 0, observe(fleet, [0, 0, 5], rps=[0, 0, 50.0]))
    woken = stepped(controller, 1, None, [Wake(key(name, "acme"), 0) for name in "ab"])
    assert woken.desired.tolist() == [0, 1]


def test_of_several_held_counts_the_most_counts() -> None:
    """Between two ticks the largest number of held requests counts, in whatever order they are told."""
    fleet, controller = one(concurrency_limit=10.0), Controller(None)
    stepped(controller, 0, observe(fleet, 0, rps=0.0))
    assert stepped(controller, 1, None, [Wake(F, 25), Wake(F, 5)]).desired.tolist() == [3]


def test_force_replaces_demand_and_obeys_limits() -> None:
    """An order stands in place of stages 1 to 4, in both directions; max still binds."""
    for order, limit, result, why in (
        (7.0, 99.0, 7, Reason.FORCED),
        (0.0, 99.0, 0, Reason.FORCED),
        (7.0, 3.0, 3, Reason.MAX_REPLICAS),
    ):
        fleet = one(force=order, max_replicas=limit, min_replicas=2.0)
        record = stepped(Controller(BlastRadiusRule(0, 0, 60)), 0, observe(fleet, 4, rps=40.0)).record(0)
        assert (record.desired, record.reason) == (result, why)
        assert record.stages[Stage.IDLE] == order


def test_between_ticks_no_limit_lowers() -> None:
    """A paused function above its maximum is left where it is by the limits of a step between ticks."""
    fleet, controller = one(paused=True, max_replicas=3.0), Controller(None)
    stepped(controller, 0, observe(fleet, 9, rps=40.0))
    record = stepped(controller, 1, None, [Wake(F, 0)]).record(0)
    assert (record.stages[Stage.LIMITS], record.stage_reasons[Stage.LIMITS]) == (9, Reason.BETWEEN_TICKS)


def test_paused_and_held_functions_keep_what_runs() -> None:
    """Paused and foreign-held functions keep what runs in ticks and between them."""
    fleet = make_fleet([("acme", "e", {"paused": True}), ("acme", "f", {})])
    controller = Controller(None)
    tick = stepped(controller, 0, observe(fleet, 2, rps=90.0, is_held=[False, True]))
    assert tick.desired.tolist() == [2, 2]
    assert [tick.record(row).reason for row in range(2)] == [Reason.PAUSED, Reason.FOREIGN_WRITER]
    woken = stepped(controller, 1, None, [Wake(F, 50), Wake(key("e", "acme"), 50)])
    assert woken.desired.tolist() == [2, 2]


def test_blast_radius_limits_what_load_alone_cuts() -> None:
    """A tenant of 20 functions at 5 loses 20 replicas at once and the rest with time, never all in one tick."""
    fleet = make_fleet([("acme", f"f{n:02}", {}) for n in range(20)])
    controller, requested = Controller(BlastRadiusRule(10, 0.2, 60)), np.full(20, 5.0)
    stepped(controller, 0, observe(fleet, requested, rps=50.0))
    totals = []
    for t in range(60, 400, 60):
        decisions = stepped(controller, t, observe(fleet, requested, rps=10.0))
        requested = decisions.desired.copy()
        totals.append(requested.sum())
        if t == 60:
            assert decisions.record(19).reason is Reason.BLAST_RADIUS
    assert totals[0] == 80
    assert all(before - after <= 20 for before, after in pairwise(totals))


def test_a_cut_that_is_not_yet_written_is_paid_once() -> None:
    """While a cut waits to be written it is decided again without more credit, so that others are not starved."""
    fleet = make_fleet([("acme", name, {}) for name in "ab"])
    controller = Controller(BlastRadiusRule(4, 0, 1e9))
    stepped(controller, 0, observe(fleet, 5, rps=50.0))
    for t in range(2, 10, 2):
        assert stepped(controller, t, observe(fleet, 5, rps=[10.0, 50.0])).desired.tolist() == [1, 5]


def test_credit_grows_on_through_a_change_of_the_fleet() -> None:
    """A policy that changes neither refills a tenant's credit nor stops the time in which it grows."""
    controller = Controller(BlastRadiusRule(4, 0, 60))
    desired = []
    for t, rps in ((0, 90.0), (10, 10.0), (12, 10.0), (40, 10.0)):
        desired.append(stepped(controller, t, observe(one(), desired[-1] if desired else 9, rps=rps)).desired[0])
    assert desired == [9, 5, 5, 3]


def test_replicas_that_somebody_added_are_cut_by_credit_too() -> None:
    """What somebody raised from 2 to 9 since the last tick goes one by one under a credit of 1, not all at once."""
    fleet, controller = one(), Controller(BlastRadiusRule(1, 0, 1e9))
    stepped(controller, 0, observe(fleet, 2, rps=20.0))
    record = stepped(controller, 2, observe(fleet, 9, rps=20.0)).record(0)
    assert (record.desired, record.reason) == (8, Reason.BLAST_RADIUS)


def test_what_a_lower_maximum_cuts_needs_no_credit() -> None:
    """A maximum lowered from 9 to 4 is carried out at once; only what the load cuts below it needs credit."""
    controller = Controller(BlastRadiusRule(1, 0, 1e9))
    stepped(controller, 0, observe(one(max_replicas=9.0), 9, rps=90.0))
    record = stepped(controller, 2, observe(one(max_replicas=4.0), 9, rps=20.0)).record(0)
    assert (record.desired, record.reason) == (3, Reason.BLAST_RADIUS)


def test_blast_radius_does_not_break_a_cap() -> None:
    """A sibling granted the replicas that a cut sets free does not lift the tenant over its cap."""
    fleet = make_fleet([("acme", name, {}) for name in "ab"], {"acme": 10})
    controller = Controller(BlastRadiusRule(1, 0, 60))
    stepped(controller, 0, observe(fleet, [8, 2], rps=[80.0, 20.0]))
    assert stepped(controller, 2, observe(fleet, [8, 2], rps=[20.0, 80.0])).desired.tolist() == [2, 8]


def test_a_recreated_function_starts_afresh() -> None:
    """A Deployment of another uid has no past: what runs is a recommendation and a floor again."""
    controller = Controller(None)
    functions = [("acme", name, {"stabilization_down_s": 100.0}) for name in "fg"]
    stepped(controller, 0, observe(make_fleet(functions), 9, rps=10.0))
    recreated = make_fleet(functions, uids={"f": "another"})
    assert stepped(controller, 101, observe(recreated, 9, rps=10.0)).desired.tolist() == [9, 1]


def test_time_that_runs_backwards_stands_still() -> None:
    """A moment before the last one is taken as the last one."""
    fleet, controller = one(stabilization_down_s=10.0), Controller(None)
    stepped(controller, 100, observe(fleet, 9, rps=10.0))
    decisions = controller.step(at(50), observe(fleet, 9, rps=10.0), [])
    assert (decisions.now.monotonic_s, decisions.desired[0]) == (100, 9)


def test_an_empty_fleet_decides_nothing() -> None:
    """A fleet without functions, or whose last function went, is no special case."""
    controller = Controller(BlastRadiusRule(10, 0.2, 60))
    assert len(stepped(controller, 0, observe(make_fleet([]), 0)).rows) == 0
    stepped(controller, 1, observe(one(), 1, rps=10.0))
    assert len(stepped(controller, 2, observe(make_fleet([]), 0)).rows) == 0
    assert len(stepped(controller, 3, None, [Wake(F, 1)]).rows) == 0


def test_released_requests_keep_their_replicas_for_the_stabilization_window() -> None:
    """Three replicas that held requests started stay while no metric can show those requests yet."""
    fleet, controller = one(concurrency_limit=10.0, stabilization_down_s=30.0), Controller(None)
    stepped(controller, 0, observe(fleet, 0, rps=0.0))
    stepped(controller, 1, None, [Wake(F, 25)])
    desired = [stepped(controller, t, observe(fleet, 3, rps=0.0)).desired[0] for t in (2, 10, 30, 33)]
    assert desired == [3, 3, 3, 1]


def test_held_requests_of_a_rate_policy_ask_for_what_a_second_needs() -> None:
    """Where replicas are only known by their rate (10/s), 25 held requests start 3, not 25."""
    fleet, controller = one(), Controller(None)
    stepped(controller, 0, observe(fleet, 0, rps=0.0))
    assert stepped(controller, 1, None, [Wake(F, 25)]).desired.tolist() == [3]


def test_a_lower_bound_is_no_recommendation_to_cut() -> None:
    """However long the load is known only as a lower bound, the look-back of 300 s begins when it is known."""
    fleet, controller = one(stabilization_down_s=300.0), Controller(None)
    desired = {}
    for t in range(0, 1000, 10):
        is_covered = t < 100 or t >= 600
        sample = observe(fleet, 10, rps=100.0 if t < 100 else 10.0, is_covered=is_covered)
        desired[t] = stepped(controller, t, sample).desired[0]
    assert [desired[t] for t in (590, 600, 880, 890)] == [10, 10, 10, 1]


def test_what_a_lower_bound_raised_is_a_recommendation() -> None:
    """A load that was seen at least once, if only as a lower bound, stands for its look-back."""
    fleet, controller = one(stabilization_down_s=60.0), Controller(None)
    stepped(controller, 0, observe(fleet, 1, rps=10.0))
    assert stepped(controller, 10, observe(fleet, 1, rps=80.0, is_covered=False)).desired[0] == 8
    assert [stepped(controller, t, observe(fleet, 8, rps=10.0)).desired[0] for t in (20, 69, 70)] == [8, 8, 1]


def test_loads_beyond_all_numbers_end_at_what_kubernetes_can_hold() -> None:
    """Loads, requests in flight and held ones of 1e300 give whole replicas that fit into an int32 after every stage."""
    for rules in ({"concurrency_limit": 1.0}, {"target_rps": 2.3e-308}, {"target_concurrency": 2.3e-308}):
        controller = Controller(None)
        sample = observe(one(**rules), 1, rps=1e300, concurrency=1e300, in_flight=1e300, waiting=1e300)
        record = stepped(controller, 0, sample).record(0)
        assert max(record.stages.values()) == record.desired == 2_147_483_647


def test_a_wake_of_what_runs_asks_for_no_activation() -> None:
    """Only what leaves zero gets its activation, and keeps it while it is woken again; what runs is kept at one."""
    fleet, controller = one(activation=4.0), Controller(None)
    stepped(controller, 0, observe(fleet, 1, rps=0.0))
    assert not stepped(controller, 1, None, [Wake(F, 0)]).changed.size
    assert stepped(controller, 2, observe(fleet, 1, rps=0.0), [Wake(F, 0)]).desired[0] == 1
    assert stepped(controller, 100, observe(fleet, 0, rps=0.0)).desired[0] == 0
    assert stepped(controller, 101, None, [Wake(F, 0)]).desired[0] == 4
    assert not stepped(controller, 150, None, [Wake(F, 0)]).changed.size
    assert stepped(controller, 200, observe(fleet, 4, ready=0, rps=0.0)).desired[0] == 4
    assert stepped(controller, 211, observe(fleet, 4, rps=0.0)).desired[0] == 1
