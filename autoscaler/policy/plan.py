"""What documents and Deployments come to: the fleet for the core, and what the shell needs beside it."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

from autoscaler.core.columns import Bools, Floats, left_out, no_flags
from autoscaler.core.events import Effect
from autoscaler.core.fleet import Fleet, FunctionKey
from autoscaler.policy.callers import KnownCaller
from autoscaler.policy.documents import Budget
from autoscaler.policy.problems import Problem


@dataclass(frozen=True, slots=True)
class AlertEffect:
    """A policy's `alerts` entry: which alerts do what, for how long.

    Attributes:
        id: policy and position, unique within a plan.
        match: labels that an alert must carry, exactly.
        effect: what it does.
        factor: multiplies the demand of the last tick with known load, >= 1.
        add: replicas added after the factor, >= 0.
        floor: replicas that a boost is in place of both; None: they say it.
        expires_s: seconds after the last notification that says firing at which it ends.
    """

    id: str
    match: Mapping[str, str]
    effect: Effect
    factor: float
    add: float
    floor: float | None
    expires_s: float


@dataclass(frozen=True, slots=True)
class FunctionPlan:
    """What the shell needs of one function; the same row of `Plan.fleet` has what the core needs.

    Attributes:
        policy: name of the ScalingPolicy in force (`namespace/name`), or None where only defaults are.
        wake_hold_s: how long a request is held at most, seconds; None: never woken.
        wake_waiters: requests held at once at most.
        alerts: the policy's alert rules.
        dry_run: decide and record, write nothing.
        wake_with: all that start with it, those that they name themselves included; of its own tenant, each once, and
            never it itself.
    """

    policy: str | None
    wake_hold_s: float | None
    wake_waiters: int
    alerts: tuple[AlertEffect, ...]
    dry_run: bool
    wake_with: tuple[FunctionKey, ...] = ()


@dataclass(frozen=True, slots=True)
class TenantPlan:
    """What the shell needs of one tenant.

    Attributes:
        name: the tenant.
        namespaces: its namespaces; no other tenant has any of them.
        source: name of the Prometheus source that sees its functions.
        callers: credentials of those who may call for it, made ones included.
        replicas_cap: most replicas it may have; None: no limit.
        dry_run: decide and record, write nothing.
        budget: all that its document says of its budget.
        pool: name of the pool that it shares.
    """

    name: str
    namespaces: frozenset[str]
    source: str
    callers: frozenset[KnownCaller]
    replicas_cap: int | None
    dry_run: bool
    budget: Budget = field(default_factory=Budget)
    pool: str = "default"


@dataclass(frozen=True, slots=True)
class QueryPlan:
    """A tenant's own metric, as it is to be asked.

    Attributes:
        query: PromQL, confined to the namespaces of its tenant.
        activity: likewise, 0 where nothing goes on; None: idleness cannot be proven.
    """

    query: str
    activity: str | None


@dataclass(frozen=True, slots=True, eq=False)
class Plan:
    """Everything that documents and Deployments say, compiled; replaced whole when either changes.

    Attributes:
        fleet: functions and rules, for the core.
        functions: `(functions,)`, by row of the fleet.
        tenants: by name.
        queries: `(lanes,)`, by lane of `fleet.others`; None: the source's own query of that kind.
        known_until_s: UTC seconds up to which the fleet's schedules are compiled; inf: there are none. Whoever holds
            the plan makes another one before.
        enforced_limit: `(functions,) float64`, as `Deployed.enforced_limit`; nan: nothing says it. Left out: of no function.
        may_queue: `(functions,) bool`, as `Deployed.may_queue`. Likewise.
        unmet: what is named to start with a function and is none of its tenant, by the place that says it.
    """

    fleet: Fleet
    functions: tuple[FunctionPlan, ...]
    tenants: Mapping[str, TenantPlan]
    queries: tuple[QueryPlan | None, ...] = ()
    known_until_s: float = math.inf
    enforced_limit: Floats = field(default_factory=left_out)
    may_queue: Bools = field(default_factory=no_flags)
    unmet: Mapping[str, tuple[Problem, ...]] = field(default_factory=dict)
