"""A daemon under a Lease: it stands by, decides, stops at once, and begins anew as after a start."""

import asyncio
from collections.abc import Sequence

import numpy as np

from autoscaler.core.fleet import FunctionKey
from autoscaler.policy.alerts import Alert
from autoscaler.ports import Asked, Caller, LeadershipState, Reached, Role, Shown, Verb, WakeState
from tests.unit.daemon.fakes import MemoryCluster, MemoryLoads, counts
from tests.unit.daemon.rig import ACME, BOOST, FILES, OPERATOR, ZERO, policy, rig, slow, tenant
from tests.unit.daemon.test_reviewing import MemoryReviews

WAKING = FILES | {"policy.yaml": policy(spec=ZERO + "  wake: {hold: 25s, waiters: 10}\n")}


class Given:
    """Implements `ports.Leadership`: a test gives it and takes it away; nothing tells of that but the flag itself."""

    def __init__(self, *, is_leader: bool = False) -> None:
        self.is_leader = is_leader
        self.problem: str | None = None
        self.holder: str | None = "other_2"
        self.transitions = int(is_leader)
        self._moved = asyncio.Event()

    def give(self) -> None:
        self.is_leader = True
        self.transitions += 1
        self._tell()

    def take(self) -> None:
        self.take_quietly()
        self._tell()

    def take_quietly(self) -> None:
        """Let the deadline pass; who waits for the loss has not run yet."""
        self.is_leader = False

    def may_write(self) -> bool:
        return self.is_leader

    def state(self) -> LeadershipState:
        holder = "me_1" if self.is_leader else self.holder
        return LeadershipState(self.is_leader, "autoscaler", "me_1", holder, "h:1", self.transitions, self.problem)

    async def gained(self) -> None:
        while not self.is_leader:
            await self._moved.wait()

    async def lost(self) -> None:
        while self.is_leader:
            await self._moved.wait()

    async def run(self) -> None: ...

    async def release(self) -> None: ...

    def _tell(self) -> None:
        moved, self._moved = self._moved, asyncio.Event()
        moved.set()


def busy(cluster: MemoryCluster, loads: MemoryLoads, replicas: int = 1, load: float = 95.0) -> FunctionKey:
    key = cluster.add("acme/a", replicas)
    loads.concurrency[key] = load
    return key


async def test_a_standby_is_ready_and_does_nothing() -> None:
    """It asks Prometheus nothing, decides nothing, writes nothing, and is ready as soon as its caches are."""
    cluster, loads, given = MemoryCluster(), MemoryLoads(), Given()
    busy(cluster, loads)
    cluster.synced = False
    async with rig(cluster, loads=loads, leadership=given) as it:
        await it.clock.advance(10)
        assert not it.daemon.health().is_ready
        cluster.synced = True
        await it.clock.advance(60)
        health = it.daemon.health()
        assert health.is_ready
        assert (loads.reads, health.ticks, cluster.asked) == (0, 0, [])
        assert (health.leadership.is_leader, health.leadership.holder) == (False, "other_2")
        assert health.writes_held is None
        assert (it.daemon.plan(), it.daemon.latest(), it.daemon.replicas()) == (None, None, None)


async def test_a_standby_knows_what_can_be_reached() -> None:
    """With a ready endpoint and a connection a function serves; without either, of somebody else, or unknown it does not."""
    cluster, given = MemoryCluster(), Given()
    key, caller = busy(cluster, MemoryLoads()), Caller(Role.GATEWAY, frozenset({"acme"}))
    async with rig(cluster, leadership=given) as it:
        cluster.dials[key] = [Reached.REFUSED, Reached.LINGERING, Reached.UNKNOWN, Reached.REACHED, Reached.REACHED]
        assert not await it.daemon.is_serving(caller, key), "nothing is known yet"
        await it.clock.advance(60)
        assert not await it.daemon.is_serving(caller, key), "its Service is not known"
        cluster.become_reachable(key, 0)
        assert not await it.daemon.is_serving(caller, key), "it has no endpoint"
        cluster.become_reachable(key, 1)
        assert [await it.daemon.is_serving(caller, key) for _ in range(4)] == [False, False, False, True]
        assert not await it.daemon.is_serving(Caller(Role.TENANT, frozenset({"umbrella"})), key)
        assert not await it.daemon.is_serving(caller, FunctionKey("acme", "nobody"))


