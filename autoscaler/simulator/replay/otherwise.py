"""The recorded loads under other policies: what they would have decided."""

import math
from collections.abc import Callable, Iterable
from dataclasses import replace

import numpy as np

from autoscaler.core.columns import Bools, Floats, Ints
from autoscaler.core.controller import Controller
from autoscaler.core.fleet import Fleet, FunctionKey
from autoscaler.core.journal.step import Damage, Entry, Gap, Head, Origin, Recorded, Step
from autoscaler.core.observation import Load, Observation, PanicAverages
from autoscaler.policy.plan import Plan
from autoscaler.simulator.replay.accounts import Accounts
from autoscaler.simulator.replay.again import MakeController
from autoscaler.simulator.replay.lagging import Lagging

MakePlan = Callable[[Fleet, Origin, float], Plan]
"""Compiles the other policies for the functions of a fleet, at a time (UTC seconds)."""


class Otherwise:
    """Decides a log's loads under other policies.

    Load is taken as recorded: more or fewer replicas change no request rate, no requests in flight, no wake and no
    alert. `requested` is what the replay decided last, written at once; `ready` follows it after the start-up lag. Requests
    that were held for a start are held only while the replay has no ready replica either.

    Args:
        make: makes a controller as a run's was made.
        make_plan: compiles the other policies.
        start_up_s: seconds from a raise until its replicas are ready.
        is_alone: nobody else writes in the replay, so that nothing is left to a foreign writer of the recording.
        from_utc_s: ticks before are decided, so that the controller knows its past, and not counted.

    Attributes:
        accounts: what came of it, by function.
        ticks: ticks decided and counted.
        lost: steps that are in no file.
        damaged: stretches of bytes that could not be read.
        unscaled: functions of the log that no tenant of the other documents has.
    """

    def __init__(
        self,
        make: MakeController,
        make_plan: MakePlan,
        start_up_s: float,
        *,
        is_alone: bool = False,
        from_utc_s: float = -math.inf,
    ) -> None:
        self.accounts = Accounts()
        self.ticks = self.lost = self.damaged = 0
        self.unscaled: set[FunctionKey] = set()
        self._make = make
        self._make_plan = make_plan
        self._start_up_s = start_up_s
        self._is_alone = is_alone
        self._from_utc_s = from_utc_s
        self._controller: Controller | None = None
        self._run: str | None = None
        self._next_number = 0
        self._scene: _Scene | None = None
        self._latest: tuple[Fleet, float] | None = None

    def take(self, entries: Iterable[Entry]) -> None:
        """Decide everything that a log holds."""
        for entry in entries:
            match entry:
                case Head():
                    if entry.run != self._run:
                        self._controller, self._run = self._make(entry), entry.run
                        self.accounts.pause()
                    elif entry.number != self._next_number:
                        self.accounts.pause()
                    self._next_number = entry.number + 1
                case Gap():
                    self.lost += entry.lost if entry.utc_s >= self._from_utc_s else 0
                    self.accounts.pause()
                case Damage():
                    self.damaged += 1
                    self.accounts.pause()
                case Recorded():
                    self._step(entry)

    def _step(self, entry: Recorded) -> None:
        step = entry.step
        if self._controller is None:
            self._controller = self._make(Head("", 0, ""))
        if step.observation is None:
            if self._scene is not None:
                self._between(self._controller, self._scene, step)
            return
        scene = self._followed(step.observation, entry.origin, step)
        observation = scene.observation(step.observation, step.now.monotonic_s)
        if self._is_alone:
            observation = replace(observation, is_held=np.zeros(len(scene.fleet), np.bool_))
        if step.is_recall:
            self._controller.recall(step.now, observation)
            return
        decisions = self._controller.step(step.now, observation, step.events)
        if step.now.utc_s >= self._from_utc_s:
            found = step.observation.requested[scene.rows]
            self.ticks += 1
            self.accounts.tick(step.now, step.decisions, decisions, found, scene.requested, scene.rows)
        scene.requested[decisions.rows] = decisions.desired

    def _between(self, controller: Controller, scene: "_Scene", step: Step) -> None:
        decisions = controller.step(step.now, None, step.events)
        if decisions.fleet is scene.fleet:
            scene.requested[decisions.rows] = decisions.desired

    def _followed(self, observation: Observation, origin: Origin, step: Step) -> "_Scene":
        """Give the scene of a tick; another fleet, or a calendar that ends, makes another."""
        recorded, utc_s = observation.fleet, step.now.utc_s
        if self._scene is None or self._latest is None or recorded is not self._latest[0] or utc_s >= self._latest[1]:
            plan = self._make_plan(recorded, origin, utc_s)
            self._latest = (recorded, plan.known_until_s)
            self._scene = _Scene(plan.fleet, observation, self._scene, self._start_up_s)
            self.unscaled.update(recorded.row_of.keys() - plan.fleet.row_of.keys())
            self.accounts.follow(plan.fleet)
        return self._scene


