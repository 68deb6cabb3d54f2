"""What the daemon may do under each overlay, and nothing else."""

import pytest

from tests.cluster.installed.rights import EVERYBODYS, OF_FUNCTIONS, OF_LEASES, OF_REVIEWS, OF_TENANTS, may, rights
from tests.cluster.installed.site import FOREIGN, OWN, TENANT, Applied
from tests.servers.process import wait_until

pytestmark = pytest.mark.server


def test_in_a_tenants_namespace_it_may_do_this_and_nothing_else(applied: Applied) -> None:
    """Rights where functions live are those on functions, those of no namespace, and what everybody may ask about himself."""
    assert rights(applied.plane, TENANT) == OF_FUNCTIONS | OF_TENANTS | OF_REVIEWS | EVERYBODYS


def test_in_its_own_namespace_it_has_a_lease_besides(applied: Applied) -> None:
    """Leases are its own namespace's alone; by the form of rights functions there are in reach or not."""
    everywhere = OF_FUNCTIONS if applied.is_cluster_wide else set()
    assert rights(applied.plane, OWN) == everywhere | OF_LEASES | OF_TENANTS | OF_REVIEWS | EVERYBODYS


def test_elsewhere_it_may_do_nothing_where_rights_are_by_namespace(applied: Applied) -> None:
    """Without its RoleBinding there is nothing but reviews and Tenants left; with cluster rights the same as anywhere."""
    everywhere = OF_FUNCTIONS if applied.is_cluster_wide else set()
    assert rights(applied.plane, FOREIGN) == everywhere | OF_TENANTS | OF_REVIEWS | EVERYBODYS


@pytest.mark.parametrize(
    ("verb", "resource"),
    [
        ("get", "/secrets"),
        ("list", "/secrets"),
        ("get", "/configmaps"),
        ("create", "/pods"),
        ("delete", "/pods"),
        ("create", "/pods/exec"),
        ("get", "/pods/log"),
        ("create", "/pods/eviction"),
        ("patch", "apps/deployments"),
        ("update", "apps/deployments"),
        ("delete", "apps/deployments"),
        ("update", "apps/deployments/scale"),
        ("patch", "apps/statefulsets/scale"),
        ("patch", "autoscaling/horizontalpodautoscalers"),
        ("get", "coordination.k8s.io/leases"),
        ("list", "/namespaces"),
        ("create", "autoscaler.faas.dev/scalingpolicies"),
        ("patch", "autoscaler.faas.dev/scalingpolicies"),
        ("delete", "autoscaler.faas.dev/scalingpolicies"),
        ("create", "autoscaler.faas.dev/tenants"),
        ("patch", "autoscaler.faas.dev/tenants"),
        ("delete", "autoscaler.faas.dev/tenants"),
        ("patch", "apiextensions.k8s.io/customresourcedefinitions"),
        ("create", "/serviceaccounts/token"),
        ("impersonate", "/users"),
        ("bind", "rbac.authorization.k8s.io/clusterroles"),
        ("escalate", "rbac.authorization.k8s.io/clusterroles"),
    ],
)
def test_what_it_must_never_do(applied: Applied, verb: str, resource: str) -> None:
    """Secrets, pods' insides, Deployments themselves, others' Leases and rights are out of reach, and so cluster-wide."""
    assert not may(applied.plane, verb, resource, TENANT)
    assert not may(applied.plane, verb, resource, "")


def test_rights_by_namespace_reach_no_other(applied: Applied) -> None:
    """Bound by namespace, it can neither read nor write elsewhere, nor list anything cluster-wide."""
    if applied.is_cluster_wide:
        assert may(applied.plane, "list", "apps/deployments", "")
        return
    for group, resource, verb in sorted(OF_FUNCTIONS):
        for namespace in (FOREIGN, OWN, ""):
            assert not may(applied.plane, verb, f"{group}/{resource}", namespace)


@pytest.mark.parametrize(
    ("role", "verbs"),
    [
        ("view", {"get", "list", "watch"}),
        ("edit", {"get", "list", "watch", "create", "update", "patch", "delete", "deletecollection"}),
        ("admin", {"get", "list", "watch", "create", "update", "patch", "delete", "deletecollection"}),
    ],
)
def test_who_may_edit_a_namespace_may_write_its_policies(applied: Applied, role: str, verbs: set[str]) -> None:
    """Kubernetes' own roles have the policies of their namespace, no status of them, and nothing of Tenants."""

    def granted() -> set[tuple[str, str]]:
        rules = applied.plane.request("GET", f"/apis/rbac.authorization.k8s.io/v1/clusterroles/{role}")["rules"] or ()
        ours = [rule for rule in rules if "autoscaler.faas.dev" in rule["apiGroups"]]
        return {(resource, verb) for rule in ours for resource in rule["resources"] for verb in rule["verbs"]}

    wait_until(lambda: {("scalingpolicies", verb) for verb in verbs} <= granted(), "the role to be aggregated", 60)
    assert {one for one in granted() if one[0] != "functions"} == {("scalingpolicies", verb) for verb in verbs}
