"""Tenants that come, go and move while the daemon decides: within a tick, and with nothing left behind."""

import asyncio
import gc
import sys

import pytest

from autoscaler.adapters.kubernetes.resources import ResourceCache
from autoscaler.core.controller import Controller
from autoscaler.core.reasons import Reason
from autoscaler.policy.resources import Identity, Resource
from autoscaler.ports import Asked, Shown, Verb, WakeResult, WakeState
from tests.unit.daemon.fakes import MemoryCluster, MemoryLoads, counts
from tests.unit.daemon.rig import ACME, BOOST, FILES, OPERATOR, Rig, policy, rig, slow, tenant
from tests.unit.daemon.test_wakes import ASLEEP, asleep, call

SLOWLY = {"writesPerSecond": 5, "writeBurst": 1}
"""Some ten writes a tick."""
TENANTS = 500


def busy(cluster: MemoryCluster, loads: MemoryLoads, namespace: str, functions: int) -> None:
    """Add functions whose load asks for nine more replicas each."""
    for number in range(functions):
        loads.concurrency[cluster.add(f"{namespace}/f{number}")] = 95.0


async def test_a_new_tenants_functions_are_decided_on_at_the_next_tick() -> None:
    """A Tenant that comes between two ticks has its functions scaled at the second."""
    cluster, loads = MemoryCluster(), MemoryLoads()
    busy(cluster, loads, "acme", 1)
    async with rig(cluster, files={}, loads=loads) as it:
        await it.ticks(3)
        assert cluster.asked == []
        await it.policies.update(FILES)
        await it.ticks(1)
        assert counts(cluster.writes) == [("acme/f0", 1, 10)]


async def test_a_deleted_tenants_queued_writes_never_go_out() -> None:
    """Of sixty writes a few went out before the Tenant went; the others are dropped at once, and what runs stays."""
    cluster, loads = MemoryCluster(), MemoryLoads()
    busy(cluster, loads, "acme", 60)
    async with rig(cluster, loads=loads, kubernetes=SLOWLY) as it:
        await it.ticks(1)
        sent = len(cluster.asked)
        assert 0 < sent < 30
        before = {key: one.requested for key, one in cluster.deployments.items()}
        await it.policies.update({})
        await it.clock.advance(1.9)
        await it.ticks(20)
        assert len(cluster.asked) == sent
        assert {key: one.requested for key, one in cluster.deployments.items()} == before
        assert sum(it.daemon.health().writes_queued.values()) == 0


async def test_a_deleted_tenants_neighbour_is_written_on() -> None:
    """What another tenant wished for in the same tick is not lost with it."""
    cluster, loads = MemoryCluster(), MemoryLoads()
    for name in ("acme", "other"):
        busy(cluster, loads, name, 30)
    files = {"o.yaml": tenant("other"), "op.yaml": policy("other")}
    async with rig(cluster, files=FILES | files, loads=loads, kubernetes=SLOWLY) as it:
        await it.ticks(1)
        sent = len(cluster.asked)
        await it.policies.update(files)
        await it.ticks(20)
        assert {change.key.namespace for change in cluster.asked[sent:]} == {"other"}
        assert sum(change.key.namespace == "other" for change in cluster.writes) == 30


async def test_a_contested_namespace_is_left_alone_until_one_claim_goes() -> None:
    """While two Tenants claim a namespace nothing in it is written; when one goes it is the other's at the next tick."""
    cluster, loads = MemoryCluster(), MemoryLoads()
    busy(cluster, loads, "acme", 1)
    rival = {"rival.yaml": tenant("rival").replace("namespaces: [rival]", "namespaces: [acme]")}
    async with rig(cluster, files=FILES | rival, loads=loads) as it:
        await it.ticks(5)
        assert cluster.asked == []
        assert len([one for one in it.daemon.health().problems if "claimed" in one]) == 2
        await it.policies.update(rival | {"policy.yaml": policy()})
        await it.ticks(1)
        assert counts(cluster.writes) == [("acme/f0", 1, 10)]
        assert it.record("acme/f0").tenant == "rival"


async def test_a_function_that_moves_keeps_what_was_learned_of_it() -> None:
    """A namespace handed to another Tenant changes no replica by itself: windows and boosts stay, callers change."""
    cluster, loads = MemoryCluster(), MemoryLoads()
    key = cluster.add("acme/a", 3)
    loads.concurrency[key] = 25.0
    files = FILES | {"policy.yaml": policy(spec=BOOST)}
    heir = {"tenant.yaml": tenant("heir").replace("namespaces: [heir]", "namespaces: [acme]")}
    async with rig(cluster, files=files, loads=loads) as it:
        await it.ticks(40)
        await it.daemon.take_alerts(ACME, [slow()])
        await it.ticks(1)
        boosted = cluster.deployments[key].requested
        assert boosted == 7
        await it.policies.update(files | heir)
        await it.ticks(1)
        assert it.record("acme/a").tenant == "heir"
        loads.concurrency[key] = float("nan")
        await it.ticks(10)
        assert (cluster.deployments[key].requested, it.record("acme/a").reason) == (boosted, Reason.UNKNOWN_LOAD)
        asked = Asked(Verb.GET, "acme")
        bearers = [await it.daemon.identify(Shown(token=name), asked) for name in ("acme", "heir")]
        assert bearers[0] is None
        assert bearers[1] is not None
        assert bearers[1].tenants == {"heir"}


