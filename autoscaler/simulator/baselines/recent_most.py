"""The most that a column was within a stretch that ends now, for all functions at once."""

import numpy as np

from autoscaler.core.columns import Floats

BUCKETS = 60
"""Parts of the stretch that have a maximum of their own: a value counts for at most a sixtieth of it too long."""


class RecentMost:
    """Sliding maxima.

    Args:
        functions: length of the columns.
        stretch_s: how long a value counts at least, seconds, > 0.
    """

    def __init__(self, functions: int, stretch_s: float) -> None:
        self._length_s = stretch_s / BUCKETS
        self._most = np.zeros((BUCKETS + 1, functions))
        self._bucket = 0
        self._before = np.zeros(functions)  # over all buckets but the one that is being filled

    def add(self, now_s: float, values: Floats) -> Floats:
        """Take in the values of a moment, not before the last one, and give the most of the stretch up to it."""
        bucket = int(now_s // self._length_s)
        if bucket > self._bucket:
            passed = min(bucket - self._bucket, BUCKETS + 1)
            self._most[np.arange(bucket - passed + 1, bucket + 1) % (BUCKETS + 1)] = 0.0
            self._before = self._most.max(axis=0)
            self._bucket = bucket
        current = self._most[bucket % (BUCKETS + 1)]
        np.maximum(current, values, out=current)
        result: Floats = np.maximum(self._before, current)
        return result
