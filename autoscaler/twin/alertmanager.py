"""Alert rules over the platform, and the webhook notifications that an Alertmanager sends for them."""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import aiohttp

from autoscaler.core.fleet import FunctionKey
from autoscaler.core.now import Now
from autoscaler.simulator.platform import Platform

_NEVER = "0001-01-01T00:00:00Z"


@dataclass(frozen=True, slots=True)
class AlertRule:
    """When an alert about one function fires, and to whom it is told.

    Attributes:
        alertname: name of the alert.
        key: the function it is about.
        signal: what is looked at, such as the length of the function's queue.
        above: it fires while the signal is larger than this.
        for_s: seconds that the signal must have been larger before it fires.
        repeat_s: seconds between notifications of an alert that goes on firing.
        sends_resolved: whether the receiver is told of the end (`send_resolved` of its configuration).
        token: bearer credential of the receiver's configuration.
    """

    alertname: str
    key: FunctionKey
    signal: Callable[[Platform, FunctionKey], float]
    above: float
    for_s: float
    repeat_s: float
    sends_resolved: bool
    token: str

    def labels(self) -> dict[str, str]:
        """Give the labels that the alert carries."""
        return {
            "alertname": self.alertname,
            "namespace": self.key.namespace,
            "function_name": f"{self.key.name}.{self.key.namespace}",
            "severity": "warning",
        }


@dataclass(slots=True)
class _State:
    """Where one rule stands; None of a time: not so now."""

    above_since_s: float | None = None
    firing_since: Now | None = None
    next_s: float = 0.0
    resolved: Now | None = None


@dataclass(slots=True)
class Alertmanager:
    """Evaluates rules and posts their notifications, each rule a group of its own.

    What the receiver did not take with a 2xx is sent again at the next evaluation, as Alertmanager does.
    """

    platform: Platform
    rules: Sequence[AlertRule]
    delivered: int = 0
    failed: int = 0
    _states: list[_State] = field(init=False)
    _url: str | None = None
    _session: aiohttp.ClientSession | None = None

    def __post_init__(self) -> None:
        self._states = [_State() for _ in self.rules]

    def connect(self, daemon_url: str) -> None:
        """Tell where the receiver is."""
        self._url = f"{daemon_url.rstrip('/')}/v1/alerts"
        self._session = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=5))

    async def close(self) -> None:
        if self._session is not None:
            await self._session.close()

    async def evaluate(self, now: Now) -> None:
        """Bring every rule up to date, and send what is due."""
        for rule, state in zip(self.rules, self._states, strict=True):
            _judge(rule, state, self._is_above(rule), now)
            is_due = state.resolved is not None or (state.firing_since is not None and now.monotonic_s >= state.next_s)
            if is_due:
                await self._notify(rule, state, now)

    def _is_above(self, rule: AlertRule) -> bool:
        return rule.key in self.platform.keys and rule.signal(self.platform, rule.key) > rule.above

    async def _notify(self, rule: AlertRule, state: _State, now: Now) -> None:
        if state.firing_since is None or self._session is None or self._url is None:
            return
        if state.resolved is not None and not rule.sends_resolved:
            state.firing_since = state.resolved = None
            return
        if not await self._post(rule.token, payload(rule, state.firing_since, state.resolved)):
            return
        if state.resolved is not None:
            state.firing_since = state.resolved = None
        state.next_s = now.monotonic_s + rule.repeat_s

    async def _post(self, token: str, body: dict[str, Any]) -> bool:
        if self._session is None or self._url is None:
            return False
        headers = {"Authorization": f"Bearer {token}", "User-Agent": "Alertmanager/twin"}
        try:
            async with self._session.post(self._url, json=body, headers=headers) as answer:
                is_taken = 200 <= answer.status < 300
        except (aiohttp.ClientError, TimeoutError):
            is_taken = False
        self.delivered, self.failed = self.delivered + is_taken, self.failed + (not is_taken)
        return is_taken


def payload(rule: AlertRule, since: Now, resolved: Now | None) -> dict[str, Any]:
    """Write the webhook body (version 4) of a group that holds this one alert.

    Args:
        since: when it began to fire.
        resolved: when it ended; None: it fires.
    """
    labels, status = rule.labels(), "firing" if resolved is None else "resolved"
    alert = {
        "status": status,
        "labels": labels,
        "annotations": {"summary": f"{rule.key} is slow"},
        "startsAt": _rfc3339(since),
        "endsAt": _NEVER if resolved is None else _rfc3339(resolved),
        "generatorURL": "",
        "fingerprint": hashlib.sha256(repr(sorted(labels.items())).encode()).hexdigest()[:16],
    }
    group = {name: labels[name] for name in ("alertname", "function_name")}
    return {
        "version": "4",
        "groupKey": "{}:{" + ", ".join(f'{name}="{value}"' for name, value in group.items()) + "}",
        "truncatedAlerts": 0,
        "status": status,
        "receiver": "autoscaler",
        "groupLabels": group,
        "commonLabels": labels,
        "commonAnnotations": alert["annotations"],
        "externalURL": "",
        "alerts": [alert],
    }


def _judge(rule: AlertRule, state: _State, is_above: bool, now: Now) -> None:
    """Move a rule between inactive, pending, firing and resolved."""
    if not is_above:
        state.above_since_s = None
        if state.firing_since is not None and state.resolved is None:
            state.resolved = now
        return
    if state.above_since_s is None:
        state.above_since_s = now.monotonic_s
    is_long = now.monotonic_s - state.above_since_s >= rule.for_s
    if is_long and state.firing_since is None:
        state.firing_since, state.next_s = now, now.monotonic_s


def _rfc3339(now: Now) -> str:
    return datetime.fromtimestamp(now.utc_s, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
