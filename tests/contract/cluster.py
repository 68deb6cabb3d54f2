"""What a Kubernetes API must do for the daemon, whoever serves it: the real API server or the twin.

A test module inherits from `ClusterContract` and gives the fixture `cluster_server`:

    class TestTwin(ClusterContract):
        @pytest.fixture
        async def cluster_server(self): yield ...
"""

import asyncio
import contextlib
import time
import uuid
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import fields
from typing import Protocol

import numpy as np
import pytest

from autoscaler.adapters.kubernetes import KubernetesCluster, WatchTimes, connect
from autoscaler.core.fleet import Fleet, FunctionKey, Rules
from autoscaler.policy.deployment import Deployed
from autoscaler.policy.settings import KubernetesSettings
from autoscaler.ports import ScaleChange, ScaleOutcome
from tests.servers.process import PATIENCE


class ClusterServer(Protocol):
    """One API server, and hands to change it with. Namespaces need not be made beforehand."""

    settings: KubernetesSettings

    async def create(
        self,
        namespace: str,
        name: str,
        *,
        labels: Mapping[str, str] | None = None,
        template_labels: Mapping[str, str] | None = None,
        replicas: int = 0,
    ) -> None:
        """Create a Deployment; nothing needs to make pods of it."""
        ...

    async def delete(self, namespace: str, name: str) -> None:
        """Delete a Deployment."""
        ...

    async def label(self, namespace: str, name: str, labels: Mapping[str, str]) -> None:
        """Add labels to a Deployment."""
        ...

    async def scale(self, namespace: str, name: str, replicas: int) -> None:
        """Change replicas as a foreign writer does, without looking."""
        ...

    async def replicas(self, namespace: str, name: str) -> int:
        """Give `spec.replicas` as the server has it."""
        ...

    async def interrupt(self) -> None:
        """Break every connection and let watches that resume from long ago fail; on return it serves again."""
        ...


async def wait_for(condition: Callable[[], object], what: str, deadline_s: float = 20.0) -> None:
    """Let the event loop run until the condition holds; after the deadline fail with what was waited for."""
    deadline_s *= PATIENCE
    end = time.monotonic() + deadline_s
    while not condition():
        if time.monotonic() > end:
            raise TimeoutError(f"not within {deadline_s} s: {what}")
        await asyncio.sleep(0.01)


@contextlib.asynccontextmanager
async def running(
    settings: KubernetesSettings,
    namespaces: Sequence[str] | None = None,
    times: WatchTimes | None = None,
    is_synced: bool = True,
) -> AsyncIterator[KubernetesCluster]:
    """Run a cluster's watches for the length of a `with` block; by default from when they have listed."""
    async with connect(settings, np.random.default_rng(1), namespaces, times) as cluster:
        task = asyncio.create_task(cluster.run())
        try:
            if is_synced:
                await wait_for(lambda: cluster.is_synced() or task.done(), "the first list")
            yield cluster
        finally:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task


def find(cluster: KubernetesCluster, key: FunctionKey) -> Deployed | None:
    """Give a Deployment of the catalog."""
    return next((deployed for deployed in cluster.catalog().deployed if deployed.key == key), None)


def found(cluster: KubernetesCluster, key: FunctionKey) -> Deployed:
    """Give a Deployment that must be in the catalog."""
    deployed = find(cluster, key)
    assert deployed is not None
    return deployed


def fleet_of(*keys: FunctionKey) -> Fleet:
    """Give a fleet of these functions whose rules play no part."""
    ordered = tuple(sorted(keys))
    zeros = {field.name: np.zeros(len(ordered)) for field in fields(Rules)}
    rules = Rules(**(zeros | {"paused": np.zeros(len(ordered), dtype=bool)}))
    return Fleet(
        keys=ordered,
        uids=("",) * len(ordered),
        row_of={key: row for row, key in enumerate(ordered)},
        tenant=np.zeros(len(ordered), dtype=np.int64),
        tenants=("tenant",),
        tenant_cap=np.array([np.inf]),
        rules=rules,
    )


def requested(cluster: KubernetesCluster, key: FunctionKey) -> int:
    """Give the requested replicas of one function, as the cache has them."""
    return int(cluster.replicas(fleet_of(key)).requested[0])


