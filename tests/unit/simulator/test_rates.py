"""PromQL's `rate` on worked numbers."""

import numpy as np
import pytest

from autoscaler.simulator.rates import rate, sum_over

NAN = np.nan


def one(times_s: list[float], values: list[float], start_s: float, end_s: float) -> float:
    return float(rate(np.array([values]).T, np.array(times_s), start_s, end_s)[0])


def test_steady_growth_is_extrapolated_to_both_ends() -> None:
    """10/s scraped every 15 s reads exactly 10/s over 60 s: 450 grown in 45 s, 5 s and 10 s to the ends."""
    assert one([5, 20, 35, 50], [1050, 1200, 1350, 1500], 0, 60) == pytest.approx(10.0)


def test_a_gap_at_an_end_is_filled_by_half_a_mean_gap_only() -> None:
    """Two samples 15 s apart, 25 s before the end: 150 × (15 + 15 + 7.5) / 15 / 60 = 6.25/s of a true 10/s."""
    assert one([15, 30], [5000, 5150], 0, 60) == pytest.approx(6.25)


def test_back_from_an_outage_a_rate_reads_too_little() -> None:
    """A true 10/s reads 3.75, 6.25 and 10 at the second, third and fourth scrape after an outage."""
    readings = []
    for number in (2, 3, 4):
        times_s = [60.0 - 15 * (number - 1 - scrape) for scrape in range(number)]
        readings.append(one(times_s, [5000.0 + 10 * at_s for at_s in times_s], 0, 60))
    assert readings == pytest.approx([3.75, 6.25, 10.0])


def test_a_counter_is_not_extrapolated_below_zero() -> None:
    """Born at 2 and grown by 30 in 15 s, it was at zero 1 s before its first sample: 30 × (15 + 1 + 5) / 15 / 60."""
    assert one([40, 55], [2, 32], 0, 60) == pytest.approx(30 * 21 / 15 / 60)


def test_a_counter_born_within_the_range_does_not_count_its_birth() -> None:
    """Born at 1 and still at 1 it reads 0: the first call of a function is invisible to rate."""
    assert one([20, 35, 50], [1, 1, 1], 0, 60) == 0.0


def test_a_counter_that_began_anew_has_grown_by_what_it_shows() -> None:
    """1000, 1150, then 50 after a restart, 200: 150 + 50 + 150 grown in 45 s."""
    assert one([5, 20, 35, 50], [1000, 1150, 50, 200], 0, 60) == pytest.approx(350 * 60 / 45 / 60)


def test_less_than_two_samples_are_no_rate() -> None:
    """One sample or none gives nothing, whatever the other series have."""
    values = np.array([[1.0, NAN, NAN], [2.0, 5.0, NAN]])
    result = rate(values, np.array([10.0, 25.0]), 0, 30)
    assert np.isnan(result).tolist() == [False, True, True]
    assert len(rate(np.empty((0, 3)), np.empty(0), 0, 60)) == 3


def test_a_missing_sample_in_the_middle_changes_nothing_of_the_growth() -> None:
    """A lost scrape between two others: the growth is that from the one to the other."""
    assert one([5, 20, 35, 50], [1050, NAN, 1350, 1500], 0, 60) == pytest.approx(10.0)


def test_a_sum_over_nothing_is_nothing() -> None:
    """A series without a sample has no sum, which is not a sum of zero."""
    result = sum_over(np.array([[1.0, NAN, 0.0], [2.0, NAN, NAN]]))
    assert result[0] == 3.0
    assert np.isnan(result[1])
    assert result[2] == 0.0
