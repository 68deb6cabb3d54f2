"""The simulated platform: counts, queues and what replicas cost, by hand and against closed forms."""

import numpy as np
import pytest

from autoscaler.core.fleet import FunctionKey
from autoscaler.core.obstacles import Obstacle
from autoscaler.simulator.platform import FunctionSpec, Platform
from autoscaler.simulator.statistics import FunctionStatistics
from autoscaler.simulator.workload import Constant, Step, Steps, Workload

KEY = FunctionKey("acme", "resize")


def one(workload: Workload | None = None, seed: int = 1, start_s: float = 5.0, **spec: object) -> Platform:
    """Give a platform of one function, with constant service times of 1 s where nothing else is said."""
    given = {"key": KEY, "service_s": 1.0, "service": "constant"} | spec
    workloads = {} if workload is None else {KEY: workload}
    return Platform([FunctionSpec(**given)], workloads, np.random.default_rng(seed), start_s)  # type: ignore[arg-type]


def even(rate: float) -> Constant:
    return Constant(type="constant", rate=rate, arrivals="even")


def burst(number: int) -> Steps:
    """Give `number` requests, evenly within the first second, and silence after it."""
    return Steps(
        type="steps",
        arrivals="even",
        steps=(Step.model_construct(at=0.0, rate=float(number)), Step.model_construct(at=1.0, rate=0.0)),
    )


def after(platform: Platform, until_s: float) -> FunctionStatistics:
    platform.advance(until_s)
    return platform.statistics(KEY)


def test_a_replica_is_ready_after_its_start_up_time() -> None:
    """A replica that is asked for counts as requested at once and as ready after start_s, not before."""
    platform = one()
    platform.scale(KEY, 2)
    platform.advance(4.999)
    assert (platform.requested(KEY), platform.ready(KEY)) == (2, 0)
    platform.advance(5.0)
    assert (platform.requested(KEY), platform.ready(KEY)) == (2, 2)


def test_replica_seconds_count_starting_and_ready_apart() -> None:
    """Two replicas asked for at 0 that start in 5 s have cost 10 s of starting and 20 s of ready at 15."""
    platform = one()
    platform.scale(KEY, 2)
    statistics = after(platform, 15.0)
    assert (statistics.starting_s, statistics.ready_s, statistics.draining_s) == (10.0, 20.0, 0.0)
    assert statistics.replica_seconds == 30.0


def test_a_surplus_takes_starting_replicas_first() -> None:
    """Of one ready and two starting replicas, going to one leaves the ready one and no cost of starting more."""
    platform = one(replicas=1)
    platform.scale(KEY, 3)
    platform.advance(2.0)
    platform.scale(KEY, 1)
    statistics = after(platform, 10.0)
    assert platform.ready(KEY) == 1
    assert (statistics.starting_s, statistics.ready_s, statistics.replicas_max) == (4.0, 10.0, 3)


def test_a_busy_replica_finishes_what_it_serves() -> None:
    """Scaled to zero in the middle of a request of 1 s, the request ends at its time and its replica costs until then."""
    platform = one(burst(1), replicas=1)
    platform.advance(0.25)
    platform.scale(KEY, 0)
    assert (platform.ready(KEY), platform.in_flight(KEY)) == (0, 1)
    statistics = after(platform, 5.0)
    assert (platform.finished(KEY), platform.in_flight(KEY)) == (1, 0)
    assert (statistics.ready_s, statistics.draining_s) == (0.25, 0.75)


def test_a_draining_replica_takes_nothing_new() -> None:
    """A request that arrives while the last replica drains waits for a new one."""
    platform = one(Steps(type="steps", arrivals="even", steps=(Step.model_construct(at=0.0, rate=2.0),)), replicas=1)
    platform.advance(0.25)
    platform.scale(KEY, 0)
    platform.advance(0.5)
    assert (platform.waiting(KEY), platform.in_flight(KEY)) == (1, 2)


def test_requests_without_a_replica_wait_and_are_cold() -> None:
    """Three requests at 0, 1/3 and 2/3 s before a replica that is ready at 5 s wait 5, 5 2/3 and 6 1/3 s, all cold."""
    platform = one(burst(3))
    platform.scale(KEY, 1)
    statistics = after(platform, 20.0)
    assert (statistics.requests, statistics.cold, statistics.finished) == (3, 3, 3)
    assert np.sort(statistics.waits_s) == pytest.approx([5.0, 6 - 1 / 3, 7 - 2 / 3])
    assert statistics.wait_max_s == pytest.approx(7 - 2 / 3)


def test_a_queue_before_a_busy_replica_is_not_cold() -> None:
    """Two requests half a second apart on one warm replica: the second waits half a second and is not cold."""
    statistics = after(one(burst(2), replicas=1), 10.0)
    assert statistics.cold == 0
    assert statistics.waits_s == pytest.approx([0.5])
    assert statistics.wait_quantile_s(0.5) == 0.0
    assert statistics.wait_quantile_s(0.51) == pytest.approx(0.5)


