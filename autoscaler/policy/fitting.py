"""A tenant and its policies together: what does not fit is refused, and its last good version stays."""

from collections.abc import Collection, Mapping
from dataclasses import replace
from typing import cast

from autoscaler.policy.contradictions import (
    Contradiction,
    contradictions,
    of_chains,
    of_concurrency_budget,
    of_queries,
    queries_of,
)
from autoscaler.policy.documents import ScalingPolicy, Tenant
from autoscaler.policy.labels import Fields
from autoscaler.policy.loaded import AnyLoaded, Fitted, Loaded, PolicySet
from autoscaler.policy.precedence import policy_layers, tenant_layers
from autoscaler.policy.problems import Problem
from autoscaler.policy.reading import listed
from autoscaler.policy.resources import Resource

Policies = Mapping[str, Mapping[str, Loaded[ScalingPolicy]]]
"""By namespace and name."""


def fitted(tenant: Loaded[Tenant], offered: Policies, previous: PolicySet) -> Fitted:
    """Check a tenant's policies against it; where nothing has changed, what was found before is given again.

    Args:
        offered: its valid policies.
        previous: what was in force.
    """
    known = previous.memory.tenants.get(tenant.document.metadata.name)
    if known is not None and known.tenant is tenant and _is_same(known.offered, offered):
        return known
    queries = queries_of(tenant.document.spec.defaults.metrics)
    problems: list[Problem] = []
    policies: dict[str, dict[str, Loaded[ScalingPolicy]]] = {}
    for namespace in sorted(offered):
        for name in sorted(offered[namespace]):
            policy, found = _fitting(tenant, offered[namespace][name], queries, previous)
            problems += found
            if policy is not None:
                queries |= queries_of(policy.document.spec.metrics)
                policies.setdefault(namespace, {})[name] = policy
    in_force = _unchanged(policies, known.policies if known is not None else {})
    return Fitted(tenant, offered, in_force, tuple(problems))


def layers_of(tenant: Loaded[Tenant], policy: Loaded[ScalingPolicy]) -> Fields:
    """Give what holds for a function under this policy before its own labels and the tenant's bounds."""
    return policy_layers(tenant_layers(tenant.document.spec.defaults, tenant.at), policy.document.spec, policy.at)


def kept(old: AnyLoaded, resource: Resource | None) -> AnyLoaded:
    """Give the last good version of what is invalid now.

    Args:
        resource: what it is now, where it is a custom resource: credentials that were made meanwhile hold.
    """
    if old.resource is not None and resource is not None and old.resource.callers != resource.callers:
        return replace(old, is_kept=True, resource=replace(old.resource, callers=resource.callers))
    return old if old.is_kept else replace(old, is_kept=True)


def is_version_of(old: AnyLoaded | None, file: str, resource: Resource | None) -> bool:
    """Tell whether a document in force is an earlier version of what stands there now."""
    if old is None or old.file != file or (old.resource is None) != (resource is None):
        return False
    return old.resource is None or resource is None or old.resource.uid == resource.uid


def _fitting(
    tenant: Loaded[Tenant], policy: Loaded[ScalingPolicy], queries: Collection[str], previous: PolicySet
) -> tuple[Loaded[ScalingPolicy] | None, list[Problem]]:
    """Give the policy if it fits its tenant, else its last good version if that does, else None."""
    found = _unfit(tenant, policy, queries)
    if not found:
        return policy, []
    old = cast(Loaded[ScalingPolicy] | None, previous.last_good(policy.identity))
    if old is not None and (not is_version_of(old, policy.file, policy.resource) or _unfit(tenant, old, queries)):
        old = None
    words = " (the last good version stays in force)" if old is not None else ""
    problems = [
        Problem(policy.file, policy.line(path), path, f"{one.wrong}{words}", one.allowed)
        for one in found
        for path in (f"spec.{one.path}",)
    ]
    return (None if old is None or old.is_kept else replace(old, is_kept=True)) or old, problems


def _unfit(
    tenant: Loaded[Tenant], policy: Loaded[ScalingPolicy], queries: Collection[str]
) -> tuple[Contradiction, ...]:
    """Give everything in a policy that does not fit its tenant.

    Args:
        queries: what the tenant's other documents have asked already.
    """
    spec, fields = tenant.document.spec, layers_of(tenant, policy)
    return (
        *contradictions(fields),
        *of_concurrency_budget(fields, spec.budget.concurrency.cap),
        *of_queries(policy.document.spec.metrics, listed(tenant), queries, spec.bounds.max_queries),
        *of_chains(policy.document.spec.wake, listed(tenant)),
    )


def _is_same(old: Policies, new: Policies) -> bool:
    return old.keys() == new.keys() and all(_are_same(old[namespace], named) for namespace, named in new.items())


def _are_same(old: Mapping[str, Loaded[ScalingPolicy]], new: Mapping[str, Loaded[ScalingPolicy]]) -> bool:
    """Tell whether documents are the very same ones: comparing what they say would take longer than reading them."""
    return len(old) == len(new) and all(old.get(name) is policy for name, policy in new.items())


def _unchanged(new: Policies, old: Policies) -> Policies:
    """Give policies with the former object for every namespace in which nothing has changed."""
    return {
        namespace: old[namespace] if namespace in old and _are_same(old[namespace], named) else named
        for namespace, named in new.items()
    }
