"""Wakes: held, released, refused, bounded."""

import asyncio
import contextlib

import pytest

from autoscaler.core.decisions import Decisions
from autoscaler.core.events import Wake
from autoscaler.core.fleet import FunctionKey
from autoscaler.daemon.wakes import WakeHub
from autoscaler.ports import Asked, Caller, Role, ScaleChange, ScaleResult, Shown, Verb, WakeResult, WakeState
from tests.unit.daemon.clock import HandClock
from tests.unit.daemon.fakes import MemoryCluster, MemoryLoads, counts, outcomes
from tests.unit.daemon.rig import ACME, FILES, OPERATOR, ZERO, Rig, policy, rig, tenant

ASLEEP = FILES | {"policy.yaml": policy(spec=ZERO)}


def asleep(*, ready_at_once: bool = False, **marks: str) -> tuple[MemoryCluster, FunctionKey]:
    """Give a cluster with one function at zero."""
    cluster = MemoryCluster(ready_at_once=ready_at_once)
    return cluster, cluster.add("acme/a", 0, **marks)


async def call(
    it: Rig, key: FunctionKey, hold_s: float | None = None, caller: Caller = ACME
) -> "asyncio.Task[WakeResult]":
    task = asyncio.ensure_future(it.daemon.wake(caller, key, hold_s))
    await it.clock.settle()
    return task


async def test_a_wake_starts_at_once_and_is_released_when_ready() -> None:
    """A wake between two ticks writes 0 → 1 without waiting for the tick, and holds until the watch says ready."""
    cluster, key = asleep()
    async with rig(cluster, files=ASLEEP) as it:
        ticks = it.daemon.health().ticks
        held = await call(it, key)
        assert counts(cluster.writes) == [("acme/a", 0, 1)]
        assert it.daemon.health().ticks == ticks
        assert not held.done()
        await it.clock.advance(1.5)
        cluster.become_ready(key, 1)
        await it.clock.settle()
        assert held.result() == WakeResult(WakeState.READY, 1.5)


async def test_a_wake_waits_for_its_service() -> None:
    """Where a function has a Service, a wake is held until that leads to a replica, not just until one is ready."""
    cluster, key = asleep()
    cluster.endpoints[key] = 0
    async with rig(cluster, files=ASLEEP) as it:
        held = await call(it, key)
        cluster.become_ready(key, 1)
        await it.clock.advance(1.0)
        assert not held.done()
        late = await call(it, key)
        assert not late.done()
        cluster.become_reachable(key, 1)
        await it.clock.settle()
        assert {held.result().state, late.result().state} == {WakeState.READY}
        assert (await it.daemon.wake(ACME, key, None)).state is WakeState.READY


async def test_endpoints_that_remain_are_no_replicas() -> None:
    """A Service that still leads to a replica that is no longer ready releases nobody."""
    cluster, key = asleep()
    cluster.endpoints[key] = 1
    async with rig(cluster, files=ASLEEP) as it:
        held = await call(it, key)
        cluster.become_reachable(key, 1)
        await it.clock.settle()
        assert not held.done()
        cluster.become_ready(key, 1)
        await it.clock.settle()
        assert held.result().state is WakeState.READY


async def test_many_wakes_are_one_start() -> None:
    """A hundred requests for one function lead to one write of the replicas that they need, and all are released."""
    cluster, key = asleep()
    async with rig(cluster, files=ASLEEP) as it:
        held = [await call(it, key) for _ in range(5)]
        held += [asyncio.ensure_future(it.daemon.wake(ACME, key, None)) for _ in range(95)]
        await it.clock.settle()
        assert cluster.writes[0].old == 0
        assert cluster.deployments[key].requested == 10
        cluster.become_ready(key, 1)
        await it.clock.settle()
        assert {task.result().state for task in held} == {WakeState.READY}


