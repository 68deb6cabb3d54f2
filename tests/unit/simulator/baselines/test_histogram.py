"""The hybrid histogram's mathematics: idle times in, windows out."""

import numpy as np
import pytest

from autoscaler.simulator.baselines.histogram import IdleHistograms, forecast
from autoscaler.simulator.baselines.settings import Hybrid

SETTINGS = Hybrid(type="hybrid")
HOUR_S = 3_600.0


def learned(*idle_s: float, **fields: float) -> tuple[float, float]:
    """Give the windows of one function after these idle times, in their order."""
    histograms = IdleHistograms(1, Hybrid(type="hybrid", **fields))
    for one in idle_s:
        histograms.seen(np.array([0]), np.array([one]))
    return float(histograms.prewarm_s[0]), float(histograms.keep_s[0])


def test_before_anything_is_known_it_stays_loaded_for_the_range() -> None:
    """A function without an idle time is not unloaded, and kept for four hours."""
    assert learned() == (0.0, 4 * HOUR_S)


def test_a_timer_is_loaded_ahead_of_its_call() -> None:
    """Idle times of 598 s fall into the tenth minute: loaded at 0.9 × 540 s, until 1.1 × 600 s."""
    prewarm_s, keep_s = learned(*[598.0] * 5)
    assert prewarm_s == pytest.approx(0.9 * 540)
    assert prewarm_s + keep_s == pytest.approx(1.1 * 600)


def test_the_percentiles_are_those_of_all_idle_times() -> None:
    """Of 100 idle times the 5th is the head and the 99th the tail, each at the outer edge of its minute."""
    idle_s = [90.0] * 4 + [330.0] * 94 + [3_030.0] * 1 + [6_030.0]
    prewarm_s, keep_s = learned(*idle_s)
    assert prewarm_s == pytest.approx(0.9 * 300)
    assert prewarm_s + keep_s == pytest.approx(1.1 * 3_060)


def test_idle_times_within_the_first_bin_keep_it_loaded() -> None:
    """Where the head is in the first minute it is never unloaded before the tail."""
    assert learned(*[5.0] * 20) == (0.0, pytest.approx(66.0))


def test_bins_that_are_all_alike_say_nothing() -> None:
    """One idle time in each of the 240 minutes: no pattern, so it is kept for the range, as if nothing were known."""
    assert learned(*(60.0 * minute + 1 for minute in range(240))) == (0.0, 4 * HOUR_S)


def test_idle_times_beyond_the_range_are_forecast() -> None:
    """Where more than half are beyond four hours, it is loaded 15 % before and kept until 15 % after the next one."""
    prewarm_s, keep_s = learned(*[6 * HOUR_S] * 3, 60.0)
    expected_s = prewarm_s / 0.85
    assert 60.0 < expected_s < 6 * HOUR_S
    assert keep_s == pytest.approx(0.3 * expected_s)
    assert learned(*[6 * HOUR_S] * 4) == (pytest.approx(0.85 * 6 * HOUR_S), pytest.approx(0.3 * 6 * HOUR_S))


def test_half_of_them_beyond_the_range_is_not_yet_too_many() -> None:
    """Two of four idle times beyond the range: the bins still decide."""
    prewarm_s, keep_s = learned(6 * HOUR_S, 6 * HOUR_S, 598.0, 598.0)
    assert (prewarm_s, prewarm_s + keep_s) == (pytest.approx(486.0), pytest.approx(660.0))


def test_no_function_looks_at_another() -> None:
    """Many functions learned together have the windows that each has alone."""
    generator = np.random.Generator(np.random.PCG64(3))
    idle_s = generator.exponential(3_000.0, (12, 30))
    together = IdleHistograms(12, SETTINGS)
    for number in range(30):
        rows = np.flatnonzero(generator.random(12) < 0.7)
        together.seen(rows, idle_s[rows, number])
        idle_s[np.setdiff1d(np.arange(12), rows), number] = np.nan
    for row in range(12):
        own = idle_s[row][~np.isnan(idle_s[row])]
        assert learned(*own) == (together.prewarm_s[row], together.keep_s[row])


def test_a_forecast_follows_neighbours_that_go_together() -> None:
    """Alternating idle times are expected to turn, steady ones to stay; it never leaves what was seen."""
    turning = np.tile([100.0, 300.0], 8)
    assert forecast(turning[None, :])[0] < 150
    assert forecast(np.full((1, 16), 700.0))[0] == 700.0
    alone = np.full((1, 16), np.nan)
    alone[0, -1] = 50.0
    assert forecast(alone)[0] == 50.0
    rising = np.arange(1.0, 17.0)
    assert 8.5 < forecast(rising[None, :])[0] <= 16.0
