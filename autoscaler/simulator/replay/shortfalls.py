"""When fewer replicas were asked for than a replay asked for: how often, for how long, and the moments."""

from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np

from autoscaler.core.columns import Bools, Floats, Ints
from autoscaler.core.now import Now

MOST_MOMENTS = 1_000
"""Stretches that are kept of a function; all of them are counted."""


@dataclass(frozen=True, slots=True)
class Stretch:
    """A time for which fewer were asked for.

    Attributes:
        from_utc_s: its beginning, UTC seconds.
        until_utc_s: its end.
        recorded: replicas that were asked for at the worst tick of it.
        replayed: replicas that the replay asked for then.
    """

    from_utc_s: float
    until_utc_s: float
    recorded: int
    replayed: int


@dataclass(slots=True)
class Fewer:
    """All such times of a function, or of a tenant's functions.

    Attributes:
        times: how many there were.
        seconds: how long they were in all.
        replica_seconds: replicas that were missing, over time.
        moments: the first of them, `MOST_MOMENTS` at most.
    """

    times: int = 0
    seconds: float = 0.0
    replica_seconds: float = 0.0
    moments: list[Stretch] = field(default_factory=list)

    def add(self, other: "Fewer") -> None:
        """Add another's."""
        self.times += other.times
        self.seconds += other.seconds
        self.replica_seconds += other.replica_seconds
        self.moments = sorted([*self.moments, *other.moments], key=lambda one: one.from_utc_s)[:MOST_MOMENTS]


class Shortfalls:
    """Follows the rows of one fleet, tick by tick.

    Args:
        count: functions.
    """

    def __init__(self, count: int) -> None:
        self._since: Floats = np.full(count, np.nan)
        self._worst: Floats = np.zeros((2, count))
        self._missing: Floats = np.zeros(count)
        self._sums: Floats = np.zeros((2, count))
        self._last_utc_s = np.nan
        self._found: dict[int, Fewer] = {}

    def tick(self, now: Now, had: Floats, has: Floats, passed_s: float) -> None:
        """Take what was asked for at a tick.

        Args:
            had: `(functions,) float64`, recorded; nan: not known, and nothing is missing then.
            has: likewise, replayed.
            passed_s: seconds since the last tick; 0: nothing is known of them.
        """
        self._sums[0] += self._missing * passed_s
        self._sums[1] += (self._missing > 0) * passed_s
        self._last_utc_s = now.utc_s
        self._missing = np.fmax(has - had, 0.0)
        is_fewer: Bools = self._missing > 0
        is_open = ~np.isnan(self._since)
        self._close(np.flatnonzero(is_open & ~is_fewer).tolist())
        self._since[is_fewer & ~is_open] = now.utc_s
        is_worse = self._missing > self._worst[1] - self._worst[0]
        self._worst[:, is_worse] = had[is_worse], has[is_worse]

    def end(self) -> None:
        """End what goes on: of what follows nothing is known."""
        self._close(np.flatnonzero(~np.isnan(self._since)).tolist())
        self._missing[:] = 0.0

    def of(self, row: int) -> Fewer:
        """Give what was found of a row, without what goes on still."""
        found = self._found.get(row, Fewer())
        return Fewer(found.times, float(self._sums[1, row]), float(self._sums[0, row]), found.moments)

    def carry(self, before: "Shortfalls", known: Ints) -> None:
        """Take over what goes on.

        Args:
            known: `(known, 2) int64`, row here and row there.
        """
        new, old = known[:, 0], known[:, 1]
        self._since[new], self._worst[:, new] = before._since[old], before._worst[:, old]
        self._missing[new], self._last_utc_s = before._missing[old], before._last_utc_s
        gone = np.ones(len(before._since), np.bool_)
        gone[old] = False
        before._close(np.flatnonzero(gone & ~np.isnan(before._since)).tolist())

    def _close(self, rows: Iterable[int]) -> None:
        """Note stretches that are over; few rows are."""
        for row in rows:
            recorded, replayed = self._worst[:, row].tolist()
            found = self._found.setdefault(row, Fewer())
            found.times += 1
            if len(found.moments) < MOST_MOMENTS:
                stretch = Stretch(float(self._since[row]), self._last_utc_s, int(recorded), int(replayed))
                found.moments.append(stretch)
            self._since[row] = np.nan
            self._worst[:, row] = 0.0
