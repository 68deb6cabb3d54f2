"""Every reason is reached: for each code, steps whose decision names it."""

from collections.abc import Callable, Mapping, Sequence

import numpy as np
import pytest

from autoscaler.core.blast_radius import BlastRadiusRule
from autoscaler.core.controller import Controller
from autoscaler.core.decisions import DecisionRecord
from autoscaler.core.events import BoostFiring, Effect, Event, Wake
from autoscaler.core.fleet import Fleet
from autoscaler.core.observation import Observation, PanicAverages
from autoscaler.core.obstacles import Obstacle
from autoscaler.core.reasons import REASON_OF, Reason
from tests.unit.core.fleets import INF, NAN, UTC_S, budgets, key, make_fleet, observe, one, policies, spans, stepped

F = key("f", "acme")
Step = tuple[float, Observation | None, Sequence[Event]]


def told(*steps: Step, rule: BlastRadiusRule | None = None) -> DecisionRecord:
    """Give the decision of the last step."""
    controller = Controller(rule)
    return [stepped(controller, *step) for step in steps][-1].record(0)


def once(fleet: Fleet, requested: float, **columns: object) -> DecisionRecord:
    """Give the decision of a first tick."""
    return told((0, observe(fleet, requested, **columns), ()))


def twice(fleet: Fleet, first: float, then: float, **columns: object) -> DecisionRecord:
    """Give the decision of a second tick, 2 s later, in which 9 run."""
    return told((0, observe(fleet, 9, rps=first), ()), (2, observe(fleet, 9, rps=then, **columns), ()))


def between(event: Event, **rules: object) -> DecisionRecord:
    """Give the decision that an event makes between ticks, of a function that runs 9."""
    fleet = one(**rules)
    return told((0, observe(fleet, 9, rps=90.0), ()), (1, None, (event,)))


def panicking() -> DecisionRecord:
    short = PanicAverages(np.array([90.0]), np.array([NAN]))
    return once(one(panic_threshold=2.0), 1, rps=10.0, panic=short)


def obstructed(obstacle: Obstacle) -> DecisionRecord:
    fleet = one(target_rps=INF, target_concurrency=10.0, progress_deadline_s=0.0)
    samples = [observe(fleet, 2, ready=1, concurrency=load, obstacle=obstacle) for load in (20.0, 90.0)]
    return told((0, samples[0], ()), (2, samples[1], ()))


def reclaimed() -> DecisionRecord:
    """In a strict pool of 10 of which b runs 9, a comes back for its guarantee."""
    fleet = make_fleet(
        [("a", "f", {}), ("b", "f", {})], budgets=budgets(10, {"guarantee": 5.0}, {"guarantee": 0.0}, strict=True)
    )
    return told((0, observe(fleet, [1, 9], rps=90.0), ()))


def woken_in_a_full_pool() -> DecisionRecord:
    """In a pool of 3, all of which b's function runs, b's other one is woken."""
    fleet = make_fleet([("b", "f", {}), ("b", "g", {})], budgets=budgets(3, {}))
    wake = Wake(fleet.keys[0], 1)
    return told((0, observe(fleet, [0, 3], rps=[0.0, 30.0]), ()), (1, None, (wake,)))


IDLE = {"rps": 0.0, "is_idle": True}
ONE_POD = policies({0: [(False, 1.0, 60.0)]})