async def test_without_a_holder_a_standby_is_not_ready_and_says_why() -> None:
    """Where the Lease cannot be read nobody can answer through it: not ready, and the problem is in the status."""
    cluster, given = MemoryCluster(), Given()
    cluster.add("acme/a", 1)
    given.holder, given.problem = None, "403: leases is forbidden"
    async with rig(cluster, leadership=given) as it:
        await it.clock.advance(10)
        health = it.daemon.health()
        assert not health.is_ready
        assert health.writes_held == "403: leases is forbidden"
        assert [problem for problem in health.cluster_problems if "403: leases is forbidden" in problem]


async def test_who_gains_decides_at_once() -> None:
    """The first tick follows the gain without a wait, on the plan that was kept warm."""
    cluster, loads, given = MemoryCluster(), MemoryLoads(), Given()
    busy(cluster, loads)
    async with rig(cluster, loads=loads, leadership=given) as it:
        await it.clock.advance(30)
        given.give()
        await it.clock.settle()
        assert it.daemon.health().ticks == 1
        assert it.daemon.health().is_ready
        await it.ticks(2)
        assert counts(cluster.writes) == [("acme/a", 1, 10)]


async def test_who_loses_stops_at_once() -> None:
    """After the loss no tick, no query and no write; what waited to be written is dropped."""
    cluster, loads, given = MemoryCluster(), MemoryLoads(), Given(is_leader=True)
    key = busy(cluster, loads, replicas=10)
    async with rig(cluster, loads=loads, leadership=given) as it:
        await it.ticks(3)
        given.take()
        await it.clock.settle()
        reads = loads.reads
        loads.concurrency[key] = 500.0
        await it.clock.advance(60)
        assert (loads.reads, cluster.asked) == (reads, [])
        assert it.daemon.latest() is None


async def test_a_loss_while_a_tick_decides_writes_nothing() -> None:
    """The Lease that ends between the question to Prometheus and the write leaves the write unsent."""
    cluster, loads, given = MemoryCluster(), MemoryLoads(), Given(is_leader=True)
    busy(cluster, loads)
    loads.during = given.take_quietly
    async with rig(cluster, loads=loads, leadership=given) as it:
        await it.clock.advance(30)
        assert cluster.asked == []


async def test_each_term_begins_without_memory() -> None:
    """A load that fell while another daemon decided is no fall that this one saw: what runs is held at first."""
    cluster, loads, given = MemoryCluster(), MemoryLoads(), Given(is_leader=True)
    files = FILES | {"policy.yaml": policy().replace("stabilization: 0s", "stabilization: 120s")}
    key = busy(cluster, loads, replicas=10)
    async with rig(cluster, files=files, loads=loads, leadership=given) as it:
        await it.ticks(100)
        given.take()
        await it.clock.advance(600)
        loads.concurrency[key] = 15.0
        given.give()
        await it.ticks(50)
        assert cluster.asked == []  # for the whole look-back, though the controller of the first term had none left
        await it.ticks(40)
        assert counts(cluster.writes) == [("acme/a", 10, 2)]


async def test_terms_can_alternate_under_constant_load() -> None:
    """Lost and gained over and over, with the load on the edge of its window, no replica goes."""
    cluster, loads, given = MemoryCluster(), MemoryLoads(), Given(is_leader=True)
    busy(cluster, loads, replicas=10)
    generator = np.random.default_rng(7)
    async with rig(cluster, loads=loads, leadership=given) as it:
        for _ in range(30):
            await it.clock.advance(float(generator.uniform(0.1, 40.0)))
            (given.take if given.is_leader else given.give)()
        assert cluster.asked == []


async def test_held_wakes_are_let_go_when_the_lease_is_lost() -> None:
    """A request that is held is told to ask the new holder, and so is one that comes after the loss."""
    cluster, given = MemoryCluster(ready_at_once=False), Given(is_leader=True)
    key = cluster.add("acme/a", 0)
    async with rig(cluster, files=WAKING, leadership=given) as it:
        await it.ticks(2)
        held = asyncio.ensure_future(it.daemon.wake(ACME, key, None))
        await it.clock.settle()
        assert not held.done()
        given.take()
        await it.clock.settle()
        assert (await held).state is WakeState.MOVED
        assert (await it.daemon.wake(ACME, key, None)).state is WakeState.MOVED


async def test_a_wake_between_the_gain_and_the_first_tick_is_held() -> None:
    """The warm plan knows the function: its wake waits for the first tick, and one that runs is ready at once."""
    cluster, loads, given = MemoryCluster(), MemoryLoads(), Given()
    sleeping, awake = cluster.add("acme/a", 0), cluster.add("acme/b", 2)
    answers: list[asyncio.Future[object]] = []
    async with rig(cluster, files=WAKING, loads=loads, leadership=given) as it:
        await it.clock.advance(10)

        def wake() -> None:
            loads.during = lambda: None
            answers.extend(asyncio.ensure_future(it.daemon.wake(ACME, key, None)) for key in (sleeping, awake))

        loads.during = wake
        given.give()
        await it.ticks(2)
        states = [answer.result().state for answer in answers]  # type: ignore[attr-defined]
        assert states == [WakeState.READY, WakeState.READY]
        assert counts(cluster.writes) == [("acme/a", 0, 1)]


