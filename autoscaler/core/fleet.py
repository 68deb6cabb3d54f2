"""The functions there are, and what their policies say of them, as columns."""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import NamedTuple

import numpy as np

from autoscaler.core.budgets import Budgets, without_budgets
from autoscaler.core.columns import NO_FLAGS, NOTHING, Bools, Floats, Ints, left_out, no_flags
from autoscaler.core.lanes import NO_METRICS, NO_POLICIES, NO_SCHEDULES, OtherMetrics, RatePolicies, Schedules


class FunctionKey(NamedTuple):
    """A function's identity inside a cluster: the namespace and name of its Deployment."""

    namespace: str
    name: str

    def __str__(self) -> str:
        return f"{self.namespace}/{self.name}"


@dataclass(frozen=True, slots=True, eq=False)
class Rules:
    """What the policies say, one row per function. Every column is `(functions,) float64` unless said.

    Unlimited or absent is `inf` in a limit or target, `nan` in `force`. A column that is left out (`NOTHING`) says
    the same of every function: its rule is off (`OFF`).

    Attributes:
        target_rps: requests/s that one replica shall carry (target × utilization); inf: not a metric.
        target_concurrency: requests in flight that one replica shall carry; inf: not a metric.
        stable_window_s: averaging window of demand, seconds.
        max_rate_up: largest growth per tick as a factor of ready replicas, > 1.
        max_rate_down: largest shrinkage per tick as a divisor of ready replicas, > 1.
        tolerance_up: relative dead band above the target, fraction.
        tolerance_down: relative dead band below the target, fraction.
        stabilization_down_s: look-back over recommendations; the largest of them is the floor of a cut.
        concurrency_limit: requests in flight that one replica accepts at most; inf: no limit.
        min_replicas: floor.
        max_replicas: ceiling; inf: none.
        concurrency_cap: requests in flight that the function may be given in all; inf: none.
        activation: replicas on leaving zero, >= 1.
        zero_after_s: proven idleness after which zero is allowed; inf: never.
        paused: `(functions,) bool`, what runs stays.
        force: replicas ordered by annotation in place of demand, guards, floors and idle; nan: none.
        panic_window_s: short averaging window, seconds.
        panic_threshold: demand over the panic window, as a ratio to ready replicas, that begins panic; inf: never.
        stabilization_up_s: look-back over recommendations; the smallest of them is the ceiling of a raise.
        delay_s: look-back over guarded demand; the largest is what is asked for, so that a cut waits so long.
        fallback_after: ticks in a row with unknown load after which the fallback holds; inf: never.
        fallback_replicas: replicas that a fallback raises to, where more than zero run; nan: it only holds.
        progress_deadline_s: how long replicas may be missing before demand is raised no more for it.
        initial: replicas of a function that was created with any a moment ago, until its load is known.
        utilization_rps: fraction of the policy's target that `target_rps` is; for the words alone.
        utilization_concurrency: likewise.
    """

    target_rps: Floats
    target_concurrency: Floats
    stable_window_s: Floats
    max_rate_up: Floats
    max_rate_down: Floats
    tolerance_up: Floats
    tolerance_down: Floats
    stabilization_down_s: Floats
    concurrency_limit: Floats
    min_replicas: Floats
    max_replicas: Floats
    concurrency_cap: Floats
    activation: Floats
    zero_after_s: Floats
    paused: Bools
    force: Floats
    panic_window_s: Floats = field(default_factory=left_out)
    panic_threshold: Floats = field(default_factory=left_out)
    stabilization_up_s: Floats = field(default_factory=left_out)
    delay_s: Floats = field(default_factory=left_out)
    fallback_after: Floats = field(default_factory=left_out)
    fallback_replicas: Floats = field(default_factory=left_out)
    progress_deadline_s: Floats = field(default_factory=left_out)
    initial: Floats = field(default_factory=left_out)
    utilization_rps: Floats = field(default_factory=left_out)
    utilization_concurrency: Floats = field(default_factory=left_out)

    def __post_init__(self) -> None:
        for name, value in OFF.items():
            if getattr(self, name) is NOTHING:
                object.__setattr__(self, name, np.full(len(self.target_rps), value))
        lengths = {field.name: len(getattr(self, field.name)) for field in fields(self)}
        if len(set(lengths.values())) > 1:
            raise ValueError(f"columns of different lengths: {lengths}")


OFF: Mapping[str, float] = {
    "panic_window_s": 6.0,
    "panic_threshold": np.inf,
    "stabilization_up_s": 0.0,
    "delay_s": 0.0,
    "fallback_after": np.inf,
    "fallback_replicas": np.nan,
    "progress_deadline_s": np.inf,
    "initial": 1.0,
    "utilization_rps": 1.0,
    "utilization_concurrency": 1.0,
}
"""What a column of `Rules` holds where it is left out."""


NO_BUDGETS = without_budgets(())
"""Budgets that were left out."""


@dataclass(frozen=True, slots=True, eq=False)
class Fleet:
    """All functions under control, rows ordered by key; replaced whole when a function or policy changes.

    Attributes:
        keys: identity of each row, sorted, so that ties broken by row are ties broken by name.
        uids: the Deployment's uid of each row; a recreated Deployment is another function.
        row_of: key → row.
        tenant: `(functions,) int64`, index into `tenants`.
        tenants: tenant names, sorted.
        tenant_cap: `(tenants,) float64`, replicas a tenant may have; inf: no limit.
        rules: the policies' columns.
        created_s: `(functions,) float64`, UTC seconds at which each Deployment was created; nan: not known.
        rate_up: scaling policies of growth, of the functions that have any.
        rate_down: likewise of shrinkage.
        others: metrics beside requests/s and concurrency, of the functions that have any.
        schedules: floors and ceilings by the calendar.
        is_doubtful: `(functions,) bool`, other rules than these may be meant for it: a document about it is invalid, and
            no good version of it is known. Left out: of no function.
        budgets: what tenants may use of the pools that they share, beside `tenant_cap`. Left out: no pool has a limit.
    """

    keys: tuple[FunctionKey, ...]
    uids: tuple[str, ...]
    row_of: Mapping[FunctionKey, int]
    tenant: Ints
    tenants: tuple[str, ...]
    tenant_cap: Floats
    rules: Rules
    created_s: Floats = field(default_factory=left_out)
    rate_up: RatePolicies = NO_POLICIES
    rate_down: RatePolicies = NO_POLICIES
    others: OtherMetrics = NO_METRICS
    schedules: Schedules = NO_SCHEDULES
    is_doubtful: Bools = field(default_factory=no_flags)
    budgets: Budgets = NO_BUDGETS

    def __post_init__(self) -> None:
        if self.created_s is NOTHING:
            object.__setattr__(self, "created_s", np.full(len(self.keys), np.nan))
        if self.is_doubtful is NO_FLAGS:
            object.__setattr__(self, "is_doubtful", np.zeros(len(self.keys), np.bool_))
        if self.budgets is NO_BUDGETS:
            object.__setattr__(self, "budgets", without_budgets(self.tenants))

    def __len__(self) -> int:
        return len(self.keys)