async def test_a_running_function_is_ready_at_once_and_counts_as_active() -> None:
    """A wake of what runs answers without a step of its own, and keeps it from going to zero."""
    cluster = MemoryCluster()
    key = cluster.add("acme/a", 1)
    loads = MemoryLoads()
    loads.concurrency[key] = 5.0
    async with rig(cluster, files=ASLEEP, loads=loads) as it:
        await it.ticks(2)
        steps = len(it.kept.decisions)
        it.loads.concurrency[key] = 0.0
        for _ in range(100):
            assert (await it.daemon.wake(ACME, key, None)).state is WakeState.READY
            await it.clock.advance(2.0)
        assert all(decisions.is_tick for decisions in it.kept.decisions[steps:])
        assert cluster.writes == []


async def test_a_hold_ends() -> None:
    """A function that does not become ready in the hold that was asked for is answered as not ready."""
    cluster, key = asleep()
    async with rig(cluster, files=ASLEEP) as it:
        held = await call(it, key, 3.0)
        await it.clock.advance(4.0)
        assert held.result() == WakeResult(WakeState.NOT_READY, 3.0)


async def test_the_policy_bounds_the_hold() -> None:
    """A hold longer than the policy's is cut to it."""
    cluster, key = asleep()
    async with rig(cluster, files=FILES | {"policy.yaml": policy(spec="  wake: {hold: 2s, waiters: 5}\n")}) as it:
        held = await call(it, key, 600.0)
        await it.clock.advance(3.0)
        assert held.result() == WakeResult(WakeState.NOT_READY, 2.0)


async def test_without_a_hold_it_is_started_and_not_waited_for() -> None:
    """hold=0 answers once it is decided that it starts."""
    cluster, key = asleep()
    async with rig(cluster, files=ASLEEP) as it:
        held = await call(it, key, 0.0)
        assert held.result().state is WakeState.STARTED
        assert counts(cluster.writes) == [("acme/a", 0, 1)]


async def test_places_are_bounded_and_a_cancelled_wake_frees_its_own() -> None:
    """Over the policy's waiters a request is turned away; one that hangs up makes room."""
    cluster, key = asleep()
    files = FILES | {"policy.yaml": policy(spec="  wake: {hold: 20s, waiters: 2}\n")}
    async with rig(cluster, files=files) as it:
        first, second = await call(it, key), await call(it, key)
        assert (await call(it, key)).result().state is WakeState.FULL
        first.cancel()
        third = await call(it, key)
        assert not third.done()
        cluster.become_ready(key, 1)
        await it.clock.settle()
        assert second.result().state is third.result().state is WakeState.READY


@pytest.mark.parametrize(
    ("files", "marks", "reason"),
    [
        (ASLEEP, {"paused": "true"}, "PAUSED"),
        (FILES | {"policy.yaml": policy(spec="  replicas: {max: 0}\n")}, {}, "MAX_REPLICAS"),
        (FILES | {"tenant.yaml": tenant(spec="  budget: {replicas: {cap: 0}}\n")}, {}, "BUDGET"),
        (FILES | {"policy.yaml": policy(spec="  wake: null\n")}, {}, "WAKE_NOT_ALLOWED"),
        (FILES | {"policy.yaml": policy(spec="  dryRun: true\n")}, {}, "DRY_RUN"),
    ],
)
async def test_what_may_not_start_is_refused_with_the_reason(
    files: dict[str, str], marks: dict[str, str], reason: str
) -> None:
    """A pause, a maximum, a budget, a policy or a dry run that keeps it at zero is said at once, and nothing is written."""
    cluster, key = asleep(**marks)
    async with rig(cluster, files=files) as it:
        held = await call(it, key)
        assert held.result() == WakeResult(WakeState.REFUSED, 0.0, reason)
        assert cluster.asked == []


async def test_a_foreign_function_is_like_none() -> None:
    """Another tenant's function and one that does not exist get the same answer, and nothing starts."""
    cluster = MemoryCluster()
    key = cluster.add("umbrella/a", 0)
    files = ASLEEP | {"umbrella.yaml": tenant("umbrella"), "umbrella-policy.yaml": policy("umbrella")}
    async with rig(cluster, files=files) as it:
        foreign = await call(it, key)
        unknown = await call(it, FunctionKey("umbrella", "none"))
        assert foreign.result() == unknown.result() == WakeResult(WakeState.NOT_FOUND, 0.0)
        assert cluster.asked == []


