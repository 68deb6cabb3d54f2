"""Work beside a block."""

import asyncio

import pytest

from autoscaler.cli.background import beside


async def forever() -> None:
    await asyncio.Event().wait()


async def fail() -> None:
    raise OSError("the folder is gone")


async def test_work_that_fails_ends_the_block_with_its_error() -> None:
    """A block that waits for ever ends with what failed beside it, not with a cancellation or a group."""
    with pytest.raises(OSError, match="the folder is gone"):
        async with beside(fail()):
            await forever()


async def test_an_error_of_the_block_stays_as_it_is() -> None:
    """Who waits outside gets the block's own error, and the work is ended."""
    with pytest.raises(KeyError, match="mine"):
        async with beside(forever()):
            raise KeyError("mine")


async def test_the_end_of_the_block_ends_the_work_as_it_wishes() -> None:
    """Work that can be asked to end finishes what it does."""
    stop, finished = asyncio.Event(), []

    async def polite() -> None:
        await stop.wait()
        await asyncio.sleep(0)
        finished.append(True)

    async with beside(polite(), end=stop.set):
        await asyncio.sleep(0)
    assert finished == [True]


async def test_a_cancelled_block_is_cancelled() -> None:
    """A cancellation from outside is none of the work's failures."""

    async def block() -> None:
        async with beside(forever()):
            await forever()

    task = asyncio.ensure_future(block())
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_a_failure_while_it_ends_is_not_lost() -> None:
    """Work that fails when asked to end says so."""
    stop = asyncio.Event()

    async def fails_late() -> None:
        await stop.wait()
        raise OSError("while ending")

    with pytest.raises(OSError, match="while ending"):
        async with beside(fails_late(), end=stop.set):
            await asyncio.sleep(0)
