"""Tokens and rights as a real API server knows them."""

from collections.abc import AsyncIterator

import numpy as np
import pytest

from autoscaler.adapters.kubernetes import connect
from autoscaler.adapters.kubernetes.reviews import KubernetesReviews
from autoscaler.policy.settings import KubernetesSettings
from autoscaler.ports import AccessUnknown, Asked, Verb
from tests.servers.controlplane import STRANGER_TOKEN, ControlPlane

pytestmark = pytest.mark.server

ROLE = """\
apiVersion: v1
kind: ServiceAccount
metadata: {name: viewer, namespace: reviewed}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: {name: reviewed-functions}
rules:
  - apiGroups: [autoscaler.faas.dev]
    resources: [functions]
    verbs: [get]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {name: viewer, namespace: reviewed}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: reviewed-functions}
subjects: [{kind: ServiceAccount, name: viewer, namespace: reviewed}]
"""


@pytest.fixture
async def reviews(plane: ControlPlane) -> AsyncIterator[KubernetesReviews]:
    """Give reviews under the daemon's own rights."""
    plane.namespace("reviewed")
    plane.apply(ROLE)
    settings = KubernetesSettings(kubeconfig=str(plane.kubeconfig))
    async with connect(settings, np.random.default_rng(0)) as cluster:
        yield cluster.reviews()


def service_account_token(plane: ControlPlane, name: str) -> str:
    """Make a token as `kubectl create token` does."""
    body = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {"expirationSeconds": 600}}
    made = plane.request("POST", f"/api/v1/namespaces/reviewed/serviceaccounts/{name}/token", json=body)
    token: str = made["status"]["token"]
    return token


async def test_a_service_accounts_token_is_known_with_its_rights(
    plane: ControlPlane, reviews: KubernetesReviews
) -> None:
    """A token from `kubectl create token` is its service account's, and may do what its Roles say, there alone."""
    user = await reviews.authenticate(service_account_token(plane, "viewer"))
    assert user is not None
    assert user.name == "system:serviceaccount:reviewed:viewer"
    assert "system:serviceaccounts:reviewed" in user.groups
    assert await reviews.is_allowed(user, Asked(Verb.GET, "reviewed"))
    assert not await reviews.is_allowed(user, Asked(Verb.UPDATE, "reviewed"))
    assert not await reviews.is_allowed(user, Asked(Verb.GET, "default"))
    assert not await reviews.is_allowed(user, Asked(Verb.GET))


async def test_a_token_that_nobody_has_is_nobodys(reviews: KubernetesReviews) -> None:
    """A made-up token, and one with a changed signature, are nobody's."""
    assert await reviews.authenticate("made-up") is None
    assert await reviews.authenticate("a.b.c") is None


async def test_a_user_without_roles_may_nothing(reviews: KubernetesReviews) -> None:
    """A known user without any Role may see no function."""
    user = await reviews.authenticate(STRANGER_TOKEN)
    assert user is not None
    assert not await reviews.is_allowed(user, Asked(Verb.GET, "reviewed"))


async def test_without_the_right_to_review_nothing_is_known(plane: ControlPlane) -> None:
    """A daemon that may not create reviews says so; it calls no token wrong."""
    settings = KubernetesSettings(kubeconfig=str(plane.stranger_kubeconfig))
    async with connect(settings, np.random.default_rng(0)) as cluster:
        with pytest.raises(AccessUnknown):
            await cluster.reviews().authenticate("made-up")
