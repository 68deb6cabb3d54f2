"""Whatever another system's objects say, a conversion answers: with what `check` accepts, and with every field named."""

from typing import Any

import orjson
from hypothesis import example, given, settings
from hypothesis import strategies as st

from autoscaler.policy.check import check
from autoscaler.policy.conversion import Wanted, convert
from autoscaler.policy.conversion.rendering import text
from autoscaler.policy.quantities import parse_duration
from tests.property.effort import examples

KINDS = {
    "ScaledObject": "keda.sh/v1alpha1",
    "HorizontalPodAutoscaler": "autoscaling/v2",
    "Service": "serving.knative.dev/v1",
    "Revision": "serving.knative.dev/v1",
    "Deployment": "apps/v1",
    "Function": "openfaas.com/v1",
}
WORDS = st.sampled_from(
    ["spec", "metadata", "name", "namespace", "labels", "annotations", "scaleTargetRef", "kind", "triggers", "type",
     "prometheus", "cron", "cpu", "query", "threshold", "activationThreshold", "start", "end", "timezone", "value",
     "desiredReplicas", "minReplicaCount", "maxReplicaCount", "fallback", "replicas", "behavior", "advanced", "template",
     "horizontalPodAutoscalerConfig", "scaleUp", "scaleDown", "policies", "periodSeconds", "tolerance", "selectPolicy",
     "containerConcurrency", "containers", "resources", "requests", "limits", "metrics", "resource", "target", "items",
     "autoscaling.knative.dev/target", "autoscaling.knative.dev/window", "com.openfaas.scale.max", "faas_function",
     "com.openfaas.scale.factor", "environment", "max_inflight", "functions", "Deployment", "a", "0 6 * * *", "5", "1h",
     "Pods", "Percent", "Max", "500m", "sum(a) or vector(0)", "Europe/Berlin", "\u0085", "\0", "x" * 300]
)  # fmt: skip
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 10**12) | st.floats() | WORDS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(WORDS, inner, max_size=4),
    max_leaves=12,
)


def given_text(kind: str, spec: Any, metadata: Any = None) -> str:
    """Write an object as `kubectl get -o json` does, which YAML reads."""
    document = {
        "apiVersion": KINDS[kind],
        "kind": kind,
        "metadata": {"name": "f", "namespace": "shop"} if metadata is None else metadata,
        "spec": spec,
    }
    return orjson.dumps(document).decode()


def answered(given: str) -> None:
    """See that a text is answered whole: each policy is accepted, each problem and remark says where."""
    found = convert({"given.yaml": given}, Wanted("shop"))
    if found.made:
        assert check(None, {"converted.yaml": text(found, "acme")}) == []
    for problem in found.problems:
        assert problem.allowed
        assert problem.line is not None
    for remark in found.remarks:
        assert remark.words.isprintable()
        assert remark.path
    assert found.made or found.problems or found.remarks


@settings(max_examples=examples(150), deadline=None)
@given(kind=st.sampled_from(sorted(KINDS)), spec=VALUES, metadata=st.none() | VALUES)
@example(kind="ScaledObject", spec={"scaleTargetRef": {"name": "f"}, "triggers": [{"type": "cpu"}]}, metadata=None)
def test_any_object_is_answered(kind: str, spec: Any, metadata: Any) -> None:
    """Whatever stands in an object of a known kind comes to a policy, a problem or a remark, and never to a traceback."""
    answered(given_text(kind, spec, metadata))


@settings(max_examples=examples(100), deadline=None)
@given(given=st.text(st.sampled_from("kind: ScaledObject\n-{}[]#&*!|>'\"\\\t\0\x85a1"), max_size=80))
def test_any_text_is_answered(given: str) -> None:
    """A text that is no YAML, or no object, is a problem with its line."""
    answered(given)


POLICIES = st.lists(
    st.fixed_dictionaries(
        {
            "type": st.sampled_from(["Pods", "Percent"]),
            "value": st.integers(1, 10_000),
            "periodSeconds": st.integers(1, 1800),
        }
    ),
    min_size=1,
    max_size=8,
)
DIRECTION = st.fixed_dictionaries(
    {},
    optional={
        "stabilizationWindowSeconds": st.integers(0, 3600),
        "selectPolicy": st.sampled_from(["Max", "Min", "Disabled"]),
        "policies": POLICIES,
        "tolerance": st.integers(0, 999).map(lambda thousandths: f"{thousandths}m"),
    },
)


@settings(max_examples=examples(100), deadline=None)
@given(behavior=st.fixed_dictionaries({}, optional={"scaleUp": DIRECTION, "scaleDown": DIRECTION}))
def test_any_behavior_is_carried_whole(behavior: dict[str, Any]) -> None:
    """Read back, each direction of a policy says what the HPA said, and its defaults where it said nothing."""
    spec = {"scaleTargetRef": {"kind": "Deployment", "name": "f"}, "maxReplicas": 9, "behavior": behavior}
    found = convert({"given.yaml": given_text("HorizontalPodAutoscaler", spec)}, Wanted())
    assert found.problems == ()
    assert [remark.path for remark in found.remarks] == ["spec.metrics"]
    (made,) = found.made
    for name, window_s in (("scaleUp", 0), ("scaleDown", 300)):
        said, carried = behavior.get(name, {}), made.document["spec"][name]
        assert parse_duration(carried["stabilization"]) == said.get("stabilizationWindowSeconds", window_s)
        assert carried["selectPolicy"] == said.get("selectPolicy", "Max")
        assert carried["tolerance"] * 1000 == float(said.get("tolerance", "100m")[:-1])
        if "policies" in said:
            read = [(one["type"], one["value"], parse_duration(one["period"])) for one in carried["policies"]]
            assert read == [(one["type"], one["value"], one["periodSeconds"]) for one in said["policies"]]


@settings(max_examples=examples(100), deadline=None)
@given(
    known=st.fixed_dictionaries(
        {},
        optional={
            "pollingInterval": st.integers(1, 100),
            "cooldownPeriod": st.integers(0, 1000),
            "minReplicaCount": st.integers(0, 10),
            "maxReplicaCount": st.integers(10, 100),
            "initialCooldownPeriod": st.integers(0, 100),
        },
    ),
    unknown=st.dictionaries(st.sampled_from(["odd", "new", "later"]), VALUES.filter(lambda one: one is not None)),
)
def test_no_field_is_lost_without_a_word(known: dict[str, Any], unknown: dict[str, Any]) -> None:
    """Each field of a ScaledObject that has no counterpart is named, whatever is in it, and no other one is."""
    triggers = [{"type": "prometheus", "metadata": {"query": "a", "threshold": "5", **unknown}}]
    spec = {"scaleTargetRef": {"name": "f"}, "triggers": triggers, **known, **unknown}
    found = convert({"given.yaml": given_text("ScaledObject", spec)}, Wanted())
    named = {remark.path for remark in found.remarks if not remark.is_carried}
    left = {"pollingInterval", "initialCooldownPeriod"} & known.keys()
    expected = {f"spec.{name}" for name in (*left, *unknown)}
    assert named == expected | {f"spec.triggers[0].metadata.{name}" for name in unknown}
