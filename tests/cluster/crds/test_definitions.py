"""The API server takes the definitions, and judges documents as our models do."""

import json
from pathlib import Path

import pytest
from pydantic import ValidationError
from ruamel.yaml import YAML

from autoscaler.policy.crd import KIND_OF, definition
from autoscaler.policy.documents import KINDS
from autoscaler.policy.loading import load
from autoscaler.policy.parsing import read_documents
from tests.cluster.crds.bad import BAD, DAEMON, SCHEMA
from tests.cluster.crds.documents import GROUP, NAMESPACE, Document, ask, collection, policy, read, tenant, tried
from tests.cluster.crds.good import GOOD
from tests.servers.controlplane import DAEMON_TOKEN, ControlPlane
from tests.servers.rendering import kubectl

pytestmark = pytest.mark.server

POLICIES = Path(__file__).parents[3] / "policies"
SHIPPED = [
    POLICIES / "defaults.yaml",
    *sorted(POLICIES.glob("examples/*/policies/*.yaml")),
    *sorted((POLICIES.parent / "manifests" / "base" / "policies").glob("*.yaml")),
]
NULLS: Document = {
    "metrics": [{"type": "rps", "target": 0.25, "utilization": None}],
    "concurrencyLimit": None,
    "concurrencyCap": None,
    "replicas": {"min": 3, "max": None},
    "windows": {"stable": "1m", "panic": None},
    "zero": None,
    "wake": None,
    "schedules": [{"cron": "0 8 * * 1-5", "duration": "10h", "min": 5, "max": None}],
}


@pytest.fixture(scope="module", autouse=True)
def namespace(plane: ControlPlane) -> None:
    """The namespace that the documents name."""
    plane.namespace(NAMESPACE)


@pytest.mark.parametrize("kind", KIND_OF.values())
def test_a_definition_is_established_as_it_is_written(plane: ControlPlane, kind: str) -> None:
    """It is served, nothing of it is called non-structural, and its rules are there to the letter."""
    written = definition(kind)
    path = f"/apis/apiextensions.k8s.io/v1/customresourcedefinitions/{written['metadata']['name']}"
    stored = plane.request("GET", path)
    conditions = {one["type"]: one["status"] for one in stored["status"]["conditions"]}
    assert conditions == {"NamesAccepted": "True", "Established": "True"}
    assert stored["spec"]["versions"][0]["schema"] == written["spec"]["versions"][0]["schema"]


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: "-".join(path.parts[-3:]))
def test_a_shipped_document_means_the_same_as_an_object(plane: ControlPlane, path: Path) -> None:
    """Applied and read back, each example says what its file says: what is left out stays left out, what is null null."""
    for document in YAML(typ="safe").load_all(path.read_text()):
        plane.apply(json.dumps(document))
        ours = KINDS[document["kind"]].model_validate(document)
        assert read(plane, document).model_dump(exclude_unset=True) == ours.model_dump(exclude_unset=True)
        plane.request("DELETE", f"{collection(document)}/{document['metadata']['name']}")


@pytest.mark.parametrize("name", GOOD)
def test_a_right_document_is_taken(plane: ControlPlane, name: str) -> None:
    """What our models take, the API server takes too, and gives back as it was."""
    document = GOOD[name]
    KINDS[document["kind"]].model_validate(document)
    answer = tried(plane, document)
    assert answer.status_code == 201, answer.text
    assert answer.json()["spec"] == document["spec"]


