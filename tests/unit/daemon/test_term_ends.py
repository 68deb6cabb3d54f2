"""The moment a term ends: nothing that comes just then is lost in silence, and nothing turns without end."""

import asyncio
import signal
import threading
from collections.abc import Iterator
from types import FrameType

import pytest

from autoscaler.core.events import Effect
from autoscaler.policy.alerts import Alert
from autoscaler.ports import WakeState
from tests.unit.daemon.fakes import MemoryCluster, MemoryLoads
from tests.unit.daemon.rig import BOOST, FILES, OPERATOR, policy, rig, slow
from tests.unit.daemon.test_terms import ACME, WAKING, Given, busy

STUCK_S = 20.0
"""Long beyond what a turn of the event loop takes."""


@pytest.fixture
def broken_off() -> Iterator[None]:
    """Break a turn of the event loop off that does not end; the daemon then counts a failed round."""

    def break_off(_number: int, _frame: FrameType | None) -> None:
        raise RuntimeError("the event loop stood still")

    before = signal.signal(signal.SIGALRM, break_off)
    signal.setitimer(signal.ITIMER_REAL, STUCK_S, 0.1)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0.0)
        signal.signal(signal.SIGALRM, before)


class SlowToRead(list[Alert]):
    """Alerts that are not read before a test lets them."""

    def __init__(self) -> None:
        super().__init__([slow(function="a")])
        self.may_be_read = threading.Event()

    def __iter__(self) -> Iterator[Alert]:
        self.may_be_read.wait(STUCK_S)
        return super().__iter__()


@pytest.mark.usefixtures("broken_off")
@pytest.mark.parametrize("turns", range(12))
async def test_a_step_that_ends_with_the_term_lets_the_loop_go_on(turns: int) -> None:
    """However many turns after the loss a step ends, with a wake waiting for the next one, others go on to run."""
    cluster, given = MemoryCluster(ready_at_once=False), Given(is_leader=True)
    key = cluster.add("acme/a", 0)
    async with rig(cluster, files=WAKING, leadership=given) as it:
        await it.ticks(2)
        term = it.daemon._term
        assert term is not None
        async with term._stepper.turn:  # as a step that is under way holds it
            held = asyncio.ensure_future(it.daemon.wake(ACME, key, None))
            await it.clock.settle()
            given.take()
            for _ in range(turns):
                await asyncio.sleep(0)
        await it.clock.settle()
        assert it.daemon.health().step_failures == 0
        assert (await held).state is WakeState.MOVED


async def test_an_alert_that_meets_the_end_of_a_term_is_taken_by_the_next() -> None:
    """Where the Lease is lost and had again while an alert is read, the boost that was called accepted is in force."""
    cluster, loads, given = MemoryCluster(), MemoryLoads(), Given(is_leader=True)
    busy(cluster, loads, replicas=3, load=25.0)
    files, alerts = FILES | {"policy.yaml": policy(spec=BOOST)}, SlowToRead()
    async with rig(cluster, files=files, loads=loads, leadership=given) as it:
        await it.ticks(2)
        taking = asyncio.ensure_future(it.daemon.take_alerts(OPERATOR, alerts))
        await it.clock.settle()
        given.take()
        await it.clock.settle()
        given.give()
        await it.ticks(1)
        alerts.may_be_read.set()
        receipt = await taking
        await it.ticks(2)
        effects = [boost.effect for boost in it.daemon.health().boosts]
        assert (receipt.accepted, effects) == (1, [Effect.FREEZE, Effect.BOOST])


async def test_an_alert_that_meets_a_loss_is_not_called_accepted() -> None:
    """Where another daemon decides by the time an alert is read, nothing is accepted, and Alertmanager asks again."""
    cluster, loads, given = MemoryCluster(), MemoryLoads(), Given(is_leader=True)
    busy(cluster, loads)
    files, alerts = FILES | {"policy.yaml": policy(spec=BOOST)}, SlowToRead()
    async with rig(cluster, files=files, loads=loads, leadership=given) as it:
        await it.ticks(2)
        taking = asyncio.ensure_future(it.daemon.take_alerts(OPERATOR, alerts))
        await it.clock.settle()
        given.take()
        await it.clock.settle()
        alerts.may_be_read.set()
        assert (await taking).accepted == 0
        assert it.daemon.plan() is None
