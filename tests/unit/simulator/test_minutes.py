"""Traces of counts per minute: what each policy keeps, starts, and wastes."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from autoscaler.core.columns import Floats
from autoscaler.simulator.baselines.settings import DeciderConfig, Hybrid, Kpa
from autoscaler.simulator.baselines.settings import Fixed as FixedDecider
from autoscaler.simulator.baselines.settings import KeepAlive as KeepAliveDecider
from autoscaler.simulator.baselines.settings import Oracle as OracleDecider
from autoscaler.simulator.minutes.counts import Containers, MinuteCounts, MinuteCountsError
from autoscaler.simulator.minutes.deciders import policy_of
from autoscaler.simulator.minutes.from_traces import counts_of
from autoscaler.simulator.minutes.hybrid import HybridHistogram
from autoscaler.simulator.minutes.maxima import Maxima, filled
from autoscaler.simulator.minutes.policies import Fixed, KeepAlive, MinutePolicy, Oracle
from autoscaler.simulator.minutes.result import MinuteResult
from autoscaler.simulator.minutes.run import keep_alive_sweep, simulate_minutes, simulate_policies
from autoscaler.simulator.trace_sets.trace_set import Counts, Events, Identity, TraceFunction, TraceSet

HYBRID = HybridHistogram(Hybrid(type="hybrid"), 60.0)

matrices = arrays(np.int32, st.tuples(st.integers(1, 4), st.integers(1, 40)), elements=st.integers(0, 3))


def counts(*rows: list[int], memory_gb: list[float] | None = None, requests: list[float] | None = None) -> MinuteCounts:
    """Functions `f0`, `f1`, … of tenants `a` and `b` in turn."""
    number = len(rows)
    return MinuteCounts(
        names=tuple(f"f{row}" for row in range(number)),
        tenants=tuple("ab"[row % 2] for row in range(number)),
        containers=np.array(rows, dtype=np.int32),
        memory_gb=np.ones(number) if memory_gb is None else np.array(memory_gb),
        requests=None if requests is None else np.array(requests),
    )


def of(matrix: Containers) -> MinuteCounts:
    return counts(*matrix.tolist())


def outcome(policy: MinutePolicy, row: list[int]) -> tuple[int, int]:
    """Cold starts, and container-steps that were there."""
    total = simulate_minutes(counts(row), policy).total
    return total.cold, total.allocated_steps


def price(result: MinuteResult, break_even: int) -> int:
    """Idle container-steps, and a cold start as so many of them."""
    return int(result.cold.sum()) * break_even + int(result.idle.sum())


@pytest.mark.parametrize(
    ("policy", "cold", "allocated"),
    [
        (KeepAlive(1), 5, 9),
        (KeepAlive(2), 2, 10),
        (KeepAlive(9), 2, 12),
        (Fixed(0), 5, 5),
        (Fixed(1), 1, 9),
        (Oracle(0), 5, 5),
        (Oracle(1), 2, 8),
    ],
)
def test_each_policy_keeps_what_it_says(policy: MinutePolicy, cold: int, allocated: int) -> None:
    """On one small row the cold starts and the container-minutes are those counted by hand."""
    assert outcome(policy, [0, 1, 0, 2, 0, 1, 0, 1]) == (cold, allocated)


@given(matrices, st.integers(1, 50))
def test_sliding_maxima_are_those_of_the_last_steps(matrix: Containers, window: int) -> None:
    """Whatever the window, each step has the maximum of it and those just before it."""
    found = Maxima(matrix).over(window)
    for step in range(matrix.shape[1]):
        assert np.array_equal(found[:, step], matrix[:, max(step - window + 1, 0) : step + 1].max(axis=1))


@given(matrices, st.integers(0, 45))
def test_filled_valleys_are_those_between_two_uses(matrix: Containers, steps: int) -> None:
    """Of every height, a silence between two uses is filled just when it is no longer than asked."""
    found = filled(matrix, steps)
    for row, line in enumerate(matrix):
        for height in range(1, int(line.max()) + 1):
            used = np.flatnonzero(line >= height)
            right = np.zeros(len(line), dtype=bool)
            right[used] = True
            for first, second in itertools.pairwise(used):
                if second - first - 1 <= steps:
                    right[first:second] = True
            assert np.array_equal(found[row] >= height, right)


@given(matrices, st.integers(1, 45))
def test_no_keep_alive_beats_the_oracle_of_its_length(matrix: Containers, steps: int) -> None:
    """Against a keep-alive of its break-even the oracle has no more cold starts and no more idle time, function by function."""
    oracle, kept = simulate_policies(of(matrix), [Oracle(steps), KeepAlive(steps)])
    assert np.all(oracle.cold <= kept.cold)
    assert np.all(oracle.idle <= kept.idle)


@given(matrices, st.integers(0, 20), st.integers(1, 45))
def test_nothing_that_keeps_and_drops_is_cheaper_than_the_oracle(
    matrix: Containers, break_even: int, steps: int
) -> None:
    """At its price of a cold start, no keep-alive, even one as long as the trace, costs less in all than the oracle."""
    for_ever = matrix.shape[1]
    oracle, *others = simulate_policies(of(matrix), [Oracle(break_even), KeepAlive(steps), KeepAlive(for_ever)])
    assert all(price(oracle, break_even) <= price(other, break_even) for other in others)


def test_who_starts_ahead_may_beat_the_oracle_which_does_not() -> None:
    """Of a timer of half an hour the hybrid histogram learns to start just before the call: fewer cold starts than the oracle
    that keeps nothing for so long, and a smaller sum at its own price."""
    timer = np.zeros((1, 1_440), np.int32)
    timer[0, ::30] = 1
    oracle, hybrid = simulate_policies(of(timer), [Oracle(10), HYBRID])
    assert int(oracle.cold.sum()) == 48
    assert int(hybrid.cold.sum()) < 10
    assert price(hybrid, 10) < price(oracle, 10)


@given(matrices)
def test_a_longer_keep_alive_starts_no_more_and_keeps_no_less(matrix: Containers) -> None:
    """Cold starts never rise with the keep-alive, and what is there never falls."""
    results = keep_alive_sweep(of(matrix), range(1, 20))
    assert all(np.all(longer.cold <= shorter.cold) for shorter, longer in itertools.pairwise(results))
    assert all(np.all(longer.allocated >= shorter.allocated) for shorter, longer in itertools.pairwise(results))


def test_a_sweep_is_its_single_runs() -> None:
    """What 20 keep-alives share changes nothing in any of them."""
    generator = np.random.Generator(np.random.PCG64(5))
    many = of(generator.poisson(0.3, (300, 500)).astype(np.int32))
    for steps, together in zip(range(1, 21), keep_alive_sweep(many, range(1, 21)), strict=True):
        alone = simulate_minutes(many, KeepAlive(steps))
        assert np.array_equal(together.cold, alone.cold)
        assert np.array_equal(together.allocated_by_step, alone.allocated_by_step)


def test_functions_do_not_touch_each_other() -> None:
    """A function alone comes to what it comes to among a thousand others, whatever block it falls into."""
    generator = np.random.Generator(np.random.PCG64(6))
    many = of(generator.poisson(0.1, (1_000, 400)).astype(np.int32))
    for policy in (KeepAlive(7), Oracle(3), HYBRID):
        together = simulate_minutes(many, policy)
        for row in (0, 327, 328, 999):
            alone = simulate_minutes(of(many.rows(row, row + 1)), policy)
            assert (alone.cold[0], alone.allocated[0]) == (together.cold[row], together.allocated[row])


def test_the_hybrid_histogram_learns_a_timer() -> None:
    """A timer of half an hour meets no cold start once learned, and costs less than half of what a keep-alive of as long costs."""
    row = [int(minute % 30 == 0) for minute in range(2_880)]
    hybrid, kept = simulate_policies(counts(row), [HYBRID, KeepAlive(30)])
    later = [0] * 1_440 + row[1_440:]
    assert hybrid.total.cold == kept.total.cold == 1
    assert hybrid.total.allocated_steps < kept.total.allocated_steps / 2
    assert simulate_minutes(counts(later), HYBRID).total.cold == 1


def test_the_hybrid_histogram_loads_just_before_the_timer() -> None:
    """Idle times of 30 minutes: loaded from 27 minutes on (a tenth early), and for the minute after each call."""
    row = [int(minute % 30 == 0) for minute in range(2_880)]
    result = simulate_minutes(counts(row), HYBRID)
    last_day = np.flatnonzero(result.allocated_by_step[1_440:] > 0)
    assert sorted(set((last_day % 30).tolist())) == [0, 1, 27, 28, 29]


@pytest.mark.parametrize("break_even", [5, 60, 240])
def test_the_hybrid_histogram_does_not_beat_the_oracle_on_independent_calls(break_even: int) -> None:
    """Where the past says nothing, who knows the future pays less in all at every price of a cold start."""
    generator = np.random.Generator(np.random.PCG64(7))
    calls = of((generator.random((50, 2_880)) < 0.02).astype(np.int32))
    hybrid, oracle = simulate_policies(calls, [HYBRID, Oracle(break_even)])
    assert price(oracle, break_even) < price(hybrid, break_even)


def test_gb_seconds_and_tenants_add_up() -> None:
    """Container-minutes times memory times sixty, by function, by tenant, in all."""
    result = simulate_minutes(counts([1, 0, 2], [0, 1, 0], [3, 0, 0], memory_gb=[0.5, 2.0, 1.0]), KeepAlive(1))
    by_function = {row.function: row for row in result.by_function()}
    assert (by_function["f0"].used_gb_s, by_function["f0"].allocated_gb_s) == (90.0, 120.0)
    tenants = {row.tenant: row for row in result.by_tenant()}
    assert tenants["a"].cold == by_function["f0"].cold + by_function["f2"].cold
    assert tenants["a"].idle_gb_s == by_function["f0"].idle_gb_s + by_function["f2"].idle_gb_s
    assert result.total.idle_gb_s == pytest.approx(result.idle_gb_s)
    assert result.used_by_step.tolist() == [4, 1, 2]
    assert result.allocated_by_step.tolist() == [4, 5, 3]


def test_quantiles_are_of_functions_with_load() -> None:
    """The fraction of cold requests is of each function's own requests, at most 1, and the silent ones are left out."""
    result = simulate_minutes(counts([1, 0, 0], [2, 2, 2], [0, 0, 0], requests=[4.0, 20.0, 0.0]), KeepAlive(1))
    assert result.cold_fractions().tolist() == [0.25, 0.1]
    assert result.cold_fraction_quantile(0.5) == pytest.approx(0.175)
    assert simulate_minutes(counts([0, 0]), KeepAlive(1)).cold_fraction_quantile(0.5) is None


