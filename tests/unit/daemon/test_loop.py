"""The daemon's loop: load in, writes out, tick by tick."""

import math

import pytest

from autoscaler.core.reasons import Reason
from autoscaler.ports import ScaleOutcome
from tests.unit.daemon.fakes import MemoryCluster, MemoryLoads, counts, outcomes
from tests.unit.daemon.rig import FILES, ZERO, policy, rig, tenant


async def test_constant_load_changes_nothing() -> None:
    """A load that fits what runs leads to no write, however often it is looked at."""
    cluster = MemoryCluster()
    key = cluster.add("acme/a", 3)
    loads = MemoryLoads()
    loads.concurrency[key] = 25.0
    async with rig(cluster, loads=loads) as it:
        await it.ticks(60)
        assert cluster.asked == []
        assert it.record("acme/a").desired == 3


async def test_replicas_follow_a_load_that_rises() -> None:
    """A load of 95 in flight at 10 a replica becomes ten replicas, written once."""
    cluster = MemoryCluster()
    key = cluster.add("acme/a", 1)
    loads = MemoryLoads()
    loads.concurrency[key] = 95.0
    async with rig(cluster, loads=loads) as it:
        await it.ticks(3)
        assert counts(cluster.writes) == [("acme/a", 1, 10)]
        assert it.record("acme/a").reason is Reason.DEMAND


async def test_replicas_follow_a_load_that_falls() -> None:
    """Once a whole window is known and low, surplus replicas go."""
    cluster = MemoryCluster()
    key = cluster.add("acme/a", 8)
    loads = MemoryLoads()
    loads.concurrency[key] = 75.0
    async with rig(cluster, loads=loads) as it:
        await it.ticks(5)
        it.loads.concurrency[key] = 25.0
        await it.ticks(60)
        assert cluster.deployments[key].requested == 3


@pytest.mark.parametrize("value", [math.nan])
async def test_an_unknown_load_holds_what_runs(value: float) -> None:
    """A Prometheus that says nothing for an hour removes no replica, and the reason says why."""
    cluster = MemoryCluster()
    key = cluster.add("acme/a", 5)
    loads = MemoryLoads()
    loads.concurrency[key] = 45.0
    async with rig(cluster, files=FILES | {"policy.yaml": policy(spec=ZERO)}, loads=loads) as it:
        await it.ticks(5)
        it.loads.concurrency[key] = value
        await it.ticks(1800)
        assert cluster.asked == []
        assert it.record("acme/a").reason is Reason.UNKNOWN_LOAD


async def test_a_proven_idle_function_goes_to_zero() -> None:
    """With zero allowed and a minute of proof, the last replica goes, and the record says so."""
    cluster = MemoryCluster()
    key = cluster.add("acme/a", 1)
    async with rig(cluster, files=FILES | {"policy.yaml": policy(spec=ZERO)}) as it:
        it.loads.concurrency[key] = 5.0
        await it.ticks(5)
        it.loads.concurrency[key] = 0.0
        await it.ticks(120)
        assert cluster.deployments[key].requested == 0
        assert it.daemon.history(key)[-1].reason is Reason.ZERO_IDLE


async def test_a_foreign_namespace_and_a_database_are_never_written() -> None:
    """Deployments without a tenant, or without a function's label, get no decision and no write."""
    cluster = MemoryCluster()
    stranger = cluster.add("stranger/a", 7)
    database = cluster.add("acme/postgres", 2, labels={"app": "postgres"})
    async with rig(cluster) as it:
        it.loads.concurrency[stranger] = it.loads.concurrency[database] = 500.0
        await it.ticks(30)
        assert cluster.asked == []
        assert it.daemon.latest() is not None
        assert len(it.kept.decisions[-1].rows) == 0


@pytest.mark.parametrize(
    ("files", "marks", "changes"),
    [
        (FILES, {}, {"dryRun": True}),
        (FILES | {"tenant.yaml": tenant(spec="  dryRun: true\n")}, {}, {}),
        (FILES | {"policy.yaml": policy(spec="  dryRun: true\n")}, {}, {}),
        (FILES, {"dry_run": "true"}, {}),
    ],
    ids=["daemon", "tenant", "policy", "function"],
)
async def test_a_dry_run_records_and_writes_nothing(
    files: dict[str, str], marks: dict[str, str], changes: dict[str, object]
) -> None:
    """Under a dry run of any of the four levels the decision is there, once in the history, and no write is asked for."""
    cluster = MemoryCluster()
    key = cluster.add("acme/a", 1, **marks)
    loads = MemoryLoads()
    loads.concurrency[key] = 95.0
    async with rig(cluster, files=files, loads=loads, **changes) as it:
        await it.ticks(10)
        assert cluster.asked == []
        assert it.record("acme/a").desired == 10
        assert [(past.requested, past.desired) for past in it.daemon.history(key)] == [(1, 10)]


async def test_a_lost_write_is_decided_anew_from_what_is_there() -> None:
    """A foreign change between read and write is not overwritten; the next tick starts from it."""
    cluster = MemoryCluster()
    key = cluster.add("acme/a", 1)
    loads = MemoryLoads()
    loads.concurrency[key] = 95.0
    cluster.answers[key] = outcomes("lost")
    async with rig(cluster, loads=loads) as it:
        cluster.by_hand(key, 4)
        await it.ticks(3)
        assert counts(cluster.asked) == [("acme/a", 1, 10), ("acme/a", 4, 10)]
        assert it.daemon.health().writes[ScaleOutcome.LOST] == 1
        assert it.daemon.health().write_failures == []


