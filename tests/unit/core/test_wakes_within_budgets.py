"""What a wake is given between ticks where budgets bind: at once, at the next tick, or not at all; and why."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
import pytest

from autoscaler.core.budgets import Budgets
from autoscaler.core.controller import Controller
from autoscaler.core.events import Wake
from autoscaler.core.explain import sentences
from autoscaler.core.fleet import Fleet
from autoscaler.core.reasons import REASON_OF, Reason, is_held_on, is_the_pools
from tests.unit.core.fleets import INF, budgets, key, make_fleet, observe, one, stepped


class Told(NamedTuple):
    """Replicas and reasons of the functions that were woken, in order of rows, and what the next tick decides of all."""

    woken: list[tuple[int, Reason]]
    after: list[int]


def wake(fleet: Fleet, runs: Sequence[float], names: Sequence[str], waiting: int = 1, ready: object = None) -> Told:
    """Run a tick in which what runs is wanted, a step that wakes functions (`TENANT/NAME`), and the tick after it."""
    controller = Controller(None)
    loads = {"rps": np.array(runs) * 10.0}
    stepped(controller, 0, observe(fleet, runs, **loads))
    keys = [key(name.partition("/")[2], name.partition("/")[0]) for name in names]
    step = stepped(controller, 1, None, [Wake(one_, waiting) for one_ in keys])
    runs = np.array(runs, np.float64)
    runs[step.rows] = step.desired
    held = np.zeros(len(fleet))
    held[[fleet.row_of[one_] for one_ in keys]] = waiting
    after = stepped(controller, 2, observe(fleet, runs, ready=runs if ready is None else ready, waiting=held, **loads))
    found = zip(step.desired.astype(int).tolist(), step.reason.tolist(), strict=True)
    return Told([(count, REASON_OF[code]) for count, code in found], after.desired.astype(int).tolist())


def functions(*names: str, **rules: float) -> list[tuple[str, str, Mapping[str, float]]]:
    return [(tenant, name, rules) for tenant, _, name in (one_.partition("/") for one_ in names)]


def pooled(size: float, *names: str, shared: Budgets | None = None, caps: Mapping[str, float] | None = None) -> Fleet:
    tenants = sorted({one_.partition("/")[0] for one_ in names} | set(caps or {}))
    return make_fleet(functions(*names), caps, budgets=shared or budgets(size, *({} for _ in tenants)))


def test_the_second_replica_of_a_sibling_is_taken_at_once() -> None:
    """Under a full cap with no pool in the way the woken one starts now, over the cap for one tick; then its sibling is cut."""
    fleet = make_fleet(functions("a/f", "a/g"), {"a": 2})
    assert wake(fleet, [2, 0], ["a/g"]) == Told([(1, Reason.WAITING)], [1, 1])


def test_a_limited_pool_with_room_gives_it_at_once_too() -> None:
    """Of a pool of 10 that has room the tenant under its full cap gets one more for a tick."""
    fleet = pooled(10, "a/f", "a/g", "b/f", caps={"a": 2})
    assert wake(fleet, [2, 0, 3], ["a/g"]) == Told([(1, Reason.WAITING)], [1, 1, 3])


def test_a_full_pool_makes_it_wait_for_the_tick_that_cuts() -> None:
    """In a full pool it stays at 0 until the next tick, which takes the sibling's second one; it is held meanwhile."""
    fleet = pooled(5, "a/f", "a/g", "b/f", caps={"a": 2})
    assert wake(fleet, [2, 0, 3], ["a/g"]) == Told([(0, Reason.BETWEEN_TICKS)], [1, 1, 3])


def test_what_another_borrows_is_waited_for_likewise() -> None:
    """Two without guarantees share a pool by weight: who is woken in a full one waits for the tick that cuts the other."""
    assert wake(pooled(5, "a/f", "b/f"), [0, 5], ["a/f"]) == Told([(0, Reason.BETWEEN_TICKS)], [1, 4])


def test_a_guarantee_of_another_is_never_taken() -> None:
    """Where the others use what is guaranteed to them the pool refuses, now and at the next tick."""
    fleet = pooled(5, "a/f", "b/f", shared=budgets(5, {}, {"guarantee": 5.0}))
    assert wake(fleet, [0, 5], ["a/f"]) == Told([(0, Reason.POOL)], [0, 5])


def test_a_weight_of_nothing_gets_what_nobody_wants() -> None:
    """A tenant of weight 0 is refused by a pool that others fill, and never made to wait for it."""
    fleet = pooled(5, "a/f", "b/f", shared=budgets(5, {"weight": 0.0}, {}))
    assert wake(fleet, [0, 5], ["a/f"]) == Told([(0, Reason.POOL)], [0, 5])


