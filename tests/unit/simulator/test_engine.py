"""What the platform's engine promises beside its counts: the same requests for everybody, bounds, cuts, flat memory."""

import os
import subprocess
import sys
import tracemalloc

import numpy as np
import pytest

from autoscaler.core.fleet import FunctionKey
from autoscaler.core.obstacles import Obstacle
from autoscaler.simulator.held import HoldRule
from autoscaler.simulator.invariants import check
from autoscaler.simulator.laws import Exponential, Lognormal
from autoscaler.simulator.platform import FunctionSpec, Platform
from autoscaler.simulator.statistics import FunctionStatistics, together
from autoscaler.simulator.waits import EXACT
from autoscaler.simulator.workload import Constant
from tests.unit.simulator.engine_course import course
from tests.unit.simulator.test_platform import KEY, after, burst, even, one

OTHER = FunctionKey("acme", "crop")


def poisson(rate: float) -> Constant:
    return Constant(type="constant", rate=rate)


def outcome(statistics: FunctionStatistics) -> tuple[object, ...]:
    return (statistics.requests, statistics.finished, statistics.waits_s.tolist(), statistics.busy_s)


def test_compiled_and_interpreted_kernels_give_the_same_bytes() -> None:
    """A course with everything in it comes to the same numbers, to the last bit, where nothing is compiled."""
    interpreted = subprocess.run(
        [sys.executable, "-c", "from tests.unit.simulator.engine_course import course; print(course())"],
        env=os.environ | {"NUMBA_DISABLE_JIT": "1"},
        check=True,
        capture_output=True,
        text=True,
    )
    assert interpreted.stdout.strip() == course()


def test_whoever_decides_meets_the_same_requests() -> None:
    """Under one seed, a function that is scaled up and one that is not get the same requests, with the same service times."""
    few, many = (one(poisson(5.0), service="exponential", replicas=1) for _ in range(2))
    many.scale(KEY, 50)
    counts = []
    for at_s in np.linspace(1.0, 400.0, 80):
        for platform in (few, many):
            platform.advance(float(at_s))
        counts.append((few.started(KEY), many.started(KEY)))
    few.scale(KEY, 50)
    for platform in (few, many):
        platform.advance(800.0)
    assert all(mine == theirs for mine, theirs in counts)
    busy = [platform.statistics(KEY).sojourn_s - platform.statistics(KEY).waited_s for platform in (few, many)]
    assert busy[0] == pytest.approx(busy[1], rel=0.02)  # what is still served at the end differs


def test_neighbours_change_no_draw() -> None:
    """A function comes to the same outcome alone, beside another, and when the other is named first."""
    alone = one(poisson(3.0), service="exponential", replicas=2)
    specs = [FunctionSpec(KEY, service_s=1.0, replicas=2), FunctionSpec(OTHER, service_s=2.0, replicas=9)]
    workloads = {KEY: poisson(3.0), OTHER: poisson(3.0)}
    both = [Platform(order, workloads, np.random.default_rng(1), 5.0) for order in (specs, specs[::-1])]
    for platform in (alone, *both):
        platform.advance(300.0)
    assert outcome(both[0].statistics(KEY)) == outcome(both[1].statistics(KEY)) == outcome(alone.statistics(KEY))
    assert outcome(both[0].statistics(OTHER)) != outcome(alone.statistics(KEY))


def test_the_requests_of_a_function_can_be_foreseen() -> None:
    """Whoever may look ahead finds the very requests that then come, from the start of the run on."""
    platform = one(poisson(2.0), replicas=1)
    platform.advance(100.0)
    foreseen = platform.foreseen(KEY)
    times_s = np.empty(0)
    while foreseen.drawn_s <= 100.0:
        times_s = np.append(times_s, foreseen.draw().times_s)
    assert np.count_nonzero(times_s <= 100.0) == platform.started(KEY)


