"""The watch of pods only explains: whatever it does, Deployments are known and written as without it."""

from typing import Any

import pytest

from autoscaler.core.fleet import FunctionKey
from autoscaler.core.obstacles import Obstacle
from autoscaler.policy.settings import KubernetesSettings
from autoscaler.ports import ScaleChange, ScaleOutcome
from tests.contract.cluster import requested, running, wait_for
from tests.contract.obstacles import obstacle
from tests.integration.kubernetes.conftest import TIMES
from tests.integration.kubernetes.fakeapi import HANG, Answer, FakeApi, bookmark, deployment, event, page, refusal

F = FunctionKey("ns", "f")
FORBIDDEN = Answer(403, refusal(403, 'cannot list resource "pods"'))


def pod(version: int, number: int = 1, reason: str = "Unschedulable") -> dict[str, Any]:
    """Give a pod of `f` that the scheduler has looked at."""
    return {
        "metadata": {
            "namespace": "ns",
            "name": f"f-5c76f59f97-{number}",
            "resourceVersion": str(version),
            "labels": {"pod-template-hash": "5c76f59f97"},
            "ownerReferences": [{"kind": "ReplicaSet", "name": "f-5c76f59f97"}],
        },
        "status": {"conditions": [{"type": "PodScheduled", "status": "False", "reason": reason}]},
    }


@pytest.fixture(autouse=True)
def missing(api: FakeApi) -> None:
    """One of two replicas is missing."""
    api.pages[0] = page([deployment("f", 5, replicas=2, ready=1)], 5)


async def test_only_pods_that_wait_for_a_node_are_asked_for(api: FakeApi, settings: KubernetesSettings) -> None:
    """Lists and watches select pending pods of Deployments without a node, and the list may come from a cache."""
    async with running(settings, times=TIMES):
        await wait_for(lambda: len(api.pods_asked) == 2, "list and watch")
    listed, watched = api.pods_asked
    assert (listed.path, listed.query["resourceVersion"]) == ("/api/v1/pods", "0")
    assert (watched.query["resourceVersion"], watched.query["allowWatchBookmarks"]) == ("1", "true")
    for asked in (listed, watched):
        assert asked.query["fieldSelector"] == "status.phase=Pending,spec.nodeName="
        assert asked.query["labelSelector"] == "pod-template-hash"


async def test_pods_are_followed(api: FakeApi, settings: KubernetesSettings) -> None:
    """A pod told by list or event makes the function unschedulable until the last such pod has a node."""
    api.pod_pages[0] = page([pod(3)], 3)
    api.pod_watches.append([event("ADDED", pod(4, 2)), event("DELETED", pod(5)), bookmark(7)])
    api.pod_watches.append([event("MODIFIED", pod(8, 2, "SchedulingGated")), HANG])
    seen = []
    async with running(settings, times=TIMES) as cluster:

        def now() -> Obstacle:
            seen.append(obstacle(cluster, F))
            return seen[-1]

        await wait_for(lambda: now() is Obstacle.NOT_SCHEDULABLE, "the listed pod")
        await wait_for(lambda: now() is Obstacle.NOT_READY, "the last event")
    assert [asked.query.get("resourceVersion") for asked in api.pods_asked] == ["0", "3", "7"]


async def test_later_pages_name_no_version(api: FakeApi, settings: KubernetesSettings) -> None:
    """An API server refuses a page token beside a resource version, so only the first page names one."""
    api.pod_pages.extend([page([pod(3)], 3)])
    api.pod_pages[0] = page([pod(3, 2)], 3, "more")
    async with running(settings, times=TIMES) as cluster:
        await wait_for(lambda: obstacle(cluster, F) is Obstacle.NOT_SCHEDULABLE, "the pods")
    first, second = api.pods_asked[:2]
    assert (first.query.get("resourceVersion"), first.query.get("continue")) == ("0", None)
    assert (second.query.get("resourceVersion"), second.query.get("continue")) == (None, "more")


async def test_a_list_drops_pods_that_are_gone(api: FakeApi, settings: KubernetesSettings) -> None:
    """After a 410 pods are listed anew, and those that the list lacks no longer count."""
    api.pod_pages.extend([page([], 9)])
    api.pod_pages[0] = page([pod(3)], 3)
    api.pod_watches.append([event("ERROR", refusal(410))])
    async with running(settings, times=TIMES) as cluster:
        await wait_for(lambda: obstacle(cluster, F) is Obstacle.NOT_SCHEDULABLE, "the first list")
        await wait_for(lambda: obstacle(cluster, F) is Obstacle.NOT_READY, "the second list")


@pytest.mark.parametrize(
    "answer", [FORBIDDEN, Answer(404, refusal(404)), Answer(200, {"items": 1}), Answer(is_hanging=True)], ids=str
)
async def test_without_pods_everything_else_goes_on(api: FakeApi, settings: KubernetesSettings, answer: Answer) -> None:
    """Pods that cannot be read leave the cache synced and fresh and writes possible; the function is not ready."""
    api.pod_pages[0] = answer
    async with running(settings, times=TIMES) as cluster:
        await wait_for(lambda: api.pods_asked, "the question for pods")
        assert cluster.is_synced()
        assert cluster.age_s() < 20
        assert obstacle(cluster, F) is Obstacle.NOT_READY
        assert (await cluster.scale(ScaleChange(F, "uid-f", 2, 4))).outcome is ScaleOutcome.DONE
        assert requested(cluster, F) == 4


async def test_a_missing_right_on_pods_is_said_once(api: FakeApi, settings: KubernetesSettings) -> None:
    """However many namespaces lack the right on pods, one problem says it, with what follows from it."""
    api.pod_pages[0] = FORBIDDEN
    async with running(settings, ["a", "b", "c"], TIMES) as cluster:
        await wait_for(lambda: len({asked.path for asked in api.pods_asked}) == 3, "all namespaces")
        await wait_for(cluster.problems, "a problem")
        (problem,) = cluster.problems()
    assert 'cannot list resource "pods"' in problem


async def test_a_right_that_is_taken_away_leaves_nothing_behind(api: FakeApi, settings: KubernetesSettings) -> None:
    """Once pods may no longer be read, nothing is called unschedulable that might have been mended since."""
    api.pod_pages[0] = page([pod(3)], 3)
    api.pod_watches.append(Answer(403, refusal(403)))
    async with running(settings, times=TIMES) as cluster:
        await wait_for(cluster.problems, "a problem")
        assert obstacle(cluster, F) is Obstacle.NOT_READY


async def test_pods_wait_for_deployments(api: FakeApi, settings: KubernetesSettings) -> None:
    """Pods are not asked for before all Deployments are listed."""
    api.pages.appendleft(Answer(503, refusal(503)))
    async with running(settings, times=TIMES):
        await wait_for(lambda: api.pods_asked, "the question for pods")
    before = api.asked[: api.asked.index(api.pods_asked[0])]
    assert [asked for asked in before if asked in api.lists] == api.lists
    assert len(api.lists) == 2
