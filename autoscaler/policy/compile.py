"""Documents and Deployments → the columns for the core and what the shell needs beside them."""

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from operator import attrgetter
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from autoscaler.core.columns import Bools, Ints
from autoscaler.core.fleet import Fleet, FunctionKey, Rules
from autoscaler.policy.budgets import budgets_of
from autoscaler.policy.callers import known
from autoscaler.policy.chains import chained
from autoscaler.policy.contradictions import queries_of
from autoscaler.policy.deployment import Deployed
from autoscaler.policy.documents import ScalingPolicy, Tenant
from autoscaler.policy.functions import tenant_of
from autoscaler.policy.labels import Fields, Marks, marks_of
from autoscaler.policy.lanes import Calendar, Shared, others, rates
from autoscaler.policy.loading import Loaded, PolicySet, layers_of
from autoscaler.policy.plan import Plan, TenantPlan
from autoscaler.policy.precedence import Scope, resolve, specificity, tenant_layers
from autoscaler.policy.problems import Problem
from autoscaler.policy.promql import confined
from autoscaler.policy.rules import FunctionRules
from autoscaler.policy.schedules import AHEAD_S
from autoscaler.policy.settings import PoolSettings

Kind = TypeVar("Kind", bound=np.generic)

_FLOATS = tuple(name for name in Rules.__dataclass_fields__ if name != "paused")


@dataclass(frozen=True, slots=True)
class _Resolved:
    """A function's rules, with what they were resolved from."""

    deployed: Deployed
    tenant: str
    rules: FunctionRules
    problems: tuple[Problem, ...]

    def is_of(self, deployed: Deployed) -> bool:
        return deployed is self.deployed or (
            deployed.labels == self.deployed.labels and deployed.annotations == self.deployed.annotations
        )


class Ruled:
    """What holds for each function of one plan, and who said it; safe to read in any thread, for it never changes.

    Args:
        resolved: by function; nobody changes it any more.
    """

    def __init__(self, resolved: Mapping[FunctionKey, _Resolved] | None = None) -> None:
        self._resolved = resolved if resolved is not None else {}

    def rules(self, key: FunctionKey) -> FunctionRules | None:
        """Give what holds for a function; None: the plan does not have it."""
        resolved = self._resolved.get(key)
        return resolved.rules if resolved is not None else None

    def problems(self, key: FunctionKey) -> tuple[Problem, ...]:
        """Give what is wrong with a function's labels and annotations, which is left out."""
        resolved = self._resolved.get(key)
        return resolved.problems if resolved is not None else ()


