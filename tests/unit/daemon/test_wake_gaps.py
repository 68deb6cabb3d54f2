"""Scale-down meets wake: nobody is told that a function is ready whose last replica is being taken away."""

import asyncio

import pytest

from autoscaler.core.decisions import Decisions
from autoscaler.core.fleet import FunctionKey
from autoscaler.daemon.present import LEAVING_S
from autoscaler.ports import Reached, ScaleChange, ScaleOutcome, ScaleResult, WakeResult, WakeState
from tests.unit.daemon.fakes import MemoryCluster, MemoryLoads, counts, outcomes
from tests.unit.daemon.rig import ACME, Rig, rig
from tests.unit.daemon.test_wakes import ASLEEP, call


class Lingering(MemoryCluster):
    """Replicas of a function that went to zero are ready, and endpoints, until a test says otherwise."""

    async def scale(self, change: ScaleChange) -> ScaleResult:
        ready = self.deployments[change.key].ready
        result = await super().scale(change)
        self.become_ready(change.key, ready)
        return result


class Unanswered(MemoryCluster):
    """Cuts to zero that nobody hears of again.

    Attributes:
        is_done: whether they are done all the same.
        is_broken: whether answers get lost.
    """

    def __init__(self, *, is_done: bool) -> None:
        super().__init__(ready_at_once=False)
        self.is_done, self.is_broken = is_done, True

    async def scale(self, change: ScaleChange) -> ScaleResult:
        if change.new > 0 or not self.is_broken:
            result = await super().scale(change)
            if result.outcome is ScaleOutcome.LOST:  # the adapter reads again what is there
                self.become_ready(change.key, self.deployments[change.key].ready)
            return result
        if self.is_done:
            one = self.deployments[change.key]
            one.requested = one.ready = 0  # and no watch tells of it
        self.asked.append(change)
        return ScaleResult(ScaleOutcome.RETRY, message="timed out")


class AtTheCut:
    """A sink that does something in the midst of the first tick that decides `acme/a` away, before that is acted on."""

    def __init__(self) -> None:
        self.asking: asyncio.Task[WakeResult] | None = None
        self.it: Rig | None = None

    def take(self, decisions: Decisions) -> None:
        if self.it is not None and self.asking is None and decisions.is_tick and decisions.desired[0] == 0:
            self.asking = asyncio.ensure_future(self.it.daemon.wake(ACME, FunctionKey("acme", "a"), None))


def running(cluster: MemoryCluster) -> tuple[FunctionKey, MemoryLoads]:
    """Add a function that runs under load."""
    key, loads = cluster.add("acme/a", 1), MemoryLoads()
    loads.concurrency[key] = 5.0
    return key, loads


async def decided_away(it: Rig, key: FunctionKey) -> None:
    """Let its load end, and time pass until it is decided away."""
    await it.ticks(2)
    it.loads.concurrency[key] = 0.0
    await it.clock.until(lambda: it.record(str(key)).desired == 0, within_s=300.0)


async def test_replicas_of_before_the_zero_are_nobody() -> None:
    """One that is still ready after the cut to zero is ending: the request waits for one that comes after it."""
    cluster = Lingering(ready_at_once=False)
    key, loads = running(cluster)
    cluster.endpoints[key] = 1
    async with rig(cluster, files=ASLEEP, loads=loads) as it:
        await decided_away(it, key)
        held = await call(it, key)
        assert counts(cluster.writes) == [("acme/a", 1, 0), ("acme/a", 0, 1)]
        assert (cluster.deployments[key].ready, held.done()) == (1, False)
        late = await call(it, key)
        cluster.become_ready(key, 0)
        await it.clock.settle()
        assert (held.done(), late.done()) == (False, False)
        cluster.become_ready(key, 1)
        await it.clock.advance(0.5)
        assert {held.result().state, late.result().state} == {WakeState.READY}


async def test_replicas_that_nobody_ends_serve_on() -> None:
    """Where no controller came to see the zero, the replica of before is there to stay, and is believed after two seconds."""
    cluster = Lingering(ready_at_once=False)
    key, loads = running(cluster)
    async with rig(cluster, files=ASLEEP, loads=loads) as it:
        await decided_away(it, key)
        held = await call(it, key)
        await it.clock.advance(LEAVING_S - 0.5)
        assert not held.done()
        await it.clock.advance(1.0)
        assert held.result().state is WakeState.READY


async def test_a_connection_to_what_is_ending_says_nothing() -> None:
    """A Service that still leads to the replica of before is not tried."""
    cluster = Lingering(ready_at_once=False)
    key, loads = running(cluster)
    async with rig(cluster, files=ASLEEP, loads=loads) as it:
        cluster.dials[key] = [Reached.REACHED] * 100
        await decided_away(it, key)
        await call(it, key)
        await it.clock.advance(0.5)
        assert cluster.dialled == []


