"""Whatever happens to held requests, in whatever order: nobody is lost, and everybody is let go once."""

from typing import Any

from hypothesis import settings, strategies
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from autoscaler.core.events import Wake
from autoscaler.core.fleet import FunctionKey
from autoscaler.core.holds import Hold, Holds, Released
from autoscaler.core.reasons import Reason, is_held_on
from autoscaler.core.wake_state import WakeState
from tests.property.effort import examples
from tests.unit.core.fleets import make_fleet
from tests.unit.core.held import decided

FLEET = make_fleet([("acme", "a", {}), ("acme", "b", {}), ("initech", "c", {}), ("umbrella", "d", {})])
MOST_HELD, WAITERS = 12, 3
REASONS = (Reason.BUDGET, Reason.POOL, Reason.RECLAIM, Reason.BETWEEN_TICKS, Reason.PAUSED)

keys = strategies.sampled_from([*FLEET.keys, FunctionKey("acme", "gone")])
outcomes = strategies.tuples(strategies.integers(0, 2), strategies.sampled_from(REASONS))


class Requests(RuleBasedStateMachine):
    """Held requests beside a model of them: a dictionary, gone through as a whole at every turn."""

    def __init__(self) -> None:
        super().__init__()
        self.holds = Holds(MOST_HELD)
        self.model: dict[int, Hold] = {}
        self.ended: set[int] = set()
        self.now_s = 0.0
        self.come = 0

    @rule(key=keys, hold_s=strategies.integers(0, 20), is_starter=strategies.booleans())
    def arrive(self, key: FunctionKey, hold_s: int, *, is_starter: bool) -> None:
        hold = Hold(self.come, key, key.namespace, self.now_s + hold_s, WAITERS, is_starter)
        self.come += 1
        of_function = sum(one.key == key and not one.is_starter for one in self.model.values())
        of_tenant = sum(one.tenant == hold.tenant for one in self.model.values())
        has_place = of_tenant < MOST_HELD - len(self.model) and (is_starter or of_function < WAITERS)
        expected = WakeState.NOT_READY if hold_s == 0 else None if has_place else WakeState.FULL
        assert self.holds.arrive(hold, self.now_s) is expected
        if expected is None:
            self.model[hold.id] = hold
            assert self.holds.arrive(hold, self.now_s) is None

    @precondition(lambda self: self.come > 0)
    @rule(data=strategies.data())
    def leave(self, data: Any) -> None:
        id_ = data.draw(strategies.integers(0, self.come - 1))
        assert self.holds.leave(id_) == self.model.pop(id_, None)
        assert self.holds.leave(id_) is None

    @rule(seconds=strategies.floats(0.0, 10.0))
    def pass_time(self, seconds: float) -> None:
        self.now_s += seconds
        due = {id_ for id_, hold in self.model.items() if hold.ends_s <= self.now_s}
        released = self.holds.expire(self.now_s)
        for one in released:
            assert [hold.ends_s for hold in one.holds] == sorted(hold.ends_s for hold in one.holds)
        self._gone(released, due, WakeState.NOT_READY, WakeState.STARTED)

    @rule(key=keys)
    def reach(self, key: FunctionKey) -> None:
        self._gone(self.holds.reached(key), self._of(key), WakeState.READY, WakeState.READY)

    @rule(key=keys)
    def fail(self, key: FunctionKey) -> None:
        self._gone(self.holds.hopeless(key), self._of(key), WakeState.NOT_READY, WakeState.NOT_READY)

    @rule()
    def move(self) -> None:
        self._gone(self.holds.moved(), set(self.model), WakeState.MOVED, WakeState.MOVED)

    @rule(
        decisions=strategies.dictionaries(strategies.integers(0, len(FLEET) - 1), outcomes),
        told=strategies.lists(keys, max_size=5, unique=True),
        is_tick=strategies.booleans(),
    )
    def step(self, decisions: dict[int, tuple[int, Reason]], told: list[FunctionKey], *, is_tick: bool) -> None:
        """Only who a step was told of is turned away by it, and only where it says zero for good."""
        before = dict(self.model)
        result = self.holds.decided(decided(FLEET, decisions, is_tick=is_tick), [Wake(key, 1) for key in told])
        for one in result.released:
            row = FLEET.row_of.get(one.key)
            if row is None:
                assert (is_tick, one.state) == (True, WakeState.NOT_FOUND)
                continue
            desired, reason = decisions[row]
            if one.state is WakeState.STARTED:
                assert desired > 0
                assert all(hold.is_starter for hold in one.holds)
            else:
                assert (desired, is_held_on(reason), one.reason) == (0, False, reason.name)
                assert one.state is (WakeState.EXHAUSTED if reason is Reason.POOL else WakeState.REFUSED)
            assert self.holds.waiting(one.key) == 0 or one.state is WakeState.STARTED
        self._gone(result.released, {hold.id for one in result.released for hold in one.holds})
        awaited = {hold.key for hold in self.model.values()}
        for key in told:
            row = FLEET.row_of.get(key)
            if row in decisions and decisions[row][0] == 0 and not is_held_on(decisions[row][1]):
                assert key not in awaited
        for key in result.asleep:
            assert key in {hold.key for hold in before.values()} - set(told)

    @invariant()
    def nobody_is_lost(self) -> None:
        self.holds.check_invariants()
        assert len(self.holds) == len(self.model)
        assert all(id_ in self.holds for id_ in self.model)
        assert self.holds.next_end_s() == min((hold.ends_s for hold in self.model.values()), default=None)
        for row, key in enumerate(FLEET.keys):
            waiting = sum(one.key == key and not one.is_starter for one in self.model.values())
            assert (self.holds.waiting(key), self.holds.column(FLEET)[row]) == (waiting, waiting)

    def _of(self, key: FunctionKey) -> set[int]:
        return {id_ for id_, hold in self.model.items() if hold.key == key}

    def _gone(self, released: list[Released], expected: set[int], *states: WakeState) -> None:
        """Take who was released out of the model; `states`: of who waits, and of who only starts."""
        ids = [hold.id for one in released for hold in one.holds]
        assert (set(ids), len(ids)) == (expected, len(expected))
        assert self.ended.isdisjoint(ids)
        self.ended.update(ids)
        for one in released:
            assert one.holds
            for hold in one.holds:
                assert (self.model.pop(hold.id), hold.key) == (hold, one.key)
                assert not states or one.state is states[hold.is_starter]


TestRequests = Requests.TestCase
TestRequests.settings = settings(max_examples=examples(40), stateful_step_count=40, deadline=None)
