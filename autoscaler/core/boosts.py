"""Boosts: bounded, expiring floors that alerts set."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from autoscaler.core.columns import Floats, Ints
from autoscaler.core.events import BoostFiring
from autoscaler.core.fleet import Fleet, FunctionKey
from autoscaler.core.floors import Floor
from autoscaler.core.reasons import Reason

PAIRS_PER_TENANT = 100_000
"""Pairs of boost and function that one tenant may have in force; further boosts are refused and counted. By
tenant, so that one tenant's alerts never crowd out another's."""


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


@dataclass(slots=True)
class _Boost:
    ends_s: float
    floors: dict[FunctionKey, float] = field(default_factory=dict)
    pairs: Counter[str] = field(default_factory=Counter)
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
        self._compiled: tuple[Fleet, Ints, Floats] | None = None

    def fire(self, event: BoostFiring, fleet: Fleet, floor_of: Callable[[int], float], now_s: float) -> Ints:
        """Put a boost in force, or move the end of one that is.

        Args:
            event: the boost.
            fleet: the functions; keys that it lacks are ignored.
            floor_of: gives the floor of a row that this boost has not fixed yet.
            now_s: monotonic seconds; a boost that would have ended is ignored.

        Returns:
            The rows it raises, ascending; where there is no place for more, only those that it raised before.
        """
        if not event.ends_s > now_s:
            return np.empty(0, np.int64)
        rows = sorted({fleet.row_of[key] for key in event.keys if key in fleet.row_of})
        boost = self._boosts.get(event.id)
        known = boost.floors if boost is not None else {}
        fresh = [row for row in rows if fleet.keys[row] not in known]
        if not self._has_place(fresh, fleet):
            self.refused += 1
            rows, fresh = [row for row in rows if fleet.keys[row] in known], []
        if not rows:
            return np.empty(0, np.int64)
        if boost is None:
            boost = self._boosts[event.id] = _Boost(event.ends_s)
        boost.ends_s, boost.is_resolved = event.ends_s, False
        for row in fresh:
            self._add(boost, fleet.keys[row], fleet.tenants[fleet.tenant[row]], floor_of(row))
        return np.array(rows, np.int64)

    def _has_place(self, fresh: list[int], fleet: Fleet) -> bool:
        wanted = Counter(fleet.tenants[fleet.tenant[row]] for row in fresh)
        return all(self._pairs[tenant] + count <= self._most for tenant, count in wanted.items())

    def _add(self, boost: _Boost, key: FunctionKey, tenant: str, floor: float) -> None:
        self._pairs[tenant] += 1
        boost.pairs[tenant] += 1
        boost.floors[key] = floor
        self._compiled = None

    def resolve(self, boost_id: str) -> None:
        """Mark a boost as ended; the next tick lifts it."""
        boost = self._boosts.get(boost_id)
        if boost is not None:
            boost.is_resolved = True

    def lift(self, now_s: float) -> None:
        """Remove what ended or was resolved; ticks alone do this."""
        gone = [name for name, boost in self._boosts.items() if boost.is_resolved or boost.ends_s <= now_s]
        for name in gone:
            self._pairs -= self._boosts.pop(name).pairs
            self._compiled = None

    def floor(self, fleet: Fleet) -> Floor:
        """Give the floors in force in a fleet's rows."""
        if self._compiled is None or self._compiled[0] is not fleet:
            pairs = [
                pair for boost in self._boosts.values() for pair in boost.floors.items() if pair[0] in fleet.row_of
            ]
            rows = np.array([fleet.row_of[key] for key, _ in pairs], np.int64)
            self._compiled = fleet, rows, np.array([floor for _, floor in pairs], np.float64)
        return Floor(self._compiled[1], self._compiled[2], Reason.BOOST)

    def in_force(self, now_s: float) -> tuple[BoostInForce, ...]:
        """Give the boosts that hold now, by id."""
        return tuple(
            BoostInForce(name, tuple(boost.floors), tuple(int(floor) for floor in boost.floors.values()), boost.ends_s)
            for name, boost in sorted(self._boosts.items())
            if boost.ends_s > now_s and not boost.is_resolved
        )
