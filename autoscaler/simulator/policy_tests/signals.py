"""A metric's true course, and the samples that a source takes of it at every tick."""

import math
from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np

from autoscaler.core.columns import Bools, Floats
from autoscaler.simulator.policy_tests.notation import Ramp, Series

_PRECISION = 6
"""Decimals to which times are rounded, so that 0.1 s three times is 0.3 s: microseconds."""


class Segment(NamedTuple):
    """A straight piece of a course: from `start_s` on, before `end_s`; nan: unknown."""

    start_s: float
    end_s: float
    first: float
    last: float

    def at(self, time_s: float) -> float:
        """Give the value at a time within."""
        if math.isinf(self.end_s) or self.first == self.last:
            return self.first
        return self.first + (self.last - self.first) * (time_s - self.start_s) / (self.end_s - self.start_s)


def of_series(series: Series, interval_s: float) -> list[Segment]:
    """Lay samples one after another, each for one interval."""
    if series.is_endless:
        return [Segment(0.0, math.inf, series.values[0], series.values[0])]
    return [
        Segment(position * interval_s, (position + 1) * interval_s, value, value)
        for position, value in enumerate(series.values)
    ]


def of_spans(spans: Iterable[tuple[float, float, Ramp]]) -> list[Segment]:
    """Make a course of spans (from, to, value) that do not overlap."""
    return sorted(Segment(start_s, end_s, ramp.first, ramp.last) for start_s, end_s, ramp in spans)


def without(segments: Iterable[Segment], start_s: float, end_s: float) -> list[Segment]:
    """Make a course unknown from one time to another."""
    result = []
    for one in segments:
        if one.start_s < start_s:
            cut_s = min(one.end_s, start_s)
            result.append(Segment(one.start_s, cut_s, one.first, one.at(cut_s)))
        if one.end_s > end_s:
            cut_s = max(one.start_s, end_s)
            result.append(Segment(cut_s, one.end_s, one.at(cut_s), one.last))
    return [one for one in result if one.end_s > one.start_s]


class Samples(NamedTuple):
    """Samples at times, each over (time − range, time]. All columns `(times,)`.

    Attributes:
        mean: float64; nan: unknown at the time itself. What is unknown before it counts as 0, as a rate reads too
            low after an outage.
        latest: float64, the value at the time itself; nan: unknown.
        is_whole: bool, known over the whole range.
        is_zero: bool, known to be 0 over the whole range.
    """

    mean: Floats
    latest: Floats
    is_whole: Bools
    is_zero: Bools


class Course:
    """A metric over all time: before 0 as it is at 0, unknown where nothing is said."""

    def __init__(self, segments: Sequence[Segment], before_s: float) -> None:
        """Lay pieces on the axis of time.

        Args:
            segments: ascending, without overlap; unknown between them.
            before_s: how long before 0 the course is asked for.
        """
        self._edges, self._first, self._slope = _columns(segments, before_s)
        lengths = np.diff(self._edges)
        self._known = ~np.isnan(self._first)
        self._first = np.where(self._known, self._first, 0.0)
        whole = self._first[:-1] * lengths + self._slope[:-1] * lengths**2 / 2
        self._area = np.concatenate(([0.0], np.cumsum(whole)))
        self._length = np.concatenate(([0.0], np.cumsum(np.where(self._known[:-1], lengths, 0.0))))

    def samples(self, times_s: Floats, range_s: float) -> Samples:
        """Give the samples at these times, ascending."""
        ends, starts = np.round(times_s, _PRECISION), np.round(times_s - range_s, _PRECISION)
        last = np.maximum(np.searchsorted(self._edges, ends, side="left") - 1, 0)
        first = np.maximum(np.searchsorted(self._edges, starts, side="right") - 1, 0)
        # Within one segment the middle is the mean, free of the noise of large sums.
        middle = self._first[last] + self._slope[last] * ((ends + starts) / 2 - self._edges[last])
        area = self._upto(self._area, last, ends) - self._upto(self._area, first, starts)
        mean = np.where(first == last, middle, _without_noise(area / range_s))
        length = self._known_upto(last, ends) - self._known_upto(first, starts)
        is_known = self._known[last]
        is_whole = is_known & (length >= range_s - 2 * 10.0**-_PRECISION)
        latest = self._first[last] + self._slope[last] * (ends - self._edges[last])
        nothing = np.where(is_known, 0.0, np.nan)
        return Samples(np.maximum(mean, 0.0) + nothing, latest + nothing, is_whole, is_whole & (mean <= 0.0))

    def _upto(self, total: Floats, segment: np.ndarray[tuple[int, ...], np.dtype[np.int64]], times_s: Floats) -> Floats:
        into = times_s - self._edges[segment]
        result: Floats = total[segment] + self._first[segment] * into + self._slope[segment] * into**2 / 2
        return result

    def _known_upto(self, segment: np.ndarray[tuple[int, ...], np.dtype[np.int64]], times_s: Floats) -> Floats:
        result: Floats = self._length[segment] + np.where(self._known[segment], times_s - self._edges[segment], 0.0)
        return result


def _without_noise(mean: Floats) -> Floats:
    """Round to 9 digits: 40 is not to be read as 40.000000004 from the difference of two large sums."""
    magnitude = np.floor(np.log10(np.where(mean > 0, mean, 1.0)))
    scale = 10.0 ** (8 - magnitude)
    result: Floats = np.round(mean * scale) / scale
    return result


def _columns(segments: Sequence[Segment], before_s: float) -> tuple[Floats, Floats, Floats]:
    """Give where each piece begins, its value there (nan: unknown), and its slope; pieces follow without a gap."""
    edges, first, slope = [-before_s - 1.0], [math.nan], [0.0]
    for one in segments:
        if round(one.start_s, _PRECISION) == 0:
            first[0] = one.first
        if round(one.start_s, _PRECISION) > round(edges[-1], _PRECISION):
            edges.append(one.start_s)
            first.append(one.first)
            slope.append(0.0)
        else:
            first[-1] = one.first
        rises = not math.isinf(one.end_s) and one.first != one.last and not math.isnan(one.first)
        slope[-1] = (one.last - one.first) / (one.end_s - one.start_s) if rises else 0.0
        if not math.isinf(one.end_s):
            edges.append(one.end_s)
            first.append(math.nan)
            slope.append(0.0)
    return np.round(np.array(edges), _PRECISION), np.array(first), np.array(slope)
