"""The protocols at which daemon, server and adapters meet; none of them imports another."""

from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Protocol

from autoscaler.core.columns import Codes, Floats, no_codes
from autoscaler.core.decisions import DecisionRecord, Decisions
from autoscaler.core.fleet import Fleet, FunctionKey
from autoscaler.core.journal.step import Step
from autoscaler.core.now import Now
from autoscaler.core.observation import Load
from autoscaler.policy.alerts import Alert
from autoscaler.policy.deployment import Deployed
from autoscaler.policy.plan import Plan
from autoscaler.policy.provenance import Provenance


class Clock(Protocol):
    """Tells the time and waits. A demo's clock may run faster than the wall's."""

    def now(self) -> Now: ...

    async def sleep(self, seconds: float) -> None: ...


@dataclass(frozen=True, slots=True)
class QueryProblem:
    """Why a tenant's own query says nothing, for its eyes and the operator's: it names the tenant's policy."""

    tenant: str
    words: str


@dataclass(frozen=True, slots=True)
class SourceHealth:
    """How the last reading of one source went.

    Attributes:
        name: the source.
        is_ok: whether it answered whole.
        error: what went wrong, without secrets; None where nothing did.
        query_s: seconds from asking to the last byte of its answers, parsed.
        series: series in its answers.
        failures: readings that failed since the start.
        whole_age_s: seconds since the tick that last found it answering whole; None: not since the start, or whoever
            says this does not know (the daemon does).
        query_problems: tenants' own queries that say nothing, each with its tenant.
    """

    name: str
    is_ok: bool
    error: str | None
    query_s: float
    series: int
    failures: int
    whole_age_s: float | None = None
    query_problems: Sequence[QueryProblem] = ()


class LoadSource(Protocol):
    """Where loads come from: all Prometheus servers of the settings together."""

    async def read(self, plan: Plan, now: Now) -> Load:
        """Read one sample of every function; what cannot be known is nan, never an exception."""
        ...

    def health(self) -> Sequence[SourceHealth]: ...


@dataclass(frozen=True, slots=True, eq=False)
class Past:
    """What was before.

    Attributes:
        moments: when, and what a tick would have read then, oldest first; to be gone through once.
        problems: why sources do not reach back as far as was asked for, by name; empty where all do, or time ran out.
    """

    moments: Iterator[tuple[Now, Load]]
    problems: Mapping[str, str]


class PastLoads(Protocol):
    """Where the loads of before this daemon come from."""

    async def past(
        self, plan: Plan, now: Now, *, reach_s: float, within_s: float, every_s: float, fine_s: float
    ) -> Past:
        """Read samples of the past, each as `LoadSource.read` would have given it then.

        What cannot be known is nan, or a moment that is missing; never an exception. Call it before the first `read`.

        Args:
            now: the moment it is asked at; moments are seconds before it.
            reach_s: how far back.
            within_s: longest that it may take.
            every_s: distance of ticks.
            fine_s: the newest stretch in which moments stand at that distance, so that they weigh as ticks do.
        """
        ...


@dataclass(frozen=True, slots=True)
class Catalog:
    """The Deployments there are.

    Attributes:
        version: changes whenever `deployed` does, and not when only replicas change.
        deployed: all watched Deployments, functions or not.
    """

    version: int
    deployed: Sequence[Deployed]


@dataclass(frozen=True, slots=True, eq=False)
class Replicas:
    """Replica columns of a fleet, `(functions,) float64` unless said.

    Attributes:
        requested: `spec.replicas`.
        ready: `status.readyReplicas`.
        obstacle: `(functions,) uint8`, `Obstacle`: why replicas are missing. Left out: nothing is known of any.
    """

    requested: Floats
    ready: Floats
    obstacle: Codes = field(default_factory=no_codes)


@dataclass(frozen=True, slots=True)
class ScaleChange:
    """One write: from the count that was read, of the very object that was read."""

    key: FunctionKey
    uid: str
    old: int
    new: int


class ScaleOutcome(Enum):
    """What became of a write."""

    DONE = "done"
    LOST = "lost"  # somebody else changed replicas or the object since we read it: decide anew
    GONE = "gone"  # no such Deployment
    FORBIDDEN = "forbidden"  # the daemon lacks the right
    INVALID = "invalid"  # the API server calls the value wrong
    RETRY = "retry"  # 429, 5xx, time-out or no connection: try later


@dataclass(frozen=True, slots=True)
class ScaleResult:
    """What became of a write, with the wait that the API server asked for and the words it gave.

    Attributes:
        outcome: what became of it.
        retry_after_s: seconds to wait before another try; None: the API server did not say.
        message: its words.
        is_throttled: it was refused because of how much this daemon asks, not because of this write (429).
    """

    outcome: ScaleOutcome
    retry_after_s: float | None = None
    message: str = ""
    is_throttled: bool = False


