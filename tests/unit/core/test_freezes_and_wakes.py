"""What alerts do beside boosts: a freeze lowers nothing, a wake keeps a function running, a floor is a number."""

from collections.abc import Mapping

import numpy as np
import pytest

from autoscaler.core.boosts import BoostInForce
from autoscaler.core.controller import Controller
from autoscaler.core.events import BoostFiring, BoostResolved, Effect, Wake
from autoscaler.core.explain import sentences
from autoscaler.core.reasons import Reason
from tests.unit.core.fleets import NAN, at, key, make_fleet, observe, one, stepped

F = key("f", "acme")
IDLE: Mapping[str, object] = {"rps": 0.0, "is_idle": True, "range_s": 30.0}


def freeze(ends_s: float = 1000.0, name: str = "freeze") -> BoostFiring:
    return BoostFiring(name, (F,), 1.0, 0.0, ends_s, Effect.FREEZE)


def awake(ends_s: float = 1000.0) -> BoostFiring:
    return BoostFiring("wake", (F,), 1.0, 0.0, ends_s, Effect.WAKE)


def frozen_at(requested: float, **columns: object) -> Controller:
    """Give a controller that has seen a function under a freeze."""
    controller = Controller(None)
    stepped(controller, 0, observe(one(), requested, **{"rps": 10 * requested, **columns}))
    stepped(controller, 1, None, [freeze()])
    return controller


def test_a_freeze_holds_what_runs_while_load_falls_and_lets_it_rise() -> None:
    """Frozen at 4, a load of 1 keeps 4, one of 9 raises to 9, and one of 2 keeps these 9 until the freeze ends."""
    fleet, controller = one(stable_window_s=10.0), Controller(None)
    stepped(controller, 0, observe(fleet, 4, rps=40.0), [freeze(ends_s=60.0)])
    told, requested = [], 4.0
    for t, load in ((10, 10.0), (20, 90.0), (30, 20.0), (40, 20.0), (50, 20.0), (60, 20.0)):
        record = stepped(controller, t, observe(fleet, requested, rps=load, range_s=10.0)).record(0)
        requested = record.desired
        told.append((record.desired, record.reason))
    frozen = (9, Reason.FREEZE)
    assert told == [(4, Reason.FREEZE), (9, Reason.DEMAND), frozen, frozen, frozen, (2, Reason.DEMAND)]


def test_a_freeze_never_raises_what_a_limit_a_budget_an_order_or_somebody_else_lowers() -> None:
    """A maximum, a tenant's cap, a forced number and a pause bind under a freeze as without one."""
    for rules, desired, reason in (
        ({"max_replicas": 3.0}, 3, Reason.MAX_REPLICAS),
        ({"force": 2.0}, 2, Reason.FORCED),
        ({"paused": True}, 5, Reason.PAUSED),
    ):
        fleet, controller = one(**rules), Controller(None)
        record = stepped(controller, 0, observe(fleet, 5, rps=10.0), [freeze()]).record(0)
        assert (record.desired, record.reason) == (desired, reason)
    fleet = make_fleet([("acme", "f", {})], {"acme": 3.0})
    record = stepped(Controller(None), 0, observe(fleet, 5, rps=10.0), [freeze()]).record(0)
    assert (record.desired, record.reason) == (3, Reason.BUDGET)


def test_what_was_lowered_under_a_freeze_is_what_it_holds_then() -> None:
    """Where somebody has lowered 5 to 2 meanwhile, 2 is what runs; the freeze does not bring back 5."""
    fleet, controller = one(), frozen_at(5)
    assert stepped(controller, 2, observe(fleet, 5, rps=10.0)).desired[0] == 5
    assert stepped(controller, 3, observe(fleet, 2, rps=10.0)).desired[0] == 2


def test_a_raise_on_its_way_is_not_taken_back_under_a_freeze() -> None:
    """8 were asked for and 4 are there still: the load falls, and 8 stay asked for."""
    fleet, controller = one(), Controller(None)
    stepped(controller, 0, observe(fleet, 4, rps=80.0), [freeze()])
    assert stepped(controller, 2, observe(fleet, 4, rps=10.0, range_s=1.0)).record(0).desired == 8