@pytest.mark.parametrize("is_done", [False, True])
async def test_a_cut_of_which_nobody_knows_is_made_sure_of(is_done: bool) -> None:
    """After a cut that timed out nobody is told ready before another write has said what is there: one replica, or none."""
    cluster = Unanswered(is_done=is_done)
    key, loads = running(cluster)
    async with rig(cluster, files=ASLEEP, loads=loads) as it:
        await decided_away(it, key)
        assert counts(cluster.asked) == [("acme/a", 1, 0)]
        cluster.is_broken = False
        held = await call(it, key)
        assert not held.done()
        await it.clock.until(lambda: counts(cluster.asked)[1:2] == [("acme/a", 1, 1)], within_s=5.0)
        if is_done:
            await it.clock.until(lambda: counts(cluster.writes) == [("acme/a", 0, 1)], within_s=5.0)
            assert not held.done()
            cluster.become_ready(key, 1)
        await it.clock.advance(0.5)
        assert held.result().state is WakeState.READY
        asked = len(cluster.asked)
        await it.ticks(5)
        assert (len(cluster.asked), cluster.deployments[key].requested) == (asked, 1)


async def test_a_load_that_comes_back_makes_sure_of_a_cut() -> None:
    """Where the load wants the function again after a cut that timed out, one write finds out what is there."""
    cluster = Unanswered(is_done=False)
    key, loads = running(cluster)
    async with rig(cluster, files=ASLEEP, loads=loads) as it:
        await decided_away(it, key)
        loads.concurrency[key] = 5.0
        await it.ticks(2)
        assert counts(cluster.asked)[-1] == ("acme/a", 1, 1)
        assert (await call(it, key)).result().state is WakeState.READY


async def test_a_refusal_that_says_when_to_come_again_was_not_done() -> None:
    """A cut that the API server was too busy for leaves no doubt: the replica is there, and serves."""
    cluster = MemoryCluster(ready_at_once=False)
    key, loads = running(cluster)
    cluster.answers[key] = outcomes("retry", retry_after_s=30.0)
    async with rig(cluster, files=ASLEEP, loads=loads) as it:
        await decided_away(it, key)
        assert (await call(it, key)).result().state is WakeState.READY


async def test_a_cut_that_waits_is_known_to_a_new_plan() -> None:
    """While a tick over another fleet is decided, a function whose cut still waits for its turn serves nobody."""
    cluster = MemoryCluster(ready_at_once=False)
    key, loads = running(cluster)
    serves: list[bool] = []

    class Asking:
        def take(self, _decisions: Decisions) -> None:
            if len(cluster.deployments) > 1:
                term = it.daemon._term
                assert term is not None
                serves.append(term.serves(key))

    async with rig(cluster, files=ASLEEP, loads=loads, sinks=[Asking()]) as it:
        cluster.answers[key] = outcomes("retry", retry_after_s=60.0)
        await decided_away(it, key)
        cluster.add("acme/b", 0)
        await it.ticks(1)
        assert serves == [False]


async def test_a_request_that_is_tried_while_the_cut_is_decided_calls_it_back() -> None:
    """Whoever waits for a connection to a running function, while a tick decides it away, gets it: the cut is not written."""
    cluster, cut = MemoryCluster(), AtTheCut()
    key, loads = running(cluster)
    async with rig(cluster, files=ASLEEP, loads=loads, sinks=[cut]) as it:
        cluster.dials[key] = [Reached.REFUSED] * 3
        cut.it = it
        await it.ticks(2)
        loads.concurrency[key] = 0.0
        await it.clock.until(lambda: cut.asking, within_s=300.0, every_s=0.01)
        assert cut.asking is not None
        await it.clock.advance(0.5)
        assert cut.asking.result().state is WakeState.READY
        await it.ticks(3)
        assert cluster.deployments[key].requested == 1
        assert [change for change in cluster.writes if change.new == 0] == []


async def test_a_function_that_somebody_else_takes_away_is_started_again() -> None:
    """Requests that are held while somebody scales their function to zero by hand are served by the next tick's start."""
    cluster = MemoryCluster(ready_at_once=False)
    key = cluster.add("acme/a", 0)
    async with rig(cluster, files=ASLEEP) as it:
        held = await call(it, key)
        cluster.by_hand(key, 0)
        await it.ticks(2)
        assert counts(cluster.writes) == [("acme/a", 0, 1)] * 2
        cluster.become_ready(key, 1)
        await it.clock.advance(LEAVING_S)
        assert held.result().state is WakeState.READY
