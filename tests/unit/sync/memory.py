"""A cluster in memory, as far as tenants' objects go."""

import asyncio
import itertools
from collections.abc import AsyncIterator, Sequence
from typing import Any

from autoscaler.policy.onboarding.credentials import Entry
from autoscaler.policy.onboarding.kinds import ObjectKind
from autoscaler.policy.onboarding.tenants import TenantResource, callers_document
from autoscaler.ports import OwnedError, OwnedRefused

Document = dict[str, Any]


class MemoryOwned:
    """Implements `ports.OwnedObjects`.

    Attributes:
        objects: by kind, namespace and name.
        known: Tenant resources by name.
        trouble: what every question fails with; None: none does.
        refuses: places, as `Kind namespace/name`, whose writes are refused.
        writes: what was written, in order.
        reads: how often Tenants were listed.
        missing: kinds that there are not.
    """

    def __init__(self) -> None:
        self.objects: dict[tuple[str, str, str], Document] = {}
        self.known: dict[str, Document] = {}
        self.trouble: OwnedError | None = None
        self.refuses: set[str] = set()
        self.writes: list[str] = []
        self.reads = 0
        self.missing: set[str] = set()
        self._uids = itertools.count()
        self._events: asyncio.Queue[tuple[bool, Document]] = asyncio.Queue()

    def add(self, name: str, *namespaces: str) -> None:
        """Make a Tenant, and tell of it."""
        metadata = {"name": name, "uid": f"uid-{next(self._uids)}", "resourceVersion": "1"}
        self.known[name] = {"metadata": metadata, "spec": {"namespaces": list(namespaces)}, "status": {}}
        self.tell(name)

    def remove(self, name: str) -> None:
        """Delete a Tenant, and tell of it."""
        self._events.put_nowait((False, self.known.pop(name)))

    def tell(self, name: str) -> None:
        """Tell of a Tenant as it is now."""
        self._events.put_nowait((True, {**self.known[name], "status": dict(self.known[name]["status"])}))

    async def tenants(self) -> Sequence[Document]:
        self._fail()
        self.reads += 1
        while not self._events.empty():  # changes are told from here on
            self._events.get_nowait()
        return list(self.known.values())

    async def named(self, kind: ObjectKind, name: str) -> Sequence[Document] | None:
        self._fail()
        if kind.kind in self.missing:
            return None
        return [one for (of, _, called), one in self.objects.items() if (of, called) == (kind.kind, name)]

    async def apply(self, kind: ObjectKind, document: Any, found: Any) -> None:
        key = self._key(kind, document)
        self.writes.append(f"apply {self._checked(key)}")
        metadata = {**document["metadata"], "uid": f"uid-{next(self._uids)}"}
        self.objects[key] = {**document, "metadata": metadata}

    async def delete(self, kind: ObjectKind, found: Any) -> None:
        key = self._key(kind, found)
        self.writes.append(f"delete {self._checked(key)}")
        self.objects.pop(key, None)

    async def write_callers(self, tenant: TenantResource, entries: Sequence[Entry]) -> None:
        self.writes.append(f"callers {tenant.name}")
        self.known[tenant.name]["status"]["callers"] = callers_document(entries)
        self.tell(tenant.name)

    async def changes(self) -> AsyncIterator[tuple[bool, Document]]:
        while True:
            yield await self._events.get()

    def _fail(self) -> None:
        if self.trouble is not None:
            raise self.trouble

    def _checked(self, key: tuple[str, str, str]) -> str:
        place = f"{key[0]} {key[1]}/{key[2]}"
        if place in self.refuses:
            raise OwnedRefused(f"403: {place}")
        return place

    @staticmethod
    def _key(kind: ObjectKind, document: Any) -> tuple[str, str, str]:
        return kind.kind, document["metadata"]["namespace"], document["metadata"]["name"]
