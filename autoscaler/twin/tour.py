"""The demo's tour of everything: three tenants, their traffic, their policies, and what is done to them when."""

from autoscaler.core.fleet import FunctionKey
from autoscaler.simulator.platform import FunctionSpec, Platform
from autoscaler.twin.alertmanager import AlertRule
from autoscaler.twin.story import FULL_S, SHORTEST_S, WARMUP_S, Act, Cue, Story, steps
from autoscaler.twin.world import Scenario

OUTAGE_S = 10.0
"""How long Prometheus says nothing."""

CAP = 10
"""Replicas that tenant umbrella may have; its load asks for 18."""

CHECKOUT = FunctionKey("acme-prod", "checkout")
THUMBNAIL = FunctionKey("acme-prod", "thumbnail")
INVOICE = FunctionKey("acme-prod", "invoice")
ENCODE = FunctionKey("umbrella-media", "encode")
RENDER = FunctionKey("umbrella-media", "render")
REPORT = FunctionKey("umbrella-media", "report")
LEGACY = FunctionKey("globex-fn", "legacy")
STRANGER = FunctionKey("elsewhere", "ticker")
DATABASE = FunctionKey("acme-prod", "postgres")
STRANGERS = frozenset({STRANGER, DATABASE})
"""What no tenant owns, and what is no function."""

_BURST_S = 7.0


def story(duration_s: float, begins_s: float, tenant_token: str, tenant_token_sha256: str) -> Story:
    """Write the story for a duration; what happens is spread over it in proportion, its windows are not.

    Args:
        tenant_token: credential of acme's receiver in the Alertmanager's configuration.
        tenant_token_sha256: its hash, for acme's document.

    Raises:
        ValueError: it is too short to show everything.
    """
    if duration_s < SHORTEST_S:
        raise ValueError(f"a duration of {duration_s:g} s is too short: {SHORTEST_S:g} s or more are needed")

    def at(second: float) -> float:
        return second * duration_s / FULL_S

    silent_s = at(26)
    cues = (
        Cue(at(4), Act.TELL, "acme/checkout: 20 → 80 requests/s; acme/thumbnail: its last request"),
        Cue(at(5), Act.TELL, "acme/invoice: a burst that its rate target does not see; its alert will"),
        Cue(at(7), Act.TELL, f"umbrella: load for 18 replicas, its cap is {CAP}"),
        Cue(at(21), Act.CALL, "one HTTP call of acme/thumbnail, through the gateway", THUMBNAIL),
        Cue(silent_s, Act.SILENCE, "Prometheus stops answering"),
        Cue(at(28), Act.TELL, "acme/checkout: 80 → 20 requests/s, which nobody can see now"),
        Cue(silent_s + OUTAGE_S, Act.SPEAK, "Prometheus is back"),
        Cue(at(46), Act.TELL, "umbrella: its load falls to what 6 replicas can carry"),
    )
    traffic = {
        CHECKOUT: [(0.0, 20.0), (at(4), 80.0), (at(28), 20.0)],
        THUMBNAIL: [(0.0, 5.0), (at(4), 0.0)],
        INVOICE: [(0.0, 2.0), (at(5), 8.0), (at(5) + _BURST_S, 2.0)],
        **{key: [(0.0, 8.0), (at(7), 58.0), (at(46), 18.0)] for key in (ENCODE, RENDER, REPORT)},
        STRANGER: [(0.0, 5.0), (at(10), 100.0)],
    }
    rule = AlertRule(
        "HighLatency",
        INVOICE,
        Platform.queued,
        above=4,
        for_s=1.0,
        repeat_s=2.0,
        sends_resolved=False,
        token=tenant_token,
    )
    scenario = Scenario(
        functions=_FUNCTIONS,
        workloads={key: steps(rates, begins_s) for key, rates in traffic.items()},
        bystanders={DATABASE: 1},
        rules=(rule,),
        warmup_s=WARMUP_S,
    )
    documents = {
        "tenants.yaml": _TENANTS.format(hash=tenant_token_sha256, cap=CAP),
        "acme.yaml": _ACME,
        "umbrella.yaml": _UMBRELLA,
        "globex.yaml": _GLOBEX,
    }
    return Story(begins_s, duration_s, scenario, documents, cues, strangers=STRANGERS)


_FUNCTIONS = (
    FunctionSpec(CHECKOUT, service_s=0.05, concurrency_limit=10, replicas=2),
    FunctionSpec(THUMBNAIL, service_s=0.1, concurrency_limit=5, replicas=1),
    FunctionSpec(INVOICE, service_s=0.5, concurrency_limit=2, replicas=1, service="constant"),
    FunctionSpec(ENCODE, service_s=0.1, concurrency_limit=10, replicas=1),
    FunctionSpec(RENDER, service_s=0.1, concurrency_limit=10, replicas=1),
    FunctionSpec(REPORT, service_s=0.1, concurrency_limit=10, replicas=1),
    FunctionSpec(LEGACY, service_s=0.1, replicas=1),
    FunctionSpec(STRANGER, service_s=0.1, concurrency_limit=10, replicas=1),
)

_TENANTS = """\
apiVersion: autoscaler.faas.dev/v1alpha1
kind: Tenant
metadata: {{name: acme}}
spec:
  namespaces: [acme-prod]
  source: main
  callers: [{{tokenSHA256: {hash}}}]
  budget: {{replicas: {{cap: 30}}}}
  bounds: {{allowZero: true}}
---
apiVersion: autoscaler.faas.dev/v1alpha1
kind: Tenant
metadata: {{name: umbrella}}
spec:
  namespaces: [umbrella-media]
  source: main
  budget: {{replicas: {{cap: {cap}}}}}
---
apiVersion: autoscaler.faas.dev/v1alpha1
kind: Tenant
metadata: {{name: globex}}
spec:
  namespaces: [globex-fn]
  source: main
  bounds: {{allowZero: true}}
"""

_ACME = """\
apiVersion: autoscaler.faas.dev/v1alpha1
kind: ScalingPolicy
metadata: {name: default, namespace: acme-prod}
spec:
  metrics: [{type: rps, target: 10, utilization: 1.0}]
  windows: {stable: 4s}
  scaleDown: {stabilization: 3s}
  zero: {after: 5s}
---
apiVersion: autoscaler.faas.dev/v1alpha1
kind: ScalingPolicy
metadata: {name: invoice, namespace: acme-prod}
spec:
  functions: {names: [invoice]}
  metrics: [{type: rps, target: 20, utilization: 1.0}]
  windows: {stable: 4s}
  scaleDown: {stabilization: 3s}
  alerts: [{match: {alertname: HighLatency}, boost: {add: 2}, expires: 5s}]
"""

_UMBRELLA = """\
apiVersion: autoscaler.faas.dev/v1alpha1
kind: ScalingPolicy
metadata: {name: default, namespace: umbrella-media}
spec:
  metrics: [{type: rps, target: 10, utilization: 1.0}]
  windows: {stable: 4s}
  scaleDown: {stabilization: 3s}
"""

_GLOBEX = """\
apiVersion: autoscaler.faas.dev/v1alpha1
kind: ScalingPolicy
metadata: {name: default, namespace: globex-fn}
spec:
  metrics: [{type: concurrency, target: 5}]
  windows: {stable: 4s}
  scaleDown: {stabilization: 3s}
  zero: {after: 5s}
"""