async def test_an_unforeseen_error_is_counted_and_the_loop_goes_on() -> None:
    """A tick that raises is counted, and the next ones decide as if nothing had been."""
    cluster = MemoryCluster()
    key = cluster.add("acme/a", 1)
    async with rig(cluster) as it:
        it.loads.broken = RuntimeError("nobody foresaw this")
        await it.clock.advance(6.0)
        assert it.daemon.health().step_failures == 3
        it.loads.broken, it.loads.concurrency[key] = None, 95.0
        await it.ticks(40)
        assert cluster.deployments[key].requested == 10
        assert it.daemon.health().step_failures == 3


async def test_nothing_is_decided_before_the_deployments_are_listed() -> None:
    """A daemon whose cache is not whole is not ready, decides nothing and says why."""
    cluster = MemoryCluster()
    cluster.add("acme/a", 1)
    cluster.synced = False
    async with rig(cluster) as it:
        await it.clock.advance(60.0)
        assert it.loads.reads == 0
        assert it.daemon.plan() is None
        assert not it.daemon.health().is_ready
        assert it.daemon.health().writes_held is not None
        cluster.synced = True
        await it.ticks(1)
        assert it.daemon.health().is_ready
        assert it.daemon.health().writes_held is None


async def test_a_silent_api_server_stops_writes_and_not_decisions() -> None:
    """With a cache that may no longer be true, decisions go on, nothing is written, and the status says why."""
    cluster = MemoryCluster()
    key = cluster.add("acme/a", 1)
    async with rig(cluster) as it:
        it.loads.concurrency[key] = 95.0
        cluster.silent_s = 600.0
        await it.ticks(40)
        assert cluster.asked == []
        assert it.record("acme/a").desired == 10
        assert it.daemon.health().writes_held is not None
        cluster.silent_s = 0.0
        await it.ticks(2)
        assert counts(cluster.writes) == [("acme/a", 1, 10)]


async def test_a_restart_removes_nothing() -> None:
    """A daemon that starts over running functions under constant load, with lower bounds first, removes no replica."""
    cluster = MemoryCluster()
    key = cluster.add("acme/a", 10)
    loads = MemoryLoads()
    loads.covered = False
    loads.concurrency[key] = 37.5
    for value in (37.5, 62.5, 100.0):
        async with rig(cluster, loads=loads) as it:
            loads.concurrency[key] = value
            await it.ticks(10)
        assert cluster.asked == []


async def test_a_new_policy_is_in_force_at_the_next_tick() -> None:
    """A changed document takes effect; a broken one leaves the last good one in force and is a problem in the status."""
    cluster = MemoryCluster()
    key = cluster.add("acme/a", 1)
    async with rig(cluster) as it:
        await it.policies.update(FILES | {"policy.yaml": policy(spec="  replicas: {min: 4}\n")})
        await it.ticks(2)
        assert cluster.deployments[key].requested == 4
        assert it.daemon.health().problems == []
        await it.policies.update(FILES | {"policy.yaml": policy(spec="  replicas: {minn: 1}\n")})
        await it.ticks(60)
        assert cluster.deployments[key].requested == 4
        assert [problem for problem in it.daemon.health().problems if "minn" in problem]


async def test_a_function_that_goes_takes_its_wishes_along() -> None:
    """A write that waits for its back-off is dropped when its Deployment goes, and never reaches one that comes after."""
    cluster = MemoryCluster()
    key = cluster.add("acme/a", 1)
    loads = MemoryLoads()
    loads.concurrency[key] = 95.0
    cluster.answers[key] = outcomes("retry", retry_after_s=20.0)
    async with rig(cluster, loads=loads) as it:
        cluster.remove(key)
        await it.ticks(20)
        assert counts(cluster.asked) == [("acme/a", 1, 10)]
        cluster.answers.clear()
        cluster.add("acme/a", 2, uid="another")
        await it.ticks(2)
        assert [(change.uid, change.old) for change in cluster.writes] == [("another", 2)]


async def test_ticks_stay_on_their_grid_and_overruns_are_counted() -> None:
    """A reading of five seconds at a tick of two leaves out grid points, is counted, and shifts none after it."""
    cluster = MemoryCluster()
    cluster.add("acme/a", 1)
    async with rig(cluster) as it:
        started_s = it.clock.now_s

        def take_five_seconds() -> None:
            it.clock.now_s += 5.0
            it.loads.during = lambda: None

        it.loads.during = take_five_seconds
        await it.ticks(3)
        health = it.daemon.health()
        assert health.overruns == 1
        assert (it.clock.now_s - started_s) % 2.0 == pytest.approx(0.0, abs=0.51)
        times = [decisions.now.monotonic_s - started_s for decisions in it.kept.decisions[-3:]]
        assert times == [2.0, 8.0, 10.0]


async def test_stopping_ends_the_loop_and_finishes_nothing_new() -> None:
    """After a stop no further tick is done."""
    cluster = MemoryCluster()
    cluster.add("acme/a", 1)
    async with rig(cluster) as it:
        await it.ticks(2)
        it.daemon.stop()
        await it.clock.advance(30.0)
        assert it.daemon.health().ticks == 3


async def test_what_is_wrong_with_the_cluster_and_what_the_core_holds_is_known() -> None:
    """The state names watches that fail, the bytes of the controller's state, and events that found no place."""
    cluster = MemoryCluster()
    cluster.add("acme/a", 1)
    async with rig(cluster) as it:
        await it.ticks(1)
        before = it.daemon.health()
        cluster.troubles = ["acme: deployments cannot be read: 403"]
        assert it.daemon.health().cluster_problems == ["acme: deployments cannot be read: 403"]
    assert (list(before.cluster_problems), before.refused_events) == ([], 0)
    assert before.state_bytes > 0
    assert [source.whole_age_s for source in before.sources] == [0.0]
