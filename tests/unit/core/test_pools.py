"""Pools through whole steps: who lends, who borrows, who is reclaimed, and what the account says of it."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
import pytest

from autoscaler.core.blast_radius import BlastRadiusRule
from autoscaler.core.budgets import Budgets
from autoscaler.core.controller import Controller
from autoscaler.core.decisions import Decisions
from autoscaler.core.events import Wake
from autoscaler.core.explain import sentences
from autoscaler.core.fleet import Fleet
from autoscaler.core.obstacles import Obstacle
from autoscaler.core.reasons import Reason
from autoscaler.core.stages import Stage
from tests.unit.core.fleets import INF, NAN, budgets, key, make_fleet, observe, stepped


def fleet_of(shared: Budgets, caps: Mapping[str, float] | None = None, **rules: float) -> Fleet:
    """Make a fleet of tenants a, b, …, each with one function f."""
    return make_fleet([("abcd"[place], "f", rules) for place in range(len(shared.guarantee))], caps, budgets=shared)


def once(shared: Budgets, asked: Sequence[float], runs: Sequence[float], **columns: object) -> Decisions:
    """Decide a first tick in which every tenant's function asks for so many replicas."""
    return stepped(Controller(None), 0, observe(fleet_of(shared), runs, rps=np.array(asked) * 10.0, **columns))


@pytest.mark.parametrize(
    ("size", "tenants", "asked", "runs", "granted"),
    [
        (10, [{}, {}], [20, 20], [0, 0], [5, 5]),
        (11, [{}, {}], [20, 20], [0, 0], [6, 5]),
        (11, [{}, {}], [20, 20], [0, 6], [5, 6]),
        (12, [{"weight": 2}, {}], [20, 20], [0, 0], [8, 4]),
        (10, [{"weight": 0}, {}], [20, 4], [0, 0], [6, 4]),
        (10, [{"weight": 0}, {}], [20, 20], [9, 0], [0, 10]),
        (10, [{"guarantee": 4}, {}], [4, 20], [0, 10], [4, 6]),
        (10, [{"guarantee": 4}, {}], [1, 20], [0, 10], [1, 9]),
        (10, [{"guarantee": 4, "lend": 0}, {}], [1, 20], [0, 10], [1, 6]),
        (10, [{"guarantee": 4, "lend": 2}, {}], [1, 20], [0, 10], [1, 8]),
        (10, [{"guarantee": 4, "lend": 2}, {}], [3, 20], [0, 10], [3, 7]),
        (0, [{}, {}], [3, 3], [1, 1], [0, 0]),
        (INF, [{}, {}], [300, 300], [1, 1], [300, 300]),
        (10, [{"guarantee": 7}, {"guarantee": 7}, {"guarantee": 7}], [9, 9, 9], [0, 0, 0], [4, 3, 3]),
        (10, [{"guarantee": 12}, {"guarantee": 3}], [20, 20], [0, 0], [8, 2]),
    ],
)
def test_a_pool_is_divided(
    size: float, tenants: list[dict[str, float]], asked: list[float], runs: list[float], granted: list[float]
) -> None:
    """Guarantees first, then the rest by weight, one unit at a time; ties to who holds it, then by name."""
    decisions = once(budgets(size, *tenants), asked, runs)
    assert decisions.desired.tolist() == granted
    is_refused = np.array(granted) < np.array(asked)
    assert np.array_equal(decisions.reason == Reason.POOL, is_refused)


def test_the_account_adds_up() -> None:
    """Of a pool of 10 a uses 1 of 4 guaranteed, b borrows 7 beside 2 of its own: 4 of nobody's, 3 that a lends."""
    accounts = once(budgets(10, {"guarantee": 4.0}, {"guarantee": 2.0}), [1, 20], [1, 2]).accounts
    assert accounts is not None
    assert (accounts.asked.tolist(), accounts.granted.tolist()) == ([1, 20], [1, 9])
    assert (accounts.borrowed.tolist(), accounts.lent.tolist()) == ([0, 7], [3, 0])
    assert accounts.share.tolist() == [4, 9]
    assert accounts.bound.tolist() == [Reason.PASSED, Reason.POOL]
    assert (accounts.over.tolist(), accounts.guarantee.tolist()) == ([0], [4, 2])


