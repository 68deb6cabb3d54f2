"""What a tenant is given, as objects and as YAML."""

import itertools

import pytest
from ruamel.yaml import YAML

from autoscaler.policy.documents import Tenant
from autoscaler.policy.onboarding.kinds import (
    MANAGED_BY,
    OWNED,
    TENANT_LABEL,
    is_as_wanted,
    of_tenant,
    owned_by,
    owner_of,
)
from autoscaler.policy.onboarding.receivers import plain_configuration, receiver
from autoscaler.policy.onboarding.rendering import (
    credential,
    kind_of,
    namespace_object,
    namespace_objects,
    tenant_document,
    yaml_text,
)
from autoscaler.policy.onboarding.site import Site
from autoscaler.policy.onboarding.subjects import Subject, SubjectKind, parse_subject
from autoscaler.policy.onboarding.tenants import callers_document, namespaces_of, read_tenant

TEAM = (Subject("Group", "oidc:{tenant}-devs"), Subject("ServiceAccount", "ci"), Subject("ServiceAccount", "ops/ci"))
DAEMON = Subject("ServiceAccount", "autoscaler/autoscaler")
EVERYTHING = Site(team=TEAM, daemon=DAEMON)
BASE = {"apiVersion": "autoscaler.faas.dev/v1alpha1", "kind": "Tenant"}


def test_every_object_says_whose_it_is() -> None:
    """Each object carries the label of the manager and of its tenant, and is of a kind and name that is looked for."""
    objects = [*namespace_objects(EVERYTHING, "acme", "acme-prod"), credential("acme", "acme-prod", "eA==")]
    assert len(objects) == len(OWNED)
    for one in objects:
        assert one["metadata"]["labels"] == {MANAGED_BY: "autoscaler", TENANT_LABEL: "acme"}
        assert one["metadata"]["namespace"] == "acme-prod"
        assert (kind_of(one, OWNED), one["metadata"]["name"]) in OWNED
    assert namespace_object("acme", "acme-prod")["metadata"]["labels"][TENANT_LABEL] == "acme"


def test_a_team_may_write_its_policies_and_nothing_beyond() -> None:
    """The Role has ScalingPolicies and functions alone: no Tenants, no status, no scale, no Secrets, no star."""
    role = next(one for one in namespace_objects(EVERYTHING, "acme", "a") if one["kind"] == "Role")
    allowed = {
        (group, resource, verb)
        for rule in role["rules"]
        for group, resource, verb in itertools.product(rule["apiGroups"], rule["resources"], rule["verbs"])
    }
    verbs = ("create", "delete", "deletecollection", "get", "list", "patch", "update", "watch")
    of_policies = {("autoscaler.faas.dev", "scalingpolicies", verb) for verb in verbs}
    of_functions = {("autoscaler.faas.dev", "functions", verb) for verb in ("get", "list", "update")}
    assert allowed == of_policies | of_functions


def test_a_team_is_whom_the_operator_names() -> None:
    """The tenant's name takes the place of {tenant}; an account without a namespace is that of each namespace."""
    bindings = [one for one in namespace_objects(EVERYTHING, "acme", "a") if one["kind"] == "RoleBinding"]
    team, daemon = bindings
    assert [(one["kind"], one["name"], one.get("namespace")) for one in team["subjects"]] == [
        ("Group", "oidc:acme-devs", None),
        ("ServiceAccount", "ci", "a"),
        ("ServiceAccount", "ci", "ops"),
    ]
    assert daemon["roleRef"]["name"] == "faas-autoscaler-tenant"
    assert daemon["subjects"] == [{"kind": "ServiceAccount", "name": "autoscaler", "namespace": "autoscaler"}]


