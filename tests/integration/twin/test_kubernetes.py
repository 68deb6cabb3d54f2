"""The twin's Kubernetes API answers odd requests as kube-apiserver does."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest

from autoscaler.core.fleet import FunctionKey
from autoscaler.twin.deployments import Deployments
from autoscaler.twin.objects import TooOldError
from autoscaler.twin.world import Twin
from tests.integration.twin.scene import DATABASE, RESIZE, SLEEPY, HandClock
from tests.servers.process import PATIENCE

ALL = "/apis/apps/v1/deployments"
SCALE = f"/apis/apps/v1/namespaces/{RESIZE.namespace}/deployments/{RESIZE.name}/scale"
PATCH = {"Content-Type": "application/json-patch+json"}
AT_REPLICAS = "/spec/replicas"


@pytest.fixture
async def api(twin: Twin) -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession(twin.kubernetes_url, headers={"Authorization": "Bearer scaler-token"}) as session:
        yield session


async def patched(api: aiohttp.ClientSession, *operations: dict[str, Any], path: str = SCALE) -> tuple[int, Any]:
    """Send a JSON Patch; gives status and body."""
    async with api.patch(path, data=json.dumps(operations), headers=PATCH) as answer:
        return answer.status, await answer.json()


def is_replicas(value: object) -> dict[str, Any]:
    """Give the operation that tests the old count."""
    return {"op": "test", "path": AT_REPLICAS, "value": value}


def put(value: object, operation: str = "add") -> dict[str, Any]:
    """Give the operation that sets the new count."""
    return {"op": operation, "path": AT_REPLICAS, "value": value}


@pytest.mark.parametrize("header", [None, "Bearer wrong", "scaler", "Bearer "])
async def test_a_wrong_or_missing_token_is_refused(twin: Twin, header: str | None) -> None:
    """Without a known bearer token everything is 401 with a Status object."""
    headers = {"Authorization": header} if header else {}
    async with aiohttp.ClientSession() as session, session.get(twin.kubernetes_url + ALL, headers=headers) as answer:
        assert answer.status == 401
        assert (await answer.json())["reason"] == "Unauthorized"


@pytest.mark.parametrize(("method", "path"), [("POST", ALL.replace("v1/", "v1/namespaces/a/")), ("DELETE", SCALE[:-6])])
async def test_a_scaler_may_not_write_deployments(api: aiohttp.ClientSession, method: str, path: str) -> None:
    """The scaler's token lists, watches and scales; writing a Deployment is 403."""
    async with api.request(method, path, json={}) as answer:
        assert answer.status == 403
        assert (await answer.json())["reason"] == "Forbidden"


async def test_lists_deployments_with_template_labels_and_status(api: aiohttp.ClientSession) -> None:
    """A list holds functions and bystanders, in order, with what a cache needs."""
    async with api.get(ALL) as answer:
        body = await answer.json()
    by_name = {item["metadata"]["name"]: item for item in body["items"]}
    assert list(by_name) == [DATABASE.name, RESIZE.name, SLEEPY.name]
    resize = by_name[RESIZE.name]
    assert resize["spec"]["replicas"] == 2
    assert resize["status"]["readyReplicas"] == resize["status"]["availableReplicas"] == 2
    assert resize["spec"]["template"]["metadata"]["labels"]["faas_function"] == RESIZE.name
    assert "readyReplicas" not in by_name[SLEEPY.name]["status"]


async def test_pages_hold_everything_once(api: aiohttp.ClientSession) -> None:
    """Following `continue` gives every Deployment once, all pages at one resource version."""
    names, versions, token = [], set(), ""
    while True:
        async with api.get(ALL, params={"limit": "1", "continue": token}) as answer:
            body = await answer.json()
        names += [item["metadata"]["name"] for item in body["items"]]
        versions.add(body["metadata"]["resourceVersion"])
        token = body["metadata"].get("continue", "")
        if not token:
            break
    assert names == [DATABASE.name, RESIZE.name, SLEEPY.name]
    assert len(versions) == 1


async def test_an_old_page_has_expired(api: aiohttp.ClientSession, twin: Twin) -> None:
    """A continue token from before a compaction is 410."""
    async with api.get(ALL, params={"limit": "1"}) as answer:
        token = (await answer.json())["metadata"]["continue"]
    twin.deployments.compact()
    async with api.get(ALL, params={"limit": "1", "continue": token}) as answer:
        assert answer.status == 410


@pytest.mark.parametrize(
    "query", [{"limit": "x"}, {"continue": "%%%"}, {"watch": "1", "resourceVersion": "x"}, {"labelSelector": "a=b"}]
)
async def test_a_bad_query_is_refused(api: aiohttp.ClientSession, query: dict[str, str]) -> None:
    """What cannot be read, and a selector that would be ignored, is 400."""
    async with api.get(ALL, params=query) as answer:
        assert answer.status == 400


