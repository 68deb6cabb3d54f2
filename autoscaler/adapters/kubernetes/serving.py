"""Services and their EndpointSlices: how many replicas of a function can be reached."""

from collections import Counter
from collections.abc import Mapping
from sys import intern
from typing import Any

from autoscaler.adapters.kubernetes.cache import DeploymentCache
from autoscaler.adapters.kubernetes.connection import Query
from autoscaler.adapters.kubernetes.errors import Garbled
from autoscaler.adapters.kubernetes.followed import ObjectKey, identity
from autoscaler.core.fleet import FunctionKey
from autoscaler.policy.deployment import Deployed

SERVICE = "autoscaler.faas.dev/service"
"""Annotation `NAME:PORT` of a Deployment whose Service has another name."""

_OF_SERVICE = "kubernetes.io/service-name"
_FAMILIES = ("IPv4", "IPv6")


class Serving:
    """Ready endpoints by function.

    Of a Service its name is kept, of a slice nothing unless it has a ready endpoint: most functions are at zero.
    Services that belong to no function are kept too, since a Service is often made before its Deployment.

    Args:
        deployments: which there are, and who listens.
    """

    def __init__(self, deployments: DeploymentCache) -> None:
        self._deployments = deployments
        self.services: set[ObjectKey] = set()
        self._slices: dict[ObjectKey, tuple[ObjectKey, str, int]] = {}
        self._ready: dict[str, Counter[ObjectKey]] = {family: Counter() for family in _FAMILIES}
        self._named: dict[FunctionKey, ObjectKey] = {}
        self._users: dict[ObjectKey, tuple[FunctionKey, ...]] = {}
        deployments.subscribe(self._heard)

    def of(self, key: FunctionKey) -> int | None:
        """Give the ready endpoints of a function's Service; None: it has none.

        A Pod with two addresses is in slices of both families; it counts once.
        """
        service = self._named.get(key, key)
        if service not in self.services:
            return None
        return max(counts[service] for counts in self._ready.values())

    def slices(self) -> set[ObjectKey]:
        """Give the slices that have a ready endpoint."""
        return set(self._slices)

    def put_service(self, service: ObjectKey, has_selector: bool) -> None:
        """Note a Service; one without a selector gets no slices from Kubernetes, and says nothing."""
        if has_selector == (service in self.services):
            return
        (self.services.add if has_selector else self.services.discard)(self._shared(service))
        self._tell(service)

    def put_slice(self, key: ObjectKey, service: ObjectKey, family: str, ready: int) -> None:
        """Note how many endpoints of a slice are ready."""
        old = self._slices.pop(key, None)
        if ready and family in self._ready:
            self._slices[key] = (self._shared(service), family, ready)
        new = self._slices.get(key)
        if old == new:
            return
        if old is not None:
            self._count(old[0], old[1], -old[2])
        if new is not None:
            self._count(*new)
        self._tell(service)
        if old is not None and old[0] != service:
            self._tell(old[0])

    def remove_slice(self, key: ObjectKey) -> None:
        """Forget a slice."""
        old = self._slices.get(key)
        if old is not None:
            self.put_slice(key, old[0], old[1], 0)

    def _shared(self, service: ObjectKey) -> ObjectKey:
        """Let the key of a Service be that of its Deployment where they have the same name: 70 bytes less for each."""
        deployed = self._deployments.deployed(FunctionKey(*service))
        return service if deployed is None else deployed.key

    def _count(self, service: ObjectKey, family: str, change: int) -> None:
        counts = self._ready[family]
        counts[service] += change
        if not counts[service]:
            del counts[service]

    def _tell(self, service: ObjectKey) -> None:
        own = FunctionKey(*service)
        for key in (own, *self._users.get(service, ())):
            if self._named.get(key, service) == service:
                self._deployments.tell_again(key)

    def _heard(self, key: FunctionKey, requested: int, ready: int) -> None:
        """Note which Service a Deployment names, if it names one."""
        deployed = self._deployments.deployed(key)
        name = None if deployed is None else _named(deployed)
        service = None if name is None else (key.namespace, name)
        former = self._named.get(key)
        if service == former:
            return
        if former is not None:
            del self._named[key]
            self._users[former] = tuple(one for one in self._users[former] if one != key)
            if not self._users[former]:
                del self._users[former]
        if service is not None:
            self._named[key] = service
            self._users[service] = (*self._users.get(service, ()), key)


