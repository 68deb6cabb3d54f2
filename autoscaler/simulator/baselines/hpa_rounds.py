"""Kubernetes' HPA over the platform: a round of every object at its sync period, and nothing in between."""

import numpy as np

from autoscaler.core.columns import Codes, Floats
from autoscaler.core.fleet import Fleet, Rules
from autoscaler.core.observation import Observation
from autoscaler.core.reasons import Reason
from autoscaler.core.staged import Change
from autoscaler.core.stages import Stage
from autoscaler.core.trail import Trail
from autoscaler.simulator.baselines.deciding import Baseline, ceiling_of, stay
from autoscaler.simulator.baselines.hpa_behaving import fleet_of
from autoscaler.simulator.baselines.hpa_documents import behavior_of
from autoscaler.simulator.baselines.hpa_fleet import Limits, Sights
from autoscaler.simulator.baselines.rounds import Rounds
from autoscaler.simulator.baselines.settings import Hpa
from autoscaler.simulator.baselines.signals import Signals
from autoscaler.simulator.baselines.watched import Watched

DEFAULT_MAX = 100.0
"""Maximum where neither the decider nor a policy has one, which an HPA has to have: KEDA's default."""


class HpaBaseline(Baseline):
    """One HorizontalPodAutoscaler for each function. Nobody wakes it: it sees a load at its next sync.

    A function that is at 0 at the beginning is given its minimum, since an HPA leaves alone what is at 0; with `zero` it
    counts as brought there by the HPA itself.
    """

    hears_wakes = False

    def __init__(self, config: Hpa, fleet: Fleet, watched: Watched) -> None:
        super().__init__(fleet, watched)
        self._config = config
        low = 0 if config.zero else config.min
        self._limits = limits_of(fleet.rules, low, config.max, least=0.0 if config.zero else 1.0)
        behavior = behavior_of(config.behavior)
        self._objects = fleet_of(self._limits, config.tolerance, config.sync, config.stabilization, behavior)
        self._rounds = Rounds(fleet.keys, config.sync, "hpa")
        self._signals = Signals(fleet, config)
        self._known = fleet
        self._reason: Codes = np.full(len(fleet), Reason.DEMAND, np.uint8)

    def decide(self, now_s: float, observation: Observation) -> Trail:
        if observation.fleet is not self._known:
            self._known, self._signals = observation.fleet, Signals(observation.fleet, self._config)
        current = observation.requested
        trail = Trail(current.copy(), Reason.DEMAND)
        rows = self._rounds.due(now_s)
        stay(trail, np.setdiff1d(np.arange(len(current)), rows, assume_unique=True), self._reason)
        if not self._config.zero:
            none = np.flatnonzero(current == 0)
            trail.apply(Stage.FLOORS, Change(none, self._limits.low[none], Reason.MIN_REPLICAS))
            rows = rows[current[rows] > 0]
        sights = Sights(current, observation.ready, self._signals.values(observation.load))
        self._objects.decide(trail, rows, self._rounds.number[rows], self._signals.lanes, sights)
        self._reason = trail.reason.copy()
        return trail


def limits_of(rules: Rules, low: int | None, high: int | None, least: float) -> Limits:
    """Give minima and maxima: those that were given, else the documents'.

    Args:
        rules: the documents'.
        low: the decider's minimum; None: the documents'.
        high: the decider's maximum; None: the documents', else 100.
        least: a minimum is no smaller.
    """
    size = len(rules.min_replicas)
    minima: Floats = rules.min_replicas if low is None else np.full(size, float(low))
    theirs = ceiling_of(rules)
    maxima: Floats = np.where(np.isfinite(theirs), theirs, DEFAULT_MAX) if high is None else np.full(size, float(high))
    minima = np.maximum(minima, least)
    return Limits(minima, np.maximum(maxima, np.maximum(minima, 1.0)))
