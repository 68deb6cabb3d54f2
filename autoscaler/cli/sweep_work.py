"""What a sweep's worker does: what it was given stays in it, and each recorded workload is read once."""

import os
import signal
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from multiprocessing import parent_process
from pathlib import Path
from typing import Any, Protocol, TypeVar

from autoscaler.cli.minutes import read_counts
from autoscaler.cli.sweep_material import Material
from autoscaler.cli.traces import read_traces
from autoscaler.simulator.minutes.counts import MinuteCounts
from autoscaler.simulator.minutes.document import MinuteScenario
from autoscaler.simulator.run import Progress
from autoscaler.simulator.scenario import Scenario, Traces
from autoscaler.simulator.slo import Each
from autoscaler.simulator.sweeps.cell import CellResult, run_cell, run_cell_on_counts
from autoscaler.simulator.sweeps.grid import Cell, Grid

Kept = TypeVar("Kept")

_UNREAD = {"title", "seed", "decider", "policies", "prices", "pools", "events", "blast_radius", "tick", "write_delay"}
"""Fields of a scenario that nothing is read for."""

MOST_TRACES = 8
"""Recorded workloads that a worker keeps beside those it was given; of more, the oldest is read again."""


@dataclass(slots=True)
class Worker:
    """Runs cells of one sweep.

    Attributes:
        material: what they are made of.
        finest: rows that are kept of a run.
        given: recorded workloads that were read before, by `question_of` their scenario.
    """

    material: Material
    finest: Each
    given: Mapping[str, Traces] = field(default_factory=dict)
    _read: dict[str, Traces] = field(default_factory=dict)
    _counts: dict[str, MinuteCounts] = field(default_factory=dict)

    def run(self, cells: Sequence[Cell], progress: Progress | None = None) -> list[CellResult]:
        """Run cells one after another."""
        variants, finest = self.material.variants, self.finest
        if variants.is_on_counts:
            return [run_cell_on_counts(variants, cell, self.counts_of, finest) for cell in cells]
        return [run_cell(variants, cell, self.traces_of, finest, progress) for cell in cells]

    def counts_of(self, scenario: MinuteScenario) -> MinuteCounts:
        """Give the counts of a scenario on counts.

        Raises:
            ScenarioError: they cannot be read.
        """
        question = repr(scenario.trace)
        found = self._counts.get(question)
        if found is None:
            found, _ = read_counts(Path(self.material.folder) / Path(self.material.variants.file).name, scenario)
            _keep(self._counts, question, found)
        return found

    def traces_of(self, scenario: Scenario) -> Traces:
        """Give the recorded workloads of a scenario.

        Raises:
            ScenarioError: they cannot be read.
        """
        question = question_of(scenario)
        if question in self.given:
            return self.given[question]
        found = self._read.get(question)
        if found is None:
            found = read_traces(Path(self.material.folder), scenario, _unsaid)
            _keep(self._read, question, found)
        return found


def _keep(kept: dict[str, Kept], question: str, answer: Kept) -> None:
    """Keep an answer, and forget the oldest of too many."""
    while len(kept) >= MOST_TRACES:
        del kept[next(iter(kept))]
    kept[question] = answer


def question_of(scenario: Scenario) -> str:
    """Name what must be read for a scenario: two that ask the same share the answer.

    By the values themselves: written as documents, times are whole milliseconds, and 1.2ms and 1.4ms were one.
    """
    if not scenario.reads_anything():
        return ""
    return repr([(name, getattr(scenario, name)) for name in type(scenario).model_fields if name not in _UNREAD])


def read_before(material: Material, grid: Grid, say: Callable[[str], None]) -> Mapping[str, Traces]:
    """Read the recorded workloads of every trace variant before a sweep starts, so that mistakes show then."""
    found: dict[str, Traces] = {}
    for configuration, path, _ in grid.singles():
        if path is None and not material.variants.is_on_counts:
            scenario, _ = material.variants.made(configuration)
            question = question_of(scenario)
            if question not in found:
                found[question] = read_traces(Path(material.folder), scenario, say)
    return found


def _unsaid(_words: str) -> None:
    """Say nothing: what there is to say was said when the same was read before the start."""


class Runs(Protocol):
    """What a process of a pool is given: it stays there, and runs what it is sent."""

    def run(self, items: Sequence[Any], /) -> Sequence[Any]:
        """Run items one after another, and give what became of each."""


_here: Runs | None = None


def begin(worker: Runs) -> None:
    """Make this process a worker: it leaves interrupts to its parent, and ends when that is gone."""
    global _here  # noqa: PLW0603 - what a pool's initializer hands to its tasks can only be here
    _here = worker
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    parent = parent_process()
    if parent is not None:
        threading.Thread(target=_end_with, args=(parent.join,), daemon=True).start()


def _end_with(wait: Callable[[], None]) -> None:
    """End when the parent has: a pool's worker would else wait for its killed parent's tasks for ever."""
    wait()
    os._exit(1)


def run_here(items: Sequence[Any]) -> Sequence[Any]:
    """Run items in a process that `begin` made a worker."""
    if _here is None:
        raise RuntimeError("this process is no worker")
    return _here.run(items)


def run_with(worker: Runs, items: Sequence[Any]) -> Sequence[Any]:
    """Run items with a worker that the cluster has brought here."""
    return worker.run(items)
