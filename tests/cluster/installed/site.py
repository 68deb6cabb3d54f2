"""A cluster with an overlay applied, and the daemon's processes on it."""

import json
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import requests

from tests.cluster.installation.documents import hashed
from tests.cluster.installation.traffic import Traffic
from tests.servers.audit import AuditedPlane
from tests.servers.exporter import Exporter
from tests.servers.process import Server, free_port
from tests.servers.rendering import Document

TENANT, FOREIGN, OWN = "openfaas-fn", "somewhere-else", "autoscaler"
OPERATOR = "operator-token"
GROUP = "autoscaler.faas.dev/v1alpha1"
POLICY: Document = {
    "apiVersion": GROUP,
    "kind": "ScalingPolicy",
    "metadata": {"name": "cart", "namespace": TENANT},
    "spec": {"functions": {"names": ["cart"]}, "replicas": {"min": 2, "max": 4}},
}
"""What a team writes itself."""

SECOND: Document = {
    "apiVersion": GROUP,
    "kind": "Tenant",
    "metadata": {"name": "functions"},
    "spec": {"namespaces": [FOREIGN]},
}
"""A Tenant of the same name as the one in the files, which wins: it changes nothing, and is told so."""


class InstalledDaemon(Server):
    """`autoscaler run` with the settings, policies and variables that an overlay gives its pod.

    Only what cannot be the same outside a cluster is another: addresses, the kubeconfig, and shorter scrapes.
    """

    def __init__(self, folder: Path, rendered: list[Document], plane: AuditedPlane, prometheus_url: str) -> None:
        folder.mkdir()
        maps = {one["metadata"]["name"]: one["data"] for one in rendered if one["kind"] == "ConfigMap"}
        (deployment,) = (one for one in rendered if one["kind"] == "Deployment")
        (settings,) = (data["settings.yaml"] for data in maps.values() if "settings.yaml" in data)
        (folder / "settings.yaml").write_text(settings)
        policies = folder / "policies"
        policies.mkdir()
        for name, text in maps["autoscaler-policies"].items():
            (policies / name).write_text(text)
        (container,) = deployment["spec"]["template"]["spec"]["containers"]
        self.url, self.metrics_url = (f"http://127.0.0.1:{free_port()}" for _ in range(2))
        env = {variable["name"]: variable["value"] for variable in container["env"] if "value" in variable}
        env |= {
            "POD_IP": "127.0.0.1",
            "AUTOSCALER_SOURCES__MAIN__URL": prometheus_url,
            "AUTOSCALER_SOURCES__MAIN__SCRAPE_INTERVAL": "1s",
            "AUTOSCALER_POLICIES": str(policies),
            "AUTOSCALER_KUBERNETES__KUBECONFIG": str(plane.kubeconfig),
            # In a pod its service account's mount says so.
            "AUTOSCALER_LEADERSHIP__NAMESPACE": deployment["metadata"]["namespace"],
            "AUTOSCALER_LISTEN": self.url.removeprefix("http://"),
            "AUTOSCALER_METRICS__LISTEN": self.metrics_url.removeprefix("http://"),
            "AUTOSCALER_DECISION_LOG__PATH": str(folder / "decisions"),
            "AUTOSCALER_OPERATORS": json.dumps([{"tokenSHA256": hashed(OPERATOR)}]),
        }
        program = Path(sys.executable).with_name("autoscaler")
        command = [program, "run", "--config", folder / "settings.yaml", "--no-dry-run"]
        super().__init__(command, folder / "daemon.log", env)

    def is_ready(self) -> bool:
        """Tell whether it has read the cluster and decided once."""
        try:
            return requests.get(f"{self.metrics_url}/readyz", timeout=2).status_code == 200
        except requests.RequestException:
            return False

    def ask(self, path: str, token: str) -> requests.Response:
        """Ask its API."""
        return requests.get(f"{self.url}{path}", headers={"Authorization": f"Bearer {token}"}, timeout=30)

    def decides_on(self, namespace: str, name: str) -> bool:
        """Tell whether it has decided on a function."""
        return self.ask(f"/v1/functions/{namespace}/{name}", OPERATOR).status_code == 200

    def leads(self) -> bool:
        """Tell whether it holds the Lease."""
        return "\nautoscaler_leader 1\n" in self.metrics()

    def metrics(self) -> str:
        """Give all its metrics."""
        return requests.get(f"{self.metrics_url}/metrics", timeout=10).text


@dataclass
class Applied:
    """A cluster on which one overlay was applied, and nothing else was granted to the daemon."""

    overlay: str
    folder: Path
    rendered: list[Document]
    plane: AuditedPlane

    @property
    def is_cluster_wide(self) -> bool:
        """Whether its rights on functions end at no namespace."""
        return self.overlay == "single"


@dataclass
class Installation:
    """The daemon's process on such a cluster.

    Attributes:
        daemon: the one that decides.
        more: makes a further one, as the Deployment does when it is rolled, and ends it with the installation.
    """

    plane: AuditedPlane
    exporter: Exporter
    traffic: Traffic
    daemon: InstalledDaemon
    more: Callable[[], InstalledDaemon]
