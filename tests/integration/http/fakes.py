"""A hand-written `Autoscaling` with prepared values, and a clock that only moves by hand."""

import asyncio
import base64
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from autoscaler.core.decisions import DecisionRecord, Decisions
from autoscaler.core.events import Effect
from autoscaler.core.fleet import FunctionKey
from autoscaler.core.now import Now
from autoscaler.daemon.wake_log import WakeLog
from autoscaler.policy.alerts import Alert
from autoscaler.policy.compile import Ruled
from autoscaler.policy.plan import Plan
from autoscaler.ports import (
    AlertReceipt,
    Asked,
    BoostView,
    Caller,
    Health,
    HeldView,
    QueryProblem,
    Replicas,
    Role,
    ScaleOutcome,
    Shown,
    SourceHealth,
    WakeRecord,
    WakeResult,
    WakeState,
    WakeTimes,
    WriteFailure,
)
from tests.integration.http.fleets import ROWS, Row, plan, tick

OPERATOR, ACME, UMBRELLA, GATEWAY = "operator-token", "acme-token", "umbrella-token", "gateway-token"
CALLERS = {
    OPERATOR: Caller(Role.OPERATOR, None),
    ACME: Caller(Role.TENANT, frozenset({"acme"})),
    UMBRELLA: Caller(Role.TENANT, frozenset({"umbrella"})),
    GATEWAY: Caller(Role.GATEWAY, frozenset({"acme"})),
}
PASSWORD = b"right: a pass\xffword"
"""Of every caller that comes by user name, which is then its token's text."""
NAMES = {
    "DNS:acme.example": CALLERS[ACME],
    "URI:spiffe://cluster/umbrella": CALLERS[UMBRELLA],
    "email:operator@example.org": CALLERS[OPERATOR],
    "DNS:gateway.example": CALLERS[GATEWAY],
}
"""Of callers that come by certificate."""


def basic(username: str, password: bytes = PASSWORD) -> str:
    """Give the header of a user name and a password."""
    return f"Basic {base64.b64encode(username.encode() + b':' + password).decode()}"


class HandClock:
    """A clock that stands."""

    def __init__(self) -> None:
        self.at = Now(1_000.0, 1_700_000_000.0)

    def now(self) -> Now:
        return self.at

    async def sleep(self, seconds: float) -> None:
        self.at = Now(self.at.monotonic_s + seconds, self.at.utc_s + seconds)


OWN_QUERIES = (
    QueryProblem("umbrella", "umbrella/render: the query's answer has two elements"),
    QueryProblem("acme", "acme-prod/checkout: the query's answer is NaN"),
)