def test_a_replica_serves_as_many_as_its_limit() -> None:
    """One replica with three places serves three of four requests at once, the fourth when the first ends."""
    platform = one(burst(4), replicas=1, concurrency_limit=3)
    platform.advance(0.9)
    assert (platform.in_flight(KEY), platform.queued(KEY), platform.waiting(KEY)) == (4, 1, 0)
    assert after(platform, 5.0).waits_s == pytest.approx([0.25])


def test_a_request_gives_up_after_its_hold() -> None:
    """Without a replica a request is refused after its hold, counted as finished, and has waited exactly that."""
    statistics = after(one(burst(2), hold_s=3.0), 10.0)
    assert (statistics.refused, statistics.finished, statistics.requests) == (2, 2, 2)
    assert statistics.waits_s == pytest.approx([3.0, 3.0])


def test_a_place_that_gets_free_as_a_hold_ends_is_taken() -> None:
    """A replica ready at the very instant at which a hold ends serves the request."""
    platform = one(burst(1), hold_s=5.0)
    platform.scale(KEY, 1)
    statistics = after(platform, 10.0)
    assert (statistics.refused, statistics.finished) == (0, 1)


def test_a_request_that_ends_as_a_hold_ends_makes_room() -> None:
    """Served until 1 s, and a second request's hold from 0.5 s ends at 1 s: it is served, not refused."""
    statistics = after(one(burst(2), replicas=1, hold_s=0.5), 10.0)
    assert (statistics.refused, statistics.finished) == (0, 2)


def test_those_who_still_wait_are_in_the_waits() -> None:
    """A request that still waits at the end counts with what it has waited so far."""
    statistics = after(one(burst(1)), 7.0)
    assert (statistics.requests, statistics.finished) == (1, 0)
    assert statistics.waits_s == pytest.approx([7.0])


def test_the_first_request_to_a_function_at_zero_is_found_ahead() -> None:
    """The next request to any function with nothing requested is told before it happens, and not after it woke."""
    platform = one(Steps(type="steps", arrivals="even", steps=(Step.model_construct(at=3.0, rate=1.0),)))
    assert platform.next_asleep_arrival(2.0) is None
    assert platform.next_asleep_arrival(9.0) == (3.0, KEY)
    assert platform.next_asleep_arrival(9.0, among=np.zeros(1, dtype=np.bool_)) is None
    platform.advance(3.0)
    assert platform.waiting(KEY) == 1
    assert platform.next_asleep_arrival(9.0) == (4.0, KEY)
    platform.scale(KEY, 1)
    assert platform.next_asleep_arrival(9.0) is None


def test_carried_requests_are_counted() -> None:
    """A request that somebody else carries is in flight from enter to leave, and no leave goes without an enter."""
    platform = one()
    platform.enter(KEY)
    assert (platform.started(KEY), platform.in_flight(KEY)) == (1, 1)
    platform.leave(KEY)
    assert (platform.finished(KEY), platform.in_flight(KEY)) == (1, 0)
    with pytest.raises(ValueError, match="no carried request"):
        platform.leave(KEY)


def test_functions_come_and_go() -> None:
    """A function added later keeps the platform's clock; a name is there once; a removed one is gone."""
    platform = one()
    platform.advance(10.0)
    other = FunctionSpec(FunctionKey("acme", "a"), service_s=1.0, replicas=1)
    platform.add(other, even(1.0))
    assert platform.keys == (other.key, KEY)
    with pytest.raises(ValueError, match="there already"):
        platform.add(other)
    platform.advance(20.0)
    assert platform.statistics(other.key).ready_s == 10.0
    assert platform.started(other.key) == 11
    assert platform.requested_column().tolist() == [1.0, 0.0]
    platform.remove(KEY)
    assert platform.keys == (other.key,)
    with pytest.raises(KeyError):
        platform.scale(KEY, 1)


@pytest.mark.parametrize(
    "wrong",
    [{"service_s": 0.0}, {"concurrency_limit": 0}, {"replicas": -1}, {"hold_s": 0.0}],
)
def test_an_impossible_function_is_refused(wrong: dict[str, object]) -> None:
    """A number out of its range is named, with the function."""
    with pytest.raises(ValueError, match=f"acme/resize: {next(iter(wrong))}"):
        one(**wrong)


def test_a_negative_start_up_time_is_refused() -> None:
    """A replica cannot be ready before it is asked for, be it the platform's time or a function's."""
    with pytest.raises(ValueError, match="start_s"):
        one(start_s=-1.0)
    with pytest.raises(ValueError, match="start_s"):
        FunctionSpec(KEY, service_s=1.0, start_s=-1.0)


def test_a_negative_number_of_replicas_is_refused() -> None:
    """Asking for less than no replica is an error and changes nothing."""
    platform = one(replicas=1)
    with pytest.raises(ValueError, match="at least 0"):
        platform.scale(KEY, -1)
    assert platform.requested(KEY) == 1


def test_an_earlier_time_does_nothing() -> None:
    """Time never goes back."""
    platform = one(even(1.0), replicas=1)
    platform.advance(10.0)
    platform.advance(5.0)
    assert (platform.now_s, platform.started(KEY)) == (10.0, 11)


