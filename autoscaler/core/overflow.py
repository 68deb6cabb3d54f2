"""Where lanes with more past values than their row holds keep the oldest of them: chains of small chunks in one pool."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from autoscaler.core.columns import Ints

Whole = NDArray[np.int32]
"""Whole numbers, of replicas or of ticks."""

CHUNK = 3
"""Entries that move at once. Few enough that a lane just above its row wastes little, and a move is rare all the same."""

NO_CHUNK = -1


class Entries(NamedTuple):
    """Past values, oldest first.

    Attributes:
        values: `(entries, lanes) int32`.
        ticks: `(entries, lanes) int32`, number of the tick at which each was last recorded.
    """

    values: Whole
    ticks: Whole


class Overflow:
    """Chains of chunks, oldest entry first, for the few lanes that need any.

    A lane that needs none costs eight bytes; one with `n` entries about `12 n` more. There is no longest chain.

    Attributes:
        oldest: `(lanes,) int32`, first chunk of each lane; `NO_CHUNK`: none.
        newest: `(lanes,) int32`, last chunk.
        used: chunks in use.
    """

    def __init__(self, lanes: int) -> None:
        self.oldest = np.full(lanes, NO_CHUNK, np.int32)
        self.newest = np.full(lanes, NO_CHUNK, np.int32)
        self.used = 0
        self._values = np.empty((0, CHUNK), np.int32)
        self._ticks = np.empty((0, CHUNK), np.int32)
        self._older = np.empty(0, np.int32)
        self._newer = np.empty(0, np.int32)
        self._free = np.empty(0, np.int32)

    @property
    def nbytes(self) -> int:
        """Bytes of all arrays."""
        return sum(value.nbytes for value in vars(self).values() if isinstance(value, np.ndarray))

    def add(self, lanes: Ints, entries: Entries) -> None:
        """Append a chunk to each lane's chain, newer than all that is there."""
        chunks = self._taken(len(lanes))
        self._values[chunks], self._ticks[chunks] = entries.values.T, entries.ticks.T
        before = self.newest[lanes]
        self._older[chunks], self._newer[chunks] = before, NO_CHUNK
        is_first = before < 0
        self._newer[before[~is_first]] = chunks[~is_first]
        self.oldest[lanes[is_first]] = chunks[is_first]
        self.newest[lanes] = chunks

    def pop(self, lanes: Ints) -> Entries:
        """Take the newest chunk out of each lane's chain; each has one."""
        chunks = self.newest[lanes]
        before = self._older[chunks]
        is_last = before < 0
        self.newest[lanes] = before
        self._newer[before[~is_last]] = NO_CHUNK
        self.oldest[lanes[is_last]] = NO_CHUNK
        self._give_back(chunks)
        return self._entries(chunks)

    def front(self, lanes: Ints) -> Entries:
        """Give the oldest chunk of each lane's chain; each has one."""
        return self._entries(self.oldest[lanes])

    def front_tick(self, lanes: Ints) -> Whole:
        """Give the tick of the newest entry of that chunk."""
        result: Whole = self._ticks[self.oldest[lanes], CHUNK - 1]
        return result

    def drop_front(self, lanes: Ints) -> None:
        """Drop the oldest chunk of each lane's chain; each has one."""
        chunks = self.oldest[lanes]
        after = self._newer[chunks]
        is_last = after < 0
        self.oldest[lanes] = after
        self._older[after[~is_last]] = NO_CHUNK
        self.newest[lanes[is_last]] = NO_CHUNK
        self._give_back(chunks)

    def clear(self, lanes: Ints) -> None:
        """Drop all of some lanes."""
        while (lanes := lanes[self.oldest[lanes] >= 0]).size:
            self.drop_front(lanes)

    def carry(self, lanes: Ints, source: "Overflow", source_lanes: Ints) -> None:
        """Take over the chains of another instance; these lanes have none yet."""
        chunks = source.oldest[source_lanes]
        while (has := np.flatnonzero(chunks >= 0)).size:
            lanes, chunks = lanes[has], chunks[has]
            self.add(lanes, source._entries(chunks))
            chunks = source._newer[chunks]

    def _entries(self, chunks: Whole) -> Entries:
        return Entries(self._values[chunks].T, self._ticks[chunks].T)

    def _taken(self, count: int) -> Whole:
        if self.used + count > len(self._free):
            self._grow(self.used + count)
        chunks = self._free[self.used : self.used + count].copy()
        self.used += count
        return chunks

    def _give_back(self, chunks: Whole) -> None:
        self.used -= len(chunks)
        self._free[self.used : self.used + len(chunks)] = chunks

    def _grow(self, least: int) -> None:
        """Make room for twice as many chunks; of `_free`, what is before `used` means nothing."""
        size = len(self._free)
        room = max(least, 2 * size, 64)
        fresh = np.arange(size, room, dtype=np.int32)
        self._free = np.concatenate([self._free, fresh])
        self._older = np.concatenate([self._older, fresh])
        self._newer = np.concatenate([self._newer, fresh])
        more = np.zeros((room - size, CHUNK), np.int32)
        self._values = np.concatenate([self._values, more])
        self._ticks = np.concatenate([self._ticks, more])
