"""Scaling policies: how far a function may move per period, as the HPA's `behavior`."""

from typing import NamedTuple

import numpy as np

from autoscaler.core.columns import Bools, Floats, Ints
from autoscaler.core.lanes import RatePolicies, Select
from autoscaler.core.own_changes import OwnChanges
from autoscaler.core.rounding import MOST_REPLICAS


class _Level(NamedTuple):
    """The k-th policy of every rule that has so many: it proposes `base × factor + step`.

    Attributes:
        place: `(rules,) int64`, where each rule of the direction stands in this level, -1: nowhere; None: all, in order.
        lane: `(n,) int64`, lane of `OwnChanges`; a slice where they are neighbours.
        factor: `(n,) float64`; None: 1 for all.
        step: `(n,) float64`, replicas; None: 0 for all.
    """

    place: Ints | None
    lane: Ints | slice
    factor: Floats | None
    step: Floats | None

    def net(self, changes: OwnChanges, at: Ints | slice) -> Floats:
        """Give the own changes of some rules of this level."""
        return changes.net[self.lane][at] if isinstance(self.lane, slice) else changes.net[self.lane[at]]


class RateLimits:
    """What the scaling policies of growth and shrinkage allow now.

    For each policy, `base` is what would run had we changed nothing within its period: standing − own raises + own
    cuts. Growth: Pods allow base + value, Percent ⌈base × (1 + value / 100)⌉; Max takes the largest, Min the smallest.
    Shrinkage: Pods allow base − value, Percent ⌊base × (1 − value / 100)⌋; Max takes the smallest, Min the largest.
    Disabled allows no move. A limit never pushes against the direction asked: no ceiling is below what stands, no
    floor above it. Products are of doubles, as the HPA's: 10 % more than 50 are 56, because 50 × 1.1 > 55.

    Where this differs from the HPA, on purpose:

    - No change is lost. The HPA's list overwrites one stale entry by the next, even if the other direction's longer
      period still counts it, and so allows more than was asked for.
    - Percent policies let a function at 0 grow to 1. The HPA's ⌈0 × 1.5⌉ is 0, so that nothing wakes it.
    - The result is within 0 and 2³¹ − 1, and a number whatever comes in; one that is none stands for 0.

    Source: Kubernetes v1.36.3, pkg/controller/podautoscaler/horizontal.go, `calculateScaleUpLimitWithScalingRules`,
    `calculateScaleDownLimitWithBehaviors`, `getReplicasChangePerPeriod`, `storeScaleEvent`.
    """

    def __init__(self, up: RatePolicies, down: RatePolicies, functions: int) -> None:
        """Begin without own changes.

        Args:
            up: policies of growth.
            down: policies of shrinkage.
            functions: rows of the fleet.
        """
        self._functions = functions
        self.changes, lanes = _lanes(up, down, functions)
        self._rows = np.unique(self.changes.rows)  # all functions with policies
        place = np.searchsorted(self._rows, self.changes.rows)
        self._place = None if np.array_equal(self._rows, self.changes.rows) else place
        self._up = _levels(up, lanes[: len(up.value)], 1.0)
        self._down = _levels(down, lanes[len(up.value) :], -1.0)
        self._up_sign, self._down_sign = _signs(up, 1.0), _signs(down, -1.0)
        self._least = _has_percent(up).astype(np.float64)

    @property
    def nbytes(self) -> int:
        """Bytes of all state and constants."""
        own = [*vars(self).values(), *(column for level in (*self._up, *self._down) for column in level)]
        return self.changes.nbytes + sum(one.nbytes for one in own if isinstance(one, np.ndarray))

    def ceiling(self, which: Ints | slice, standing: Floats, now_s: float) -> Floats:
        """Give the most that policies of growth allow.

        Args:
            which: `(n,) int64`, positions within the rows of `up`, or `slice(None)`: all.
            standing: `(n,) float64`, replicas that run now, in our view.
            now_s: monotonic seconds.

        Returns:
            `(n,) float64`, whole where `standing` is, not below it.
        """
        self.changes.expire(now_s)
        standing = _number(standing)
        result = self._best(self._up, self._up_sign, np.maximum, which, standing, np.ceil)
        np.maximum(result, self._least[which], out=result)
        np.maximum(result, standing, out=result)
        np.minimum(result, MOST_REPLICAS, out=result)
        result += 0.0  # −0.0 becomes 0.0
        return result

    def floor(self, which: Ints | slice, standing: Floats, now_s: float) -> Floats:
        """Give the fewest that policies of shrinkage allow; as `ceiling`, over the rows of `down`.

        Returns:
            `(n,) float64`, whole where `standing` is, not above it.
        """
        self.changes.expire(now_s)
        standing = _number(standing)
        result = self._best(self._down, self._down_sign, np.minimum, which, standing, np.floor)
        np.minimum(result, standing, out=result)
        np.maximum(result, 0.0, out=result)
        result += 0.0  # −0.0 becomes 0.0
        return result

    def record(self, rows: Ints | slice, before: Floats, after: Floats, now_s: float) -> None:
        """Take a tick's own changes; call it once a tick.

        Args:
            rows: `(n,) int64`, fleet rows, or a slice of them. Functions without policies are left out.
            before: `(n,) float64`, what stood.
            after: `(n,) float64`, what was decided.
            now_s: monotonic seconds.
        """
        if not self.changes.rows.size or not (before != after).any():
            return
        with np.errstate(invalid="ignore", over="ignore"):  # what is no number is sorted out below
            change = after - before
        if isinstance(rows, np.ndarray) and np.array_equal(rows, self._rows):
            self.changes.record_lanes(change if self._place is None else change.take(self._place), now_s)
            return
        if not isinstance(rows, slice) or rows != slice(None):
            all_rows = np.zeros(self._functions)
            all_rows[rows] = change
            change = all_rows
        self.changes.record(change, now_s)

    def carry(self, source: "RateLimits", new_of_old: Ints) -> None:
        """Take over the own changes that another fleet's limits know of the same functions.

        Args:
            source: the other fleet's.
            new_of_old: `(functions of the other,) int64`, row in this fleet; -1: gone.
        """
        self.changes.carry(source.changes, new_of_old)

    def _best(
        self,
        levels: tuple[_Level, ...],
        signs: Floats | None,
        usual: np.ufunc,
        which: Ints | slice,
        standing: Floats,
        whole: np.ufunc,
    ) -> Floats:
        """Give what the chosen one of each function's policies allows: where they differ in it, the largest by sign."""
        result, sign, choose = np.empty(0), None, usual
        if signs is not None:
            sign, choose = signs[which], np.maximum
        for level in levels:
            at: Ints | slice = which
            some: Ints | slice = slice(None)
            if level.place is not None:
                place = level.place[which]
                some = np.flatnonzero(place >= 0)
                at = place[some]
            proposed = standing[some] - level.net(self.changes, at)
            if level.factor is not None:
                proposed *= level.factor[at]
            if level.step is not None:
                proposed += level.step[at]
            whole(proposed, out=proposed)
            if sign is not None:
                proposed *= sign[some]
            if not result.size:
                result = proposed
            elif level.place is None:
                choose(result, proposed, out=result)
            else:
                result[some] = choose(result[some], proposed)
        return result if sign is None else result * sign


