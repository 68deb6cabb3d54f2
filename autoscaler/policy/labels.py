"""What labels and annotations on a function say: ours, and OpenFaaS's `com.openfaas.scale.*`.

Both may stand on the Deployment or its pod template, as label or as annotation; an annotation wins over a
label of the same name, and ours over OpenFaaS's.
"""

import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple, TypeVar

from autoscaler.policy.metrics import Kind as MetricKind
from autoscaler.policy.metrics import Metric, amount
from autoscaler.policy.problems import Problem, shown, suggestion
from autoscaler.policy.quantities import format_duration, parse_duration
from autoscaler.policy.scaling import Zero
from autoscaler.policy.service_name import parse_service_name

OURS = "autoscaler.faas.dev/"
OPENFAAS = "com.openfaas.scale."
MARKER = f"{OURS}function"
FACTOR = f"{OPENFAAS}factor"
SERVICE = f"{OURS}service"
BUILT_IN_ORIGIN = "built-in default"

Marks = tuple[tuple[str, str], ...]
"""Names and values of the labels and annotations that are meant for autoscalers, sorted by name."""

Kind = TypeVar("Kind")


class Said(NamedTuple):
    """What holds for a field, and who said it.

    Attributes:
        value: what holds.
        origin: who said it: a place in a document, a label, or the built-in default; of what was clipped, the bound's place.
        asked: what was said before a bound of the tenant clipped it; None: nothing was clipped.
    """

    value: object
    origin: str
    asked: "Said | None" = None

    @property
    def number(self) -> float:
        """The value as a column holds it: inf where there is none."""
        return float(self.value) if isinstance(self.value, int | float) else math.inf

    @property
    def is_built_in(self) -> bool:
        """Whether nobody said it."""
        return self.origin == BUILT_IN_ORIGIN

    def of(self, kind: type[Kind]) -> Kind:
        """The value, known to be of this type."""
        if not isinstance(self.value, kind):
            raise TypeError(f"{self.origin}: {kind.__name__} expected, {type(self.value).__name__} found")
        return self.value


Fields = Mapping[str, Said]
"""What holds for each field path (`replicas.min`), and who said it."""


@dataclass(frozen=True, slots=True)
class Flags:
    """Orders that no document gives.

    Attributes:
        paused: what runs stays.
        force: this many replicas in place of what load asks for; None: no such order.
        dry_run: decide and record, write nothing.
        alert_percent: of the function's maximum, what an alert of OpenFaaS adds; 0: no alert does anything; None: no such
            order. It is counted once the tenant's bounds have clipped the maximum.
    """

    paused: bool = False
    force: int | None = None
    dry_run: bool = False
    alert_percent: int | None = None


@dataclass(slots=True)
class MarksRead:
    """What marks say: fields by path, orders, and what was wrong (and left out)."""

    fields: dict[str, Said] = field(default_factory=dict)
    flags: Flags = field(default_factory=Flags)
    problems: list[Problem] = field(default_factory=list)


def marks_of(labels: Mapping[str, str], annotations: Mapping[str, str]) -> Marks:
    """Pick the labels and annotations that are meant for autoscalers."""
    picked = {name: value for name, value in labels.items() if name.startswith((OURS, OPENFAAS))}
    picked |= {name: value for name, value in annotations.items() if name.startswith((OURS, OPENFAAS))}
    picked.pop(MARKER, None)
    return tuple(sorted(picked.items()))


