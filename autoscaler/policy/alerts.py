"""Alertmanager's webhook payload (version 4): a list of levels, never a list of steps.

An alert's labels are input of whoever can write rules. They only ever name functions and match rules; no
count, address or limit is read from them, and what they reach is bounded by the caller's tenants.
"""

from bisect import bisect_left
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic.alias_generators import to_camel

from autoscaler.core.events import BoostFiring, BoostResolved
from autoscaler.core.fleet import FunctionKey
from autoscaler.policy.plan import AlertRule, Plan
from autoscaler.policy.problems import path_text

MAX_ALERTS = 10_000
FOREIGN_NAMESPACE = "foreign-namespace"
NO_FUNCTION = "no-function"
NO_RULE = "no-rule"


@dataclass(frozen=True, slots=True)
class Alert:
    """One alert as a level.

    Attributes:
        fingerprint: Alertmanager's hash of its labels.
        starts_at: when it began to fire, as `normal_time` writes it.
        is_firing: its own status; a group's status says firing if any of its alerts does.
        labels: its labels; input of whoever can write rules, so they only ever name and match.
    """

    fingerprint: str
    starts_at: str
    is_firing: bool
    labels: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Payload:
    """What one webhook says.

    Attributes:
        alerts: its alerts.
        truncated: alerts that Alertmanager left out (`max_alerts`); nothing is known of them, least of all that
            they are resolved.
    """

    alerts: tuple[Alert, ...]
    truncated: int


class _Lenient(BaseModel):
    """Alertmanager adds keys from version to version: unknown ones are ignored."""

    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True, extra="ignore", frozen=True, strict=True)


_LabelName = Annotated[str, Field(max_length=256)]
_LabelValue = Annotated[str, Field(max_length=4096)]


class _Alert(_Lenient):
    status: Literal["firing", "resolved"]
    labels: dict[_LabelName, _LabelValue] = Field(max_length=128)
    starts_at: str = Field(max_length=64)
    fingerprint: str = Field(min_length=1, max_length=64, pattern=r"^[0-9A-Za-z]+$")


class _Payload(_Lenient):
    version: Literal["4"]
    alerts: list[object] = Field(max_length=MAX_ALERTS)
    truncated_alerts: int = Field(0, ge=0)


def parse_payload(document: object) -> Payload:
    """Read a webhook's parsed JSON.

    Raises:
        ValueError: it is no payload of version 4, or too large; the message says where, and what is allowed, and
            quotes nothing of the payload.
    """
    try:
        payload = _Payload.model_validate(document)
    except ValidationError as error:
        raise ValueError(_words(error, ())) from None
    # One at a time: validating 4,000 at once holds the interpreter for 20 ms, whatever thread it is done in.
    alerts = tuple(_alert(one, position) for position, one in enumerate(payload.alerts))
    return Payload(alerts, payload.truncated_alerts)


def normal_time(text: str) -> str:
    """Write a time of RFC 3339 in UTC with milliseconds, however it came.

    Webhooks carry nanoseconds and API v2 milliseconds, of which both cut off the rest. Only written alike do they
    name the same alert: else a boost read back after a restart would not be lifted when its alert is resolved.

    Returns:
        The text as it is where it is no time with a zone: it still tells alerts apart.
    """
    try:
        moment = datetime.fromisoformat(text)
        if moment.tzinfo is None:
            return text
        return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    except (ValueError, OverflowError):
        return text


def _alert(document: object, position: int) -> Alert:
    try:
        one = _Alert.model_validate(document)
    except ValidationError as error:
        raise ValueError(_words(error, ("alerts", position))) from None
    return Alert(one.fingerprint, normal_time(one.starts_at), one.status == "firing", one.labels)


def _words(error: ValidationError, around: tuple[str | int, ...]) -> str:
    first, *others = error.errors(include_url=False, include_context=False, include_input=False)
    more = f" (and {len(others)} more)" if others else ""
    return f"{_place((*around, *first['loc']))}: {_allowed(first['msg'])}{more}"


def _place(loc: Sequence[str | int]) -> str:
    """Name a place by what this schema names; keys that the sender chose are left out."""
    known = [part for part in loc[:3] if isinstance(part, int) or part in _NAMES]
    return path_text(known) or "payload"


