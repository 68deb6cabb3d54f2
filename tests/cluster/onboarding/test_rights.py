"""The rights of the component: the objects of a tenant by their names, and nothing else."""

from typing import Any

import pytest
import requests

from autoscaler.policy.onboarding.kinds import OWNED, ObjectKind
from tests.cluster.onboarding.site import Onboarded, path_of

pytestmark = pytest.mark.server

_APPLY = {"Content-Type": "application/apply-patch+yaml"}


def ask(site: Onboarded, method: str, path: str, **options: Any) -> int:
    """Ask the API server as the service account of the component, and give the status of its answer."""
    token = site.plane.token("autoscaler", "autoscaler-sync")
    headers = {"Authorization": f"Bearer {token}", **options.pop("headers", {})}
    with requests.Session() as session:
        session.trust_env = False
        answer = session.request(
            method, site.plane.url + path, headers=headers, verify=str(site.plane.certificate), timeout=30, **options
        )
    return answer.status_code


@pytest.mark.parametrize(("kind", "name"), OWNED, ids=[f"{kind.kind}-{name}" for kind, name in OWNED])
def test_one_name_of_each_kind_and_no_other(onboarded: Onboarded, kind: ObjectKind, name: str) -> None:
    """Objects of the tenants' names are listed and made; all of a kind, or one of another name, are refused."""
    onboarded.plane.namespace("rights")
    everywhere = path_of(kind, "rights").replace("/namespaces/rights", "")
    assert ask(onboarded, "GET", f"{everywhere}?fieldSelector=metadata.name%3D{name}") == 200
    assert ask(onboarded, "GET", everywhere) == 403
    assert ask(onboarded, "GET", f"{everywhere}?fieldSelector=metadata.name%3Dother") == 403
    assert ask(onboarded, "GET", f"{everywhere}?fieldSelector=metadata.name%21%3D{name}") == 403
    assert ask(onboarded, "POST", path_of(kind, "rights"), json={"metadata": {"name": "other"}}) == 403
    body = {"apiVersion": kind.api_version, "kind": kind.kind, "metadata": {"name": "other"}}
    applied = ask(onboarded, "PATCH", path_of(kind, "rights", "other") + "?fieldManager=x", json=body, headers=_APPLY)
    assert applied == 403
    assert ask(onboarded, "DELETE", path_of(kind, "rights", "other")) == 403


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/apis/apps/v1/deployments"),
        ("PATCH", "/apis/apps/v1/namespaces/rights/deployments/shop/scale"),
        ("GET", "/api/v1/namespaces"),
        ("PATCH", "/api/v1/namespaces/rights"),
        ("GET", "/api/v1/namespaces/rights/secrets/faas-autoscaler-alerts"),
        ("GET", "/api/v1/secrets?watch=true"),
        ("POST", "/apis/autoscaler.faas.dev/v1alpha1/tenants"),
        ("PATCH", "/apis/autoscaler.faas.dev/v1alpha1/tenants/any"),
        ("POST", "/apis/rbac.authorization.k8s.io/v1/clusterroles"),
        ("POST", "/apis/rbac.authorization.k8s.io/v1/clusterrolebindings"),
        ("GET", "/apis/coordination.k8s.io/v1/namespaces/autoscaler/leases/autoscaler"),
    ],
)
def test_what_it_must_never_do(onboarded: Onboarded, method: str, path: str) -> None:
    """Functions, namespaces, Tenants' specs, rights of the whole cluster and the daemon's Lease are out of reach."""
    body = {} if method in ("POST", "PATCH") else None
    headers = {"Content-Type": "application/merge-patch+json"} if method == "PATCH" else {}
    assert ask(onboarded, method, path, json=body, headers=headers) == 403


def test_it_cannot_grant_more_than_a_team_has(onboarded: Onboarded) -> None:
    """A Role of the right name with rights beyond a team's is refused: it would be an escalation."""
    onboarded.plane.namespace("rights")
    path = "/apis/rbac.authorization.k8s.io/v1/namespaces/rights/roles/faas-autoscaler-team?fieldManager=x"
    role = {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "Role",
        "metadata": {"name": "faas-autoscaler-team"},
        "rules": [{"apiGroups": [""], "resources": ["secrets"], "verbs": ["get"]}],
    }
    assert ask(onboarded, "PATCH", path, json=role, headers=_APPLY) == 403
