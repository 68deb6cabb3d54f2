"""What a tenant's team may do under the shipped roles: its own policies, and nothing of anybody else."""

import json
from dataclasses import dataclass

import pytest

from tests.cluster.crds.documents import GROUP, ask, collection, policy, tenant
from tests.servers.controlplane import DAEMON_TOKEN, STRANGER_TOKEN, ControlPlane
from tests.servers.process import wait_until
from tests.servers.rendering import Document

pytestmark = pytest.mark.server

A, B = "isolation-a", "isolation-b"
ROLES = ("faas-autoscaler-view", "faas-autoscaler-edit")
RBAC = "rbac.authorization.k8s.io"
MERGE = "merge-patch+json"
POLICY_OF = {namespace: f"{GROUP}/namespaces/{namespace}/scalingpolicies/one" for namespace in (A, B)}
TENANT = f"{GROUP}/tenants/isolation"


@dataclass(frozen=True)
class Try:
    """A request that must be refused.

    Attributes:
        kind: of the body, as `ask` has it.
    """

    method: str
    path: str
    body: object = None
    kind: str = "json"


def binding(namespace: str, role: str) -> Document:
    """Give a team's account a role in its namespace."""
    return {
        "apiVersion": f"{RBAC}/v1",
        "kind": "RoleBinding",
        "metadata": {"name": role, "namespace": namespace},
        "roleRef": {"apiGroup": RBAC, "kind": "ClusterRole", "name": role},
        "subjects": [{"kind": "ServiceAccount", "name": "team", "namespace": namespace}],
    }


@pytest.fixture(scope="module")
def team(plane: ControlPlane) -> str:
    """The token of A's team; A and B have a policy and a function each, and there is a Tenant."""
    for namespace in (A, B):
        plane.namespace(namespace)
        plane.deployment(namespace, "f", replicas=1, is_paused=True)
        plane.apply(json.dumps(policy({"replicas": {"max": 3}}, "one", namespace)))
        for role in ROLES:
            plane.apply(json.dumps(binding(namespace, role)))
    plane.apply(json.dumps(tenant({"namespaces": [A]}, "isolation")))
    return plane.token(A, "team")


def test_a_team_has_all_of_its_own_policies(plane: ControlPlane, team: str) -> None:
    """In its namespace it makes, reads, changes and takes away policies."""
    document = policy({"replicas": {"max": 5}}, "two", A)
    path = f"{collection(document)}/two"
    assert ask(plane, "POST", collection(document), document, team).status_code == 201
    assert ask(plane, "PATCH", path, {"spec": {"replicas": {"max": 6}}}, team, MERGE).status_code == 200
    applied = ask(plane, "PATCH", f"{path}?fieldManager=team&force=true", document, team, "apply-patch+yaml")
    assert applied.status_code == 200
    assert ask(plane, "GET", path, token=team).json()["spec"] == {"replicas": {"max": 5}}
    assert len(ask(plane, "GET", collection(document), token=team).json()["items"]) == 2
    assert ask(plane, "DELETE", path, token=team).status_code == 200


