"""The rows that a tick looks at: all of them, or those that are not at rest."""

from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from autoscaler.core.columns import Ints

Kind = TypeVar("Kind", bound=np.generic)

LARGE = 0.25
"""Share of a fleet from which on it costs less to look at every row: gathering thirty columns is not free."""

Which = Ints | slice
"""Lanes that are meant: ascending positions, or all of them."""

ALL = slice(None)


class Part:
    """A choice of rows, ascending; columns of a part have one number for each of them.

    A position is a place within the part, a row one within the fleet; where the part is everything they are the same.

    Attributes:
        rows: `(size,) int64`; None: every row.
        size: how many.
    """

    __slots__ = ("rows", "size")

    def __init__(self, functions: int, rows: Ints | None = None) -> None:
        self.rows = rows
        self.size = functions if rows is None else len(rows)

    def of(self, column: NDArray[Kind]) -> NDArray[Kind]:
        """Give a column's numbers for the part; a view where the part is everything."""
        return column if self.rows is None else column[self.rows]

    def put(self, column: NDArray[Kind], values: NDArray[Kind]) -> None:
        """Write a part's numbers into a column of the fleet."""
        if self.rows is None:
            column[:] = values
        else:
            column[self.rows] = values

    def rows_at(self, positions: Ints) -> Ints:
        """Give the rows at some positions."""
        return positions if self.rows is None else self.rows[positions]

    def within(self, rows: Ints) -> Ints:
        """Give the positions of rows that are all within the part."""
        return rows if self.rows is None else np.searchsorted(self.rows, rows)

    def all_rows(self) -> Ints:
        """Give the rows, as numbers."""
        return np.arange(self.size) if self.rows is None else self.rows


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
        if self.is_all:
            return part.rows, np.arange(part.size)
        self.index(functions)
        lanes = self.lane_of[part.rows]
        positions = np.flatnonzero(lanes >= 0)
        return lanes[positions].astype(np.int64), positions