def read_marks(marks: Marks, below: Fields, function: str) -> MarksRead:
    """Read marks; one that cannot be read is told and left out.

    Args:
        marks: what stands on the function.
        below: what holds without them: some labels change only a part of it.
        function: `namespace/name`, for problems.
    """
    read = MarksRead()
    values: dict[str, object] = {}
    for name, text in marks:
        # The provider's own labels that steer nothing here are left to it.
        meaning = MEANINGS.get(name)
        if meaning is None and name.startswith(OURS):
            allowed = suggestion(name, MEANINGS.keys() | {MARKER})
            read.problems.append(Problem(function, None, name, "is no label of ours", allowed))
        elif meaning is not None:
            try:
                values[name] = meaning.parse(text)
            except ValueError as error:
                read.problems.append(Problem(function, None, name, f"is {shown(text)}", str(error)))
    _fields(values, read, below)
    read.flags = Flags(
        paused=bool(values.get(f"{OURS}paused", False)),
        force=_optional_int(values.get(f"{OURS}force")),
        dry_run=bool(values.get(f"{OURS}dry-run", False)),
        alert_percent=_optional_int(values.get(FACTOR)),
    )
    return read


def _fields(values: Mapping[str, object], read: MarksRead, below: Fields) -> None:
    # OpenFaaS's first, ours over them.
    for prefix in (OPENFAAS, OURS):
        for name, value in values.items():
            path = MEANINGS[name].path
            if name.startswith(prefix) and path is not None:
                read.fields[path] = Said(value, name)
        metrics = _metrics(prefix, values, {**below, **read.fields})
        if metrics is not None:
            read.fields["metrics"] = metrics
    zero = _openfaas_zero(values, below)
    if zero is not None and f"{OURS}zero-after" not in values:
        read.fields["zero"] = zero


def _metrics(prefix: str, values: Mapping[str, object], below: Fields) -> Said | None:
    """Give the metrics that `target`, `type` and `target-proportion` (ours: `metric`, `utilization`) come to.

    Target or type alone mean one metric with OpenFaaS's defaults for the rest: 50 requests/s, 0.90. A
    proportion alone changes how much of every target that holds already is aimed at. OpenFaaS counts cpu in
    thousandths of a core, we in cores. A query is no label's to give: of a metric that has one, ours change the target.
    """
    names = {key: f"{prefix}{_METRIC_NAMES[prefix][key]}" for key in ("type", "target", "proportion")}
    given = {key: values[name] for key, name in names.items() if name in values}
    if not given:
        return None
    origin = ", ".join(names[key] for key in given)
    metrics = [metric for metric in below["metrics"].of(list) if isinstance(metric, Metric)]
    if given.keys() == {"proportion"}:
        return Said([metric.model_copy(update={"utilization": given["proportion"]}) for metric in metrics], origin)
    kind = given.get("type", "rps" if prefix == OPENFAAS else metrics[0].type)
    same = [metric for metric in metrics if metric.type == kind and prefix == OURS]
    changes = {name: given[key] for key, name in (("target", "target"), ("proportion", "utilization")) if key in given}
    if same:
        return Said([same[0].model_copy(update=changes)], origin)
    whole = {"type": kind, "target": 50.0, "utilization": 0.9, **changes}
    if kind == "cpu" and (prefix == OPENFAAS or "target" not in changes):
        whole["target"] = _float(whole["target"]) / 1000
    return Said([Metric.model_validate(whole)], origin)


def _openfaas_zero(values: Mapping[str, object], below: Fields) -> Said | None:
    """Give what `zero` and `zero-duration` come to; a duration alone switches nothing on."""
    switch, duration = f"{OPENFAAS}zero", f"{OPENFAAS}zero-duration"
    if values.get(switch) is False:
        return Said(None, switch)
    known = below["zero"].value
    if switch in values:
        after = values.get(duration, known.after if isinstance(known, Zero) else 900.0)
        return Said(
            Zero.model_construct(after=_float(after)),
            ", ".join(name for name in (switch, duration) if name in values),
        )
    if duration in values and isinstance(known, Zero):
        return Said(Zero.model_construct(after=_float(values[duration])), duration)
    return None


def _float(value: object) -> float:
    if not isinstance(value, float):
        raise TypeError(f"a number expected, {type(value).__name__} found")
    return value


def _optional_int(value: object) -> int | None:
    return value if isinstance(value, int) else None


def _count(text: str) -> int:
    if not re.fullmatch(r"[0-9]{1,6}", text):
        raise ValueError("a whole number from 0 to 999999")
    return int(text)


