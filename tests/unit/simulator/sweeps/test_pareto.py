"""The front: what nobody beats."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from autoscaler.simulator.sweeps.pareto import dominated_by, front


def test_the_front_is_what_nobody_beats() -> None:
    """Of five points two are beaten, each by a point of the front."""
    points = [(1.0, 9.0), (3.0, 3.0), (9.0, 1.0), (4.0, 3.0), (9.0, 9.0)]
    assert front(points) == (0, 1, 2)
    by = dominated_by(np.array(points))
    assert by[:3] == (None, None, None)
    assert by[3] == 1
    assert by[4] in (0, 1, 2)


def test_equal_points_do_not_beat_each_other() -> None:
    """Two choices with the same measures are both on the front."""
    assert dominated_by(np.array([[1.0, 1.0], [1.0, 1.0]])) == (None, None)


def test_a_point_without_a_value_is_beside_the_front() -> None:
    """A NaN beats nobody and is not on the front."""
    assert dominated_by(np.array([[0.0, np.nan], [1.0, 1.0]])) == (0, None)


@given(
    arrays(
        np.float64,
        array_shapes(min_dims=2, max_dims=2, min_side=1, max_side=12),
        elements=st.sampled_from([0.0, 1.0, 2.0, 3.0]),
    )
)
def test_it_is_what_comparing_all_pairs_gives(points: np.ndarray) -> None:
    """A point is beaten exactly if some other is as good in all and better in one; who beats it is on the front."""
    by = dominated_by(points)
    for row, point in enumerate(points):
        is_beaten = any((other <= point).all() and (other < point).any() for other in points)
        assert (by[row] is not None) == is_beaten
        if (beater := by[row]) is not None:
            assert by[beater] is None
            assert (points[beater] <= point).all()


@pytest.mark.parametrize("count", [0, 1])
def test_few_points_are_no_special_case(count: int) -> None:
    """Of no points there is no front; of one it is the front."""
    assert dominated_by(np.zeros((count, 2))) == (None,) * count
