"""The Deployments of the twin's cluster."""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from autoscaler.core.fleet import FunctionKey
from autoscaler.core.obstacles import Obstacle
from autoscaler.twin.objects import Objects

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
        obstacle: what its status tells of missing replicas; that they start or crash is told by nothing but counts.
        owner: the field manager that owns `spec.replicas`, and the subresource through which it wrote; None: nobody.
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
    obstacle: Obstacle = Obstacle.NONE
    owner: tuple[str, str] | None = None

    def versioned(self, version: int) -> "Deployment":
        """Give the Deployment with another resource version."""
        return replace(self, resource_version=version)

    def manifest(self) -> dict[str, Any]:
        """Give the object as the API server sends it; counts of 0 are absent from the status, as they are there."""
        pod = {"app": self.key.name, **self.template_labels}
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
                "managedFields": self._managed_fields(),
            },
            "spec": {
                "replicas": self.replicas,
                "selector": {"matchLabels": {"app": self.key.name}},
                "template": {
                    "metadata": {"labels": pod, "annotations": dict(self.template_annotations)},
                    "spec": {"containers": [{"name": "function", "image": "function:latest"}]},
                },
            },
            "status": self._status(),
        }

    def _managed_fields(self) -> list[dict[str, Any]]:
        """Give the owner of replicas alone; nothing of the twin asks about other fields."""
        if self.owner is None:
            return []
        manager, subresource = self.owner
        entry: dict[str, Any] = {"manager": manager, "operation": "Update", "apiVersion": "apps/v1"}
        entry |= {"subresource": subresource} if subresource else {"time": _CREATED}
        return [entry | {"fieldsType": "FieldsV1", "fieldsV1": {"f:spec": {"f:replicas": {}}}}]

    def _status(self) -> dict[str, Any]:
        """Give the status; in a rollout that hangs all pods are old."""
        there, updated = self.running, self.running
        if self.obstacle is Obstacle.QUOTA_EXCEEDED:
            there = updated = self.ready
        elif self.obstacle is Obstacle.ROLLOUT:
            there, updated = max(1, self.ready), 0
        counts = {"replicas": there, "updatedReplicas": updated, "readyReplicas": self.ready}
        counts |= {"availableReplicas": self.ready, "unavailableReplicas": max(0, self.replicas - self.ready)}
        present = {name: count for name, count in counts.items() if count}
        return {"observedGeneration": self.generation, **present, "conditions": self._conditions()}

    def _conditions(self) -> list[dict[str, str]]:
        reason = "ReplicaSetUpdated" if self.obstacle is Obstacle.ROLLOUT else "NewReplicaSetAvailable"
        conditions = [{"type": "Progressing", "status": "True", "reason": reason}]
        if self.obstacle is Obstacle.QUOTA_EXCEEDED:
            words = f'pods "{self.key.name}" is forbidden: exceeded quota: pods, limited: pods={self.ready}'
            conditions.append({"type": "ReplicaFailure", "status": "True", "reason": "FailedCreate", "message": words})
        return conditions

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


class Deployments(Objects[Deployment]):
    """All Deployments."""

    def create(
        self,
        key: FunctionKey,
        replicas: int = 0,
        *,
        labels: Mapping[str, str] | None = None,
        annotations: Mapping[str, str] | None = None,
        template_labels: Mapping[str, str] | None = None,
        template_annotations: Mapping[str, str] | None = None,
        manager: str = "twin",
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
            owner=(manager, ""),
        )
        return self._add(made)

    def set_replicas(self, key: FunctionKey, replicas: int, manager: str = "twin") -> Deployment:
        """Set `spec.replicas` through the scale; the same number changes nothing, not even the version.

        To 0 nobody owns them afterwards, and then nobody does until the Deployment itself is written: so does
        kube-apiserver 1.36.3, since a scale at 0 has no such field, and an object without owners is not tracked.
        """
        found = self._objects[key]
        if found.replicas == replicas:
            return found
        owner = (manager, "scale") if replicas and found.owner is not None else None
        generation = found.generation + 1
        return self._record("MODIFIED", replace(found, replicas=replicas, generation=generation, owner=owner))

    def deploy(
        self,
        key: FunctionKey,
        replicas: int | None,
        manager: str,
        *,
        labels: Mapping[str, str],
        annotations: Mapping[str, str],
    ) -> Deployment:
        """Write the Deployment itself: replicas (None: as they are), and what is merged into its pod template."""
        found = self._objects[key]
        count = found.replicas if replicas is None else replicas
        changed = replace(
            found,
            replicas=count,
            owner=found.owner if count == found.replicas else (manager, ""),
            template_labels={**found.template_labels, **labels},
            template_annotations={**found.template_annotations, **annotations},
        )
        return (
            found if changed == found else self._record("MODIFIED", replace(changed, generation=found.generation + 1))
        )

    def set_labels(self, key: FunctionKey, labels: Mapping[str, str], annotations: Mapping[str, str]) -> Deployment:
        """Set the Deployment's own labels and annotations."""
        found = self._objects[key]
        if (found.labels, found.annotations) == (labels, annotations):
            return found
        return self._record("MODIFIED", replace(found, labels=dict(labels), annotations=dict(annotations)))

    def set_status(self, key: FunctionKey, running: int, ready: int, obstacle: Obstacle = Obstacle.NONE) -> None:
        """Report what runs; what changes nothing that can be seen is no event."""
        found, told = self._objects[key], Obstacle.NONE if obstacle is Obstacle.NOT_READY else obstacle
        if (found.running, found.ready, found.obstacle) != (running, ready, told):
            self._record("MODIFIED", replace(found, running=running, ready=ready, obstacle=told))
