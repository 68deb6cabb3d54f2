"""A process that stood still between what it read and what it writes: what it would cut was called long since, perhaps."""

from tests.unit.daemon.fakes import MemoryCluster, counts
from tests.unit.daemon.rig import ZERO, policy, rig, tenant

FILES = {"tenant.yaml": tenant(), "policy.yaml": policy(spec=ZERO)}


async def test_a_proof_read_before_the_process_stood_still_takes_nothing_to_zero() -> None:
    """A tick that ends half a minute after its reading began cuts nothing; one that does not proves it anew, and cuts."""
    cluster = MemoryCluster()
    cluster.add("acme/f", 1)
    async with rig(cluster, files=FILES) as running:

        def stand_still() -> None:
            running.clock.now_s += 30.0

        running.loads.during = stand_still
        await running.clock.until(lambda: running.record("acme/f").desired == 0, within_s=200.0)
        later = running.daemon.health().ticks + 2
        await running.clock.until(lambda: running.daemon.health().ticks >= later, within_s=200.0)
        assert (cluster.asked, running.record("acme/f").desired) == ([], 0)
        running.loads.during = lambda: None
        await running.clock.until(lambda: cluster.asked, within_s=200.0)
        assert counts(cluster.asked) == [("acme/f", 1, 0)]


async def test_a_slow_reading_is_no_standstill() -> None:
    """What took as long as a source may take is cut by all the same."""
    cluster = MemoryCluster()
    cluster.add("acme/f", 1)
    async with rig(cluster, files=FILES) as running:

        def read_slowly() -> None:
            running.clock.now_s += 10.0

        running.loads.during = read_slowly
        await running.clock.until(lambda: cluster.asked, within_s=200.0)
        assert counts(cluster.asked) == [("acme/f", 1, 0)]
