"""Who pays for the functions of a trace, and where they live."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Literal

from autoscaler.simulator.trace_sets.names import kubernetes_names
from autoscaler.simulator.trace_sets.trace_set import Identity, TraceFunction, TraceSet

Tenancy = Literal["byOwner", "byApp", "one"]
"""What makes a tenant: an owner (an application, where owners are not known), an application, or all together."""

ONE = "trace"
"""The only tenant of tenancy `one`, and its namespace."""


def placed(functions: Sequence[TraceFunction], tenancy: Tenancy) -> tuple[TraceFunction, ...]:
    """Give functions with tenants, namespaces and names made of who they are."""
    groups = [_group(one.identity, tenancy) for one in functions]
    tenants = kubernetes_names(groups)
    members: dict[str, list[Identity]] = {}
    for group, one in zip(groups, functions, strict=True):
        members.setdefault(group, []).append(one.identity)
    names = {(group, who): name for group, inside in members.items() for who, name in _names(inside).items()}
    return tuple(
        replace(one, tenant=tenants[group], namespace=tenants[group], name=names[group, one.identity])
        for group, one in zip(groups, functions, strict=True)
    )


def regrouped(trace_set: TraceSet, tenancy: Tenancy) -> TraceSet:
    """Give a set with other tenants."""
    return replace(trace_set, functions=placed(trace_set.functions, tenancy))


def unplaced(identity: Identity) -> TraceFunction:
    """Give a function of which only who it is is known yet; `placed` finds its place."""
    return TraceFunction("", "", "", identity)


def _group(identity: Identity, tenancy: Tenancy) -> str:
    if tenancy == "one":
        return ONE
    wanted = identity.owner if tenancy == "byOwner" else identity.app
    return wanted or identity.app or identity.owner or ONE


def _names(members: Sequence[Identity]) -> dict[Identity, str]:
    """Name the functions of a tenant; the application is in the name only where functions of two are called alike."""
    functions = kubernetes_names([one.function for one in members])
    if len({functions[one.function] for one in members}) == len(members):
        return {one: functions[one.function] for one in members}
    apps = kubernetes_names([one.app or "" for one in members])
    texts = {one: f"{apps[one.app or '']}-{functions[one.function]}" for one in members}
    names = kubernetes_names(list(texts.values()))
    return {one: names[text] for one, text in texts.items()}
