"""Documents over an API server that misbehaves: nothing is decided without them, and nothing of them is lost."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple

import numpy as np
import pytest

from autoscaler.adapters.kubernetes import KubernetesCluster, WatchTimes, connect
from autoscaler.core.fleet import FunctionKey
from autoscaler.daemon.policies import Policies
from autoscaler.policy.loading import Given
from autoscaler.policy.settings import KubernetesSettings
from tests.contract.cluster import find, wait_for
from tests.integration.kubernetes.fakeapi import (
    CUT,
    HANG,
    Answer,
    FakeApi,
    deployment,
    event,
    page,
    refusal,
)

F = FunctionKey("ns", "f")
TIMES = WatchTimes(request_s=2.0, watch_s=60.0, stall_s=30.0, refused_s=0.5)
MISSING, FORBIDDEN = Answer(404, refusal(404, "page not found")), Answer(403, refusal(403))


class Daemon(NamedTuple):
    cluster: KubernetesCluster
    policies: Policies

    @property
    def most(self) -> int | None:
        """Give the maximum that holds for functions of `ns`; -1: no policy does."""
        policy = self.policies.current.policies.get("ns", {}).get("p")
        return -1 if policy is None else policy.document.spec.replicas.max


def tenant(version: int = 1) -> dict[str, Any]:
    return _resource("Tenant", {"name": "acme"}, version, {"namespaces": ["ns"]})


def policy(version: int = 2, most: Any = 7) -> dict[str, Any]:
    return _resource("ScalingPolicy", {"name": "p", "namespace": "ns"}, version, {"replicas": {"max": most}})


def _resource(kind: str, names: dict[str, str], version: int, spec: dict[str, Any]) -> dict[str, Any]:
    metadata = {**names, "uid": f"uid {kind}", "resourceVersion": str(version), "generation": version}
    return {"apiVersion": "autoscaler.faas.dev/v1alpha1", "kind": kind, "metadata": metadata, "spec": spec}


@pytest.fixture
def settings(api: FakeApi, settings: KubernetesSettings) -> KubernetesSettings:
    """Custom resources are read, and there is one function."""
    api.pages[0] = page([deployment("f", 5)], 5)
    api.script("tenants", page([tenant()], 3))
    api.script("scalingpolicies", page([policy()], 3))
    return settings.model_copy(update={"custom_resources": True})


@contextlib.asynccontextmanager
async def deciding(settings: KubernetesSettings) -> AsyncIterator[Daemon]:
    """Run watches and documents for the length of the block."""
    with ThreadPoolExecutor(1) as load_in:
        async with connect(settings, np.random.default_rng(1), times=TIMES) as cluster:
            policies = Policies({}, Given(), load_in)
            policies.subscribe(lambda current: cluster.follow(current.namespaces))
            resources = cluster.resources()
            assert resources is not None
            works = [asyncio.create_task(cluster.run()), asyncio.create_task(policies.follow_resources(resources))]
            try:
                yield Daemon(cluster, policies)
            finally:
                for work in works:
                    work.cancel()
                await asyncio.gather(*works, return_exceptions=True)


def order(api: FakeApi) -> Sequence[str]:
    """Give the kinds that were listed, each when it was first."""
    return list(dict.fromkeys(asked.kind for asked in api.asked if not asked.is_watch and not asked.is_comparison))


@pytest.mark.parametrize("late", ["tenants", "scalingpolicies"])
@pytest.mark.parametrize("scope", ["cluster", "namespaces"])
async def test_functions_are_not_known_before_their_documents(
    api: FakeApi, settings: KubernetesSettings, late: str, scope: str
) -> None:
    """While either kind does not answer no Deployment is listed; once it does, what it says is in force first."""
    good = api.kinds[late].pages[0]
    api.script(late, Answer(500, refusal(500)), Answer(503, refusal(503)), Answer(500, refusal(500)), good)
    async with deciding(settings.model_copy(update={"scope": scope})) as it:
        seen: list[int | None] = []
        it.cluster.subscribe(lambda *_: seen.append(it.most))
        await wait_for(lambda: len(api.listed(late)) >= 2, "the second try")
        assert "deployments" not in order(api)
        await wait_for(lambda: it.cluster.is_synced() and find(it.cluster, F), "the function")
        assert (seen[0], it.most) == (7, 7)


async def test_definitions_that_are_missing_are_said_and_found_when_they_come(
    api: FakeApi, settings: KubernetesSettings
) -> None:
    """Without the kinds the daemon goes on with its files after a while and says so; later both are read."""
    good = [api.kinds[kind].pages[0] for kind in ("tenants", "scalingpolicies")]
    api.script("tenants", MISSING)
    api.script("scalingpolicies", MISSING)
    async with deciding(settings) as it:
        await wait_for(it.cluster.is_synced, "going on without")
        said = " ".join(it.cluster.problems())
        assert "tenants cannot be read: 404" in said
        assert "CustomResourceDefinition" in said
        assert it.policies.current.tenants == {}
        api.script("tenants", good[0])
        api.script("scalingpolicies", good[1])
        await wait_for(lambda: it.most == 7, "both kinds", 30.0)
        await wait_for(lambda: not it.cluster.problems(), "no problem left")


async def test_a_refusal_of_a_moment_is_not_believed(api: FakeApi, settings: KubernetesSettings) -> None:
    """An API server that has just started refuses everybody: no Deployment is listed for that."""
    api.script("scalingpolicies", FORBIDDEN, FORBIDDEN, page([policy()], 3))
    async with deciding(settings) as it:
        seen: list[int | None] = []
        it.cluster.subscribe(lambda *_: seen.append(it.most))
        await wait_for(lambda: find(it.cluster, F), "the function")
        assert seen[0] == 7


@pytest.mark.parametrize(
    "end", [Answer(500, refusal(500)), MISSING, FORBIDDEN, (CUT,)], ids=("500", "missing", "forbidden", "cut")
)
async def test_what_was_in_force_stays_while_it_cannot_be_read(
    api: FakeApi, settings: KubernetesSettings, end: Any
) -> None:
    """An outage, a definition that is away for a moment and a right that is lost take no document out of force."""
    api.kinds["scalingpolicies"].watches.append([event("MODIFIED", policy(8, 8)), CUT])
    api.kinds["tenants"].watches.append([CUT])
    for kind in ("scalingpolicies", "tenants"):
        api.kinds[kind].watches.extend([end] * 3)
    async with deciding(settings) as it:
        await wait_for(lambda: it.most == 8, "the change")
        version = len([asked for asked in api.asked if asked.kind == "tenants" and asked.is_watch])
        await wait_for(
            lambda: len([asked for asked in api.asked if asked.kind == "tenants" and asked.is_watch]) > version + 1,
            "further tries",
        )
        assert it.most == 8
        assert it.policies.current.namespaces == {"ns": "acme"}


async def test_a_list_after_a_gap_takes_away_what_went_in_it(api: FakeApi, settings: KubernetesSettings) -> None:
    """A watch whose version is gone lists anew, and a policy that is no longer there is out of force."""
    gone = event("ERROR", refusal(410, "too old"))
    api.kinds["scalingpolicies"].watches.extend([[event("MODIFIED", policy(8, 8)), gone], [HANG]])
    api.script("scalingpolicies", page([policy()], 3), page([], 20))
    async with deciding(settings) as it:
        await wait_for(lambda: it.most == -1 and len(api.listed("scalingpolicies")) == 2, "its end")
        assert set(it.policies.current.tenants) == {"acme"}


async def test_an_object_that_is_none_is_no_end_of_the_daemon(api: FakeApi, settings: KubernetesSettings) -> None:
    """A resource without what every object has is an answer that is garbled, so it is asked for again."""
    broken = policy(8)
    del broken["metadata"]["uid"]
    api.kinds["scalingpolicies"].watches.extend([[event("MODIFIED", broken)], [event("MODIFIED", policy(9, 9)), HANG]])
    async with deciding(settings) as it:
        await wait_for(lambda: it.most == 9, "the next version")
