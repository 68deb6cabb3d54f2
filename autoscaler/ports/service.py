"""What the HTTP server may ask of the daemon."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from autoscaler.core.decisions import DecisionRecord, Decisions
from autoscaler.core.events import Effect
from autoscaler.core.fleet import FunctionKey
from autoscaler.core.now import Now
from autoscaler.core.wake_state import WakeState
from autoscaler.policy.alerts import Alert
from autoscaler.policy.compile import Ruled
from autoscaler.policy.plan import Plan
from autoscaler.ports.access import Asked, Caller, Shown
from autoscaler.ports.cluster import Replicas, ScaleOutcome, WatchState
from autoscaler.ports.leadership import LeadershipState
from autoscaler.ports.loads import SourceHealth
from autoscaler.ports.statuses import StatusOutcome
from autoscaler.ports.wakes import WakeRecord, WakeTimes


@dataclass(frozen=True, slots=True)
class AlertReceipt:
    """What became of the alerts of one webhook.

    Attributes:
        accepted: alerts that raised, repeated or lifted a boost.
        dropped: number of alerts dropped, by reason (`foreign-namespace`, `ambiguous-function`, `no-function`, `no-rule`,
            `too-many-effects`, and `malformed` of what could not be read at all).
    """

    accepted: int
    dropped: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class WakeResult:
    """How a wake ended.

    Attributes:
        state: how.
        waited_s: seconds that it was held.
        reason: what forbade it: a decision's reason code name (`BUDGET`), or `DRY_RUN` where nothing is written for this
            function, or `WAKE_NOT_ALLOWED` where its policy says `wake: null`; None where nothing did.
    """

    state: WakeState
    waited_s: float
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class WriteFailure:
    """A write that did not go through, as the status shows it."""

    key: FunctionKey
    outcome: ScaleOutcome
    message: str
    at: Now


@dataclass(frozen=True, slots=True)
class BoostView:
    """An alert's boost, freeze or wake in force.

    Attributes:
        id: fingerprint, startsAt and rule, parted by slashes.
        effect: what it does.
        keys: functions that it holds up.
        floors: their floors in replicas, in the order of `keys`; None: a freeze has none.
        ends_in_s: seconds until it ends by itself.
    """

    id: str
    effect: Effect
    keys: tuple[FunctionKey, ...]
    floors: tuple[int | None, ...]
    ends_in_s: float


@dataclass(frozen=True, slots=True)
class HeldView:
    """A function that is left alone because somebody else changes its replicas.

    Attributes:
        key: the function.
        by: who, by name: a field manager, or `HorizontalPodAutoscaler NAME`.
        changes: changes of theirs that were counted.
        ends_in_s: seconds until it is taken up again if they stay quiet; None: for as long as the autoscaler is there.
    """

    key: FunctionKey
    by: str
    changes: int
    ends_in_s: float | None


@dataclass(frozen=True, slots=True)
class RevertView:
    """A function whose replicas a manifest puts back again and again; it is no foreign writer, and never left alone.

    Attributes:
        key: the function.
        by: who applies it, a field manager.
        times: how often it did.
        last_ago_s: seconds since the last time.
    """

    key: FunctionKey
    by: str
    times: int
    last_ago_s: float


@dataclass(frozen=True, slots=True)
class Health:
    """The daemon's own state.

    Attributes:
        is_ready: caches synced and a first tick done.
        ticks: full ticks so far.
        overruns: ticks that took longer than the tick interval.
        last_tick_s: seconds that the last tick took, queries included.
        last_tick_age_s: seconds since it ended; None before the first.
        dry_run: whether the whole daemon writes nothing.
        problems: policy documents refused, as sentences.
        sources: the Prometheus sources.
        writes: writes by outcome.
        write_failures: functions whose last write did not go through.
        boosts: boosts in force.
        step_failures: ticks and steps that an unforeseen error ended; the daemon went on.
        writes_held: why nothing is written although there is no dry run; None: nothing stands against it.
        cluster_problems: watches of the cluster that cannot be kept now, and why, as sentences.
        refused_events: wakes and boosts that were dropped since the start: there was no place, or steps failed over them.
        state_bytes: bytes of the state that the controller keeps of all functions.
        leadership: whether this daemon decides, and who does.
        writes_queued: writes that wait, by class (`wake`, `raise`, `cut`); those that back off included.
        writes_waited_s: seconds that the first in line has waited, by class; who backs off is not in line. 0: nobody is.
        writes_per_second: writes a second that were sent over the last ten seconds.
        watches: how every watch of the cluster fares.
        held: functions left alone because of a foreign writer, the first thousand by name.
        foreign_writes: changes of functions' replicas by others since the start, by manager; deploys apart.
        reverted: functions whose replicas a manifest puts back again and again, the latest hundred.
        recalled: moments of the past that were told before the first tick; None: that is not done, or nobody knows any.
        status_writes: writes of custom resources' statuses since the start, by outcome; empty: none are read.
    """

    is_ready: bool
    ticks: int
    overruns: int
    last_tick_s: float
    last_tick_age_s: float | None
    dry_run: bool
    problems: Sequence[str]
    sources: Sequence[SourceHealth]
    writes: Mapping[ScaleOutcome, int]
    write_failures: Sequence[WriteFailure]
    boosts: Sequence[BoostView]
    step_failures: int = 0
    writes_held: str | None = None
    cluster_problems: Sequence[str] = ()
    refused_events: int = 0
    state_bytes: int = 0
    leadership: LeadershipState = field(default_factory=lambda: LeadershipState(is_leader=True))
    writes_queued: Mapping[str, int] = field(default_factory=dict)
    writes_waited_s: Mapping[str, float] = field(default_factory=dict)
    writes_per_second: float = 0.0
    watches: Sequence[WatchState] = ()
    held: Sequence[HeldView] = ()
    foreign_writes: Mapping[str, int] = field(default_factory=dict)
    reverted: Sequence[RevertView] = ()
    recalled: int | None = None
    status_writes: Mapping[StatusOutcome, int] = field(default_factory=dict)


class Autoscaling(Protocol):
    """What the HTTP server may ask of the daemon."""

    async def identify(self, shown: Shown, asked: Asked) -> Caller | None:
        """Tell who shows this, as far as it may do what is asked; None: nobody.

        What the head of the request shows goes before the names of a certificate: behind one connection of a gateway
        there may be many senders.

        Raises:
            AccessDenied: Kubernetes knows the bearer, and gives it no such right.
            AccessUnknown: Kubernetes cannot be asked now.
        """
        ...

    async def take_alerts(self, caller: Caller, alerts: Sequence[Alert]) -> AlertReceipt:
        """Queue what these alerts raise or lift; the event loop goes on while they are translated."""
        ...

    async def wake(
        self, caller: Caller, key: FunctionKey, hold_s: float | None, is_refused: bool = False
    ) -> WakeResult:
        """Start a function and hold until it is ready; cancelling the call gives the place up.

        Where this daemon does not decide any more, or cannot tell yet who does, the state is MOVED: with what is left of
        the hold (`waited_s` is gone of it) the caller asks whoever decides then, this daemon perhaps.

        Args:
            hold_s: longest wait, seconds, cut to the policy's own; 0: start, don't wait; None: the policy's.
            is_refused: a connection to the function was refused just now, so that it is not ready before another one
                has succeeded.
        """
        ...

    async def is_serving(self, caller: Caller, key: FunctionKey) -> bool:
        """Tell whether a function of the caller's can be reached at this moment, as far as this daemon has heard.

        It is the answer to a wake while nobody decides: then nothing is cut either, and whoever decides next takes what
        runs for wanted.
        """
        ...

    def plan(self) -> Plan | None:
        """Give the plan of the last tick; None before the first."""
        ...

    def ruled(self) -> Ruled:
        """Give what holds for each function of `plan()`, and who said it; for none where there is no plan."""
        ...

    def latest(self) -> Decisions | None:
        """Give the decisions of the last full tick, whose rows are the fleet's; None before the first."""
        ...

    def history(self, key: FunctionKey) -> Sequence[DecisionRecord]:
        """Give a function's last changed decisions, oldest first."""
        ...

    def recent(self) -> Sequence[DecisionRecord]:
        """Give the last changed decisions of all functions, oldest first; bounded."""
        ...

    def replicas(self) -> Replicas | None:
        """Give replicas as the cache has them now, in the rows of `latest()`; None before the first tick."""
        ...

    def health(self) -> Health: ...

    def held_by(self, key: FunctionKey) -> HeldView | None:
        """Say to whom a function is left; None: to nobody."""
        ...

    def hold_s(self, caller: Caller, key: FunctionKey) -> float | None:
        """Give the longest hold of a function's policy, seconds; None: it is never woken, not the caller's, or nothing is
        known of it yet."""
        ...

    def last_wakes(self, key: FunctionKey) -> Sequence[WakeRecord]:
        """Give a function's last wakes, oldest first; bounded."""
        ...

    def wake_times(self) -> WakeTimes:
        """Say where the time of wakes went, by tenant."""
        ...

    def elsewhere(self, caller: Caller, key: FunctionKey) -> str | None:
        """Name the shard that decides on a function of the caller's, such as `2/3`; None: no other one does."""
        ...

    def take_up(self, key: FunctionKey) -> bool:
        """Decide on a function again that was left to a foreign writer; False: it was not, or an HPA still scales it."""
        ...