OTHERS = {
    "read another's policy": Try("GET", POLICY_OF[B]),
    "list another's policies": Try("GET", f"{GROUP}/namespaces/{B}/scalingpolicies"),
    "list everybody's policies": Try("GET", f"{GROUP}/scalingpolicies"),
    "watch everybody's policies": Try("GET", f"{GROUP}/scalingpolicies?watch=true"),
    "make a policy for another": Try("POST", f"{GROUP}/namespaces/{B}/scalingpolicies", policy({}, "mine", B)),
    "change another's policy": Try("PATCH", POLICY_OF[B], {"spec": {"replicas": {"max": 0}}}, MERGE),
    "apply over another's policy": Try(
        "PATCH", f"{POLICY_OF[B]}?fieldManager=a&force=true", policy({}, "one", B), "apply-patch+yaml"
    ),
    "delete another's policy": Try("DELETE", POLICY_OF[B]),
    "delete all of another's policies": Try("DELETE", f"{GROUP}/namespaces/{B}/scalingpolicies"),
    "say in its policy's status what holds": Try(
        "PATCH", f"{POLICY_OF[A]}/status", {"status": {"functions": 9}}, MERGE
    ),
    "read a Tenant": Try("GET", TENANT),
    "list Tenants": Try("GET", f"{GROUP}/tenants"),
    "make a Tenant": Try("POST", f"{GROUP}/tenants", tenant({"namespaces": [B]}, "mine")),
    "raise its budget": Try("PATCH", TENANT, {"spec": {"budget": {"replicas": {"cap": None}}}}, MERGE),
    "name itself a caller of its Tenant": Try("PATCH", f"{TENANT}/status", {"status": {"callers": []}}, MERGE),
    "delete a Tenant": Try("DELETE", TENANT),
    "scale its own function": Try(
        "PATCH", f"/apis/apps/v1/namespaces/{A}/deployments/f/scale", {"spec": {"replicas": 9}}, MERGE
    ),
    "scale another's function": Try(
        "PATCH", f"/apis/apps/v1/namespaces/{B}/deployments/f/scale", {"spec": {"replicas": 9}}, MERGE
    ),
    "annotate its own function": Try(
        "PATCH", f"/apis/apps/v1/namespaces/{A}/deployments/f", {"metadata": {"annotations": {"a": "b"}}}, MERGE
    ),
    "read Secrets where it lives": Try("GET", f"/api/v1/namespaces/{A}/secrets"),
    "read the definitions' rules": Try("GET", "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"),
    "label its namespace": Try("PATCH", f"/api/v1/namespaces/{A}", {"metadata": {"labels": {"team": "b"}}}, MERGE),
    "bind itself elsewhere": Try("POST", f"/apis/{RBAC}/v1/namespaces/{B}/rolebindings", binding(B, ROLES[1])),
}


@pytest.mark.parametrize("name", OTHERS)
def test_a_team_cannot(plane: ControlPlane, team: str, name: str) -> None:
    """Other namespaces' policies, Tenants, statuses, scales, Secrets and rights are out of its reach."""
    one = OTHERS[name]
    assert ask(plane, one.method, one.path, one.body, team, one.kind).status_code == 403
    assert plane.request("GET", POLICY_OF[B])["spec"] == {"replicas": {"max": 3}}
    assert plane.replicas(A, "f") == plane.replicas(B, "f") == 1


def test_a_document_that_names_another_namespace_goes_nowhere(plane: ControlPlane, team: str) -> None:
    """A policy sent to its own namespace that says another in its metadata is refused, and made in neither."""
    document = policy({}, "smuggled", B)
    answer = ask(plane, "POST", f"{GROUP}/namespaces/{A}/scalingpolicies", document, team)
    assert answer.status_code == 400
    for namespace in (A, B):
        path = f"{GROUP}/namespaces/{namespace}/scalingpolicies/smuggled"
        assert ask(plane, "GET", path).status_code == 404


def test_who_has_no_role_has_nothing(plane: ControlPlane, team: str) -> None:
    """The definitions by themselves open nothing to anybody."""
    for path in (POLICY_OF[A], TENANT, f"{GROUP}/scalingpolicies"):
        assert ask(plane, "GET", path, token=STRANGER_TOKEN).status_code == 403


def test_a_status_does_not_come_in_with_a_policy(plane: ControlPlane, team: str) -> None:
    """What a team writes as the status of its own policy, beside the spec, is dropped."""
    document = {**policy({}, "claims", A), "status": {"functions": 99, "reason": "InForce"}}
    answer = ask(plane, "POST", collection(document), document, team)
    assert answer.status_code == 201
    assert "status" not in answer.json()
    put = {**answer.json(), "status": {"functions": 99}}
    assert "status" not in ask(plane, "PUT", f"{collection(document)}/claims", put, team).json()
    plane.request("DELETE", f"{collection(document)}/claims")


