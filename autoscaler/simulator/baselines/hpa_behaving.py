"""Many HPAs with one `behavior`, decided together: what `hpa.Hpa` decides one by one, over columns.

Source: kubernetes v1.36.3 pkg/controller/podautoscaler/horizontal.go, as in `hpa.py`; how fast each may scale is `hpa_rates`, of
those alone that are to move.
"""

import math

import numpy as np

from autoscaler.core.columns import Bools, Floats, Ints
from autoscaler.core.reasons import Reason
from autoscaler.core.staged import Change
from autoscaler.core.stages import Stage
from autoscaler.core.trail import Trail
from autoscaler.simulator.baselines.hpa_fleet import HpaFleet, Limits, Sights
from autoscaler.simulator.baselines.hpa_rates import Rates
from autoscaler.simulator.baselines.hpa_spec import HpaBehavior
from autoscaler.simulator.baselines.signals import Lanes


class BehavingFleet(HpaFleet):
    """HPAs whose behavior somebody gave.

    Args:
        limits: minima and maxima.
        tolerance: the dead band where a direction has none of its own, fraction.
        period_s: seconds between rounds.
        stabilization_s: look-back of cuts where the behavior has none.
        behavior: of all objects.
    """

    def __init__(
        self, limits: Limits, tolerance: float, period_s: float, stabilization_s: float, behavior: HpaBehavior
    ) -> None:
        up, down = behavior.up, behavior.down
        down_s = stabilization_s if down.window_s is None else down.window_s
        super().__init__(limits, tolerance, period_s, max(up.window_s or 0.0, down_s))
        self._band = (
            1.0 - (tolerance if down.tolerance is None else down.tolerance),
            1.0 + (tolerance if up.tolerance is None else up.tolerance),
        )
        self._behavior, self._period_s = behavior, period_s
        # A recommendation is dropped when it is as old as the window: of 30 s, that of two rounds of 15 s ago is.
        self._ups, self._downs = (math.ceil(window_s / period_s) for window_s in (up.window_s or 0.0, down_s))
        self._lowest = np.full_like(self._wanted, np.nan)
        self._rates: dict[int, Rates] = {}

    def decide(self, trail: Trail, rows: Ints, number: Ints, lanes: Lanes, sights: Sights) -> None:
        self._open(rows, number, sights.current[rows], self._lowest)
        super().decide(trail, rows, number, lanes, sights)
        before = sights.current
        for row in rows[trail.replicas[rows] != before[rows]].tolist():
            self._rates.setdefault(row, Rates()).remember(
                int(before[row]), int(trail.replicas[row]), self._behavior.up, self._behavior.down, self._now_s(row)
            )

    def _follow(self, trail: Trail, rows: Ints, wanted: Floats, is_near: Bools) -> None:
        """Look back in both directions, then hold the limits of the behavior, and maxima and minima."""
        current = trail.replicas[rows]
        trail.replicas[rows], trail.reason[rows] = wanted, Reason.DEMAND
        trail.apply(Stage.GUARDS, Change(rows[is_near], wanted[is_near], Reason.TOLERANCE))
        low = self._extreme(self._lowest, rows, wanted, self._ups, np.fmin)
        high = self._extreme(self._wanted, rows, wanted, self._downs, np.fmax)
        slots = self._round[rows] % len(self._wanted)
        self._lowest[slots, rows] = np.fmin(self._lowest[slots, rows], wanted)
        self._wanted[slots, rows] = np.fmax(self._wanted[slots, rows], wanted)
        stable = np.minimum(np.maximum(current, low), high)
        for is_held, reason in (
            ((stable != wanted) & (wanted >= current), Reason.STABILIZATION_UP),
            ((stable != wanted) & (wanted < current), Reason.STABILIZATION),
        ):
            trail.apply(Stage.GUARDS, Change(rows[is_held], stable[is_held], reason))
        self._limit(trail, rows, current, stable)

    def _extreme(self, memory: Floats, rows: Ints, wanted: Floats, rounds: int, choose: np.ufunc) -> Floats:
        """Give the largest or smallest recommendation of so many rounds, this one's among them."""
        result = wanted
        for back in range(rounds):
            result = choose(result, memory[(self._round[rows] - back) % len(memory), rows])
        return result

    def _limit(self, trail: Trail, rows: Ints, current: Floats, stable: Floats) -> None:
        rising, falling = np.flatnonzero(stable > current), np.flatnonzero(stable < current)
        up, down = self._behavior.up, self._behavior.down
        most, least = self._limits.high[rows], self._limits.low[rows]
        ceiling, floor = most.copy(), least.copy()
        for place in rising.tolist():
            row, now = int(rows[place]), int(current[place])
            ceiling[place] = max(now, self._rates.setdefault(row, Rates()).ceiling(up, now, self._now_s(row)))
        for place in falling.tolist():
            row, now = int(rows[place]), int(current[place])
            floor[place] = min(now, self._rates.setdefault(row, Rates()).floor(down, now, self._now_s(row)))
        few = rising[stable[rising] > np.minimum(most, ceiling)[rising]]
        many = falling[stable[falling] < np.maximum(least, floor)[falling]]
        for at, bound, stage, reason in (
            (few[most[few] > ceiling[few]], ceiling, Stage.GUARDS, Reason.SCALE_UP_POLICY),
            (few[most[few] <= ceiling[few]], most, Stage.LIMITS, Reason.MAX_REPLICAS),
            (many[least[many] < floor[many]], floor, Stage.GUARDS, Reason.SCALE_DOWN_POLICY),
            (many[least[many] >= floor[many]], least, Stage.FLOORS, Reason.MIN_REPLICAS),
        ):
            trail.apply(stage, Change(rows[at], bound[at], reason))

    def _now_s(self, row: int) -> float:
        """Give the moment of an object's round: rounds are exactly a period apart."""
        return float(self._round[row]) * self._period_s


def fleet_of(
    limits: Limits, tolerance: float, period_s: float, stabilization_s: float, behavior: HpaBehavior | None
) -> HpaFleet:
    """Give HPAs with a behavior, or without: that is another path with other limits, not an empty behavior."""
    if behavior is None:
        return HpaFleet(limits, tolerance, period_s, stabilization_s)
    return BehavingFleet(limits, tolerance, period_s, stabilization_s, behavior)