def test_without_any_budget_there_is_no_account() -> None:
    """Where no tenant has a cap, guarantee, concurrency cap or pool with a limit, a tick makes no account."""
    decisions = once(budgets(INF, {}, {}), [3, 3], [1, 1])
    assert decisions.accounts is None
    assert decisions.record(0).budget is None


def test_a_record_tells_the_tenants_account() -> None:
    """The record of a function carries its tenant's numbers and its pool's, and the words say them."""
    record = once(budgets(10, {"guarantee": 4.0}, {"guarantee": 2.0}), [1, 20], [1, 2]).record(1)
    assert record.budget is not None
    assert (record.budget.pool, record.budget.pool_size, record.budget.pool_asked) == ("default", 10, 21)
    assert (record.budget.asked, record.budget.granted, record.budget.borrowed) == (20, 9, 7)
    assert (record.budget.cap, record.budget.lend, record.budget.concurrency) == (None, None, None)
    text = " ".join(sentences(record))
    for words in ("pool default leaves 9 replicas of 20", "asks for 20 and gets 9", "2 are guaranteed, 7 borrowed"):
        assert words in text, text
    assert "of 10 in the pool others use 1, and 21 are asked for" in text


def test_a_tenants_own_account_says_nothing_of_others() -> None:
    """What its own tenant may know of a refusal has its own numbers, and none of what others of the pool ask for or use."""
    record = once(budgets(10, {"guarantee": 4.0}, {"guarantee": 2.0}), [1, 20], [1, 2]).record(1).own()
    assert record.budget is not None
    assert (record.budget.asked, record.budget.granted, record.budget.share) == (20, 9, 9)
    pool = record.budget.pool_size, record.budget.pool_asked, record.budget.pool_charged
    assert (*pool, record.budget.pool_guaranteed, record.budget.pool_over) == (None,) * 5
    (words,) = (sentence for sentence in sentences(record) if sentence.startswith("Budget"))
    assert words.endswith("(2 are guaranteed, 7 borrowed above that); others use the rest, or have it guaranteed.")


def test_a_promise_that_cannot_be_kept_is_told() -> None:
    """Where 14 are guaranteed of a pool of 10, a tenant's record says that 5 of its 7 can be kept."""
    record = once(budgets(10, {"guarantee": 7.0}, {"guarantee": 7.0}), [9, 9], [0, 0]).record(0)
    assert record.budget is not None
    assert (record.budget.guarantee, record.budget.promised, record.budget.pool_guaranteed) == (7, 5, 14)
    assert "5 of 7 guaranteed can be kept" in " ".join(sentences(record))


def test_a_cap_comes_before_the_pool() -> None:
    """Of a pool of 10, a capped at 3 asks for 3, and b gets the other 7."""
    fleet = fleet_of(budgets(10, {}, {}), {"a": 3.0})
    decisions = stepped(Controller(None), 0, observe(fleet, [0, 0], rps=[90.0, 90.0]))
    assert decisions.desired.tolist() == [3, 7]
    assert decisions.reason.tolist() == [Reason.BUDGET, Reason.POOL]


def test_unknown_load_keeps_its_units() -> None:
    """Of a pool of 10 the unknown a keeps its 5, and b gets no more than the other 5; nor does zero demand free them."""
    assert once(budgets(10, {}, {}), [NAN, 20], [5, 5]).desired.tolist() == [5, 5]


def test_what_the_mask_holds_takes_no_guarantee() -> None:
    """A foreign writer holds b at 15 of a pool of 10: a still gets its guarantee of 4, and no more; the pool is over by 9."""
    decisions = once(budgets(10, {"guarantee": 4.0}, {}), [9, 2], [0, 15], is_held=[False, True])
    assert decisions.desired.tolist() == [4, 15]
    assert decisions.accounts is not None
    assert decisions.accounts.over.tolist() == [9]
    assert decisions.accounts.masked.tolist() == [0, 15]


