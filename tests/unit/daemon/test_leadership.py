"""The election: who may write at which moment, on a clock that is moved by hand."""

import asyncio
import contextlib
from collections.abc import AsyncIterator

import numpy as np
import pytest

from autoscaler.core.now import Now
from autoscaler.daemon.leadership import Alone, Election
from autoscaler.policy.settings import LeadershipSettings
from autoscaler.ports import LeaseRecord
from tests.unit.daemon.clock import HandClock
from tests.unit.daemon.leases import LeaseView, MemoryLease

SETTINGS = LeadershipSettings()


class OwnClock(HandClock):
    """A process's clock: it stands while the process does, and its wall may be wrong; others' goes on."""

    def __init__(self, shared: HandClock) -> None:
        super().__init__()
        self._shared = shared
        self.wall_off_s = 0.0
        self._going_on = asyncio.Event()
        self._going_on.set()

    def now(self) -> Now:
        now = self._shared.now()
        return Now(now.monotonic_s, now.utc_s + self.wall_off_s)

    async def sleep(self, seconds: float) -> None:
        await self._shared.sleep(seconds)
        await self._going_on.wait()

    def pause(self) -> None:
        self._going_on.clear()

    def go_on(self) -> None:
        self._going_on.set()


class Candidate:
    """One daemon's part in the election."""

    def __init__(self, name: str, lease: MemoryLease, clock: HandClock, settings: LeadershipSettings) -> None:
        self.view = LeaseView(lease)
        self.clock = OwnClock(clock)
        generator = np.random.default_rng(sum(name.encode()))
        self.election = Election(self.clock, self.view, settings, name, f"{name}:8080", generator)
        self._running = asyncio.ensure_future(self.election.run())

    @property
    def may_write(self) -> bool:
        return self.election.may_write()

    def pause(self) -> None:
        """Stand still, as after SIGSTOP: no timer and no answer is seen."""
        self.clock.pause()
        self.view.hang()

    def go_on(self) -> None:
        self.clock.go_on()
        self.view.answer()

    async def end(self) -> None:
        self._running.cancel()
        await asyncio.gather(self._running, return_exceptions=True)

    kill = end


class Race:
    """Candidates for one Lease on one clock."""

    def __init__(self, settings: LeadershipSettings) -> None:
        self.clock = HandClock()
        self.lease = MemoryLease()
        self.candidates: list[Candidate] = []
        self._settings = settings

    async def enter(self, name: str) -> Candidate:
        candidate = Candidate(name, self.lease, self.clock, self._settings)
        self.candidates.append(candidate)
        await self.clock.settle()
        return candidate

    async def pass_s(self, seconds: float) -> None:
        """Let time pass in small steps; at no moment may two write."""
        for _ in range(round(seconds / 0.1)):
            await self.clock.advance(0.1)
            assert sum(one.may_write for one in self.candidates) <= 1

    async def until_s(self, candidate: Candidate, within_s: float) -> float:
        """Give the seconds until a candidate may write."""
        started_s = self.clock.now_s
        while not candidate.may_write:
            assert self.clock.now_s - started_s < within_s, "nobody took over"
            await self.pass_s(0.1)
        return self.clock.now_s - started_s


@contextlib.asynccontextmanager
async def race(settings: LeadershipSettings = SETTINGS) -> AsyncIterator[Race]:
    it = Race(settings)
    try:
        yield it
    finally:
        for candidate in it.candidates:
            await candidate.end()


async def test_alone_it_always_may() -> None:
    """Without a Lease a daemon decides, and never loses that."""
    alone = Alone()
    await alone.gained()
    assert alone.may_write()
    assert alone.state().lease is None
    lost = asyncio.ensure_future(alone.lost())
    await asyncio.sleep(0)
    assert not lost.done()
    lost.cancel()


async def test_the_first_makes_the_lease_and_the_second_stands_by() -> None:
    """The first candidate holds the Lease with its address; the second knows who it is and where."""
    async with race() as it:
        first, second = await it.enter("first"), await it.enter("second")
        await it.pass_s(60)
        assert first.may_write
        state = second.election.state()
        assert (state.is_leader, state.holder, state.address) == (False, "first", "first:8080")
        assert first.election.state().transitions == 1
        assert it.lease.record is not None
        assert (it.lease.record.transitions, it.lease.record.duration_s) == (0, 8.0)


