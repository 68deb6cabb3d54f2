"""What is watched: Deployments, and pods that wait for a node."""

from collections.abc import Mapping
from typing import Any, Protocol

from autoscaler.adapters.kubernetes.cache import DeploymentCache
from autoscaler.adapters.kubernetes.connection import Query
from autoscaler.adapters.kubernetes.deployments import read_deployment, version_number
from autoscaler.adapters.kubernetes.errors import Garbled
from autoscaler.adapters.kubernetes.pods import UnschedulablePods, read_unschedulable
from autoscaler.core.fleet import FunctionKey

ObjectKey = tuple[str, str]
"""Namespace ("": of the whole cluster) and name."""


class Followed(Protocol):
    """A kind of object that a watch follows, and the place where what it tells is kept.

    Attributes:
        name: its plural, as rights and paths have it.
        root: path of its API group.
        selection: which objects of the kind, for lists and watches alike.
        listing: what else the first page of a list is asked with.
        most_bytes: of a larger object nothing but its metadata is read, as `pages.without_spec` says; None: all are
            read whole.
    """

    name: str
    root: str
    selection: Query
    listing: Query
    most_bytes: int | None

    def keys(self, namespace: str | None) -> set[ObjectKey]:
        """Give what is kept of a namespace; None: all."""
        ...

    def put(self, document: dict[str, Any], *, is_listed: bool) -> ObjectKey:
        """Take over an object as a list (`is_listed`) or an event tells it.

        Raises:
            Garbled: it is none of this kind.
        """
        ...

    def remove(self, document: dict[str, Any]) -> None:
        """Take over that an object is gone, or no longer selected.

        Raises:
            Garbled: it is none of this kind.
        """
        ...

    def forget(self, key: ObjectKey) -> None:
        """Drop what a whole list no longer has."""
        ...

    def forbidden(self, namespace: str | None) -> None:
        """Note that the right to read these was taken away."""
        ...


class FollowedDeployments:
    """All Deployments; without the right to read them what was last known stays."""

    name: str = "deployments"
    root: str = "/apis/apps/v1"
    selection: Query = ()
    listing: Query = ()
    most_bytes: int | None = None

    def __init__(self, cache: DeploymentCache) -> None:
        self._cache = cache

    def keys(self, namespace: str | None) -> set[ObjectKey]:
        """Give the Deployments in the cache."""
        return set(self._cache.keys(namespace))

    def put(self, document: dict[str, Any], *, is_listed: bool) -> ObjectKey:
        """Take over a Deployment."""
        reading = read_deployment(document)
        self._cache.put(reading, is_listed)
        return reading.deployed.key

    def remove(self, document: dict[str, Any]) -> None:
        """Take over a deletion, unless the Deployment was made anew since."""
        key, version = identity(document)
        self._cache.remove(FunctionKey(*key), version)

    def forget(self, key: ObjectKey) -> None:
        """Drop a Deployment."""
        self._cache.remove(FunctionKey(*key))

    def forbidden(self, namespace: str | None) -> None:
        """Keep everything: what is not heard of is no less there."""


class FollowedPods:
    """Pods of Deployments that have no node yet: few, and none that runs.

    Of a pod that starts as it should, two short-lived events come: it was made, it got its node. A list may come
    from the API server's own cache, since one from its store would read every pod of the cluster.
    """

    name: str = "pods"
    root: str = "/api/v1"
    selection: Query = (
        ("fieldSelector", "status.phase=Pending,spec.nodeName="),
        ("labelSelector", "pod-template-hash"),
    )
    listing: Query = (("resourceVersion", "0"),)
    most_bytes: int | None = None

    def __init__(self, pods: UnschedulablePods) -> None:
        self._pods = pods

    def keys(self, namespace: str | None) -> set[ObjectKey]:
        """Give the pods that no node has room for."""
        return self._pods.keys(namespace)

    def put(self, document: dict[str, Any], *, is_listed: bool) -> ObjectKey:
        """Take over a pod."""
        key, _ = identity(document)
        self._pods.put(key, read_unschedulable(document))
        return key

    def remove(self, document: dict[str, Any]) -> None:
        """Take over that a pod is gone or has a node."""
        self._pods.remove(identity(document)[0])

    def forget(self, key: ObjectKey) -> None:
        """Drop a pod."""
        self._pods.remove(key)

    def forbidden(self, namespace: str | None) -> None:
        """Drop all: what can no longer be mended in our sight shall not be said for ever."""
        for key in self._pods.keys(namespace):
            self._pods.remove(key)


def identity(document: Mapping[str, Any]) -> tuple[ObjectKey, int]:
    """Give key and version of an object.

    Raises:
        Garbled: it has no name.
    """
    try:
        metadata = document["metadata"]
        return (metadata.get("namespace", ""), metadata["name"]), version_number(metadata.get("resourceVersion", ""))
    except (KeyError, TypeError, AttributeError) as error:
        raise Garbled(f"an object without {error}") from error