STUCK = {"ready": [2, 0], "obstacle": [Obstacle.NOT_SCHEDULABLE, 0]}


def stuck(seconds: float, **columns: object) -> Decisions:
    """Decide a tick of a run in which a asks for 8 and has 2, and b asks for 8, of a pool of 10 with 30 s of grace."""
    fleet, controller = fleet_of(budgets(10, {}, {}, grace_s=30.0)), Controller(None)
    for at_s in (0.0, seconds):
        decisions = stepped(controller, at_s, observe(fleet, [8, 0], rps=[80.0, 80.0], **{**STUCK, **columns}))
    return decisions


def test_replicas_that_cannot_start_hold_nothing_back_for_long() -> None:
    """Until the grace has passed all 8 are charged; then the 2 that run, the 6 stay asked for, and b gets its 8."""
    assert stuck(30.0).desired.tolist() == [5, 5]
    late = stuck(31.0)
    assert late.desired.tolist() == [8, 8]
    assert late.accounts is not None
    assert (late.accounts.charged.tolist(), late.accounts.granted.tolist()) == ([2, 8], [8, 8])


@pytest.mark.parametrize("obstacle", [Obstacle.NONE, Obstacle.ROLLOUT, Obstacle.NOT_READY])
def test_pods_that_are_there_are_charged(obstacle: Obstacle) -> None:
    """What crashes or rolls out has its place on a node, and is charged however long it is not ready."""
    assert stuck(600.0, obstacle=[obstacle, 0]).desired.tolist() == [5, 5]


def test_what_cannot_start_is_cut_only_below_what_runs() -> None:
    """Where the pool has less than what runs of a stuck function, what is not there is asked for no more."""
    fleet, controller = fleet_of(budgets(2, {}, {}, grace_s=0.0)), Controller(None)
    for at_s in (0.0, 5.0):
        decisions = stepped(controller, at_s, observe(fleet, [8, 0], rps=[80.0, 80.0], **STUCK))
    assert decisions.desired.tolist() == [1, 1]


def test_between_ticks_what_cannot_start_leaves_room() -> None:
    """A wake finds the room that replicas which cannot start leave in a pool, as a tick does."""
    fleet = fleet_of(budgets(10, {}, {}, grace_s=0.0), activation=4.0, zero_after_s=0.0)
    controller, idle = Controller(None), {"rps": [80.0, 0.0], "is_idle": [False, True]}
    for at_s in (0.0, 5.0):
        stepped(controller, at_s, observe(fleet, [8, 0], **idle, **STUCK))
    assert stepped(controller, 6, None, [Wake(key("f", "b"), 1)]).desired.tolist() == [4]


def run_of(
    fleet: Fleet, asked: Sequence[Sequence[float]], period_s: float = 2.0, first: Sequence[float] = (0, 0)
) -> list[list[float]]:
    """Run ticks in which what was decided runs at once; give what was decided at each."""
    controller, runs, told = Controller(None), list(first), []
    for tick, loads in enumerate(asked):
        runs = stepped(controller, period_s * tick, observe(fleet, runs, rps=np.array(loads) * 10.0)).desired.tolist()
        told.append(runs)
    return told


def test_a_lender_has_its_guarantee_back_at_once() -> None:
    """When a lender comes back, its raise and the borrower's cut are of the same tick."""
    fleet = fleet_of(budgets(10, {"guarantee": 4.0}, {}))
    assert run_of(fleet, [[0, 20], [6, 20], [6, 20]]) == [[0, 10], [6, 4], [6, 4]]


def test_hold_delays_the_borrowers_cut_and_no_guarantee() -> None:
    """For 20 s a borrower keeps what it was granted; the lender has its guarantee at once, and the pool is over meanwhile."""
    fleet = fleet_of(budgets(10, {"guarantee": 4.0}, {}, hold_s=20.0), zero_after_s=30.0)
    told = run_of(fleet, [[0, 20], [6, 20], [6, 20], [6, 20]], period_s=10.0)
    assert told == [[0, 10], [4, 10], [6, 4], [6, 4]]


