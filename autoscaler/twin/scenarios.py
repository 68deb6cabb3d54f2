"""The stories that a demo can tell, by name, each with who judges it."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Protocol

from autoscaler.core.decisions import Decisions
from autoscaler.core.fleet import FunctionKey
from autoscaler.core.now import Now
from autoscaler.twin import budget_fight, tour
from autoscaler.twin.budget_claims import BudgetWitness
from autoscaler.twin.claims import Verdict, Witness
from autoscaler.twin.story import Story

_SEEN_OUTAGE_S = 6.0


class Judge(Protocol):
    """Takes every decision of a run, and tells afterwards which claims its records show."""

    ticks: int
    changes: int

    def take(self, decisions: Decisions) -> None: ...

    def verdicts(self, written: Collection[FunctionKey] = ()) -> list[Verdict]:
        """Give every claim with what showed it.

        Args:
            written: strangers whose replicas somebody changed, as the cluster has it.
        """
        ...


@dataclass(frozen=True, slots=True)
class Kind:
    """A story that can be told.

    Attributes:
        words: what it shows.
        story: makes it, of a duration, the seconds before it begins, acme's token and its hash.
        judge: makes who judges it, of when it begins.
    """

    words: str
    story: Callable[[float, float, str, str], Story]
    judge: Callable[[Now], Judge]


SCENARIOS: Mapping[str, Kind] = {
    "tour": Kind(
        "traffic, scale to zero, a wake, a cap, an alert, a silent Prometheus",
        tour.story,
        lambda now: Witness(now, _SEEN_OUTAGE_S, tour.STRANGERS),
    ),
    "budgets": Kind(
        "a pool that four tenants share: who lends, who borrows, who gets it back", budget_fight.story, BudgetWitness
    ),
}
