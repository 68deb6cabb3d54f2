"""Very many Deployments of the usual size on a real API server; paused, so that nothing makes pods of them."""

import asyncio
import ssl
from collections.abc import Sequence
from typing import Any

import aiohttp
import orjson

from autoscaler.core.fleet import FunctionKey
from tests.servers.controlplane import ADMIN_TOKEN, ControlPlane

_AT_ONCE = 32


async def create(plane: ControlPlane, keys: Sequence[FunctionKey], replicas: int = 1) -> None:
    """Create these Deployments with so many replicas each, and the namespaces they are in."""
    async with admin(plane) as session:
        namespaces = sorted({key.namespace for key in keys})
        await _all(_post(session, "/api/v1/namespaces", {"metadata": {"name": name}}) for name in namespaces)
        path = "/apis/apps/v1/namespaces/{}/deployments"
        await _all(_post(session, path.format(key.namespace), of(*key, replicas)) for key in keys)
        assert session.connector is not None
        await session.connector.close()


def admin(plane: ControlPlane, token: str = ADMIN_TOKEN) -> aiohttp.ClientSession:
    """Give a session that may do everything, or what the token may."""
    trust = ssl.create_default_context(cafile=plane.certificate)
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
    connector = aiohttp.TCPConnector(ssl=trust, limit=_AT_ONCE)
    return aiohttp.ClientSession(plane.url, headers=headers, connector=connector)


async def _all(requests: Any) -> None:
    """Send requests, a bounded number at once; a generator of 100,000 is never a list."""
    ahead = iter(requests)

    async def send() -> None:
        for request in ahead:
            await request

    await asyncio.gather(*(send() for _ in range(_AT_ONCE)))


async def _post(session: aiohttp.ClientSession, path: str, document: dict[str, Any]) -> None:
    async with session.post(path, data=orjson.dumps(document)) as answer:
        if answer.status not in (201, 409):
            raise RuntimeError(f"{path}: {answer.status} {await answer.text()}")
        await answer.read()


def of(namespace: str, name: str, replicas: int = 1) -> dict[str, Any]:
    """Give a Deployment as an OpenFaaS deploy makes it: 3.9 KiB as the API server lists it, managed fields included."""
    labels = {"faas_function": name, "uid": "281738127"}
    scale = {"com.openfaas.scale.min": "0", "com.openfaas.scale.max": "20", "com.openfaas.scale.zero": "true"}
    probe = {"httpGet": {"path": "/_/health", "port": 8080, "scheme": "HTTP"}, "periodSeconds": 10}
    container = {
        "name": name,
        "image": f"registry.example.com/functions/{name}:0.14.2",
        "ports": [{"name": "http", "containerPort": 8080, "protocol": "TCP"}],
        "env": [
            {"name": "fprocess", "value": "python3 index.py"},
            {"name": "write_timeout", "value": "60s"},
            {"name": "exec_timeout", "value": "60s"},
        ],
        "resources": {"limits": {"cpu": "500m", "memory": "256Mi"}, "requests": {"cpu": "50m", "memory": "64Mi"}},
        "livenessProbe": probe,
        "readinessProbe": probe,
        "securityContext": {"readOnlyRootFilesystem": True, "runAsNonRoot": True, "runAsUser": 12000},
        "volumeMounts": [{"name": "temp", "mountPath": "/tmp"}],
    }
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {
            "name": name,
            "namespace": namespace,
            "labels": labels,
            "annotations": {"prometheus.io.scrape": "false"},
        },
        "spec": {
            "replicas": replicas,
            "paused": True,
            "revisionHistoryLimit": 10,
            "selector": {"matchLabels": {"faas_function": name}},
            "template": {
                "metadata": {"labels": {**labels, **scale}, "annotations": {"prometheus.io.scrape": "false"}},
                "spec": {"containers": [container], "volumes": [{"name": "temp", "emptyDir": {}}]},
            },
        },
    }