async def test_a_standby_asks_nothing_while_the_holder_renews() -> None:
    """What the holder writes comes to the standby by itself: a minute of renewals costs it no question."""
    async with race() as it:
        await it.enter("first")
        second = await it.enter("second")
        reads = second.view.reads
        await it.pass_s(60)
        assert second.view.reads == reads
        assert len(it.lease.written) >= 60


async def test_a_released_lease_is_taken_at_once() -> None:
    """After a release the standby may write without any time having passed, and the holder may not."""
    async with race() as it:
        first, second = await it.enter("first"), await it.enter("second")
        await it.pass_s(5)
        await first.election.release()
        assert not first.may_write
        await it.clock.settle()
        assert second.may_write
        assert it.lease.record is not None
        assert it.lease.record.transitions == 1


async def test_who_released_takes_no_part_any_more() -> None:
    """A daemon that ends does not take its own Lease again, with nobody else there."""
    async with race() as it:
        first = await it.enter("first")
        await it.pass_s(3)
        await first.election.release()
        await it.pass_s(30)
        assert not first.may_write
        assert it.lease.record is not None
        assert it.lease.record.holder == ""


async def test_who_released_sees_who_follows() -> None:
    """A daemon that ends tells where the next holder answers, for what it still has in hand; also one that comes later."""
    async with race() as it:
        first, second = await it.enter("first"), await it.enter("second")
        await it.pass_s(5)
        await first.election.release()
        await it.clock.settle()
        state = first.election.state()
        assert (state.is_leader, state.holder) == (False, second.election.state().identity)
        assert state.address == second.election.state().address
        await second.kill()
        it.candidates.remove(second)
        third = await it.enter("third")
        await it.until_s(third, 20)
        await it.pass_s(2)
        assert first.election.state().holder == third.election.state().identity


async def test_a_killed_holder_is_followed_within_ten_seconds() -> None:
    """Of a holder that is gone without a word the Lease ends; the standby writes then, and not before."""
    async with race() as it:
        first, second = await it.enter("first"), await it.enter("second")
        await it.pass_s(5.5)
        await first.kill()
        it.candidates.remove(first)
        taken_s = await it.until_s(second, 20)
        assert SETTINGS.renew_deadline < taken_s <= 10.0


async def test_a_holder_that_cannot_renew_stops_before_anybody_may_follow() -> None:
    """With the API server away for one of them, it stops first; between the two nobody writes."""
    async with race() as it:
        first, second = await it.enter("first"), await it.enter("second")
        await it.pass_s(5)
        first.view.trouble = "503"
        stopped_s = it.clock.now_s
        while first.may_write:
            await it.pass_s(0.1)
        assert it.clock.now_s - stopped_s <= SETTINGS.renew_deadline
        assert not second.may_write
        assert await it.until_s(second, 20) > 1.0
        assert first.election.state().problem is not None
        assert "503" in first.election.state().problem


async def test_a_renewal_counts_from_when_it_was_sent() -> None:
    """An answer that comes after the deadline of its own question makes nobody a leader."""
    async with race() as it:
        first = await it.enter("first")
        await it.pass_s(3)
        first.view.hang()
        await it.pass_s(7)
        assert not first.may_write
        first.view.answer()
        await it.clock.settle()
        assert not first.may_write
        await it.pass_s(1.5)
        assert first.may_write


async def test_after_a_pause_the_very_first_answer_is_no() -> None:
    """A holder that stood still past its deadline may not write when it goes on, before anything of it has run."""
    async with race() as it:
        first, second = await it.enter("first"), await it.enter("second")
        await it.pass_s(5)
        first.pause()
        await it.pass_s(20)
        assert second.may_write
        first.go_on()
        assert not first.may_write
        await it.pass_s(30)
        assert (first.may_write, second.may_write) == (False, True)
        assert first.election.state().holder == "second"


async def test_a_pause_that_nobody_used_ends_the_term_all_the_same() -> None:
    """With no standby a paused holder leads again, in another term: what it had in mind is old."""
    async with race() as it:
        first = await it.enter("first")
        await it.pass_s(3)
        lost = asyncio.ensure_future(first.election.lost())
        first.pause()
        await it.pass_s(60)
        first.go_on()
        await it.pass_s(2)
        assert first.may_write
        assert lost.done()
        assert first.election.state().transitions == 2


