"""The gateways that have a profile, from what they really export.

Sources are named with the version that was read or run. Those that run here are tested as they run; of the others the
recorded texts of real versions are.
"""

from collections.abc import Mapping
from types import MappingProxyType

from autoscaler.policy.profiles.gateway import Gateway, Needed
from autoscaler.policy.profiles.openfaas import NAME_LABEL
from autoscaler.policy.profiles.queries import POD_LABEL

_NO_LOAD = "no load is known: functions stay as they are, and none goes to zero"
_NO_CONCURRENCY = "metrics of type concurrency are unknown, and zero is never proven"
_RESTARTS = "a restart is only noticed where a counter goes back, so the load may read too low for a range after one"


def _counter(metric: str, what: str = "requests") -> Needed:
    return Needed(metric, f"{what} of each function", _NO_LOAD, is_essential=True)


def _gauge(metric: str) -> Needed:
    return Needed(metric, "requests in flight", _NO_CONCURRENCY)


def _heartbeat(metric: str) -> Needed:
    lost = "zero is never proven: a log that is not written, or not read, looks like silence"
    return Needed(metric, "lines written at least once a scrape, so that the log is known to be read", lost)


def _start(metric: str = "process_start_time_seconds") -> Needed:
    return Needed(metric, "whether it started anew", _RESTARTS)


OPENFAAS = Gateway(
    name="openfaas",
    title="OpenFaaS gateway",
    signs=("gateway_service_count", "gateway_function_invocation_started", "gateway_function_invocation_total"),
    needed=(
        _counter("gateway_function_invocation_started", "requests that began,"),
        Needed("gateway_function_invocation_total", "requests that ended, so what is in flight", _NO_CONCURRENCY),
        Needed(
            "gateway_service_count",
            "functions that it knows, called or not",
            "a function that nobody ever called is unknown, and does not go to zero",
        ),
        _start(),
    ),
    counter="gateway_function_invocation_started",
    counts_at_start=True,
    gauges=("gateway_function_invocation_started", "gateway_function_invocation_total"),
    namespace_label=None,
    function_label=NAME_LABEL,
    alive="gateway_service_count",
)
"""Its queries are `openfaas_queries`: `gauges` are counters, and what is in flight is their difference.

Source: openfaas/faas gateway/metrics/metrics.go@8d803bf; run.
"""

KNATIVE = Gateway(
    name="knative",
    title="Knative Serving with the metric names of OpenTelemetry (kn_…), its queue-proxy",
    signs=("kn_serving_invocation_duration_seconds_count", "kn_serving_queue_depth"),
    needed=(_counter("kn_serving_invocation_duration_seconds_count", "requests that ended,"), _start()),
    counter="kn_serving_invocation_duration_seconds_count",
    function_label=POD_LABEL,
    is_per_pod=True,
)
"""`kn_serving_queue_depth` is not read: it is written only when something happens, and said 3 when nothing ran.

Its series name no revision (`target_info` does), so the scrape's labels do.

Source: knative/serving pkg/queue/request_metric.go@98e5ef9; run.
"""

OF_WATCHDOG = Gateway(
    name="of-watchdog",
    title="of-watchdog in the functions' own pods",
    signs=("http_requests_in_flight", "http_requests_total"),
    needed=(
        _counter("http_requests_total", "requests that ended,"),
        _gauge("http_requests_in_flight"),
        _start(),
    ),
    counter="http_requests_total",
    gauges=("http_requests_in_flight",),
    alive="http_requests_in_flight",
    function_label=POD_LABEL,
    is_per_pod=True,
)
"""The gauge is on a pod's page from its start, the counter from its first call on: a pod that was woken for somebody who
hung up is known to be idle by it.

Source: openfaas/of-watchdog metrics/metrics.go@9bdadb1; run.
"""

NGINX_INGRESS = Gateway(
    name="nginx-ingress",
    title="ingress-nginx, the controller of the Kubernetes project",
    signs=("nginx_ingress_controller_requests",),
    needed=(_counter("nginx_ingress_controller_requests", "requests that ended,"), _start()),
    counter="nginx_ingress_controller_requests",
    function_label="service",
)
"""Its own labels `namespace` and `service` say whose the Ingress is; Prometheus calls them `exported_…` where it attaches
labels of these names itself. Series of an Ingress that is removed are removed with it.

Source: kubernetes/ingress-nginx internal/ingress/metric/collectors/socket.go@038b023.
"""

NGINX = Gateway(
    name="nginx",
    title="nginx, its access log read by mtail",
    signs=("nginx_http_requests_total",),
    needed=(
        _counter("nginx_http_requests_total", "requests that ended,"),
        _heartbeat("nginx_http_heartbeats_total"),
        _start(),
    ),
    counter="nginx_http_requests_total",
    heartbeat="nginx_http_heartbeats_total",
)
"""The program for mtail is manifests/gateways/nginx; run."""

CADDY_LOG = Gateway(
    name="caddy-log",
    title="Caddy, its access log read by mtail",
    signs=("caddy_access_requests_total",),
    needed=(
        _counter("caddy_access_requests_total", "requests that ended,"),
        _heartbeat("caddy_access_heartbeats_total"),
        _start(),
    ),
    counter="caddy_access_requests_total",
    heartbeat="caddy_access_heartbeats_total",
)
"""The program for mtail is manifests/gateways/caddy; run."""

