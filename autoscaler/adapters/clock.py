"""The clocks: the wall's, and one that runs faster for a demo."""

import asyncio
import time

from autoscaler.core.now import Now


class SystemClock:
    """The machine's clock."""

    def now(self) -> Now:
        """Give this moment."""
        return Now(time.monotonic(), time.time())

    async def sleep(self, seconds: float) -> None:
        """Wait; not at all for 0 or less, but other tasks run once."""
        await asyncio.sleep(max(0.0, seconds))


class ScaledClock:
    """A clock whose seconds pass `speed` times as fast as the wall's, both kinds alike, from now on.

    Args:
        speed: its seconds per second of the wall, > 0.
    """

    def __init__(self, speed: float) -> None:
        if not speed > 0:
            raise ValueError(f"speed {speed} is wrong: a number above 0 is allowed")
        self.speed = speed
        self._wall = SystemClock()
        self._start = self._wall.now()

    def now(self) -> Now:
        """Give this moment of the faster time."""
        passed_s = (self._wall.now().monotonic_s - self._start.monotonic_s) * self.speed
        return Now(self._start.monotonic_s + passed_s, self._start.utc_s + passed_s)

    async def sleep(self, seconds: float) -> None:
        """Wait for that many seconds of the faster time."""
        await self._wall.sleep(seconds / self.speed)
