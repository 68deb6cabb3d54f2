"""Each overlay's cluster and daemon are started once for all tests of this folder."""

import contextlib
import itertools
import json
from collections.abc import Iterator

import pytest

from tests.cluster.installation.traffic import Traffic
from tests.cluster.installed.site import (
    FOREIGN,
    OPERATOR,
    POLICY,
    SECOND,
    TENANT,
    Applied,
    Installation,
    InstalledDaemon,
)
from tests.servers.audit import AuditedPlane
from tests.servers.exporter import Exporter
from tests.servers.process import running, wait_until
from tests.servers.prometheus import prometheus
from tests.servers.rendering import MANIFESTS, kubectl, kustomized


@pytest.fixture(scope="package", params=["single", "per-tenant-rights"])
def applied(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Applied]:
    folder = tmp_path_factory.mktemp(request.param)
    overlay = MANIFESTS / "overlays" / request.param
    plane = AuditedPlane(folder)
    try:
        plane.start()
        plane.start_controllers()
        for namespace in (TENANT, FOREIGN):
            plane.namespace(namespace)
        outcome = kubectl("apply", "-k", overlay, kubeconfig=plane.admin_kubeconfig, home=folder)
        assert outcome.returncode == 0, outcome.stderr
        yield Applied(request.param, folder, kustomized(overlay, folder), plane)
    finally:
        plane.stop()


@pytest.fixture(scope="package")
def installed(applied: Applied) -> Iterator[Installation]:
    numbers = itertools.count()
    with contextlib.ExitStack() as stack:
        exporter = stack.enter_context(Exporter())
        traffic = stack.enter_context(Traffic(exporter))
        server = stack.enter_context(prometheus(applied.folder, {"openfaas-gateway": [exporter.address]}))

        def more() -> InstalledDaemon:
            folder = applied.folder / f"daemon-{next(numbers)}"
            daemon = InstalledDaemon(folder, applied.rendered, applied.plane, server.url)
            stack.enter_context(running(daemon, daemon.is_ready, 120))
            return daemon

        yield Installation(applied.plane, exporter, traffic, more(), more)


@pytest.fixture(scope="package")
def day(installed: Installation) -> Installation:
    """A day in small: minimum, load, a roll of the daemon, a team's own policy, somebody who interferes.

    What does not come about fails here; tests look at what is left of it.
    """
    plane = installed.plane
    for namespace in (TENANT, FOREIGN):
        plane.deployment(namespace, "shop", {"faas_function": "shop"}, 0, is_paused=True)
    installed.exporter.know(f"shop.{TENANT}", 0)
    wait_until(lambda: plane.replicas(TENANT, "shop") >= 1, "the function to have its minimum", 120, 0.1)
    installed.traffic.rates[f"shop.{TENANT}"] = 120.0
    wait_until(lambda: plane.replicas(TENANT, "shop") >= 3, "the load to have its replicas", 180, 0.1)
    hand_over(installed)
    plane.apply(json.dumps(POLICY))
    plane.apply(json.dumps(SECOND))
    plane.deployment(TENANT, "cart", {"faas_function": "cart"}, 0, is_paused=True)
    installed.exporter.know(f"cart.{TENANT}", 0)
    wait_until(lambda: plane.replicas(TENANT, "cart") == 2, "the policy that is an object to hold", 120, 0.1)
    plane.scale(TENANT, "shop", 1)
    wait_until(lambda: plane.replicas(TENANT, "shop") >= 3, "another's change to be put right", 180, 0.1)
    assert installed.daemon.ask(f"/v1/wake/{TENANT}/shop?hold=0", OPERATOR).status_code == 200
    return installed


def hand_over(installed: Installation) -> None:
    """Do what a rolling update does: a new daemon, and once it is ready the end of the old one; nothing shrinks by it."""
    old, new = installed.daemon, installed.more()
    assert old.leads()
    assert not new.leads()
    before = installed.plane.replicas(TENANT, "shop")
    old.stop()
    installed.daemon = new
    wait_until(new.leads, "the new daemon to hold the Lease", 60, 0.1)
    wait_until(lambda: new.decides_on(TENANT, "shop"), "the new daemon to decide", 120, 0.1)
    assert installed.plane.replicas(TENANT, "shop") >= before
