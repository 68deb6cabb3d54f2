"""What is to be said of every custom resource: drafts of their statuses, from documents, plan and decisions."""

import math
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple, cast

import numpy as np

from autoscaler.core.columns import Bools
from autoscaler.core.decisions import Decisions
from autoscaler.core.fleet import Fleet
from autoscaler.core.reasons import REASON_OF, Reason
from autoscaler.policy.conditions import (
    Claim,
    accepted,
    binding,
    but_unmet,
    clipped_of,
    in_force,
    within_bounds,
    within_budget,
)
from autoscaler.policy.documents import ScalingPolicy, Tenant
from autoscaler.policy.loaded import Loaded, PolicySet, ResourceState
from autoscaler.policy.plan import Plan
from autoscaler.policy.problems import Problem
from autoscaler.policy.resources import Identity
from autoscaler.policy.statuses import MOST_NAMESPACES, BudgetStatus, Clipped


@dataclass(frozen=True, slots=True)
class Text:
    """What is said of a document apart from numbers that move with load.

    Attributes:
        uid: of the object that it is said of.
        generation: of its text.
        claims: its conditions.
        namespaces: of a Tenant, those that are really its own.
        clipped: of a ScalingPolicy, what its Tenant's bounds do not allow.
    """

    uid: str
    generation: int
    claims: tuple[Claim, ...]
    namespaces: tuple[str, ...] = ()
    clipped: tuple[Clipped, ...] = ()

    @property
    def reason(self) -> str:
        """What binds."""
        return binding(self.claims)


@dataclass(frozen=True, slots=True)
class Draft:
    """A status before it is dated.

    Attributes:
        identity: whose.
        whose_turn: tenants take turns to be reported; of a document that no tenant has, its namespace.
        text: what is said at once when it changes.
        functions: how many it is for.
        budget: of a Tenant in force, what its budget came to; None: nothing is decided yet, or no tenant has a budget.
    """

    identity: Identity
    whose_turn: str
    text: Text
    functions: int
    budget: BudgetStatus | None = None


class _Numbers(NamedTuple):
    """What a tick came to for one tenant, in replicas unless said; cap None: no limit."""

    functions: int
    bound: int
    is_emergency: bool
    is_counted: bool
    guarantee: int
    cap: int | None
    asked: int
    granted: int
    borrowed: int
    lent: int


@dataclass(frozen=True, slots=True)
class _Known:
    """What was worked out of a document, and from what."""

    state: ResourceState
    tenant: Loaded[Tenant] | None
    namespaces: tuple[str, ...]
    text: Text

    def is_of(self, state: ResourceState, tenant: Loaded[Tenant] | None, namespaces: tuple[str, ...]) -> bool:
        """Tell whether nothing has changed; documents in force are compared as objects, for they never change."""
        return (
            self.state.resource == state.resource
            and self.state.problems == state.problems
            and self.state.in_force is state.in_force
            and self.tenant is tenant
            and self.namespaces == namespaces
        )


class Reports:
    """Drafts the status of every custom resource; what has not changed is not worked out again."""

    def __init__(self) -> None:
        self._policies: PolicySet | None = None
        self._plan: Plan | None = None
        self._known: dict[Identity, _Known] = {}
        self._texts: dict[Identity, Text] = {}
        self._of_policies: list[Draft] = []
        self._of_tenants: dict[Identity, tuple[Text, _Numbers | None, Draft]] = {}

    def drafts(self, policies: PolicySet, plan: Plan, decisions: Decisions) -> Iterator[Draft]:
        """Give a draft of every resource; the same object as the last time where it says the same.

        Args:
            policies: the documents in force.
            plan: what they and the Deployments came to.
            decisions: of a full tick.
        """
        if policies is not self._policies:
            self._known = {identity: self._read(policies, state) for identity, state in policies.resources.items()}
        if policies is not self._policies or plan is not self._plan:
            self._texts = {identity: _with_unmet(known, plan) for identity, known in self._known.items()}
            self._of_policies = list(self._scaling_policies(policies, plan))
        self._policies, self._plan = policies, plan
        self._of_tenants = dict(self._tenants(decisions))
        yield from (draft for _, _, draft in self._of_tenants.values())
        yield from self._of_policies

    def _tenants(self, decisions: Decisions) -> Iterator[tuple[Identity, tuple[Text, _Numbers | None, Draft]]]:
        numbers = _numbers(decisions)
        for identity, known in self._known.items():
            if identity.kind == "Tenant":
                own = numbers.get(identity.name) if known.state.in_force is not None else None
                before = self._of_tenants.get(identity)
                text = self._texts[identity]
                if before is not None and before[0] == text and before[1] == own:
                    yield identity, before
                else:
                    yield identity, (text, own, _of_tenant(identity, text, own))

    def _scaling_policies(self, policies: PolicySet, plan: Plan) -> Iterator[Draft]:
        counts = Counter(one.policy for one in plan.functions) if self._known else Counter()
        for identity, known in self._known.items():
            if identity.kind == "ScalingPolicy":
                tenant = policies.namespaces.get(identity.namespace, identity.namespace)
                functions = counts[f"{identity.namespace}/{identity.name}"] if known.state.in_force is not None else 0
                yield Draft(identity, tenant, self._texts[identity], functions)

    def _read(self, policies: PolicySet, state: ResourceState) -> _Known:
        """Work out what is said of a document, or give what is known of it where nothing changed."""
        identity = state.resource.identity
        owner = identity.name if identity.kind == "Tenant" else policies.namespaces.get(identity.namespace)
        tenant = policies.tenants.get(owner) if owner is not None else None
        namespaces = policies.owned.get(identity.name, ()) if identity.kind == "Tenant" else ()
        known = self._known.get(identity)
        if known is not None and known.is_of(state, tenant, namespaces):
            return known
        if identity.kind == "Tenant":
            own = namespaces[:MOST_NAMESPACES] if state.in_force is not None else ()
            return _Known(state, tenant, namespaces, _tenant_text(state, own))
        return _Known(state, tenant, (), _policy_text(state, tenant))


