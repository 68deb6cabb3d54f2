"""What a custom resource's fields must fulfil together, in CEL: the rules of the models that CEL can say.

The API server refuses at `kubectl apply` what these and the schema name. The models say them all again, and more: what
takes PromQL, time zones, or another document to know is refused by the daemon, in the resource's status.

To these rules a field that is null is not there, as one that is left out.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from autoscaler.policy.quantities import format_duration

MOST_DURATION_CHARACTERS = 32
"""Of a duration in a custom resource: what a CEL rule may cost is reckoned from the longest text."""


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule of a model.

    Attributes:
        cel: true where the object is right; `self` is the object.
        message: what is allowed.
        field: path of the field to blame, such as `.guarantee`; empty: the object.
    """

    cel: str
    message: str
    field: str = ""

    def document(self) -> dict[str, str]:
        """Give it as `x-kubernetes-validations` has it."""
        blamed = {"fieldPath": self.field} if self.field else {}
        return {"rule": self.cel, "message": self.message, **blamed}


def duration_rule(least_s: float | None, is_more: bool, most_s: float | None) -> Rule | None:
    """Give the rule of a duration's range; None where every duration is allowed.

    CEL knows no days, so what is written with `d` is left to the daemon.

    Args:
        least_s: least seconds; None: none.
        is_more: it must be more than that, not only as much.
        most_s: most seconds; None: no limit.
    """
    parts, words = [], []
    if least_s is not None and (least_s > 0 or is_more):
        sign, name = (">", "more than") if is_more else (">=", "at least")
        parts.append(
            "self.matches('[1-9]')" if least_s == 0 else f"duration(self) {sign} duration('{_of_go(least_s)}')"
        )
        words.append(f"{name} {format_duration(least_s)}")
    if most_s is not None:
        parts.append(f"duration(self) <= duration('{_of_go(most_s)}')")
        words.append(f"at most {format_duration(most_s)}")
    if not parts:
        return None
    return Rule(f"self.contains('d') || ({' && '.join(parts)})", f"allowed: {', '.join(words)}")


def _of_go(seconds: float) -> str:
    """Write seconds as CEL reads them: Go's durations have no days."""
    return f"{int(seconds)}s" if seconds == int(seconds) else f"{seconds}s"


def _given(path: str) -> str:
    """Say that a field below `self` is there and not null, and so is what it is in."""
    names = path.split(".")
    return " && ".join(f"has(self.{'.'.join(names[: count + 1])})" for count in range(len(names)))


def _ordered(low: str, high: str, *, more: str = "") -> str:
    """Say that one number is up to another where both are given."""
    return f"!({_given(low)} && {_given(high)}{more}) || self.{low} <= self.{high}"


_QUERY = f"({_given('query')})"

_METRIC = (
    Rule("has(self.type) || has(self.query)", "allowed: a type, or a query"),
    Rule(
        f"(!has(self.type) || self.type == 'query') == {_QUERY}", "allowed: a query with type query or without a type"
    ),
    Rule(f"!({_given('activity')}) || {_QUERY}", "allowed: an activity only beside a query", ".activity"),
    Rule(
        "!has(self.targetType) || self.targetType != 'Value' || !has(self.type) || !(self.type in ['rps', 'concurrency'])",
        "allowed: targetType AverageValue; rps and concurrency are shared by the replicas",
        ".targetType",
    ),
)

_SCHEDULE = (
    Rule(f"({_given('min')}) || ({_given('max')})", "allowed: min or max, or both"),
    Rule(_ordered("min", "max"), "allowed: min up to max", ".min"),
    Rule(
        r"self.cron.matches('^\\s*\\S+(\\s+\\S+){4}\\s*$')",
        "allowed: five fields (minute hour day month weekday)",
        ".cron",
    ),
)

_REPLICAS = (
    Rule(_ordered("min", "max"), "allowed: min up to max", ".min"),
    # A maximum of 0 switches a function off, whatever else is said.
    Rule(_ordered("activation", "max", more=" && self.max > 0"), "allowed: activation up to max", ".activation"),
    Rule(_ordered("initial", "max", more=" && self.max > 0"), "allowed: initial up to max", ".initial"),
)

