"""Waiting on the clock that was handed in: for a flag or for time, whichever is first, and for one's turn at a rate."""

import asyncio
from collections.abc import Awaitable, Callable, Sized
from typing import Any

from autoscaler.daemon.buckets import TokenBucket
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


async def work_off(
    waiting: Sized, news: asyncio.Event, do_next: Callable[[], Awaitable[None]], bucket: TokenBucket, clock: Clock
) -> None:
    """Do what waits, as fast as the rate allows, until cancelled.

    Args:
        waiting: what waits; one and the same object all the time.
        news: set where something was added to it.
        do_next: does the next of it, and takes its token.
    """
    while True:
        news.clear()
        while waiting:
            wait_s = bucket.wait_s(clock.now().monotonic_s)
            if wait_s > 0:
                await clock.sleep(wait_s)
            await do_next()
        await flag_or_time(news, clock, None)


async def _cancelled(waits: list[asyncio.Future[Any]]) -> None:
    for wait in waits:
        wait.cancel()
    # Not each by itself: our own cancellation, if it came now, could not be told from theirs and would be lost.
    await asyncio.gather(*waits, return_exceptions=True)