@dataclass(frozen=True, slots=True)
class ReplicaChange:
    """A change of `spec.replicas` that was not this daemon's.

    Attributes:
        key: the Deployment.
        uid: the very object.
        old: replicas before it, as last heard.
        new: replicas after it.
        manager: who made it, as `managedFields` names the owner of `spec.replicas`; "" where nobody is named.
        is_deploy: it came with a new pod template, or by apply: somebody described what shall run, once. Such a
            change is looked at and never counted.
        has_new_template: it came with a new pod template; a deploy without one only puts its count back.
    """

    key: FunctionKey
    uid: str
    old: int
    new: int
    manager: str
    is_deploy: bool
    has_new_template: bool = False


@dataclass(frozen=True, slots=True)
class WatchState:
    """How one watch fares.

    Attributes:
        kind: plural of what it follows, such as `deployments`.
        namespace: where; None: everywhere.
        listed: objects read by its list so far.
        is_synced: it has read a whole list; it stays so while the API server is away.
        is_needed: nothing is written without it; the others only explain, or make a wake more exact.
        age_s: seconds since it was last heard of.
        problem: why it cannot be kept now; None: it can.
    """

    kind: str
    namespace: str | None
    listed: int
    is_synced: bool
    is_needed: bool
    age_s: float
    problem: str | None


class Cluster(Protocol):
    """The Kubernetes API, as a cache that is kept by watches, and as writes of the scale subresource."""

    def is_synced(self) -> bool:
        """Whether the cache holds every Deployment of every watched namespace."""
        ...

    def age_s(self) -> float:
        """Seconds since the API server was last heard of (an event, a bookmark, a list)."""
        ...

    def problems(self) -> Sequence[str]:
        """Say which watches cannot be kept now, and why, without secrets; empty where all are."""
        ...

    def catalog(self) -> Catalog: ...

    def replicas(self, fleet: Fleet) -> Replicas:
        """Give replica columns in the fleet's rows; rows of Deployments that are gone hold 0."""
        ...

    def subscribe(self, listener: Callable[[FunctionKey, int, int], None]) -> None:
        """Call `listener(key, requested, ready)` in the event loop whenever a watched Deployment changes."""
        ...

    def subscribe_changes(self, listener: Callable[[ReplicaChange], None]) -> None:
        """Call the listener in the event loop whenever somebody else has changed a Deployment's replicas."""
        ...

    def rivals(self) -> Mapping[FunctionKey, str]:
        """Name the HorizontalPodAutoscaler of every Deployment that has one; another object whenever this changes."""
        ...

    def watches(self) -> Sequence[WatchState]:
        """Say how every watch fares, those that are needed first."""
        ...

    def serving(self, key: FunctionKey) -> int | None:
        """Give the ready endpoints of a function's Service; None: it has no Service, or they are not known.

        Whoever subscribed is called when this changes.
        """
        ...

    async def scale(self, change: ScaleChange) -> ScaleResult:
        """Write one change if object and count are still those that were read; `replicas` then has what is there."""
        ...


@dataclass(frozen=True, slots=True)
class LeaseRecord:
    """What a Lease says.

    Attributes:
        holder: identity of who holds it; "": it was released.
        address: HOST:PORT at which the holder answers; "": it said none.
        duration_s: after so long without a renewal others may take it.
        transitions: how often it changed hands.
        version: of the record that was read, opaque; a write from another version is refused. "": none yet.
    """

    holder: str
    address: str
    duration_s: float
    transitions: int
    version: str = ""


class LeaseConflict(RuntimeError):
    """Somebody else wrote the Lease since it was read."""


class LeaseUnavailable(RuntimeError):
    """The Lease can neither be read nor written now; the message says why, without secrets."""


class LeaseStore(Protocol):
    """One Lease; its questions raise `LeaseUnavailable`."""

    async def read(self) -> LeaseRecord | None:
        """Give what it says; None: there is none yet."""
        ...

    async def write(self, record: LeaseRecord) -> LeaseRecord:
        """Make or replace it if it still has the version of this record, and give it with its new version.

        Raises:
            LeaseConflict: it has another version by now.
        """
        ...

    def follow(self, since: LeaseRecord | None) -> AsyncIterator[LeaseRecord | None]:
        """Give what it says whenever that changes from `since` on, None: it is gone; ends whenever it likes."""
        ...


