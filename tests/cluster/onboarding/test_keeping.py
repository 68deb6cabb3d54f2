"""What every Tenant is given, and that it stays so."""

from pathlib import Path

import pytest

from autoscaler.policy.onboarding.kinds import (
    CREDENTIAL,
    RECEIVER,
    ROLE,
    ROLE_BINDING,
    RULES,
    SECRET,
    TEAM,
)
from autoscaler.policy.onboarding.site import Site
from autoscaler.policy.onboarding.subjects import Subject
from tests.cluster.onboarding.site import SITE, Onboarded, hashed, path_of
from tests.servers.process import running, wait_until

pytestmark = pytest.mark.server

ALL = {
    ("Secret", "faas-autoscaler-alerts"),
    ("Role", "faas-autoscaler-team"),
    ("RoleBinding", "faas-autoscaler-team"),
    ("ResourceQuota", "faas-autoscaler"),
    ("AlertmanagerConfig", "faas-autoscaler"),
    ("PrometheusRule", "faas-autoscaler"),
}


def test_one_pass_of_the_process_gives_everything(onboarded: Onboarded) -> None:
    """`--once` makes all objects of all namespaces with one token, whose hash is in force; a second one has nothing to do."""
    tenant = onboarded.tenant("once-a", "once-b")
    first = onboarded.run_once()
    assert first.returncode == 0, first.stderr
    assert onboarded.names("once-a") == onboarded.names("once-b") == ALL
    token = onboarded.token("once-a")
    assert token is not None
    assert len(token) >= 40
    assert onboarded.token("once-b") == token
    assert onboarded.valid(tenant) == {hashed(token)}
    assert token not in first.stdout + first.stderr
    second = onboarded.run_once()
    assert " 0 objects were written, 0 deleted, 0 tokens made" in second.stdout


def test_kinds_that_the_cluster_lacks_are_left_out_and_said(onboarded: Onboarded) -> None:
    """Without the Prometheus operator the rest is made, and the missing kinds are named."""
    assert onboarded.early.returncode == 0, onboarded.early.stderr
    assert "no AlertmanagerConfig and no PrometheusRule" in onboarded.early.stdout


def test_a_dry_run_says_what_it_would_do_and_does_nothing(onboarded: Onboarded) -> None:
    """Each object is named, none is made, and no Lease is taken."""
    tenant = onboarded.tenant("dry")
    said = onboarded.run_once("--dry-run")
    assert said.returncode == 0, said.stderr
    for kind, name in ALL:
        assert f"would create {kind} dry/{name}" in said.stdout
    assert onboarded.names("dry") == set()
    assert onboarded.valid(tenant) == set()
    onboarded.delete_tenant(tenant)


async def test_what_a_tenant_no_longer_has_is_deleted(onboarded: Onboarded) -> None:
    """A namespace that the Tenant drops, and every one of a Tenant that is gone, loses what was made, and nothing else."""
    tenant, neighbour = onboarded.tenant("gone-a", "gone-b"), onboarded.tenant("stays")
    await onboarded.one_pass()
    onboarded.plane.request("POST", "/api/v1/namespaces/gone-a/secrets", json={"metadata": {"name": "own"}})
    onboarded.change_tenant(tenant, {"spec": {"namespaces": ["gone-a"]}})
    await onboarded.one_pass()
    assert onboarded.names("gone-b") == set()
    assert onboarded.names("gone-a") == ALL
    onboarded.delete_tenant(tenant)
    await onboarded.one_pass()
    assert onboarded.names("gone-a") == set()
    assert onboarded.plane.request("GET", "/api/v1/namespaces/gone-a/secrets/own")
    assert onboarded.names("stays") == ALL
    onboarded.delete_tenant(neighbour)


async def test_a_namespace_that_moves_gets_another_credential(onboarded: Onboarded) -> None:
    """The new tenant's Secret takes the old one's place, and the old tenant's token is not valid for the new one."""
    one, other = onboarded.tenant("moves", "keeps"), onboarded.tenant("had-before")
    await onboarded.one_pass()
    before = onboarded.token("moves")
    onboarded.change_tenant(one, {"spec": {"namespaces": ["keeps"]}})
    onboarded.change_tenant(other, {"spec": {"namespaces": ["had-before", "moves"]}})
    await onboarded.one_pass()
    after = onboarded.token("moves")
    assert after == onboarded.token("had-before") != before
    assert hashed(before) not in onboarded.valid(other)
    assert hashed(after) not in onboarded.valid(one)


async def test_a_namespace_that_two_tenants_list_gets_nothing(onboarded: Onboarded) -> None:
    """Neither gets its credential there, until one of them lets go; what the daemon says of it counts."""
    one, other = onboarded.tenant("disputed"), onboarded.tenant("disputed", "undisputed")
    await onboarded.one_pass()
    assert onboarded.names("disputed") == set()
    assert onboarded.names("undisputed") == ALL
    onboarded.delete_tenant(other)
    onboarded.change_tenant(one, {"status": {"observedGeneration": 1, "namespaces": []}}, "/status")
    await onboarded.one_pass()
    assert onboarded.names("disputed") == set()
    onboarded.change_tenant(one, {"status": {"namespaces": ["disputed"]}}, "/status")
    await onboarded.one_pass()
    assert onboarded.names("disputed") == ALL


