"""Results of a sweep on disk: what is known of them, their order, and what they cost in memory."""

import tracemalloc
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from autoscaler.cli.sweep_store import MOST_READ, Store, opened
from autoscaler.simulator.slo import NAMES, Each
from autoscaler.simulator.sweeps.cell import CellResult, Row
from autoscaler.simulator.sweeps.grid import Cell, Configuration

BYTES_A_CELL = 500
"""What a run may cost in memory while a sweep goes on; its results are four times that as Python has them."""


def key(number: int) -> str:
    return f"{number:032x}"


def ran(number: int, setting: str | None = None, functions: int = 0) -> CellResult:
    """Give a run of which the first measure is its number, with a row more for each function."""
    cell = Cell(Configuration("p", "", (("startUp", setting or str(number)),)), 1)
    values = (float(number), *(None for _ in NAMES[1:]))
    each: list[tuple[Each, str]] = [("all", ""), *(("function", f"f{one}") for one in range(functions))]
    return CellResult(cell, tuple(Row(kind, name, values) for kind, name in each))


def fill(store: Store, numbers: list[int], functions: int = 0) -> None:
    """Ask for runs, and add them."""
    for number in numbers:
        one = ran(number, functions=functions)
        store.ask(key(number), one.cell)
        store.add(key(number), one)


def first_values(store: Store) -> list[float | None]:
    return [result.rows[0].values[0] for result in store.results()]


def test_results_come_in_the_order_of_asking_whatever_the_order_of_parts(tmp_path: Path) -> None:
    """Runs of many parts, finished in another order than they were asked for, are in the order of asking, in file and in memory."""
    wanted = list(range(60))
    with opened(tmp_path, "function", is_fresh=False) as store:
        for number in wanted:
            store.ask(key(number), ran(number).cell)
        for number in reversed(wanted):
            store.add(key(number), ran(number, functions=2))
            if number % 3 == 0:
                store.flush()
        assert len(list(tmp_path.glob("part-*.parquet"))) > MOST_READ
        assert first_values(store) == [float(number) for number in wanted]
        table = pq.read_table(store.finish())
    assert table["startUp"].to_pylist() == [float(number) for number in wanted for _ in range(3)]
    assert table["each"].to_pylist() == ["all", "function", "function"] * 60
    assert table["name"].to_pylist()[:3] == ["", "f0", "f1"]


def test_an_opened_folder_knows_what_it_has_and_gives_what_is_asked_for(tmp_path: Path) -> None:
    """Of results that are there those that are asked for come, others stay; a run of too few rows is not known."""
    with opened(tmp_path, "function", is_fresh=False) as store:
        fill(store, [1, 2, 3], functions=1)
        fill(store, [4])
    with opened(tmp_path, "function", is_fresh=False) as again:
        assert [key(number) in again for number in (1, 2, 3, 4, 5)] == [True, True, True, False, False]
        again.ask(key(3), ran(3).cell)
        again.ask(key(1), ran(1).cell)
        assert first_values(again) == [3.0, 1.0]
        assert [result.rows[0].values[0] for result in again.get([key(2), key(1)])] == [2.0, 1.0]


def test_what_failed_is_kept_with_its_error_and_tried_again(tmp_path: Path) -> None:
    """A failed run is among the results, and unknown to the next sweep, whose result takes its place."""
    failed = CellResult(ran(7).cell, (), "no memory")
    with opened(tmp_path, "all", is_fresh=False) as store:
        store.ask(key(7), failed.cell)
        store.add(key(7), failed)
        assert [result.error for result in store.results()] == ["no memory"]
    with opened(tmp_path, "all", is_fresh=False) as again:
        assert key(7) not in again
        fill(again, [7])
    with opened(tmp_path, "all", is_fresh=False) as third:
        third.ask(key(7), failed.cell)
        assert [result.error for result in third.results()] == [None]


@pytest.mark.parametrize(
    ("texts", "column"),
    [
        (['"2m"', "3", "null"], ["2m", "3", None]),
        (["1", "-2.5", "null"], [1.0, -2.5, None]),
        (['{"a":1}', "true", '"x"'], ['{"a": 1}', "true", "x"]),
    ],
)
def test_a_parameter_is_a_column_of_numbers_only_where_all_are(
    tmp_path: Path, texts: list[str], column: list[object]
) -> None:
    """Texts stay as they are, other values are written as JSON, and none at all is empty."""
    with opened(tmp_path, "all", is_fresh=False) as store:
        for number, text in enumerate(texts):
            one = ran(number, text)
            store.ask(key(number), one.cell)
            store.add(key(number), one)
        assert pq.read_table(store.finish())["startUp"].to_pylist() == column


def test_a_run_costs_a_few_hundred_bytes_of_memory_whatever_was_kept_of_it(tmp_path: Path) -> None:
    """Fifteen hundred runs of four rows each are on the disk: in memory is where they are."""
    with opened(tmp_path, "function", is_fresh=False) as store:
        fill(store, list(range(500)), functions=3)
        store.flush()
        tracemalloc.start()
        fill(store, list(range(500, 2_000)), functions=3)
        store.flush()
        grown, _ = tracemalloc.get_traced_memory()
        tracemalloc.stop()
    assert grown / 1_500 < BYTES_A_CELL