class Compiler:
    """Makes plans; remembers what each function came to, so that one change among many costs little.

    Attributes:
        renewed: functions of the last plan whose rules were resolved anew for it.

    Args:
        pools: the stocks of replicas that tenants share, by name; None: one without a limit.
    """

    def __init__(self, pools: Mapping[str, PoolSettings] | None = None) -> None:
        self.renewed = 0
        self._pools = pools if pools is not None else {"default": PoolSettings()}
        self._policies = PolicySet()
        self._scopes: dict[tuple[str, str | None, str | None], Scope] = {}
        self._shared: dict[tuple[int, Marks], FunctionRules] = {}
        self._resolved: dict[FunctionKey, _Resolved] = {}
        self._calendar = Calendar()

    def compile(self, policies: PolicySet, catalog: Sequence[Deployed], utc_s: float, ahead_s: float = AHEAD_S) -> Plan:
        """Make the plan of these documents and Deployments.

        Args:
            policies: the documents in force; what is known of a namespace stays as long as its tenant and its policies
                are the same objects.
            catalog: all Deployments, functions or not; keys are unique.
            utc_s: now, UTC seconds: schedules are compiled from here on.
            ahead_s: how far ahead they are compiled, seconds.
        """
        stale = self._turn_to(policies)
        self.renewed = 0
        resolved: dict[FunctionKey, _Resolved] = {}
        functions: list[Deployed] = []
        for deployed in sorted(catalog, key=attrgetter("key")):
            known = self._resolved.get(deployed.key)
            if known is None or deployed.key.namespace in stale or not known.is_of(deployed):
                tenant = tenant_of(deployed, policies.namespaces)
                if tenant is None:
                    continue
                known = self._resolve(deployed, tenant)
                self.renewed += 1
            resolved[deployed.key] = known
            functions.append(deployed)
        self._resolved = resolved
        self._forget()
        return self._plan(functions, utc_s, ahead_s)

    @property
    def problems(self) -> tuple[Problem, ...]:
        """What is wrong with labels and annotations of the functions of the last plan."""
        return tuple(problem for resolved in self._resolved.values() for problem in resolved.problems)

    def rules(self, key: FunctionKey) -> FunctionRules | None:
        """Give what holds for a function of the last plan, and who said it; None: no such function."""
        resolved = self._resolved.get(key)
        return resolved.rules if resolved is not None else None

    @property
    def ruled(self) -> Ruled:
        """What holds for each function of the last plan; it stays as it is, whatever is compiled after it."""
        return Ruled(self._resolved)

    def _turn_to(self, policies: PolicySet) -> Collection[str]:
        """Forget what other documents may change, and name the namespaces that they may change anything in."""
        old, self._policies = self._policies, policies
        if policies is old:
            return ()
        tenants = {
            name
            for name in old.tenants.keys() | policies.tenants.keys()
            if old.tenants.get(name) is not policies.tenants.get(name)
            or old.owned.get(name) != policies.owned.get(name)
        }
        stale = {
            namespace
            for namespace in old.namespaces.keys() | policies.namespaces.keys()
            if (owner := policies.namespaces.get(namespace)) in tenants
            or owner != old.namespaces.get(namespace)
            or old.policies.get(namespace) is not policies.policies.get(namespace)
        }
        self._scopes = {
            key: scope for key, scope in self._scopes.items() if key[0] not in tenants and key[1] not in stale
        }
        alive = {id(scope) for scope in self._scopes.values()}
        self._shared = {key: rules for key, rules in self._shared.items() if key[0] in alive}
        return stale

    def _forget(self) -> None:
        """Drop what no function says any more, so that labels that keep changing fill no memory."""
        if len(self._shared) > len(self._resolved) + 1000:
            used = {id(one.rules) for one in self._resolved.values()}
            self._shared = {key: rules for key, rules in self._shared.items() if id(rules) in used}

    def _resolve(self, deployed: Deployed, tenant: str) -> _Resolved:
        scope = self._scope(tenant, self._policy_of(deployed))
        marks = marks_of(deployed.labels, deployed.annotations)
        shared = self._shared.get((id(scope), marks))
        if shared is not None:
            return _Resolved(deployed, tenant, shared, ())
        rules, problems = resolve(scope, marks, str(deployed.key))
        if not problems:
            self._shared[id(scope), marks] = rules
        return _Resolved(deployed, tenant, rules, problems)

    def _policy_of(self, deployed: Deployed) -> Loaded[ScalingPolicy] | None:
        """Give the most specific policy of the function's namespace; among equals the first by name."""
        best: tuple[tuple[int, int], Loaded[ScalingPolicy]] | None = None
        for loaded in self._policies.policies.get(deployed.key.namespace, {}).values():
            rank = specificity(loaded.document.spec.functions, deployed.key.name, deployed.labels)
            if rank is not None and (best is None or rank > best[0]):
                best = rank, loaded
        return best[1] if best is not None else None

    def _scope(self, tenant: str, policy: Loaded[ScalingPolicy] | None) -> Scope:
        metadata = policy.document.metadata if policy is not None else None
        key = (tenant, metadata.namespace if metadata else None, metadata.name if metadata else None)
        if key not in self._scopes:
            self._scopes[key] = _scope(self._policies.tenants[tenant], policy, self._policies.owned[tenant])
        return self._scopes[key]

    def _plan(self, functions: Sequence[Deployed], utc_s: float, ahead_s: float) -> Plan:
        keys = tuple(deployed.key for deployed in functions)
        resolved = [self._resolved[key] for key in keys]
        tenants = tenant_plans(self._policies)
        names = tuple(sorted(tenants))
        index = {name: position for position, name in enumerate(names)}
        caps = [tenants[name].replicas_cap for name in names]
        shared = Shared.of([one.rules for one in resolved])
        metrics, queries = others(shared)
        schedules, known_until_s = self._calendar.schedules(shared, utc_s, ahead_s)
        fleet = Fleet(
            keys=keys,
            uids=tuple(deployed.uid for deployed in functions),
            row_of={key: row for row, key in enumerate(keys)},
            tenant=np.array([index[one.tenant] for one in resolved], dtype=np.int64),
            tenants=names,
            tenant_cap=np.array([np.inf if cap is None else cap for cap in caps], dtype=np.float64),
            rules=_columns(shared),
            is_doubtful=_doubtful(self._policies, resolved, keys),
            budgets=budgets_of([tenants[name] for name in names], self._pools),
            created_s=np.array([_or_nan(deployed.created_s) for deployed in functions], dtype=np.float64),
            rate_up=rates(shared, lambda rules: rules.rate_up),
            rate_down=rates(shared, lambda rules: rules.rate_down),
            others=metrics,
            schedules=schedules,
        )
        together = chained(fleet, shared)
        return Plan(
            fleet,
            together.functions,
            tenants,
            queries,
            known_until_s,
            enforced_limit=np.array([_or_nan(deployed.enforced_limit) for deployed in functions], dtype=np.float64),
            may_queue=np.fromiter((deployed.may_queue for deployed in functions), np.bool_, len(functions)),
            unmet=together.problems,
        )


