"""So many replicas, whatever happens."""

import numpy as np

from autoscaler.core.fleet import Fleet
from autoscaler.core.observation import Observation
from autoscaler.core.reasons import Reason
from autoscaler.core.staged import Change
from autoscaler.core.stages import Stage
from autoscaler.core.trail import Trail
from autoscaler.simulator.baselines.deciding import Baseline
from autoscaler.simulator.baselines.settings import Fixed
from autoscaler.simulator.baselines.watched import Watched


class FixedReplicas(Baseline):
    """A minimum and a maximum that are the same."""

    def __init__(self, config: Fixed, fleet: Fleet, watched: Watched) -> None:
        super().__init__(fleet, watched)
        self._replicas = float(config.replicas)

    def decide(self, _now_s: float, observation: Observation) -> Trail:
        trail = Trail(observation.requested.copy(), Reason.DEMAND)
        is_more = trail.replicas > self._replicas
        low, high = np.flatnonzero(~is_more), np.flatnonzero(is_more)
        trail.apply(Stage.FLOORS, Change(low, np.full(len(low), self._replicas), Reason.MIN_REPLICAS))
        trail.apply(Stage.LIMITS, Change(high, np.full(len(high), self._replicas), Reason.MAX_REPLICAS))
        return trail
