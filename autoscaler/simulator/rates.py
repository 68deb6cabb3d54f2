"""What PromQL's range functions make of scraped samples, for all series at once."""

import numpy as np

from autoscaler.core.columns import Floats, Ints

THRESHOLD = 1.1
"""Mean gaps between samples up to which Prometheus extrapolates to the end of a range."""


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
    if not len(times_s):
        return np.full(values.shape[1], np.nan)
    number, first, last = _ends(values)
    has_two = number >= 2
    with np.errstate(invalid="ignore", divide="ignore"):
        grown = _increase(values)
        first_s, last_s = times_s[first], times_s[last]
        sampled_s = last_s - first_s
        gap_s = sampled_s / (number - 1)
        first_value = np.take_along_axis(values, first[None, :], axis=0)[0]
        to_start_s = first_s - start_s
        to_zero_s = np.where(grown > 0, sampled_s * first_value / grown, np.inf)
        to_start_s = np.minimum(to_start_s, np.where(first_value >= 0, to_zero_s, np.inf))
        to_end_s = end_s - last_s
        before_s = np.where(to_start_s < THRESHOLD * gap_s, to_start_s, gap_s / 2)
        after_s = np.where(to_end_s < THRESHOLD * gap_s, to_end_s, gap_s / 2)
        per_s = grown * (sampled_s + before_s + after_s) / sampled_s / (end_s - start_s)
    result: Floats = np.where(has_two, per_s, np.nan)
    return result


def sum_over(values: Floats) -> Floats:
    """Give `sum_over_time`: `(series,)` sums of the samples there are; nan where a series has none."""
    is_there = ~np.isnan(values)
    result: Floats = np.where(is_there.any(axis=0), np.nansum(values, axis=0), np.nan)
    return result


def _increase(values: Floats) -> Floats:
    """Sum the growth between neighbouring samples of each series; after a fall the counter began at 0 anew."""
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
    number = is_there.sum(axis=0).astype(np.float64)
    return number, is_there.argmax(axis=0), len(values) - 1 - is_there[::-1].argmax(axis=0)
