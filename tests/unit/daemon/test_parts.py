"""The small parts: buckets, the grid, the event queue, the history, waiting."""

import asyncio

import numpy as np
import pytest

from autoscaler.core.events import BoostFiring, BoostResolved, Wake
from autoscaler.core.fleet import Fleet, FunctionKey
from autoscaler.daemon import events as events_module
from autoscaler.daemon.buckets import TokenBucket
from autoscaler.daemon.events import EventQueue
from autoscaler.daemon.grid import TickGrid
from autoscaler.daemon.history import PER_FUNCTION, RECENT
from autoscaler.daemon.waiting import flag_or_time
from autoscaler.ports import Replicas
from tests.unit.daemon.clock import HandClock
from tests.unit.daemon.fakes import MemoryCluster, MemoryLoads
from tests.unit.daemon.rig import FILES, rig

A, B = FunctionKey("n", "a"), FunctionKey("n", "b")


def test_a_bucket_gives_its_burst_and_then_its_rate() -> None:
    """Three at once, then one every half second, never more than three saved up."""
    bucket = TokenBucket(per_second=2.0, burst=3, now_s=0.0)
    assert [bucket.take(0.0) for _ in range(4)] == [True, True, True, False]
    assert bucket.wait_s(0.0) == pytest.approx(0.5)
    assert bucket.take(0.5)
    assert not bucket.take(0.6)
    assert [bucket.take(100.0) for _ in range(4)] == [True, True, True, False]


@pytest.mark.parametrize("rate", [0.3, 3.0, 7.0, 20.0, 333.0])
def test_the_wait_a_bucket_names_is_enough(rate: float) -> None:
    """After the wait that it names there is a token, whatever the rate rounds to."""
    bucket, now_s = TokenBucket(rate, 1, 1e6), 1e6
    bucket.take(now_s)
    for _ in range(1000):
        now_s += bucket.wait_s(now_s)
        assert bucket.take(now_s)


def test_a_bucket_does_not_fill_when_time_stands_or_runs_backwards() -> None:
    """A clock that jumps back gives no tokens."""
    bucket = TokenBucket(1.0, 1, 100.0)
    assert bucket.take(100.0)
    assert not bucket.take(100.0)
    assert not bucket.take(50.0)
    assert not bucket.take(100.5)


def test_the_grid_leaves_out_what_passed() -> None:
    """A tick that ends 5.5 s after its start at an interval of 2 s is followed by the grid point at 6 s, and counted."""
    grid = TickGrid(2.0, 10.0)
    assert grid.next_s(10.3) == 12.0
    assert grid.overruns == 0
    assert grid.next_s(17.5) == 18.0
    assert grid.overruns == 1
    assert grid.next_s(18.0) == 20.0
    assert grid.overruns == 1


def test_of_events_of_one_thing_the_newest_is_kept() -> None:
    """Wakes of one function and boosts of one id replace one another; other ones stand beside them."""
    queue = EventQueue()
    fired = BoostFiring("x", (A,), 2.0, 0.0, 10.0)
    queue.put([Wake(A, 1), fired, Wake(A, 2), Wake(B, 1)])
    queue.put([BoostResolved("x")])
    assert queue.has_urgent.is_set()
    assert queue.take() == [Wake(A, 2), Wake(B, 1), BoostResolved("x")]
    assert queue.take() == []
    assert not queue.has_urgent.is_set()


def test_a_touch_is_not_urgent_and_hides_no_wake() -> None:
    """Activity of what runs waits for the tick, and never replaces a wake that counts held requests."""
    queue = EventQueue()
    queue.touch(A)
    assert not queue.has_urgent.is_set()
    queue.put([Wake(B, 3)])
    queue.touch(B)
    assert queue.take() == [Wake(A, 0), Wake(B, 3)]


def test_events_of_a_failed_step_come_once_more() -> None:
    """A step that failed gives its events back once; the second failure in a row drops them."""
    queue = EventQueue()
    queue.put([Wake(A, 1)])
    for again in ([Wake(A, 1)], []):
        queue.give_back(queue.take())
        assert queue.take() == again
        queue.put(again)
    assert queue.refused == 1


def test_an_event_given_back_does_not_replace_a_newer_one() -> None:
    """What came meanwhile is newer than what a failed step hands back."""
    queue = EventQueue()
    queue.put([Wake(A, 1)])
    failed = queue.take()
    queue.put([Wake(A, 5)])
    queue.give_back(failed)
    assert queue.take() == [Wake(A, 5)]
    assert queue.refused == 0


def test_boosts_that_wait_are_bounded() -> None:
    """Over the bound further boosts are refused and counted."""
    queue = EventQueue()
    most = events_module.MOST_BOOST_EVENTS
    queue.put([BoostResolved(str(number)) for number in range(most + 3)])
    assert queue.refused == 3
    assert len(queue.take()) == most


