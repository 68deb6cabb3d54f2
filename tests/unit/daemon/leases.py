"""A Lease in memory, which daemons share, and which can fail to order."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace

from autoscaler.ports import LeaseConflict, LeaseRecord, LeaseUnavailable


class MemoryLease:
    """What the API server keeps: one record, whose version moves with every write."""

    def __init__(self) -> None:
        self.record: LeaseRecord | None = None
        self.written: list[LeaseRecord] = []
        self._version = 0
        self._changed = asyncio.Event()

    def put(self, record: LeaseRecord | None) -> LeaseRecord | None:
        """Take a record over as it is, under a new version."""
        self._version += 1
        self.record = None if record is None else replace(record, version=str(self._version))
        changed, self._changed = self._changed, asyncio.Event()
        changed.set()
        return self.record

    async def changed(self) -> None:
        await self._changed.wait()


class LeaseView:
    """Implements `ports.LeaseStore` for one daemon.

    Attributes:
        trouble: what every question of it fails with; None: none does.
        loses_answers: writes are done, and their answers lost.
        is_deaf: it is told of no change, though it can read.
        hangs: while set, no question is answered; those asked meanwhile are, in their order, when it is cleared.
        reads: how often it was read.
    """

    def __init__(self, lease: MemoryLease) -> None:
        self.trouble: str | None = None
        self.loses_answers = False
        self.is_deaf = False
        self.reads = 0
        self._lease = lease
        self._may_answer = asyncio.Event()
        self._may_answer.set()

    def hang(self) -> None:
        self._may_answer.clear()

    def answer(self) -> None:
        self._may_answer.set()

    async def read(self) -> LeaseRecord | None:
        self.reads += 1
        await self._reached()
        return self._lease.record

    async def write(self, record: LeaseRecord) -> LeaseRecord:
        await self._reached()
        known = self._lease.record
        if record.version != (known.version if known is not None else ""):
            raise LeaseConflict("another version")
        self._lease.written.append(record)
        written = self._lease.put(record)
        if self.loses_answers or written is None:
            raise LeaseUnavailable("no answer")
        return written

    async def follow(self, since: LeaseRecord | None) -> AsyncIterator[LeaseRecord | None]:
        seen = since.version if since is not None else ""
        while True:
            await self._reached()
            record = self._lease.record
            if not self.is_deaf and (record.version if record is not None else "") != seen:
                seen = record.version if record is not None else ""
                yield record
            else:
                await self._lease.changed()

    async def _reached(self) -> None:
        await self._may_answer.wait()
        if self.trouble is not None:
            raise LeaseUnavailable(self.trouble)
