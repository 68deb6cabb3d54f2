"""A HorizontalPodAutoscaler → a policy. Its `behavior` is carried whole; metrics of adapters have no counterpart.

Source: kubernetes v1.36.3 pkg/apis/autoscaling/v2/types.go.
"""

from autoscaler.policy.conversion import cpu
from autoscaler.policy.conversion.behavior import guards, stabilization_s
from autoscaler.policy.conversion.converted import NO_METRIC, Document, Wanted, name_of, namespace_of, policy
from autoscaler.policy.conversion.written import Written
from autoscaler.policy.quantities import format_duration

_OWN_QUERY = "what it is called in Prometheus is known to the metrics adapter alone: write `{query: …, target: …}`"


def convert(found: Written, wanted: Wanted, requests: cpu.Requests) -> Document | None:
    """Give the policy of an HPA; None: it has none, and why is in its account."""
    namespace, spec = namespace_of(found, wanted), found.at("spec")
    name_of(found)
    owner = made_by_keda(found)
    if owner is not None:
        found.lack(f"KEDA keeps it for {owner}, which is what to convert")
        return None
    function = target(spec.at("scaleTargetRef"))
    if function is None:
        return None
    key = namespace, function
    least, behavior = spec.at("minReplicas").whole(), spec.at("behavior")
    most = spec.at("maxReplicas").whole(1)
    if most is None and not spec.at("maxReplicas").is_there:
        spec.lack("maxReplicas is missing; an HPA has to have it, and the Tenant's default holds")
    metrics = _metrics(spec, key, requests)
    if not metrics:
        spec.at("metrics").lack(NO_METRIC)
    guarded, zero_after_s = guards(behavior), stabilization_s(behavior) or 1
    spec.drop_rest("this field is not known here")
    return policy(
        namespace,
        function,
        {
            **({"metrics": metrics} if metrics else {}),
            "replicas": {"min": 1 if least is None else least, **({} if most is None else {"max": most})},
            **guarded,
            "zero": {"after": format_duration(zero_after_s)} if least == 0 else None,
        },
        wanted,
    )


def target(reference: Written) -> str | None:
    """Give the Deployment that is scaled; None: it is none, which is said."""
    kind, name = reference.at("kind").text() or "Deployment", reference.at("name")
    reference.at("apiVersion")
    if kind != "Deployment":
        reference.drop(f"only Deployments are scaled here, and this is a {kind}")
        return None
    if not name.is_there:
        reference.missing("name", "the name of a Deployment")
    return name.text()


def made_by_keda(found: Written) -> str | None:
    """Name the ScaledObject that KEDA keeps an HPA for; None: somebody else made it."""
    for owner in found.at("metadata", "ownerReferences").items():
        if owner.at("kind").text() == "ScaledObject":
            return f"ScaledObject {owner.at('name').text()}"
    return None


def _metrics(spec: Written, key: tuple[str, str], requests: cpu.Requests) -> list[Document]:
    old = spec.at("targetCPUUtilizationPercentage")  # autoscaling/v1
    found = [cpu.of_share(old, key, requests)] if old.is_there else []
    found += [_metric(one, key, requests) for one in spec.at("metrics").items()]
    kinds: dict[str, Document] = {}
    for metric in found:
        if metric is not None:
            kinds.setdefault(metric["type"], metric)
    return list(kinds.values())


def _metric(one: Written, key: tuple[str, str], requests: cpu.Requests) -> Document | None:
    kind = one.at("type").text()
    if kind == "Resource":
        return _resource(one.at("resource"), key, requests)
    if kind == "ContainerResource":
        one.drop("cpu is measured of whole pods, not of one container; write `{type: cpu, target: CORES}`")
    elif kind in ("Pods", "Object", "External"):
        one.drop(_OWN_QUERY)
    elif one.at("type").is_there:
        one.at("type").refuse("Resource, ContainerResource, Pods, Object or External")
    else:
        one.drop("it has no type")
    return None


def _resource(resource: Written, key: tuple[str, str], requests: cpu.Requests) -> Document | None:
    name, aim = resource.at("name").text(), resource.at("target")
    if name != "cpu":
        resource.drop(cpu.NOT_MEASURED if name == "memory" else "cpu alone is measured here")
        return None
    aim.at("type")
    if aim.at("averageValue").is_there:
        return cpu.of_cores(aim.at("averageValue"))
    share = aim.at("averageUtilization")
    if not share.is_there:
        resource.drop("it has no target: averageUtilization or averageValue")
        return None
    return cpu.of_share(share, key, requests)
