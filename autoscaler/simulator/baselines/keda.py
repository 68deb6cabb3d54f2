"""KEDA: its poll between 0 and 1, and the HPA that it makes for all above.

Source: kedacore/keda v2.21 pkg/scaling/executor (activation, cooldown), pkg/fallback, pkg/scalers/prometheus_scaler;
what an operator of that version was measured to do where the two differ: a fallback wakes functions at zero; one of 0
replicas makes an error count as inactive.

How long 0 → 1 takes is a scrape (here of 15 s) and a poll, each from none of it to all: at a poll of 30 s 23.5 s in the middle and
45 s at most, at 5 s 10 s and 20 s. Of the real one 24.0 and 34.3 s, 8.7 and 19.1 s were measured of ten functions: of so few draws the
longest is mostly 34 to 42 s here too. From 1 to more it is a sync, and what the rate's window takes to fill: 20 times the target 8
to 10 s in the middle, twice the target 18 to 30 s, where 15 s were measured of loads that were not written down.
"""

import numpy as np

from autoscaler.core.columns import Bools, Codes, Floats, Ints
from autoscaler.core.fleet import Fleet
from autoscaler.core.observation import Load, Observation
from autoscaler.core.reasons import Reason
from autoscaler.core.staged import Change
from autoscaler.core.stages import Stage
from autoscaler.core.trail import Trail
from autoscaler.simulator.baselines.away import Away
from autoscaler.simulator.baselines.deciding import Baseline, stay
from autoscaler.simulator.baselines.hpa_behaving import fleet_of
from autoscaler.simulator.baselines.hpa_documents import behavior_of
from autoscaler.simulator.baselines.hpa_fleet import Sights
from autoscaler.simulator.baselines.hpa_rounds import limits_of
from autoscaler.simulator.baselines.rounds import Rounds
from autoscaler.simulator.baselines.settings import Keda
from autoscaler.simulator.baselines.signals import Signals
from autoscaler.simulator.baselines.watched import Watched


