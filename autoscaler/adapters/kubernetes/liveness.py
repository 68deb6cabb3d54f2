"""Whether the API server can be heard, for one watch."""

import asyncio
import math
from collections.abc import Callable

_ENOUGH_TRIES = 3


class Liveness:
    """What one watch tells of itself: whether it ever held everything, when it last heard, what is wrong."""

    def __init__(self, monotonic: Callable[[], float]) -> None:
        self._monotonic = monotonic
        self._heard_at_s = -math.inf
        self._refused_at_s: float | None = None
        self._failures = 0
        self._answered = asyncio.Event()
        self._told = asyncio.Event()
        self.is_synced = False
        self.problem: str | None = None

    def heard(self) -> None:
        """Something came from the API server."""
        self._heard_at_s = self._monotonic()
        self._refused_at_s = None
        self.problem = None

    def synced(self) -> None:
        """A whole list was read; from here on the cache is whole, if perhaps old."""
        self.is_synced = True
        self._failures = 0
        self._answered.set()
        self._told.set()

    def failed(self, problem: str, *, is_refusal: bool = False) -> None:
        """Remember what went wrong, until something is heard again.

        Args:
            is_refusal: the right to read is missing, or there is no such kind.
        """
        self.problem = problem
        self._failures += 1
        if not is_refusal:
            self._refused_at_s = None
        elif self._refused_at_s is None:
            self._refused_at_s = self._monotonic()
        if is_refusal or self._failures >= _ENOUGH_TRIES:
            self._answered.set()
        self._told.set()

    def ended(self) -> None:
        """Nothing more will come, and nobody shall wait for it."""
        self._answered.set()

    async def answered(self) -> None:
        """Wait for the first whole list, or until there is no use in waiting: it is refused, or failed three times."""
        await self._answered.wait()

    async def settled(self, refused_s: float) -> None:
        """Wait for the first whole list, however long that takes, unless every try is refused for so long, seconds.

        An API server that has just started refuses everybody until it has read the roles.
        """
        while not self.is_synced and (self.refused_s() or 0.0) < refused_s:
            self._told.clear()
            await self._told.wait()

    def refused_s(self) -> float | None:
        """Give for how long every try was refused, seconds; None: the last one was not."""
        return None if self._refused_at_s is None else self._monotonic() - self._refused_at_s

    def age_s(self) -> float:
        """Give the seconds since something was heard; inf before the first time."""
        return self._monotonic() - self._heard_at_s
