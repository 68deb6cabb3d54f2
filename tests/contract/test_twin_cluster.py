"""The twin's Kubernetes API passes the tests that the real one passes."""

import contextlib
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import aiohttp
import numpy as np
import pytest

from autoscaler.adapters.clock import SystemClock
from autoscaler.core.fleet import FunctionKey
from autoscaler.core.obstacles import Obstacle
from autoscaler.policy.settings import KubernetesSettings
from autoscaler.simulator.function import FunctionSpec
from autoscaler.twin.world import Scenario, Tokens, Twin, served
from tests.contract.cluster import ClusterContract, ClusterServer
from tests.contract.foreign import SOMEBODY, ForeignContract, SharedServer
from tests.contract.obstacles import ObstacleContract, ObstructedServer

_AUTOSCALERS = "/apis/autoscaling/v2/namespaces/{}/horizontalpodautoscalers"


@dataclass
class TwinServer:
    """A twin, changed over its own HTTP API as an admin would; labels in its store, since only scale can be patched."""

    twin: Twin
    settings: KubernetesSettings
    admin: aiohttp.ClientSession

    async def create(
        self,
        namespace: str,
        name: str,
        *,
        labels: Mapping[str, str] | None = None,
        template_labels: Mapping[str, str] | None = None,
        replicas: int = 0,
    ) -> None:
        body = {
            "metadata": {"name": name, "labels": dict(labels or {})},
            "spec": {"replicas": replicas, "template": {"metadata": {"labels": dict(template_labels or {})}}},
        }
        async with self.admin.post(self._path(namespace), json=body) as answer:
            assert answer.status == 201

    async def delete(self, namespace: str, name: str) -> None:
        async with self.admin.delete(self._path(namespace, name)) as answer:
            assert answer.status == 200

    async def label(self, namespace: str, name: str, labels: Mapping[str, str]) -> None:
        found = self.twin.deployments.get(FunctionKey(namespace, name))
        assert found is not None
        self.twin.deployments.set_labels(found.key, {**found.labels, **labels}, found.annotations)

    async def scale(self, namespace: str, name: str, replicas: int) -> None:
        await self._merge(self._path(namespace, name), {"replicas": replicas})

    async def deploy(self, namespace: str, name: str, replicas: int) -> None:
        await self._merge(
            self._path(namespace, name),
            {"replicas": replicas, "template": {"metadata": {"annotations": {"version": str(replicas)}}}},
        )

    async def by_scale(self, namespace: str, name: str, replicas: int) -> None:
        await self._merge(self._path(namespace, name) + "/scale", {"replicas": replicas})

    async def autoscale(self, namespace: str, name: str) -> None:
        body = {
            "metadata": {"name": name},
            "spec": {"scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": name}},
        }
        async with self.admin.post(_AUTOSCALERS.format(namespace), json=body) as answer:
            assert answer.status == 201

    async def leave(self, namespace: str, name: str) -> None:
        async with self.admin.delete(f"{_AUTOSCALERS.format(namespace)}/{name}") as answer:
            assert answer.status == 200

    async def _merge(self, path: str, spec: Mapping[str, object]) -> None:
        headers = {"Content-Type": "application/merge-patch+json"}
        asked = {"fieldManager": SOMEBODY}
        async with self.admin.patch(path, params=asked, json={"spec": spec}, headers=headers) as answer:
            assert answer.status == 200

    async def replicas(self, namespace: str, name: str) -> int:
        async with self.admin.get(self._path(namespace, name) + "/scale") as answer:
            return int((await answer.json())["spec"].get("replicas", 0))

    async def interrupt(self) -> None:
        self.twin.kubernetes.interrupt()

    def _path(self, namespace: str, name: str | None = None) -> str:
        return f"/apis/apps/v1/namespaces/{namespace}/deployments" + (f"/{name}" if name else "")


@dataclass
class ObstructedTwin:
    """A twin whose platform keeps replicas from getting ready."""

    twin: Twin
    settings: KubernetesSettings

    async def create(self, key: FunctionKey, replicas: int) -> None:
        self.twin.platform.add(FunctionSpec(key, service_s=0.1, start_s=0.2, replicas=replicas))
        self.twin.deployments.create(key, replicas, labels={"faas_function": key.name})

    async def obstruct(self, key: FunctionKey, obstacle: Obstacle) -> None:
        await self.create(key, 1)
        self.twin.platform.obstruct(key, obstacle)
        self.twin.deployments.set_replicas(key, 3)

    async def mend(self, key: FunctionKey, obstacle: Obstacle) -> None:
        self.twin.platform.obstruct(key, Obstacle.NONE)


@contextlib.asynccontextmanager
async def twin_of(folder: Path) -> AsyncIterator[tuple[Twin, KubernetesSettings]]:
    """Serve an empty twin, and give it with the settings of the daemon."""
    twin = Twin(Scenario(), Tokens("admin-token", "scaler-token"), SystemClock(), np.random.default_rng(1))
    async with served(twin):
        kubeconfig = folder / "kubeconfig"
        kubeconfig.write_text(twin.kubeconfig())
        yield twin, KubernetesSettings(kubeconfig=str(kubeconfig))


@contextlib.asynccontextmanager
async def twin_server(folder: Path) -> AsyncIterator[TwinServer]:
    """Serve an empty twin, with an admin's hands."""
    headers = {"Authorization": "Bearer admin-token"}
    async with (
        twin_of(folder) as (twin, settings),
        aiohttp.ClientSession(twin.kubernetes_url, headers=headers) as admin,
    ):
        yield TwinServer(twin, settings, admin)


class TestTwin(ClusterContract):
    """The contract of `ports.Cluster`, through the ordinary adapter, over the twin's sockets."""

    @pytest.fixture
    async def cluster_server(self, tmp_path: Path) -> AsyncIterator[ClusterServer]:
        async with twin_server(tmp_path) as server:
            yield server


class TestTwinForeignWriters(ForeignContract):
    """What is told of other writers, likewise."""

    @pytest.fixture
    async def shared_server(self, tmp_path: Path) -> AsyncIterator[SharedServer]:
        async with twin_server(tmp_path) as server:
            yield server


class TestTwinObstacles(ObstacleContract):
    """What is told of missing replicas, likewise."""

    @pytest.fixture
    async def obstructed_server(self, tmp_path: Path) -> AsyncIterator[ObstructedServer]:
        async with twin_of(tmp_path) as (twin, settings):
            yield ObstructedTwin(twin, settings)
