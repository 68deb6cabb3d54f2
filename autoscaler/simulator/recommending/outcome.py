"""What a recommendation promises, and what came of it on traffic that it has not seen."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import ceil

from autoscaler.core.fleet import FunctionKey
from autoscaler.simulator.recommending.choosing import Choice
from autoscaler.simulator.recommending.documents import TenantNumbers
from autoscaler.simulator.recommending.evaluating import Site
from autoscaler.simulator.recommending.trying import TENANT, Measured
from autoscaler.simulator.slo import Slo
from autoscaler.simulator.sweeps.beta import least_share
from autoscaler.simulator.sweeps.estimates import Estimate, paired

Values = Mapping[str, float | None]

CONFIDENCE = 0.95
HEADROOM = 1.25
"""Cap above the most replicas that a tenant had while nothing bound it: later traffic may peak higher."""

WORSE = 0.05
"""Share by which a measure must grow to be told as worse; less is noise that a seed makes."""


@dataclass(frozen=True, slots=True)
class Kept:
    """How one function fared on the later part.

    Attributes:
        key: the function.
        choice: what was chosen for it.
        held: runs in which it kept the objective.
        of: runs with something to judge. A trace of single requests fixes what a seed would draw: where all runs of a
            function came out the same they are one.
        share: share of further runs in which it is kept at least, with `CONFIDENCE`; None: there are no others to speak of.
        was_held: runs under what is in force in which it was kept.
        worse: measures of the objective that are worse than in force, with their mean difference.
    """

    key: FunctionKey
    choice: Choice
    held: int
    of: int
    share: float | None
    was_held: int
    worse: Mapping[str, Estimate]

    @property
    def is_promised(self) -> bool:
        """Whether the documents promise the objective for it."""
        return self.choice.is_kept is True

    @property
    def is_missed(self) -> bool:
        """Whether a promise was not kept."""
        return self.is_promised and self.held < self.of

    @property
    def is_seen_kept(self) -> bool:
        """Whether a promise was tried on the later part, and kept in every run."""
        return self.is_promised and 0 < self.of == self.held

    @property
    def is_untried(self) -> bool:
        """Whether a promise could not be tried, since nobody called the function on the later part."""
        return self.is_promised and not self.of


@dataclass(frozen=True, slots=True)
class Recommendation:
    """Everything that was found.

    Attributes:
        tenants: numbers of each.
        functions: how each fared, by name.
        in_force: measures on the later part under what is in force, by seed.
        recommended: likewise, under the recommendation.
        saved: paired difference of what is minimized, in force minus recommended; by tenant.
    """

    tenants: Mapping[str, TenantNumbers]
    functions: tuple[Kept, ...]
    in_force: Sequence[Measured]
    recommended: Sequence[Measured]
    saved: Mapping[str, Estimate | None]

    @property
    def is_kept(self) -> bool:
        """Whether every promise was kept on the later part."""
        return not any(one.is_missed for one in self.functions)


def numbers_of(
    site: Site, choices: Mapping[FunctionKey, Choice], free: Sequence[Measured]
) -> Mapping[str, TenantNumbers]:
    """Give budgets of the tenants.

    Args:
        free: measures under the chosen sizes on the part to learn from, when no budget bound; by seed.
    """
    zero = {key for key, one in choices.items() if one.is_kept is not None and one.sizing.zero_after_s is not None}
    found = {}
    for name, spaces in site.tenants.items():
        mine = [some[TENANT + name] for some in free]
        mean = max((values["replicas"] or 0.0) for values in mine)
        most = max((values["replicas_max"] or 0.0) for values in mine)
        cap = max(1, ceil(most * HEADROOM))
        found[name] = TenantNumbers(spaces, min(ceil(mean), cap), cap, any(key.namespace in spaces for key in zero))
    return found


def recommendation(
    site: Site,
    slo: Slo,
    minimize: str,
    choices: Mapping[FunctionKey, Choice],
    tenants: Mapping[str, TenantNumbers],
    in_force: Sequence[Measured],
    recommended: Sequence[Measured],
) -> Recommendation:
    """Put together what came of the later part."""
    names = [TENANT + name for name in site.tenants]
    saved = {
        name: paired(
            [one[name][minimize] for one in in_force], [one[name][minimize] for one in recommended], CONFIDENCE
        )
        for name in names
    }
    functions = tuple(_kept(one.key, choices[one.key], slo, in_force, recommended) for one in site.functions)
    return Recommendation(tenants, functions, in_force, recommended, saved)


def _kept(
    key: FunctionKey, choice: Choice, slo: Slo, in_force: Sequence[Measured], recommended: Sequence[Measured]
) -> Kept:
    mine, before = [one[str(key)] for one in recommended], [one[str(key)] for one in in_force]
    if all(one == mine[0] for one in mine) and all(one == before[0] for one in before):
        mine, before = mine[:1], before[:1]
    verdicts = [slo.judge({"": one}) for one in mine]
    held, of = sum(one.held is True for one in verdicts), sum(one.held is not None for one in verdicts)
    was_held = sum(slo.judge({"": one}).held is True for one in before)
    share = least_share(held, of, CONFIDENCE) if of > 1 else None
    return Kept(key, choice, held, of, share, was_held, _worse(slo, mine, before))


def _worse(slo: Slo, mine: Sequence[Values], before: Sequence[Values]) -> dict[str, Estimate]:
    """Give the measures of the objective that are worse than in force, by how much."""
    found = {}
    for condition in slo.required:
        now, then = ([one[condition.measure] for one in side] for side in (mine, before))
        difference = paired(now, then, CONFIDENCE)
        known = [value for value in then if value is not None]
        if difference is not None and known and difference.mean > WORSE * max(sum(known) / len(known), condition.bound):
            found[condition.measure] = difference
    return found