def _with_unmet(known: _Known, plan: Plan) -> Text:
    """Give what is said of a document, with what it names to start together and its tenant does not have."""
    document = known.state.in_force
    if document is None or not plan.unmet:
        return known.text
    path = "spec.defaults.wake" if document.identity.kind == "Tenant" else "spec.wake"
    unmet = plan.unmet.get(document.at(path), ())
    return replace(known.text, claims=tuple(_but_unmet(claim, unmet) for claim in known.text.claims))


def _but_unmet(claim: Claim, unmet: Sequence[Problem]) -> Claim:
    return but_unmet(claim, unmet) if claim.type == "InForce" else claim


def _tenant_text(state: ResourceState, namespaces: tuple[str, ...]) -> Text:
    claims = (accepted(state), in_force(state), within_budget(None, is_emergency=False))
    return Text(state.resource.uid, state.resource.generation, claims, namespaces)


def _policy_text(state: ResourceState, tenant: Loaded[Tenant] | None) -> Text:
    found = None
    if state.in_force is not None and tenant is not None:
        found = clipped_of(tenant, cast(Loaded[ScalingPolicy], state.in_force))
    claims = (accepted(state), in_force(state), within_bounds(found))
    return Text(state.resource.uid, state.resource.generation, claims, clipped=found or ())


def _of_tenant(identity: Identity, text: Text, numbers: _Numbers | None) -> Draft:
    """Give a Tenant's draft; in the place of what was claimed before anything was decided stands what its budget came to."""
    if numbers is None:
        return Draft(identity, identity.name, text, 0)
    bound = REASON_OF[numbers.bound]
    claim = within_budget(bound, is_emergency=numbers.is_emergency, guarantee=numbers.guarantee)
    whole = Text(text.uid, text.generation, (*text.claims[:-1], claim), text.namespaces)
    budget = BudgetStatus(
        guarantee=numbers.guarantee,
        cap=numbers.cap,
        asked=numbers.asked,
        granted=numbers.granted,
        borrowed=numbers.borrowed,
        lent=numbers.lent,
        bound_by=bound.name if bound is not Reason.PASSED else None,
    )
    return Draft(identity, identity.name, whole, numbers.functions, budget if numbers.is_counted else None)


def _numbers(decisions: Decisions) -> dict[str, _Numbers]:
    """Give the numbers of each tenant of a tick, by name."""
    fleet, accounts = decisions.fleet, decisions.accounts
    size = len(fleet.tenants)
    nothing = np.zeros(size)
    columns = {name: getattr(accounts, name, nothing) for name in ("guarantee", "asked", "granted", "borrowed", "lent")}
    whole = {name: np.rint(column).astype(np.int64).tolist() for name, column in columns.items()}
    rows = zip(
        np.bincount(fleet.tenant, minlength=size).tolist(),
        nothing.astype(np.int64).tolist() if accounts is None else accounts.bound.tolist(),
        _emergencies(fleet).tolist(),
        [accounts is not None] * size,
        whole["guarantee"],
        [None if math.isinf(cap) else int(cap) for cap in fleet.tenant_cap.tolist()],
        *(whole[name] for name in ("asked", "granted", "borrowed", "lent")),
        strict=True,
    )
    return {name: _Numbers(*row) for name, row in zip(fleet.tenants, rows, strict=True)}


def _emergencies(fleet: Fleet) -> Bools:
    """Tell of each tenant whether it has a guarantee in a pool that promises more than it has."""
    budgets = fleet.budgets
    promised = np.bincount(budgets.pool, weights=budgets.guarantee, minlength=len(budgets.pools))
    result: Bools = (promised > budgets.size)[budgets.pool] & (budgets.guarantee > 0)
    return result
