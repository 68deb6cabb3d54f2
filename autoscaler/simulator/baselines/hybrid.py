"""The hybrid histogram policy over the platform."""

import numpy as np

from autoscaler.core.columns import Bools, Floats, Ints
from autoscaler.core.fleet import Fleet
from autoscaler.core.observation import Observation
from autoscaler.core.reasons import Reason
from autoscaler.core.staged import Change
from autoscaler.core.stages import Stage
from autoscaler.core.trail import Trail
from autoscaler.simulator.baselines.deciding import Baseline, ceiling_of, within
from autoscaler.simulator.baselines.histogram import IdleHistograms
from autoscaler.simulator.baselines.recent_most import RecentMost
from autoscaler.simulator.baselines.settings import Hybrid
from autoscaler.simulator.baselines.watched import Watched


class HybridHistogram(Baseline):
    """Keeps a function loaded, or unloads it and loads it ahead of the call that its idle times promise.

    Idle times are those between a tick at which nothing went on and the tick at which something does again: what is
    shorter than a tick is none.
    """

    def __init__(self, config: Hybrid, fleet: Fleet, watched: Watched) -> None:
        super().__init__(fleet, watched)
        self._histograms = IdleHistograms(len(fleet), config)
        self._recent = RecentMost(len(fleet), config.keep)
        self._used_s: Floats = np.full(len(fleet), -np.inf)
        self._called_s: Floats = np.full(len(fleet), np.inf)  # of a call between ticks, when it came
        self._was_used: Bools | None = None

    def decide(self, now_s: float, observation: Observation) -> Trail:
        use = self.watched.use()
        needed = use.needed
        if self._was_used is None:
            needed = np.maximum(needed, observation.requested)
            self._was_used = needed > 0
            self._used_s[self._was_used] = now_s
        self._learn(now_s, np.flatnonzero(use.is_used & ~self._was_used))
        self._used_s[use.is_used] = now_s
        self._was_used = use.is_used
        self._called_s[:] = np.inf
        return self._trail(now_s, needed, observation)

    def woken(self, now_s: float, rows: Ints, waiting: Floats) -> Floats:
        self._called_s[rows] = np.minimum(self._called_s[rows], now_s)
        needed = self.watched.needed_for(rows, waiting)
        result: Floats = np.minimum(needed, ceiling_of(self.fleet.rules)[rows])
        return result

    def _learn(self, now_s: float, rows: Ints) -> None:
        """Take in the idle times that have just ended; before its first call nobody was idle."""
        rows = rows[np.isfinite(self._used_s[rows])]
        if len(rows):
            self._histograms.seen(rows, np.minimum(self._called_s[rows], now_s) - self._used_s[rows])

    def _trail(self, now_s: float, needed: Floats, observation: Observation) -> Trail:
        idle_s = now_s - self._used_s
        prewarm_s, keep_s = self._histograms.prewarm_s, self._histograms.keep_s
        is_loaded = (idle_s >= prewarm_s) & (idle_s <= prewarm_s + keep_s)
        kept = np.where(prewarm_s > 0, 1.0, np.maximum(self._recent.add(now_s, needed), 1.0)) * is_loaded
        trail = Trail(needed.copy(), Reason.DEMAND)
        is_ahead = (kept > needed) & (observation.requested == 0)
        for rows, reason in (
            (np.flatnonzero(is_ahead), Reason.WAKE),
            (np.flatnonzero((kept > needed) & ~is_ahead), Reason.DELAY),
        ):
            trail.apply(Stage(reason // 10), Change(rows, kept[rows], reason))
        rows = np.flatnonzero(trail.replicas == 0)
        trail.apply(Stage.IDLE, Change(rows, np.zeros(len(rows)), Reason.ZERO_IDLE))
        within(trail, observation.fleet.rules.min_replicas, ceiling_of(observation.fleet.rules))
        return trail