def test_waste_is_relative_to_another_policy() -> None:
    """Idle GB-seconds as a multiple; of a policy that wastes nothing there is none."""
    row = counts([1, 0, 0, 1])
    assert simulate_minutes(row, KeepAlive(2)).waste_relative(simulate_minutes(row, KeepAlive(1))) == 2.0
    assert simulate_minutes(row, KeepAlive(2)).waste_relative(simulate_minutes(row, Fixed(0))) is None


def test_equal_results_are_equal_bytes() -> None:
    """The same counts and policy give the same JSON."""
    assert (
        simulate_minutes(counts([1, 0]), KeepAlive(1)).to_json()
        == simulate_minutes(counts([1, 0]), KeepAlive(1)).to_json()
    )


@pytest.mark.parametrize(
    ("matrix", "named"),
    [
        (np.array([[1, -1]], dtype=np.int32), "f0 in step 1: -1"),
        (np.array([[1, 2_000_000]], dtype=np.int64), "f0 in step 1: 2000000"),
    ],
)
def test_an_absurd_count_names_function_and_step(matrix: Containers, named: str) -> None:
    """What is negative or beyond a million is told with its place."""
    with pytest.raises(MinuteCountsError, match=named):
        simulate_minutes(MinuteCounts(("f0",), ("a",), matrix, np.ones(1)), KeepAlive(1))