_NAMES = frozenset({"version", "alerts", "truncatedAlerts", "status", "labels", "startsAt", "fingerprint"})


def _allowed(message: str) -> str:
    return message.replace("Input should be", "allowed is")


def boost_events(
    plan: Plan, tenants: frozenset[str] | None, alerts: Sequence[Alert], now_s: float
) -> tuple[list[BoostFiring | BoostResolved], dict[str, int]]:
    """Translate alerts into boosts.

    An alert is about the functions of the namespace in its label `namespace`, or in `function_name` written as
    `name.namespace`; where both are there they must agree, since an enforced `namespace` label is worth more
    than a text that the rule's author chose. Of these it means the one named by `function`, `function_name` or
    `deployment`; if none of these is there, every one whose policy has a rule that matches.

    Args:
        plan: functions and their alert rules.
        tenants: the caller's; None: all.
        alerts: levels; a repetition only moves the end of its boost.
        now_s: monotonic seconds.

    Returns:
        events, and the number of alerts that were dropped, by reason.
    """
    reach = _Reach(plan, tenants)
    events: dict[str, BoostFiring | BoostResolved] = {}
    dropped: dict[str, int] = {}
    for alert in alerts:
        meant = reach.rules(alert.labels)
        found = meant if isinstance(meant, str) else list(_events(meant, alert, now_s)) or NO_RULE
        if isinstance(found, str):
            dropped[found] = dropped.get(found, 0) + 1
        else:
            events.update((event.id, event) for event in found)
    return list(events.values()), dropped


_Meant = Mapping[str, tuple[AlertRule, Sequence[FunctionKey]]]
"""Rules by id, each with the functions that it is for."""


class _Reach:
    """What one caller's alerts can reach; looked up once per namespace, however many alerts name it."""

    def __init__(self, plan: Plan, tenants: frozenset[str] | None) -> None:
        self._plan = plan
        self._namespaces = {
            namespace
            for tenant in plan.tenants.values()
            if tenants is None or tenant.name in tenants
            for namespace in tenant.namespaces
        }
        self._known: dict[FunctionKey, _Meant | str] = {}

    def rules(self, labels: Mapping[str, str]) -> _Meant | str:
        """Give the rules that may concern an alert with these labels, or why there are none."""
        name, suffix = _named(labels)
        namespace = labels.get("namespace", suffix)
        if not namespace:
            return NO_FUNCTION
        if suffix not in ("", namespace) or namespace not in self._namespaces:
            return FOREIGN_NAMESPACE
        key = FunctionKey(namespace, name)
        if key not in self._known:
            self._known[key] = self._look_up(key)
        return self._known[key]

    def _look_up(self, key: FunctionKey) -> _Meant | str:
        keys, row_of = self._plan.fleet.keys, self._plan.fleet.row_of
        if key.name:
            keys = (key,) if key in row_of else ()
        else:
            keys = keys[bisect_left(keys, key) : bisect_left(keys, FunctionKey(f"{key.namespace}\0", ""))]
        meant: dict[str, tuple[AlertRule, list[FunctionKey]]] = {}
        for one in keys:
            for rule in self._plan.functions[row_of[one]].alerts:
                meant.setdefault(rule.id, (rule, []))[1].append(one)
        return meant if keys else NO_FUNCTION


def _named(labels: Mapping[str, str]) -> tuple[str, str]:
    """Give the function's name and the namespace that came with it; empty where there is none."""
    if "function" in labels:
        return labels["function"], ""
    if "function_name" in labels:
        name, dot, namespace = labels["function_name"].rpartition(".")
        return (name, namespace) if dot else (namespace, "")
    return labels.get("deployment", ""), ""


def _events(meant: _Meant, alert: Alert, now_s: float) -> Iterator[BoostFiring | BoostResolved]:
    """Give one event for each rule that matches, over all functions that it is for."""
    for rule, keys in meant.values():
        if not rule.match.items() <= alert.labels.items():
            continue
        identity = f"{alert.fingerprint}/{alert.starts_at}/{rule.id}"
        if alert.is_firing:
            yield BoostFiring(identity, tuple(keys), rule.factor, rule.add, now_s + rule.expires_s)
        else:
            yield BoostResolved(identity)
