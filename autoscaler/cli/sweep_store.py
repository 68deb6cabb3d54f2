"""Results of a sweep on disk: Parquet parts that are whole or not there, and one file of all at the end.

In memory is where each result is, and no result: a sweep may have a million runs, and a run a row of each function.
"""

import fcntl
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING, Any

from autoscaler.cli.errors import WrongConfiguration
from autoscaler.cli.sweep_index import Index, Place
from autoscaler.cli.sweep_rows import Parameters, results_of, runs, schema, table_of
from autoscaler.policy.problems import Problem
from autoscaler.simulator.slo import Each
from autoscaler.simulator.sweeps.cell import CellResult
from autoscaler.simulator.sweeps.grid import Cell

if TYPE_CHECKING:
    import pyarrow as pa

RESULTS = "results.parquet"
FLUSH_S = 1.0
"""Results are written when the oldest of them is this old: what a killed sweep loses at most."""

MOST_HELD = 5_000
"""Results are written when so many wait."""

MOST_ROWS = 50_000
"""Or so many rows: a run may have one of each function."""

MOST_READ = 8
"""Parts that are kept in memory while results are read: they come about in the order of the parts."""

ROWS_AT_ONCE = 4_000
"""Rows that are made results at once: Python's objects of a row are two kilobytes."""

ROWS_WRITTEN = 20_000
"""Rows that are written to the file of all at once."""

_PART = "part-*.parquet"
_NEEDED = "a sweep needs pyarrow: pip install 'faas-autoscaler[simulate]'"


