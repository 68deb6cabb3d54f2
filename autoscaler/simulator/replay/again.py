"""The same inputs, decided again by a fresh controller: the log's own decisions must come out, to the bit."""

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass, fields

import numpy as np

from autoscaler.core.controller import Controller
from autoscaler.core.decisions import DecisionRecord, Decisions
from autoscaler.core.fleet import Fleet
from autoscaler.core.journal.parts import Column, Parts
from autoscaler.core.journal.step import Damage, Entry, Gap, Head, Recorded, Step

LONGEST_LOOK_BACK_S = 7_200.0
LEAST_LOOK_BACK_S = 120.0
"""A wake's floor holds for a minute, and a window from when it is ready; a restart's for a window."""

MakeController = Callable[[Head], Controller]


@dataclass(frozen=True, slots=True)
class Difference:
    """The first step that came out otherwise.

    Attributes:
        step: its number within the log, from 1.
        utc_s: when it was.
        column: what differs, as the decision's fields are named.
        function: of the first row that differs; None: no row does, but the step as a whole.
        recorded: its decision in the log.
        replayed: its decision now.
    """

    step: int
    utc_s: float
    column: str
    function: str | None
    recorded: DecisionRecord | None
    replayed: DecisionRecord | None


@dataclass(slots=True)
class Outcome:
    """What deciding again came to.

    Attributes:
        steps: steps read.
        ticks: of them full ticks.
        compared: steps that were compared; fewer where a run's beginning is not in the log.
        differing: of them those that came out otherwise.
        runs: runs of the daemon.
        warm_up_s: seconds that were not compared, because what the controller knew then is in no file.
        lost: steps that are in no file.
        damaged: stretches of bytes that could not be read.
        first: the first difference; None: there is none.
    """

    steps: int = 0
    ticks: int = 0
    compared: int = 0
    differing: int = 0
    runs: int = 0
    warm_up_s: float = 0.0
    lost: int = 0
    damaged: int = 0
    first: Difference | None = None

    @property
    def is_identical(self) -> bool:
        """Whether everything that could be compared came out the same, and something could."""
        return self.compared > 0 and self.differing == 0


class Again:
    """Decides a log again; one run after the other, each by a controller of its own.

    What a controller remembers is in no file. A run that begins in the log is compared from its first step; one whose
    beginning is gone, or which has a gap, only after the longest look-back of its rules has passed.

    Args:
        make: makes a controller as a run's was made.
    """

    def __init__(self, make: MakeController) -> None:
        self.outcome = Outcome()
        self._make = make
        self._controller: Controller | None = None
        self._run: str | None = None
        self._next_number = 0
        self._blind_from_s: float | None = None
        self._blind_until_s = -math.inf

    def take(self, entries: Iterable[Entry]) -> None:
        """Decide everything that a log holds."""
        for entry in entries:
            match entry:
                case Head():
                    self._begin(entry)
                case Gap():
                    self.outcome.lost += entry.lost
                    self._blind_from_s = math.nan
                case Damage():
                    self.outcome.damaged += 1
                    self._blind_from_s = math.nan
                case Recorded():
                    self._step(entry.step)

    def _begin(self, head: Head) -> None:
        if head.run != self._run:
            self._controller, self._run = self._make(head), head.run
            self.outcome.runs += 1
            self._blind_from_s = None if head.number == 0 else math.nan
            self._blind_until_s = -math.inf
        elif head.number != self._next_number:
            self._blind_from_s = math.nan
        self._next_number = head.number + 1

    def _step(self, step: Step) -> None:
        if self._controller is None:
            self._controller = self._make(Head("", 0, ""))
        outcome = self.outcome
        outcome.steps += 1
        if step.is_recall and step.observation is not None:
            again = self._controller.recall(step.now, step.observation)
        else:
            again = self._controller.step(step.now, step.observation, step.events)
            outcome.ticks += step.observation is not None
        if self._is_blind(step):
            return
        outcome.compared += 1
        found = differing(step.decisions, again)
        if found is not None:
            outcome.differing += 1
            if outcome.first is None:
                outcome.first = _difference(outcome.steps, step, again, *found)

    def _is_blind(self, step: Step) -> bool:
        """Tell whether the controller may not yet know what the recorded one knew."""
        now_s = step.now.monotonic_s
        if self._blind_from_s is not None:
            look_back_s = look_back(step.decisions.fleet)
            self._blind_from_s, self._blind_until_s = None, now_s + look_back_s
            self.outcome.warm_up_s += look_back_s
        return now_s < self._blind_until_s


def look_back(fleet: Fleet) -> float:
    """Give the seconds over which any rule of a fleet looks back, at most."""
    rules = fleet.rules
    longest_s = LEAST_LOOK_BACK_S
    for one in fields(rules):
        column = getattr(rules, one.name)
        if one.name.endswith("_s") and column.size:
            longest_s = max(longest_s, float(np.max(column, where=np.isfinite(column), initial=0.0)))
    return min(LONGEST_LOOK_BACK_S, longest_s + LEAST_LOOK_BACK_S)


def differing(recorded: Decisions, again: Decisions) -> tuple[str, int | None] | None:
    """Give the first column in which two decisions differ by any bit, and the first position; None: none does."""
    ones, others = Parts(recorded.fleet), Parts(again.fleet)
    if ones.take(recorded, "") != others.take(again, "") or repr(ones.plain) != repr(others.plain):
        return _unlike_account(recorded, again)
    columns, other_columns = _columns(ones), _columns(others)
    for path, column in columns.items():
        other = other_columns[path]
        if column.dtype != other.dtype or column.shape != other.shape:
            return path, None
        if column.tobytes() != other.tobytes():
            return path, _position(path, columns, _first_position(column, other))
    return None


def _unlike_account(recorded: Decisions, again: Decisions) -> tuple[str, int | None]:
    """Say where two decisions tell of other rules; their columns cannot be laid beside each other one by one."""
    if not np.array_equal(recorded.rows, again.rows):
        return "rows", None
    for name in ("desired", "reason", "stages", "stage_reasons"):
        one, other = getattr(recorded, name), getattr(again, name)
        if one.tobytes() != other.tobytes():
            return name, _first_position(one, other)
    return "applied", None


def _position(path: str, columns: dict[str, Column], place: int) -> int | None:
    """Give the position within the decided rows that a place of a column stands for; None: for none."""
    if path.startswith("applied."):
        return int(columns[path.rpartition(".")[0] + ".rows"][place])
    return None if path in ("rows", "others", "panicking") else place


def _columns(parts: Parts) -> dict[str, Column]:
    """Give every array of a value by its path, those of changes that rules made included."""
    changes = {
        f"{name.removeprefix('d.')}.{part}": column
        for name, change in parts.changes.items()
        for part, column in (("rows", change.rows), ("before", change.before))
    }
    return {path.lstrip("."): column for path, column in parts.columns.items()} | changes


def _first_position(one: Column, other: Column) -> int:
    unlike = np.ascontiguousarray(one).view(np.uint8) != np.ascontiguousarray(other).view(np.uint8)
    by_place = unlike.reshape(-1, one.shape[-1], one.dtype.itemsize).any(axis=(0, 2))
    return int(np.flatnonzero(by_place)[0])


def _difference(number: int, step: Step, again: Decisions, column: str, position: int | None) -> Difference:
    recorded = step.decisions
    if position is None or position >= recorded.rows.size:
        return Difference(number, step.now.utc_s, column, None, None, None)
    key = recorded.fleet.keys[int(recorded.rows[position])]
    return Difference(number, step.now.utc_s, column, str(key), recorded.record(position), again.record(position))
