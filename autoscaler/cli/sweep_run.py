"""A sweep under way: how long it takes, cells through a pool, and searches that ask for cells as they go."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from time import perf_counter

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

from autoscaler.cli.sweep_pools import Pool
from autoscaler.cli.sweep_store import Store
from autoscaler.cli.sweep_work import Worker
from autoscaler.simulator.sweeps.cell import CellResult
from autoscaler.simulator.sweeps.grid import Cell
from autoscaler.simulator.sweeps.running import run_cells

MEASURED_S = 2.0
"""How long the first cell is run to see how long a cell takes; where it is not done by then, the rest is reckoned."""

TASK_S = 1.0
"""How long a task of several cells should take: long beside the millisecond that sending it takes."""

AHEAD = 2
"""Tasks for each process that are sent before they can begin."""


MOST_IN_TASK = 10_000


def _unshown(_cells: int) -> None:
    """Show nothing."""


class _EnoughSeenError(Exception):
    """The first cell has run long enough to be measured."""


@dataclass(frozen=True, slots=True)
class Measured:
    """A first cell.

    Attributes:
        cell_s: how long one takes, in seconds; where it was cut short, by the virtual time that it had reached.
        result: what became of it; None: it was cut short.
    """

    cell_s: float
    result: CellResult | None


def measure(worker: Worker, cell: Cell) -> Measured:
    """Run a cell here, at most for a while, and tell how long one takes.

    Its first tick is not part of what is reckoned: it reads documents and machine code, which a worker does once.
    """
    began_s = perf_counter()
    first: list[tuple[float, float]] = []
    reached = [0.0]

    def progress(at_s: float) -> None:
        reached[0] = at_s
        if not first:
            first.append((perf_counter(), at_s))
        elif perf_counter() - first[0][0] > MEASURED_S:
            raise _EnoughSeenError

    try:
        (result,) = worker.run([cell], progress)
    except _EnoughSeenError:
        (first_s, first_at_s), now_s = first[0], perf_counter()
        share = (reached[0] - first_at_s) / worker.material.variants.made(cell.configuration)[0].duration
        return Measured((now_s - first_s) / max(share, 1e-9), None)
    if perf_counter() - began_s < MEASURED_S:  # so short that what was loaded for the first time may be most of it
        began_s = perf_counter()
        worker.run([cell])
    return Measured(perf_counter() - began_s, result)


@dataclass(slots=True)
class Sweep:
    """Runs cells and keeps their results; a cell whose result is known is not run.

    Attributes:
        key_of: names a cell by what it is run with.
        pool: who runs them; None: nobody yet.
        cell_s: how long a cell takes, about.
        advance: told how many cells are done, each time some are.
    """

    store: Store
    key_of: Callable[[Cell], str]
    pool: Pool | None = None
    cell_s: float = TASK_S
    advance: Callable[[int], None] = _unshown

    def take(self, measured: Measured) -> None:
        """Take what measuring a cell gave."""
        self.cell_s = measured.cell_s
        if measured.result is not None:
            self.store.add(self.key_of(measured.result.cell), measured.result)

    def note(self, cells: Iterable[Cell]) -> None:
        """Take cells for asked for that are known."""
        for cell in cells:
            self.store.ask(self.key_of(cell), cell)

    def run(self, cells: Iterable[Cell], count: int) -> None:
        """Run the cells whose results are not known.

        Args:
            count: how many they are, about: so that a few cells are spread over all processes.

        Raises:
            WorkersLostError: the workers died.
        """
        if self.pool is None:
            raise RuntimeError("nobody is there to run cells")
        share = max(1, count // (self.pool.size * 4))
        chunk = max(1, min(share, int(TASK_S / max(self.cell_s, 1e-6)), MOST_IN_TASK))
        ahead = self.pool.size * AHEAD
        for result in run_cells(self.pool.executor, self.pool.work, self._asked(cells), chunk, ahead):
            self.store.add(self.key_of(result.cell), result)
            self.advance(1)

    def results(self, cells: Sequence[Cell]) -> list[CellResult]:
        """Give the results of cells; those that are not known are run."""
        self.run(cells, len(cells))
        return self.store.get([self.key_of(cell) for cell in cells])

    def missing(self, cells: Iterable[Cell]) -> Iterator[Cell]:
        """Give the cells whose results are not known."""
        return (cell for cell in cells if self.key_of(cell) not in self.store)

    def _asked(self, cells: Iterable[Cell]) -> Iterator[Cell]:
        for cell in cells:
            key = self.key_of(cell)
            self.store.ask(key, cell)
            if key in self.store:
                self.advance(1)
            else:
                yield cell


@contextmanager
def shown(total: int | None) -> Iterator[Callable[[int], None]]:
    """Show a bar with the time left while cells are run; None: nobody knows how many there will be."""
    console = Console(stderr=True)
    columns = (TextColumn("cells"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), TextColumn("left"))
    with Progress(
        *columns, TimeRemainingColumn(), console=console, transient=True, disable=not console.is_terminal
    ) as bar:
        task: TaskID = bar.add_task("cells", total=total)
        yield lambda cells: bar.update(task, advance=cells)
