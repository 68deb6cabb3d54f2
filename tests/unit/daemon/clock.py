"""A clock that tests move by hand."""

import asyncio
import heapq
import itertools
from collections.abc import Callable

from autoscaler.core.now import Now

ROUNDS = 60
"""Rounds of the event loop after which everything that could happen at a moment has happened."""


class HandClock:
    """Implements `ports.Clock`; time stands still until it is advanced."""

    def __init__(self, start_s: float = 1000.0) -> None:
        self.now_s = start_s
        self._sleepers: list[tuple[float, int, asyncio.Future[None]]] = []
        self._order = itertools.count()

    def now(self) -> Now:
        return Now(self.now_s, self.now_s + 1e9)

    async def sleep(self, seconds: float) -> None:
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        heapq.heappush(self._sleepers, (self.now_s + max(0.0, seconds), next(self._order), future))
        await future

    async def settle(self) -> None:
        """Let everything happen that needs no time."""
        for _ in range(ROUNDS):
            await asyncio.sleep(0)

    async def advance(self, seconds: float) -> None:
        """Let time pass, stopping wherever somebody waits for it."""
        end_s = self.now_s + seconds
        await self.settle()
        while self._sleepers and self._sleepers[0][0] <= end_s:
            due_s, _, future = heapq.heappop(self._sleepers)
            self.now_s = max(self.now_s, due_s)
            if not future.done():
                future.set_result(None)
                await self.settle()
        self.now_s = end_s
        await self.settle()

    async def until(self, condition: Callable[[], object], within_s: float, every_s: float = 0.1) -> None:
        """Let time pass until the condition holds; fail if it does not within that time."""
        end_s = self.now_s + within_s
        await self.settle()
        while not condition():
            assert self.now_s < end_s, f"not within {within_s} s of the hand clock"
            await self.advance(every_s)
