"""Knative's annotations → policies: its defaults written out, its older names read, the rest named."""

from typing import Any

import pytest

from tests.unit.policy.conversion.given import Outcome, converted, one, wrong

PREFIX = "autoscaling.knative.dev/"


def service(container_concurrency: str = "null", extra: str = "", **annotations: str) -> str:
    lines = "".join(f'        {PREFIX}{name.replace("_", "-")}: "{value}"\n' for name, value in annotations.items())
    return f"""\
apiVersion: serving.knative.dev/v1
kind: Service
metadata: {{name: hello, namespace: shop{extra}}}
spec:
  template:
    metadata:
      annotations:
        other: x
{lines}    spec:
      containerConcurrency: {container_concurrency}
      containers: [{{image: any}}]
"""


def said(container_concurrency: str = "null", **annotations: str) -> Outcome:
    return one(service(container_concurrency, **annotations))


def test_what_knative_fills_in_is_written_out() -> None:
    """A Service without an annotation scales by 100 in flight at 0.7, and goes to zero after window and grace period."""
    found = said()
    assert found.spec == {
        "functions": {"names": ["hello"]},
        "metrics": [{"type": "concurrency", "target": 100, "utilization": 0.7}],
        "replicas": {"min": 0, "activation": 1, "initial": 1},
        "windows": {"stable": "1m", "panic": "6s", "panicThreshold": 2},
        "scaleUp": {"maxRate": 1000, "tolerance": 0, "stabilization": "0s", "policies": []},
        "scaleDown": {"maxRate": 2, "tolerance": 0, "delay": "0s", "stabilization": "0s", "policies": []},
        "zero": {"after": "1m30s"},
    }
    assert (found.dropped, found.noted) == ({}, {})


@pytest.mark.parametrize(
    ("concurrency", "annotations", "metric", "limit"),
    [
        ("50", {}, {"type": "concurrency", "target": 50, "utilization": 0.7}, 50),
        ("50", {"target": "20"}, {"type": "concurrency", "target": 20, "utilization": 0.7}, 50),
        ("50", {"target": "200"}, {"type": "concurrency", "target": 50, "utilization": 0.7}, 50),
        ("0", {"target": "200"}, {"type": "concurrency", "target": 200, "utilization": 0.7}, None),
        ("0", {"metric": "rps"}, {"type": "rps", "target": 200, "utilization": 0.7}, None),
        ("50", {"metric": "rps", "target": "0.5"}, {"type": "rps", "target": 0.5, "utilization": 0.7}, 50),
        (
            "0",
            {"target_utilization_percentage": "85"},
            {"type": "concurrency", "target": 100, "utilization": 0.85},
            None,
        ),
    ],
)
def test_targets(concurrency: str, annotations: dict[str, str], metric: dict[str, Any], limit: int | None) -> None:
    """A target of concurrency is at most containerConcurrency, which is also its default; of rps it is 200."""
    spec = said(concurrency, **annotations).spec
    assert spec["metrics"] == [metric]
    assert spec.get("concurrencyLimit") == limit


@pytest.mark.parametrize(
    ("annotations", "group", "expected"),
    [
        ({"min_scale": "2", "max_scale": "9"}, "replicas", {"min": 2, "max": 9, "activation": 1, "initial": 1}),
        ({"minScale": "2", "maxScale": "9"}, "replicas", {"min": 2, "max": 9, "activation": 1, "initial": 1}),
        ({"max_scale": "0"}, "replicas", {"min": 0, "activation": 1, "initial": 1}),
        ({"activation_scale": "3", "initial_scale": "4"}, "replicas", {"min": 0, "activation": 3, "initial": 4}),
        ({"window": "40s"}, "windows", {"stable": "40s", "panic": "4s", "panicThreshold": 2}),
        (
            {"window": "100s", "panic_window_percentage": "5.0", "panic_threshold_percentage": "150.0"},
            "windows",
            {"stable": "1m40s", "panic": "5s", "panicThreshold": 1.5},
        ),
        ({"panicWindowPercentage": "100"}, "windows", {"stable": "1m", "panic": None, "panicThreshold": 2}),
        ({"window": "1h"}, "windows", {"stable": "15m", "panic": "1m30s", "panicThreshold": 2}),
        (
            {"scale_down_delay": "15m"},
            "scaleDown",
            {"maxRate": 2, "tolerance": 0, "delay": "15m", "stabilization": "0s", "policies": []},
        ),
    ],
)
def test_each_annotation(annotations: dict[str, str], group: str, expected: dict[str, Any]) -> None:
    """Under its newer or its older name; a maximum of 0 is none; windows reach 15 minutes here."""
    assert said(**annotations).spec[group] == expected


