"""Simple models of recorded traffic and service times, with how far each is from what was recorded."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from autoscaler.core.columns import Floats
from autoscaler.policy.quantities import format_duration
from autoscaler.simulator.laws import Quantiles
from autoscaler.simulator.trace_sets.measures import timer_s
from autoscaler.simulator.trace_sets.trace_set import Counts, Events, TraceSet

SCALES = 8
"""Lengths of steps at which counts are compared, each twice the one before."""

FEWEST_REQUESTS = 30
"""Requests that tell anything about a law."""

GRID = 60
"""Values of each number of a model that are tried."""

BUSY_STEPS = 4_096
"""Steps of single requests that a model of two states is fitted to."""


@dataclass(frozen=True, slots=True)
class Fit:
    """A model of one function's arrivals.

    Attributes:
        model: `poisson`, `timer`, `mmpp` or `rates`.
        document: the workload as a scenario has it; None for `rates`: the recorded rates themselves.
        dispersion: `(scales, 2) float64` variance over mean of the counts of longer and longer steps: recorded, and of
            the model.
        scales_s: length of these steps.
        kept: what of the recorded traffic the model has.
        lost: what it has not.
    """

    model: str
    document: Mapping[str, Any] | None
    dispersion: Floats
    scales_s: tuple[float, ...]
    kept: tuple[str, ...]
    lost: tuple[str, ...]

    @property
    def distance(self) -> float:
        """Mean difference of the logarithms of the dispersions: 0 alike, 0.69 a factor of two."""
        recorded, modelled = np.maximum(self.dispersion, 1e-3).T
        return float(np.mean(np.abs(np.log(recorded) - np.log(modelled)))) if len(self.scales_s) else float(np.nan)


@dataclass(frozen=True, slots=True)
class ServiceFit:
    """A lognormal law of one function's service times.

    Attributes:
        mean_s: recorded mean, which the law keeps.
        cv: standard deviation over mean of the law.
        quantiles_s: `(quantiles, 2) float64`: p50, p95 and p99, recorded and of the law.
        distance: largest difference of the two distribution functions (Kolmogorov and Smirnov), 0 to 1.
    """

    mean_s: float
    cv: float
    quantiles_s: Floats
    distance: float


def fit_arrivals(trace_set: TraceSet, place: int) -> tuple[Fit, ...]:
    """Give models of a function's arrivals, the nearest first; none where too few requests were recorded."""
    counts, step_s, gaps_s = _stepped(trace_set, place)
    if np.nansum(counts) < FEWEST_REQUESTS or len(counts) < 2 * SCALES:
        return ()
    rate = float(np.nanmean(counts)) / step_s
    scales_s, recorded = _dispersions(np.nan_to_num(counts), step_s)
    models = [_poisson(rate, scales_s, recorded)]
    if (states := two_states(np.nan_to_num(counts), step_s)) is not None:
        models.append(_mmpp(states, scales_s, recorded))
    if gaps_s is not None and (period_s := timer_s(gaps_s)) is not None:
        models.append(_timer(period_s, scales_s, recorded))
    return tuple(sorted(models, key=lambda one: (one.distance, one.model)))


def _stepped(trace_set: TraceSet, place: int) -> tuple[Floats, float, Floats | None]:
    """Give a function's counts in steps, their length, and its gaps where single requests are known."""
    load = trace_set.load
    if isinstance(load, Counts):
        return load.matrix[place].astype(np.float64), load.step_s, None
    if not isinstance(load, Events):
        return np.empty(0), 1.0, None
    times_s = load.times_of(place)
    step_s = float(max(trace_set.length_s / BUSY_STEPS, 1e-3))
    counts = np.bincount((times_s / step_s).astype(np.int64), minlength=BUSY_STEPS).astype(np.float64)
    return counts[:BUSY_STEPS], step_s, np.diff(times_s)