# Closed forms. Each bound is about four standard errors of the estimate at this length, so that any seed would do.


@pytest.mark.parametrize(
    ("system", "wait_s", "share", "within"),
    [
        ((0.9, 1.991, 3), 0.578942, 0.351291, 0.045),
        ((10.0, 0.5, 6), 0.293758, 0.587516, 0.085),
        ((100.0, 0.2, 25), 0.008364, 0.209103, 0.14),
    ],
)
def test_fixed_replicas_wait_as_erlang_c_says(
    system: tuple[float, float, int], wait_s: float, share: float, within: float
) -> None:
    """M/M/c: mean wait and share of requests that wait are Erlang's, within four standard errors of a million requests."""
    rate, service_s, replicas = system
    workload = Constant(type="constant", rate=rate)
    platform = one(workload, service_s=service_s, service="exponential", replicas=replicas)
    statistics = after(platform, 1_000_000 / rate)
    assert statistics.wait_mean_s == pytest.approx(wait_s, rel=within)
    assert np.count_nonzero(statistics.waits_s) / statistics.requests == pytest.approx(share, rel=within)


def test_one_replica_with_constant_service_waits_as_pollaczek_khinchine_says() -> None:
    """M/D/1 at utilization 0.7: the mean wait is r S / (2 (1 - r)) = 1.1667 s for S = 1 s, within 5 %."""
    statistics = after(one(Constant(type="constant", rate=0.7), replicas=1), 300_000 / 0.7)
    assert statistics.wait_mean_s == pytest.approx(0.7 / (2 * 0.3), rel=0.05)


def test_enough_replicas_are_busy_as_littles_law_says() -> None:
    """M/M/∞: in flight, looked at every second, is Poisson with mean and variance rate × service = 20."""
    platform = one(Constant(type="constant", rate=50.0), service_s=0.4, service="exponential", replicas=1_000)
    looks = []
    for second in range(1, 4_001):
        platform.advance(float(second))
        looks.append(platform.in_flight(KEY))
    assert np.mean(looks[10:]) == pytest.approx(20.0, abs=0.4)
    assert np.var(looks[10:]) == pytest.approx(20.0, rel=0.12)


@pytest.mark.parametrize("obstacle", [Obstacle.QUOTA_EXCEEDED, Obstacle.NOT_SCHEDULABLE])
def test_behind_a_quota_or_full_nodes_further_replicas_do_not_start(obstacle: Obstacle) -> None:
    """What already starts gets ready, what is asked for behind the obstacle waits for its end and costs nothing."""
    platform = one()
    platform.scale(KEY, 1)
    platform.advance(2.0)
    platform.obstruct(KEY, obstacle)
    platform.scale(KEY, 3)
    platform.advance(20.0)
    assert (platform.requested(KEY), platform.ready(KEY)) == (3, 1)
    assert platform.obstacle_column().tolist() == [obstacle]
    platform.obstruct(KEY, Obstacle.NONE)
    platform.advance(24.9)
    assert (platform.ready(KEY), platform.obstacle_column().tolist()) == (1, [Obstacle.NOT_READY])
    platform.advance(25.0)
    assert (platform.ready(KEY), platform.obstacle_column().tolist()) == (3, [Obstacle.NONE])
    assert platform.statistics(KEY).starting_s == 5.0 + 2 * 5.0


def test_replicas_that_crash_do_not_get_ready_and_hold_their_places() -> None:
    """Of one ready and two starting replicas the ready one serves on; the others cost from 0 on, and start at the end."""
    platform = one(replicas=1)
    platform.scale(KEY, 3)
    platform.advance(2.0)
    platform.obstruct(KEY, Obstacle.NOT_READY)
    platform.advance(30.0)
    assert (platform.ready(KEY), platform.obstacle_column().tolist()) == (1, [Obstacle.NOT_READY])
    platform.obstruct(KEY, Obstacle.NONE)
    platform.advance(35.0)
    assert platform.ready(KEY) == 3
    assert platform.statistics(KEY).starting_s == 2 * 35.0


def test_a_surplus_takes_missing_replicas_first() -> None:
    """Behind a quota, going from four to two takes away two that never started, and nothing that runs."""
    platform = one(replicas=2)
    platform.obstruct(KEY, Obstacle.QUOTA_EXCEEDED)
    platform.scale(KEY, 4)
    platform.scale(KEY, 2)
    assert (platform.ready(KEY), platform.obstacle_column().tolist()) == (2, [Obstacle.NONE])
    platform.obstruct(KEY, Obstacle.NONE)
    platform.advance(10.0)
    assert (platform.requested(KEY), platform.ready(KEY)) == (2, 2)


def test_time_at_zero_is_counted() -> None:
    """No replica requested from 0 to 10 s and from 30 s on: 10 s, and 5 s more at 35 s."""
    platform = one()
    platform.advance(10.0)
    platform.scale(KEY, 1)
    platform.advance(30.0)
    platform.scale(KEY, 0)
    assert after(platform, 35.0).zero_s == 15.0
