"""The write scheduler under pressure: many wishes, a sick API server, a lost Lease, missing rights."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable

import numpy as np
import pytest

from autoscaler.adapters.kubernetes import connection
from autoscaler.core.fleet import FunctionKey
from autoscaler.daemon.wishes import SHARE
from autoscaler.daemon.writes import MOST_OTHERS_OUT, MOST_OUT, OVERDUE_S, SENT_AT_ONCE, WriteScheduler
from autoscaler.policy.settings import KubernetesSettings
from autoscaler.ports import ScaleChange, ScaleOutcome, ScaleResult
from tests.unit.core.fleets import make_fleet
from tests.unit.daemon.clock import HandClock
from tests.unit.daemon.fakes import MemoryCluster, counts, outcomes
from tests.unit.daemon.wishing import wish, wished

THROTTLED = ScaleResult(ScaleOutcome.RETRY, 10.0, "slow down", is_throttled=True)
FORBIDDEN = ScaleResult(ScaleOutcome.FORBIDDEN, None, "no right")


class HeldCluster(MemoryCluster):
    """A cluster that answers a write once the test lets it."""

    def __init__(self) -> None:
        super().__init__()
        self.held: dict[FunctionKey, asyncio.Future[None]] = {}
        self.is_holding = True

    async def scale(self, change: ScaleChange) -> ScaleResult:
        if self.is_holding:
            self.held[change.key] = asyncio.get_running_loop().create_future()
            await self.held[change.key]
        return await super().scale(change)

    def answer(self, key: FunctionKey) -> None:
        self.held.pop(key).set_result(None)


@contextlib.asynccontextmanager
async def scheduler(
    cluster: MemoryCluster,
    clock: HandClock,
    *,
    may_write: Callable[[], bool] = lambda: True,
    settled: Callable[[FunctionKey, ScaleOutcome], None] = lambda key, outcome: None,
    **rates: float,
) -> AsyncIterator[WriteScheduler]:
    settings = KubernetesSettings.model_validate(rates)
    writes = WriteScheduler(clock, cluster, settings, np.random.default_rng(1), settled, may_write)
    running = asyncio.ensure_future(writes.run())
    try:
        yield writes
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        await writes.close(0.0)


def named(cluster: MemoryCluster, tenant: str, count: int, replicas: int) -> list[str]:
    """Add functions of a tenant."""
    names = [f"{tenant}/f{number:05}" for number in range(count)]
    for name in names:
        cluster.add(name, replicas)
    return names


def asked(cluster: MemoryCluster) -> list[str]:
    return [str(change.key) for change in cluster.asked]


async def test_a_wake_in_the_middle_of_a_long_drain_goes_next() -> None:
    """While 20,000 cuts drain at 20 a second, a wake is written before the next of them."""
    cluster, clock = MemoryCluster(), HandClock()
    names = named(cluster, "large", 20_000, 5)
    cluster.add("small/woken", 0)
    async with scheduler(cluster, clock) as writes:
        writes.offer(wished([wish(name, 5, 1) for name in names]), is_tick=True)
        await clock.advance(10.0)
        drained = len(cluster.asked)
        assert drained == pytest.approx(100 + 10 * 20, abs=2)
        writes.offer(wished([wish("small/woken", 0, 1)]), is_tick=False)
        await clock.settle()
        assert asked(cluster)[drained:] == ["small/woken"]
        assert writes.queued() == {"wake": 0, "raise": 0, "cut": 20_000 - drained}
        assert writes.waited_s()["cut"] == pytest.approx(10.0)
        assert writes.per_second() == pytest.approx(drained / 10, rel=0.5)


async def test_one_tenants_thousands_do_not_delay_anothers_single_raise() -> None:
    """Behind 5,000 raises of one tenant the raise of another, offered at a later tick, is the next but one."""
    cluster, clock = MemoryCluster(), HandClock()
    many = [wish(name, 1, 2) for name in named(cluster, "large", 5_000, 1)]
    cluster.add("small/f", 1)
    async with scheduler(cluster, clock, writesPerSecond=1, writeBurst=1) as writes:
        writes.offer(wished(many), is_tick=True)
        await clock.advance(2.5)
        before = len(cluster.asked)
        writes.offer(wished([*many[before:], wish("small/f", 1, 2)]), is_tick=True)
        await clock.advance(2.0)
        assert "small/f" in asked(cluster)[before : before + 2]


async def test_slow_answers_leave_room_for_wakes() -> None:
    """While the API server answers nothing, forty cuts are out and no more, and wakes still go, to a limit in all."""
    cluster, clock = HeldCluster(), HandClock()
    cuts, wakes = named(cluster, "cuts", 100, 5), named(cluster, "wakes", 100, 0)
    async with scheduler(cluster, clock, writeBurst=1000) as writes:
        writes.offer(wished([wish(name, 5, 1) for name in cuts]), is_tick=True)
        await clock.settle()
        assert len(cluster.held) == MOST_OTHERS_OUT
        writes.offer(wished([wish(name, 0, 1) for name in wakes]), is_tick=False)
        await clock.settle()
        assert len(cluster.held) == MOST_OUT
        assert sum(key.namespace == "wakes" for key in cluster.held) == MOST_OUT - MOST_OTHERS_OUT
        cluster.answer(FunctionKey("cuts", "f00000"))
        await clock.settle()
        assert sum(key.namespace == "wakes" for key in cluster.held) == MOST_OUT - MOST_OTHERS_OUT + 1


def test_what_is_out_is_on_the_wire() -> None:
    """The adapter has a connection for every write that the scheduler has out, and some for other requests."""
    assert connection._WRITE_CONNECTIONS >= MOST_OUT + 16


async def test_cuts_are_not_put_off_for_ever() -> None:
    """With raises enough to use the whole rate, a cut that has waited a minute goes before every eighth of them."""
    cluster, clock = MemoryCluster(), HandClock()
    raises, cuts = named(cluster, "up", 300, 1), named(cluster, "down", 5, 5)
    async with scheduler(cluster, clock, writesPerSecond=1, writeBurst=1) as writes:
        writes.offer(wished([wish(name, 1, 2) for name in raises] + [wish(name, 5, 1) for name in cuts]), is_tick=True)
        await clock.advance(OVERDUE_S - 1)
        assert not any(name.startswith("down") for name in asked(cluster))
        await clock.advance(41.0)
        assert sum(name.startswith("down") for name in asked(cluster)) == 5
        assert len(cluster.asked) == pytest.approx(OVERDUE_S + 40, abs=2)


async def test_no_cut_goes_before_a_raise_that_is_still_joining() -> None:
    """A tick of so many wakes that its raises join a turn later lets none of the cuts in line go meanwhile."""
    cluster, clock = MemoryCluster(), HandClock()
    wakes, raises, cuts = named(cluster, "new", SHARE, 0), named(cluster, "up", 9, 1), named(cluster, "down", 9, 5)
    cutting = [wish(name, 5, 1) for name in cuts]
    slow = {"writesPerSecond": 1, "writeBurst": 4, "wakesPerSecond": 1, "wakeBurst": 1}
    async with scheduler(cluster, clock, **slow) as writes:
        writes.offer(wished([wish(name, 1, 2) for name in raises[:4]] + cutting), is_tick=True)
        await clock.settle()
        wishes = [wish(name, 0, 1) for name in wakes] + [wish(name, 1, 2) for name in raises[4:]] + cutting
        clock.now_s += 4.0
        writes.offer(wished(wishes), is_tick=True)
        await clock.settle()
        assert [name for name in asked(cluster) if name.startswith("up")] == raises[:8]
        assert not any(name.startswith("down") for name in asked(cluster))


async def test_a_lost_lease_stops_a_drain_in_its_middle() -> None:
    """Nothing is sent once writing is no longer allowed, back-offs included; what is out is let finish."""
    cluster, clock, may = HeldCluster(), HandClock(), [True]
    names = named(cluster, "n", 50, 1)
    cluster.answers[FunctionKey("n", "f00000")] = outcomes("retry")
    async with scheduler(cluster, clock, may_write=lambda: may[0], writeBurst=10, writesPerSecond=1) as writes:
        writes.offer(wished([wish(name, 1, 2) for name in names]), is_tick=True)
        await clock.settle()
        assert len(cluster.held) == 10
        may[0] = False
        for key in list(cluster.held):
            cluster.answer(key)
        await clock.advance(120.0)
        assert len(cluster.writes) == 9
        assert writes.queued() == {"wake": 0, "raise": 0, "cut": 0}
        writes.offer(wished([wish(name, 0, 2) for name in names[20:]]), is_tick=True)
        await clock.advance(120.0)
        assert len(cluster.asked) == 10
        may[0], cluster.is_holding = True, False
        await clock.advance(120.0)
        assert len(cluster.asked) == 10


async def test_the_lease_is_asked_before_every_single_write() -> None:
    """A Lease that ends after three of a burst of writes stops the fourth."""
    cluster, clock, left = MemoryCluster(), HandClock(), [3]

    def may_write() -> bool:
        left[0] -= bool(cluster.deployments)
        return left[0] >= 0

    names = named(cluster, "n", 20, 1)
    async with scheduler(cluster, clock, may_write=may_write, writeBurst=100) as writes:
        left[0] = 3
        writes.offer(wished([wish(name, 1, 2) for name in names]), is_tick=True)
        await clock.settle()
        assert len(cluster.asked) == 3


async def test_what_was_written_while_it_was_decided_is_not_written_again() -> None:
    """A write that lands between the reading of replicas and the decision on them makes its wish void."""
    cluster, clock = HeldCluster(), HandClock()
    key = cluster.add("n/a", 5)
    async with scheduler(cluster, clock) as writes:
        writes.observed()
        writes.offer(wished([wish("n/a", 5, 3)]), is_tick=True)
        await clock.settle()
        writes.observed()
        cluster.answer(key)
        await clock.settle()
        writes.offer(wished([wish("n/a", 5, 3)]), is_tick=True)
        await clock.settle()
        writes.offer(wished([wish("n/a", 5, 4)]), is_tick=True)
        await clock.settle()
        cluster.answer(key)
        await clock.settle()
        assert counts(cluster.asked) == [("n/a", 5, 3), ("n/a", 3, 4)]


async def test_what_a_tick_wants_of_a_function_that_is_being_written_follows() -> None:
    """A tick that has seen a write before its answer came wants more: that is written once it is answered."""
    cluster, clock = HeldCluster(), HandClock()
    key = cluster.add("n/a", 1)
    async with scheduler(cluster, clock) as writes:
        writes.offer(wished([wish("n/a", 1, 3)]), is_tick=True)
        await clock.settle()
        writes.offer(wished([wish("n/a", 3, 6)]), is_tick=True)
        await clock.settle()
        assert list(cluster.held) == [key]
        cluster.is_holding = False
        cluster.answer(key)
        await clock.settle()
        assert counts(cluster.writes) == [("n/a", 1, 3), ("n/a", 3, 6)]


async def test_a_step_between_ticks_does_not_build_on_a_write_that_failed() -> None:
    """A raise decided while a cut is out starts from what is there when the cut was refused."""
    cluster, clock = HeldCluster(), HandClock()
    key = cluster.add("n/a", 5)
    cluster.answers[key] = outcomes("retry")
    async with scheduler(cluster, clock) as writes:
        writes.offer(wished([wish("n/a", 5, 2)]), is_tick=True)
        await clock.settle()
        writes.offer(wished([wish("n/a", 2, 7)]), is_tick=False)
        cluster.is_holding = False
        cluster.answer(key)
        await clock.advance(5.0)
        assert counts(cluster.writes) == [("n/a", 5, 7)]
        assert writes.counts[ScaleOutcome.LOST] == 0


async def test_after_a_lost_write_what_was_decided_before_it_is_dropped() -> None:
    """A wish from the count that somebody else changed is not tried; the status names the loss until the next tick."""
    cluster, clock = HeldCluster(), HandClock()
    key = cluster.add("n/a", 1)
    async with scheduler(cluster, clock) as writes:
        writes.offer(wished([wish("n/a", 1, 2)]), is_tick=True)
        await clock.settle()
        writes.offer(wished([wish("n/a", 1, 4)]), is_tick=True)
        cluster.by_hand(key, 9)
        cluster.answer(key)
        await clock.advance(30.0)
        assert (len(cluster.asked), len(cluster.held)) == (1, 0)
        assert [failure.outcome for failure in writes.failures()] == [ScaleOutcome.LOST]
        writes.offer(wished([]), is_tick=True)
        assert writes.failures() == []


async def test_a_failure_is_shown_only_while_the_write_is_wanted() -> None:
    """A refused write that the next tick no longer wishes for leaves the status."""
    cluster, clock = MemoryCluster(), HandClock()
    key = cluster.add("n/a", 1)
    cluster.answers[key] = outcomes("invalid")
    async with scheduler(cluster, clock) as writes:
        writes.offer(wished([wish("n/a", 1, 2)]), is_tick=True)
        await clock.settle()
        writes.offer(wished([wish("n/a", 1, 2)]), is_tick=True)
        assert writes.failure(key) is not None
        writes.offer(wished([]), is_tick=True)
        assert writes.failure(key) is None


async def test_too_many_requests_pauses_everything_but_wakes() -> None:
    """One 429 holds all raises and cuts for as long as it says, of whichever function; wakes go on, gently."""
    cluster, clock = MemoryCluster(), HandClock()
    names, wakes = named(cluster, "n", 10, 1), named(cluster, "w", 200, 0)
    cluster.answers[FunctionKey("n", "f00000")] = [THROTTLED]
    async with scheduler(cluster, clock, writeBurst=1) as writes:
        writes.offer(wished([wish(name, 1, 2) for name in names]), is_tick=True)
        await clock.settle()
        assert len(cluster.asked) == 1
        writes.offer(wished([wish(name, 0, 1) for name in wakes]), is_tick=False)
        await clock.settle()
        assert sum(change.key.namespace == "w" for change in cluster.asked) == 50
        await clock.advance(9.9)
        assert sum(change.key.namespace == "n" for change in cluster.asked) == 1
        assert sum(change.key.namespace == "w" for change in cluster.asked) == 200
        await clock.advance(5.0)
        assert sum(change.key.namespace == "n" for change in cluster.writes) == 10


async def test_an_api_server_that_fails_is_asked_less() -> None:
    """When every write fails, 2,000 wishes lead to a hundred or two requests in the second minute, not 1,200."""
    clock = HandClock()

    class Failing(MemoryCluster):
        async def scale(self, change: ScaleChange) -> ScaleResult:
            self.asked.append(change)
            return ScaleResult(ScaleOutcome.RETRY)

    cluster = Failing()
    wishes = wished([wish(name, 1, 2) for name in named(cluster, "n", 2_000, 1)])
    async with scheduler(cluster, clock) as writes:
        writes.offer(wishes, is_tick=True)
        await clock.advance(60.0)
        first = len(cluster.asked)
        await clock.advance(60.0)
        assert 60 <= len(cluster.asked) - first <= 70


async def test_a_namespace_without_rights_costs_one_request_at_a_time() -> None:
    """Of 500 functions without rights a turn's go out before the first answer, then one at a time; with the right all go."""
    cluster, clock = MemoryCluster(), HandClock()
    names = named(cluster, "n", 500, 1)
    for name in names:
        cluster.answers[FunctionKey("n", name.partition("/")[2])] = [FORBIDDEN] * 100
    cluster.add("other/f", 1)
    async with scheduler(cluster, clock, writesPerSecond=100, writeBurst=100) as writes:
        tick = wished([wish(name, 1, 2) for name in names])
        for _ in range(90):
            writes.offer(tick, is_tick=True)
            await clock.advance(2.0)
        assert 6 <= len(cluster.asked) <= 2 * SENT_AT_ONCE + 8
        writes.offer(wished([wish("other/f", 1, 2), *(wish(name, 1, 2) for name in names)]), is_tick=True)
        await clock.settle()
        assert counts(cluster.writes) == [("other/f", 1, 2)]
        cluster.answers.clear()
        await clock.until(lambda: len(cluster.writes) >= 2, within_s=90.0)
        await clock.advance(5.5)
        assert len(cluster.writes) == 501


