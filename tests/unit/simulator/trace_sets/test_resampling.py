"""Traces made of traces: what is kept and what is not."""

import numpy as np
import pytest

from autoscaler.simulator.trace_sets.measures import hours, hours_apart, measures
from autoscaler.simulator.trace_sets.resampling import mixed, sampled, scaled, shifted
from tests.unit.simulator.trace_sets.reading import counts, events
from tests.unit.simulator.trace_sets.sets import bursts, generator, of_counts, of_requests, poisson

DAY_S = 86_400.0


@pytest.mark.parametrize("factor", [0.25, 1.0, 2.5, 10.0])
def test_scaling_keeps_the_mean_and_the_day(factor: float) -> None:
    """Each function has so many times its requests, at the same hours, sorted, with the durations that are theirs."""
    times_s = np.sort(np.concatenate([poisson(0.2, DAY_S), poisson(0.5, DAY_S / 4, 2) + DAY_S / 4]))
    before = of_requests(times_s, poisson(0.05, DAY_S, 3), length_s=DAY_S, durations_s=None)
    after = scaled(before, factor, generator())
    assert after.totals() == pytest.approx(before.totals() * factor, rel=0.1 if factor < 1 else 0.02)
    assert hours_apart(hours(before), hours(after)) < 0.03
    load = events(after)
    assert all(np.all(np.diff(load.times_of(place)) >= 0) for place in range(2))
    assert load.times_s.max() < DAY_S


def test_scaled_requests_keep_their_durations() -> None:
    """Every copy of a request is served as long as the request."""
    before = of_requests(np.array([1.0, 50.0]), length_s=100.0, durations_s=np.array([0.1, 0.9]))
    load = events(scaled(before, 3.0, generator(), 10.0))
    assert load.durations_s is not None
    assert sorted(load.durations_s.tolist()) == [0.1] * 3 + [0.9] * 3


def test_copies_that_wander_smooth_bursts_and_copies_that_do_not_keep_them() -> None:
    """Ten copies moved apart have a lower peak; ten at the same moments have the same peak and ten times the dispersion."""
    before = of_requests(bursts(0.05, 10.0, (1_800.0, 60.0), DAY_S), length_s=DAY_S)
    was = measures(before)
    apart, together = (measures(scaled(before, 10.0, generator(), wander_s)) for wander_s in (7_200.0, 0.0))
    assert together.peak == pytest.approx(was.peak)
    assert together.dispersion == pytest.approx(10 * was.dispersion)
    assert apart.peak < 0.6 * was.peak


def test_scaled_counts_stay_whole() -> None:
    """Copies of counts are rolled by whole steps, and thinned to whole numbers."""
    matrix = np.full((2, 1_440), 4)
    load = counts(scaled(of_counts(matrix), 1.5, generator()))
    assert load.matrix.dtype == np.int32
    assert load.matrix.sum() == pytest.approx(1.5 * matrix.sum(), rel=0.02)
    known = counts(scaled(of_counts([[1.5, np.nan]]), 2.0, generator(), 0.0))
    assert np.array_equal(known.matrix, [[3.0, np.nan]], equal_nan=True)


def test_the_same_seed_gives_the_same_trace() -> None:
    """Nothing but the generator decides."""
    before = of_requests(poisson(0.5, 3_600.0), length_s=3_600.0)
    one, same, other = (events(scaled(before, 2.5, generator(seed))).times_s for seed in (1, 1, 2))
    assert np.array_equal(one, same)
    assert not np.array_equal(one, other)


def test_shifts_go_around_the_end() -> None:
    """What leaves the end comes back at the beginning; counts move by whole steps only."""
    load = events(shifted(of_requests(np.array([1.0, 9.0]), length_s=10.0), 4.0))
    assert load.times_s.tolist() == [3.0, 5.0]
    assert counts(shifted(of_counts([[1, 2, 3]]), -60.0)).matrix.tolist() == [[2, 3, 1]]
    with pytest.raises(ValueError, match="whole steps"):
        shifted(of_counts([[1, 2, 3]]), 30.0)


def test_a_mix_has_each_trace_as_a_tenant_for_as_long_as_the_shortest() -> None:
    """Functions of the same name of two traces are two; what is longer is cut."""
    found = mixed(
        {
            "shop": of_requests(np.array([1.0, 50.0]), length_s=100.0),
            "blog": of_requests(np.array([2.0]), length_s=20.0),
        }
    )
    assert found.tenants() == {"blog": ("blog",), "shop": ("shop",)}
    assert found.length_s == 20.0
    assert found.totals().tolist() == [1.0, 1.0]


def test_what_cannot_be_mixed_is_said() -> None:
    """Counts of other steps, and counts beside requests, are refused with what is allowed."""
    with pytest.raises(ValueError, match="same steps"):
        mixed({"a": of_counts([[1]]), "b": of_counts([[1]], 30.0)})
    with pytest.raises(ValueError, match="not both"):
        mixed({"a": of_counts([[1]]), "b": of_requests(np.array([1.0]))})


def test_a_sample_is_more_alike_than_most() -> None:
    """The chosen functions' rates are nearer to all functions' than a middling choice's; silent ones are never chosen."""
    rates = np.exp(generator().normal(3.0, 2.0, 300)).astype(np.int64)
    rates[::3] = 0
    found = sampled(of_counts(rates[:, None] * np.ones(10, np.int64)), 30, generator(2))
    assert len(found.trace_set) == 30
    assert found.distance < 0.7 * found.median_distance
    assert found.trace_set.totals().min() > 0
    with pytest.raises(ValueError, match="1 to"):
        sampled(of_counts([[1]]), 2, generator())


def test_service_times_that_one_set_alone_has_stay_as_means() -> None:
    """Beside a set whose requests have no service times those of the other become its functions' means, which is said."""
    timed = of_requests(np.array([0.0, 1.0]), np.array([2.0]), durations_s=np.array([0.2, 0.4, 3.0]))
    mix = mixed({"timed": timed, "bare": of_requests(np.array([0.5]))})
    assert [mix.service_s(place) for place in range(3)] == [pytest.approx(0.3), 3.0, None]
    assert any("the means are kept" in note for note in mix.notes)


def test_what_is_shifted_to_the_very_end_is_at_the_beginning() -> None:
    """0.3 s less 0.1 + 0.2 is a hair below 0, which around the end rounds to it: no request is outside of its trace."""
    found = shifted(of_requests(np.array([0.3, 5.0]), length_s=10.0), -(0.1 + 0.2))
    assert events(found).times_s.max() < 10.0
    assert events(found).times_s.min() == 0.0
