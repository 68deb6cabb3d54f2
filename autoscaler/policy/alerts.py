"""Alertmanager's webhook payload (version 4): a list of levels, never a list of steps.

An alert's labels are input of whoever can write rules. They only ever name functions and match rules; no
count, address or limit is read from them, and what they reach is bounded by the caller's tenants.
"""

from bisect import bisect_left
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic.alias_generators import to_camel

from autoscaler.core.events import BoostFiring, BoostResolved, Effect
from autoscaler.core.fleet import FunctionKey
from autoscaler.policy.plan import AlertEffect, Plan
from autoscaler.policy.problems import path_text
from autoscaler.policy.source_settings import SourceSettings

MAX_ALERTS = 10_000
MOST_PROBLEMS = 5
"""Malformed alerts of one payload that are told of one by one."""

MOST_TRUNCATED = 1_000_000
"""Alerts that one payload can say were left out: no sender's number shall make a counter so large that one more is lost."""

MOST_EFFECTS = 20_000
MOST_PAIRS = 100_000
"""Effects, and pairs of effect and function (of a larger fleet two for each), that one tenant's alerts of one payload
come to at the most. An alert that names no function is for all of a namespace: 10,000 of them for 5,000 functions would
keep the next step, and with it every tenant, waiting for half a minute."""

AMBIGUOUS_FUNCTION = "ambiguous-function"
FOREIGN_NAMESPACE = "foreign-namespace"
MALFORMED = "malformed"
NO_FUNCTION = "no-function"
NO_RULE = "no-rule"
TOO_MANY = "too-many-effects"


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
        alerts: its alerts, those that can be read.
        truncated: alerts that Alertmanager left out (`max_alerts`), at most `MOST_TRUNCATED`; nothing is known of them,
            least of all that they are resolved.
        malformed: alerts that cannot be read.
        problems: where the first of these are wrong, and what is allowed; nothing of the payload is quoted.
    """

    alerts: tuple[Alert, ...]
    truncated: int
    malformed: int = 0
    problems: tuple[str, ...] = ()


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

    An alert that cannot be read is left out and told, alone: refused with it, the others would come again and again.

    Raises:
        ValueError: it is no payload of version 4, or too large; the message says where, and what is allowed, and
            quotes nothing of the payload.
    """
    try:
        payload = _Payload.model_validate(document)
    except ValidationError as error:
        raise ValueError(_words(error, ())) from None
    # One at a time: validating 4,000 at once holds the interpreter for 20 ms, whatever thread it is done in.
    read = [_alert(one, position) for position, one in enumerate(payload.alerts)]
    alerts = tuple(one for one in read if isinstance(one, Alert))
    problems = [one for one in read if isinstance(one, str)]
    truncated = min(payload.truncated_alerts, MOST_TRUNCATED)
    return Payload(alerts, truncated, len(problems), tuple(problems[:MOST_PROBLEMS]))


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


def _alert(document: object, position: int) -> Alert | str:
    """Read one alert; where it cannot be read say why."""
    try:
        one = _Alert.model_validate(document)
    except ValidationError as error:
        return _words(error, ("alerts", position))
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


def default_namespaces(
    plan: Plan, tenants: frozenset[str] | None, sources: Mapping[str, SourceSettings]
) -> frozenset[str]:
    """Give the namespaces that a name without one may mean: those that the gateways of some tenants default to.

    Args:
        tenants: the caller's; None: all.
        sources: the settings' sources, with their gateways.
    """
    served = [one for one in plan.tenants.values() if tenants is None or one.name in tenants]
    return frozenset(
        gateway.default_namespace
        for name, source in sources.items()
        for gateway in source.gateways
        if gateway.default_namespace is not None
        and any(one.source == name and ("*" in gateway.tenants or one.name in gateway.tenants) for one in served)
    )


def boost_events(
    plan: Plan,
    tenants: frozenset[str] | None,
    alerts: Sequence[Alert],
    now_s: float,
    defaults: frozenset[str] = frozenset(),
) -> tuple[list[BoostFiring | BoostResolved], dict[str, int]]:
    """Translate alerts into boosts, freezes and wakes.

    An alert is about the functions of the namespace in its label `namespace`, or in `function_name` written as
    `name.namespace`; where both are there they must agree, since an enforced `namespace` label is worth more
    than a text that the rule's author chose. OpenFaaS's own rules write `function_name` alone: it is in the namespace that
    the caller's gateways default to, if they agree. Of these it means the one named by `function`, `function_name` or
    `deployment`; if none of these is there, every one whose policy has a rule that matches. A label without a value is
    none, as for Prometheus.

    Args:
        plan: functions and their alert rules.
        tenants: the caller's; None: all.
        alerts: levels; a repetition only moves the end of its boost.
        now_s: monotonic seconds.
        defaults: namespaces that a `function_name` without one may mean; several: it is not known which.

    Returns:
        events, and the number of alerts that were dropped, by reason.
    """
    reach = _Reach(plan, tenants, defaults)
    events: dict[str, BoostFiring | BoostResolved] = {}
    dropped: dict[str, int] = {}
    for alert in alerts:
        found = reach.events(alert, now_s)
        if isinstance(found, str):
            dropped[found] = dropped.get(found, 0) + 1
        else:
            events.update((event.id, event) for event in found)
    return list(events.values()), dropped


