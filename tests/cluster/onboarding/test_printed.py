"""What `autoscaler manifests tenant` prints is what an admin applies with kubectl, and what it grants."""

import subprocess
import sys
from pathlib import Path

import pytest
import requests

from autoscaler.policy.onboarding.kinds import TENANT_LABEL
from tests.cluster.onboarding.site import Onboarded, hashed
from tests.servers.controlplane import ControlPlane, Document
from tests.servers.rendering import MANIFESTS, composed, documents, kubectl

pytestmark = pytest.mark.server

_PROGRAM = str(Path(sys.executable).with_name("autoscaler"))
_POLICY = {
    "apiVersion": "autoscaler.faas.dev/v1alpha1",
    "kind": "ScalingPolicy",
    "metadata": {"name": "default"},
    "spec": {"replicas": {"min": 1, "max": 3}},
}
POLICIES = "/apis/autoscaler.faas.dev/v1alpha1/namespaces/{}/scalingpolicies"


def printed(*options: str) -> subprocess.CompletedProcess[str]:
    """Run `autoscaler manifests tenant`."""
    return subprocess.run(
        [_PROGRAM, "manifests", "tenant", *options], capture_output=True, text=True, check=False, timeout=60
    )


def apply(plane: ControlPlane, text: str, *options: str) -> subprocess.CompletedProcess[str]:
    """Pipe objects into `kubectl apply -f -` as admin."""
    (plane.folder / "printed.yaml").write_text(text)
    command = ("apply", "-f", plane.folder / "printed.yaml", *options)
    return kubectl(*command, kubeconfig=plane.admin_kubeconfig, home=plane.folder)


def ask(plane: ControlPlane, token: str, method: str, path: str, json: Document | None = None) -> int:
    """Ask the API server with a team's token, and give the status of its answer."""
    headers = {"Authorization": f"Bearer {token}"}
    if method == "PATCH":
        headers["Content-Type"] = "application/merge-patch+json"
    with requests.Session() as session:
        session.trust_env = False
        answer = session.request(
            method, plane.url + path, headers=headers, json=json, verify=str(plane.certificate), timeout=30
        )
    return answer.status_code


@pytest.fixture(scope="module")
def applied(onboarded: Onboarded) -> Onboarded:
    """A tenant as an admin made it: applied as printed, strictly, without a warning, and twice; beside it another's home."""
    homes = ("--namespace", "printed-a", "--namespace", "printed-b", "--with-namespaces")
    said = printed("printed", *homes, "--service-account", "team", "--daemon-rights")
    assert said.returncode == 0, said.stderr
    for _ in range(2):
        outcome = apply(onboarded.plane, said.stdout, "--validate=strict")
        assert outcome.returncode == 0, outcome.stderr
        assert "Warning" not in outcome.stderr
    onboarded.plane.namespace("other-a")
    return onboarded


def test_the_tenant_knows_the_hash_of_the_token(applied: Onboarded) -> None:
    """The Secrets of all namespaces hold one token, whose SHA-256 the Tenant names; namespaces are labelled."""
    token = applied.token("printed-a")
    assert token == applied.token("printed-b")
    assert applied.read_tenant("printed")["spec"]["callers"] == [{"tokenSHA256": hashed(token)}]
    labels = applied.plane.request("GET", "/api/v1/namespaces/printed-a")["metadata"]["labels"]
    assert labels[TENANT_LABEL] == "printed"


