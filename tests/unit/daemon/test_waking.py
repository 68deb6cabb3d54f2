"""Wakes and terms: a request is held over the end of one, and over the beginning of another."""

import asyncio

import numpy as np

from autoscaler.core.events import Wake
from autoscaler.core.fleet import FunctionKey
from autoscaler.core.reasons import Reason
from autoscaler.daemon.promised import promised
from autoscaler.ports import Caller, LeadershipState, Role, WakeResult, WakeState
from tests.unit.daemon.fakes import MemoryCluster, MemoryLoads, counts
from tests.unit.daemon.rig import ACME, FILES, OPERATOR, ZERO, policy, rig, tenant
from tests.unit.daemon.test_recall import MemoryPast
from tests.unit.daemon.test_terms import Given
from tests.unit.daemon.test_wakes import ASLEEP, asleep, call

STRANGER = Caller(Role.TENANT, frozenset({"initech"}))
NAMES = {"acme/asleep": 0, "acme/running": 2, "initech/running": 1, "umbrella/running": 1}
"""Functions and their replicas."""


async def test_before_the_first_plan_a_request_is_held() -> None:
    """A daemon that does not know the functions yet holds a request until it does, and counts that time."""
    cluster, key = asleep()
    cluster.synced = False
    async with rig(cluster, files=ASLEEP) as it:
        held, foreign = await call(it, key), await call(it, FunctionKey("umbrella", "a"))
        await it.clock.advance(4.0)
        assert not held.done()
        cluster.synced = True
        await it.clock.advance(1.0)
        assert counts(cluster.writes) == [("acme/a", 0, 1)]
        assert foreign.result().state is WakeState.NOT_FOUND
        cluster.become_ready(key, 1)
        await it.clock.settle()
        assert held.result() == WakeResult(WakeState.READY, 5.0)


async def test_a_hold_ends_before_there_is_a_plan() -> None:
    """Where no plan comes the request is let go at the end of the hold it asked for, and of 25 s at the latest."""
    cluster, key = asleep()
    cluster.synced = False
    async with rig(cluster, files=ASLEEP) as it:
        short, long, starter = await call(it, key, 3.0), await call(it, key, 600.0), await call(it, key, 0.0)
        await it.clock.advance(26.0)
        results = [short.result(), long.result(), starter.result()]
        assert results == [WakeResult(WakeState.NOT_READY, waited_s) for waited_s in (3.0, 25.0, 1.0)]
        assert cluster.asked == []


async def test_a_request_is_held_over_two_terms() -> None:
    """Where the Lease is lost and had again at once, a held request asks the new term, within the hold it began with."""

    class Quick(Given):
        async def lost(self) -> None:
            await self._moved.wait()

    cluster, given = MemoryCluster(ready_at_once=False), Quick(is_leader=True)
    key = cluster.add("acme/a", 0)
    async with rig(cluster, files=ASLEEP, leadership=given) as it:
        await it.ticks(2)
        held, late = await call(it, key, 20.0), await call(it, key, 6.0)
        await it.clock.advance(4.0)
        term = it.daemon._term
        given.take()
        given.give()
        await it.clock.advance(1.0)
        assert it.daemon._term is not term
        assert (held.done(), late.done()) == (False, False)
        await it.clock.advance(1.0)
        assert late.result() == WakeResult(WakeState.NOT_READY, 6.0)
        cluster.become_ready(key, 1)
        await it.clock.settle()
        assert held.result() == WakeResult(WakeState.READY, 6.0)


async def test_a_standby_sends_to_the_holder() -> None:
    """Who asks a daemon that does not decide is told so at once, also by one that loses the Lease before it has a plan."""
    cluster, given = MemoryCluster(), Given(is_leader=True)
    key = cluster.add("acme/a", 0)
    cluster.synced = False
    async with rig(cluster, files=ASLEEP, leadership=given) as it:
        held = await call(it, key)
        given.take()
        await it.clock.settle()
        assert (held.result().state, (await call(it, key)).result().state) == (WakeState.MOVED, WakeState.MOVED)