def _columns(shared: Shared) -> Rules:
    """Spread rules over rows: few differ, so a table of those that do is gathered by row."""
    table = {
        name: _spread(np.array([one.columns[name] for one in shared.distinct], dtype=np.float64), shared.rows)
        for name in _FLOATS
    }
    return Rules(
        **table, paused=_spread(np.array([one.paused for one in shared.distinct], dtype=np.bool_), shared.rows)
    )


def _spread(values: NDArray[Kind], rows: Ints) -> NDArray[Kind]:
    """Give each row its value; one that all share is there once, for most of what a policy can say nobody says."""
    first = values[:1]
    if len(values) and values.tobytes() == first.tobytes() * len(values):
        return np.broadcast_to(first, len(rows))
    return values[rows]


def _doubtful(policies: PolicySet, resolved: Sequence[_Resolved], keys: Sequence[FunctionKey]) -> Bools:
    """Tell of each function whether other rules than these may be meant for it; mostly there is nothing to ask."""
    if not policies.doubted and not policies.doubted_files:
        return np.zeros(len(keys), np.bool_)
    pairs = {(key.namespace, one.rules.plan.policy is not None) for key, one in zip(keys, resolved, strict=True)}
    known = {pair: policies.is_doubtful(*pair) for pair in pairs}
    found = (known[key.namespace, one.rules.plan.policy is not None] for key, one in zip(keys, resolved, strict=True))
    return np.fromiter(found, np.bool_, len(keys))


def _or_nan(number: float | None) -> float:
    return math.nan if number is None else number


def _scope(tenant: Loaded[Tenant], policy: Loaded[ScalingPolicy] | None, namespaces: Collection[str]) -> Scope:
    spec, name = tenant.document.spec, tenant.document.metadata.name
    if policy is None:
        fields = tenant_layers(spec.defaults, tenant.at)
        queries = _confined(fields, namespaces)
        return Scope(fields, spec.bounds, tenant.at, None, f"tenant {name}", spec.dry_run, queries)
    metadata, own = policy.document.metadata, policy.document.spec
    policy_name = f"{metadata.namespace}/{metadata.name}"
    fields = layers_of(tenant, policy)
    return Scope(
        fields=fields,
        bounds=spec.bounds,
        bounds_at=tenant.at,
        policy=policy_name,
        alerts_id=policy_name if "alerts" in own.model_fields_set else f"tenant {name}",
        dry_run=spec.dry_run or own.dry_run,
        confined=_confined(fields, namespaces),
    )


def _confined(fields: Fields, namespaces: Collection[str]) -> Mapping[str, str]:
    return {text: confined(text, namespaces) for text in queries_of(fields["metrics"].of(list))}


def tenant_plans(policies: PolicySet) -> dict[str, TenantPlan]:
    """Give what the shell needs of every tenant, by name."""
    return {name: _tenant_plan(loaded, policies.owned[name]) for name, loaded in policies.tenants.items()}


def _tenant_plan(loaded: Loaded[Tenant], owned: Collection[str]) -> TenantPlan:
    spec, name = loaded.document.spec, loaded.document.metadata.name
    return TenantPlan(
        name=name,
        namespaces=frozenset(owned),
        source=spec.source,
        callers=known(spec.callers, made=loaded.callers),
        replicas_cap=spec.budget.replicas.cap,
        dry_run=spec.dry_run,
        budget=spec.budget,
        pool=spec.pool,
    )
