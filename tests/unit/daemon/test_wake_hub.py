"""The wake hub by itself: who is asked for, tried, released, in which turn, and for how long."""

import asyncio
from collections.abc import Iterable

from autoscaler.core.events import Wake
from autoscaler.core.fleet import FunctionKey
from autoscaler.daemon.held import RELEASED_AT_ONCE
from autoscaler.daemon.wake_log import WakeLog
from autoscaler.daemon.wakes import WakeHub
from autoscaler.ports import Reached, ScaleOutcome, WakeResult, WakeState
from tests.unit.daemon.clock import HandClock
from tests.unit.daemon.fakes import MemoryCluster
from tests.unit.daemon.rig import FILES, ZERO, policy, rig

KEY = FunctionKey("acme", "a")
OTHER = FunctionKey("umbrella", "b")


class Site:
    """A hub over functions that a test lets serve, go and be reached.

    Attributes:
        serving: functions that serve.
        asked: functions that were asked for, in order.
        answers: what connections come to, one after the other; then they succeed.
        dialled: functions that were tried.
    """

    def __init__(self, most_held: int = 100_000) -> None:
        self.clock, self.log = HandClock(), WakeLog()
        self.serving: set[FunctionKey] = set()
        self.asked: list[FunctionKey] = []
        self.answers: list[Reached] = []
        self.dialled: list[FunctionKey] = []
        self.may_wake = True
        self.hub = WakeHub(
            self.clock, self._ask, self.serving.__contains__, self._dial, log=self.log, most_held=most_held
        )

    async def call(
        self, key: FunctionKey = KEY, hold_s: float = 5.0, waiters: int = 100_000, *, is_refused: bool = False
    ) -> "asyncio.Task[WakeResult]":
        task = asyncio.ensure_future(self.hub.wake(key, hold_s, waiters, key.namespace, is_refused=is_refused))
        await self.clock.settle()
        return task

    async def become_ready(self, key: FunctionKey = KEY) -> None:
        self.serving.add(key)
        self.hub.heard(key)
        await self.clock.settle()

    async def go(self, key: FunctionKey = KEY) -> None:
        self.serving.discard(key)
        self.hub.heard(key)
        await self.clock.settle()

    def _ask(self, key: FunctionKey) -> bool:
        self.asked.append(key)
        return self.may_wake

    async def _dial(self, key: FunctionKey) -> Reached:
        self.dialled.append(key)
        return self.answers.pop(0) if self.answers else Reached.REACHED


def states(tasks: Iterable["asyncio.Task[WakeResult]"]) -> list[WakeState]:
    return [task.result().state for task in tasks]


async def test_a_step_that_had_not_heard_of_the_wake_refuses_nothing() -> None:
    """A tick that was under way when the wake came, and leaves the function at zero, says nothing of that wake."""
    cluster = MemoryCluster()
    cluster.add("acme/a", 0)
    async with rig(cluster, files=FILES | {"policy.yaml": policy(spec=ZERO)}) as it:
        at_zero, site = it.kept.decisions[-1], Site()
        held = await site.call()
        site.hub.decided(at_zero, [])
        await site.clock.settle()
        assert not held.done()
        site.hub.decided(at_zero, [Wake(KEY, 1)])
        await site.clock.settle()
        assert held.result().state is WakeState.REFUSED


async def test_ready_is_said_once_a_connection_succeeds() -> None:
    """An endpoint alone releases nobody: the function is tried until it is reached, once for all who wait."""
    site = Site()
    site.answers = [Reached.REFUSED, Reached.REFUSED, Reached.REACHED]
    held = [await site.call() for _ in range(3)]
    assert site.dialled == []
    await site.become_ready()
    assert [task.done() for task in held] == [False] * 3
    await site.clock.advance(0.5)
    assert states(held) == [WakeState.READY] * 3
    assert site.dialled == [KEY] * 3


