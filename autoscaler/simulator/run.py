"""A run: the platform in virtual time, and the daemon's own controller deciding over it."""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from autoscaler.core.columns import Ints
from autoscaler.core.decisions import Decisions
from autoscaler.core.events import Event
from autoscaler.core.fleet import FunctionKey
from autoscaler.core.now import Now
from autoscaler.core.observation import Load, Observation
from autoscaler.core.obstacles import Obstacle
from autoscaler.core.reasons import REASON_OF, Reason
from autoscaler.policy.alerts import Alert, boost_events
from autoscaler.policy.plan import FunctionPlan, Plan
from autoscaler.policy.waking import started_with, woken
from autoscaler.simulator.agenda import Agenda, Priority
from autoscaler.simulator.baselines.deciding import hears_wakes
from autoscaler.simulator.baselines.registry import make_decider
from autoscaler.simulator.bounds import Bounds
from autoscaler.simulator.events import AlertEvent, ObstacleEvent, PrometheusOutage, TargetDown, WakeEvent
from autoscaler.simulator.held import HoldRule
from autoscaler.simulator.lanes import Lanes
from autoscaler.simulator.measurement import Measurement
from autoscaler.simulator.peaks import Peaks, groups_of
from autoscaler.simulator.per_request.scenario import run as per_request
from autoscaler.simulator.planning import plan_of
from autoscaler.simulator.platform import Platform
from autoscaler.simulator.result import Gap, Member, Result, result_of
from autoscaler.simulator.scenario import CALLS, Scenario, ScenarioError, Traces

Kind = TypeVar("Kind", bound=np.generic)

Progress = Callable[[float], None]
"""Told the virtual seconds that are done, at every tick."""

Record = Callable[[Now, Observation | None, tuple[Event, ...], Decisions], None]
"""Told every step of the decider: what went in, and what came out."""

Watch = Callable[[float, Observation, Decisions, Platform], None]
"""Told every full tick, after it was decided and before its writes have come: virtual seconds, what was seen and decided."""


class Decider(Protocol):
    """Whoever decides in a run: the daemon's controller, or a baseline that planners compare with."""

    def step(self, now: Now, observation: Observation | None, events: Sequence[Event]) -> Decisions:
        """Decide a full tick; or, without an observation, answer events between ticks."""


NOBODYS = (None, None)
"""Tenant and pool of a function whose namespace no tenant claims."""

MakeDecider = Callable[[Scenario, Plan, Platform], Decider]
"""Makes the decider of a run; the platform may be looked at, not changed."""


def simulate(
    scenario: Scenario,
    files: Mapping[str, str],
    *,
    traces: Traces | None = None,
    seed: int | None = None,
    progress: Progress | None = None,
    record: Record | None = None,
    watch: Watch | None = None,
    decider: MakeDecider | None = None,
    provenance: Mapping[str, str] | None = None,
) -> Result:
    """Run a scenario.

    Args:
        files: texts of its policy documents by name.
        traces: its recorded workloads, read; None: it has none.
        seed: of all randomness; None: the scenario's. A seed repeats a run to the byte.
        decider: makes whoever decides; None: the scenario says it. In mode perRequest nobody does, and there are neither
            ticks to watch nor steps to record.
        provenance: what the outcome rests on beside all this, for whoever reads it.

    Raises:
        ScenarioError: something is wrong with a policy document, or a workload or metric is missing.
    """
    traces = {} if traces is None else traces
    scenario = scenario.resolved(traces)
    chosen = scenario.seed if seed is None else seed
    if scenario.mode == "perRequest":
        plan = plan_of(scenario, files, scenario.utc)
        return per_request(scenario, plan, traces, chosen, progress, provenance)
    run = Run(scenario, partial(plan_of, scenario, files), chosen, traces, record, watch, decider, provenance)
    return run.to_the_end(progress)


