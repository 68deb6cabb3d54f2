"""The write scheduler: order, rates, back-off, one write at a time."""

import asyncio
import contextlib
from collections.abc import AsyncIterator

import numpy as np
import pytest

from autoscaler.core.fleet import FunctionKey
from autoscaler.daemon.wake_log import WakeLog
from autoscaler.daemon.writes import WriteScheduler
from autoscaler.policy.settings import KubernetesSettings
from autoscaler.ports import ScaleChange, ScaleOutcome, ScaleResult
from tests.unit.core.fleets import make_fleet
from tests.unit.daemon.clock import HandClock
from tests.unit.daemon.fakes import MemoryCluster, counts, outcomes
from tests.unit.daemon.wishing import wish, wished


class SlowCluster(MemoryCluster):
    """A cluster whose writes are answered when the test says so."""

    def __init__(self) -> None:
        super().__init__()
        self.may_answer = asyncio.Event()

    async def scale(self, change: ScaleChange) -> ScaleResult:
        await self.may_answer.wait()
        return await super().scale(change)


@contextlib.asynccontextmanager
async def scheduler(
    cluster: MemoryCluster, clock: HandClock, wake_log: WakeLog | None = None, **rates: float
) -> AsyncIterator[WriteScheduler]:
    settings = KubernetesSettings.model_validate({"writeBurst": 2, "writesPerSecond": 1, **rates})
    writes = WriteScheduler(clock, cluster, settings, np.random.default_rng(1), wake_log=wake_log)
    running = asyncio.ensure_future(writes.run())
    try:
        yield writes
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        await writes.close(0.0)


async def test_wakes_go_before_raises_and_raises_before_cuts() -> None:
    """Whatever order wishes come in, they are written by urgency."""
    cluster, clock = MemoryCluster(), HandClock()
    for name, replicas in (("n/cut", 5), ("n/raise", 1), ("n/wake", 0)):
        cluster.add(name, replicas)
    async with scheduler(cluster, clock) as writes:
        writes.offer(wished([wish("n/cut", 5, 1), wish("n/raise", 1, 3), wish("n/wake", 0, 1)]), is_tick=True)
        await clock.settle()
        assert [str(change.key) for change in cluster.asked] == ["n/wake", "n/raise", "n/cut"]


async def test_an_old_cut_waits_for_the_next_tick() -> None:
    """After seven seconds without a tick, where six are the most, raises that wait go out and cuts do not until a tick wishes them."""
    cluster, clock = MemoryCluster(), HandClock()
    for name in ("n/a", "n/b", "n/c", "n/cut"):
        cluster.add(name, 5)
    settings = KubernetesSettings.model_validate({"writeBurst": 2, "writesPerSecond": 0.1})
    writes = WriteScheduler(clock, cluster, settings, np.random.default_rng(1), stale_s=6.0)
    running = asyncio.ensure_future(writes.run())
    wishes = [wish(name, 5, 6) for name in ("n/a", "n/b", "n/c")] + [wish("n/cut", 5, 1)]
    writes.offer(wished(wishes), is_tick=True)
    await clock.advance(7.0)
    assert [str(change.key) for change in cluster.asked] == ["n/a", "n/b"]
    await clock.advance(30.0)
    assert [str(change.key) for change in cluster.asked] == ["n/a", "n/b", "n/c"]
    writes.offer(wished(wishes[3:]), is_tick=True)
    await clock.settle()
    assert str(cluster.asked[-1].key) == "n/cut"
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    await writes.close(0.0)


async def test_rates_hold_and_wakes_have_their_own() -> None:
    """With two writes at once and one a second, six raises take four seconds; ten wakes meanwhile take none."""
    cluster, clock = MemoryCluster(), HandClock()
    for number in range(6):
        cluster.add(f"n/raise{number}", 1)
    for number in range(10):
        cluster.add(f"n/wake{number}", 0)
    async with scheduler(cluster, clock) as writes:
        writes.offer(wished([wish(f"n/raise{number}", 1, 2) for number in range(6)]), is_tick=True)
        await clock.settle()
        assert len(cluster.writes) == 2
        writes.offer(wished([wish(f"n/wake{number}", 0, 1) for number in range(10)]), is_tick=False)
        await clock.settle()
        assert len(cluster.writes) == 12
        await clock.advance(1.01)
        assert len(cluster.writes) == 13
        await clock.advance(3.0)
        assert len(cluster.writes) == 16


