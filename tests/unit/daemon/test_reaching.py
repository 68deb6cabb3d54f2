"""Connections to functions that somebody waits for: tried until they succeed, once each, and never for nobody."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from autoscaler.core.fleet import FunctionKey
from autoscaler.daemon.reaching import MOST_WAIT_S, SETTLED_S, SILENT_TRIES, Reaching
from autoscaler.ports import Reached
from tests.unit.daemon.clock import HandClock
from tests.unit.daemon.fakes import MemoryCluster

KEY = FunctionKey("shop", "resize")
REFUSED, SILENT, REACHED, LINGERING = Reached.REFUSED, Reached.SILENT, Reached.REACHED, Reached.LINGERING


class Rig:
    """Reaching over a cluster in memory, and what it said of whom."""

    def __init__(self) -> None:
        self.clock, self.cluster = HandClock(), MemoryCluster()
        self.told: list[FunctionKey] = []
        self.reaching = Reaching(self.cluster.dial, self.clock, self.told.append)

    def answers(self, *answers: Reached) -> None:
        self.cluster.dials[KEY] = list(answers)


@pytest.fixture
async def rig() -> AsyncIterator[Rig]:
    rig = Rig()
    yield rig
    await rig.reaching.close()


async def test_a_refused_connection_is_tried_again_until_it_succeeds(rig: Rig) -> None:
    """Refusals are followed by further tries, farther and farther apart; the first success is told, once."""
    rig.answers(REFUSED, REFUSED, SILENT, REACHED)
    rig.reaching.want(KEY)
    await rig.clock.settle()
    assert (rig.told, len(rig.cluster.dialled)) == ([], 1)
    await rig.clock.advance(0.01)
    assert len(rig.cluster.dialled) == 2
    await rig.clock.advance(1.0)
    assert (rig.told, len(rig.cluster.dialled)) == ([KEY], 4)
    assert rig.reaching.is_reached(KEY)


async def test_what_has_no_address_counts_as_reached(rig: Rig) -> None:
    """Where there is nothing to connect to, endpoints alone say who is ready."""
    rig.reaching.want(KEY)
    await rig.clock.settle()
    assert rig.told == [KEY]


async def test_many_who_want_a_function_make_one_connection(rig: Rig) -> None:
    """A thousand wishes are one try at a time, and after a success none."""
    rig.answers(REFUSED, REACHED)
    for _ in range(1000):
        rig.reaching.want(KEY)
    await rig.clock.advance(1.0)
    rig.reaching.want(KEY)
    await rig.clock.advance(1.0)
    assert (len(rig.cluster.dialled), rig.told) == (2, [KEY])


async def test_a_function_that_was_lost_is_tried_anew(rig: Rig) -> None:
    """Once nobody is behind its Service any more, a function has to be reached again."""
    rig.reaching.want(KEY)
    await rig.clock.settle()
    rig.reaching.lost(KEY)
    assert not rig.reaching.is_reached(KEY)
    rig.answers(REACHED)
    rig.reaching.want(KEY)
    await rig.clock.settle()
    assert rig.told == [KEY, KEY]


async def test_a_function_in_doubt_is_tried_anew_and_once(rig: Rig) -> None:
    """Who was refused makes another connection needed, and a try that is under way is not begun again."""
    rig.reaching.want(KEY)
    await rig.clock.settle()
    rig.answers(REFUSED, REACHED)
    rig.reaching.doubt(KEY)
    rig.reaching.want(KEY)
    await rig.clock.settle()
    rig.reaching.doubt(KEY)
    rig.reaching.want(KEY)
    await rig.clock.advance(1.0)
    assert (rig.told, len(rig.cluster.dialled)) == ([KEY, KEY], 3)


async def test_a_try_that_was_under_way_when_a_function_was_lost_says_nothing(rig: Rig) -> None:
    """A connection that succeeds to a replica on its way out is no news of the next one."""
    rig.answers(REACHED)
    rig.reaching.want(KEY)
    await asyncio.sleep(0)  # it has begun to dial
    assert rig.cluster.dialled == [KEY]
    rig.reaching.lost(KEY)
    await rig.clock.settle()
    assert (rig.told, rig.reaching.is_reached(KEY)) == ([], False)


async def test_nobody_waits_so_nothing_is_tried(rig: Rig) -> None:
    """When the last who waits has gone, tries end; who comes later begins them anew."""
    rig.answers(*[REFUSED] * 50, REACHED)
    rig.reaching.want(KEY)
    await rig.clock.advance(0.5)
    rig.reaching.let_be(KEY)
    tries = len(rig.cluster.dialled)
    await rig.clock.advance(60.0)
    assert len(rig.cluster.dialled) == tries
    rig.reaching.want(KEY)
    await rig.clock.advance(60.0)
    assert rig.told == [KEY]


async def test_tries_are_never_farther_apart_than_said(rig: Rig) -> None:
    """A function that is refused for long is still tried five times a second, so that success is noticed at once."""
    rig.answers(*[REFUSED] * 1000)
    rig.reaching.want(KEY)
    await rig.clock.advance(10.0)
    before = len(rig.cluster.dialled)
    await rig.clock.advance(10 * MOST_WAIT_S)
    assert len(rig.cluster.dialled) - before == 10


async def test_silence_is_told_from_refusal(rig: Rig) -> None:
    """Who does not even refuse, several times in a row, is said to be out of reach, until an answer comes."""
    rig.answers(REFUSED, *[SILENT] * SILENT_TRIES, REFUSED)
    rig.reaching.want(KEY)
    await rig.clock.advance(0.05)
    assert list(rig.reaching.out_of_reach()) == []
    while len(rig.cluster.dialled) <= SILENT_TRIES:
        await rig.clock.advance(0.01)
    assert list(rig.reaching.out_of_reach()) == [KEY]
    await rig.clock.advance(10.0)
    assert list(rig.reaching.out_of_reach()) == []


async def test_a_replica_on_its_way_out_is_no_new_one(rig: Rig) -> None:
    """A connection that an old replica may have taken counts only once packet rules have had time to know of the new one."""
    rig.answers(*[LINGERING] * 100)
    rig.reaching.want(KEY)
    await rig.clock.advance(SETTLED_S - 0.1)
    assert rig.told == []
    await rig.clock.advance(0.1 + MOST_WAIT_S)
    assert rig.told == [KEY]


async def test_a_refusal_in_between_begins_it_anew(rig: Rig) -> None:
    """The old replica has gone and nobody is there: the time that was waited before counts for nothing."""
    rig.answers(*[LINGERING] * 9, REFUSED, *[LINGERING] * 100)
    rig.reaching.want(KEY)
    while len(rig.cluster.dialled) < 10:
        await rig.clock.advance(0.01)
    await rig.clock.advance(SETTLED_S)
    assert rig.told == []
    await rig.clock.advance(2 * MOST_WAIT_S)
    assert rig.told == [KEY]


async def test_with_the_old_replica_gone_a_connection_counts_at_once(rig: Rig) -> None:
    """Once nobody is on its way out, the first connection that succeeds is to the new replica."""
    rig.answers(LINGERING, LINGERING, REACHED)
    rig.reaching.want(KEY)
    await rig.clock.advance(0.1)
    assert rig.told == [KEY]
