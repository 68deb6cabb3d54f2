"""Results of a sweep as tables of Arrow: a row of each kept row of a run, those of a cell beside each other."""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from autoscaler.simulator.slo import NAMES
from autoscaler.simulator.sweeps.cell import CellResult, Row
from autoscaler.simulator.sweeps.grid import Cell, Configuration

if TYPE_CHECKING:
    import pyarrow as pa

_TEXTS = ("cell", "policy", "trace", "settings")


def schema() -> "pa.Schema":
    """Give the columns of a part."""
    import pyarrow as pa

    return pa.schema(
        [
            *(pa.field(name, pa.string(), nullable=False) for name in _TEXTS),
            pa.field("seed", pa.int64(), nullable=False),
            *(pa.field(name, pa.string()) for name in ("each", "name", "error")),
            *(pa.field(name, pa.float64()) for name in NAMES),
        ]
    )


def table_of(results: Iterable[tuple[str, CellResult]], columns: "pa.Schema") -> "pa.Table":
    """Make a row of each kept row; one of a failed cell, with its error."""
    import pyarrow as pa

    made: dict[str, list[Any]] = {name: [] for name in columns.names}
    for key, result in results:
        mine = result.cell.configuration
        head = (key, mine.policy, mine.trace, json.dumps(mine.settings), result.cell.seed)
        empty: tuple[None, ...] = (None,) * len(NAMES)
        rows = [(row.each, row.name, None, *row.values) for row in result.rows]
        for row in rows or [(None, None, result.error, *empty)]:
            for column, value in zip(made.values(), (*head, *row), strict=True):
                column.append(value)
    return pa.table(made, schema=columns)


def runs(keys: Sequence[str]) -> Iterator[tuple[str, int, int]]:
    """Give each cell of a column of keys, its first row and its number of rows."""
    first = 0
    for at in range(1, len(keys) + 1):
        if at == len(keys) or keys[at] != keys[first]:
            yield keys[first], first, at - first
            first = at


def results_of(table: "pa.Table") -> Iterator[CellResult]:
    """Give the cells of a table back."""
    columns = table.to_pydict()
    values = list(zip(*(columns[name] for name in NAMES), strict=True))
    for _, first, number in runs(columns["cell"]):
        settings = tuple((path, text) for path, text in json.loads(columns["settings"][first]))
        configuration = Configuration(columns["policy"][first], columns["trace"][first], settings)
        rows = tuple(
            Row(columns["each"][at], columns["name"][at], values[at])
            for at in range(first, first + number)
            if columns["each"][at] is not None
        )
        yield CellResult(Cell(configuration, columns["seed"][first]), rows, columns["error"][first])


class Parameters:
    """The parameters of the configurations of a sweep: a column each, of numbers where all values are, else of texts."""

    def __init__(self) -> None:
        self._are_numbers: dict[str, bool] = {}
        self._last: Configuration | None = None

    def see(self, configuration: Configuration) -> None:
        """Note the parameters of a configuration."""
        if configuration is not self._last:
            self._last = configuration
            for path, text in configuration.settings:
                is_number = text[0] in "-0123456789" or text == "null"
                self._are_numbers[path] = self._are_numbers.get(path, True) and is_number

    def schema(self, columns: "pa.Schema") -> "pa.Schema":
        """Give the columns of a part with a column of each parameter in the place of `settings`."""
        import pyarrow as pa

        place = columns.get_field_index("settings")
        mine = [
            pa.field(path, pa.float64() if are_numbers else pa.string())
            for path, are_numbers in self._are_numbers.items()
        ]
        return pa.schema([*list(columns)[:place], *mine, *list(columns)[place + 1 :]])

    def table(self, table: "pa.Table", columns: "pa.Schema") -> "pa.Table":
        """Give some rows of parts as rows of the file of all.

        Args:
            columns: what `schema` gave.
        """
        import pyarrow as pa

        settings = [_values(text) for text in table["settings"].to_pylist()]
        place = table.schema.get_field_index("settings")
        kept: list[Any] = list(table.columns)
        mine = [
            pa.array([_plain(one.get(path), are_numbers) for one in settings], columns.field(path).type)
            for path, are_numbers in self._are_numbers.items()
        ]
        return pa.table([*kept[:place], *mine, *kept[place + 1 :]], schema=columns)


def _values(text: str) -> Mapping[str, Any]:
    return {path: json.loads(value) for path, value in json.loads(text)}


def _plain(value: Any, is_number: bool) -> Any:
    if value is None or (isinstance(value, str) and not is_number):
        return value
    return float(value) if is_number else json.dumps(value)
