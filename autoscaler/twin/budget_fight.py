"""The demo of budgets: four tenants share a pool; who sleeps lends, who floods borrows, who wakes gets its own back."""

from autoscaler.core.fleet import FunctionKey
from autoscaler.simulator.platform import FunctionSpec
from autoscaler.twin.story import FULL_S, SHORTEST_S, WARMUP_S, Act, Cue, Story, steps
from autoscaler.twin.world import Scenario

POOL = 20
"""Replicas that there are in all; 16 of them are guaranteed."""

LENDER = "acme"
FLOODING = "umbrella"
HEAVY = "wayne"
PRIVATE = "globex"

CHECKOUT = FunctionKey("acme-prod", "checkout")
ENCODE = FunctionKey("umbrella-media", "encode")
REPORT = FunctionKey("umbrella-media", "report")
SCAN = FunctionKey("wayne-lab", "scan")
BADGE = FunctionKey("globex-fn", "badge")

_HOLD_S = 3


def story(duration_s: float, begins_s: float, tenant_token: str, tenant_token_sha256: str) -> Story:
    """Write the story for a duration; what happens is spread over it in proportion, its windows are not.

    Args:
        tenant_token: of no use here; nobody sends alerts.
        tenant_token_sha256: its hash, for acme's document.

    Raises:
        ValueError: it is too short to show everything.
    """
    del tenant_token
    if duration_s < SHORTEST_S:
        raise ValueError(f"a duration of {duration_s:g} s is too short: {SHORTEST_S:g} s or more are needed")

    def at(second: float) -> float:
        return second * duration_s / FULL_S

    cues = (
        Cue(at(3), Act.TELL, f"a pool of {POOL}: acme has 8 guaranteed and sleeps; umbrella's flood wants 20"),
        Cue(at(16), Act.TELL, "wayne wants 12: what nobody has guaranteed is shared, 2 for wayne to 1 for umbrella"),
        Cue(at(30), Act.TELL, "acme wakes and wants all of its 8 back"),
        Cue(at(46), Act.TELL, "acme sleeps again: what it does not need is lent again"),
    )
    traffic = {
        CHECKOUT: [(0.0, 8.0), (at(30), 78.0), (at(46), 8.0)],
        ENCODE: [(0.0, 4.0), (at(3), 118.0)],
        REPORT: [(0.0, 4.0), (at(3), 78.0)],
        SCAN: [(0.0, 8.0), (at(16), 118.0)],
        BADGE: [(0.0, 5.0)],
    }
    scenario = Scenario(
        functions=tuple(FunctionSpec(key, service_s=0.05, concurrency_limit=10, replicas=1) for key in traffic),
        workloads={key: steps(rates, begins_s) for key, rates in traffic.items()},
        warmup_s=WARMUP_S,
    )
    documents = {"tenants.yaml": _TENANTS.format(hash=tenant_token_sha256), "policies.yaml": _policies()}
    pools = {"default": {"replicas": POOL, "hold": f"{_HOLD_S}s"}}
    return Story(begins_s, duration_s, scenario, documents, cues, pools)


def _policies() -> str:
    namespaces = sorted({key.namespace for key in (CHECKOUT, ENCODE, SCAN, BADGE)})
    return "---\n".join(_POLICY.format(namespace=namespace) for namespace in namespaces)


_TENANTS = """\
apiVersion: autoscaler.faas.dev/v1alpha1
kind: Tenant
metadata: {{name: acme}}
spec:
  namespaces: [acme-prod]
  callers: [{{tokenSHA256: {hash}}}]
  budget: {{replicas: {{guarantee: 8}}}}
---
apiVersion: autoscaler.faas.dev/v1alpha1
kind: Tenant
metadata: {{name: umbrella}}
spec:
  namespaces: [umbrella-media]
  budget: {{replicas: {{guarantee: 4}}}}
---
apiVersion: autoscaler.faas.dev/v1alpha1
kind: Tenant
metadata: {{name: wayne}}
spec:
  namespaces: [wayne-lab]
  budget: {{replicas: {{guarantee: 2, weight: 2}}}}
---
apiVersion: autoscaler.faas.dev/v1alpha1
kind: Tenant
metadata: {{name: globex}}
spec:
  namespaces: [globex-fn]
  budget: {{replicas: {{guarantee: 2, lend: 0}}}}
"""

_POLICY = """\
apiVersion: autoscaler.faas.dev/v1alpha1
kind: ScalingPolicy
metadata: {{name: default, namespace: {namespace}}}
spec:
  metrics: [{{type: rps, target: 10, utilization: 1.0}}]
  windows: {{stable: 4s}}
  scaleDown: {{stabilization: 3s}}
"""