SCENARIOS: Mapping[Reason, Callable[[], DecisionRecord]] = {
    Reason.PASSED: lambda: once(one(), 5, rps=50.0),
    Reason.DEMAND: lambda: once(one(), 1, rps=50.0),
    Reason.MAX_RATE_UP: lambda: once(one(max_rate_up=2.0), 1, rps=50.0),
    Reason.MAX_RATE_DOWN: lambda: once(one(max_rate_down=2.0), 9, rps=10.0),
    Reason.ACTIVATION: lambda: once(one(activation=3.0), 0, rps=10.0),
    Reason.WAITING: lambda: once(one(concurrency_limit=1.0), 0, rps=0.0, waiting=3),
    Reason.PANIC: panicking,
    Reason.UNKNOWN_LOAD: lambda: once(one(), 5, rps=NAN),
    Reason.POLICY_UNKNOWN: lambda: once(make_fleet([("acme", "f", {})], is_doubtful=np.array([True])), 5, rps=10.0),
    Reason.LOWER_BOUND: lambda: once(one(), 5, rps=10.0, is_covered=False),
    Reason.TOLERANCE: lambda: once(one(tolerance_down=0.2), 5, rps=40.0),
    Reason.STABILIZATION: lambda: once(one(stabilization_down_s=60.0), 5, rps=10.0),
    Reason.IN_FLIGHT: lambda: once(one(concurrency_limit=1.0), 5, rps=10.0, in_flight=3),
    Reason.FALLBACK: lambda: once(one(fallback_after=1.0, fallback_replicas=7.0), 5, rps=NAN),
    Reason.SCALE_UP_POLICY: lambda: once(one(rate_up=ONE_POD), 1, rps=50.0),
    Reason.SCALE_DOWN_POLICY: lambda: once(one(rate_down=ONE_POD), 9, rps=50.0),
    Reason.STABILIZATION_UP: lambda: once(one(stabilization_up_s=60.0), 1, rps=50.0),
    Reason.DELAY: lambda: twice(one(delay_s=60.0), 90.0, 10.0),
    Reason.MIN_REPLICAS: lambda: once(one(min_replicas=3.0), 1, rps=10.0),
    Reason.WAKE: lambda: told((0, observe(one(), 0, rps=0.0), (Wake(F, 0),))),
    Reason.BOOST: lambda: between(BoostFiring("b", (F,), 2.0, 0.0, 99.0)),
    Reason.FREEZE: lambda: told(
        (0, observe(one(), 5, rps=10.0), (BoostFiring("b", (F,), 1.0, 0.0, 99.0, Effect.FREEZE),))
    ),
    Reason.RESTART: lambda: told((0, observe(fleet := one(), 5, rps=NAN), ()), (2, observe(fleet, 1, rps=NAN), ())),
    Reason.INITIAL: lambda: once(one(initial=3.0, created_s=np.array([UTC_S])), 1, rps=NAN),
    Reason.SCHEDULE: lambda: once(one(schedules=spans((0, 0.0, 9.0, 5.0, INF))), 1, rps=10.0),
    Reason.ZERO_IDLE: lambda: once(one(zero_after_s=60.0), 5, **IDLE),
    Reason.ZERO_NOT_PROVEN: lambda: once(one(zero_after_s=61.0), 5, **IDLE),
    Reason.ZERO_NOT_ALLOWED: lambda: once(one(), 5, **IDLE),
    Reason.MAX_REPLICAS: lambda: once(one(max_replicas=3.0), 1, rps=90.0),
    Reason.CONCURRENCY_CAP: lambda: once(one(concurrency_cap=3.0, concurrency_limit=1.0), 1, rps=90.0),
    Reason.SCHEDULE_CEILING: lambda: once(one(schedules=spans((0, 0.0, 9.0, 0.0, 2.0))), 1, rps=90.0),
    Reason.BUDGET: lambda: once(make_fleet([("acme", "f", {})], {"acme": 3.0}), 1, rps=90.0),
    Reason.POOL: lambda: once(one(budgets=budgets(3, {})), 1, rps=90.0),
    Reason.CONCURRENCY_BUDGET: lambda: once(one(budgets=budgets(INF, {"concurrency_cap": 3.0})), 1, rps=90.0),
    Reason.RECLAIM: reclaimed,
    Reason.BLAST_RADIUS: lambda: told((0, observe(one(), 9, rps=10.0), ()), rule=BlastRadiusRule(2.0, 0.0, 60.0)),
    Reason.PAUSED: lambda: once(one(paused=True), 5, rps=90.0),
    Reason.FOREIGN_WRITER: lambda: once(one(), 5, rps=90.0, is_held=True),
    Reason.FORCED: lambda: once(one(force=4.0), 5, rps=90.0),
    Reason.BETWEEN_TICKS: woken_in_a_full_pool,
    Reason.ROLLOUT: lambda: obstructed(Obstacle.ROLLOUT),
    Reason.NOT_READY: lambda: obstructed(Obstacle.NOT_READY),
    Reason.NOT_SCHEDULABLE: lambda: obstructed(Obstacle.NOT_SCHEDULABLE),
    Reason.QUOTA_EXCEEDED: lambda: obstructed(Obstacle.QUOTA_EXCEEDED),
}

BENEATH_ANOTHER = (Reason.PASSED,)
"""Reasons that are never a decision's last word: a stage's alone."""


@pytest.mark.parametrize("reason", list(Reason))
def test_every_reason_is_reached(reason: Reason) -> None:
    """There are steps whose decision has this reason, as its last word, or where it has none, in one of its stages."""
    record = SCENARIOS[reason]()
    assert reason in record.stage_reasons.values()
    assert (record.reason is reason) == (reason not in BENEATH_ANOTHER)


def test_codes_are_public_and_stay() -> None:
    """Every code is that of one reason, and each reason has one sentence of its own."""
    assert {code: reason.value for code, reason in REASON_OF.items()} == {int(one): int(one) for one in Reason}
    assert len({reason.sentence for reason in Reason}) == len(Reason)
    assert all(reason.sentence.endswith(".") and reason.sentence.count(".") == 1 for reason in Reason)