@dataclass(frozen=True, slots=True)
class _Meant:
    """What alerts with certain labels may be about.

    Attributes:
        tenant: whose functions.
        rules: each with the functions that it is for.
    """

    tenant: str
    rules: Sequence[tuple[AlertEffect, tuple[FunctionKey, ...]]]


@dataclass(slots=True)
class _Room:
    """What else one tenant's alerts of one payload may come to."""

    effects: int
    pairs: int


class _Reach:
    """What one caller's alerts can reach; looked up once per namespace, however many alerts name it."""

    def __init__(self, plan: Plan, tenants: frozenset[str] | None, defaults: frozenset[str]) -> None:
        self._plan = plan
        self._defaults = defaults
        self._namespaces = {
            namespace
            for tenant in plan.tenants.values()
            if tenants is None or tenant.name in tenants
            for namespace in tenant.namespaces
        }
        self._known: dict[FunctionKey, _Meant | str] = {}
        self._room: dict[str, _Room] = {}

    def events(self, alert: Alert, now_s: float) -> list[BoostFiring | BoostResolved] | str:
        """Give what an alert does, or why it does nothing."""
        meant = self._meant(alert.labels)
        if isinstance(meant, str):
            return meant
        rules = [one for one in meant.rules if one[0].match.items() <= alert.labels.items()]
        if not rules:
            return NO_RULE
        room = self._room.setdefault(meant.tenant, _Room(MOST_EFFECTS, max(MOST_PAIRS, 2 * len(self._plan.fleet))))
        pairs = sum(len(keys) for _, keys in rules) if alert.is_firing else 0
        if len(rules) > room.effects or pairs > room.pairs:
            return TOO_MANY
        room.effects -= len(rules)
        room.pairs -= pairs
        return [_event(rule, keys, alert, now_s) for rule, keys in rules]

    def _meant(self, labels: Mapping[str, str]) -> _Meant | str:
        name, suffix = _named(labels)
        namespace = labels.get("namespace") or suffix
        if not namespace and name and labels.get("function_name") and not labels.get("function"):
            if len(self._defaults) > 1:
                return AMBIGUOUS_FUNCTION
            namespace = next(iter(self._defaults), "")
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
        if not keys:
            return NO_FUNCTION
        meant: dict[str, tuple[AlertEffect, list[FunctionKey]]] = {}
        for one in keys:
            for rule in self._plan.functions[row_of[one]].alerts:
                meant.setdefault(rule.id, (rule, []))[1].append(one)
        fleet = self._plan.fleet
        owner = fleet.tenants[fleet.tenant.item(row_of[keys[0]])]
        return _Meant(owner, [(rule, tuple(of_it)) for rule, of_it in meant.values()])


def _named(labels: Mapping[str, str]) -> tuple[str, str]:
    """Give the function's name and the namespace that came with it; empty where there is none."""
    if labels.get("function"):
        return labels["function"], ""
    if labels.get("function_name"):
        name, dot, namespace = labels["function_name"].rpartition(".")
        if dot and not name:
            return labels["function_name"], ""  # no function has such a name; without one all of them would be meant
        return (name, namespace) if dot else (namespace, "")
    return labels.get("deployment", ""), ""


def _event(rule: AlertEffect, keys: tuple[FunctionKey, ...], alert: Alert, now_s: float) -> BoostFiring | BoostResolved:
    identity = f"{alert.fingerprint}/{alert.starts_at}/{rule.id}"
    if not alert.is_firing:
        return BoostResolved(identity)
    return BoostFiring(identity, keys, rule.factor, rule.add, now_s + rule.expires_s, rule.effect, rule.floor)


def freeze_events(plan: Plan, now_s: float) -> list[BoostFiring]:
    """Freeze what alerts may hold up, where nobody knows which of them fire: a daemon that starts has not heard of any.

    Returns:
        A freeze of every function that has alert rules, for as long as the longest of them lasts unrepeated; one event
        for each tenant and such time, so that no tenant's functions are another's business.
    """
    fleet = plan.fleet
    frozen: dict[tuple[str, float], list[FunctionKey]] = {}
    for key, tenant, function in zip(fleet.keys, fleet.tenant.tolist(), plan.functions, strict=True):
        if function.alerts:
            longest_s = max(rule.expires_s for rule in function.alerts)
            frozen.setdefault((fleet.tenants[tenant], longest_s), []).append(key)
    return [
        BoostFiring(f"restart/{tenant}/{longest_s:g}s", tuple(keys), 1.0, 0.0, now_s + longest_s, Effect.FREEZE)
        for (tenant, longest_s), keys in sorted(frozen.items())
    ]
