"""Progress in the log: a line every ten seconds of a long start or drain, and silence otherwise."""

import asyncio
from collections.abc import AsyncIterator, MutableMapping
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

from structlog.testing import capture_logs

from autoscaler.daemon.progress import EVERY_S, Progress
from autoscaler.ports import Health, WatchState
from tests.unit.daemon.clock import HandClock

READY = Health(True, 1, 0, 0.1, 0.1, False, (), (), {}, (), (), writes_queued={"wake": 0, "raise": 0, "cut": 0})
STARTING = replace(
    READY,
    is_ready=False,
    watches=[
        WatchState("deployments", "a", 500, False, True, 0.1, None),
        WatchState("deployments", "b", 200, True, True, 0.1, None),
        WatchState("pods", None, 9, True, False, 0.1, None),
    ],
)
DRAINING = replace(
    READY, writes_queued={"wake": 0, "raise": 900, "cut": 20}, writes_waited_s={"raise": 12.0, "cut": 3.0}
)


class Looked:
    """A daemon whose state the test says, and what was logged."""

    def __init__(self, clock: HandClock, said: list[MutableMapping[str, Any]]) -> None:
        self.clock = clock
        self.said = said
        self.health = READY

    async def look(self, health: Health) -> list[str]:
        """Let ten seconds pass in a state, and give the events that were logged over them."""
        before, self.health = len(self.said), health
        await self.clock.advance(EVERY_S)
        return [str(line["event"]) for line in self.said[before:]]


@asynccontextmanager
async def looked() -> AsyncIterator[Looked]:
    with capture_logs() as said:
        it = Looked(HandClock(), said)
        running = asyncio.ensure_future(Progress(it.clock, lambda: it.health).run())
        yield it
        running.cancel()


async def test_a_long_start_is_told_until_it_is_over() -> None:
    """How much of each kind is listed, and which kinds are not whole; then once that it is ready."""
    async with looked() as it:
        assert await it.look(STARTING) == ["starting"]
        assert it.said[0]["listed"] == {"deployments": 700, "pods": 9}
        assert it.said[0]["not_whole"] == ["deployments"]
        assert await it.look(STARTING) == ["starting"]
        assert await it.look(READY) == ["ready"]
        assert await it.look(READY) == []


async def test_a_long_drain_is_told_until_it_is_over() -> None:
    """Writes that wait, by class, while the first in line has waited for as long as a look; then once that they are out."""
    async with looked() as it:
        assert await it.look(DRAINING) == ["writes wait"]
        assert it.said[0]["queued"] == {"wake": 0, "raise": 900, "cut": 20}
        assert await it.look(READY) == ["writes drained"]
        assert await it.look(READY) == []


async def test_what_takes_less_than_a_look_is_not_told() -> None:
    """Writes that wait for a moment are ordinary."""
    async with looked() as it:
        assert await it.look(replace(DRAINING, writes_waited_s={"raise": EVERY_S - 1})) == []
