"""KEDA's ScaledObject → a policy: triggers of Prometheus, cron and cpu; every other one is named.

Source: kedacore/keda apis/keda/v1alpha1/scaledobject_types.go and pkg/scalers of 2.17 to 2.21.
"""

import math

from autoscaler.policy.conversion import cpu
from autoscaler.policy.conversion.behavior import guards
from autoscaler.policy.conversion.converted import NO_METRIC, Document, Wanted, name_of, namespace_of, policy
from autoscaler.policy.conversion.hpa import target
from autoscaler.policy.conversion.triggers import Triggers
from autoscaler.policy.conversion.written import Written
from autoscaler.policy.quantities import format_duration

COOLDOWN_S = 300
POLLING_S = 30
MOST = 100
"""KEDA's own `cooldownPeriod`, `pollingInterval` and `maxReplicaCount`."""

TICK_S = 2
"""The setting `tick` as it ships, in which fallbacks count."""

_PREFIX = "autoscaling.keda.sh/"
_PAUSE = 'annotate the Deployment with `autoscaler.faas.dev/paused: "true"`, or `/force: "N"` for a fixed count'
_LEFT = {
    "pollingInterval": "every function is looked at in every tick, of which one setting (`tick`, 2s) says how long it is",
    "initialCooldownPeriod": "a new function stays up until its load is known over a whole window (`replicas.initial`)",
}
_LEFT_ADVANCED = {
    "restoreToOriginalReplicaCount": "replicas stay as they are when a policy goes",
    "scalingModifiers": "several metrics are not put into one formula, the largest proposal wins; put the formula "
    "into one PromQL query",
}
_IF_HIGHER = {
    "static": "it never lowers, and never wakes a function: an outage of the metrics is no reason for either",
    "currentReplicasIfHigher": "it never wakes a function that is at zero",
}
_HOLDS = {
    "currentReplicas": None,
    "currentReplicasIfLower": "unknown load is never the reason for fewer replicas: what runs stays",
}


def convert(found: Written, wanted: Wanted, requests: cpu.Requests) -> Document | None:
    """Give the policy of a ScaledObject; None: it has none, and why is in its account."""
    namespace, spec = namespace_of(found, wanted), found.at("spec")
    name_of(found)
    function = target(spec.at("scaleTargetRef"))
    if function is None:
        return None
    _pauses(found.at("metadata", "annotations"))
    spec.at("scaleTargetRef", "envSourceContainerName")
    least, most = spec.at("minReplicaCount").whole() or 0, spec.at("maxReplicaCount").whole(1)
    most = MOST if most is None else most
    triggers = Triggers(namespace, function, most, requests)
    for one in spec.at("triggers").items():
        triggers.take(one)
    metrics = triggers.metrics
    if not metrics:
        spec.at("triggers").lack(NO_METRIC)
    advanced = spec.at("advanced")
    behavior = advanced.at("horizontalPodAutoscalerConfig", "behavior")
    advanced.at("horizontalPodAutoscalerConfig", "name")
    zero, guarded = _zero(spec, least, triggers), guards(behavior)
    polling_s = spec.at("pollingInterval").whole(1) or POLLING_S
    fallback = _fallback(spec.at("fallback"), most, polling_s)
    _drop(spec, _LEFT)
    _drop(advanced, _LEFT_ADVANCED)
    spec.drop_rest("this field is not known here")
    return policy(
        namespace,
        function,
        {
            **({"metrics": metrics} if metrics else {}),
            "replicas": {"min": least, "max": most},
            **guarded,
            "zero": zero,
            **({} if fallback is None else {"fallback": fallback}),
            **({"schedules": triggers.schedules} if triggers.schedules else {}),
        },
        wanted,
    )


def _pauses(annotations: Written) -> None:
    for one in annotations.fields():
        if str(one.parts[-1]).startswith(_PREFIX):
            one.drop(_PAUSE)


def _drop(found: Written, why: dict[str, str]) -> None:
    for field, words in why.items():
        found.at(field).drop(words)


def _zero(spec: Written, least: int, triggers: Triggers) -> Document | None:
    """Give when it goes to zero: with `minReplicaCount: 0`, or with `idleReplicaCount: 0` below any minimum."""
    idle, cooldown = spec.at("idleReplicaCount"), spec.at("cooldownPeriod")
    count, after_s = idle.whole(), cooldown.whole()
    if count:
        idle.drop("KEDA itself supports 0 alone")
    if least > 0 and count != 0:
        return None
    if triggers.are_cpu_alone:
        spec.at("minReplicaCount").note("KEDA does not go to zero by cpu or memory alone, so neither does this policy")
        return None
    if triggers.has_rate:
        cooldown_words = cooldown if cooldown.is_there else spec.at("triggers")
        cooldown_words.note(
            "a rate does not see a request that runs on, nor the first one of a new series; a metric of type `rps` or "
            "`concurrency` beside it proves zero by the gateway's own count of what is in flight"
        )
    return {"after": format_duration(COOLDOWN_S if after_s is None else max(1, after_s))}


def _fallback(found: Written, most: int, polling_s: int) -> Document | None:
    """Give what holds while the load is unknown; None: our own default, which holds what runs."""
    if not found.is_there:
        return None
    after, replicas = found.at("failureThreshold").whole(), found.at("replicas").whole()
    behavior = found.at("behavior")
    said = behavior.text() or "static"
    if said in _HOLDS:
        words = _HOLDS[said]
        if words is not None:
            behavior.note(words)
        return {"behavior": "hold"}
    if said not in _IF_HIGHER:
        behavior.refuse(", ".join((*_IF_HIGHER, *_HOLDS)))
        return None
    if not replicas:
        found.drop("a fallback to nothing would let an outage of the metrics end the function: what runs stays")
        return None
    ticks = math.ceil(max(1, after or 0) * polling_s / TICK_S)
    found.note(f"{_IF_HIGHER[said]}; it counts ticks, not polls: {ticks} of {TICK_S}s")
    return {"after": min(ticks, 100_000), "behavior": "current-if-higher", "replicas": min(replicas, most)}
