"""Labels of OpenFaaS → policies, from Deployments, Functions and stack files; read as on running functions."""

from typing import Any

import pytest

from tests.unit.policy.conversion.given import converted, one, wrong

PREFIX = "com.openfaas.scale."


def stack(environment: str = "", **labels: str) -> str:
    lines = "".join(f"      {PREFIX}{name.replace('_', '-')}: {value}\n" for name, value in labels.items())
    return f"""\
version: 1.0
provider: {{name: openfaas, gateway: http://127.0.0.1:8080}}
functions:
  figlet:
    lang: python3
    image: figlet
    labels:
      other: x
{lines}{environment}"""


def deployment(*, on: str = "template", labels: str = "{}", more: str = "") -> str:
    own, pods = (labels, "{}") if on == "deployment" else ("{}", labels)
    return f"""\
apiVersion: apps/v1
kind: Deployment
metadata: {{name: figlet, namespace: openfaas-fn, labels: {own}}}
spec:
  replicas: 1
  template:
    metadata: {{labels: {pods}}}
    spec:
      containers:
        - name: figlet
          image: any
{more}"""


def test_what_openfaas_fills_in_is_written_out() -> None:
    """Without a label: 1 to 20 replicas, 50 requests/s of which 0.9 are aimed at, and never zero."""
    found = one(stack())
    assert found.spec == {
        "functions": {"names": ["figlet"]},
        "metrics": [{"type": "rps", "target": 50, "utilization": 0.9}],
        "replicas": {"min": 1, "max": 20},
        "zero": None,
    }
    assert (found.dropped, found.noted) == ({}, {})


@pytest.mark.parametrize(
    ("labels", "expected"),
    [
        ({"min": "2", "max": '"8"'}, {"replicas": {"min": 2, "max": 8}}),
        ({"min": "30"}, {"replicas": {"min": 30, "max": 30}}),
        ({"type": "capacity", "target": "5"}, {"metrics": [{"type": "concurrency", "target": 5, "utilization": 0.9}]}),
        ({"type": "cpu", "target": "100"}, {"metrics": [{"type": "cpu", "target": 0.1, "utilization": 0.9}]}),
        ({"type": "queue", "target": "10"}, {"metrics": [{"type": "queue", "target": 10, "utilization": 0.9}]}),
        (
            {"target": "100", "target_proportion": "0.7"},
            {"metrics": [{"type": "rps", "target": 100, "utilization": 0.7}]},
        ),
        ({"zero": "true"}, {"zero": {"after": "15m"}}),
        ({"zero": '"true"', "zero_duration": "5m"}, {"zero": {"after": "5m"}}),
        ({"zero_duration": "5m"}, {"zero": None}),
        ({"zero": "false"}, {"zero": None}),
        ({"down.window": "2m"}, {"scaleDown": {"stabilization": "2m"}}),
        (
            {"factor": "25", "max": "10"},
            {"alerts": [{"match": {"alertname": "APIHighInvocationRate"}, "boost": {"add": 3}, "expires": "5m"}]},
        ),
        ({"factor": "0"}, {"alerts": []}),
    ],
)
def test_each_label(labels: dict[str, str], expected: dict[str, Any]) -> None:
    """With the meaning that it has on a running function, and OpenFaaS's own defaults for the rest."""
    spec = one(stack(**labels)).spec
    assert {key: spec[key] for key in expected} == expected


def test_a_proportion_alone_changes_what_is_aimed_at() -> None:
    """OpenFaaS's target of 50 requests/s stays."""
    assert one(stack(target_proportion="0.5")).spec["metrics"] == [{"type": "rps", "target": 50, "utilization": 0.5}]


@pytest.mark.parametrize(("value", "limit"), [("5", 5), ('"5"', 5), ("0", None)])
def test_what_the_watchdog_enforces_is_the_limit(value: str, limit: int | None) -> None:
    """`max_inflight` is what one replica takes at once; 0 does not limit it."""
    found = one(stack(f"    environment: {{max_inflight: {value}}}\n"))
    assert found.spec.get("concurrencyLimit") == limit
    environment = f"          env: [{{name: a, value: b}}, {{name: max_inflight, value: {value}}}]\n"
    given = deployment(labels="{faas_function: figlet}", more=environment)
    assert one(given).spec.get("concurrencyLimit") == limit