class ClusterContract:
    """The tests. Every one works in a namespace of its own, so that a server may be shared."""

    @pytest.fixture
    def namespace(self) -> str:
        return f"ns-{uuid.uuid4().hex[:10]}"

    @pytest.fixture
    async def cluster(self, cluster_server: ClusterServer) -> AsyncIterator[KubernetesCluster]:
        async with running(cluster_server.settings) as cluster:
            yield cluster

    async def test_lists_what_exists(self, cluster_server: ClusterServer, namespace: str) -> None:
        """A Deployment made before the start is listed, its own labels over those of its pod template."""
        await cluster_server.create(
            namespace,
            "resize",
            labels={"team": "own", "tier": "a"},
            template_labels={"faas_function": "resize", "team": "template"},
            replicas=3,
        )
        async with running(cluster_server.settings) as cluster:
            key = FunctionKey(namespace, "resize")
            labels = found(cluster, key).labels
            assert (labels["team"], labels["tier"], labels["faas_function"]) == ("own", "a", "resize")
            assert found(cluster, key).uid
            assert requested(cluster, key) == 3
            assert cluster.age_s() < 20

    async def test_lists_in_pages(self, cluster_server: ClusterServer, namespace: str) -> None:
        """Every Deployment is listed when a page holds two of five."""
        for name in "abcde":
            await cluster_server.create(namespace, name, replicas=1)
        async with running(cluster_server.settings.model_copy(update={"page_size": 2})) as cluster:
            keys = {deployed.key.name for deployed in cluster.catalog().deployed if deployed.key.namespace == namespace}
        assert keys == set("abcde")

    async def test_sees_creation_and_deletion(
        self, cluster_server: ClusterServer, cluster: KubernetesCluster, namespace: str
    ) -> None:
        """A Deployment made later appears, a deleted one disappears, and the catalog's version moves both times."""
        key = FunctionKey(namespace, "late")
        versions = [cluster.catalog().version]
        await cluster_server.create(*key, replicas=2)
        await wait_for(lambda: find(cluster, key), "the new Deployment")
        versions.append(cluster.catalog().version)
        await cluster_server.delete(*key)
        await wait_for(lambda: not find(cluster, key), "its deletion")
        versions.append(cluster.catalog().version)
        assert len(set(versions)) == 3
        assert requested(cluster, key) == 0

    async def test_sees_replicas_without_a_new_catalog(
        self, cluster_server: ClusterServer, cluster: KubernetesCluster, namespace: str
    ) -> None:
        """Replicas changed by somebody reach columns and listeners, and leave the catalog as it is."""
        key, heard = FunctionKey(namespace, "scaled"), []
        await cluster_server.create(*key, replicas=1)
        await wait_for(lambda: find(cluster, key), "the Deployment")
        catalog, fleet = cluster.catalog(), fleet_of(key)
        assert cluster.replicas(fleet).requested.tolist() == [1]
        cluster.subscribe(lambda told, count, ready: heard.append((told, count)))
        await cluster_server.scale(*key, 4)
        await wait_for(lambda: cluster.replicas(fleet).requested.tolist() == [4], "the new count")
        assert (key, 4) in heard
        assert cluster.catalog() is catalog

    async def test_sees_labels(self, cluster_server: ClusterServer, cluster: KubernetesCluster, namespace: str) -> None:
        """A label added later is in the catalog, whose version moves."""
        key = FunctionKey(namespace, "labelled")
        await cluster_server.create(*key)
        await wait_for(lambda: find(cluster, key), "the Deployment")
        version = cluster.catalog().version
        await cluster_server.label(*key, {"autoscaler.faas.dev/function": "true"})
        await wait_for(lambda: "autoscaler.faas.dev/function" in found(cluster, key).labels, "the label")
        assert cluster.catalog().version != version

    async def test_watches_single_namespaces(self, cluster_server: ClusterServer, namespace: str) -> None:
        """A cluster told two namespaces holds their Deployments and nobody else's."""
        for suffix in ("-a", "-b", "-c"):
            await cluster_server.create(namespace + suffix, "f", replicas=1)
        async with running(cluster_server.settings, [namespace + "-a", namespace + "-b"]) as cluster:
            seen = {deployed.key.namespace for deployed in cluster.catalog().deployed}
            assert seen == {namespace + "-a", namespace + "-b"}
            await cluster_server.scale(namespace + "-b", "f", 2)
            key = FunctionKey(namespace + "-b", "f")
            await wait_for(lambda: requested(cluster, key) == 2, "the change in the second namespace")

    @pytest.mark.parametrize(("old", "new"), [(2, 5), (0, 3), (4, 0), (0, 0)])
    async def test_scales(
        self, cluster_server: ClusterServer, cluster: KubernetesCluster, namespace: str, old: int, new: int
    ) -> None:
        """A write from the count that is there is done, to zero and from zero too, and the cache has it at once."""
        change = await self.change(cluster_server, cluster, FunctionKey(namespace, "f"), old, new)
        assert (await cluster.scale(change)).outcome is ScaleOutcome.DONE
        assert requested(cluster, change.key) == new
        assert await cluster_server.replicas(*change.key) == new

    @pytest.mark.parametrize("there", [0, 7])
    async def test_loses_against_another_writer(
        self, cluster_server: ClusterServer, cluster: KubernetesCluster, namespace: str, there: int
    ) -> None:
        """A write from a count that is no longer there is lost, overwrites nothing, and the cache has the new count."""
        change = await self.change(cluster_server, cluster, FunctionKey(namespace, "f"), 2, 5)
        await cluster_server.scale(*change.key, there)
        assert (await cluster.scale(change)).outcome is ScaleOutcome.LOST
        assert await cluster_server.replicas(*change.key) == there
        assert requested(cluster, change.key) == there

    async def test_loses_against_a_recreation(
        self, cluster_server: ClusterServer, cluster: KubernetesCluster, namespace: str
    ) -> None:
        """A write meant for a Deployment that was deleted and made anew is lost, though the count is the same."""
        change = await self.change(cluster_server, cluster, FunctionKey(namespace, "f"), 2, 5)
        await cluster_server.delete(*change.key)
        await cluster_server.create(*change.key, replicas=2)
        assert (await cluster.scale(change)).outcome is ScaleOutcome.LOST
        assert await cluster_server.replicas(*change.key) == 2
        await wait_for(lambda: (now := find(cluster, change.key)) and now.uid != change.uid, "the new uid")

    async def test_a_deleted_function_is_gone(
        self, cluster_server: ClusterServer, cluster: KubernetesCluster, namespace: str
    ) -> None:
        """A write to a Deployment that was deleted says so."""
        change = await self.change(cluster_server, cluster, FunctionKey(namespace, "f"), 2, 5)
        await cluster_server.delete(*change.key)
        assert (await cluster.scale(change)).outcome is ScaleOutcome.GONE

    async def test_an_impossible_count_is_invalid(
        self, cluster_server: ClusterServer, cluster: KubernetesCluster, namespace: str
    ) -> None:
        """Replicas below zero are refused as invalid, with words."""
        change = await self.change(cluster_server, cluster, FunctionKey(namespace, "f"), 2, -1)
        result = await cluster.scale(change)
        assert result.outcome is ScaleOutcome.INVALID
        assert result.message

    async def test_survives_an_interruption(
        self, cluster_server: ClusterServer, cluster: KubernetesCluster, namespace: str
    ) -> None:
        """When the server breaks every connection the cache keeps what it has, and later changes are seen again."""
        keys = [FunctionKey(namespace, name) for name in ("stays", "goes")]
        for key in keys:
            await cluster_server.create(*key, replicas=1)
        await wait_for(lambda: all(find(cluster, key) for key in keys), "both Deployments")
        catalog = cluster.catalog()
        await cluster_server.interrupt()
        assert cluster.is_synced()
        assert found(cluster, keys[0]) in catalog.deployed
        await cluster_server.scale(*keys[0], 6)
        await cluster_server.delete(*keys[1])
        await wait_for(lambda: requested(cluster, keys[0]) == 6, "the change after the interruption", 60.0)
        await wait_for(lambda: not find(cluster, keys[1]), "the deletion after the interruption", 60.0)

    async def change(
        self, server: ClusterServer, cluster: KubernetesCluster, key: FunctionKey, old: int, new: int
    ) -> ScaleChange:
        """Create a Deployment of `old` replicas and give the change to `new`."""
        await server.create(*key, replicas=old)
        await wait_for(lambda: find(cluster, key), "the Deployment")
        return ScaleChange(key, found(cluster, key).uid, old, new)
