"""What a sweep came to: estimates by configuration, differences between policies, the front, and the objective."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from autoscaler.simulator.slo import Slo
from autoscaler.simulator.sweeps.cell import CellResult
from autoscaler.simulator.sweeps.estimates import Estimate
from autoscaler.simulator.sweeps.grid import Configuration, Settings
from autoscaler.simulator.sweeps.ledger import Kept, Ledger, Paired, Ran
from autoscaler.simulator.sweeps.pareto import dominated_by
from autoscaler.simulator.sweeps.study import Study


@dataclass(frozen=True, slots=True)
class Summary:
    """One configuration over its seeds.

    Attributes:
        measures: by name of `slo.NAMES`, of everything together; None: nothing to measure under any seed.
        seeds: under which it ran.
        dominated_by: configuration that is as good in every objective and better in one, by the means; None: nobody.
        is_ranked: whether it ran under as many seeds as any other under its trace: only then means can be compared. A search
            drops what is out after its first seeds.
        is_certain: whether the intervals of the paired differences say so too, or nothing is random; None: it is on the front.
        kept: None: there is no objective.
    """

    configuration: Configuration
    measures: Mapping[str, Estimate | None]
    seeds: tuple[int, ...]
    dominated_by: Configuration | None = None
    is_certain: bool | None = None
    kept: Kept | None = None
    is_ranked: bool = True


@dataclass(frozen=True, slots=True)
class Difference:
    """A policy against the one that all are compared with, under the same requests, seed by seed.

    Attributes:
        policy: whose.
        base: the other's.
        measures: mean of mine - theirs, by name.
    """

    policy: Configuration
    base: Configuration
    measures: Mapping[str, Estimate | None]


@dataclass(frozen=True, slots=True)
class Failure:
    """A cell that could not be run."""

    configuration: Configuration
    seed: int
    error: str


@dataclass(frozen=True, slots=True)
class SweepOutcome:
    """What a sweep came to.

    Attributes:
        title: of the study.
        minimize: measures that the front is about.
        slo: what is required; None: nothing.
        confidence: of the intervals.
        summaries: in the order of the study.
        differences: likewise; of the study's parameters only, since a policy's own belong to nobody else.
        failures: cells that could not be run.
        words: what must be known of the policies to read the figures right, a sentence or two each.
    """

    title: str
    minimize: tuple[str, ...]
    slo: Slo | None
    confidence: float
    summaries: tuple[Summary, ...]
    differences: tuple[Difference, ...]
    failures: tuple[Failure, ...]
    words: tuple[str, ...] = ()

    @property
    def front(self) -> tuple[Summary, ...]:
        """Configurations that nobody beats, by trace, in the order of the first objective."""
        free = [summary for summary in self.summaries if summary.is_ranked and summary.dominated_by is None]
        whole = [one for one in free if all(one.measures[name] is not None for name in self.minimize)]
        return tuple(sorted(whole, key=lambda one: (one.configuration.trace, *_means(one, self.minimize))))


def outcome_of(study: Study, results: Iterable[CellResult], *, is_random: bool = True) -> SweepOutcome:
    """Put results together; they may come in any order, and some may be missing.

    Of a run no more is kept than its measures of everything together: there may be a million.

    Args:
        results: a cell at most once. What ran under seeds that are not the study's, under which a search judges what
            it chose, is passed over: every configuration has the same seeds.
        is_random: whether a seed changes anything; where none does, means are no estimates and leave nothing open.
    """
    ledger, failures = Ledger(study), list[Failure]()
    mine = frozenset(study.seed_list)
    for result in results:
        if result.error is not None:
            failures.append(Failure(result.cell.configuration, result.cell.seed, result.error))
        elif result.cell.seed in mine:
            ledger.add(result)
    ran = ledger.closed()
    summaries = [Summary(one.configuration, one.measures, one.seeds, kept=one.kept) for one in ran]
    return SweepOutcome(
        title=study.title,
        minimize=tuple(study.minimize),
        slo=study.objective,
        confidence=study.confidence,
        summaries=tuple(_ranked(study, summaries, ran, is_random)),
        differences=tuple(_differences(study, ran)),
        failures=tuple(sorted(failures, key=lambda one: (str(one.configuration), one.seed))),
    )


def _means(summary: Summary, names: Sequence[str]) -> tuple[float, ...]:
    found = (summary.measures[name] for name in names)
    return tuple(float("nan") if one is None else one.mean for one in found)


def _ranked(study: Study, summaries: Sequence[Summary], ran: Sequence[Ran], is_random: bool) -> Iterable[Summary]:
    """Say of each configuration who beats it; traces are no choice, so each has a front of its own."""
    by_trace: dict[str, list[int]] = defaultdict(list)
    for place, summary in enumerate(summaries):
        by_trace[summary.configuration.trace].append(place)
    ranked = list(summaries)
    for everything in by_trace.values():
        most = max(len(summaries[place].seeds) for place in everything)
        places = [place for place in everything if len(summaries[place].seeds) == most]
        for place in everything:
            if len(summaries[place].seeds) < most:
                ranked[place] = replace(summaries[place], is_ranked=False)
        points = np.array([_means(summaries[place], study.minimize) for place in places], dtype=np.float64)
        for place, by in zip(places, dominated_by(points), strict=True):
            if by is not None and places[by] != place:
                mine, other = ran[place], ran[places[by]]
                is_certain = not is_random or _is_certain(study, mine, other)
                ranked[place] = replace(summaries[place], dominated_by=other.configuration, is_certain=is_certain)
    return ranked


def _is_certain(study: Study, mine: Ran, other: Ran) -> bool:
    """Tell whether the other is better in some objective beyond what the seeds leave open, and nowhere worse so."""
    found = Paired(mine.measures, other.measures)
    signs = {one.sign for one in (found[name] for name in study.minimize) if one is not None}
    return 1 in signs and -1 not in signs


def _differences(study: Study, ran: Sequence[Ran]) -> Iterable[Difference]:
    """Compare each configuration with the base policy's under the same trace and the study's same parameters."""
    shared = set(study.parameters)

    def place(one: Configuration) -> tuple[str, Settings]:
        return one.trace, tuple(setting for setting in one.settings if setting[0] in shared)

    bases: dict[tuple[str, Settings], list[Ran]] = defaultdict(list)
    others = False
    for one in ran:
        if one.configuration.policy == study.base:
            bases[place(one.configuration)].append(one)
        else:
            others = True
    for one in ran if others else ():
        base = bases.get(place(one.configuration), [])
        if one.configuration.policy != study.base and len(base) == 1:
            yield Difference(one.configuration, base[0].configuration, Paired(one.measures, base[0].measures))
