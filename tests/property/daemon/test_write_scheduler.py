"""The write scheduler under any interleaving of ticks, wakes, answers, time, lost leases and recreated Deployments."""

import asyncio
import itertools
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from autoscaler.core.fleet import FunctionKey
from autoscaler.daemon.wishes import Urgency, Wish, Wishes, urgency_of
from autoscaler.daemon.writes import MOST_OTHERS_OUT, OVERDUE_S, WriteScheduler
from autoscaler.policy.settings import KubernetesSettings
from autoscaler.ports import ScaleChange, ScaleOutcome, ScaleResult
from tests.property.effort import examples
from tests.unit.core.fleets import make_fleet
from tests.unit.daemon.clock import HandClock
from tests.unit.daemon.wishing import wished

PER_SECOND, BURST = 2.0, 3
FUNCTIONS = [FunctionKey(tenant, name) for tenant, count in (("a", 6), ("b", 2), ("c", 1)) for name in "uvwxyz"[:count]]
LEAST_WAIT_S = {ScaleOutcome.RETRY: 0.375, ScaleOutcome.INVALID: 45.0, ScaleOutcome.GONE: 45.0}
REFUSED = (ScaleOutcome.FORBIDDEN, ScaleOutcome.INVALID, ScaleOutcome.GONE)
SLACK_S = 1e-3


@dataclass
class Server:
    """A cluster whose writes are answered one by one when the test says so, and that checks each as it comes."""

    clock: HandClock
    may_write: Callable[[], bool]
    counts: dict[FunctionKey, int]
    uids: dict[FunctionKey, str]
    out: dict[FunctionKey, tuple[ScaleChange, asyncio.Future[ScaleResult]]] = field(default_factory=dict)
    sent: list[tuple[float, ScaleChange, Urgency]] = field(default_factory=list)
    blocked_until_s: dict[tuple[FunctionKey, str], float] = field(default_factory=dict)
    paused_until_s: float = 0.0
    broken: list[str] = field(default_factory=list)
    watch: Callable[[ScaleChange], None] = lambda change: None

    async def scale(self, change: ScaleChange) -> ScaleResult:
        urgency = urgency_of(change.old, change.new)
        now_s = self.clock.now_s
        self.check(change.key not in self.out, f"two writes of {change.key} are out")
        self.check(self.may_write(), f"{change} was written without the Lease")
        self.check(change.old != change.new, f"{change} changes nothing")
        blocked_until_s = self.blocked_until_s.get((change.key, change.uid), 0.0)
        self.check(now_s >= blocked_until_s - SLACK_S, f"{change} cut its back-off short")
        is_wake = urgency is Urgency.WAKE
        self.check(is_wake or now_s >= self.paused_until_s - SLACK_S, f"{change} does not honour Retry-After")
        self.watch(change)
        self.sent.append((now_s, change, urgency))
        future: asyncio.Future[ScaleResult] = asyncio.get_running_loop().create_future()
        self.out[change.key] = change, future
        return await future

    def check(self, is_so: bool, otherwise: str) -> None:
        """Keep what is wrong for the test to find: an error raised here would be one of the adapter's."""
        if not is_so:
            self.broken.append(otherwise)

    def answer(self, key: FunctionKey, outcome: ScaleOutcome, retry_after_s: float | None, is_throttled: bool) -> None:
        change, future = self.out.pop(key)
        now_s = self.clock.now_s
        if outcome is ScaleOutcome.DONE:
            is_there = (self.uids[key], self.counts[key]) == (change.uid, change.old)
            outcome = ScaleOutcome.DONE if is_there else ScaleOutcome.LOST
            self.counts[key] = change.new if is_there else self.counts[key]
        elif outcome in LEAST_WAIT_S:
            wait_s = max(LEAST_WAIT_S[outcome], retry_after_s or 0.0)
            self.blocked_until_s[key, change.uid] = now_s + wait_s
        if is_throttled:
            self.paused_until_s = max(self.paused_until_s, now_s + (1.0 if retry_after_s is None else retry_after_s))
        future.set_result(ScaleResult(outcome, retry_after_s, is_throttled=is_throttled))


