"""The search: for every function the cheapest sizing that keeps the objective, all functions at once.

Functions share nothing but budgets, which are off while sizes are looked for. So one simulation tries one candidate of
each of them, and a stage of seven candidates costs seven simulations, however many functions there are. Stages go from
what matters most: utilization, then a floor where the highest utilization was not enough, then going to zero, then the
look-back.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial

from autoscaler.core.fleet import FunctionKey
from autoscaler.simulator.recommending.sizing import FLOORS, KEEP_ALIVES_S, LOOK_BACKS_S, UTILIZATIONS, Sizing
from autoscaler.simulator.sweeps.search import Outcome

Sizings = Mapping[FunctionKey, Sizing]

Evaluate = Callable[[Sequence[Sizings]], Sequence[Mapping[FunctionKey, Sequence[Outcome]]]]
"""Simulates sizings of all functions under every seed: of each, and of each function, an outcome by seed."""


@dataclass(frozen=True, slots=True)
class Choice:
    """What was found for a function.

    Attributes:
        sizing: the cheapest that kept the objective under every seed; else what came nearest.
        is_kept: whether it kept it, with the margin; None: there was nothing to judge, so that nothing is recommended.
        objective: mean over the seeds of what is minimized.
        excess: the largest over the seeds, of the bound (`slo.Verdict.excess`); None: nothing to judge.
    """

    sizing: Sizing
    is_kept: bool | None
    objective: float | None
    excess: float | None

    def beats(self, other: "Choice") -> bool:
        """Tell whether it is to be taken in place of another: kept before not kept, then the cheaper, or the nearer."""
        if self.is_kept is None or other.is_kept is None:
            return other.is_kept is None and self.is_kept is not None
        if self.is_kept != other.is_kept:
            return self.is_kept
        if self.is_kept:
            return (self.objective or 0.0) < (other.objective or 0.0)
        return (self.excess or 0.0) < (other.excess or 0.0)


@dataclass(frozen=True, slots=True)
class Found:
    """What the search came to.

    Attributes:
        choices: by function.
        simulations: candidates tried, each under every seed.
    """

    choices: Mapping[FunctionKey, Choice]
    simulations: int


def search(
    start: Sizings,
    evaluate: Evaluate,
    margin: float,
    may_zero: Collection[FunctionKey],
    told: Callable[[int, int], None],
) -> Found:
    """Find the cheapest sizing of each function.

    Args:
        start: where to begin, by function.
        margin: share of the bound by which it must be kept here, since later traffic is not this one.
        may_zero: functions whose tenant allows zero.
        told: how many candidates were tried, and how many there will be at most.
    """
    searching = _Searching(dict(start), evaluate, margin, told)
    utilizations = [partial(replace, utilization=use) for use in UTILIZATIONS]
    searching.stage(utilizations)
    searching.stage(
        [partial(replace, min_replicas=floor) for floor in FLOORS],
        lambda choice: choice.is_kept is False,
    )
    # What stays meets bursts that are over before replicas are ready, often for less than it costs to run after each.
    searching.stage(
        [partial(replace, min_replicas=floor, utilization=UTILIZATIONS[0]) for floor in FLOORS],
        lambda choice: choice.is_kept is not None and choice.sizing.utilization < UTILIZATIONS[0],
    )
    searching.stage(utilizations, lambda choice: choice.sizing.min_replicas > 0)
    searching.stage(
        [partial(replace, zero_after_s=after, min_replicas=0) for after in KEEP_ALIVES_S],
        lambda choice: choice.is_kept is True and choice.sizing.min_replicas <= 1,
        may_zero,
    )
    searching.stage([partial(replace, stabilization_s=back) for back in LOOK_BACKS_S])
    return Found(searching.best, searching.simulations)


MOST = 2 * len(UTILIZATIONS) + 2 * len(FLOORS) + len(KEEP_ALIVES_S) + len(LOOK_BACKS_S)
"""Candidates of a search at most."""

_Change = Callable[[Sizing], Sizing]


class _Searching:
    """The best so far."""

    def __init__(
        self, start: Mapping[FunctionKey, Sizing], evaluate: Evaluate, margin: float, told: Callable[[int, int], None]
    ) -> None:
        self.best = {key: Choice(sizing, None, None, None) for key, sizing in start.items()}
        self.simulations = 0
        self._evaluate = evaluate
        self._margin = margin
        self._told = told

    def stage(
        self,
        changes: Sequence[_Change],
        concerns: Callable[[Choice], bool] = lambda choice: True,
        among: Collection[FunctionKey] | None = None,
    ) -> None:
        """Try each change of the best of those functions that it concerns; the others stay as they are meanwhile."""
        keys = [key for key, one in self.best.items() if concerns(one) and (among is None or key in among)]
        if not keys:
            return
        standing = {key: one.sizing for key, one in self.best.items()}
        tried = [standing | {key: change(standing[key]) for key in keys} for change in changes]
        for sizings, outcomes in zip(tried, self._evaluate(tried), strict=True):
            self.simulations += 1
            self._told(self.simulations, MOST)
            for key in keys:
                found = _choice(sizings[key], outcomes[key], self._margin)
                if found.beats(self.best[key]):
                    self.best[key] = found


def _choice(sizing: Sizing, outcomes: Sequence[Outcome], margin: float) -> Choice:
    known = [one.excess for one in outcomes if one.excess is not None]
    costs = [one.objective for one in outcomes if one.objective is not None]
    objective = sum(costs) / len(costs) if costs else None
    if not known:
        return Choice(sizing, None, objective, None)
    return Choice(sizing, max(known) <= -margin, objective, max(known))
