"""The Deployments of the twin's cluster: objects, resource versions and a bounded log of what changed."""

import uuid
from bisect import bisect_right
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import orjson

from autoscaler.core.fleet import FunctionKey

_CREATED = "2026-01-01T00:00:00Z"
_NAMES = uuid.UUID("8f3e1a52-53a4-4f0c-9a55-6d0b1f6f2d10")


@dataclass(frozen=True, slots=True)
class Deployment:
    """One Deployment as the API server keeps it.

    Attributes:
        key: namespace and name.
        uid: its identity; one created anew under the same name has another.
        resource_version: of its last change.
        generation: counts changes of the spec, not of the status.
        labels: of the Deployment itself.
        annotations: of the Deployment itself.
        template_labels: of its pod template.
        template_annotations: of its pod template.
        replicas: `spec.replicas`.
        running: `status.replicas`, pods there are, ready or not.
        ready: `status.readyReplicas`.
    """

    key: FunctionKey
    uid: str
    resource_version: int
    generation: int
    labels: Mapping[str, str]
    annotations: Mapping[str, str]
    template_labels: Mapping[str, str]
    template_annotations: Mapping[str, str]
    replicas: int
    running: int = 0
    ready: int = 0

    def manifest(self) -> dict[str, Any]:
        """Give the object as the API server sends it; counts of 0 are absent from the status, as they are there."""
        pod = {"app": self.key.name, **self.template_labels}
        counts = {"replicas": self.running, "updatedReplicas": self.running, "readyReplicas": self.ready}
        counts |= {"availableReplicas": self.ready, "unavailableReplicas": max(0, self.replicas - self.ready)}
        return {
            "apiVersion": "apps/v1",
            "kind": "Deployment",
            "metadata": {
                "name": self.key.name,
                "namespace": self.key.namespace,
                "uid": self.uid,
                "resourceVersion": str(self.resource_version),
                "generation": self.generation,
                "creationTimestamp": _CREATED,
                "labels": dict(self.labels),
                "annotations": dict(self.annotations),
            },
            "spec": {
                "replicas": self.replicas,
                "selector": {"matchLabels": {"app": self.key.name}},
                "template": {
                    "metadata": {"labels": pod, "annotations": dict(self.template_annotations)},
                    "spec": {"containers": [{"name": "function", "image": "function:latest"}]},
                },
            },
            "status": {"observedGeneration": self.generation, **{name: n for name, n in counts.items() if n}},
        }

    def scale(self) -> dict[str, Any]:
        """Give its scale subresource: at 0 replicas the key is absent, and there is no ready count."""
        return {
            "kind": "Scale",
            "apiVersion": "autoscaling/v1",
            "metadata": {
                "name": self.key.name,
                "namespace": self.key.namespace,
                "uid": self.uid,
                "resourceVersion": str(self.resource_version),
                "creationTimestamp": _CREATED,
            },
            "spec": {"replicas": self.replicas} if self.replicas else {},
            "status": {"replicas": self.running, "selector": f"app={self.key.name}"},
        }


@dataclass(frozen=True, slots=True)
class Change:
    """One watch event: `kind` is ADDED, MODIFIED or DELETED; `line` its JSON with the newline."""

    version: int
    kind: str
    key: FunctionKey
    line: bytes


class TooOldError(Exception):
    """The changes asked for are no longer kept; the caller must list again."""


Listener = Callable[[str, Deployment], None]


