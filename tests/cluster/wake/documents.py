"""Settings and policies of the site: real clocks, shortened by configuration."""

import hashlib
from typing import Any

NAMESPACE = "waking"
GATEWAY_TOKEN = "gateway-token"
OPERATOR_TOKEN = "operator-token"
SCRAPE = "500ms"
HOLD_S = 25.0
STUCK_HOLD_S = 3.0
"""What a function that never gets ready keeps its callers waiting."""
FEW_HOLD_S = 20.0

POLICIES = f"""\
apiVersion: autoscaler.faas.dev/v1alpha1
kind: Tenant
metadata: {{name: waking}}
spec:
  namespaces: [{NAMESPACE}]
  source: main
  bounds: {{allowZero: true}}
---
apiVersion: autoscaler.faas.dev/v1alpha1
kind: ScalingPolicy
metadata: {{name: default, namespace: {NAMESPACE}}}
spec:
  functions: {{names: ["*"]}}
  metrics: [{{type: concurrency, target: 100}}]
  replicas: {{min: 0, max: 2}}
  windows: {{stable: 2s}}
  scaleDown: {{stabilization: 1s}}
  zero: {{after: 2s}}
  wake: {{hold: {HOLD_S:g}s, waiters: 1000}}
---
apiVersion: autoscaler.faas.dev/v1alpha1
kind: ScalingPolicy
metadata: {{name: stuck, namespace: {NAMESPACE}}}
spec:
  functions: {{names: ["stuck*"]}}
  metrics: [{{type: concurrency, target: 100}}]
  replicas: {{min: 0, max: 1}}
  zero: {{after: 2s}}
  wake: {{hold: {STUCK_HOLD_S:g}s, waiters: 100}}
---
apiVersion: autoscaler.faas.dev/v1alpha1
kind: ScalingPolicy
metadata: {{name: few, namespace: {NAMESPACE}}}
spec:
  functions: {{names: ["few*"]}}
  metrics: [{{type: concurrency, target: 100}}]
  replicas: {{min: 0, max: 1}}
  zero: {{after: 2s}}
  wake: {{hold: {FEW_HOLD_S:g}s, waiters: 2}}
"""

SCRAPE_CONFIG = """\
global: {{scrape_interval: {interval}, scrape_timeout: {interval}}}
scrape_configs:
  - job_name: of-watchdog
    kubernetes_sd_configs:
      - role: pod
        api_server: {api}
        authorization: {{credentials: {token}}}
        tls_config: {{ca_file: {certificate}}}
        namespaces: {{names: [{namespace}]}}
    relabel_configs:
      - {{source_labels: [__meta_kubernetes_pod_label_faas_function], action: keep, regex: .+}}
      - {{source_labels: [__meta_kubernetes_pod_phase], action: keep, regex: Running}}
      - {{source_labels: [__meta_kubernetes_pod_ip], target_label: __address__, replacement: "$1:8081"}}
      - {{source_labels: [__meta_kubernetes_namespace], target_label: namespace}}
      - {{source_labels: [__meta_kubernetes_pod_name], target_label: pod}}
"""
"""As docs/gateways/of-watchdog.md has it."""


def settings(prometheus_url: str, named_locations: tuple[str, ...]) -> dict[str, Any]:
    """Give the daemons' settings that differ from those of any test.

    Args:
        prometheus_url: of the source.
        named_locations: names that nginx may be sent on to.
    """
    gateway = {
        "profile": "of-watchdog",
        "match": {"job": "of-watchdog"},
        "requestTimeout": "60s",
        "callers": [{"tokenSHA256": _hashed(GATEWAY_TOKEN)}],
        "wake": {"accelRedirect": list(named_locations)},
    }
    return {
        "sources": {"main": {"url": prometheus_url, "scrapeInterval": SCRAPE, "timeout": "5s", "gateways": [gateway]}},
        "operators": [{"tokenSHA256": _hashed(OPERATOR_TOKEN)}],
        # Functions that all go to sleep at once must not wait for a minute's allowance.
        "blastRadius": {"replicas": 1000, "share": 1.0, "period": "60s"},
    }


def _hashed(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
