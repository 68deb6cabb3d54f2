"""Service times from what was in flight: Little's law, over the part of a trace in which nobody waited."""

from dataclasses import dataclass

import numpy as np

from autoscaler.core.columns import Bools, Floats

WINDOW_S = 60.0
"""Length of what is called quiet or busy; a gateway's queue is longer than a burst, and shorter than this."""

QUIET_SHARE = 0.5
"""Share of the requests that the quietest windows are to have."""

FEWEST_SEEN = 50
"""Requests seen in flight in quiet windows before they are believed: they tell the mean within 14 %."""


@dataclass(frozen=True, slots=True, eq=False)
class ServiceTimes:
    """Mean service times.

    Attributes:
        mean_s: `(functions,) float64`; nan: not known, or nobody called.
        is_quiet: `(functions,) bool`, whether it is of the quieter half of the requests alone.
    """

    mean_s: Floats
    is_quiet: Bools


def service_times(requests: Floats, in_flight: Floats | None, step_s: float) -> ServiceTimes:
    """Give how long requests are served on average: those in flight over requests/s.

    A gateway counts as in flight what waits for a replica too. Who waits does so under load, so where the quieter half of
    the requests was in flight for less time, by more than chance, that is the service time. It is no less where waits are
    for starts from zero, which quiet traffic meets.

    Args:
        requests: `(functions, steps) float64`, of each step; nan: not known.
        in_flight: `(functions, steps) float64`, at the end of each step; nan: not known. None: nowhere.
        step_s: length of a step.
    """
    nothing = np.full(len(requests), np.nan)
    if in_flight is None:
        return ServiceTimes(nothing, np.zeros(len(requests), np.bool_))
    together = max(1, round(WINDOW_S / step_s))
    rows = [_of_function(one, seen, together) for one, seen in zip(requests, in_flight, strict=True)]
    steps = np.array([mean for mean, _ in rows]) if rows else nothing
    return ServiceTimes(steps * step_s, np.array([is_quiet for _, is_quiet in rows], np.bool_))


def _of_function(requests: Floats, in_flight: Floats, together: int) -> tuple[float, bool]:
    """Give the mean service time of one function in steps, and whether it is of its quiet windows."""
    known = ~(np.isnan(requests) | np.isnan(in_flight))
    windows = np.arange(len(requests)) // together
    counts = np.bincount(windows, np.where(known, requests, 0.0))
    seen = np.bincount(windows, np.where(known, in_flight, 0.0))
    if counts.sum() <= 0 or seen.sum() <= 0:
        return np.nan, False
    whole = seen.sum() / counts.sum()
    order = np.argsort(counts, kind="stable")
    last = int(np.searchsorted(np.cumsum(counts[order]), QUIET_SHARE * counts.sum())) + 1
    quiet = order[:last]
    if seen[quiet].sum() < FEWEST_SEEN or last == len(order):
        return float(whole), False
    mean = seen[quiet].sum() / counts[quiet].sum()
    is_less = mean * (1 + seen[quiet].sum() ** -0.5) < whole
    return (float(mean), True) if is_less else (float(whole), False)
