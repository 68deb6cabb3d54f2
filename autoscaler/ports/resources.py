"""Documents that are custom resources, as a cache that watches keep."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from autoscaler.policy.resources import Identity, Resource


@dataclass(frozen=True, slots=True, eq=False)
class ResourceSnapshot:
    """The custom resources there are, and the labels of namespaces.

    Attributes:
        version: changes whenever the others do, and not when only a status does.
        resources: by identity.
        namespace_labels: of each namespace, those that may select it; empty where none may.
    """

    version: int
    resources: Mapping[Identity, Resource]
    namespace_labels: Mapping[str, Mapping[str, str]]


class Resources(Protocol):
    """Tenants and ScalingPolicies of the Kubernetes API; while it is away, what was last known."""

    def snapshot(self) -> ResourceSnapshot:
        """Give what is known now."""
        ...

    async def changed(self, version: int | None) -> None:
        """Wait until everything was listed once and there is another version than this; None: any."""
        ...

    def took(self, version: int) -> None:
        """Note that the documents in force are of this version: what waits for that may go on."""
        ...
