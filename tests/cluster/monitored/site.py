"""The operator's Prometheus and Alertmanager as real processes with what it generated, and the daemon behind them."""

import json
import re
import urllib.request
from collections.abc import Set
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

from tests.cluster.installation.site import DaemonProcess
from tests.cluster.monitored.discovery import write_out
from tests.servers.alertmanager import Alertmanager
from tests.servers.controlplane import ControlPlane
from tests.servers.exporter import Exporter
from tests.servers.operator import PrometheusOperator
from tests.servers.process import wait_until
from tests.servers.prometheus import Prometheus

_RULES_FOLDER = re.compile(r"/etc/prometheus/rules/[^/]+/")
"""Where the operator mounts the rules that it made."""


_SHARD = "$(SHARD)"
"""What the config-reloader of each Prometheus pod puts the pod's own number for."""


class Generated:
    """What the operator made for its two objects, taken as its config-reloader takes it.

    Nothing of it is changed but the folder of the rule files, the shard's number, and discovery, whose findings are
    written out.
    """

    def __init__(self, operator: PrometheusOperator, plane: ControlPlane, folder: Path) -> None:
        self._operator = operator
        self._plane = plane
        self._folder = folder
        (folder / "rules").mkdir()

    def prometheus(self) -> str:
        """Write the rules; give the configuration that names them."""
        made = self._operator.prometheus_config("main")
        assert made is not None
        rules = self._folder / "rules"
        for old in rules.iterdir():
            old.unlink()
        for file, text in self._operator.rules("main").items():
            (rules / file).write_text(text)
        made = _RULES_FOLDER.sub(f"{self._folder / 'rules'}/", made).replace(_SHARD, "0")
        return json.dumps(write_out(self._plane, YAML(typ="safe").load(made)))  # YAML holds JSON

    def alertmanager(self) -> str:
        """Give the configuration, credentials in it."""
        made = self._operator.alertmanager_config("main")
        assert made is not None
        return made

    def namespaces(self) -> set[str]:
        """Give the namespaces whose receiver and whose rules are both in what was made."""
        alerts = YAML(typ="safe").load(self._operator.alertmanager_config("main") or "{}")
        names = {receiver["name"].partition("/")[0] for receiver in alerts.get("receivers", ())}
        return {name for name in names if any(file.startswith(f"{name}-") for file in self._operator.rules("main"))}

    def scrapes(self) -> set[str]:
        """Give the ServiceMonitors, `namespace/name`, of which scrapes were made."""
        made = YAML(typ="safe").load(self._operator.prometheus_config("main") or "{}")
        return {"/".join(one["job_name"].split("/")[1:3]) for one in made.get("scrape_configs", ())}

    def wait_for(self, namespaces: set[str], scrapes: Set[str] = frozenset()) -> None:
        """Wait until these namespaces, no others, and at least these ServiceMonitors are in what was made."""
        try:
            wait_until(lambda: self.namespaces() == namespaces, f"receivers and rules of {namespaces}", 90, 0.2)
            wait_until(lambda: scrapes <= self.scrapes(), f"scrapes of {scrapes}", 90, 0.2)
        except TimeoutError as error:
            raise TimeoutError(f"{error}\n{self._operator.tail()}") from None


class Site:
    """The parts by name, and what a test asks of them."""

    def __init__(
        self,
        plane: ControlPlane,
        generated: Generated,
        gateway: Exporter,
        prometheus: Prometheus,
        alertmanager: Alertmanager,
        daemon: DaemonProcess,
    ) -> None:
        self.plane = plane
        self.generated = generated
        self.gateway = gateway
        self.prometheus = prometheus
        self.alertmanager = alertmanager
        self.daemon = daemon

    def function(self, namespace: str, name: str, per_s: float) -> None:
        """Deploy a function that is called at a rate, and wait until the daemon has seen all of it."""
        self.plane.namespace(namespace)
        self.plane.deployment(namespace, name, {"faas_function": name}, 1)
        self.gateway.know(f"{name}.{namespace}", 1)
        self.gateway.load(f"{name}.{namespace}", per_s)
        path = f"/v1/functions/{namespace}/{name}"

        def seen() -> bool:
            answer = self.daemon.ask(path)
            if answer.status_code != 200:
                return False
            decision = answer.json()["decision"]
            return decision["seen"] == "value" and (decision["rps"] or 0) > 0.9 * per_s

        wait_until(seen, f"the load of {namespace}/{name}", 120, 0.1)

    def fail(self, namespace: str, name: str, per_s: float) -> None:
        """Have calls of a function fail at a rate, beside those that don't."""
        self.gateway.load(f"{name}.{namespace}", per_s, code=500)

    def wait_replicas(self, namespace: str, name: str, count: int) -> None:
        """Wait until a Deployment has been given this many replicas."""
        try:
            wait_until(
                lambda: self.plane.replicas(namespace, name) == count, f"{namespace}/{name} at {count}", 120, 0.1
            )
        except TimeoutError as error:
            found, firing = self.plane.replicas(namespace, name), self.firing()
            raise TimeoutError(f"{error}: it is at {found}; {firing} fire; {self.daemon.tail()}") from None

    def boosted(self) -> set[tuple[str, str]]:
        """Give the functions that a boost is in force for."""
        boosts = self.daemon.ask("/v1/status").json()["boosts"]
        raised = [boost for boost in boosts if boost["effect"] == "boost"]
        return {(one["namespace"], one["function"]) for boost in raised for one in boost["functions"]}

    def firing(self) -> list[dict[str, Any]]:
        """Give the alerts that fire in Alertmanager, each with the receivers that it goes to."""
        with urllib.request.urlopen(f"{self.alertmanager.url}/api/v2/alerts", timeout=10) as answer:
            found: list[dict[str, Any]] = json.load(answer)
        return found

    def reload(self) -> None:
        """Load what the operator has made since into both servers, as its config-reloader does."""
        places = ((self.prometheus.url, "prometheus"), (self.alertmanager.url, "alertmanager"))
        for (url, name), text in zip(places, (self.generated.prometheus(), self.generated.alertmanager()), strict=True):
            (self.folder / f"{name}.yml").write_text(text)
            with urllib.request.urlopen(urllib.request.Request(f"{url}/-/reload", method="POST"), timeout=30):
                pass
        # For up to 5 s after it a Prometheus knows no Alertmanager (prometheus/prometheus#13064): what fires then is lost.
        wait_until(self.prometheus.alertmanagers, "the Alertmanager to be known again", 60, 0.1)

    @property
    def folder(self) -> Path:
        """Where both servers have their configuration."""
        return self.alertmanager.log.parent
