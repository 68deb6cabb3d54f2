"""What traffic is like, in numbers that are known beforehand."""

from dataclasses import replace

import numpy as np
import pytest

from autoscaler.simulator.trace_sets.measures import counts_of, hours, hours_apart, measures, profiles, timer_s
from tests.unit.simulator.trace_sets.sets import bursts, of_counts, of_requests, poisson


def test_a_timer_poisson_and_bursts_are_told_apart() -> None:
    """A timer has period and no dispersion, Poisson has 1 of both, bursts have more."""
    timer, even, bursty = profiles(
        of_requests(
            np.arange(0.0, 36_000.0, 7.0),
            poisson(1.0, 36_000.0),
            bursts(0.1, 8.0, (300.0, 40.0), 36_000.0),
            length_s=36_000.0,
        )
    )
    assert timer.period_s == pytest.approx(7.0)
    assert timer.gap_cv == pytest.approx(0.0, abs=1e-9)
    assert timer.burstiness == pytest.approx(-1.0)
    assert timer.dispersion < 0.1
    assert even.period_s is None
    assert even.gap_cv == pytest.approx(1.0, abs=0.03)
    assert even.dispersion == pytest.approx(1.0, abs=0.2)
    assert bursty.gap_cv > 2
    assert bursty.dispersion > 50


def test_timers_are_seen_in_counts_of_longer_steps_only() -> None:
    """One request every five minutes is a timer in counts of minutes; one every minute may be anything."""
    every_five, every = profiles(of_counts([[1, 0, 0, 0, 0] * 20, [1] * 100]))
    assert (every_five.period_s, every.period_s) == (300.0, None)
    assert (every_five.active, every.active) == (0.2, 1.0)


@pytest.mark.parametrize("gaps_s", [[5.0] * 4, [5.0, 9.0] * 5, [0.0] * 9])
def test_few_or_different_or_no_gaps_are_no_timer(gaps_s: list[float]) -> None:
    """Chance makes no timers, nor do requests at the same moment."""
    assert timer_s(np.array(gaps_s)) is None


def test_the_pattern_of_a_day_is_by_hour_of_the_clock() -> None:
    """Requests of the first hour of a trace that begins at 22:00 are in hour 22; two patterns apart are 1 apart."""
    day = of_counts([[1] * 60 + [0] * 1_380])
    assert int(hours(day).argmax()) == 0
    late = replace(day, begins_utc_s=22 * 3_600.0)
    assert int(hours(late).argmax()) == 22
    assert hours_apart(hours(day), hours(late)) == 1.0
    assert np.isnan(hours(of_counts([[1] * 60]))).all()


def test_hours_that_are_there_twice_count_once_and_steps_of_days_have_none() -> None:
    """A day and a half of the same rate is even; of counts a day nobody knows the hour."""
    assert hours(of_counts([[1] * 2_160])) == pytest.approx(np.full(24, 1 / 24))
    assert np.isnan(hours(of_counts([[5, 7, 9]], step_s=86_400.0))).all()


def test_a_set_is_the_mean_over_requests() -> None:
    """The busiest function counts most; its share and the busiest minute are told."""
    found = measures(of_counts([[9] * 10, [0, 10] + [0] * 8]))
    assert found.functions == 2
    assert found.rate == pytest.approx(100 / 600)
    assert found.top_share == 0.9
    assert found.peak == pytest.approx(1.9)
    assert found.dispersion == pytest.approx(0.1 * 9.0)


def test_all_requests_are_counted_in_longer_steps_too() -> None:
    """Counts of single requests and of counts agree; a last step that is cut short would pass for a quiet one."""
    assert counts_of(of_counts([[1, 2, 3, 4, 5]]), 120.0).tolist() == [3.0, 7.0]
    assert counts_of(of_requests(np.array([0.0, 61.0, 130.0, 250.0])), 120.0).tolist() == [2.0, 1.0]