def test_a_first_replica_is_not_taken_for_another() -> None:
    """A cap that has one replica for each running function refuses one more, and says that the cap does."""
    fleet = make_fleet(functions("a/f", "a/g", "a/h"), {"a": 2})
    assert wake(fleet, [1, 1, 0], ["a/h"]) == Told([(0, Reason.BUDGET)], [1, 1, 0])


def test_minima_come_before_a_first_replica() -> None:
    """What a sibling's minimum holds is none that could be taken."""
    fleet = make_fleet([("a", "f", {"min_replicas": 2.0}), ("a", "g", {})], {"a": 2})
    assert wake(fleet, [2, 0], ["a/g"]) == Told([(0, Reason.BUDGET)], [2, 0])


def test_what_is_paused_is_charged_first() -> None:
    """A cap that a paused sibling uses up refuses, for its replicas cannot be taken."""
    fleet = make_fleet([("a", "f", {"paused": True}), ("a", "g", {})], {"a": 2})
    assert wake(fleet, [2, 0], ["a/g"]) == Told([(0, Reason.BUDGET)], [2, 0])


def test_the_tighter_of_cap_and_pool_is_told() -> None:
    """Where the cap allows it and the pool does not, the pool is told, and the other way round the cap."""
    guaranteed = budgets(4, {}, {"guarantee": 4.0})
    assert wake(pooled(4, "a/f", "b/f", shared=guaranteed, caps={"a": 1}), [0, 4], ["a/f"]).woken == [(0, Reason.POOL)]
    assert wake(pooled(9, "a/f", "a/g", "b/f", caps={"a": 1}), [1, 0, 4], ["a/g"]).woken == [(0, Reason.BUDGET)]


def test_a_concurrency_cap_is_kept_likewise() -> None:
    """A sibling's second replica of 20 requests is taken for a first one; where each has one, the cap refuses."""
    limited = {"concurrency_limit": 20.0}
    two = [("a", "f", limited), ("a", "g", limited)]
    for runs, cap, woken, after in (
        ([2, 0], 40.0, (1, Reason.WAITING), [1, 1]),
        ([1, 0], 20.0, (0, Reason.CONCURRENCY_BUDGET), [1, 0]),
    ):
        fleet = make_fleet(two, budgets=budgets(INF, {"concurrency_cap": cap}))
        assert wake(fleet, runs, ["a/g"]) == Told([woken], after)


def test_a_concurrency_cap_in_a_full_pool_waits() -> None:
    """Both limits at once: the cap takes a sibling's replica, and the full pool makes that wait for the tick."""
    limited = {"concurrency_limit": 20.0}
    fleet = make_fleet(
        [("a", "f", limited), ("a", "g", limited), ("b", "f", {})], budgets=budgets(5, {"concurrency_cap": 40.0}, {})
    )
    assert wake(fleet, [2, 0, 3], ["a/g"]) == Told([(0, Reason.BETWEEN_TICKS)], [1, 1, 3])


def test_a_strict_pool_waits_until_the_borrowed_one_has_gone() -> None:
    """In a strict pool who will get one is held through the tick that cuts, until what was cut has ended."""
    fleet = pooled(5, "a/f", "b/f", shared=budgets(5, {"guarantee": 2.0}, {}, strict=True))
    told = wake(fleet, [0, 5], ["a/f"])
    assert told == Told([(0, Reason.RECLAIM)], [0, 4])


def test_a_strict_pool_refuses_who_would_not_get_one_either() -> None:
    """In a strict pool of which others use what is theirs nobody is held for nothing."""
    fleet = pooled(5, "a/f", "b/f", shared=budgets(5, {}, {"guarantee": 5.0}, strict=True))
    assert wake(fleet, [0, 5], ["a/f"]) == Told([(0, Reason.POOL)], [0, 5])


def test_a_pool_with_one_place_gives_it_to_the_first_and_refuses_nobody_who_gets_one() -> None:
    """Of three woken under a full cap in a pool with room for one, one starts now and two at the tick."""
    fleet = pooled(7, "a/f", "a/g", "a/h", "a/i", "b/f", caps={"a": 4})
    told = wake(fleet, [4, 0, 0, 0, 2], ["a/g", "a/h", "a/i"])
    assert told.woken == [(1, Reason.WAITING), (0, Reason.BETWEEN_TICKS), (0, Reason.BETWEEN_TICKS)]
    assert told.after == [1, 1, 1, 1, 2]


def test_of_two_tenants_with_one_place_between_them_each_is_told_what_it_gets() -> None:
    """A place that one tenant's first wake takes is none for another's: that one waits for the tick."""
    fleet = pooled(7, "a/f", "a/g", "b/f", "b/g", caps={"a": 3, "b": 3})
    told = wake(fleet, [3, 0, 3, 0], ["a/g", "b/g"])
    assert told.woken == [(1, Reason.WAITING), (0, Reason.BETWEEN_TICKS)]
    assert told.after == [2, 1, 2, 1]