async def test_who_ends_with_a_lease_sends_to_who_follows() -> None:
    """A daemon that is told to end hands its held requests on while it still has the Lease, and holds no more."""
    cluster, given = MemoryCluster(ready_at_once=False), Given(is_leader=True)
    key = cluster.add("acme/a", 0)
    async with rig(cluster, files=ASLEEP, leadership=given) as it:
        await it.ticks(1)
        held = await call(it, key)
        it.daemon.stop()
        await it.clock.settle()
        assert given.state().is_leader
        assert (held.result().state, (await call(it, key)).result().state) == (WakeState.MOVED, WakeState.MOVED)


async def test_who_ends_alone_says_so() -> None:
    """Where nobody will follow, a daemon that ends answers those it holds, and those who still come, at once."""
    cluster, key = asleep()
    async with rig(cluster, files=ASLEEP) as it:
        held = await call(it, key)
        it.daemon.stop()
        await it.clock.settle()
        late = await call(it, key)
        assert (held.result().state, late.result().state) == (WakeState.NOT_READY, WakeState.NOT_READY)


async def test_a_renewal_that_is_late_is_waited_for() -> None:
    """While nothing may be written for want of the Lease alone a request is held, and its function started after that."""

    class Late(Given):
        is_late = False

        def may_write(self) -> bool:
            return super().may_write() and not self.is_late

        def state(self) -> LeadershipState:
            return LeadershipState(is_leader=True, lease="lease", identity="own", holder="own")

    cluster, given = MemoryCluster(ready_at_once=False), Late(is_leader=True)
    key = cluster.add("acme/a", 0)
    async with rig(cluster, files=ASLEEP, leadership=given) as it:
        await it.ticks(1)
        given.is_late = True
        held, starter = await call(it, key), await call(it, key, 0.0)
        assert cluster.asked == []
        assert (held.done(), starter.result().state) == (False, WakeState.NOT_READY)
        given.is_late = False
        await it.ticks(1)
        assert counts(cluster.writes) == [("acme/a", 0, 1)]
        cluster.become_ready(key, 1)
        await it.clock.settle()
        assert held.result().state is WakeState.READY


async def test_a_hold_is_known_where_the_plan_is() -> None:
    """The policy's hold is told while this daemon decides and while it keeps a plan warm; None of what is never woken, and
    to whom the function does not belong: how long a request waits must not tell that it is there."""
    cluster, given = MemoryCluster(), Given()
    key, other = cluster.add("acme/a", 0), cluster.add("umbrella/b", 0)
    files = FILES | {"policy.yaml": policy(spec=ZERO + "  wake: {hold: 7s}\n")}
    async with rig(cluster, files=files, leadership=given) as it:
        await it.clock.advance(10)
        asked = [(ACME, key), (OPERATOR, other), (STRANGER, key)]
        assert [it.daemon.hold_s(*one) for one in asked] == [7.0, None, None]
        given.give()
        await it.ticks(1)
        assert [it.daemon.hold_s(*one) for one in asked] == [7.0, None, None]


async def test_thousands_of_functions_woken_at_once_are_few_steps() -> None:
    """A thousand wakes of as many functions in one instant become one step or two, and one write each."""
    cluster = MemoryCluster(ready_at_once=False)
    keys = [cluster.add(f"acme/f{number:04}", 0) for number in range(1_000)]
    async with rig(cluster, files=ASLEEP) as it:
        steps, ticks = len(it.kept.decisions), it.daemon.health().ticks
        held = [asyncio.ensure_future(it.daemon.wake(ACME, key, None)) for key in keys]
        await it.clock.settle()
        assert len(it.kept.decisions) - steps <= 2
        await it.clock.until(lambda: len(cluster.writes) == len(keys), within_s=5.0)
        assert len(it.kept.decisions) - steps - (it.daemon.health().ticks - ticks) <= 2
        assert counts(cluster.asked) == [(str(key), 0, 1) for key in keys]
        for key in keys:
            cluster.become_ready(key, 1)
        results = await asyncio.gather(*held)
        assert {result.state for result in results} == {WakeState.READY}


