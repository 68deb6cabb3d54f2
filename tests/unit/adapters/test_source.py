"""One source's memory and its workers, whatever hangs or cannot be started."""

import asyncio
import os
from pathlib import Path

import numpy as np
import pytest

from autoscaler.adapters.prometheus.errors import SourceError
from autoscaler.adapters.prometheus.messages import Adopt, Answer, Ask
from autoscaler.adapters.prometheus.pool import Pool, Worker
from autoscaler.adapters.prometheus.segments import OwnedSegment
from autoscaler.adapters.prometheus.source import Reading, Source
from autoscaler.core.now import Now
from autoscaler.policy.source_settings import SourceSettings
from tests.integration.prometheus.plans import plan_of

SETTINGS = SourceSettings.model_validate(
    {"url": "http://127.0.0.1:9", "gateways": [{"profile": "openfaas", "match": {"job": "gateway"}}]}
)


class Hanging(Pool):
    """Workers that never answer."""

    async def ask(self, adopt: Adopt, ask: Ask) -> Answer:
        await asyncio.Event().wait()
        raise AssertionError


def segments() -> set[str]:
    return {path.name for path in Path("/dev/shm").glob(f"faas-autoscaler-{os.getpid()}-*")}


async def test_plans_that_change_while_a_source_hangs_leave_no_memory() -> None:
    """However often functions come and go during one reading, only what is read and what is next is kept."""
    before = segments()
    source = Source("main", SETTINGS, Hanging(1), patience_s=0.0)
    await source.adopt(plan_of({"ours": ["fn/a"]}))
    await source.read(Now(0.0, 0.0))
    for number in range(5):
        await source.adopt(plan_of({"ours": ["fn/a", f"fn/b{number}"]}))
        assert len(segments() - before) == 4
    await source.stop()
    source.release()
    assert segments() - before == set()


async def test_a_worker_that_cannot_be_started_makes_its_source_sick_and_nothing_else() -> None:
    """Where no process may be started (too many, no memory), asking fails as a sick source does."""

    def start() -> Worker:
        raise BlockingIOError(11, "Resource temporarily unavailable")

    segment = OwnedSegment(1, b"fn/a", np.ones((1, 1), dtype=np.bool_))
    try:
        with pytest.raises(SourceError):
            await Pool(1, start).ask(Adopt("main", SETTINGS, (), segment.description), Ask("main", 1, 0.0, 1.0))
    finally:
        segment.close()


class Late(Pool):
    """Workers that answer once they are told to, and nothing after that."""

    def __init__(self, query_s: float) -> None:
        super().__init__(1)
        self.may_answer = asyncio.Event()
        self._query_s = query_s
        self._asked = 0

    async def ask(self, adopt: Adopt, ask: Ask) -> Answer:
        self._asked += 1
        if self._asked > 1:
            await asyncio.Event().wait()
        await self.may_answer.wait()
        version = adopt.segment.version
        return Answer(ask.source, ask.number, version, 1, self._query_s, None, is_sick=False, is_large=False)


@pytest.mark.parametrize(("age_s", "is_known"), [(0.9, True), (1.1, False)])
async def test_a_late_answer_of_the_only_source_is_no_fresher_than_any(age_s: float, is_known: bool) -> None:
    """However long it may be waited for, what comes late counts for a scrape interval or two ticks and no longer."""
    settings = SETTINGS.model_copy(update={"scrape_interval": 1.0})
    pool = Late(query_s=0.3)
    source = Source("main", settings, pool, patience_s=0.05, is_alone=True)
    await source.adopt(plan_of({"ours": ["fn/a"]}))
    try:
        assert await source.read(Now(0.0, 0.0)) is None
        pool.may_answer.set()
        async with asyncio.timeout(30):
            while not source.health().is_ok:
                await asyncio.sleep(0)
        assert (await source.read(Now(age_s, age_s)) is not None) is is_known
    finally:
        await source.stop()
        source.release()