@dataclass(frozen=True, slots=True)
class LeadershipState:
    """Who decides.

    Attributes:
        is_leader: this daemon does.
        lease: name of the Lease; None: there is none, this daemon is alone.
        identity: this daemon's name in it.
        holder: who holds it, as last read; None: nobody, or it was never read.
        address: HOST:PORT of the holder; None: nobody said one.
        transitions: how often this daemon became the holder.
        problem: why the Lease cannot be read or written now; None: it can.
    """

    is_leader: bool
    lease: str | None = None
    identity: str = ""
    holder: str | None = None
    address: str | None = None
    transitions: int = 0
    problem: str | None = None


class Leadership(Protocol):
    """Whether this daemon is the one that decides and writes."""

    def may_write(self) -> bool:
        """Tell whether it may write at this very moment: it holds the Lease, and renewed it within its deadline."""
        ...

    def state(self) -> LeadershipState: ...

    async def gained(self) -> None:
        """Wait until this daemon may write."""
        ...

    async def lost(self) -> None:
        """Wait until it may no longer."""
        ...

    async def run(self) -> None:
        """Take part until cancelled."""
        ...

    async def release(self) -> None:
        """Give the Lease up at once, so that a standby need not wait for its end; after this nothing may be written."""
        ...


class DecisionSink(Protocol):
    """Whoever keeps decisions: memory, log, metrics."""

    def take(self, decisions: Decisions) -> None: ...


@dataclass(frozen=True, slots=True)
class Announcement:
    """What people shall find beside a Deployment.

    Attributes:
        key: the function.
        uid: its Deployment.
        tenant: whose it is.
        is_warning: somebody may have to do something.
        reason: the decision's reason as one word, such as `MaxReplicas`.
        words: the decision in words.
        utc_s: when it was decided.
    """

    key: FunctionKey
    uid: str
    tenant: str
    is_warning: bool
    reason: str
    words: str
    utc_s: float


class AnnouncementFailed(RuntimeError):
    """An announcement was not written; the message says why, without secrets."""


class Announcements(Protocol):
    """Where decisions are told of, beside the Deployments themselves."""

    async def announce(self, announcement: Announcement) -> None:
        """Write one.

        Raises:
            AnnouncementFailed: it was not written.
        """
        ...


class StepSink(Protocol):
    """Whoever keeps whole steps, what went in and what came out: the decision log."""

    def begin(self, now: Now) -> None:
        """Hear that a controller without memory takes the next step; called in the thread that decides.

        Args:
            now: the time; the first steps may tell it of the past.
        """
        ...

    def take_step(self, step: Step, provenance: Provenance) -> None:
        """Take a step; called in the thread that decides, so it never waits for anything.

        Args:
            provenance: what the plan in force was compiled from.
        """
        ...


@dataclass(frozen=True, slots=True)
class LogState:
    """How the decision log fares.

    Attributes:
        path: its folder.
        files: files of it.
        bytes: their size, as last counted.
        steps: steps written since the start.
        lost: steps decided and not written since the start, because the disk was too slow, full or away.
        error: why nothing is written now; None: nothing stands against it.
    """

    path: str
    files: int
    bytes: int
    steps: int
    lost: int
    error: str | None


@dataclass(frozen=True, slots=True)
class Recollection:
    """What a decision log says of one function over a span.

    Attributes:
        records: decisions that were to change its replicas, each once, oldest first.
        from_utc_s: the log was read from here on; later than asked where it begins later, or was not read to its end.
        is_whole: the span was read from its beginning, as far as the log goes back.
        lost: steps within it that are in no file.
        unreadable: files, or rests of files, that could not be read, and why.
        tenants: whose it was within what was read; empty: no decision on it is known.
    """

    records: Sequence[DecisionRecord]
    from_utc_s: float | None
    is_whole: bool
    lost: int
    unreadable: Sequence[str]
    tenants: frozenset[str]


class ArchiveError(RuntimeError):
    """The decision log cannot be read; the message says why."""


class DecisionArchive(Protocol):
    """What was decided long ago; its questions raise `ArchiveError` where the log cannot be read."""

    def state(self) -> LogState: ...

    async def at(self, key: FunctionKey, utc_s: float) -> DecisionRecord | None:
        """Give the decision on a function that held at a time; None: the log has none."""
        ...

    async def changes(self, key: FunctionKey, since_utc_s: float, until_utc_s: float) -> Recollection:
        """Give a function's changed decisions of a span; bounded in number and in time to look for them."""
        ...


class Role(Enum):
    """What a credential lets its bearer do."""

    OPERATOR = "operator"  # everything, for every tenant
    TENANT = "tenant"  # everything, for its own tenant
    GATEWAY = "gateway"  # wakes only, for the tenants it serves