def test_how_many_policies_a_team_writes_can_be_bounded(pods: ControlPlane, team: str) -> None:
    """A ResourceQuota counts policies as it counts any object: the first above it is refused."""
    metadata = {"name": "policies", "namespace": A}
    hard = {"count/scalingpolicies.autoscaler.faas.dev": "0"}
    quota = {"apiVersion": "v1", "kind": "ResourceQuota", "metadata": metadata, "spec": {"hard": hard}}
    pods.apply(json.dumps(quota))
    path = f"/api/v1/namespaces/{A}/resourcequotas/policies"
    wait_until(lambda: pods.request("GET", path).get("status", {}).get("used"), "policies to be counted", 120)
    answer = ask(pods, "POST", f"{GROUP}/namespaces/{A}/scalingpolicies", policy({}, "beyond", A), team)
    assert answer.status_code == 403
    assert "exceeded quota" in answer.json()["message"]
    assert ask(pods, "DELETE", path, token=team).status_code == 403
    pods.request("DELETE", path)


DAEMONS = {
    "change a policy": Try("PATCH", POLICY_OF[A], {"spec": {"replicas": {"max": 0}}}, MERGE),
    "make a policy": Try("POST", f"{GROUP}/namespaces/{A}/scalingpolicies", policy({}, "its", A)),
    "delete a policy": Try("DELETE", POLICY_OF[A]),
    "change a Tenant": Try("PATCH", TENANT, {"spec": {"pool": "other"}}, MERGE),
    "make a Tenant": Try("POST", f"{GROUP}/tenants", tenant({}, "its")),
    "delete a Tenant": Try("DELETE", TENANT),
    "put a whole status": Try("PUT", f"{TENANT}/status", tenant({"namespaces": [A]}, "isolation")),
    "read Secrets": Try("GET", f"/api/v1/namespaces/{A}/secrets"),
    "read every Secret": Try("GET", "/api/v1/secrets"),
    "list namespaces": Try("GET", "/api/v1/namespaces"),
    "change the definitions": Try(
        "PATCH",
        "/apis/apiextensions.k8s.io/v1/customresourcedefinitions/tenants.autoscaler.faas.dev",
        {"metadata": {"labels": {"a": "b"}}},
        MERGE,
    ),
}


@pytest.mark.parametrize("name", DAEMONS)
def test_the_daemon_cannot(plane: ControlPlane, team: str, name: str) -> None:
    """It writes no spec, makes and deletes no document, and reads no Secret and, without its component, no namespace."""
    one = DAEMONS[name]
    assert ask(plane, one.method, one.path, one.body, DAEMON_TOKEN, one.kind).status_code == 403


def test_the_daemon_reads_all_documents_and_says_what_became_of_them(plane: ControlPlane, team: str) -> None:
    """Both kinds are listed everywhere, and a status written by a merge patch; a spec that comes along with it is not."""
    for path in (f"{GROUP}/tenants", f"{GROUP}/scalingpolicies", f"{GROUP}/namespaces/{B}/scalingpolicies"):
        assert ask(plane, "GET", path, token=DAEMON_TOKEN).status_code == 200
    both = {"status": {"functions": 1}, "spec": {"replicas": {"max": 0}}}
    answer = ask(plane, "PATCH", f"{POLICY_OF[A]}/status", both, DAEMON_TOKEN, MERGE)
    assert answer.status_code == 200
    assert (answer.json()["status"], answer.json()["spec"]) == ({"functions": 1}, {"replicas": {"max": 3}})
    callers = {"status": {"functions": 1}}
    assert ask(plane, "PATCH", f"{TENANT}/status", callers, DAEMON_TOKEN, MERGE).status_code == 200