class _Scene:
    """The functions of one plan, with the replicas that they have in the replay.

    Attributes:
        fleet: the plan's.
        rows: `(functions,) int64`, row of each in the recorded fleet.
        requested: `(functions,) float64`, replicas that the replay asks for.
    """

    def __init__(self, fleet: Fleet, observation: Observation, before: "_Scene | None", start_up_s: float) -> None:
        recorded = observation.fleet
        self.fleet = fleet
        self.rows: Ints = np.array([recorded.row_of[key] for key in fleet.keys], np.int64)
        self.requested = observation.requested[self.rows]
        self._lagging = Lagging(observation.ready[self.rows], start_up_s)
        self._lanes = _lanes(fleet, recorded)
        if before is not None:
            self._carry(before)

    def observation(self, recorded: Observation, now_s: float) -> Observation:
        """Give what a tick would have seen."""
        rows = self.rows
        ready = self._lagging.ready(now_s, self.requested)
        obstacle = recorded.obstacle[rows] if recorded.obstacle.size else recorded.obstacle
        return Observation(
            fleet=self.fleet,
            load=self._load(recorded.load),
            requested=self.requested.copy(),
            ready=ready,
            waiting=recorded.waiting[rows] * (ready < 1),
            is_held=recorded.is_held[rows],
            obstacle=obstacle,
        )

    def _load(self, load: Load) -> Load:
        rows = self.rows
        columns = {
            name: getattr(load, name)[rows]
            for name in ("rps", "concurrency", "in_flight", "is_covered", "is_idle", "range_s")
        }
        panic = None if load.panic is None else PanicAverages(load.panic.rps[rows], load.panic.concurrency[rows])
        others, idle = self._others(load)
        return replace(load, **columns, panic=panic, others=others, others_idle=idle)

    def _others(self, load: Load) -> tuple[Floats, Bools]:
        """Give further metrics where the log has the same one of the same function, else unknown."""
        known = self._lanes >= 0
        others, idle = np.full(len(self._lanes), np.nan), np.zeros(len(self._lanes), np.bool_)
        if load.others.size:
            others[known] = load.others[self._lanes[known]]
        if load.others_idle.size:
            idle[known] = load.others_idle[self._lanes[known]]
        return others, idle

    def _carry(self, before: "_Scene") -> None:
        """Take over the replicas of functions that were there before."""
        olds = [(row, before.fleet.row_of.get(key)) for row, key in enumerate(self.fleet.keys)]
        uids, old_uids = self.fleet.uids, before.fleet.uids
        pairs = [(row, old) for row, old in olds if old is not None and uids[row] == old_uids[old]]
        new, old = (np.array([pair[side] for pair in pairs], np.int64) for side in (0, 1))
        self.requested[new] = before.requested[old]
        self._lagging.carry(before._lagging, new, old)


def _lanes(fleet: Fleet, recorded: Fleet) -> Ints:
    """Give the recorded lane of each further metric: the same function's, of the same kind and name; -1: none."""
    ours, theirs = fleet.others, recorded.others
    there = {
        (recorded.keys[row], kind, name): lane
        for lane, (row, kind, name) in enumerate(
            zip(theirs.rows.tolist(), theirs.kind.tolist(), theirs.names, strict=True)
        )
    }
    wanted = zip(ours.rows.tolist(), ours.kind.tolist(), ours.names, strict=True)
    return np.array([there.get((fleet.keys[row], kind, name), -1) for row, kind, name in wanted], np.int64)