async def test_a_wake_that_cannot_be_written_is_told_so_at_once() -> None:
    """Somebody who waits for a function of a namespace without rights is not left to wait for nothing."""
    cluster, clock = MemoryCluster(), HandClock()
    first, second = cluster.add("n/a", 0), cluster.add("n/b", 0)
    cluster.answers[first] = [FORBIDDEN]
    told: list[tuple[FunctionKey, ScaleOutcome]] = []
    async with scheduler(cluster, clock, settled=lambda key, outcome: told.append((key, outcome))) as writes:
        writes.offer(wished([wish("n/a", 0, 1)]), is_tick=False)
        await clock.settle()
        writes.offer(wished([wish("n/b", 0, 1)]), is_tick=False)
        await clock.settle()
        assert told == [(first, ScaleOutcome.FORBIDDEN), (second, ScaleOutcome.FORBIDDEN)]
        assert len(cluster.asked) == 1


async def test_a_recreated_deployment_is_written_though_its_name_backs_off() -> None:
    """A wish that waits out a refusal is replaced by one for another object of that name, which waits for nothing."""
    cluster, clock = MemoryCluster(), HandClock()
    key = cluster.add("n/a", 1)
    cluster.answers[key] = outcomes("gone")
    async with scheduler(cluster, clock) as writes:
        for _ in range(2):
            writes.offer(wished([wish("n/a", 1, 2)]), is_tick=True)
            await clock.settle()
        cluster.add("n/a", 1, uid="another")
        writes.retain(make_fleet([("n", "a", {})], uids={"a": "another"}))
        writes.offer(wished([wish("n/a", 1, 2, uid="another")]), is_tick=True)
        await clock.settle()
        assert counts(cluster.writes) == [("n/a", 1, 2)]


