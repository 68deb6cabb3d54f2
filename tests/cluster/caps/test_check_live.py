"""`autoscaler check --live` against a real API server and a real Prometheus: what is told of each function."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.integration.cli.live import Samples, holding, openfaas, scraped
from tests.integration.cli.test_commands import run
from tests.servers.controlplane import ControlPlane, deployment_document
from tests.servers.prometheus import Prometheus

pytestmark = pytest.mark.server

NAMESPACE, TENANT = "live-checked", "live-checked"
TENANTS = f"""\
apiVersion: autoscaler.faas.dev/v1alpha1
kind: Tenant
metadata: {{name: {TENANT}}}
spec: {{namespaces: [{NAMESPACE}], source: main}}
"""
POLICY = f"""\
apiVersion: autoscaler.faas.dev/v1alpha1
kind: ScalingPolicy
metadata: {{name: default, namespace: {NAMESPACE}}}
spec:
  functions: {{names: ["*"]}}
  metrics: [{{type: concurrency, target: 10}}, {{query: 'sum(nothing_total{{namespace="{NAMESPACE}"}})', target: 1}}]
  concurrencyLimit: 20
"""
WATCHDOG, PROXY = "max_inflight", "CONTAINER_CONCURRENCY"
OWN_METRICS = ("http_requests_total", "http_requests_in_flight", "process_start_time_seconds")
"""What of-watchdog says of itself."""
IN_PLACE = {"rollingUpdate": {"maxSurge": 0}}


def function(
    name: str,
    env: Mapping[str, str] | None = None,
    *,
    container: str = "function",
    labels: Mapping[str, str] | None = None,
    grace_s: int = 90,
    strategy: Mapping[str, Any] | None = None,
    annotations: Mapping[str, str] | None = None,
    replicas: int = 1,
) -> dict[str, Any]:
    """Give a function that nobody makes pods of."""
    own = {"faas_function": name, **(labels or {})}
    document = deployment_document(NAMESPACE, name, replicas=replicas, labels=own, annotations=annotations)
    spec = document["spec"]
    spec["paused"] = True
    spec["strategy"] = dict(strategy or {})
    spec["template"]["spec"]["terminationGracePeriodSeconds"] = grace_s
    said = [{"name": key, "value": value} for key, value in (env or {}).items()]
    spec["template"]["spec"]["containers"][0] |= {"name": container, "env": said}
    return document


FUNCTIONS = [
    function("good", {WATCHDOG: "20"}),
    function("good-proxy", {PROXY: "20"}, container="queue-proxy"),
    function("good-said", annotations={"autoscaler.faas.dev/enforces": "20"}),
    function("good-silent"),
    function("asleep", replicas=0),
    function("more", {WATCHDOG: "50"}),
    function("none", {WATCHDOG: "0"}),
    function("less", {WATCHDOG: "5"}),
    function("crowded"),
    function("short", grace_s=5),
    function("unseen"),
    function("surging", labels={"autoscaler.faas.dev/concurrency-cap": "40"}),
    function("in-place", labels={"autoscaler.faas.dev/concurrency-cap": "40"}, strategy=IN_PLACE),
]


@pytest.fixture(scope="module")
def functions(plane: ControlPlane) -> Iterator[ControlPlane]:
    """Make the functions; the tenant is a custom resource, its policy too."""
    plane.namespace(NAMESPACE)
    for document in FUNCTIONS:
        plane.request("POST", f"/apis/apps/v1/namespaces/{NAMESPACE}/deployments", json=document)
    plane.apply(TENANTS + "---\n" + POLICY)
    yield plane
    for document in FUNCTIONS:
        plane.delete(NAMESPACE, document["metadata"]["name"])
    root = "/apis/autoscaler.faas.dev/v1alpha1"
    plane.request("DELETE", f"{root}/tenants/{TENANT}")
    plane.request("DELETE", f"{root}/namespaces/{NAMESPACE}/scalingpolicies/default")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Prometheus]:
    """A Prometheus of a gateway that knows all functions but one, of which one has many requests in flight."""
    names = [one["metadata"]["name"] for one in FUNCTIONS]
    samples: dict[str, Samples] = openfaas("gateway", [f"{name}.{NAMESPACE}" for name in names if name != "unseen"])
    samples |= {
        series: scraped(15.0, 110.0, 1.0)
        for series in samples
        if series.startswith("gateway_function_invocation_started") and f'"crowded.{NAMESPACE}"' in series
    }
    pod = f'{{job="pods",namespace="{NAMESPACE}",pod="good-proxy-6c5d8f7b9d-x2x4q"}}'
    samples |= {f"{name}{pod}": scraped(15.0, 1.0) for name in ("up", *OWN_METRICS)}
    with holding(tmp_path_factory.mktemp("live"), samples) as running:
        yield running


GATEWAY = {"profile": "openfaas", "match": {"job": "gateway"}, "requestTimeout": "60s"}


def check(
    folder: Path, server: Prometheus, kubeconfig: Path, gateway: Mapping[str, Any] = GATEWAY, **kubernetes: Any
) -> tuple[int, list[dict[str, Any]]]:
    """Check live; give the exit code and all that is said."""
    (folder / "policies").mkdir(exist_ok=True)
    settings = {
        "sources": {"main": {"url": server.url, "gateways": [dict(gateway)]}},
        "policies": str(folder / "policies"),
        "kubernetes": {"kubeconfig": str(kubeconfig), "timeout": "5s", **kubernetes},
    }
    (folder / "settings.yaml").write_text(yaml.safe_dump(settings))
    result = run("check", "--config", str(folder / "settings.yaml"), "--live", "--output", "json")
    assert result.exception is None or isinstance(result.exception, SystemExit), result.output
    return result.exit_code, json.loads(result.output)["live"]


def test_every_function_is_told_what_ails_it(functions: ControlPlane, server: Prometheus, tmp_path: Path) -> None:
    """Caps that nothing enforces, by which evidence; who is not seen, cut off, or rolled out beyond its cap; and no other."""
    code, found = check(tmp_path, server, functions.kubeconfig, customResources=True, pageSize=5)
    told = {
        (one["code"], name.removeprefix(f"{NAMESPACE}/"), one["is_warning"])
        for one in found
        for name in one["functions"]
    }
    assert code == 1
    assert told == {
        ("cap_not_enforced", "more", False),
        ("cap_not_enforced", "none", False),
        ("cap_not_enforced", "less", False),
        ("cap_not_enforced", "crowded", False),
        ("FunctionNotSeen", "unseen", False),
        ("GraceTooShort", "short", True),
        ("SurgeAboveCap", "surging", True),
    }
    assert [(one["code"], one["file"]) for one in found if not one["functions"]] == [
        ("QueryEmpty", f"tenant {TENANT}"),
    ]
    numbers = {name: one["wrong"] for one in found if one["code"] == "cap_not_enforced" for name in one["functions"]}
    assert "50" in numbers[f"{NAMESPACE}/more"]
    assert "100" in numbers[f"{NAMESPACE}/crowded"]
    assert all(one["allowed"] and one["lost"] for one in found)


def test_functions_are_seen_by_their_pods(functions: ControlPlane, server: Prometheus, tmp_path: Path) -> None:
    """Where targets are the functions' own pods, a pod's name tells the function; who runs and has none is not scraped."""
    (tmp_path / "policies").mkdir()
    (tmp_path / "policies" / "tenant.yaml").write_text(TENANTS)
    gateway = {"profile": "of-watchdog", "match": {"job": "pods"}, "requestTimeout": "1s"}
    code, found = check(tmp_path, server, functions.kubeconfig, gateway)
    assert code == 1
    assert [(one["code"], one["is_warning"]) for one in found] == [("FunctionNotSeen", False)]
    names = {one["metadata"]["name"] for one in FUNCTIONS} - {"good-proxy", "asleep"}
    assert set(found[0]["functions"]) == {f"{NAMESPACE}/{name}" for name in names}


def test_rights_that_end_are_one_problem(functions: ControlPlane, server: Prometheus, tmp_path: Path) -> None:
    """Without the right to read a tenant's namespace that is told once, and sources are looked at all the same."""
    (tmp_path / "policies").mkdir()
    (tmp_path / "policies" / "tenant.yaml").write_text(TENANTS)
    stranger = functions.write_kubeconfig("live-checked", functions.token(NAMESPACE, "default"))
    code, found = check(tmp_path, server, stranger, scope="namespaces")
    assert code == 1
    assert [one["code"] for one in found] == ["ClusterUnreachable"]
    assert NAMESPACE in found[0]["path"]


def test_nothing_wrong_is_exit_code_0(functions: ControlPlane, server: Prometheus, tmp_path: Path) -> None:
    """With a tenant whose functions are all as they should be, there is nothing to say."""
    (tmp_path / "policies").mkdir()
    (tmp_path / "policies" / "tenant.yaml").write_text(TENANTS.replace(f"[{NAMESPACE}]", "[nothing-there]"))
    assert check(tmp_path, server, functions.kubeconfig) == (0, [])