class FakeAutoscaling:
    """Prepared decisions; wakes that are held until a test says so, in a bounded number of places."""

    def __init__(self, rows: Sequence[Row] = ROWS, places: int = 2) -> None:
        self.decisions: Decisions | None = tick(rows, Now(998.0, 1_699_999_998.0))
        self._plan: Plan | None = plan(self.decisions.fleet)
        self.places = places
        self.holding = 0
        self.held = asyncio.Event()
        self.freed = asyncio.Event()
        self.ready = asyncio.Event()
        self.refused: set[FunctionKey] = set()
        self.states: dict[FunctionKey, WakeState] = {}
        self.policy_hold_s: float | None = 25.0
        self.has_moved = False
        self.doubted = 0
        self.serving: set[FunctionKey] = set()
        self.shards: dict[FunctionKey, str] = {}
        self.wakes: list[tuple[FunctionKey, float | None]] = []
        self.boosts: dict[str, tuple[FunctionKey, ...]] = {}
        self.state: dict[str, Any] = {}
        self.left_alone: dict[FunctionKey, HeldView] = {}
        self.wake_log = WakeLog()
        self._ruled = Ruled()
        self.past: list[DecisionRecord] = [self.decisions.record(position) for position in self.decisions.changed]

    def empty(self) -> None:
        """Be as before the first tick."""
        self.decisions = self._plan = None

    def compiled(self, plan: Plan, ruled: Ruled) -> None:
        """Hold what documents came to in place of the prepared plan."""
        self._plan, self._ruled = plan, ruled

    async def identify(self, shown: Shown, asked: Asked) -> Caller | None:
        known = CALLERS.get(shown.token or "")
        if known is None and shown.login is not None and shown.login.password == PASSWORD:
            known = CALLERS.get(shown.login.username)
        return known if known is not None else next((NAMES[name] for name in shown.names if name in NAMES), None)

    async def take_alerts(self, caller: Caller, alerts: Sequence[Alert]) -> AlertReceipt:
        """Keep a boost for each firing alert that names a function the caller may see."""
        accepted, foreign = 0, 0
        for alert in alerts:
            key = FunctionKey(alert.labels.get("namespace", ""), alert.labels.get("function", ""))
            if not self._sees(caller, key):
                foreign += 1
                continue
            accepted += 1
            if alert.is_firing:
                self.boosts[alert.fingerprint] = (key,)
            else:
                self.boosts.pop(alert.fingerprint, None)
        return AlertReceipt(accepted, {"foreign-namespace": foreign} if foreign else {})

    async def wake(
        self, caller: Caller, key: FunctionKey, hold_s: float | None, is_refused: bool = False
    ) -> WakeResult:
        self.wakes.append((key, hold_s))
        self.doubted += is_refused
        if self.decisions is None:
            return WakeResult(WakeState.NOT_READY, 0.0)
        if not self._sees(caller, key):
            return WakeResult(WakeState.NOT_FOUND, 0.0)
        if key in self.states:
            return WakeResult(self.states[key], 0.0)
        if key in self.refused:
            return WakeResult(WakeState.REFUSED, 0.0, "BUDGET")
        if hold_s == 0:
            return WakeResult(WakeState.STARTED, 0.0)
        if self.holding >= self.places:
            return WakeResult(WakeState.FULL, 0.0)
        return await self._hold(hold_s)

    async def is_serving(self, caller: Caller, key: FunctionKey) -> bool:
        return key in self.serving and self._sees(caller, key)

    async def _hold(self, hold_s: float | None) -> WakeResult:
        self.holding += 1
        self.held.set()
        try:
            async with asyncio.timeout(hold_s):
                await self.ready.wait()
            if self.has_moved:
                return WakeResult(WakeState.MOVED, 0.0)
        except TimeoutError:
            return WakeResult(WakeState.NOT_READY, hold_s or 0.0)
        finally:
            self.holding -= 1
            self.freed.set()
        return WakeResult(WakeState.READY, 0.5)

    def hold_s(self, caller: Caller, key: FunctionKey) -> float | None:
        return self.policy_hold_s if self._sees(caller, key) else None

    def plan(self) -> Plan | None:
        return self._plan

    def ruled(self) -> Ruled:
        return self._ruled

    def latest(self) -> Decisions | None:
        return self.decisions

    def history(self, key: FunctionKey) -> Sequence[DecisionRecord]:
        return [record for record in self.past if record.key == key]

    def recent(self) -> Sequence[DecisionRecord]:
        return self.past

    def replicas(self) -> Replicas | None:
        return Replicas(self.decisions.requested, self.decisions.ready) if self.decisions is not None else None

    def health(self) -> Health:
        return replace(self._health(), **self.state)

    def last_wakes(self, key: FunctionKey) -> Sequence[WakeRecord]:
        return self.wake_log.of(key)

    def wake_times(self) -> WakeTimes:
        return self.wake_log.times()

    def held_by(self, key: FunctionKey) -> HeldView | None:
        return self.left_alone.get(key)

    def elsewhere(self, caller: Caller, key: FunctionKey) -> str | None:
        return self.shards.get(key)

    def take_up(self, key: FunctionKey) -> bool:
        """Take up what no autoscaler has."""
        held = self.left_alone.get(key)
        if held is None or held.ends_in_s is None:
            return False
        del self.left_alone[key]
        return True

    def _health(self) -> Health:
        return Health(
            is_ready=self.decisions is not None,
            ticks=12,
            overruns=1,
            last_tick_s=0.043,
            last_tick_age_s=0.4 if self.decisions is not None else None,
            dry_run=False,
            problems=['umbrella.yaml:7: spec.replicas.mx is "no" field'],
            sources=[
                SourceHealth("main", True, None, 0.021, 240, 0),
                SourceHealth("second", False, "HTTP 503", 0.5, 0, 3, whole_age_s=12.0, query_problems=OWN_QUERIES),
            ],
            writes={ScaleOutcome.DONE: 31, ScaleOutcome.LOST: 1},
            write_failures=[
                WriteFailure(FunctionKey("umbrella", "render"), ScaleOutcome.FORBIDDEN, "no right", Now(990.0, 1.0))
            ],
            boosts=[BoostView(name, Effect.BOOST, keys, (6,) * len(keys), 120.0) for name, keys in self.boosts.items()],
        )

    def _sees(self, caller: Caller, key: FunctionKey) -> bool:
        if self.decisions is None or key not in self.decisions.fleet.row_of:
            return False
        fleet = self.decisions.fleet
        return caller.may_see_function(fleet.tenants[fleet.tenant[fleet.row_of[key]]], key)
