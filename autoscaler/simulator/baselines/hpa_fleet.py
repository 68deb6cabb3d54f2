"""Many HPAs without a `behavior`, decided together: what `hpa.Hpa` decides one by one, over columns (`hpa_behaving`: with).

Several metrics of one object are combined as the original does it: the largest proposal holds; where one cannot be had, the
others may raise and not lower.

Source: kubernetes v1.36.3 pkg/controller/podautoscaler (`horizontal.go`, `replica_calculator.go`), as in `hpa.py`.
"""

from typing import NamedTuple

import numpy as np

from autoscaler.core.columns import Bools, Floats, Ints
from autoscaler.core.reasons import Reason
from autoscaler.core.staged import Change
from autoscaler.core.stages import Stage
from autoscaler.core.trail import Trail
from autoscaler.simulator.baselines.hpa import MOST_REPLICAS
from autoscaler.simulator.baselines.signals import Lanes, milli


class Limits(NamedTuple):
    """What one HPA may do. Both `(functions,) float64`.

    Attributes:
        low: minReplicas.
        high: maxReplicas.
    """

    low: Floats
    high: Floats


class Sights(NamedTuple):
    """What a round sees.

    Attributes:
        current: `(functions,) float64`, `spec.replicas`, which is `status.replicas` too.
        ready: `(functions,) float64`, ready pods.
        values: `(lanes,) float64`, metrics; nan: cannot be had.
    """

    current: Floats
    ready: Floats
    values: Floats


class HpaFleet:
    """HPAs that decide at exact intervals, each with its own rounds.

    Args:
        limits: minima and maxima.
        tolerance: the dead band, fraction.
        period_s: seconds between rounds.
        stabilization_s: look-back of cuts.
    """

    def __init__(self, limits: Limits, tolerance: float, period_s: float, stabilization_s: float) -> None:
        self._limits = limits
        self._band = 1.0 - tolerance, 1.0 + tolerance
        functions = len(limits.low)
        self._wanted = np.full((int(stabilization_s // period_s) + 1, functions), np.nan)
        self._round = np.full(functions, -1, np.int64)  # the last one of each; its slot is the number modulo the slots

    def decide(self, trail: Trail, rows: Ints, number: Ints, lanes: Lanes, sights: Sights) -> None:
        """Decide the rounds of some objects.

        Args:
            trail: `spec.replicas` of all functions; what is decided for these goes into it.
            rows: `(rows,) int64`, whose round it is; none of them is switched off.
            number: `(rows,) int64`, number of that round of each.
            lanes: the metrics of the whole fleet.
            sights: what there is to see, of the whole fleet.
        """
        current = sights.current[rows]
        self._open(rows, number, current, self._wanted)
        self._round[rows] = number
        low, high = self._limits.low[rows], self._limits.high[rows]
        is_over, is_under = current > high, (current < low) & (current > 0)
        trail.apply(Stage.LIMITS, Change(rows[is_over], high[is_over], Reason.MAX_REPLICAS))
        trail.apply(Stage.FLOORS, Change(rows[is_under], low[is_under], Reason.MIN_REPLICAS))
        wanted, is_valid, is_near = self._proposals(rows, lanes, sights)
        free = ~(is_over | is_under)
        unknown = rows[free & ~is_valid]
        trail.apply(Stage.GUARDS, Change(unknown, trail.replicas[unknown], Reason.UNKNOWN_LOAD))
        at = np.flatnonzero(free & is_valid)
        self._follow(trail, rows[at], wanted[at], is_near[at])

    def _open(self, rows: Ints, number: Ints, current: Floats, wanted: Floats) -> None:
        """Begin the rounds: what lies further back than the look-back is forgotten; the first count found counts."""
        slots = len(wanted)
        last = self._round[rows]
        fresh = last < 0
        for back in range(min(int((number - last).max(initial=0)), slots)):
            at = ~fresh & (number - back > last)
            wanted[(number[at] - back) % slots, rows[at]] = np.nan
        wanted[number[fresh] % slots, rows[fresh]] = current[fresh]

    def _proposals(self, rows: Ints, lanes: Lanes, sights: Sights) -> tuple[Floats, Bools, Bools]:
        """Give what the metrics ask for, whether that holds, and whether it is what there is, within the dead band."""
        functions = len(sights.current)
        proposed, is_near = self._of_lanes(lanes, sights)
        is_known = ~np.isnan(proposed)
        most = np.full(functions, -np.inf)
        np.maximum.at(most, lanes.rows[is_known], proposed[is_known])
        lacks = np.zeros(functions, np.bool_)
        lacks[lanes.rows[~is_known]] = True
        near = np.zeros(functions, np.bool_)
        near[lanes.rows[is_known & is_near]] = True
        wanted = most[rows]
        is_valid = np.isfinite(wanted) & ~(lacks[rows] & (wanted < sights.current[rows]))
        return wanted, is_valid, near[rows] & (wanted == sights.current[rows])

    def _of_lanes(self, lanes: Lanes, sights: Sights) -> tuple[Floats, Bools]:
        current, ready = sights.current[lanes.rows], sights.ready[lanes.rows]
        value_milli = milli(sights.values)
        ratio = value_milli / lanes.target_milli
        carried = lanes.target_milli * np.where(lanes.is_level, ready > 0, current)
        usage = np.divide(value_milli, carried, out=np.full(len(ratio), np.inf), where=carried > 0)
        is_near = (usage >= self._band[0]) & (usage <= self._band[1])
        factor = np.where(lanes.is_level & (ready > 0), ready, 1.0)
        proposed = np.where(is_near, current, np.minimum(np.ceil(ratio * factor), MOST_REPLICAS))
        proposed[np.isnan(sights.values)] = np.nan
        return proposed, is_near

    def _follow(self, trail: Trail, rows: Ints, wanted: Floats, is_near: Bools) -> None:
        """Look back for cuts, then hold the limits: a doubling at most, or 4, and maxima and minima."""
        current = trail.replicas[rows]
        trail.replicas[rows], trail.reason[rows] = wanted, Reason.DEMAND
        trail.apply(Stage.GUARDS, Change(rows[is_near], wanted[is_near], Reason.TOLERANCE))
        slots = self._round[rows] % len(self._wanted)
        highest = np.fmax(wanted, np.nanmax(np.vstack([self._wanted[:, rows], wanted]), axis=0))
        self._wanted[slots, rows] = np.fmax(self._wanted[slots, rows], wanted)
        held = np.flatnonzero(highest > wanted)
        trail.apply(Stage.GUARDS, Change(rows[held], highest[held], Reason.STABILIZATION))
        low, high = self._limits.low[rows], self._limits.high[rows]
        fastest = np.maximum(2 * current, 4)
        few = np.flatnonzero(highest < low)
        trail.apply(Stage.FLOORS, Change(rows[few], low[few], Reason.MIN_REPLICAS))
        fast = np.flatnonzero((highest > fastest) & (fastest < high))
        trail.apply(Stage.GUARDS, Change(rows[fast], fastest[fast], Reason.SCALE_UP_POLICY))
        many = np.flatnonzero((highest > high) & (fastest >= high))
        trail.apply(Stage.LIMITS, Change(rows[many], high[many], Reason.MAX_REPLICAS))
