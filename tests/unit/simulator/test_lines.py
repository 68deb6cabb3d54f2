"""Columns over time in bounded memory."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from autoscaler.simulator.lines import FEWEST_POINTS, Lines


@given(st.lists(st.floats(0, 1000), min_size=1, max_size=400))
def test_merging_keeps_the_highest_and_the_mean(values: list[float]) -> None:
    """However often neighbours are merged, the highest of all stays, and means weighted by ticks give the mean of all."""
    lines = Lines(1, 1, points=16)
    for at, value in enumerate(values):
        lines.add(2.0 * at, np.array([[value]], np.float32))
    at_s, mean, most = lines.at_s, lines.mean[:, 0, 0], lines.most[:, 0, 0]
    ticks = np.diff(np.append(at_s, 2.0 * len(values))) / 2.0
    assert len(at_s) <= 16
    assert most.max() == np.float32(max(values))
    assert np.isclose(mean @ ticks / len(values), np.mean(values), rtol=1e-4, atol=1e-4)


def test_points_are_equally_far_apart_and_begin_at_a_tick() -> None:
    """After mergers every point but the last covers the same number of ticks, and begins at the first of them."""
    lines = Lines(2, 3, points=8)
    for at in range(101):
        lines.add(5.0 * at, np.full((2, 3), at, np.float32))
    gaps = np.diff(lines.at_s)
    assert len(set(gaps.tolist())) == 1
    assert gaps[0] in (40.0, 80.0)
    assert lines.most[:, 1, 2].tolist()[-1] == 100.0
    assert lines.at_s[0] == 0.0


def test_many_rows_get_fewer_points() -> None:
    """What is kept is bounded in all, down to a few points a line."""
    lines = Lines(2, 50, points=2_000, numbers=4_000)
    for at in range(1_000):
        lines.add(float(at), np.ones((2, 50), np.float32))
    assert FEWEST_POINTS <= len(lines.at_s) <= 40
    crowd = Lines(2, 5_000, points=2_000, numbers=4_000)
    crowd.add(0.0, np.ones((2, 5_000), np.float32))
    for at in range(1, 200):
        crowd.add(float(at), np.ones((2, 5_000), np.float32))
    assert len(crowd.at_s) <= FEWEST_POINTS
    assert np.all(crowd.mean == 1.0)
