"""What is still to happen, in the order of virtual time."""

from collections.abc import Callable
from enum import IntEnum
from heapq import heappop, heappush


class Priority(IntEnum):
    """Order of what is due at the same instant.

    A write that arrives is there for the scrape, a scrape is there for the tick, and what outside brings
    comes before the tick too.
    """

    WRITE = 0
    SCRAPE = 1
    EVENT = 2
    TICK = 3


Action = Callable[[float], None]
"""Something that happens; it is told the time."""


class Agenda:
    """A heap with keys (time, priority, sequence): ties are settled the same way in every run."""

    def __init__(self) -> None:
        self._entries: list[tuple[float, Priority, int, Action]] = []
        self._sequence = 0

    def add(self, at_s: float, priority: Priority, action: Action) -> None:
        heappush(self._entries, (at_s, priority, self._sequence, action))
        self._sequence += 1

    @property
    def next_s(self) -> float | None:
        """When the next entry is due; None: there is none."""
        return self._entries[0][0] if self._entries else None

    def pop(self) -> tuple[float, Action]:
        """Take the next entry out."""
        at_s, _, _, action = heappop(self._entries)
        return at_s, action
