"""The invariants notice what must not be."""

from dataclasses import replace

import numpy as np
import pytest

from autoscaler.core.controller import Controller
from autoscaler.core.decisions import Decisions, Stage
from autoscaler.core.invariants import InvariantError, check_invariants
from autoscaler.core.reasons import Reason
from autoscaler.core.seen import Seen
from tests.unit.core.fleets import make_fleet, observe, one, stepped


def tampered(decisions: Decisions, stage: Stage, value: float, reason: Reason) -> Decisions:
    """Give decisions in which this stage and all later ones say another value."""
    stages, reasons = decisions.stages.copy(), decisions.stage_reasons.copy()
    stages[stage:] = value
    reasons[stage] = reason
    return replace(decisions, stages=stages, stage_reasons=reasons, reason=np.full_like(decisions.reason, reason))


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
