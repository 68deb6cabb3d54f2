"""The chart's life on a real API server: installed, upgraded, rolled back and taken away by the real Helm."""

import json
from pathlib import Path

import pytest

from tests.servers.controlplane import ControlPlane
from tests.servers.process import wait_until
from tests.servers.rendering import CHART, Document, helm

pytestmark = pytest.mark.server

NAMESPACE = "autoscaler"
DEPLOYMENT = f"/apis/apps/v1/namespaces/{NAMESPACE}/deployments/autoscaler"
CONFIGMAPS = f"/api/v1/namespaces/{NAMESPACE}/configmaps"
TENANT: Document = {
    "apiVersion": "autoscaler.faas.dev/v1alpha1",
    "kind": "Tenant",
    "metadata": {"name": "acme"},
    "spec": {"namespaces": ["acme-prod"]},
}
CLUSTER_ROLES = "/apis/rbac.authorization.k8s.io/v1/clusterroles"


def run(plane: ControlPlane, home: Path, *arguments: str | Path) -> None:
    """Run Helm in the daemon's namespace; it must succeed."""
    outcome = helm(*arguments, "--namespace", NAMESPACE, kubeconfig=plane.admin_kubeconfig, home=home)
    assert outcome.returncode == 0, outcome.stderr


def template(plane: ControlPlane) -> Document:
    """Give the Deployment's pod template."""
    found: Document = plane.request("GET", DEPLOYMENT)["spec"]["template"]
    return found


def settings(plane: ControlPlane) -> list[str]:
    """Give the texts of all settings that are there."""
    found = plane.request("GET", CONFIGMAPS)["items"]
    return [one["data"]["settings.yaml"] for one in found if "settings.yaml" in one["data"]]


def test_install_upgrade_rollback_and_uninstall(bare: ControlPlane, tmp_path: Path) -> None:
    """Restricted pod security admits its pods; a rollback brings back settings, policies and image; tenants' documents alone are left."""
    labels = {"pod-security.kubernetes.io/enforce": "restricted"}
    bare.apply(json.dumps({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE, "labels": labels}}))
    run(bare, tmp_path, "install", "autoscaler", CHART)
    pods = f"/api/v1/namespaces/{NAMESPACE}/pods"
    wait_until(lambda: bare.request("GET", pods)["items"], "the daemon's pod to be admitted", 60)
    before, settings_before = template(bare), settings(bare)
    policies_before = bare.request("GET", f"{CONFIGMAPS}/autoscaler-policies")["data"]

    values = {
        "settings": {"tick": "7s"},
        "image": {"tag": "0.2.0"},
        "policies": {"functions.yaml": None},
        "replicas": 2,
    }
    (tmp_path / "upgrade.json").write_text(json.dumps(values))
    run(bare, tmp_path, "upgrade", "autoscaler", CHART, "--values", tmp_path / "upgrade.json")
    assert template(bare)["spec"]["containers"][0]["image"] == "faas-autoscaler:0.2.0"
    (upgraded,) = settings(bare)
    assert "tick: 7s" in upgraded
    assert list(bare.request("GET", f"{CONFIGMAPS}/autoscaler-policies")["data"]) == ["tenants.yaml"]

    run(bare, tmp_path, "rollback", "autoscaler")
    assert template(bare) == before
    assert settings(bare) == settings_before
    assert bare.request("GET", f"{CONFIGMAPS}/autoscaler-policies")["data"] == policies_before

    bare.apply(json.dumps(TENANT))
    run(bare, tmp_path, "uninstall", "autoscaler")
    assert settings(bare) == []
    names = [one["metadata"]["name"] for one in bare.request("GET", CLUSTER_ROLES)["items"]]
    assert not [name for name in names if name.startswith("faas-autoscaler")]
    kept = bare.request("GET", f"/apis/{TENANT['apiVersion']}/tenants")["items"]
    assert [one["metadata"]["name"] for one in kept] == ["acme"]
    run(bare, tmp_path, "install", "autoscaler", CHART, "--dry-run=server")
