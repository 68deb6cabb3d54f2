"""What a cluster must tell of replicas that are missing, whoever serves it: the real control plane or the twin.

A test module inherits from `ObstacleContract` and gives the fixture `obstructed_server`.
"""

import uuid
from typing import Protocol

import pytest

from autoscaler.adapters.kubernetes import KubernetesCluster
from autoscaler.core.fleet import FunctionKey
from autoscaler.core.obstacles import Obstacle
from autoscaler.policy.settings import KubernetesSettings
from autoscaler.ports import ScaleChange, ScaleOutcome
from tests.contract.cluster import find, fleet_of, found, running, wait_for

DEADLINE_S = 30.0


class ObstructedServer(Protocol):
    """A cluster with pods, and hands to stand in their way."""

    settings: KubernetesSettings

    async def create(self, key: FunctionKey, replicas: int) -> None:
        """Create a function whose replicas start in less than a second; return when these are ready."""
        ...

    async def obstruct(self, key: FunctionKey, obstacle: Obstacle) -> None:
        """Create a function of which replicas are missing because of this obstacle, and will be."""
        ...

    async def mend(self, key: FunctionKey, obstacle: Obstacle) -> None:
        """Take the obstacle away, as somebody would who read what it is."""
        ...


def obstacle(cluster: KubernetesCluster, key: FunctionKey) -> Obstacle:
    """Give what the cluster tells of one function."""
    return Obstacle(cluster.replicas(fleet_of(key)).obstacle[0])


def counts(cluster: KubernetesCluster, key: FunctionKey) -> tuple[int, int]:
    """Give requested and ready replicas of one function."""
    columns = cluster.replicas(fleet_of(key))
    return int(columns.requested[0]), int(columns.ready[0])


class ObstacleContract:
    """The tests. Every one works in a namespace of its own."""

    @pytest.fixture
    def key(self) -> FunctionKey:
        return FunctionKey(f"ns-{uuid.uuid4().hex[:10]}", "resize")

    @pytest.mark.parametrize(
        "what", [what for what in Obstacle if what is not Obstacle.NONE], ids=lambda what: what.name
    )
    async def test_an_obstacle_is_told_until_it_is_mended(
        self, obstructed_server: ObstructedServer, key: FunctionKey, what: Obstacle
    ) -> None:
        """Each obstacle gets its code, whether it was there before the start or not, and none when it is mended."""
        async with running(obstructed_server.settings) as cluster:
            await obstructed_server.obstruct(key, what)
            await wait_for(lambda: obstacle(cluster, key) is what, f"{what.name}", DEADLINE_S)
            async with running(obstructed_server.settings) as later:
                await wait_for(lambda: obstacle(later, key) is what, f"{what.name} after a list", DEADLINE_S)
                await obstructed_server.mend(key, what)
                for one in (cluster, later):
                    await wait_for(lambda one=one: self.is_whole(one, key), "all replicas", DEADLINE_S)
            assert list(cluster.problems()) == []

    def is_whole(self, cluster: KubernetesCluster, key: FunctionKey) -> bool:
        """Tell whether all replicas are ready and nothing stands in the way of more."""
        requested, ready = counts(cluster, key)
        return requested == ready > 0 and obstacle(cluster, key) is Obstacle.NONE

    async def test_a_scale_up_is_no_rollout(self, obstructed_server: ObstructedServer, key: FunctionKey) -> None:
        """From our write to the last ready replica a scale-up is told as replicas that are not ready, never as more."""
        await obstructed_server.create(key, 1)
        seen: list[Obstacle] = []
        async with running(obstructed_server.settings) as cluster:
            await wait_for(lambda: find(cluster, key) and self.is_whole(cluster, key), "the function")
            cluster.subscribe(lambda told, count, ready: seen.append(obstacle(cluster, key)))
            uid = found(cluster, key).uid
            for old, new in ((1, 3), (3, 6), (6, 0), (0, 2)):
                assert (await cluster.scale(ScaleChange(key, uid, old, new))).outcome is ScaleOutcome.DONE

                def is_done(new: int = new) -> bool:
                    seen.append(obstacle(cluster, key))
                    return counts(cluster, key) == (new, new)

                await wait_for(is_done, f"{new} ready", DEADLINE_S)
        assert set(seen) == {Obstacle.NONE, Obstacle.NOT_READY}