async def test_the_newest_wish_wins_and_one_write_is_out_at_a_time() -> None:
    """While a write is out, later wishes replace one another; the last starts from what the first one wrote."""
    cluster, clock = SlowCluster(), HandClock()
    cluster.add("n/a", 1)
    async with scheduler(cluster, clock) as writes:
        for new in (3, 4, 5, 6):
            writes.offer(wished([wish("n/a", 1, new)]), is_tick=True)
            await clock.settle()
        cluster.may_answer.set()
        await clock.settle()
        assert counts(cluster.asked) == [("n/a", 1, 3), ("n/a", 3, 6)]
        assert cluster.deployments[FunctionKey("n", "a")].requested == 6


async def test_a_tick_that_wishes_no_more_takes_the_wish_back() -> None:
    """A wish that waits for a token is dropped when the next tick finds nothing to change."""
    cluster, clock = MemoryCluster(), HandClock()
    for name in ("n/a", "n/b", "n/c"):
        cluster.add(name, 1)
    async with scheduler(cluster, clock) as writes:
        writes.offer(wished([wish(name, 1, 2) for name in ("n/a", "n/b", "n/c")]), is_tick=True)
        await clock.settle()
        writes.offer(wished([]), is_tick=True)
        await clock.advance(60.0)
        assert counts(cluster.asked) == [("n/a", 1, 2), ("n/b", 1, 2)]


async def test_a_step_between_ticks_builds_on_a_wish_that_waits() -> None:
    """Between ticks a step takes the last decision for granted; the write still starts from what is there."""
    cluster, clock = MemoryCluster(), HandClock()
    for name in ("n/a", "n/b", "n/c"):
        cluster.add(name, 5)
    async with scheduler(cluster, clock) as writes:
        writes.offer(wished([wish(name, 5, 3) for name in ("n/a", "n/b", "n/c")]), is_tick=True)
        await clock.settle()
        writes.offer(wished([wish("n/c", 3, 7)]), is_tick=False)
        await clock.advance(5.0)
        assert counts(cluster.writes)[-1] == ("n/c", 5, 7)


async def test_what_may_pass_is_tried_again_ever_more_slowly() -> None:
    """Five answers of `try later` lead to five more attempts, each wait about twice the one before."""
    cluster, clock = MemoryCluster(), HandClock()
    key = cluster.add("n/a", 1)
    cluster.answers[key] = outcomes(*["retry"] * 5)
    times: list[float] = []
    async with scheduler(cluster, clock, writeBurst=100) as writes:
        writes.offer(wished([wish("n/a", 1, 2)]), is_tick=True)
        for attempt in range(1, 7):
            await clock.until(lambda wanted=attempt: len(cluster.asked) >= wanted, within_s=60.0, every_s=0.05)
            times.append(clock.now_s)
        assert counts(cluster.writes) == [("n/a", 1, 2)]
        waits = np.diff(times)
        assert (waits[1:] > waits[:-1]).all()
        assert writes.counts[ScaleOutcome.RETRY] == 5
        assert writes.failures() == []


async def test_retry_after_is_honoured() -> None:
    """The API server's own wait is never undercut, whatever a tick wishes meanwhile."""
    cluster, clock = MemoryCluster(), HandClock()
    key = cluster.add("n/a", 1)
    cluster.answers[key] = outcomes("retry", retry_after_s=40.0)
    async with scheduler(cluster, clock) as writes:
        for _ in range(19):
            writes.offer(wished([wish("n/a", 1, 2)]), is_tick=True)
            await clock.advance(2.0)
        assert len(cluster.asked) == 1
        await clock.advance(5.0)
        assert counts(cluster.writes) == [("n/a", 1, 2)]


@pytest.mark.parametrize(("outcome", "most"), [("forbidden", 6), ("invalid", 2), ("gone", 2)])
async def test_a_refusal_is_not_hammered(outcome: str, most: int) -> None:
    """What somebody must mend first is asked a few times at most in a minute and a half of ticks, and the status names it."""
    cluster, clock = MemoryCluster(), HandClock()
    key = cluster.add("n/a", 1)
    cluster.answers[key] = outcomes(*[outcome] * 100)
    async with scheduler(cluster, clock) as writes:
        for _ in range(45):
            writes.offer(wished([wish("n/a", 1, 2)]), is_tick=True)
            await clock.advance(2.0)
        assert len(cluster.asked) == most
        assert [failure.outcome.value for failure in writes.failures()] == [outcome]


