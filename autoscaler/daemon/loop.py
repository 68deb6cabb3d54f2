"""The daemon: collect, step, act, tick by tick, and at once between ticks for wakes and alerts."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import Executor
from functools import partial
from typing import Any

import numpy as np

from autoscaler.core.controller import Controller
from autoscaler.core.decisions import DecisionRecord, Decisions
from autoscaler.core.events import Event
from autoscaler.core.fleet import FunctionKey
from autoscaler.core.now import Now
from autoscaler.core.observation import Load, Observation
from autoscaler.daemon import telemetry
from autoscaler.daemon.alerts import RETRY_FIRING_S, ReadFiring, receive
from autoscaler.daemon.events import EventQueue
from autoscaler.daemon.foreign import ForeignWriters
from autoscaler.daemon.grid import TickGrid
from autoscaler.daemon.health import held_because
from autoscaler.daemon.history import History
from autoscaler.daemon.leadership import Alone
from autoscaler.daemon.planner import Planned, Planner
from autoscaler.daemon.policies import Policies
from autoscaler.daemon.present import Present
from autoscaler.daemon.stepper import Stepped, Stepper
from autoscaler.daemon.waiting import flag_or_time
from autoscaler.daemon.wakes import WakeHub
from autoscaler.daemon.wishes import Wish
from autoscaler.daemon.writes import WriteScheduler
from autoscaler.policy.alerts import Alert
from autoscaler.policy.plan import Plan
from autoscaler.policy.settings import Settings
from autoscaler.ports import (
    AlertReceipt,
    Caller,
    Clock,
    Cluster,
    DecisionSink,
    Health,
    Leadership,
    LoadSource,
    Replicas,
    ScaleOutcome,
    StepSink,
    WakeResult,
    WakeState,
)

SYNC_POLL_S = 0.05
PAUSE_AFTER_ERROR_S = 1.0
CLOSE_S = 5.0
DRY_RUN = "DRY_RUN"
NEVER_WOKEN = "WAKE_NOT_ALLOWED"


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
        leadership: whether this daemon is the one that decides; None: it is alone.
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
        leadership: Leadership | None = None,
    ) -> None:
        self._clock = clock
        self._cluster = cluster
        self._loads = loads
        self._settings = settings
        self._firing = firing
        self._planner = Planner(settings, policies, cluster, slow_in)
        self._planned: Planned | None = None
        self._latest: Decisions | None = None
        self._events = EventQueue()
        self._present = Present()
        self._history = History()
        self._hub = WakeHub(clock, lambda wake: self._events.put([wake]), self._staying)
        self._leadership: Leadership = leadership if leadership is not None else Alone()
        self._foreign = ForeignWriters(clock, cluster.rivals)
        self._writes = WriteScheduler(clock, cluster, settings.kubernetes, generator, self._settled)
        self._stepper = Stepper(controller, sinks, step_in, journals)
        self._slow_in = slow_in
        self._kept: asyncio.Future[None] | None = None
        self._last_step: Stepped | None = None
        self._sources = telemetry.SourceLog()
        self._stopping = asyncio.Event()
        self._ticked = asyncio.Event()
        self._grid: TickGrid | None = None
        self._ticks = 0
        self._step_failures = 0
        self._last_tick_s = 0.0
        self._last_tick_ended_s: float | None = None
        cluster.subscribe(self._heard)
        cluster.subscribe_changes(self._foreign.changed)

    # The loop

    async def run(self) -> None:
        """Decide until `stop` is called; writes that are out by then are finished."""
        beside: list[asyncio.Future[Any]] = [
            asyncio.ensure_future(work)
            for work in (
                self._forever(self._writes.run),
                self._forever(self._step_between),
                *(self._guarded(partial(self._read_back, read)) for read in self._firing),
            )
        ]
        ticking = asyncio.ensure_future(self._tick_on_grid())
        stopping = asyncio.ensure_future(self._stopping.wait())
        try:
            await asyncio.wait((ticking, stopping), return_when=asyncio.FIRST_COMPLETED)
            await asyncio.wait((ticking,), timeout=CLOSE_S)
        finally:
            await _ended([ticking, stopping, *beside])
            await self._writes.close(CLOSE_S)

    def stop(self) -> None:
        """End `run` after what it does now; may be called from a signal handler."""
        self._stopping.set()

    async def _tick_on_grid(self) -> None:
        while not self._stopping.is_set() and not self._cluster.is_synced():
            await flag_or_time(self._stopping, self._clock, SYNC_POLL_S)
        grid = self._grid = TickGrid(self._settings.tick, self._clock.now().monotonic_s)
        while not self._stopping.is_set():
            await self._guarded(self._tick)
            now_s = self._clock.now().monotonic_s
            overruns = grid.overruns
            wait_s = grid.next_s(now_s) - now_s
            if grid.overruns > overruns:
                telemetry.log.warning("tick overran", tick_s=self._last_tick_s, interval_s=self._settings.tick)
            await flag_or_time(self._stopping, self._clock, wait_s)

    async def _forever(self, work: Callable[[], Awaitable[None]]) -> None:
        while True:
            if not await self._guarded(work):
                await self._clock.sleep(PAUSE_AFTER_ERROR_S)

    async def _guarded(self, work: Callable[[], Awaitable[None]]) -> bool:
        """Do one round of work; an error nobody foresaw is counted and said, and the daemon goes on."""
        try:
            await work()
        except Exception:  # noqa: BLE001 - the outermost loop: one bad round must not end every tenant's scaling
            self._step_failures += 1
            telemetry.log.exception("step failed", failures=self._step_failures)
            return False
        return True

    async def _tick(self) -> None:
        started = self._clock.now()
        planned = await self._planner.current(started.utc_s)
        if self._planned is None or planned.plan is not self._planned.plan:
            self._writes.retain(planned.plan.fleet)
        load = await self._loads.read(planned.plan, started)
        self._sources.take(self._loads.health(), started.monotonic_s)
        async with self._stepper.turn:
            await self._step(started, planned, self._observe(planned, load))
        if self._kept is not None:
            await self._kept  # so that what is to be kept never piles up
        ended_s = self._clock.now().monotonic_s
        self._ticks += 1
        self._last_tick_s, self._last_tick_ended_s = ended_s - started.monotonic_s, ended_s
        self._ticked.set()

    def _observe(self, planned: Planned, load: Load) -> Observation:
        fleet = planned.plan.fleet
        columns = self._cluster.replicas(fleet)
        # The watch goes on while the step runs in its thread: these columns are the step's alone.
        requested, ready = columns.requested.copy(), columns.ready.copy()
        self._present.observed(fleet, requested, ready)
        waiting, held, obstacle = self._hub.waiting(fleet), self._foreign.held(fleet), columns.obstacle.copy()
        return Observation(fleet, load, requested, ready, waiting, is_held=held, obstacle=obstacle)

    async def _step_between(self) -> None:
        """Decide once between ticks, as soon as something happens that shall not wait."""
        await self._ticked.wait()
        await self._events.has_urgent.wait()
        async with self._stepper.turn:
            if self._planned is not None and self._events.has_urgent.is_set():
                await self._step(self._clock.now(), self._planned, None)

    async def _step(self, now: Now, planned: Planned, observation: Observation | None) -> None:
        events = self._events.take()
        try:
            stepped = await self._stepper.step(now, planned, observation, events)
        except BaseException:
            self._events.give_back(events)
            raise
        self._events.done(events)
        self._planned, self._last_step = planned, stepped
        self._act(stepped, events)
        loop = asyncio.get_running_loop()
        self._kept = loop.run_in_executor(self._slow_in, self._keep, stepped.decisions)

    def _act(self, stepped: Stepped, events: Sequence[Event]) -> None:
        decisions = stepped.decisions
        if decisions.is_tick:
            self._latest = decisions
        self._present.decided(decisions)
        self._hub.decided(decisions, events)
        if self._settings.dry_run or held_because(self._cluster, self._leadership) is not None:
            self._writes.drop_unsent()
        else:
            self._writes.offer([wish for wish in stepped.wishes if not self._is_recalled(wish)], decisions.is_tick)

    def _is_recalled(self, wish: Wish) -> bool:
        """Tell whether somebody came for the last replica while it was decided away, and was told that it is there."""
        return wish.change.new == 0 and self._events.awaits(wish.change.key)

    def _staying(self, key: FunctionKey) -> int:
        return 0 if self._writes.is_ending(key) else self._present.staying(key)

    def _keep(self, decisions: Decisions) -> None:
        telemetry.decided(self._history.take(decisions), self._settings.dry_run)

    async def _read_back(self, read: ReadFiring) -> None:
        """Put the boosts back that fired before a restart; until that succeeds what runs is held anyway."""
        await self._ticked.wait()
        if (alerts := await read()) is None:
            telemetry.log.warning("alerts cannot be read back", retry_s=RETRY_FIRING_S)
        while alerts is None:
            await self._clock.sleep(RETRY_FIRING_S)
            alerts = await read()
        if self._planned is not None:
            loop, plan, now = asyncio.get_running_loop(), self._planned.plan, self._clock.now()
            events, receipt = await loop.run_in_executor(self._slow_in, receive, plan, None, alerts, now)
            telemetry.log.info("alerts read back", accepted=receipt.accepted, dropped=dict(receipt.dropped))
            self._events.put(events)

    def _heard(self, key: FunctionKey, requested: int, ready: int) -> None:
        self._present.heard(key, requested, ready)
        self._hub.heard(key, requested, ready)

    def _settled(self, key: FunctionKey, outcome: ScaleOutcome) -> None:
        failure = self._writes.failure(key)
        if failure is not None:
            telemetry.write_failed(failure)
        self._hub.settled(key, outcome)

    # What the server may ask

    def identify(self, token: str) -> Caller | None:
        """Tell who bears this token; None: nobody."""
        return self._planner.latest.identities.identify(token)

    async def take_alerts(self, caller: Caller, alerts: Sequence[Alert]) -> AlertReceipt:
        """Queue what these alerts raise or lift, for a step at once."""
        if self._planned is None:
            return AlertReceipt(0, {})
        # In a thread of its own: what is slow, as compiling a plan is, must not delay an alert.
        plan, now = self._planned.plan, self._clock.now()
        events, receipt = await asyncio.to_thread(receive, plan, caller.tenants, alerts, now)
        self._events.put(events)
        return receipt

    async def wake(self, caller: Caller, key: FunctionKey, hold_s: float | None) -> WakeResult:
        """Start a function and hold until it is ready; cancelling the call gives the place up."""
        planned = self._planned
        if planned is None:
            return WakeResult(WakeState.NOT_READY, 0.0)
        row = planned.plan.fleet.row_of.get(key)
        if row is None or not caller.may_see(planned.plan.fleet.tenants[planned.plan.fleet.tenant[row]]):
            return WakeResult(WakeState.NOT_FOUND, 0.0)
        is_dry = self._settings.dry_run or not planned.may_write[row]
        ready = self._present.ready(key) if is_dry else self._staying(key)
        if ready >= 1:
            self._events.touch(key)
            return WakeResult(WakeState.READY, 0.0)
        function = planned.plan.functions[row]
        if is_dry or function.wake_hold_s is None:
            return WakeResult(WakeState.REFUSED, 0.0, DRY_RUN if is_dry else NEVER_WOKEN)
        if held_because(self._cluster, self._leadership) is not None:
            self._events.touch(key)  # it starts once the API server is heard of again
            return WakeResult(WakeState.NOT_READY, 0.0)
        longest_s = function.wake_hold_s
        return await self._hub.wake(key, longest_s if hold_s is None else min(hold_s, longest_s), function.wake_waiters)

    def plan(self) -> Plan | None:
        """Give the plan of the last tick; None before the first."""
        return self._planned.plan if self._planned is not None else None

    def latest(self) -> Decisions | None:
        """Give the decisions of the last full tick, of rows at rest too; None before the first."""
        return self._latest.whole() if self._latest is not None else None

    def history(self, key: FunctionKey) -> Sequence[DecisionRecord]:
        """Give a function's last changed decisions, oldest first."""
        return self._history.of(key)

    def recent(self) -> Sequence[DecisionRecord]:
        """Give the last changed decisions of all functions, oldest first; bounded."""
        return self._history.recent()

    def replicas(self) -> Replicas | None:
        """Give replicas as the cache has them now, in the rows of `latest()`; None before the first tick."""
        return self._cluster.replicas(self._latest.fleet) if self._latest is not None else None

    def health(self) -> Health:
        """Give the daemon's own state."""
        now_s = self._clock.now().monotonic_s
        ended_s, step = self._last_tick_ended_s, self._last_step
        return Health(
            is_ready=self._ticks > 0 and self._cluster.is_synced(),
            ticks=self._ticks,
            overruns=self._grid.overruns if self._grid is not None else 0,
            last_tick_s=self._last_tick_s,
            last_tick_age_s=now_s - ended_s if ended_s is not None else None,
            dry_run=self._settings.dry_run,
            problems=self._planner.latest.problems,
            sources=self._sources.aged(self._loads.health(), now_s),
            writes=dict(self._writes.counts),
            write_failures=self._writes.failures(),
            boosts=step.boosts if step is not None else (),
            step_failures=self._step_failures,
            writes_held=held_because(self._cluster, self._leadership),
            cluster_problems=self._cluster.problems(),
            refused_events=self._events.refused + (step.refused_events if step is not None else 0),
            state_bytes=step.state_bytes if step is not None else 0,
            leadership=self._leadership.state(),
            watches=self._cluster.watches(),
            held=self._foreign.views(),
            foreign_writes=dict(self._foreign.counts()),
        )

    def take_up(self, key: FunctionKey) -> bool:
        """Decide on a function again that was left to a foreign writer."""
        return self._foreign.take_up(key)


async def _ended(tasks: Sequence[asyncio.Future[Any]]) -> None:
    """End tasks; what one of them failed with is raised, since nobody else would hear of it."""
    for task in tasks:
        task.cancel()
    for outcome in await asyncio.gather(*tasks, return_exceptions=True):
        if isinstance(outcome, Exception):
            raise outcome