@pytest.mark.parametrize(
    ("field", "wrong"),
    [
        ("containers", {"containers": np.array([[0.5]])}),
        ("containers", {"containers": np.zeros((2, 1), dtype=np.int32)}),
        ("containers", {"containers": np.zeros((1, 0), dtype=np.int32)}),
        ("tenants", {"tenants": ()}),
        ("memory_gb", {"memory_gb": np.array([np.nan])}),
        ("memory_gb", {"memory_gb": np.array([0.0])}),
        ("requests", {"requests": np.array([-1.0])}),
        ("step_s", {"step_s": 0.0}),
    ],
)
def test_columns_that_do_not_fit_are_named(field: str, wrong: dict[str, object]) -> None:
    """Each field that is out of range or of another length is told by its name."""
    right = {
        "names": ("f0",),
        "tenants": ("a",),
        "containers": np.ones((1, 1), dtype=np.int32),
        "memory_gb": np.ones(1),
    }
    with pytest.raises(MinuteCountsError, match=f"^{field}"):
        MinuteCounts(**(right | wrong))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("decider", "policy"),
    [
        (KeepAliveDecider.model_validate({"type": "keepAlive", "after": "10m"}), KeepAlive(10)),
        (KeepAliveDecider.model_validate({"type": "keepAlive", "after": "1m"}), KeepAlive(1)),
        (FixedDecider(type="fixed", replicas=3), Fixed(3)),
        (OracleDecider.model_validate({"type": "oracle", "breakEven": "120s"}), Oracle(2)),
        (Hybrid(type="hybrid"), HYBRID),
    ],
)
def test_deciders_of_documents_become_policies(decider: object, policy: MinutePolicy) -> None:
    """Durations become whole steps."""
    assert policy_of(decider, 60.0) == policy  # type: ignore[arg-type]


