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
        lane: `(n,) int64`, lane of `OwnChanges`.
        factor: `(n,) float64`.
        step: `(n,) float64`, replicas.
    """

    place: Ints | None
    lane: Ints
    factor: Floats
    step: Floats


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
        self._up = _levels(up, lanes[: len(up.value)], 1.0)
        self._down = _levels(down, lanes[len(up.value) :], -1.0)
        self._up_sign = np.where(up.select == Select.MIN, -1.0, 1.0)
        self._down_sign = np.where(down.select == Select.MIN, 1.0, -1.0)
        self._least = _has_percent(up).astype(np.float64)

    @property
    def nbytes(self) -> int:
        """Bytes of all state and constants."""
        arrays = [self._up_sign, self._down_sign, self._least]
        arrays += [column for level in (*self._up, *self._down) for column in level if column is not None]
        return self.changes.nbytes + sum(array.nbytes for array in arrays)

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
        result = self._best(self._up, self._up_sign[which], which, standing, np.ceil)
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
        result = self._best(self._down, self._down_sign[which], which, standing, np.floor)
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
        self, levels: tuple[_Level, ...], sign: Floats, which: Ints | slice, standing: Floats, whole: np.ufunc
    ) -> Floats:
        result = np.empty(0)
        for level in levels:
            at: Ints | slice = which
            some: Ints | slice = slice(None)
            its_sign = sign
            if level.place is not None:
                place = level.place[which]
                some = np.flatnonzero(place >= 0)
                at, its_sign = place[some], sign[some]
            proposed = standing[some] - self.changes.net[level.lane[at]]
            proposed *= level.factor[at]
            proposed += level.step[at]
            whole(proposed, out=proposed)
            proposed *= its_sign
            if not result.size:
                result = proposed
            elif level.place is None:
                np.maximum(result, proposed, out=result)
            else:
                result[some] = np.maximum(result[some], proposed)
        result *= sign
        return result


def _number(standing: Floats) -> Floats:
    """Give replicas within 0 and the most there may be; what is no number is 0."""
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
        result.append(_Level(place, lane, factor, step))
    return tuple(result)


def _has_percent(policies: RatePolicies) -> Bools:
    counts = np.concatenate([[0], np.cumsum(policies.is_percent)])
    has = counts[policies.starts[1:]] > counts[policies.starts[:-1]]
    result: Bools = has & (policies.select != Select.DISABLED)
    return result
