"""One cluster with the operator, three tenants, and everything between a tenant's rule and its replicas."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from autoscaler.policy.onboarding.rendering import yaml_text
from tests.cluster.installation.documents import TOKENS, write_policies
from tests.cluster.installation.site import DaemonProcess
from tests.cluster.monitored import documents
from tests.cluster.monitored.site import Generated, Site
from tests.servers import netns
from tests.servers.alertmanager import Alertmanager
from tests.servers.controlplane import ControlPlane
from tests.servers.exporter import Exporter
from tests.servers.operator import PrometheusOperator, install
from tests.servers.process import free_port, running
from tests.servers.prometheus import configured

_MANIFESTS = Path(__file__).resolve().parents[3] / "manifests"
_RIGHTS = ("base/rbac.yaml", "components/cluster-rights/rbac.yaml")


@pytest.fixture(scope="package")
def monitored(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ControlPlane]:
    """A control plane of this folder's own, since CRDs are the whole cluster's; no controllers, so nothing runs."""
    if not netns.is_inside():
        message = f"endpoints need addresses of their own: {netns.HOW}"
        if os.environ.get("CI"):
            pytest.fail(message)
        pytest.skip(message)
    plane = ControlPlane(tmp_path_factory.mktemp("monitored"))
    try:
        plane.start()
        for path in _RIGHTS:
            plane.apply((_MANIFESTS / path).read_text())
        for namespace in ("monitoring", documents.GATEWAY, "acme-prod", "umbrella-fn", "globex-fn"):
            plane.namespace(namespace)
        yield plane
    finally:
        plane.stop()


@pytest.fixture(scope="package")
def operator(monitored: ControlPlane) -> Iterator[PrometheusOperator]:
    """The operator's process."""
    process = PrometheusOperator(monitored, install(monitored))
    with running(process, process.is_ready, 60):
        yield process


@pytest.fixture(scope="package")
def site(
    monitored: ControlPlane, operator: PrometheusOperator, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Site]:
    """Everything, running and ready; acme has a receiver and a rule, umbrella what a hostile team would apply."""
    folder = tmp_path_factory.mktemp("generated")
    write_policies(folder / "policies")
    for path in (folder / "policies").iterdir():
        path.write_text(path.read_text().replace("HighLatency", documents.ALERT))
    listen = f"127.0.0.1:{free_port()}"
    url = f"http://{listen}"
    generated = Generated(operator, monitored, folder)
    with Exporter(documents.GATEWAY_HOST) as gateway, Exporter(documents.FORGER_HOST) as forger:
        monitored.apply(documents.platform())
        monitored.apply(documents.monitor(documents.GATEWAY, "gateway", gateway.address))
        monitored.apply(yaml_text(documents.tenant("acme", "acme-prod", TOKENS["acme"], url)))
        monitored.apply(documents.hostile("umbrella", "umbrella-fn", TOKENS["umbrella"], url, forger))
        generated.wait_for({"acme-prod", "umbrella-fn"}, {"openfaas/gateway", "umbrella-fn/forged"})
        alertmanager = Alertmanager(folder, generated.alertmanager(), documents.ALERTMANAGER_HOST)
        monitored.apply(documents.operated(alertmanager.port))
        with (
            running(alertmanager, alertmanager.is_ready),
            # What it tells while it reloads is lost; told again after a minute, the test would wait for that.
            configured(folder, generated.prometheus(), flags=["--rules.alert.resend-delay=15s"]) as prometheus,
        ):
            daemon = DaemonProcess(folder, monitored, prometheus.url, alertmanager.url, listen)
            # Twice as long as it is: on a busy machine a late scrape then is no gap, and the load stays known.
            late = {"AUTOSCALER_SOURCES__MAIN__SCRAPE_INTERVAL": "2s"}
            daemon.env = {"AUTOSCALER_SOURCES__MAIN__GATEWAYS": documents.GATEWAYS, **late}
            with running(daemon, daemon.is_ready, 60):
                yield Site(monitored, generated, gateway, prometheus, alertmanager, daemon)
