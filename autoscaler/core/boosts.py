"""Boosts, and freezes and wakes beside them: what alerts hold up, bounded and expiring."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from autoscaler.core.columns import Floats, Ints
from autoscaler.core.events import BoostFiring, Effect
from autoscaler.core.fleet import Fleet, FunctionKey
from autoscaler.core.floors import Floor
from autoscaler.core.reasons import Reason
from autoscaler.core.staged import NOBODY

PAIRS_PER_TENANT = 100_000
"""Pairs of boost and function that one tenant may have in force; further boosts are refused and counted. By tenant, so
that one tenant's alerts never crowd out another's."""
PAIRS_BESIDE, PAIRS_PER_FUNCTION = 1_000, 16
"""How many it may have by its functions: without this one function could have 100,000 boosts, each of them looked at
in every step, which then takes seconds for everybody."""
LEAST_PER_FUNCTION = 2
"""How many it may have for each function, however many these are: all can be frozen at a start, and boosted meanwhile."""


@dataclass(frozen=True, slots=True)
class BoostInForce:
    """A boost, freeze or wake as the status shows it.

    Attributes:
        id: the boost.
        effect: what it does.
        keys: functions that it holds up.
        floors: their floors in replicas, in the order of `keys`; None: a freeze has none, it holds what runs.
        ends_s: monotonic seconds at which it ends by itself.
    """

    id: str
    effect: Effect
    keys: tuple[FunctionKey, ...]
    floors: tuple[int | None, ...]
    ends_s: float


FloorsOf = Callable[[Ints, Sequence[BoostFiring]], Floats]
"""Gives the floors of rows, each under the boost at its place."""

REASONS = {Effect.WAKE: Reason.WAKE, Effect.BOOST: Reason.BOOST}
"""The effects that are floors; of equal ones the first is told."""


@dataclass(slots=True)
class _Boost:
    """A boost; an alert that goes on firing is told again and again, and means the same rows each time."""

    ends_s: float
    effect: Effect
    keys: tuple[FunctionKey, ...] = ()
    rows: list[int] = field(default_factory=list)
    layout: int = 0
    floors: dict[FunctionKey, float] = field(default_factory=dict)
    pairs: dict[str, int] = field(default_factory=dict)
    is_resolved: bool = False

    @property
    def raised(self) -> list[int]:
        """The rows that it raises."""
        return [] if self.effect is Effect.FREEZE else self.rows

    @property
    def shown(self) -> tuple[int | None, ...]:
        """Its floors, as the status shows them."""
        return tuple(None if self.effect is Effect.FREEZE else int(floor) for floor in self.floors.values())


class _Layout:
    """The floors of one effect over a fleet.

    Attributes:
        floor: `(functions,) float64`, the highest of each; 0: none.
        rows: that have one, ascending.
    """

    __slots__ = ("floor", "rows")

    def __init__(self, functions: int) -> None:
        self.floor = np.zeros(functions)
        self.rows: Ints = NOBODY

    def add(self, rows: Ints, floors: Floats) -> None:
        if not rows.size:
            return  # a union costs as much with nothing
        np.maximum.at(self.floor, rows, floors)
        self.rows = np.union1d(self.rows, rows)


def _places(functions: int) -> int:
    """Give the pairs that a tenant may have by its functions."""
    return max(min(PAIRS_PER_TENANT, PAIRS_BESIDE + PAIRS_PER_FUNCTION * functions), LEAST_PER_FUNCTION * functions)


class Boosts:
    """The boosts, freezes and wakes in force.

    Attributes:
        refused: boosts that found no place, so far.
    """

    def __init__(self, pairs_per_tenant: float = np.inf) -> None:
        """Start without any.

        Args:
            pairs_per_tenant: bound of pairs by tenant, where it is below what a tenant may have by its functions.
        """
        self.refused = 0
        self._most = pairs_per_tenant
        self._boosts: dict[str, _Boost] = {}
        self._pairs: Counter[str] = Counter()
        self._places: dict[str, float] = {}
        self._shown: dict[str, BoostInForce] = {}
        self._told: tuple[BoostInForce, ...] | None = ()
        self._shown_until_s = np.inf  # before then, none of those shown ends
        self._lifts_s = np.inf  # before then, none ends
        self._fleet: Fleet | None = None
        self._layout = 0  # how often the floors were laid out
        self._layouts = {effect: _Layout(0) for effect in Effect}

    def fire(self, events: Sequence[BoostFiring], fleet: Fleet, floors_of: FloorsOf, now_s: float) -> Ints:
        """Put boosts in force, or move the ends of those that are.

        Args:
            events: the boosts; one that would have ended is ignored.
            fleet: the functions; keys that it lacks are ignored.
            floors_of: gives the floors of rows that their boost has not fixed yet.
            now_s: monotonic seconds.

        Returns:
            The rows they raise; of one that finds no place for more, only those that it raised before. A freeze raises none.
        """
        self._follow(fleet)
        raised: list[int] = []
        fixed: list[tuple[_Boost, int, BoostFiring]] = []
        events = [event for event in events if event.ends_s > now_s]
        for event in events:
            raised += self._hear(event, fleet, fixed)
        if fixed:
            rows = np.array([row for _, row, _ in fixed], np.int64)
            floors = floors_of(rows, [event for _, _, event in fixed])
            for (boost, row, _), floor in zip(fixed, floors.tolist(), strict=True):
                if fleet.keys[row] in boost.floors:  # else a later event of this step no longer means it
                    boost.floors[fleet.keys[row]] = floor
            self._lay(rows, floors, np.array([boost.effect for boost, _, _ in fixed]))
        for event in events:
            self._show(event.id)
        return np.array(raised, np.int64)

    def _show(self, name: str) -> None:
        """Take over what is shown of one boost: there may be 100,000, and most events are about one."""
        boost, known = self._boosts.get(name), self._shown.get(name)
        if boost is None or boost.is_resolved:
            return
        is_same = known is not None and len(known.keys) == len(boost.floors)  # floors are added, and never changed
        keys, floors = (known.keys, known.floors) if known and is_same else (tuple(boost.floors), boost.shown)
        self._shown[name], self._told = BoostInForce(name, boost.effect, keys, floors, boost.ends_s), None
        self._shown_until_s = min(self._shown_until_s, boost.ends_s)
        self._lifts_s = min(self._lifts_s, boost.ends_s)

    def _lay(self, rows: Ints, floors: Floats, effects: Ints) -> None:
        for effect, layout in self._layouts.items():
            is_so = effects == effect.value
            layout.add(rows[is_so], floors[is_so])

    def _hear(self, event: BoostFiring, fleet: Fleet, fixed: list[tuple["_Boost", int, BoostFiring]]) -> list[int]:
        """Note one boost, and which of its floors are to be fixed; give the rows it raises."""
        find, boost = fleet.row_of.get, self._boosts.get(event.id)
        if boost is not None and boost.layout == self._layout and boost.keys == event.keys:
            boost.ends_s, boost.is_resolved = event.ends_s, False
            return boost.raised
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
            boost = self._boosts[event.id] = _Boost(event.ends_s, event.effect)
        elif known.keys() - rows.keys():
            self._forget(event.id, boost, rows, fleet)
        boost.ends_s, boost.is_resolved = event.ends_s, False
        boost.keys, boost.rows, boost.layout = event.keys, list(rows.values()), 0 if is_refused else self._layout
        for row, owner in zip(fresh, owners, strict=True):
            self._pairs[owner] += 1
            boost.pairs[owner] = boost.pairs.get(owner, 0) + 1
            boost.floors[fleet.keys[row]] = 0.0  # held for the floor that is fixed at the end
            fixed.append((boost, row, event))
        return boost.raised

    def _forget(self, name: str, boost: _Boost, rows: Mapping[FunctionKey, int], fleet: Fleet) -> None:
        """Drop the floors of functions that a boost does not mean any more: its repetitions must not hold them up for ever."""
        boost.floors = {key: floor for key, floor in boost.floors.items() if key in rows}
        self._pairs.subtract(boost.pairs)
        boost.pairs = dict(Counter(fleet.tenants[fleet.tenant.item(rows[key])] for key in boost.floors))
        self._pairs.update(boost.pairs)
        self._shown.pop(name, None)
        self._fleet = None  # to be laid out anew

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
            self._lifts_s, self._told = -np.inf, None
            self._shown.pop(boost_id, None)

    def lift(self, now_s: float) -> None:
        """Remove what ended or was resolved; ticks alone do this."""
        if now_s < self._lifts_s:
            return
        gone = [name for name, boost in self._boosts.items() if boost.is_resolved or boost.ends_s <= now_s]
        for name in gone:
            self._pairs.subtract(self._boosts.pop(name).pairs)
            self._pairs = +self._pairs
            self._shown.pop(name, None)
            self._fleet = self._told = None
        self._lifts_s = min((boost.ends_s for boost in self._boosts.values()), default=np.inf)

    def floors(self, fleet: Fleet) -> tuple[Floor, ...]:
        """Give the floors in force in a fleet's rows; one of 0, a multiple of no demand, is none, and lets rows rest."""
        self._follow(fleet)
        found = []
        for effect, reason in REASONS.items():
            layout = self._layouts[effect]
            floors = layout.floor.take(layout.rows)
            is_any = floors > 0
            found.append(Floor(layout.rows.compress(is_any), floors.compress(is_any), reason))
        return tuple(found)

    def frozen(self, fleet: Fleet) -> Ints:
        """Give the rows that a freeze holds, ascending."""
        self._follow(fleet)
        return self._layouts[Effect.FREEZE].rows

    def _follow(self, fleet: Fleet) -> None:
        """Lay the floors out over a fleet, unless they lie so."""
        if self._fleet is fleet:
            return
        self._fleet, self._layouts = fleet, {effect: _Layout(len(fleet)) for effect in Effect}
        self._layout += 1
        functions = np.bincount(fleet.tenant, minlength=len(fleet.tenants)).tolist()
        self._places = {
            tenant: min(self._most, _places(count)) for tenant, count in zip(fleet.tenants, functions, strict=True)
        }
        find = fleet.row_of.get
        pairs = [
            (row, floor, boost.effect)
            for boost in self._boosts.values()
            for key, floor in boost.floors.items()
            if (row := find(key)) is not None
        ]
        if pairs:
            rows, floors, effects = zip(*pairs, strict=True)
            self._lay(np.array(rows, np.int64), np.array(floors, np.float64), np.array(effects))

    def in_force(self, now_s: float) -> tuple[BoostInForce, ...]:
        """Give what holds now, in the order in which it came; the same tuple as long as it says the same."""
        if now_s >= self._shown_until_s:
            self._shown = {name: one for name, one in self._shown.items() if one.ends_s > now_s}
            self._shown_until_s = min((one.ends_s for one in self._shown.values()), default=np.inf)
            self._told = None
        if self._told is None:
            self._told = tuple(self._shown.values())
        return self._told
