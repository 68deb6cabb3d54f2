"""Tables read piece by piece: text with commas, or columns that somebody else decoded; never the whole in memory."""

import csv
import math
import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain, islice
from typing import Any

import numpy as np
from numpy.typing import NDArray

from autoscaler.core.columns import Floats, Ints
from autoscaler.policy.problems import shown, suggestion
from autoscaler.simulator.instants import ALLOWED as ALLOWED_MOMENT
from autoscaler.simulator.instants import parse_instant
from autoscaler.simulator.trace_sets.errors import Findings, TraceError

BATCH_ROWS = 65_536
"""Rows handled at once: enough to pay for numpy calls, few enough to keep memory small."""

LATEST_S = 1e11
_NUMBER = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]{1,3})?")
_ALLOWED_CSV = "comma-separated cells, quoted in pairs"
ALLOWED_TIME = f"seconds (at most {LATEST_S:g}), or {ALLOWED_MOMENT}"


@dataclass(frozen=True, slots=True, eq=False)
class Words:
    """A column of texts, each one of a few.

    Attributes:
        codes: `(rows,) int`, position of each row's text; < 0: the cell is empty.
        values: the texts.
    """

    codes: Ints
    values: Sequence[str]


Column = list[str] | NDArray[Any] | Words
"""Texts as a file has them, numbers, or texts by code."""


@dataclass(frozen=True, slots=True, eq=False)
class Batch:
    """Some rows of a table.

    Attributes:
        lines: line of each row, or its number.
        columns: cells by column.
        moments: columns of numbers that are UTC seconds, and no bare seconds.
    """

    lines: Sequence[int]
    columns: Mapping[str, Column]
    findings: Findings
    moments: frozenset[str] = frozenset()

    def __len__(self) -> int:
        return len(self.lines)

    def numbers(self, column: str, low: float, high: float, allowed: str, empty: float | None = None) -> Floats:
        """Give a column of numbers, `(rows,) float64`; what is no number within bounds is found wrong, and nan.

        Args:
            low: least number.
            high: largest one.
            allowed: what to say of the bounds.
            empty: what an empty cell stands for; None: it is wrong.
        """
        cells = self.columns[column]
        values = self._floats(column, cells, allowed, empty)
        is_empty = _is_empty(cells) if empty is not None else np.zeros(len(values), dtype=np.bool_)
        is_wrong = ~((values >= low) & (values <= high)) & ~is_empty
        for row in np.flatnonzero(is_wrong).tolist():
            self.findings.add(self.lines[row], column, f"is {_cell(cells, row)}", allowed)
        return values

    def _floats(self, column: str, cells: Column, allowed: str, empty: float | None) -> Floats:
        if isinstance(cells, Words):
            cells = [cells.values[code] if code >= 0 else "" for code in cells.codes]
        if isinstance(cells, np.ndarray):
            if cells.dtype.kind not in "iufb":
                self.findings.add(None, column, "holds no numbers", allowed)
                self.findings.check()
            values = cells.astype(np.float64)
            return values if empty is None else np.where(np.isnan(values), empty, values)
        try:
            return np.fromiter(map(float, cells), np.float64, len(cells))
        except ValueError:
            return np.array([_float(cell, empty) for cell in cells], dtype=np.float64)

    def times(self, column: str, clock: "Clock") -> Floats:
        """Give a column of times, seconds from the trace's beginning as `clock` has it; nan where one is wrong."""
        cells = self.columns[column]
        if isinstance(cells, np.ndarray):
            seconds = self.numbers(column, -LATEST_S, LATEST_S, ALLOWED_TIME)
            return clock.since(seconds, is_moments=column in self.moments)
        texts = [cells.values[code] for code in cells.codes] if isinstance(cells, Words) else cells
        if clock.is_moments is None and texts:
            clock.is_moments = not _NUMBER.fullmatch(texts[0])
        if not clock.is_moments:
            return clock.since(self.numbers(column, -LATEST_S, LATEST_S, ALLOWED_TIME), is_moments=False)
        values = np.array([_moment(text) for text in texts], dtype=np.float64)
        for row in np.flatnonzero(np.isnan(values)).tolist():
            self.findings.add(self.lines[row], column, f"is {shown(texts[row])}", f"moments: {ALLOWED_MOMENT}")
        return clock.since(values, is_moments=True)

    def words(self, column: str) -> Words:
        """Give a column of texts by code; an empty one is found wrong."""
        cells = self.columns[column]
        if isinstance(cells, np.ndarray):
            cells = [str(cell) for cell in cells]
        if not isinstance(cells, Words):
            places = {cell: code for code, cell in enumerate(dict.fromkeys(cells))}
            codes = np.fromiter(map(places.__getitem__, cells), np.int64, len(cells))
            cells = Words(codes, tuple(places))
        is_empty = np.array([not value for value in cells.values], dtype=np.bool_)
        wrong = np.flatnonzero((cells.codes < 0) | (is_empty[cells.codes] if len(is_empty) else False))
        for row in wrong.tolist():
            self.findings.add(self.lines[row], column, "is empty", "a name")
        return cells


class Clock:
    """What the times of a trace are counted from: its first time.

    Attributes:
        origin_s: the first time; None: none was seen.
        is_moments: whether times are moments, in UTC seconds, and no bare seconds; None: not known yet.
        from_zero: count bare seconds from 0, not from the first.
    """

    def __init__(self, origin_s: float | None = None, *, from_zero: bool = False) -> None:
        self.origin_s = origin_s
        self.is_moments: bool | None = None
        self._from_zero = from_zero

    def since(self, values: Floats, *, is_moments: bool) -> Floats:
        """Give times from the beginning."""
        if self.origin_s is None and len(values):
            known = values[np.isfinite(values)]
            if len(known):
                self.origin_s = 0.0 if self._from_zero and not is_moments else float(known[0])
                self.is_moments = is_moments
        with np.errstate(invalid="ignore"):  # what is no number was found wrong
            return values if self.origin_s is None else values - self.origin_s


