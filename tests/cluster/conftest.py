"""One control plane for all cluster tests of a run, and the parts that need more than it."""

import contextlib
import gc
import os
import warnings
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.servers import netns
from tests.servers.controlplane import ControlPlane
from tests.servers.nodeagent import node_agent
from tests.servers.process import wait_until

_MANIFESTS = Path(__file__).resolve().parents[2] / "manifests"
_RIGHTS = ("base/rbac.yaml", "components/cluster-rights/rbac.yaml")
_DEFINITIONS = ("crds/tenants.yaml", "crds/scalingpolicies.yaml")
_KINDS = ("/apis/autoscaler.faas.dev/v1alpha1/tenants", "/apis/autoscaler.faas.dev/v1alpha1/scalingpolicies")


def pytest_configure(config: pytest.Config) -> None:
    """Bear sockets that a server's sudden end leaves to the garbage collector; other tests are strict about their own."""
    config.addinivalue_line("filterwarnings", "ignore:unclosed:ResourceWarning")


def pytest_sessionfinish() -> None:
    """Collect those of the last test here: after the session that line holds no longer, and they would fail the run."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        gc.collect()


@contextlib.contextmanager
def installed(folder: Path) -> Iterator[ControlPlane]:
    """Run etcd and an API server; kinds and the daemon's rights are those of `manifests/overlays/single`, as written there."""
    control_plane = ControlPlane(folder)
    try:
        control_plane.start()
        for path in (*_RIGHTS, *_DEFINITIONS):
            control_plane.apply((_MANIFESTS / path).read_text())
        wait_until(lambda: all(map(control_plane.is_served, _KINDS)), "the definitions to be served", 60, 0.05)
        yield control_plane
    finally:
        control_plane.stop()


@pytest.fixture(scope="session")
def plane(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ControlPlane]:
    """etcd and an API server, as `installed` makes them."""
    with installed(tmp_path_factory.mktemp("controlplane")) as control_plane:
        yield control_plane


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