def test_a_decider_that_needs_rates_is_refused() -> None:
    """What cannot decide on counts is told, with what can."""
    with pytest.raises(ValueError, match=r"kpa.*fixed, keepAlive, hybrid or oracle"):
        policy_of(Kpa(type="kpa"), 60.0)


@pytest.mark.parametrize(
    ("decider", "told"),
    [
        (
            KeepAliveDecider.model_validate({"type": "keepAlive", "after": "90s"}),
            "after is 1m30s; whole steps of 1m are allowed",
        ),
        (
            KeepAliveDecider.model_validate({"type": "keepAlive", "after": "20s"}),
            "after is 20s; whole steps of 1m are allowed",
        ),
        (
            OracleDecider.model_validate({"type": "oracle", "breakEven": "150s"}),
            "breakEven is 2m30s; whole steps of 1m are allowed",
        ),
        (Hybrid.model_validate({"type": "hybrid", "keep": "601s"}), "keep is 10m1s; whole steps of 1m are allowed"),
    ],
)
def test_times_between_steps_are_refused(decider: DeciderConfig, told: str) -> None:
    """A time that a grid does not have is not rounded to one that nobody asked for."""
    with pytest.raises(ValueError, match=told):
        policy_of(decider, 60.0)


def trace(load: Counts | Events, service_s: float | None = 2.0) -> TraceSet:
    function = TraceFunction("a", "shop", "f", Identity(None, None, "f"), service_s=service_s)
    return TraceSet((function,), load, 180.0, "a test")


@pytest.mark.parametrize(
    ("requests", "containers"),
    [([90.0, 0.0, 1.0], [3, 0, 1]), ([30.0, 31.0, np.nan], [1, 2, 0])],
)
def test_requests_become_containers(requests: list[float], containers: list[int]) -> None:
    """Requests times seconds over the step, rounded up; a step of which nothing is known needs none."""
    found = counts_of(trace(Counts(60.0, np.array([requests]))))
    assert found.containers.tolist() == [containers]
    assert found.names == ("shop/f",)


def test_containers_stay_what_they_are() -> None:
    """Counts of containers are taken as they are, and their requests are not known."""
    found = counts_of(trace(Counts(60.0, np.array([[2, 0, 5]], dtype=np.int32), "containers")))
    assert (found.containers.tolist(), found.requests) == ([[2, 0, 5]], None)


def times(*at_s: float) -> Floats:
    return np.array(at_s)


@pytest.mark.parametrize(
    ("load", "containers"),
    [
        (Events(np.array([0, 2]), times(10.0, 11.0), times(1.0, 1.0)), [1, 0, 0]),
        (Events(np.array([0, 1]), times(30.0), times(90.0)), [1, 1, 0]),
        (Events(np.array([0, 3]), times(0.0, 0.0, 0.0), times(60.0, 60.0, 61.0)), [3, 1, 0]),
        (Events(np.array([0, 1]), times(70.0), times(0.0)), [0, 1, 0]),
        (Events(np.array([0, 1]), times(119.0)), [0, 1, 1]),
    ],
)
def test_single_requests_become_containers_of_minutes(load: Events, containers: list[int]) -> None:
    """Each minute needs the mean number in service, rounded up, and one where a request begins."""
    assert counts_of(trace(load)).containers.tolist() == [containers]


def test_a_trace_without_load_is_refused() -> None:
    """Functions alone cannot be simulated."""
    with pytest.raises(ValueError, match="has no load"):
        counts_of(TraceSet((), None, 0.0, "configurations"))


def test_a_minute_in_which_nothing_is_served_needs_no_container() -> None:
    """A hundred thousand requests in sixty busy minutes of a day leave the others empty, whatever sums of seconds round to."""
    generator = np.random.Generator(np.random.SFC64(3))
    busy = np.sort(generator.choice(1_440, 60, replace=False))
    times_s = np.sort(60.0 * generator.choice(busy, 100_000) + generator.uniform(0.0, 59.0, 100_000))
    load = Events(np.array([0, len(times_s)]), times_s, np.full(len(times_s), 0.7))
    one = TraceFunction("t", "n", "f", Identity(None, None, "f"))
    found = counts_of(TraceSet((one,), load, 86_400.0, "a test"))
    assert np.flatnonzero(found.containers[0]).tolist() == busy.tolist()