def test_who_asks_for_more_than_one_gets_the_first_of_them() -> None:
    """Over a full cap 50 held requests at 10 for each have one replica at once, and at the tick their share of the cap."""
    fleet = make_fleet(functions("a/f", "a/g"), {"a": 6})
    assert wake(fleet, [6, 0], ["a/g"], waiting=50) == Told([(1, Reason.BUDGET)], [3, 3])


def test_asking_again_between_the_same_ticks_takes_no_more() -> None:
    """Each repetition of a wake over the cap, and of one that waits, is decided as the first was."""
    for size, woken in ((10, (1, 1)), (5, (0, 0))):
        fleet = pooled(size, "a/f", "a/g", "b/f", caps={"a": 2})
        controller = Controller(None)
        stepped(controller, 0, observe(fleet, [2, 0, 3], rps=[20.0, 0.0, 30.0]))
        found = [stepped(controller, 1 + t, None, [Wake(key("g", "a"), 9)]).desired.tolist() for t in range(2)]
        assert found == [[woken[0]], [woken[1]]]


def test_one_wake_is_not_refused_for_anothers_thousands() -> None:
    """A's 5,000 wakes want all of a pool; B's one, in the same step, has its guarantee's replica at once."""
    shared = budgets(100, {}, {"guarantee": 1.0})
    fleet = make_fleet([*functions(*(f"a/f{n:04}" for n in range(5000))), ("b", "f", {})], budgets=shared)
    controller = Controller(None)
    stepped(controller, 0, observe(fleet, 0, rps=0.0))
    step = stepped(controller, 1, None, [Wake(one_, 1) for one_ in fleet.keys])
    assert (step.desired[-1], step.desired.sum()) == (1, 100)
    assert {REASON_OF[code] for code in step.reason[step.desired == 0].tolist()} == {Reason.POOL}


def test_reasons_say_who_waits_and_whose_limit_it_is() -> None:
    """Between ticks and reclaim are held on; pool and reclaim are the pool's; all else is one's own limit."""
    assert [reason for reason in Reason if is_held_on(reason)] == [Reason.RECLAIM, Reason.BETWEEN_TICKS]
    assert [reason for reason in Reason if is_the_pools(reason)] == [Reason.POOL, Reason.RECLAIM]


def test_one_that_waits_for_the_tick_is_told_so() -> None:
    """The record says that the next tick takes what is missing from functions that have more."""
    fleet = pooled(5, "a/f", "b/f")
    controller = Controller(None)
    stepped(controller, 0, observe(fleet, [0, 5], rps=[0.0, 50.0]))
    record = stepped(controller, 1, None, [Wake(key("f", "a"), 1)]).record(0)
    assert (record.desired, record.reason) == (0, Reason.BETWEEN_TICKS)
    assert "0 replicas of 1 until the next tick" in " ".join(sentences(record))


@pytest.mark.parametrize(
    ("rules", "held", "started"),
    [
        ({"concurrency_limit": 20.0}, 500, 25),  # utilization 1.0
        ({"concurrency_limit": 20.0, "utilization_concurrency": 0.7}, 500, 36),  # 500 / 14
        ({"concurrency_limit": 20.0, "target_concurrency": 70.0, "utilization_concurrency": 0.7}, 500, 36),
        ({"concurrency_limit": 200.0, "target_concurrency": 70.0, "utilization_concurrency": 0.7}, 500, 8),  # 500 / 70
        ({"target_concurrency": 10.0}, 41, 5),
        ({"target_rps": 10.0}, 41, 5),
        ({"target_rps": 0.5}, 7, 7),
        ({"target_rps": INF}, 7, 7),
    ],
)
def test_held_requests_ask_by_what_a_replica_takes(rules: dict[str, float], held: int, started: int) -> None:
    """The smaller of target and limit, times utilization; else what it does in a second; else one each."""
    fleet, controller = one(**{"target_rps": INF, **rules}), Controller(None)
    stepped(controller, 0, observe(fleet, 0, rps=0.0, concurrency=0.0))
    assert stepped(controller, 1, None, [Wake(fleet.keys[0], held)]).desired.tolist() == [started]


def test_requests_that_trickle_in_have_what_all_need_after_the_last() -> None:
    """500 that come one by one, each with a step of its own, come to 25 at the last, and no step lowers."""
    fleet, controller = one(concurrency_limit=20.0), Controller(None)
    stepped(controller, 0, observe(fleet, 0, rps=0.0))
    found = [stepped(controller, 1.0, None, [Wake(fleet.keys[0], held)]).desired[0] for held in range(1, 501)]
    assert (found[0], found[-1]) == (1, 25)
    assert found == sorted(found)
