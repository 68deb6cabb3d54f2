"""With the real EndpointSlice controller: what a Service leads to is known, and follows the pods."""

import pytest

from autoscaler.core.fleet import FunctionKey
from autoscaler.policy.settings import KubernetesSettings
from autoscaler.ports import ScaleChange, ScaleOutcome
from tests.contract.cluster import found, running, wait_for
from tests.servers.controlplane import ControlPlane

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