async def test_those_who_come_during_a_step_are_one_more() -> None:
    """Five hundred requests that come while a step is under way are one further step, which knows how many they are."""
    cluster = MemoryCluster(ready_at_once=False)
    key = cluster.add("acme/a", 0)
    async with rig(cluster, files=ASLEEP) as it:
        term = it.daemon._term
        assert term is not None
        steps = len(it.kept.decisions)
        async with term._stepper.turn:
            held = [asyncio.ensure_future(it.daemon.wake(ACME, key, None)) for _ in range(500)]
            await it.clock.settle()
            assert cluster.asked == []
        await it.clock.settle()
        assert len(it.kept.decisions) - steps == 1
        assert counts(cluster.writes) == [("acme/a", 0, 50)]
        for task in held:
            task.cancel()
        await asyncio.gather(*held, return_exceptions=True)


async def test_a_step_counts_those_who_wait_when_it_runs() -> None:
    """Who hung up before the step ran asks for no replica; the function is started all the same."""
    cluster = MemoryCluster(ready_at_once=False)
    key = cluster.add("acme/a", 0)
    async with rig(cluster, files=ASLEEP) as it:
        term = it.daemon._term
        assert term is not None
        async with term._stepper.turn:
            held = [asyncio.ensure_future(it.daemon.wake(ACME, key, None)) for _ in range(500)]
            await it.clock.settle()
            for task in held:
                task.cancel()
            await asyncio.gather(*held, return_exceptions=True)
        await it.clock.settle()
        assert counts(cluster.writes) == [("acme/a", 0, 1)]


async def test_a_new_holder_does_not_go_back_on_what_the_old_one_promised() -> None:
    """What runs when a term begins is not taken to zero on what was known before: somebody may have been told that it is ready.

    The load of the past proves it idle for long enough; the request of a moment ago shows in no scrape yet.
    """

    cluster, loads, given = MemoryCluster(), MemoryLoads(), Given()
    cluster.add("acme/a", 1)
    awake = cluster.add("acme/awake", 1)
    loads.concurrency[awake] = 5.0
    async with rig(cluster, files=ASLEEP, loads=loads, leadership=given, past=MemoryPast(loads)) as it:
        await it.clock.advance(300.0)
        given.give()
        await it.ticks(1)
        assert it.daemon.health().recalled
        assert (it.record("acme/a").desired, it.record("acme/a").reason) == (1, Reason.WAKE)
        assert it.record("acme/awake").reason is Reason.DEMAND
        await it.clock.until(lambda: it.record("acme/a").desired == 0, within_s=120.0)
        assert counts(cluster.writes) == [("acme/a", 1, 0)]


async def test_what_never_goes_to_zero_or_is_at_zero_was_promised_to_nobody() -> None:
    """A term begins by waking only what runs, may go to zero and may be woken."""
    cluster = MemoryCluster()
    files = FILES | {
        "policy.yaml": policy(spec=ZERO),
        "others.yaml": tenant("umbrella"),
        "others-policy.yaml": policy("umbrella"),
        "never.yaml": tenant("initech"),
        "never-policy.yaml": policy("initech", spec=ZERO + "  wake: null\n"),
    }
    keys = [cluster.add(name, replicas) for name, replicas in NAMES.items()]
    async with rig(cluster, files=files) as it:
        plan = it.daemon.plan()
        assert plan is not None
        requested = np.array([NAMES[str(key)] for key in plan.fleet.keys], dtype=np.float64)
        assert promised(plan, requested) == [Wake(keys[1], 0)]


async def test_an_operator_is_not_told_apart_by_namespaces_before_a_plan() -> None:
    """Before tenants are known places are shared by caller: one that names many namespaces takes no more of them."""
    cluster = MemoryCluster()
    cluster.synced = False
    async with rig(cluster, files=ASLEEP) as it:
        held = [await call(it, FunctionKey(f"n{number}", "f"), caller=OPERATOR) for number in range(3)]
        early = it.daemon._waking._early.holds
        early.check_invariants()
        assert (len(early), dict(early._of_tenant)) == (3, {"*": 3})
        for task in held:
            task.cancel()
        await it.clock.settle()
        assert len(early) == 0