async def test_what_was_reached_is_answered_from_memory() -> None:
    """Who asks for a running function that was reached waits for nothing, and no connection is made for it."""
    site = Site()
    site.serving.add(KEY)
    assert (await site.call()).result() == WakeResult(WakeState.READY, 0.0)
    assert (await site.call()).result() == WakeResult(WakeState.READY, 0.0)
    assert (site.dialled, site.asked) == ([KEY], [])


async def test_who_was_refused_is_not_answered_from_memory() -> None:
    """After a connection was refused only one that succeeds from then on says ready, to all who ask meanwhile."""
    site = Site()
    site.serving.add(KEY)
    await site.call()
    site.answers = [Reached.REFUSED]
    refused = [await site.call(is_refused=True), await site.call()]
    assert [task.done() for task in refused] == [False, False]
    await site.clock.advance(0.1)
    assert states(refused) == [WakeState.READY] * 2
    assert len(site.dialled) == 3


async def test_one_that_goes_while_it_is_tried_is_asked_for() -> None:
    """A function that served when the request came, and goes before it is reached, is woken for that request."""
    site = Site()
    site.answers = [Reached.REFUSED] * 100
    site.serving.add(KEY)
    held = await site.call()
    assert site.asked == []
    await site.go()
    assert site.asked == [KEY]
    site.answers = []
    await site.become_ready()
    assert held.result().state is WakeState.READY


async def test_one_that_goes_and_cannot_be_woken_is_not_waited_for() -> None:
    """Where nothing would start it again, a request for a function that went is let go at once."""
    site = Site()
    site.may_wake = False
    site.answers = [Reached.REFUSED] * 100
    site.serving.add(KEY)
    held = await site.call()
    await site.go()
    assert held.result().state is WakeState.NOT_READY


async def test_nobody_is_tried_for_who_hung_up() -> None:
    """Once the last request for a function is gone no further connection is made to it."""
    site = Site()
    site.answers = [Reached.REFUSED] * 100
    held = await site.call()
    await site.become_ready()
    held.cancel()
    await site.clock.settle()
    tries = len(site.dialled)
    await site.clock.advance(10.0)
    assert len(site.dialled) == tries


async def test_a_start_that_fails_lets_everybody_go() -> None:
    """Requests whose function will not start are let go at once; an outcome that may pass changes nothing."""
    site = Site()
    held = [await site.call(), await site.call()]
    site.hub.settled(KEY, ScaleOutcome.RETRY)
    await site.clock.settle()
    assert not held[0].done()
    site.hub.settled(KEY, ScaleOutcome.FORBIDDEN)
    await site.clock.settle()
    assert states(held) == [WakeState.NOT_READY] * 2


async def test_holds_end_each_at_its_own_time() -> None:
    """One timer lets everybody go when their own hold is over, the shorter ones first, whoever came first."""
    site = Site()
    ends_s = (5.0, 1.0, 3.0)
    held = [await site.call(hold_s=hold_s) for hold_s in ends_s]
    for passed_s in (1.0, 2.0, 2.0):
        await site.clock.advance(passed_s)
        now_s = site.clock.now_s - 1000.0
        assert [task.done() for task in held] == [end_s <= now_s for end_s in ends_s]
    assert [task.result() for task in held] == [WakeResult(WakeState.NOT_READY, end_s) for end_s in ends_s]
    late = await site.call(hold_s=2.0)
    await site.clock.advance(2.0)
    assert late.result().state is WakeState.NOT_READY


async def test_requests_held_in_all_are_bounded() -> None:
    """Over the bound of the whole daemon a request is turned away, whatever its own function would allow."""
    site = Site(most_held=2)
    held = [await site.call(FunctionKey(name, "f")) for name in ("a", "b", "c")]
    assert [task.done() for task in held] == [False, False, True]
    assert held[2].result().state is WakeState.FULL
    await site.clock.advance(6.0)
    again = await site.call(FunctionKey("c", "f"))
    assert not again.done()
    await site.become_ready(FunctionKey("c", "f"))
    assert (await again).state is WakeState.READY