class Prompt(Pool):
    """Workers that answer at once, but the first time only once they are told to."""

    def __init__(self) -> None:
        super().__init__(1)
        self.may_answer = asyncio.Event()

    async def ask(self, adopt: Adopt, ask: Ask) -> Answer:
        await self.may_answer.wait()
        return Answer(ask.source, ask.number, adopt.segment.version, 1, 0.0, None, is_sick=False)


@pytest.mark.parametrize(("next_s", "is_after_gap"), [(59.0, False), (61.0, True), (74.0, True), (75.0, True)])
async def test_what_a_late_answer_does_not_cover_is_a_gap(next_s: float, is_after_gap: bool) -> None:
    """An answer of 0 that counts at 14 covers nothing after 0: the next one, of 60 s, joins it only if asked before 60."""
    pool = Prompt()
    source = Source("main", SETTINGS, pool, patience_s=0.05)
    await source.adopt(plan_of({"ours": ["fn/a"]}))
    try:
        assert await source.read(Now(0.0, 0.0)) is None
        source._rows, rows = None, source._rows  # nothing more is asked for now
        pool.may_answer.set()
        late = read = None
        async with asyncio.timeout(30):
            while late is None:
                late = await source.read(Now(14.0, 14.0))
        assert (late.asked_s, late.is_after_gap) == (0.0, False)
        source._rows = rows
        async with asyncio.timeout(30):
            while read is None:
                read = await source.read(Now(next_s, next_s))
        assert (read.asked_s, read.is_after_gap) == (next_s, is_after_gap)
    finally:
        await source.stop()
        source.release()


class Quick(Pool):
    """Workers that answer at once."""

    def __init__(self) -> None:
        super().__init__(1)

    async def ask(self, adopt: Adopt, ask: Ask) -> Answer:
        return Answer(ask.source, ask.number, adopt.segment.version, 1, 0.0, None, is_sick=False)


async def _after(*moments: Now) -> tuple[Reading | None, str | None]:
    """Read at moments, one after the other; gives what the last one came to, and what is wrong then."""
    source = Source("main", SETTINGS, Quick(), patience_s=30.0)
    await source.adopt(plan_of({"ours": ["fn/a"]}))
    try:
        found = [await source.read(moment) for moment in moments]
        return found[-1], source.health().error
    finally:
        await source.stop()
        source.release()


@pytest.mark.parametrize(("utc_s", "is_after_gap"), [(2.0, False), (60.0, False), (61.0, True), (3602.0, True)])
async def test_an_hour_that_a_machine_slept_through_is_a_gap(utc_s: float, is_after_gap: bool) -> None:
    """Two seconds by the clock that measures and an hour by the wall's: nobody saw what was called meanwhile."""
    read, _ = await _after(Now(0.0, 0.0), Now(2.0, utc_s))
    assert read is not None
    assert read.is_after_gap is is_after_gap


async def test_a_source_that_was_away_comes_back_without_a_gap_of_its_own() -> None:
    """Where both clocks say the same, how far what is known reaches is for the controller to say."""
    read, _ = await _after(Now(0.0, 0.0), Now(600.0, 600.0))
    assert read is not None
    assert not read.is_after_gap


@pytest.mark.parametrize(("utc_s", "is_known"), [(1_002.0, True), (998.0, True), (990.0, False), (-2_600.0, False)])
async def test_a_clock_that_was_set_back_asks_for_what_was_before(utc_s: float, is_known: bool) -> None:
    """An hour back, Prometheus would tell the loads of an hour ago: unknown until the clock has caught up."""
    read, error = await _after(Now(0.0, 1_000.0), Now(2.0, utc_s))
    assert (read is not None, error is None) == (is_known, is_known)
    again, _ = await _after(Now(0.0, 1_000.0), Now(2.0, utc_s), Now(4.0, 1_004.0))
    assert again is not None
