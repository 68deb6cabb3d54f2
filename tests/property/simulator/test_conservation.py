"""What must hold of the platform whatever is asked of it."""

import itertools

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from autoscaler.core.fleet import FunctionKey
from autoscaler.core.obstacles import Obstacle
from autoscaler.simulator.invariants import check
from autoscaler.simulator.platform import FunctionSpec, Platform
from autoscaler.simulator.recorded_rates import RecordedRates
from autoscaler.simulator.workload import Constant, OnOff, Workload
from tests.property.effort import examples

KEY = FunctionKey("acme", "resize")

workloads = st.one_of(
    st.builds(Constant, type=st.just("constant"), rate=st.floats(0, 30), arrivals=st.sampled_from(["poisson", "even"])),
    st.builds(
        OnOff.model_construct,
        type=st.just("onOff"),
        arrivals=st.sampled_from(["poisson", "even"]),
        rate=st.floats(0, 50),
        on=st.floats(0.1, 5),
        off=st.floats(0.1, 20),
    ),
    st.builds(
        lambda rows, repeat, arrivals: RecordedRates(
            np.cumsum([0.0, *(length_s for length_s, _ in rows)]),
            np.array([np.nan if rate is None else rate for _, rate in rows]),
            repeat,
            arrivals,
        ),
        st.lists(st.tuples(st.floats(0.1, 30), st.none() | st.floats(0, 50)), min_size=1, max_size=8),
        st.booleans(),
        st.sampled_from(["poisson", "even"]),
    ),
)
specs = st.builds(
    FunctionSpec,
    key=st.just(KEY),
    service_s=st.floats(0.01, 3),
    start_s=st.floats(0, 10),
    concurrency_limit=st.integers(1, 4),
    replicas=st.integers(0, 4),
    service=st.sampled_from(["exponential", "constant"]),
    hold_s=st.none() | st.floats(0.1, 10),
    gateway_queue=st.none() | st.integers(0, 20),
    termination_grace_s=st.none() | st.floats(0, 2),
    slo_s=st.none() | st.floats(0, 1),
)
orders = st.lists(st.tuples(st.floats(0, 8), st.integers(0, 8)), max_size=12)


def platform_of(spec: FunctionSpec, workload: Workload, seed: int) -> Platform:
    return Platform([spec], {KEY: workload}, np.random.default_rng(seed), 1.0)


@settings(max_examples=examples(150), deadline=None)
@given(spec=specs, workload=workloads, orders=orders, seed=st.integers(0, 2**32))
def test_nothing_is_lost(spec: FunctionSpec, workload: Workload, orders: list[tuple[float, int]], seed: int) -> None:
    """Started is finished plus in flight; replicas ready are never more than requested; waits never last beyond the hold;
    sums that are kept apart agree."""
    platform = platform_of(spec, workload, seed)
    at_s = 0.0
    for passed_s, replicas in orders:
        at_s += passed_s
        platform.advance(at_s)
        platform.scale(KEY, replicas)
        assert platform.started(KEY) == platform.finished(KEY) + platform.in_flight(KEY)
        assert 0 <= platform.ready(KEY) <= platform.requested(KEY) == replicas
        assert platform.waiting(KEY) in (0, platform.queued(KEY))
        assert 0 <= platform.queued(KEY) <= platform.in_flight(KEY)
    statistics = platform.statistics(KEY)
    assert statistics.finished <= statistics.requests
    assert len(statistics.waits_s) <= statistics.requests
    assert statistics.cold <= len(statistics.waits_s) + statistics.refused
    check("acme/resize", statistics)
    assert np.all(statistics.waits_s >= 0)
    if spec.hold_s is not None:
        assert np.all(statistics.waits_s <= spec.hold_s * (1 + 1e-9) + 1e-9)


@settings(max_examples=examples(100), deadline=None)
@given(spec=specs, workload=workloads, orders=orders, seed=st.integers(0, 2**32))
def test_replica_seconds_are_the_integral_of_what_there_is(
    spec: FunctionSpec, workload: Workload, orders: list[tuple[float, int]], seed: int
) -> None:
    """Starting and ready replicas together cost requested × time, whatever else happens."""
    platform = platform_of(spec, workload, seed)
    at_s, expected = 0.0, 0.0
    for passed_s, replicas in orders:
        expected += platform.requested(KEY) * passed_s
        at_s += passed_s
        platform.advance(at_s)
        platform.scale(KEY, replicas)
    statistics = platform.statistics(KEY)
    assert np.isclose(statistics.starting_s + statistics.ready_s, expected, rtol=1e-9, atol=1e-9)
    assert statistics.draining_s >= 0


