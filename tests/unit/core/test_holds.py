"""Held requests: who waits, who is turned away, who is released, and when."""

import pytest

from autoscaler.core.events import Wake
from autoscaler.core.fleet import FunctionKey
from autoscaler.core.holds import Hold, Holds, Released, Told
from autoscaler.core.reasons import Reason
from autoscaler.core.wake_state import WakeState
from tests.unit.core.fleets import make_fleet
from tests.unit.core.held import Outcome, decided

FLEET = make_fleet([("acme", "a", {}), ("acme", "b", {}), ("umbrella", "c", {})])
A, B, C = FLEET.keys


def hold(id_: int, key: FunctionKey = A, ends_s: float = 10.0, waiters: int = 100, *, is_starter: bool = False) -> Hold:
    return Hold(id_, key, key.namespace, ends_s, waiters, is_starter)


def holding(*held: Hold, most_held: int = 1_000) -> Holds:
    """Give a state in which these are held."""
    holds = Holds(most_held)
    for one in held:
        assert holds.arrive(one, 0.0) is None
    holds.check_invariants()
    return holds


def told(holds: Holds, outcome: Outcome, *, is_tick: bool = False, is_acted_on: bool = True) -> Told:
    """Let a step that was told of a wake of `A` come to an outcome."""
    decisions = decided(FLEET, {0: outcome}, is_tick=is_tick)
    result = holds.decided(decisions, [Wake(A, 1)], is_acted_on=is_acted_on)
    holds.check_invariants()
    return result


def ends(released: list[Released]) -> list[tuple[int, WakeState, str | None]]:
    return [(hold.id, one.state, one.reason) for one in released for hold in one.holds]


def test_all_who_wait_are_released_together() -> None:
    """Once a function is reached all who wait for it are let go, in the order in which they came, and nobody else."""
    holds = holding(hold(3), hold(1), hold(2, B), hold(0, is_starter=True))
    assert ends(holds.reached(A)) == [(id_, WakeState.READY, None) for id_ in (3, 1, 0)]
    assert (holds.reached(A), len(holds), holds.waiting(A), holds.waiting(B)) == ([], 1, 0, 1)


def test_a_function_holds_as_many_as_its_policy_says() -> None:
    """Over its waiters a request is turned away; those that only start something count for none of them."""
    holds = holding(hold(0, waiters=2), hold(1, is_starter=True), hold(2, waiters=2))
    assert holds.arrive(hold(3, waiters=2), 0.0) is WakeState.FULL
    assert holds.arrive(hold(4, waiters=2, is_starter=True), 0.0) is None
    assert holds.leave(0) == hold(0, waiters=2)
    assert holds.arrive(hold(3, waiters=2), 0.0) is None


def test_a_tenant_holds_no_more_than_are_left() -> None:
    """A tenant alone holds half of all places, the next one half of the rest; starters take places too."""
    holds = Holds(8)
    taken = [holds.arrive(hold(number, is_starter=number % 2 == 0), 0.0) for number in range(6)]
    assert taken == [None] * 4 + [WakeState.FULL] * 2
    others = [holds.arrive(hold(10 + number, C), 0.0) for number in range(4)]
    assert others == [None] * 2 + [WakeState.FULL] * 2


def test_who_comes_twice_is_held_once() -> None:
    """A repetition changes nothing: neither the place nor the end."""
    holds = holding(hold(0, ends_s=5.0))
    assert holds.arrive(hold(0, ends_s=50.0), 0.0) is None
    assert (len(holds), holds.next_end_s()) == (1, 5.0)


def test_a_hold_without_time_is_none() -> None:
    """Who comes with nothing left of the hold is turned away, and takes no place."""
    holds = Holds()
    assert holds.arrive(hold(0, ends_s=3.0), 3.0) is WakeState.NOT_READY
    assert (len(holds), holds.next_end_s()) == (0, None)


def test_who_leaves_frees_the_place_at_once() -> None:
    """A request that is given up is forgotten with its place and its end, and giving it up again changes nothing."""
    holds = holding(hold(0, ends_s=5.0), hold(1, ends_s=7.0))
    assert holds.leave(0) is not None
    assert holds.leave(0) is None
    assert (holds.next_end_s(), holds.waiting(A), 0 in holds, 1 in holds) == (7.0, 1, False, True)


def test_each_hold_ends_at_its_time() -> None:
    """Who waited in vain is not ready; of who only started something nobody has said that it does not start."""
    holds = holding(hold(0, ends_s=9.0), hold(1, ends_s=5.0), hold(2, B, ends_s=5.0, is_starter=True))
    assert holds.expire(4.999) == []
    assert ends(holds.expire(5.0)) == [(1, WakeState.NOT_READY, None), (2, WakeState.STARTED, None)]
    assert (holds.next_end_s(), ends(holds.expire(100.0))) == (9.0, [(0, WakeState.NOT_READY, None)])


def test_ends_of_those_who_left_do_not_pile_up() -> None:
    """A million requests that are given up at once leave nothing behind."""
    holds = holding(hold(0, ends_s=1e9))
    for number in range(1, 20_000):
        holds.arrive(hold(number, ends_s=float(number)), 0.0)
        holds.leave(number)
        if number % 1_000 == 0:
            holds.check_invariants()
    assert holds.next_end_s() == 1e9