@pytest.mark.parametrize("name", BAD)
def test_a_wrong_document_is_refused(plane: ControlPlane, name: str) -> None:
    """What our models refuse the API server refuses too, by its schema or by CEL, but for what neither can say."""
    bad = BAD[name]
    (written,) = read_documents("one.yaml", json.dumps(bad.document))
    with_tenant = {"one.yaml": json.dumps(bad.document), "two.yaml": json.dumps(tenant({}, "other"))}
    files = {"one.yaml": with_tenant["one.yaml"]} if bad.document["kind"] == "Tenant" else with_tenant
    assert written.problems == ()
    assert [one for one in load(files).problems if one.file == "one.yaml"]
    answer = tried(plane, bad.document)
    if bad.refused_by == DAEMON:
        assert answer.status_code == 201, answer.text
        return
    assert answer.status_code == (400 if "unknown field" in bad.words else 422), answer.text
    causes = [one["message"] for one in answer.json().get("details", {}).get("causes", ())]
    assert bad.words in answer.json()["message"]
    # A rule's own message begins with what is allowed; a schema's never does.
    assert any(message.startswith("Invalid value: allowed: ") or "allowed: " in message for message in causes) == (
        bad.refused_by != SCHEMA
    )


@pytest.mark.parametrize("method", ["apply --server-side", "create", "replace"])
def test_nulls_survive(plane: ControlPlane, tmp_path: Path, method: str) -> None:
    """What is null in a file is null in the object: "never" does not become "as the tenant says"."""
    document = policy(NULLS, "nulls")
    file = tmp_path / "nulls.json"
    file.write_text(json.dumps(document))
    if method == "replace":
        plane.apply(json.dumps(policy({"zero": {"after": "5m"}, "windows": {"panic": "5s"}}, "nulls")))
    verb, *options = method.split()
    outcome = kubectl(verb, *options, "-f", file, kubeconfig=plane.admin_kubeconfig, home=tmp_path)
    assert outcome.returncode == 0, outcome.stderr
    try:
        stored = plane.request("GET", f"{collection(document)}/nulls")
        assert stored["spec"] == NULLS
    finally:
        plane.request("DELETE", f"{collection(document)}/nulls")


def test_a_value_becomes_null_by_server_side_apply(plane: ControlPlane) -> None:
    """Who changes a value to null by server-side apply gets null, not the field's absence."""
    plane.apply(json.dumps(policy({"zero": {"after": "5m"}, "replicas": {"max": 7}}, "changed")))
    document = policy({"zero": None, "replicas": {"max": None}}, "changed")
    plane.apply(json.dumps(document))
    assert plane.request("GET", f"{collection(document)}/changed")["spec"] == document["spec"]
    plane.request("DELETE", f"{collection(document)}/changed")


def test_rules_see_no_null(plane: ControlPlane) -> None:
    """A rule about a field that is null takes it for left out: such documents are good here as they are for us."""
    for document in (
        policy(NULLS),
        policy({"functions": {"names": ["a"], "matchLabels": None}, "fallback": {"replicas": None}}),
        tenant({"budget": {"replicas": {"guarantee": 5, "cap": None}}, "namespaces": ["a"], "namespaceSelector": None}),
        tenant({"callers": [{"tokenSHA256": "0" * 64, "username": None, "certificateSAN": None}]}),
    ):
        KINDS[document["kind"]].model_validate(document)
        assert tried(plane, document).status_code == 201


def test_a_null_that_means_nothing_is_as_left_out(plane: ControlPlane) -> None:
    """A null where a file may have none is dropped by the API server, and the field is inherited."""
    for document, path in (
        (policy({"replicas": {"min": None}}), ["replicas"]),
        (tenant({"budget": {"replicas": {"lend": None}}}), ["budget", "replicas"]),
    ):
        found = tried(plane, document).json()["spec"]
        for name in path:
            found = found[name]
        assert found == {}


def test_kubectl_refuses_a_field_that_is_none(plane: ControlPlane, tmp_path: Path) -> None:
    """A typo is an error at the terminal, with the field's path, and nothing is stored."""
    file = tmp_path / "typo.json"
    file.write_text(json.dumps(policy({"replicas": {"maximum": 5}}, "typo")))
    outcome = kubectl("apply", "-f", file, kubeconfig=plane.admin_kubeconfig, home=tmp_path)
    assert outcome.returncode != 0
    assert 'unknown field "spec.replicas.maximum"' in outcome.stderr
    assert ask(plane, "GET", f"{GROUP}/namespaces/{NAMESPACE}/scalingpolicies/typo").status_code == 404