def text_batches(
    lines: Iterable[str], findings: Findings, wanted: Callable[[list[str]], Collection[str]]
) -> Iterator[Batch]:
    """Read a text with commas: a line of names, then rows.

    Lines without quotes are cut at their commas, many at once; from the first quote on, and from the first line that has
    not as many cells as names, they are read one by one.

    Args:
        lines: of the text; what they raise goes through.
        wanted: given the names, tells which columns are to be read; it may find some wrong.

    Raises:
        TraceError: it is no such table.
    """
    rest = iter(lines)
    line, names = _header(rest, findings)
    chosen = [(name, names.index(name)) for name in wanted(names) if name in names]
    findings.check()
    while block := list(islice(rest, BATCH_ROWS)):
        columns = _cut(block, len(names), chosen)
        if columns is None:
            yield from _one_by_one(chain(block, rest), line, len(names), chosen, findings)
            break
        yield Batch(range(line + 1, line + 1 + len(block)), columns, findings)
        line += len(block)
    findings.check()


def _header(lines: Iterator[str], findings: Findings) -> tuple[int, list[str]]:
    """Give the line that the names are on, and the names."""
    for line, text in enumerate(lines, start=1):
        if names := _cells(text.removeprefix("\ufeff") if line == 1 else text, line, findings):
            return line, [name.strip() for name in names]
    findings.add(1, "", "is empty", "a line with the names of the columns, then rows")
    raise TraceError(findings.problems)


def _cells(text: str, line: int, findings: Findings) -> list[str]:
    try:
        return next(csv.reader([text], strict=True), [])
    except csv.Error as error:
        findings.add(line, "", f"is no CSV: {error}", _ALLOWED_CSV)
        raise TraceError(findings.problems) from error


def _cut(block: Sequence[str], width: int, chosen: Sequence[tuple[str, int]]) -> dict[str, Column] | None:
    """Cut lines at their commas; None: they have to be read one by one."""
    text = "".join(block)
    if '"' in text or any(line.count(",") != width - 1 for line in block) or "\n" in block:
        return None
    cells = text.replace("\r", "").removesuffix("\n").replace("\n", ",").split(",")
    if len(cells) != width * len(block):
        return None
    if " " in text or "\t" in text:
        return {name: [cell.strip() for cell in cells[place::width]] for name, place in chosen}
    return {name: cells[place::width] for name, place in chosen}


def _one_by_one(
    lines: Iterable[str], before: int, width: int, chosen: Sequence[tuple[str, int]], findings: Findings
) -> Iterator[Batch]:
    """Read rows that may have quotes; lines are counted from `before` on."""
    reader = csv.reader(lines, strict=True)
    numbers: list[int] = []
    rows: list[list[str]] = []
    try:
        for row in reader:
            if len(row) == width:
                numbers.append(before + reader.line_num)
                rows.append(row)
                if len(rows) == BATCH_ROWS:
                    yield _batch(numbers, rows, chosen, findings)
                    numbers, rows = [], []
            elif row:
                line = before + reader.line_num
                findings.add(line, "", f"has {len(row)} cells", f"{width}, as the first line has")
    except csv.Error as error:
        findings.add(before + reader.line_num, "", f"is no CSV: {error}", _ALLOWED_CSV)
    if rows:
        yield _batch(numbers, rows, chosen, findings)


def _batch(
    numbers: Sequence[int], rows: Sequence[list[str]], chosen: Sequence[tuple[str, int]], findings: Findings
) -> Batch:
    columns: dict[str, Column] = {name: [row[place].strip() for row in rows] for name, place in chosen}
    return Batch(numbers, columns, findings)


_NAME = re.compile(r"[\w .()%-]+")
"""What may be the name of a table's only column: other first lines are of something else, or parted by something else."""


def check_names(names: Sequence[str], needed: Collection[str], findings: Findings, line: int | None = 1) -> None:
    """Find columns that are missing or there twice."""
    if len(names) == 1 < len(needed) and not _NAME.fullmatch(names[0]):
        findings.add(line, "", "has one cell", "cells parted by commas")
        return
    for name in needed:
        if names.count(name) > 1:
            findings.add(line, name, "is the name of several columns", "a name that one column has")
        elif name not in names:
            findings.add(line, name, "is no column", suggestion(name, names))


def _float(cell: str, empty: float | None) -> float:
    if not cell and empty is not None:
        return empty
    try:
        return float(cell)
    except ValueError:
        return math.nan


def _moment(cell: str) -> float:
    try:
        return parse_instant(cell)
    except ValueError:
        return math.nan


def _is_empty(cells: Column) -> NDArray[np.bool_]:
    if isinstance(cells, np.ndarray):
        return np.isnan(cells) if cells.dtype.kind == "f" else np.zeros(len(cells), dtype=np.bool_)
    if isinstance(cells, Words):
        return np.asarray(cells.codes < 0)
    return np.array([not cell for cell in cells], dtype=np.bool_)


def _cell(cells: Column, row: int) -> str:
    if isinstance(cells, Words):
        return shown(cells.values[cells.codes[row]] if cells.codes[row] >= 0 else "")
    return shown(cells[row] if isinstance(cells, list) else cells[row].item())
