"""The one Lease of a run, and each daemon's way to it."""

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field, replace

from autoscaler.adapters.kubernetes.errors import ClusterError
from autoscaler.ports import LeaseConflict, LeaseRecord, LeaseUnavailable
from tests.deterministic.connection import MemoryConnection
from tests.deterministic.process import Process
from tests.deterministic.troubles import Kind, Troubles

TIMEOUT_S = 1.5
SILENCE_S = 10.0


@dataclass
class LeaseObject:
    """The object in the cluster.

    Attributes:
        record: what it says; None: it was never made.
        renewed_s: when each process, by its identity, last got a write of its own through.
    """

    now_s: Callable[[], float]
    record: LeaseRecord | None = None
    renewed_s: dict[str, float] = field(default_factory=dict)
    writes: int = 0
    _followers: list["asyncio.Future[None]"] = field(default_factory=list)

    def write(self, record: LeaseRecord) -> LeaseRecord | LeaseConflict:
        """Replace what it says if it still has that version."""
        version = self.record.version if self.record is not None else ""
        if record.version != version:
            return LeaseConflict(f"version {record.version} was meant, it has {version}")
        self.writes += 1
        self.record = replace(record, version=str(self.writes))
        if record.holder:
            self.renewed_s[record.holder] = self.now_s()
        followers, self._followers = self._followers, []
        for follower in followers:
            if not follower.done():
                follower.set_result(None)
        return self.record

    def news(self) -> "asyncio.Future[None]":
        """Give a future that is done at the next write."""
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._followers.append(future)
        return future


class MemoryLease:
    """Implements `ports.LeaseStore` for one process."""

    def __init__(self, process: Process, connection: MemoryConnection, lease: LeaseObject, troubles: Troubles) -> None:
        self._process = process
        self._connection = connection
        self._lease = lease
        self._troubles = troubles

    async def read(self) -> LeaseRecord | None:
        """Give what it says; None: there is none yet."""
        try:
            await self._connection.ask(Kind.READ, TIMEOUT_S)
        except ClusterError as error:
            raise LeaseUnavailable(str(error)) from None
        return self._lease.record

    async def write(self, record: LeaseRecord) -> LeaseRecord:
        """Make or replace it if it still has the version of this record."""
        try:
            answer = await self._connection.change(lambda: self._lease.write(record), TIMEOUT_S)
        except ClusterError as error:
            raise LeaseUnavailable(str(error)) from None
        if isinstance(answer, LeaseConflict):
            raise answer
        return answer

    async def follow(self, since: LeaseRecord | None) -> AsyncIterator[LeaseRecord | None]:
        """Give what it says whenever that changes."""
        try:
            await self._connection.ask(Kind.WATCH, TIMEOUT_S)
        except ClusterError as error:
            raise LeaseUnavailable(str(error)) from None
        broken: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        cut = self._breaker(broken)
        self._troubles.cuts.append(cut)
        try:
            told = since
            while True:
                is_deaf = self._troubles.stream(self._process.name).is_deaf
                if not is_deaf and self._lease.record != told:
                    told = self._lease.record
                    yield told
                    continue
                news = broken if is_deaf else self._lease.news()
                await asyncio.wait((news, broken), timeout=SILENCE_S, return_when=asyncio.FIRST_COMPLETED)
                await self._process.gate()
                if broken.done() or not news.done():
                    raise LeaseUnavailable("the watch broke")
        finally:
            self._troubles.cuts.remove(cut)

    def _breaker(self, broken: "asyncio.Future[None]") -> Callable[[frozenset[str] | None], None]:
        def cut(daemons: frozenset[str] | None) -> None:
            if (daemons is None or self._process.name in daemons) and not broken.done():
                broken.set_result(None)

        return cut