def test_kubectl_shows_what_holds(plane: ControlPlane, tmp_path: Path) -> None:
    """`kubectl get` has the limits and what the daemon says in columns, under short names and in one category."""
    plane.apply(json.dumps(policy({"replicas": {"min": 2, "max": 9}}, "shown")))
    plane.apply(json.dumps(tenant({"budget": {"replicas": {"guarantee": 4, "cap": 8}}}, "shown")))
    moment = "2026-01-02T03:04:05Z"
    conditions = [
        {"type": kind, "status": "True", "reason": "InForce", "message": "it holds", "lastTransitionTime": moment}
        for kind in ("Accepted", "InForce")
    ]
    status = {"observedGeneration": 1, "conditions": conditions, "reason": "InForce", "functions": 3}
    budget = {"guarantee": 4, "cap": 8, "asked": 7, "granted": 6, "borrowed": 2, "lent": 0, "boundBy": "POOL"}
    for path, body in (
        (f"{GROUP}/namespaces/{NAMESPACE}/scalingpolicies/shown/status", status),
        (f"{GROUP}/tenants/shown/status", {**status, "budget": budget, "namespaces": [NAMESPACE]}),
    ):
        patch = ask(plane, "PATCH", path, {"status": body}, DAEMON_TOKEN, "merge-patch+json")
        assert patch.status_code == 200, patch.text
        assert patch.json()["metadata"]["generation"] == 1

    def lines(*arguments: str) -> list[list[str]]:
        outcome = kubectl("get", *arguments, kubeconfig=plane.admin_kubeconfig, home=tmp_path)
        assert outcome.returncode == 0, outcome.stderr
        return [line.split() for line in outcome.stdout.splitlines() if line]

    (heading, policy_line) = lines("scp", "shown", "-n", NAMESPACE)
    assert heading == ["NAME", "FUNCTIONS", "MIN", "MAX", "IN", "FORCE", "WITHIN", "BOUNDS", "REASON", "AGE"]
    assert policy_line[:6] == ["shown", "3", "2", "9", "True", "InForce"]
    (heading, tenant_line) = lines("ften", "shown")
    assert heading == ["NAME", "FUNCTIONS", "GUARANTEE", "CAP", "ASKED", "GRANTED", "IN", "FORCE", "REASON", "AGE"]
    assert tenant_line[:8] == ["shown", "3", "4", "8", "7", "6", "True", "InForce"]
    # The category has what a team may read: with Tenants in it `kubectl get faas` would end with Forbidden for every team.
    assert [line[0] for line in lines("faas", "-n", NAMESPACE) if line[0] in ("NAME", "shown")] == ["NAME", "shown"]
    for path in (f"{GROUP}/namespaces/{NAMESPACE}/scalingpolicies/shown", f"{GROUP}/tenants/shown"):
        plane.request("DELETE", path)


def test_a_status_is_judged_and_apart(plane: ControlPlane) -> None:
    """A status of another shape is refused, and writing a spec leaves the status as it was."""
    plane.apply(json.dumps(policy({}, "apart")))
    path = f"{GROUP}/namespaces/{NAMESPACE}/scalingpolicies/apart"
    wrong = {"status": {"functions": "many"}}
    assert ask(plane, "PATCH", f"{path}/status", wrong, DAEMON_TOKEN, "merge-patch+json").status_code == 422
    right = {"status": {"functions": 3}}
    assert ask(plane, "PATCH", f"{path}/status", right, DAEMON_TOKEN, "merge-patch+json").status_code == 200
    plane.apply(json.dumps({**policy({"dryRun": True}, "apart"), "status": {"functions": 99}}))
    stored = plane.request("GET", path)
    assert (stored["spec"], stored["status"]) == ({"dryRun": True}, {"functions": 3})
    plane.request("DELETE", path)


def test_models_alone_refuse_what_is_left_to_them() -> None:
    """Every document that the API server takes and should not is refused by its shape alone, without a cluster."""
    for bad in BAD.values():
        if bad.refused_by == DAEMON:
            with pytest.raises(ValidationError):
                KINDS[bad.document["kind"]].model_validate(bad.document)