def _dispersions(counts: Floats, step_s: float) -> tuple[tuple[float, ...], Floats]:
    """Give variance over mean of counts of doubled and doubled steps, as long as sixteen of them are left."""
    scales_s, found = list[float](), list[float]()
    while len(counts) >= 16 and len(found) < SCALES:
        scales_s.append(step_s)
        found.append(float(counts.var() / counts.mean()))
        counts = counts[: len(counts) // 2 * 2].reshape(-1, 2).sum(axis=1)
        step_s *= 2
    return tuple(scales_s), np.array(found)


def _poisson(rate: float, scales_s: tuple[float, ...], recorded: Floats) -> Fit:
    return Fit(
        "poisson",
        {"type": "constant", "rate": _short(rate)},
        np.stack([recorded, np.ones(len(recorded))], axis=1),
        scales_s,
        ("the mean rate",),
        ("bursts", "the day's pattern", "timers"),
    )


def _timer(period_s: float, scales_s: tuple[float, ...], recorded: Floats) -> Fit:
    """A timer's counts differ by one at most."""
    expected = np.array(scales_s) / period_s
    part = expected - np.floor(expected)
    return Fit(
        "timer",
        {"type": "constant", "rate": _short(1 / period_s), "arrivals": "even"},
        np.stack([recorded, part * (1 - part) / expected], axis=1),
        scales_s,
        ("the mean rate", "even gaps"),
        ("what little the gaps differ",),
    )


@dataclass(frozen=True, slots=True)
class TwoStates:
    """A rate that is one of two, each for an exponential time.

    Attributes:
        rates: requests/s in each state.
        sojourns_s: mean seconds in each.
    """

    rates: tuple[float, float]
    sojourns_s: tuple[float, float]

    def dispersion(self, scales_s: Floats) -> Floats:
        """Give variance over mean of the counts of steps of these lengths.

        Source: Fischer and Meier-Hellstern, The Markov-modulated Poisson process (MMPP) cookbook, 1993, for two states.
        """
        (low, high), (in_low_s, in_high_s) = self.rates, self.sojourns_s
        change = 1 / in_low_s + 1 / in_high_s
        share = in_high_s / (in_low_s + in_high_s)
        mean = low + (high - low) * share
        variance = (high - low) ** 2 * share * (1 - share)
        steps = np.asarray(scales_s) * change
        return 1 + 2 * variance / (mean * change) * (1 - (1 - np.exp(-steps)) / steps)


def two_states(counts: Floats, step_s: float) -> TwoStates | None:
    """Fit a rate of two states to counts; None: they vary no more than Poisson's.

    How the dispersion grows with the length of steps tells how fast states change and how far apart they are: the pair
    of a grid that is nearest over all lengths is taken. The third central moment tells how lopsided the states are.
    """
    mean = float(counts.mean())
    excess = float(counts.var()) - mean
    scales_s, recorded = _dispersions(counts, step_s)
    if excess <= 0 or len(recorded) < 2 or recorded.max() <= 1:
        return None
    per_s = np.geomspace(1 / (len(counts) * step_s), 1 / step_s, GRID)[:, None]
    most = np.geomspace(0.1, 100 * recorded.max(), GRID)  # the dispersion beyond Poisson's of endless steps
    steps = np.asarray(scales_s)[None, :] * per_s
    shape = 1 - (1 - np.exp(-steps)) / steps
    modelled = np.log(1 + most[None, :, None] * shape[:, None, :])
    apart = np.abs(modelled - np.log(np.maximum(recorded, 1e-3))).mean(axis=2)
    fast, high = np.unravel_index(int(apart.argmin()), apart.shape)
    change = float(per_s[fast, 0])
    variance = float(most[high]) * (mean / step_s) * change / 2
    third = float(np.mean((counts - mean) ** 3)) - mean - 3 * excess
    return _with_moments(mean / step_s, variance, third / excess**1.5, change)


def _with_moments(mean: float, variance: float, skew: float, change: float) -> TwoStates:
    """Give the two states whose rate has these moments, as lopsided as rates that are never below 0 can be.

    Args:
        change: rate at which states change, both ways together, 1/s.
    """
    share = 0.5 * (1 - skew / np.sqrt(4 + skew**2))  # of the time in the high state
    share = float(np.clip(share, 1e-6, mean**2 / (variance + mean**2)))
    high = mean + np.sqrt(variance * (1 - share) / share)
    low = max(mean - np.sqrt(variance * share / (1 - share)), 0.0)
    return TwoStates((low, float(high)), (1 / (change * share), 1 / (change * (1 - share))))


def _mmpp(states: TwoStates, scales_s: tuple[float, ...], recorded: Floats) -> Fit:
    document = {
        "type": "mmpp",
        "states": [
            {"rate": _short(rate), "mean": _lasting(sojourn_s)}
            for rate, sojourn_s in zip(states.rates, states.sojourns_s, strict=True)
        ],
    }
    modelled = states.dispersion(np.array(scales_s))
    return Fit(
        "mmpp",
        document,
        np.stack([recorded, modelled], axis=1),
        scales_s,
        ("the mean rate", "how much bursts vary the counts", "how long bursts last on average"),
        ("the day's pattern", "more than two levels", "when each burst was"),
    )


def fit_service(values_s: Floats) -> ServiceFit | None:
    """Fit a lognormal law to service times; None: fewer than tell anything, or all alike.

    The mean is kept, since it is what replicas are counted by; the spread is that of the logarithms.
    """
    values_s = np.sort(values_s[values_s > 0])
    if len(values_s) < FEWEST_REQUESTS or values_s[0] == values_s[-1]:
        return None
    sigma = float(np.log(values_s).std())
    cv = float(np.sqrt(np.expm1(sigma**2)))
    mean_s = float(values_s.mean())
    middle = np.log(mean_s) - sigma**2 / 2
    at = np.array([0.5, 0.95, 0.99])
    modelled = np.exp(middle + sigma * np.array([0.0, 1.6448536, 2.3263479]))
    quantiles_s = np.stack([np.quantile(values_s, at), modelled], axis=1)
    return ServiceFit(mean_s, cv, quantiles_s, _apart(values_s, middle, sigma))


def fit_percentiles(law: Quantiles) -> ServiceFit | None:
    """Fit a lognormal law to one that percentiles tell."""
    at = (np.arange(1_000) + 0.5) / 1_000
    return fit_service(np.interp(at, law.fractions, law.values_s))


def _apart(values_s: Floats, middle: float, sigma: float) -> float:
    """Give the largest difference between the recorded distribution function and a lognormal one."""
    ranks = np.arange(1, len(values_s) + 1) / len(values_s)
    modelled = _normal((np.log(values_s) - middle) / sigma)
    return float(np.max(np.maximum(np.abs(ranks - modelled), np.abs(ranks - 1 / len(values_s) - modelled))))


def _normal(values: Floats) -> Floats:
    """Give the normal distribution function to 7.5e-8 (Abramowitz and Stegun, 26.2.17)."""
    at = np.abs(values)
    share = 1 / (1 + 0.2316419 * at)
    sums = np.polyval((1.330274429, -1.821255978, 1.781477937, -0.356563782, 0.319381530, 0.0), share)
    tail = np.exp(-(at**2) / 2) / np.sqrt(2 * np.pi) * sums
    result: Floats = np.where(values >= 0, 1 - tail, tail)
    return result


def _lasting(seconds: float) -> str:
    """Write a mean duration with the digits that mean something."""
    return format_duration(float(round(seconds)) if seconds >= 100 else max(round(seconds, 3), 0.001))


def _short(number: float) -> float:
    return float(f"{number:.6g}")