@pytest.mark.parametrize("path", ["/api/v1/secrets", "/apis/apps/v1/namespaces/a/deployments/gone", "/nothing"])
async def test_what_is_not_there_is_404(api: aiohttp.ClientSession, path: str) -> None:
    """An unknown resource or object is 404 with a Status object."""
    async with api.get(path) as answer:
        assert answer.status == 404
        assert (await answer.json())["kind"] == "Status"


async def test_scale_lacks_the_key_at_zero(api: aiohttp.ClientSession) -> None:
    """At 0 replicas `spec` of the scale is empty, and there is no ready count."""
    async with api.get(SCALE.replace(RESIZE.name, SLEEPY.name)) as answer:
        body = await answer.json()
    assert body["spec"] == {}
    assert "readyReplicas" not in body["status"]


@pytest.mark.parametrize(
    ("before", "operations", "outcome"),
    [
        (0, [is_replicas(0), put(2, "replace")], (422, 0)),
        (0, [put(2, "replace")], (422, 0)),
        (0, [is_replicas(None), put(2)], (200, 2)),
        (5, [is_replicas(5), put(7, "replace")], (200, 7)),
        (5, [is_replicas(5), put(7)], (200, 7)),
        (7, [is_replicas(5), put(8, "replace")], (422, 7)),
        (7, [{"op": "test", "path": "/metadata/uid", "value": "another"}, put(8)], (422, 7)),
        (7, [is_replicas(7), put(0, "replace")], (200, 0)),
        (0, [is_replicas(None), put(0)], (200, 0)),
        (3, [{"op": "copy", "path": AT_REPLICAS, "from": "/x"}], (422, 3)),
        (3, [{"op": "add", "path": "nowhere", "value": 1}], (422, 3)),
    ],
)
async def test_json_patch(
    api: aiohttp.ClientSession, twin: Twin, before: int, operations: list[dict[str, Any]], outcome: tuple[int, int]
) -> None:
    """A compare-and-set is written or lost as on kube-apiserver 1.36; a lost one has empty details."""
    twin.deployments.set_replicas(RESIZE, before)
    got, body = await patched(api, *operations)
    deployment = twin.deployments.get(RESIZE)
    status, after = outcome
    assert (got, deployment.replicas if deployment else None) == outcome
    if status == 422:
        assert (body["reason"], body["details"]) == ("Invalid", {})
    else:
        assert body["spec"] == ({"replicas": after} if after else {})


@pytest.mark.parametrize(
    ("value", "field"), [(-1, "spec.replicas"), ("x", "patch"), (True, "patch"), (2**31, "spec.replicas")]
)
async def test_an_impossible_count_has_a_cause(api: aiohttp.ClientSession, value: object, field: str) -> None:
    """A wrong value is a 422 whose cause names the field: that tells it from a lost compare-and-set."""
    status, body = await patched(api, put(value))
    assert (status, body["reason"]) == (422, "Invalid")
    assert [cause["field"] for cause in body["details"]["causes"]] == [field]


async def test_a_patch_of_nothing_is_404(api: aiohttp.ClientSession) -> None:
    """A scale that is gone is NotFound, and named."""
    status, body = await patched(api, put(1), path=SCALE.replace(RESIZE.name, "gone"))
    assert (status, body["reason"], body["details"]["name"]) == (404, "NotFound", "gone")


@pytest.mark.parametrize(
    ("kind", "data", "status"),
    [
        ("application/json-patch+json", "{", 400),
        ("application/json-patch+json", "{}", 400),
        ("application/merge-patch+json", "[]", 400),
        ("application/yaml", "{}", 415),
        ("application/merge-patch+json", '{"metadata": {"uid": "another"}, "spec": {"replicas": 4}}', 409),
        ("application/merge-patch+json", '{"metadata": {"resourceVersion": "1"}, "spec": {"replicas": 4}}', 409),
        ("application/merge-patch+json", '{"spec": {"replicas": 4}}', 200),
    ],
)
async def test_other_bodies(api: aiohttp.ClientSession, kind: str, data: str, status: int) -> None:
    """Broken bodies and unknown types are refused, preconditions of a merge patch are kept."""
    async with api.patch(SCALE, data=data, headers={"Content-Type": kind}) as answer:
        assert answer.status == status


async def test_a_scaled_function_starts_and_reports(api: aiohttp.ClientSession, twin: Twin, clock: HandClock) -> None:
    """Replicas asked for over the API are ready after the start-up time of the platform, no sooner."""
    await patched(api, put(4))
    await clock.move(1.0)
    assert [(one.running, one.ready) for one in twin.deployments if one.key == RESIZE] == [(4, 2)]
    await clock.move(1.5)
    assert [(one.running, one.ready) for one in twin.deployments if one.key == RESIZE] == [(4, 4)]


