"""The text of a CSV file of rates → arrays; everything that is wrong in it, with its line and column."""

import csv
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from io import StringIO

import numpy as np

from autoscaler.core.columns import Floats
from autoscaler.policy.problems import Problem, shown, suggestion
from autoscaler.simulator.instants import ALLOWED, parse_instant
from autoscaler.simulator.recorded_rates import RecordedRates
from autoscaler.simulator.traces import MOST_ROWS, UNIT_S, CsvTrace
from autoscaler.simulator.workload import MOST_RATE

MOST_PROBLEMS = 20
"""Problems that are listed of one file; one who mistook a column needs no million of them."""

LARGEST = MOST_RATE * max(UNIT_S.values())
"""Largest value of a cell, whatever its unit."""

_LATEST_S = 1e11
_NUMBER = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]{1,3})?")
_ALLOWED_VALUE = f"a number from 0 to {LARGEST:g}, or an empty cell where nothing is known"
_ALLOWED_TIME = f"seconds (at most {_LATEST_S:g}), or {ALLOWED}"


class RateTableError(Exception):
    """A file whose rates cannot be used; `problems` says why, with lines and columns."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        super().__init__("\n".join(str(problem) for problem in problems))
        self.problems = tuple(problems)


@dataclass(frozen=True, slots=True, eq=False)
class RateTable:
    """What a file holds.

    Attributes:
        edges_s: `(rows + 1,) float64`, seconds from the first row's time, and the end of the last row.
        columns: `(rows,) float64` by name, as the cells have them; nan: an empty cell.
    """

    edges_s: Floats
    columns: Mapping[str, Floats]

    def recorded(self, trace: CsvTrace, column: str, file: str) -> RecordedRates:
        """Give a column as the workload that a scenario makes of it.

        Raises:
            RateTableError: a rate is larger than any simulated.
        """
        per_s = np.diff(self.edges_s) if trace.unit == "requests" else UNIT_S[trace.unit]
        rates = self.columns[column] * trace.scale / per_s
        if np.nanmax(rates, initial=0.0) > MOST_RATE:
            wrong = f"holds a rate of {np.nanmax(rates):g} requests/s, as `unit` and `scale` have it"
            allowed = f"at most {MOST_RATE:g} requests/s"
            raise RateTableError([Problem(file, None, f"column {shown(column)}", wrong, allowed)])
        return RecordedRates(self.edges_s, rates, trace.repeat, trace.arrivals)


def read_table(
    text: str, file: str, wanted: Collection[str], *, time: str | None = None, step_s: float | None = None
) -> RateTable:
    """Read columns of a CSV text: a line of names, then rows; commas, quotes where needed.

    Args:
        file: its name, for problems only.
        wanted: names of the columns.
        time: name of the column of times, where `step_s` is None.
        step_s: length of each row, of a file without times.

    Raises:
        RateTableError: it holds no such table.
    """
    reading = _Reading(file, tuple(wanted), None if step_s is not None else time)
    reading.read(text)
    if reading.problems:
        raise RateTableError(reading.problems)
    edges_s: Floats
    if step_s is not None:
        edges_s = np.arange(len(reading.cells) + 1, dtype=np.float64) * step_s
    else:
        starts_s = np.array(reading.times_s)
        edges_s = np.append(starts_s, 2 * starts_s[-1] - starts_s[-2])
    cells = np.array(reading.cells, dtype=np.float64).reshape(-1, len(wanted))
    return RateTable(edges_s, dict(zip(reading.wanted, cells.T, strict=True)))


@dataclass(slots=True)
class _Reading:
    """One reading of a text: rows so far, and what is wrong."""

    file: str
    wanted: tuple[str, ...]
    time: str | None
    problems: list[Problem] = field(default_factory=list)
    origin_s: float | None = None
    is_in_seconds: bool = False
    times_s: list[float] = field(default_factory=list)
    cells: list[list[float]] = field(default_factory=list)

    def read(self, text: str) -> None:
        rows = self._rows(text.removeprefix("\ufeff"))
        first = next(rows, None)
        if first is None:
            if not self.problems:
                self._wrong(1, "", "is empty", "a line with the names of the columns, then rows")
            return
        line, names = first
        if not self._check_names(line, names):
            return
        places = [names.index(name) for name in self.wanted]
        place = names.index(self.time) if self.time is not None else None
        for line, row in rows:
            self._take(line, row, names, places, place)
            if len(self.problems) >= MOST_PROBLEMS or len(self.cells) > MOST_ROWS:
                break
        self._check_number()

    def _rows(self, text: str) -> Iterator[tuple[int, list[str]]]:
        """Give rows with the line on which each ends; empty lines are none."""
        reader = csv.reader(StringIO(text, newline=""), strict=True)
        try:
            for row in reader:
                if row:
                    yield reader.line_num, [cell.strip() for cell in row]
        except csv.Error as error:
            self._wrong(reader.line_num, "", f"is no CSV: {error}", "comma-separated cells, quoted in pairs")

    def _check_names(self, line: int, names: list[str]) -> bool:
        needed = self.wanted if self.time is None else (self.time, *self.wanted)
        if len(names) == 1 < len(needed) and re.search("[;\t|]", names[0]):
            self._wrong(line, "", "has one cell", "cells parted by commas")
            return False
        for name in needed:
            if names.count(name) != 1:
                is_there = name in names
                wrong = "is the name of several columns" if is_there else "is no column"
                self._wrong(line, name, wrong, "a name that one column has" if is_there else suggestion(name, names))
        return not self.problems

    def _take(self, line: int, row: list[str], names: list[str], places: list[int], time_place: int | None) -> None:
        if len(row) != len(names):
            self._wrong(line, "", f"has {len(row)} cells", f"{len(names)}, as the first line has")
            return
        if time_place is not None:
            self._take_time(line, names[time_place], row[time_place])
        self.cells.append([self._value(line, names[place], row[place]) for place in places])

    def _take_time(self, line: int, name: str, cell: str) -> None:
        at_s, is_in_seconds = _time(cell), bool(_NUMBER.fullmatch(cell))
        if at_s is None:
            self._wrong(line, name, f"is {shown(cell)}", _ALLOWED_TIME)
            return
        if self.origin_s is None:
            self.origin_s, self.is_in_seconds = at_s, is_in_seconds
        if is_in_seconds != self.is_in_seconds:
            wanted = "seconds" if self.is_in_seconds else "a moment"
            self._wrong(line, name, f"is {shown(cell)}", f"{wanted}, as in the rows before")
            return
        since_s = at_s - self.origin_s
        if self.times_s and since_s <= self.times_s[-1]:
            self._wrong(line, name, f"is {shown(cell)}, not after the row before it", "times that ascend, none twice")
        else:
            self.times_s.append(since_s)

    def _value(self, line: int, name: str, cell: str) -> float:
        if not cell:
            return np.nan
        value = float(cell) if _NUMBER.fullmatch(cell) else np.nan
        if not 0 <= value <= LARGEST:
            self._wrong(line, name, f"is {shown(cell)}", _ALLOWED_VALUE)
        return value

    def _check_number(self) -> None:
        least = 1 if self.time is None else 2
        if not self.problems and not least <= len(self.cells) <= MOST_ROWS:
            allowed = f"{least} to {MOST_ROWS} rows after the first line"
            has = f"more than {MOST_ROWS}" if len(self.cells) > MOST_ROWS else str(len(self.cells))
            self._wrong(None, "", f"has {has} rows", allowed)

    def _wrong(self, line: int | None, column: str, wrong: str, allowed: str) -> None:
        path = f"column {shown(column)}" if column else ""
        self.problems.append(Problem(self.file, line, path, wrong, allowed))


def _time(cell: str) -> float | None:
    """Give the seconds of a time; None where it is none."""
    if _NUMBER.fullmatch(cell):
        seconds = float(cell)
        return seconds if abs(seconds) <= _LATEST_S else None
    try:
        return parse_instant(cell)
    except ValueError:
        return None
