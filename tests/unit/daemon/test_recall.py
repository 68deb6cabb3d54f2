"""A daemon that starts asks for the past before its first tick, and decides as one that was there."""

from collections.abc import Sequence

import numpy as np
import pytest

from autoscaler.core.fleet import FunctionKey
from autoscaler.core.journal.step import Step
from autoscaler.core.now import Now
from autoscaler.core.reasons import Reason
from autoscaler.daemon.recall import MOST_REACH_S, fine, reach, within
from autoscaler.policy.alerts import Alert
from autoscaler.policy.plan import Plan
from autoscaler.policy.provenance import Provenance
from autoscaler.ports import Past
from tests.unit.core.fleets import INF, make_fleet, one
from tests.unit.daemon.fakes import MemoryCluster, MemoryLoads
from tests.unit.daemon.rig import BOOST, FILES, Rig, policy, rig, slow

HELLO = FunctionKey("acme", "hello")
STEADY = {**FILES, "policy.yaml": policy().replace("stabilization: 0s", "stabilization: 5m")}


class MemoryPast:
    """Implements `ports.PastLoads`: the loads of now, all along, as far back as it reaches.

    Attributes:
        asked: seconds that were asked for, of each question.
        broken: an error that asking raises, which the port forbids.
    """

    def __init__(self, loads: MemoryLoads, reaches_s: float = INF, step_s: float = 15.0) -> None:
        self.asked: list[float] = []
        self.reads_before: list[int] = []
        self.broken: Exception | None = None
        self._loads = loads
        self._reaches_s = reaches_s
        self._step_s = step_s

    async def past(
        self, plan: Plan, now: Now, *, reach_s: float, within_s: float, every_s: float, fine_s: float
    ) -> Past:
        self.asked.append(reach_s)
        self.reads_before.append(self._loads.reads)
        if self.broken is not None:
            raise self.broken
        load = await self._loads.read(plan, now)
        self._loads.reads -= 1
        count = int(min(reach_s, self._reaches_s) // self._step_s)
        backs = [place * self._step_s for place in range(count, -1, -1)]
        return Past(((Now(now.monotonic_s - back, now.utc_s - back), load) for back in backs), {})


class Journal:
    """Implements `ports.StepSink`: keeps what it is given."""

    def __init__(self) -> None:
        self.begun: list[Now] = []
        self.steps: list[Step] = []

    def begin(self, now: Now) -> None:
        self.begun.append(now)

    def take_step(self, step: Step, provenance: Provenance) -> None:
        self.steps.append(step)


def loaded(concurrency: float) -> MemoryLoads:
    loads = MemoryLoads()
    loads.concurrency[HELLO] = concurrency
    return loads


async def first_tick(running: Rig) -> None:
    await running.clock.until(lambda: running.daemon.health().ticks >= 1, within_s=1.0, every_s=0.01)


async def test_the_first_tick_lowers_what_the_past_justifies() -> None:
    """Over 5 replicas and five minutes of a load for 2, the first tick goes to 2."""
    cluster, loads = MemoryCluster(), loaded(20.0)
    cluster.add("acme/hello", 5)
    past = MemoryPast(loads)
    async with rig(cluster, files=STEADY, loads=loads, past=past) as running:
        await first_tick(running)
        assert (running.record("acme/hello").desired, running.record("acme/hello").reason) == (2, Reason.DEMAND)
    assert past.reads_before == [0]
    assert past.asked == [60.0 + 300.0]


async def test_what_fires_is_known_before_the_first_tick() -> None:
    """A boost over a load for 2 keeps its 5 through a restart: no tick cuts before the alert is read back."""
    cluster, loads = MemoryCluster(), loaded(20.0)
    cluster.add("acme/hello", 5)
    files = {**STEADY, "policy.yaml": STEADY["policy.yaml"] + BOOST}

    async def firing() -> Sequence[Alert]:
        return [slow(function="hello")]

    async with rig(cluster, files=files, loads=loads, firing=[firing], past=MemoryPast(loads)) as running:
        await running.ticks(5)
        assert (running.record("acme/hello").desired, running.record("acme/hello").reason) == (5, Reason.BOOST)
    assert cluster.writes == []


async def test_without_the_alerts_what_a_boost_may_hold_up_is_not_cut() -> None:
    """While the Alertmanager cannot be read, the past is not told either, and what runs is a floor."""
    cluster, loads = MemoryCluster(), loaded(20.0)
    cluster.add("acme/hello", 5)
    past = MemoryPast(loads)

    async def silent() -> None:
        return None

    async with rig(cluster, files=STEADY, loads=loads, firing=[silent], past=past) as running:
        await running.ticks(5)
        assert running.record("acme/hello").desired == 5
    assert past.asked == []


async def test_without_a_past_the_first_tick_holds() -> None:
    """The same start without anybody to ask keeps all 5."""
    cluster, loads = MemoryCluster(), loaded(20.0)
    cluster.add("acme/hello", 5)
    async with rig(cluster, files=STEADY, loads=loads) as running:
        await first_tick(running)
        assert running.record("acme/hello").desired == 5


async def test_a_past_that_is_too_short_holds() -> None:
    """What reaches back two minutes of five leaves what runs as a floor."""
    cluster, loads = MemoryCluster(), loaded(20.0)
    cluster.add("acme/hello", 5)
    async with rig(cluster, files=STEADY, loads=loads, past=MemoryPast(loads, 120.0)) as running:
        await first_tick(running)
        assert running.record("acme/hello").desired == 5


async def test_a_past_that_fails_is_none() -> None:
    """An error nobody foresaw is counted, and ticks begin as if there were no past."""
    cluster, loads = MemoryCluster(), loaded(20.0)
    cluster.add("acme/hello", 5)
    past = MemoryPast(loads)
    past.broken = RuntimeError("unforeseen")
    async with rig(cluster, files=STEADY, loads=loads, past=past) as running:
        await first_tick(running)
        assert running.record("acme/hello").desired == 5
        assert running.daemon.health().step_failures == 1


async def test_the_past_decides_nothing() -> None:
    """Moments of the past are no decisions to any sink, no ticks, no history and no writes; the journal has them."""
    cluster, loads, journal = MemoryCluster(), loaded(20.0), Journal()
    cluster.add("acme/hello", 5)
    async with rig(cluster, files=STEADY, loads=loads, past=MemoryPast(loads), journals=[journal]) as running:
        await first_tick(running)
        assert running.daemon.health().ticks == len(running.kept.decisions) == 1
        assert len(running.daemon.history(HELLO)) == 1
    recalls = [step for step in journal.steps if step.is_recall]
    assert len(recalls) == 25
    assert journal.steps[:25] == recalls
    assert journal.begun == [journal.steps[25].now]
    assert recalls[-1].now == journal.begun[0]


async def test_replicas_of_now_stand_for_those_of_then() -> None:
    """Every moment is told beside what runs now, and nobody waits or is held."""
    cluster, loads, journal = MemoryCluster(), loaded(20.0), Journal()
    cluster.add("acme/hello", 5)
    async with rig(cluster, files=STEADY, loads=loads, past=MemoryPast(loads), journals=[journal]) as running:
        await first_tick(running)
    seen = [step.observation for step in journal.steps if step.is_recall]
    assert all(one_ is not None and one_.requested.tolist() == one_.ready.tolist() == [5.0] for one_ in seen)
    assert not any(one_ is not None and (one_.waiting.any() or one_.is_held.any()) for one_ in seen)


async def test_no_function_asks_for_no_past() -> None:
    """Where nothing runs there is nothing to look back on."""
    loads = MemoryLoads()
    past = MemoryPast(loads)
    async with rig(MemoryCluster(), loads=loads, past=past) as running:
        await first_tick(running)
        assert running.daemon.health().ticks == 1
    assert past.asked == []


@pytest.mark.parametrize(
    ("rules", "expected"),
    [
        ({"stable_window_s": 60.0}, 120.0),  # the window, and a panic of one
        ({"stable_window_s": 60.0, "stabilization_down_s": 300.0}, 360.0),
        ({"stable_window_s": 60.0, "stabilization_up_s": 120.0, "delay_s": 30.0}, 210.0),
        ({"stable_window_s": 30.0, "zero_after_s": 600.0}, 600.0),
        ({"stable_window_s": 60.0, "stabilization_down_s": 3_600.0}, MOST_REACH_S),
    ],
)
def test_as_far_back_as_any_rule_looks(rules: dict[str, float], expected: float) -> None:
    """The past is asked for over windows, look-backs and waits, one after the other, and never beyond the bound."""
    assert reach(one(**rules)) == expected


def test_no_rule_looks_back_for_ever() -> None:
    """A wait without end, as that of functions which never go to zero, asks for nothing."""
    assert reach(one(stable_window_s=60.0, zero_after_s=INF)) == 120.0
    assert reach(make_fleet([])) == 0.0


def test_the_past_takes_longer_for_more_functions_and_never_long() -> None:
    """3 s up to 10,000 functions, 10 s at most."""
    assert [within(count) for count in (1, 10_000, 20_000, 100_000)] == pytest.approx([3.0, 3.0, 6.0, 10.0])


def test_ticks_of_the_newest_window_are_bounded() -> None:
    """A window of 60 s is told at ticks' distance for few functions, and its newest part for 100,000."""
    fleet = one(stable_window_s=60.0)
    assert fine(fleet, 2.0) == 60.0
    many = make_fleet([("acme", f"f{number}", {}) for number in range(100_000)])
    assert fine(many, 2.0) == 20.0
    assert np.isfinite(fine(fleet, 2.0))
