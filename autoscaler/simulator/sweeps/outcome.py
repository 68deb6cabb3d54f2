"""What a sweep came to: estimates by configuration, differences between policies, the front, and the objective."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from autoscaler.simulator.slo import NAMES, Slo, Verdict
from autoscaler.simulator.sweeps.beta import least_share
from autoscaler.simulator.sweeps.cell import CellResult
from autoscaler.simulator.sweeps.estimates import Estimate, estimate, paired
from autoscaler.simulator.sweeps.grid import Configuration, Settings
from autoscaler.simulator.sweeps.pareto import dominated_by
from autoscaler.simulator.sweeps.study import Study


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


@dataclass(frozen=True, slots=True)
class Summary:
    """One configuration over its seeds.

    Attributes:
        measures: by name, of everything together; None: nothing to measure under any seed.
        seeds: under which it ran.
        dominated_by: configuration that is as good in every objective and better in one, by the means; None: nobody.
        is_certain: whether the intervals of the paired differences say so too, or nothing is random; None: it is on the front.
        kept: None: there is no objective.
    """

    configuration: Configuration
    measures: Mapping[str, Estimate | None]
    seeds: tuple[int, ...]
    dominated_by: Configuration | None = None
    is_certain: bool | None = None
    kept: Kept | None = None


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
    """

    title: str
    minimize: tuple[str, ...]
    slo: Slo | None
    confidence: float
    summaries: tuple[Summary, ...]
    differences: tuple[Difference, ...]
    failures: tuple[Failure, ...]

    @property
    def front(self) -> tuple[Summary, ...]:
        """Configurations that nobody beats, by trace, in the order of the first objective."""
        free = [summary for summary in self.summaries if summary.dominated_by is None]
        whole = [one for one in free if all(one.measures[name] is not None for name in self.minimize)]
        return tuple(sorted(whole, key=lambda one: (one.configuration.trace, *_means(one, self.minimize))))


BySeed = Mapping[int, CellResult]


def outcome_of(study: Study, results: Iterable[CellResult], *, is_random: bool = True) -> SweepOutcome:
    """Put results together; they may come in any order, and some may be missing.

    Args:
        results: a cell at most once.
        is_random: whether a seed changes anything; where none does, means are no estimates and leave nothing open.
    """
    ran: dict[Configuration, dict[int, CellResult]] = defaultdict(dict)
    failures: list[Failure] = []
    for result in results:
        if result.error is not None:
            failures.append(Failure(result.cell.configuration, result.cell.seed, result.error))
        else:
            ran[result.cell.configuration][result.cell.seed] = result
    order = {seed: place for place, seed in enumerate(study.seed_list)}
    tables = {
        one: dict(sorted(by_seed.items(), key=lambda at: order.get(at[0], at[0]))) for one, by_seed in ran.items()
    }
    values = {one: _values(by_seed) for one, by_seed in tables.items()}
    summaries = [_summary(study, one, tables[one], values[one]) for one in tables]
    return SweepOutcome(
        title=study.title,
        minimize=tuple(study.minimize),
        slo=study.objective,
        confidence=study.confidence,
        summaries=tuple(_ranked(study, summaries, values, is_random)),
        differences=tuple(_differences(study, values)),
        failures=tuple(sorted(failures, key=lambda one: (str(one.configuration), one.seed))),
    )


def kept_by(slo: Slo, results: Iterable[CellResult], confidence: float) -> Kept:
    """Judge the runs of a configuration, a seed each."""
    verdicts = [slo.judge(result.measured(slo.each)) for result in results]
    judged = [verdict for verdict in verdicts if verdict.held is not None]
    held = sum(verdict.held is True for verdict in judged)
    worst = max(judged, key=lambda verdict: verdict.excess or 0.0, default=None)
    return Kept(held, len(judged), least_share(held, len(judged), confidence) if judged else 0.0, worst)


Columns = Mapping[int, Mapping[str, float | None]]
"""Measures of everything together, by seed."""


def _values(by_seed: BySeed) -> Columns:
    return {seed: result.measured("all")[""] for seed, result in by_seed.items()}


def _summary(study: Study, configuration: Configuration, by_seed: BySeed, values: Columns) -> Summary:
    measures = {name: estimate([one[name] for one in values.values()], study.confidence) for name in NAMES}
    slo = study.objective
    kept = kept_by(slo, by_seed.values(), study.confidence) if slo is not None else None
    return Summary(configuration, measures, tuple(by_seed), kept=kept)


def _means(summary: Summary, names: Sequence[str]) -> tuple[float, ...]:
    found = (summary.measures[name] for name in names)
    return tuple(float("nan") if one is None else one.mean for one in found)


def _ranked(
    study: Study, summaries: Sequence[Summary], values: Mapping[Configuration, Columns], is_random: bool
) -> Iterable[Summary]:
    """Say of each configuration who beats it; traces are no choice, so each has a front of its own."""
    by_trace: dict[str, list[int]] = defaultdict(list)
    for place, summary in enumerate(summaries):
        by_trace[summary.configuration.trace].append(place)
    ranked = list(summaries)
    for places in by_trace.values():
        points = np.array([_means(summaries[place], study.minimize) for place in places], dtype=np.float64)
        for place, by in zip(places, dominated_by(points), strict=True):
            if by is not None and places[by] != place:
                mine, other = summaries[place].configuration, summaries[places[by]].configuration
                is_certain = not is_random or _is_certain(study, values[mine], values[other])
                ranked[place] = replace(summaries[place], dominated_by=other, is_certain=is_certain)
    return ranked


def _is_certain(study: Study, mine: Columns, other: Columns) -> bool:
    """Tell whether the other is better in some objective beyond what the seeds leave open, and nowhere worse so."""
    found = (_difference(mine, other, name, study.confidence) for name in study.minimize)
    signs = {one.sign for one in found if one is not None}
    return 1 in signs and -1 not in signs


def _difference(mine: Columns, other: Columns, name: str, confidence: float) -> Estimate | None:
    both = [seed for seed in mine if seed in other]
    return paired([mine[seed][name] for seed in both], [other[seed][name] for seed in both], confidence)


def _differences(study: Study, values: Mapping[Configuration, Columns]) -> Iterable[Difference]:
    """Compare each configuration with the base policy's under the same trace and the study's same parameters."""
    shared = set(study.parameters)

    def place(one: Configuration) -> tuple[str, Settings]:
        return one.trace, tuple(setting for setting in one.settings if setting[0] in shared)

    bases: dict[tuple[str, Settings], list[Configuration]] = defaultdict(list)
    for one in values:
        if one.policy == study.base:
            bases[place(one)].append(one)
    for one in values:
        base = bases[place(one)]
        if one.policy != study.base and len(base) == 1:
            names = {name: _difference(values[one], values[base[0]], name, study.confidence) for name in NAMES}
            yield Difference(one, base[0], names)