async def test_a_gateway_wakes_for_the_tenants_it_serves() -> None:
    """A gateway's token may wake its tenants' functions."""
    cluster, key = asleep()
    async with rig(cluster, files=ASLEEP) as it:
        caller = await it.daemon.identify(Shown(token="gateway"), Asked(Verb.UPDATE, key.namespace))
        assert caller == Caller(Role.GATEWAY, frozenset({"acme"}))
        await call(it, key, caller=caller)
        assert counts(cluster.writes) == [("acme/a", 0, 1)]


async def test_before_the_first_tick_nothing_is_held() -> None:
    """A daemon that does not know the functions yet says so at once."""
    cluster, key = asleep()
    cluster.synced = False
    async with rig(cluster, files=ASLEEP) as it:
        assert (await call(it, key, caller=OPERATOR)).result() == WakeResult(WakeState.NOT_READY, 0.0)


async def test_a_start_that_is_forbidden_is_not_held_for() -> None:
    """Where the API server refuses the write, the request is let go at once."""
    cluster, key = asleep()
    cluster.answers[key] = outcomes("forbidden")
    async with rig(cluster, files=ASLEEP) as it:
        held = await call(it, key)
        assert held.result() == WakeResult(WakeState.NOT_READY, 0.0)


async def test_a_step_that_had_not_heard_of_the_wake_refuses_nothing() -> None:
    """A tick that was under way when the wake came, and leaves the function at zero, says nothing of that wake."""
    cluster, key = asleep()
    async with rig(cluster, files=ASLEEP) as it:
        at_zero = it.kept.decisions[-1]
        hub = WakeHub(it.clock, lambda wake: None, lambda key: 0)
        held = asyncio.ensure_future(hub.wake(key, 5.0, 10, "acme"))
        await it.clock.settle()
        hub.decided(at_zero, [])
        await it.clock.settle()
        assert not held.done()
        hub.decided(at_zero, [Wake(key, 1)])
        await it.clock.settle()
        assert held.result().state is WakeState.REFUSED


async def test_requests_held_in_all_are_bounded() -> None:
    """Over the bound of the whole daemon a request is turned away, whatever its own function would allow."""
    clock = HandClock()
    hub = WakeHub(clock, lambda wake: None, lambda key: 0, most_held=2)
    held = [asyncio.ensure_future(hub.wake(FunctionKey("n", name), 5.0, 10, name)) for name in ("a", "b", "c")]
    await clock.settle()
    assert [task.done() for task in held] == [False, False, True]
    assert held[2].result().state is WakeState.FULL
    await clock.advance(6.0)
    again = asyncio.ensure_future(hub.wake(FunctionKey("n", "c"), 5.0, 10, "c"))
    await clock.settle()
    assert not again.done()
    hub.heard(FunctionKey("n", "c"), 1, 1)
    assert (await again).state is WakeState.READY


async def test_one_tenants_requests_leave_places_for_others() -> None:
    """A tenant holds no more requests than there are places left; another one finds its own, and who ends gives its back."""
    clock, flood, own = HandClock(), FunctionKey("acme", "a"), FunctionKey("umbrella", "b")
    hub = WakeHub(clock, lambda wake: None, lambda key: 0, most_held=8)
    held = [asyncio.ensure_future(hub.wake(flood, 5.0, 100_000, "acme")) for _ in range(8)]
    await clock.settle()
    assert [task.done() for task in held] == [False] * 4 + [True] * 4
    others = [asyncio.ensure_future(hub.wake(own, 5.0, 10, "umbrella")) for _ in range(3)]
    await clock.settle()
    assert [task.done() for task in others] == [False, False, True]
    hub.heard(flood, 1, 1)
    await clock.settle()
    assert held[0].result().state is WakeState.READY
    again = asyncio.ensure_future(hub.wake(own, 5.0, 10, "umbrella"))
    await clock.settle()
    assert not again.done()
    hub.heard(own, 1, 1)
    assert (await again).state is WakeState.READY


