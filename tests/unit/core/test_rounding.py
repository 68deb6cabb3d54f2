"""Whole replicas, from whatever number."""

import numpy as np
import pytest

from autoscaler.core.rounding import MOST_REPLICAS, replicas_of, whole_down, whole_up
from tests.unit.core.fleets import INF, NAN


@pytest.mark.parametrize(
    ("numbers", "replicas"),
    [
        ([2.0, 0.0, MOST_REPLICAS], [2, 0, MOST_REPLICAS]),
        ([2.7, 5.0], [2, 5]),
        ([-1.0, 5.0], [0, 5]),
        ([5.0, 5e9], [5, MOST_REPLICAS]),
        ([NAN, 5.0], [0, 5]),
        ([INF, -INF, -0.0], [MOST_REPLICAS, 0, 0]),
        ([], []),
    ],
)
def test_replicas_are_what_can_be(numbers: list[float], replicas: list[float]) -> None:
    """Replicas that are found are whole, from 0 to what Kubernetes can hold; what is no number is 0."""
    assert replicas_of(np.array(numbers, float)).tolist() == replicas


def test_ratios_are_rounded_without_an_epsilon() -> None:
    """A hair above 3 is 4, as with Knative and the HPA; what is beyond all numbers is what Kubernetes can hold."""
    assert whole_up(np.array([3.0, 3.0000000000000004, 0.0, 0.1])).tolist() == [3, 4, 0, 1]
    assert whole_up(np.array([1.5, INF, 1e300])).tolist() == [2, MOST_REPLICAS, MOST_REPLICAS]
    assert whole_up(np.array([MOST_REPLICAS])).tolist() == [MOST_REPLICAS]
    assert whole_down(np.array([3.9999, 3.0])).tolist() == [3, 3]
