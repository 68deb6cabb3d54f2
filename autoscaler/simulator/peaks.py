"""The most replicas that groups of functions ever had at once."""

from collections import Counter
from collections.abc import Iterable, Mapping
from math import inf
from typing import NamedTuple

from autoscaler.core.fleet import FunctionKey


class Group(NamedTuple):
    """Some functions of a run.

    Attributes:
        kind: `tenant`, `pool` or `all`.
        name: the tenant's or the pool's; None: functions of no tenant; of all it is empty.
    """

    kind: str
    name: str | None


ALL = Group("all", "")


def groups_of(tenant: str | None, pool: str | None) -> tuple[Group, ...]:
    """Give the groups that a function of this tenant and pool is in."""
    return ALL, Group("tenant", tenant), Group("pool", pool)


class Peaks:
    """The replicas that each group has now, and the most it ever had.

    Args:
        groups: of each function.
        replicas: of each function at the start.
    """

    def __init__(
        self, groups: Mapping[FunctionKey, tuple[Group, ...]], replicas: Iterable[tuple[FunctionKey, int]]
    ) -> None:
        self._groups = groups
        self._now: Counter[Group] = Counter()
        for key, number in replicas:
            for group in groups[key]:
                self._now[group] += number
        self._most: Counter[Group] = Counter(self._now)
        self._at_s = -inf
        self._changed: set[Group] = set()

    def change(self, key: FunctionKey, more: int, at_s: float) -> None:
        """Count replicas that a function has more, or fewer.

        What is written at one instant counts together: a raise that comes just before the cut that makes room for it
        is no peak.
        """
        if at_s != self._at_s:
            self._take()
            self._at_s = at_s
        for group in self._groups[key]:
            self._now[group] += more
            self._changed.add(group)

    @property
    def most(self) -> Counter[Group]:
        """The most that each group had."""
        self._take()
        return self._most

    def _take(self) -> None:
        """Take what there is after an instant."""
        for group in self._changed:
            self._most[group] = max(self._most[group], self._now[group])
        self._changed.clear()
