"""Look-backs, in numbers."""

import numpy as np
import pytest

from autoscaler.core.falls import Instants
from autoscaler.core.lookback import LookBack, Lowest

NONE = np.empty(0, np.int64)
ALL = slice(None)


def column(*values: float) -> np.ndarray:
    """Give a column."""
    return np.array(values, np.float64)


def peaks(look_back: LookBack, values: list[float], every_s: float = 2.0) -> list[float]:
    """Record values of the one lane, and give the peak after each."""
    result = []
    for tick, value in enumerate(values):
        look_back.record(ALL, column(value), NONE, every_s * tick)
        result.append(float(look_back.peak[0]))
    return result


def test_before_anything_there_is_nothing() -> None:
    """A new look-back has peak 0, holds 0, and rests."""
    look_back = LookBack(column(60.0, 60.0))
    assert look_back.peak.tolist() == look_back.last.tolist() == [0.0, 0.0]
    assert look_back.rests(ALL).tolist() == [True, True]


def test_a_value_is_gone_when_its_age_is_the_window() -> None:
    """With a window of 6 s, 9 recorded at 0 s counts at 4 s and no more at 6 s."""
    assert peaks(LookBack(column(6.0)), [9.0, 5.0, 5.0, 5.0]) == [9.0, 9.0, 9.0, 5.0]


def test_a_value_that_stays_counts_from_its_last_tick() -> None:
    """9 held until 4 s counts until just before 10 s."""
    assert peaks(LookBack(column(6.0)), [9.0, 9.0, 9.0, 1.0, 1.0, 1.0]) == [9.0, 9.0, 9.0, 9.0, 9.0, 1.0]


def test_a_longer_window_than_the_newest_ticks_is_exact() -> None:
    """Over 20 s, falls come out one by one, each at its own time."""
    values = [9.0, 8.0, 7.0, 6.0, 5.0, 4.0, 3.0, 2.0, 1.0, 1.0, 1.0, 1.0, 1.0]
    assert peaks(LookBack(column(20.0)), values) == [*[9.0] * 10, 8.0, 7.0, 6.0]


def test_an_hour_of_falls_is_exact() -> None:
    """1,800 values that fall at each tick of 2 s all count for exactly an hour."""
    look_back, falls = LookBack(column(3600.0)), 4000
    for tick in range(falls):
        look_back.record(ALL, column(float(falls - tick)), NONE, 2.0 * tick)
        assert look_back.peak[0] == falls - max(0, tick - 1799)


def test_a_rise_forgets_what_is_smaller() -> None:
    """After 3, 2, 1, a 3 is the only value that is left to count."""
    look_back = LookBack(column(60.0))
    assert peaks(look_back, [3.0, 2.0, 1.0, 3.0, 0.0])[-1] == 3.0
    look_back.record(ALL, column(0.0), NONE, 65.0)
    assert look_back.peak[0] == 3.0
    look_back.record(ALL, column(0.0), NONE, 66.0)
    assert look_back.peak[0] == 0.0


def test_lanes_that_are_not_named_record_what_they_last_recorded() -> None:
    """A lane that is left out at 4 s holds its 9 until then, so that the 9 counts until just before 10 s."""
    look_back = LookBack(column(6.0, 6.0))
    look_back.record(ALL, column(9.0, 9.0), NONE, 0.0)
    look_back.record(np.array([1]), column(1.0), NONE, 4.0)
    look_back.record(ALL, column(1.0, 1.0), NONE, 6.0)
    assert look_back.peak.tolist() == [9.0, 1.0]
    look_back.record(ALL, column(1.0, 1.0), NONE, 10.0)
    assert look_back.peak.tolist() == [1.0, 1.0]


def test_what_is_unsure_may_rise_and_not_fall() -> None:
    """Unsure, 3 after 9 records 9, and 12 after 9 records 12; the caller's values stay as they are."""
    look_back = LookBack(column(60.0, 60.0, 60.0))
    look_back.begin(np.arange(3), column(9.0, 9.0, 9.0), 0.0)
    values = column(3.0, 12.0, 3.0)
    look_back.record(ALL, values, np.array([0, 1]), 2.0)
    assert look_back.last.tolist() == [9.0, 12.0, 3.0]
    assert values.tolist() == [3.0, 12.0, 3.0]


