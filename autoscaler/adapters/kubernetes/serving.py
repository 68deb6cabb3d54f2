"""Services and their EndpointSlices: how many replicas of a function can be reached, and at which address."""

import ipaddress
import socket
from collections import Counter
from collections.abc import Mapping
from sys import intern
from typing import Any, NamedTuple

from autoscaler.adapters.kubernetes.cache import DeploymentCache
from autoscaler.adapters.kubernetes.connection import Query
from autoscaler.adapters.kubernetes.errors import Garbled
from autoscaler.adapters.kubernetes.followed import ObjectKey, identity
from autoscaler.core.fleet import FunctionKey
from autoscaler.policy.deployment import Deployed
from autoscaler.policy.labels import SERVICE
from autoscaler.policy.service_name import ServiceName, parse_service_name

_OF_SERVICE = "kubernetes.io/service-name"
_FAMILIES = ("IPv4", "IPv6")


class Endpoints(NamedTuple):
    """The endpoints of a slice.

    Attributes:
        ready: those that get requests.
        ending: those of replicas on their way out that still serve; they get what comes while none is ready.
    """

    ready: int
    ending: int = 0


NONE = Endpoints(0)


class Serving:
    """Ready endpoints by function.

    Of a Service its name and address are kept, of a slice nothing unless it has an endpoint that serves: most functions are
    at zero. Services that belong to no function are kept too, since a Service is often made before its Deployment.

    Args:
        deployments: which there are, and who listens.

    Attributes:
        services: Services with a selector; the address of each, `IP:PORT` of its first TCP port, and "" where it is
            headless.
    """

    def __init__(self, deployments: DeploymentCache) -> None:
        self._deployments = deployments
        self.services: dict[ObjectKey, str] = {}
        self._slices: dict[ObjectKey, tuple[ObjectKey, str, Endpoints]] = {}
        self._ready: dict[str, Counter[ObjectKey]] = {family: Counter() for family in _FAMILIES}
        self._ending = Counter[ObjectKey]()
        self._named: dict[FunctionKey, ServiceName] = {}
        self._users: dict[ObjectKey, tuple[FunctionKey, ...]] = {}
        deployments.subscribe(self._heard)

    def of(self, key: FunctionKey) -> int | None:
        """Give the ready endpoints of a function's Service; None: it has none.

        A Pod with two addresses is in slices of both families; it counts once.
        """
        service = self._service_of(key)
        if service not in self.services:
            return None
        return max(counts[service] for counts in self._ready.values())

    def is_ending(self, key: FunctionKey) -> bool:
        """Tell whether replicas on their way out may still take what goes to a function's Service."""
        return self._ending[self._service_of(key)] > 0

    def address(self, key: FunctionKey) -> tuple[str, int] | None:
        """Give the address and port at which a function is reached through its Service; None: none is known.

        A headless Service has no address of its own, and a name that resolves to pods says nothing of who is ready.
        """
        address, _, port = self.services.get(self._service_of(key), "").rpartition(":")
        named = self._named.get(key)
        return (address, int(port) if named is None else named.port) if address else None

    def slices(self) -> set[ObjectKey]:
        """Give the slices that have an endpoint that serves."""
        return set(self._slices)

    def put_service(self, service: ObjectKey, address: str) -> None:
        """Note a Service with a selector, which is what Kubernetes makes slices for.

        Args:
            address: `IP:PORT`; "": it is headless.
        """
        is_new = service not in self.services
        self.services[self._shared(service)] = address
        if is_new:
            self._tell(service)

    def remove_service(self, service: ObjectKey) -> None:
        """Note that a Service is gone, or has no selector: then it gets no slices, and says nothing."""
        if self.services.pop(service, None) is not None:
            self._tell(service)

    def put_slice(self, key: ObjectKey, service: ObjectKey, family: str, endpoints: Endpoints) -> None:
        """Note how many endpoints of a slice serve."""
        old = self._slices.pop(key, None)
        if any(endpoints) and family in self._ready:
            self._slices[key] = (self._shared(service), family, endpoints)
        new = self._slices.get(key)
        if old == new:
            return
        if old is not None:
            self._count(old[0], old[1], old[2], -1)
        if new is not None:
            self._count(*new, 1)
        self._tell(service)
        if old is not None and old[0] != service:
            self._tell(old[0])

    def remove_slice(self, key: ObjectKey) -> None:
        """Forget a slice."""
        old = self._slices.get(key)
        if old is not None:
            self.put_slice(key, old[0], old[1], NONE)

    def _service_of(self, key: FunctionKey) -> ObjectKey:
        named = self._named.get(key)
        return key if named is None else (key.namespace, named.name)

    def _shared(self, service: ObjectKey) -> ObjectKey:
        """Let the key of a Service be that of its Deployment where they have the same name: 70 bytes less for each."""
        deployed = self._deployments.deployed(FunctionKey(*service))
        return service if deployed is None else deployed.key

    def _count(self, service: ObjectKey, family: str, endpoints: Endpoints, sign: int) -> None:
        for counts, change in zip((self._ready[family], self._ending), endpoints, strict=True):
            counts[service] += sign * change
            if not counts[service]:
                del counts[service]

    def _tell(self, service: ObjectKey) -> None:
        own = FunctionKey(*service)
        for key in (own, *self._users.get(service, ())):
            if self._service_of(key) == service:
                self._deployments.tell_again(key)

    def _heard(self, key: FunctionKey, requested: int, ready: int) -> None:
        """Note which Service a Deployment names, if it names one."""
        deployed = self._deployments.deployed(key)
        named = None if deployed is None else _named(deployed)
        former = self._named.get(key)
        if named == former:
            return
        if former is not None:
            del self._named[key]
            service = (key.namespace, former.name)
            self._users[service] = tuple(one for one in self._users[service] if one != key)
            if not self._users[service]:
                del self._users[service]
        if named is not None:
            self._named[key] = named
            service = (key.namespace, named.name)
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
        if isinstance(spec, dict) and spec.get("selector"):
            self._serving.put_service(key, _address(spec))
        else:
            self._serving.remove_service(key)
        return key

    def remove(self, document: dict[str, Any]) -> None:
        """Take over that a Service is gone."""
        self._serving.remove_service(identity(document)[0])

    def forget(self, key: ObjectKey) -> None:
        """Drop a Service."""
        self._serving.remove_service(key)

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
        """Give the slices that have an endpoint that serves."""
        return {key for key in self._serving.slices() if namespace is None or key[0] == namespace}

    def put(self, document: dict[str, Any], *, is_listed: bool) -> ObjectKey:
        """Take over a slice."""
        key = _shared(identity(document)[0])
        try:
            name = document["metadata"]["labels"][_OF_SERVICE]
            family, endpoints = str(document.get("addressType")), _endpoints(document)
        except (KeyError, TypeError, AttributeError) as error:
            raise Garbled(f"no EndpointSlice: {type(error).__name__} {error}") from error
        self._serving.put_slice(key, (key[0], intern(name)), intern(family), endpoints)
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


