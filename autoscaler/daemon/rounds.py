"""The outermost loops: an error nobody foresaw ends one round of work, and never the daemon."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from autoscaler.daemon import telemetry
from autoscaler.ports import Clock

PAUSE_AFTER_ERROR_S = 1.0


class Rounds:
    """Does work round by round.

    Attributes:
        failures: rounds that an unforeseen error ended, since the start.

    Args:
        clock: for the pause after such a round.
    """

    def __init__(self, clock: Clock) -> None:
        self.failures = 0
        self._clock = clock

    async def forever(self, work: Callable[[], Awaitable[None]]) -> None:
        """Do round after round until cancelled."""
        while True:
            if not await self.once(work):
                await self._clock.sleep(PAUSE_AFTER_ERROR_S)

    async def once(self, work: Callable[[], Awaitable[None]]) -> bool:
        """Do one round; an error nobody foresaw is counted and said, and the daemon goes on."""
        try:
            await work()
        except Exception:  # noqa: BLE001 - the outermost loop: one bad round must not end every tenant's scaling
            self.failures += 1
            telemetry.log.exception("step failed", failures=self.failures)
            return False
        return True


async def ended(tasks: Sequence[asyncio.Future[Any]]) -> None:
    """End tasks; what one of them failed with is raised, since nobody else would hear of it."""
    for task in tasks:
        task.cancel()
    for outcome in await asyncio.gather(*tasks, return_exceptions=True):
        if isinstance(outcome, Exception):
            raise outcome