def _limit(text: str) -> int:
    if not re.fullmatch(r"[0-9]{1,9}", text):
        raise ValueError("a whole number from 0 to 999999999")
    return int(text)


def _percent(text: str) -> int:
    if not re.fullmatch(r"[0-9]{1,3}", text) or int(text) > 100:
        raise ValueError("a whole number from 0 to 100")
    return int(text)


def _at_least_one(text: str) -> int:
    if not re.fullmatch(r"[0-9]{1,6}", text) or int(text) == 0:
        raise ValueError("a whole number from 1 to 999999")
    return int(text)


def _number(text: str) -> float:
    if not re.fullmatch(r"[0-9]{1,9}(\.[0-9]{1,9})?", text) or float(text) == 0:
        raise ValueError("a number above 0")
    return float(text)


def _fraction(text: str) -> float:
    if not re.fullmatch(r"[0-9]{1,9}(\.[0-9]{1,9})?", text) or not 0 < float(text) <= 1:
        raise ValueError("a number above 0, up to 1")
    return float(text)


def _switch(text: str) -> bool:
    if text not in ("true", "false"):
        raise ValueError("true or false")
    return text == "true"


def _ratio(text: str) -> float:
    value = _number(text)
    if not 1 < value <= 1000:
        raise ValueError("a number above 1, up to 1000")
    return value


def _amount(text: str) -> float:
    value = amount(text)
    if not isinstance(value, float):
        return _number(text)
    if value == 0:
        raise ValueError("a number above 0, or thousandths such as 500m")
    return value


_OPENFAAS_TYPES: Mapping[str, MetricKind] = {"rps": "rps", "capacity": "concurrency", "cpu": "cpu", "queue": "queue"}
_OUR_TYPES: Mapping[str, MetricKind] = {kind: kind for kind in ("rps", "concurrency", "cpu", "queue")}


def _one_of(types: Mapping[str, MetricKind]) -> Callable[[str], MetricKind]:
    def parse(text: str) -> MetricKind:
        if text not in types:
            raise ValueError(f"one of {', '.join(types)}")
        return types[text]

    return parse


def _within(least_s: float, most_s: float) -> Callable[[str], float]:
    def parse(text: str) -> float:
        seconds = parse_duration(text)
        if not least_s <= seconds <= most_s:
            raise ValueError(f"a duration from {format_duration(least_s)} to {format_duration(most_s)}")
        return seconds

    return parse


def _zero_after(text: str) -> Zero | None:
    return None if text == "never" else Zero.model_construct(after=_POSITIVE(text))


def _panic_window(text: str) -> float | None:
    return None if text == "never" else _WINDOW(text)


_POSITIVE = _within(0.001, 365 * 86_400.0)
_WINDOW = _within(0.001, 900)
_LOOK_BACK = _within(0, 3600)


@dataclass(frozen=True, slots=True)
class Meaning:
    """What a label means.

    Attributes:
        path: field it sets by itself; None: an order, or a part of a field.
        parse: reads its text; ValueError says what is allowed.
        words: its meaning for the reference.
    """

    path: str | None
    parse: Callable[[str], object]
    words: str


