"""One control plane for all cluster tests of a run, and the parts that need more than it."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.servers import netns
from tests.servers.controlplane import ControlPlane
from tests.servers.nodeagent import node_agent

_MANIFESTS = Path(__file__).resolve().parents[2] / "manifests"
_RIGHTS = ("base/rbac.yaml", "components/cluster-rights/rbac.yaml")


def pytest_configure(config: pytest.Config) -> None:
    """Bear sockets that a server's sudden end leaves to the garbage collector; other tests are strict about their own."""
    config.addinivalue_line("filterwarnings", "ignore:unclosed:ResourceWarning")


@pytest.fixture(scope="session")
def plane(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ControlPlane]:
    """etcd and an API server; the daemon has the rights of `manifests/overlays/single`, as they are written there."""
    control_plane = ControlPlane(tmp_path_factory.mktemp("controlplane"))
    try:
        control_plane.start()
        for path in _RIGHTS:
            control_plane.apply((_MANIFESTS / path).read_text())
        yield control_plane
    finally:
        control_plane.stop()


@pytest.fixture(scope="module")
def bare(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ControlPlane]:
    """A cluster of a module's own, on which nothing was granted; it makes pods, which no node runs."""
    control_plane = ControlPlane(tmp_path_factory.mktemp("bare"))
    try:
        control_plane.start()
        control_plane.start_controllers()
        control_plane.namespace("openfaas-fn")
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
