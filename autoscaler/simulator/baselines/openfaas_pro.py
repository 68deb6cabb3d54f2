"""OpenFaaS Pro: load over target at the interval of a loop, and zero after idleness.

Source: its documentation (autoscaling) and the recording rules of its chart; the program itself is closed: how often it
decides and what it does while nothing is known is not published. Here it leaves everything as it is then.
"""

from collections.abc import Sequence

import numpy as np

from autoscaler.core.columns import Codes, Floats, Ints
from autoscaler.core.fleet import Fleet, FunctionKey
from autoscaler.core.observation import Observation
from autoscaler.core.reasons import Reason
from autoscaler.core.staged import Change
from autoscaler.core.stages import Stage
from autoscaler.core.trail import Trail
from autoscaler.policy.labels import OPENFAAS
from autoscaler.policy.problems import Problem, shown
from autoscaler.simulator.baselines.deciding import Baseline, stay, within
from autoscaler.simulator.baselines.openfaas_labels import Labels, claim, duration_s, number
from autoscaler.simulator.baselines.recent_most import RecentMost
from autoscaler.simulator.baselines.rounds import Rounds
from autoscaler.simulator.baselines.settings import OpenfaasPro
from autoscaler.simulator.baselines.watched import Watched

TYPES = ("rps", "capacity")
CAPACITY_S = 45.0
"""Stretch over which the most requests in flight are what capacity goes by."""

LONGEST_DOWN_WINDOW_S = 300.0


class OpenfaasProBaseline(Baseline):
    """`ceil(load / (target × proportion))` between the labels' bounds. A function of min = max is left alone."""

    def __init__(self, config: OpenfaasPro, fleet: Fleet, watched: Watched, labels: Labels) -> None:
        super().__init__(fleet, watched)
        size = len(fleet)
        self._low = np.maximum(number(labels, "min", 1.0), 1.0)
        self._high = np.maximum(number(labels, "max", 20.0), self._low)
        target = number(labels, "target", config.target)
        proportion = number(labels, "target-proportion", 0.9)
        self._carried = np.where(target > 0, target, config.target) * np.where(proportion > 0, proportion, 0.9)
        self._is_capacity = np.array([one.get(f"{OPENFAAS}type", TYPES[0]) == TYPES[1] for one in labels], np.bool_)
        zero_after_s = duration_s(labels, "zero-duration", 900.0)
        self._zero_after_s = np.where(claim(labels, "zero"), zero_after_s, np.inf)
        window_s = np.minimum(duration_s(labels, "down.window", 0.0), LONGEST_DOWN_WINDOW_S)
        self._slots = np.floor(window_s / config.interval).astype(np.int64)
        self._wanted = np.full((int(self._slots.max(initial=0)) + 1, size), np.nan)  # newest first
        self._rounds = Rounds(fleet.keys, config.interval, "loop")
        self._capacity = RecentMost(size, CAPACITY_S)
        self._active_s: Floats = np.full(size, -np.inf)
        self._reason: Codes = np.full(size, Reason.DEMAND, np.uint8)

    def decide(self, now_s: float, observation: Observation) -> Trail:
        load, current = observation.load, observation.requested
        if not np.isfinite(self._active_s).any():
            self._active_s[:] = now_s  # nobody was idle before it began
        most = self._capacity.add(now_s, np.nan_to_num(load.in_flight, nan=0.0))
        known = np.where(self._is_capacity, np.where(np.isnan(load.in_flight), np.nan, most), load.rps)
        is_idle = load.is_idle | ((load.rps == 0) & ~(load.in_flight > 0))
        self._active_s[~is_idle] = now_s
        trail = Trail(current.copy(), Reason.DEMAND)
        due = self._rounds.due(now_s)
        due = due[self._low[due] < self._high[due]]
        stay(trail, np.setdiff1d(np.arange(len(current)), due, assume_unique=True), self._reason)
        rows = due[~np.isnan(known[due])]
        unknown = due[np.isnan(known[due])]
        trail.apply(Stage.GUARDS, Change(unknown, current[unknown], Reason.UNKNOWN_LOAD))
        self._follow(trail, rows, known[rows], now_s)
        self._reason = trail.reason.copy()
        return trail

    def _follow(self, trail: Trail, rows: Ints, load: Floats, now_s: float) -> None:
        current = trail.replicas[rows]
        wanted = np.ceil(np.ceil(load) / self._carried[rows])
        trail.replicas[rows], trail.reason[rows] = wanted, Reason.DEMAND
        history = np.roll(self._wanted[:, rows], 1, axis=0)
        history[0] = wanted
        self._wanted[:, rows] = history
        is_within = np.arange(len(history))[:, None] <= self._slots[rows]
        kept = np.minimum(np.nanmax(np.where(is_within, history, np.nan), axis=0), current)
        held = np.flatnonzero(kept > wanted)
        trail.apply(Stage.GUARDS, Change(rows[held], kept[held], Reason.STABILIZATION))
        within(trail, *self._bounds(rows))
        is_idle = now_s - self._active_s[rows] >= self._zero_after_s[rows]
        asleep = rows[is_idle | ((current == 0) & (wanted == 0))]
        trail.apply(Stage.IDLE, Change(asleep, np.zeros(len(asleep)), Reason.ZERO_IDLE))

    def _bounds(self, rows: Ints) -> tuple[Floats, Floats]:
        """Give minima and maxima of the rows whose turn it is; none of the others."""
        low, high = np.zeros(len(self._low)), np.full(len(self._low), np.inf)
        low[rows], high[rows] = self._low[rows], self._high[rows]
        return low, high


def unknown_types(labels: Labels, keys: Sequence[FunctionKey]) -> tuple[Problem, ...]:
    """Name the functions that are scaled by something that a run has no load of."""
    name = f"{OPENFAAS}type"
    return tuple(
        Problem(str(key), None, name, f"is {shown(one[name])}", "rps or capacity, under the decider openfaasPro")
        for key, one in zip(keys, labels, strict=True)
        if one.get(name, TYPES[0]) not in TYPES
    )
