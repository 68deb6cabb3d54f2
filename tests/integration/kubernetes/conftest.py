"""A misbehaving API server, and settings that lead to it."""

import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from autoscaler.adapters.kubernetes import WatchTimes
from autoscaler.policy.settings import KubernetesSettings
from tests.integration.kubernetes.fakeapi import FakeApi

TIMES = WatchTimes(request_s=2.0, watch_s=60.0, stall_s=30.0)


@pytest.fixture
async def api() -> AsyncIterator[FakeApi]:
    server = FakeApi()
    await server.start()
    yield server
    await server.stop()


@pytest.fixture
def settings(api: FakeApi, tmp_path: Path) -> KubernetesSettings:
    return KubernetesSettings(kubeconfig=str(write_kubeconfig(tmp_path / "kubeconfig", api.url)))


def write_kubeconfig(path: Path, url: str, **user: str) -> Path:
    """Write a kubeconfig that leads to a server."""
    document = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "fake", "cluster": {"server": url}}],
        "users": [{"name": "me", "user": user or {"token": "first"}}],
        "contexts": [{"name": "fake", "context": {"cluster": "fake", "user": "me"}}],
        "current-context": "fake",
    }
    path.write_text(json.dumps(document))
    return path