def test_a_request_at_this_very_moment_is_taken() -> None:
    """Asked to go on to where it is, a function takes the request that comes at that moment."""
    platform = one(even(1.0))
    assert platform.next_asleep_arrival(0.0) == (0.0, KEY)
    platform.advance_one(KEY, 0.0)
    assert (platform.waiting(KEY), platform.next_asleep_arrival(0.5)) == (1, None)


def test_the_first_of_many_sleepers_is_found() -> None:
    """Of functions at zero, one called once a day is found beyond many empty windows, and ties go to the first name."""
    specs = [FunctionSpec(FunctionKey("acme", name), service_s=1.0) for name in ("c", "a", "b")]
    workloads = {spec.key: poisson(1e-5) for spec in specs}
    platform = Platform(specs, workloads, np.random.default_rng(7), 1.0)
    found = platform.next_asleep_arrival(1e7)
    assert found is not None
    times_s = []
    for spec in specs:
        stream = platform.foreseen(spec.key)
        drawn_s = stream.draw().times_s
        while not len(drawn_s):
            drawn_s = stream.draw().times_s
        times_s.append((float(drawn_s[0]), spec.key))
    assert found == min(times_s)
    assert platform.next_asleep_arrival(found[0] / 2) is None
    tied = Platform(specs, {spec.key: even(1.0) for spec in specs}, np.random.default_rng(7), 1.0)
    assert tied.next_asleep_arrival(9.0) == (0.0, FunctionKey("acme", "a"))


def test_what_grace_does_not_cover_is_cut() -> None:
    """Scaled to zero after 9 s with 1.2 s of grace, a request that ends at 10 s is served, one that would at 10.5 s fails."""
    platform = one(burst(2), service_s=10.0, replicas=2, termination_grace_s=1.2)
    platform.advance(9.0)  # they came at 0 and 0.5 s
    platform.scale(KEY, 0)
    platform.advance(10.1)
    assert (platform.finished(KEY), platform.in_flight(KEY), platform.statistics(KEY).failed) == (1, 1, 0)
    statistics = after(platform, 20.0)
    assert (statistics.failed, statistics.served, statistics.finished) == (1, 1, 2)
    assert statistics.draining_s == pytest.approx(1.0 + 1.2)
    assert statistics.sojourn_s == pytest.approx(10.0 + 9.7)
    check("acme/resize", statistics)


def test_who_drains_has_no_longer_to_go_than_who_stays() -> None:
    """Half of 4,000 busy replicas go: exponential service has no memory, so they drain for the mean service time each."""
    platform = one(burst(4_000), service_s=100.0, service="exponential", replicas=4_000)
    platform.advance(1.0)
    busy = platform.in_flight(KEY)
    platform.scale(KEY, 2_000)
    assert busy > 3_900
    assert after(platform, 5_000.0).draining_s / (busy - 2_000) == pytest.approx(
        100.0, rel=0.09
    )  # four standard errors


def test_without_grace_nothing_is_served_to_its_end() -> None:
    """A grace of nothing cuts at once; cut twice, each request counts with its own end."""
    platform = one(burst(4), service_s=10.0, replicas=4, termination_grace_s=0.0)
    platform.advance(1.0)
    platform.scale(KEY, 3)
    assert platform.statistics(KEY).failed == 1
    platform.advance(2.0)
    platform.scale(KEY, 0)
    statistics = after(platform, 2.0)
    assert (statistics.failed, statistics.draining_s, platform.in_flight(KEY)) == (4, 0.0, 0)
    check("acme/resize", statistics)


def test_a_gateway_that_queues_two_refuses_the_third() -> None:
    """Of six requests within a second before one replica, one is served, two wait, and three are refused without a wait."""
    platform = one(burst(6), service_s=10.0, replicas=1, gateway_queue=2)
    platform.advance(1.0)
    assert (platform.queued(KEY), platform.in_flight(KEY)) == (2, 3)
    statistics = after(platform, 60.0)
    assert (statistics.refused, statistics.served, statistics.cold, len(statistics.waits_s)) == (3, 3, 0, 2)
    check("acme/resize", statistics)


