"""Stage 2: what demand may not do."""

import numpy as np
import pytest

from autoscaler.core import guards
from autoscaler.core.obstacles import Obstacle
from autoscaler.core.reasons import Reason
from autoscaler.core.seen import Seen
from tests.unit.core.fleets import INF, NAN, applied

ONE = np.array([0])
NOBODY = np.empty(0, np.int64)


def column(value: float) -> np.ndarray:
    return np.array([value], float)


def kinds(*codes: int) -> np.ndarray:
    return np.array(codes, np.uint8)


@pytest.mark.parametrize(
    ("seen", "demand", "result", "why"),
    [
        (Seen.UNKNOWN, 2, 5, Reason.UNKNOWN_LOAD),
        (Seen.UNKNOWN, 5, 5, Reason.PASSED),
        (Seen.UNKNOWN, 7, 7, Reason.PASSED),
        (Seen.LOWER_BOUND, 2, 5, Reason.LOWER_BOUND),
        (Seen.LOWER_BOUND, 5, 5, Reason.PASSED),
        (Seen.LOWER_BOUND, 7, 7, Reason.PASSED),
    ],
)
def test_what_is_not_known_never_lowers(seen: Seen, demand: float, result: float, why: Reason) -> None:
    """Unknown load and a lower bound may raise and never lower."""
    trail = applied(column(demand), *guards.hold_unsure(column(demand), ONE, kinds(seen), column(5)))
    assert (trail.replicas[0], trail.reason[0]) == (result, why)


@pytest.mark.parametrize(
    ("demand", "peak", "result"), [(2, 4, 4), (2, 9, 5), (2, 1, 2), (7, 9, 7), (5, 9, 5), (4, 4, 4)]
)
def test_stabilization_forbids_cuts_and_never_raises(demand: float, peak: float, result: float) -> None:
    """The largest recent recommendation is the floor of a cut from 5, and never raises above what is requested."""
    trail = applied(column(demand), guards.stabilize(column(demand), ONE, column(5), column(peak)))
    assert trail.replicas[0] == result
    assert (trail.reason[0] == Reason.STABILIZATION) == (result != demand)


@pytest.mark.parametrize(
    ("demand", "trough", "result"), [(8, 6, 6), (8, 1, 5), (8, 9, 8), (3, 1, 3), (5, 1, 5), (6, 6, 6)]
)
def test_stabilization_up_forbids_raises_and_never_cuts(demand: float, trough: float, result: float) -> None:
    """The smallest recent recommendation is the ceiling of a raise from 5, and never cuts below what is requested."""
    trail = applied(column(demand), guards.stabilize_up(column(demand), ONE, column(5), column(trough)))
    assert trail.replicas[0] == result
    assert (trail.reason[0] == Reason.STABILIZATION_UP) == (result != demand)


@pytest.mark.parametrize(
    ("demand", "ceiling", "result"), [(9, 7, 7), (7, 7, 7), (6, 7, 6), (5, 5, 5), (3, 5, 3), (9, 5, 5)]
)
def test_policies_of_growth_bind_growth_alone(demand: float, ceiling: float, result: float) -> None:
    """Of what stands at 5, growth ends at its ceiling; a cut passes."""
    trail = applied(column(demand), guards.limit_up(column(demand), ONE, column(5), column(ceiling)))
    assert (trail.replicas[0], trail.reason[0] == Reason.SCALE_UP_POLICY) == (result, result != demand)


@pytest.mark.parametrize(
    ("demand", "floor", "result"), [(1, 3, 3), (3, 3, 3), (4, 3, 4), (5, 5, 5), (9, 5, 9), (1, 5, 5)]
)
def test_policies_of_shrinkage_bind_shrinkage_alone(demand: float, floor: float, result: float) -> None:
    """Of what stands at 5, a cut ends at its floor; growth passes."""
    trail = applied(column(demand), guards.limit_down(column(demand), ONE, column(5), column(floor)))
    assert (trail.replicas[0], trail.reason[0] == Reason.SCALE_DOWN_POLICY) == (result, result != demand)


@pytest.mark.parametrize(("demand", "peak", "result"), [(2, 6, 6), (6, 6, 6), (7, 6, 7)])
def test_the_delay_asks_for_the_most_of_its_window(demand: float, peak: float, result: float) -> None:
    """The most that was asked for within the delay is asked for now, more than is requested or not."""
    trail = applied(column(demand), guards.delay(column(demand), ONE, column(peak)))
    assert (trail.replicas[0], trail.reason[0] == Reason.DELAY) == (result, result != demand)


