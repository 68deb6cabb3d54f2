"""The parts of the isolation tests, and what a tenant that means harm sends."""

import itertools
import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import requests

from tests.cluster.installation.documents import TOKENS
from tests.cluster.installation.site import DaemonProcess
from tests.servers.controlplane import ControlPlane
from tests.servers.exporter import Exporter
from tests.servers.process import wait_until

_numbers = itertools.count(1)


def alert(labels: dict[str, str], status: str = "firing", **changes: object) -> dict[str, Any]:
    """Give one alert as a webhook carries it, no longer than it must be; each is another one."""
    return {
        "status": status,
        "labels": {"alertname": "HighLatency", **labels},
        "startsAt": "2026-01-01T00:00:00Z",
        "fingerprint": f"{next(_numbers):016x}",
        **changes,
    }


class Site:
    """The parts by name."""

    def __init__(self, plane: ControlPlane, gateway: Exporter, daemon: DaemonProcess, queries: Path) -> None:
        self.plane = plane
        self.gateway = gateway
        self.daemon = daemon
        self.sent: dict[str, list[dict[str, Any]]] = {tenant: [] for tenant in TOKENS}
        self._queries = queries

    def function(self, namespace: str, name: str, per_s: float) -> None:
        """Deploy a function that is called at a rate, and wait until the daemon has seen all of it."""
        self.plane.namespace(namespace)
        self.plane.deployment(namespace, name, {"faas_function": name}, 1)
        self.gateway.know(f"{name}.{namespace}", 1)
        self.gateway.load(f"{name}.{namespace}", per_s)

        def seen() -> bool:
            answer = self.daemon.ask(f"/v1/functions/{namespace}/{name}")
            decision = answer.json()["decision"] if answer.status_code == 200 else {"seen": None}
            return decision["seen"] == "value" and (decision["rps"] or 0) > 0.9 * per_s

        wait_until(seen, f"the load of {namespace}/{name}", 120, 0.1)

    def post(self, tenant: str, *alerts: dict[str, Any]) -> requests.Response:
        """Send alerts in the name of a tenant, as its Alertmanager would; they are noted, to be resolved."""
        self.sent[tenant] += [one for one in alerts if one["status"] == "firing"]
        return self._post(tenant, alerts)

    def resolve(self, tenant: str) -> bool:
        """Say that all alerts sent in the name of a tenant have ended; False: it is to be said again."""
        ended = [{**one, "status": "resolved"} for one in self.sent[tenant]]
        return all(self._post(tenant, [one]).status_code in {200, 400, 413} for one in ended)

    def restart(self) -> None:
        """Have the daemon forget its boosts: with no Alertmanager to read them from it freezes what runs, for as long as
        they could last."""
        self.daemon.stop()
        self.daemon.begin()

    def functions_of(self, tenant: str) -> list[str]:
        """Name a tenant's functions."""
        found = self.daemon.ask(f"/v1/functions?tenant={tenant}").json()["functions"]
        return [one["function"] for one in found]

    def _post(self, tenant: str, alerts: Sequence[dict[str, Any]]) -> requests.Response:
        return requests.post(
            f"{self.daemon.url}/v1/alerts",
            data=json.dumps({"version": "4", "alerts": list(alerts)}),
            headers={"Authorization": f"Bearer {TOKENS[tenant]}", "Content-Type": "application/json"},
            timeout=60,
        )

    def boosted(self) -> set[tuple[str, str]]:
        """Give the functions that a boost in force raises."""
        boosts = self.daemon.ask("/v1/status").json()["boosts"]
        raised = [boost for boost in boosts if boost["effect"] == "boost"]
        return {(one["namespace"], one["function"]) for boost in raised for one in boost["functions"]}

    def ticks(self) -> int:
        """Give the number of full ticks so far."""
        return int(self.daemon.ask("/v1/status").json()["ticks"])

    def metrics(self) -> str:
        """Give the daemon's own metrics."""
        return requests.get(f"{self.daemon.metrics_url}/metrics", timeout=20).text

    def metric(self, series: str) -> float:
        """Give one series of them; 0 where it is not born yet."""
        found = re.search(rf"^{re.escape(series)} (\S+)$", self.metrics(), re.MULTILINE)
        return float(found[1]) if found is not None else 0.0

    def asked(self) -> str:
        """Give every query that Prometheus was asked, as it keeps them."""
        return self._queries.read_text()

    def log(self) -> str:
        """Give all that the daemon printed."""
        return self.daemon.tail(1 << 30)
