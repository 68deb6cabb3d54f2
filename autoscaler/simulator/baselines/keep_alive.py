"""Scale on demand, and keep every replica for a while after it was last needed."""

import numpy as np

from autoscaler.core.columns import Floats, Ints
from autoscaler.core.fleet import Fleet
from autoscaler.core.observation import Observation
from autoscaler.core.reasons import Reason
from autoscaler.core.staged import Change
from autoscaler.core.stages import Stage
from autoscaler.core.trail import Trail
from autoscaler.simulator.baselines.deciding import Baseline, ceiling_of, within
from autoscaler.simulator.baselines.recent_most import RecentMost
from autoscaler.simulator.baselines.settings import KeepAlive
from autoscaler.simulator.baselines.watched import Watched


class FixedKeepAlive(Baseline):
    """The most replicas that were needed at once within the keep-alive.

    Replicas that run when it begins count as needed then.
    """

    def __init__(self, config: KeepAlive, fleet: Fleet, watched: Watched) -> None:
        super().__init__(fleet, watched)
        self._after_s = config.after
        self._recent = RecentMost(len(fleet), config.after)
        self._used_s: Floats | None = None

    def decide(self, now_s: float, observation: Observation) -> Trail:
        use = self.watched.use()
        needed = use.needed
        if self._used_s is None:
            needed = np.maximum(needed, observation.requested)
            self._used_s = np.where(needed > 0, now_s, -np.inf)
        self._used_s[use.is_used] = now_s
        kept = self._recent.add(now_s, needed) * (now_s - self._used_s <= self._after_s)
        trail = Trail(needed.copy(), Reason.DEMAND)
        rows = np.flatnonzero(kept > needed)
        trail.apply(Stage.GUARDS, Change(rows, kept[rows], Reason.DELAY))
        rows = np.flatnonzero(trail.replicas == 0)
        trail.apply(Stage.IDLE, Change(rows, np.zeros(len(rows)), Reason.ZERO_IDLE))
        within(trail, observation.fleet.rules.min_replicas, ceiling_of(observation.fleet.rules))
        return trail

    def woken(self, now_s: float, rows: Ints, waiting: Floats) -> Floats:
        if self._used_s is not None:
            self._used_s[rows] = now_s
        needed = self.watched.needed_for(rows, waiting)
        result: Floats = np.minimum(needed, ceiling_of(self.fleet.rules)[rows])
        return result