def test_unsure_are_positions_within_the_values() -> None:
    """With lanes 1 and 2 named, the unsure position 1 is lane 2."""
    look_back = LookBack(column(60.0, 60.0, 60.0))
    look_back.begin(np.arange(3), column(9.0, 9.0, 9.0), 0.0)
    look_back.record(np.array([1, 2]), column(3.0, 3.0), np.array([1]), 2.0)
    assert look_back.last.tolist() == [9.0, 3.0, 9.0]


def test_a_slice_of_lanes_is_as_their_positions() -> None:
    """The lanes 1 and 2 may be given as a slice."""
    look_back = LookBack(column(60.0, 60.0, 60.0))
    look_back.record(slice(1, 3), column(3.0, 4.0), NONE, 0.0)
    assert look_back.peak.tolist() == [0.0, 3.0, 4.0]


def test_a_lane_that_begins_anew_forgets_all() -> None:
    """A lane with 9 that begins with 2 has a peak of 2, and its 2 counts from when it began."""
    look_back = LookBack(column(6.0, 6.0))
    look_back.record(ALL, column(9.0, 9.0), NONE, 0.0)
    look_back.begin(np.array([0]), column(2.0), 3.0)
    look_back.record(ALL, column(1.0, 1.0), NONE, 4.0)
    assert look_back.peak.tolist() == [2.0, 9.0]
    look_back.record(ALL, column(1.0, 1.0), NONE, 8.5)
    assert look_back.peak.tolist() == [2.0, 1.0]
    look_back.record(ALL, column(1.0, 1.0), NONE, 9.0)
    assert look_back.peak.tolist() == [1.0, 1.0]


def test_two_values_of_one_instant_both_count() -> None:
    """Where the clock stands still, or goes back, the larger of two values counts, and the later one is the last."""
    look_back = LookBack(column(6.0))
    for value, now_s in ((9.0, 10.0), (5.0, 10.0), (4.0, 3.0)):
        look_back.record(ALL, column(value), NONE, now_s)
    assert (look_back.peak[0], look_back.last[0]) == (9.0, 4.0)
    look_back.record(ALL, column(4.0), NONE, 16.0)
    assert look_back.peak[0] == 4.0


def test_a_lane_rests_only_when_its_last_fall_has_ended() -> None:
    """A lane at 0 does not rest while a 1 is remembered."""
    look_back = LookBack(column(6.0))
    rests = []
    for tick, value in enumerate([1.0, 0.0, 0.0, 0.0]):
        look_back.record(ALL, column(value), NONE, 2.0 * tick)
        rests.append(bool(look_back.rests(np.array([0]))[0]))
    assert rests == [False, False, False, True]


@pytest.mark.parametrize("falls", [3, 40])
@pytest.mark.parametrize("begins_first", [True, False])
def test_another_fleet_knows_what_was_recorded(falls: int, begins_first: bool) -> None:
    """Carried to another place, a lane's falls end when they would have; the lane beside it begins."""
    source = LookBack(column(200.0, 200.0))
    for tick in range(falls):
        source.record(ALL, column(0.0, float(100 - tick)), NONE, 2.0 * tick)
    now_s, place = 2.0 * falls, np.array([0])
    fresh = LookBack(column(200.0, 200.0))
    if begins_first:
        fresh.begin(np.arange(2), column(5.0, 5.0), now_s)
    fresh.carry(place, source, np.array([1]))
    if not begins_first:
        fresh.begin(np.array([1]), column(5.0), now_s)
    assert fresh.last.tolist() == [101.0 - falls, 5.0]
    fresh.record(ALL, column(1.0, 1.0), NONE, now_s)
    assert fresh.peak.tolist() == [100.0, 5.0]
    fresh.record(ALL, column(1.0, 1.0), NONE, 202.0)
    assert fresh.peak.tolist() == [98.0, 5.0]
    fresh.record(ALL, column(1.0, 1.0), NONE, now_s + 200.0)
    assert fresh.peak.tolist() == [1.0, 1.0]


