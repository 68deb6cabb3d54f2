"""What the cluster has for its tenants, as one pass reads it."""

from collections.abc import Iterator, Set
from dataclasses import dataclass

from autoscaler.policy.onboarding.kinds import OWNED, ObjectKind, owner_of
from autoscaler.policy.onboarding.tenants import TenantResource, namespaces_of, read_tenant
from autoscaler.ports import OwnedObjects
from autoscaler.ports.owned import Object

Place = tuple[ObjectKind, str, str]
"""Kind, namespace and name of an object."""


@dataclass(frozen=True, slots=True, eq=False)
class Snapshot:
    """Tenants and every object of a name that a tenant's may have.

    Attributes:
        tenants: by name.
        namespaces: of each tenant, by its name.
        found: objects by place; what has been deleted since is taken out.
        missing: kinds that the cluster does not have.
    """

    tenants: dict[str, TenantResource]
    namespaces: dict[str, tuple[str, ...]]
    found: dict[Place, Object]
    missing: frozenset[ObjectKind]

    def unwanted(self, wanted: Set[tuple[ObjectKind, str]]) -> Iterator[tuple[ObjectKind, Object]]:
        """Give objects of ours whose Tenant is gone, or has their namespace no more, or that no Tenant gets any more.

        Args:
            wanted: kind and name of what every namespace of a Tenant gets. A right that the options no longer give must
                not stay.
        """
        homes = {(one.uid, home) for one in self.tenants.values() for home in self.namespaces[one.name]}
        for (kind, namespace, name), document in self.found.items():
            uid = owner_of(document)
            if uid is not None and ((uid, namespace) not in homes or (kind, name) not in wanted):
                yield kind, document


async def read_snapshot(objects: OwnedObjects) -> Snapshot:
    """Read everything once.

    Objects come first: whoever made one since then made it for a Tenant that is read after it, so nothing young is
    taken for an orphan.

    Raises:
        OwnedError: it cannot be read; nothing may be concluded from half of it.
    """
    found: dict[Place, Object] = {}
    missing: set[ObjectKind] = set()
    for kind, name in OWNED:
        listed = await objects.named(kind, name)
        if listed is None:
            missing.add(kind)
        for document in listed or ():
            found[kind, document["metadata"]["namespace"], name] = document
    tenants = {one.name: one for one in map(read_tenant, await objects.tenants())}
    return Snapshot(tenants, namespaces_of(list(tenants.values())), found, frozenset(missing))
