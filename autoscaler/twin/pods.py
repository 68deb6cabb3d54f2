"""The pods of the twin's cluster that no node has room for; those that run are the simulator's, and not served."""

from dataclasses import dataclass, replace
from typing import Any

from autoscaler.core.fleet import FunctionKey
from autoscaler.core.obstacles import Obstacle
from autoscaler.twin.deployments import Deployment
from autoscaler.twin.objects import Objects

_HASH = "5c76f59f97"


@dataclass(frozen=True, slots=True)
class Pod:
    """One pod that waits for a node.

    Attributes:
        key: namespace and name of the pod.
        owner: its Deployment's name.
    """

    key: FunctionKey
    owner: str
    resource_version: int = 0

    def versioned(self, version: int) -> "Pod":
        """Give the pod with another resource version."""
        return replace(self, resource_version=version)

    def manifest(self) -> dict[str, Any]:
        """Give the pod as the API server sends it."""
        unscheduled = {
            "type": "PodScheduled",
            "status": "False",
            "reason": "Unschedulable",
            "message": "0/1 nodes are available: 1 Insufficient cpu.",
        }
        return {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {
                "name": self.key.name,
                "namespace": self.key.namespace,
                "resourceVersion": str(self.resource_version),
                "labels": {"app": self.owner, "pod-template-hash": _HASH},
                "ownerReferences": [{"apiVersion": "apps/v1", "kind": "ReplicaSet", "name": f"{self.owner}-{_HASH}"}],
            },
            "spec": {"containers": [{"name": "function", "image": "function:latest"}]},
            "status": {"phase": "Pending", "conditions": [unscheduled]},
        }


class WaitingPods(Objects[Pod]):
    """As many pods without a node as the Deployments' obstacles come to."""

    def follow(self, kind: str, deployment: Deployment) -> None:
        """Make and remove pods as a Deployment's change asks for."""
        is_full = kind != "DELETED" and deployment.obstacle is Obstacle.NOT_SCHEDULABLE
        if not is_full and not len(self):
            return
        namespace, name = deployment.key
        missing = max(0, deployment.replicas - deployment.ready) if is_full else 0
        wanted = {FunctionKey(namespace, f"{name}-{_HASH}-{number}") for number in range(missing)}
        there = {pod.key for pod in self if (pod.key.namespace, pod.owner) == (namespace, name)}
        for key in sorted(there - wanted):
            self.delete(key)
        for key in sorted(wanted - there):
            self._add(Pod(key, name))
