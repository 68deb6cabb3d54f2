"""What the daemon may do under each overlay, and nothing else."""

import pytest

from tests.cluster.installed.rights import EVERYBODYS, OF_FUNCTIONS, OF_LEASES, OF_REVIEWS, may, rights
from tests.cluster.installed.site import FOREIGN, OWN, TENANT, Applied

pytestmark = pytest.mark.server


def test_in_a_tenants_namespace_it_may_do_this_and_nothing_else(applied: Applied) -> None:
    """Rights where functions live are those on functions, those of reviews, and what everybody may ask about himself."""
    assert rights(applied.plane, TENANT) == OF_FUNCTIONS | OF_REVIEWS | EVERYBODYS


def test_in_its_own_namespace_it_has_a_lease_besides(applied: Applied) -> None:
    """Leases are its own namespace's alone; by the form of rights functions there are in reach or not."""
    everywhere = OF_FUNCTIONS if applied.is_cluster_wide else set()
    assert rights(applied.plane, OWN) == everywhere | OF_LEASES | OF_REVIEWS | EVERYBODYS


def test_elsewhere_it_may_do_nothing_where_rights_are_by_namespace(applied: Applied) -> None:
    """In a namespace without its RoleBinding there is nothing left but reviews; with cluster rights the same as anywhere."""
    everywhere = OF_FUNCTIONS if applied.is_cluster_wide else set()
    assert rights(applied.plane, FOREIGN) == everywhere | OF_REVIEWS | EVERYBODYS


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
