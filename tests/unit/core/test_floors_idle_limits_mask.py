"""Stages 3, 4 and 5, and the mask."""

import numpy as np
import pytest

from autoscaler.core.derived import derive
from autoscaler.core.floors import Floor, raise_to, raise_to_standing
from autoscaler.core.idle import idle, unwanted
from autoscaler.core.limits import limits
from autoscaler.core.mask import mask, masked_rows
from autoscaler.core.reasons import Reason
from autoscaler.core.stages import Stage
from tests.unit.core.fleets import INF, applied, one


def test_standing_floors_raise_and_never_lower() -> None:
    """Minima and schedules raise whoever is below them, each with its own reason; who is at or above is not bound."""
    reasons = np.array([Reason.MIN_REPLICAS, Reason.SCHEDULE, Reason.SCHEDULE, Reason.MIN_REPLICAS], np.uint8)
    replicas = np.array([0.0, 1.0, 5.0, 9.0])
    trail = applied(replicas, *raise_to_standing(replicas, np.array([2.0, 3.0, 5.0, 4.0]), reasons))
    assert trail.replicas.tolist() == [2, 3, 5, 9]
    assert trail.reason.tolist() == [Reason.MIN_REPLICAS, Reason.SCHEDULE, 0, 0]


def test_the_highest_floor_counts() -> None:
    """Wake and boosts raise to the highest of them, and the reason is that floor's; of two equal ones the first's."""
    trail = applied(np.array([0.0, 0.0, 3.0, 0.0]))
    wake = Floor(np.array([1, 3]), np.array([1.0, 6.0]), Reason.WAKE)
    boosts = Floor(np.array([0, 1, 2, 3]), np.array([6.0, 1.0, 1.0, 7.0]), Reason.BOOST)
    for floor in (wake, boosts):
        trail.apply(Stage.FLOORS, raise_to(trail.replicas, floor))
    assert trail.replicas.tolist() == [6, 1, 3, 7]
    assert trail.reason.tolist() == [Reason.BOOST, Reason.WAKE, Reason.PASSED, Reason.BOOST]


@pytest.mark.parametrize(
    ("replicas", "requested", "proven_s", "zero_after_s", "result", "why"),
    [
        (0, 2, 300, 300, 0, Reason.ZERO_IDLE),
        (0, 2, 299, 300, 1, Reason.ZERO_NOT_PROVEN),
        (0, 2, -INF, 300, 1, Reason.ZERO_NOT_PROVEN),
        (0, 2, 1e9, INF, 1, Reason.ZERO_NOT_ALLOWED),
        (0, 0, -INF, 300, 0, Reason.PASSED),
        (0, 0, 1e9, INF, 0, Reason.PASSED),
        (0, 0, 300, 300, 0, Reason.ZERO_IDLE),
        (1, 2, 1e9, 300, 1, Reason.PASSED),
        (3, 2, 1e9, 300, 3, Reason.PASSED),
    ],
)
def test_zero_needs_time_and_proof(
    replicas: float, requested: float, proven_s: float, zero_after_s: float, *, result: float, why: Reason
) -> None:
    """Zero only where nothing above wants a replica, the policy allows it and idleness is proven for long enough."""
    before = np.array([replicas], float)
    at = unwanted(before)
    columns = (np.array([value], float)[at] for value in (requested, proven_s, zero_after_s))
    trail = applied(before, *idle(at, *columns))
    assert (trail.replicas[0], trail.reason[0]) == (result, why)


@pytest.mark.parametrize(
    ("rules", "result", "why"),
    [
        ({"max_replicas": 4.0}, 4, Reason.MAX_REPLICAS),
        ({"concurrency_cap": 35.0, "concurrency_limit": 10.0}, 3, Reason.CONCURRENCY_CAP),
        ({"max_replicas": 2.0, "concurrency_cap": 35.0, "concurrency_limit": 10.0}, 2, Reason.MAX_REPLICAS),
        ({"concurrency_cap": 35.0}, 9, Reason.PASSED),
        ({"max_replicas": 3.0, "concurrency_cap": 35.0, "concurrency_limit": 10.0}, 3, Reason.MAX_REPLICAS),
        ({"max_replicas": 9.0}, 9, Reason.PASSED),
        ({"max_replicas": 0.0}, 0, Reason.MAX_REPLICAS),
        ({}, 9, Reason.PASSED),
    ],
)
def test_limits_cut_to_the_smaller_ceiling(rules: dict[str, float], result: float, why: Reason) -> None:
    """Nine replicas are cut to max, or to floor(concurrencyCap / concurrencyLimit); a cap without a limit is none."""
    derived = derive(one(**rules))
    trail = applied(np.array([9.0]), *limits(np.array([9.0]), derived.ceiling, derived.ceiling_reason))
    assert (trail.replicas[0], trail.reason[0]) == (result, why)


def test_no_rule_asks_for_more_than_kubernetes_can_hold() -> None:
    """Replicas never exceed an int32, whatever a metric says."""
    derived, many = derive(one()), np.array([1e300])
    assert applied(many, *limits(many, derived.ceiling, derived.ceiling_reason)).replicas[0] == 2**31 - 1


def test_under_the_mask_what_runs_stays() -> None:
    """A paused function and one held by a foreign writer keep what runs; paused is said where both are."""
    trail = applied(np.array([1.0, 2.0, 3.0]), *mask(np.array([7.0, 8.0, 9.0]), np.array([1]), np.array([1, 2])))
    assert trail.replicas.tolist() == [1, 8, 9]
    assert trail.reason.tolist() == [Reason.PASSED, Reason.PAUSED, Reason.FOREIGN_WRITER]


def test_every_masked_row_is_named_once() -> None:
    """Paused and held rows together are each row once, ascending."""
    assert masked_rows(np.array([1, 4]), np.array([0, 4])).tolist() == [0, 1, 4]
    assert masked_rows(np.array([1, 4]), np.empty(0, np.int64)).tolist() == [1, 4]
