"""The shipped manifests are taken by a real API server as `kubectl apply -k` sends them."""

import subprocess
import sys
from pathlib import Path

import pytest
import requests
from ruamel.yaml import YAML

from tests.servers.binaries import require
from tests.servers.controlplane import DAEMON_TOKEN, ControlPlane
from tests.servers.process import wait_until
from tests.servers.rendering import MANIFESTS, OVERLAYS, Document, composed, kubectl, kustomized

pytestmark = pytest.mark.server

NAMESPACE = "autoscaler"
DEPLOYMENT = f"/apis/apps/v1/namespaces/{NAMESPACE}/deployments/autoscaler"
OPERATORS_KINDS = {"ServiceMonitor", "PodMonitor", "PrometheusRule"}
"""Kinds of the Prometheus operator; no API server has them by itself."""
SHARED = {"Namespace", "ConfigMap", "CustomResourceDefinition"}
"""Kinds of which all shards have the same objects."""


def apply(plane: ControlPlane, folder: Path, *options: str) -> subprocess.CompletedProcess[str]:
    """Run `kubectl apply -k` as admin."""
    command = ("apply", "-k", str(folder), *options)
    return kubectl(*command, kubeconfig=plane.admin_kubeconfig, home=plane.folder)


def take_away(plane: ControlPlane) -> None:
    """Delete the Deployment and wait for its pods to go, so that the next test's are its own."""
    plane.delete(NAMESPACE, "autoscaler")
    pods = f"/api/v1/namespaces/{NAMESPACE}/pods"
    wait_until(lambda: not plane.request("GET", pods)["items"], "pods to go", 60)


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_an_overlay_is_applied_and_its_pods_are_admitted(bare: ControlPlane, overlay: str) -> None:
    """`kubectl apply -k` succeeds without a warning, and every pod passes the restricted pod security level."""
    outcome = apply(bare, MANIFESTS / "overlays" / overlay)
    assert outcome.returncode == 0, outcome.stderr
    assert "Warning" not in outcome.stderr
    assert apply(bare, MANIFESTS / "overlays" / overlay, "--dry-run=server").returncode == 0
    wanted = 2 if overlay == "high-availability" else 1
    pods = f"/api/v1/namespaces/{NAMESPACE}/pods?labelSelector=app.kubernetes.io%2Fname%3Dautoscaler"
    try:
        wait_until(lambda: len(bare.request("GET", pods)["items"]) == wanted, f"{wanted} pods to be admitted", 60)
        labels = bare.request("GET", f"/api/v1/namespaces/{NAMESPACE}")["metadata"]["labels"]
        assert labels["pod-security.kubernetes.io/enforce"] == "restricted"
    finally:
        take_away(bare)


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_applying_twice_changes_nothing(bare: ControlPlane, overlay: str) -> None:
    """After an overlay is applied, the API server sees no difference between it and what is there."""
    folder = MANIFESTS / "overlays" / overlay
    assert apply(bare, folder).returncode == 0
    try:
        outcome = kubectl("diff", "-k", folder, kubeconfig=bare.admin_kubeconfig, home=bare.folder)
        assert outcome.returncode == 0, outcome.stdout + outcome.stderr
    finally:
        take_away(bare)