class KedaBaseline(Baseline):
    """One ScaledObject for each function, its triggers the metrics of the documents.

    Nobody wakes it. A time of last activity is kept in whole seconds by a status, and a poll comes a moment after its
    interval: a cooldown as long as the interval has passed at the next poll.
    """

    hears_wakes = False

    def __init__(self, config: Keda, fleet: Fleet, watched: Watched, away: Away) -> None:
        super().__init__(fleet, watched)
        self._config, self._away, self._known = config, away, fleet
        self._limits = limits_of(fleet.rules, config.min, config.max, least=0.0)
        floors = self._limits._replace(low=np.maximum(self._limits.low, 1.0))
        behavior = behavior_of(config.behavior)
        self._objects = fleet_of(floors, config.tolerance, config.sync, config.stabilization, behavior)
        self._polls = Rounds(fleet.keys, config.polling_interval, "poll")
        self._syncs = Rounds(fleet.keys, config.sync, "hpa")
        self._signals = Signals(fleet, config)
        self._active_s: Floats = np.full(len(fleet), -np.inf)
        self._failures: Ints = np.zeros(len(fleet), np.int64)
        self._reason: Codes = np.full(len(fleet), Reason.DEMAND, np.uint8)

    def decide(self, now_s: float, observation: Observation) -> Trail:
        if observation.fleet is not self._known:
            self._known, self._signals = observation.fleet, Signals(observation.fleet, self._config)
        current = observation.requested
        trail = Trail(current.copy(), Reason.DEMAND)
        polled, synced = self._polls.due(now_s), self._syncs.due(now_s)
        synced = synced[current[synced] > 0]  # an HPA leaves alone what is at 0
        asked = np.union1d(polled, synced)
        stay(trail, np.setdiff1d(np.arange(len(current)), asked, assume_unique=True), self._reason)
        values = self._values(observation.load, self._away.at(now_s))
        is_failing = self._failing(values)
        self._count(is_failing, polled, synced)
        values = self._fallen_back(values)
        moved = self._poll(trail, polled, values, is_failing)
        synced = synced[~np.isin(synced, moved)]
        sights = Sights(current, observation.ready, values)
        self._objects.decide(trail, synced, self._syncs.number[synced], self._signals.lanes, sights)
        self._reason = trail.reason.copy()
        return trail

    def _values(self, load: Load, is_away: bool) -> Floats:
        """Give what triggers answer, `(lanes,)`; nan: an error."""
        values = self._signals.values(load)
        if is_away:
            return np.full(len(values), np.nan)
        return np.nan_to_num(values, nan=0.0) if self._config.ignore_null_values else values

    def _failing(self, values: Floats) -> Bools:
        """Tell of each function whether any of its triggers fails."""
        is_failing = np.zeros(len(self.fleet), np.bool_)
        is_failing[self._signals.lanes.rows[np.isnan(values)]] = True
        return is_failing

    def _count(self, is_failing: Bools, polled: Ints, synced: Ints) -> None:
        """Count failures in a row: those of polls and those of the HPA's reads."""
        for rows in (polled, synced):
            self._failures[rows] = (self._failures[rows] + 1) * is_failing[rows]

    def _fallen_back(self, values: Floats) -> Floats:
        """Give the values that are reported: once a source has failed for long, as much as the fallback's replicas carry."""
        fallback = self._config.fallback
        if fallback is None:
            return values
        is_over = self._failures[self._signals.lanes.rows] > fallback.failure_threshold
        lanes = np.flatnonzero(np.isnan(values) & is_over & ~self._signals.lanes.is_level)
        values[lanes] = self._signals.lanes.target_milli[lanes] / 1000 * fallback.replicas
        return values

    def _poll(self, trail: Trail, rows: Ints, values: Floats, is_failing: Bools) -> Ints:
        """Decide between nothing and something; give the rows that moved."""
        is_active = self._active(values)[rows]
        is_up = trail.replicas[rows] > 0
        moments_s = self._polls.moment_s(rows)
        may_fall = ~is_active & is_up & (self._limits.low[rows] == 0) & ~self._keeps(is_failing[rows])
        has_cooled = moments_s - self._active_s[rows] >= self._config.cooldown_period
        self._active_s[rows[is_active]] = moments_s[is_active]
        for at, replicas, stage, reason in (
            (is_active & ~is_up, np.maximum(self._limits.low[rows], 1.0), Stage.DEMAND, Reason.ACTIVATION),
            (
                ~is_active & ~is_up & (self._limits.low[rows] > 0),
                self._limits.low[rows],
                Stage.FLOORS,
                Reason.MIN_REPLICAS,
            ),
            (may_fall & has_cooled, np.zeros(len(rows)), Stage.IDLE, Reason.ZERO_IDLE),
            (may_fall & ~has_cooled, trail.replicas[rows], Stage.IDLE, Reason.ZERO_NOT_PROVEN),
        ):
            trail.apply(stage, Change(rows[at], replicas[at], reason))
        unknown = rows[is_failing[rows] & ~is_active & ~may_fall]
        trail.apply(Stage.GUARDS, Change(unknown, trail.replicas[unknown], Reason.UNKNOWN_LOAD))
        result: Ints = rows[(is_active & ~is_up) | (may_fall & has_cooled)]
        return result

    def _active(self, values: Floats) -> Bools:
        """Tell of each function whether any of its triggers is active; one that fails is not."""
        is_active = np.zeros(len(self.fleet), np.bool_)
        is_active[self._signals.lanes.rows[values > self._config.activation_threshold]] = True
        return is_active

    def _keeps(self, is_failing: Bools) -> Bools:
        """Tell where an error forbids zero: wherever there is one, unless there is a fallback of none."""
        fallback = self._config.fallback
        is_none = fallback is not None and fallback.replicas == 0
        return np.zeros_like(is_failing) if is_none else is_failing
