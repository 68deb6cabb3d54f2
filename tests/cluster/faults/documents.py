"""Settings and policies of the installation that faults are done to; real clocks, shortened by configuration."""

import hashlib
from pathlib import Path

OPERATOR = "operator-token"

NAMESPACES = {"acme": "fault-acme", "globex": "fault-globex", "doomed": "fault-doomed"}
"""Namespace of each tenant; no other is claimed."""

UNCLAIMED = "fault-elsewhere"

TENANT = """\
apiVersion: autoscaler.faas.dev/v1alpha1
kind: Tenant
metadata: {{name: {name}}}
spec: {{namespaces: [{namespace}], source: main, bounds: {{allowZero: true}}}}
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
"""

SETTINGS = """\
tick: 500ms
sources:
  main:
    url: {prometheus}
    scrapeInterval: 1s
    timeout: 5s
    gateways: [{{profile: openfaas, match: {{job: gateway}}, defaultNamespace: fault-acme}}]
operators: [{{tokenSHA256: {operator}}}]
blastRadius: null
policies: {policies}
listen: {listen}
metrics: {{listen: {metrics}}}
kubernetes: {{kubeconfig: {kubeconfig}, timeout: 3s, events: true, tokenReviews: true}}
"""


def hashed(token: str) -> str:
    """Give a token as documents name it."""
    return hashlib.sha256(token.encode()).hexdigest()


def write_policies(folder: Path) -> Path:
    """Write the documents of the tenants, all with the same policy."""
    folder.mkdir()
    for name, namespace in NAMESPACES.items():
        (folder / f"{name}.yaml").write_text(TENANT.format(name=name, namespace=namespace))
    return folder
