"""Plans: compiled anew when something changed, and large ones kept out of the garbage collector's sight."""

import gc
from collections.abc import Iterator

import pytest

from autoscaler.daemon.planner import LARGE, Planner
from autoscaler.daemon.policies import Policies
from tests.unit.daemon.fakes import Inline, MemoryCluster
from tests.unit.daemon.rig import FILES, policy, settings


@pytest.fixture
def sight() -> Iterator[None]:
    """Give the collector everything back at the end."""
    gc.freeze()  # what the test's process holds already, so that the plan's objects alone are counted
    yield
    gc.unfreeze()


def planner(functions: int) -> tuple[Planner, Policies, MemoryCluster]:
    cluster, configured = MemoryCluster(), settings()
    for number in range(functions):
        cluster.add(f"acme/f{number:05d}")
    policies = Policies(FILES, configured.sources, Inline())
    return Planner(configured, policies, cluster, Inline()), policies, cluster


@pytest.mark.usefixtures("sight")
async def test_a_large_plan_is_out_of_the_collectors_sight() -> None:
    """A first plan and one from other policies are spared it; a change of one Deployment is not worth a freeze."""
    it, policies, cluster = planner(LARGE)
    counts = [gc.get_freeze_count()]
    for change in (None, lambda: cluster.add("acme/f00000", 2, uid="other")):
        if change is not None:
            change()
        await it.current()
        counts.append(gc.get_freeze_count())
    await policies.update(FILES | {"policy.yaml": policy(spec="  replicas: {max: 7}\n")})
    await it.current()
    counts.append(gc.get_freeze_count())
    before, first, changed, other = counts
    assert first > before + LARGE
    assert changed <= first
    assert other > changed


@pytest.mark.usefixtures("sight")
async def test_a_small_plan_is_left_to_the_collector() -> None:
    """Below ten thousand Deployments nothing is frozen: a full pass costs little there."""
    it, _, _ = planner(100)
    before = gc.get_freeze_count()
    await it.current()
    assert gc.get_freeze_count() <= before