def test_a_freeze_between_ticks_decides_nothing() -> None:
    """Between ticks nothing is lowered anyway: the step names no row, and the status shows the freeze without a floor."""
    fleet, controller = one(), Controller(None)
    stepped(controller, 0, observe(fleet, 4, rps=40.0))
    for _ in range(2):
        assert len(stepped(controller, 1, None, [freeze()]).rows) == 0
    assert controller.boosts(at(1)) == (BoostInForce("freeze", Effect.FREEZE, (F,), (None,), 1000.0),)


def test_a_freeze_resolved_lowers_at_the_next_tick_alone() -> None:
    """Resolved, a freeze is lifted by the tick that follows; the step in between changes nothing."""
    fleet, controller = one(), frozen_at(4)
    assert stepped(controller, 2, observe(fleet, 4, rps=10.0)).desired[0] == 4
    assert not stepped(controller, 3, None, [BoostResolved("freeze")]).changed.size
    assert stepped(controller, 4, observe(fleet, 4, rps=10.0)).desired[0] == 1
    assert controller.boosts(at(4)) == ()


def test_a_freeze_keeps_a_proven_idle_function_from_zero_and_wakes_none() -> None:
    """Of functions proven idle the one that runs stays, and one at zero stays there and goes on resting."""
    fleet = make_fleet([("acme", name, {"zero_after_s": 60.0}) for name in "fghijklm"])
    controller, both = Controller(None), BoostFiring("b", (F, key("g", "acme")), 1.0, 0.0, 500.0, Effect.FREEZE)
    seen = observe(fleet, [1, *[0] * 7], **IDLE)
    wanted = [stepped(controller, t, seen, [both] if t == 0 else ()).desired for t in range(0, 300, 20)]
    assert {tuple(desired.tolist()) for desired in wanted} == {(1, *[0] * 7)}
    last = controller.step(at(300), seen, ())
    assert last.rows.tolist() == [0]
    assert last.record(0).reason is Reason.FREEZE


def test_a_frozen_function_of_unknown_load_is_held_as_unknown() -> None:
    """The first rule that holds a function is told: an unknown load, not the freeze above it."""
    fleet = one()
    record = stepped(Controller(None), 0, observe(fleet, 4, rps=NAN), [freeze()]).record(0)
    assert (record.desired, record.reason) == (4, Reason.UNKNOWN_LOAD)


def test_a_wake_starts_a_function_at_once_and_keeps_it_for_as_long_as_it_fires() -> None:
    """At zero a firing wake asks for the activation of 3 between ticks, proven idleness or not, and ends with its end."""
    fleet = one(zero_after_s=60.0, activation=3.0)
    controller = Controller(None)
    for t in range(0, 200, 20):
        stepped(controller, t, observe(fleet, 0, **IDLE))
    between = stepped(controller, 200, None, [awake(ends_s=400.0)]).record(0)
    assert (between.desired, between.reason) == (3, Reason.WAKE)
    wanted = [stepped(controller, t, observe(fleet, 3, **IDLE)).record(0) for t in range(210, 420, 20)]
    assert [record.desired for record in wanted] == [3] * 10 + [0]
    assert {record.reason for record in wanted[:-1]} == {Reason.WAKE}


def test_a_wake_is_at_least_one_replica_and_bounded_by_limits() -> None:
    """An activation below 1 is 1, and a maximum of 0 switches off what is woken, too."""
    for rules, desired in (({"activation": 0.0}, 1), ({"max_replicas": 0.0}, 0)):
        controller = Controller(None)
        assert stepped(controller, 0, observe(one(**rules), 0, rps=0.0), [awake()]).desired[0] == desired


def test_a_wake_and_a_boost_of_one_size_are_told_as_the_wake() -> None:
    """Of equal floors the first is told: the wake of a request, then that of an alert, then the boost."""
    boost = BoostFiring("boost", (F,), 1.0, 0.0, 99.0, floor=2.0)
    record = stepped(Controller(None), 0, observe(one(activation=2.0), 0, rps=0.0), [boost, awake()]).record(0)
    assert (record.desired, record.reason) == (2, Reason.WAKE)


