"""What recorded traffic is like, in numbers: how much, how uneven, how regular, at what hours."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from autoscaler.core.columns import Floats
from autoscaler.simulator.trace_sets.trace_set import Counts, Events, TraceSet

MINUTE_S, HOUR_S, DAY_S = 60.0, 3_600.0, 86_400.0

TIMER_SHARE = 0.9
"""Share of gaps that must be alike in a timer."""

TIMER_WITHIN = 0.05
"""Relative distance from the middle gap within which gaps are alike."""

FEWEST_GAPS = 5
"""Gaps that tell a timer from chance."""


@dataclass(frozen=True, slots=True)
class Profile:
    """One function's traffic.

    Attributes:
        requests: in all; of containers, container-steps.
        rate: mean requests/s; nan: nothing is known.
        peak: largest mean of a step (of single requests: a minute) as a multiple of the mean; nan: no request.
        gap_cv: standard deviation of the gaps as a multiple of their mean: 0 a timer, 1 Poisson, more is bursty; nan:
            fewer than three requests, or counts alone.
        dispersion: variance of the counts of steps as a multiple of their mean: 0 a timer, 1 Poisson; nan: no request.
        period_s: of a timer; None: it is none.
        active: share of the steps with a request.
    """

    requests: float
    rate: float
    peak: float
    gap_cv: float
    dispersion: float
    period_s: float | None
    active: float

    @property
    def burstiness(self) -> float:
        """Goh and Barabási's burstiness, (cv − 1) / (cv + 1): −1 a timer, 0 Poisson, towards 1 bursts; nan: unknown."""
        return (self.gap_cv - 1) / (self.gap_cv + 1)


def profiles(trace_set: TraceSet) -> Iterator[Profile]:
    """Give the profile of each function of a set."""
    rates = trace_set.rates()
    match trace_set.load:
        case Events() as load:
            steps = whole_steps(trace_set.length_s, MINUTE_S)
            for place, rate in enumerate(rates.tolist()):
                yield _of_events(load.times_of(place), rate, steps)
        case Counts() as load:
            for row, rate in zip(load.matrix, rates.tolist(), strict=True):
                yield _of_counts(row.astype(np.float64), rate, load.step_s)
        case None:
            yield from (Profile(0.0, np.nan, np.nan, np.nan, np.nan, None, 0.0) for _ in trace_set)


def _of_events(times_s: Floats, rate: float, steps: int) -> Profile:
    counts = np.bincount((times_s / MINUTE_S).astype(np.int64), minlength=steps).astype(np.float64)[:steps]
    gaps_s = np.diff(times_s)
    gap_cv = _ratio(float(gaps_s.std()), float(gaps_s.mean())) if len(gaps_s) > 1 else np.nan
    return Profile(float(len(times_s)), rate, *_of_steps(counts, gap_cv), timer_s(gaps_s), float(np.mean(counts > 0)))


def _of_counts(counts: Floats, rate: float, step_s: float) -> Profile:
    known = counts[~np.isnan(counts)]
    active = np.flatnonzero(np.nan_to_num(counts) > 0)
    period_s = timer_s(np.diff(active) * step_s)
    if period_s is not None and period_s <= step_s:
        period_s = None  # it may well be a timer: steps as long as its period do not tell
    share = len(active) / len(known) if len(known) else 0.0
    return Profile(float(known.sum()), rate, *_of_steps(known, np.nan), period_s, share)


def _of_steps(counts: Floats, gap_cv: float) -> tuple[float, float, float]:
    mean = float(counts.mean()) if len(counts) else 0.0
    peak = _ratio(float(counts.max()), mean) if mean else np.nan
    return peak, gap_cv, _ratio(float(counts.var()), mean)


def timer_s(gaps_s: Floats) -> float | None:
    """Give the period of a timer whose gaps these are; None: they are no timer's."""
    if len(gaps_s) < FEWEST_GAPS:
        return None
    middle_s = float(np.median(gaps_s))
    alike = np.abs(gaps_s - middle_s) <= TIMER_WITHIN * middle_s
    return middle_s if middle_s > 0 and float(np.mean(alike)) >= TIMER_SHARE else None


