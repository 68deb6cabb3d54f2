"""HorizontalPodAutoscalers → policies: `behavior` whole, cpu in cores, metrics of adapters named."""

from typing import Any

import pytest

from tests.unit.policy.conversion.given import converted, one, wrong

DEPLOYMENT = """\
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, namespace: shop}
spec: {template: {spec: {containers: [{name: web, resources: {requests: {cpu: 200m}}}]}}}
"""
SHARE = "{type: Resource, resource: {name: cpu, target: {type: Utilization, averageUtilization: 50}}}"


def hpa(spec: str = "", metrics: str = f"[{SHARE}]", metadata: str = "") -> str:
    return f"""\
apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
metadata: {{name: any, namespace: shop{metadata}}}
spec:
  scaleTargetRef: {{apiVersion: apps/v1, kind: Deployment, name: web}}
  maxReplicas: 9
  metrics: {metrics}
{spec}"""


def test_a_share_of_cpu_becomes_cores() -> None:
    """Half of 200m is 0.1 cores; the policy is named after the Deployment, not after the HPA."""
    found = one(hpa(), DEPLOYMENT)
    assert found.spec["functions"] == {"names": ["web"]}
    assert found.spec["metrics"] == [{"type": "cpu", "target": 0.1}]
    assert found.spec["replicas"] == {"min": 1, "max": 9}
    assert found.spec["zero"] is None
    assert found.dropped == {}


def test_the_first_version_has_one_number() -> None:
    """autoscaling/v1 says the share at the top."""
    text = hpa("  targetCPUUtilizationPercentage: 50\n", "null").replace("/v2", "/v1")
    assert one(text, DEPLOYMENT).spec["metrics"] == [{"type": "cpu", "target": 0.1}]


BEHAVIOR = """\
  behavior:
    scaleUp:
      stabilizationWindowSeconds: 30
      tolerance: 50m
      selectPolicy: Min
      policies: [{type: Pods, value: 2, periodSeconds: 60}, {type: Percent, value: 10, periodSeconds: 1800}]
    scaleDown:
      stabilizationWindowSeconds: 0
      selectPolicy: Disabled
"""


def test_behavior_is_carried_whole() -> None:
    """Window, tolerance, policies and choice of each direction; what one leaves out is what the API server fills in."""
    spec = one(hpa(BEHAVIOR), DEPLOYMENT).spec
    assert spec["scaleUp"] == {
        "maxRate": 1000,
        "tolerance": 0.05,
        "stabilization": "30s",
        "policies": [{"type": "Pods", "value": 2, "period": "1m"}, {"type": "Percent", "value": 10, "period": "30m"}],
        "selectPolicy": "Min",
    }
    assert spec["scaleDown"] == {
        "maxRate": 1000,
        "tolerance": 0.1,
        "stabilization": "0s",
        "policies": [{"type": "Percent", "value": 100, "period": "15s"}],
        "selectPolicy": "Disabled",
    }


def test_a_ninth_policy_is_named() -> None:
    """A policy of ours has eight of them; which one is left out is said."""
    policies = ", ".join(f"{{type: Pods, value: {count}, periodSeconds: 60}}" for count in range(1, 10))
    found = one(hpa(f"  behavior: {{scaleUp: {{policies: [{policies}]}}}}\n"), DEPLOYMENT)
    assert [policy["value"] for policy in found.spec["scaleUp"]["policies"]] == list(range(1, 9))
    assert found.dropped == {"spec.behavior.scaleUp.policies[8]": 8}


@pytest.mark.parametrize(("tolerance", "expected"), [("0", 0), ('"0.25"', 0.25), ("2", 0.1)])
def test_tolerances(tolerance: str, expected: float) -> None:
    """They are quantities; one that lets a load double changes nothing, and is named."""
    found = one(hpa(f"  behavior: {{scaleUp: {{tolerance: {tolerance}}}}}\n"), DEPLOYMENT)
    assert found.spec["scaleUp"]["tolerance"] == expected
    assert ("spec.behavior.scaleUp.tolerance" in found.dropped) == (tolerance == "2")


def test_a_minimum_of_zero_goes_to_zero_after_the_look_back() -> None:
    """An HPA cuts to zero once its look-back has seen nothing else; ours wants proof for as long."""
    least = "  minReplicas: 0\n"
    assert one(hpa(least), DEPLOYMENT).spec["zero"] == {"after": "5m"}
    behavior = "  behavior: {scaleDown: {stabilizationWindowSeconds: 90}}\n"
    assert one(hpa(least + behavior), DEPLOYMENT).spec["zero"] == {"after": "1m30s"}


@pytest.mark.parametrize(
    "metric",
    [
        "{type: Pods, pods: {metric: {name: a}, target: {type: AverageValue, averageValue: 1k}}}",
        "{type: External, external: {metric: {name: a}, target: {type: Value, value: '30'}}}",
        "{type: Object, object: {metric: {name: a}, describedObject: {kind: Ingress, name: b}}}",
        "{type: ContainerResource, containerResource: {name: cpu, container: a}}",
        "{type: Resource, resource: {name: memory, target: {type: Utilization, averageUtilization: 50}}}",
        "{type: Resource, resource: {name: cpu}}",
    ],
)
def test_other_metrics_are_named(metric: str) -> None:
    """What an adapter calls it, or what is not measured here, is named; cpu beside it is carried."""
    found = one(hpa(metrics=f"[{metric}, {SHARE}]"), DEPLOYMENT)
    assert found.spec["metrics"] == [{"type": "cpu", "target": 0.1}]
    (path,) = found.dropped
    assert path.startswith("spec.metrics[0]")


