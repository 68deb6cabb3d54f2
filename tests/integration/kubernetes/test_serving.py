"""How many replicas of a function its Service leads to, as Services and EndpointSlices tell."""

from collections.abc import Sequence
from typing import Any

import pytest

from autoscaler.core.fleet import FunctionKey
from autoscaler.policy.settings import KubernetesSettings
from tests.contract.cluster import running, wait_for
from tests.integration.kubernetes.conftest import TIMES
from tests.integration.kubernetes.fakeapi import CUT, HANG, Answer, Document, FakeApi, deployment, event, page, refusal

F = FunctionKey("ns", "f")
READY, STARTING, ENDING = {"ready": True}, {"ready": False}, {"ready": True, "terminating": True}
NAMED = {"autoscaler.faas.dev/service": "front:8080"}


def service(name: str = "f", version: int = 3, *, has_selector: bool = True) -> Document:
    """Give a Service."""
    return {
        "metadata": {"namespace": "ns", "name": name, "resourceVersion": str(version)},
        "spec": {"selector": {"app": name}} if has_selector else {"type": "ExternalName"},
    }


def endpoints(
    conditions: Sequence[dict[str, bool] | None],
    *,
    of: str = "f",
    name: str = "",
    family: str = "IPv4",
    version: int = 3,
) -> Document:
    """Give an EndpointSlice with an endpoint for each of these conditions."""
    metadata: dict[str, Any] = {"namespace": "ns", "name": name or f"{of}-x7k2p", "resourceVersion": str(version)}
    return {
        "metadata": {**metadata, "labels": {"kubernetes.io/service-name": of}},
        "addressType": family,
        "endpoints": [{"addresses": ["10.0.0.1"]} | ({} if one is None else {"conditions": one}) for one in conditions],
    }


@pytest.fixture(autouse=True)
def function(api: FakeApi) -> None:
    """One function, with a Service of its name."""
    api.script("deployments", page([deployment("f", 5, replicas=2, ready=2)], 5))
    api.script("services", page([service()], 3))


@pytest.mark.parametrize(
    ("slices", "serving"),
    [
        ([], 0),
        ([endpoints([])], 0),
        ([endpoints([READY, None, {}])], 3),
        ([endpoints([READY, STARTING, ENDING])], 1),
        ([endpoints([READY], name="one"), endpoints([READY, READY], name="two")], 3),
        ([endpoints([READY, READY]), endpoints([READY], name="six", family="IPv6")], 2),
        ([endpoints([READY], of="g")], 0),
    ],
)
async def test_ready_endpoints_are_counted(
    api: FakeApi, settings: KubernetesSettings, slices: Sequence[Document], serving: int
) -> None:
    """Endpoints that are ready, or do not say, and do not end are counted over all slices, both families once."""
    api.script("endpointslices", page(slices, 3))
    async with running(settings, times=TIMES) as cluster:
        await wait_for(lambda: cluster.serving(F) is not None, "the slices")
        assert cluster.serving(F) == serving


async def test_without_a_service_nothing_is_known(api: FakeApi, settings: KubernetesSettings) -> None:
    """A function without a Service, or with one that has no selector, has no number, whatever slices there are."""
    api.script("deployments", page([deployment("f", 5), deployment("g", 5)], 5))
    api.script("services", page([service(has_selector=False), service("other")], 3))
    api.script("endpointslices", page([endpoints([READY]), endpoints([READY], of="other")], 3))
    async with running(settings, times=TIMES) as cluster:
        await wait_for(lambda: all(state.is_synced for state in cluster.watches()), "everything")
        assert cluster.serving(F) is None
        assert cluster.serving(FunctionKey("ns", "g")) is None
        assert cluster.serving(FunctionKey("ns", "other")) == 1


async def test_a_named_service_counts(api: FakeApi, settings: KubernetesSettings) -> None:
    """The Service that a Deployment names by annotation counts instead of that of its name, and its changes are told."""
    api.script("deployments", page([deployment("f", 5, annotations=NAMED)], 5))
    api.script("services", page([service(), service("front")], 3))
    api.script("endpointslices", page([endpoints([READY]), endpoints([], of="front")], 3))
    api.kinds["endpointslices"].watches.append([event("MODIFIED", endpoints([READY, READY], of="front")), HANG])
    async with running(settings, times=TIMES, is_synced=False) as cluster:
        told: list[FunctionKey] = []
        cluster.subscribe(lambda key, requested, ready: told.append(key))
        await wait_for(lambda: cluster.serving(F) == 2, "the endpoints of the Service that is named")
        assert told[-1] == F


