"""Stages 3, 4 and 5, and the mask."""

import numpy as np
import pytest

from autoscaler.core.derived import derive
from autoscaler.core.floors import Floor, floors
from autoscaler.core.idle import idle
from autoscaler.core.limits import limits
from autoscaler.core.mask import mask
from autoscaler.core.reasons import Reason
from autoscaler.core.staged import Staged
from tests.unit.core.fleets import INF, one


def reason(outcome: Staged, row: int = 0) -> Reason:
    """Give the last rule that bound a row."""
    return next((bound.reason for bound in reversed(outcome.bound) if row in bound.rows), Reason.PASSED)


def test_the_highest_floor_counts() -> None:
    """Minimum, wake and boosts raise to the highest of them, and the reason is that floor's."""
    boosts = Floor(np.array([0, 0, 2]), np.array([6.0, 4.0, 1.0]), Reason.BOOST)
    wake = Floor(np.array([1]), np.array([1.0]), Reason.WAKE)
    outcome = floors(np.array([0.0, 0.0, 3.0, 0.0]), np.array([2.0, 0.0, 0.0, 5.0]), (wake, boosts))
    assert outcome.replicas.tolist() == [6, 1, 3, 5]
    assert [reason(outcome, row) for row in range(4)] == [
        Reason.BOOST,
        Reason.WAKE,
        Reason.PASSED,
        Reason.MIN_REPLICAS,
    ]


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
    outcome = idle(*(np.array([value], float) for value in (replicas, requested, proven_s, zero_after_s)))
    assert (outcome.replicas[0], reason(outcome)) == (result, why)


@pytest.mark.parametrize(
    ("rules", "result", "why"),
    [
        ({"max_replicas": 4.0}, 4, Reason.MAX_REPLICAS),
        ({"concurrency_cap": 35.0, "concurrency_limit": 10.0}, 3, Reason.CONCURRENCY_CAP),
        ({"max_replicas": 2.0, "concurrency_cap": 35.0, "concurrency_limit": 10.0}, 2, Reason.MAX_REPLICAS),
        ({"concurrency_cap": 35.0}, 9, Reason.PASSED),
        ({"max_replicas": 0.0}, 0, Reason.MAX_REPLICAS),
        ({}, 9, Reason.PASSED),
    ],
)
def test_limits_cut_to_the_smaller_ceiling(rules: dict[str, float], result: float, why: Reason) -> None:
    """Nine replicas are cut to max, or to floor(concurrencyCap / concurrencyLimit); a cap without a limit is none."""
    derived = derive(one(**rules))
    outcome = limits(np.array([9.0]), derived.ceiling, derived.is_cap_tighter)
    assert (outcome.replicas[0], reason(outcome)) == (result, why)


def test_no_rule_asks_for_more_than_kubernetes_can_hold() -> None:
    """Replicas never exceed an int32, whatever a metric says."""
    assert limits(np.array([1e300]), derive(one()).ceiling, np.array([False])).replicas[0] == 2**31 - 1


def test_under_the_mask_what_runs_stays() -> None:
    """A paused function and one held by a foreign writer keep what runs; paused is said where both are."""
    outcome = mask(np.array([1.0, 2.0, 3.0]), np.array([7.0, 8.0, 9.0]), np.array([1]), np.array([1, 2]))
    assert outcome.replicas.tolist() == [1, 8, 9]
    assert [reason(outcome, row) for row in range(3)] == [Reason.PASSED, Reason.PAUSED, Reason.FOREIGN_WRITER]