CADDY = Gateway(
    name="caddy",
    title="Caddy 2.9 and later with metrics per host",
    signs=("caddy_http_requests_in_flight", "caddy_http_requests_total"),
    needed=(
        _counter("caddy_http_requests_total", "requests that ended,"),
        _gauge("caddy_http_requests_in_flight"),
        _start(),
        Needed("caddy_config_last_reload_success_timestamp_seconds", "whether it was reloaded", _RESTARTS),
    ),
    counter="caddy_http_requests_total",
    gauges=("caddy_http_requests_in_flight",),
    starts=("process_start_time_seconds", "caddy_config_last_reload_success_timestamp_seconds"),
    drains=True,
    only={"handler": "subroute"},
    namespace_label=None,
    function_label="host",
    default_names="{function}.{namespace}.{*}",
)
"""Handlers are counted at the top of a server's routes alone, and there a Caddyfile has one `subroute` a site, so that
each request counts once, whatever `handle`, `route` and `forward_auth` do below. A reload begins all counters anew.

Source: caddyserver/caddy modules/caddyhttp/{metrics.go@001b2e4,routes.go@8c25290}.
"""

HAPROXY = Gateway(
    name="haproxy",
    title="HAProxy 2.4 and later with its own Prometheus endpoint, one backend for each function",
    signs=("haproxy_backend_sessions_total", "haproxy_process_start_time_seconds"),
    needed=(
        _counter("haproxy_backend_sessions_total", "requests that began,"),
        _gauge("haproxy_backend_current_sessions"),
        _start("haproxy_process_start_time_seconds"),
    ),
    counter="haproxy_backend_sessions_total",
    counts_at_start=True,
    gauges=("haproxy_backend_current_sessions",),
    drains=True,
    starts=("haproxy_process_start_time_seconds",),
    namespace_label=None,
    function_label="proxy",
    default_names="{namespace}_{function}",
)
"""Each request is a session of its backend, keep-alive or not, from when the backend is chosen, its time in the queue
included; `haproxy_backend_http_requests_total` counts those that ended with an answer. Counters begin at 0 with the
process, so that a backend nobody called is a known zero. A reload is a new process.

Source: haproxy/haproxy addons/promex/service-prometheus.c, src/stream.c; 2.6.12 run.
"""

_TRAEFIK_NAMES = "{namespace}-{function}-{*}@{*}"

TRAEFIK = Gateway(
    name="traefik",
    title="Traefik 3",
    signs=("traefik_service_requests_total", "traefik_open_connections"),
    needed=(_counter("traefik_service_requests_total", "requests that ended,"), _start()),
    counter="traefik_service_requests_total",
    namespace_label=None,
    function_label="service",
    default_names=_TRAEFIK_NAMES,
)
"""Version 3 has open connections per entry point alone.

Source: traefik/traefik pkg/observability/metrics/prometheus.go@254ece9.
"""

TRAEFIK_V2 = Gateway(
    name="traefik-v2",
    title="Traefik 2",
    signs=("traefik_service_open_connections", "traefik_service_requests_total"),
    needed=(
        _counter("traefik_service_requests_total", "requests that ended,"),
        _gauge("traefik_service_open_connections"),
        _start(),
    ),
    counter="traefik_service_requests_total",
    gauges=("traefik_service_open_connections",),
    drains=True,
    namespace_label=None,
    function_label="service",
    default_names=_TRAEFIK_NAMES,
)
"""A service that is not configured for a while, as one without an endpoint, loses its series, and a call that ran
meanwhile is taken from a new gauge when it ends: that one is too low from then on, so that it is no proof by itself.

Source: traefik/traefik pkg/metrics/prometheus.go, pkg/middlewares/metrics/metrics.go, v2.11."""

ENVOY = Gateway(
    name="envoy",
    title="Envoy, one cluster for each function",
    signs=("envoy_cluster_upstream_rq_total", "envoy_cluster_upstream_rq_active"),
    needed=(
        _counter("envoy_cluster_upstream_rq_total", "requests that began,"),
        _gauge("envoy_cluster_upstream_rq_active"),
        _gauge("envoy_cluster_upstream_rq_pending_active"),
        _start("envoy_server_uptime"),
    ),
    counter="envoy_cluster_upstream_rq_total",
    counts_at_start=True,
    gauges=("envoy_cluster_upstream_rq_active", "envoy_cluster_upstream_rq_pending_active"),
    drains=True,
    starts=(),
    uptimes=("envoy_server_uptime",),
    namespace_label=None,
    function_label="envoy_cluster_name",
    default_names="{namespace}_{function}",
)
"""Requests that wait for a connection are pending, not active. A try more is a request more. Without an endpoint Envoy
answers by itself and counts nothing here, so that calls to a function at zero are seen by their wakes alone.

Source: Envoy's documentation of cluster statistics, 1.3x; source/common/conn_pool/conn_pool_base.cc.
"""

ISTIO = Gateway(
    name="istio",
    title="Istio, its ingress gateway",
    signs=("istio_requests_total",),
    needed=(_counter("istio_requests_total", "requests that ended,"), _start("envoy_server_uptime")),
    counter="istio_requests_total",
    starts=(),
    uptimes=("envoy_server_uptime",),
    only={"reporter": "source"},
    namespace_label="destination_service_namespace",
    function_label="destination_service_name",
)
"""What the gateway says of calls that it makes; a function's own sidecar says the same once more, as `destination`.

Source: Istio's documentation of standard metrics, 1.2x.
"""

CATALOG: Mapping[str, Gateway] = MappingProxyType(
    {
        one.name: one
        for one in (
            OPENFAAS,
            KNATIVE,
            OF_WATCHDOG,
            NGINX_INGRESS,
            NGINX,
            CADDY,
            CADDY_LOG,
            HAPROXY,
            TRAEFIK,
            TRAEFIK_V2,
            ENVOY,
            ISTIO,
        )
    }
)
"""Every gateway that has a profile, by its name in the settings; not `custom`, which is whatever the settings say."""
