"""What each gateway says of its calls, in the very form of the recorded texts, and as Prometheus stores it."""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from autoscaler.core.fleet import FunctionKey

RECORDED = Path(__file__).parent / "recorded"
_LINE = re.compile(r"^(?P<name>[a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{(?P<labels>.*)\})? (?P<value>\S+)$")
_LABEL = re.compile(r'([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\]|\\.)*)"')


@dataclass(frozen=True)
class Said:
    """One line of a page."""

    metric: str
    labels: Mapping[str, str]
    value: float

    @property
    def form(self) -> tuple[str, frozenset[str]]:
        """The metric and the names of its labels."""
        return self.metric, frozenset(self.labels)

    def stored(self, target: Mapping[str, str]) -> str:
        """Give the series as Prometheus stores it: a label that the target has already is called `exported_…`."""
        own = {f"exported_{name}" if name in target else name: value for name, value in self.labels.items() if value}
        pairs = [f'{name}="{value}"' for name, value in sorted((own | dict(target)).items())]
        return f"{self.metric}{{{','.join(pairs)}}}"


@dataclass(frozen=True)
class Calls:
    """What a gateway has counted of one function: calls begun, and calls ended by status code."""

    key: FunctionKey
    begun: float
    ended: Mapping[str, float]

    @property
    def running(self) -> float:
        return self.begun - sum(self.ended.values())


def read(gateway: str) -> list[Said]:
    """Give the lines of a recorded text."""
    lines = (RECORDED / f"{gateway}.txt").read_text().splitlines()
    found = [match for line in lines if not line.startswith("#") and (match := _LINE.match(line))]
    return [Said(one["name"], dict(_LABEL.findall(one["labels"] or "")), float(one["value"])) for one in found]


def _openfaas(calls: Calls) -> Iterator[Said]:
    name = {"function_name": f"{calls.key.name}.{calls.key.namespace}"}
    yield Said("gateway_function_invocation_started", name, calls.begun)
    for code, count in calls.ended.items():
        yield Said("gateway_function_invocation_total", name | {"code": code}, count)


def _knative(calls: Calls) -> Iterator[Said]:
    scope = {"otel_scope_name": "knative.dev/serving/pkg/queue", "otel_scope_schema_url": "", "otel_scope_version": ""}
    for code, count in calls.ended.items():
        labels = {"http_response_status_code": code, **scope}
        yield Said("kn_serving_invocation_duration_seconds_count", labels, count)
    yield Said("kn_serving_queue_depth", scope, 3)  # whatever goes on


def _of_watchdog(calls: Calls) -> Iterator[Said]:
    yield Said("http_requests_in_flight", {}, calls.running)
    for code, count in calls.ended.items():
        yield Said("http_requests_total", {"code": code, "method": "get"}, count)


def _nginx_ingress(calls: Calls) -> Iterator[Said]:
    (sample,) = [one for one in read("nginx-ingress") if one.metric == "nginx_ingress_controller_requests"]
    own = {"namespace": calls.key.namespace, "service": calls.key.name, "ingress": calls.key.name}
    for code, count in calls.ended.items():
        yield Said(sample.metric, {**sample.labels, **own, "status": code}, count)


def _logged(metric: str) -> Callable[[Calls], Iterator[Said]]:
    def said(calls: Calls) -> Iterator[Said]:
        for code, count in calls.ended.items():
            yield Said(metric, {"namespace": calls.key.namespace, "function": calls.key.name, "code": code}, count)

    return said


def _caddy(calls: Calls) -> Iterator[Said]:
    labels = {"server": "srv0", "handler": "subroute", "host": f"{calls.key.name}.{calls.key.namespace}.example"}
    yield Said("caddy_http_requests_in_flight", labels, calls.running)
    if calls.ended:
        yield Said("caddy_http_requests_total", labels, sum(calls.ended.values()))


def _haproxy(calls: Calls) -> Iterator[Said]:
    labels = {"proxy": f"{calls.key.namespace}_{calls.key.name}"}
    yield Said("haproxy_backend_sessions_total", labels, calls.begun)
    yield Said("haproxy_backend_current_sessions", labels, calls.running)


def _traefik(calls: Calls) -> Iterator[Said]:
    service = {"method": "GET", "protocol": "http", "service": f"{calls.key.namespace}-{calls.key.name}-80@kubernetes"}
    for code, count in calls.ended.items():
        yield Said("traefik_service_requests_total", service | {"code": code}, count)


def _traefik_v2(calls: Calls) -> Iterator[Said]:
    service = {"method": "GET", "protocol": "http", "service": f"{calls.key.namespace}-{calls.key.name}-80@kubernetes"}
    yield from _traefik(calls)
    yield Said("traefik_service_open_connections", service, calls.running)


def _envoy(calls: Calls) -> Iterator[Said]:
    labels = {"envoy_cluster_name": f"{calls.key.namespace}_{calls.key.name}"}
    yield Said("envoy_cluster_upstream_rq_total", labels, calls.begun)
    yield Said("envoy_cluster_upstream_rq_active", labels, calls.running)
    yield Said("envoy_cluster_upstream_rq_pending_active", labels, 0)


def _istio(calls: Calls) -> Iterator[Said]:
    (sample,) = [one for one in read("istio") if one.metric == "istio_requests_total"]
    own = {
        "destination_service_namespace": calls.key.namespace,
        "destination_service_name": calls.key.name,
        "destination_service": f"{calls.key.name}.{calls.key.namespace}.svc.cluster.local",
    }
    for code, count in calls.ended.items():
        yield Said(sample.metric, {**sample.labels, **own, "response_code": code}, count)
        as_told_by_the_function = {**sample.labels, **own, "response_code": code, "reporter": "destination"}
        yield Said(sample.metric, as_told_by_the_function, count)


SPOKEN: Mapping[str, Callable[[Calls], Iterator[Said]]] = {
    "openfaas": _openfaas,
    "knative": _knative,
    "of-watchdog": _of_watchdog,
    "nginx-ingress": _nginx_ingress,
    "nginx": _logged("nginx_http_requests_total"),
    "caddy": _caddy,
    "caddy-log": _logged("caddy_access_requests_total"),
    "haproxy": _haproxy,
    "traefik": _traefik,
    "traefik-v2": _traefik_v2,
    "envoy": _envoy,
    "istio": _istio,
}
