"""Why replicas are missing: statuses that a real deployment controller wrote in, codes out."""

from typing import Any

import pytest

from autoscaler.adapters.kubernetes.obstacles import DONE, Progress, obstacle_of, read_progress
from autoscaler.core.obstacles import Obstacle

QUOTA = 'pods "a-5c76f59f97-x" is forbidden: exceeded quota: q, requested: pods=1, used: pods=8, limited: pods=8'
POLICY = 'pods "a-x" is forbidden: violates PodSecurity "restricted:latest": runAsNonRoot != true'
HOOK = 'admission webhook "limits.example.org" denied the request: too many'
AWAY = 'Internal error occurred: failed calling webhook "limits.example.org": connection refused'


def status(there: int, updated: int, reason: str | None = "NewReplicaSetAvailable", **more: Any) -> dict[str, Any]:
    """Give a status with these pods, of which so many are of the newest template."""
    conditions = [] if reason is None else [{"type": "Progressing", "status": "True", "reason": reason}]
    counts = {"replicas": there, "updatedReplicas": updated}
    return {**{name: count for name, count in counts.items() if count}, "conditions": conditions, **more}


def failure(message: str, reason: str = "FailedCreate", value: str = "True") -> dict[str, Any]:
    condition = {"type": "ReplicaFailure", "status": value, "reason": reason, "message": message}
    return status(2, 2) | {"conditions": [condition]}


@pytest.mark.parametrize(
    ("document", "replicas", "is_rolling"),
    [
        ({}, 3, False),  # new, not seen by any controller
        (status(0, 0), 0, False),
        (status(2, 2, observedGeneration=2), 5, False),  # scaled up a moment ago
        (status(0, 0), 2, False),  # from zero
        (status(5, 5), 5, False),
        (status(9, 9), 2, False),  # scaled down a moment ago
        (status(2, 2, "ReplicaSetUpdated"), 2, False),  # all pods are new, and start
        (status(2, 2, "ProgressDeadlineExceeded"), 2, False),  # all pods are new, and crash
        (status(2, 2, None), 5, False),  # without a progress deadline no condition tells of scale-ups
        (status(2, 2, "DeploymentPaused"), 5, False),  # paused when it was complete, and scaled
        (status(7, 3, "ReplicaSetUpdated"), 5, True),
        (status(7, 2, "NewReplicaSetCreated"), 5, True),
        (status(10, 0), 1, True),  # the controller has seen the template and not said so yet
        (status(6, 5, "ReplicaSetUpdated"), 5, True),  # one old pod is left
        (status(6, 5, None), 5, True),
        (status(0, 0, "ReplicaSetUpdated"), 1, True),  # Recreate: old pods are gone, new ones not made yet
        (status(7, 3, "ProgressDeadlineExceeded"), 5, True),
        (status(7, 3, "DeploymentPaused"), 5, True),
    ],
)
def test_a_rollout_is_told_from_a_scale_up(document: dict[str, Any], replicas: int, is_rolling: bool) -> None:
    """A rollout is under way while old pods are there or new ones lack of a template that was never complete."""
    assert read_progress(document, replicas) == Progress(is_rolling)


@pytest.mark.parametrize(
    ("document", "is_refused"),
    [
        (failure(QUOTA), True),
        (failure(POLICY), True),
        (failure(HOOK), True),
        (failure(QUOTA, value="False"), False),
        (failure(QUOTA, reason="FailedDelete"), False),
        (failure(AWAY), False),
        (failure(""), False),
        (status(2, 2, conditions=None), False),
    ],
)
def test_a_refusal_is_told_from_a_failure(document: dict[str, Any], is_refused: bool) -> None:
    """Pods that a quota or rule forbids are refused; those that could not be made for another reason are not."""
    assert read_progress(document, 5).is_refused is is_refused


@pytest.mark.parametrize(
    ("requested", "ready", "progress", "is_unschedulable", "obstacle"),
    [
        (3, 3, DONE, False, Obstacle.NONE),
        (0, 0, DONE, False, Obstacle.NONE),
        (0, 4, DONE, True, Obstacle.NONE),
        (3, 3, DONE, True, Obstacle.NONE),
        (3, 3, Progress(is_refused=True), True, Obstacle.NONE),
        (3, 3, Progress(is_rolling=True), True, Obstacle.ROLLOUT),
        (3, 3, Progress(True, True), False, Obstacle.ROLLOUT),
        (3, 2, DONE, False, Obstacle.NOT_READY),
        (3, 2, DONE, True, Obstacle.NOT_SCHEDULABLE),
        (3, 2, Progress(is_rolling=True), True, Obstacle.ROLLOUT),
        (3, 2, Progress(is_refused=True), True, Obstacle.QUOTA_EXCEEDED),
        (3, 2, Progress(True, True), True, Obstacle.QUOTA_EXCEEDED),
    ],
)
def test_the_first_of_several_obstacles_is_named(
    requested: int, ready: int, progress: Progress, is_unschedulable: bool, obstacle: Obstacle
) -> None:
    """Refused comes before rolling, that before unschedulable; nothing but a rollout matters where none is missing."""
    assert obstacle_of(requested, ready, progress, is_unschedulable) is obstacle