async def test_what_somebody_else_made_is_left_alone(onboarded: Onboarded) -> None:
    """An object of the same name that is not ours stays as it is, labels or not, and is named; the rest is made."""
    tenant = onboarded.tenant("foreign")
    labels = {"app.kubernetes.io/managed-by": "autoscaler", "autoscaler.faas.dev/tenant": tenant}
    secret = {"metadata": {"name": SECRET, "labels": labels}, "stringData": {"token": "theirs"}}
    onboarded.plane.request("POST", path_of(CREDENTIAL, "foreign"), json=secret)
    role = {"metadata": {"name": TEAM}, "rules": []}
    onboarded.plane.request("POST", path_of(ROLE, "foreign"), json=role)
    outcome = await onboarded.one_pass()
    assert {"Secret foreign/faas-autoscaler-alerts", "Role foreign/faas-autoscaler-team"} <= outcome.left.keys()
    assert onboarded.token("foreign") == "theirs"
    found = onboarded.find(ROLE, "foreign", TEAM)
    assert found is not None
    assert not found.get("rules")
    assert onboarded.find(RECEIVER, "foreign", "faas-autoscaler") is not None
    onboarded.delete_tenant(tenant)
    await onboarded.one_pass()
    assert onboarded.token("foreign") == "theirs"


async def test_a_namespace_that_is_not_there_is_a_problem_of_its_tenant_alone(onboarded: Onboarded) -> None:
    """What cannot be made is named; other tenants and the tenant's other namespaces get theirs, with a valid token."""
    tenant = onboarded.tenant("there")
    onboarded.change_tenant(tenant, {"spec": {"namespaces": ["not-there", "there"]}})
    outcome = await onboarded.one_pass()
    assert "Secret not-there/faas-autoscaler-alerts" in outcome.problems
    assert onboarded.names("there") == ALL
    assert hashed(onboarded.token("there")) in onboarded.valid(tenant)
    onboarded.plane.namespace("not-there")
    assert (await onboarded.one_pass()).problems == {}
    assert onboarded.token("not-there") == onboarded.token("there")


async def test_a_changed_site_changes_what_is_there(onboarded: Onboarded) -> None:
    """Another team and another webhook reach objects that were made before; so does a binding to another Role."""
    onboarded.tenant("site")
    await onboarded.one_pass()
    other = Site(url="https://other:8443/v1/alerts", team=(Subject("User", "eve"),), daemon=SITE_DAEMON)
    await onboarded.one_pass(site=other)
    binding = onboarded.find(ROLE_BINDING, "site", TEAM)
    assert binding is not None
    assert [one["name"] for one in binding["subjects"]] == ["eve"]
    found = onboarded.find(RECEIVER, "site", "faas-autoscaler")
    assert found is not None
    assert found["spec"]["receivers"][0]["webhookConfigs"][0]["url"] == other.url
    assert onboarded.find(ROLE_BINDING, "site", "faas-autoscaler-tenant") is not None
    await onboarded.one_pass(site=SITE)


SITE_DAEMON = Subject("ServiceAccount", "autoscaler/autoscaler")


def test_drift_is_mended_by_the_process(onboarded: Onboarded, tmp_path: Path) -> None:
    """Deleted, edited, rebound and forged objects come back within a resync, and a new Tenant gets its own at once."""
    tenant = onboarded.tenant("drift")
    plane, headers = onboarded.plane, {"Content-Type": "application/merge-patch+json"}
    process = onboarded.process(tmp_path, "--resync", "2s")
    with running(process, lambda: onboarded.names("drift") == ALL, 60):
        plane.request("DELETE", path_of(ROLE, "drift", TEAM))
        eve = {"subjects": [{"kind": "User", "apiGroup": "rbac.authorization.k8s.io", "name": "eve"}]}
        plane.request("PATCH", path_of(ROLE_BINDING, "drift", TEAM), json=eve, headers=headers)
        plane.request("PATCH", path_of(CREDENTIAL, "drift", SECRET), json={"data": {"token": "eA=="}}, headers=headers)
        groups = {"spec": {"groups": []}}
        plane.request("PATCH", path_of(RULES, "drift", "faas-autoscaler"), json=groups, headers=headers)
        wait_until(lambda: onboarded.find(ROLE, "drift", TEAM), "the Role to come back", 60, 0.1)
        wait_until(lambda: onboarded.token("drift") != "x", "the Secret to be put right", 60, 0.1)
        assert hashed(onboarded.token("drift")) in onboarded.valid(tenant)

        def is_mended() -> bool:
            binding, rules = (
                onboarded.find(ROLE_BINDING, "drift", TEAM),
                onboarded.find(RULES, "drift", "faas-autoscaler"),
            )
            assert binding is not None
            assert rules is not None
            return binding["subjects"][0]["name"] == f"{tenant}-developers" and rules["spec"]["groups"] != []

        wait_until(is_mended, "RoleBinding and rules to be put right", 60, 0.1)


def test_never_two_at_once(onboarded: Onboarded, tmp_path: Path) -> None:
    """While one process holds the Lease another writes nothing and says who holds it; a new Tenant is seen to at once."""
    process = onboarded.process(tmp_path, "--resync", "1h")
    first = onboarded.tenant("two-a")
    with running(process, lambda: onboarded.names("two-a") == ALL, 60):
        second = onboarded.run_once("--wait", "2s")
        assert second.returncode == 1
        assert "autoscaler-sync" in second.stderr
        onboarded.tenant("two-b")
        wait_until(lambda: onboarded.names("two-b") == ALL, "a Tenant that comes later", 60, 0.1)
        onboarded.delete_tenant(first)
        wait_until(lambda: onboarded.names("two-a") == set(), "a Tenant that goes", 60, 0.1)
    after = onboarded.run_once()
    assert after.returncode == 0, after.stderr
