"""The real API server keeps the contract, under the rights that the manifests give."""

import asyncio
from collections.abc import Mapping
from typing import Any

import pytest

from autoscaler.policy.settings import KubernetesSettings
from tests.contract.cluster import ClusterContract
from tests.contract.foreign import SOMEBODY, ForeignContract
from tests.servers.controlplane import ControlPlane

pytestmark = pytest.mark.server

_AUTOSCALERS = "/apis/autoscaling/v2/namespaces/{}/horizontalpodautoscalers"


def autoscaler(name: str) -> dict[str, Any]:
    """Give a HorizontalPodAutoscaler of a Deployment of the same name."""
    target = {"apiVersion": "apps/v1", "kind": "Deployment", "name": name}
    return {"metadata": {"name": name}, "spec": {"scaleTargetRef": target, "minReplicas": 1, "maxReplicas": 9}}


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
        await asyncio.to_thread(self._plane.scale, namespace, name, replicas, SOMEBODY)

    async def deploy(self, namespace: str, name: str, replicas: int) -> None:
        template = {"metadata": {"annotations": {"version": str(replicas)}}}
        change = {"spec": {"replicas": replicas, "template": template}}
        await asyncio.to_thread(self._plane.patch, namespace, name, change, SOMEBODY)

    async def by_scale(self, namespace: str, name: str, replicas: int) -> None:
        await asyncio.to_thread(
            self._plane.patch, namespace, f"{name}/scale", {"spec": {"replicas": replicas}}, SOMEBODY
        )

    async def autoscale(self, namespace: str, name: str) -> None:
        await asyncio.to_thread(self._plane.request, "POST", _AUTOSCALERS.format(namespace), json=autoscaler(name))

    async def leave(self, namespace: str, name: str) -> None:
        await asyncio.to_thread(self._plane.request, "DELETE", f"{_AUTOSCALERS.format(namespace)}/{name}")

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


class TestForeignWriters(ForeignContract):
    """What a real kube-apiserver tells of other writers."""

    @pytest.fixture
    def shared_server(self, plane: ControlPlane) -> ApiServer:
        return ApiServer(plane)