async def events(answer: aiohttp.ClientResponse, number: int) -> list[dict[str, Any]]:
    """Read that many watch events, within 10 s."""
    async with asyncio.timeout(30 * PATIENCE):
        return [json.loads(await answer.content.readline()) for _ in range(number)]


async def test_a_watch_resumes_from_its_version(api: aiohttp.ClientSession, twin: Twin) -> None:
    """A watch from a version gets every change after it, in order, and none before."""
    version = twin.deployments.version
    twin.deployments.set_replicas(RESIZE, 3)
    twin.deployments.create(FunctionKey("acme-prod", "new"))
    twin.deployments.delete(FunctionKey("acme-prod", "new"))
    async with api.get(ALL, params={"watch": "true", "resourceVersion": str(version)}) as answer:
        seen = await events(answer, 3)
        assert [(one["type"], one["object"]["metadata"]["name"]) for one in seen] == [
            ("MODIFIED", "resize"),
            ("ADDED", "new"),
            ("DELETED", "new"),
        ]
        versions = [int(one["object"]["metadata"]["resourceVersion"]) for one in seen]
        assert versions == sorted(versions)
        assert versions[0] > version


async def test_a_watch_from_nowhere_begins_with_what_is_there(api: aiohttp.ClientSession) -> None:
    """A watch without a version first tells every Deployment as ADDED."""
    async with api.get(ALL, params={"watch": "true"}) as answer:
        assert {one["type"] for one in await events(answer, 3)} == {"ADDED"}


async def test_a_watch_from_too_long_ago_is_told_so(api: aiohttp.ClientSession, twin: Twin) -> None:
    """A version that is no longer kept ends the watch with an ERROR event of code 410."""
    version = twin.deployments.version
    twin.deployments.compact()
    async with api.get(ALL, params={"watch": "true", "resourceVersion": str(version)}) as answer:
        assert answer.status == 200
        (error,) = await events(answer, 1)
        assert (error["type"], error["object"]["code"]) == ("ERROR", 410)
        assert await answer.content.readline() == b""


async def test_a_quiet_watch_gets_a_bookmark_at_its_end(api: aiohttp.ClientSession, twin: Twin) -> None:
    """A watch that asked for bookmarks gets one with the current version, and ends at its time-out."""
    version = twin.deployments.version
    params = {"watch": "true", "allowWatchBookmarks": "true", "timeoutSeconds": "0.2", "resourceVersion": str(version)}
    async with asyncio.timeout(30 * PATIENCE), api.get(ALL, params=params) as answer:
        lines = [json.loads(line) async for line in answer.content]
    assert {(one["type"], one["object"]["metadata"]["resourceVersion"]) for one in lines} == {
        ("BOOKMARK", str(version))
    }


async def test_a_watch_of_a_namespace_tells_nothing_else(api: aiohttp.ClientSession, twin: Twin) -> None:
    """A watch of one namespace does not carry the others' changes."""
    version = str(twin.deployments.version)
    twin.deployments.create(FunctionKey("other", "f"))
    twin.deployments.set_replicas(RESIZE, 9)
    path = f"/apis/apps/v1/namespaces/{RESIZE.namespace}/deployments"
    async with api.get(path, params={"watch": "true", "resourceVersion": version}) as answer:
        (only,) = await events(answer, 1)
        assert only["object"]["metadata"]["name"] == RESIZE.name


def test_a_log_that_is_full_forgets_the_oldest() -> None:
    """Changes beyond the number kept are forgotten, and whoever would need them is told."""
    store = Deployments(kept_changes=2)
    key = FunctionKey("a", "f")
    store.create(key)
    start = store.version
    for replicas in (1, 2, 3):
        store.set_replicas(key, replicas)
    assert [change.version for change in store.changes_since(start + 1, None)] == [start + 2, start + 3]
    with pytest.raises(TooOldError):
        store.changes_since(start, None)


def test_the_same_count_is_no_change() -> None:
    """Setting replicas, labels or status to what they are makes no event and no version."""
    store = Deployments()
    key = FunctionKey("a", "f")
    store.create(key, 2)
    version = store.version
    store.set_replicas(key, 2)
    store.set_labels(key, {}, {})
    store.set_status(key, 0, 0)
    assert store.version == version


def test_a_recreated_deployment_is_another() -> None:
    """Deleting and creating gives a new uid, and a second of the same name is refused."""
    store = Deployments()
    key = FunctionKey("a", "f")
    first = store.create(key)
    assert store.create(key) is None
    store.delete(key)
    second = store.create(key)
    assert first is not None
    assert second is not None
    assert first.uid != second.uid
