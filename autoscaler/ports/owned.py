"""The objects that tenants are given in their namespaces, and who may write them."""

from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any, Protocol

from autoscaler.policy.onboarding.credentials import Entry
from autoscaler.policy.onboarding.kinds import ObjectKind
from autoscaler.policy.onboarding.tenants import TenantResource

Object = Mapping[str, Any]


class OwnedError(RuntimeError):
    """A question or a write did not go through; the message says why, without secrets.

    Attributes:
        retry_after_s: seconds that the API server asks to wait; 0: it does not say.
    """

    def __init__(self, message: str, retry_after_s: float = 0.0) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s


class OwnedUnavailable(OwnedError):
    """The API server does not answer, or asks to be left alone."""


class OwnedRefused(OwnedError):
    """The API server refuses this one: a missing right, a namespace that is not there, a change in between."""


class OwnedObjects(Protocol):
    """What `autoscaler tenants sync` reads and writes; every call raises `OwnedError`."""

    async def tenants(self) -> Sequence[Object]:
        """Give every Tenant resource."""
        ...

    async def named(self, kind: ObjectKind, name: str) -> Sequence[Object] | None:
        """Give the objects of one kind that have this name, in whatever namespace; None: the cluster has no such kind."""
        ...

    async def apply(self, kind: ObjectKind, document: Object, found: Object | None) -> None:
        """Make an object, or give it the fields of the document and leave others' alone.

        Args:
            found: what was read of it; one that is another by now is not touched. None: there was none, and one that
                came since and says otherwise is not touched.
        """
        ...

    async def delete(self, kind: ObjectKind, found: Object) -> None:
        """Delete this very object; one that is gone already is no error."""
        ...

    async def write_callers(self, tenant: TenantResource, entries: Sequence[Entry]) -> None:
        """Replace `status.callers` of a Tenant in which it still says what was read."""
        ...

    def changes(self) -> AsyncIterator[tuple[bool, Object]]:
        """Give Tenant resources that change after they were last read, and whether each is still there; may end."""
        ...
