"""Samples of the past, for windows that are longer than the stretch one sample covers."""

import numpy as np

from autoscaler.core.columns import Floats, Ints

QUANTUM = 2.0**-20
"""Samples are cut to multiples of this (a millionth), so that sums of float64 are exact and a running sum that
adds and subtracts for months never drifts: below 2**33 in all. Cut, not rounded: 0.3 rounded up to 0.30000019
would ask for 4 replicas of target 0.1."""

LARGEST = 2.0**22
"""Samples above this (four million) are kept as this, so that sums of 2**11 samples stay exact."""


class Samples:
    """One signal's samples of some functions: `(ticks kept, lanes)`, with a running sum for each lane.

    A lane is one function. Lanes with windows of similar length (within a factor of two) share an instance, so
    that one tenant's window of an hour does not make everybody's history an hour long. Which tick stands where
    is the same for all: tick `n` is in slot `n mod capacity`.
    """

    def __init__(self, rows: Ints, horizon_s: Floats, ticks: int) -> None:
        """Start empty at this tick.

        Args:
            rows: `(lanes,) int64`, rows of the fleet.
            horizon_s: `(lanes,) float64`, how far back samples count, seconds, > 0.
            ticks: ticks before this one.
        """
        self.rows = rows
        self.horizon_s = horizon_s
        self.ticks = ticks
        self.times_s = np.full(16, -np.inf)
        self.values = np.full((16, len(rows)), np.nan)
        self.tail = np.full(len(rows), ticks, np.int64)
        self.sum = np.zeros(len(rows))
        self.known = np.zeros(len(rows))

    def push(self, sample: Floats, now_s: float) -> None:
        """Take a tick's sample of every lane and let go of what has left its window.

        Args:
            sample: `(lanes,) float64`, >= 0 and finite; nan: unknown.
            now_s: monotonic seconds.
        """
        if len(self.tail) and self.ticks - int(self.tail.min()) == len(self.times_s):
            self._grow()
        slot = self.ticks % len(self.times_s)
        kept = np.floor(np.minimum(sample, LARGEST) / QUANTUM) * QUANTUM
        self.values[slot] = kept
        self.times_s[slot] = now_s
        self.ticks += 1
        is_known = ~np.isnan(kept)
        self.known += is_known
        self.sum += kept if is_known.all() else np.where(is_known, kept, 0.0)
        self._forget(now_s)

    def means(self) -> Floats:
        """Give `(lanes,) float64`, the mean of the known samples of each window; nan: none known."""
        with np.errstate(invalid="ignore"):
            return self.sum / self.known

    def _forget(self, now_s: float) -> None:
        """Drop the oldest sample of every lane until all are within their windows; the newest always stays."""
        left = now_s - self.horizon_s
        while True:
            oldest = self.times_s[self.tail % len(self.times_s)]
            lanes = np.flatnonzero((oldest <= left) & (self.tail < self.ticks - 1))
            if not lanes.size:
                return
            gone = self.values[self.tail[lanes] % len(self.times_s), lanes]
            is_known = ~np.isnan(gone)
            self.known[lanes] -= is_known
            self.sum[lanes] -= np.where(is_known, gone, 0.0)
            self.tail[lanes] += 1

    def _grow(self) -> None:
        old, size = len(self.times_s), 2 * len(self.times_s)
        numbers = np.arange(max(0, self.ticks - old), self.ticks)
        times_s, values = self.times_s[numbers % old], self.values[numbers % old]
        self.times_s = np.full(size, -np.inf)
        self.values = np.full((size, len(self.rows)), np.nan)
        self.times_s[numbers % size] = times_s
        self.values[numbers % size] = values

    def carry(self, lanes: Ints, source: "Samples", old_lanes: Ints) -> None:
        """Take over another instance's samples of the same functions, before anything is pushed."""
        first = int(source.tail[old_lanes].min())
        while len(self.times_s) < self.ticks - first:
            self._grow()
        size, old_size = len(self.times_s), len(source.times_s)
        for number in range(first, self.ticks):
            self.times_s[number % size] = source.times_s[number % old_size]
            self.values[number % size, lanes] = source.values[number % old_size, old_lanes]
        self.tail[lanes] = source.tail[old_lanes]
        self.sum[lanes] = source.sum[old_lanes]
        self.known[lanes] = source.known[old_lanes]


def of_similar_length(rows: Ints, horizon_s: Floats, ticks: int) -> tuple[Samples, ...]:
    """Make instances for these rows, sorted by length of window; a window that one sample covers needs none.

    Args:
        rows: `(n,) int64`, rows that use the signal.
        horizon_s: `(functions,) float64`, window less the range of a sample; 0 or less: the newest sample will do.
        ticks: ticks before this one.
    """
    rows = rows[horizon_s[rows] > 0]
    length = np.ceil(np.log2(horizon_s[rows]))
    return tuple(
        Samples(rows[length == one], horizon_s[rows[length == one]], ticks) for one in np.unique(length).tolist()
    )