@pytest.mark.parametrize(
    ("reason", "state"),
    [
        (Reason.BUDGET, WakeState.REFUSED),
        (Reason.CONCURRENCY_BUDGET, WakeState.REFUSED),
        (Reason.MAX_REPLICAS, WakeState.REFUSED),
        (Reason.CONCURRENCY_CAP, WakeState.REFUSED),
        (Reason.SCHEDULE_CEILING, WakeState.REFUSED),
        (Reason.PAUSED, WakeState.REFUSED),
        (Reason.FOREIGN_WRITER, WakeState.REFUSED),
        (Reason.FORCED, WakeState.REFUSED),
        (Reason.POOL, WakeState.EXHAUSTED),
        (Reason.BETWEEN_TICKS, None),
        (Reason.RECLAIM, None),
    ],
)
def test_what_keeps_it_at_zero_says_how_they_end(reason: Reason, state: WakeState | None) -> None:
    """Its own or its tenant's limit refuses, the pool is exhausted, and what passes by itself is waited for."""
    holds = holding(hold(0), hold(1, is_starter=True))
    expected = [] if state is None else [(0, state, reason.name), (1, state, reason.name)]
    assert ends(told(holds, (0, reason)).released) == expected
    assert len(holds) == (0 if expected else 2)


def test_what_is_held_on_is_ended_by_the_next_tick() -> None:
    """A request that waits for the cut of a tick is started or turned away by that tick."""
    for outcome, released in (((1, Reason.WAKE), []), ((0, Reason.BUDGET), [(0, WakeState.REFUSED, "BUDGET")])):
        holds = holding(hold(0))
        assert told(holds, (0, Reason.BETWEEN_TICKS)) == Told([], [], [])
        result = holds.decided(decided(FLEET, {0: outcome}, is_tick=True), [])
        assert ends(result.released) == released
        assert result.wanted == ([] if released else [A])


def test_what_starts_is_held_until_it_is_reached() -> None:
    """A step that gives replicas lets only those go that asked for no more; the function is named, for it may serve already."""
    holds = holding(hold(0), hold(1, is_starter=True))
    result = told(holds, (2, Reason.WAITING))
    assert (ends(result.released), result.wanted) == ([(1, WakeState.STARTED, None)], [A])
    assert (holds.waiting(A), len(holds)) == (1, 1)


def test_what_nobody_writes_does_not_start() -> None:
    """Where decisions are not acted on, nobody is told that a function starts."""
    holds = holding(hold(0), hold(1, is_starter=True))
    result = told(holds, (2, Reason.WAITING), is_acted_on=False)
    assert ends(result.released) == [(1, WakeState.NOT_READY, None)]


def test_a_step_that_was_not_told_lets_nobody_go() -> None:
    """A step that began before the request came refuses nothing, and says that it left the function asleep."""
    holds = holding(hold(0), hold(1, is_starter=True))
    result = holds.decided(decided(FLEET, {0: (0, Reason.BUDGET)}, is_tick=True), [])
    assert (result, len(holds)) == (Told([], [], [A]), 2)
    result = holds.decided(decided(FLEET, {0: (1, Reason.DEMAND)}, is_tick=True), [])
    assert (result, len(holds)) == (Told([], [A], []), 2)


def test_a_step_says_nothing_of_rows_it_did_not_decide() -> None:
    """Requests for functions that a step does not name wait on."""
    holds = holding(hold(0), hold(1, B))
    assert told(holds, (0, Reason.BUDGET)).released[0].key == A
    assert (holds.waiting(A), holds.waiting(B)) == (0, 1)
    assert holds.decided(decided(FLEET, {}, is_tick=True), [Wake(B, 1)]) == Told([], [], [])


def test_a_function_that_is_gone_is_not_found() -> None:
    """A tick over a fleet without it lets its requests go; a step between ticks is over the fleet of before."""
    holds = holding(hold(0), hold(1, C))
    smaller = make_fleet([("acme", "b", {}), ("umbrella", "c", {})])
    assert holds.decided(decided(smaller, {0: (0, Reason.PASSED)}), []) == Told([], [], [])
    result = holds.decided(decided(smaller, {0: (0, Reason.PASSED)}, is_tick=True), [])
    assert ends(result.released) == [(0, WakeState.NOT_FOUND, None)]
    assert holds.waiting(C) == 1


def test_what_will_not_start_and_what_moves_lets_all_go() -> None:
    """A refused write ends one function's requests, the end of a term everybody's."""
    holds = holding(hold(0), hold(1, B), hold(2, B, is_starter=True), hold(3, C))
    assert ends(holds.hopeless(A)) == [(0, WakeState.NOT_READY, None)]
    assert ends(holds.moved()) == [(id_, WakeState.MOVED, None) for id_ in (1, 2, 3)]
    assert (holds.moved(), len(holds)) == ([], 0)


def test_those_who_wait_are_a_column() -> None:
    """Requests held are counted by row; those that only start something, and strangers to the fleet, are not."""
    holds = holding(hold(0), hold(1), hold(2, C), hold(3, B, is_starter=True), hold(4, FunctionKey("acme", "z")))
    assert holds.column(FLEET).tolist() == [2.0, 0.0, 1.0]