@pytest.mark.parametrize(
    ("annotations", "zero"),
    [
        ({"scale_to_zero_pod_retention_period": "0s"}, {"after": "1m30s"}),
        ({"scale_to_zero_pod_retention_period": "1m5s"}, {"after": "2m5s"}),
        ({"window": "20s", "scaleToZeroPodRetentionPeriod": "10s"}, {"after": "50s"}),
        ({"min_scale": "1", "scale_to_zero_pod_retention_period": "5m"}, None),
    ],
)
def test_zero_is_window_and_grace_period(annotations: dict[str, str], zero: dict[str, str] | None) -> None:
    """The window has to be empty, then the last pod is kept for 30 s, or for longer where an annotation says so."""
    assert said(**annotations).spec["zero"] == zero


def test_a_deadline_is_carried() -> None:
    """It is Knative's, under another prefix."""
    text = service().replace("other: x", "serving.knative.dev/progress-deadline: 2m")
    assert one(text).spec["progressDeadline"] == "2m"


@pytest.mark.parametrize("name", ["target_burst_capacity", "targetBurstCapacity", "something_new"])
def test_the_rest_is_named(name: str) -> None:
    """What has no counterpart, known to us or not, has its line."""
    assert said(**{name: "1"}).dropped == {f"spec.template.metadata.annotations.{PREFIX}{name.replace('_', '-')}": 9}


def test_an_initial_scale_of_zero_is_named() -> None:
    """A function that is created with no replicas is not started here either, so the Deployment says it."""
    found = said(initial_scale="0")
    assert found.spec["replicas"]["initial"] == 1
    assert len(found.dropped) == 1


@pytest.mark.parametrize(
    "annotations", [{"metric": "cpu"}, {"metric": "memory"}, {"class": "hpa.autoscaling.knative.dev"}]
)
def test_an_hpa_of_knatives_is_named(annotations: dict[str, str]) -> None:
    """Knative makes an HPA of it, which says more than the annotation."""
    found = converted(service(**annotations))
    assert (found.made, found.problems) == ((), ())
    assert len(found.remarks) == 1


def test_annotations_of_the_service_itself_are_named() -> None:
    """Knative reads them of the revision's template alone, a frequent mistake."""
    text = service(extra=f", annotations: {{{PREFIX}min-scale: '3'}}")
    found = one(text)
    assert found.spec["replicas"]["min"] == 0
    assert found.dropped == {f"metadata.annotations.{PREFIX}min-scale": 3}


def test_a_revision_is_named_after_its_service() -> None:
    """Its own name changes with every deploy."""
    found = converted(f"""\
apiVersion: serving.knative.dev/v1
kind: Revision
metadata:
  name: hello-00007
  namespace: shop
  labels: {{serving.knative.dev/service: hello}}
  annotations: {{{PREFIX}max-scale: "4"}}
spec: {{containerConcurrency: 10}}
""")
    (made,) = found.made
    assert made.key == ("shop", "hello")
    assert made.document["spec"]["replicas"]["max"] == 4
    assert made.document["spec"]["concurrencyLimit"] == 10


@pytest.mark.parametrize(
    ("text", "path"),
    [
        (service(target="many"), f"spec.template.metadata.annotations.{PREFIX}target"),
        (service(target="0"), f"spec.template.metadata.annotations.{PREFIX}target"),
        (service(window="60"), f"spec.template.metadata.annotations.{PREFIX}window"),
        (service(min_scale="-1"), f"spec.template.metadata.annotations.{PREFIX}min-scale"),
        (service(metric="latency"), f"spec.template.metadata.annotations.{PREFIX}metric"),
        (service(target_utilization_percentage="0"),
         f"spec.template.metadata.annotations.{PREFIX}target-utilization-percentage"),
        (service("some"), "spec.template.spec.containerConcurrency"),
    ],
)  # fmt: skip
def test_what_cannot_be_read_is_a_problem(text: str, path: str) -> None:
    """It has its line and what is allowed, and comes to no policy."""
    found = wrong(text)
    assert path in [where for _, where, _, _ in found]
    assert all(line for line, _, _, _ in found)
