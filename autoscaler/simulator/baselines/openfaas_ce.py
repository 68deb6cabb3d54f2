"""OpenFaaS CE: an alert fires, Alertmanager tells it again and again, and each telling is a step of replicas.

Source: openfaas/faas gateway/handlers/alerthandler.go and the chart's rule and routes; prometheus/alertmanager
notify (a notification is due at a flush where alerts joined or were resolved, or once its repeat interval has passed,
which at the flush of that very moment it has not quite).
"""

import numpy as np

from autoscaler.core.columns import Bools, Floats
from autoscaler.core.fleet import Fleet
from autoscaler.core.observation import Observation
from autoscaler.core.reasons import Reason
from autoscaler.core.staged import Change
from autoscaler.core.stages import Stage
from autoscaler.core.trail import Trail
from autoscaler.simulator.baselines.alert_group import AlertGroup
from autoscaler.simulator.baselines.away import Away
from autoscaler.simulator.baselines.deciding import Baseline
from autoscaler.simulator.baselines.openfaas_labels import Labels, number
from autoscaler.simulator.baselines.settings import OpenfaasCE
from autoscaler.simulator.baselines.watched import Watched

MOST = 5.0
"""Replicas of a function that its provider allows."""


class OpenfaasCeBaseline(Baseline):
    """One alert for each function, all in one group: whenever one joins or ends, all that fire are told again.

    The rate is the scenario's samples', over its `range`; the chart's own is over 10 s of scrapes 5 s apart.
    """

    def __init__(self, config: OpenfaasCE, fleet: Fleet, watched: Watched, labels: Labels, away: Away) -> None:
        super().__init__(fleet, watched)
        self._config, self._away = config, away
        self._low = np.clip(number(labels, "min", 1.0), 1.0, MOST)
        self._high = np.clip(number(labels, "max", MOST), self._low, MOST)
        self._step = np.ceil(self._high / 100 * number(labels, "factor", 10.0))
        self._over_s: Floats = np.full(len(fleet), np.inf)  # since when the rule holds; inf: it does not
        self._next_s = 0.0
        self._group = AlertGroup(len(fleet), config.group_wait, config.group_interval, config.repeat_interval)
        self._is_firing: Bools = np.zeros(len(fleet), np.bool_)

    def decide(self, now_s: float, observation: Observation) -> Trail:
        """Let rule and alerts go on, then let the provider mend what it does not allow."""
        if now_s >= self._next_s:
            self._next_s = (now_s // self._config.evaluation + 1) * self._config.evaluation
            if not self._away.at(now_s):
                self._evaluate(now_s, observation.load.rps)
        trail = Trail(observation.requested.copy(), Reason.DEMAND)
        held = np.flatnonzero(self._is_firing)
        trail.apply(Stage.FLOORS, Change(held, trail.replicas[held], Reason.BOOST))
        for firing, resolved in self._group.flush(now_s):
            self._is_firing[firing], self._is_firing[resolved] = True, False
            trail.replicas[resolved], trail.reason[resolved] = self._low[resolved], Reason.DEMAND
            more = firing[self._step[firing] > 0]
            raised = np.minimum(trail.replicas[more] + self._step[more], self._high[more])
            trail.apply(Stage.FLOORS, Change(more, np.maximum(raised, trail.replicas[more]), Reason.BOOST))
        few, many = np.flatnonzero(trail.replicas < 1), np.flatnonzero(trail.replicas > MOST)
        trail.apply(Stage.FLOORS, Change(few, np.ones(len(few)), Reason.MIN_REPLICAS))
        trail.apply(Stage.LIMITS, Change(many, np.full(len(many), MOST), Reason.MAX_REPLICAS))
        return trail

    def _evaluate(self, now_s: float, rps: Floats) -> None:
        is_over = rps > self._config.threshold  # of a series that is not there: false
        self._over_s = np.where(is_over, np.minimum(self._over_s, now_s), np.inf)
        self._group.tell(now_s, now_s - self._over_s >= self._config.hold)