def test_a_shorter_window_forgets_with_the_next_tick() -> None:
    """Carried into a window of 6 s, a 9 of 8 s ago is gone."""
    source = LookBack(column(60.0))
    peaks(source, [9.0, 1.0, 1.0, 1.0])
    fresh = LookBack(column(6.0))
    fresh.carry(np.array([0]), source, np.array([0]))
    fresh.record(ALL, column(1.0), NONE, 8.0)
    assert fresh.peak[0] == 1.0


def test_ordinary_state_is_small() -> None:
    """Loads that jump by 30 % at each of 300 ticks cost no more than 140 bytes a lane."""
    rng = np.random.default_rng(5)
    lanes = 2000
    look_back, base = LookBack(np.full(lanes, 300.0)), rng.integers(10, 300, lanes)
    for tick in range(300):
        look_back.record(ALL, np.round(base * rng.uniform(0.7, 1.3, lanes)), NONE, 2.0 * tick)
    assert look_back.nbytes / lanes < 140


def test_room_of_falls_that_have_ended_is_used_again() -> None:
    """Sawteeth of 50 falls, again and again, need no more room than the first few."""
    look_back = LookBack(np.full(100, 60.0))
    sizes = []
    for tick in range(1500):
        look_back.record(ALL, np.full(100, 50.0 - tick % 50), NONE, float(tick))
        sizes.append(look_back.nbytes)
    assert sizes[-1] == sizes[200]


def test_the_lowest_of_a_window() -> None:
    """With a window of 6 s, the smallest value counts until just before 6 s later."""
    lowest = Lowest(column(6.0))
    lowest.begin(np.array([0]), column(3.0), 0.0)
    seen = []
    for tick, value in enumerate([9.0, 5.0, 7.0, 8.0, 8.0], start=1):
        lowest.record(ALL, column(value), NONE, 2.0 * tick)
        seen.append(float(lowest.lowest[0]))
    assert seen == [3.0, 3.0, 5.0, 5.0, 7.0]
    assert lowest.last.tolist() == [8.0]


def test_the_lowest_records_nothing_unsure_below_the_last() -> None:
    """Unsure, 3 after 9 records 9; before anything was recorded, it records 3."""
    lowest = Lowest(column(60.0, 60.0))
    assert lowest.lowest.tolist() == [2.0**31, 2.0**31]
    lowest.begin(np.array([0]), column(9.0), 0.0)
    lowest.record(ALL, column(3.0, 3.0), np.array([0, 1]), 2.0)
    assert lowest.last.tolist() == [9.0, 3.0]
    assert lowest.lowest.tolist() == [9.0, 3.0]


def test_the_lowest_is_carried_and_rests_at_zero() -> None:
    """Carried, a 0 stays the lowest until it ends; a lane rests while its present value is 0."""
    source, fresh = Lowest(column(6.0)), Lowest(column(6.0, 6.0))
    source.begin(np.array([0]), column(0.0), 0.0)
    assert source.rests(ALL).tolist() == [True]
    fresh.begin(np.arange(2), column(4.0, 4.0), 2.0)
    fresh.carry(np.array([1]), source, np.array([0]))
    fresh.record(ALL, column(4.0, 4.0), NONE, 2.0)
    assert fresh.lowest.tolist() == [4.0, 0.0]
    assert fresh.rests(ALL).tolist() == [False, False]
    assert str(fresh.lowest[1]) == "0.0"
    assert fresh.nbytes > 0
    assert fresh.window_s.tolist() == [6.0, 6.0]


def test_instants_forget_what_is_older_than_all_windows() -> None:
    """Over 100,000 ticks, only those within the horizon cost room; a forgotten one lies infinitely far back."""
    instants = Instants()
    numbers = [instants.number(float(tick), 100.0) for tick in range(100_000)]
    assert instants.nbytes < 8 * 600
    assert instants.times_s(np.array(numbers[-3:], np.int32)).tolist() == [99_997.0, 99_998.0, 99_999.0]
    assert instants.times_s(np.array(numbers[:1], np.int32)).tolist() == [-np.inf]
