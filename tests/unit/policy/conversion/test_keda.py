"""ScaledObjects → policies: each field either means the same, or is named with its line."""

from typing import Any

import pytest

from tests.unit.policy.conversion.given import Outcome, converted, one, wrong

QUERY = 'sum(rate(http_requests_total{deployment="thumbnail"}[2m]))'


def scaled(spec: str = "{}", triggers: str | None = None, annotations: str = "{}") -> str:
    """Write a ScaledObject; `spec` is a flow mapping that is merged into its spec."""
    inner = spec[1:-1]
    asked = triggers or f"[{{type: prometheus, metadata: {{query: '{QUERY}', threshold: '5'}}}}]"
    return f"""\
apiVersion: keda.sh/v1alpha1
kind: ScaledObject
metadata: {{name: thumbnail-scaler, namespace: shop, annotations: {annotations}}}
spec:
  scaleTargetRef: {{name: thumbnail}}
  triggers: {asked}
{"".join(f"  {line.strip()}" + chr(10) for line in inner.split(";") if line.strip())}"""


def trigger(kind: str, **metadata: str) -> str:
    inner = ", ".join(f"{key}: {value!r}" for key, value in metadata.items())
    return f"[{{type: {kind}, metadata: {{{inner}}}}}]"


def prometheus(**metadata: str) -> Outcome:
    """Convert an object with one Prometheus trigger."""
    return one(scaled(triggers=trigger("prometheus", **{"query": "sum(jobs_waiting)", "threshold": "5", **metadata})))


def test_what_keda_fills_in_is_written_out() -> None:
    """Left out are 0 to 100 replicas, five minutes of cooldown, and the HPA's own behavior: all of it is in the policy."""
    found = one(scaled())
    assert found.spec == {
        "functions": {"names": ["thumbnail"]},
        "metrics": [{"type": "query", "query": QUERY, "activity": QUERY, "target": 5}],
        "replicas": {"min": 0, "max": 100},
        "windows": {"panic": None},
        "scaleUp": {
            "maxRate": 1000,
            "tolerance": 0.1,
            "stabilization": "0s",
            "policies": [
                {"type": "Pods", "value": 4, "period": "15s"},
                {"type": "Percent", "value": 100, "period": "15s"},
            ],
            "selectPolicy": "Max",
        },
        "scaleDown": {
            "maxRate": 1000,
            "tolerance": 0.1,
            "stabilization": "5m",
            "policies": [{"type": "Percent", "value": 100, "period": "15s"}],
            "selectPolicy": "Max",
        },
        "zero": {"after": "5m"},
    }
    assert found.dropped == {}


@pytest.mark.parametrize(
    ("spec", "replicas", "zero"),
    [
        ("{}", {"min": 0, "max": 100}, {"after": "5m"}),
        ("{minReplicaCount: 2; maxReplicaCount: 9}", {"min": 2, "max": 9}, None),
        ("{minReplicaCount: 0; cooldownPeriod: 90}", {"min": 0, "max": 100}, {"after": "1m30s"}),
        ("{cooldownPeriod: 0}", {"min": 0, "max": 100}, {"after": "1s"}),
        ("{minReplicaCount: 3; idleReplicaCount: 0}", {"min": 3, "max": 100}, {"after": "5m"}),
    ],
)
def test_bounds_and_zero(spec: str, replicas: dict[str, int], zero: dict[str, str] | None) -> None:
    """Zero is reached with a minimum of 0, or below any minimum with idleReplicaCount: 0, after the cooldown."""
    found = one(scaled(spec))
    assert (found.spec["replicas"], found.spec["zero"]) == (replicas, zero)


def test_an_idle_count_above_zero_is_not_carried() -> None:
    """KEDA documents 0 as the only one that works."""
    found = one(scaled("{minReplicaCount: 3; idleReplicaCount: 1}"))
    assert found.dropped == {"spec.idleReplicaCount": 8}
    assert found.spec["zero"] is None


