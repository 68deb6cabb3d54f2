"""What holds for a function, as the core and the shell need it: columns, lanes, and the shell's own part."""

import math
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from autoscaler.core.events import Effect
from autoscaler.core.lanes import MetricKind, Select
from autoscaler.policy.labels import FACTOR, Fields, Flags, Said
from autoscaler.policy.metrics import GATEWAYS, Metric
from autoscaler.policy.plan import AlertEffect, FunctionPlan, QueryPlan
from autoscaler.policy.scaling import AlertRule, Boost, Fallback, RatePolicy, WakeRule, Zero
from autoscaler.policy.schedules import Schedule

_SHOWN = 80


@dataclass(frozen=True, slots=True)
class OtherMetric:
    """A metric beside requests/s and concurrency: one lane of `core.lanes.OtherMetrics`.

    Attributes:
        kind: what it measures.
        name: how words call it.
        target: load that one replica shall carry, or the level aimed at.
        is_value: it is a level that more replicas lower.
        query: what is asked; None: the source's own query of this kind.
    """

    kind: MetricKind
    name: str
    target: float
    is_value: bool
    query: QueryPlan | None


@dataclass(frozen=True, slots=True)
class RateRule:
    """Scaling policies of one direction: one rule of `core.lanes.RatePolicies`; one policy at least."""

    select: Select
    policies: tuple[RatePolicy, ...]


@dataclass(frozen=True, slots=True, eq=False)
class FunctionRules:
    """What holds for a function; functions about which the same is said share one.

    Attributes:
        columns: a number for each float column of `core.fleet.Rules`, by name; inf: none, nan: no force.
        paused: what runs stays.
        others: metrics that no gateway measures.
        rate_up: scaling policies of growth; None: none.
        rate_down: likewise of shrinkage.
        schedules: floors and ceilings by the calendar.
        plan: what the shell needs.
        wake_with: names of functions that start with it, as its policy says them.
        fields: what holds for each field path and who said it (`file:line`, a label, the built-in default).
    """

    columns: Mapping[str, float]
    paused: bool
    others: tuple[OtherMetric, ...]
    rate_up: RateRule | None
    rate_down: RateRule | None
    schedules: tuple[Schedule, ...]
    plan: FunctionPlan
    wake_with: tuple[str, ...]
    fields: Fields


def rules_of(
    fields: Fields, flags: Flags, confined: Mapping[str, str], policy: str | None, alerts_id: str, *, is_dry: bool
) -> FunctionRules:
    """Make the rules of what holds.

    Args:
        confined: each query, confined to the tenant's namespaces.
        policy: `namespace/name` of the policy in force; None: only defaults.
        alerts_id: whose alert rules these are.
        is_dry: whether tenant or policy asks for a dry run.
    """
    wake = fields["wake"].value
    plan = FunctionPlan(
        policy=policy,
        wake_hold_s=wake.hold if isinstance(wake, WakeRule) else None,
        wake_waiters=wake.waiters if isinstance(wake, WakeRule) else 0,
        alerts=tuple(_effects(fields["alerts"], alerts_id)),
        dry_run=is_dry or flags.dry_run,
    )
    metrics = [metric for metric in fields["metrics"].of(list) if isinstance(metric, Metric)]
    return FunctionRules(
        columns=_columns(fields, metrics, flags),
        paused=flags.paused,
        others=tuple(_other(metric, confined) for metric in metrics if metric.type not in GATEWAYS),
        rate_up=_rate_rule(fields, "scaleUp"),
        rate_down=_rate_rule(fields, "scaleDown"),
        schedules=tuple(one for one in fields["schedules"].of(list) if isinstance(one, Schedule)),
        plan=plan,
        wake_with=tuple(wake.with_) if isinstance(wake, WakeRule) else (),
        fields=fields,
    )


def _columns(fields: Fields, metrics: Sequence[Metric], flags: Flags) -> dict[str, float]:
    by_type = {metric.type: metric for metric in metrics}
    rps, concurrency = by_type.get("rps"), by_type.get("concurrency")
    zero, fallback = fields["zero"].value, fields["fallback"].of(Fallback)
    columns = {
        "target_rps": _aimed_at(rps) if rps is not None else math.inf,
        "target_concurrency": _aimed_at(concurrency) if concurrency is not None else math.inf,
        "utilization_rps": rps.share if rps is not None else 1.0,
        "utilization_concurrency": concurrency.share if concurrency is not None else 1.0,
        "zero_after_s": zero.after if isinstance(zero, Zero) else math.inf,
        "force": math.nan if flags.force is None else float(flags.force),
        "fallback_after": float(fallback.after),
        "fallback_replicas": math.nan if fallback.replicas is None else float(fallback.replicas),
    }
    return columns | _panic(fields) | {column: fields[path].number for column, path in _COLUMNS.items()}