async def test_a_wake_that_calls_back_a_cut_is_released() -> None:
    """A cut to zero that had not gone out is dropped for a wake; the replica still runs, so nobody is held for it."""
    cluster = MemoryCluster(ready_at_once=False)
    key = cluster.add("acme/a", 1)
    loads = MemoryLoads()
    loads.concurrency[key] = 5.0
    async with rig(cluster, files=ASLEEP, loads=loads) as it:
        await it.ticks(2)
        it.loads.concurrency[key] = 0.0
        cluster.answers[key] = outcomes("retry", retry_after_s=60.0)
        await it.clock.until(lambda: it.record("acme/a").desired == 0, within_s=300.0)
        held = await call(it, key)
        assert held.done()
        assert held.result().state is WakeState.READY
        await it.ticks(5)
        assert cluster.deployments[key].requested == 1


async def test_a_wake_amid_a_cut_that_is_out_is_held() -> None:
    """While the write to zero is out, the replica that still runs is nobody's; the wake is held until it is started."""
    answer = asyncio.Event()

    class Slow(MemoryCluster):
        async def scale(self, change: ScaleChange) -> ScaleResult:
            if change.new == 0:
                await answer.wait()
            return await super().scale(change)

    cluster = Slow(ready_at_once=False)
    key = cluster.add("acme/a", 1)
    loads = MemoryLoads()
    loads.concurrency[key] = 5.0
    async with rig(cluster, files=ASLEEP, loads=loads) as it:
        await it.ticks(2)
        it.loads.concurrency[key] = 0.0
        await it.clock.until(lambda: it.record("acme/a").desired == 0, within_s=300.0)
        first = await call(it, key)
        second = await call(it, key)
        assert not first.done()
        assert not second.done()
        answer.set()
        await it.clock.settle()
        assert counts(cluster.writes) == [("acme/a", 1, 0), ("acme/a", 0, 1)]
        cluster.become_ready(key, 1)
        await it.clock.settle()
        assert first.result().state is second.result().state is WakeState.READY


async def test_a_wake_during_the_tick_that_cuts_to_zero_keeps_it() -> None:
    """A request that is told to go while a tick decides the function away finds it there: that cut is not written."""
    cluster = MemoryCluster()
    key = cluster.add("acme/a", 1)
    loads = MemoryLoads()
    loads.concurrency[key] = 5.0
    told: list[WakeResult] = []

    class Waking:
        """Calls in the midst of the step that cuts."""

        def take(self, decisions: Decisions) -> None:
            if decisions.is_tick and decisions.desired[0] == 0 and not told:
                asking = it.daemon.wake(ACME, key, None)
                with contextlib.suppress(StopIteration):
                    asking.send(None)
                told.append(WakeResult(WakeState.READY, 0.0))

    async with rig(cluster, files=ASLEEP, loads=loads, sinks=[Waking()]) as it:
        await it.ticks(2)
        it.loads.concurrency[key] = 0.0
        await it.clock.until(lambda: told, within_s=300.0)
        await it.ticks(5)
        assert cluster.writes == []
        assert it.record("acme/a").desired == 1


async def test_a_function_that_goes_lets_its_requests_go() -> None:
    """Requests held for a Deployment that is deleted are told so at the next tick, not at the end of their hold."""
    cluster, key = asleep()
    async with rig(cluster, files=ASLEEP) as it:
        held = await call(it, key)
        cluster.remove(key)
        await it.ticks(1)
        assert held.done()
        assert held.result().state is WakeState.NOT_FOUND


@pytest.mark.parametrize("hold_s", [0.0, None])
async def test_while_nothing_may_be_written_nobody_is_told_that_it_starts(hold_s: float | None) -> None:
    """With the API server away a wake is told to come again at once, and starts the function when the server is back."""
    cluster, key = asleep()
    async with rig(cluster, files=ASLEEP) as it:
        cluster.silent_s = 600.0
        held = await call(it, key, hold_s)
        assert held.done()
        assert held.result() == WakeResult(WakeState.NOT_READY, 0.0)
        await it.ticks(2)
        assert cluster.asked == []
        cluster.silent_s = 0.0
        await it.ticks(2)
        assert counts(cluster.writes) == [("acme/a", 0, 1)]
