"""Questions about the past take turns: one caller's leave places for another's."""

import asyncio
from typing import cast

import pytest

from autoscaler.core.decisions import DecisionRecord
from autoscaler.core.fleet import FunctionKey
from autoscaler.core.now import Now
from autoscaler.ports import Caller, Clock, DecisionArchive, Role
from autoscaler.server.errors import Refused
from autoscaler.server.past import MOST_EACH, MOST_WAITING, Past

KEY = FunctionKey("acme", "a")
ACME, UMBRELLA = (Caller(Role.TENANT, frozenset({name})) for name in ("acme", "umbrella"))


class Slow:
    """A log whose every answer takes until it is told otherwise, and knows nothing then."""

    def __init__(self) -> None:
        self.may_answer = asyncio.Event()

    async def at(self, _key: FunctionKey, _utc_s: float) -> DecisionRecord | None:
        await self.may_answer.wait()
        return None


class Still:
    """A clock that stands."""

    def now(self) -> Now:
        return Now(0.0, 1_700_000_000.0)


async def outcome(asking: "asyncio.Task[object]") -> int:
    """Give the status that a question came to."""
    with pytest.raises(Refused) as refused:
        await asyncio.wait_for(asking, 10.0)
    return refused.value.status


async def test_one_callers_questions_leave_places_for_anothers() -> None:
    """A caller with its share of questions waiting gets 429 for more, another's is taken, and answered ones give their places back."""
    archive = Slow()
    past = Past(cast(DecisionArchive, archive), cast(Clock, Still()))

    def ask(caller: Caller) -> "asyncio.Task[object]":
        return asyncio.get_running_loop().create_task(past.show(caller, KEY, {"at": "1m ago"}))  # type: ignore[arg-type]

    waiting = [ask(ACME) for _ in range(MOST_EACH)]
    await asyncio.sleep(0)
    assert await outcome(ask(ACME)) == 429
    others = [ask(UMBRELLA)]
    await asyncio.sleep(0)
    assert not others[0].done()
    archive.may_answer.set()
    assert [await outcome(one) for one in waiting + others] == [404] * (MOST_EACH + 1)
    assert await outcome(ask(ACME)) == 404


async def test_questions_of_all_are_bounded() -> None:
    """Beyond the bound of the whole daemon a question gets 429, whoever asks it."""
    archive = Slow()
    past = Past(cast(DecisionArchive, archive), cast(Clock, Still()))
    callers = [Caller(Role.TENANT, frozenset({str(number)})) for number in range(MOST_WAITING + 1)]
    asking = [
        asyncio.get_running_loop().create_task(past.show(caller, KEY, {"at": "1m ago"}))  # type: ignore[arg-type]
        for caller in callers
    ]
    await asyncio.sleep(0)
    assert [one.done() for one in asking] == [False] * MOST_WAITING + [True]
    archive.may_answer.set()
    assert [await outcome(one) for one in asking] == [404] * MOST_WAITING + [429]