MEANINGS: Mapping[str, Meaning] = {
    f"{OPENFAAS}min": Meaning("replicas.min", _count, "`replicas.min`."),
    f"{OPENFAAS}max": Meaning("replicas.max", _count, "`replicas.max`."),
    f"{OPENFAAS}type": Meaning(
        None,
        _one_of(_OPENFAAS_TYPES),
        "`rps`: requests/s; `capacity`: concurrency; `cpu`: thousandths of a core; `queue`: messages that wait. With "
        "target 50 and proportion 0.90 if not given.",
    ),
    f"{OPENFAAS}target": Meaning(
        None, _number, "Load of one full replica. Of type `rps` with proportion 0.90 if not given."
    ),
    f"{OPENFAAS}target-proportion": Meaning(
        None, _fraction, "Fraction of the target aimed at; alone: of every metric that holds already."
    ),
    f"{OPENFAAS}zero": Meaning(
        None, _switch, "`true`: to zero after zero-duration, else after what holds already, else 15m; `false`: never."
    ),
    f"{OPENFAAS}zero-duration": Meaning(None, _POSITIVE, "Proven idleness before zero; alone it switches nothing on."),
    FACTOR: Meaning(
        None,
        _percent,
        "Percent of `replicas.max` (20 if there is none) that the alert APIHighInvocationRate adds to demand while it "
        "fires, once, as a boost beside the policy's alert rules; `0`: no alert does anything.",
    ),
    f"{OPENFAAS}down.window": Meaning("scaleDown.stabilization", _LOOK_BACK, "`scaleDown.stabilization`."),
    f"{OURS}min": Meaning("replicas.min", _count, "`replicas.min`."),
    f"{OURS}max": Meaning("replicas.max", _count, "`replicas.max`."),
    f"{OURS}activation": Meaning("replicas.activation", _at_least_one, "`replicas.activation`."),
    f"{OURS}initial": Meaning("replicas.initial", _at_least_one, "`replicas.initial`."),
    f"{OURS}metric": Meaning(
        None,
        _one_of(_OUR_TYPES),
        "`rps`, `concurrency`, `cpu` or `queue`: the one metric. Default: the first that holds.",
    ),
    f"{OURS}target": Meaning(
        None,
        _amount,
        "Load of one full replica; `500m` is 0.5. Default: what holds for this metric, else 50 (`cpu`: 50m).",
    ),
    f"{OURS}utilization": Meaning(
        None, _fraction, "Fraction of the target aimed at. Default: what holds for this metric, else 0.9."
    ),
    f"{OURS}concurrency-limit": Meaning("concurrencyLimit", _at_least_one, "`concurrencyLimit`."),
    f"{OURS}concurrency-cap": Meaning("concurrencyCap", _count, "`concurrencyCap`."),
    f"{OURS}stable-window": Meaning("windows.stable", _WINDOW, "`windows.stable`."),
    f"{OURS}panic-window": Meaning("windows.panic", _panic_window, "`windows.panic`, or `never`."),
    f"{OURS}panic-threshold": Meaning("windows.panicThreshold", _ratio, "`windows.panicThreshold`."),
    f"{OURS}delay": Meaning("scaleDown.delay", _LOOK_BACK, "`scaleDown.delay`."),
    f"{OURS}up-stabilization": Meaning("scaleUp.stabilization", _LOOK_BACK, "`scaleUp.stabilization`."),
    f"{OURS}progress-deadline": Meaning("progressDeadline", _within(0.001, 86_400), "`progressDeadline`."),
    f"{OURS}stabilization": Meaning("scaleDown.stabilization", _LOOK_BACK, "`scaleDown.stabilization`."),
    f"{OURS}zero-after": Meaning("zero", _zero_after, "`zero.after`, or `never`. The tenant's bounds must allow zero."),
    f"{OURS}paused": Meaning(None, _switch, "`true`: what runs stays."),
    f"{OURS}force": Meaning(None, _count, "This many replicas in place of what load asks for; limits and budget bind."),
    f"{OURS}enforces": Meaning(
        None,
        _limit,
        "Requests in flight that each replica takes by its own word, where nothing in its containers' settings says it; "
        "`0`: any number. Compared with `concurrencyLimit`; it changes no decision.",
    ),
    f"{OURS}dry-run": Meaning(None, _switch, "`true`: decide and record, write nothing."),
    SERVICE: Meaning(
        None,
        parse_service_name,
        "`NAME:PORT`: the Service that leads to the function, where it is not the one of the Deployment's name and its "
        "first port; a wake is answered once a connection through it succeeds. An annotation only, for its colon.",
    ),
}
"""What each label or annotation means."""

_METRIC_NAMES = {
    OPENFAAS: {"type": "type", "target": "target", "proportion": "target-proportion"},
    OURS: {"type": "metric", "target": "target", "proportion": "utilization"},
}
