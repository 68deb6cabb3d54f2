"""Pods that no node has room for: which Deployment they belong to, and how many there are of each."""

import copy
from typing import Any

import pytest

from autoscaler.adapters.kubernetes.errors import Garbled
from autoscaler.adapters.kubernetes.pods import UnschedulablePods, read_unschedulable
from autoscaler.core.fleet import FunctionKey

F, G = FunctionKey("ns", "f"), FunctionKey("ns", "g")
WAITING: dict[str, Any] = {
    "metadata": {
        "namespace": "ns",
        "name": "my-function-54948d9979-d7npj",
        "labels": {"app": "my-function", "pod-template-hash": "54948d9979"},
        "ownerReferences": [{"kind": "ReplicaSet", "name": "my-function-54948d9979"}],
    },
    "status": {
        "phase": "Pending",
        "conditions": [{"type": "PodScheduled", "status": "False", "reason": "Unschedulable"}],
    },
}


def changed(place: str, **change: Any) -> dict[str, Any]:
    """Give the waiting pod with another metadata or status."""
    pod = copy.deepcopy(WAITING)
    pod[place].update(change)
    return pod


def condition(**change: str) -> dict[str, Any]:
    return changed("status", conditions=[WAITING["status"]["conditions"][0] | change])


def test_a_waiting_pod_names_its_deployment() -> None:
    """The Deployment is the ReplicaSet's name without the pod template's hash, hyphens and all."""
    assert read_unschedulable(WAITING) == FunctionKey("ns", "my-function")


@pytest.mark.parametrize(
    "pod",
    [
        changed("status", conditions=None),
        condition(reason="SchedulingGated"),
        condition(status="True"),
        condition(type="Ready"),
        changed("metadata", labels=None),
        changed("metadata", labels={"pod-template-hash": ""}),
        changed("metadata", labels={"pod-template-hash": "other"}),
        changed("metadata", ownerReferences=None),
        changed("metadata", ownerReferences=[{"kind": "Job", "name": "my-function-54948d9979"}]),
        {"metadata": {"name": "f", "namespace": "ns"}},
    ],
)
def test_any_other_pod_belongs_to_none(pod: dict[str, Any]) -> None:
    """A pod that has a node, waits for something else or is not of a Deployment names none."""
    assert read_unschedulable(pod) is None


@pytest.mark.parametrize(
    "pod",
    [
        {},
        {"metadata": None, "status": WAITING["status"]},
        changed("metadata", labels="x"),
        changed("status", conditions=[1]),
    ],
)
def test_what_is_no_pod_is_refused(pod: dict[str, Any]) -> None:
    """A document of another shape is an error of this package."""
    with pytest.raises(Garbled):
        read_unschedulable(pod)


def test_only_the_first_and_the_last_pod_are_told() -> None:
    """A Deployment is told on when its first waiting pod appears and when its last is gone; repetitions are not."""
    told: list[tuple[FunctionKey, bool]] = []
    pods = UnschedulablePods(lambda key, is_so: told.append((key, is_so)))
    for name in ("a", "a", "b"):
        pods.put(("ns", name), F)
    pods.put(("ns", "c"), G)
    pods.put(("ns", "d"), None)
    pods.remove(("ns", "a"))
    pods.put(("ns", "b"), None)
    pods.remove(("ns", "b"))
    assert told == [(F, True), (G, True), (F, False)]
    assert pods.keys(None) == {("ns", "c")}
    assert pods.keys("other") == set()
