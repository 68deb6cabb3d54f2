"""One installation for all tests of this folder; each test has functions of its own."""

from collections.abc import Iterator

import pytest

from tests.cluster.installation.documents import write_policies
from tests.cluster.installation.site import DaemonProcess, Site, alerting, start_alertmanager
from tests.cluster.installation.traffic import Traffic
from tests.servers.controlplane import ControlPlane
from tests.servers.exporter import Exporter
from tests.servers.kubeproxy import KubeProxy
from tests.servers.process import free_port, running
from tests.servers.prometheus import prometheus


@pytest.fixture(scope="package")
def site(pods: ControlPlane, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """Everything, running and ready."""
    folder = tmp_path_factory.mktemp("site")
    write_policies(folder / "policies")
    listen = f"127.0.0.1:{free_port()}"
    alertmanager, proxy = start_alertmanager(folder, listen), KubeProxy(pods)
    with (
        running(proxy, proxy.is_ready, 60),
        Exporter() as exporter,
        Traffic(exporter) as traffic,
        running(alertmanager, alertmanager.is_ready),
        prometheus(folder, {"gateway": [exporter.address]}, config=alerting(folder, alertmanager)) as server,
    ):
        daemon = DaemonProcess(folder, pods, server.url, alertmanager.url, listen)
        with running(daemon, daemon.is_ready, 60):
            yield Site(pods, exporter, traffic, server, alertmanager, daemon)
