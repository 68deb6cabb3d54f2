"""Whether the API server can be heard, for one watch."""

import asyncio
import math
from collections.abc import Callable


class Liveness:
    """What one watch tells of itself: whether it ever held everything, when it last heard, what is wrong."""

    def __init__(self, monotonic: Callable[[], float]) -> None:
        self._monotonic = monotonic
        self._heard_at_s = -math.inf
        self._listed = asyncio.Event()
        self.problem: str | None = None

    @property
    def is_synced(self) -> bool:
        """Whether a whole list was read at least once."""
        return self._listed.is_set()

    async def listed(self) -> None:
        """Wait for the first whole list."""
        await self._listed.wait()

    def heard(self) -> None:
        """Something came from the API server."""
        self._heard_at_s = self._monotonic()
        self.problem = None

    def synced(self) -> None:
        """A whole list was read; from here on the cache is whole, if perhaps old."""
        self._listed.set()

    def failed(self, problem: str) -> None:
        """Remember what went wrong, until something is heard again."""
        self.problem = problem

    def age_s(self) -> float:
        """Give the seconds since something was heard; inf before the first time."""
        return self._monotonic() - self._heard_at_s
