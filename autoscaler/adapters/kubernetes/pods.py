"""The pods that no node has room for, and the Deployments that they belong to."""

from collections import Counter
from collections.abc import Callable, Mapping
from sys import intern
from typing import Any

from autoscaler.adapters.kubernetes.errors import Garbled
from autoscaler.core.fleet import FunctionKey

PodKey = tuple[str, str]
"""Namespace and name of a pod."""

Tell = Callable[[FunctionKey, bool], None]


def read_unschedulable(pod: Mapping[str, Any]) -> FunctionKey | None:
    """Give the Deployment of a pod that the scheduler found no node for; None: it has one, or belongs to none.

    A pod names its ReplicaSet, and that is named like the Deployment, with the pod template's hash behind it. For
    Deployments whose name has more than about 240 characters the API server cuts it; their pods are not found.

    Raises:
        Garbled: it is no pod.

    Source: kubernetes v1.36.3 pkg/controller/deployment/sync.go (`generateReplicaSetName`).
    """
    try:
        metadata = pod["metadata"]
        conditions = (pod.get("status") or {}).get("conditions") or ()
        if not any(_is_unschedulable(condition) for condition in conditions):
            return None
        suffix = "-" + ((metadata.get("labels") or {}).get("pod-template-hash") or "")
        for owner in metadata.get("ownerReferences") or ():
            if owner.get("kind") == "ReplicaSet" and owner["name"].endswith(suffix):
                return FunctionKey(intern(metadata["namespace"]), intern(owner["name"].removesuffix(suffix)))
    except (KeyError, TypeError, AttributeError) as error:
        raise Garbled(f"no pod: {type(error).__name__} {error}") from error
    return None


def _is_unschedulable(condition: Mapping[str, Any]) -> bool:
    is_refused = condition.get("type") == "PodScheduled" and condition.get("status") == "False"
    return is_refused and condition.get("reason") == "Unschedulable"


class UnschedulablePods:
    """Counts the pods without a node of each Deployment; of any other pod nothing is kept.

    Args:
        tell: is called with a Deployment when its first such pod appears, and when its last one goes.
    """

    def __init__(self, tell: Tell) -> None:
        self._tell = tell
        self._owners: dict[PodKey, FunctionKey] = {}
        self._counts: Counter[FunctionKey] = Counter()

    def keys(self, namespace: str | None) -> set[PodKey]:
        """Give the pods within a namespace; None: all."""
        return {key for key in self._owners if namespace is None or key[0] == namespace}

    def put(self, key: PodKey, owner: FunctionKey | None) -> None:
        """Note what a pod is now: one of `owner` that has no node, or (None) any other."""
        if self._owners.get(key) == owner:
            return
        self.remove(key)
        if owner is None:
            return
        self._owners[key] = owner
        self._counts[owner] += 1
        if self._counts[owner] == 1:
            self._tell(owner, True)

    def remove(self, key: PodKey) -> None:
        """Forget a pod that is gone, or has a node now."""
        owner = self._owners.pop(key, None)
        if owner is None:
            return
        self._counts[owner] -= 1
        if self._counts[owner] == 0:
            del self._counts[owner]
            self._tell(owner, False)