@pytest.mark.parametrize("on", ["template", "deployment"])
def test_a_deployment_has_them_on_its_pods_or_itself(on: str) -> None:
    """OpenFaaS puts them on the pod template, people on the Deployment."""
    found = one(deployment(on=on, labels=f'{{faas_function: figlet, {PREFIX}max: "7"}}'))
    assert found.spec["replicas"] == {"min": 1, "max": 7}


def test_a_function_is_a_custom_resource() -> None:
    """Its labels stand in its spec, and so does the name of the Deployment."""
    found = converted(f"""\
apiVersion: openfaas.com/v1
kind: Function
metadata: {{name: figlet-resource, namespace: openfaas-fn}}
spec:
  name: figlet
  image: any
  labels: {{{PREFIX}zero: "true"}}
  environment: {{max_inflight: "3"}}
""")
    (made,) = found.made
    assert made.key == ("openfaas-fn", "figlet")
    assert (made.document["spec"]["zero"], made.document["spec"]["concurrencyLimit"]) == ({"after": "15m"}, 3)


def test_namespaces_of_a_stack() -> None:
    """A function's own, else the one that is given, else openfaas-fn."""
    text = stack() + "  other: {namespace: staging}\n"
    assert [made.key for made in converted(text).made] == [("openfaas-fn", "figlet"), ("staging", "other")]
    assert [made.key for made in converted(text, namespace="shop").made] == [("shop", "figlet"), ("staging", "other")]


def test_a_wrong_function_of_a_stack_takes_no_other_with_it() -> None:
    """Each is told, wherever it stands, and those before and after it are converted; a remark stands beside its own alone."""
    text = (
        stack(odd="1")
        + f"""\
  wrong: {{labels: {{{PREFIX}max: ten}}}}
  none: 5
  later: {{labels: {{{PREFIX}max: "7"}}}}
"""
    )
    found = converted(text)
    assert [made.key[1] for made in found.made] == ["figlet", "later"]
    assert [problem.path for problem in found.problems] == [f"functions.wrong.labels.{PREFIX}max", "functions.none"]
    assert [len(made.remarks) for made in found.made] == [1, 0]


def test_a_label_that_steers_nothing_is_named() -> None:
    """A label of a later OpenFaaS has its line."""
    assert one(stack(odd="1")).dropped == {f"functions.figlet.labels.{PREFIX}odd": 9}


def test_a_deployment_that_is_no_function_is_named() -> None:
    """It has no policy, and the Tenant's defaults hold."""
    found = converted(deployment())
    assert (found.made, found.problems) == ((), ())
    assert [remark.path for remark in found.remarks] == ["Deployment openfaas-fn/figlet"]


def test_labels_beside_an_autoscaler_are_named() -> None:
    """What scales it is the HPA; its labels would hold over the policy, so they are named. Without labels nothing is said."""
    hpa = """\
apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
metadata: {name: figlet, namespace: openfaas-fn}
spec: {scaleTargetRef: {kind: Deployment, name: figlet}, maxReplicas: 4}
"""
    with_labels = deployment(labels=f'{{faas_function: figlet, {PREFIX}max: "7"}}')
    found = one(with_labels, hpa)
    assert found.spec["replicas"]["max"] == 4
    assert found.dropped == {f"spec.template.metadata.labels.{PREFIX}max": 7, "spec.metrics": 4}
    assert one(deployment(labels="{faas_function: figlet}"), hpa).dropped == {"spec.metrics": 4}


@pytest.mark.parametrize(
    "labels",
    [{"max": "many"}, {"min": "-1"}, {"type": "latency"}, {"target": "0"}, {"zero": "maybe"}, {"zero_duration": "5"},
     {"factor": "1000"}, {"target_proportion": "2"}],
)  # fmt: skip
def test_a_label_that_cannot_be_read_is_a_problem(labels: dict[str, str]) -> None:
    """It has its line and what is allowed, and comes to no policy."""
    ((line, path, _, allowed),) = wrong(stack(**labels))
    (name,) = labels
    assert (line, path) == (9, f"functions.figlet.labels.{PREFIX}{name.replace('_', '-')}")
    assert allowed
