"""Whole replicas from ratios."""

import numpy as np

from autoscaler.core.columns import Floats

MOST_REPLICAS = 2_147_483_647.0
"""Kubernetes keeps `spec.replicas` in an int32; no rule of ours may ask for more."""


def whole_up(ratio: Floats) -> Floats:
    """Round up to whole replicas, in doubles and without an epsilon, as Knative and the HPA do.

    At most MOST_REPLICAS; a ratio is not negative, and may be inf.
    """
    result: Floats = np.ceil(ratio)
    if len(result) and result.max() > MOST_REPLICAS:
        np.minimum(result, MOST_REPLICAS, out=result)
    return result


def replicas_of(column: Floats) -> Floats:
    """Give replicas as they can only be, in a column of their own: whole, from 0 to MOST_REPLICAS; nan is 0."""
    result: Floats = np.floor(column)
    if len(result) and not (result.min() >= 0.0 and result.max() <= MOST_REPLICAS):  # nan compares false
        result = np.fmin(np.fmax(result, 0.0), MOST_REPLICAS)
    return result


def whole_down(ratio: Floats) -> Floats:
    """Round down to whole replicas, without an epsilon."""
    result: Floats = np.floor(ratio)
    return result
