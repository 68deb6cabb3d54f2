"""Settings, policies and rules of the installation; real clocks, shortened by configuration."""

import hashlib
from pathlib import Path

TOKENS = {"operator": "operator-token", "acme": "acme-token", "umbrella": "umbrella-token", "globex": "globex-token"}

TENANTS = """\
apiVersion: autoscaler.faas.dev/v1alpha1
kind: Tenant
metadata: {{name: {name}}}
spec:
  namespaces: [{namespace}]
  source: main
  callers: [{{tokenSHA256: {token}}}]
  {budget}
  bounds: {{allowZero: true}}
---
apiVersion: autoscaler.faas.dev/v1alpha1
kind: ScalingPolicy
metadata: {{name: default, namespace: {namespace}}}
spec:
  functions: {{names: ["*"]}}
  metrics: [{{type: rps, target: 10, utilization: 1.0}}]
  replicas: {{min: 0, max: 8}}
  windows: {{stable: 4s}}
  scaleDown: {{stabilization: 2s}}
  zero: {{after: 6s}}
  wake: {{hold: 25s, waiters: 100}}
  alerts: [{{match: {{alertname: HighLatency}}, boost: {{factor: 2.0}}, expires: 60s}}]
"""

SETTINGS = """\
tick: 500ms
sources:
  main:
    url: {prometheus}
    scrapeInterval: 1s
    timeout: 5s
    gateways: [{{profile: openfaas, match: {{job: gateway}}, defaultNamespace: acme-prod}}]
alertmanagers:
  main: {{url: {alertmanager}}}
operators: [{{tokenSHA256: {operator}}}]
# Tests stop load at once and must not wait for a minute's allowance.
blastRadius: {{replicas: 1000, share: 1.0, period: 60s}}
policies: {policies}
listen: {listen}
metrics: {{listen: {metrics}}}
kubernetes: {{kubeconfig: {kubeconfig}, timeout: 3s}}
"""

RULES = """\
groups:
  - name: functions
    interval: 1s
    rules:
      - alert: HighLatency
        expr: test_latency_seconds > 1
"""

ALERTING = """\
rule_files: [{rules}]
alerting:
  alertmanagers: [{{static_configs: [{{targets: ["{alertmanager}"]}}]}}]
"""


def hashed(token: str) -> str:
    """Give a token as documents name it."""
    return hashlib.sha256(token.encode()).hexdigest()


def write_policies(folder: Path) -> None:
    """Write the documents of three tenants, one of which has a budget of 4 replicas."""
    folder.mkdir()
    for name, namespace, budget in (
        ("acme", "acme-prod", ""),
        ("umbrella", "umbrella-fn", "budget: {replicas: {cap: 4}}"),
        ("globex", "globex-fn", ""),
    ):
        text = TENANTS.format(name=name, namespace=namespace, token=hashed(TOKENS[name]), budget=budget)
        (folder / f"{name}.yaml").write_text(text)