def _panic(fields: Fields) -> dict[str, float]:
    """Give the panic window and threshold; inf is no panic.

    Where nobody says how long the window is, it is shorter than a short stable one by Knative's own tenth.
    """
    stable_s, panic = fields["windows.stable"].number, fields["windows.panic"]
    if panic.value is None:
        return {"panic_window_s": stable_s, "panic_threshold": math.inf}
    is_too_long = panic.is_built_in and panic.number >= stable_s
    window_s = stable_s / 10 if is_too_long else panic.number
    return {"panic_window_s": window_s, "panic_threshold": fields["windows.panicThreshold"].number}


def _aimed_at(metric: Metric) -> float:
    """Give the load that a replica shall carry; never 0, which a product of two tiny numbers is rounded to."""
    return max(metric.target * metric.share, sys.float_info.min)


def _other(metric: Metric, confined: Mapping[str, str]) -> OtherMetric:
    query = None
    if metric.query is not None:
        activity = None if metric.activity is None else confined[metric.activity]
        query = QueryPlan(confined[metric.query], activity)
    return OtherMetric(
        kind=_KINDS[metric.type],
        name=metric.type if metric.query is None else _short(metric.query),
        target=_aimed_at(metric),
        is_value=metric.target_type == "Value",
        query=query,
    )


def _short(query: str) -> str:
    """Write a query in one line, short enough for a sentence."""
    text = " ".join(query.split())
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"


def _rate_rule(fields: Fields, group: str) -> RateRule | None:
    policies = tuple(one for one in fields[f"{group}.policies"].of(list) if isinstance(one, RatePolicy))
    select = _SELECTS[fields[f"{group}.selectPolicy"].of(str)]
    if select is Select.DISABLED:
        return RateRule(select, policies or (_ANY_POLICY,))
    return RateRule(select, policies) if policies else None


def _effects(alerts: Said, whose: str) -> Iterator[AlertEffect]:
    """Give the effects of alert rules; what a label adds has an id of what it adds, which differs by function."""
    rules = [one for one in alerts.of(list) if isinstance(one, AlertRule)]
    for position, rule in enumerate(rules):
        boost = rule.boost or _NO_BOOST
        is_of_label = alerts.origin == FACTOR and position == len(rules) - 1
        yield AlertEffect(
            id=f"{whose}#{FACTOR}+{boost.add}" if is_of_label else f"{whose}#{position}",
            match=rule.match,
            effect=Effect.FREEZE if rule.freeze else Effect.WAKE if rule.wake else Effect.BOOST,
            factor=boost.factor,
            add=float(boost.add),
            floor=None if boost.floor is None else float(boost.floor),
            expires_s=rule.expires,
        )


_NO_BOOST = Boost.model_construct(factor=1.0, add=0, floor=None)
_KINDS = {"cpu": MetricKind.CPU, "queue": MetricKind.QUEUE, "query": MetricKind.QUERY}
_SELECTS = {"Max": Select.MAX, "Min": Select.MIN, "Disabled": Select.DISABLED}

_ANY_POLICY = RatePolicy(type="Pods", value=1, period="1s")  # type: ignore[arg-type]  # a duration as documents say it
"""What stands for the policies of a direction that is disabled without any: the core wants one for each rule."""

_COLUMNS = {
    "stable_window_s": "windows.stable",
    "max_rate_up": "scaleUp.maxRate",
    "max_rate_down": "scaleDown.maxRate",
    "tolerance_up": "scaleUp.tolerance",
    "tolerance_down": "scaleDown.tolerance",
    "stabilization_up_s": "scaleUp.stabilization",
    "stabilization_down_s": "scaleDown.stabilization",
    "delay_s": "scaleDown.delay",
    "concurrency_limit": "concurrencyLimit",
    "min_replicas": "replicas.min",
    "max_replicas": "replicas.max",
    "concurrency_cap": "concurrencyCap",
    "activation": "replicas.activation",
    "initial": "replicas.initial",
    "progress_deadline_s": "progressDeadline",
}
