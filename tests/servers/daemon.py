"""`autoscaler run` as one of several daemons that share a Lease, on a real API server."""

import json
import re
import sys
from pathlib import Path
from typing import Any

import requests

from tests.servers.controlplane import ControlPlane, Document
from tests.servers.process import Server, free_port, wait_until

NAMESPACE = "autoscaler"
"""Where the Lease is, and where the daemon's rights on it end."""


class Candidate(Server):
    """One of the daemons. There is no Prometheus: what it does comes from policies, wakes and alerts.

    Args:
        folder: its settings and its log go here.
        name: its name in the Lease.
        policies: folder of documents.
        kubeconfig: how it reaches the API server.
        changes: further settings, or others.
    """

    def __init__(self, folder: Path, name: str, policies: Path, kubeconfig: Path, **changes: object) -> None:
        self.name = name
        self.address = f"127.0.0.1:{free_port()}"
        self.metrics_address = f"127.0.0.1:{free_port()}"
        unreachable = f"http://127.0.0.1:{free_port()}"
        document = {
            "tick": "500ms",
            "sources": {"main": {"url": unreachable, "gateways": [{"profile": "openfaas", "match": {"job": "none"}}]}},
            "policies": str(policies),
            "listen": self.address,
            "metrics": {"listen": self.metrics_address},
            "kubernetes": {"kubeconfig": str(kubeconfig), "timeout": "3s"},
            "leadership": {"lease": "autoscaler", "namespace": NAMESPACE, "identity": name},
        }
        config = folder / f"{name}.json"
        config.write_text(json.dumps(document | changes))  # YAML holds JSON
        program = Path(sys.executable).with_name("autoscaler")
        super().__init__([program, "run", "--config", config], folder / f"{name}.log")

    def begin(self) -> None:
        """Start it and wait until it is ready: to decide, or to stand by."""
        self.start()
        self.wait_for(self.is_ready, 60)

    def is_ready(self) -> bool:
        """Tell whether it can answer requests, itself or through the holder."""
        try:
            return requests.get(f"http://{self.metrics_address}/readyz", timeout=2).status_code == 200
        except requests.RequestException:
            return False

    def ask(self, method: str, path: str, token: str, **options: Any) -> requests.Response:
        """Send a request to its main listener."""
        headers = {"Authorization": f"Bearer {token}", **options.pop("headers", {})}
        return requests.request(
            method, f"http://{self.address}{path}", headers=headers, timeout=40, allow_redirects=False, **options
        )

    def metric(self, name: str, labels: str = "") -> float:
        """Give a series of its own metrics, which are never forwarded."""
        text = requests.get(f"http://{self.metrics_address}/metrics", timeout=10).text
        found = re.search(rf"^{re.escape(name + labels)} (\S+)$", text, re.MULTILINE)
        assert found is not None, f"no {name}{labels} in:\n{text}"
        return float(found[1])

    def is_leading(self) -> bool:
        """Tell whether it says that it decides."""
        return self.metric("autoscaler_leader") == 1.0


def lease(plane: ControlPlane, name: str = "autoscaler") -> Document:
    """Read a Lease as admin."""
    return plane.request("GET", f"/apis/coordination.k8s.io/v1/namespaces/{NAMESPACE}/leases/{name}")


def delete_lease(plane: ControlPlane, name: str = "autoscaler") -> None:
    """Delete a Lease, so that the next test begins without one; nothing where there is none."""
    try:
        plane.request("DELETE", f"/apis/coordination.k8s.io/v1/namespaces/{NAMESPACE}/leases/{name}")
    except requests.HTTPError as error:
        if error.response is None or error.response.status_code != 404:
            raise


def holder(plane: ControlPlane, name: str = "autoscaler") -> str:
    """Give the configured name of who holds a Lease, without its random part; "": nobody."""
    return str(lease(plane, name)["spec"].get("holderIdentity", "")).rpartition("_")[0]


def wait_leading(candidate: Candidate, deadline_s: float = 60.0) -> None:
    """Wait until a candidate decides."""
    try:
        wait_until(candidate.is_leading, f"{candidate.name} to lead", deadline_s, 0.05)
    except TimeoutError as error:
        raise TimeoutError(f"{error}\n{candidate.tail()}") from None
