"""The virtual event loop: time jumps, order is that of asking, and nothing waits for ever unseen."""

import asyncio
import threading
from collections.abc import Iterator
from concurrent.futures import Future

import pytest

from tests.deterministic.eventloop import Later, NothingWillHappen, TimeStandsStill, VirtualLoop


@pytest.fixture
def loop() -> Iterator[VirtualLoop]:
    """A virtual loop, closed at the end."""
    made = VirtualLoop()
    yield made
    made.close()


def test_a_long_sleep_takes_virtual_time_alone(loop: VirtualLoop) -> None:
    """An hour's sleep ends when the clock says an hour later."""
    loop.run_until_complete(asyncio.sleep(3600.0))
    assert loop.time() == 3600.0


def test_timers_end_in_the_order_of_their_times(loop: VirtualLoop) -> None:
    """Whoever sleeps shorter goes on first, whoever began first."""
    ended: list[float] = []

    async def sleep(seconds: float) -> None:
        await asyncio.sleep(seconds)
        ended.append(seconds)

    async def all_of_them() -> None:
        await asyncio.gather(sleep(3.0), sleep(1.0), sleep(2.0))

    loop.run_until_complete(all_of_them())
    assert ended == [1.0, 2.0, 3.0]


def test_a_wait_without_any_timer_is_an_error(loop: VirtualLoop) -> None:
    """Where nothing will ever happen, the run ends instead of hanging."""
    with pytest.raises(NothingWillHappen):
        loop.run_until_complete(loop.create_future())


def test_a_loop_that_never_waits_is_an_error(loop: VirtualLoop) -> None:
    """Where callbacks follow callbacks without end in one moment, the run ends instead of burning a core."""

    async def spin() -> None:
        while True:
            await asyncio.sleep(0)

    with pytest.raises(TimeStandsStill):
        loop.run_until_complete(spin())


def test_another_thread_may_not_touch_it(loop: VirtualLoop) -> None:
    """A call from another thread is refused: its moment would be another in every run."""
    errors: list[RuntimeError] = []

    def call() -> None:
        try:
            loop.call_soon_threadsafe(print)
        except RuntimeError as error:
            errors.append(error)

    thread = threading.Thread(target=call)
    thread.start()
    thread.join()
    assert len(errors) == 1


def test_what_an_executor_is_given_is_done_in_order_and_in_its_time(loop: VirtualLoop) -> None:
    """An executor of one thread does one thing after the other, each for as long as was drawn."""
    executor = Later(loop, lambda: 0.5)
    done: list[float] = []

    async def ask() -> None:
        first = loop.run_in_executor(executor, lambda: done.append(loop.time()))
        second = loop.run_in_executor(executor, lambda: done.append(loop.time()))
        await asyncio.gather(first, second)

    loop.run_until_complete(ask())
    assert done == [0.5, 1.0]


def test_an_error_reaches_whoever_asked(loop: VirtualLoop) -> None:
    """What a function raises is raised where its result is awaited, as by any executor."""

    def fail() -> None:
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        loop.run_until_complete(loop.run_in_executor(Later(loop), fail))


def test_what_was_cancelled_before_its_time_is_not_done(loop: VirtualLoop) -> None:
    """A function whose future was cancelled never runs."""
    done: list[int] = []
    future: Future[None] = Later(loop, lambda: 1.0).submit(done.append, 1)
    assert future.cancel()
    loop.run_until_complete(asyncio.sleep(2.0))
    assert done == []