def test_the_threshold_is_what_one_replica_carries() -> None:
    """AverageValue, which KEDA takes if nothing is said, is our target; the level of `Value` is a targetType."""
    assert prometheus(threshold="100.50").spec["metrics"][0]["target"] == 100.5
    assert "targetType" not in prometheus().spec["metrics"][0]
    level = scaled(triggers="[{type: prometheus, metricType: Value, metadata: {query: a, threshold: '5'}}]")
    assert one(level).spec["metrics"][0]["targetType"] == "Value"


def test_up_to_the_activation_threshold_there_is_no_load() -> None:
    """With activationThreshold 3 an answer of 3 counts as 0, for activity and demand alike; KEDA compares strictly."""
    metric = prometheus(activationThreshold="3").spec["metrics"][0]
    assert metric["query"] == metric["activity"] == "(sum(jobs_waiting)) * ((sum(jobs_waiting)) > bool 3)"


@pytest.mark.parametrize(
    "query",
    ["sum(jobs_waiting) or vector(0)", "sum(jobs_waiting) or on() vector(0)", "(sum(jobs_waiting) or vector(0))"],
)
def test_what_makes_no_data_a_zero_is_left_out(query: str) -> None:
    """No data is unknown here and holds what runs; a default of 0 would be a proof of idleness out of nothing."""
    found = prometheus(query=query)
    assert found.spec["metrics"][0]["query"] == found.spec["metrics"][0]["activity"] == "sum(jobs_waiting)"
    assert "spec.triggers[0].metadata.query" in found.noted


@pytest.mark.parametrize(
    "field",
    ["serverAddress", "ignoreNullValues", "namespace", "customHeaders", "queryParameters", "unsafeSsl", "timeout",
     "authModes", "metricName", "somethingNew"],
)  # fmt: skip
def test_what_a_trigger_says_of_its_server_is_named(field: str) -> None:
    """Where Prometheus is and how to log in there is the source's to say; each such field is named with its line."""
    assert prometheus(**{field: "x"}).dropped == {f"spec.triggers[0].metadata.{field}": 6}


@pytest.mark.parametrize(
    ("spec", "path"),
    [
        ("{pollingInterval: 15}", "spec.pollingInterval"),
        ("{initialCooldownPeriod: 15}", "spec.initialCooldownPeriod"),
        ("{advanced: {restoreToOriginalReplicaCount: true}}", "spec.advanced.restoreToOriginalReplicaCount"),
        ("{advanced: {scalingModifiers: {formula: a+b, target: '2'}}}", "spec.advanced.scalingModifiers"),
        ("{somethingNew: {a: [1]}}", "spec.somethingNew"),
    ],
)
def test_what_has_no_counterpart_is_named(spec: str, path: str) -> None:
    """A field that is not carried, known to us or not, is named once with its path and line."""
    assert one(scaled(spec)).dropped == {path: 7}


def test_pauses_are_named() -> None:
    """A paused object is no policy: which annotation does the same is said."""
    found = one(scaled(annotations='{autoscaling.keda.sh/paused-replicas: "2", other: x}'))
    assert found.dropped == {"metadata.annotations.autoscaling.keda.sh/paused-replicas": 3}


@pytest.mark.parametrize(
    ("fallback", "expected"),
    [
        ("{failureThreshold: 3, replicas: 6}", {"after": 45, "behavior": "current-if-higher", "replicas": 6}),
        ("{failureThreshold: 0, replicas: 6}", {"after": 15, "behavior": "current-if-higher", "replicas": 6}),
        (
            "{failureThreshold: 3, replicas: 600, behavior: currentReplicasIfHigher}",
            {"after": 45, "behavior": "current-if-higher", "replicas": 100},
        ),
        ("{failureThreshold: 3, replicas: 6, behavior: currentReplicas}", {"behavior": "hold"}),
        ("{failureThreshold: 3, replicas: 6, behavior: currentReplicasIfLower}", {"behavior": "hold"}),
        ("{failureThreshold: 3, replicas: 0}", None),
    ],
)
def test_fallbacks_never_lower(fallback: str, expected: dict[str, Any] | None) -> None:
    """Three failing polls of 30 s are 45 ticks of 2 s; one that would lower, or end the function, holds what runs."""
    assert one(scaled(f"{{fallback: {fallback}}}")).spec.get("fallback") == expected


