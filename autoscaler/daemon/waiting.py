"""Waiting for a flag or for time, whichever is first, on the clock that was handed in."""

import asyncio
from typing import Any

from autoscaler.ports import Clock


async def flag_or_time(flag: asyncio.Event, clock: Clock, seconds: float | None) -> bool:
    """Wait until the flag is set or the time is over, and tell whether it is set. None: for the flag alone."""
    if flag.is_set() or (seconds is not None and seconds <= 0):
        await asyncio.sleep(0)  # a loop that never has to wait still lets others run
        return flag.is_set()
    waits: list[asyncio.Future[Any]] = [asyncio.ensure_future(flag.wait())]
    if seconds is not None:
        waits.append(asyncio.ensure_future(clock.sleep(seconds)))
    try:
        await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
    finally:
        await _cancelled(waits)
    return flag.is_set()


async def _cancelled(waits: list[asyncio.Future[Any]]) -> None:
    for wait in waits:
        wait.cancel()
    # Not each by itself: our own cancellation, if it came now, could not be told from theirs and would be lost.
    await asyncio.gather(*waits, return_exceptions=True)
