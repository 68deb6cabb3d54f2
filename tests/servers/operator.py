"""The real prometheus-operator on a test's control plane, with the rights that it publishes."""

import base64
import gzip
from pathlib import Path

import requests

from tests.servers.binaries import require, require_manifests
from tests.servers.controlplane import ControlPlane
from tests.servers.process import Server, free_port, wait_until

NAMESPACE = "monitoring"
"""Where it and what it makes are."""

_NAME = "prometheus-operator"
_KINDS = (
    "alertmanagerconfigs",
    "alertmanagers",
    "podmonitors",
    "probes",
    "prometheuses",
    "prometheusrules",
    "servicemonitors",
)
_CRDS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
_ACCOUNT = f"""\
apiVersion: v1
kind: ServiceAccount
metadata: {{name: {_NAME}, namespace: {NAMESPACE}}}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: {{name: {_NAME}}}
roleRef: {{apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: {_NAME}}}
subjects: [{{kind: ServiceAccount, name: {_NAME}, namespace: {NAMESPACE}}}]
"""


def install(plane: ControlPlane) -> Path:
    """Install the operator's published CRDs, those of Thanos and agents left out, and its account with its rights.

    Returns:
        The kubeconfig of that account.
    """
    _install_kinds(plane)
    plane.namespace(NAMESPACE)
    plane.apply((require_manifests(_NAME) / "prometheus-operator-cluster-role.yaml").read_text())
    plane.apply(_ACCOUNT)
    return plane.write_kubeconfig(_NAME, plane.issue_token(NAMESPACE, _NAME, f"{_NAME}-token"))


def _install_kinds(plane: ControlPlane) -> None:
    folder = require_manifests(_NAME)
    for kind in _KINDS:
        # As text: with kubectl's note of what was applied it would be too large for an annotation.
        plane.request(
            "PATCH",
            f"{_CRDS}/{kind}.monitoring.coreos.com?fieldManager=tests&force=true",
            data=(folder / f"monitoring.coreos.com_{kind}.yaml").read_bytes(),
            headers={"Content-Type": "application/apply-patch+yaml"},
        )
    for kind in _KINDS:
        wait_until(lambda kind=kind: _is_established(plane, kind), f"{kind} to be served", 60)


def _is_established(plane: ControlPlane, kind: str) -> bool:
    status = plane.request("GET", f"{_CRDS}/{kind}.monitoring.coreos.com").get("status") or {}
    conditions = status.get("conditions") or ()
    return any(one["type"] == "Established" and one["status"] == "True" for one in conditions)


class PrometheusOperator(Server):
    """The operator as the service account of `install`, and what it makes."""

    def __init__(self, plane: ControlPlane, kubeconfig: Path) -> None:
        self._plane = plane
        self._port = free_port()
        command = [require(_NAME), f"--web.listen-address=127.0.0.1:{self._port}"]
        super().__init__(command, plane.folder / f"{_NAME}.log", {"KUBECONFIG": str(kubeconfig)})

    def is_ready(self) -> bool:
        """Tell whether it serves, which it does before it has reconciled anything."""
        try:
            return requests.get(f"http://127.0.0.1:{self._port}/healthz", timeout=2).status_code == 200
        except requests.RequestException:
            return False

    def prometheus_config(self, name: str) -> str | None:
        """Give the configuration that it made for a Prometheus object; None: not yet."""
        return self._secret(f"prometheus-{name}", "prometheus.yaml.gz")

    def alertmanager_config(self, name: str) -> str | None:
        """Give the configuration that it made for an Alertmanager object, credentials in it; None: not yet."""
        return self._secret(f"alertmanager-{name}-generated", "alertmanager.yaml.gz")

    def rules(self, name: str) -> dict[str, str]:
        """Give the rule files that it made for a Prometheus object, by name."""
        found = self._plane.request("GET", f"/api/v1/namespaces/{NAMESPACE}/configmaps")["items"]
        prefix = f"prometheus-{name}-rulefiles-"
        maps = [one.get("data", {}) for one in found if one["metadata"]["name"].startswith(prefix)]
        return {file: text for one in maps for file, text in one.items()}

    def _secret(self, name: str, key: str) -> str | None:
        try:
            secret = self._plane.request("GET", f"/api/v1/namespaces/{NAMESPACE}/secrets/{name}")
        except requests.HTTPError as error:
            if error.response is not None and error.response.status_code == 404:
                return None
            raise
        packed = secret.get("data", {}).get(key)
        return None if packed is None else gzip.decompress(base64.b64decode(packed)).decode()