def _number(standing: Floats) -> Floats:
    """Give replicas within 0 and the most there may be; what is no number is 0."""
    if len(standing) and standing.min() >= 0.0 and standing.max() <= MOST_REPLICAS:  # nan compares false
        return standing
    result: Floats = np.fmax(standing, 0.0)
    np.fmin(result, MOST_REPLICAS, out=result)
    return result


def _lanes(up: RatePolicies, down: RatePolicies, functions: int) -> tuple[OwnChanges, Ints]:
    """Find the lanes, one for each function and period of whatever direction.

    Returns:
        The lanes, and `(policies of up and down,) int64`, the lane of each.
    """
    rows = np.concatenate([np.repeat(policies.rows, np.diff(policies.starts)) for policies in (up, down)])
    periods, period = np.unique(np.concatenate([up.period_s, down.period_s]), return_inverse=True)
    width = max(functions, 1)
    keys, lane = np.unique(period * width + rows, return_inverse=True)
    return OwnChanges(keys % width, periods[keys // width]), lane


def _signs(policies: RatePolicies, usual: float) -> Floats | None:
    """Give what proposals are multiplied by so that the largest is the one that is chosen; None: the usual one of all."""
    is_least = policies.select == Select.MIN.value
    return np.where(is_least, -usual, usual) if is_least.any() else None


def _levels(policies: RatePolicies, lanes: Ints, direction: float) -> tuple[_Level, ...]:
    is_off = policies.select == Select.DISABLED
    count = np.where(is_off, 1, np.diff(policies.starts))
    result = []
    for k in range(int(count.max(initial=0))):
        rules = np.flatnonzero(count > k)
        at = policies.starts[rules] + k
        factor = np.where(policies.is_percent[at], 1.0 + direction * (policies.value[at] / 100.0), 1.0)
        step = np.where(policies.is_percent[at], 0.0, direction * policies.value[at])
        off = is_off[rules]
        lane = np.where(off, -1, lanes[at])
        factor[off], step[off] = 1.0, 0.0
        place = None
        if len(rules) < len(count):
            place = np.full(len(count), -1)
            place[rules] = np.arange(len(rules))
        some_factor, some_step = factor if (factor != 1.0).any() else None, step if step.any() else None
        result.append(_Level(place, _neighbours(lane), some_factor, some_step))
    return tuple(result)


def _neighbours(lanes: Ints) -> Ints | slice:
    """Give lanes as a slice where each follows the one before."""
    first = int(lanes[0])
    is_run = first >= 0 and np.array_equal(lanes, np.arange(first, first + len(lanes)))
    return slice(first, first + len(lanes)) if is_run else lanes


def _has_percent(policies: RatePolicies) -> Bools:
    counts = np.concatenate([[0], np.cumsum(policies.is_percent)])
    has = counts[policies.starts[1:]] > counts[policies.starts[:-1]]
    result: Bools = has & (policies.select != Select.DISABLED)
    return result
