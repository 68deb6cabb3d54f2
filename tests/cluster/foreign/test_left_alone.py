"""Who writes replicas again and again has them, is named, and is asked for nothing more than ten quiet minutes."""

import pytest

from tests.cluster.foreign.tools import NAMESPACE, REPLICAS, Tools
from tests.cluster.installation.documents import TOKENS
from tests.servers.process import Server, wait_until

pytestmark = pytest.mark.server


def autoscaler(name: str, least: int) -> dict[str, object]:
    """Give a HorizontalPodAutoscaler that nobody can measure for: it only keeps its bounds."""
    target = {"apiVersion": "apps/v1", "kind": "Deployment", "name": name}
    metric = {
        "type": "Resource",
        "resource": {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": 50}},
    }
    spec = {"scaleTargetRef": target, "minReplicas": least, "maxReplicas": 9, "metrics": [metric]}
    return {"metadata": {"name": name}, "spec": spec}


AUTOSCALERS = f"/apis/autoscaling/v2/namespaces/{NAMESPACE}/horizontalpodautoscalers"


def test_kubectl_scale_in_a_loop(tools: Tools) -> None:
    """The third time the function is left at what kubectl set; everybody is told who it was; on request it is taken up."""
    tools.steady("looped")
    before = tools.foreign_writes().get("kubectl", 0.0)
    for _ in range(2):
        tools.kubectl("scale", "deployment/looped", "--replicas=2")
        tools.site.wait_replicas(NAMESPACE, "looped", REPLICAS)
    tools.kubectl("scale", "deployment/looped", "--replicas=2")
    tools.wait_left_to("looped", "kubectl")
    assert tools.is_steady_through_ticks("looped", 2)
    assert tools.function("looped")["decision"]["reason"] == "FOREIGN_WRITER"
    assert tools.foreign_writes()["kubectl"] == before + 3
    status = tools.site.daemon.ask("/v1/status", TOKENS["acme"]).json()
    assert [(one["function"], one["by"], one["changes"]) for one in status["held"]] == [("looped", "kubectl", 3)]
    assert "kubectl" in tools.ours("explain", f"{NAMESPACE}/looped").stdout
    assert "kubectl" in tools.ours("status").stdout

    assert tools.ours("take-up", f"{NAMESPACE}/looped").returncode == 0
    tools.site.wait_replicas(NAMESPACE, "looped", REPLICAS)
    assert tools.function("looped")["held"] is None
    assert tools.ours("take-up", f"{NAMESPACE}/looped").returncode == 1
    tools.end("looped")


def test_who_scales_it_to_zero_again_and_again_has_no_name(tools: Tools) -> None:
    """After a zero the API server names nobody; that the function is left alone does not depend on a name."""
    tools.steady("zeroed")
    for _ in range(3):
        tools.kubectl("scale", "deployment/zeroed", "--replicas=0")
        tools.site.wait_replicas(NAMESPACE, "zeroed", REPLICAS)
    tools.wait_left_to("zeroed", "unnamed")
    tools.kubectl("scale", "deployment/zeroed", "--replicas=0")
    assert tools.is_steady_through_ticks("zeroed", 0)
    tools.end("zeroed")


def test_an_autoscaler_that_is_there_first_has_the_function(tools: Tools, hpa_controller: Server) -> None:
    """A function with an HPA is never written, whatever its load; once the HPA is gone, the load decides."""
    plane, key = tools.site.plane, f"hpa-first.{NAMESPACE}"
    plane.namespace(NAMESPACE)
    plane.request("POST", AUTOSCALERS, json=autoscaler("hpa-first", 3))
    tools.apply("hpa-first", 0)
    tools.site.exporter.know(key, 2)
    tools.site.traffic.rates[key] = 45.0
    tools.site.wait_known(NAMESPACE, "hpa-first")
    tools.site.wait_replicas(NAMESPACE, "hpa-first", 3)
    tools.site.wait_seen(NAMESPACE, "hpa-first", "value")
    assert tools.is_steady_through_ticks("hpa-first", 3)
    writers = {entry["manager"] for entry in plane.read(NAMESPACE, "hpa-first")["metadata"]["managedFields"]}
    assert "autoscaler" not in writers
    assert "kube-controller-manager" in writers  # so it is named where HPAs cannot be listed
    assert tools.function("hpa-first")["held"]["by"] == "HorizontalPodAutoscaler hpa-first"
    assert tools.ours("take-up", f"{NAMESPACE}/hpa-first").returncode == 1

    plane.request("DELETE", f"{AUTOSCALERS}/hpa-first")
    tools.site.wait_replicas(NAMESPACE, "hpa-first", REPLICAS)
    tools.end("hpa-first")


def test_an_autoscaler_that_comes_later_takes_the_function_over(tools: Tools, hpa_controller: Server) -> None:
    """From the tick on that finds the HPA its count stays, though the load asks for fewer."""
    tools.steady("hpa-later")
    tools.site.plane.request("POST", AUTOSCALERS, json=autoscaler("hpa-later", 7))
    tools.wait_left_to("hpa-later", "HorizontalPodAutoscaler hpa-later")
    tools.site.wait_replicas(NAMESPACE, "hpa-later", 7)
    assert tools.is_steady_through_ticks("hpa-later", 7)
    assert tools.function("hpa-later")["decision"]["reason"] == "FOREIGN_WRITER"
    tools.site.plane.request("DELETE", f"{AUTOSCALERS}/hpa-later")
    wait_until(lambda: tools.function("hpa-later")["held"] is None, "the function to be free", 60, 0.1)
    tools.site.wait_replicas(NAMESPACE, "hpa-later", REPLICAS)
    tools.end("hpa-later")
