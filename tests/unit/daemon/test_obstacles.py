"""Why replicas are missing reaches the step as the cluster tells it, and stays the step's own."""

from collections.abc import Sequence

import numpy as np

from autoscaler.core.controller import Controller
from autoscaler.core.decisions import Decisions
from autoscaler.core.events import Event
from autoscaler.core.fleet import Fleet
from autoscaler.core.now import Now
from autoscaler.core.observation import Observation
from autoscaler.core.obstacles import Obstacle
from autoscaler.ports import Replicas
from tests.unit.daemon.fakes import MemoryCluster
from tests.unit.daemon.rig import FILES, rig


class Obstructed(MemoryCluster):
    """A cluster in which every function has this obstacle; its column is the cluster's own, as a cache's may be."""

    column = np.empty(0, np.uint8)
    obstacle = Obstacle.NONE

    def replicas(self, fleet: Fleet) -> Replicas:
        counts = super().replicas(fleet)
        if self.column.size != len(fleet):
            self.column = np.zeros(len(fleet), np.uint8)
        self.column[:] = self.obstacle
        return Replicas(counts.requested, counts.ready, self.column)


class Watched(Controller):
    """A controller that keeps what its ticks were told."""

    def __init__(self) -> None:
        super().__init__(None)
        self.observed: list[Observation] = []

    def step(self, now: Now, observation: Observation | None, events: Sequence[Event]) -> Decisions:
        if observation is not None:
            self.observed.append(observation)
        return super().step(now, observation, events)


async def test_obstacles_reach_the_step_and_do_not_change_under_it() -> None:
    """Each tick is told the obstacles of its own moment, even where the cluster reuses its column."""
    cluster, controller = Obstructed(), Watched()
    cluster.add("acme/a", 2)
    cluster.obstacle = Obstacle.QUOTA_EXCEEDED
    async with rig(cluster, files=FILES, controller=controller) as it:
        await it.ticks(1)
        cluster.obstacle = Obstacle.NONE
        await it.ticks(1)
    told = [Obstacle(observation.obstacle[0]) for observation in controller.observed]
    assert told[0] is Obstacle.QUOTA_EXCEEDED
    assert told[-1] is Obstacle.NONE


async def test_a_cluster_that_tells_nothing_leaves_the_column_out() -> None:
    """Where obstacles are not told the step gets none, not a column that claims there are none."""
    cluster, controller = MemoryCluster(), Watched()
    cluster.add("acme/a", 2)
    async with rig(cluster, files=FILES, controller=controller) as it:
        await it.ticks(1)
    assert controller.observed[0].obstacle.size == 0
