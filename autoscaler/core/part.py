"""The rows that a tick looks at: all of them, or those that are not at rest."""

from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from autoscaler.core.columns import Ints, true_at

Kind = TypeVar("Kind", bound=np.generic)

LARGE = 0.25
"""Share of a fleet from which on it costs less to look at every row: gathering thirty columns is not free."""

Which = Ints | slice
"""Lanes that are meant: ascending positions, or all of them."""

ALL = slice(None)
ONE_NUMBER = (0,)
"""Strides of a column that is one number seen many times."""

NOWHERE: Ints = np.empty(0, np.int64)


def numbers_at(column: NDArray[Kind], at: Ints) -> NDArray[Kind]:
    """Give a column's numbers at some positions, each once; where all numbers are one, no gather is needed."""
    return column[: len(at)] if column.strides == ONE_NUMBER else column.take(at)


class Part:
    """A choice of rows, ascending; columns of a part have one number for each of them.

    A position is a place within the part, a row one within the fleet; where the part is everything they are the same.

    Attributes:
        rows: `(size,) int64`; None: every row.
        size: how many.
        found: where lanes are in it, as far as anybody has asked.
    """

    __slots__ = ("found", "rows", "size")

    def __init__(self, functions: int, rows: Ints | None = None) -> None:
        self.rows = rows
        self.size = functions if rows is None else len(rows)
        self.found: dict[Lanes, tuple[Which, Ints]] = {}

    def of(self, column: NDArray[Kind]) -> NDArray[Kind]:
        """Give a column's numbers for the part; a view where the part is everything, or all numbers are one."""
        if self.rows is None:
            return column
        return numbers_at(column, self.rows)

    def put(self, column: NDArray[Kind], values: NDArray[Kind]) -> None:
        """Write a part's numbers into a column of the fleet."""
        if self.rows is None:
            column[:] = values
        else:
            column[self.rows] = values

    def rows_at(self, positions: Ints) -> Ints:
        """Give the rows at some positions."""
        return positions if self.rows is None else self.rows.take(positions)

    def within(self, rows: Ints) -> Ints:
        """Give the positions of rows that are all within the part."""
        return rows if self.rows is None or not rows.size else np.searchsorted(self.rows, rows)

    def positions(self, rows: Ints) -> Ints:
        """Give the positions of those rows that are within the part; they ascend."""
        return rows if self.rows is None else true_at(np.isin(self.rows, rows))


class Lanes:
    """Rows that have something of their own, each once, and how to find them from a part."""

    __slots__ = ("_lane_of", "is_all", "rows")

    def __init__(self, rows: Ints, functions: int) -> None:
        """Remember them.

        Args:
            rows: `(lanes,) int64`, ascending, each once.
            functions: rows of the fleet.
        """
        self.rows = rows
        self.is_all = len(rows) == functions
        self._lane_of: NDArray[np.int32] | None = None

    def __len__(self) -> int:
        return len(self.rows)

    @property
    def lane_of(self) -> NDArray[np.int32]:
        """`(functions,) int32`, the lane of each row; -1: it has none."""
        return self._lane_of if self._lane_of is not None else np.empty(0, np.int32)

    def index(self, functions: int) -> None:
        """Make what finding them from a part of the fleet needs."""
        if self._lane_of is None:
            self._lane_of = np.full(functions, -1, np.int32)
            self._lane_of[self.rows] = np.arange(len(self.rows))

    def of(self, part: Part, functions: int) -> tuple[Which, Ints]:
        """Give the lanes whose function is in a part, and the positions of those functions within it."""
        if part.rows is None:
            return ALL, self.rows
        found = part.found.get(self)
        if found is None:
            found = part.found[self] = self._find(part.rows, functions)
        return found

    def among(self, positions: Ints, part: Part, functions: int) -> Ints:
        """Give which of the lanes in a part, in their order there, are at some of its positions, which ascend."""
        if part.rows is None:
            self.index(functions)
            lanes = self.lane_of.take(positions)
            return lanes.compress(lanes >= 0).astype(np.int64)
        is_meant = np.zeros(part.size, np.bool_)
        is_meant[positions] = True
        return true_at(is_meant.take(self.of(part, functions)[1]))

    def rows_in(self, part: Part, functions: int) -> Ints:
        """Give the rows of those functions that are in a part."""
        return part.rows_at(self.of(part, functions)[1])

    def _find(self, rows: Ints, functions: int) -> tuple[Which, Ints]:
        if self.is_all:
            return rows, np.arange(len(rows))
        if not len(self.rows):
            return NOWHERE, NOWHERE
        self.index(functions)
        lanes = self.lane_of.take(rows)
        positions = true_at(lanes >= 0)
        return lanes.take(positions).astype(np.int64), positions