async def test_a_held_request_outlives_its_tenant_by_its_hold_at_most() -> None:
    """A request that is held as its Tenant goes is answered at the end of its hold, and a new one knows no function."""
    cluster, key = asleep()
    async with rig(cluster, files=ASLEEP) as it:
        held = await call(it, key)
        assert counts(cluster.writes) == [("acme/a", 0, 1)]
        await it.policies.update({})
        await it.ticks(1)
        assert await it.daemon.wake(OPERATOR, key, 0.0) == WakeResult(WakeState.NOT_FOUND, 0.0)
        await it.clock.advance(30.0)
        assert held.done()
        assert cluster.deployments[key].requested == 1


def resources(number: int, generation: int) -> list[Resource]:
    """Give a Tenant with a policy, as a watch reads them."""
    name, api = f"t{number}", "autoscaler.faas.dev/v1alpha1"
    found = []
    for kind, namespace, spec in (
        ("Tenant", "", {"namespaces": [name], "budget": {"replicas": {"guarantee": 2, "cap": 20}}}),
        ("ScalingPolicy", name, {"metrics": [{"type": "concurrency", "target": 10 + generation}]}),
    ):
        metadata = {"name": name} | ({"namespace": namespace} if namespace else {})
        document = {"apiVersion": api, "kind": kind, "metadata": metadata, "spec": spec}
        identity = Identity(kind, namespace, name)
        found.append(Resource(identity, f"{kind} {number} {generation}", 1, document))
    return found


async def round_of(it: Rig, cluster: MemoryCluster, cache: ResourceCache, generation: int) -> None:
    """Let 500 tenants with a loaded function each come, be decided on, and go."""
    made = [one for number in range(TENANTS) for one in resources(number, generation)]
    for one in made:
        cache.put(one, 0, is_listed=True)
    keys = [cluster.add(f"t{number}/f", uid=f"{number} {generation}") for number in range(TENANTS)]
    it.loads.concurrency.update(dict.fromkeys(keys, 95.0))
    await it.ticks(2)
    plan = it.daemon.plan()
    assert plan is not None
    assert (len(plan.fleet), len(plan.tenants)) == (TENANTS, TENANTS)
    for one in made:
        cache.remove(one.identity)
    for key in keys:
        cluster.remove(key)
        del it.loads.concurrency[key]
    await it.ticks(2)
    plan = it.daemon.plan()
    assert plan is not None
    assert (len(plan.fleet), len(plan.tenants), it.policies.current.resources) == (0, 0, {})


async def test_five_hundred_tenants_that_come_and_go_leave_nothing_behind() -> None:
    """Each round of 500 Tenants, with policies and loaded functions, ends with as much memory as the one before it."""
    cluster, controller = MemoryCluster(), Controller(None)
    cache = ResourceCache(lambda: True)
    async with rig(cluster, files={}, controller=controller, kubernetes={"writesPerSecond": 10_000}) as it:
        following = asyncio.ensure_future(it.policies.follow_resources(cache))
        it.kept.decisions = Forgetful()
        cluster.writes, cluster.asked = Forgetful(), Forgetful()
        left: list[tuple[int, int]] = []
        for generation in range(5):
            await round_of(it, cluster, cache, generation)
            gc.collect()
            left.append((it.daemon.health().state_bytes, sys.getallocatedblocks()))
        following.cancel()
        await asyncio.gather(following, return_exceptions=True)
    # The first rounds fill what is bounded, such as the last thousand decisions.
    assert left[-1][0] <= left[2][0]
    assert left[-1][1] - left[2][1] < TENANTS  # less than an object for every second tenant


class Forgetful(list):  # type: ignore[type-arg]
    """A list that keeps nothing: what the fakes note would grow with every round."""

    def append(self, _: object) -> None:
        return


@pytest.mark.parametrize("generation", [1, 2])
async def test_a_tenant_made_anew_is_decided_on_as_a_new_one(generation: int) -> None:
    """A Tenant that is deleted and comes back within one tick has its functions, and the policy that it came with."""
    cluster, cache = MemoryCluster(), ResourceCache(lambda: True)
    key = cluster.add("t0/f")
    async with rig(cluster, files={}) as it:
        following = asyncio.ensure_future(it.policies.follow_resources(cache))
        it.loads.concurrency[key] = 95.0
        for number in range(generation + 1):
            for one in resources(0, number):
                cache.remove(one.identity)
                cache.put(one, 0, is_listed=True)
        await it.ticks(1)
        assert it.policies.current.policies["t0"]["t0"].document.spec.metrics[0].target == 10 + generation
        assert cluster.deployments[key].requested > 1
        following.cancel()
        await asyncio.gather(following, return_exceptions=True)