def test_a_policy_that_holds_gives_the_gateway_no_longer_queue() -> None:
    """Of six requests to a function without a replica two are held, however many its policy would let wait."""
    platform = one(burst(6), service_s=10.0, replicas=0, gateway_queue=2)
    platform.hold_by(KEY, HoldRule(25.0, 1_000))
    platform.advance(1.0)
    assert (platform.queued(KEY), platform.in_flight(KEY)) == (2, 2)
    statistics = after(platform, 60.0)
    assert (statistics.refused, statistics.turned_away, statistics.late) == (6, 4, 2)


def test_a_gateway_without_a_queue_serves_or_refuses() -> None:
    """With no place to wait, M/M/2/2 refuses as Erlang's loss formula says: 40 % at two Erlangs."""
    platform = one(poisson(2.0), service="exponential", replicas=2, gateway_queue=0)
    statistics = after(platform, 50_000.0)
    assert statistics.refused / statistics.requests == pytest.approx(0.4, abs=0.01)
    assert not len(statistics.waits_s)
    assert statistics.waits.quantile_s(0.99, statistics.requests) == 0.0


def test_start_ups_are_drawn_by_number() -> None:
    """The third start takes as long whether it comes with the first two or a minute later; the quicker is ready first."""
    together_, apart = (one(start_s=Lognormal(10.0, 1.0), service_s=1.0) for _ in range(2))  # type: ignore[arg-type]
    together_.scale(KEY, 3)
    apart.scale(KEY, 2)
    apart.advance(60.0)
    apart.scale(KEY, 3)
    ready_s = []
    for platform, begins_s in ((together_, 0.0), (apart, 60.0)):
        for step in range(60_000):
            platform.advance(begins_s + step / 100)
            if platform.ready(KEY) == 3:
                ready_s.append(step / 100)
                break
    starting = [platform.statistics(KEY).starting_s for platform in (together_, apart)]
    assert starting[0] == pytest.approx(starting[1], abs=0.02)
    assert ready_s[0] >= ready_s[1]


def test_of_those_that_start_the_newest_goes_first_whenever_it_would_be_ready() -> None:
    """Starts that overtake each other are taken away by number: what is left is what a run without the newest has."""
    whole, less = (one(start_s=Exponential(20.0), service_s=1.0) for _ in range(2))  # type: ignore[arg-type]
    whole.scale(KEY, 6)
    whole.scale(KEY, 4)
    less.scale(KEY, 4)
    for at_s in np.linspace(0.6, 120.0, 200):
        whole.advance(float(at_s))
        less.advance(float(at_s))
        assert whole.ready(KEY) == less.ready(KEY)
    assert whole.statistics(KEY).starts == 6


def test_a_replica_begins_once_however_often_it_crashes() -> None:
    """Crashing replicas have begun, also those that were asked for meanwhile; behind a quota none has until it is gone."""
    platform = one()
    platform.scale(KEY, 2)
    platform.obstruct(KEY, Obstacle.NOT_READY)
    platform.scale(KEY, 3)
    begun = [platform.statistics(KEY).starts]
    platform.obstruct(KEY, Obstacle.NONE)
    begun.append(platform.statistics(KEY).starts)
    platform.obstruct(KEY, Obstacle.QUOTA_EXCEEDED)
    platform.scale(KEY, 5)
    begun.append(platform.statistics(KEY).starts)
    platform.obstruct(KEY, Obstacle.NOT_READY)
    begun.append(platform.statistics(KEY).starts)
    platform.obstruct(KEY, Obstacle.NONE)
    statistics = after(platform, 10.0)
    assert (begun, statistics.starts, platform.ready(KEY)) == ([3, 3, 3, 5], 5, 5)


