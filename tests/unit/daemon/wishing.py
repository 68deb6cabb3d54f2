"""Wishes as tests write them down."""

from collections.abc import Sequence

from autoscaler.core.fleet import FunctionKey
from autoscaler.daemon.wishes import Share, Urgency, Wish, Wishes
from autoscaler.ports import ScaleChange


def wish(name: str, old: int, new: int, uid: str = "", tenant: str = "") -> Wish:
    """Wish for a function `namespace/name`; its tenant is called like its namespace, unless said."""
    namespace, _, function = name.partition("/")
    return Wish(ScaleChange(FunctionKey(namespace, function), uid or f"uid-{name}", old, new), tenant or namespace)


def wished(wishes: Sequence[Wish]) -> Wishes:
    """Give wishes as a step gives them: by urgency, then by tenant, then as they come here."""
    ordered = sorted(wishes, key=lambda one: (one.urgency, one.tenant))
    keys = [one.change.key for one in ordered]
    groups: dict[tuple[Urgency, str], list[FunctionKey]] = {}
    for one in ordered:
        groups.setdefault((one.urgency, one.tenant), []).append(one.change.key)
    return Wishes(
        keys=keys,
        uids=[one.change.uid for one in ordered],
        tenants=[one.tenant for one in ordered],
        olds=[one.change.old for one in ordered],
        news=[one.change.new for one in ordered],
        shares=[Share(urgency, tenant, members) for (urgency, tenant), members in groups.items()],
        places={key: place for place, key in enumerate(keys)},
    )