def test_a_poll_counts_as_long_as_it_is() -> None:
    """The same three failures after 5 s each are 7.5 ticks, and so 8."""
    found = one(scaled("{pollingInterval: 5; fallback: {failureThreshold: 3, replicas: 6}}"))
    assert found.spec["fallback"]["after"] == 8


def test_cron_is_a_floor_with_a_duration() -> None:
    """Begin and end become a begin and a length; its maximum stays the maximum, as with an HPA."""
    cron = trigger("cron", timezone="Asia/Kolkata", start="0 6 * * *", end="0 20 * * *", desiredReplicas="10")
    found = one(scaled(triggers=cron))
    assert found.spec["schedules"] == [{"cron": "0 6 * * *", "timeZone": "Asia/Kolkata", "duration": "14h", "min": 10}]
    assert one(scaled("{maxReplicaCount: 4}", cron)).spec["schedules"][0]["min"] == 4


def test_cron_alone_says_nothing_of_load() -> None:
    """A policy without a metric would scale by a default that nobody chose; that is said."""
    cron = trigger("cron", timezone="UTC", start="0 6 * * *", end="0 20 * * *", desiredReplicas="10")
    found = one(scaled(triggers=cron))
    assert "metrics" not in found.spec
    assert found.dropped == {"spec.triggers": 6}


@pytest.mark.parametrize(
    ("start", "end", "zone"),
    [
        ("0 8 * * 1-5", "0 18 * * 5", "UTC"),
        ("0 8 * * *", "0 18 1 * *", "UTC"),
        ("0 0 1 * *", "0 0 5 2 *", "UTC"),
        ("@daily", "0 18 * * *", "UTC"),
        ("0 8 * * *", "0 99 * * *", "UTC"),
        ("0 8 * * *", "0 18 * * *", "Europe/Nowhere"),
    ],
)
def test_a_cron_trigger_without_one_length_is_named(start: str, end: str, zone: str) -> None:
    """One that begins again before it ends, lasts now so and now so, or cannot be read: named, the rest is converted."""
    cron = trigger("cron", timezone=zone, start=start, end=end, desiredReplicas="2")
    found = one(scaled(triggers=f"[{cron[1:-1]}, {trigger('prometheus', query='a', threshold='1')[1:-1]}]"))
    assert list(found.dropped) == ["spec.triggers[0]"]
    assert "schedules" not in found.spec


def test_cpu_is_cores_of_what_the_containers_ask_for() -> None:
    """A share needs the Deployment; with it 60 % of 250m and 500m are 0.45 cores, else it is named."""
    share = scaled("{minReplicaCount: 1}", "[{type: cpu, metricType: Utilization, metadata: {value: '60'}}]")
    deployment = """\
apiVersion: apps/v1
kind: Deployment
metadata: {name: thumbnail, namespace: shop}
spec:
  template:
    spec:
      containers:
        - {name: a, resources: {requests: {cpu: 250m}, limits: {cpu: "2"}}}
        - {name: b, resources: {limits: {cpu: 0.5}}}
"""
    assert one(share, deployment).spec["metrics"] == [{"type": "cpu", "target": 0.45}]
    assert list(one(share).dropped) == ["spec.triggers[0].metadata.value", "spec.triggers"]
    half = deployment.replace("{limits: {cpu: 0.5}}", "{}")
    assert "spec.triggers[0].metadata.value" in one(share, half).dropped


def test_cpu_alone_never_goes_to_zero() -> None:
    """KEDA does not either: without a replica there is no cpu to measure."""
    found = one(scaled(triggers="[{type: cpu, metricType: AverageValue, metadata: {value: 500m}}]"))
    assert found.spec["metrics"] == [{"type": "cpu", "target": 0.5}]
    assert found.spec["zero"] is None


