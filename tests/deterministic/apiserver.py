"""The cluster as it truly is, and the API server's memory of what happened to it: no network, no fault of its own."""

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import orjson

from autoscaler.core.fleet import FunctionKey

OURS = "autoscaler"
BY_HAND = ("kubectl", "Update", "scale")
APPLY = "kubectl-client-side-apply"
KEPT = 400
"""Events that are remembered; whoever asks for older ones is told to list anew (410)."""


REFUSED = {
    "type": "ReplicaFailure",
    "status": "True",
    "reason": "FailedCreate",
    "message": 'pods "f-" is forbidden: exceeded quota: pods, requested: pods=1, used: pods=8, limited: pods=8',
}
"""How a Deployment says that no more pods of it may be made."""


@dataclass(slots=True)
class Deployment:
    """One Deployment.

    Attributes:
        uid: of this very object; one made anew has another.
        requested: `spec.replicas`.
        ready: `status.readyReplicas`.
        labels: its own.
        annotations: its own.
        version: of its last change.
        template: number of its pod template.
        is_refused: a quota lets no more pods be made than are ready.
        is_unobserved: the controllers stand still, and `ready` with them.
        writer: field manager that owns `spec.replicas`, with the verb it wrote by and the subresource.
    """

    key: FunctionKey
    uid: str
    requested: int
    ready: int
    labels: dict[str, str]
    annotations: dict[str, str] = field(default_factory=dict)
    version: int = 0
    template: int = 1
    is_refused: bool = False
    is_unobserved: bool = False
    writer: tuple[str, str, str] = (APPLY, "Update", "")

    def document(self) -> dict[str, object]:
        """Give it as the API server writes it."""
        manager, operation, subresource = self.writer
        owner = {
            "manager": manager,
            "operation": operation,
            "apiVersion": "apps/v1",
            "fieldsType": "FieldsV1",
            "fieldsV1": {"f:spec": {"f:replicas": {}}},
        }
        metadata = {
            "namespace": self.key.namespace,
            "name": self.key.name,
            "uid": self.uid,
            "resourceVersion": str(self.version),
            "generation": self.template,
            "labels": self.labels,
            "annotations": self.annotations,
            "managedFields": [owner | ({"subresource": subresource} if subresource else {})],
        }
        template = {"metadata": {"labels": {"revision": str(self.template)}}}
        status: dict[str, object] = {
            "replicas": self.requested,
            "updatedReplicas": self.requested,
            "readyReplicas": self.ready,
        }
        if self.is_refused:
            status |= {"replicas": self.ready, "updatedReplicas": self.ready, "conditions": [REFUSED]}
        return {
            "apiVersion": "apps/v1",
            "kind": "Deployment",
            "metadata": metadata,
            "spec": {"replicas": self.requested, "template": template},
            "status": status,
        }

    def sees_ready(self, ready: int) -> bool:
        """Take note of what is ready, as far as controllers and quotas let that be; tell whether it is news."""
        if self.is_refused:
            ready = min(ready, self.ready)
        is_news = ready != self.ready and not self.is_unobserved
        if is_news:
            self.ready = ready
        return is_news

    def scale(self) -> dict[str, object]:
        """Give its scale; at 0 the key is absent."""
        spec = {"replicas": self.requested} if self.requested else {}
        metadata = {
            "namespace": self.key.namespace,
            "name": self.key.name,
            "uid": self.uid,
            "resourceVersion": str(self.version),
        }
        return {"kind": "Scale", "metadata": metadata, "spec": spec}


@dataclass(frozen=True, slots=True)
class Event:
    """One line of a watch."""

    version: int
    at_s: float
    key: FunctionKey
    line: bytes


class ApiServer:
    """Deployments, each with every change as a watch tells it.

    Attributes:
        events: what is remembered, oldest first.
        by_hand: changes of replicas that somebody made by hand, by function.
        forgotten: version of the newest event that is no longer remembered.
    """

    def __init__(self, now_s: Callable[[], float]) -> None:
        self._now_s = now_s
        self._there: dict[FunctionKey, Deployment] = {}
        self._made = 0
        self.version = 1
        self.events: list[Event] = []
        self.forgotten = 0
        self.by_hand: Counter[FunctionKey] = Counter()
        self._followers: list[Callable[[], None]] = []
        self.on_scale: Callable[[FunctionKey, int], None] = lambda key, requested: None

    def __iter__(self) -> Iterator[Deployment]:
        return iter(self._there.values())

    def find(self, key: FunctionKey) -> Deployment | None:
        return self._there.get(key)

    def follow(self, follower: Callable[[], None]) -> Callable[[], None]:
        """Call the follower at every event, until the function that is given back is called."""
        self._followers.append(follower)
        return lambda: self._followers.remove(follower)

    def create(self, key: FunctionKey, replicas: int, labels: dict[str, str], *, ready: int = 0) -> Deployment:
        """Make a Deployment, with a uid of its own."""
        self._made += 1
        made = Deployment(key, f"uid-{self._made}", replicas, ready, labels)
        self._there[key] = made
        self._note("ADDED", made)
        self.on_scale(key, replicas)
        return made

    def delete(self, key: FunctionKey) -> None:
        """Delete a Deployment, and what runs of it."""
        gone = self._there.pop(key)
        gone.requested = gone.ready = 0
        self._note("DELETED", gone)
        self.on_scale(key, 0)

    def set_replicas(self, one: Deployment, replicas: int, writer: tuple[str, str, str]) -> None:
        """Write `spec.replicas`."""
        is_other = one.requested != replicas
        self.by_hand[one.key] += is_other and writer == BY_HAND
        one.requested, one.writer = replicas, writer
        one.ready = one.ready if one.is_unobserved else min(one.ready, replicas)
        self.touch(one)
        if is_other:
            self.on_scale(one.key, replicas)

    def touch(self, one: Deployment) -> None:
        """Tell that a Deployment changed."""
        self._note("MODIFIED", one)

    def forget(self) -> None:
        """Compact: from here on nobody can go on from before."""
        self.forgotten = self.version
        self.events.clear()

    def since(self, version: int) -> list[Event]:
        """Give the events after a version, oldest first."""
        found: list[Event] = []
        for event in reversed(self.events):
            if event.version <= version:
                break
            found.append(event)
        return found[::-1]

    def _note(self, kind: str, one: Deployment) -> None:
        self.version += 1
        one.version = self.version
        line = orjson.dumps({"type": kind, "object": one.document()}) + b"\n"
        self.events.append(Event(self.version, self._now_s(), one.key, line))
        if len(self.events) > KEPT:
            self.forgotten = self.events.pop(0).version
        for follower in tuple(self._followers):
            follower()
