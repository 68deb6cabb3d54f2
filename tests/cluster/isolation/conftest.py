"""Tenants side by side on a real API server, a real Prometheus that keeps what it is asked, and the daemon's process."""

from collections.abc import Iterator

import pytest

from tests.cluster.installation.documents import write_policies
from tests.cluster.installation.site import DaemonProcess
from tests.cluster.isolation.site import Site
from tests.servers.controlplane import ControlPlane
from tests.servers.exporter import Exporter
from tests.servers.process import free_port, running
from tests.servers.prometheus import CONFIG, JOB, configured


@pytest.fixture(scope="package")
def site(plane: ControlPlane, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """Everything, running and ready."""
    folder = tmp_path_factory.mktemp("isolation")
    write_policies(folder / "policies")
    listen = f"127.0.0.1:{free_port()}"
    queries = folder / "queries.log"
    with Exporter() as gateway:
        config = CONFIG.format(interval="1s").replace("}", f", query_log_file: {queries}}}", 1)
        config += JOB.format(job="gateway", targets=f'["{gateway.address}"]')
        with configured(folder, config) as prometheus:
            nowhere = f"http://127.0.0.1:{free_port()}"
            daemon = DaemonProcess(folder, plane, prometheus.url, nowhere, listen)
            with running(daemon, daemon.is_ready, 60):
                yield Site(plane, gateway, daemon, queries)
