"""Custom resources in memory, with their statuses, as the API server and its watch keep them."""

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from autoscaler.policy.resources import Identity, Resource
from autoscaler.ports import ResourceSnapshot, StatusOutcome, StatusResult


class MemoryResources:
    """Implements `ports.Resources` and `ports.Statuses` over one store.

    Attributes:
        writes: every write that was tried: which resource, and what changed.
        refusal: what a write comes to in place of being done; None: it is done.
        is_lagging: the watch shows no write until `catch_up`.
    """

    def __init__(self, *resources: Resource) -> None:
        self.writes: list[tuple[Identity, Mapping[str, Any]]] = []
        self.refusal: StatusResult | None = None
        self.is_lagging = False
        self._seen = {one.identity: one for one in resources}
        self._there = dict(self._seen)
        self._version = 1
        self._moved = asyncio.Event()

    # The API server's side

    def put(self, resource: Resource) -> None:
        """Create or change a document; an object that is the same one keeps its status."""
        known = self._there.get(resource.identity)
        status = known.status if known is not None and known.uid == resource.uid else resource.status
        self._seen[resource.identity] = self._there[resource.identity] = replace(resource, status=status)
        self._tell()

    def remove(self, identity: Identity) -> None:
        """Delete a document."""
        del self._seen[identity], self._there[identity]
        self._tell()

    def catch_up(self) -> None:
        """Let the watch show what was written; documents did not change by it."""
        self._seen = dict(self._there)

    def of(self, identity: Identity) -> dict[str, Any]:
        """Give the status that is there."""
        return dict(self._there[identity].status)

    def claims(self, identity: Identity) -> dict[str, str]:
        """Give the reason of each condition that is there."""
        return {one["type"]: one["reason"] for one in self.of(identity).get("conditions", ())}

    def written(self) -> list[str]:
        """Name the resources of all writes, in order."""
        return [identity.name for identity, _ in self.writes]

    # Ports

    def snapshot(self) -> ResourceSnapshot:
        return ResourceSnapshot(self._version, dict(self._seen), {})

    async def changed(self, version: int | None) -> None:
        while self._version == version:
            self._moved.clear()
            await self._moved.wait()

    def took(self, version: int) -> None:
        pass

    def last(self, identity: Identity) -> Mapping[str, object] | None:
        found = self._seen.get(identity)
        return None if found is None else found.status

    async def write(
        self, identity: Identity, uid: str, before: Mapping[str, object], changes: Mapping[str, object]
    ) -> StatusResult:
        self.writes.append((identity, changes))
        await asyncio.sleep(0)
        if self.refusal is not None:
            return self.refusal
        there = self._there.get(identity)
        if there is None or there.uid != uid or bool(there.status) != bool(before):
            return StatusResult(StatusOutcome.LOST)
        self._there[identity] = replace(there, status=written(there.status, changes))
        if not self.is_lagging:
            self._seen[identity] = self._there[identity]
        return StatusResult(StatusOutcome.DONE, self._there[identity].status)

    def _tell(self) -> None:
        self._version += 1
        self._moved.set()


def written(status: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """Give a status after a write."""
    return {name: value for name, value in {**status, **changes}.items() if value is not None}