def test_hold_keeps_two_from_passing_replicas_to_and_fro() -> None:
    """A fight without guarantees begins once the hold is over: until then who came later waits."""
    fleet = fleet_of(budgets(10, {}, {}, hold_s=15.0))
    told = run_of(fleet, [[10, 0], [10, 10], [10, 10], [10, 10]], period_s=5.0)
    assert told == [[10, 0], [10, 0], [10, 0], [5, 5]]


def test_a_strict_pool_waits_until_room_is_there() -> None:
    """In a strict pool the borrower is cut first, and the lender is raised by what has really gone; never is it over."""
    fleet = fleet_of(budgets(10, {"guarantee": 6.0}, {}, strict=True))
    controller = Controller(None)
    seen = {"rps": [90.0, 90.0]}
    first = stepped(controller, 0, observe(fleet, [1, 9], **seen))
    assert (first.desired.tolist(), first.reason.tolist()) == ([1, 2], [Reason.RECLAIM, Reason.POOL])
    second = stepped(controller, 2, observe(fleet, [1, 2], ready=[1, 6], **seen))
    assert (second.desired.tolist(), second.reason.tolist()) == ([4, 2], [Reason.RECLAIM, Reason.POOL])
    third = stepped(controller, 4, observe(fleet, [4, 2], ready=[4, 2], **seen))
    assert (third.desired.tolist(), third.reason.tolist()) == ([8, 2], [Reason.POOL, Reason.POOL])


def test_a_strict_pool_waits_for_no_ones_blast_radius() -> None:
    """What a neighbour's falling load leaves is put off only where nobody waits for it: the guarantee takes one tick more."""
    fleet = fleet_of(budgets(100, {"guarantee": 80.0}, {}, strict=True))
    controller = Controller(BlastRadiusRule(10.0, 0.2, 60.0))
    stepped(controller, 0, observe(fleet, [0, 100], rps=np.array([0.0, 1000.0])))
    first = stepped(controller, 2, observe(fleet, [0, 100], rps=np.array([800.0, 10.0])))
    assert (first.desired.tolist(), Reason(first.reason[0])) == ([0, 20], Reason.RECLAIM)
    second = stepped(controller, 4, observe(fleet, [0, 20], rps=np.array([800.0, 10.0])))
    assert second.desired.tolist() == [80, 20]


def test_between_ticks_a_strict_pool_keeps_what_somebody_waits_for() -> None:
    """What a is to have once b's replica has gone is not given back to b's wake, which the pool refuses at once."""
    shared = budgets(5, {"guarantee": 4.0, "weight": 3.0}, {}, strict=True)
    fleet, controller = fleet_of(shared, zero_after_s=60.0), Controller(None)
    seen = {"rps": [50.0, 5.0]}
    first = stepped(controller, 0, observe(fleet, [4, 1], **seen))
    assert (first.desired.tolist(), first.reason.tolist()) == ([4, 0], [Reason.RECLAIM, Reason.POOL])
    woken = stepped(controller, 1, None, [Wake(key("f", "b"), 1)])
    assert (woken.desired.tolist(), woken.reason.tolist()) == ([0], [Reason.POOL])
    second = stepped(controller, 2, observe(fleet, [4, 0], **seen))
    assert (second.desired.tolist(), second.reason.tolist()) == ([5, 0], [Reason.DEMAND, Reason.POOL])


def test_between_ticks_what_still_runs_is_no_room_of_a_strict_pool() -> None:
    """Of 10, b was cut from 9 to 2, and all 9 are still there: c's wake waits for the tick that sees them gone."""
    fleet = fleet_of(budgets(10, {"guarantee": 6.0}, {}, {}, strict=True), zero_after_s=60.0)
    controller, seen = Controller(None), {"rps": [60.0, 20.0, 0.0], "is_idle": [False, False, True]}
    first = stepped(controller, 0, observe(fleet, [1, 9, 0], **seen))
    assert first.desired.tolist() == [1, 2, 0]
    woken = stepped(controller, 1, None, [Wake(key("f", "c"), 1)])
    assert (woken.desired.tolist(), woken.reason.tolist()) == ([0], [Reason.RECLAIM])
    second = stepped(controller, 2, observe(fleet, [1, 2, 0], **seen))
    assert second.desired.tolist() == [6, 2, 1]


