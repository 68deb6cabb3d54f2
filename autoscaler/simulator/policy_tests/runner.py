"""A test, run: the daemon's own compiler and controller in virtual time, over the loads that the test says."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from functools import partial

import numpy as np

from autoscaler.core.blast_radius import BlastRadiusRule
from autoscaler.core.controller import Controller
from autoscaler.core.decisions import Decisions
from autoscaler.core.events import Event
from autoscaler.core.fleet import FunctionKey
from autoscaler.core.now import Now
from autoscaler.core.observation import Observation
from autoscaler.core.obstacles import Obstacle
from autoscaler.policy.alerts import Alert, boost_events
from autoscaler.policy.budgets import in_the_way
from autoscaler.policy.deployment import Deployed
from autoscaler.policy.functions import OPENFAAS_MARKER
from autoscaler.policy.loading import PolicySet, load
from autoscaler.policy.resources import Given
from autoscaler.policy.waking import started_with, woken
from autoscaler.simulator.events import AlertEvent, ObstacleEvent
from autoscaler.simulator.policy_tests.checks import end_of, functions_of
from autoscaler.simulator.policy_tests.documents import (
    Case,
    CaseEvent,
    ForeignWriter,
    FunctionStart,
    MarkEvent,
    PolicyTests,
    RestartEvent,
    RolloutEvent,
    ScaleEvent,
    WakeEvent,
    key_of,
)
from autoscaler.simulator.policy_tests.judging import Judge
from autoscaler.simulator.policy_tests.loads import Loads
from autoscaler.simulator.policy_tests.outcome import Outcome
from autoscaler.simulator.policy_tests.planning import Planning
from autoscaler.simulator.policy_tests.pods import Pods
from autoscaler.simulator.policy_tests.reading import PolicyTestError, Suite

LONG_AGO_S = 30 * 86_400.0
"""How long before a test its functions were deployed, unless they say otherwise."""

Action = Callable[[float], None]


def prepare(suite: Suite, files: Mapping[str, str], is_wanted: Callable[[str], bool]) -> "list[CaseRun]":
    """Make the tests of one document ready to run.

    Args:
        files: texts of their policy documents by name.
        is_wanted: tells of a test's name whether it is to be run.

    Raises:
        PolicyTestError: something is wrong with a policy document, or tests contradict them; every problem is in it.
    """
    policies = load(files, given=Given(pools=suite.tests.pools))
    problems, runs = list(in_the_way(policies.problems)), []
    for position, case in enumerate(suite.tests.tests) if not problems else ():
        if is_wanted(case.name):
            try:
                runs.append(CaseRun(suite, position, policies))
            except PolicyTestError as error:
                problems += error.problems
    if problems:
        raise PolicyTestError(problems)
    return runs


class CaseRun:
    """One test. Time runs from before 0s (its history) to its end, in ticks; events come before the tick of their time."""

    def __init__(self, suite: Suite, position: int, policies: PolicySet) -> None:
        """Prepare a run.

        Raises:
            PolicyTestError: the test contradicts the policies.
        """
        self._suite, self._path = suite, f"tests[{position}]"
        tests, self._case = suite.tests, suite.tests.tests[position]
        self._end_s = end_of(self._case)
        self._ticks = _ticks(tests, self._case, self._end_s)
        starts = sorted(functions_of(tests, self._case), key=lambda one: one.key)
        self._rows = {one.key: row for row, one in enumerate(starts)}
        self._pods = Pods(
            [one.replicas for one in starts],
            [tests.start_up if one.start_up is None else one.start_up for one in starts],
            [one.created for one in starts],
        )
        self._utc_s = tests.utc if self._case.utc is None else self._case.utc
        range_s = tests.tick if tests.range is None else tests.range
        self._loads = Loads(self._case, self._ticks, range_s)
        self._planning = Planning(policies, tests.pools, self._loads, [self._deployed(one) for one in starts])
        self._controller = self._fresh()
        self._waiting: dict[FunctionKey, int] = {}
        self._held: set[FunctionKey] = set()
        only = starts[0].key if len(starts) == 1 else None
        self._judge = Judge(suite, self._path, self._case, only)
        self._planning.plan_at(self._utc_of(float(self._ticks[0])))
        problems = [*self._planning.problems(), *self._planning.contradictions(suite, self._path, self._case)]
        if problems:
            raise PolicyTestError(problems)

    def outcome(self) -> Outcome:
        """Run it to its end."""
        actions = sorted(self._actions(), key=lambda action: action[0])
        actions.reverse()
        for number, at_s in enumerate(self._ticks.tolist()):
            while actions and actions[-1][0] <= at_s:
                self._happen(*actions.pop())
            self._judge.due(at_s, self._ready())
            self._tick(number, at_s)
        while actions and actions[-1][0] <= self._end_s:
            self._happen(*actions.pop())
        self._pods.advance(self._end_s)
        self._judge.due(np.inf, self._ready())
        return Outcome(
            name=self._case.name,
            why=self._case.why,
            file=self._suite.file,
            line=self._suite.line(self._path),
            expectations=len(self._case.expect),
            failures=self._judge.failures(),
            ticks=len(self._ticks),
        )

    def _fresh(self) -> Controller:
        rule = self._suite.tests.blast_radius
        return Controller(None if rule is None else BlastRadiusRule(rule.replicas, rule.share, rule.period))

    def _deployed(self, start: FunctionStart) -> Deployed:
        since_s = -LONG_AGO_S if start.created is None else start.created
        labels = {OPENFAAS_MARKER: start.key.name, **start.labels}
        return Deployed(start.key, f"uid-{start.key}", labels, dict(start.annotations), self._utc_of(since_s))

    def _utc_of(self, at_s: float) -> float:
        return self._utc_s + at_s

    def _ready(self) -> dict[FunctionKey, int]:
        return {key: int(self._pods.ready[row]) for key, row in self._rows.items()}

    def _happen(self, at_s: float, action: Action) -> None:
        self._judge.due(at_s, self._ready())
        self._pods.advance(at_s)
        action(at_s)

    def _tick(self, number: int, at_s: float) -> None:
        self._pods.advance(at_s)
        planned = self._planning.plan_at(self._utc_of(at_s))
        fleet = planned.plan.fleet
        rows = np.array([self._rows[key] for key in fleet.keys], dtype=np.int64)
        ready = self._pods.ready[rows]
        for key, has_any in zip(fleet.keys, (ready > 0).tolist(), strict=True):
            if has_any:
                self._waiting.pop(key, None)
        observation = Observation(
            fleet=fleet,
            load=self._loads.at(number, fleet, planned.lanes, planned.proves),
            requested=self._pods.requested[rows],
            ready=ready,
            waiting=np.array([float(self._waiting.get(key, 0)) for key in fleet.keys]),
            is_held=np.array([key in self._held for key in fleet.keys], dtype=np.bool_),
            obstacle=self._pods.obstacle[rows],
        )
        self._step(at_s, observation, ())

    def _step(self, at_s: float, observation: Observation | None, events: tuple[Event, ...]) -> Decisions:
        decisions = self._controller.step(Now(at_s, self._utc_of(at_s)), observation, events)
        if at_s < 0:
            return decisions  # history: what was seen before, while the replicas stood as they do at 0s
        self._judge.decided(at_s, decisions)
        for position in decisions.changed.tolist():
            key = decisions.fleet.keys[int(decisions.rows[position])]
            if not self._planning.is_dry_run(key):
                self._pods.scale(self._rows[key], int(decisions.desired[position]), at_s)
        return decisions

    def _actions(self) -> Iterator[tuple[float, Action]]:
        """Give everything that happens, by time."""
        for number, event in enumerate(self._case.events):
            if isinstance(event, AlertEvent):
                yield from self._alerts(event, f"alert{number}")
            else:
                yield from self._action(event)

    def _action(self, event: CaseEvent) -> Iterator[tuple[float, Action]]:
        match event:
            case WakeEvent():
                yield event.at, partial(self._wake, key_of(event.function), event.waiting)
            case MarkEvent():
                yield event.at, partial(self._mark, event)
            case ScaleEvent():
                yield event.at, partial(self._scale, self._rows[key_of(event.function)], event.replicas)
            case RestartEvent():
                yield event.at, self._restart
            case ForeignWriter():
                key = key_of(event.function)
                yield event.start, lambda _at_s: self._held.add(key)
                yield event.end, lambda _at_s: self._held.discard(key)
            case RolloutEvent():
                yield from self._obstacle(event.start, event.end, self._rows[key_of(event.function)], Obstacle.ROLLOUT)
            case ObstacleEvent():
                for key, row in self._rows.items():
                    if event.touches(key):
                        yield from self._obstacle(event.start, event.end, row, event.obstacle)

    def _obstacle(self, start_s: float, end_s: float, row: int, obstacle: Obstacle) -> Iterator[tuple[float, Action]]:
        yield start_s, lambda _at_s: self._pods.obstruct(row, obstacle)
        yield end_s, partial(self._pods.clear, row)

    def _alerts(self, event: AlertEvent, fingerprint: str) -> Iterator[tuple[float, Action]]:
        """Send an alert as it stands, again after each repeat interval, and at its end."""
        sendings = int(np.ceil((event.end - event.start) / event.repeat))
        for number in range(sendings):
            alert = Alert(fingerprint, f"{event.start:g}s", True, event.labels)
            yield event.start + number * event.repeat, partial(self._send, alert)
        yield event.end, partial(self._send, Alert(fingerprint, f"{event.start:g}s", False, event.labels))

    def _send(self, alert: Alert, at_s: float) -> None:
        plan = self._planning.plan_at(self._utc_of(at_s)).plan
        boosts, _ = boost_events(plan, None, [alert], at_s)
        if boosts:
            self._step(at_s, None, tuple(boosts))

    def _wake(self, key: FunctionKey, waiting: int, at_s: float) -> None:
        plan = self._planning.plan_at(self._utc_of(at_s)).plan
        row = plan.fleet.row_of.get(key)
        if row is None or plan.functions[row].wake_hold_s is None:
            return  # never woken: the daemon refuses the request
        held = min(waiting, plan.functions[row].wake_waiters)
        if self._pods.ready[self._rows[key]] == 0:
            self._waiting[key] = max(self._waiting.get(key, 0), held)
        if np.any(self._step(at_s, None, woken(plan, row, held)).desired == 0):
            return
        if with_it := started_with(plan, (row,)):
            self._step(at_s, None, tuple(with_it))

    def _mark(self, event: MarkEvent, _at_s: float) -> None:
        def changed(old: Deployed) -> Deployed:
            return replace(
                old,
                labels=_merged(old.labels, event.labels),
                annotations=_merged(old.annotations, event.annotations),
            )

        self._planning.change(key_of(event.function), changed)

    def _scale(self, row: int, replicas: int, at_s: float) -> None:
        self._pods.scale(row, replicas, at_s)

    def _restart(self, _at_s: float) -> None:
        self._controller = self._fresh()


def _ticks(tests: PolicyTests, case: Case, end_s: float) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
    """Give the times of all ticks: on the grid of the interval, 0s on it, history before."""
    before, after = int(case.history / tests.tick + 1e-9), int(end_s / tests.tick + 1e-9)
    return np.round(np.arange(-before, after + 1) * tests.tick, 6)


def _merged(old: Mapping[str, str], new: Mapping[str, str | None]) -> dict[str, str]:
    """Lay changes over labels; None takes one away."""
    both: dict[str, str | None] = {**old, **new}
    return {name: value for name, value in both.items() if value is not None}
