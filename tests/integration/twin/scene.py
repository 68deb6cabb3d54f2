"""The functions of the twin's tests, and a clock that only moves when told."""

import asyncio

from autoscaler.core.fleet import FunctionKey
from autoscaler.core.now import Now
from autoscaler.twin.world import Tokens

RESIZE = FunctionKey("acme-prod", "resize")
SLEEPY = FunctionKey("acme-prod", "sleepy")
DATABASE = FunctionKey("acme-prod", "postgres")
TOKENS = Tokens(admin="admin-token", scaler="scaler-token")


class HandClock:
    """A clock whose time stands still until it is moved; whoever sleeps wakes when its time has come."""

    def __init__(self) -> None:
        self._now = Now(1_000.0, 1_700_000_000.0)
        self._moved = asyncio.Event()

    def now(self) -> Now:
        return self._now

    async def sleep(self, seconds: float) -> None:
        end_s = self._now.monotonic_s + seconds
        while self._now.monotonic_s < end_s:
            await self._moved.wait()

    async def move(self, seconds: float) -> None:
        """Move on, and let whoever woke run."""
        self._now = Now(self._now.monotonic_s + seconds, self._now.utc_s + seconds)
        self._moved.set()
        self._moved = asyncio.Event()
        for _ in range(20):
            await asyncio.sleep(0)