class Store:
    """The results in a folder. Each part is written beside its place and moved there, so that no half of one is read."""

    def __init__(self, folder: Path, finest: Each) -> None:
        """Open a folder: what is whole in it is known, what is not is passed over.

        Args:
            finest: rows that are needed of a run; one of which fewer were kept is not known.

        Raises:
            WrongConfiguration: pyarrow is not installed.
        """
        try:
            import pyarrow.parquet as pq
        except ImportError as error:
            raise WrongConfiguration(_NEEDED) from error
        self._pq = pq
        self._schema = schema()
        self.folder = folder
        self._finest = finest
        self._index = Index()
        self._parameters = Parameters()
        self.broken: list[Path] = []
        self._waiting: dict[str, CellResult] = {}
        self._waiting_rows = 0
        self._waits_since_s: float | None = None
        self._read: dict[int, pa.Table] = {}
        self._next = 0
        for path in sorted(folder.glob(_PART)):
            if path.name == _name(_number(path)):
                self._next = max(self._next, _number(path) + 1)
                self._look(path)
        self.has_any = self._next > len(self.broken)

    def __contains__(self, key: str) -> bool:
        """Tell whether a cell's result is known."""
        return key in self._waiting or self._index.get(key) is not None

    def ask(self, key: str, cell: Cell) -> None:
        """Note that a cell belongs to the sweep: its result will be in the file of all, in the order of asking."""
        self._index.ask(key)
        self._parameters.see(cell.configuration)

    @property
    def asked(self) -> int:
        """How many cells belong to the sweep."""
        return self._index.asked

    def add(self, key: str, result: CellResult) -> None:
        """Keep a result; it is on the disk within seconds."""
        self._waiting[key] = result
        self._waiting_rows += len(result.rows)
        if self._waits_since_s is None:
            self._waits_since_s = monotonic()
        is_late = monotonic() - self._waits_since_s >= FLUSH_S
        if is_late or len(self._waiting) >= MOST_HELD or self._waiting_rows >= MOST_ROWS:
            self.flush()

    def flush(self) -> None:
        """Write what waits."""
        if self._waiting:
            table = table_of(self._waiting.items(), self._schema)
            self._write(_name(self._next), lambda stream: self._pq.write_table(table, stream, compression="zstd"))
            self._note(self._next, table["cell"].to_pylist())
            self._next += 1
        self._waiting, self._waiting_rows, self._waits_since_s = {}, 0, None

    def get(self, keys: Sequence[str]) -> list[CellResult]:
        """Give the results of a few cells that are known."""
        self.flush()
        places = [self._index.get(key) for key in keys]
        return list(results_of(self._rows([place for place in places if place is not None])))

    def results(self) -> Iterator[CellResult]:
        """Give the results of the sweep's cells that are known, in the order of asking, a few in memory at once."""
        return (result for table in self._tables(ROWS_AT_ONCE) for result in results_of(table))

    def finish(self) -> Path:
        """Write the results of the sweep's cells, in the order of asking, as one file; a column for each parameter."""
        self.flush()
        columns = self._parameters.schema(self._schema)

        def write(stream: Any) -> None:
            with self._pq.ParquetWriter(stream, columns, compression="zstd") as writer:
                for table in self._tables(ROWS_WRITTEN):
                    writer.write_table(self._parameters.table(table, columns))

        return self._write(RESULTS, write)

    def _tables(self, at_once: int) -> Iterator["pa.Table"]:
        """Give the rows of the sweep's cells, so many at once, or all of one cell."""
        self.flush()
        some: list[Place] = []
        rows = 0
        for place in self._index.places():
            some.append(place)
            rows += place.rows
            if rows >= at_once:
                yield self._rows(some)
                some, rows = [], 0
        if some:
            yield self._rows(some)

    def _rows(self, places: Sequence[Place]) -> "pa.Table":
        """Give the rows of some cells, one after another."""
        import pyarrow as pa

        parts = sorted({place.part for place in places})
        tables, starts, start = [], {}, 0
        for part in parts:
            tables.append(self._part(part))
            starts[part], start = start, start + tables[-1].num_rows
        rows = [row for part, first, rows in places for row in range(starts[part] + first, starts[part] + first + rows)]
        return pa.concat_tables(tables).take(pa.array(rows, pa.int64())) if tables else self._schema.empty_table()

    def _part(self, number: int) -> "pa.Table":
        """Give a part, and forget the one that was not used for longest."""
        table = self._read.pop(number, None)
        if table is None:
            table = self._pq.read_table(self.folder / _name(number))
        while len(self._read) >= MOST_READ:
            del self._read[next(iter(self._read))]
        self._read[number] = table
        return table

    def _write(self, name: str, write: Callable[[Any], None]) -> Path:
        place, beside = self.folder / name, self.folder / f".{name}.{os.getpid()}"
        with beside.open("wb") as stream:
            write(stream)
            stream.flush()
            os.fsync(stream.fileno())
        beside.replace(place)
        return place

    def _look(self, path: Path) -> None:
        """See which cells a part has."""
        import pyarrow as pa

        try:
            with self._pq.ParquetFile(path) as file:
                if file.schema_arrow.names != self._schema.names:
                    return
                table = file.read()  # the whole, since what is damaged shows only then
        except (pa.ArrowInvalid, OSError):
            self.broken.append(path)
            return
        self._note(_number(path), table["cell"].to_pylist(), table["each"].to_pylist(), table["error"].to_pylist())

    def _note(
        self,
        part: int,
        keys: Sequence[str],
        each: Sequence[str | None] | None = None,
        errors: Sequence[str | None] | None = None,
    ) -> None:
        """Note where the cells of a part are.

        Args:
            each: whose each row is, and errors: of a part of an earlier run: what failed then is run again, since a lack
                of memory or a lost file may be over; so is that of which too few rows were kept. None: of this run.
        """
        for key, first, rows in runs(keys):
            is_known = (
                errors is None or each is None or (errors[first] is None and self._finest in each[first : first + rows])
            )
            if is_known:
                self._index.put(key, Place(part, first, rows))


@contextmanager
def opened(folder: Path, finest: Each, is_fresh: bool) -> Iterator[Store]:
    """Open a folder of results for one sweep alone.

    Args:
        finest: rows that are needed of each run.
        is_fresh: forget what is there.

    Raises:
        WrongConfiguration: it cannot be written, another sweep writes it, or pyarrow is not installed.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock = (folder / ".lock").open("w")
    except OSError as error:
        wrong = f"cannot be written: {error.strerror}"
        raise _wrong(folder, wrong, "a folder that can be written") from error
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise _wrong(folder, "is written by another sweep", "another folder, or wait for that one") from error
        for path in [*folder.glob(".part-*"), *(folder.glob(_PART) if is_fresh else ())]:
            path.unlink()
        store = Store(folder, finest)
        try:
            yield store
        finally:
            store.flush()


def _wrong(folder: Path, wrong: str, allowed: str) -> WrongConfiguration:
    return WrongConfiguration("The sweep cannot be run:", [Problem(str(folder), None, "", wrong, allowed)])


def _name(number: int) -> str:
    return f"part-{number:06}.parquet"


def _number(path: Path) -> int:
    digits = path.stem.removeprefix("part-")
    return int(digits) if digits.isdigit() else 0
