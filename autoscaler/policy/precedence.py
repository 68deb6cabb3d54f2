"""Which of several sayings holds: built-in defaults, tenant, policy, labels; later wins, inside the tenant's bounds."""

import math
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from autoscaler.policy.documents import (
    AlertBoost,
    Bounds,
    FunctionSelector,
    Metric,
    Scaling,
    WakeRule,
    Zero,
)
from autoscaler.policy.labels import Flags, Marks, Said, read_marks
from autoscaler.policy.plan import AlertRule, FunctionPlan
from autoscaler.policy.problems import Problem

Fields = Mapping[str, Said]
"""What holds for each field path (`replicas.min`), and who said it."""

_GROUPS = ("replicas", "windows", "scale_up", "scale_down")
_BUILT_IN = "built-in default"


@dataclass(frozen=True, slots=True)
class Contradiction:
    """Two fields that cannot both hold.

    Attributes:
        path: the field to blame.
        other: the field it contradicts.
    """

    path: str
    other: str
    wrong: str
    allowed: str


@dataclass(frozen=True, slots=True, eq=False)
class FunctionRules:
    """What holds for a function; functions about which the same is said share one.

    Attributes:
        columns: a number for each float column of `core.fleet.Rules`, by name; inf: none, nan: no force.
        paused: what runs stays.
        plan: what the shell needs.
        fields: what holds for each field path and who said it (`file:line`, a label, the built-in default).
    """

    columns: Mapping[str, float]
    paused: bool
    plan: FunctionPlan
    fields: Fields


def said(scaling: Scaling) -> Iterator[tuple[str, object]]:
    """Give path and value of every field that a document says itself.

    Of groups (`replicas`, `windows`, `scaleUp`, `scaleDown`) each field counts for itself; `metrics`, `zero`,
    `alerts` and `wake` are replaced whole.
    """
    for name, field in Scaling.model_fields.items():
        if name not in scaling.model_fields_set:
            continue
        value, path = getattr(scaling, name), field.alias or name
        if name not in _GROUPS:
            yield path, value
            continue
        for inner, inner_field in type(value).model_fields.items():
            if inner in value.model_fields_set:
                yield f"{path}.{inner_field.alias or inner}", getattr(value, inner)


def _built_in() -> dict[str, Said]:
    everything = Scaling.model_validate(Scaling().model_dump(by_alias=False), by_name=True)
    return {path: Said(value, _BUILT_IN) for path, value in said(everything)}


def tenant_layers(defaults: Scaling, at: Callable[[str], str]) -> Fields:
    """Lay a tenant's defaults over the built-in ones.

    Args:
        at: gives `file:line` of a path in the tenant's document.
    """
    return {**BUILT_IN, **{path: Said(value, at(f"spec.defaults.{path}")) for path, value in said(defaults)}}


def policy_layers(below: Fields, spec: Scaling, at: Callable[[str], str]) -> Fields:
    """Lay a policy over what its tenant says."""
    return {**below, **{path: Said(value, at(f"spec.{path}")) for path, value in said(spec)}}


def contradictions(fields: Fields) -> list[Contradiction]:
    """Find what cannot hold together, whoever said it."""
    least, most = fields["replicas.min"], fields["replicas.max"]
    start, limit, cap = fields["replicas.activation"], fields["concurrencyLimit"], fields["concurrencyCap"]
    found: list[Contradiction] = []
    if most.number < least.number:
        wrong = f"min {least.value} ({least.origin}) is above max {most.value} ({most.origin})"
        found.append(Contradiction("replicas.min", "replicas.max", wrong, "min up to max"))
    if 0 < most.number < start.number:
        wrong = f"activation {start.value} ({start.origin}) is above max {most.value} ({most.origin})"
        found.append(Contradiction("replicas.activation", "replicas.max", wrong, "activation up to max"))
    if cap.value is not None and limit.value is None:
        wrong = f"concurrencyCap {cap.value} ({cap.origin}) has no concurrencyLimit, so it is no number of replicas"
        found.append(Contradiction("concurrencyCap", "concurrencyLimit", wrong, "both, or no concurrencyCap"))
    elif 0 < cap.number < limit.number:
        wrong = (
            f"concurrencyCap {cap.value} ({cap.origin}) is below concurrencyLimit {limit.value} ({limit.origin}): "
            "not even one replica fits"
        )
        found.append(Contradiction("concurrencyCap", "concurrencyLimit", wrong, "0, or concurrencyLimit and more"))
    return found


def specificity(selector: FunctionSelector, name: str, labels: Mapping[str, str]) -> tuple[int, int] | None:
    """Tell how specifically a policy names a function; the largest wins. None: not at all.

    Exact name (3), pattern by its length (2), labels by their number (1), `*` (0).
    """
    if selector.match_labels is not None:
        carries = all(labels.get(key) == value for key, value in selector.match_labels.items())
        return (1, len(selector.match_labels)) if carries else None
    ranks = (_rank(pattern, name) for pattern in selector.names or ())
    return max((rank for rank in ranks if rank is not None), default=None)


def _rank(pattern: str, name: str) -> tuple[int, int] | None:
    if not fits(pattern, name):
        return None
    if "*" not in pattern:
        return (3, 0)
    literal = len(pattern.replace("*", ""))
    return (2, literal) if literal else (0, 0)


