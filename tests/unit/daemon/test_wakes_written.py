"""What the write scheduler tells the account of wakes."""

import pytest

from autoscaler.core.fleet import FunctionKey
from autoscaler.daemon.wake_log import WakeLog
from autoscaler.ports import ScaleChange, ScaleOutcome, ScaleResult, WakeState
from tests.unit.core.fleets import make_fleet
from tests.unit.daemon.clock import HandClock
from tests.unit.daemon.fakes import MemoryCluster
from tests.unit.daemon.test_writes import scheduler
from tests.unit.daemon.wishing import wish, wished

KEY = FunctionKey("acme", "resize")


class Answering(MemoryCluster):
    """A cluster that answers each write after a second, the first ones as prepared."""

    def __init__(self, clock: HandClock, *answers: ScaleResult) -> None:
        super().__init__()
        self._clock = clock
        self._answers = list(answers)
        self.add(str(KEY), 0)

    async def scale(self, change: ScaleChange) -> ScaleResult:
        await self._clock.sleep(1.0)
        return self._answers.pop(0) if self._answers else await super().scale(change)


async def test_a_wake_is_told_when_its_write_went_out_and_was_accepted() -> None:
    """The way to the wire and the API server's own time are told apart."""
    clock, log = HandClock(), WakeLog()
    asked_s = clock.now().monotonic_s
    log.asked(KEY, "acme", asked_s)
    await clock.advance(0.25)
    async with scheduler(Answering(clock), clock, log) as writes:
        writes.offer(wished([wish(str(KEY), 0, 1)]), is_tick=False)
        await clock.settle()
        assert [(one.sent_s, one.answered_s) for one in log.of(KEY)] == [(0.25, None)]
        await clock.advance(1.0)
    assert [(one.sent_s, one.answered_s, one.writes) for one in log.of(KEY)] == [(0.25, 1.25, 1)]


async def test_a_write_that_must_be_sent_again_is_accepted_later() -> None:
    """What the API server refused for now is no acceptance; the next time that goes through is."""
    clock, log = HandClock(), WakeLog()
    log.asked(KEY, "acme", clock.now().monotonic_s)
    async with scheduler(Answering(clock, ScaleResult(ScaleOutcome.RETRY)), clock, log) as writes:
        writes.offer(wished([wish(str(KEY), 0, 1)]), is_tick=False)
        await clock.settle()
        await clock.advance(1.0)
        assert log.of(KEY)[0].answered_s is None
        await clock.advance(60.0)
    found = log.of(KEY)[0]
    assert (found.sent_s, found.writes) == (0.0, 2)
    assert found.answered_s is not None
    assert found.answered_s > 2.0


@pytest.mark.parametrize(("old", "new"), [(1, 3), (2, 0)])
async def test_other_writes_are_no_starts(old: int, new: int) -> None:
    """A raise of what runs, or a cut that was under way when somebody asked, is not this wake's write."""
    clock, log = HandClock(), WakeLog()
    log.asked(KEY, "acme", clock.now().monotonic_s)
    cluster = Answering(clock)
    cluster.add(str(KEY), old)
    async with scheduler(cluster, clock, log) as writes:
        writes.offer(wished([wish(str(KEY), old, new)]), is_tick=True)
        await clock.settle()
        await clock.advance(2.0)
    assert [(one.sent_s, one.answered_s) for one in log.of(KEY)] == [(None, None)]


async def test_what_is_gone_is_forgotten_with_the_plan() -> None:
    """Tenants that another plan does not have leave the counts, and functions the account, over the next ticks."""
    clock, log = HandClock(), WakeLog()
    log.turned_away(KEY, "acme", WakeState.FULL, 1.0)
    async with scheduler(Answering(clock), clock, log) as writes:
        writes.retain(make_fleet([("umbrella", "render", {})]))
        writes.offer(wished([]), is_tick=True)
    assert (log.of(KEY), log.times().tenants) == ([], ())
