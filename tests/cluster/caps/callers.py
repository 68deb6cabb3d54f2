"""Callers of functions: more at once than their caps allow, each trying again where it is refused."""

import asyncio
import contextlib
import itertools
import threading
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path

import aiohttp

from tests.servers.controlplane import ControlPlane

_PAUSE_S = 0.2


class Callers:
    """So many callers of each function of a namespace; each waits for its answer before it calls again.

    Attributes:
        answers: by function and HTTP status; 0: nobody was there.

    Args:
        callers: how many, by function.
        ms: what a request takes.
    """

    def __init__(self, plane: ControlPlane, namespace: str, callers: Mapping[str, int], ms: int) -> None:
        self.answers: Counter[tuple[str, int]] = Counter()
        self._plane = plane
        self._namespace = namespace
        self._callers = callers
        self._ms = ms
        self._addresses: dict[str, list[str]] = {name: [] for name in callers}
        self._turns = itertools.count()
        self._end = threading.Event()

    @contextlib.contextmanager
    def calling(self) -> Iterator[None]:
        """Call for the length of a `with` block; what runs at its end is waited for."""
        threads = [threading.Thread(target=self._follow), threading.Thread(target=lambda: asyncio.run(self._call()))]
        for thread in threads:
            thread.start()
        try:
            yield
        finally:
            self._end.set()
            for thread in threads:
                thread.join(60)

    def _follow(self) -> None:
        """Keep the addresses of ready pods, as a gateway does."""
        while not self._end.wait(0.1):
            for name in self._callers:
                self._addresses[name] = self._plane.addresses(self._namespace, name)

    async def _call(self) -> None:
        timeout = aiohttp.ClientTimeout(total=20)
        connector = aiohttp.TCPConnector(limit=0, force_close=True)
        async with aiohttp.ClientSession(connector=connector, timeout=timeout) as session:
            names = [name for name, count in self._callers.items() for _ in range(count)]
            await asyncio.gather(*(self._keep_calling(session, name) for name in names))

    async def _keep_calling(self, session: aiohttp.ClientSession, name: str) -> None:
        while not self._end.is_set():
            addresses = self._addresses[name]
            status = 0
            if addresses:
                address = addresses[next(self._turns) % len(addresses)]
                with contextlib.suppress(aiohttp.ClientError, TimeoutError):
                    async with session.get(f"http://{address}/?ms={self._ms}") as answer:
                        await answer.read()
                        status = answer.status
            self.answers[name, status] += 1
            if status != 200:
                await asyncio.sleep(_PAUSE_S)


def peak(*records: Path) -> int:
    """Give the most requests that were executing at one moment, all of these records together."""
    changes = [line.split() for record in records for line in record.read_text().splitlines()]
    # At one and the same nanosecond ends come first.
    ordered = sorted((int(at), int(change)) for at, change in changes)
    return max(itertools.accumulate(change for _, change in ordered), default=0)
