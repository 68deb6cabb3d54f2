"""The cheapest that keeps an objective: bisection where one parameter orders the choices, else successive halving.

What was chosen is then judged under fresh seeds: of many choices one keeps the objective under the seeds that choose by
luck, so that these say too much of further ones. Nothing here knows what a choice is or how it is tried: `Evaluate` does.
"""

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Generic, TypeVar

from autoscaler.simulator.sweeps.beta import least_share

Choice = TypeVar("Choice")


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one choice under one seed.

    Attributes:
        held: whether it kept the objective; None: there was nothing to judge, or it could not be run.
        excess: by how much it did not (`slo.Verdict.excess`); at most 0: it kept it; None: nothing to judge.
        objective: what is minimized; None: there was nothing to measure.
    """

    held: bool | None
    excess: float | None
    objective: float | None


Evaluate = Callable[[Sequence[Choice], Sequence[int]], Sequence[Sequence[Outcome]]]
"""Tries choices under seeds: of every choice its outcomes in the order of the seeds. May run them side by side."""


@dataclass(frozen=True, slots=True)
class Trial(Generic[Choice]):
    """A choice and what became of it, under the seeds it was tried with."""

    choice: Choice
    outcomes: tuple[Outcome, ...]

    @property
    def held(self) -> int:
        """Seeds under which it kept the objective."""
        return sum(outcome.held is True for outcome in self.outcomes)

    @property
    def is_kept(self) -> bool:
        """Whether it kept it under every seed it was tried with."""
        return bool(self.outcomes) and self.held == len(self.outcomes)

    @property
    def objective(self) -> float:
        """Mean of what is minimized; infinite where a seed had nothing to measure."""
        values = [outcome.objective for outcome in self.outcomes]
        known = [value for value in values if value is not None]
        return sum(known) / len(known) if known and len(known) == len(values) else math.inf

    @property
    def excess(self) -> float:
        """The largest excess; infinite where there was nothing to judge."""
        return max((math.inf if one.excess is None else one.excess for one in self.outcomes), default=math.inf)


@dataclass(frozen=True, slots=True)
class Found(Generic[Choice]):
    """What a search came to.

    Attributes:
        best: keeps the objective under every seed, and is the cheapest that was found; None: none kept it.
        nearest: what came nearest to keeping it; the best where there is one. None: nothing was tried.
        trials: everything that was tried, in the order of the first try.
        is_exhaustive: nothing cheaper can have been passed over, given what the seeds say.
        is_monotone: of a bisection, nothing that was tried contradicts the order of the choices.
        confidence: of `share`.
        fresh: what became of the best under seeds that had no part in choosing it; empty: it was not tried under any.
    """

    best: Trial[Choice] | None
    nearest: Trial[Choice] | None
    trials: tuple[Trial[Choice], ...]
    is_exhaustive: bool
    is_monotone: bool
    confidence: float
    fresh: tuple[Outcome, ...] = ()

    @property
    def fresh_held(self) -> int:
        """Fresh seeds under which the best kept the objective."""
        return sum(outcome.held is True for outcome in self.fresh)

    @property
    def share(self) -> float | None:
        """Share of further seeds under which the best keeps the objective at least, with `confidence`; None: unknown."""
        return least_share(self.fresh_held, len(self.fresh), self.confidence) if self.fresh else None


class _Tries(Generic[Choice]):
    """Tries choices, each under more and more seeds, and stops at the first seed that breaks the objective."""

    def __init__(self, evaluate: Evaluate[Choice], seeds: Sequence[int]) -> None:
        self._evaluate, self._seeds = evaluate, seeds
        self.outcomes: dict[int, tuple[Outcome, ...]] = {}
        self._choices: dict[int, Choice] = {}

    def up_to(self, numbered: Sequence[tuple[int, Choice]], count: int) -> list[Trial[Choice]]:
        """Try choices under the first `count` seeds; what was tried is not tried again."""
        short = [one for one in numbered if len(self.outcomes.get(one[0], ())) < count]
        self._choices.update(numbered)
        for had in sorted({len(self.outcomes.get(number, ())) for number, _ in short}):
            group = [one for one in short if len(self.outcomes.get(one[0], ())) == had]
            found = self._evaluate([choice for _, choice in group], self._seeds[had:count])
            for (number, _), outcomes in zip(group, found, strict=True):
                self.outcomes[number] = (*self.outcomes.get(number, ()), *outcomes)
        return [self.trial(number) for number, _ in numbered]

    def decided(self, number: int, choice: Choice) -> Trial[Choice]:
        """Try a choice under all seeds, in shares four times as large each, until one breaks the objective."""
        count = 1
        while True:
            (trial,) = self.up_to([(number, choice)], min(count, len(self._seeds)))
            if not trial.is_kept or count >= len(self._seeds):
                return trial
            count *= 4

    def trial(self, number: int) -> Trial[Choice]:
        return Trial(self._choices[number], self.outcomes[number])

    def all(self) -> dict[int, Trial[Choice]]:
        return {number: self.trial(number) for number in self.outcomes}


def smallest(
    choices: Sequence[Choice], seeds: Sequence[int], evaluate: Evaluate[Choice], confidence: float = 0.95
) -> Found[Choice]:
    """Find the first of the choices that keeps the objective, by bisection.

    The choices are in the order of what is minimized, and keep the objective better the later they come: more
    replicas, a longer keep-alive. One look is taken into the widest stretch below that was passed over; where it keeps
    the objective, `is_monotone` says so, and the search goes on there.

    Args:
        choices: one or more, cheapest first; a `range` will do, however long.
        seeds: one or more; a choice is taken when it keeps the objective under each.
        confidence: one-sided, of `Found.share`.
    """
    tries = _Tries(evaluate, seeds)
    high = len(choices) - 1
    if not tries.decided(high, choices[high]).is_kept:
        return Found(None, tries.trial(high), tuple(tries.all().values()), True, True, confidence)
    high = _bisected(tries, choices, -1, high)
    # All that bisection saw broken lies below what it saw kept, so only a look elsewhere can contradict the order.
    below, probe = _widest_gap(sorted(number for number in tries.outcomes if number < high))
    is_monotone = probe is None or not tries.decided(probe, choices[probe]).is_kept
    if probe is not None and not is_monotone:
        high = _bisected(tries, choices, below, probe)
    best = tries.trial(high)
    return Found(best, best, tuple(tries.all().values()), is_monotone, is_monotone, confidence)


def judged(found: Found[Choice], seeds: Sequence[int], evaluate: Evaluate[Choice]) -> Found[Choice]:
    """Try what a search chose under seeds that had no part in choosing it; without a best nothing is tried.

    Args:
        seeds: none of those that chose; none: nothing is random, and nothing is left open.
    """
    if found.best is None or not seeds:
        return found
    (fresh,) = evaluate([found.best.choice], seeds)
    return replace(found, fresh=tuple(fresh))


def _bisected(tries: _Tries[Choice], choices: Sequence[Choice], low: int, high: int) -> int:
    """Give the first that keeps the objective, after `low`, which does not, and up to `high`, which does."""
    while high - low > 1:
        middle = (low + high) // 2
        is_kept = tries.decided(middle, choices[middle]).is_kept
        low, high = (low, middle) if is_kept else (middle, high)
    return high


def _widest_gap(tried: Sequence[int]) -> tuple[int, int | None]:
    """Give the beginning and the middle of the widest stretch that was not tried; None: there is none."""
    gaps = [(after - before, before) for before, after in pairwise([-1, *tried])]
    width, before = max(gaps, default=(0, -1))
    return before, before + width // 2 if width > 1 else None


def halving(
    choices: Sequence[Choice], seeds: Sequence[int], evaluate: Evaluate[Choice], confidence: float = 0.95
) -> Found[Choice]:
    """Find the cheapest choice that keeps the objective, by successive halving.

    Each round doubles the seeds. What breaks the objective under a seed is out; of what keeps it the cheaper half
    goes on, and at least one in each round. All meet the same seeds, so what makes one dear makes its rivals dear.

    Args:
        choices: one or more, in any order.
        seeds: one or more.
        confidence: one-sided, of `Found.share`.

    Source: Jamieson and Talwalkar 2016, "Non-stochastic best arm identification"; here the budget of a round is
        seeds, and a broken objective ends a choice at once.
    """
    tries = _Tries(evaluate, seeds)
    going, count, has_cut = list(enumerate(choices)), 1, False
    while True:
        trials = tries.up_to(going, min(count, len(seeds)))
        kept = sorted(
            (one for one, trial in zip(going, trials, strict=True) if trial.is_kept),
            key=lambda one: (tries.trial(one[0]).objective, one[0]),
        )
        if not kept or count >= len(seeds):
            break
        half = max(1, math.ceil(len(kept) / 2))
        has_cut |= half < len(kept)
        going, count = kept[:half], count * 2
    found = tries.all()
    if not kept:
        return _rescued(found, tries, choices, seeds, confidence, has_cut)
    best = found[kept[0][0]]
    return Found(best, best, tuple(found.values()), not has_cut, True, confidence)


def _rescued(
    found: dict[int, Trial[Choice]],
    tries: _Tries[Choice],
    choices: Sequence[Choice],
    seeds: Sequence[int],
    confidence: float,
    has_cut: bool,
) -> Found[Choice]:
    """Where the cheap half broke the objective at last, go on with what was cut for being dear, cheapest first."""
    waiting = sorted((trial.objective, number) for number, trial in found.items() if trial.is_kept)
    for _, number in waiting if has_cut else ():
        if tries.decided(number, choices[number]).is_kept:
            best = tries.trial(number)
            return Found(best, best, tuple(tries.all().values()), False, True, confidence)
    trials = tries.all()
    return Found(None, _nearest(trials.values()), tuple(trials.values()), True, True, confidence)


def _nearest(trials: Iterable[Trial[Choice]]) -> Trial[Choice] | None:
    return min(trials, key=lambda trial: trial.excess, default=None)
