"""A state of the policy folder: who claims what, under which budgets, and what is wrong with it."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from tests.deterministic.budgets import TenantBudget

TARGET = 4.0
"""Requests/s, or requests in flight, that a replica shall carry."""
STABLE_S = 30.0
ZERO_AFTER_S = 45.0
BOOST_S = 40.0
MOST = 8
ALERT, HOLD, NEED = "Slow", "Hold", "Need"
"""Alerts by which the policies boost, freeze and wake."""


@dataclass(frozen=True, slots=True)
class NamespaceRules:
    """What the policy of a namespace says.

    Attributes:
        metric: `rps` or `concurrency`.
        stabilization_s: look-back of cuts, seconds.
        max_rate_down: largest divisor of a tick.
        tolerance: relative dead band.
        least: minimum of replicas.
        goes_to_zero: whether its functions go to zero after `ZERO_AFTER_S`.
        waiters: requests that each of its functions may hold at once.
        chain: names of functions that start with each other.
    """

    metric: str
    stabilization_s: float
    max_rate_down: float
    tolerance: float
    least: int
    goes_to_zero: bool
    waiters: int = 100
    chain: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class TenantDocument:
    """One Tenant.

    Attributes:
        claims: namespaces that it names.
        source: of its loads.
        budget: what it may use.
    """

    claims: tuple[str, ...]
    source: str
    budget: TenantBudget


@dataclass(frozen=True)
class Folder:
    """The policy folder at one time.

    Attributes:
        tenants: by name.
        rules: what the policy of each namespace says.
        most: maximum of replicas of every function.
        broken: a namespace whose policy is none; empty: all are good.
        at_s: since when a process has been given it.
    """

    tenants: Mapping[str, TenantDocument]
    rules: Mapping[str, NamespaceRules]
    most: int = MOST
    broken: str = ""
    at_s: float = 0.0
    _owner: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        claimed = [(namespace, name) for name, one in self.tenants.items() for namespace in one.claims]
        names = [namespace for namespace, _ in claimed]
        self._owner.update({namespace: name for namespace, name in claimed if names.count(namespace) == 1})

    def since(self, at_s: float) -> "Folder":
        """Give it as of a second."""
        return self.changed(at_s=at_s)

    def changed(self, **changes: object) -> "Folder":
        """Give it with changes."""
        return replace(self, _owner={}, **changes)  # type: ignore[arg-type]

    def owner(self, namespace: str) -> str | None:
        """Name the tenant whose a namespace is; None: nobody claims it, or two do."""
        return self._owner.get(namespace)

    def has_rules(self, namespace: str) -> bool:
        """Tell whether the policy of a namespace, and its alert rules with it, is in force."""
        return namespace in self.rules and namespace != self.broken and self.owner(namespace) is not None

    def owner_of(self, namespace: str) -> TenantDocument | None:
        """Give its document."""
        name = self.owner(namespace)
        return None if name is None else self.tenants[name]

    def without_tenant(self, name: str) -> "Folder":
        """Give it after a Tenant was deleted; the policies in its namespaces stay."""
        return self.changed(tenants={other: one for other, one in self.tenants.items() if other != name})

    def renamed(self, old: str, new: str) -> "Folder":
        """Give it after a Tenant got another name."""
        return self.changed(tenants={new if name == old else name: one for name, one in self.tenants.items()})

    def claiming(self, name: str, *claims: str) -> "Folder":
        """Give it with a Tenant, if it is there, that names these namespaces."""
        if name not in self.tenants:
            return self
        return self.changed(tenants={**self.tenants, name: replace(self.tenants[name], claims=claims)})

    def budgeted(self, budgets: Mapping[str, TenantBudget]) -> "Folder":
        """Give it with other budgets."""
        tenants = {name: replace(one, budget=budgets.get(name, one.budget)) for name, one in self.tenants.items()}
        return self.changed(tenants=tenants)

    def files(self) -> dict[str, str]:
        """Give its texts by name."""
        files = {f"{name}.yaml": _tenant(name, one) for name, one in self.tenants.items() if one.claims}
        for namespace, rules in self.rules.items():
            files[f"policy-{namespace}.yaml"] = _policy(namespace, rules, self.most, namespace == self.broken)
        return files


def _tenant(name: str, one: TenantDocument) -> str:
    return f"""\
apiVersion: autoscaler.faas.dev/v1alpha1
kind: Tenant
metadata: {{name: {name}}}
spec:
  namespaces: [{", ".join(one.claims)}]
  source: {one.source}
  bounds: {{allowZero: true}}
{one.budget.text}"""


def _policy(namespace: str, rules: NamespaceRules, most: int, is_broken: bool) -> str:
    down = f", maxRate: {rules.max_rate_down:g}" if rules.max_rate_down != 2.0 else ""
    down += f", tolerance: {rules.tolerance:g}" if rules.tolerance else ""
    zero = f"  zero: {{after: {ZERO_AFTER_S:g}s}}\n" if rules.goes_to_zero else ""
    chain = f", with: [{', '.join(rules.chain)}]" if rules.chain else ""
    return f"""\
apiVersion: autoscaler.faas.dev/v1alpha1
kind: ScalingPolicy
metadata: {{name: default, namespace: {namespace}}}
spec:
  metrics: [{{type: {rules.metric}, target: {TARGET:g}, utilization: {-1 if is_broken else 1}}}]
  windows: {{stable: {STABLE_S:g}s}}
  replicas: {{min: {rules.least}, max: {most}}}
  scaleDown: {{stabilization: {rules.stabilization_s:g}s{down}}}
  alerts:
  - {{match: {{alertname: {ALERT}}}, boost: {{factor: 1.5, add: 1}}, expires: {BOOST_S:g}s}}
  - {{match: {{alertname: {HOLD}}}, freeze: true, expires: {BOOST_S:g}s}}
  - {{match: {{alertname: {NEED}}}, wake: true, expires: {BOOST_S:g}s}}
  wake: {{hold: 25s, waiters: {rules.waiters}{chain}}}
{zero}"""