@pytest.mark.parametrize(
    ("in_flight", "limit", "result"),
    [
        (35, 10, 4),
        (40, 10, 4),
        (5, 10, 1),
        (NAN, 10, 1),
        (35, INF, 1),
        (INF, 10, 1),
        (-5, 10, 1),
        (1e300, 1, 2**31 - 1),
    ],
)
def test_requests_in_flight_keep_their_replicas(in_flight: float, limit: float, result: float) -> None:
    """Never below ceil(in flight / limit of one replica), where both are known numbers."""
    trail = applied(column(1), guards.serve_in_flight(column(1), column(in_flight), column(limit)))
    assert trail.replicas[0] == result
    assert (trail.reason[0] == Reason.IN_FLIGHT) == (result != 1)


@pytest.mark.parametrize(
    ("load", "is_near"), [(44.9, False), (45.0, True), (50.0, True), (60.0, True), (60.1, False), (0.0, False)]
)
def test_dead_band_is_relative_and_by_direction(load: float, is_near: bool) -> None:
    """At 5 replicas of target 10, tolerances of 0.2 up and 0.1 down, loads from 45 to 60 change nothing, ends included."""
    near = guards.tolerated(column(load / 50), column(5), ONE, column(1.0 - 0.1), column(1.0 + 0.2))
    assert bool(near.size) == is_near


def test_zero_has_no_dead_band() -> None:
    """A function at zero is never left as it is for being near its target."""
    least, most = np.full(2, 1.0 - 0.9), np.full(2, 1.0 + 9.0)
    assert guards.tolerated(np.ones(2), np.array([0.0, 1.0]), np.arange(2), least, most).tolist() == [1]


def test_requests_in_flight_that_are_served_bind_nothing() -> None:
    """Forty in flight at 10 for each replica are what 4 replicas serve: no reason to name."""
    assert applied(column(4), guards.serve_in_flight(column(4), column(40), column(10))).reason[0] == Reason.PASSED


def test_near_its_target_a_function_keeps_what_is_requested() -> None:
    """Within the dead band what is requested stays, above or below what demand says; where they agree nothing is bound."""
    demand, requested = np.array([4.0, 6.0, 5.0, 9.0]), np.full(4, 5.0)
    trail = applied(demand, guards.hold_near(demand, np.array([0, 1, 2]), requested, np.zeros(len(demand), bool)))
    assert trail.replicas.tolist() == [5, 5, 5, 9]
    assert trail.reason.tolist() == [Reason.TOLERANCE, Reason.TOLERANCE, 0, 0]


def test_what_rises_is_not_held_down_by_its_dead_band() -> None:
    """In panic, and where requests are held, the dead band raises to what is requested and lowers nothing."""
    demand, requested = np.array([4.0, 6.0, 6.0]), np.full(3, 5.0)
    trail = applied(demand, guards.hold_near(demand, np.arange(3), requested, np.array([True, True, False])))
    assert trail.replicas.tolist() == [5, 6, 5]
    assert trail.reason.tolist() == [Reason.TOLERANCE, 0, Reason.TOLERANCE]


@pytest.mark.parametrize(
    ("obstacle", "why"),
    [
        (Obstacle.ROLLOUT, Reason.ROLLOUT),
        (Obstacle.NOT_READY, Reason.NOT_READY),
        (Obstacle.NOT_SCHEDULABLE, Reason.NOT_SCHEDULABLE),
        (Obstacle.QUOTA_EXCEEDED, Reason.QUOTA_EXCEEDED),
    ],
)
def test_missing_replicas_are_no_reason_for_more(obstacle: Obstacle, why: Reason) -> None:
    """What may be asked for is the most, and the reason is what keeps replicas away; below it nothing is bound."""
    for demand, most, result in ((9.0, 6.0, 6), (6.0, 6.0, 6), (4.0, 6.0, 4)):
        trail = applied(column(demand), *guards.hold_missing(column(demand), ONE, kinds(obstacle), column(most)))
        assert (trail.replicas[0], trail.reason[0]) == (result, why if result != demand else 0)


@pytest.mark.parametrize(
    ("demand", "requested", "is_due", "result"),
    [(3, 3, True, 6), (3, 3, False, 3), (0, 0, True, 0), (6, 3, True, 6), (9, 9, True, 9), (1, 1, True, 6)],
)
def test_a_fallback_raises_what_runs_and_nothing_at_zero(
    demand: float, requested: float, is_due: bool, result: float
) -> None:
    """Once it is due a fallback of 6 raises what runs with fewer; a function at 0 stays there."""
    trail = applied(
        column(demand), guards.fall_back(column(demand), ONE, column(requested), column(6), np.array([is_due]))
    )
    assert (trail.replicas[0], trail.reason[0] == Reason.FALLBACK) == (result, result != demand)


def test_input_is_left_as_it_came() -> None:
    """No rule writes into the column it is given, so that the account keeps what every stage made."""
    demand, requested = column(1), column(5)
    guards.hold_near(demand, ONE, requested, np.zeros(len(demand), bool))
    guards.hold_unsure(demand, ONE, kinds(Seen.UNKNOWN), requested)
    guards.serve_in_flight(demand, column(35), column(10))
    assert (demand.tolist(), requested.tolist()) == ([1.0], [5.0])