@pytest.mark.parametrize("kind", ["memory", "kafka", "rabbitmq", "aws-sqs-queue", "external"])
def test_other_triggers_are_named(kind: str) -> None:
    """What no policy can ask for is named, and the triggers beside it are converted."""
    other, asked = trigger(kind, topic="a"), trigger("prometheus", query="a", threshold="1")
    found = one(scaled(triggers=f"[{other[1:-1]}, {asked[1:-1]}]"))
    assert found.dropped == {"spec.triggers[0]": 6}
    assert [metric["query"] for metric in found.spec["metrics"]] == ["a"]


def test_the_same_query_twice_is_named() -> None:
    """A policy has each query once."""
    asked = trigger("prometheus", query="a", threshold="1")[1:-1]
    assert one(scaled(triggers=f"[{asked}, {asked}]")).dropped == {"spec.triggers[1]": 6}


def test_a_query_of_the_gateway_is_carried_with_a_hint() -> None:
    """Its counters are what `rps` asks for all functions at once; the hint says so, the query stays."""
    query = 'sum(rate(gateway_function_invocation_total{function_name="a.shop"}[1m]))'
    found = converted(scaled(triggers=trigger("prometheus", query=query, threshold="1").replace("'sum", "'sum")))
    (made,) = found.made
    assert made.document["spec"]["metrics"][0]["query"] == query
    assert any("type: rps" in remark.words for remark in found.remarks)


@pytest.mark.parametrize(
    "query",
    ["a[5m]", "vector(0)", "sum(", '{__name__=~"a.*"}', "info(a)", "a offset 2y", "x" * 2001],
)
def test_a_query_that_no_tenant_may_ask_is_named(query: str) -> None:
    """What `check` would refuse is not written; why is said beside the field."""
    found = one(scaled(triggers=trigger("prometheus", query=query, threshold="1")))
    assert list(found.dropped) == ["spec.triggers[0].metadata.query", "spec.triggers"]


def test_only_deployments_are_scaled() -> None:
    """A StatefulSet's object comes to no policy, and is named."""
    found = converted(scaled().replace("{name: thumbnail}", "{kind: StatefulSet, name: db}"))
    assert found.made == ()
    assert [(remark.path, remark.line) for remark in found.remarks] == [("spec.scaleTargetRef", 5)]


@pytest.mark.parametrize(
    ("text", "line", "path"),
    [
        (scaled("{maxReplicaCount: many}"), 7, "spec.maxReplicaCount"),
        (scaled("{minReplicaCount: -1}"), 7, "spec.minReplicaCount"),
        (scaled("{cooldownPeriod: 1.5}"), 7, "spec.cooldownPeriod"),
        (scaled(triggers="{type: cron}"), 6, "spec.triggers"),
        (scaled(triggers="[7]"), 6, "spec.triggers[0].type"),
        (scaled(triggers=trigger("prometheus", query="a")), 6, "spec.triggers[0].metadata.threshold"),
        (scaled(triggers=trigger("prometheus", query="a", threshold="0")), 6, "spec.triggers[0].metadata.threshold"),
        (scaled(triggers=trigger("prometheus", query="a", threshold="NaN")), 6, "spec.triggers[0].metadata.threshold"),
        (scaled(triggers=trigger("cron", start="0 6 * * *")), 6, "spec.triggers[0].metadata.end"),
        (scaled("{fallback: {replicas: 2, behavior: guess}}"), 7, "spec.fallback.behavior"),
        (scaled().replace("{name: thumbnail}", "{}"), 5, "spec.scaleTargetRef.name"),
        (scaled().replace(", namespace: shop", ""), 3, "metadata.namespace"),
    ],
)
def test_what_cannot_be_read_is_a_problem(text: str, line: int, path: str) -> None:
    """It has file, line, path and what is allowed, and comes to no policy."""
    found = wrong(text)
    assert (line, path) in [(at, where) for at, where, _, _ in found]
    assert all(allowed for _, _, _, allowed in found)


def test_bounds_that_contradict_each_other_are_a_problem() -> None:
    """A minimum above the maximum would be refused by `check`; it is said of the object, and nothing is written."""
    ((line, _, _, _),) = wrong(scaled("{minReplicaCount: 5; maxReplicaCount: 4}"))
    assert line == 1
