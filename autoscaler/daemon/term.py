"""A term: one stretch of time over which this daemon decides, tick by tick, and at once for wakes and alerts."""

import asyncio
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from autoscaler.core.controller import Controller
from autoscaler.core.decisions import Decisions
from autoscaler.core.events import BoostFiring, BoostResolved, Event, Wake
from autoscaler.core.fleet import FunctionKey
from autoscaler.core.now import Now
from autoscaler.core.observation import Load, Observation
from autoscaler.daemon import telemetry
from autoscaler.daemon.alerts import RETRY_FIRING_S, ReadFiring, receive
from autoscaler.daemon.events import EventQueue
from autoscaler.daemon.grid import TickGrid
from autoscaler.daemon.planner import Planned
from autoscaler.daemon.present import Present
from autoscaler.daemon.promised import promised
from autoscaler.daemon.recall import recall
from autoscaler.daemon.rounds import ended
from autoscaler.daemon.shell import Shell
from autoscaler.daemon.stepper import Stepped, Stepper
from autoscaler.daemon.waiting import flag_or_time
from autoscaler.daemon.wakes import WakeHub
from autoscaler.daemon.wishes import Wishes
from autoscaler.policy.alerts import freeze_events
from autoscaler.policy.plan import Plan
from autoscaler.policy.waking import started_with, woken
from autoscaler.ports import (
    Reached,
    Replicas,
    ScaleOutcome,
)

SYNC_POLL_S = 0.05
TURNS_TO_SEND = 10
"""Turns of the event loop in which what a step wishes goes out. What else is to be done about it begins after them: a
thread that computes would take the interpreter while somebody waits for a write."""


