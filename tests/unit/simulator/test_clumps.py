"""How clumped requests are within the steps that they were counted in, and requests that are placed so."""

import csv
import gzip
import heapq
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from autoscaler.core.columns import Floats
from autoscaler.simulator.recommending.clumped_requests import ClumpedRequests, placed_s
from autoscaler.simulator.recommending.clumps import Clumps, clumps_of
from tests.unit.simulator.trace_sets.sets import bursts, generator, poisson

STEP_S, SERVICE_S, LENGTH_S = 15.0, 0.5, 3_600.0
STEPS = int(LENGTH_S / STEP_S)


def counted(times_s: Floats) -> Floats:
    """Count requests by step."""
    return np.bincount((times_s / STEP_S).astype(np.int64), minlength=STEPS).astype(np.float64)[:STEPS]


def in_flight(times_s: Floats, service_s: float = SERVICE_S) -> Floats:
    """Give how many are being served at the end of each step, where none waits."""
    at_s = (np.arange(STEPS) + 1) * STEP_S
    return (np.searchsorted(times_s, at_s) - np.searchsorted(times_s + service_s, at_s)).astype(np.float64)


def estimated(times_s: Floats) -> Clumps:
    return clumps_of(counted(times_s), STEP_S, in_flight(times_s), SERVICE_S)


def pairs(times_s: Floats) -> float:
    """Count how many times as many pairs come within one service time as there would be by chance in the same steps."""
    parts = np.bincount((times_s / SERVICE_S).astype(np.int64)).astype(np.float64)
    steps = counted(times_s)
    by_chance = (steps * (steps - 1)).sum() * SERVICE_S / STEP_S
    return float((parts * (parts - 1)).sum() / by_chance)


@pytest.mark.parametrize("rate", [0.5, 3.0, 40.0])
def test_independent_requests_are_not_taken_for_bursts(rate: float) -> None:
    """Poisson's counts hardly ever look clumped, so that calm traffic is not paid for as bursts are."""
    found = [estimated(poisson(rate, LENGTH_S, seed)) for seed in range(40)]
    assert sum(one.basis == "chance" for one in found) >= 38
    assert np.mean([one.growth for one in found]) < 1.05
    assert all(one.rho == () for one in found if one.basis == "chance")


def test_bursts_shorter_than_a_step_are_seen_in_flight() -> None:
    """Bursts of two seconds are as dense in the model as they were, give or take an error's breadth."""
    times_s = bursts(0.5, 40.0, (20.0, 2.0), LENGTH_S)
    found = estimated(times_s)
    assert found.basis == "in flight"
    assert found.dispersion > 10
    assert pairs(times_s) * 0.8 < found.growth < pairs(times_s) * 1.8


def test_without_requests_in_flight_bursts_are_taken_to_be_as_between_steps() -> None:
    """Each halving of a step is as uneven as neighbouring steps are; of steps alike, nothing is."""
    bursty = clumps_of(counted(bursts(0.5, 20.0, (40.0, 20.0), LENGTH_S)), STEP_S, None, SERVICE_S)
    assert bursty.basis == "steps"
    assert len(set(bursty.rho)) == 1
    assert bursty.rho[0] > 0.1
    assert clumps_of(counted(poisson(5.0, LENGTH_S)), STEP_S, None, SERVICE_S).basis == "chance"


def test_nothing_is_made_of_too_little() -> None:
    """A handful of requests, none at all, and ones that last longer than a step tell nothing, and are said to."""
    few = np.array([10.0, 400.0, 3_000.0])
    assert estimated(few).basis == "unknown"
    silent = clumps_of(np.zeros(STEPS), STEP_S, np.zeros(STEPS), SERVICE_S)
    assert (silent.basis, silent.rho, np.isnan(silent.dispersion)) == ("unknown", (), True)
    long = bursts(0.5, 40.0, (20.0, 2.0), LENGTH_S)
    assert clumps_of(counted(long), STEP_S, in_flight(long, 20.0), 20.0).rho == ()


