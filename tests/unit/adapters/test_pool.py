"""Which worker reads which source: few of them, and whoever harms others leaves theirs."""

import asyncio
import contextlib
from collections.abc import Callable

import numpy as np
import pytest

from autoscaler.adapters.prometheus.errors import DeadlineError, SilentError, SourceError, StuckError, WorkerLost
from autoscaler.adapters.prometheus.messages import Adopt, Adoption, Answer, Ask, Segment
from autoscaler.adapters.prometheus.pool import SHARED_BYTES, Pool, Worker
from autoscaler.policy.source_settings import SourceSettings

SETTINGS = SourceSettings.model_validate({"url": "http://127.0.0.1:9", "gateways": [{"profile": "openfaas"}]})
SIZE = 2


class Hand(Worker):
    """A worker without a process, whose sources answer as a test says; it remembers who asked it."""

    def __init__(self, ways: dict[str, str], made: list["Hand"]) -> None:
        self.ways = ways
        self.asked: list[tuple[str, int | None]] = []
        self.forgotten: list[str] = []
        self.is_lost = False
        made.append(self)

    async def ask(self, adopt: Adoption, ask: Ask) -> Answer:
        self.asked.append((ask.source, ask.most_bytes))
        way = self.ways.get(ask.source, "well")
        if way == "ends":
            self.is_lost = True
            self.ways[ask.source] = "well"
            raise WorkerLost("it ended")
        if way == "silent":
            raise SilentError("no answer")
        if way == "stuck":
            raise StuckError("no answer")
        is_large = way == "large" and ask.most_bytes is not None
        return Answer(ask.source, ask.number, 1, 1, 0.0, None, is_sick=is_large, is_large=is_large)

    def forget(self, source: str) -> None:
        self.forgotten.append(source)

    def stop(self) -> None:
        self.is_lost = True

    async def reap(self) -> None:
        await asyncio.sleep(0)


class Site:
    """A pool over such workers."""

    def __init__(self, shared_bytes: int | None = SHARED_BYTES, **ways: str) -> None:
        self.ways = ways
        self.made: list[Hand] = []
        start: Callable[[], Worker] = lambda: Hand(self.ways, self.made)  # noqa: E731
        self.pool = Pool(SIZE, start, shared_bytes)

    async def ask(self, source: str) -> Answer:
        segment = Segment(version=1, names="", columns="", rows=0, names_bytes=0, kinds=0)
        return await self.pool.ask(Adopt(source, SETTINGS, (), segment), Ask(source, 1, 0.0, 10.0))

    def running(self) -> list[Hand]:
        return [one for one in self.made if not one.is_lost]

    def askers(self) -> list[list[str]]:
        """Give who asked each worker, in the order in which the workers were made."""
        return [[source for source, _ in one.asked] for one in self.made]


async def test_many_sources_share_few_workers_evenly() -> None:
    """Two hundred sources are a hundred in each of two."""
    site = Site()
    for number in range(200):
        await site.ask(f"source-{number}")
    assert [len(set(one)) for one in site.askers()] == [100, 100]


async def test_a_large_answer_is_asked_for_again_elsewhere() -> None:
    """At once, without the limit; from then on the source is asked there alone, and its old worker forgets it."""
    site = Site(big="large")
    for source in ("small", "big", "big", "small"):
        assert not (await site.ask(source)).is_sick
    small, big, large = site.made
    assert small.asked == [("small", SHARED_BYTES)] * 2
    assert big.asked == [("big", SHARED_BYTES)]
    assert big.forgotten == ["big"]
    assert large.asked == [("big", None)] * 2


async def test_a_single_source_has_no_limit_of_workers() -> None:
    """Where there is one source it harms nobody, and one process reads it, however large it is."""
    site = Site(shared_bytes=None, big="large")
    await site.ask("big")
    assert site.askers() == [["big"]]


async def test_a_silent_worker_is_replaced_and_its_source_leaves() -> None:
    """The neighbours' next question goes to a fresh worker, the culprit's to one among its like."""
    site = Site(bad="silent")
    await site.ask("first")
    with pytest.raises(DeadlineError):
        await site.ask("bad")
    stuck = site.made[1]
    assert stuck.is_lost
    site.ways["bad"] = "well"
    await site.ask("second")
    await site.ask("bad")
    assert site.askers() == [["first"], ["bad"], ["second"], ["bad"]]


async def test_a_worker_that_answers_others_is_left_to_them() -> None:
    """What hangs in one thread of it is no reason to end the others' readings."""
    site = Site(bad="stuck")
    await site.ask("first")
    with pytest.raises(DeadlineError):
        await site.ask("bad")
    assert not site.made[1].is_lost
    assert site.made[1].forgotten == ["bad"]
    with pytest.raises(DeadlineError):
        await site.ask("bad")
    assert site.askers() == [["first"], ["bad"], ["bad"]]
    assert site.made[2].is_lost


async def test_a_worker_that_ended_is_asked_again_once() -> None:
    """The source is asked in a fresh worker within the same reading."""
    site = Site(unlucky="ends")
    assert not (await site.ask("unlucky")).is_sick
    assert site.askers() == [["unlucky"], ["unlucky"]]


async def test_whatever_sources_do_there_are_six_workers_at_most() -> None:
    """Large, stuck, silent and ending in turn: never more than three groups of two run."""
    generator = np.random.default_rng(7)
    site = Site()
    most = 0
    for _ in range(2_000):
        source = f"source-{generator.integers(50)}"
        site.ways[source] = str(generator.choice(["well", "large", "stuck", "silent", "ends"]))
        try:
            await site.ask(source)
        except SourceError:
            most = max(most, len(site.running()))
    assert 0 < most <= 3 * SIZE


async def test_nothing_is_kept_of_a_source_that_is_forgotten() -> None:
    """Sources that come and go, in whatever group, leave no names behind."""
    site = Site(big="large", bad="stuck")
    for source in ("well", "big", "bad"):
        with contextlib.suppress(DeadlineError):
            await site.ask(source)
        site.pool.forget(source)
    assert [site.pool._places, site.pool._stuck, site.pool._large] == [{}, {}, {}]
