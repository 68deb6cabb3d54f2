"""Plans: compiled anew when something changed, and large ones kept out of the garbage collector's sight."""

import gc
from collections.abc import Iterator

import pytest

from autoscaler.daemon.planner import LARGE, Planner
from autoscaler.daemon.policies import Policies
from autoscaler.policy.loading import Given
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
    policies = Policies(FILES, Given.by(configured), Inline())
    return Planner(configured, policies, cluster, Inline()), policies, cluster


@pytest.mark.usefixtures("sight")
async def test_a_large_plan_is_out_of_the_collectors_sight() -> None:
    """A first plan and one from other policies are spared it; a change of one Deployment is not worth a freeze."""
    it, policies, cluster = planner(LARGE)
    counts = [gc.get_freeze_count()]
    for change in (None, lambda: cluster.add("acme/f00000", 2, uid="other")):
        if change is not None:
            change()
        await it.current(0.0)
        counts.append(gc.get_freeze_count())
    await policies.update(FILES | {"policy.yaml": policy(spec="  replicas: {max: 7}\n")})
    await it.current(0.0)
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
    await it.current(0.0)
    assert gc.get_freeze_count() <= before


SCHEDULED = "  schedules: [{cron: '0 8 * * *', duration: 1h, min: 2}]\n"
DAY_S = 86_400.0


async def test_a_plan_is_made_anew_before_its_schedules_run_out() -> None:
    """Nothing changed: the plan stays until half of what its schedules cover is over, then it reaches as far again."""
    it, policies, _ = planner(1)
    await policies.update(FILES | {"policy.yaml": policy(spec=SCHEDULED)})
    first = (await it.current(0.0)).plan
    assert (await it.current(first.known_until_s / 2 - 1)).plan is first
    later = (await it.current(first.known_until_s / 2)).plan
    assert later.known_until_s == first.known_until_s * 1.5
    assert (await it.current(first.known_until_s / 2 + 1)).plan is later


async def test_a_clock_that_was_put_back_makes_a_plan_anew() -> None:
    """What begins before the moment a plan was made for is in a plan made for the earlier moment."""
    it, policies, _ = planner(1)
    await policies.update(FILES | {"policy.yaml": policy(spec=SCHEDULED)})
    assert (await it.current(DAY_S)).plan.fleet.schedules.starts_s[0] == DAY_S + 8 * 3600
    assert (await it.current(0.0)).plan.fleet.schedules.starts_s[0] == 8 * 3600


async def test_without_schedules_time_makes_no_plan_anew() -> None:
    """A plan that knows no calendar holds for ever."""
    it, _, _ = planner(1)
    first = await it.current(0.0)
    assert await it.current(1000 * DAY_S) is first