async def test_boosts_are_read_back_at_each_gain() -> None:
    """What fires now is asked of Alertmanager in every term, not only in the first."""
    cluster, loads, given = MemoryCluster(), MemoryLoads(), Given()
    key = busy(cluster, loads, replicas=3, load=25.0)
    asked = 0

    async def firing() -> Sequence[Alert]:
        nonlocal asked
        asked += 1
        return [slow(function="a")]

    files = FILES | {"policy.yaml": policy(spec=BOOST)}
    async with rig(cluster, files=files, loads=loads, firing=[firing], leadership=given) as it:
        await it.clock.advance(30)
        assert asked == 0
        for term in (1, 2):
            given.give()
            await it.ticks(4)
            assert asked == term
            assert len(it.daemon.health().boosts) == 1
            given.take()
            await it.clock.advance(10)
    assert cluster.deployments[key].requested >= 7


async def test_what_is_counted_goes_on_over_terms() -> None:
    """Ticks are counted since the start, so that no counter of the metrics ever falls."""
    cluster, given = MemoryCluster(), Given(is_leader=True)
    cluster.add("acme/a", 1)
    async with rig(cluster, leadership=given) as it:
        await it.ticks(5)
        before = it.daemon.health().ticks
        given.take()
        await it.clock.advance(10)
        given.give()
        await it.ticks(2)
        assert it.daemon.health().ticks == before + 2
        assert it.daemon.health().leadership.transitions == 2


async def test_a_shard_decides_for_its_own_tenants_only() -> None:
    """Functions of another shard's tenants get no decision and no write; who asks for them is told where they are."""
    files = FILES | {"other-tenant.yaml": tenant("umbrella"), "other-policy.yaml": policy("umbrella")}
    cluster, loads = MemoryCluster(), MemoryLoads()
    ours, theirs = cluster.add("acme/a", 1), cluster.add("umbrella/a", 1)
    loads.concurrency = {ours: 95.0, theirs: 95.0}
    async with rig(cluster, files=files, loads=loads, shard="1/2") as it:
        await it.ticks(5)
        assert counts(cluster.asked) == [("acme/a", 1, 10)]
        asked = [it.daemon.elsewhere(OPERATOR, key) for key in (ours, theirs, FunctionKey("nobodys", "a"))]
        assert asked == [None, "0/2", None]
        assert it.daemon.elsewhere(ACME, theirs) is None
        assert (await it.daemon.identify(Shown(token="umbrella"), Asked(Verb.GET))) is not None
        assert it.daemon.health().problems == []


async def test_a_token_of_kubernetes_is_told_of_the_right_shard_too() -> None:
    """Who has a right in a namespace of another shard's tenant hears which shard that is, as the tenant's own token does."""
    files = FILES | {"other-tenant.yaml": tenant("umbrella"), "other-policy.yaml": policy("umbrella")}
    cluster, reviews = MemoryCluster(), MemoryReviews()
    theirs = cluster.add("umbrella/a", 1)
    reviews.rights = {("jane", Verb.GET, "umbrella")}
    async with rig(cluster, files=files, shard="1/2", reviews=reviews) as it:
        await it.ticks(1)
        caller = await it.daemon.identify(Shown(token="jane"), Asked(Verb.GET, "umbrella"))
        assert caller is not None
        assert it.daemon.elsewhere(caller, theirs) == "0/2"
        assert it.daemon.elsewhere(caller, FunctionKey("acme", "a")) is None


async def test_what_came_while_it_stood_by_is_written_in_the_next_term() -> None:
    """A function that was made between two terms of this daemon is known to the plan that was kept warm, and to writes."""
    cluster, loads, given = MemoryCluster(), MemoryLoads(), Given(is_leader=True)
    busy(cluster, loads, replicas=10)
    async with rig(cluster, loads=loads, leadership=given) as it:
        await it.ticks(3)
        given.take()
        await it.clock.advance(10)
        loads.concurrency[cluster.add("acme/late", 1)] = 95.0
        await it.clock.advance(10)
        given.give()
        await it.ticks(5)
        assert counts(cluster.writes) == [("acme/late", 1, 10)]
