"""Falling values of each lane: what a sliding maximum must remember beside the present value."""

import numpy as np

from autoscaler.core.columns import Codes, Floats, Ints
from autoscaler.core.overflow import CHUNK, Entries, Overflow, Whole

ROW = 7
"""Values in a lane's own row. A load that jumps about leaves three or four in a look-back of 150 ticks (the n-th
tick back still counts with a chance of 1 in n, and the last few are elsewhere); what is beyond goes to `Overflow`."""

MANY = 0.2
"""Share of lanes that rise from which on all rows are compared at once: cheaper than to look up single entries."""


PLACES = np.arange(ROW)[:, None]


class Instants:
    """Monotonic seconds of the ticks that are still remembered, by their number.

    Numbers are half as wide as times, and exact.

    Attributes:
        newest_s: the latest; -inf: none yet.
    """

    def __init__(self) -> None:
        self.newest_s = -np.inf
        self._times_s = np.full(64, -np.inf)  # the first stands for all that is forgotten
        self._first = 0
        self._count = 0

    @property
    def nbytes(self) -> int:
        """Bytes of all arrays."""
        return self._times_s.nbytes

    def number(self, now_s: float, horizon_s: float) -> int:
        """Give the number of a tick at `now_s`; a clock that goes back stands still.

        Args:
            now_s: monotonic seconds.
            horizon_s: age from which on a tick may be forgotten.
        """
        if now_s > self.newest_s:
            if self._count + 1 == len(self._times_s):
                self._make_room(now_s, horizon_s)
            self._count += 1
            self._times_s[self._count] = self.newest_s = now_s
        return self._first + self._count - 1

    def times_s(self, ticks: Whole) -> Floats:
        """Give the times of ticks by their numbers; -inf: forgotten. Of a number that is none, any."""
        result: Floats = self._times_s.take(ticks - (self._first - 1), mode="clip")
        return result

    def copy(self) -> "Instants":
        """Give another one with the same ticks and numbers."""
        other = Instants()
        other.newest_s, other._first, other._count = self.newest_s, self._first, self._count
        other._times_s = self._times_s.copy()
        return other

    def _make_room(self, now_s: float, horizon_s: float) -> None:
        times_s = self._times_s[1 : self._count + 1]
        ended = min(int(np.count_nonzero(times_s + horizon_s <= now_s)), self._count - 1)
        kept = times_s[ended:]
        self._times_s = np.full(max(64, 2 * len(kept)), -np.inf)
        self._times_s[1 : len(kept) + 1] = kept
        self._first += ended
        self._count = len(kept)


