"""Samples of the past, for windows that are longer than the stretch one sample covers."""

import numpy as np

from autoscaler.core.columns import Bools, Floats, Ints, true_at
from autoscaler.core.part import ALL, Lanes, Part, Which

QUANTUM = 2.0**-20
"""Samples are cut to multiples of this (a millionth), so that sums of float64 are exact and a running sum that
adds and subtracts for months never drifts: below 2**33 in all. Cut, not rounded: 0.3 rounded up to 0.30000019
would ask for 4 replicas of target 0.1."""

LARGEST = 2.0**22
"""Samples above this (four million) are kept as this, so that sums of 2**11 samples stay exact."""

MOST_LENGTHS = 32
"""Lengths of window that have an instance of their own; where there are more, those within a factor of two share one."""


class Samples:
    """One signal's samples of some functions: `(ticks kept, lanes)`, with a running sum for each lane.

    A lane is one function. Lanes with windows of one length share an instance, so that what leaves the window leaves
    all of them at once; beyond `MOST_LENGTHS` lengths, lanes of similar length (within a factor of two) do, so that
    one tenant's window of an hour does not make everybody's history an hour long. Which tick stands where is the
    same for all: tick `n` is in slot `n mod capacity`. Lanes at rest have kept nothing but zeros, and are left out.
    """

    def __init__(self, rows: Ints, horizon_s: Floats, ticks: int, functions: int) -> None:
        """Start empty at this tick.

        Args:
            rows: `(lanes,) int64`, rows of the fleet, ascending.
            horizon_s: `(lanes,) float64`, how far back samples count, seconds, > 0.
            ticks: ticks before this one.
            functions: rows of the fleet.
        """
        self.lanes = Lanes(rows, functions)
        self.functions = functions
        self.horizon_s = horizon_s
        self.is_uniform = bool(np.all(horizon_s == horizon_s[0])) if len(rows) else True
        self.ticks = ticks
        self.first = ticks
        self.times_s = np.full(16, -np.inf)
        self.values = np.zeros((16, len(rows)))
        self.lost = np.zeros((16, len(rows)), np.bool_)
        self.tail = np.full(1 if self.is_uniform else len(rows), ticks, np.int64)
        self.began = np.full(len(rows), ticks, np.int64)
        self.last_began = ticks
        self.sum = np.zeros(len(rows))
        self._written: dict[int, Which] = {}  # lanes whose samples a slot may hold; all where it is not said
        self.missing = np.zeros(len(rows))  # as a float: a division by it need not turn it into one

    @property
    def rows(self) -> Ints:
        return self.lanes.rows

    def take(self, newest: Floats, unknown: Ints, is_covered: Bools, part: Part, now_s: float) -> Floats:
        """Take a tick's samples of a part and give the means of the windows of its lanes; nan: unknown now.

        Args:
            newest: `(size,) float64`, >= 0 and finite; nan: unknown.
            unknown: positions of these, ascending.
            is_covered: `(size,) bool`, else a lower bound: it may raise the mean of its tick, and is not kept: bridged
                later, it would count as a value.
            part: the rows it is of.
            now_s: monotonic seconds.
        """
        which, at = self.lanes.of(part, self.functions)
        is_dense = part.rows is None and self.lanes.is_all
        sample = newest if is_dense else newest[at]
        covered = is_covered if is_dense else is_covered[at]
        kept = self._slot(which, len(sample))
        with np.errstate(over="ignore"):  # inf, which is kept as the largest
            np.multiply(sample, 1.0 / QUANTUM, out=kept)
        np.floor(kept, out=kept)
        kept *= QUANTUM
        low = true_at(~covered)
        if not is_dense:
            unknown = self.lanes.among(unknown, part, self.functions)
        lost = unknown
        if low.size:
            is_lost = ~covered
            is_lost[unknown] = True
            lost = true_at(is_lost)
        kept[lost] = 0.0
        if len(kept) and kept.max() > LARGEST:
            np.minimum(kept, LARGEST, out=kept)
        means = self._push(which, kept, lost, now_s)
        if low.size:
            self._raise(means, low, sample, which)
        means[unknown] = np.nan
        return means

    def _slot(self, which: Which, lanes: int) -> Floats:
        """Give where a tick's samples are to be written: in their place, where all lanes are meant."""
        if self.ticks - int(self.tail.min(initial=self.ticks)) == len(self.times_s):
            self._grow()
        return self.values[self.ticks % len(self.times_s)] if isinstance(which, slice) else np.empty(lanes)

    def _push(self, which: Which, kept: Floats, lost: Ints, now_s: float) -> Floats:
        """Keep a tick's samples, let go of what has left its window, and give the means; nan: none known."""
        slot = self.ticks % len(self.times_s)
        values, lost_now = self.values[slot], self.lost[slot]
        lost_now.fill(False)
        if isinstance(which, slice):
            self.sum += kept
            lost_now[lost] = True
            self.missing[lost] += 1
        else:
            values[self._written.get(slot, ALL)] = 0.0
            values[which] = kept
            self.sum[which] += kept
            lost_now[which[lost]] = True
            self.missing[which[lost]] += 1
        self._written[slot] = which
        self.times_s[slot] = now_s
        self.ticks += 1
        if self.is_uniform:
            self._forget(which, lost if isinstance(which, slice) else which.take(lost), now_s)
        else:
            self._forget_each(now_s)
        return self._means(which)

    def _means(self, which: Which) -> Floats:
        with np.errstate(invalid="ignore"):
            known = self._known(which)
            means: Floats = np.divide(self.sum[which], known, out=known)
        return means

    def _known(self, which: Which) -> Floats:
        """Give how many samples of each lane are known."""
        if self.is_uniform and self.last_began <= self.tail[0]:
            shared: Floats = float(self.ticks - self.tail[0]) - self.missing[which]
            return shared
        first = np.maximum(self.began[which], self.tail if self.is_uniform else self.tail[which])
        known: Floats = self.ticks - first - self.missing[which]
        return known

    def _raise(self, means: Floats, low: Ints, sample: Floats, which: Which) -> None:
        sums, known = self.sum[which][low], self._known(which)[low]
        means[low] = np.fmax(means[low], (sums + sample[low]) / (known + 1))

    def _forget(self, which: Which, newest: Ints, now_s: float) -> None:
        """Drop what has left the window that all lanes share; the newest sample always stays.

        Args:
            which: lanes that are not at rest.
            newest: lanes of which the newest sample is lost.
            now_s: monotonic seconds.
        """
        left_s = now_s - self.horizon_s[0] if len(self.horizon_s) else now_s
        size = len(self.times_s)
        while self.tail[0] < self.ticks - 1 and self.times_s[self.tail[0] % size] <= left_s:
            slot = int(self.tail[0]) % size
            lost = self.lost[slot]
            gone = newest if np.array_equal(lost, self.lost[(self.ticks - 1) % size]) else true_at(lost)
            if isinstance(which, slice):
                self.sum -= self.values[slot]
            else:
                self.sum[which] -= self.values[slot][which]
            self.missing[gone] -= 1
            self.tail[0] += 1

    def _forget_each(self, now_s: float) -> None:
        """Drop the oldest sample of every lane until all are within their windows; the newest always stays."""
        left_s, size = now_s - self.horizon_s, len(self.times_s)
        while True:
            lanes = true_at((self.times_s[self.tail % size] <= left_s) & (self.tail < self.ticks - 1))
            if not lanes.size:
                return
            slots = self.tail[lanes] % size
            self.sum[lanes] -= self.values[slots, lanes]
            self.missing[lanes] -= self.lost[slots, lanes] & (self.tail[lanes] >= self.began[lanes])
            self.tail[lanes] += 1

    def _grow(self) -> None:
        self._written.clear()
        old, size = len(self.times_s), 2 * len(self.times_s)
        numbers = np.arange(max(0, self.ticks - old), self.ticks)
        times_s, values, lost = (column[numbers % old] for column in (self.times_s, self.values, self.lost))
        self.times_s = np.full(size, -np.inf)
        self.values = np.zeros((size, len(self.rows)))
        self.lost = np.zeros((size, len(self.rows)), np.bool_)
        self.times_s[numbers % size] = times_s
        self.values[numbers % size] = values
        self.lost[numbers % size] = lost

    def is_resting(self, rows: Ints) -> Bools:
        """Tell of which rows nothing but zeros is kept; rows without a lane here keep nothing. Needs `lanes.index`."""
        if not self.is_uniform:
            return ~np.isin(rows, self.rows)
        self.lanes.index(self.functions)
        lane = self.lanes.lane_of[rows]
        result: Bools = (lane < 0) | ((self.sum[lane] == 0) & (self.missing[lane] == 0))
        return result

    def carry(self, lanes: Ints, source: "Samples", old_lanes: Ints) -> None:
        """Take over another instance's samples of the same functions, before anything is pushed."""
        self._written.clear()
        first = int(source.tail.min(initial=source.ticks))
        size, old_size = len(self.times_s), len(source.times_s)
        while size < self.ticks - first + 1:
            self._grow()
            size = len(self.times_s)
        for number in range(first, self.ticks):
            self.times_s[number % size] = source.times_s[number % old_size]
            self.values[number % size, lanes] = source.values[number % old_size, old_lanes]
            self.lost[number % size, lanes] = source.lost[number % old_size, old_lanes]
        self.began[lanes] = source.began[old_lanes]
        self.sum[lanes] = source.sum[old_lanes]
        self.missing[lanes] = source.missing[old_lanes]
        if self.is_uniform:
            self._align(lanes, source, old_lanes, min(int(self.tail[0]), first))
        else:
            self.tail[lanes] = source.tail if source.is_uniform else source.tail[old_lanes]

    def _align(self, lanes: Ints, source: "Samples", old_lanes: Ints, first: int) -> None:
        """Begin at the oldest sample of any lane: what a lane has let go of before stays let go of."""
        size = len(self.times_s)
        tails = np.broadcast_to(source.tail, (len(source.rows),))[old_lanes]
        self.began[lanes] = np.maximum(self.began[lanes], tails)
        for number in range(first, self.ticks):
            stale = lanes[tails > number]
            self.values[number % size, stale] = 0.0
            self.lost[number % size, stale] = False
        self.tail[0] = first


def of_similar_length(rows: Ints, horizon_s: Floats, ticks: int) -> tuple[Samples, ...]:
    """Make instances for these rows, by length of window; a window that one sample covers needs none.

    Args:
        rows: `(n,) int64`, rows that use the signal, ascending.
        horizon_s: `(functions,) float64`, window less the range of a sample; 0 or less: the newest sample will do.
        ticks: ticks before this one.
    """
    rows = rows[horizon_s[rows] > 0]
    length = horizon_s[rows]
    if len(np.unique(length)) > MOST_LENGTHS:
        length = np.ceil(np.log2(length))
    return tuple(
        Samples(rows[length == one], horizon_s[rows[length == one]], ticks, len(horizon_s))
        for one in np.unique(length).tolist()
    )
