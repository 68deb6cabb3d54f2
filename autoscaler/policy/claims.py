"""Which namespace is whose, and what pools are promised: what Tenants say together."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from autoscaler.policy.documents import Tenant
from autoscaler.policy.loaded import Loaded
from autoscaler.policy.problems import Problem
from autoscaler.policy.settings import PoolSettings

SETTINGS = "settings"
"""What stands for the file in problems of settings: they come from a file, the environment and flags together."""


@dataclass(frozen=True, slots=True)
class Claims:
    """What tenants' claims come to.

    Attributes:
        namespaces: tenant of each namespace; one that two claim is nobody's.
        owned: namespaces of each tenant, in order.
        problems: claims that another one stands against, on both sides.
    """

    namespaces: Mapping[str, str]
    owned: Mapping[str, tuple[str, ...]]
    problems: tuple[Problem, ...]


def claims_of(tenants: Mapping[str, Loaded[Tenant]], labels: Mapping[str, Mapping[str, str]]) -> Claims:
    """Give each namespace its tenant; one that two tenants claim is left to nobody, and both are told.

    Args:
        tenants: by name.
        labels: labels of each namespace there is.
    """
    selected = _Selected(labels)
    claims: dict[str, dict[str, str]] = {}
    for name, tenant in tenants.items():
        for namespace, path in _claimed(tenant, selected):
            claims.setdefault(namespace, {}).setdefault(name, path)
    owned: dict[str, list[str]] = {name: [] for name in tenants}
    namespaces: dict[str, str] = {}
    problems: list[Problem] = []
    for namespace, claimants in claims.items():
        if len(claimants) == 1:
            (name,) = claimants
            namespaces[namespace] = name
            owned[name].append(namespace)
        else:
            problems += _conflict(namespace, claimants, tenants)
    return Claims(namespaces, {name: tuple(sorted(found)) for name, found in owned.items()}, tuple(problems))


def _claimed(tenant: Loaded[Tenant], selected: "_Selected") -> Iterator[tuple[str, str]]:
    """Give each namespace that a Tenant claims, with the field that does."""
    spec = tenant.document.spec
    if spec.namespace_selector is None:
        for position, namespace in enumerate(spec.namespaces):
            yield namespace, f"spec.namespaces[{position}]"
    else:
        for namespace in selected.by(spec.namespace_selector.match_labels):
            yield namespace, "spec.namespaceSelector"


def _conflict(namespace: str, claimants: Mapping[str, str], tenants: Mapping[str, Loaded[Tenant]]) -> Iterator[Problem]:
    for name, path in claimants.items():
        others = " and ".join(tenants[other].at(at) for other, at in claimants.items() if other != name)
        wrong = f"namespace {namespace} is claimed in {others} too, so it is nobody's"
        tenant = tenants[name]
        yield Problem(tenant.file, tenant.line(path), path, wrong, "a namespace in one tenant", "NamespaceConflict")


class _Selected:
    """Namespaces by label, found without going through all of them for every tenant."""

    def __init__(self, labels: Mapping[str, Mapping[str, str]]) -> None:
        self._labels = labels
        self._having: dict[tuple[str, str], set[str]] | None = None

    def by(self, labels: Mapping[str, str]) -> list[str]:
        """Give the namespaces that carry all of these labels, in order; none where no label is asked for."""
        if self._having is None:
            self._having = {}
            for namespace, carried in self._labels.items():
                for pair in carried.items():
                    self._having.setdefault(pair, set()).add(namespace)
        having = [self._having.get(pair, set()) for pair in labels.items()]
        return sorted(set.intersection(*having)) if having else []


def promises(tenants: Mapping[str, Loaded[Tenant]], pools: Mapping[str, PoolSettings]) -> Iterator[Problem]:
    """Name pools that are promised more often than they are there; documents stay in force, scaled to the pool."""
    sums = dict.fromkeys(pools, 0)
    for tenant in tenants.values():
        spec = tenant.document.spec
        guarantee, pool = spec.budget.replicas.guarantee, pools.get(spec.pool)
        if not guarantee or pool is None or pool.replicas is None:
            continue
        sums[spec.pool] += guarantee
        if guarantee > pool.replicas:
            path = "spec.budget.replicas.guarantee"
            wrong = f"is {guarantee}, more than pool {spec.pool} has; it stays in force, scaled to the pool"
            allowed = f"at most {pool.replicas}"
            yield Problem(tenant.file, tenant.line(path), path, wrong, allowed, "EmergencyMode")
    for name, total in sums.items():
        most = pools[name].replicas
        if most is not None and total > most:
            wrong = f"is {most}, and tenants are guaranteed {total}; guarantees are scaled to the pool"
            path = f"pools.{name}.replicas"
            yield Problem(SETTINGS, None, path, wrong, f"{total} at least, or smaller guarantees", "EmergencyMode")