def fits(pattern: str, name: str) -> bool:
    """Tell whether a name fits a pattern in which `*` stands for any text; linear in both, whatever the pattern."""
    first, *rest = pattern.split("*")
    if not rest:
        return pattern == name
    if not name.startswith(first):
        return False
    position = len(first)
    for part in rest[:-1]:
        found = name.find(part, position)
        if found < 0:
            return False
        position = found + len(part)
    return name.endswith(rest[-1]) and len(name) - len(rest[-1]) >= position


@dataclass(frozen=True, slots=True)
class Scope:
    """What is said of a function before its own labels.

    Attributes:
        fields: defaults, tenant and policy.
        bounds: the tenant's bounds.
        bounds_at: gives `file:line` of a path in the tenant's document.
        policy: `namespace/name` of the policy in force; None: only defaults.
        alerts_id: whose alert rules these are, unique among tenants and policies.
        dry_run: whether tenant or policy asks for it.
    """

    fields: Fields
    bounds: Bounds
    bounds_at: Callable[[str], str]
    policy: str | None
    alerts_id: str
    dry_run: bool


def resolve(scope: Scope, marks: Marks, function: str) -> tuple[FunctionRules, tuple[Problem, ...]]:
    """Lay a function's labels and annotations over its scope, and clip all of it to the tenant's bounds.

    A label that is wrong by itself, or against what else holds, is left out and told.

    Args:
        marks: the labels and annotations that are meant for autoscalers.
        function: `namespace/name`, for problems.
    """
    read = read_marks(marks, scope.fields, function)
    fields, problems = _without_contradictions(scope.fields, read.fields, function)
    fields = _clipped(fields, scope.bounds, scope.bounds_at)
    return _rules(fields, read.flags, scope), (*read.problems, *problems)


def _without_contradictions(below: Fields, own: Fields, function: str) -> tuple[dict[str, Said], list[Problem]]:
    own, problems = dict(own), list[Problem]()
    while True:
        fields = {**below, **own}
        found = [one for one in contradictions(fields) if one.path in own or one.other in own]
        if not found:
            return fields, problems
        for one in found:
            for path in (path for path in (one.path, one.other) if path in own):
                wrong = f"{one.wrong}; this label is left out"
                problems.append(Problem(function, None, own.pop(path).origin, wrong, one.allowed))


def _clipped(fields: dict[str, Said], bounds: Bounds, at: Callable[[str], str]) -> dict[str, Said]:
    if bounds.max_replicas is not None:
        bound = at("spec.bounds.maxReplicas")
        for path in ("replicas.max", "replicas.min", "replicas.activation"):
            asked = fields[path]
            if asked.number > bounds.max_replicas:
                lowest = 1 if path == "replicas.activation" else 0
                value = max(bounds.max_replicas, lowest)
                fields[path] = Said(value, f"{bound} (a bound; {asked.origin} says {asked.value})")
    if not bounds.allow_zero and fields["zero"].value is not None:
        asked = fields["zero"]
        fields["zero"] = Said(None, f"{at('spec.bounds.allowZero')} (zero is not allowed; {asked.origin} asks for it)")
    return fields


def _rules(fields: dict[str, Said], flags: Flags, scope: Scope) -> FunctionRules:
    metrics = fields["metrics"].of(list)
    targets = {metric.type: _aimed_at(metric) for metric in metrics if isinstance(metric, Metric)}
    zero = fields["zero"].value
    columns = {
        "target_rps": targets.get("rps", math.inf),
        "target_concurrency": targets.get("concurrency", math.inf),
        "zero_after_s": zero.after if isinstance(zero, Zero) else math.inf,
        "force": math.nan if flags.force is None else float(flags.force),
    }
    columns |= {column: fields[path].number for column, path in _COLUMNS.items()}
    wake = fields["wake"].value
    plan = FunctionPlan(
        policy=scope.policy,
        wake_hold_s=wake.hold if isinstance(wake, WakeRule) else None,
        wake_waiters=wake.waiters if isinstance(wake, WakeRule) else 0,
        alerts=tuple(_alert_rules(fields["alerts"].of(list), scope.alerts_id)),
        dry_run=scope.dry_run or flags.dry_run,
    )
    return FunctionRules(columns, flags.paused, plan, fields)


def _aimed_at(metric: Metric) -> float:
    """Give the load that a replica shall carry; never 0, which a product of two tiny numbers is rounded to."""
    return max(metric.target * metric.utilization, sys.float_info.min)


def _alert_rules(alerts: list[object], whose: str) -> Iterator[AlertRule]:
    for position, alert in enumerate(alerts):
        if isinstance(alert, AlertBoost):
            boost = alert.boost
            yield AlertRule(f"{whose}#{position}", alert.match, boost.factor, float(boost.add), alert.expires)


_COLUMNS = {
    "stable_window_s": "windows.stable",
    "max_rate_up": "scaleUp.maxRate",
    "max_rate_down": "scaleDown.maxRate",
    "tolerance_up": "scaleUp.tolerance",
    "tolerance_down": "scaleDown.tolerance",
    "stabilization_down_s": "scaleDown.stabilization",
    "concurrency_limit": "concurrencyLimit",
    "min_replicas": "replicas.min",
    "max_replicas": "replicas.max",
    "concurrency_cap": "concurrencyCap",
    "activation": "replicas.activation",
}

BUILT_IN: Fields = _built_in()
"""What holds where nobody says otherwise."""