async def test_a_write_lost_with_its_deployment_does_not_take_the_next_ones_wish_along() -> None:
    """A Deployment made anew while a write to the former one was out is written once that is lost, without a tick."""
    cluster, clock = HeldCluster(), HandClock()
    key = cluster.add("n/a", 1)
    async with scheduler(cluster, clock) as writes:
        writes.offer(wished([wish("n/a", 1, 0)]), is_tick=True)
        await clock.settle()
        cluster.add("n/a", 1, uid="another")
        writes.offer(wished([wish("n/a", 1, 2, uid="another")]), is_tick=True)
        cluster.is_holding = False
        cluster.answer(key)
        await clock.settle()
        assert counts(cluster.writes) == [("n/a", 1, 2)]


async def test_one_tenants_failing_webhook_slows_nobody_else_down() -> None:
    """While every write of one tenant gets a 500, another's thousand raises go at more than a third of the full rate."""

    class FailingForOne(MemoryCluster):
        async def scale(self, change: ScaleChange) -> ScaleResult:
            if change.key.namespace == "ill":
                self.asked.append(change)
                return ScaleResult(ScaleOutcome.RETRY, None, "admission webhook")
            return await super().scale(change)

    cluster, clock = FailingForOne(), HandClock()
    ill, well = named(cluster, "ill", 1_000, 1), named(cluster, "well", 1_000, 1)
    async with scheduler(cluster, clock, writesPerSecond=20, writeBurst=1) as writes:
        writes.offer(wished([wish(name, 1, 2) for name in (*ill, *well)]), is_tick=True)
        await clock.advance(60.0)
        assert sum(change.key.namespace == "well" for change in cluster.writes) >= 60 * 20 / 3


async def test_a_write_that_was_given_up_does_not_come_back_by_its_failure() -> None:
    """What was out when everything unsent was dropped is not tried again when it fails: nobody decides it any more."""

    class Silent(HeldCluster):
        async def scale(self, change: ScaleChange) -> ScaleResult:
            self.asked.append(change)
            self.held[change.key] = asyncio.get_running_loop().create_future()
            await self.held[change.key]
            return ScaleResult(ScaleOutcome.RETRY)

    cluster, clock = Silent(), HandClock()
    (name,) = named(cluster, "n", 1, 10)
    async with scheduler(cluster, clock) as writes:
        writes.offer(wished([wish(name, 10, 2)]), is_tick=True)
        await clock.settle()
        writes.drop_unsent()
        cluster.answer(cluster.asked[0].key)
        await clock.advance(120.0)
        assert asked(cluster) == [name]
