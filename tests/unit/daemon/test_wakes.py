"""Wakes: held, released, refused, bounded."""

import asyncio
import contextlib

import pytest

from autoscaler.core.decisions import Decisions
from autoscaler.core.fleet import FunctionKey
from autoscaler.ports import Asked, Caller, Reached, Role, ScaleChange, ScaleResult, Shown, Verb, WakeResult, WakeState
from tests.unit.daemon.fakes import MemoryCluster, MemoryLoads, counts, outcomes
from tests.unit.daemon.rig import ACME, FILES, ZERO, Rig, policy, rig, tenant

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


async def test_a_start_that_is_forbidden_is_not_held_for() -> None:
    """Where the API server refuses the write, the request is let go at once."""
    cluster, key = asleep()
    cluster.answers[key] = outcomes("forbidden")
    async with rig(cluster, files=ASLEEP) as it:
        held = await call(it, key)
        assert held.result() == WakeResult(WakeState.NOT_READY, 0.0)


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


async def test_a_function_out_of_reach_is_a_problem_that_is_told() -> None:
    """While a function is ready, waited for, and does not answer through its Service, the status names it."""
    cluster, key = asleep(ready_at_once=True)
    cluster.dials[key] = [Reached.SILENT] * 4
    async with rig(cluster, files=ASLEEP) as it:
        held = await call(it, key)
        await it.clock.advance(0.1)
        assert [problem for problem in it.daemon.health().cluster_problems if "acme/a" in problem]
        await it.clock.advance(1.0)
        assert held.result().state is WakeState.READY
        assert it.daemon.health().cluster_problems == []


@pytest.mark.parametrize("wake", ["{hold: 5s, waiters: 1}", "null"])
async def test_who_asks_for_a_running_function_that_is_out_of_reach_is_held(wake: str) -> None:
    """A running function is ready once it is reached, also one that is never woken; nobody waits beyond the hold."""
    cluster = MemoryCluster()
    key = cluster.add("acme/a", 1)
    cluster.dials[key] = [Reached.REFUSED] * 10_000
    async with rig(cluster, files=FILES | {"policy.yaml": policy(spec=f"  wake: {wake}\n")}) as it:
        held = await call(it, key, 4.0)
        await it.clock.advance(4.0)
        assert held.result() == WakeResult(WakeState.NOT_READY, 4.0)
        assert cluster.asked == []


async def test_a_starter_is_told_ready_once_it_is_reached() -> None:
    """hold=0 to a function that runs is answered ready when a connection succeeds, and started where none does in time."""
    cluster = MemoryCluster()
    key = cluster.add("acme/a", 1)
    cluster.dials[key] = [Reached.REFUSED, Reached.REACHED, *[Reached.REFUSED] * 10_000]
    async with rig(cluster, files=ASLEEP) as it:
        first = await call(it, key, 0.0)
        assert not first.done()
        await it.clock.advance(0.1)
        assert first.result().state is WakeState.READY
        second = asyncio.ensure_future(it.daemon.wake(ACME, key, 0.0, is_refused=True))
        await it.clock.advance(2.1)
        assert second.result().state is WakeState.STARTED


async def test_all_that_start_with_it_are_one_cold_start() -> None:
    """A wake of the first of a chain starts all of it at once; who waits for one of the others is counted for that one."""
    cluster = MemoryCluster(ready_at_once=False)
    keys = [cluster.add(f"acme/{name}", 0) for name in ("a", "b", "c")]
    chain = policy(spec=ZERO + "  wake: {with: [b, c]}\n").replace('["*"]', "[a]").replace("default", "chain")
    async with rig(cluster, files=ASLEEP | {"chain.yaml": chain}) as it:
        waiting = [asyncio.ensure_future(it.daemon.wake(ACME, keys[1], None)) for _ in range(25)]
        first = await call(it, keys[0])
        assert {str(change.key): change.new for change in cluster.writes} == {"acme/a": 1, "acme/b": 3, "acme/c": 1}
        for key in keys:
            cluster.become_ready(key, 1)
        await it.clock.settle()
        assert {task.result().state for task in (first, *waiting)} == {WakeState.READY}


async def test_what_starts_with_it_never_takes_its_place() -> None:
    """Of a chain for which a budget has one place it is the function that was asked for that starts, whatever its name."""
    cluster = MemoryCluster(ready_at_once=False)
    asked, other = cluster.add("acme/z", 0), cluster.add("acme/a", 0)
    files = ASLEEP | {
        "tenant.yaml": tenant(spec="  budget: {replicas: {cap: 1}}\n"),
        "policy.yaml": policy(spec=ZERO + "  wake: {with: [a, z]}\n"),
    }
    async with rig(cluster, files=files) as it:
        held = await call(it, asked)
        assert counts(cluster.writes) == [("acme/z", 0, 1)]
        assert not held.done()
        await it.ticks(1)
        refused = await call(it, other)
        assert refused.result().state is WakeState.REFUSED
        assert counts(cluster.writes) == [("acme/z", 0, 1)]


async def test_who_is_refused_starts_nobody_else() -> None:
    """A function for which a budget has no place starts nothing with it, and keeps nothing of it awake."""
    cluster = MemoryCluster(ready_at_once=False)
    asked, idle = cluster.add("acme/a", 0), cluster.add("acme/b", 1)
    files = ASLEEP | {
        "tenant.yaml": tenant(spec="  budget: {replicas: {cap: 1}}\n"),
        "policy.yaml": policy(spec=ZERO + "  wake: {with: [a, b]}\n"),
    }
    async with rig(cluster, files=files) as it:
        for _ in range(100):
            await call(it, asked, 1.0)
            await it.ticks(1)
        assert (cluster.deployments[asked].requested, cluster.deployments[idle].requested) == (1, 0)


async def test_the_last_wakes_are_told() -> None:
    """The daemon tells how a function's last wakes went, and how long such things take by tenant."""
    cluster, key = asleep()
    async with rig(cluster, files=ASLEEP) as it:
        await call(it, key)
        await it.clock.advance(1.5)
        cluster.become_ready(key, 1)
        await it.clock.settle()
        record = it.daemon.last_wakes(key)[-1]
        assert (record.sent_s, record.answered_s, record.ready_s, record.ended_s) == (0.0, 0.0, 1.5, 1.5)
        assert (record.requests, record.served, record.writes, record.state) == (1, 1, 1, WakeState.READY)
        assert it.daemon.wake_times().tenants == ("acme",)
