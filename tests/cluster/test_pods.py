"""With controllers and pods behind it: ready counts are those of processes that answer."""

import json
import urllib.request

import pytest

from autoscaler.core.fleet import FunctionKey
from autoscaler.policy.settings import KubernetesSettings
from autoscaler.ports import ScaleChange, ScaleOutcome
from tests.contract.cluster import fleet_of, found, running, wait_for
from tests.servers.controlplane import ControlPlane
from tests.servers.nodeagent import START_UP
from tests.servers.process import wait_until

pytestmark = pytest.mark.server


async def test_ready_follows_pods_that_answer(pods: ControlPlane) -> None:
    """From zero to three and back: the ready count reaches three when three pods answer, and returns to zero."""
    key = FunctionKey("pods", "echo")
    pods.namespace("pods")
    pods.deployment(*key, {"faas_function": "echo"}, 0, template_annotations={START_UP: "0.2"})
    async with running(KubernetesSettings(kubeconfig=str(pods.kubeconfig))) as cluster:
        fleet, uid = fleet_of(key), found(cluster, key).uid
        assert (await cluster.scale(ScaleChange(key, uid, 0, 3))).outcome is ScaleOutcome.DONE
        await wait_for(lambda: cluster.replicas(fleet).ready.tolist() == [3], "three ready", 60.0)
        addresses = pods.addresses(*key)
        assert len(set(addresses)) == 3
        for address in addresses:
            with urllib.request.urlopen(f"http://{address}/", timeout=5) as answer:
                assert json.load(answer)["count"] == 1
        assert (await cluster.scale(ScaleChange(key, uid, 3, 0))).outcome is ScaleOutcome.DONE
        await wait_for(lambda: cluster.replicas(fleet).ready.tolist() == [0], "none ready", 60.0)
    wait_until(lambda: not pods.addresses(*key), "no pod left")


async def test_a_stopped_api_server_leaves_pods_and_cache(pods: ControlPlane) -> None:
    """While the API server is away the cache holds what ran; what happens after its return is seen."""
    key = FunctionKey("pods", "steady")
    pods.namespace("pods")
    pods.deployment(*key, {"faas_function": "steady"}, 2)
    async with running(KubernetesSettings(kubeconfig=str(pods.kubeconfig))) as cluster:
        fleet, uid = fleet_of(key), found(cluster, key).uid
        await wait_for(lambda: cluster.replicas(fleet).ready.tolist() == [2], "two ready", 60.0)
        pods.stop_api()
        await wait_for(cluster.problems, "a problem")
        columns = cluster.replicas(fleet)
        assert (columns.requested.tolist(), columns.ready.tolist()) == ([2], [2])
        assert (await cluster.scale(ScaleChange(key, uid, 2, 5))).outcome is ScaleOutcome.RETRY
        pods.start_api()
        pods.scale(*key, 3)
        await wait_for(lambda: cluster.replicas(fleet).ready.tolist() == [3], "three ready", 60.0)
        await wait_for(lambda: not cluster.problems(), "no problem left", 60.0)