@pytest.mark.parametrize("demand", [NAN, 0.0, 40.0])
def test_a_boost_that_names_its_floor_asks_no_demand(demand: float) -> None:
    """A floor of 6 is 6 whatever the load is, or if none is known, and however often it is repeated."""
    fleet, controller = one(), Controller(None)
    stepped(controller, 0, observe(fleet, 2, rps=demand))
    boost = BoostFiring("b", (F,), 1.0, 0.0, 99.0, floor=6.0)
    assert [stepped(controller, 1, None, [boost]).desired[0] for _ in range(2)] == [6, 6]
    assert stepped(controller, 2, observe(fleet, 6, rps=demand)).desired[0] == 6
    assert controller.boosts(at(2))[0].floors == (6,)


def test_what_an_alert_does_is_fixed_when_it_is_first_seen() -> None:
    """Told again with another effect under the same id, it goes on as it began."""
    fleet, controller = one(), frozen_at(4)
    stepped(controller, 2, None, [BoostFiring("freeze", (F,), 9.0, 0.0, 500.0)])
    assert stepped(controller, 3, observe(fleet, 4, rps=10.0)).desired[0] == 4
    assert controller.boosts(at(3)) == (BoostInForce("freeze", Effect.FREEZE, (F,), (None,), 500.0),)


def test_effects_follow_their_functions() -> None:
    """A freeze, a wake and a boost stay with their functions where rows move."""
    names, controller = [("acme", name, {}) for name in "bcd"], Controller(None)
    b, c, d = (key(name, "acme") for name in "bcd")
    events = [
        BoostFiring("1", (b,), 1.0, 0.0, 99.0, Effect.FREEZE),
        BoostFiring("2", (c,), 1.0, 0.0, 99.0, Effect.WAKE),
        BoostFiring("3", (d,), 1.0, 0.0, 99.0, floor=5.0),
    ]
    stepped(controller, 0, observe(make_fleet(names), [4, 0, 1], rps=0.0), events)
    moved = stepped(controller, 1, observe(make_fleet([("acme", "a", {}), *names]), [0, 4, 0, 1], rps=0.0))
    assert moved.desired.tolist() == [0, 4, 1, 5]
    assert moved.reason.tolist()[1:] == [Reason.FREEZE, Reason.WAKE, Reason.BOOST]


def test_another_tenants_freeze_holds_nothing_here() -> None:
    """A freeze names its functions; those of another tenant are lowered as their load says."""
    fleet = make_fleet([("acme", "f", {}), ("other", "f", {})])
    decided = stepped(Controller(None), 0, observe(fleet, 4, rps=10.0), [freeze()])
    assert decided.desired.tolist() == [4, 1]


def test_a_freeze_is_told_in_words() -> None:
    """What the load would have, and that an alert holds it up, both are said."""
    told = " ".join(sentences(stepped(Controller(None), 0, observe(one(), 4, rps=10.0), [freeze()]).record(0)))
    assert "1 would do now, but while an alert freezes it" in told


def test_a_wake_of_a_request_and_of_an_alert_hold_together() -> None:
    """A request's wake of what is never ready ends after a minute, an alert's with the alert: what holds longer holds."""
    fleet, controller = one(activation=2.0, zero_after_s=20.0), Controller(None)
    stepped(controller, 0, observe(fleet, 0, **IDLE))
    stepped(controller, 1, None, [Wake(F, 0), awake(ends_s=30.0)])
    wanted = [stepped(controller, t, observe(fleet, 2, ready=0, **IDLE)).desired[0] for t in range(20, 100, 20)]
    assert wanted == [2, 2, 2, 0]
    stepped(controller, 100, observe(fleet, 0, **IDLE), [Wake(F, 0), awake(ends_s=190.0)])
    wanted = [stepped(controller, t, observe(fleet, 2, ready=0, **IDLE)).desired[0] for t in range(120, 220, 20)]
    assert wanted == [2, 2, 2, 2, 0]


def test_freezes_count_for_the_bound_of_their_tenant() -> None:
    """A freeze takes a place as a boost does, and many in a row make no step slow: one function has so many places."""
    fleet, controller = one(), Controller(None)
    stepped(controller, 0, observe(fleet, 1, rps=0.0))
    stepped(controller, 1, None, [freeze(name=f"{n:05}") for n in range(2_000)])
    assert controller.refused == 2_000 - len(controller.boosts(at(1))) > 0
    assert np.unique([view.effect for view in controller.boosts(at(1))]).tolist() == [Effect.FREEZE]