_WINDOWS = (
    Rule(
        f"!(has(self.stable) && {_given('panic')}) || self.stable.contains('d') || self.panic.contains('d') "
        "|| duration(self.panic) < duration(self.stable)",
        "allowed: panic below stable, or null: no panic",
        ".panic",
    ),
)

_FALLBACK = (
    Rule(
        f"(has(self.behavior) && self.behavior == 'current-if-higher') == ({_given('replicas')})",
        "allowed: replicas with behavior current-if-higher, and not with hold",
    ),
)

_SAME_KIND = "(has(o.type) ? o.type : 'query') == (has(m.type) ? m.type : 'query')"
_SAME_QUERY = "(has(o.query) ? o.query : '') == (has(m.query) ? m.query : '')"

_SCALING = (
    Rule(
        f"!has(self.metrics) || self.metrics.all(m, self.metrics.exists_one(o, {_SAME_KIND} && {_SAME_QUERY}))",
        "allowed: each metric type at most once, and each query once",
        ".metrics",
    ),
    Rule(
        f"!({_given('fallback.replicas')} && {_given('replicas.max')} && self.replicas.max > 0) "
        "|| self.fallback.replicas <= self.replicas.max",
        "allowed: replicas of fallback up to replicas.max",
        ".fallback",
    ),
    Rule(
        f"!(has(self.schedules) && {_given('replicas.max')} && self.replicas.max > 0) "
        "|| self.schedules.all(s, !has(s.min) || s.min <= self.replicas.max)",
        "allowed: min of each schedule up to replicas.max",
        ".schedules",
    ),
    Rule(
        f"!({_given('concurrencyCap')} && {_given('concurrencyLimit')} && self.concurrencyCap > 0) "
        "|| self.concurrencyCap >= self.concurrencyLimit",
        "allowed: 0, or concurrencyLimit and more",
        ".concurrencyCap",
    ),
    Rule(
        f"!({_given('zero')} && has(self.metrics)) || self.metrics.all(m, !has(m.query) || has(m.activity))",
        "allowed: an activity beside each query, or zero: null",
        ".metrics",
    ),
)

_CALLER = (
    Rule(
        f"[{_given('tokenSHA256')}, {_given('username')} || {_given('passwordSHA256')}, {_given('certificateSAN')}]"
        ".filter(kind, kind).size() == 1",
        "allowed: one of tokenSHA256, username with passwordSHA256, certificateSAN",
    ),
    Rule(f"({_given('username')}) == ({_given('passwordSHA256')})", "allowed: username and passwordSHA256 together"),
)

_TENANT = (
    Rule(
        f"(has(self.namespaces) && self.namespaces.size() > 0) != ({_given('namespaceSelector')})",
        "allowed: one of namespaces (a name at least) and namespaceSelector, and not both",
    ),
    Rule(
        f"!({_given('defaults.concurrencyCap')}) || has(self.defaults.concurrencyLimit)",
        "allowed: concurrencyLimit and concurrencyCap both, or no concurrencyCap",
        ".defaults.concurrencyCap",
    ),
)

_BOOST = (
    Rule(
        f"((has(self.factor) && self.factor > 1.0) || (has(self.add) && self.add > 0)) != ({_given('floor')})",
        "allowed: a boost that raises something: factor above 1 or add above 0, or floor",
    ),
)

_ALERT = (
    Rule(
        f"[{_given('boost')}, has(self.freeze) && self.freeze, has(self.wake) && self.wake]"
        ".filter(one, one).size() == 1",
        "allowed: one of boost, freeze: true and wake: true, and not two",
    ),
)

RULES: Mapping[str, tuple[Rule, ...]] = {
    "AlertRule": _ALERT,
    "Boost": _BOOST,
    "CallerSettings": _CALLER,
    "Fallback": _FALLBACK,
    "FunctionSelector": (
        Rule(
            f"({_given('names')}) != ({_given('matchLabels')})", "allowed: one of names and matchLabels, and not both"
        ),
    ),
    "Metric": _METRIC,
    "ReplicaBudget": (Rule(_ordered("guarantee", "cap"), "allowed: guarantee up to cap", ".guarantee"),),
    "Replicas": _REPLICAS,
    "Scaling": _SCALING,
    "ScalingPolicySpec": _SCALING,
    "Schedule": _SCHEDULE,
    "TenantSpec": _TENANT,
    "Windows": _WINDOWS,
}
"""Rules of each model, by its name."""
