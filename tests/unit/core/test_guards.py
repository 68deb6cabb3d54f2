"""Stage 2: what demand may not do."""

import numpy as np
import pytest

from autoscaler.core.guards import guards, tolerated
from autoscaler.core.reasons import Reason
from autoscaler.core.seen import Seen
from autoscaler.core.staged import Staged
from tests.unit.core.fleets import INF, NAN, make_rules


def guarded(
    demand: float,
    requested: float,
    seen: Seen = Seen.VALUE,
    *,
    peak: float = 0,
    in_flight: float = NAN,
    limit: float = INF,
) -> Staged:
    """Run stage 2 for one function without a dead band."""
    return guards(
        np.array([demand], float),
        np.array([requested], float),
        np.array([seen], np.uint8),
        near=np.empty(0, np.int64),
        peak=np.array([peak], float),
        in_flight=np.array([in_flight], float),
        concurrency_limit=np.array([limit], float),
    )


def reason(outcome: Staged) -> Reason:
    """Give the last rule that bound the only row."""
    return next((bound.reason for bound in reversed(outcome.bound) if bound.rows.size), Reason.PASSED)


@pytest.mark.parametrize(
    ("seen", "demand", "result", "why"),
    [
        (Seen.UNKNOWN, 2, 5, Reason.UNKNOWN_LOAD),
        (Seen.UNKNOWN, 7, 7, Reason.PASSED),
        (Seen.LOWER_BOUND, 2, 5, Reason.LOWER_BOUND),
        (Seen.LOWER_BOUND, 7, 7, Reason.PASSED),
        (Seen.VALUE, 2, 2, Reason.PASSED),
        (Seen.PROVEN_ZERO, 0, 0, Reason.PASSED),
    ],
)
def test_what_is_not_known_never_lowers(seen: Seen, demand: float, result: float, why: Reason) -> None:
    """Unknown load and a lower bound may raise and never lower; a value and a proven zero may do both."""
    outcome = guarded(demand, 5, seen)
    assert (outcome.replicas[0], reason(outcome)) == (result, why)


@pytest.mark.parametrize(("demand", "peak", "result"), [(2, 4, 4), (2, 9, 5), (2, 1, 2), (7, 9, 7), (5, 9, 5)])
def test_stabilization_forbids_cuts_and_never_raises(demand: float, peak: float, result: float) -> None:
    """The largest recent recommendation is the floor of a cut from 5, and never raises above what is requested."""
    outcome = guarded(demand, 5, peak=peak)
    assert outcome.replicas[0] == result
    assert (reason(outcome) is Reason.STABILIZATION) == (result != demand)


@pytest.mark.parametrize(("in_flight", "limit", "result"), [(35, 10, 4), (5, 10, 1), (NAN, 10, 1), (35, INF, 1)])
def test_requests_in_flight_keep_their_replicas(in_flight: float, limit: float, result: float) -> None:
    """Never below ceil(in flight / limit of one replica), where both are known."""
    outcome = guarded(1, 5, in_flight=in_flight, limit=limit)
    assert outcome.replicas[0] == result


@pytest.mark.parametrize(("load", "is_near"), [(44.9, False), (45.0, True), (50.0, True), (60.0, True), (60.1, False)])
def test_dead_band_is_relative_and_by_direction(load: float, is_near: bool) -> None:
    """At 5 replicas of target 10, tolerances of 0.2 up and 0.1 down, loads from 45 to 60 change nothing."""
    rules = make_rules(1, tolerance_up=0.2, tolerance_down=0.1)
    rows = tolerated(np.array([load / 10]), np.array([5.0]), np.array([0.0]), np.array([0]), rules)
    assert bool(rows.size) == is_near


def test_zero_and_held_requests_have_no_dead_band() -> None:
    """A function at zero, and one with held requests, is never left as it is for being near its target."""
    rules = make_rules(2, tolerance_up=9.0, tolerance_down=0.9)
    rows = tolerated(np.array([1.0, 1.0]), np.array([0.0, 1.0]), np.array([0.0, 2.0]), np.arange(2), rules)
    assert not rows.size


def test_input_is_left_as_it_came() -> None:
    """A stage gives a new column, so that the record keeps what every stage made."""
    demand = np.array([1.0])
    guards(
        demand,
        np.array([5.0]),
        np.array([Seen.UNKNOWN], np.uint8),
        near=np.array([0]),
        peak=np.array([3.0]),
        in_flight=np.array([NAN]),
        concurrency_limit=np.array([INF]),
    )
    assert demand.tolist() == [1.0]