@pytest.mark.parametrize("hours", [-1, 1])
async def test_a_wall_clock_that_is_moved_changes_nothing(hours: int) -> None:
    """An hour forwards or back on either machine: the same holder, the same term, the same end of a dead one's Lease."""
    async with race() as it:
        first, second = await it.enter("first"), await it.enter("second")
        await it.pass_s(5)
        first.clock.wall_off_s = second.clock.wall_off_s = hours * 3600.0
        await it.pass_s(30)
        assert first.may_write
        assert first.election.state().transitions == 1
        second.clock.wall_off_s = -hours * 3600.0
        await it.pass_s(30)
        assert first.may_write
        await first.kill()
        it.candidates.remove(first)
        assert SETTINGS.renew_deadline < await it.until_s(second, 20) <= 10.0


async def test_three_standbys_and_one_becomes_the_holder() -> None:
    """Of standbys that see the same end one gets the Lease; the conflict makes the others look again."""
    async with race() as it:
        first = await it.enter("first")
        others = [await it.enter(name) for name in ("a", "b", "c")]
        await it.pass_s(5)
        await first.election.release()
        await it.pass_s(3)
        leading = [one for one in others if one.may_write]
        assert len(leading) == 1
        assert {one.election.state().holder for one in others} == {leading[0].election.state().identity}
        assert [one.election.state().problem for one in others] == [None, None, None]


async def test_a_write_whose_answer_was_lost_is_ours() -> None:
    """A renewal that was done though its answer was lost is no other's: the next one goes on from it, in the same term."""
    async with race() as it:
        first = await it.enter("first")
        await it.pass_s(3)
        first.view.loses_answers = True
        await it.pass_s(1.5)
        first.view.loses_answers = False
        await it.pass_s(10)
        assert first.may_write
        assert first.election.state().transitions == 1


async def test_a_lease_taken_by_hand_is_lost_at_once() -> None:
    """Somebody else's name in the Lease, however it came there, ends the term at the next renewal."""
    async with race() as it:
        first = await it.enter("first")
        await it.pass_s(3)
        lost = asyncio.ensure_future(first.election.lost())
        it.lease.put(LeaseRecord("somebody", "", 8.0, 3))
        await it.pass_s(1.1)
        assert not first.may_write
        assert lost.done()
        await it.until_s(first, 20)  # that somebody never renews
        assert it.lease.record is not None
        assert it.lease.record.transitions == 4


async def test_a_deleted_lease_is_made_again() -> None:
    """A Lease that is deleted under its holder ends the term; it, or a standby, makes it anew."""
    async with race() as it:
        await it.enter("first")
        await it.enter("second")
        await it.pass_s(5)
        it.lease.put(None)
        await it.pass_s(12)
        assert sum(one.may_write for one in it.candidates) == 1


async def test_a_standby_that_hears_nothing_reads_before_it_takes() -> None:
    """A watch that is silent while the holder renews takes the Lease from nobody."""
    async with race() as it:
        first, second = await it.enter("first"), await it.enter("second")
        second.view.is_deaf = True
        await it.pass_s(60)
        assert first.may_write
        assert not second.may_write


async def test_a_missing_right_is_said_and_nothing_may_be_written() -> None:
    """Who may not read the Lease never leads, says why, and takes part once the right is there."""
    async with race() as it:
        first = await it.enter("first")
        await it.pass_s(1)
        second = await it.enter("second")
        second.view.trouble = "403: leases is forbidden"
        await first.election.release()
        await it.pass_s(30)
        assert not second.may_write
        assert second.election.state().problem is not None
        assert "403: leases is forbidden" in second.election.state().problem
        second.view.trouble = None
        assert await it.until_s(second, 5) <= SETTINGS.retry_period + 0.2
        assert second.election.state().problem is None


async def test_a_holder_made_by_hand_without_a_duration_is_given_ours() -> None:
    """A Lease that names no duration is followed after our own, not at once."""
    async with race() as it:
        it.lease.put(LeaseRecord("somebody", "", 0.0, 0))
        first = await it.enter("first")
        assert SETTINGS.renew_deadline < await it.until_s(first, 20) <= 10.0


async def test_the_deadline_wakes_who_waits_for_the_loss() -> None:
    """`lost` returns at the deadline although the renewal under way never ends."""
    async with race() as it:
        first = await it.enter("first")
        await it.pass_s(3)
        lost = asyncio.ensure_future(first.election.lost())
        first.view.hang()
        await it.pass_s(SETTINGS.renew_deadline + 0.2)
        assert lost.done()


async def test_releasing_what_cannot_be_reached_ends() -> None:
    """With the API server away a release gives up at once, and nothing may be written all the same."""
    async with race() as it:
        first = await it.enter("first")
        first.view.trouble = "503"
        await first.election.release()
        assert not first.may_write
