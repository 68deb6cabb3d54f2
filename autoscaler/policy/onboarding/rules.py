"""Alerts about a tenant's functions, and the recordings of the platform that they stand on.

A rule in a tenant's own namespace cannot read the gateway's or the daemon's series where the Prometheus operator
enforces a namespace label: it adds the rule's namespace to every selector, and those series were scraped elsewhere. So
the platform records them once with the function's own `namespace`, from its own gateway and daemon alone, and tenants'
rules read only what was recorded. A tenant that scrapes a forged gateway forges nothing: the recordings select by the
namespace that the series were scraped in, which the operator enforces too.
"""

from collections.abc import Iterator

from autoscaler.core.reasons import Reason
from autoscaler.core.seen import Seen
from autoscaler.policy.onboarding.kinds import MONITORING, RULES, Document, of_tenant
from autoscaler.policy.onboarding.site import Site
from autoscaler.policy.quantities import format_duration

_BOUND = (Reason.BUDGET, Reason.POOL, Reason.CONCURRENCY_BUDGET, Reason.RECLAIM)
_GATEWAY_PARTS = '"function_name", "(.+)[.]([^.]+)"'
_DAEMON_GAUGES = ("ready_replicas", "requested_replicas", "reason_code", "load_state")


def recordings(
    gateway: str = "openfaas", daemon: str = "autoscaler", default_namespace: str = "openfaas-fn"
) -> Document:
    """Give the PrometheusRule of the platform: gateway's and daemon's series by the function's namespace and name.

    Where `enforcedNamespaceLabel` is set it must be listed in `excludedFromEnforcement`.

    Args:
        gateway: namespace in which the OpenFaaS gateway is scraped.
        daemon: namespace in which this daemon is scraped, and in which the object lies.
        default_namespace: where functions live that the gateway names without one.
    """
    calls = f'gateway_function_invocation_total{{namespace="{gateway}"}}'
    failed = f'gateway_function_invocation_total{{namespace="{gateway}",code=~"429|5.."}}'
    buckets = f'gateway_functions_seconds_bucket{{namespace="{gateway}"}}'
    rules = [
        _recording("calls:rate1m", f"sum by (namespace, function) ({_named(f'rate({calls}[1m])', default_namespace)})"),
        _recording(
            "failures:rate1m", f"sum by (namespace, function) ({_named(f'rate({failed}[1m])', default_namespace)})"
        ),
        _recording(
            "call_seconds:p95_rate2m",
            "histogram_quantile(0.95, sum by (namespace, function, le) "
            f"({_named(f'rate({buckets}[2m])', default_namespace)}))",
        ),
        *(_recording(f"{gauge}:max", _of_daemon(gauge, daemon)) for gauge in _DAEMON_GAUGES),
    ]
    return {
        "apiVersion": RULES.api_version,
        "kind": RULES.kind,
        "metadata": {
            "name": "faas-autoscaler-recordings",
            "namespace": daemon,
            "labels": {"app.kubernetes.io/name": "autoscaler", "app.kubernetes.io/part-of": "faas-autoscaler"},
        },
        "spec": {"groups": [{"name": "autoscaler-recordings", "rules": rules}]},
    }


def alert_rules(site: Site, tenant: str, namespace: str) -> Document:
    """Give the PrometheusRule of a namespace; every alert has the labels `namespace` and `function`.

    Those of `severity: scaling` are for `alerts` entries of policies, the others for people. All of them reach the
    daemon's webhook, which drops what no policy names.
    """
    return {
        **of_tenant(RULES, MONITORING, namespace, tenant),
        "spec": {"groups": [{"name": f"functions-{namespace}", "rules": list(_alerts(site, namespace))}]},
    }


def _alerts(site: Site, namespace: str) -> Iterator[Document]:
    """Give the alerts, each with the namespace as a label of its own: one file may hold those of several."""
    for alert in _templates(site, namespace):
        yield {**alert, "labels": {"namespace": namespace, **alert["labels"]}}


def _templates(site: Site, namespace: str) -> list[Document]:
    def recorded(name: str) -> str:
        return f'namespace_function:{name}{{namespace="{namespace}"}}'

    bound = " or ".join(f"{recorded('reason_code:max')} == {int(reason)}" for reason in _BOUND)
    return [
        _alert(
            "FunctionFailing",
            f"{recorded('failures:rate1m')} > 0.05 * {recorded('calls:rate1m')}",
            "30s",
            "scaling",
            "More than a twentieth of the calls of {{ $labels.function }} are refused or fail.",
        ),
        _alert(
            "FunctionSlow",
            f"{recorded('call_seconds:p95_rate2m')} > {site.slow_s:g}",
            "1m",
            "scaling",
            f"One call in twenty of {{{{ $labels.function }}}} takes more than {format_duration(site.slow_s)}.",
        ),
        _alert(
            "FunctionNotReady",
            f"{recorded('ready_replicas:max')} < {recorded('requested_replicas:max')}",
            "10m",
            "warning",
            "{{ $labels.function }} has fewer ready replicas than its Deployment asks for.",
        ),
        _alert(
            "FunctionOutOfBudget",
            bound,
            "10m",
            "warning",
            "{{ $labels.function }} gets fewer replicas than it asks for: the tenant's budget or pool has no more.",
        ),
        _alert(
            "FunctionLoadUnknown",
            f"{recorded('load_state:max')} == {int(Seen.UNKNOWN)}",
            "15m",
            "warning",
            "The load of {{ $labels.function }} is not known, so it is held at what it has.",
        ),
    ]


def _alert(name: str, expr: str, lasting: str, severity: str, summary: str) -> Document:
    return {
        "alert": name,
        "expr": expr,
        "for": lasting,
        "labels": {"severity": severity},
        "annotations": {"summary": summary},
    }


def _recording(name: str, expr: str) -> Document:
    return {"record": f"namespace_function:{name}", "expr": expr}


def _named(expr: str, default_namespace: str) -> str:
    """Take `NAME.NAMESPACE` of the gateway apart at its last dot; a bare name is in the default namespace."""
    bare = f'label_replace({expr}, "namespace", "{default_namespace}", "function_name", "[^.]+")'
    bare = f'label_replace({bare}, "function", "$1", "function_name", "([^.]+)")'
    first = f'label_replace({bare}, "function", "$1", {_GATEWAY_PARTS})'
    return f'label_replace({first}, "namespace", "$2", {_GATEWAY_PARTS})'


def _of_daemon(gauge: str, daemon: str) -> str:
    """Take the function's namespace, which a scrape puts aside as `exported_namespace`; standbys say less or the same."""
    series = f'autoscaler_function_{gauge}{{namespace="{daemon}",exported_namespace!=""}}'
    named = f'label_replace({series}, "namespace", "$1", "exported_namespace", "(.+)")'
    return f"max by (namespace, function) ({named})"
