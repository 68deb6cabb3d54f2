"""Everything of the installation, running: gateway counters, Prometheus, Alertmanager, the daemon's process."""

import sys
from pathlib import Path
from typing import Any

import requests

from tests.cluster.installation.documents import ALERTING, RULES, SETTINGS, TOKENS, hashed
from tests.cluster.installation.traffic import Traffic
from tests.servers.alertmanager import Alertmanager, configuration
from tests.servers.controlplane import ControlPlane
from tests.servers.exporter import Exporter
from tests.servers.process import Server, free_port, wait_until
from tests.servers.prometheus import Prometheus


class Site:
    """The parts by name, and what a test asks of them."""

    def __init__(
        self,
        plane: ControlPlane,
        exporter: Exporter,
        traffic: Traffic,
        prometheus: Prometheus,
        alertmanager: Alertmanager,
        daemon: "DaemonProcess",
    ) -> None:
        self.plane = plane
        self.exporter = exporter
        self.traffic = traffic
        self.prometheus = prometheus
        self.alertmanager = alertmanager
        self.daemon = daemon

    def function(self, namespace: str, name: str, replicas: int = 0, **labels: str) -> None:
        """Deploy a function that the gateway knows."""
        self.plane.namespace(namespace)
        self.plane.deployment(namespace, name, {"faas_function": name, **labels}, replicas)
        self.exporter.know(f"{name}.{namespace}", replicas)

    def wait_known(self, namespace: str, name: str) -> None:
        """Wait until the daemon decides on a function."""
        path = f"/v1/functions/{namespace}/{name}"
        wait_until(lambda: self.daemon.ask(path).status_code == 200, f"{namespace}/{name} to be decided on")

    def wait_seen(self, namespace: str, name: str, seen: str) -> None:
        """Wait until a function's load is seen as a value, a lower bound, a proven zero or unknown."""
        wait_until(
            lambda: self.daemon.record(namespace, name)["seen"] == seen, f"{namespace}/{name} seen as {seen}", 150, 0.1
        )

    def ticks(self) -> int:
        """Give the number of full ticks so far."""
        return int(self.daemon.ask("/v1/status").json()["ticks"])

    def wait_replicas(self, namespace: str, name: str, count: int, deadline_s: float = 120.0) -> None:
        """Wait until a Deployment has been given this many replicas."""
        try:
            wait_until(
                lambda: self.plane.replicas(namespace, name) == count, f"{namespace}/{name} at {count}", deadline_s, 0.1
            )
        except TimeoutError as error:
            raise TimeoutError(
                f"{error}: it is at {self.plane.replicas(namespace, name)}; {self.daemon.tail()}"
            ) from None


class DaemonProcess(Server):
    """`autoscaler run`, with the service account's rights."""

    def __init__(
        self, folder: Path, plane: ControlPlane, prometheus_url: str, alertmanager_url: str, listen: str
    ) -> None:
        self.url = f"http://{listen}"
        metrics = f"127.0.0.1:{free_port()}"
        self.metrics_url = f"http://{metrics}"
        settings = folder / "settings.yaml"
        settings.write_text(
            SETTINGS.format(
                prometheus=prometheus_url,
                alertmanager=alertmanager_url,
                operator=hashed(TOKENS["operator"]),
                policies=folder / "policies",
                listen=listen,
                metrics=metrics,
                kubeconfig=plane.kubeconfig,
            )
        )
        program = Path(sys.executable).with_name("autoscaler")
        super().__init__([program, "run", "--config", settings], folder / "daemon.log")

    def is_ready(self) -> bool:
        """Tell whether it has synced and decided once."""
        try:
            return requests.get(f"{self.metrics_url}/readyz", timeout=2).status_code == 200
        except requests.RequestException:
            return False

    def begin(self) -> None:
        """Start it and wait until it is ready."""
        self.start()
        self.wait_for(self.is_ready, 120)

    def ask(self, path: str, token: str = TOKENS["operator"], **options: Any) -> requests.Response:
        """Ask its API."""
        headers = {"Authorization": f"Bearer {token}"}
        return requests.get(f"{self.url}{path}", headers=headers, timeout=40, **options)

    def record(self, namespace: str, name: str) -> dict[str, Any]:
        """Give the last decision on a function, whole."""
        answer = self.ask(f"/v1/functions/{namespace}/{name}")
        assert answer.status_code == 200, answer.text
        decision: dict[str, Any] = answer.json()["decision"]
        return decision


def start_alertmanager(folder: Path, listen: str) -> Alertmanager:
    """Give an Alertmanager whose webhooks go to the daemon, in the name of tenant acme."""
    config = configuration(f"http://{listen}/v1/alerts", TOKENS["acme"], group_by=["namespace", "function"])
    return Alertmanager(folder, config)


def alerting(folder: Path, alertmanager: Alertmanager) -> str:
    """Give the part of Prometheus' configuration that fires an alert at the Alertmanager."""
    rules = folder / "rules.yml"
    rules.write_text(RULES)
    return ALERTING.format(rules=rules, alertmanager=f"127.0.0.1:{alertmanager.port}")
