"""What a log has told so far: the bits of every column, which writer and reader keep alike."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from autoscaler.core.columns import Ints
from autoscaler.core.journal.step import JournalError
from autoscaler.core.journal.vectors import Bits, Section, Writer, as_bits

Declaration = list[Any]
"""JSON: path, dtype, shape, whether its last axis is functions, path of the column that says which rows it has."""


@dataclass(slots=True)
class Column:
    """A column as last told.

    Attributes:
        kind: its dtype.
        lead: its shape but for the last axis.
        is_by_row: its last axis is functions, and `bits` has a place for each of the fleet; else it is told whole.
        mask: number of the column that says which rows it has; None: all that are decided.
        bits: `(vectors, places)`; of a vector after the first what differs from the one before it, by exclusive-or.
    """

    kind: np.dtype[Any]
    lead: tuple[int, ...]
    is_by_row: bool
    mask: int | None
    bits: Bits


class Told:
    """All columns as last told.

    Columns of decisions are told as what differs from the observation's column of the same name, and each stage as
    what differs from the stage before: mostly nothing.
    """

    def __init__(self) -> None:
        self.columns: list[Column] = []
        self.paths: list[str] = []
        self.number_of: dict[str, int] = {}

    def declare(
        self, path: str, array: NDArray[Any], is_by_row: bool, functions: int, mask: str | None = None
    ) -> Declaration | None:
        """Make sure that a column is known in this form; give what a reader must be told for it, None: nothing."""
        lead = array.shape[:-1]
        places = functions if is_by_row else array.shape[-1]
        number = self.number_of.get(path)
        if number is not None:
            known = self.columns[number]
            form = (known.kind, known.lead, known.is_by_row, known.bits.shape[-1])
            if form == (array.dtype, lead, is_by_row, places):
                return None
        declaration = [path, array.dtype.str, [*lead, places], is_by_row, mask]
        self.add(declaration)
        return declaration

    def add(self, declaration: Declaration) -> None:
        """Take a declaration; what is told of it so far is zero bits."""
        path, kind_name, shape, is_by_row, mask = declaration
        kind = np.dtype(kind_name)
        lead = tuple(shape[:-1])
        bits = np.zeros((int(np.prod(lead, dtype=np.int64)), shape[-1]), f"u{kind.itemsize}")
        masked_by = None if mask is None else self.number_of[mask]
        self.number_of[path] = len(self.columns)
        self.paths.append(path)
        self.columns.append(Column(kind, lead, is_by_row, masked_by, bits))

    def follow(self, old_of_new: Ints) -> None:
        """Follow functions into another fleet; columns that are told whole stay as they are.

        Args:
            old_of_new: `(functions of the new fleet,) int64`, row in the old one; -1: not there.
        """
        known = old_of_new >= 0
        for column in self.columns:
            if column.is_by_row:
                moved = np.zeros((len(column.bits), len(old_of_new)), column.bits.dtype)
                moved[:, known] = column.bits[:, old_of_new[known]]
                column.bits = moved

    def write(self, writer: Writer, path: str, array: NDArray[Any], rows: Ints | None, base: str | None) -> None:
        """Write what is new of a column, and know it from now on.

        Args:
            rows: rows that it has; None: all, or a column told whole.
            base: path of the column it is told against; None: none.
        """
        number = self.number_of[path]
        column = self.columns[number]
        bits = self._against(as_bits(array), rows, base)
        for part, vector in enumerate(bits):
            told = column.bits[part]
            if rows is None:
                if writer.put(number, part, told, vector).size:
                    told[:] = vector
            else:
                writer.put(number, part, told[rows], vector)
                told[rows] = vector

    def members(self, number: int, rows: Ints) -> Ints:
        """Give those of some rows that a mask says a column has, as positions within them."""
        return np.flatnonzero(self.columns[number].bits[0][rows])

    def read(self, section: Section, rows: Ints | None) -> None:
        """Know what a section tells.

        Args:
            rows: rows of the columns of this step's decisions; None: all.
        """
        if section.column >= len(self.columns) or section.part >= len(self.columns[section.column].bits):
            raise JournalError("a section of a column that was never declared")
        vector = self.columns[section.column].bits[section.part]
        places = section.places if rows is None else rows[section.places]
        if places.size and places[-1] >= vector.size:
            raise JournalError("a section that is longer than its column")
        vector[places] ^= section.differences

    def array(self, path: str, rows: Ints | None, base: str | None) -> NDArray[Any]:
        """Give a column as it stands, an array of its own.

        Args:
            rows: rows wanted; None: all of it.
            base: path of the column it was told against.
        """
        column = self.columns[self.number_of[path]]
        bits = column.bits.copy() if rows is None else column.bits[:, rows]
        np.bitwise_xor.accumulate(bits, axis=0, out=bits)
        if base is not None:
            told = self.columns[self.number_of[base]].bits[0]
            bits ^= told if rows is None else told[rows]
        return bits.view(column.kind).reshape(*column.lead, bits.shape[-1])

    def _against(self, bits: Bits, rows: Ints | None, base: str | None) -> Bits:
        if base is None and len(bits) == 1:
            return bits
        result = bits.copy()
        result[1:] ^= bits[:-1]
        if base is not None:
            told = self.columns[self.number_of[base]].bits[0]
            result[0] ^= told if rows is None else told[rows]
        return result

    def bases(self, paths: Sequence[str], decided: str, seen: Sequence[str]) -> Mapping[str, str]:
        """Give, for columns of decisions, the observation's column of the same name where there is one.

        Args:
            decided: prefix of the columns of decisions.
            seen: prefixes of those of an observation.
        """
        found = {}
        for path in paths:
            name = path.removeprefix(decided)
            for prefix in seen:
                number = self.number_of.get(prefix + name) if name != path else None
                if number is not None and self._is_base(path, number):
                    found[path] = prefix + name
        return found

    def _is_base(self, path: str, number: int) -> bool:
        base, own = self.columns[number], self.columns[self.number_of[path]]
        is_alike = base.kind == own.kind and base.bits.shape[-1] == own.bits.shape[-1] and not base.lead
        return is_alike and base.is_by_row and own.is_by_row