def test_unknown_steps_are_left_out() -> None:
    """Gaps say nothing: with half of the steps unknown the same traffic looks alike."""
    times_s = bursts(0.5, 40.0, (20.0, 2.0), LENGTH_S)
    counts = counted(times_s)
    counts[STEPS // 2 :] = np.nan
    found = clumps_of(counts, STEP_S, in_flight(times_s), SERVICE_S)
    assert found.basis == "in flight"
    assert found.growth == pytest.approx(pairs(times_s), rel=0.8)


def p95_wait_s(times_s: Floats, places: int) -> float:
    """Give the wait that 95 % do not exceed before so many places, each request for an exponential half second."""
    free_s, waits_s = [0.0] * places, []
    for at_s, served_s in zip(times_s.tolist(), generator(7).exponential(SERVICE_S, len(times_s)), strict=True):
        begins_s = max(heapq.heappop(free_s), at_s)
        heapq.heappush(free_s, begins_s + served_s)
        waits_s.append(begins_s - at_s)
    return float(np.percentile(waits_s, 95))


def test_waits_under_real_bursts_are_foretold_from_counts() -> None:
    """What a code-completion service's hour of single requests makes wait, its counts and requests in flight make too."""
    file = Path(__file__).parents[3] / "simulations" / "zero-or-latency" / "requests.csv.gz"
    with gzip.open(file, "rt") as lines:
        times_s = np.sort([float(one["time"]) for one in csv.DictReader(lines)])
    times_s = times_s[times_s < LENGTH_S * 0.95]
    counts = counted(times_s)
    found = clumps_of(counts, STEP_S, in_flight(times_s), SERVICE_S)
    for places in (6, 10):
        real_s = p95_wait_s(times_s, places)
        clumped_s = [p95_wait_s(placed_s(counts, STEP_S, found.rho, generator(seed)), places) for seed in range(4)]
        spread_s = [p95_wait_s(placed_s(counts, STEP_S, (), generator(seed)), places) for seed in range(4)]
        assert 0.7 * real_s < np.mean(clumped_s) < 1.5 * real_s
        assert np.mean(spread_s) < 0.85 * real_s


def test_counts_of_steps_are_kept_and_clumps_are_as_dense_as_asked() -> None:
    """Every step has its requests; pairs within a service time are as many as the growth says, and no fewer than chance."""
    times_s = bursts(0.5, 40.0, (20.0, 2.0), LENGTH_S)
    found, counts = estimated(times_s), counted(times_s)
    placed = placed_s(counts, STEP_S, found.rho, generator())
    np.testing.assert_array_equal(counted(placed), counts)
    assert np.all(np.diff(placed) >= 0)
    assert pairs(placed) == pytest.approx(found.growth, rel=0.2)
    assert pairs(placed_s(counts, STEP_S, (), generator())) == pytest.approx(1.0, rel=0.1)


def test_parts_of_requests_are_drawn_and_right_on_average() -> None:
    """Counts that are no whole numbers are rounded up or down, so that none is lost over time."""
    placed = placed_s(np.full(10_000, 0.3), 1.0, (0.2, 0.2), generator())
    assert len(placed) == pytest.approx(3_000, rel=0.06)
    assert np.bincount(placed.astype(np.int64)).max() == 1


def test_windows_do_not_change_what_arrives() -> None:
    """Cut into any windows, the same seed gives the same requests; another gives others, with the same counts."""
    counts = counted(bursts(0.5, 40.0, (20.0, 2.0), LENGTH_S))
    workload = ClumpedRequests.of(counts, STEP_S, (0.3, 0.2, 0.1)).realised(generator)
    whole = workload.between(0.0, LENGTH_S, generator())
    edges_s = np.array([0.0, 0.3, 16.0, 500.0, 500.5, 3_000.0, LENGTH_S, LENGTH_S + 64])
    parts = [workload.between(start_s, end_s, generator()) for start_s, end_s in pairwise(edges_s.tolist())]
    np.testing.assert_array_equal(np.concatenate(parts), whole)
    other = workload.realised(lambda: generator(2)).between(0.0, LENGTH_S, generator())
    np.testing.assert_array_equal(counted(other), counts)
    assert not np.array_equal(other, whole)


def test_what_is_not_known_is_a_gap() -> None:
    """Nothing arrives in steps that nobody knows, and they are told as gaps; the rest is expected as counted."""
    workload = ClumpedRequests.of(np.array([4.0, np.nan, 2.0]), 10.0, (0.5,))
    placed = workload.between(0.0, 40.0, generator())
    assert [int(np.sum((placed >= at) & (placed < at + 10))) for at in (0, 10, 20, 30)] == [4, 0, 2, 0]
    assert workload.gaps(40.0).tolist() == [[10.0, 20.0], [30.0, 40.0]]
    assert workload.cumulative(np.array([10.0, 20.0, 30.0])).tolist() == [4.0, 4.0, 6.0]


def test_more_than_is_simulated_is_refused() -> None:
    """A rate beyond a million requests/s is named, with what is allowed."""
    with pytest.raises(ValueError, match=r"within 0 and 1e\+06 requests/s"):
        ClumpedRequests.of(np.array([2e6]), 1.0, ())