class Falls:
    """Each lane's falling values with the number of the last tick at which each was recorded, oldest and largest first.

    A row that is full moves its oldest values to overflow; such a lane keeps some in its row. What has ended stays
    until its room is needed, and never counts.
    """

    def __init__(self, window_s: Floats) -> None:
        """Begin without any.

        Args:
            window_s: `(lanes,) float64`, how long a value counts.
        """
        lanes = len(window_s)
        self.instants = Instants()
        self._window_s = window_s
        self._count = np.zeros(lanes, np.uint8)
        self._ended = np.zeros(lanes, np.uint8)  # the first so many of a row are known to have ended
        self._values = np.zeros((ROW, lanes), np.int32)
        self._ticks = np.zeros((ROW, lanes), np.int32)
        self._overflow = Overflow(lanes)

    @property
    def nbytes(self) -> int:
        """Bytes of all state."""
        own = self._count.nbytes + self._ended.nbytes + self._values.nbytes + self._ticks.nbytes
        return own + self._overflow.nbytes + self.instants.nbytes

    def clear(self, lanes: Ints) -> None:
        """Forget all of some lanes."""
        self._count[lanes] = self._ended[lanes] = 0
        self._overflow.clear(lanes)

    def carry(self, lanes: Ints, source: "Falls", source_lanes: Ints) -> None:
        """Take over what another instance remembers, and the numbers of its ticks; these lanes have nothing yet."""
        self.instants = source.instants.copy()
        self._count[lanes] = source._count[source_lanes]
        self._ended[lanes] = source._ended[source_lanes]
        self._values[:, lanes] = source._values[:, source_lanes]
        self._ticks[:, lanes] = source._ticks[:, source_lanes]
        self._overflow.carry(lanes, source._overflow, source_lanes)

    def pop(self, values: Whole, lanes: Ints) -> None:
        """Forget what is not larger than a later value.

        Args:
            values: `(all lanes,) int32`; of a lane not in `lanes`, smaller than all that is remembered there.
            lanes: `(n,) int64`.
        """
        if lanes.size > MANY * len(self._count):
            self._pop_everywhere(values)
        else:
            self._pop_single(values, lanes)
        np.minimum(self._ended, self._count, out=self._ended)
        while self._overflow.used:
            emptied = np.flatnonzero((self._count == 0) & (self._overflow.oldest >= 0))
            if not emptied.size:
                break
            entries = self._overflow.pop(emptied)
            self._values[:CHUNK, emptied], self._ticks[:CHUNK, emptied] = entries
            self._count[emptied] = CHUNK
            self._pop_single(values, emptied)

    def push(self, block: Whole, ticks: Ints) -> None:
        """Remember the falls of some ticks; all are smaller than what is remembered.

        Args:
            block: `(ticks + 1, all lanes) int32`, never rising; of the last, nothing is remembered.
            ticks: `(ticks,) int64`, their numbers; not more than a row has room for beside a rest of a chunk.
        """
        is_fall = block[:-1] > block[1:]
        if not is_fall.any():
            return
        places = np.empty(is_fall.shape, np.uint8)  # first, how many falls so far
        places[0] = is_fall[0]
        for slot in range(1, len(places)):
            np.add(places[slot - 1], is_fall[slot], out=places[slot])
        self._make_room(places[-1])
        places += self._count
        self._count = places[-1].copy()
        places -= np.uint8(1)  # the place in its row of each that is a fall
        falls = np.flatnonzero(is_fall)
        by_slot = np.count_nonzero(is_fall, axis=1)
        width = len(self._count)
        at = places.reshape(-1).take(falls) * np.int64(width)
        at += falls
        at -= np.repeat(np.arange(len(ticks)) * width, by_slot)
        self._values.reshape(-1)[at] = block.reshape(-1).take(falls)
        self._ticks.reshape(-1)[at] = np.repeat(ticks, by_slot)

    def largest(self, lanes: Ints, now_s: float) -> tuple[Floats, Floats]:
        """Find the largest value that has not ended.

        Args:
            lanes: `(n,) int64`.
            now_s: monotonic seconds.

        Returns:
            `(n,) float64`, the value, -inf: none, and `(n,) float64`, when it ends.
        """
        values, ends_s = np.full(len(lanes), -np.inf), np.full(len(lanes), np.inf)
        open_ = np.arange(len(lanes))
        if self._overflow.used:
            open_ = self._largest_of_overflow(lanes, values, ends_s, now_s)
        entries, ticks, width = self._values.reshape(-1), self._ticks.reshape(-1), np.int64(len(self._count))
        while open_.size:
            at = lanes.take(open_)
            first = self._ended.take(at)
            has = np.flatnonzero(first < self._count.take(at))
            open_, at, first = open_.take(has), at.take(has), first.take(has)
            place = first * width + at
            found_s = self._ends_s(ticks.take(place), at)
            ended = found_s <= now_s
            values[open_] = np.where(ended, -np.inf, entries.take(place))
            ends_s[open_] = found_s
            has = np.flatnonzero(ended)
            open_ = open_.take(has)
            self._ended[at.take(has)] = first.take(has) + 1
        return values, ends_s

    def _largest_of_overflow(self, lanes: Ints, values: Floats, ends_s: Floats, now_s: float) -> Ints:
        """Fill in what is found in overflow, and give the positions of the other lanes."""
        is_open = np.ones(len(lanes), np.bool_)
        has = self._with_overflow(lanes, now_s)
        is_open[has] = False
        front = self._overflow.front(lanes[has])
        found_s = self._ends_s(front.ticks, lanes[has])
        first, at = np.count_nonzero(found_s <= now_s, axis=0), np.arange(len(has))
        values[has], ends_s[has] = front.values[first, at], found_s[first, at]
        return np.flatnonzero(is_open)

    def _ends_s(self, ticks: Whole, lanes: Ints) -> Floats:
        result: Floats = self.instants.times_s(ticks) + self._window_s.take(lanes)
        return result

    def _with_overflow(self, lanes: Ints, now_s: float) -> Ints:
        """Drop chunks that have ended whole, and give the positions of lanes that have any left."""
        has = open_ = np.flatnonzero(self._overflow.oldest.take(lanes) >= 0)
        while open_.size:
            at = lanes.take(open_)
            ended = np.flatnonzero(self._ends_s(self._overflow.front_tick(at), at) <= now_s)
            if not ended.size:
                break
            self._overflow.drop_front(at.take(ended))
            left = np.flatnonzero(self._overflow.oldest.take(at.take(ended)) >= 0)
            has = np.setdiff1d(has, np.delete(open_.take(ended), left), assume_unique=True)
            open_ = open_.take(ended).take(left)
        return has

    def _make_room(self, pushes: Codes) -> None:
        """Move what is in the way to overflow, but for what is known to have ended."""
        full = np.flatnonzero(self._count + pushes > ROW)
        if full.size:
            self._drop_ended(full[self._ended[full] > 0])
        while (full := full[self._count[full] + pushes[full] > ROW]).size:
            self._spill(full)

    def _drop_ended(self, lanes: Ints) -> None:
        gone = self._ended[lanes]
        source = np.minimum(PLACES + gone, ROW - 1)
        for column in (self._values, self._ticks):
            column[:, lanes] = np.take_along_axis(column[:, lanes], source, axis=0)
        self._count[lanes] -= gone
        self._ended[lanes] = 0

    def _spill(self, lanes: Ints) -> None:
        self._overflow.add(lanes, Entries(self._values[:CHUNK, lanes], self._ticks[:CHUNK, lanes]))
        for column in (self._values, self._ticks):
            column[: ROW - CHUNK, lanes] = column[CHUNK:, lanes]
        self._count[lanes] -= CHUNK

    def _pop_everywhere(self, values: Whole) -> None:
        """Count, in every lane, the entries that are larger: a pass over a slot costs less than a look at an entry."""
        larger = np.zeros(len(values), np.uint8)
        is_larger, is_entry = np.empty((2, len(values)), np.bool_)
        for slot in range(int(self._count.max(initial=0))):
            np.greater(self._values[slot], values, out=is_larger)
            np.greater(self._count, slot, out=is_entry)
            is_larger &= is_entry
            larger += is_larger.view(np.uint8)
        self._count = larger

    def _pop_single(self, values: Whole, lanes: Ints) -> None:
        entries, stride = self._values.reshape(-1), np.int64(len(self._count))
        while (has := np.flatnonzero(self._count.take(lanes))).size:
            lanes = lanes.take(has)
            count = self._count.take(lanes) - np.uint8(1)
            over = np.flatnonzero(entries.take(count * stride + lanes) <= values.take(lanes))
            lanes = lanes.take(over)
            self._count[lanes] = count.take(over)
