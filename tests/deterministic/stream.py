"""The body of one open watch: events as they come, after what happens to them on the way."""

import asyncio
from collections.abc import Sequence

import numpy as np

from autoscaler.adapters.kubernetes.errors import Unreachable
from tests.deterministic.apiserver import ApiServer, Event
from tests.deterministic.eventloop import VirtualLoop
from tests.deterministic.process import Process
from tests.deterministic.troubles import Troubles

DELAY_S = 0.01
BOOKMARK_S = 60.0


class Body:
    """The body of an open watch; implements the one method that is read of it."""

    def __init__(
        self,
        loop: VirtualLoop,
        process: Process,
        api: ApiServer,
        troubles: Troubles,
        rng: np.random.Generator,
        *,
        version: int,
        stall_s: float,
        ends_s: float,
        is_of_deployments: bool,
    ) -> None:
        self._loop = loop
        self._process = process
        self._api = api
        self._troubles = troubles
        self._rng = rng
        self._version = version
        self._stall_s = stall_s
        self._ends_s = ends_s
        self._tells = is_of_deployments
        self._heard_s = loop.now_s
        self._bookmark_s = loop.now_s + BOOKMARK_S
        self._is_broken = False
        self._late: list[bytes] = []
        self._news: asyncio.Future[None] | None = None
        self._unfollow = api.follow(self._wake) if is_of_deployments else lambda: None
        troubles.cuts.append(self._cut)

    def close(self) -> None:
        """Hear nothing any more."""
        self._unfollow()
        self._troubles.cuts.remove(self._cut)

    async def readany(self) -> bytes:
        """Give what came, b"" at the end.

        Raises:
            Unreachable: the connection broke, or nothing came for too long.
        """
        while True:
            await self._process.gate()
            if self._is_broken:
                raise Unreachable("connection reset")
            is_deaf = self._troubles.stream(self._process.name).is_deaf
            if not is_deaf:
                chunk = self._due()
                if chunk:
                    self._heard_s = self._loop.now_s
                    return chunk
                if self._loop.now_s >= self._ends_s:
                    return b""
            if self._loop.now_s >= self._heard_s + self._stall_s:
                raise Unreachable("SocketTimeoutError")
            await self._wait(is_deaf)

    def _due(self) -> bytes:
        """Give the events that came, after what happens to them on the way, or the bookmark that is due."""
        if not self._tells:
            return self._bookmark()
        if self._version < self._api.forgotten:
            self._is_broken = True
            return b'{"type":"ERROR","object":{"kind":"Status","code":410,"message":"too old"}}\n'
        events = self._api.since(self._version)
        if not events:
            bookmark = self._bookmark()
            if bookmark:
                self._process.saw(self._version)
            return bookmark
        self._version = events[-1].version
        self._process.saw(self._version)
        return b"".join(self._spoiled(events))

    def _spoiled(self, events: Sequence[Event]) -> list[bytes]:
        stream = self._troubles.stream(self._process.name)
        lines = [event.line for event in events]
        if stream.swaps:
            for place in range(len(lines) - 1):
                if self._rng.random() < stream.swaps:
                    lines[place], lines[place + 1] = lines[place + 1], lines[place]
        if stream.repeats:
            lines = [*self._late, *lines]
            self._late = [line for line in lines if self._rng.random() < stream.repeats]
        return lines

    def _bookmark(self) -> bytes:
        if self._loop.now_s < self._bookmark_s:
            return b""
        self._bookmark_s = self._loop.now_s + BOOKMARK_S
        version = self._version if self._tells else self._api.version
        return b'{"type":"BOOKMARK","object":{"metadata":{"resourceVersion":"%d"}}}\n' % version

    async def _wait(self, is_deaf: bool) -> None:
        next_s = self._loop.now_s + 1.0 if is_deaf else min(self._bookmark_s, self._ends_s)  # deafness may be over then
        until_s = min(next_s, self._heard_s + self._stall_s)
        self._news = self._loop.create_future()
        timer = self._loop.call_at(max(until_s, self._loop.now_s), _done, self._news)
        try:
            await self._news
        finally:
            timer.cancel()

    def _wake(self) -> None:
        """Let the reader look again, a network's delay after an event."""
        news = self._news
        if news is not None and not news.done():
            self._loop.call_later(DELAY_S * float(self._rng.uniform(0.2, 3.0)), _done, news)

    def _cut(self, daemons: frozenset[str] | None) -> None:
        if daemons is None or self._process.name in daemons:
            self._is_broken = True
            if self._news is not None:
                _done(self._news)


def _done(future: "asyncio.Future[None]") -> None:
    if not future.done():
        future.set_result(None)