def test_without_a_metric_that_can_be_carried_it_is_said() -> None:
    """Bounds and behavior are still worth having, in dry run."""
    found = one(hpa(metrics="[]"))
    assert "metrics" not in found.spec
    assert found.dropped == {"spec.metrics": 7}


@pytest.mark.parametrize(("quantity", "cores"), [("500m", 0.5), ("2", 2), ("0.25", 0.25), ("1500000u", 1.5)])
def test_an_average_value_is_cores(quantity: str, cores: float) -> None:
    """Quantities of Kubernetes, with or without a suffix."""
    metric = f"{{type: Resource, resource: {{name: cpu, target: {{type: AverageValue, averageValue: {quantity}}}}}}}"
    assert one(hpa(metrics=f"[{metric}]")).spec["metrics"] == [{"type": "cpu", "target": cores}]


def test_what_keda_keeps_is_kedas() -> None:
    """Its HPA repeats the ScaledObject, which is what to convert."""
    owner = ", ownerReferences: [{apiVersion: keda.sh/v1alpha1, kind: ScaledObject, name: web-scaler}]"
    found = converted(hpa(metadata=owner))
    assert found.made == ()
    (remark,) = found.remarks
    assert (remark.path, remark.line) == ("HorizontalPodAutoscaler shop/any", 1)
    assert "ScaledObject web-scaler" in remark.words


def test_a_function_has_one_policy() -> None:
    """The second object for the same Deployment is named, with the first one's place."""
    found = converted(hpa() + "---\n" + hpa(), DEPLOYMENT)
    assert len(found.made) == 1
    (remark,) = (remark for remark in found.remarks if not remark.is_carried)
    assert (remark.line, "given.yaml:1" in remark.words) == (9, True)


def test_what_the_api_server_adds_is_passed_over() -> None:
    """`kubectl get -o yaml` has a status and managed fields, which are nobody's settings."""
    more = "status: {currentReplicas: 3}\n"
    metadata = ", uid: abc, managedFields: [{manager: kubectl}], annotations: {a: b}"
    assert one(hpa(metadata=metadata) + more, DEPLOYMENT).dropped == {}


@pytest.mark.parametrize(
    ("text", "line", "path"),
    [
        (hpa("  minReplicas: two\n"), 8, "spec.minReplicas"),
        (hpa("  behavior: {scaleUp: {stabilizationWindowSeconds: 4000}}\n"), 8,
         "spec.behavior.scaleUp.stabilizationWindowSeconds"),
        (hpa("  behavior: {scaleUp: {selectPolicy: Most}}\n"), 8, "spec.behavior.scaleUp.selectPolicy"),
        (hpa("  behavior: {scaleUp: {policies: [{type: Nodes, value: 1, periodSeconds: 1}]}}\n"), 8,
         "spec.behavior.scaleUp.policies[0].type"),
        (hpa("  behavior: {scaleUp: {policies: [{type: Pods, value: 0, periodSeconds: 1}]}}\n"), 8,
         "spec.behavior.scaleUp.policies[0].value"),
        (hpa("  behavior: {scaleUp: {policies: [{type: Pods, value: 1}]}}\n"), 8,
         "spec.behavior.scaleUp.policies[0]"),
        (hpa("  behavior: {scaleUp: {tolerance: some}}\n"), 8, "spec.behavior.scaleUp.tolerance"),
        (hpa(metrics="[{type: Odd}]"), 7, "spec.metrics[0].type"),
        (hpa(metrics=f"[{SHARE.replace('50', '0')}]"), 7, "spec.metrics[0].resource.target.averageUtilization"),
    ],
)  # fmt: skip
def test_what_cannot_be_read_is_a_problem(text: str, line: int, path: str) -> None:
    """It has file, line, path and what is allowed, and comes to no policy."""
    found = wrong(text)
    assert (line, path) in [(at, where) for at, where, _, _ in found]


def no_metric(spec: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in spec.items() if key != "metrics"}


def test_keda_and_hpa_agree_on_behavior() -> None:
    """KEDA hands its own `behavior` to an HPA, so both come to the same guards."""
    scaled = f"""\
apiVersion: keda.sh/v1alpha1
kind: ScaledObject
metadata: {{name: any, namespace: shop}}
spec:
  scaleTargetRef: {{name: web}}
  minReplicaCount: 1
  maxReplicaCount: 9
  triggers: [{{type: cpu, metricType: Utilization, metadata: {{value: "50"}}}}]
  advanced:
    horizontalPodAutoscalerConfig:
{"".join(f"    {line}" + chr(10) for line in BEHAVIOR.splitlines())}"""
    assert one(scaled, DEPLOYMENT).spec == one(hpa(BEHAVIOR), DEPLOYMENT).spec
