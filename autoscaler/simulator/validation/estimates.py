"""Means with their standard errors, from batches of a long run or from runs of their own."""

from typing import NamedTuple

import numpy as np

from autoscaler.core.columns import Floats


class Estimate(NamedTuple):
    """A mean that chance had a part in.

    Attributes:
        mean: the estimate.
        error: its standard error.
    """

    mean: float
    error: float


def mean_of(values: Floats) -> Estimate:
    """Estimate the mean of what independent runs gave.

    Args:
        values: `(runs,)`, at least two.
    """
    return Estimate(float(np.mean(values)), float(np.std(values, ddof=1)) / len(values) ** 0.5)


def ratio_of(parts: Floats, wholes: Floats) -> Estimate:
    """Estimate the ratio of two sums over batches.

    The mean of the batches' own ratios would be biased where batches are small; the ratio of the sums is not, to first
    order. Its error is that of `part − ratio × whole`, which has mean 0.

    Args:
        parts: `(batches,)`, at least two.
        wholes: `(batches,)`, of sum > 0.
    """
    ratio = float(np.sum(parts) / np.sum(wholes))
    left = parts - ratio * wholes
    error = float(np.sqrt(np.sum(left**2) / (len(parts) * (len(parts) - 1)))) / float(np.mean(wholes))
    return Estimate(ratio, error)