def whole_steps(length_s: float, step_s: float) -> int:
    """Give how many whole steps a length has; one where it is shorter than that."""
    return max(int(length_s / step_s + 1e-9), 1)


def counts_of(trace_set: TraceSet, step_s: float) -> Floats:
    """Give all functions' requests together in steps, `(steps,) float64`; a last step that is none is left out.

    Args:
        step_s: a multiple of the step of counts.
    """
    steps = whole_steps(trace_set.length_s, step_s)
    match trace_set.load:
        case Events() as load:
            found = np.zeros(steps)
            for place in range(len(trace_set)):
                found += np.bincount((load.times_of(place) / step_s).astype(np.int64), minlength=steps)[:steps]
            return found
        case Counts() as load:
            whole = np.nansum(load.matrix, axis=0, dtype=np.float64)
            at = (np.arange(load.steps) * load.step_s / step_s + 1e-9).astype(np.int64)
            return np.bincount(at, weights=whole, minlength=steps).astype(np.float64)[:steps]
        case None:
            return np.zeros(steps)


def hours(trace_set: TraceSet) -> Floats:
    """Give the share of the requests in each hour of the day, `(24,) float64`.

    Nan: the trace is shorter than a day, or counted in steps that are longer than an hour. Hours that it has once more than
    others count no more for that. A trace that does not tell its moments is taken to begin at midnight.
    """
    step_s = trace_set.load.step_s if isinstance(trace_set.load, Counts) else MINUTE_S
    if trace_set.length_s < DAY_S * (1 - 1e-9) or step_s > HOUR_S:
        return np.full(24, np.nan)
    counts = counts_of(trace_set, step_s)
    begins_s = (trace_set.begins_utc_s or 0.0) % DAY_S
    at = ((begins_s + np.arange(len(counts)) * step_s) // HOUR_S).astype(np.int64) % 24
    sums = np.bincount(at, weights=counts, minlength=24) / np.maximum(np.bincount(at, minlength=24), 1)
    return sums / sums.sum() if sums.sum() else np.full(24, np.nan)


@dataclass(frozen=True, slots=True)
class Measures:
    """A set in a few numbers; of what differs between functions, the mean over requests.

    Attributes:
        functions: how many there are.
        rate: requests/s of all together.
        gap_cv: of the gaps of single functions; nan: counts alone.
        dispersion: of the counts of single functions' steps.
        dispersion_together: of the counts of all functions' minutes together.
        peak: largest minute of all together as a multiple of the mean.
        top_share: share of the requests that the busiest tenth of the functions has.
        hours: `(24,) float64` share of each hour of the day; nan: shorter than a day, or in steps longer than an hour.
    """

    functions: int
    rate: float
    gap_cv: float
    dispersion: float
    dispersion_together: float
    peak: float
    top_share: float
    hours: Floats


def measures(trace_set: TraceSet) -> Measures:
    """Give the measures of a set."""
    found = list(profiles(trace_set))
    requests = np.array([one.requests for one in found])
    step_s = max(MINUTE_S, trace_set.load.step_s if isinstance(trace_set.load, Counts) else MINUTE_S)
    together = counts_of(trace_set, step_s)
    mean = float(together.mean())
    busiest = np.sort(requests)[::-1][: max(1, len(found) // 10)]
    return Measures(
        len(found),
        float(np.nansum(trace_set.rates())),
        _weighted(np.array([one.gap_cv for one in found]), requests),
        _weighted(np.array([one.dispersion for one in found]), requests),
        _ratio(float(together.var()), mean),
        _ratio(float(together.max()), mean),
        _ratio(float(busiest.sum()), float(requests.sum())),
        hours(trace_set),
    )


def hours_apart(one: Floats, other: Floats) -> float:
    """Give half the sum of the differences of two patterns of a day: 0 alike, 1 nothing in common; nan: one is unknown."""
    return float(np.abs(one - other).sum()) / 2


def _weighted(values: Floats, weights: Floats) -> float:
    known = ~np.isnan(values)
    return _ratio(float((values[known] * weights[known]).sum()), float(weights[known].sum()))


def _ratio(number: float, of: float) -> float:
    return number / of if of else float(np.nan)