async def test_another_name_counts_from_then_on(api: FakeApi, settings: KubernetesSettings) -> None:
    """When the annotation comes or goes, the Service that counts is another one."""
    api.script("services", page([service(), service("front")], 3))
    api.script("endpointslices", page([endpoints([READY]), endpoints([READY, READY], of="front")], 3))
    named = event("MODIFIED", deployment("f", 6, annotations=NAMED))
    api.script("deployments", page([deployment("f", 5)], 5), watches=[[named], [event("MODIFIED", deployment("f", 7))]])
    async with running(settings, times=TIMES) as cluster:
        seen: list[int | None] = []
        await wait_for(lambda: seen.append(cluster.serving(F)) or 2 in seen, "the Service that is named")
        await wait_for(lambda: cluster.serving(F) == 1, "that of its own name")


async def test_changes_are_told(api: FakeApi, settings: KubernetesSettings) -> None:
    """Whoever listens is called with the function's replicas when endpoints come and go, and not for repetitions."""
    api.script("endpointslices", page([endpoints([])], 3))
    steps = [event("MODIFIED", endpoints([READY], version=4)), event("MODIFIED", endpoints([READY], version=5))]
    steps += [event("DELETED", endpoints([READY], version=6)), event("ADDED", endpoints([READY], of="end", version=7))]
    api.kinds["endpointslices"].watches.append([*steps, HANG])
    api.script("deployments", page([deployment("f", 5, replicas=2, ready=2), deployment("end", 5)], 5))
    async with running(settings, times=TIMES, is_synced=False) as cluster:
        told: list[tuple[str, int, int, int | None]] = []
        cluster.subscribe(lambda key, requested, ready: told.append((key.name, requested, ready, cluster.serving(key))))
        await wait_for(lambda: told and told[-1][0] == "end" and len(told) >= 5, "the last event")
        assert [one for one in told if one[0] == "f" and one[3] is not None] == [("f", 2, 2, 1), ("f", 2, 2, 0)]


async def test_a_deleted_service_is_none(api: FakeApi, settings: KubernetesSettings) -> None:
    """When its Service is deleted a function has no number any more."""
    api.script("endpointslices", page([endpoints([READY])], 3))
    api.kinds["services"].watches.append([event("DELETED", service(version=4)), HANG])
    async with running(settings, times=TIMES) as cluster:
        told: list[int | None] = []
        cluster.subscribe(lambda key, requested, ready: told.append(cluster.serving(key)))
        await wait_for(lambda: all(state.is_synced for state in cluster.watches()), "everything")
        await wait_for(lambda: cluster.serving(F) is None, "its end")


@pytest.mark.parametrize("kind", ["services", "endpointslices"])
async def test_what_cannot_be_read_is_not_believed(api: FakeApi, settings: KubernetesSettings, kind: str) -> None:
    """Without the right to read Services or slices no number is given, words say so, and nothing else is harmed."""
    api.script("endpointslices", page([endpoints([])], 3))
    api.script(kind, Answer(403, refusal(403, f'cannot list resource "{kind}"')))
    async with running(settings, times=TIMES) as cluster:
        await wait_for(cluster.problems, "a problem")
        assert cluster.serving(F) is None
        (problem,) = cluster.problems()
        assert f'cannot list resource "{kind}"' in problem
        assert cluster.age_s() < 20


async def test_a_right_that_is_taken_away_ends_belief(api: FakeApi, settings: KubernetesSettings) -> None:
    """Slices that may not be read any more say nothing, though they were read once."""
    api.script("endpointslices", page([endpoints([READY])], 3), watches=[Answer(403, refusal(403)), [HANG]])
    async with running(settings, times=TIMES) as cluster:
        seen: list[int | None] = []
        await wait_for(lambda: seen.append(cluster.serving(F)) or cluster.problems(), "a problem")
        assert cluster.serving(F) is None
        await wait_for(lambda: cluster.serving(F) == 1, "the right")


async def test_a_silent_watch_is_not_believed(api: FakeApi, settings: KubernetesSettings) -> None:
    """While the watch of slices is broken no number is given: what has become ready since would never show."""
    api.script("endpointslices", page([endpoints([])], 3), watches=[[CUT], Answer(503, refusal(503)), [HANG]])
    async with running(settings, times=TIMES) as cluster:
        seen: list[int | None] = []
        await wait_for(lambda: seen.append(cluster.serving(F)) or (0 in seen and seen[-1] is None), "the silence")
        await wait_for(lambda: cluster.serving(F) == 0, "the watch")


@pytest.mark.parametrize(
    "broken",
    [
        {"metadata": {"namespace": "ns", "name": "x", "labels": {}}},
        {"metadata": {"namespace": "ns", "name": "x", "labels": {"kubernetes.io/service-name": "f"}}, "endpoints": [1]},
        {"metadata": None},
    ],
)
async def test_nonsense_is_no_slice(api: FakeApi, settings: KubernetesSettings, broken: Document) -> None:
    """A slice that is none leaves the number unknown and everything else as it is."""
    api.script("endpointslices", page([broken], 3))
    async with running(settings, times=TIMES) as cluster:
        await wait_for(cluster.problems, "a problem")
        assert cluster.serving(F) is None
        assert cluster.is_synced()
