"""With the real EndpointSlice controller and kube-proxy: what a Service leads to is known, and follows the pods."""

import asyncio
from collections.abc import Iterator

import pytest

from autoscaler.adapters.kubernetes import KubernetesCluster
from autoscaler.core.fleet import FunctionKey
from autoscaler.policy.settings import KubernetesSettings
from autoscaler.ports import Reached, ScaleChange, ScaleOutcome
from tests.contract.cluster import found, running, wait_for
from tests.servers.controlplane import ControlPlane
from tests.servers.kubeproxy import KubeProxy
from tests.servers.process import PATIENCE

pytestmark = pytest.mark.server


async def test_serving_follows_the_endpoints(pods: ControlPlane) -> None:
    """A function has no number before its Service is made, then 0, 2 with two pods, and none when the Service goes."""
    key = FunctionKey("serving", "echo")
    pods.namespace("serving")
    pods.deployment(*key, {"faas_function": "echo"}, 0)
    async with running(KubernetesSettings(kubeconfig=str(pods.kubeconfig))) as cluster:
        await wait_for(lambda: all(state.is_synced for state in cluster.watches()), "everything", 60.0)
        assert list(cluster.problems()) == []
        assert cluster.serving(key) is None
        pods.service(*key)
        await wait_for(lambda: cluster.serving(key) == 0, "the Service", 60.0)
        told: list[tuple[int, int | None]] = []
        cluster.subscribe(lambda one, _, ready: told.append((ready, cluster.serving(one))) if one == key else None)
        assert (await cluster.scale(ScaleChange(key, found(cluster, key).uid, 0, 2))).outcome is ScaleOutcome.DONE
        await wait_for(lambda: cluster.serving(key) == 2, "both pods", 60.0)
        await wait_for(lambda: told[-1] == (2, 2), "the last word", 60.0)
        pods.request("DELETE", "/api/v1/namespaces/serving/services/echo")
        await wait_for(lambda: cluster.serving(key) is None, "the Service's end", 60.0)


@pytest.fixture(scope="module")
def proxied(pods: ControlPlane) -> Iterator[ControlPlane]:
    """The same cluster with the real kube-proxy, so that Services have addresses that lead somewhere."""
    proxy = KubeProxy(pods)
    try:
        proxy.start()
        proxy.wait_for(proxy.is_ready, 60)
        yield pods
    finally:
        proxy.stop()


async def test_a_function_is_reached_once_packets_get_there(proxied: ControlPlane) -> None:
    """No Service: nothing to try. One without endpoints is refused, one with a pod behind it reached, and refused again after."""
    key = FunctionKey("dialled", "echo")
    proxied.namespace(key.namespace)
    proxied.deployment(*key, {"faas_function": "echo"}, 0)
    async with running(KubernetesSettings(kubeconfig=str(proxied.kubeconfig))) as cluster:
        await wait_for(lambda: all(state.is_synced for state in cluster.watches()), "everything", 60.0)
        assert await cluster.dial(key) is Reached.UNKNOWN
        proxied.service(*key)
        await wait_for(lambda: cluster.serving(key) == 0, "the Service", 60.0)
        await dialled(cluster, key, Reached.REFUSED)
        assert (await cluster.scale(ScaleChange(key, found(cluster, key).uid, 0, 1))).outcome is ScaleOutcome.DONE
        await dialled(cluster, key, Reached.REACHED)
        assert cluster.serving(key) == 1
        assert (await cluster.scale(ScaleChange(key, found(cluster, key).uid, 1, 0))).outcome is ScaleOutcome.DONE
        await dialled(cluster, key, Reached.REFUSED)


async def test_the_annotation_s_service_is_dialled(proxied: ControlPlane) -> None:
    """A function whose annotation names a Service and a port is reached at those, and not where its name would lead."""
    key, front = FunctionKey("fronted", "echo"), FunctionKey("fronted", "front")
    proxied.namespace(key.namespace)
    proxied.deployment(*key, {"faas_function": "echo"}, 1, annotations={"autoscaler.faas.dev/service": "front:9000"})
    for name, port in ((key.name, 8080), (front.name, 9000)):
        selector, ports = {"app": key.name}, [{"port": port, "targetPort": 8080}]
        spec = {"selector": selector if name == front.name else {"app": "nobody"}, "ports": ports}
        document = {"metadata": {"name": name}, "spec": spec}
        proxied.request("POST", f"/api/v1/namespaces/{key.namespace}/services", json=document)
    async with running(KubernetesSettings(kubeconfig=str(proxied.kubeconfig))) as cluster:
        await wait_for(lambda: cluster.serving(key) == 1, "the Service in front", 60.0)
        await dialled(cluster, key, Reached.REACHED)


async def test_without_dialling_nothing_is_tried(proxied: ControlPlane) -> None:
    """With `kubernetes.dial: false` endpoints alone say who is ready."""
    key = FunctionKey("undialled", "echo")
    proxied.namespace(key.namespace)
    proxied.deployment(*key, {"faas_function": "echo"}, 0)
    proxied.service(*key)
    async with running(KubernetesSettings(kubeconfig=str(proxied.kubeconfig), dial=False)) as cluster:
        await wait_for(lambda: cluster.serving(key) == 0, "the Service", 60.0)
        assert await cluster.dial(key) is Reached.UNKNOWN


async def dialled(cluster: KubernetesCluster, key: FunctionKey, wanted: Reached) -> None:
    """Dial until it comes to this: kube-proxy follows endpoints within a second or so."""
    end_s = asyncio.get_running_loop().time() + 60.0 * PATIENCE
    while (came_to := await cluster.dial(key)) is not wanted:
        assert asyncio.get_running_loop().time() < end_s, came_to
        await asyncio.sleep(0.02)