def test_a_wake_within_a_guarantee_needs_no_room() -> None:
    """Between ticks a full pool gives no raise but one within a guarantee; who gets one at the next tick waits for it."""
    fleet = fleet_of(budgets(10, {"guarantee": 4.0}, {}, {}), activation=3.0, zero_after_s=0.0)
    idle = {"rps": [0.0, 100.0, 0.0], "is_idle": [True, False, True]}
    controller = Controller(None)
    stepped(controller, 0, observe(fleet, [0, 10, 0], **idle))
    woken = stepped(controller, 1, None, [Wake(key("f", "a"), 1), Wake(key("f", "c"), 1)])
    assert woken.desired.tolist() == [3, 0]
    assert woken.reason.tolist() == [Reason.WAKE, Reason.BETWEEN_TICKS]
    after = stepped(controller, 2, observe(fleet, [3, 10, 0], **idle))
    assert after.desired.tolist() == [3, 4, 3]


def test_between_ticks_the_room_of_a_pool_is_split() -> None:
    """Of 3 that a pool has left, two that are woken for 3 each get 2 and 1; who is woken alone gets them all."""
    fleet = fleet_of(budgets(10, {}, {}, {}), activation=3.0, zero_after_s=0.0)
    idle = {"rps": [0.0, 70.0, 0.0], "is_idle": [True, False, True]}
    for names, granted in (("ac", [2, 1]), ("a", [3]), ("c", [3])):
        controller = Controller(None)
        stepped(controller, 0, observe(fleet, [0, 7, 0], **idle))
        assert stepped(controller, 1, None, [Wake(key("f", one), 1) for one in names]).desired.tolist() == granted


def test_what_is_kept_idle_is_there_between_ticks() -> None:
    """What a tenant does not lend is there for its wake, even in a strict pool that others fill; nobody else gets it."""
    shared = budgets(10, {"guarantee": 3.0, "lend": 0.0}, {}, {}, strict=True)
    fleet = fleet_of(shared, activation=3.0, zero_after_s=0.0)
    controller = Controller(None)
    stepped(controller, 0, observe(fleet, [0, 7, 0], rps=[0.0, 90.0, 0.0], is_idle=[True, False, True]))
    woken = stepped(controller, 1, None, [Wake(key("f", "a"), 1), Wake(key("f", "c"), 1)])
    assert (woken.desired.tolist(), woken.reason[1]) == ([3, 0], Reason.RECLAIM)


def test_a_pools_cut_needs_no_credit_and_a_put_off_cut_fits() -> None:
    """The blast radius puts off falling load only into what the pool has left, and no cut that the pool orders."""
    fleet, rule = fleet_of(budgets(10, {}, {})), BlastRadiusRule(1.0, 0.0, 60.0)
    controller = Controller(rule)
    seen = stepped(controller, 0, observe(fleet, [10, 0], rps=[20.0, 60.0]))
    assert seen.desired.tolist() == [4, 6]
    assert seen.accounts is not None
    assert (seen.accounts.kept.tolist(), seen.accounts.charged.tolist()) == ([2, 0], [4, 6])
    assert seen.reason[0] == Reason.BLAST_RADIUS
    ordered = stepped(Controller(rule), 0, observe(fleet, [10, 0], rps=[100.0, 100.0]))
    assert ordered.desired.tolist() == [5, 5]


def test_a_concurrency_cap_counts_requests() -> None:
    """With replicas of 20 and 5 requests, a cap of 50 gives one each, then evenly in requests: 1 and 6."""
    functions = [("a", "f", {"concurrency_limit": 20.0}), ("a", "g", {"concurrency_limit": 5.0})]
    fleet = make_fleet(functions, budgets=budgets(INF, {"concurrency_cap": 50.0}))
    decisions = stepped(Controller(None), 0, observe(fleet, [0, 0], rps=[90.0, 90.0]))
    assert decisions.desired.tolist() == [1, 6]
    assert set(decisions.reason.tolist()) == {Reason.CONCURRENCY_BUDGET}
    record = decisions.record(1)
    assert record.budget is not None
    assert (record.budget.concurrency, record.budget.concurrency_cap) == (50.0, 50.0)
    assert "concurrency cap of 50 requests leaves 6 replicas of 9" in " ".join(sentences(record))


