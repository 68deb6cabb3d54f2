"""The daemon's rights are those it needs: what is not listed here it may not do."""

import json
from pathlib import Path
from typing import Any

import pytest
import requests

from autoscaler.core.fleet import FunctionKey
from autoscaler.core.obstacles import Obstacle
from autoscaler.policy.settings import KubernetesSettings
from autoscaler.ports import ScaleChange, ScaleOutcome
from tests.contract.cluster import running, wait_for
from tests.contract.obstacles import obstacle
from tests.servers.controlplane import DAEMON_TOKEN, ControlPlane
from tests.servers.process import wait_until

pytestmark = pytest.mark.server

DEPLOYMENTS = "/apis/apps/v1/namespaces/rights/deployments"
PODS = "/api/v1/namespaces/rights/pods"
OTHERS = (
    "/apis/autoscaling/v2/horizontalpodautoscalers",
    "/api/v1/services",
    "/apis/discovery.k8s.io/v1/endpointslices",
    "/apis/autoscaler.faas.dev/v1alpha1/tenants",
    "/apis/autoscaler.faas.dev/v1alpha1/scalingpolicies",
)
PATCH = {"Content-Type": "application/merge-patch+json"}


@pytest.fixture(scope="module", autouse=True)
def function(plane: ControlPlane) -> None:
    plane.namespace("rights")
    plane.deployment("rights", "f", replicas=1, is_paused=True)


def status(plane: ControlPlane, method: str, path: str, body: object = None) -> int:
    """Give the status of a request under the daemon's token."""
    with requests.Session() as session:
        session.trust_env = False
        answer = session.request(
            method,
            plane.url + path,
            data=None if body is None else json.dumps(body),
            headers={"Authorization": f"Bearer {DAEMON_TOKEN}", **(PATCH if method == "PATCH" else {})},
            verify=str(plane.folder / "certificates" / "apiserver.crt"),
            timeout=10,
        )
    return answer.status_code


@pytest.mark.parametrize("path", ["/apis/apps/v1/deployments", DEPLOYMENTS, f"{DEPLOYMENTS}/f/scale", PODS, *OTHERS])
def test_what_it_reads_is_allowed(plane: ControlPlane, path: str) -> None:
    """Deployments, pods, autoscalers, Services and their slices and documents may be listed and a scale read."""
    # The store of a definition that was just made answers 429 for a moment.
    wait_until(lambda: status(plane, "GET", path) != 429, f"{path} to be served")
    assert status(plane, "GET", path) == 200


def test_the_scale_may_be_patched(plane: ControlPlane) -> None:
    """A scale may be written."""
    assert status(plane, "PATCH", f"{DEPLOYMENTS}/f/scale", {"spec": {"replicas": 1}}) == 200


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("GET", "/api/v1/secrets", None),
        ("GET", "/api/v1/namespaces/rights/secrets/any", None),
        ("GET", "/api/v1/configmaps", None),
        ("GET", f"{PODS}/any", None),
        ("GET", f"{PODS}/any/log", None),
        ("POST", PODS, {}),
        ("POST", f"{PODS}/any/eviction", {}),
        ("DELETE", f"{PODS}/any", None),
        ("PATCH", f"{PODS}/any/status", {"status": {}}),
        ("GET", "/api/v1/namespaces", None),
        ("GET", f"{DEPLOYMENTS}/f", None),
        ("PATCH", f"{DEPLOYMENTS}/f", {"spec": {"replicas": 0}}),
        ("PATCH", f"{DEPLOYMENTS}/f/status", {"status": {}}),
        ("PUT", f"{DEPLOYMENTS}/f/scale", {"spec": {"replicas": 0}}),
        ("DELETE", f"{DEPLOYMENTS}/f", None),
        ("POST", DEPLOYMENTS, {}),
        ("PATCH", "/apis/apps/v1/namespaces/rights/statefulsets/f/scale", {"spec": {"replicas": 0}}),
        ("PATCH", "/api/v1/namespaces/rights", {"metadata": {"labels": {"a": "b"}}}),
    ],
)
def test_nothing_else_is_allowed(plane: ControlPlane, method: str, path: str, body: object) -> None:
    """Secrets, logs, any change of pods, other kinds and Deployments themselves are out of reach."""
    assert status(plane, method, path, body) == 403


async def test_a_missing_right_is_said(plane: ControlPlane) -> None:
    """Somebody without rights gets no cache and no write, and reads in words which right is missing."""
    settings = KubernetesSettings(kubeconfig=str(plane.stranger_kubeconfig))
    async with running(settings, is_synced=False) as cluster:
        await wait_for(lambda: any('"deployments"' in words for words in cluster.problems()), "the right that lacks")
        assert not cluster.is_synced()
        result = await cluster.scale(ScaleChange(FunctionKey("rights", "f"), "any", 1, 2))
    assert result.outcome is ScaleOutcome.FORBIDDEN
    assert "deployments/scale" in result.message


async def test_with_the_right_on_deployments_alone_only_the_explanation_is_poorer(plane: ControlPlane) -> None:
    """Who may read Deployments and nothing else has a whole cache, and reads once for each kind what follows."""
    for document in _deployments_only("rights-deployments"):
        plane.apply(json.dumps(document))
    plane.deployment("rights-deployments", "f", replicas=2, is_paused=True)
    settings = KubernetesSettings(kubeconfig=str(plane.stranger_kubeconfig))
    async with running(settings, ["rights-deployments"]) as cluster:
        await wait_for(lambda: len(cluster.problems()) == 4, "a problem of every kind")
        kinds = ('"horizontalpodautoscalers"', '"pods"', '"services"', '"endpointslices"')
        assert all(kind in problem for kind, problem in zip(kinds, cluster.problems(), strict=True))
        assert obstacle(cluster, FunctionKey("rights-deployments", "f")) is Obstacle.NOT_READY


def _deployments_only(namespace: str) -> list[dict[str, Any]]:
    """Give a Role, and its binding to the stranger, that says nothing of pods."""
    group, metadata = "rbac.authorization.k8s.io", {"name": "deployments", "namespace": namespace}
    rule = {"apiGroups": ["apps"], "resources": ["deployments"], "verbs": ["list", "watch"]}
    role = {"apiVersion": f"{group}/v1", "kind": "Role", "metadata": metadata, "rules": [rule]}
    binding = {
        "apiVersion": f"{group}/v1",
        "kind": "RoleBinding",
        "metadata": metadata,
        "roleRef": {"apiGroup": group, "kind": "Role", "name": "deployments"},
        "subjects": [{"apiGroup": group, "kind": "User", "name": "stranger"}],
    }
    return [role, binding]


async def test_an_unknown_certificate_is_refused(plane: ControlPlane, tmp_path: Path) -> None:
    """A server whose certificate nobody vouches for gets no request, and the problem says so."""
    access = json.loads(plane.kubeconfig.read_text())
    del access["clusters"][0]["cluster"]["certificate-authority"]
    path = tmp_path / "kubeconfig"
    path.write_text(json.dumps(access))
    async with running(KubernetesSettings(kubeconfig=str(path)), is_synced=False) as cluster:
        await wait_for(cluster.problems, "a problem")
        assert "certificate" in cluster.problems()[0].lower()
        assert not cluster.is_synced()