class FollowedServices:
    """All Services: which functions have one."""

    name: str = "services"
    root: str = "/api/v1"
    selection: Query = ()
    listing: Query = ()
    most_bytes: int | None = None

    def __init__(self, serving: Serving) -> None:
        self._serving = serving

    def keys(self, namespace: str | None) -> set[ObjectKey]:
        """Give the Services with a selector."""
        return {key for key in self._serving.services if namespace is None or key[0] == namespace}

    def put(self, document: dict[str, Any], *, is_listed: bool) -> ObjectKey:
        """Take over a Service."""
        key = _shared(identity(document)[0])
        spec = document.get("spec")
        self._serving.put_service(key, isinstance(spec, dict) and bool(spec.get("selector")))
        return key

    def remove(self, document: dict[str, Any]) -> None:
        """Take over that a Service is gone."""
        self._serving.put_service(identity(document)[0], False)

    def forget(self, key: ObjectKey) -> None:
        """Drop a Service."""
        self._serving.put_service(key, False)

    def forbidden(self, namespace: str | None) -> None:
        """Keep all: a Service that cannot be read any more is not believed anyway."""


class FollowedSlices:
    """The EndpointSlices of Services."""

    name: str = "endpointslices"
    root: str = "/apis/discovery.k8s.io/v1"
    selection: Query = (("labelSelector", _OF_SERVICE),)
    listing: Query = ()
    most_bytes: int | None = None

    def __init__(self, serving: Serving) -> None:
        self._serving = serving

    def keys(self, namespace: str | None) -> set[ObjectKey]:
        """Give the slices that have a ready endpoint."""
        return {key for key in self._serving.slices() if namespace is None or key[0] == namespace}

    def put(self, document: dict[str, Any], *, is_listed: bool) -> ObjectKey:
        """Take over a slice."""
        key = _shared(identity(document)[0])
        try:
            name = document["metadata"]["labels"][_OF_SERVICE]
            family, ready = str(document.get("addressType")), _ready(document)
        except (KeyError, TypeError, AttributeError) as error:
            raise Garbled(f"no EndpointSlice: {type(error).__name__} {error}") from error
        self._serving.put_slice(key, (key[0], intern(name)), intern(family), ready)
        return key

    def remove(self, document: dict[str, Any]) -> None:
        """Take over that a slice is gone."""
        self._serving.remove_slice(identity(document)[0])

    def forget(self, key: ObjectKey) -> None:
        """Drop a slice."""
        self._serving.remove_slice(key)

    def forbidden(self, namespace: str | None) -> None:
        """Keep all: slices that cannot be read any more are not believed anyway."""


def _shared(key: ObjectKey) -> ObjectKey:
    """Let equal names be one text: a Service is mostly named like its Deployment."""
    return intern(key[0]), intern(key[1])


def _ready(document: Mapping[str, Any]) -> int:
    """Count the endpoints that get requests.

    Source: k8s.io/api v0.36.3 discovery/v1 types.go (`EndpointConditions`): a `ready` that is not said means yes.
    """
    conditions = [endpoint.get("conditions") or {} for endpoint in document.get("endpoints") or ()]
    return sum(one.get("ready") is not False and one.get("terminating") is not True for one in conditions)


def _named(deployed: Deployed) -> str | None:
    """Give the Service that a Deployment names; None: it names none, or that of its own name."""
    name = deployed.annotations.get(SERVICE, "").partition(":")[0]
    return intern(name) if name and name != deployed.key.name else None