@pytest.mark.parametrize("number", [0, 1])
def test_a_shards_objects_are_its_own(bare: ControlPlane, number: int) -> None:
    """The API server takes the example; selectors, rights and the Lease of one are not the other's."""
    folder = MANIFESTS / "examples" / "shards" / f"shard-{number}"
    bare.namespace(NAMESPACE)
    outcome = apply(bare, folder, "--dry-run=server")
    assert outcome.returncode == 0, outcome.stderr
    found = {(one["kind"], one["metadata"]["name"]): one for one in kustomized(folder, bare.folder)}
    assert all(name.endswith(f"-{number}") or kind in SHARED for kind, name in found)
    shard = {"autoscaler.faas.dev/shard": str(number)}
    deployment = found["Deployment", f"autoscaler-{number}"]["spec"]
    assert deployment["selector"]["matchLabels"].items() >= shard.items()
    assert found["Service", f"autoscaler-{number}"]["spec"]["selector"].items() >= shard.items()
    assert found["NetworkPolicy", f"autoscaler-{number}"]["spec"]["podSelector"]["matchLabels"].items() >= shard.items()
    pod = deployment["template"]["spec"]
    assert {"name": "AUTOSCALER_SHARD", "value": f"{number}/2"} in pod["containers"][0]["env"]
    (subject,) = found["ClusterRoleBinding", f"faas-autoscaler-{number}"]["subjects"]
    assert subject["name"] == pod["serviceAccountName"] == f"autoscaler-{number}"


def test_one_command_brings_image_and_settings_back(bare: ControlPlane, tmp_path: Path) -> None:
    """After an upgrade with other settings `kubectl rollout undo` gives the old pod template, and its settings are there."""
    assert apply(bare, MANIFESTS / "overlays" / "single").returncode == 0
    try:
        before = bare.request("GET", DEPLOYMENT)["spec"]["template"]
        settings = tmp_path / "composed" / "settings.yaml"
        folder = composed(tmp_path, "single", [], image="faas-autoscaler:0.2.0", settings=settings)
        settings.write_text("tick: 7s\n")
        assert apply(bare, folder).returncode == 0
        after = bare.request("GET", DEPLOYMENT)["spec"]["template"]
        assert settings_of(bare, after) == "tick: 7s\n"
        assert after["spec"]["containers"][0]["image"] == "faas-autoscaler:0.2.0"
        undo = ("rollout", "undo", "deployment/autoscaler", "--namespace", NAMESPACE)
        outcome = kubectl(*undo, kubeconfig=bare.admin_kubeconfig, home=tmp_path)
        assert outcome.returncode == 0, outcome.stderr
        assert bare.request("GET", DEPLOYMENT)["spec"]["template"] == before
        assert settings_of(bare, before) == (MANIFESTS / "base" / "settings.yaml").read_text()
    finally:
        take_away(bare)


def settings_of(plane: ControlPlane, template: Document) -> str:
    """Give the settings that a pod template mounts."""
    (name,) = (one["configMap"]["name"] for one in template["spec"]["volumes"] if one["name"] == "settings")
    text: str = plane.request("GET", f"/api/v1/namespaces/{NAMESPACE}/configmaps/{name}")["data"]["settings.yaml"]
    return text


def test_two_daemons_have_the_rights_of_one(tmp_path: Path) -> None:
    """High availability grants nothing that a single daemon has not."""

    def granted(overlay: str) -> list[Document]:
        rendered = kustomized(MANIFESTS / "overlays" / overlay, tmp_path)
        return [one for one in rendered if one["apiVersion"].startswith("rbac.") or one["kind"] == "ServiceAccount"]

    assert granted("high-availability") == granted("single")


def test_a_pod_that_is_not_restricted_is_refused(bare: ControlPlane) -> None:
    """The admission that lets ours in is at work: the same pod as root gets a warning, and no pod is made."""
    assert apply(bare, MANIFESTS / "overlays" / "single").returncode == 0
    try:
        as_root = {"spec": {"template": {"spec": {"securityContext": {"runAsNonRoot": False, "runAsUser": 0}}}}}
        bare.patch(NAMESPACE, "autoscaler", as_root)

        def refused() -> bool:
            conditions = bare.request("GET", DEPLOYMENT)["status"].get("conditions", ())
            return any(c["type"] == "ReplicaFailure" and "PodSecurity" in c["message"] for c in conditions)

        wait_until(refused, "the pod to be refused", 60)
    finally:
        take_away(bare)