def test_without_a_team_nobody_is_bound() -> None:
    """The Role stands ready, and no RoleBinding is made of nobody."""
    assert [one["kind"] for one in namespace_objects(Site(), "acme", "a")] == [
        "Role",
        "ResourceQuota",
        "AlertmanagerConfig",
        "PrometheusRule",
    ]


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        ("Group", ""),
        ("Group", "system:masters"),
        ("User", "system:admin"),
        ("User", "a\nb"),
        ("Group", "oidc:{tennant}-developers"),
        ("User", "{tenant"),
        ("ServiceAccount", "a/b/c"),
        ("ServiceAccount", "A/b"),
        ("ServiceAccount", "/b"),
    ],
)
def test_who_can_be_nobody_is_refused(kind: SubjectKind, text: str) -> None:
    """A name that the cluster gives itself, an empty one and one that no account can have are refused."""
    with pytest.raises(ValueError, match="tenant"):
        parse_subject(kind, text)


def test_a_receiver_has_the_tenants_own_credential() -> None:
    """The webhook bears the Secret's token, follows no redirect, tells of the end, and groups by function."""
    spec = receiver(Site(url="https://x/v1/alerts", ca_config_map="ca"), "acme", "a", "mine")["spec"]
    (webhook,) = spec["receivers"][0]["webhookConfigs"]
    assert webhook["url"] == "https://x/v1/alerts"
    assert webhook["sendResolved"] is True
    assert webhook["httpConfig"]["authorization"]["credentials"] == {"name": "mine", "key": "token"}
    assert webhook["httpConfig"]["followRedirects"] is False
    assert webhook["httpConfig"]["tlsConfig"]["ca"]["configMap"] == {"name": "ca", "key": "ca.crt"}
    assert spec["route"]["groupBy"] == ["namespace", "function"]
    assert "tlsConfig" not in receiver(Site(), "acme", "a")["spec"]["receivers"][0]["webhookConfigs"][0]["httpConfig"]


def test_the_plain_receiver_is_for_the_tenants_namespaces_alone() -> None:
    """One route matches all namespaces of the tenant by name, and people are told as before."""
    config = plain_configuration(Site(), "acme", ["a", "b"], "/token", "/ca")
    (route,) = config["route"]["routes"]
    assert route["matchers"] == ['namespace=~"a|b"']
    assert route["continue"] is True
    http = config["receivers"][1]["webhook_configs"][0]["http_config"]
    assert http["authorization"] == {"type": "Bearer", "credentials_file": "/token"}
    assert http["tls_config"] == {"ca_file": "/ca"}


def test_yaml_reads_back_as_it_was() -> None:
    """What is printed is YAML with the same values in it, without aliases."""
    documents = [
        tenant_document("acme", ["a", "b"], "0" * 64),
        *namespace_objects(EVERYTHING, "acme", "a"),
        *namespace_objects(EVERYTHING, "acme", "b"),
    ]
    text = yaml_text(documents)
    assert list(YAML(typ="safe").load_all(text)) == documents
    assert "&id" not in text


def test_the_tenants_document_is_one() -> None:
    """The Tenant that is printed is valid."""
    tenant = Tenant.model_validate(tenant_document("acme", ["a"], "0" * 64))
    assert tenant.spec.namespaces == ["a"]
    assert tenant.spec.callers[0].token_sha256 == "0" * 64


@pytest.mark.parametrize(
    ("found", "is_same"),
    [
        ({"rules": [{"verbs": ["get"]}], "kind": "Role"}, True),
        ({"rules": [{"verbs": ["get"], "more": 1}], "kind": "Role"}, True),
        ({"rules": [{"verbs": ["get", "list"]}]}, False),
        ({"rules": [{"verbs": ["get"]}, {"verbs": ["list"]}]}, False),
        ({"rules": None}, False),
        ({}, False),
        (None, False),
    ],
)
def test_drift_is_told_from_what_others_added(found: object, is_same: bool) -> None:
    """A field more is somebody's own; an entry more, less or other in a list is drift."""
    assert is_as_wanted(found, {"rules": [{"verbs": ["get"]}]}) is is_same


def test_true_is_not_one() -> None:
    """A boolean and a number are different values, though Python takes them for equal."""
    assert not is_as_wanted({"a": 1}, {"a": True})


