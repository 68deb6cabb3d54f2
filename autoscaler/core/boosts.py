"""Boosts: bounded, expiring floors that alerts set."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np

from autoscaler.core.columns import Floats, Ints
from autoscaler.core.events import BoostFiring
from autoscaler.core.fleet import Fleet, FunctionKey
from autoscaler.core.floors import Floor
from autoscaler.core.reasons import Reason
from autoscaler.core.staged import NOBODY

PAIRS_PER_TENANT = 100_000
"""Pairs of boost and function that one tenant may have in force, however many functions it has; further boosts are
refused and counted. By tenant, so that one tenant's alerts never crowd out another's."""
PAIRS_BESIDE, PAIRS_PER_FUNCTION = 1_000, 16
"""How many it may have by its functions: without this one function could have 100,000 boosts, each of them looked at
in every step, which then takes seconds for everybody."""


@dataclass(frozen=True, slots=True)
class BoostInForce:
    """A boost as the status shows it.

    Attributes:
        id: the boost.
        keys: functions that it raises.
        floors: their floors in replicas, in the order of `keys`.
        ends_s: monotonic seconds at which it ends by itself.
    """

    id: str
    keys: tuple[FunctionKey, ...]
    floors: tuple[int, ...]
    ends_s: float


FloorsOf = Callable[[Ints, Floats, Floats], Floats]
"""Gives floors from rows, factors and replicas added."""


@dataclass(slots=True)
class _Boost:
    """A boost; an alert that goes on firing is told again and again, and means the same rows each time."""

    ends_s: float
    keys: tuple[FunctionKey, ...] = ()
    rows: list[int] = field(default_factory=list)
    layout: int = 0
    floors: dict[FunctionKey, float] = field(default_factory=dict)
    pairs: dict[str, int] = field(default_factory=dict)
    is_resolved: bool = False


class Boosts:
    """The boosts in force.

    Attributes:
        refused: boosts that found no place, so far.
    """

    def __init__(self, pairs_per_tenant: int = PAIRS_PER_TENANT) -> None:
        self.refused = 0
        self._most = pairs_per_tenant
        self._boosts: dict[str, _Boost] = {}
        self._pairs: Counter[str] = Counter()
        self._places: dict[str, int] = {}
        self._shown: tuple[BoostInForce, ...] | None = None
        self._shown_until_s = np.inf
        self._lifts_s = -np.inf  # before then, none ends
        self._fleet: Fleet | None = None
        self._layout = 0  # how often the floors were laid out
        self._floor = np.empty(0)
        self._rows = NOBODY

    def fire(self, events: Sequence[BoostFiring], fleet: Fleet, floors_of: FloorsOf, now_s: float) -> Ints:
        """Put boosts in force, or move the ends of those that are.

        Args:
            events: the boosts; one that would have ended is ignored.
            fleet: the functions; keys that it lacks are ignored.
            floors_of: gives the floors of rows that their boost has not fixed yet.
            now_s: monotonic seconds.

        Returns:
            The rows they raise; of one that finds no place for more, only those that it raised before.
        """
        self._follow(fleet)
        self._shown, self._lifts_s = None, -np.inf
        raised: list[int] = []
        fixed: list[tuple[_Boost, int, BoostFiring]] = []
        for event in events:
            if event.ends_s > now_s:
                raised += self._hear(event, fleet, fixed)
        if fixed:
            rows = np.array([row for _, row, _ in fixed], np.int64)
            factor, add = (np.array([getattr(event, name) for _, _, event in fixed]) for name in ("factor", "add"))
            floors = floors_of(rows, factor, add)
            for (boost, row, _), floor in zip(fixed, floors.tolist(), strict=True):
                boost.floors[fleet.keys[row]] = floor
            np.maximum.at(self._floor, rows, floors)
            self._rows = np.union1d(self._rows, rows)
        return np.array(raised, np.int64)

    def _hear(self, event: BoostFiring, fleet: Fleet, fixed: list[tuple["_Boost", int, BoostFiring]]) -> list[int]:
        """Note one boost, and which of its floors are to be fixed; give the rows it raises."""
        find, boost = fleet.row_of.get, self._boosts.get(event.id)
        if boost is not None and boost.layout == self._layout and boost.keys == event.keys:
            boost.ends_s, boost.is_resolved = event.ends_s, False
            return boost.rows
        known = boost.floors if boost is not None else {}
        rows = {key: row for key in event.keys if (row := find(key)) is not None}
        fresh = [row for key, row in rows.items() if key not in known]
        owners = [fleet.tenants[fleet.tenant.item(row)] for row in fresh]
        is_refused = bool(fresh) and not self._have_place(owners)
        if is_refused:
            self.refused += 1
            rows, fresh, owners = {key: row for key, row in rows.items() if key in known}, [], []
        if not rows:
            return []
        if boost is None:
            boost = self._boosts[event.id] = _Boost(event.ends_s)
        boost.ends_s, boost.is_resolved = event.ends_s, False
        boost.keys, boost.rows, boost.layout = event.keys, list(rows.values()), 0 if is_refused else self._layout
        for row, owner in zip(fresh, owners, strict=True):
            self._pairs[owner] += 1
            boost.pairs[owner] = boost.pairs.get(owner, 0) + 1
            boost.floors[fleet.keys[row]] = 0.0  # held for the floor that is fixed at the end
            fixed.append((boost, row, event))
        return boost.rows

    def _have_place(self, owners: list[str]) -> bool:
        """Tell whether so many more pairs fit, one for each owner named."""
        if len(owners) == 1:
            return self._pairs[owners[0]] < self._places[owners[0]]
        return all(self._pairs[tenant] + count <= self._places[tenant] for tenant, count in Counter(owners).items())

    def resolve(self, boost_id: str) -> None:
        """Mark a boost as ended; the next tick lifts it."""
        boost = self._boosts.get(boost_id)
        if boost is not None:
            boost.is_resolved = True
            self._shown, self._lifts_s = None, -np.inf

    def lift(self, now_s: float) -> None:
        """Remove what ended or was resolved; ticks alone do this."""
        if now_s < self._lifts_s:
            return
        gone = [name for name, boost in self._boosts.items() if boost.is_resolved or boost.ends_s <= now_s]
        for name in gone:
            self._pairs.subtract(self._boosts.pop(name).pairs)
            self._pairs = +self._pairs
            self._fleet = self._shown = None
        self._lifts_s = min((boost.ends_s for boost in self._boosts.values()), default=np.inf)

    def floor(self, fleet: Fleet) -> Floor:
        """Give the floors in force in a fleet's rows; one of 0, a multiple of no demand, is none, and lets rows rest."""
        self._follow(fleet)
        floors = self._floor.take(self._rows)
        is_any = floors > 0
        return Floor(self._rows.compress(is_any), floors.compress(is_any), Reason.BOOST)

    def _follow(self, fleet: Fleet) -> None:
        """Lay the floors out over a fleet, unless they lie so."""
        if self._fleet is fleet:
            return
        self._fleet, self._floor = fleet, np.zeros(len(fleet))
        self._layout += 1
        functions = np.bincount(fleet.tenant, minlength=len(fleet.tenants)).tolist()
        self._places = {
            tenant: min(self._most, PAIRS_BESIDE + PAIRS_PER_FUNCTION * count)
            for tenant, count in zip(fleet.tenants, functions, strict=True)
        }
        find = fleet.row_of.get
        pairs = [
            (row, floor)
            for boost in self._boosts.values()
            for key, floor in boost.floors.items()
            if (row := find(key)) is not None
        ]
        rows = np.array([row for row, _ in pairs], np.int64)
        np.maximum.at(self._floor, rows, np.array([floor for _, floor in pairs], np.float64))
        self._rows = np.unique(rows)

    def in_force(self, now_s: float) -> tuple[BoostInForce, ...]:
        """Give the boosts that hold now, by id; the same tuple as long as it says the same."""
        if self._shown is None or now_s >= self._shown_until_s:
            holding = [
                (name, boost)
                for name, boost in sorted(self._boosts.items())
                if boost.ends_s > now_s and not boost.is_resolved
            ]
            self._shown_until_s = min((boost.ends_s for _, boost in holding), default=np.inf)
            self._shown = tuple(
                BoostInForce(
                    name, tuple(boost.floors), tuple(int(floor) for floor in boost.floors.values()), boost.ends_s
                )
                for name, boost in holding
            )
        return self._shown
