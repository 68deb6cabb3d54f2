"""The invariants notice what must not be."""

from contextlib import nullcontext
from dataclasses import replace

import numpy as np
import pytest

from autoscaler.core.controller import Controller
from autoscaler.core.decisions import Decisions
from autoscaler.core.events import Wake
from autoscaler.core.invariants import InvariantError, check_invariants
from autoscaler.core.reasons import Reason
from autoscaler.core.seen import Seen
from autoscaler.core.stages import Stage
from autoscaler.core.trail import changes_of
from tests.unit.core.fleets import key, make_fleet, observe, one, spans, stepped


def tampered(decisions: Decisions, stage: Stage, value: float, reason: Reason) -> Decisions:
    """Give decisions in which this stage and all later ones say another value."""
    stages, reasons = decisions.stages.copy(), decisions.stage_reasons.copy()
    stages[stage:] = value
    reasons[stage] = reason
    return replace(
        decisions,
        desired=stages[-1],
        applied=changes_of(stages, reasons),
        reason=np.full_like(decisions.reason, reason),
    )


@pytest.mark.parametrize(
    ("stage", "value", "reason"),
    [
        (Stage.GUARDS, 2.5, Reason.STABILIZATION),
        (Stage.GUARDS, -1.0, Reason.STABILIZATION),
        (Stage.GUARDS, np.nan, Reason.STABILIZATION),
        (Stage.IDLE, 0.0, Reason.ZERO_IDLE),
        (Stage.MASK, 3.0, Reason.PAUSED),
        (Stage.BLAST_RADIUS, 99.0, Reason.BLAST_RADIUS),
    ],
)
def test_wrong_decisions_are_noticed(stage: Stage, value: float, reason: Reason) -> None:
    """Broken replicas, zero without proof, a mask that changes something and a cap passed over are all noticed."""
    controller = Controller(None)
    decisions = stepped(controller, 0, observe(make_fleet([("t", "f", {})], {"t": 50}), 5, rps=50.0))
    with pytest.raises(InvariantError):
        check_invariants(controller, tampered(decisions, stage, value, reason))


def test_a_cut_on_unknown_load_is_noticed() -> None:
    """Fewer replicas on unknown load are an error unless an order or a budget made them."""
    controller = Controller(None)
    decisions = stepped(controller, 0, observe(one(), 5, rps=10.0))
    unknown = replace(decisions, seen=np.full_like(decisions.seen, Seen.UNKNOWN))
    with pytest.raises(InvariantError):
        check_invariants(controller, unknown)


def test_a_silent_change_is_noticed() -> None:
    """A stage that changes replicas without a reason is an error, and so is a reason that is not the last one's."""
    controller = Controller(None)
    decisions = stepped(controller, 0, observe(one(), 5, rps=50.0))
    for wrong in (
        tampered(decisions, Stage.FLOORS, 7.0, Reason.PASSED),
        replace(decisions, reason=np.full_like(decisions.reason, Reason.BUDGET)),
    ):
        with pytest.raises(InvariantError):
            check_invariants(controller, wrong)


@pytest.mark.parametrize("value", [7.0, 2.0**31, np.inf])
def test_more_than_the_limits_allow_is_noticed(value: float) -> None:
    """A tick that asks for more than a maximum of 6, or than Kubernetes can hold, is an error."""
    controller = Controller(None)
    decisions = stepped(controller, 0, observe(one(max_replicas=6.0), 5, rps=50.0))
    with pytest.raises(InvariantError):
        check_invariants(controller, tampered(decisions, Stage.BLAST_RADIUS, value, Reason.BLAST_RADIUS))


def test_more_than_a_schedule_allows_is_noticed() -> None:
    """A ceiling of the calendar is a limit while it lasts, and none after it."""
    controller = Controller(None)
    fleet = one(schedules=spans((0, 0.0, 9.0, 0.0, 4.0)))
    for seconds in (0, 9):
        decisions = stepped(controller, seconds, observe(fleet, 5, rps=50.0))
        more = tampered(decisions, Stage.BLAST_RADIUS, 5.0, Reason.BLAST_RADIUS)
        with pytest.raises(InvariantError) if seconds == 0 else nullcontext():
            check_invariants(controller, more)


def test_a_step_between_ticks_that_lowers_is_noticed() -> None:
    """Fewer replicas than were asked for before are an error between ticks."""
    controller = Controller(None)
    stepped(controller, 0, observe(one(), 5, rps=50.0))
    woken = stepped(controller, 1, None, [Wake(key("f", "acme"), 0)])
    with pytest.raises(InvariantError):
        check_invariants(controller, tampered(woken, Stage.FLOORS, 4.0, Reason.WAKE))


def test_a_zero_that_a_schedule_orders_is_none_to_notice() -> None:
    """A ceiling of 0 stops a function of unknown load, as a maximum of 0 does."""
    fleet = one(schedules=spans((0, 0.0, 9.0, 0.0, 0.0)))
    assert stepped(Controller(None), 0, observe(fleet, 5, rps=np.nan)).desired[0] == 0