class Run:
    """One run. Everything that happens is on the agenda, but requests to functions at zero.

    Those are looked for ahead, since each is a wake the moment it comes: a gateway asks for it at once.
    """

    def __init__(
        self,
        scenario: Scenario,
        plan: Callable[[float], Plan],
        seed: int,
        traces: Traces,
        record: Record | None = None,
        watch: Watch | None = None,
        decider: MakeDecider | None = None,
        provenance: Mapping[str, str] | None = None,
    ) -> None:
        """Set a run up.

        Args:
            plan: compiles the policies as of UTC seconds; asked again when the schedules of a plan run out.

        Raises:
            ScenarioError: from `plan`, or a workload or metric is missing.
        """
        self.scenario = scenario
        self.plan = plan(scenario.utc)
        self.seed = seed
        self._plan_at = plan
        self._workloads = scenario.workloads(traces)
        self._lanes = Lanes(scenario.metrics(), self._workloads)
        if missing := self._lanes.missing(self.plan):
            raise ScenarioError(missing)
        generator = np.random.Generator(np.random.PCG64(seed))
        calls = {key: workload for (key, name), workload in self._workloads.items() if name == CALLS}
        self.platform = Platform(tuple(scenario.specs()), calls, generator, scenario.start_up.law())
        self.measurement = Measurement(scenario.scrape_interval, scenario.range)
        self._named = scenario.decider.type if decider is None else ""
        self.decider = (decider or make_decider(scenario.decider))(scenario, self.plan, self.platform)
        self._record, self._watch, self._provenance = record, watch, provenance
        self._agenda = Agenda()
        self._rows = _rows(self.platform, self.plan)
        self._has_same_rows = np.array_equal(self._rows, np.arange(len(self.platform.keys)))
        wakes = [function.wake_hold_s is not None for function in self.plan.functions]
        self._may_wake = np.array(wakes, dtype=np.bool_)
        self._hears_wakes = hears_wakes(self.decider)
        self._wakeable = np.zeros(len(self.platform.keys), dtype=np.bool_)
        self._wakeable[self._rows[self._may_wake]] = self._hears_wakes
        for key, function in zip(self.plan.fleet.keys, self.plan.functions, strict=True):
            self.platform.hold_by(key, _hold_rule(function))
        self._obstacles: dict[FunctionKey, list[Obstacle]] = defaultdict(list)  # of each, those that last now
        self._silences = self._downs = 0  # spans that last now; they may overlap
        self._ticks = 0
        self._changes: Counter[Reason] = Counter()
        self._reasons = np.zeros(256, dtype=np.int64)  # decisions of full ticks, by code
        self._panics = np.zeros(len(self.plan.fleet), dtype=np.int64)  # full ticks in panic mode, by row
        self._bounds = Bounds()
        self._homes = _homes(self.plan)
        groups = {key: groups_of(*self._homes.get(key, NOBODYS)) for key in self.platform.keys}
        self._peaks = Peaks(groups, ((key, self.platform.requested(key)) for key in self.platform.keys))

    def to_the_end(self, progress: Progress | None = None) -> Result:
        """Run for the scenario's duration and give the outcome."""
        self._fill_agenda()
        end_s = self.scenario.duration
        while (next_s := self._agenda.next_s) is not None and next_s <= end_s:
            if self._wake_next(next_s):
                continue
            at_s, action = self._agenda.pop()
            action(at_s)
            if progress is not None:
                progress(at_s)
        while self._wake_next(end_s):
            pass
        self.platform.advance(end_s)
        return self._result()

    def _fill_agenda(self) -> None:
        self._agenda.add(0.0, Priority.TICK, self._tick)
        self._agenda.add(self.measurement.due_s, Priority.SCRAPE, self._scrape)
        for number, event in enumerate(self.scenario.events):
            match event:
                case PrometheusOutage():
                    self._agenda.add(event.start, Priority.EVENT, partial(self._silence, 1))
                    self._agenda.add(event.end, Priority.EVENT, partial(self._silence, -1))
                case TargetDown():
                    self._agenda.add(event.start, Priority.EVENT, partial(self._down, 1))
                    self._agenda.add(event.end, Priority.EVENT, partial(self._down, -1))
                case ObstacleEvent():
                    for key in filter(event.touches, self.platform.keys):
                        self._agenda.add(event.start, Priority.EVENT, partial(self._obstruct, key, event.obstacle))
                        self._agenda.add(event.end, Priority.EVENT, partial(self._clear, key, event.obstacle))
                case AlertEvent():
                    self._agenda.add(event.start, Priority.EVENT, partial(self._alert, event, f"alert{number}"))
                case WakeEvent():
                    self._agenda.add(event.at, Priority.EVENT, partial(self._wake, event.key))

    def _tick(self, at_s: float) -> None:
        self.platform.advance(at_s)
        if self.scenario.utc + at_s >= self.plan.known_until_s:
            self.plan = self._plan_at(self.scenario.utc + at_s)
        fleet = self.plan.fleet
        observation = Observation(
            fleet=fleet,
            load=self._load(at_s),
            requested=self._of_plan(self.platform.requested_column()),
            ready=self._of_plan(self.platform.ready_column()),
            waiting=self._of_plan(self.platform.waiting_column()) * self._may_wake,
            is_held=np.zeros(len(fleet), dtype=np.bool_),
            obstacle=self._of_plan(self.platform.obstacle_column()),
        )
        decisions = self._step(at_s, observation, ())
        self._count(at_s, decisions)
        if self._watch is not None:
            self._watch(at_s, observation, decisions, self.platform)
        self._ticks += 1
        self._agenda.add(self._ticks * self.scenario.tick, Priority.TICK, self._tick)

    def _of_plan(self, column: NDArray[Kind]) -> NDArray[Kind]:
        """Give a column of the platform in the rows of the plan; mostly they are the same."""
        return column if self._has_same_rows else column[self._rows]

    def _count(self, at_s: float, decisions: Decisions) -> None:
        """Count a full tick's decisions; rows at rest are not among them."""
        self._reasons += np.bincount(decisions.reason, minlength=len(self._reasons))
        self._reasons[Reason.ZERO_IDLE] += len(decisions.fleet) - len(decisions.rows)
        self._panics[decisions.rows[decisions.panicking]] += 1
        self._bounds.take(decisions, min(self.scenario.tick, self.scenario.duration - at_s))

    def _load(self, at_s: float) -> Load:
        """Give what is seen of the loads at a tick."""
        fleet = self.plan.fleet
        load = self.measurement.load(fleet, at_s)
        if len(fleet.others.names):
            values, is_idle = self._lanes.fill(self.plan, load, self.platform, at_s)  # a queue goes on unseen
            load = replace(load, others=values, others_idle=is_idle)
        return self.measurement.silence(fleet) if self._silences else load

    def _scrape(self, at_s: float) -> None:
        if self._silences:
            self.measurement.skip(at_s)
        else:
            self.platform.advance(at_s)
            self.measurement.scrape(self.platform, is_up=not self._downs)
        self._agenda.add(self.measurement.due_s, Priority.SCRAPE, self._scrape)

    def _silence(self, change: int, _at_s: float) -> None:
        self._silences += change

    def _down(self, change: int, _at_s: float) -> None:
        self._downs += change

    def _obstruct(self, key: FunctionKey, obstacle: Obstacle, at_s: float) -> None:
        self._obstacles[key].append(obstacle)
        self._set_obstacle(key, at_s)

    def _clear(self, key: FunctionKey, obstacle: Obstacle, at_s: float) -> None:
        self._obstacles[key].remove(obstacle)
        self._set_obstacle(key, at_s)

    def _set_obstacle(self, key: FunctionKey, at_s: float) -> None:
        """Put the newest of the obstacles that last in the function's way."""
        self.platform.advance_one(key, at_s)
        self.platform.obstruct(key, (self._obstacles[key] or [Obstacle.NONE])[-1])

    def _alert(self, event: AlertEvent, fingerprint: str, at_s: float) -> None:
        """Send an alert as it stands, and again after its repeat interval or at its end."""
        is_firing = at_s < event.end
        alert = Alert(fingerprint, f"{event.start:g}s", is_firing, event.labels)
        boosts, _ = boost_events(self.plan, None, [alert], at_s)
        if boosts:
            self._step(at_s, None, tuple(boosts))
        if is_firing:
            again_s = min(at_s + event.repeat, event.end)
            self._agenda.add(again_s, Priority.EVENT, partial(self._alert, event, fingerprint))

    def _wake_next(self, until_s: float) -> bool:
        """Wake for the first request to a function at zero up to a time; tell whether there was one."""
        found = self.platform.next_asleep_arrival(until_s, self._wakeable)
        if found is None:
            return False
        at_s, key = found
        self._wake(key, at_s)
        return True

    def _wake(self, key: FunctionKey, at_s: float) -> None:
        self.platform.advance_one(key, at_s)
        row = self.plan.fleet.row_of.get(key)
        wakes = woken(self.plan, row, self.platform.waiting(key)) if row is not None else ()
        if row is None or not wakes or np.any(self._step(at_s, None, wakes).desired == 0):
            return
        if with_it := started_with(self.plan, (row,)):
            self._step(at_s, None, tuple(with_it))

    def _step(self, at_s: float, observation: Observation | None, events: tuple[Event, ...]) -> Decisions:
        now = Now(monotonic_s=at_s, utc_s=self.scenario.utc + at_s)
        decisions = self.decider.step(now, observation, events)
        if self._record is not None:
            self._record(now, observation, events, decisions)
        if self._hears_wakes:  # else who is held waits for the end of the hold, or for a replica that comes by itself
            self.platform.decided(decisions, events)
        for position in decisions.changed.tolist():
            row = int(decisions.rows[position])
            self._changes[REASON_OF[int(decisions.reason[position])]] += 1
            if not self.plan.functions[row].dry_run:
                self._write(self.plan.fleet.keys[row], int(decisions.desired[position]), at_s)
        return decisions

    def _write(self, key: FunctionKey, replicas: int, at_s: float) -> None:
        if self.scenario.write_delay:
            arrives_s = at_s + self.scenario.write_delay
            self._agenda.add(arrives_s, Priority.WRITE, partial(self._scale, key, replicas))
        else:
            self._scale(key, replicas, at_s)

    def _scale(self, key: FunctionKey, replicas: int, at_s: float) -> None:
        self.platform.advance_one(key, at_s)
        self._peaks.change(key, replicas - self.platform.requested(key), at_s)
        self.platform.scale(key, replicas)

    def _result(self) -> Result:
        return result_of(
            title=self.scenario.title,
            seed=self.seed,
            duration_s=self.scenario.duration,
            ticks=self._ticks,
            members=self._members(),
            most=self._peaks.most,
            changes=self._changes,
            decided={REASON_OF[code]: int(self._reasons[code]) for code in np.flatnonzero(self._reasons).tolist()},
            prices=self.scenario.prices,
            bound=self._bounds.found(self.plan.fleet),
            gaps=self._gaps(),
            provenance=self._provenance,
            decider=self._named,
        )

    def _members(self) -> Iterator[Member]:
        """Give what happened to every function, and whose it is."""
        panics = dict(zip(self.plan.fleet.keys, self._panics.tolist(), strict=True))
        for key, statistics in self.platform.all_statistics():
            tenant, pool = self._homes.get(key, NOBODYS)
            yield Member(self.platform.spec(key), statistics, tenant, pool, panics.get(key, 0))

    def _gaps(self) -> Iterator[Gap]:
        """Say of which stretches the recorded workloads know nothing, by function and name."""
        end_s = self.scenario.duration
        for (key, name), workload in sorted(self._workloads.items(), key=lambda item: item[0]):
            for from_s, to_s in workload.gaps(end_s).tolist():
                yield Gap(str(key), name, from_s, to_s)


def _homes(plan: Plan) -> Mapping[FunctionKey, tuple[str, str]]:
    """Give the tenant and the pool of every function that has them."""
    fleet, budgets = plan.fleet, plan.fleet.budgets
    homes = [(tenant, budgets.pools[pool]) for tenant, pool in zip(fleet.tenants, budgets.pool.tolist(), strict=True)]
    return {key: homes[tenant] for key, tenant in zip(fleet.keys, fleet.tenant.tolist(), strict=True)}


def _hold_rule(function: FunctionPlan) -> HoldRule:
    """Give what the daemon does with requests for a function at zero; under a dry run it starts nothing."""
    if function.wake_hold_s is None or function.dry_run:
        return HoldRule(0.0, 0)
    return HoldRule(function.wake_hold_s, function.wake_waiters)


def _rows(platform: Platform, plan: Plan) -> Ints:
    """Give the platform's row of each function of the plan."""
    row_of = {key: row for row, key in enumerate(platform.keys)}
    return np.array([row_of[key] for key in plan.fleet.keys], dtype=np.int64)
