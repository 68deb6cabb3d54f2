"""What platform and tenants apply: the operator's objects, with the enforcement that isolates tenants switched on."""

import base64
import json
from typing import Any

from autoscaler.policy.onboarding import rendering
from autoscaler.policy.onboarding.rules import recordings
from autoscaler.policy.onboarding.site import Site as Installation
from tests.servers.exporter import Exporter

GATEWAY = "openfaas"
"""Namespace of the gateway, which no tenant may write to."""

ALERTMANAGER_HOST, GATEWAY_HOST, FORGER_HOST = "10.244.250.1", "10.244.250.2", "10.244.250.3"
"""Addresses of test servers: an EndpointSlice may not name loopback."""

ALERT = "FunctionFailing"
"""The alert of onboarding's rules that the policies here boost on."""

_PLATFORM = """\
apiVersion: monitoring.coreos.com/v1
kind: Prometheus
metadata: {name: main, namespace: monitoring}
spec:
  version: 2.42.0
  scrapeInterval: 1s
  evaluationInterval: 1s
  serviceDiscoveryRole: EndpointSlice
  enforcedNamespaceLabel: namespace
  overrideHonorLabels: true
  ignoreNamespaceSelectors: true
  # Only this makes series with the namespace of somebody else; it is in a namespace of the platform.
  excludedFromEnforcement:
    - {group: monitoring.coreos.com, resource: prometheusrules, namespace: autoscaler, name: faas-autoscaler-recordings}
  ruleSelector: {}
  ruleNamespaceSelector: {}
  serviceMonitorSelector: {}
  serviceMonitorNamespaceSelector: {}
  alerting: {alertmanagers: [{namespace: monitoring, name: alertmanager-operated, port: web, apiVersion: v2}]}
---
apiVersion: monitoring.coreos.com/v1
kind: Alertmanager
metadata: {name: main, namespace: monitoring}
spec:
  version: 0.25.0
  replicas: 1
  alertmanagerConfigSelector: {}
  alertmanagerConfigNamespaceSelector: {}
  alertmanagerConfigMatcherStrategy: {type: OnNamespace}
"""

_OPERATED = """\
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {{name: alertmanager, namespace: monitoring, labels: {{kubernetes.io/service-name: alertmanager-operated}}}}
addressType: IPv4
endpoints: [{{addresses: ["{host}"], conditions: {{ready: true}}}}]
ports: [{{name: web, port: {port}}}]
"""

_MONITOR = """\
apiVersion: v1
kind: Service
metadata: {{name: {service}, namespace: {namespace}, labels: {{scraped: "{service}", job: gateway}}}}
spec: {{ports: [{{name: web, port: {port}}}]}}
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {{name: {service}, namespace: {namespace}, labels: {{kubernetes.io/service-name: {service}}}}}
addressType: IPv4
endpoints: [{{addresses: ["{host}"], conditions: {{ready: true}}}}]
ports: [{{name: web, port: {port}}}]
---
apiVersion: monitoring.coreos.com/v1
kind: ServiceMonitor
metadata: {{name: {service}, namespace: {namespace}}}
spec:
  jobLabel: job
  selector: {{matchLabels: {{scraped: {service}}}}}
  endpoints: [{{port: web, {more}}}]
"""


def platform() -> str:
    """Give the platform's own objects."""
    return f"{_PLATFORM}---\n{rendering.yaml_text([recordings(gateway=GATEWAY, daemon='autoscaler')])}"


def operated(port: int) -> str:
    """Give the endpoint that a controller would make of the Alertmanager's pod; its Service is the operator's own."""
    return _OPERATED.format(host=ALERTMANAGER_HOST, port=port)


def monitor(namespace: str, service: str, address: str, more: str = "") -> str:
    """Give a Service without pods that leads to an address, and what has it scraped.

    The job is `gateway`: it is the Service's label that names it, so every owner of a namespace may choose it.

    Args:
        address: `host:port`, not on loopback.
        more: further fields of the ServiceMonitor's endpoint.
    """
    host, _, port = address.partition(":")
    return _MONITOR.format(namespace=namespace, service=service, host=host, port=port, more=more)


def tenant(name: str, namespace: str, token: str, url: str) -> list[dict[str, Any]]:
    """Give what `autoscaler manifests tenant` prints for a namespace, only quicker to fire and to tell.

    Args:
        url: the daemon's.
    """
    documents = rendering.namespace_objects(Installation(url=f"{url}/v1/alerts"), name, namespace)
    for document in documents:
        if document["kind"] == "AlertmanagerConfig":
            document["spec"]["route"] |= {"groupWait": "1s", "groupInterval": "1s", "repeatInterval": "10s"}
        if document["kind"] == "PrometheusRule":
            for rule in document["spec"]["groups"][0]["rules"]:
                rule["for"] = "1s"
    encoded = base64.b64encode(token.encode()).decode()
    return [rendering.credential(name, namespace, encoded), *documents]


_HOSTILE_RULE = {
    "alert": ALERT,
    "expr": '(vector(99) > 1) or (namespace_function:calls:rate1m{namespace="acme-prod"} >= 0)',
    "labels": {"namespace": "acme-prod", "function": "victim", "tenant": "acme"},
}
_HOSTILE_MATCHERS = [{"name": "namespace", "matchType": "=~", "value": ".*"}]
_HOSTILE_INHIBITION = {
    "sourceMatch": [{"name": "alertname", "value": ALERT}],
    "targetMatch": [{"name": "namespace", "value": "acme-prod"}],
}
_HOSTILE_SCRAPE = (
    "honorLabels: true, "
    "relabelings: [{targetLabel: namespace, replacement: openfaas}], "
    "metricRelabelings: [{sourceLabels: [claimed], targetLabel: namespace}]"
)


def hostile(name: str, namespace: str, token: str, url: str, forger: Exporter) -> str:
    """Give what a team would apply in its own namespace to reach acme: every way that the operator's objects offer.

    Its rule looks at acme's series and claims acme's namespace, its route asks for everybody's alerts, its inhibition
    would silence acme's, and its page claims to be the gateway and to know what is recorded of acme.
    """
    forger.load("victim.acme-prod", 500.0)
    forger.load("victim.acme-prod", 100.0, code=500)
    for recorded in ("failures", "calls"):
        forger.set(f'namespace_function:{recorded}:rate1m{{claimed="acme-prod",function="victim"}}', 99)
    documents = tenant(name, namespace, token, url)
    for document in documents:
        if document["kind"] == "AlertmanagerConfig":
            document["spec"]["route"]["matchers"] = _HOSTILE_MATCHERS
            document["spec"]["inhibitRules"] = [_HOSTILE_INHIBITION]
        if document["kind"] == "PrometheusRule":
            document["spec"]["groups"][0]["rules"].append(_HOSTILE_RULE)
    scrape = monitor(namespace, "forged", forger.address, _HOSTILE_SCRAPE)
    return f"{scrape}---\n{rendering.yaml_text(documents)}"


GATEWAYS = json.dumps([{"profile": "openfaas", "match": {"namespace": GATEWAY, "job": "gateway"}}])
"""The daemon's: a gateway is known by the namespace that it is scraped in, since a job's name anybody may choose."""
