"""A dry run: everything is read, and what would be written is said."""

from collections.abc import AsyncIterator, Callable, Sequence

from autoscaler.policy.onboarding.credentials import Entry
from autoscaler.policy.onboarding.kinds import ObjectKind
from autoscaler.policy.onboarding.tenants import TenantResource
from autoscaler.ports import OwnedObjects
from autoscaler.ports.owned import Object


class Rehearsal:
    """Implements `autoscaler.ports.OwnedObjects` by another one, of which it only reads.

    Args:
        tell: takes a line for each write that is left out.
    """

    def __init__(self, real: OwnedObjects, tell: Callable[[str], object]) -> None:
        self._real = real
        self._tell = tell

    async def tenants(self) -> Sequence[Object]:
        """Give every Tenant resource."""
        return await self._real.tenants()

    async def named(self, kind: ObjectKind, name: str) -> Sequence[Object] | None:
        """Give the objects of one kind that have this name."""
        return await self._real.named(kind, name)

    async def apply(self, kind: ObjectKind, document: Object, found: Object | None) -> None:
        """Say that it would be made or changed."""
        self._tell(f"would {'create' if found is None else 'change'} {_place(kind, document)}")

    async def delete(self, kind: ObjectKind, found: Object) -> None:
        """Say that it would be deleted."""
        self._tell(f"would delete {_place(kind, found)}")

    async def write_callers(self, tenant: TenantResource, entries: Sequence[Entry]) -> None:
        """Say that credentials would change; hashes are no secrets, and no use either."""
        self._tell(f"would write {len(entries)} credentials into the status of Tenant {tenant.name}")

    async def changes(self) -> AsyncIterator[tuple[bool, Object]]:
        """Give what changes."""
        async for change in self._real.changes():
            yield change


def _place(kind: ObjectKind, document: Object) -> str:
    metadata = document["metadata"]
    return f"{kind.kind} {metadata['namespace']}/{metadata['name']}"
