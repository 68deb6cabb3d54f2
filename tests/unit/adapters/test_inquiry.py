"""One party's questions: its memory, and what is kept of them while workers hang."""

import asyncio
import os
from contextlib import nullcontext
from pathlib import Path

import numpy as np
import pytest

from autoscaler.adapters.prometheus.inquiry import Inquiry, Layout
from autoscaler.adapters.prometheus.messages import Adoption, Answer, Ask, Kind, Outcome, Question
from autoscaler.adapters.prometheus.pool import Pool
from autoscaler.adapters.prometheus.questions import Told
from autoscaler.adapters.prometheus.segments import AttachedSegment
from autoscaler.core.now import Now
from autoscaler.policy.source_settings import SourceSettings

SETTINGS = SourceSettings.model_validate(
    {"url": "http://127.0.0.1:9", "gateways": [{"profile": "openfaas", "match": {"job": "gateway"}}]}
)


class Telling(Pool):
    """A worker that answers every question with 1, once it may, and remembers what it was asked."""

    def __init__(self) -> None:
        super().__init__(1)
        self.may_answer = asyncio.Event()
        self.asked: list[tuple[int, ...]] = []
        self.failing: set[int] = set()

    async def ask(self, adopt: Adoption, ask: Ask) -> Answer:
        self.asked.append(ask.questions)
        await self.may_answer.wait()
        segment = AttachedSegment(adopt.segment)
        segment.write(np.ones((len(Told), adopt.segment.rows)))
        segment.close()
        outcomes = tuple(Outcome(one, None, one in self.failing, 0.1 * (one + 1)) for one in ask.questions)
        return Answer(ask.source, ask.number, adopt.segment.version, 0, 0.0, None, is_sick=False, outcomes=outcomes)


def layout(*names: str, first_lane: int = 0) -> Layout:
    """Give a layout in which each function has a question of its own."""
    return Layout(
        questions=tuple(Question(f"q{name}", None, Kind.OWN, 1) for name in names),
        lanes=np.arange(first_lane, first_lane + len(names)),
        names="\n".join(f"fn/{name}" for name in names).encode(),
        titles=names,
        namespaces=(None,) * len(names),
    )


def inquiry(pool: Pool) -> Inquiry:
    return Inquiry("main", "tenant ours", SETTINGS, 1_000, pool, fresh_s=10.0)


def segments() -> set[str]:
    return {path.name for path in Path("/dev/shm").glob(f"faas-autoscaler-{os.getpid()}-*")}


async def ask(one: Inquiry, now_s: float) -> None:
    """Have one round asked, to its end."""
    one.start(Now(now_s, now_s), nullcontext())
    while one.awaited(Now(now_s, now_s)) is not None:
        await asyncio.sleep(0)


async def test_questions_that_change_while_a_worker_hangs_leave_no_memory() -> None:
    """However often questions change during one round, only what is asked and what is next is kept."""
    before = segments()
    one = inquiry(Telling())
    one.adopt(layout("a"))
    one.start(Now(0.0, 0.0), nullcontext())
    await asyncio.sleep(0)
    for number in range(5):
        one.adopt(layout("a", f"b{number}"))
        assert len(segments() - before) == 4
    await one.stop()
    one.release()
    assert segments() - before == set()


async def test_answers_stay_when_only_lanes_move() -> None:
    """When other functions come and go, a party's answers go with its lanes, and nothing is set up anew."""
    pool = Telling()
    pool.may_answer.set()
    one = inquiry(pool)
    one.adopt(layout("a", "b"))
    await ask(one, 0.0)
    one.adopt(layout("a", "b", first_lane=7))
    lanes, told = one.told(Now(1.0, 1.0))
    assert lanes.tolist() == [7, 8]
    assert told[Told.VALUE].tolist() == [1.0, 1.0]
    one.adopt(layout("a", "c"))
    assert np.isnan(one.told(Now(1.0, 1.0))[1]).all()
    await one.stop()
    one.release()


@pytest.mark.parametrize(("age_s", "is_known"), [(10.0, True), (10.1, False)])
async def test_old_answers_are_unknown(age_s: float, is_known: bool) -> None:
    """An answer counts as long as it is fresh, from the time that it was asked for."""
    pool = Telling()
    pool.may_answer.set()
    one = inquiry(pool)
    one.adopt(layout("a"))
    await ask(one, 5.0)
    assert np.isfinite(one.told(Now(5.0 + age_s, 0.0))[1]).all() == is_known
    one.release()


async def test_what_fails_is_asked_last_and_less_often() -> None:
    """Failing questions come after the others, the slowest last, and pause two seconds after the third failure."""
    pool = Telling()
    pool.may_answer.set()
    pool.failing = {0}
    one = inquiry(pool)
    one.adopt(layout("a", "c", "b"))
    for second in range(5):
        await ask(one, float(second))
    assert pool.asked == [(0, 1, 2), (1, 2, 0), (1, 2, 0), (1, 2), (1, 2, 0)]
    assert one.failures() == 1
    one.release()


async def test_failures_are_remembered_when_other_questions_change() -> None:
    """A question that pauses goes on pausing when another one of its party comes or goes."""
    pool = Telling()
    pool.may_answer.set()
    pool.failing = {0}
    one = inquiry(pool)
    one.adopt(layout("a"))
    for second in range(3):
        await ask(one, float(second))
    one.adopt(layout("a", "b"))
    pool.asked.clear()
    await ask(one, 3.0)
    assert pool.asked == [(1,)]
    one.release()


async def test_one_round_at_a_time() -> None:
    """While a round goes on no other one begins, and one that was waited for in vain is not waited for again."""
    pool = Telling()
    one = inquiry(pool)
    one.adopt(layout("a"))
    for second in (0.0, 2.0):
        one.start(Now(second, second), nullcontext())
        await asyncio.sleep(0)
    assert len(pool.asked) == 1
    one.was_late(Now(2.0, 2.0))
    assert one.awaited(Now(61.0, 61.0)) is None
    assert one.awaited(Now(62.0, 62.0)) is not None
    await one.stop()
    one.release()