def test_a_team_writes_its_own_policies_and_nobody_elses(applied: Onboarded) -> None:
    """The team's account may do all with ScalingPolicies at home, and neither read nor write them elsewhere."""
    token = applied.plane.token("printed-a", "team")
    home, foreign = POLICIES.format("printed-a"), POLICIES.format("other-a")
    assert ask(applied.plane, token, "POST", home, _POLICY) == 201
    assert ask(applied.plane, token, "PATCH", f"{home}/default", {"spec": {"replicas": {"max": 5}}}) == 200
    assert ask(applied.plane, token, "GET", home) == 200
    assert ask(applied.plane, token, "DELETE", f"{home}/default") == 200
    for method, path in (("POST", foreign), ("GET", foreign), ("DELETE", f"{foreign}/default")):
        assert ask(applied.plane, token, method, path, _POLICY if method == "POST" else None) == 403
    assert ask(applied.plane, token, "GET", POLICIES.format("printed-b")) == 403


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("PATCH", "/apis/autoscaler.faas.dev/v1alpha1/tenants/printed"),
        ("GET", "/apis/autoscaler.faas.dev/v1alpha1/tenants/printed"),
        ("PATCH", "/apis/autoscaler.faas.dev/v1alpha1/tenants/printed/status"),
        ("PATCH", "/apis/autoscaler.faas.dev/v1alpha1/namespaces/printed-a/scalingpolicies/default/status"),
        ("PATCH", "/apis/apps/v1/namespaces/printed-a/deployments/shop/scale"),
        ("PATCH", "/apis/rbac.authorization.k8s.io/v1/namespaces/printed-a/roles/faas-autoscaler-team"),
        ("PATCH", "/api/v1/namespaces/printed-a/resourcequotas/faas-autoscaler"),
        ("GET", "/api/v1/namespaces/printed-a/secrets/faas-autoscaler-alerts"),
        ("PATCH", "/api/v1/namespaces/printed-a"),
    ],
)
def test_a_team_may_do_nothing_else(applied: Onboarded, method: str, path: str) -> None:
    """Tenants, status, scale, rights, quotas, Secrets and namespaces are none of the team's by these rights."""
    token = applied.plane.token("printed-a", "team")
    assert ask(applied.plane, token, method, path, {} if method == "PATCH" else None) == 403


async def test_sync_leaves_what_an_admin_applied(applied: Onboarded) -> None:
    """Objects made by hand have no owner: the process names them and leaves them, token included."""
    before = applied.token("printed-a")
    outcome = await applied.one_pass()
    assert "Secret printed-a/faas-autoscaler-alerts" in outcome.left
    assert applied.token("printed-a") == before


def test_the_platforms_recordings_are_taken(applied: Onboarded) -> None:
    """The PrometheusRule of the platform passes the published schema, strictly."""
    said = subprocess.run([_PROGRAM, "manifests", "recordings"], capture_output=True, text=True, check=True, timeout=60)
    applied.plane.namespace("autoscaler")
    outcome = apply(applied.plane, said.stdout, "--validate=strict")
    assert outcome.returncode == 0, outcome.stderr


def test_the_component_is_applied(applied: Onboarded, tmp_path: Path) -> None:
    """With an overlay it adds one Deployment, its account and its rights, and the daemon's account gains nothing."""
    folder = composed(tmp_path, "single", ["tenants-sync"])
    rendered = kubectl("kustomize", folder, home=tmp_path)
    assert rendered.returncode == 0, rendered.stderr
    found = documents(rendered.stdout)
    (sync,) = (one for one in found if one["kind"] == "Deployment" and one["metadata"]["name"] == "autoscaler-sync")
    (container,) = sync["spec"]["template"]["spec"]["containers"]
    assert container["image"] == "faas-autoscaler:0.1.0"
    assert container["args"][:2] == ["tenants", "sync"]
    service = next(one for one in found if one["kind"] == "Service" and one["metadata"]["name"] == "autoscaler")
    labels = sync["spec"]["template"]["metadata"]["labels"]
    assert not service["spec"]["selector"].items() <= labels.items()
    for one in found:
        if one["kind"].endswith("RoleBinding") and one["metadata"]["name"] == "faas-autoscaler-sync":
            assert [subject["name"] for subject in one["subjects"]] == ["autoscaler-sync"]
    command = ("apply", "-k", folder, "--dry-run=server")
    applied.plane.namespace("autoscaler")
    outcome = kubectl(*command, kubeconfig=applied.plane.admin_kubeconfig, home=tmp_path)
    assert outcome.returncode == 0, outcome.stderr
    assert "Warning" not in outcome.stderr
    assert (MANIFESTS / "components" / "tenants-sync" / "kustomization.yaml").exists()
