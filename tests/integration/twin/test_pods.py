"""The twin's pods: those that no node has room for, as the API server would list and watch them."""

from collections.abc import AsyncIterator

import aiohttp
import pytest

from autoscaler.core.fleet import FunctionKey
from autoscaler.core.obstacles import Obstacle
from autoscaler.twin.deployments import Deployments
from autoscaler.twin.pods import WaitingPods
from autoscaler.twin.world import Twin

SELECTED = {"fieldSelector": "status.phase=Pending,spec.nodeName=", "labelSelector": "pod-template-hash"}
F = FunctionKey("ns", "f")


@pytest.fixture
async def api(twin: Twin) -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession(twin.kubernetes_url, headers={"Authorization": "Bearer scaler-token"}) as session:
        yield session


@pytest.mark.parametrize(
    ("path", "query", "status"),
    [
        ("/api/v1/pods", SELECTED, 200),
        ("/api/v1/namespaces/ns/pods", SELECTED, 200),
        ("/api/v1/pods", {}, 400),
        ("/api/v1/pods", SELECTED | {"fieldSelector": "status.phase=Running"}, 400),
        ("/apis/apps/v1/deployments", SELECTED, 400),
        ("/api/v1/namespaces/ns/pods/f", {}, 404),
    ],
)
async def test_only_one_selection_is_served(
    api: aiohttp.ClientSession, path: str, query: dict[str, str], status: int
) -> None:
    """Pods that wait for a node are served; any other selection is refused, not answered with the wrong pods."""
    async with api.get(path, params=query) as answer:
        assert answer.status == status
        assert (await answer.json())["kind"] == ("PodList" if status == 200 else "Status")


def test_pods_follow_the_missing_replicas() -> None:
    """There are as many as replicas are missing while no node has room, and none once that is over or it is deleted."""
    deployments, pods = Deployments(), WaitingPods()
    deployments.subscribe(pods.follow)
    deployments.create(F, 3)
    numbers = []
    for ready, obstacle in ((1, Obstacle.NOT_SCHEDULABLE), (2, Obstacle.NOT_SCHEDULABLE), (2, Obstacle.NONE)):
        deployments.set_status(F, 3, ready, obstacle)
        numbers.append(len(pods))
    deployments.set_status(F, 3, 0, Obstacle.NOT_SCHEDULABLE)
    numbers.append(len(pods))
    deployments.delete(F)
    numbers.append(len(pods))
    assert numbers == [2, 1, 0, 3, 0]
    assert {change.kind for change in pods.changes_since(1, None)} == {"ADDED", "DELETED"}
