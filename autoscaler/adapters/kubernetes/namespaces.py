"""Labels of namespaces, for Tenants that select theirs: those alone that may select, so that others move nothing."""

from collections.abc import Collection
from sys import intern
from typing import Any

from autoscaler.adapters.kubernetes.connection import Query
from autoscaler.adapters.kubernetes.errors import Garbled
from autoscaler.adapters.kubernetes.followed import ObjectKey, identity
from autoscaler.adapters.kubernetes.resources import ResourceCache


class FollowedNamespaces:
    """All namespaces; without the right to read them what was last known stays.

    Args:
        keys: of the labels that are kept.
    """

    name: str = "namespaces"
    root: str = "/api/v1"
    selection: Query = ()
    listing: Query = ()
    most_bytes: int | None = None

    def __init__(self, cache: ResourceCache, keys: Collection[str]) -> None:
        self._cache = cache
        self._kept = tuple(keys)

    def keys(self, namespace: str | None) -> set[ObjectKey]:
        """Give the namespaces in the cache."""
        return {("", name) for name in self._cache.labelled()}

    def put(self, document: dict[str, Any], *, is_listed: bool) -> ObjectKey:
        """Take over a namespace's labels."""
        key, _ = identity(document)
        labels = document["metadata"].get("labels") or {}
        if not isinstance(labels, dict):
            raise Garbled("a namespace whose labels are none")
        self._cache.put_labels(intern(key[1]), {name: str(labels[name]) for name in self._kept if name in labels})
        return key

    def remove(self, document: dict[str, Any]) -> None:
        """Take over that a namespace is gone."""
        self._cache.remove_labels(identity(document)[0][1])

    def forget(self, key: ObjectKey) -> None:
        """Drop a namespace."""
        self._cache.remove_labels(key[1])

    def forbidden(self, namespace: str | None) -> None:
        """Keep everything: who is whose shall not change because nobody tells any more."""