@dataclass(frozen=True, slots=True)
class Caller:
    """Who is asking.

    Attributes:
        role: what it may do.
        tenants: whose; None: everybody's (an operator).
        namespaces: the only ones of its tenants that it may see; None: all of theirs.
    """

    role: Role
    tenants: frozenset[str] | None
    namespaces: frozenset[str] | None = None

    def may_see(self, tenant: str) -> bool:
        return self.tenants is None or tenant in self.tenants

    def may_see_function(self, tenant: str, key: FunctionKey) -> bool:
        return self.may_see(tenant) and (self.namespaces is None or key.namespace in self.namespaces)


class Verb(Enum):
    """What is done to functions, as rights on `functions.autoscaler.faas.dev` name it."""

    GET = "get"
    UPDATE = "update"


@dataclass(frozen=True, slots=True)
class Asked:
    """What a request wants, as far as its head tells.

    Attributes:
        verb: what it does.
        namespace: where; None: everywhere.
    """

    verb: Verb
    namespace: str | None = None


@dataclass(frozen=True, slots=True)
class KubernetesUser:
    """Whom Kubernetes calls the bearer of a token.

    Attributes:
        name: user name.
        uid: its id; "" where it has none.
        groups: names of its groups.
        extra: what its authenticator said of it beyond.
    """

    name: str
    uid: str
    groups: tuple[str, ...]
    extra: tuple[tuple[str, tuple[str, ...]], ...] = ()


class AccessUnknown(RuntimeError):
    """Whether somebody may do this cannot be found out now; the message says why, without secrets."""


class AccessDenied(RuntimeError):
    """Kubernetes knows the bearer and does not let it do this; the message names the right that lacks."""


class AccessReviews(Protocol):
    """What Kubernetes knows of tokens and rights; both questions raise `AccessUnknown`."""

    async def authenticate(self, token: str) -> KubernetesUser | None:
        """Tell who bears a token; None: nobody."""
        ...

    async def is_allowed(self, user: KubernetesUser, asked: Asked) -> bool:
        """Tell whether a user may do this to functions."""
        ...


@dataclass(frozen=True, slots=True)
class AlertReceipt:
    """What became of the alerts of one webhook.

    Attributes:
        accepted: alerts that raised, repeated or lifted a boost.
        dropped: number of alerts dropped, by reason (`foreign-namespace`, `no-function`, `no-rule`).
    """

    accepted: int
    dropped: Mapping[str, int]


class WakeState(Enum):
    """How a wake ended."""

    READY = "ready"  # a replica can serve
    STARTED = "started"  # hold=0: it was asked to start
    NOT_READY = "not-ready"  # not within the hold
    REFUSED = "refused"  # a budget, cap, pause or `wake: null` forbids it
    FULL = "full"  # too many requests are held already
    NOT_FOUND = "not-found"  # no such function, or not this caller's


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
    """An alert's boost in force."""

    id: str
    keys: tuple[FunctionKey, ...]
    floors: tuple[int, ...]
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
    leadership: LeadershipState = LeadershipState(is_leader=True)
    writes_queued: Mapping[str, int] = field(default_factory=dict)
    writes_waited_s: Mapping[str, float] = field(default_factory=dict)
    writes_per_second: float = 0.0
    watches: Sequence[WatchState] = ()
    held: Sequence[HeldView] = ()
    foreign_writes: Mapping[str, int] = field(default_factory=dict)
    reverted: Sequence[RevertView] = ()
    recalled: int | None = None


class Autoscaling(Protocol):
    """What the HTTP server may ask of the daemon."""

    async def identify(self, token: str, asked: Asked) -> Caller | None:
        """Tell who bears this token, as far as it may do what is asked; None: nobody.

        Raises:
            AccessDenied: Kubernetes knows the bearer, and gives it no such right.
            AccessUnknown: Kubernetes cannot be asked now.
        """
        ...

    async def take_alerts(self, caller: Caller, alerts: Sequence[Alert]) -> AlertReceipt:
        """Queue what these alerts raise or lift; the event loop goes on while they are translated."""
        ...

    async def wake(self, caller: Caller, key: FunctionKey, hold_s: float | None) -> WakeResult:
        """Start a function and hold until it is ready; cancelling the call gives the place up.

        Args:
            hold_s: longest wait, seconds, cut to the policy's own; 0: start, don't wait; None: the policy's.
        """
        ...

    def plan(self) -> Plan | None:
        """Give the plan of the last tick; None before the first."""
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

    def elsewhere(self, caller: Caller, key: FunctionKey) -> str | None:
        """Name the shard that decides on a function of the caller's, such as `2/3`; None: no other one does."""
        ...

    def take_up(self, key: FunctionKey) -> bool:
        """Decide on a function again that was left to a foreign writer; False: it was not, or an HPA still scales it."""
        ...
