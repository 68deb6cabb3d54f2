"""The real API server keeps the contract, under the rights that the manifests give."""

import asyncio
from collections.abc import Mapping

import pytest

from autoscaler.policy.settings import KubernetesSettings
from tests.contract.cluster import ClusterContract
from tests.servers.controlplane import ControlPlane

pytestmark = pytest.mark.server


class ApiServer:
    """The control plane as the contract wants it."""

    def __init__(self, plane: ControlPlane) -> None:
        self._plane = plane
        self.settings = KubernetesSettings(kubeconfig=str(plane.kubeconfig))

    async def create(
        self,
        namespace: str,
        name: str,
        *,
        labels: Mapping[str, str] | None = None,
        template_labels: Mapping[str, str] | None = None,
        replicas: int = 0,
    ) -> None:
        await asyncio.to_thread(self._plane.namespace, namespace)
        await asyncio.to_thread(
            self._plane.deployment,
            namespace,
            name,
            labels,
            replicas,
            template_labels=template_labels,
            is_paused=True,
        )

    async def delete(self, namespace: str, name: str) -> None:
        await asyncio.to_thread(self._plane.delete, namespace, name)

    async def label(self, namespace: str, name: str, labels: Mapping[str, str]) -> None:
        await asyncio.to_thread(self._plane.patch, namespace, name, {"metadata": {"labels": dict(labels)}})

    async def scale(self, namespace: str, name: str, replicas: int) -> None:
        await asyncio.to_thread(self._plane.scale, namespace, name, replicas)

    async def replicas(self, namespace: str, name: str) -> int:
        return await asyncio.to_thread(self._plane.replicas, namespace, name)

    async def interrupt(self) -> None:
        await asyncio.to_thread(self._plane.stop_api)
        await asyncio.to_thread(self._plane.start_api)


class TestApiServer(ClusterContract):
    """The contract on a real kube-apiserver."""

    @pytest.fixture
    def cluster_server(self, plane: ControlPlane) -> ApiServer:
        return ApiServer(plane)
