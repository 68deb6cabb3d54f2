"""Which of several sayings holds: built-in defaults, tenant, policy, labels; later wins, inside the tenant's bounds."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from autoscaler.policy.contradictions import contradictions
from autoscaler.policy.documents import Bounds, FunctionSelector
from autoscaler.policy.labels import BUILT_IN_ORIGIN, Fields, Marks, Said, read_marks
from autoscaler.policy.problems import Problem
from autoscaler.policy.rules import FunctionRules, rules_of
from autoscaler.policy.scale_factor import with_factor
from autoscaler.policy.scaling import Fallback, Scaling
from autoscaler.policy.schedules import Schedule

_GROUPS = ("replicas", "windows", "scale_up", "scale_down")


def said(scaling: Scaling) -> Iterator[tuple[str, object]]:
    """Give path and value of every field that a document says itself.

    Of groups (`replicas`, `windows`, `scaleUp`, `scaleDown`) each field counts for itself; all else is replaced
    whole.
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
    return {path: Said(value, BUILT_IN_ORIGIN) for path, value in said(everything)}


def tenant_layers(defaults: Scaling, at: Callable[[str], str]) -> Fields:
    """Lay a tenant's defaults over the built-in ones.

    Args:
        at: gives `file:line` of a path in the tenant's document.
    """
    return {**BUILT_IN, **{path: Said(value, at(f"spec.defaults.{path}")) for path, value in said(defaults)}}


def policy_layers(below: Fields, spec: Scaling, at: Callable[[str], str]) -> Fields:
    """Lay a policy over what its tenant says."""
    return {**below, **{path: Said(value, at(f"spec.{path}")) for path, value in said(spec)}}


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
    if pattern == "*":
        return (0, 0)
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
        confined: each query of `fields`, confined to the tenant's namespaces.
    """

    fields: Fields
    bounds: Bounds
    bounds_at: Callable[[str], str]
    policy: str | None
    alerts_id: str
    dry_run: bool
    confined: Mapping[str, str]


def resolve(scope: Scope, marks: Marks, function: str) -> tuple[FunctionRules, tuple[Problem, ...]]:
    """Lay a function's labels and annotations over its scope, and clip all of it to the tenant's bounds.

    A label that is wrong by itself, or against what else holds, is left out and told.

    Args:
        marks: the labels and annotations that are meant for autoscalers.
        function: `namespace/name`, for problems.
    """
    read = read_marks(marks, scope.fields, function)
    said_of_it, problems = _without_contradictions(scope.fields, read.fields, function)
    fields = with_factor(clipped(said_of_it, scope.bounds, scope.bounds_at), read.flags.alert_percent)
    rules = rules_of(fields, read.flags, scope.confined, scope.policy, scope.alerts_id, is_dry=scope.dry_run)
    return rules, (*read.problems, *problems)


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


def clipped(fields: Fields, bounds: Bounds, at: Callable[[str], str]) -> dict[str, Said]:
    """Clip what is said to a tenant's bounds; of a field that was, the place is the bound's, and `asked` what was said.

    Args:
        at: gives `file:line` of a path in the tenant's document.
    """
    result = dict(fields)
    for path, value, bound in _limited(fields, bounds):
        if value != fields[path].value:
            result[path] = Said(value, at(f"spec.bounds.{bound}"), fields[path])
    return result


def _limited(fields: Fields, bounds: Bounds) -> Iterator[tuple[str, object, str]]:
    """Give path and value of all that a bound is about, and the bound's name."""
    most = bounds.max_replicas
    if most is not None:
        for path, least in _BOUNDED.items():
            asked = fields[path]
            yield path, max(most, least) if asked.number > max(most, least) else asked.value, "maxReplicas"
        for path, clip in _CLIPPED_WITHIN.items():
            yield path, clip(fields[path], most), "maxReplicas"
    if not bounds.allow_zero:
        yield "zero", None, "allowZero"


def _clipped_fallback(asked: Said, most: int) -> object:
    fallback = asked.of(Fallback)
    if fallback.replicas is None or fallback.replicas <= most:
        return fallback
    return fallback.model_copy(update={"replicas": max(most, 1)})


def _clipped_schedules(asked: Said, most: int) -> object:
    def clipped(schedule: Schedule) -> Schedule:
        limits = {"min": schedule.min, "max": schedule.max}
        return schedule.model_copy(
            update={name: None if value is None else min(value, most) for name, value in limits.items()}
        )

    return [clipped(schedule) for schedule in asked.of(list)]


_BOUNDED = {"replicas.max": 0, "replicas.min": 0, "replicas.activation": 1, "replicas.initial": 1}
"""Numbers of replicas that a tenant's bound clips, and the least that each may be."""

_CLIPPED_WITHIN = {"fallback": _clipped_fallback, "schedules": _clipped_schedules}
"""Fields that hold such numbers among others."""

BUILT_IN: Fields = _built_in()
"""What holds where nobody says otherwise."""
