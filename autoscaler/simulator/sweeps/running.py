"""Cells through an executor: a few ahead of the workers, results as they come, failures by themselves."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, BrokenExecutor, Executor, Future, wait
from itertools import islice

from autoscaler.simulator.sweeps.cell import CellResult
from autoscaler.simulator.sweeps.grid import Cell

Work = Callable[..., Sequence[CellResult]]
"""Runs cells (its last argument) in a worker, one after another; can be sent to it."""


class WorkersLostError(Exception):
    """The workers died, and nothing more can be run with them."""


def run_cells(executor: Executor, work: Work, cells: Iterable[Cell], chunk: int, ahead: int) -> Iterator[CellResult]:
    """Run cells and give each result as it comes, in any order.

    A chunk that breaks in a way nobody foresaw is run again cell by cell, and the cell that does it is a failed one.

    Args:
        chunk: cells of a task: enough that sending it is nothing beside running it.
        ahead: tasks that are sent before one is done, so that no worker waits; the rest of the cells is not even made.

    Raises:
        WorkersLostError: a worker was killed, or the cluster is gone.
    """
    source = iter(cells)
    going: dict[Future[Sequence[CellResult]], Sequence[Cell]] = {}

    def send(some: Sequence[Cell]) -> None:
        try:
            going[executor.submit(work, some)] = some
        except BrokenExecutor as error:
            raise WorkersLostError(str(error)) from error

    try:
        while True:
            while len(going) < ahead and (next_ones := tuple(islice(source, chunk))):
                send(next_ones)
            if not going:
                return
            done, _ = wait(going, return_when=FIRST_COMPLETED)
            for future in done:
                some = going.pop(future)
                if future.cancelled():
                    raise WorkersLostError("the cluster dropped what was sent to it")
                error = future.exception()
                if isinstance(error, BrokenExecutor):
                    raise WorkersLostError(str(error)) from error
                if error is None:
                    yield from future.result()
                elif len(some) == 1:
                    yield CellResult(some[0], (), f"{type(error).__name__}: {error}")
                else:
                    for cell in some:
                        send((cell,))
    finally:
        for future in going:
            future.cancel()
