"""Putting the installation together that faults are done to."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.cluster.faults.documents import NAMESPACES, UNCLAIMED, write_policies
from tests.cluster.faults.past import an_hour_ago
from tests.cluster.faults.site import MOVING, OWN, STEADY, Credentials, DaemonProcess, Site
from tests.cluster.faults.traffic import Traffic
from tests.servers.controlplane import ControlPlane
from tests.servers.exporter import Exporter
from tests.servers.faultproxy import FaultProxy
from tests.servers.process import running
from tests.servers.prometheus import prometheus, write_blocks
from tests.servers.recorder import Recorder


@contextmanager
def installed(
    plane: ControlPlane, folder: Path, seed: int, env: dict[str, str] | None = None, more_settings: str = ""
) -> Iterator[Site]:
    """Run everything for the length of a `with` block, functions under load in claimed and unclaimed namespaces included.

    Args:
        plane: a control plane with controllers and a node.
        folder: for files and logs.
        seed: of what the proxy draws.
        env: of the daemon.
        more_settings: of the daemon, as YAML.
    """
    policies = write_policies(folder / "policies")
    for namespace in NAMESPACES.values():
        plane.namespace(namespace)
    write_blocks(folder, an_hour_ago(time.time()))
    with (
        Exporter() as exporter,
        Traffic(exporter) as traffic,
        Recorder(plane) as recorder,
        FaultProxy(plane.url, plane.certificate, plane.certificate.with_suffix(".key"), seed) as proxy,
        prometheus(folder, {"gateway": [exporter.address]}) as server,
    ):
        credentials = Credentials(folder, plane)
        credentials.rotate()
        access = credentials.kubeconfig(folder / "kubeconfig", proxy.url)
        daemon = DaemonProcess(folder, access, server.url, policies, more_settings=more_settings, env=env)
        with running(daemon, daemon.is_ready, 60):
            site = Site(folder, plane, proxy, exporter, traffic, server, recorder, daemon, credentials)
            for key in (STEADY, MOVING, *OWN.values()):
                site.function(key, 1)
                site.load(key, 25.0)
            site.function((UNCLAIMED, "bystander"), 1)
            site.load((UNCLAIMED, "bystander"), 55.0)
            try:
                yield site
            finally:
                # Tests of another folder may come between two of this one, and then all of this is made anew.
                for namespace in (*NAMESPACES.values(), UNCLAIMED):
                    plane.request("DELETE", f"/apis/apps/v1/namespaces/{namespace}/deployments")
