"""Columns over time in bounded memory: neighbouring points are merged whenever there are too many."""

import numpy as np
from numpy.typing import NDArray

from autoscaler.core.columns import Floats

MOST_POINTS = 2_000
"""Points of a line; a picture has no more columns of pixels."""

MOST_NUMBERS = 8_000_000
"""Numbers kept of all lines of a kind; twice 32 MB, since a mean and a highest value are kept. Many rows get fewer points."""

FEWEST_POINTS = 16


class Lines:
    """Columns over time, `(series, rows)` at each tick: neighbours are merged when there are too many points."""

    def __init__(self, series: int, rows: int, points: int = MOST_POINTS, numbers: int = MOST_NUMBERS) -> None:
        """Make room.

        Args:
            points: most points kept; after a merger half as many are there.
            numbers: most numbers kept; where `series × rows × points` is more, there are fewer points.
        """
        fitting = numbers // max(series * rows, 1)
        self._points = max(min(points, fitting), FEWEST_POINTS) // 2 * 2
        self._sum = np.zeros((self._points, series, rows), dtype=np.float32)
        self._most = np.zeros_like(self._sum)
        self._at_s = np.zeros(self._points)
        self._ticks = np.zeros(self._points, dtype=np.int64)
        self._each = 1  # ticks of a whole point
        self._used = 0

    def add(self, at_s: float, values: NDArray[np.float32]) -> None:
        """Take a tick's columns in.

        Args:
            values: `(series, rows) float32`, no nan; of another width it takes five times as long.
        """
        last = self._used - 1
        if self._used == 0 or self._ticks[last] == self._each:
            if self._used == self._points:
                self._merge()
            last = self._used
            self._used += 1
            self._at_s[last] = at_s
        self._sum[last] += values
        np.maximum(self._most[last], values, out=self._most[last])
        self._ticks[last] += 1

    def _merge(self) -> None:
        half = self._points // 2
        for column in (self._sum, self._ticks):
            column[:half] = column[0::2] + column[1::2]
            column[half:] = 0
        self._most[:half] = np.maximum(self._most[0::2], self._most[1::2])
        self._most[half:] = 0
        self._at_s[:half] = self._at_s[0::2]
        self._used = half
        self._each *= 2

    @property
    def at_s(self) -> Floats:
        """`(points,) float64`, virtual seconds at which each point begins."""
        return self._at_s[: self._used].copy()

    @property
    def mean(self) -> NDArray[np.float32]:
        """`(points, series, rows) float32`."""
        ticks = self._ticks[: self._used, None, None].astype(np.float32)
        result: NDArray[np.float32] = self._sum[: self._used] / ticks
        return result

    @property
    def most(self) -> NDArray[np.float32]:
        """`(points, series, rows) float32`."""
        return self._most[: self._used]