@settings(max_examples=examples(60), deadline=None)
@given(spec=specs, workload=workloads, cuts=st.lists(st.floats(0, 60), max_size=30), seed=st.integers(0, 2**32))
def test_the_steps_of_time_change_nothing(spec: FunctionSpec, workload: Workload, cuts: list[float], seed: int) -> None:
    """Advanced in one step or in many, a platform comes to the same counts and the same waits."""
    whole, cut = platform_of(spec, workload, seed), platform_of(spec, workload, seed)
    whole.advance(60.0)
    for at_s in sorted(cuts):
        cut.next_asleep_arrival(at_s + 10)
        cut.advance(at_s)
    cut.advance(60.0)
    one, many = whole.statistics(KEY), cut.statistics(KEY)
    assert (one.requests, one.finished, one.cold, one.refused) == (
        many.requests,
        many.finished,
        many.cold,
        many.refused,
    )
    assert np.array_equal(one.waits_s, many.waits_s)
    assert np.isclose(one.replica_seconds, many.replica_seconds)


@settings(max_examples=examples(60), deadline=None)
@given(workload=workloads, cuts=st.lists(st.floats(0, 100), min_size=1, max_size=5), seed=st.integers(0, 2**32))
def test_windows_share_no_arrival(workload: Workload, cuts: list[float], seed: int) -> None:
    """Arrivals of neighbouring windows ascend, lie within them, and evenly spaced ones are those of the whole."""
    edges = sorted({0.0, 100.0, *cuts})
    generator = np.random.default_rng(seed)
    drawn = [workload.between(start, end, generator) for start, end in itertools.pairwise(edges)]
    for times, start, end in zip(drawn, edges[:-1], edges[1:], strict=True):
        assert np.all((times >= start) & (times < end))
        assert np.all(np.diff(times) >= 0)
    if workload.arrivals == "even":
        assert abs(sum(map(len, drawn)) - len(workload.between(0.0, 100.0, generator))) <= 1


@settings(max_examples=examples(100), deadline=None)
@given(
    spec=specs,
    workload=workloads,
    orders=st.lists(st.tuples(st.floats(0, 8), st.integers(0, 8), st.sampled_from(Obstacle)), max_size=12),
    seed=st.integers(0, 2**32),
)
def test_obstacles_lose_no_replica(
    spec: FunctionSpec, workload: Workload, orders: list[tuple[float, int, Obstacle]], seed: int
) -> None:
    """Whatever stands in the way in between, never more are ready than requested, and at the end all that are missing start."""
    platform = platform_of(spec, workload, seed)
    at_s = 0.0
    for passed_s, replicas, obstacle in orders:
        at_s += passed_s
        platform.advance(at_s)
        platform.obstruct(KEY, obstacle)
        ready = platform.ready(KEY)
        platform.scale(KEY, replicas)
        assert min(ready, replicas) <= platform.ready(KEY) <= platform.requested(KEY) == replicas
        assert (platform.obstacle_column()[0] == Obstacle.NONE) == (platform.ready(KEY) == replicas)
    platform.obstruct(KEY, Obstacle.NONE)
    platform.advance(at_s + 10.001)
    assert platform.ready(KEY) == platform.requested(KEY)
    statistics = platform.statistics(KEY)
    check("acme/resize", statistics)
    assert statistics.starting_s + statistics.ready_s >= 0
    assert 0 <= statistics.zero_s <= at_s + 10.001


@settings(max_examples=examples(100), deadline=None)
@given(workload=workloads, end_s=st.floats(0.1, 300), seed=st.integers(0, 2**32))
def test_nothing_arrives_in_a_gap(workload: Workload, end_s: float, seed: int) -> None:
    """Gaps ascend, do not touch, lie within the run, and no request is invented in any of them."""
    gaps = workload.gaps(end_s)
    assert np.all(np.diff(gaps.ravel()) > 0)
    assert not len(gaps) or (gaps[0, 0] >= 0 and gaps[-1, 1] <= end_s)
    times = workload.between(0.0, end_s, np.random.default_rng(seed))
    for from_s, to_s in gaps.tolist():
        assert not np.any((times > from_s + 1e-6) & (times < to_s - 1e-6))
