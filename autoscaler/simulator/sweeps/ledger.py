"""What the statistics of a sweep need of its runs, in columns: 152 bytes a run, whatever else was measured of it."""

from array import array
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from autoscaler.core.columns import Floats, Ints
from autoscaler.simulator.slo import NAMES, Slo, Verdict
from autoscaler.simulator.sweeps.beta import least_share
from autoscaler.simulator.sweeps.cell import CellResult
from autoscaler.simulator.sweeps.estimates import Estimate, estimate_of
from autoscaler.simulator.sweeps.grid import Configuration
from autoscaler.simulator.sweeps.study import Study

_COLUMN_OF = {name: place for place, name in enumerate(NAMES)}


@dataclass(frozen=True, slots=True)
class Kept:
    """Whether a configuration keeps the objective.

    Attributes:
        held: seeds under which it did.
        judged: seeds under which there was something to judge.
        share: of further seeds under which it does at least, with the study's confidence, one-sided.
        worst: the verdict with the largest excess; None: nothing was judged.
    """

    held: int
    judged: int
    share: float
    worst: Verdict | None


class Measures(Mapping[str, Estimate | None]):
    """Estimates of one configuration by measure, each made when it is asked for; None: nothing to measure.

    Attributes:
        seeds: of the rows.
        table: `(seeds, measures) float64`, columns as `slo.NAMES`; nan: nothing to measure.
        confidence: of the intervals.
    """

    __slots__ = ("confidence", "seeds", "table")

    def __init__(self, seeds: tuple[int, ...], table: Floats, confidence: float) -> None:
        self.seeds, self.table, self.confidence = seeds, table, confidence

    def __getitem__(self, name: str) -> Estimate | None:
        return estimate_of(self.table[:, _COLUMN_OF[name]], self.confidence)

    def __iter__(self) -> Iterator[str]:
        return iter(NAMES)

    def __len__(self) -> int:
        return len(NAMES)


class Paired(Mapping[str, Estimate | None]):
    """Estimates of mine - theirs, seed by seed (`estimates.paired`), likewise."""

    __slots__ = ("_mine", "_theirs")

    def __init__(self, mine: Measures, theirs: Measures) -> None:
        self._mine, self._theirs = mine, theirs

    def __getitem__(self, name: str) -> Estimate | None:
        mine, theirs = self._mine, self._theirs
        column = _COLUMN_OF[name]
        if mine.seeds == theirs.seeds:
            return estimate_of(mine.table[:, column] - theirs.table[:, column], mine.confidence)
        at = {seed: row for row, seed in enumerate(theirs.seeds)}
        rows = [(row, at[seed]) for row, seed in enumerate(mine.seeds) if seed in at]
        both = np.array(rows, np.int64).reshape(-1, 2)
        return estimate_of(mine.table[both[:, 0], column] - theirs.table[both[:, 1], column], mine.confidence)

    def __iter__(self) -> Iterator[str]:
        return iter(NAMES)

    def __len__(self) -> int:
        return len(NAMES)


@dataclass(frozen=True, slots=True, eq=False)
class Ran:
    """A configuration and the seeds under which it ran.

    Attributes:
        measures: of everything together.
        kept: None: there is no objective.
    """

    configuration: Configuration
    measures: Measures
    kept: Kept | None

    @property
    def seeds(self) -> tuple[int, ...]:
        return self.measures.seeds


class Ledger:
    """Takes results one after another, and gives configurations.

    Args:
        study: its seeds, objective and confidence.
    """

    def __init__(self, study: Study) -> None:
        self._slo: Slo | None = study.objective
        self._confidence = study.confidence
        self._order = {seed: place for place, seed in enumerate(study.seed_list)}
        self._numbers: dict[Configuration, int] = {}
        self._texts: dict[tuple[str, str], tuple[str, str]] = {}
        self._of, self._seeds, self._values = array("q"), array("q"), array("d")
        self._held, self._judged = array("q"), array("q")
        self._worst: list[Verdict | None] = []

    def add(self, result: CellResult) -> None:
        """Take a run that did not fail."""
        number = self._number(result.cell.configuration)
        self._of.append(number)
        self._seeds.append(result.cell.seed)
        row = next(row for row in result.rows if row.each == "all")
        self._values.extend(np.nan if value is None else value for value in row.values)
        if self._slo is not None:
            self._judge(number, self._slo.judge(result.measured(self._slo.each)))

    def _number(self, configuration: Configuration) -> int:
        number = self._numbers.get(configuration)
        if number is None:
            number = len(self._numbers)
            # A result that was read has texts of its own; of a path with its value one is enough.
            shared = tuple(self._texts.setdefault(setting, setting) for setting in configuration.settings)
            self._numbers[Configuration(configuration.policy, configuration.trace, shared)] = number
            self._held.append(0)
            self._judged.append(0)
            self._worst.append(None)
        return number

    def _judge(self, number: int, verdict: Verdict) -> None:
        if verdict.held is None:
            return
        self._judged[number] += 1
        self._held[number] += verdict.held
        worst = self._worst[number]
        if worst is None or (verdict.excess or 0.0) > (worst.excess or 0.0):
            self._worst[number] = verdict

    def closed(self) -> Sequence[Ran]:
        """Give the configurations, in the order in which they came first, each's seeds in the order of the study."""
        of = np.frombuffer(self._of, np.int64) if self._of else np.zeros(0, np.int64)
        order, seeds = self._sorted(of)
        values = (np.frombuffer(self._values, np.float64) if self._of else np.zeros(0)).reshape(-1, len(NAMES))
        if np.any(order[1:] < order[:-1]):  # else a copy of the largest table is spared
            values = values[order]
        bounds = np.searchsorted(of[order], np.arange(len(self._numbers) + 1)).tolist()
        same: dict[tuple[int, ...], tuple[int, ...]] = {}
        found = []
        for configuration, number in self._numbers.items():
            first, last = bounds[number], bounds[number + 1]
            mine = tuple(seeds[first:last].tolist())
            measures = Measures(same.setdefault(mine, mine), values[first:last], self._confidence)
            found.append(Ran(configuration, measures, self._kept(number)))
        return found

    def _sorted(self, of: Ints) -> tuple[Ints, Ints]:
        """Give the rows by configuration and seed, and their seeds."""
        places = np.array([self._order.get(seed, seed) for seed in self._seeds], np.int64)
        order = np.lexsort((places, of))
        return order, np.array(self._seeds, np.int64)[order]

    def _kept(self, number: int) -> Kept | None:
        if self._slo is None:
            return None
        held, judged = self._held[number], self._judged[number]
        share = least_share(held, judged, self._confidence) if judged else 0.0
        return Kept(held, judged, share, self._worst[number])
