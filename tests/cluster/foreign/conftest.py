"""One installation for all tests of this folder; each test has a function of its own."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cluster.foreign.tools import Tools
from tests.cluster.installation.documents import write_policies
from tests.cluster.installation.site import DaemonProcess, Site, start_alertmanager
from tests.cluster.installation.traffic import Traffic
from tests.servers.binaries import require
from tests.servers.controlplane import ControlPlane
from tests.servers.exporter import Exporter
from tests.servers.process import Server, free_port, running
from tests.servers.prometheus import prometheus


@pytest.fixture(scope="package")
def site(pods: ControlPlane, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """Gateway counters, Prometheus and the daemon, running and ready."""
    folder = tmp_path_factory.mktemp("shared")
    write_policies(folder / "policies")
    listen = f"127.0.0.1:{free_port()}"
    alertmanager = start_alertmanager(folder, listen)
    with (
        Exporter() as exporter,
        Traffic(exporter) as traffic,
        running(alertmanager, alertmanager.is_ready),
        prometheus(folder, {"gateway": [exporter.address]}) as server,
    ):
        daemon = DaemonProcess(folder, pods, server.url, alertmanager.url, listen)
        with running(daemon, daemon.is_ready, 60):
            yield Site(pods, exporter, traffic, server, alertmanager, daemon)


@pytest.fixture
def tools(site: Site, tmp_path: Path) -> Tools:
    """kubectl and Helm as an admin of the cluster runs them, and our own command."""
    return Tools(site, tmp_path)


@pytest.fixture(scope="package")
def hpa_controller(site: Site) -> Iterator[Server]:
    """The HPA controller of Kubernetes; without a metrics API it still keeps replicas within its bounds."""
    command = [
        require("kube-controller-manager"),
        "--kubeconfig",
        site.plane.admin_kubeconfig,
        "--leader-elect=false",
        "--secure-port=0",
        "--use-service-account-credentials=false",
        "--horizontal-pod-autoscaler-sync-period=1s",
        "--controllers=horizontal-pod-autoscaler-controller",
    ]
    with running(Server(command, site.plane.folder / "hpa.log"), lambda: True) as server:
        yield server