class Scheduling(RuleBasedStateMachine):
    """Nine functions of three tenants; replicas are read, decided on and written as a daemon does."""

    def __init__(self) -> None:
        super().__init__()
        self.loop = asyncio.new_event_loop()
        self.clock = HandClock()
        self.has_lease = True
        self.server = Server(self.clock, lambda: self.has_lease, dict.fromkeys(FUNCTIONS, 1), {})
        self.server.uids = {key: f"{key}-0" for key in FUNCTIONS}
        self.server.watch = self.in_order
        self.numbers = itertools.count(1)
        self.desired = dict.fromkeys(FUNCTIONS, 1)
        self.read: dict[FunctionKey, tuple[str, int]] | None = None
        self.wished: dict[FunctionKey, tuple[Wish, float]] = {}
        self.is_disturbed = False
        self.has_failed = False

    @initialize(rate=st.sampled_from([PER_SECOND, 50.0]))
    def start(self, rate: float) -> None:
        configured = KubernetesSettings(writes_per_second=rate, write_burst=BURST)
        self.rate = rate

        async def make() -> WriteScheduler:
            return WriteScheduler(
                self.clock,
                self.server,  # type: ignore[arg-type]
                configured,
                np.random.default_rng(1),
                may_write=lambda: self.has_lease,
            )

        self.writes = self.loop.run_until_complete(make())
        self.running = self.loop.create_task(self.writes.run())
        self.tell_fleet()

    def in_order(self, change: ScaleChange) -> None:
        """A less urgent write goes only where no more urgent one could; what waits too long comes in between."""
        if self.has_failed:
            return  # what backs off, and a pace that fell, are other tests'
        urgency = urgency_of(change.old, change.new)
        waited_s = self.clock.now_s - self.wished[change.key][1] if change.key in self.wished else 0.0
        for key, (wish, _) in self.wished.items():
            is_next = key != change.key and key not in self.server.out
            if is_next and wish.urgency < urgency and not (urgency is Urgency.CUT and waited_s >= OVERDUE_S):
                self.server.check(self.is_void(wish.change), f"{change} went before {wish.change}")
        self.wished.pop(change.key, None)

    def is_void(self, change: ScaleChange) -> bool:
        """Tell whether a wish starts from what is no longer there: it has become another, or none."""
        return (self.server.uids[change.key], self.server.counts[change.key]) != (change.uid, change.old)

    def settle(self) -> None:
        self.loop.run_until_complete(self.clock.settle())

    def tell_fleet(self) -> None:
        fleet = make_fleet([(key.namespace, key.name, {}) for key in FUNCTIONS])
        object.__setattr__(fleet, "uids", tuple(self.server.uids[key] for key in fleet.keys))
        self.writes.retain(fleet)

    @rule()
    def observe(self) -> None:
        """Read what is there for a tick; writes may be answered before it is decided."""
        self.writes.observed()
        self.read = {key: (self.server.uids[key], self.server.counts[key]) for key in FUNCTIONS}

    @precondition(lambda self: self.read is not None)
    @rule(desired=st.lists(st.integers(0, 5), min_size=len(FUNCTIONS), max_size=len(FUNCTIONS)))
    def decide(self, desired: list[int]) -> None:
        """A tick wishes for everything that differs from what was read."""
        assert self.read is not None
        self.desired = dict(zip(FUNCTIONS, desired, strict=True))
        self.offer(self.read, is_tick=True)
        self.read = None

    def offer(self, read: dict[FunctionKey, tuple[str, int]], *, is_tick: bool) -> None:
        wishes = [
            Wish(ScaleChange(key, uid, count, self.desired[key]), key.namespace)
            for key, (uid, count) in read.items()
            if count != self.desired[key]
        ]
        before = {key: since_s for key, (_, since_s) in self.wished.items()} if is_tick else {}
        if is_tick:
            self.wished.clear()
        for wish in wishes:
            since_s = before.get(wish.change.key, self.clock.now_s)
            self.wished[wish.change.key] = wish, since_s
        if not self.has_lease:
            self.wished.clear()
        self.writes.offer(wished(wishes), is_tick)
        self.settle()

    @rule(key=st.sampled_from(FUNCTIONS), more=st.integers(1, 3))
    def raise_between_ticks(self, key: FunctionKey, more: int) -> None:
        """A step between ticks takes what was decided for granted, and only raises."""
        taken = self.desired[key]
        self.desired[key] = taken + more
        self.wished.pop(key, None)
        self.has_failed = True  # what it builds on, this model does not follow
        wishes = [Wish(ScaleChange(key, self.server.uids[key], taken, taken + more), key.namespace)]
        self.writes.offer(wished(wishes), is_tick=False)
        self.settle()

    @precondition(lambda self: self.server.out)
    @rule(
        pick=st.integers(0, 100),
        outcome=st.sampled_from([ScaleOutcome.DONE] * 4 + [ScaleOutcome.RETRY] * 2 + list(REFUSED)),
        retry_after_s=st.sampled_from([None, None, 1.0, 20.0]),
        is_throttled=st.booleans(),
    )
    def answer(self, pick: int, outcome: ScaleOutcome, retry_after_s: float | None, is_throttled: bool) -> None:
        key = list(self.server.out)[pick % len(self.server.out)]
        is_retry = outcome is ScaleOutcome.RETRY
        self.has_failed |= outcome is not ScaleOutcome.DONE
        self.is_disturbed |= outcome in REFUSED
        self.server.answer(key, outcome, retry_after_s if is_retry else None, is_throttled and is_retry)
        self.settle()

    @precondition(lambda self: self.server.out)
    @rule()
    def answer_all(self) -> None:
        for key in list(self.server.out):
            self.server.answer(key, ScaleOutcome.DONE, None, is_throttled=False)
        self.settle()

    @rule(seconds=st.sampled_from([0.1, 1.0, 2.0, 10.0, 70.0]))
    def pass_time(self, seconds: float) -> None:
        self.loop.run_until_complete(self.clock.advance(seconds))

    @rule(has_lease=st.booleans())
    def change_lease(self, has_lease: bool) -> None:
        self.has_lease = has_lease
        self.is_disturbed |= not has_lease  # what is dropped is what steps between ticks build on

    @rule(key=st.sampled_from(FUNCTIONS), count=st.integers(0, 5))
    def recreate(self, key: FunctionKey, count: int) -> None:
        self.is_disturbed = True
        self.server.uids[key] = f"{key}-{next(self.numbers)}"
        self.server.counts[key] = count
        self.tell_fleet()

    @rule(key=st.sampled_from(FUNCTIONS), count=st.integers(0, 5))
    def scale_by_hand(self, key: FunctionKey, count: int) -> None:
        self.is_disturbed = True
        self.server.counts[key] = count

    @invariant()
    def no_write_broke_a_rule(self) -> None:
        assert self.server.broken == []

    @invariant()
    def nothing_is_lost_to_ourselves(self) -> None:
        """Where nobody else writes and none is given up, no write starts from a count that is not there."""
        if not self.is_disturbed and hasattr(self, "writes"):
            assert self.writes.counts[ScaleOutcome.LOST] == 0

    @invariant()
    def room_is_left_for_wakes(self) -> None:
        others = [change for change, _ in self.server.out.values() if urgency_of(change.old, change.new)]
        assert len(others) <= MOST_OTHERS_OUT

    @invariant()
    def what_waits_is_counted(self) -> None:
        if hasattr(self, "writes"):
            assert all(count >= 0 for count in self.writes.queued().values())
            assert sum(self.writes.queued().values()) <= len(FUNCTIONS)

    def teardown(self) -> None:
        try:
            if hasattr(self, "writes"):
                self.rate_holds()
                self.everything_comes_to_rest()
        finally:
            self.end()

    def end(self) -> None:
        async def close() -> None:
            tasks = asyncio.all_tasks() - {asyncio.current_task()}
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

        self.loop.run_until_complete(close())
        self.loop.close()

    def rate_holds(self) -> None:
        """In any stretch of time no more than burst and rate allow."""
        times = [at_s for at_s, _, urgency in self.server.sent if urgency is not Urgency.WAKE]
        for (first, from_s), (last, to_s) in itertools.combinations(enumerate(times), 2):
            assert last - first + 1 <= BURST + self.rate * (to_s - from_s) + 1e-3

    def everything_comes_to_rest(self) -> None:
        """Once the API server is well and this daemon leads, constant decisions are there within a dozen minutes."""
        self.has_lease = True
        for _ in range(60):
            for key in list(self.server.out):
                self.server.answer(key, ScaleOutcome.DONE, None, is_throttled=False)
            self.settle()
            if self.server.counts == self.desired and not self.server.out:
                break
            self.observe()
            assert self.read is not None
            self.offer(self.read, is_tick=True)
            self.loop.run_until_complete(self.clock.advance(20.0))
        assert self.server.counts == self.desired
        self.writes.offer(Wishes(), is_tick=True)
        assert sum(self.writes.queued().values()) == 0
        assert self.writes.failures() == []
        assert self.server.broken == []


TestScheduling = Scheduling.TestCase
TestScheduling.settings = settings(max_examples=examples(40), stateful_step_count=40, deadline=None)
