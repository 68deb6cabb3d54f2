"""The daemon: it decides in terms, stands by between them, and answers what the server asks."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Executor
from functools import partial

import numpy as np

from autoscaler.core.controller import Controller
from autoscaler.core.decisions import DecisionRecord, Decisions
from autoscaler.core.fleet import FunctionKey
from autoscaler.daemon import telemetry
from autoscaler.daemon.alerts import ReadFiring, receive
from autoscaler.daemon.announcing import Announcer
from autoscaler.daemon.foreign import ForeignWriters
from autoscaler.daemon.health import held_because, is_standing_by
from autoscaler.daemon.history import History
from autoscaler.daemon.leadership import Alone
from autoscaler.daemon.planner import Planned, Planner
from autoscaler.daemon.policies import Policies
from autoscaler.daemon.progress import Progress
from autoscaler.daemon.reporting import Reporter
from autoscaler.daemon.reviewing import Reviewing
from autoscaler.daemon.rounds import Rounds, ended
from autoscaler.daemon.shell import Shell, TickCounts
from autoscaler.daemon.term import SYNC_POLL_S, Term
from autoscaler.daemon.wake_log import WakeLog
from autoscaler.daemon.waking import Waking
from autoscaler.daemon.writes import STALE_TICKS, WriteScheduler
from autoscaler.policy.alerts import Alert
from autoscaler.policy.compile import Ruled
from autoscaler.policy.plan import Plan, TenantPlan
from autoscaler.policy.settings import Settings
from autoscaler.ports import (
    AccessReviews,
    AlertReceipt,
    Announcements,
    Asked,
    Caller,
    Clock,
    Cluster,
    DecisionSink,
    Health,
    HeldView,
    Leadership,
    LeadershipState,
    LoadSource,
    PastLoads,
    Reached,
    Replicas,
    ScaleOutcome,
    Shown,
    Statuses,
    StepSink,
    WakeRecord,
    WakeResult,
    WakeTimes,
)

CLOSE_S = 5.0


class Daemon:
    """Implements `autoscaler.ports.Autoscaling` over the ports it is given.

    Args:
        clock: all time comes from here.
        cluster: Deployments and writes.
        loads: what Prometheus knows.
        policies: the documents in force.
        settings: what the operator decided.
        controller: the decisions; only `Stepper` calls it.
        generator: jitter of back-off.
        step_in: an executor with one thread, for steps.
        slow_in: another, for what a wake must not wait for: compiling plans, history, logs.
        sinks: further takers of decisions, called in the thread that decides.
        firing: one reader for each Alertmanager, for boosts that fired before a restart.
        journals: takers of whole steps, called in the thread that decides.
        past: who knows loads of before this daemon; None: every start begins with windows that are empty.
        leadership: whether this daemon is the one that decides; None: it is alone.
        reviews: who knows tokens that no document names; None: nobody is asked.
        announcements: where decisions are told of beside the Deployments; None: nowhere.
        statuses: where documents that are custom resources are told what became of them; None: nowhere.
        troubles: what ails the process beside the daemon, by what it concerns; None: nothing does.
    """

    def __init__(
        self,
        clock: Clock,
        cluster: Cluster,
        loads: LoadSource,
        policies: Policies,
        settings: Settings,
        *,
        controller: Controller,
        generator: np.random.Generator,
        step_in: Executor,
        slow_in: Executor,
        sinks: Sequence[DecisionSink] = (),
        firing: Sequence[ReadFiring] = (),
        journals: Sequence[StepSink] = (),
        past: PastLoads | None = None,
        leadership: Leadership | None = None,
        reviews: AccessReviews | None = None,
        announcements: Announcements | None = None,
        statuses: Statuses | None = None,
        troubles: Callable[[], Mapping[str, str | None]] = dict,
    ) -> None:
        self._clock = clock
        self._troubles = troubles
        self._cluster = cluster
        self._loads = loads
        self._settings = settings
        self._controller = controller
        self._leadership: Leadership = leadership if leadership is not None else Alone()
        self._term: Term | None = None
        self._refused_before = 0
        self._rounds = Rounds(clock)
        self._counts = TickCounts()
        self._history = History()
        self._sources = telemetry.SourceLog()
        self._stopping = asyncio.Event()
        self._foreign = ForeignWriters(clock, cluster.rivals, self._leadership.may_write, self._woken)
        self._policies = policies
        self._planner = Planner(settings, policies, cluster, slow_in)
        self._warm: Planned | None = None
        self._reviewing = Reviewing(clock, reviews, self._tenants) if reviews else None
        self._wake_log = WakeLog()
        self._waking = Waking(clock, cluster, self._leadership, self._wake_log, is_dry=settings.dry_run)
        self._writes = WriteScheduler(
            clock,
            cluster,
            settings.kubernetes,
            generator,
            self._settled,
            self._leadership.may_write,
            policies.has,
            STALE_TICKS * settings.tick,
            self._wake_log,
            max((source.timeout for source in settings.sources.values()), default=0.0),
        )
        self._announcer = Announcer(clock, announcements) if announcements else None
        self._reporter = Reporter(clock, statuses, self._leadership.may_write) if statuses else None
        self._shell = Shell(
            clock=clock,
            cluster=cluster,
            loads=loads,
            settings=settings,
            planner=self._planner,
            writes=self._writes,
            foreign=self._foreign,
            history=self._history,
            rounds=self._rounds,
            sources=self._sources,
            counts=self._counts,
            firing=firing,
            sinks=sinks,
            journals=journals,
            past=past,
            step_in=step_in,
            slow_in=slow_in,
            writes_held=partial(held_because, cluster, self._leadership),
            wake_log=self._wake_log,
            planned=self._waking.look_again,
            announcer=self._announcer,
            reporter=self._reporter,
        )
        cluster.subscribe(self._heard)
        cluster.subscribe_changes(self._foreign.changed)

    # The loop

    async def run(self) -> None:
        """Decide whenever this daemon may, until `stop` is called; writes that are out by then are finished."""
        progress = Progress(self._clock, self.health)
        telling = [one.run for one in (self._announcer, self._reporter) if one is not None]
        works = (self._writes.run, progress.run, *telling)
        beside = [asyncio.ensure_future(self._rounds.forever(work)) for work in works]
        deciding = asyncio.ensure_future(self._in_terms())
        stopping = asyncio.ensure_future(self._stopping.wait())
        try:
            await asyncio.wait((deciding, stopping), return_when=asyncio.FIRST_COMPLETED)
        finally:
            self._waking.is_ending = True
            await ended([deciding, stopping, *beside])
            await self._writes.close(CLOSE_S)

    def stop(self) -> None:
        """End `run` after what it does now; may be called from a signal handler."""
        self._stopping.set()

    async def _in_terms(self) -> None:
        """Stand by until this daemon may decide, decide until it may no longer, and begin again."""
        while True:
            standing_by = asyncio.ensure_future(self._rounds.forever(self._keep_warm))
            try:
                await self._leadership.gained()
            finally:
                await ended([standing_by])
            await self._decide()

    async def _keep_warm(self) -> None:
        """Keep the plan of what is there, so that the first tick of a term need not wait for it."""
        if self._cluster.is_synced():
            self._warm = await self._planner.current(self._clock.now().utc_s)
        await self._clock.sleep(self._settings.tick if self._warm is not None else SYNC_POLL_S)

    async def _decide(self) -> None:
        term = self._term = self._waking.term = Term(self._shell, self._controller, self._warm)
        self._waking.look_again()
        deciding, lost = asyncio.ensure_future(term.run()), asyncio.ensure_future(self._leadership.lost())
        try:
            await asyncio.wait((deciding, lost), return_when=asyncio.FIRST_COMPLETED)
        finally:
            self._term = self._waking.term = None
            self._controller = self._controller.anew()
            self._refused_before += term.refused_events
            term.close()
            self._waking.look_again()
            self._writes.drop_unsent()
            if self._reporter is not None:
                self._reporter.drop()
            await term.quiet()
            await ended([deciding, lost])

    def _heard(self, key: FunctionKey, requested: int, ready: int) -> None:
        if self._term is not None:
            self._term.heard(key, requested, ready)

    def _woken(self, key: FunctionKey) -> None:
        if self._term is not None:
            self._term.events.touch(key)

    def _settled(self, key: FunctionKey, outcome: ScaleOutcome) -> None:
        failure = self._writes.failure(key)
        if failure is not None:
            telemetry.write_failed(failure)
        if self._term is not None:
            self._term.settled(key, outcome)

    # What the server may ask

    async def identify(self, shown: Shown, asked: Asked) -> Caller | None:
        """Tell who shows this: a document says it, or Kubernetes of a bearer token; None: nobody."""
        known = self._planner.latest.identities.identify(shown, self._clock.now().utc_s)
        if known is not None or self._reviewing is None or shown.token is None:
            return known
        return await self._reviewing.caller(shown.token, asked)

    def _tenants(self) -> Mapping[str, TenantPlan]:
        """Give all tenants, those of other shards too: whoever asks the wrong one is told which is right."""
        return {**self._policies.elsewhere, **self._planner.latest.plan.tenants}

    async def take_alerts(self, caller: Caller, alerts: Sequence[Alert]) -> AlertReceipt:
        """Queue what these alerts raise or lift, for a step at once."""
        while (term := self._term) is not None and term.planned is not None:
            # In a thread of its own: what is slow, as compiling a plan is, must not delay an alert.
            plan, now = term.planned.plan, self._clock.now()
            events, receipt = await asyncio.to_thread(receive, plan, self._settings, caller.tenants, alerts, now)
            if term is self._term:  # else nobody would ever take them, though they were called accepted
                term.events.put(events, caller.tenants)
                return receipt
        return AlertReceipt(0, {})

    async def wake(
        self, caller: Caller, key: FunctionKey, hold_s: float | None, is_refused: bool = False
    ) -> WakeResult:
        """Start a function and hold until it is ready; cancelling the call gives the place up."""
        return await self._waking.wake(caller, key, hold_s, is_refused)

    async def is_serving(self, caller: Caller, key: FunctionKey) -> bool:
        """Tell whether a function of the caller's can be reached at this moment, as far as this daemon has heard."""
        if self._visible(caller, key) is None or not self._cluster.serving(key):
            return False
        return await self._cluster.dial(key) is Reached.REACHED

    def _visible(self, caller: Caller, key: FunctionKey) -> tuple[Plan, int] | None:
        """Give the plan that is known, and a function's row in it; None: it is not there, or not the caller's."""
        planned = self._term.planned if self._term is not None else self._warm
        row = planned.plan.fleet.row_of.get(key) if planned is not None else None
        if planned is None or row is None:
            return None
        fleet = planned.plan.fleet
        return (planned.plan, row) if caller.may_see_function(fleet.tenants[fleet.tenant[row]], key) else None

    def hold_s(self, caller: Caller, key: FunctionKey) -> float | None:
        """Give the longest hold of a function's policy; None: it is never woken, not the caller's, or nothing is known of
        it yet.

        How long a request for what is not the caller's waits must not tell that it is there.
        """
        found = self._visible(caller, key)
        return found[0].functions[found[1]].wake_hold_s if found is not None else None

    def last_wakes(self, key: FunctionKey) -> Sequence[WakeRecord]:
        """Give a function's last wakes, oldest first; bounded."""
        return self._wake_log.of(key)

    def wake_times(self) -> WakeTimes:
        """Say where the time of wakes went, by tenant."""
        return self._wake_log.times()

    def plan(self) -> Plan | None:
        """Give the plan of the last tick; None before the first, and while another daemon decides."""
        return self._term.planned.plan if self._term is not None and self._term.planned is not None else None

    def ruled(self) -> Ruled:
        """Give what holds for each function of `plan()`, and who said it."""
        return self._term.planned.ruled if self._term is not None and self._term.planned is not None else Ruled()

    def latest(self) -> Decisions | None:
        """Give the decisions of the last full tick, of rows at rest too; None before the first."""
        return self._term.latest.whole() if self._term is not None and self._term.latest is not None else None

    def history(self, key: FunctionKey) -> Sequence[DecisionRecord]:
        """Give a function's last changed decisions, oldest first."""
        return self._history.of(key)

    def recent(self) -> Sequence[DecisionRecord]:
        """Give the last changed decisions of all functions, oldest first; bounded."""
        return self._history.recent()

    def replicas(self) -> Replicas | None:
        """Give replicas as the cache has them now, in the rows of `latest()`; None before the first tick."""
        latest = self._term.latest if self._term is not None else None
        return self._cluster.replicas(latest.fleet) if latest is not None else None

    def health(self) -> Health:
        """Give the daemon's own state."""
        now_s, counts, leadership = self._clock.now().monotonic_s, self._counts, self._leadership.state()
        step = self._term.last_step if self._term is not None else None
        troubles = {
            "leadership": leadership.problem,
            "events": self._announcer.problem if self._announcer else None,
            "statuses": self._reporter.problem if self._reporter else None,
        }
        troubles.update(self._troubles())
        beside = [f"{what}: {problem}" for what, problem in troubles.items() if problem is not None]
        return Health(
            is_ready=self._is_ready(leadership),
            ticks=counts.ticks,
            overruns=counts.overruns,
            last_tick_s=counts.last_s,
            last_tick_age_s=now_s - counts.last_ended_s if counts.last_ended_s is not None else None,
            dry_run=self._settings.dry_run,
            problems=self._planner.latest.problems,
            sources=self._sources.aged(self._loads.health(), now_s),
            writes=dict(self._writes.counts),
            write_failures=self._writes.failures(),
            writes_queued=self._writes.queued(),
            writes_waited_s=self._writes.waited_s(),
            writes_per_second=self._writes.per_second(),
            boosts=step.boosts if step is not None else (),
            step_failures=self._rounds.failures,
            writes_held=None if is_standing_by(leadership) else held_because(self._cluster, self._leadership),
            cluster_problems=[*self._cluster.problems(), *self._waking.problems(), *beside],
            refused_events=self._refused_before + (self._term.refused_events if self._term is not None else 0),
            state_bytes=step.state_bytes if step is not None else 0,
            leadership=leadership,
            watches=self._cluster.watches(),
            held=self._foreign.views(),
            foreign_writes=dict(self._foreign.counts()),
            reverted=self._foreign.reverts(),
            recalled=self._term.recalled if self._term is not None else None,
            status_writes=dict(self._reporter.counts) if self._reporter is not None else {},
        )

    def _is_ready(self, leadership: LeadershipState) -> bool:
        """Tell whether requests can be answered: by this daemon's decisions, or by the holder of the Lease."""
        if self._term is not None:
            return self._term.has_ticked and self._cluster.is_synced()
        return is_standing_by(leadership) and self._warm is not None

    def held_by(self, key: FunctionKey) -> HeldView | None:
        """Say to whom a function is left; None: to nobody."""
        return self._foreign.view(key)

    def elsewhere(self, caller: Caller, key: FunctionKey) -> str | None:
        """Name the shard that decides on a function of the caller's; None: no other one does."""
        found = self._policies.shard_of(key.namespace)
        return str(found[1]) if found is not None and caller.may_see_function(found[0], key) else None

    def take_up(self, key: FunctionKey) -> bool:
        """Decide on a function again that was left to a foreign writer."""
        return self._foreign.take_up(key)
