"""Where each result of a sweep is: two hundred bytes a cell, whatever is kept of its run."""

from array import array
from collections.abc import Iterator
from typing import NamedTuple

_NOWHERE = -1


class Place(NamedTuple):
    """Rows of a part.

    Attributes:
        part: number of the part.
        first: its first row there.
        rows: how many rows.
    """

    part: int
    first: int
    rows: int


class Index:
    """Cells by key, with the place of their results; and which of them were asked for, in that order.

    Keys are hex digits of 16 bytes. Rows and numbers are kept in columns, since a sweep may have millions of cells.
    """

    def __init__(self) -> None:
        self._number_of: dict[bytes, int] = {}
        self._parts, self._firsts, self._rows = array("q"), array("q"), array("q")
        self._asked = array("q")
        self._is_asked = bytearray()

    def put(self, key: str, place: Place) -> None:
        """Note where a cell's result is; of several the last counts."""
        number = self._number(key)
        self._parts[number], self._firsts[number], self._rows[number] = place

    def get(self, key: str) -> Place | None:
        """Give where a cell's result is; None: it is nowhere."""
        number = self._number_of.get(bytes.fromhex(key))
        return None if number is None or self._parts[number] == _NOWHERE else self._place(number)

    def ask(self, key: str) -> None:
        """Note that a cell is asked for; again changes nothing."""
        number = self._number(key)
        if not self._is_asked[number]:
            self._is_asked[number] = 1
            self._asked.append(number)

    @property
    def asked(self) -> int:
        """How many cells were asked for."""
        return len(self._asked)

    def places(self) -> Iterator[Place]:
        """Give the places of the cells that were asked for and have one, in the order of asking."""
        return (self._place(number) for number in self._asked if self._parts[number] != _NOWHERE)

    def _place(self, number: int) -> Place:
        return Place(self._parts[number], self._firsts[number], self._rows[number])

    def _number(self, key: str) -> int:
        number = self._number_of.setdefault(bytes.fromhex(key), len(self._parts))
        if number == len(self._parts):
            self._parts.append(_NOWHERE)
            self._firsts.append(0)
            self._rows.append(0)
            self._is_asked.append(0)
        return number