def test_ours_has_the_label_and_a_tenant_as_owner() -> None:
    """A copied label makes nothing ours, nor an owner of another kind."""
    kind, name = OWNED[0]
    made = of_tenant(kind, name, "a", "acme")
    assert owner_of(made) is None
    assert owner_of(owned_by(made, "acme", "u1")) == "u1"
    foreign = owned_by(made, "acme", "u1")
    foreign["metadata"]["labels"] = {}
    assert owner_of(foreign) is None
    other = {"metadata": {"labels": {MANAGED_BY: "autoscaler"}, "ownerReferences": [{"kind": "Pod", "uid": "u1"}]}}
    assert owner_of(other) is None


def tenant(name: str, namespaces: list[str] | None, had: list[str] | None = None) -> dict[str, object]:
    """Give a Tenant resource; `had` is what the daemon wrote into its status."""
    spec = {"namespaces": namespaces} if namespaces is not None else {"namespaceSelector": {"matchLabels": {"a": "b"}}}
    status = {} if had is None else {"observedGeneration": 1, "namespaces": had}
    return {**BASE, "metadata": {"name": name, "uid": f"uid-{name}"}, "spec": spec, "status": status}


def test_a_namespace_that_two_tenants_list_is_nobodys() -> None:
    """No credential of one may lie where the other reads it."""
    found = namespaces_of([read_tenant(tenant("a", ["x", "y"])), read_tenant(tenant("b", ["y", "z"]))])
    assert found == {"a": ("x",), "b": ("z",)}


def test_the_daemons_word_counts() -> None:
    """Where it said which namespaces a tenant has, others get nothing; what the spec dropped is dropped at once."""
    found = namespaces_of(
        [read_tenant(tenant("a", ["x", "y"], had=["y", "old"])), read_tenant(tenant("b", ["z"], had=[]))]
    )
    assert found == {"a": ("y",), "b": ()}


def test_a_selector_waits_for_the_daemon() -> None:
    """Namespaces selected by labels are those that the daemon found."""
    tenants = [read_tenant(tenant("a", None)), read_tenant(tenant("b", None, had=["x"]))]
    assert namespaces_of(tenants) == {"a": (), "b": ("x",)}


def test_what_a_selector_found_is_a_claim_too() -> None:
    """Who newly lists a namespace that another tenant selects waits for the daemon, as with one that another lists."""
    found = namespaces_of([read_tenant(tenant("a", None, had=["x"])), read_tenant(tenant("b", ["x", "y"]))])
    assert found == {"a": ("x",), "b": ("y",)}


def test_malformed_resources_are_read_without_harm() -> None:
    """Whatever stands in spec or status, no path is made of anything but a name."""
    spec = {"namespaces": ["../../x", "ok", "ok", 1, None, "a/b", ""]}
    odd = read_tenant({"metadata": {"name": "a"}, "spec": spec, "status": {"callers": [1, {"tokenSHA256": "x"}]}})
    assert (odd.listed, odd.had, odd.entries) == (("ok",), None, ())
    assert read_tenant({"spec": [], "status": "x"}).listed == ()


def test_credentials_survive_their_way_through_the_status() -> None:
    """What is written into `status.callers` reads back as the same entries."""
    callers = [
        {"tokenSHA256": "0" * 64, "since": "2026-11-21T09:00:00Z", "until": "2026-11-21T10:00:00Z"},
        {"tokenSHA256": "1" * 64, "since": "2026-11-21T09:30:00Z"},
    ]
    assert callers_document(read_tenant({"status": {"callers": callers}}).entries) == callers


def test_a_namespace_may_have_so_many_policies() -> None:
    """The limit is a quota on ScalingPolicies; where there is none, so is no quota."""
    kinds = {one["kind"]: one for one in namespace_objects(Site(most_policies=7), "acme", "a")}
    assert kinds["ResourceQuota"]["spec"]["hard"] == {"count/scalingpolicies.autoscaler.faas.dev": "7"}
    assert "ResourceQuota" not in {one["kind"] for one in namespace_objects(Site(most_policies=None), "acme", "a")}