class Term:
    """Decides from its `run` until its `close`.

    It begins as a freshly started daemon does: without memory, so that what runs is a floor until whole windows are
    known. A controller that was kept over a gap would take a load that fell while another daemon decided for one
    that it had seen fall itself, without the look-back of stabilization windows.

    Attributes:
        events: what waits for a step.
        hub: requests that are held.
        present: replicas as they are at this moment.
        planned: the plan of the last tick, before the first what the daemon kept warm; None: there is none yet.
        latest: decisions of the last full tick; None before the first.
        last_step: what the last step came to; None before the first.
        recalled: moments of the past that the controller was told; None: that is not done yet, or nobody knows them.

    Args:
        shell: what outlives the term.
        controller: without memory; only `Stepper` calls it.
        planned: a plan of a whole list of Deployments, so that alerts and wakes can be taken before the first tick.
    """

    def __init__(self, shell: Shell, controller: Controller, planned: Planned | None) -> None:
        self.events = EventQueue()
        self.present = Present(shell.cluster.serving, shell.clock)
        self.hub = WakeHub(shell.clock, self._ask, self.serves, self._dial, self.events.touch, shell.wake_log)
        self.planned = planned
        self.latest: Decisions | None = None
        self.last_step: Stepped | None = None
        self.recalled: int | None = None
        self._shell = shell
        self._stepper = Stepper(controller, shell.sinks, shell.step_in, shell.journals)
        if planned is not None:
            self._look(planned)
        self._began: Sequence[Event] = ()
        self._retained: Plan | None = None
        self._unread = 0  # Alertmanagers that must be asked again
        self._frozen: list[BoostFiring] = []  # until they answer
        self._kept: asyncio.Future[None] | None = None
        self._beside: list[asyncio.Future[Any]] = []
        self._closing = asyncio.Event()
        self._ticked = asyncio.Event()

    async def run(self) -> None:
        """Decide until cancelled or closed."""
        self._beside.append(asyncio.ensure_future(self._shell.rounds.forever(self._step_between)))
        try:
            await self._tick_on_grid()
        finally:
            await ended(self._beside)

    def close(self) -> None:
        """Wish nothing any more, and let go of every request that is held: whoever decides next is asked anew."""
        self._closing.set()
        self.hub.close()

    async def quiet(self) -> None:
        """Wait until no step is under way; after `close` none has an effect, and none begins."""
        await self.hub.closed()
        async with self._stepper.turn:
            return

    @property
    def has_ticked(self) -> bool:
        """Whether a full tick was done."""
        return self._ticked.is_set()

    @property
    def refused_events(self) -> int:
        """Wakes and boosts of this term that were dropped."""
        return self.events.refused + (self.last_step.refused_events if self.last_step is not None else 0)

    def serves(self, key: FunctionKey) -> bool:
        """Tell whether a function has replicas that can serve and will stay: none that are being taken to zero.

        Under a dry run nobody takes them anywhere, whatever is decided.
        """
        if self.planned is not None and self._is_dry(self.planned, key):
            return self.present.ready(key) >= 1
        return not self._shell.writes.is_ending(key) and self.present.staying(key) >= 1

    def heard(self, key: FunctionKey, requested: int, ready: int) -> None:
        """Take over what the watch tells of a Deployment."""
        self.present.heard(key, requested, ready)
        self.hub.heard(key)

    def settled(self, key: FunctionKey, outcome: ScaleOutcome) -> None:
        """Take over what became of a write."""
        self.hub.settled(key, outcome)

    async def _tick_on_grid(self) -> None:
        shell, closing = self._shell, self._closing
        while not closing.is_set() and not shell.cluster.is_synced():
            await flag_or_time(closing, shell.clock, SYNC_POLL_S)
        await shell.rounds.once(self._read_past)
        grid = TickGrid(shell.settings.tick, shell.clock.now().monotonic_s)
        while not closing.is_set():
            await shell.rounds.once(self._tick)
            now_s = shell.clock.now().monotonic_s
            overruns = grid.overruns
            wait_s = grid.next_s(now_s) - now_s
            if grid.overruns > overruns:
                shell.counts.overruns += 1
                telemetry.log.warning("tick overran", tick_s=shell.counts.last_s, interval_s=shell.settings.tick)
            await flag_or_time(closing, shell.clock, wait_s)

    async def _read_past(self) -> None:
        """Learn what was before this term: alerts that fire, and loads; what cannot be known of it holds what runs.

        Without the alerts the loads are not told either: what a boost holds up must not be cut by a load that is known
        before it is. Nor must it be later: while nobody says what fires, functions with alert rules are frozen.
        """
        shell = self._shell
        if self._closing.is_set():
            return
        planned = await shell.planner.current(shell.clock.now().utc_s)
        self._began = await self._promised(planned)
        heard = self.events.begin_reading()
        found = await asyncio.gather(*(self._firing(read, planned.plan) for read in shell.firing))
        missing = [read for read, events in zip(shell.firing, found, strict=True) if events is None]
        if missing:
            telemetry.log.warning("alerts cannot be read back", retry_s=RETRY_FIRING_S)
        if missing or not shell.firing:
            self._unread = len(missing)
            self._frozen = freeze_events(planned.plan, shell.clock.now().monotonic_s)
            self.events.put(self._frozen)
        self._beside += [asyncio.ensure_future(shell.rounds.once(partial(self._read_later, read))) for read in missing]
        try:
            if shell.past is not None and not missing:
                now, seen = shell.clock.now(), self._look(planned)
                self.recalled = await recall(shell.past, planned, now, shell.settings.tick, seen, self._stepper)
        finally:
            self._put_back([event for events in found for event in events or ()], heard)

    async def _promised(self, planned: Planned) -> Sequence[Event]:
        """Wake what runs and may go to zero: whoever decided before may have told somebody a moment ago that it is ready.

        Else a load of the past could prove it idle before that request shows in any scrape.
        """
        loop, requested = asyncio.get_running_loop(), self._look(planned).requested
        return await loop.run_in_executor(self._shell.slow_in, promised, planned.plan, requested)

    def _put_back(self, boosts: Sequence[BoostFiring | BoostResolved], heard: set[str]) -> None:
        """Let boosts multiply what the load wants: from the first tick on where the past told it, else after that tick."""
        if self.recalled:
            self.events.put_read(boosts, heard)
            return

        async def put_after_the_first_tick() -> None:
            await self._ticked.wait()
            self.events.put_read(boosts, heard)

        self._beside.append(asyncio.ensure_future(put_after_the_first_tick()))

    async def _tick(self) -> None:
        shell = self._shell
        started = shell.clock.now()
        planned = await shell.planner.current(started.utc_s)
        if planned.plan is not self._retained:
            shell.writes.retain(planned.plan.fleet)
            self._retained = planned.plan
        load = await shell.loads.read(planned.plan, started)
        shell.sources.take(shell.loads.health(), started.monotonic_s)
        async with self._stepper.turn:
            await self._step(started, planned, self._observe(planned, load))
        if self._closing.is_set():
            return
        if self._kept is not None:
            await self._kept  # so that what is to be kept never piles up
        ended_s = shell.clock.now().monotonic_s
        shell.counts.ticks += 1
        shell.counts.last_s, shell.counts.last_ended_s = ended_s - started.monotonic_s, ended_s
        self._ticked.set()

    def _observe(self, planned: Planned, load: Load) -> Observation:
        self._shell.writes.observed()
        fleet, seen = planned.plan.fleet, self._look(planned)
        waiting, held = self.hub.column(fleet), self._shell.foreign.held(fleet, self.latest)
        return Observation(fleet, load, seen.requested, seen.ready, waiting, is_held=held, obstacle=seen.obstacle)

    def _look(self, planned: Planned) -> Replicas:
        """Give what the watch has told until now; it goes on during a step, so these columns are the step's alone."""
        columns = self._shell.cluster.replicas(planned.plan.fleet)
        seen = Replicas(columns.requested.copy(), columns.ready.copy(), columns.obstacle.copy())
        self.present.observed(planned.plan.fleet, seen.requested, seen.ready)
        return seen

    async def _step_between(self) -> None:
        """Decide once between ticks, as soon as something happens that shall not wait."""
        await self._ticked.wait()
        await self.events.has_urgent.wait()
        if self._closing.is_set():
            # To be cancelled: round after round that does nothing would let nobody else run.
            await asyncio.Event().wait()
        async with self._stepper.turn:
            if self.planned is not None and self.events.has_urgent.is_set():
                await self._step(self._shell.clock.now(), self.planned, None)

    async def _step(self, now: Now, planned: Planned, observation: Observation | None) -> None:
        if self._closing.is_set():
            return
        events = [self._as_it_is(event) for event in self.events.take()]
        try:
            stepped = await self._stepper.step(now, planned, observation, [*self._began, *events])
        except BaseException:
            self.events.give_back(events)
            raise
        self.events.done(events)
        self._began = ()
        has_begun = self.planned is not None
        self.planned, self.last_step = planned, stepped
        if not has_begun:
            self._shell.planned()
        stands = not self._closing.is_set() and self._shell.writes_held() is None
        self._act(stepped, events, stands=stands)
        loop = asyncio.get_running_loop()
        self._kept = loop.create_task(self._keep(stepped.decisions, planned, stands=stands))

    def _act(self, stepped: Stepped, events: Sequence[Event], *, stands: bool) -> None:
        decisions, writes = stepped.decisions, self._shell.writes
        if decisions.is_tick:
            self.latest = decisions
        self.present.decided(decisions)
        if stands and not self._shell.settings.dry_run:
            writes.offer(self._without_recalled(stepped.wishes), decisions.is_tick, decisions.now.monotonic_s)
        else:
            writes.drop_unsent()
        self._start_with(self.hub.decided(decisions, events, is_acted_on=stands))

    def _start_with(self, wanted: Sequence[FunctionKey]) -> None:
        """Wake what starts with functions, now that it was decided that these start; what runs of it shall stay."""
        if self.planned is None:
            return
        plan = self.planned.plan
        rows = [
            row for key in wanted if plan.functions[row := plan.fleet.row_of[key]].wake_with and not self.serves(key)
        ]
        for wake in started_with(plan, rows):
            if self.present.is_wanted(wake.key):
                self.events.touch(wake.key)
            else:
                self.events.put([wake])

    def _without_recalled(self, wishes: Wishes) -> Wishes:
        """Leave functions alone whose last replica somebody came for, and was told of, while it was decided away."""
        return wishes.without([key for key in self.events.awaited() if wishes.ends(key)])

    async def _keep(self, decisions: Decisions, planned: Planned, *, stands: bool) -> None:
        """Keep a step's decisions, and tell of them beside the Deployments unless they are given up: nobody acts on those."""
        loop, shell = asyncio.get_running_loop(), self._shell
        for _ in range(TURNS_TO_SEND):
            await asyncio.sleep(0)
        is_dry = partial(self._is_dry, planned)
        await loop.run_in_executor(shell.slow_in, self._keep_history, decisions, is_dry)
        if shell.announcer is not None and stands:
            shell.announcer.offer(await loop.run_in_executor(shell.slow_in, shell.announcer.pick, decisions, is_dry))
        if shell.reporter is not None and stands and decisions.is_tick:
            policies, plan = planned.provenance.policies, planned.plan
            picking = loop.run_in_executor(shell.slow_in, shell.reporter.pick, policies, plan, decisions)
            shell.reporter.offer(await picking)

    def _is_dry(self, planned: Planned, key: FunctionKey) -> bool:
        return self._shell.settings.dry_run or planned.is_dry(key)

    def _ask(self, key: FunctionKey) -> bool:
        """Queue the wake of a function; False: it can't be woken."""
        plan = self.planned.plan if self.planned is not None else None
        row = plan.fleet.row_of.get(key) if plan is not None else None
        if self.planned is None or row is None or self._is_dry(self.planned, key):
            return False
        wakes = woken(self.planned.plan, row, self.hub.waiting(key))
        self.events.put(wakes)
        return bool(wakes)

    def _as_it_is(self, event: Event) -> Event:
        """Tell of a wake how many wait at this moment, which may be more or fewer than when it was asked for."""
        return Wake(event.key, self.hub.waiting(event.key)) if isinstance(event, Wake) else event

    async def _dial(self, key: FunctionKey) -> Reached:
        """Try a connection; one to a replica that is ending says nothing of who comes next."""
        return Reached.REFUSED if self.present.is_leaving(key) else await self._shell.cluster.dial(key)

    def _keep_history(self, decisions: Decisions, is_dry: Callable[[FunctionKey], bool]) -> None:
        telemetry.decided(self._shell.history.take(decisions), is_dry)

    async def _read_later(self, read: ReadFiring) -> None:
        """Put the boosts back that could not be read before the first tick, and thaw what was frozen for want of them."""
        await self._ticked.wait()
        is_read = False
        while not is_read:
            await self._shell.clock.sleep(RETRY_FIRING_S)
            heard = self.events.begin_reading()
            events = await self._firing(read, self.planned.plan) if self.planned is not None else None
            is_read = events is not None
            self.events.put_read(events or (), heard)
        self._unread -= 1
        if not self._unread:
            self.events.put([BoostResolved(frozen.id) for frozen in self._frozen])

    async def _firing(self, read: ReadFiring, plan: Plan) -> Sequence[BoostFiring | BoostResolved] | None:
        """Give the boosts of what fires in one Alertmanager; None: it cannot be read now."""
        alerts = await read()
        if alerts is None:
            return None
        loop, now = asyncio.get_running_loop(), self._shell.clock.now()
        events, receipt = await loop.run_in_executor(
            self._shell.slow_in, receive, plan, self._shell.settings, None, alerts, now
        )
        telemetry.log.info("alerts read back", accepted=receipt.accepted, dropped=dict(receipt.dropped))
        return events
