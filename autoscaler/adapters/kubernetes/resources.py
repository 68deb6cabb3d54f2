"""Tenants and ScalingPolicies as custom resources: a cache that watches keep, for whoever reads documents."""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from autoscaler.adapters.kubernetes.connection import Query
from autoscaler.adapters.kubernetes.deployments import version_number
from autoscaler.adapters.kubernetes.errors import Garbled
from autoscaler.adapters.kubernetes.followed import ObjectKey
from autoscaler.policy.resources import MAX_BYTES, Identity, Resource, callers_of
from autoscaler.ports import ResourceSnapshot

_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"


class ResourceCache:
    """Implements `autoscaler.ports.Resources`.

    Args:
        is_listed: whether everything that documents need was listed once, or cannot be.
    """

    def __init__(self, is_listed: Callable[[], bool]) -> None:
        self._is_listed = is_listed
        self._resources: dict[Identity, tuple[Resource, int]] = {}
        self._labels: dict[str, Mapping[str, str]] = {}
        self._version = 0
        self._taken: int | None = None
        self._has_news = asyncio.Event()
        self._has_taken = asyncio.Event()

    # For whoever reads documents

    def snapshot(self) -> ResourceSnapshot:
        """Give what is known now."""
        resources = {identity: resource for identity, (resource, _) in self._resources.items()}
        return ResourceSnapshot(self._version, resources, dict(self._labels))

    async def changed(self, version: int | None) -> None:
        """Wait until everything was listed once and there is another version than this; None: any."""
        while not self._is_listed() or self._version == version:
            self._has_news.clear()
            await self._has_news.wait()

    def took(self, version: int) -> None:
        """Note that the documents in force are of this version."""
        self._taken = version
        self._has_taken.set()

    def status(self, identity: Identity) -> Mapping[str, object] | None:
        """Give a resource's status as it was last read; None: there is no such resource."""
        found = self._resources.get(identity)
        return None if found is None else found[0].status

    # For the watches

    def is_taken(self) -> bool:
        """Tell whether the documents in force were ever read from a whole list."""
        return self._taken is not None

    async def taken(self) -> None:
        """Wait until the documents in force are of what is known now, or of later."""
        version = self._version
        while self._taken is None or self._taken < version:
            self._has_taken.clear()
            await self._has_taken.wait()

    def look_again(self) -> None:
        """Let who waits ask once more whether everything was listed."""
        self._has_news.set()

    def keys(self, kind: str, namespace: str | None) -> set[ObjectKey]:
        """Give the resources of a kind that are kept of a namespace; None: all."""
        return {
            (one.namespace, one.name)
            for one in self._resources
            if one.kind == kind and (namespace is None or one.namespace == namespace)
        }

    def put(self, resource: Resource, version: int, *, is_listed: bool) -> None:
        """Take over a resource; an event that is older than what is known changes nothing."""
        known = self._resources.get(resource.identity)
        if known is not None and not is_listed and 0 < version < known[1]:
            return
        is_same = known is not None and known[0].uid == resource.uid
        is_found = known[0].is_found if known is not None and is_same else is_listed
        self._resources[resource.identity] = replace(resource, is_found=is_found), version
        if known is None or known[0] != resource or not known[0].has_text_of(resource):
            self._moved()

    def remove(self, identity: Identity, version: int = 0) -> None:
        """Take over that a resource is gone, unless it was made anew since."""
        known = self._resources.get(identity)
        if known is not None and not 0 < version < known[1]:
            del self._resources[identity]
            self._moved()

    def put_labels(self, namespace: str, labels: Mapping[str, str]) -> None:
        """Take over a namespace's labels."""
        if self._labels.get(namespace) != labels:
            self._labels[namespace] = labels
            self._moved()

    def remove_labels(self, namespace: str) -> None:
        """Take over that a namespace is gone."""
        if self._labels.pop(namespace, None) is not None:
            self._moved()

    def labelled(self) -> set[str]:
        """Name the namespaces whose labels are kept."""
        return set(self._labels)

    def _moved(self) -> None:
        self._version += 1
        self._has_news.set()


class FollowedResources:
    """All resources of one kind; without the right to read them what was last known stays in force.

    Args:
        kind: `Tenant` or `ScalingPolicy`.
        plural: as rights and paths have it.
    """

    root: str = "/apis/autoscaler.faas.dev/v1alpha1"
    selection: Query = ()
    listing: Query = ()
    most_bytes: int | None = MAX_BYTES

    def __init__(self, cache: ResourceCache, kind: str, plural: str) -> None:
        self.name = plural
        self._cache = cache
        self._kind = kind

    def keys(self, namespace: str | None) -> set[ObjectKey]:
        """Give the resources in the cache."""
        return self._cache.keys(self._kind, namespace)

    def put(self, document: dict[str, Any], *, is_listed: bool) -> ObjectKey:
        """Take over a resource."""
        resource, version = read_resource(document, self._kind)
        self._cache.put(resource, version, is_listed=is_listed)
        return resource.identity.namespace, resource.identity.name

    def remove(self, document: dict[str, Any]) -> None:
        """Take over a deletion."""
        resource, version = read_resource(document, self._kind)
        self._cache.remove(resource.identity, version)

    def forget(self, key: ObjectKey) -> None:
        """Drop a resource."""
        self._cache.remove(Identity(self._kind, *key))

    def forbidden(self, namespace: str | None) -> None:
        """Keep everything: what is not heard of is in force none the less."""


def read_resource(document: Mapping[str, Any], kind: str) -> tuple[Resource, int]:
    """Give a resource and its version.

    Raises:
        Garbled: it is no object of the API server's.
    """
    try:
        metadata = document["metadata"]
        identity = Identity(kind, metadata.get("namespace", ""), metadata["name"])
        names = {"name": identity.name} | ({"namespace": identity.namespace} if identity.namespace else {})
        spec = {"spec": document["spec"]} if "spec" in document else {}
        value = {"apiVersion": document.get("apiVersion"), "kind": kind, "metadata": names, **spec}
        status = document.get("status")
        status = status if isinstance(status, dict) else {}
        applied = (metadata.get("annotations") or {}).get(_APPLIED)
        resource = Resource(
            identity=identity,
            uid=str(metadata["uid"]),
            generation=int(metadata.get("generation", 0)),
            document=None if "sizeBytes" in document else value,
            size_bytes=int(document.get("sizeBytes", 0)),
            applied=applied if isinstance(applied, str) and "null" in applied else None,
            callers=callers_of(status) if kind == "Tenant" else (),
            status=status,
        )
        return resource, version_number(metadata.get("resourceVersion", ""))
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise Garbled(f"no {kind}: {type(error).__name__} {error}") from error