async def test_one_tenants_requests_leave_places_for_others() -> None:
    """A tenant holds no more requests than there are places left; another one finds its own, and who ends gives its back."""
    site = Site(most_held=8)
    held = [await site.call() for _ in range(8)]
    assert [task.done() for task in held] == [False] * 4 + [True] * 4
    others = [await site.call(OTHER, waiters=10) for _ in range(3)]
    assert [task.done() for task in others] == [False, False, True]
    await site.become_ready()
    assert held[0].result().state is WakeState.READY
    again = await site.call(OTHER, waiters=10)
    assert not again.done()
    await site.become_ready(OTHER)
    assert (await again).state is WakeState.READY


async def test_tenants_take_turns_in_being_released() -> None:
    """One tenant's 5,000 requests are answered in many turns of the loop, and another's single one in the next of them."""
    site = Site()
    flood = [asyncio.ensure_future(site.hub.wake(KEY, 5.0, 5_000, "acme")) for _ in range(5_000)]
    one = await site.call(OTHER)
    site.serving.update((KEY, OTHER))
    site.hub.heard(KEY)
    site.hub.heard(OTHER)
    turns = 0
    while not one.done():
        await asyncio.sleep(0)
        turns += 1
    assert sum(task.done() for task in flood) <= (turns + 1) * RELEASED_AT_ONCE
    assert turns < 10
    await asyncio.gather(*flood)
    assert set(states(flood)) == {WakeState.READY}


async def test_who_hangs_up_while_others_are_released_is_no_obstacle() -> None:
    """Requests that are given up between their release and their turn are passed over, and told of as hung up."""
    site = Site()
    held = [asyncio.ensure_future(site.hub.wake(KEY, 5.0, 500, "acme")) for _ in range(200)]
    await site.clock.advance(1.5)
    site.serving.add(KEY)
    site.hub.heard(KEY)
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    for task in held[100:]:
        task.cancel()
    await asyncio.gather(*held, return_exceptions=True)
    assert states(held[:100]) == [WakeState.READY] * 100
    record = site.log.of(KEY)[-1]
    assert (record.requests, record.served, record.state) == (200, 100, WakeState.READY)
    assert record.ended_s is not None


async def test_who_hangs_up_at_the_moment_of_release_is_told_of() -> None:
    """A request that is given up in the very turn in which its function is reached ends its wake like any other."""
    site = Site()
    held = await site.call()
    held.cancel()
    site.hub.settled(KEY, ScaleOutcome.GONE)
    await site.clock.settle()
    assert held.cancelled()
    (wake,) = site.log.of(KEY)
    assert (wake.requests, wake.served, wake.ended_s) == (1, 0, 0.0)


async def test_closing_sends_everybody_to_who_decides_next() -> None:
    """At a term's end all who are held are told to ask anew, however many they are."""
    site = Site()
    held = [await site.call() for _ in range(3)]
    held += [asyncio.ensure_future(site.hub.wake(KEY, 5.0, 500, "acme")) for _ in range(97)]
    await site.clock.settle()
    site.hub.close()
    await site.hub.closed()
    await site.clock.settle()
    assert states(held) == [WakeState.MOVED] * 100


async def test_the_account_of_a_wake_is_whole() -> None:
    """Every request that is held is told of once: when it came, when its function could be reached, how it ended."""
    site = Site()
    held = [await site.call() for _ in range(2)]
    turned_away = await site.call(waiters=2)
    await site.clock.advance(1.5)
    held[0].cancel()
    await site.become_ready()
    record = site.log.of(KEY)[-1]
    assert turned_away.result().state is WakeState.FULL
    assert (record.requests, record.served, record.state) == (3, 1, WakeState.READY)
    assert (record.ready_s, record.ended_s) == (1.5, 1.5)
