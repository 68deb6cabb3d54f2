"""From decisions to wishes: which replica counts shall be written, and in which order of urgency."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import IntEnum
from typing import NamedTuple

import numpy as np

from autoscaler.core.columns import Bools, Ints
from autoscaler.core.decisions import Decisions
from autoscaler.core.fleet import FunctionKey
from autoscaler.policy.plan import Plan
from autoscaler.ports import ScaleChange

SHARE = 2_000
"""Most functions of a share: what joins a line in one turn of the event loop, well under a millisecond."""


class ForeignWrite(RuntimeError):
    """A wish for what no tenant claims: a defect of ours, so nothing of that step is written."""


class Urgency(IntEnum):
    """What is written first: somebody waits for a wake; a raise serves load; a cut only saves."""

    WAKE = 0
    RAISE = 1
    CUT = 2


@dataclass(frozen=True, slots=True)
class Wish:
    """A write that shall be made as soon as it may.

    Attributes:
        change: the write.
        tenant: whose function it is; tenants take turns.
    """

    change: ScaleChange
    tenant: str

    @property
    def urgency(self) -> Urgency:
        """Tell how urgent it is."""
        return urgency_of(self.change.old, self.change.new)

    def starting_from(self, old: int) -> "Wish":
        """Give the same wish for a function that has another count by now."""
        return replace(self, change=replace(self.change, old=old))


class Share(NamedTuple):
    """Functions of one tenant with wishes of one urgency."""

    urgency: Urgency
    tenant: str
    keys: Sequence[FunctionKey]


@dataclass(frozen=True, slots=True, eq=False)
class Wishes:
    """What a step wishes to be written, as columns `(wishes,)`; a `Wish` is made only of those whose turn has come.

    A step of a large fleet may wish for tens of thousands, of which one tick's time writes forty.

    Attributes:
        keys: the functions, in order of urgency, then of tenant, then as in the fleet.
        uids: their objects.
        tenants: whose they are.
        olds: replicas that were read.
        news: replicas that are wanted.
        shares: the same functions by urgency and tenant, at most `SHARE` in one.
        places: position of each function in the columns; a function that is not in it is not wished for.
    """

    keys: Sequence[FunctionKey] = ()
    uids: Sequence[str] = ()
    tenants: Sequence[str] = ()
    olds: Sequence[int] = ()
    news: Sequence[int] = ()
    shares: Sequence[Share] = ()
    places: Mapping[FunctionKey, int] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.places)

    def __iter__(self) -> Iterator[Wish]:
        return (self.at(place) for place in self.places.values())

    def at(self, place: int) -> Wish:
        """Make the wish at a position."""
        change = ScaleChange(self.keys[place], self.uids[place], self.olds[place], self.news[place])
        return Wish(change, self.tenants[place])

    def without(self, keys: Collection[FunctionKey]) -> "Wishes":
        """Give the same wishes without those of some functions."""
        if self.places.keys().isdisjoint(keys):
            return self
        return replace(self, places={key: place for key, place in self.places.items() if key not in keys})

    def ends(self, key: FunctionKey) -> bool:
        """Tell whether a function shall go to zero."""
        place = self.places.get(key)
        return place is not None and self.news[place] == 0


def urgency_of(old: int, new: int) -> Urgency:
    """Tell how urgent a change is."""
    return Urgency.CUT if new < old else Urgency.WAKE if old == 0 else Urgency.RAISE


def writable(plan: Plan) -> Bools:
    """Tell by row whether anything may be written: `(functions,) bool`, False under a tenant's or a policy's dry run."""
    tenants_dry = np.array([plan.tenants[name].dry_run for name in plan.fleet.tenants], dtype=bool)
    own_dry = np.fromiter((function.dry_run for function in plan.functions), dtype=bool, count=len(plan.functions))
    result: Bools = ~(own_dry | tenants_dry[plan.fleet.tenant]) if len(plan.fleet) else ~own_dry
    return result


def wishes(decisions: Decisions, plan: Plan, may_write: Bools) -> Wishes:
    """Give a wish for every decided change that may be written.

    Raises:
        ForeignWrite: a row lies outside its tenant's namespaces, which a plan rules out.
    """
    changed = decisions.changed
    changed = changed[may_write[decisions.rows[changed]]]
    olds = decisions.requested[changed].astype(np.int64)
    news = decisions.desired[changed].astype(np.int64)
    rows = decisions.rows[changed]
    fleet = plan.fleet
    urgency = np.where(news < olds, Urgency.CUT, np.where(olds == 0, Urgency.WAKE, Urgency.RAISE))
    order = np.lexsort((fleet.tenant[rows], urgency))
    rows, codes = rows[order], urgency[order] * len(fleet.tenants) + fleet.tenant[rows[order]]
    keys = [fleet.keys[row] for row in rows.tolist()]
    return Wishes(
        keys=keys,
        uids=[fleet.uids[row] for row in rows.tolist()],
        tenants=[fleet.tenants[tenant] for tenant in fleet.tenant[rows].tolist()],
        olds=olds[order].tolist(),
        news=news[order].tolist(),
        shares=_shares(plan, keys, codes),
        places=dict(zip(keys, range(len(keys)), strict=True)),
    )


def _shares(plan: Plan, keys: Sequence[FunctionKey], codes: Ints) -> list[Share]:
    """Divide functions where urgency and tenant, one code together, change, and wherever a share is full.

    Raises:
        ForeignWrite: a function lies outside its tenant's namespaces.
    """
    ends = [*(np.flatnonzero(np.diff(codes)) + 1).tolist(), len(keys)]
    shares: list[Share] = []
    first = 0
    for end in ends:
        while first < end:
            last = min(end, first + SHARE)
            urgency, tenant = divmod(int(codes[first]), len(plan.fleet.tenants))
            shares.append(Share(Urgency(urgency), plan.fleet.tenants[tenant], keys[first:last]))
            first = last
    for share in shares:
        strange = {key.namespace for key in share.keys} - plan.tenants[share.tenant].namespaces
        if strange:
            raise ForeignWrite(f"{', '.join(sorted(strange))}: of no namespace of tenant {share.tenant}")
    return shares
