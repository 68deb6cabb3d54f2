"""Other writers in the daemon's loop: what they change, and what is written after them."""

from autoscaler.core.reasons import Reason
from autoscaler.daemon.foreign import CHANGES, QUIET_S
from tests.unit.daemon.fakes import MemoryCluster, MemoryLoads, counts
from tests.unit.daemon.rig import FILES, ZERO, policy, rig, tenant

TICK_S = 2.0
ZERO_AFTER_S = 60.0
ZERO_FILES = FILES | {"policy.yaml": policy(spec=ZERO)}


def loaded(cluster: MemoryCluster, **concurrency: float) -> MemoryLoads:
    """Give functions of acme, each with one replica, and these loads at ten a replica."""
    loads = MemoryLoads()
    for name, value in concurrency.items():
        loads.concurrency[cluster.add(f"acme/{name}", 1)] = value
    return loads


async def test_who_changes_it_again_and_again_has_it() -> None:
    """Two changes are decided anew; after the third nothing is written, and the reason and the status say why."""
    cluster = MemoryCluster()
    loads = loaded(cluster, f=45.0)
    (key,) = cluster.deployments
    async with rig(cluster, loads=loads) as it:
        await it.ticks(2)
        for _ in range(CHANGES):
            assert cluster.deployments[key].requested == 5
            cluster.write_as(key, 2, "argocd-controller")
            await it.ticks(2)
        assert cluster.deployments[key].requested == 2
        assert counts(cluster.writes) == [("acme/f", 1, 5)] + [("acme/f", 2, 5)] * (CHANGES - 1)
        record = it.record("acme/f")
        assert (record.reason, record.desired) == (Reason.FOREIGN_WRITER, 2)
        (held,) = it.daemon.health().held
        assert (held.key, held.by, held.changes) == (key, "argocd-controller", CHANGES)
        assert it.daemon.held_by(key) is not None
        assert it.daemon.health().foreign_writes == {"argocd-controller": CHANGES}


async def test_it_is_taken_up_again_by_itself_when_quiet() -> None:
    """Ten minutes after the last foreign change the load decides again."""
    cluster = MemoryCluster()
    loads = loaded(cluster, f=45.0)
    (key,) = cluster.deployments
    async with rig(cluster, loads=loads) as it:
        await it.ticks(2)
        for _ in range(CHANGES):
            cluster.write_as(key, 2, "kubectl")
        await it.ticks(int(QUIET_S / TICK_S) - 2)
        assert cluster.deployments[key].requested == 2
        await it.ticks(4)
        assert cluster.deployments[key].requested == 5
        assert it.daemon.health().held == []


async def test_it_is_taken_up_on_request_at_the_next_tick() -> None:
    """Whoever has mended the cause need not wait."""
    cluster = MemoryCluster()
    loads = loaded(cluster, f=45.0)
    (key,) = cluster.deployments
    async with rig(cluster, loads=loads) as it:
        await it.ticks(2)
        for _ in range(CHANGES):
            cluster.write_as(key, 2, "kubectl")
        await it.ticks(2)
        assert it.daemon.take_up(key)
        await it.ticks(1)
        assert cluster.deployments[key].requested == 5
        assert not it.daemon.take_up(key)


async def test_a_function_with_an_autoscaler_is_never_written() -> None:
    """It is found before the first write; once the autoscaler is gone, the next tick decides."""
    cluster = MemoryCluster()
    loads = loaded(cluster, f=45.0)
    (key,) = cluster.deployments
    cluster.autoscalers = {key: "HorizontalPodAutoscaler f"}
    async with rig(cluster, loads=loads) as it:
        await it.ticks(20)
        assert cluster.asked == []
        assert it.record("acme/f").reason is Reason.FOREIGN_WRITER
        assert not it.daemon.take_up(key)
        cluster.autoscalers = {}
        await it.ticks(1)
        assert counts(cluster.writes) == [("acme/f", 1, 5)]


async def test_deploys_under_load_never_leave_it_below_demand_for_more_than_a_tick() -> None:
    """Twenty manifests that say two replicas, each followed by one tick, after which the load has its five again."""
    cluster = MemoryCluster()
    loads = loaded(cluster, f=45.0)
    (key,) = cluster.deployments
    async with rig(cluster, loads=loads) as it:
        await it.ticks(2)
        for _ in range(20):
            cluster.write_as(key, 2, "kubectl-client-side-apply", is_deploy=True)
            await it.ticks(1)
            assert cluster.deployments[key].requested == 5
        assert it.daemon.health().held == []
        assert it.daemon.health().foreign_writes == {}


async def test_what_is_left_to_others_is_charged_to_its_tenant() -> None:
    """Of a cap of 10, the eight that somebody else set leave two for the tenant's other function."""
    cluster = MemoryCluster()
    loads = loaded(cluster, f=45.0, g=45.0)
    key, other = sorted(cluster.deployments)
    files = FILES | {"tenant.yaml": tenant(spec="  budget: {replicas: {cap: 10}}\n"), "policy.yaml": policy()}
    async with rig(cluster, loads=loads, files=files) as it:
        await it.ticks(2)
        assert cluster.deployments[other].requested == 5
        for _ in range(CHANGES):
            cluster.write_as(key, 8, "kubectl")
        await it.ticks(3)
        assert (cluster.deployments[key].requested, cluster.deployments[other].requested) == (8, 2)
        assert it.record(str(other)).reason is Reason.BUDGET


async def test_a_gateways_start_is_kept_as_a_wake_is() -> None:
    """What OpenFaaS's gateway starts from zero runs on, though its load is still seen as none: somebody waits for it."""
    cluster = MemoryCluster()
    loads = MemoryLoads()
    key = cluster.add("acme/f", 0, labels={"faas_function": "f"})
    loads.concurrency[key] = 0.0
    async with rig(cluster, loads=loads, files=ZERO_FILES) as it:
        await it.ticks(5)
        assert cluster.deployments[key].requested == 0
        for _ in range(CHANGES):
            cluster.write_as(key, 1, "faas-netes")
            await it.ticks(5)
            assert cluster.deployments[key].requested == 1
            assert it.record("acme/f").reason is Reason.WAKE
            await it.ticks(int(ZERO_AFTER_S / TICK_S) + 40)
            assert cluster.deployments[key].requested == 0
        assert it.daemon.health().foreign_writes == {}


async def test_the_community_edition_is_named_and_left_alone() -> None:
    """Its controller undoes each zero at once; after the third nothing is written, and status and reason say who it is."""
    cluster = MemoryCluster()
    loads = MemoryLoads()
    key = cluster.add("acme/f", 1, labels={"faas_function": "f"})
    loads.concurrency[key] = 0.0
    cluster.subscribe(lambda one, requested, _: cluster.write_as(one, 1, "faas-netes") if requested == 0 else None)
    async with rig(cluster, loads=loads, files=ZERO_FILES) as it:
        await it.ticks(int(ZERO_AFTER_S / TICK_S) + 20)
        assert counts(cluster.writes) == [("acme/f", 1, 0)] * CHANGES
        record = it.record("acme/f")
        assert (record.reason, record.desired) == (Reason.FOREIGN_WRITER, 1)
        (held,) = it.daemon.health().held
        assert held.by == "OpenFaaS CE's own controller (faas-netes)"
        await it.ticks(int(2 * QUIET_S / TICK_S))
        assert len(cluster.writes) == CHANGES
