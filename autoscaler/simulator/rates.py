"""What PromQL's range functions make of scraped samples, for all series at once."""

from typing import NamedTuple

import numpy as np

from autoscaler.core.columns import Floats, Ints

THRESHOLD = 1.1
"""Mean gaps between samples up to which Prometheus extrapolates to the end of a range."""


class Growth(NamedTuple):
    """What `rate` needs of the samples of a range, whatever the range's ends: `(series,) float64` each.

    Where all series have it the same, a column has one number, which saves most of the work of a large fleet.

    Attributes:
        grown: by how much each counter grew; nan: it has less than two samples.
        first_s: when its first sample is.
        sampled_s: seconds from it to the last one.
        gap_s: mean seconds between neighbours.
        to_zero_s: seconds before the first sample at which it would have been 0; inf: it did not grow.
        soonest_zero_s: the least of them.
    """

    grown: Floats
    first_s: Floats
    sampled_s: Floats
    gap_s: Floats
    to_zero_s: Floats
    soonest_zero_s: float


def growth(values: Floats, times_s: Floats) -> Growth:
    """Sum up samples.

    Args:
        values: `(scrapes, series) float64`, nan: no sample.
        times_s: `(scrapes,) float64`, ascending.
    """
    if not len(times_s):
        nothing = np.full(values.shape[1], np.nan)
        return Growth(nothing, nothing, nothing, nothing, nothing, np.inf)
    number, first, last = _ends(values)
    with np.errstate(invalid="ignore", divide="ignore"):
        grown = np.where(number >= 2, _increase(values), np.nan)
        first_s = times_s[first]
        sampled_s = times_s[last] - first_s
        first_value = np.take_along_axis(values, first[None, :], axis=0)[0]
        to_zero_s = np.where(grown > 0, sampled_s * first_value / grown, np.inf)
        to_zero_s = np.where(first_value >= 0, to_zero_s, np.inf)
        gap_s = sampled_s / (number - 1)
    soonest_s = float(to_zero_s.min(initial=np.inf))
    return Growth(grown, _one_if_same(first_s), _one_if_same(sampled_s), _one_if_same(gap_s), to_zero_s, soonest_s)


def rate(values: Floats, times_s: Floats, start_s: float, end_s: float) -> Floats:
    """Give `rate` of counters over (start, end], extrapolated to its ends as Prometheus does it.

    A series that lies near an end of the range is taken to go on to it, else for half a mean gap; a counter
    is never extrapolated to below zero. So a counter born within the range reads less than what it counted:
    the count it is born with is no increase.

    Args:
        values: `(scrapes, series) float64`, nan: no sample.
        times_s: `(scrapes,) float64`, ascending, all within the range.

    Returns:
        `(series,) float64`, per second; nan where a series has less than two samples.

    Source:
        prometheus promql/functions.go `extrapolatedRate` at v2.42.0.
    """
    return extrapolated(growth(values, times_s), start_s, end_s)


def extrapolated(grown: Growth, start_s: float, end_s: float) -> Floats:
    """Give `rate` of samples that were summed up."""
    with np.errstate(invalid="ignore", divide="ignore"):
        to_start_s = grown.first_s - start_s
        if not (len(to_start_s) == 1 and to_start_s[0] <= grown.soonest_zero_s):  # else all of them stay one number
            to_start_s = np.minimum(to_start_s, grown.to_zero_s)
        to_end_s = end_s - (grown.first_s + grown.sampled_s)
        before_s = np.where(to_start_s < THRESHOLD * grown.gap_s, to_start_s, grown.gap_s / 2)
        after_s = np.where(to_end_s < THRESHOLD * grown.gap_s, to_end_s, grown.gap_s / 2)
        result: Floats = grown.grown * (grown.sampled_s + before_s + after_s) / grown.sampled_s / (end_s - start_s)
    return result


def sum_over(values: Floats) -> Floats:
    """Give `sum_over_time`: `(series,)` sums of the samples there are; nan where a series has none."""
    is_there = ~np.isnan(values)
    if len(values) and is_there.all():  # the rule
        whole: Floats = values.sum(axis=0)
        return whole
    result: Floats = np.where(is_there.any(axis=0), np.nansum(values, axis=0), np.nan)
    return result


def _increase(values: Floats) -> Floats:
    """Sum the growth between neighbouring samples of each series; after a fall the counter began at 0 anew."""
    grown = np.diff(values, axis=0)
    if (grown >= 0).all():  # the rule, and a tenth of the work; nan compares false
        whole: Floats = grown.sum(axis=0)
        return whole
    total = np.zeros(values.shape[1])
    previous = np.full(values.shape[1], np.nan)
    for sample in values:  # a handful of scrapes; the columns are the functions
        is_there = ~np.isnan(sample)
        grown = np.where(sample < previous, sample, sample - previous)
        total += np.where(is_there & ~np.isnan(previous), grown, 0.0)
        previous = np.where(is_there, sample, previous)
    return total


def _ends(values: Floats) -> tuple[Floats, Ints, Ints]:
    """Give the number of samples of each series, and the positions of its first and its last."""
    is_there = ~np.isnan(values)
    if is_there.all():  # the rule, and a tenth of the work
        none = np.zeros(values.shape[1], dtype=np.int64)
        return np.full(values.shape[1], float(len(values))), none, none + len(values) - 1
    number = is_there.sum(axis=0).astype(np.float64)
    return number, is_there.argmax(axis=0), len(values) - 1 - is_there[::-1].argmax(axis=0)


def _one_if_same(column: Floats) -> Floats:
    """Give a column of one number for one that has it everywhere."""
    return column[:1] if len(column) and bool((column == column[0]).all()) else column
