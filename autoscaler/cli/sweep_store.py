"""Results of a sweep on disk: Parquet parts that are whole or not there, and one file of all at the end."""

import fcntl
import json
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING, Any

from autoscaler.cli.errors import WrongConfiguration
from autoscaler.policy.problems import Problem
from autoscaler.simulator.slo import NAMES, Each
from autoscaler.simulator.sweeps.cell import CellResult, Row
from autoscaler.simulator.sweeps.grid import Cell, Configuration

if TYPE_CHECKING:
    import pyarrow as pa

RESULTS = "results.parquet"
FLUSH_S = 1.0
"""Results are written when the oldest of them is this old: what a killed sweep loses at most."""

MOST_HELD = 5_000
"""Results are written when so many wait."""

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
        self._schema = _schema()
        self.folder = folder
        self._finest = finest
        self.done: dict[str, CellResult] = {}
        self.broken: list[Path] = []
        self._waiting: dict[str, CellResult] = {}
        self._waits_since_s: float | None = None
        self._next = 0
        for path in sorted(folder.glob(_PART)):
            self._next = max(self._next, _number(path) + 1)
            self._read(path)

    def add(self, key: str, result: CellResult) -> None:
        """Keep a result; it is on the disk within seconds."""
        self.done[key] = self._waiting[key] = result
        if self._waits_since_s is None:
            self._waits_since_s = monotonic()
        if len(self._waiting) >= MOST_HELD or monotonic() - self._waits_since_s >= FLUSH_S:
            self.flush()

    def flush(self) -> None:
        """Write what waits."""
        if self._waiting:
            self._write(_table(self._waiting.items(), self._schema), f"part-{self._next:06}.parquet")
            self._next += 1
        self._waiting, self._waits_since_s = {}, None

    def finish(self, keys: Iterable[str]) -> Path:
        """Write the results of these cells, in this order, as one file; a column for each parameter."""
        self.flush()
        found = ((key, self.done[key]) for key in keys if key in self.done)
        table = _with_parameters(_table(found, self._schema))
        return self._write(table, RESULTS)

    def _write(self, table: "pa.Table", name: str) -> Path:
        place, beside = self.folder / name, self.folder / f".{name}.{os.getpid()}"
        with beside.open("wb") as stream:
            self._pq.write_table(table, stream, compression="zstd")
            stream.flush()
            os.fsync(stream.fileno())
        beside.replace(place)
        return place

    def _read(self, path: Path) -> None:
        import pyarrow as pa

        try:
            table = self._pq.read_table(path, schema=None)
        except (pa.ArrowInvalid, OSError):
            self.broken.append(path)
            return
        if table.schema.names == self._schema.names:
            # What failed is run again: a lack of memory or a lost file may be over.
            found = ((key, result) for key, result in _results(table) if result.error is None)
            self.done |= {key: result for key, result in found if any(row.each == self._finest for row in result.rows)}


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


def _number(path: Path) -> int:
    digits = path.stem.removeprefix("part-")
    return int(digits) if digits.isdigit() else 0


def _schema() -> "pa.Schema":
    import pyarrow as pa

    texts = ("cell", "policy", "trace", "settings")
    return pa.schema(
        [
            *(pa.field(name, pa.string(), nullable=False) for name in texts),
            pa.field("seed", pa.int64(), nullable=False),
            *(pa.field(name, pa.string()) for name in ("each", "name", "error")),
            *(pa.field(name, pa.float64()) for name in NAMES),
        ]
    )


def _table(results: Iterable[tuple[str, CellResult]], schema: "pa.Schema") -> "pa.Table":
    """Make a row of each kept row; one of a failed cell, with its error."""
    import pyarrow as pa

    columns: dict[str, list[Any]] = {name: [] for name in schema.names}
    for key, result in results:
        mine = result.cell.configuration
        head = (key, mine.policy, mine.trace, json.dumps(mine.settings), result.cell.seed)
        empty: tuple[None, ...] = (None,) * len(NAMES)
        rows = [(row.each, row.name, None, *row.values) for row in result.rows]
        for row in rows or [(None, None, result.error, *empty)]:
            for column, value in zip(columns.values(), (*head, *row), strict=True):
                column.append(value)
    return pa.table(columns, schema=schema)


def _results(table: "pa.Table") -> Iterator[tuple[str, CellResult]]:
    """Give the cells of a part; their rows are beside each other."""
    columns = table.to_pydict()
    values = list(zip(*(columns[name] for name in NAMES), strict=True))
    rows: dict[str, list[Row]] = {}
    results: dict[str, tuple[Cell, str | None]] = {}
    for at, key in enumerate(columns["cell"]):
        if key not in results:
            settings = tuple((path, text) for path, text in json.loads(columns["settings"][at]))
            configuration = Configuration(columns["policy"][at], columns["trace"][at], settings)
            results[key] = Cell(configuration, columns["seed"][at]), columns["error"][at]
            rows[key] = []
        if columns["each"][at] is not None:
            rows[key].append(Row(columns["each"][at], columns["name"][at], values[at]))
    for key, (cell, error) in results.items():
        yield key, CellResult(cell, tuple(rows[key]), error)


def _with_parameters(table: "pa.Table") -> "pa.Table":
    """Put a column of each parameter in the place of `settings`: numbers where all are, else texts."""
    import pyarrow as pa

    settings: list[Mapping[str, Any]] = [
        {path: json.loads(text) for path, text in json.loads(written)} for written in table["settings"].to_pylist()
    ]
    place = table.schema.get_field_index("settings")
    table = table.remove_column(place)
    for path in dict.fromkeys(path for one in settings for path in one):
        values = [one.get(path) for one in settings]
        table = table.add_column(place, pa.field(path, _type(values)), [_plain(values)])
        place += 1
    return table


def _type(values: Sequence[Any]) -> "pa.DataType":
    import pyarrow as pa

    return pa.float64() if _are_numbers(values) else pa.string()


def _are_numbers(values: Sequence[Any]) -> bool:
    return all(value is None or (isinstance(value, int | float) and not isinstance(value, bool)) for value in values)


def _plain(values: Sequence[Any]) -> list[Any]:
    if _are_numbers(values):
        return [None if value is None else float(value) for value in values]
    return [value if value is None or isinstance(value, str) else json.dumps(value) for value in values]
