"""Cells through an executor."""

import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import BrokenExecutor, Executor, Future, ThreadPoolExecutor
from typing import Any

import pytest

from autoscaler.simulator.sweeps.cell import CellResult
from autoscaler.simulator.sweeps.grid import Cell, Configuration
from autoscaler.simulator.sweeps.running import WorkersLostError, run_cells

CELLS = [Cell(Configuration("a", "", ()), seed) for seed in range(20)]


class Now(Executor):
    """Runs what it is given at once, and notes how much that was."""

    def __init__(self) -> None:
        self.sent: list[int] = []

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        future: Future[Any] = Future()
        self.sent.append(len(args[0]))
        try:
            future.set_result(fn(*args, **kwargs))
        except ArithmeticError as error:
            future.set_exception(error)
        return future


def fine(cells: Sequence[Cell]) -> list[CellResult]:
    return [CellResult(cell, ()) for cell in cells]


def breaks_at_seven(cells: Sequence[Cell]) -> list[CellResult]:
    if any(cell.seed == 7 for cell in cells):
        raise ZeroDivisionError("seven")
    return fine(cells)


def test_every_cell_is_run_once_in_chunks() -> None:
    """Twenty cells in chunks of six are four tasks, and twenty results."""
    executor = Now()
    results = list(run_cells(executor, fine, CELLS, 6, 2))
    assert sorted(result.cell.seed for result in results) == list(range(20))
    assert sorted(executor.sent) == [2, 6, 6, 6]


def test_cells_are_made_only_as_far_ahead_as_workers_need() -> None:
    """Of a grid of any size only a few tasks are sent before the first is done."""
    made: list[int] = []

    def cells() -> Iterator[Cell]:
        for cell in CELLS:
            made.append(cell.seed)
            yield cell

    gate = threading.Event()

    def waits(some: Sequence[Cell]) -> list[CellResult]:
        gate.wait(30.0)
        return fine(some)

    with ThreadPoolExecutor(1) as executor:
        results = run_cells(executor, waits, cells(), 2, 3)
        threading.Timer(0.0, gate.set).start()
        next(results)
        assert len(made) <= 3 * 2 + 2
        assert len(list(results)) == 19


def test_a_cell_that_breaks_a_task_fails_alone() -> None:
    """The others of its chunk are run again, one by one, and are fine."""
    results = {result.cell.seed: result.error for result in run_cells(Now(), breaks_at_seven, CELLS, 5, 2)}
    assert results == {seed: "ZeroDivisionError: seven" if seed == 7 else None for seed in range(20)}


class Lost(Executor):
    """Loses its workers at the second task."""

    def __init__(self) -> None:
        self.tasks = 0

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        self.tasks += 1
        future: Future[Any] = Future()
        if self.tasks == 1:
            future.set_result(fn(*args, **kwargs))
        else:
            future.set_exception(BrokenExecutor("a process was killed"))
        return future


class Dropping(Lost):
    """Cancels what it was given, as a cluster that is gone does."""

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        self.tasks += 1
        future: Future[Any] = Future()
        if self.tasks == 1:
            future.set_result(fn(*args, **kwargs))
        else:
            future.cancel()
            future.set_running_or_notify_cancel()
        return future


@pytest.mark.parametrize("executor", [Lost(), Dropping()])
def test_lost_workers_end_it_after_what_was_done(executor: Executor) -> None:
    """What came before is given; then it says that the workers are gone, and does not take it for a failed cell."""
    results = run_cells(executor, fine, CELLS, 1, 1)
    assert next(results).cell.seed == 0
    with pytest.raises(WorkersLostError):
        next(results)