@dataclass(slots=True)
class Deployments:
    """All Deployments, with the changes that watchers have not read yet.

    Attributes:
        kept_changes: how many changes a watcher may be behind before it is told to list again.
    """

    kept_changes: int = 5_000
    version: int = 1
    oldest: int = 1
    _objects: dict[FunctionKey, Deployment] = field(default_factory=dict)
    _order: list[FunctionKey] = field(default_factory=list)
    _changes: deque[Change] = field(default_factory=deque)
    _listeners: list[Listener] = field(default_factory=list)

    def __iter__(self) -> Iterator[Deployment]:
        return iter([self._objects[key] for key in self._order])

    def __len__(self) -> int:
        return len(self._objects)

    def get(self, key: FunctionKey) -> Deployment | None:
        return self._objects.get(key)

    def subscribe(self, listener: Listener) -> None:
        """Call `listener(kind, deployment)` after every change."""
        self._listeners.append(listener)

    def unsubscribe(self, listener: Listener) -> None:
        self._listeners.remove(listener)

    def create(
        self,
        key: FunctionKey,
        replicas: int = 0,
        *,
        labels: Mapping[str, str] | None = None,
        annotations: Mapping[str, str] | None = None,
        template_labels: Mapping[str, str] | None = None,
        template_annotations: Mapping[str, str] | None = None,
    ) -> Deployment | None:
        """Add a Deployment; None if there is one of that name."""
        if key in self._objects:
            return None
        made = Deployment(
            key=key,
            uid=str(uuid.uuid5(_NAMES, f"{key}#{self.version}")),
            resource_version=0,
            generation=1,
            labels=dict(labels or {}),
            annotations=dict(annotations or {}),
            template_labels=dict(template_labels or {}),
            template_annotations=dict(template_annotations or {}),
            replicas=replicas,
        )
        self._order.insert(bisect_right(self._order, key), key)
        return self._record("ADDED", made)

    def delete(self, key: FunctionKey) -> Deployment | None:
        """Remove a Deployment; None if there is none."""
        found = self._objects.get(key)
        if found is None:
            return None
        self._order.remove(key)
        return self._record("DELETED", found)

    def set_replicas(self, key: FunctionKey, replicas: int) -> Deployment:
        """Set `spec.replicas`; the same number changes nothing, not even the version."""
        found = self._objects[key]
        if found.replicas == replicas:
            return found
        return self._record("MODIFIED", replace(found, replicas=replicas, generation=found.generation + 1))

    def set_labels(self, key: FunctionKey, labels: Mapping[str, str], annotations: Mapping[str, str]) -> Deployment:
        """Set the Deployment's own labels and annotations."""
        found = self._objects[key]
        if (found.labels, found.annotations) == (labels, annotations):
            return found
        return self._record("MODIFIED", replace(found, labels=dict(labels), annotations=dict(annotations)))

    def set_status(self, key: FunctionKey, running: int, ready: int) -> None:
        """Report what runs; unchanged counts are no event."""
        found = self._objects[key]
        if (found.running, found.ready) != (running, ready):
            self._record("MODIFIED", replace(found, running=running, ready=ready))

    def page(self, namespace: str | None, after: FunctionKey | None, limit: int | None) -> tuple[list[Deployment], int]:
        """Give up to `limit` Deployments behind `after`, in order of their keys, and how many remain behind them."""
        start = 0 if after is None else bisect_right(self._order, after)
        keys = [key for key in self._order[start:] if namespace in (None, key.namespace)]
        taken = keys if limit is None else keys[:limit]
        return [self._objects[key] for key in taken], len(keys) - len(taken)

    def changes_since(self, version: int, namespace: str | None) -> list[Change]:
        """Give the changes after a version.

        Raises:
            TooOldError: some of them are no longer kept.
        """
        if version < self.oldest:
            raise TooOldError(f"too old resource version: {version} ({self.oldest})")
        fresh: list[Change] = []
        for change in reversed(self._changes):
            if change.version <= version:
                break
            if namespace in (None, change.key.namespace):
                fresh.append(change)
        return fresh[::-1]

    def compact(self) -> None:
        """Forget all changes, as the API server does in time: whoever resumes from an earlier version must list again."""
        self._changes.clear()
        self.version += 1
        self.oldest = self.version

    def _record(self, kind: str, changed: Deployment) -> Deployment:
        self.version += 1
        changed = replace(changed, resource_version=self.version)
        if kind == "DELETED":
            del self._objects[changed.key]
        else:
            self._objects[changed.key] = changed
        line = orjson.dumps({"type": kind, "object": changed.manifest()}) + b"\n"
        self._changes.append(Change(self.version, kind, changed.key, line))
        while len(self._changes) > self.kept_changes:
            self.oldest = self._changes.popleft().version
        for listener in list(self._listeners):
            listener(kind, changed)
        return changed
