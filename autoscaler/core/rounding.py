"""Whole replicas from ratios, free of float noise."""

import numpy as np

from autoscaler.core.columns import Floats

NOISE = 1e-9
"""A ratio this near above a whole number is that number: 2.1 / 0.7 is 3.0000000000000004, and asks for 3 replicas, not 4."""


MOST_REPLICAS = 2_147_483_647.0
"""Kubernetes keeps `spec.replicas` in an int32; no rule of ours may ask for more."""


def whole_up(ratio: Floats) -> Floats:
    """Round up to whole replicas, MOST_REPLICAS at most; a ratio is not negative, and may be inf."""
    result: Floats = ratio - NOISE
    np.ceil(result, out=result)
    np.minimum(result, MOST_REPLICAS, out=result)
    result += 0.0  # −0.0 becomes 0.0: equal numbers, but other bytes
    return result


def whole_down(ratio: Floats) -> Floats:
    """Round down to whole replicas."""
    result: Floats = ratio + NOISE
    np.floor(result, out=result)
    return result