def test_boosts_of_one_sender_leave_place_for_anothers() -> None:
    """What one tenant's alerts fill is its own share: another's event is taken, and the step empties both."""
    queue = EventQueue()
    most = events_module.MOST_BOOST_EVENTS
    queue.put([BoostResolved(str(number)) for number in range(most + 3)], frozenset({"acme"}))
    queue.put([BoostResolved("other")], frozenset({"umbrella"}))
    assert queue.refused == 3
    assert queue.take()[-1] == BoostResolved("other")
    queue.put([BoostResolved("again")], frozenset({"acme"}))
    assert queue.refused == 3


async def test_history_keeps_the_last_changes_of_each_function() -> None:
    """Of many changes the newest eight are there, oldest first, and the latest of all functions together."""
    cluster, loads = MemoryCluster(), MemoryLoads()
    key = cluster.add("acme/a", 1)
    async with rig(cluster, loads=loads, files=FILES) as it:
        for number in range(1, 15):
            loads.concurrency[key] = number * 1000.0
            await it.ticks(30)
        wanted = [past.desired for past in it.daemon.history(key)]
        assert len(wanted) == PER_FUNCTION
        assert wanted == sorted(wanted)
        assert wanted[-1] == cluster.deployments[key].requested
        assert [past.desired for past in it.daemon.recent()][-PER_FUNCTION:] == wanted
        assert len(it.daemon.recent()) <= RECENT


async def test_a_function_that_goes_leaves_no_history() -> None:
    """Memory follows the fleet."""
    cluster, loads = MemoryCluster(), MemoryLoads()
    key = cluster.add("acme/a", 1)
    loads.concurrency[key] = 95.0
    async with rig(cluster, loads=loads) as it:
        await it.ticks(2)
        assert it.daemon.history(key)
        cluster.remove(key)
        await it.ticks(2)
        assert it.daemon.history(key) == []


async def test_the_same_change_again_later_is_kept_again() -> None:
    """A change that was made, undone by hand, and made again stands in the history twice."""
    cluster, loads = MemoryCluster(), MemoryLoads()
    key = cluster.add("acme/a", 1)
    loads.concurrency[key] = 95.0
    async with rig(cluster, loads=loads) as it:
        await it.ticks(3)
        cluster.by_hand(key, 1)
        await it.ticks(3)
        assert [(past.requested, past.desired) for past in it.daemon.history(key)] == [(1, 10), (1, 10)]


async def test_waiting_ends_with_the_flag_or_the_time() -> None:
    """A wait tells whether its flag is set; without a time it is for the flag alone."""
    clock, flag = HandClock(), asyncio.Event()
    timed = asyncio.ensure_future(flag_or_time(flag, clock, 5.0))
    endless = asyncio.ensure_future(flag_or_time(flag, clock, None))
    await clock.advance(6.0)
    assert timed.result() is False
    assert not endless.done()
    flag.set()
    await clock.settle()
    assert endless.result() is True
    assert await flag_or_time(flag, clock, 0.0) is True


async def test_replica_columns_of_a_step_do_not_move_with_the_watch() -> None:
    """A cluster that hands out the very columns its watch keeps up to date changes no decision afterwards."""

    class Live(MemoryCluster):
        columns: Replicas | None = None

        def replicas(self, fleet: Fleet) -> Replicas:
            fresh = super().replicas(fleet)
            if self.columns is None:
                self.columns = fresh
            self.columns.requested[:], self.columns.ready[:] = fresh.requested, fresh.ready
            return self.columns

    cluster, loads = Live(), MemoryLoads()
    key = cluster.add("acme/a", 1)
    loads.concurrency[key] = 95.0
    async with rig(cluster, loads=loads) as it:
        await it.ticks(2)
        assert cluster.deployments[key].requested == 10
        assert np.array_equal(it.kept.decisions[0].requested, [1.0])
        assert np.array_equal(it.kept.decisions[0].ready, [1.0])


async def test_recent_changes_are_not_unpacked_at_every_question() -> None:
    """The last changes of all functions are kept whole: unpacking a thousand would hold the event loop for 40 ms."""
    cluster = MemoryCluster()
    loads = MemoryLoads()
    loads.concurrency[cluster.add("acme/a", 1)] = 95.0
    async with rig(cluster, loads=loads) as it:
        await it.ticks(2)
        first, second = it.daemon.recent(), it.daemon.recent()
        assert len(first) == 1
        assert first[0] is second[0]


@pytest.mark.parametrize("turns", range(8))
async def test_waiting_that_is_cancelled_as_it_ends_is_cancelled(turns: int) -> None:
    """In whatever turn of the loop a cancellation comes, it is not lost: else the daemon would never end."""
    clock, flag = HandClock(), asyncio.Event()
    waiting = asyncio.ensure_future(flag_or_time(flag, clock, 5.0))
    await clock.settle()
    flag.set()
    for _ in range(turns):
        await asyncio.sleep(0)
    is_accepted = waiting.cancel()
    await clock.settle()
    assert waiting.done()
    assert waiting.cancelled() == is_accepted
