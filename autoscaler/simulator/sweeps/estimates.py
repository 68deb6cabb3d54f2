"""Means over seeds, with confidence; and differences between two policies that met the same requests."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from autoscaler.core.columns import Floats
from autoscaler.simulator.sweeps.beta import student_quantile


@dataclass(frozen=True, slots=True)
class Estimate:
    """A mean over seeds.

    Attributes:
        mean: of the seeds that had a value.
        half_width: of the two-sided confidence interval (Student's t); None: fewer than two seeds say nothing of it.
        seeds: how many had a value.
    """

    mean: float
    half_width: float | None
    seeds: int

    @property
    def low(self) -> float | None:
        """Lower end of the interval."""
        return None if self.half_width is None else self.mean - self.half_width

    @property
    def high(self) -> float | None:
        """Upper end of the interval."""
        return None if self.half_width is None else self.mean + self.half_width

    @property
    def sign(self) -> int:
        """Give -1 or 1 where the whole interval is below or above zero, else 0."""
        if self.low is None or self.high is None:
            return 0
        return 1 if self.low > 0.0 else -1 if self.high < 0.0 else 0


def estimate(values: Sequence[float | None], confidence: float) -> Estimate | None:
    """Estimate a mean; values that are None had nothing to measure and are left out. None: all were.

    Args:
        confidence: of the two-sided interval, such as 0.95.
    """
    return estimate_of(np.array([np.nan if value is None else value for value in values], np.float64), confidence)


def estimate_of(values: Floats, confidence: float) -> Estimate | None:
    """Estimate a mean, likewise; nan stands for nothing to measure.

    Args:
        values: `(seeds,) float64`.
        confidence: of the two-sided interval, such as 0.95.
    """
    known = values[~np.isnan(values)]
    count = len(known)
    if not count:
        return None
    mean = float(np.mean(known))
    if count < 2:
        return Estimate(mean, None, count)
    error = float(np.std(known, ddof=1)) / math.sqrt(count)
    return Estimate(mean, student_quantile(0.5 + confidence / 2.0, count - 1) * error, count)


def paired(mine: Sequence[float | None], theirs: Sequence[float | None], confidence: float) -> Estimate | None:
    """Estimate the mean difference mine - theirs, seed by seed.

    Both met the same requests under a seed, so that what the requests vary is in both and falls out: the interval
    is often ten times narrower than that of either mean.

    Args:
        mine: values by seed; the others in the same order of seeds.
    """
    pairs = zip(mine, theirs, strict=True)
    return estimate([a - b if a is not None and b is not None else None for a, b in pairs], confidence)
