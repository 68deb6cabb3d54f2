"""Real controllers, a real scheduler and pods that are processes: why replicas are missing is told as it is."""

import asyncio
from typing import Any

import pytest

from autoscaler.core.fleet import FunctionKey
from autoscaler.core.obstacles import Obstacle
from autoscaler.policy.settings import KubernetesSettings
from tests.contract.obstacles import ObstacleContract, ObstructedServer
from tests.servers.controlplane import ControlPlane, deployment_document
from tests.servers.nodeagent import START_UP
from tests.servers.process import wait_until

pytestmark = pytest.mark.server

NEVER_S = "100000"
SOON_S = "0.2"
NO_ROOM = {"requests": {"cpu": "5000"}}


class RealCluster:
    """The control plane with pods, and what makes them wait."""

    def __init__(self, plane: ControlPlane) -> None:
        self._plane = plane
        self.settings = KubernetesSettings(kubeconfig=str(plane.kubeconfig))

    async def create(self, key: FunctionKey, replicas: int) -> None:
        await asyncio.to_thread(self._create, key, replicas, SOON_S)
        await asyncio.to_thread(self._plane.wait_ready, *key, replicas, 30.0)

    async def obstruct(self, key: FunctionKey, obstacle: Obstacle) -> None:
        match obstacle:
            case Obstacle.NOT_READY:
                await asyncio.to_thread(self._create, key, 2, NEVER_S)
            case Obstacle.ROLLOUT:
                await self.create(key, 2)
                await asyncio.to_thread(self._change_template, key, _starts_in(NEVER_S))
            case Obstacle.QUOTA_EXCEEDED:
                await self.create(key, 1)
                await asyncio.to_thread(self._limit, key.namespace)
                await asyncio.to_thread(self._plane.scale, *key, 3)
            case _:
                await asyncio.to_thread(self._create, key, 2, SOON_S, NO_ROOM)

    async def mend(self, key: FunctionKey, obstacle: Obstacle) -> None:
        match obstacle:
            case Obstacle.QUOTA_EXCEEDED:
                await asyncio.to_thread(self._unlimit, key)
            case Obstacle.NOT_SCHEDULABLE:
                await asyncio.to_thread(self._change_template, key, {"spec": {"containers": [_container(None)]}})
            case _:
                await asyncio.to_thread(self._change_template, key, _starts_in(SOON_S))

    def _create(self, key: FunctionKey, replicas: int, start_up: str, resources: object = None) -> None:
        self._plane.namespace(key.namespace)
        document = deployment_document(*key, replicas=replicas, template_annotations={START_UP: start_up})
        document["spec"]["template"]["spec"]["containers"] = [_container(resources)]
        self._plane.request("POST", f"/apis/apps/v1/namespaces/{key.namespace}/deployments", json=document)

    def _change_template(self, key: FunctionKey, change: dict[str, Any]) -> None:
        self._plane.patch(*key, {"spec": {"template": change}})

    def _limit(self, namespace: str) -> None:
        """Allow one pod; until its controller has counted, a quota refuses nothing."""
        path = f"/api/v1/namespaces/{namespace}/resourcequotas"
        quota = {"metadata": {"name": "pods"}, "spec": {"hard": {"pods": "1"}}}
        self._plane.request("POST", path, json=quota)
        wait_until(
            lambda: self._plane.request("GET", f"{path}/pods").get("status", {}).get("used") == {"pods": "1"},
            "the quota to count",
        )

    def _unlimit(self, key: FunctionKey) -> None:
        self._plane.request("DELETE", f"/api/v1/namespaces/{key.namespace}/resourcequotas/pods")


def _starts_in(seconds: str) -> dict[str, Any]:
    return {"metadata": {"annotations": {START_UP: seconds}}}


def _container(resources: object) -> dict[str, Any]:
    return {"name": "function", "image": "none", "ports": [{"containerPort": 8080}], "resources": resources}


class TestObstacles(ObstacleContract):
    """The contract on real controllers, under the rights of `manifests/`."""

    @pytest.fixture
    def obstructed_server(self, pods: ControlPlane) -> ObstructedServer:
        return RealCluster(pods)
