"""Rights by Role on the real API server: what is not granted harms its own namespace alone."""

import pytest

from autoscaler.adapters.kubernetes import WatchTimes
from autoscaler.core.fleet import FunctionKey
from autoscaler.policy.settings import KubernetesSettings
from autoscaler.ports import ScaleChange, ScaleOutcome
from tests.contract.cluster import find, found, requested, running, wait_for
from tests.servers.controlplane import ControlPlane, Document

pytestmark = pytest.mark.server
GROUP = "rbac.authorization.k8s.io"
OURS, THEIRS = FunctionKey("granted", "f"), FunctionKey("withheld", "f")
RULES = [
    {"apiGroups": ["apps"], "resources": ["deployments"], "verbs": ["list", "watch"]},
    {"apiGroups": ["apps"], "resources": ["deployments/scale"], "verbs": ["get", "patch"]},
    {"apiGroups": [""], "resources": ["pods", "services"], "verbs": ["list", "watch"]},
    {"apiGroups": ["discovery.k8s.io"], "resources": ["endpointslices"], "verbs": ["list", "watch"]},
    {"apiGroups": ["autoscaling"], "resources": ["horizontalpodautoscalers"], "verbs": ["list", "watch"]},
]


@pytest.fixture(scope="module", autouse=True)
def functions(plane: ControlPlane) -> None:
    """A function in each of two namespaces, and a ClusterRole that nobody has yet."""
    for key in (OURS, THEIRS):
        plane.namespace(key.namespace)
        plane.deployment(*key, replicas=1, is_paused=True)
    role = {"metadata": {"name": "tenants-functions"}, "rules": RULES}
    plane.request("POST", f"/apis/{GROUP}/v1/clusterroles", json=role)


def bindings(namespace: str) -> str:
    return f"/apis/{GROUP}/v1/namespaces/{namespace}/rolebindings"


def grant(plane: ControlPlane, namespace: str) -> None:
    """Give the stranger the rights of a daemon in one namespace."""
    document: Document = {
        "metadata": {"name": "functions"},
        "roleRef": {"apiGroup": GROUP, "kind": "ClusterRole", "name": "tenants-functions"},
        "subjects": [{"apiGroup": GROUP, "kind": "User", "name": "stranger"}],
    }
    plane.request("POST", bindings(namespace), json=document)


async def test_a_role_for_each_namespace_is_enough(plane: ControlPlane) -> None:
    """With rights in one of two namespaces that one is decided and written; the other follows once it is granted."""
    grant(plane, OURS.namespace)
    settings = KubernetesSettings(kubeconfig=str(plane.stranger_kubeconfig), scope="namespaces")
    times = WatchTimes(refused_s=0.5)
    async with running(settings, [OURS.namespace, THEIRS.namespace], times) as cluster:
        assert (requested(cluster, OURS), find(cluster, THEIRS)) == (1, None)
        change = ScaleChange(OURS, found(cluster, OURS).uid, 1, 2)
        assert (await cluster.scale(change)).outcome is ScaleOutcome.DONE
        assert cluster.age_s() < 20
        first = cluster.problems()[0]
        assert first.startswith("withheld: deployments cannot be read: 403")
        grant(plane, THEIRS.namespace)
        await wait_for(lambda: find(cluster, THEIRS), "the granted function", 90.0)
        await wait_for(lambda: not cluster.problems(), "no problem left", 90.0)
        change = ScaleChange(THEIRS, found(cluster, THEIRS).uid, 1, 3)
        assert (await cluster.scale(change)).outcome is ScaleOutcome.DONE


async def test_a_right_that_is_withdrawn_harms_its_namespace_alone(plane: ControlPlane) -> None:
    """A namespace whose RoleBinding is deleted is let go when its watch is renewed; others stay fresh and written."""
    gone, kept = FunctionKey("withdrawn", "f"), FunctionKey("staying", "f")
    for key in (gone, kept):
        plane.namespace(key.namespace)
        plane.deployment(*key, replicas=1, is_paused=True)
        grant(plane, key.namespace)
    settings = KubernetesSettings(kubeconfig=str(plane.stranger_kubeconfig), scope="namespaces")
    times = WatchTimes(watch_s=2.0, refused_s=0.5, forget_s=1.0)
    async with running(settings, [gone.namespace, kept.namespace], times) as cluster:
        assert find(cluster, gone)
        plane.request("DELETE", f"{bindings(gone.namespace)}/functions")
        await wait_for(lambda: not find(cluster, gone), "its end", 90.0)
        assert cluster.problems()[0].startswith("withdrawn: deployments cannot be read: 403")
        change = ScaleChange(kept, found(cluster, kept).uid, 1, 2)
        assert (await cluster.scale(change)).outcome is ScaleOutcome.DONE


async def test_a_deleted_namespace_is_empty(plane: ControlPlane) -> None:
    """A namespace that does not exist is read as empty and is no problem; what is made in it later is seen."""
    settings = KubernetesSettings(kubeconfig=str(plane.kubeconfig), scope="namespaces")
    late = FunctionKey("made-later", "f")
    async with running(settings, [late.namespace]) as cluster:
        assert list(cluster.problems()) == []
        plane.namespace(late.namespace)
        plane.deployment(*late, replicas=1, is_paused=True)
        await wait_for(lambda: find(cluster, late), "the function", 60.0)
