"""Documents and Deployments that tests of policy share."""

from collections.abc import Mapping

from autoscaler.core.fleet import FunctionKey
from autoscaler.policy.deployment import Deployed
from autoscaler.policy.loading import PolicySet, load

NOW_S = 1_767_225_600.0
"""UTC seconds of the first of January 2026, a Thursday: when plans of tests are made."""

ACME = """\
apiVersion: autoscaler.faas.dev/v1alpha1
kind: Tenant
metadata: {name: acme}
spec:
  namespaces: [acme-prod, acme-dev]
  bounds: {maxReplicas: 50, allowZero: true}
"""


def tenant(name: str, namespaces: str, spec: str = "{}") -> str:
    """Write a Tenant; `spec` is a flow mapping that is merged into its spec."""
    inner = spec[1:-1]
    return f"""\
apiVersion: autoscaler.faas.dev/v1alpha1
kind: Tenant
metadata: {{name: {name}}}
spec: {{namespaces: [{namespaces}]{", " + inner if inner else ""}}}
"""


def policy(name: str, namespace: str, spec: str) -> str:
    """Write a ScalingPolicy; `spec` is a flow mapping, in line 5."""
    return f"""\
---
apiVersion: autoscaler.faas.dev/v1alpha1
kind: ScalingPolicy
metadata: {{name: {name}, namespace: {namespace}}}
spec: {spec}
"""


def loaded(*texts: str, previous: PolicySet | None = None) -> PolicySet:
    """Load documents that are expected to be good."""
    policies = load({"policies.yaml": "---\n".join(texts)}, previous)
    assert policies.problems == ()
    return policies


def deployed(
    name: str,
    namespace: str = "acme-prod",
    labels: Mapping[str, str] | None = None,
    annotations: Mapping[str, str] | None = None,
    uid: str = "",
) -> Deployed:
    """Give a function's Deployment."""
    return Deployed(
        key=FunctionKey(namespace, name),
        uid=uid or f"uid-{namespace}-{name}",
        labels={"faas_function": name} | dict(labels or {}),
        annotations=dict(annotations or {}),
    )
