"""How far our own decisions moved each function within the last seconds."""

from collections import deque
from dataclasses import dataclass
from itertools import chain

import numpy as np
from numpy.typing import NDArray

from autoscaler.core.columns import Bools, Floats, Ints
from autoscaler.core.rounding import MOST_REPLICAS

CELLS = 64
"""Ticks with changes that a period keeps apart. Where there are more, those within a 64th of the period become one."""

Whole = NDArray[np.int32]


@dataclass(slots=True)
class _Cell:
    """Changes of one tick, or of few that are pooled: they end together, with the last of them."""

    first_s: float
    last_s: float
    change: Whole


class _Period:
    """The lanes of one period, and their changes, oldest cell first."""

    def __init__(self, period_s: float, lanes: slice) -> None:
        self.period_s = period_s
        self.lanes = lanes
        self.cells: deque[_Cell] = deque()

    def expire(self, net: Floats, now_s: float) -> None:
        while self.cells and self.cells[0].last_s + self.period_s <= now_s:
            net[self.lanes] -= self.cells.popleft().change

    def add(self, net: Floats, change: Whole, first_s: float, last_s: float) -> None:
        """Take changes that are not older than any before; the caller leaves them to us."""
        if self.cells and self._is_one(self.cells[-1], last_s):
            self._pool(net, self.cells[-1], change, last_s)
            return
        net[self.lanes] += change
        self.cells.append(_Cell(first_s, last_s, change))

    def _is_one(self, newest: _Cell, now_s: float) -> bool:
        if now_s <= newest.last_s:
            return True
        return len(self.cells) >= CELLS and now_s - newest.first_s < self.period_s / CELLS

    def _pool(self, net: Floats, cell: _Cell, change: Whole, now_s: float) -> None:
        pooled = np.clip(cell.change.astype(np.float64) + change, -MOST_REPLICAS, MOST_REPLICAS)
        net[self.lanes] += pooled - cell.change
        cell.change = pooled.astype(np.int32)
        cell.last_s = max(cell.last_s, now_s)


class OwnChanges:
    """Raises minus cuts of our own within the last period, for lanes of a function and a period.

    A change counts while its age is below the period, exactly, as long as no more than `CELLS` ticks of a period had
    any. Beyond that, ticks within a `CELLS`th of the period are pooled: they end late by less than that, and never
    early. So a period of 60 s is exact at ticks of 1 s, and one of 30 minutes lets go up to 28 s late. A period costs
    4 bytes a function and cell, at most twice `CELLS` of them.

    Attributes:
        rows: `(lanes,) int64`, function of each lane; lanes of one period are neighbours, in the order of rows.
        net: `(lanes + 1,) float64`, replicas; the last is of no lane, and always 0.
    """

    def __init__(self, rows: Ints, period_s: Floats) -> None:
        """Begin without changes.

        Args:
            rows: `(lanes,) int64`, fleet rows.
            period_s: `(lanes,) float64`, > 0, ascending.
        """
        self.rows = rows
        self.net = np.zeros(len(rows) + 1)
        starts = np.flatnonzero(np.diff(period_s, prepend=-np.inf) > 0).tolist()
        ends = [*starts, len(rows)][1:]
        self._periods = [
            _Period(float(period_s[start]), slice(start, end)) for start, end in zip(starts, ends, strict=True)
        ]
        self._now_s = -np.inf

    @property
    def nbytes(self) -> int:
        """Bytes of all state."""
        cells = sum(cell.change.nbytes for period in self._periods for cell in period.cells)
        return self.rows.nbytes + self.net.nbytes + cells

    def expire(self, now_s: float) -> None:
        """Let go of changes that are a period old; a clock that goes back stands still."""
        if now_s > self._now_s:
            self._now_s = now_s
            for period in self._periods:
                period.expire(self.net, now_s)

    def record(self, change: Floats, now_s: float) -> None:
        """Take a tick's changes.

        Args:
            change: `(functions,) float64`, whole replicas, of every row of the fleet.
            now_s: monotonic seconds.
        """
        self.record_lanes(change.take(self.rows), now_s)

    def record_lanes(self, change: Floats, now_s: float) -> None:
        """Take a tick's changes of all lanes: `(lanes,) float64`."""
        self.expire(now_s)
        found = _whole(change)
        for period in self._periods:
            part = found[period.lanes]
            if part.any():
                period.add(self.net, part.copy(), self._now_s, self._now_s)

    def carry(self, source: "OwnChanges", new_of_old: Ints) -> None:
        """Take over what another instance knows of the same functions.

        Where a function had the same period, its changes; else those of its longest period, of which what is too old
        ends at once.

        Args:
            source: the other.
            new_of_old: `(functions of the other,) int64`, row here; -1: gone.
        """
        self.expire(source._now_s)
        new_rows = new_of_old[source.rows]
        is_known = np.isin(self.rows, new_rows)
        longest_first = source._periods[::-1]
        for period in self._periods:
            rows, is_open = self.rows[period.lanes], is_known[period.lanes]
            same = [old for old in longest_first if old.period_s == period.period_s]
            found: list[tuple[_Cell, Ints, Ints]] = []
            for old in chain(same, longest_first):
                if not is_open.any():
                    break
                to, place = _same_functions(rows, new_rows[old.lanes], is_open)
                is_open[to] = False
                found += [(cell, to, place) for cell in old.cells if place.size]
            self._take_over(period, found)

    def _take_over(self, period: _Period, found: list[tuple[_Cell, Ints, Ints]]) -> None:
        """Take changes of another instance: a cell, where they belong, and where they stand in it."""
        width = period.lanes.stop - period.lanes.start
        for cell, to, place in sorted(found, key=lambda one: one[0].last_s):
            if cell.last_s + period.period_s > self._now_s:
                change = np.zeros(width, np.int32)
                change[to] = cell.change[place]
                period.add(self.net, change, cell.first_s, cell.last_s)


def _same_functions(rows: Ints, others: Ints, is_open: Bools) -> tuple[Ints, Ints]:
    """Give the positions of functions of both, in each; only of those that are open."""
    at = np.searchsorted(rows, others).clip(max=len(rows) - 1)
    place = np.flatnonzero((rows[at] == others) & is_open[at])
    return at[place], place


def _whole(change: Floats) -> Whole:
    """Give changes as whole numbers; one that is no number is none."""
    if not (change.min(initial=0.0) >= -MOST_REPLICAS and change.max(initial=0.0) <= MOST_REPLICAS):
        change = np.nan_to_num(change, nan=0.0).clip(-MOST_REPLICAS, MOST_REPLICAS)
    return change.astype(np.int32)
