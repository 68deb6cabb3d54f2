"""Why replicas are missing, read from what the deployment controller and the scheduler say."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from autoscaler.core.obstacles import Obstacle

_NOT_BEGUN = ("NewReplicaSetAvailable", "DeploymentPaused")
_REFUSALS = ("exceeded quota", "forbidden", "denied the request")


@dataclass(frozen=True, slots=True)
class Progress:
    """What a Deployment's status says of its pods, beside their number.

    Attributes:
        is_rolling: not all replicas have the newest pod template yet.
        is_refused: a quota or an admission rule refuses pods.
    """

    is_rolling: bool = False
    is_refused: bool = False


DONE = Progress()
_PROGRESS = {
    (p.is_rolling, p.is_refused): p for p in (DONE, Progress(True), Progress(False, True), Progress(True, True))
}


def read_progress(status: Mapping[str, Any], replicas: int) -> Progress:
    """Read a Deployment's status.

    A rollout is what `kubectl rollout status` waits for, less what a mere scale-up shows too: old pods are still
    there, or new ones are missing and the controller has not called this template complete yet. Once it has
    (`NewReplicaSetAvailable`), it keeps saying so through every scale-up, in which `updatedReplicas` lags behind
    `spec.replicas` for tens of milliseconds, or for as long as pods are refused. While a Deployment is paused it says
    `DeploymentPaused`, whatever was so before, so that only old pods tell.

    That the spec is not observed yet says nothing by itself: every scale, ours included, is a new generation
    that the controller takes some milliseconds to see, and until it does no pod is replaced.

    Args:
        replicas: `spec.replicas` of the same document.

    Source: k8s.io/kubectl v0.36.3 pkg/polymorphichelpers/rollout_status.go; kubernetes v1.36.3
        pkg/controller/deployment/progress.go (`syncRolloutStatus`).
    """
    updated = int(status.get("updatedReplicas") or 0)
    has_old = int(status.get("replicas") or 0) > updated
    is_begun = is_refused = False
    for condition in status.get("conditions") or ():
        kind = condition.get("type")
        if kind == "Progressing":
            is_begun = condition.get("reason") not in _NOT_BEGUN
        elif kind == "ReplicaFailure" and condition.get("status") == "True":
            is_refused = _is_refusal(condition)
    return _PROGRESS[has_old or (is_begun and updated < replicas), is_refused]


def _is_refusal(condition: Mapping[str, Any]) -> bool:
    """Tell a pod that may not be made from one that could not be: a web hook that cannot be reached forbids nothing."""
    message = str(condition.get("message") or "")
    return condition.get("reason") == "FailedCreate" and any(words in message for words in _REFUSALS)


def obstacle_of(requested: int, ready: int, progress: Progress, is_unschedulable: bool) -> Obstacle:
    """Name what stands between requested and ready replicas.

    The first that holds of: refused, rolling, unschedulable, not ready. A refusal comes before the rollout that
    it holds up, since it is what somebody must mend; a rollout comes before pods of it that find no node, since
    it counts at once, and they after a while.
    """
    if ready >= requested:
        return Obstacle.ROLLOUT if progress.is_rolling else Obstacle.NONE
    if progress.is_refused:
        return Obstacle.QUOTA_EXCEEDED
    if progress.is_rolling:
        return Obstacle.ROLLOUT
    return Obstacle.NOT_SCHEDULABLE if is_unschedulable else Obstacle.NOT_READY