def test_a_wait_beyond_the_objective_is_a_miss() -> None:
    """Waits of 0, 1/2, 1, 1 1/2 … s under an objective of 1 s: the fourth and later ones miss it, one that still waits too."""
    platform = one(burst(6), service_s=1.0 - 1 / 3, replicas=1, slo_s=1.0)  # each waits half a second longer
    statistics = after(platform, 30.0)
    assert np.sort(statistics.waits_s) == pytest.approx([0.5, 1.0, 1.5, 2.0, 2.5])
    assert statistics.slo_misses == np.count_nonzero(statistics.waits_s > 1.0) >= 3
    waiting = one(burst(1), slo_s=1.0)
    assert after(waiting, 5.0).slo_misses == 1


@pytest.mark.parametrize(("number", "within"), [(EXACT, 1e-9), (10 * EXACT, 0.01)])
def test_many_waits_are_kept_in_bins_and_few_as_they_are(number: int, within: float) -> None:
    """So many requests within a second before one replica that takes 1 s each: quantiles, and the exact sum and longest."""
    statistics = after(one(burst(number), replicas=1), number + 1.0)
    step_s = 1.0 - 1.0 / number
    assert (statistics.served, len(statistics.waits)) == (number, number - 1)
    assert len(statistics.waits.values_s) <= max(number, 64 * 42)
    for fraction in (0.01, 0.1, 0.5, 0.9, 0.99):
        rank = int(np.ceil(fraction * number))
        assert statistics.wait_quantile_s(fraction) == pytest.approx((rank - 1) * step_s, rel=within)
    assert statistics.wait_max_s == pytest.approx((number - 1) * step_s, rel=1e-12)
    assert statistics.waited_s == pytest.approx(number * (number - 1) / 2 * step_s, rel=1e-9)
    pair = together([statistics, statistics])
    assert pair.wait_quantile_s(0.9) == pytest.approx(statistics.wait_quantile_s(0.9), rel=within)
    assert (pair.waited_s, pair.wait_max_s) == (2 * statistics.waited_s, statistics.wait_max_s)


def test_little_and_conservation_hold_whatever_happens() -> None:
    """Sums that are kept apart agree after a course with obstacles, cuts, holds and refusals; together too."""
    platform = one(
        poisson(20.0), service_s=0.4, service="exponential", concurrency_limit=3, replicas=2, hold_s=1.0,
        termination_grace_s=0.3, gateway_queue=30, slo_s=0.2,
    )  # fmt: skip
    generator = np.random.default_rng(3)
    for step in range(400):
        platform.advance(step * 0.7)
        platform.scale(KEY, int(generator.integers(0, 7)))
        if step % 9 == 0:
            platform.obstruct(KEY, Obstacle(int(generator.choice([0, *Obstacle]))))
    statistics = platform.statistics(KEY)
    assert min(statistics.failed, statistics.refused, statistics.cold, statistics.slo_misses) > 0
    check("acme/resize", statistics)
    check("both", together([statistics, statistics]))


def test_memory_does_not_grow_with_simulated_time() -> None:
    """Ten times as long a run of an overloaded and a busy function takes no more memory."""
    workloads = {KEY: poisson(50.0), OTHER: poisson(50.0)}
    specs = [
        FunctionSpec(KEY, service_s=0.1, replicas=4, hold_s=2.0),
        FunctionSpec(OTHER, service_s=0.1, replicas=8),
    ]
    platform = Platform(specs, workloads, np.random.default_rng(1), 1.0)
    platform.advance(1_000.0)
    tracemalloc.start()
    try:
        platform.advance(2_000.0)
        _, short = tracemalloc.get_traced_memory()
        tracemalloc.reset_peak()
        platform.advance(12_000.0)
        _, long = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert platform.started(KEY) > 500_000
    assert long <= 1.1 * short + 100_000
