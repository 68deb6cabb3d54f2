"""Recommendations as documents: those in force with other numbers, and few of them, since functions alike share one."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass

from autoscaler.core.fleet import FunctionKey
from autoscaler.policy.quantities import format_duration
from autoscaler.simulator.recommending.sizing import Sizing
from autoscaler.simulator.recommending.standing import Document, Standing
from autoscaler.simulator.recommending.writing import tenant_document

LOAD_METRICS = ("rps", "concurrency")
"""Metrics that a recommendation replaces: both come from the gateway. What else a policy scales by stays."""


@dataclass(frozen=True, slots=True)
class Sized:
    """One function and what is recommended of it.

    Attributes:
        key: the function.
        policy: name of the policy in force, `namespace/name`; None: none is.
        limit: requests that one replica serves at once.
        sizing: None: nothing, so that it stays as it is.
    """

    key: FunctionKey
    policy: str | None
    limit: int
    sizing: Sizing | None


@dataclass(frozen=True, slots=True)
class TenantNumbers:
    """What is recommended of a tenant.

    Attributes:
        namespaces: its namespaces, where no document of it is in force.
        guarantee: replicas that are always its own; None: as in force.
        cap: most replicas of all its functions; None: no limit, which the search needs.
        may_zero: whether some function is to go to zero.
    """

    namespaces: Sequence[str]
    guarantee: int | None
    cap: int | None
    may_zero: bool


def tenant_documents(numbers: Mapping[str, TenantNumbers], standing: Standing) -> Mapping[str, Document]:
    """Give the tenants' documents by name: those in force with another budget, and zero allowed where it is needed."""
    return {name: _tenant(name, one, standing) for name, one in sorted(numbers.items())}


def _tenant(name: str, numbers: TenantNumbers, standing: Standing) -> Document:
    document: Document = (
        deepcopy(standing.tenants[name])
        if name in standing.tenants
        else tenant_document(name, sorted(numbers.namespaces))
    )
    spec = document["spec"]
    budget = spec.setdefault("budget", {}).setdefault("replicas", {})
    if numbers.guarantee is not None:
        budget["guarantee"] = numbers.guarantee
    if numbers.cap is None:
        del spec["budget"]
    else:
        budget["cap"] = numbers.cap
    if numbers.may_zero:
        spec.setdefault("bounds", {})["allowZero"] = True
    return document


def policy_documents(
    sized: Sequence[Sized], standing: Standing
) -> Mapping[str, tuple[Document, tuple[FunctionKey, ...]]]:
    """Give the policies by `namespace/name`, each with the functions that it was made for.

    What is recommended of a function stands in a policy that names it, since a name wins over patterns and labels: so a
    function that nobody looked at keeps what it has. A policy in force loses the names that get another one, and is
    left out where it has none any more.
    """
    groups: dict[tuple[str, str | None, Sizing, int], list[FunctionKey]] = defaultdict(list)
    for one in sorted(sized, key=lambda one: one.key):
        if one.sizing is not None:
            groups[one.key.namespace, one.policy, one.sizing, one.limit].append(one.key)
    moved = {key for keys in groups.values() for key in keys}
    found: dict[str, tuple[Document, tuple[FunctionKey, ...]]] = {}
    for name, document in standing.policies.items():
        left = _without(document, moved)
        if left is not None:
            found[name] = (left, ())
    for (namespace, base, sizing, limit), keys in groups.items():
        document = standing.policy(base, namespace)
        metadata = document["metadata"]
        metadata["name"] = _free_name(namespace, keys[0].name if len(keys) == 1 else metadata["name"], found)
        document["spec"]["functions"] = {"names": [key.name for key in keys]}
        _resize(document["spec"], sizing, limit)
        found[f"{namespace}/{metadata['name']}"] = (document, tuple(keys))
    return found


def _without(document: Document, moved: Collection[FunctionKey]) -> Document | None:
    """Give a policy without names that get another one; None: it has none any more."""
    left = deepcopy(document)
    names = left["spec"].get("functions", {}).get("names")
    if names is None:
        return left
    namespace = left["metadata"]["namespace"]
    kept = [name for name in names if FunctionKey(namespace, name) not in moved]
    left["spec"]["functions"]["names"] = kept
    return left if kept else None


def _free_name(namespace: str, wanted: str, taken: Collection[str]) -> str:
    number, name = 1, wanted
    while f"{namespace}/{name}" in taken:
        number += 1
        name = f"{wanted}-{number}"
    return name


def _resize(spec: Document, sizing: Sizing, limit: int) -> None:
    """Put the numbers into a policy; what they are not about stays."""
    others = [metric for metric in spec.get("metrics") or () if metric.get("type") not in LOAD_METRICS]
    load = {"type": "concurrency", "target": limit, "utilization": sizing.utilization}
    spec["metrics"] = [load, *others]
    if sizing.min_replicas or "replicas" in spec:
        spec.setdefault("replicas", {})["min"] = sizing.min_replicas
    spec["zero"] = None if sizing.zero_after_s is None else {"after": format_duration(sizing.zero_after_s)}
    spec.setdefault("scaleDown", {})["stabilization"] = format_duration(sizing.stabilization_s)