@pytest.mark.parametrize(
    ("rules", "weight"),
    [
        ({"concurrency_limit": 20.0, "target_concurrency": 7.0}, 20.0),
        ({"target_concurrency": 7.0, "utilization_concurrency": 0.7}, 10.0),
        ({}, 1.0),
    ],
)
def test_what_a_replica_weighs(rules: dict[str, float], weight: float) -> None:
    """Its hard limit, else the target that the policy names, before utilization, else one request."""
    fleet = make_fleet(
        [("a", "f", {"target_rps": 10.0, **rules})], budgets=budgets(INF, {"concurrency_cap": 2.5 * weight})
    )
    decisions = stepped(Controller(None), 0, observe(fleet, [0], rps=[90.0], concurrency=[0.0]))
    assert decisions.desired.tolist() == [2]


def test_between_ticks_a_concurrency_cap_is_kept() -> None:
    """A wake for 3 replicas of 10 requests gets the one that a cap of 45 leaves beside the 3 that run."""
    functions = [("a", name, {"concurrency_limit": 10.0, "activation": 3.0, "zero_after_s": 0.0}) for name in "fg"]
    fleet = make_fleet(functions, budgets=budgets(INF, {"concurrency_cap": 45.0}))
    controller = Controller(None)
    stepped(controller, 0, observe(fleet, [3, 0], rps=[30.0, 0.0], is_idle=[False, True]))
    woken = stepped(controller, 1, None, [Wake(key("g", "a"), 1)])
    assert (woken.desired.tolist(), woken.reason.tolist()) == ([1], [Reason.CONCURRENCY_BUDGET])


def test_a_tenant_follows_its_budget_into_another_fleet() -> None:
    """What was borrowed is remembered by tenant: a hold goes on where the fleet changes and tenants stand elsewhere."""
    two = fleet_of(budgets(10, {}, {}, hold_s=15.0))
    controller = Controller(None)
    stepped(controller, 0, observe(two, [0, 0], rps=[0.0, 100.0]))
    three = make_fleet([(name, "f", {}) for name in "0ab"], budgets=budgets(10, {}, {}, {}, hold_s=15.0))
    seen = stepped(controller, 5, observe(three, [0, 1, 9], rps=[100.0, 0.0, 100.0]))
    assert seen.desired.tolist()[2] == 9
    later = stepped(controller, 16, observe(three, [0, 1, 9], rps=[100.0, 0.0, 100.0]))
    assert later.desired.tolist() == [4, 1, 5]


def test_budgets_say_where_they_bound_in_order() -> None:
    """Where cap and pool both bind, the stage tells the pool, which bound last, and both are in the account's cuts."""
    fleet = fleet_of(replace(budgets(4, {}, {})), {"a": 5.0})
    decisions = stepped(Controller(None), 0, observe(fleet, [0, 0], rps=[90.0, 90.0]))
    assert decisions.stage_reasons[Stage.BUDGET].tolist() == [Reason.POOL, Reason.POOL]
    assert [int(change.reason) for change in decisions.applied if change.stage is Stage.BUDGET] == [
        Reason.BUDGET,
        Reason.POOL,
    ]


def test_a_neighbours_concurrency_cap_takes_nobodys_blast_radius_away() -> None:
    """Who has no concurrency cap loses to falling load no more than its credit, though somebody else has one."""
    fleet = make_fleet([("a", "f", {}), ("b", "g", {})], budgets=budgets(INF, {"concurrency_cap": 50.0}, {}))
    controller = Controller(BlastRadiusRule(replicas=2.0, share=0.0, period_s=60.0))
    left = 20.0
    for tick in range(3):
        decisions = stepped(controller, 2.0 * tick, observe(fleet, [1.0, left], rps=[10.0, 10.0]))
        left = float(decisions.desired[1])
    assert left == 18
