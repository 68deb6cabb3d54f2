"""Which of the gateways found count, and what is there to scale."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from autoscaler.core.fleet import FunctionKey
from autoscaler.policy.deployment import Deployed
from autoscaler.policy.functions import is_function
from autoscaler.policy.profiles import CATALOG
from autoscaler.policy.starting.sighting import Read, Sighting, best_reading, within

DEFAULT_INTERVAL_S = 15.0


@dataclass(frozen=True, slots=True)
class Start:
    """What there is to begin with.

    Attributes:
        gateways: those that count, the one that names most functions first.
        beside: those that would count calls twice, or name nothing that is there, with why.
        functions: Deployments that call themselves functions, by namespace.
        unlabelled: Deployments that gateways name and that do not call themselves functions, by namespace.
        silent: functions that no series of a gateway names.
        interval_s: seconds between two scrapes, of the gateway that is scraped most slowly; None: not known.
    """

    gateways: Sequence[Read]
    beside: Sequence[tuple[Read, str]]
    functions: Mapping[str, Sequence[str]]
    unlabelled: Mapping[str, Sequence[str]]
    silent: Sequence[FunctionKey]
    interval_s: float | None

    @property
    def namespaces(self) -> Sequence[str]:
        """Namespaces with functions, or with Deployments that gateways call so."""
        return sorted({*self.functions, *self.unlabelled})

    def has_in_flight(self, namespace: str) -> bool:
        """Tell whether requests in flight are known of a namespace's functions; where nothing is named, of any."""
        naming = [one for one in self.gateways if any(key.namespace == namespace for key in one.functions)]
        return all(one.sighting.gateway.has_in_flight for one in naming or self.gateways)


def choose(
    sightings: Iterable[Sighting], deployed: Sequence[Deployed], namespaces: Collection[str] | None = None
) -> Start:
    """Choose the gateways that count: of two that name the same function one, or each call would count twice.

    Args:
        sightings: every gateway that was found.
        deployed: every Deployment that was found.
        namespaces: what is looked at; None: everything.
    """
    there = [one for one in deployed if namespaces is None or one.key.namespace in namespaces]
    marked = {one.key for one in there if is_function(one)}
    keys = frozenset(one.key for one in there)
    reads = [within(best_reading(one, keys), namespaces) for one in sightings]
    gateways, beside = _apart(sorted(reads, key=lambda one: _rank(one, marked)))
    named = frozenset(key for one in gateways for key in one.functions)
    intervals = [one.sighting.interval_s for one in gateways]
    known = [interval_s for interval_s in intervals if interval_s is not None]
    return Start(
        gateways=gateways,
        beside=beside,
        functions=_by_namespace(marked),
        unlabelled=_by_namespace(_unmarked(named - marked, there)),
        silent=sorted(marked - named),
        interval_s=max(known) if known and len(known) == len(intervals) else None,
    )


def _rank(read: Read, marked: Collection[FunctionKey]) -> tuple[int, int, bool, bool, int, str]:
    """Give what readings are ordered by: most functions, then who knows what is in flight and who is there."""
    gateway = read.sighting.gateway
    count = sum(key in marked for key in read.functions)
    place = list(CATALOG).index(gateway.name)
    return -count, -len(read.functions), not gateway.has_in_flight, not gateway.has_alive, place, read.sighting.job


def _apart(reads: Sequence[Read]) -> tuple[list[Read], list[tuple[Read, str]]]:
    """Take the first, and further ones that name functions which nobody else names, and none that somebody does."""
    chosen: list[Read] = []
    beside: list[tuple[Read, str]] = []
    for one in reads:
        twice = [other for other in chosen if one.functions & other.functions]
        if twice:
            beside.append((one, f"it counts the same calls as {twice[0].profile} (job {twice[0].sighting.job})"))
        elif one.functions or not chosen:
            chosen.append(one)
        else:
            beside.append((one, "its series name no Deployment that is there"))
    return chosen, beside


def _unmarked(named: Collection[FunctionKey], there: Iterable[Deployed]) -> set[FunctionKey]:
    """Give what gateways name and nobody calls a function; one that says `false` has said no."""
    said_no = {one.key for one in there if one.labels.get("autoscaler.faas.dev/function") == "false"}
    return set(named) - said_no


def _by_namespace(keys: Iterable[FunctionKey]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for key in sorted(keys):
        found.setdefault(key.namespace, []).append(key.name)
    return found