def _endpoints(document: Mapping[str, Any]) -> Endpoints:
    """Count the endpoints that get requests, and those of replicas on their way out.

    Source: k8s.io/api v0.36.3 discovery/v1 types.go (`EndpointConditions`): a `ready` that is not said means yes, and a
    `serving` likewise.
    """
    conditions = [endpoint.get("conditions") or {} for endpoint in document.get("endpoints") or ()]
    ready = sum(one.get("ready") is not False and one.get("terminating") is not True for one in conditions)
    ending = sum(one.get("serving") is not False and one.get("terminating") is True for one in conditions)
    return Endpoints(ready, ending)


def _address(spec: Mapping[str, Any]) -> str:
    """Give the address of a Service with its first TCP port, `IP:PORT`; "": it has none.

    Source: k8s.io/api v0.36.3 core/v1 types.go (`ServiceSpec`): a headless one says `None`, and a protocol that is not
    said is TCP.
    """
    ports = spec.get("ports") or ()
    port = next((one.get("port") for one in ports if isinstance(one, dict) and one.get("protocol", "TCP") == "TCP"), 0)
    address = _canonical(str(spec.get("clusterIP")))
    return f"{address}:{port}" if address and isinstance(port, int) and port else ""


def _canonical(address: str) -> str:
    """Give an address as it is written shortest; "": it is none."""
    try:
        socket.inet_pton(socket.AF_INET, address)  # a hundredth of the time that the other one takes, of most Services
    except OSError:
        try:
            return str(ipaddress.ip_address(address))
        except ValueError:
            return ""
    return address


def _named(deployed: Deployed) -> ServiceName | None:
    """Give the Service that a Deployment names; None: it names none that could be one."""
    said = deployed.annotations.get(SERVICE)
    if said is None:
        return None
    try:
        named = parse_service_name(said)
    except ValueError:
        return None
    return ServiceName(intern(named.name), named.port)
