"""One control plane for all cluster tests of a run, and the parts that need more than it."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.servers import netns
from tests.servers.controlplane import ControlPlane
from tests.servers.nodeagent import node_agent

_RIGHTS = Path(__file__).resolve().parents[2] / "manifests" / "base" / "rbac.yaml"


@pytest.fixture(scope="session")
def plane(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ControlPlane]:
    """etcd and an API server; the daemon has the rights of `manifests/base/rbac.yaml`, as they are written there."""
    control_plane = ControlPlane(tmp_path_factory.mktemp("controlplane"))
    try:
        control_plane.start()
        control_plane.apply(_RIGHTS.read_text())
        yield control_plane
    finally:
        control_plane.stop()


@pytest.fixture(scope="session")
def pods(plane: ControlPlane) -> Iterator[ControlPlane]:
    """The same control plane with controllers, scheduler and a node whose pods are processes."""
    if not netns.is_inside():
        message = f"pods need addresses of their own: {netns.HOW}"
        if os.environ.get("CI"):
            pytest.fail(message)
        pytest.skip(message)
    plane.start_controllers()
    agent = node_agent(plane)
    agent.start()
    try:
        yield plane
    finally:
        agent.stop()