async def test_a_recreated_deployment_does_not_inherit_a_refusal() -> None:
    """Back-off belongs to an object, not to its name."""
    cluster, clock = MemoryCluster(), HandClock()
    key = cluster.add("n/a", 1)
    cluster.answers[key] = outcomes("gone")
    async with scheduler(cluster, clock) as writes:
        writes.offer(wished([wish("n/a", 1, 2)]), is_tick=True)
        await clock.settle()
        cluster.add("n/a", 1, uid="another")
        writes.offer(wished([wish("n/a", 1, 2, uid="another")]), is_tick=True)
        await clock.settle()
        assert counts(cluster.writes) == [("n/a", 1, 2)]


async def test_a_lost_write_is_dropped() -> None:
    """A write lost to somebody else is not repeated by itself."""
    cluster, clock = MemoryCluster(), HandClock()
    key = cluster.add("n/a", 1)
    cluster.by_hand(key, 4)
    async with scheduler(cluster, clock) as writes:
        writes.offer(wished([wish("n/a", 1, 2)]), is_tick=True)
        await clock.advance(600.0)
        assert len(cluster.asked) == 1
        assert cluster.deployments[key].requested == 4
        assert writes.counts[ScaleOutcome.LOST] == 1


async def test_an_error_of_the_adapter_is_tried_again() -> None:
    """An adapter that raises, which its port forbids, costs one attempt and not the scheduler."""
    clock = HandClock()

    class Raising(MemoryCluster):
        async def scale(self, change: ScaleChange) -> ScaleResult:
            if not self.asked:
                self.asked.append(change)
                raise ValueError("a defect")
            return await super().scale(change)

    cluster = Raising()
    cluster.add("n/a", 1)
    async with scheduler(cluster, clock) as writes:
        writes.offer(wished([wish("n/a", 1, 2)]), is_tick=True)
        await clock.advance(5.0)
        assert counts(cluster.writes) == [("n/a", 1, 2)]


async def test_closing_finishes_what_is_out_and_starts_nothing() -> None:
    """At the end the write that is out is waited for; those that wait are given up."""
    cluster, clock = SlowCluster(), HandClock()
    for name in ("n/a", "n/b", "n/c"):
        cluster.add(name, 1)
    async with scheduler(cluster, clock) as writes:
        writes.offer(wished([wish(name, 1, 2) for name in ("n/a", "n/b", "n/c")]), is_tick=True)
        await clock.settle()
        closing = asyncio.ensure_future(writes.close(5.0))
        await clock.settle()
        assert not closing.done()
        cluster.may_answer.set()
        await closing
        assert counts(cluster.asked) == [("n/a", 1, 2), ("n/b", 1, 2)]


async def test_who_waits_for_a_place_is_not_overtaken() -> None:
    """With more wishes than the rate allows, at every tick, all are written in turn: no name is always last."""
    cluster, clock = MemoryCluster(), HandClock()
    names = [f"n/busy{number}" for number in range(6)] + ["n/quiet"]
    replicas = dict.fromkeys(names, 1)
    for name in names:
        cluster.add(name, 1)
    async with scheduler(cluster, clock) as writes:
        for _ in range(8):
            written = {str(change.key): change.new for change in cluster.writes}
            replicas |= written
            busy = [wish(name, replicas[name], replicas[name] + 1) for name in names[:-1]]
            quiet = [wish("n/quiet", 1, 2)] if "n/quiet" not in written else []
            writes.offer(wished([*busy, *quiet]), is_tick=True)
            await clock.advance(1.01)
        assert ("n/quiet", 1, 2) in counts(cluster.writes)


async def test_a_function_that_left_the_fleet_is_not_written() -> None:
    """A wish that waits is forgotten as soon as its function is no longer in the plan, or is another object."""
    cluster, clock = MemoryCluster(), HandClock()
    for name in ("n/a", "n/b", "n/c", "n/d", "n/e"):
        cluster.add(name, 1)
    names = ("n/a", "n/b", "n/c", "n/d", "n/e")
    async with scheduler(cluster, clock) as writes:
        writes.offer(wished([wish(name, 1, 2) for name in names]), is_tick=True)
        await clock.settle()
        again = [("n", name, {}) for name in ("a", "d", "e")]
        uids = {"a": "uid-n/a", "d": "another", "e": "uid-n/e"}
        writes.retain(make_fleet(again, uids=uids))
        await clock.advance(60.0)
        assert counts(cluster.asked) == [("n/a", 1, 2), ("n/b", 1, 2), ("n/e", 1, 2)]