def test_every_component_is_taken(bare: ControlPlane, tmp_path: Path) -> None:
    """All components at once are rendered, and the API server takes all whose kinds it knows."""
    components = ["service-monitor", "pod-monitor", "alerts", "decision-log", "flow-control"]
    components += ["namespace-labels", "tls", "tenants-sync", "dashboard"]
    folder = composed(tmp_path, "single", components)
    rendered = kustomized(folder, tmp_path)
    assert {document["kind"] for document in rendered} >= OPERATORS_KINDS
    ours = tmp_path / "ours.yaml"
    with ours.open("w") as file:
        YAML().dump_all([document for document in rendered if document["kind"] not in OPERATORS_KINDS], file)
    outcome = kubectl("apply", "-f", ours, kubeconfig=bare.admin_kubeconfig, home=tmp_path)
    assert outcome.returncode == 0, outcome.stderr
    assert "Warning" not in outcome.stderr
    bare.delete(NAMESPACE, "autoscaler-sync")
    take_away(bare)


def test_the_daemons_requests_have_a_share_of_their_own(bare: ControlPlane, tmp_path: Path) -> None:
    """With the flow-control component the API server classes the daemon's requests, and Lease renewals apart."""
    assert apply(bare, composed(tmp_path, "single", ["flow-control"])).returncode == 0
    schemas = "/apis/flowcontrol.apiserver.k8s.io/v1/flowschemas"
    lease = f"/apis/coordination.k8s.io/v1/namespaces/{NAMESPACE}/leases/autoscaler"
    try:
        for name, path in (
            ("faas-autoscaler", "/apis/apps/v1/deployments"),
            ("faas-autoscaler-leader", lease),
        ):
            uid = bare.request("GET", f"{schemas}/{name}")["metadata"]["uid"]
            wait_until(lambda path=path, uid=uid: flow_of(bare, path) == uid, f"{path} to be of {name}", 30)
    finally:
        take_away(bare)


def flow_of(plane: ControlPlane, path: str) -> str:
    """Give the FlowSchema that a request of the daemon is classed by."""
    with requests.Session() as session:
        session.trust_env = False
        session.headers["Authorization"] = f"Bearer {DAEMON_TOKEN}"
        answer = session.get(plane.url + path, verify=str(plane.folder / "certificates" / "apiserver.crt"), timeout=10)
    return answer.headers["X-Kubernetes-PF-FlowSchema-UID"]


def test_settings_that_change_start_new_pods_and_policies_do_not() -> None:
    """Of the two ConfigMaps the settings' name holds a hash, so that a rollback finds the old ones; the policies' does not."""
    yaml = YAML(typ="safe").load(MANIFESTS / "base" / "kustomization.yaml")
    hashed = {
        one["name"]: not one.get("options", {}).get("disableNameSuffixHash") for one in yaml["configMapGenerator"]
    }
    assert hashed == {"autoscaler-settings": True, "autoscaler-policies": False}


def test_base_configuration_passes_check(tmp_path: Path) -> None:
    """The settings and policies of the base have no problem that `autoscaler check` would name."""
    program = Path(sys.executable).with_name("autoscaler")
    base = MANIFESTS / "base"
    command = [program, "check", "--config", str(base / "settings.yaml"), str(base / "policies")]
    outcome = subprocess.run(command, capture_output=True, text=True, check=False, cwd=tmp_path)
    assert outcome.returncode == 0, outcome.stdout + outcome.stderr


@pytest.mark.parametrize(
    ("program", "command", "example"),
    [
        ("promtool", ["check", "config", "--syntax-only"], "prometheus-scrape.yaml"),
        ("promtool", ["check", "rules"], "prometheus-rules.yaml"),
        ("amtool", ["check-config"], "alertmanager-receiver.yaml"),
    ],
)
def test_examples_are_what_the_servers_take(program: str, command: list[str], example: str) -> None:
    """The examples for Prometheus and Alertmanager pass those programs' own checks."""
    outcome = subprocess.run(
        [require(program), *command, str(MANIFESTS / "examples" / example)], capture_output=True, text=True, check=False
    )
    assert outcome.returncode == 0, outcome.stdout + outcome.stderr
