"""Stage 6: a tenant's functions share its cap."""

import numpy as np
import pytest

from autoscaler.core.budget import Budgeted, budget, fill
from autoscaler.core.derived import derive
from tests.unit.core.fleets import INF, make_fleet


def split(
    cap: float, demand: list[float], guarantee: list[float] | None = None, current: list[float] | None = None
) -> list[float]:
    """Split one cap."""
    count = len(demand)
    return fill(
        np.array(demand, float),
        np.array(guarantee or [0] * count, float),
        np.array(current or [0] * count, float),
        np.zeros(count, np.int64),
        np.array([cap], float),
    ).tolist()


@pytest.mark.parametrize(
    ("cap", "demand", "guarantee", "current", "granted"),
    [
        (10, [8, 8], None, None, [5, 5]),
        (10, [2, 20], None, None, [2, 8]),
        (3, [20, 1, 1], None, None, [1, 1, 1]),
        (2, [20, 1, 1], None, None, [1, 1, 0]),
        (2, [20, 1, 1], None, [0, 0, 1], [1, 0, 1]),
        (5, [4, 4], None, [0, 4], [2, 3]),
        (5, [4, 4], None, [0, 0], [3, 2]),
        (12, [20, 20], [5, 0], None, [9, 3]),
        (4, [9, 9], [3, 3], None, [2, 2]),
        (6, [9, 9, 9], [5, 0, 0], None, [5, 1, 0]),
        (0, [3, 3], None, None, [0, 0]),
        (9, [4, 4], None, None, [4, 4]),
    ],
)
def test_fill(
    cap: float, demand: list[float], guarantee: list[float] | None, current: list[float] | None, granted: list[float]
) -> None:
    """Guarantees first, then one replica each, then evenly; ties to who holds the replica, then to the first."""
    assert split(cap, demand, guarantee, current) == granted


def test_shares_are_split_apart() -> None:
    """Several caps are split at once, each over its own rows."""
    share = np.array([0, 0, 1, 2, 2])
    nothing = np.zeros(5)
    granted = fill(np.array([5.0, 5, 5, 5, 5]), nothing, nothing, share, np.array([4.0, 9, 7]))
    assert granted.tolist() == [2, 2, 5, 4, 3]


def budgeted(replicas: list[float], requested: list[float], masked: list[int], caps: dict[str, float]) -> Budgeted:
    """Run stage 6 for tenants a (functions 0, 1) and b (functions 2, 3)."""
    fleet = make_fleet([(tenant, name, {}) for tenant in "ab" for name in "xy"], caps)
    return budget(
        np.array(replicas, float),
        np.array(requested, float),
        fleet.rules.min_replicas,
        fleet.tenant,
        masked=np.array(masked, np.int64),
        derived=derive(fleet),
    )


def test_only_the_tenant_above_its_cap_is_cut() -> None:
    """A tenant above its cap is cut to it; its neighbour's rows are left alone."""
    outcome = budgeted([9, 9, 9, 9], [0, 0, 0, 0], [], {"a": 10})
    assert outcome.replicas.tolist() == [5, 5, 9, 9]
    assert outcome.bound[0].rows.tolist() == [0, 1]
    assert outcome.room.tolist() == [0, INF]


def test_own_minima_come_before_everything() -> None:
    """Under a cap of 4 a function with a minimum of 3 keeps it, and its sibling gets the fourth."""
    fleet = make_fleet([("a", "x", {"min_replicas": 3.0}), ("a", "y", {})], {"a": 4})
    nothing = np.empty(0, np.int64)
    outcome = budget(
        np.array([9.0, 9.0]), np.zeros(2), fleet.rules.min_replicas, fleet.tenant, masked=nothing, derived=derive(fleet)
    )
    assert outcome.replicas.tolist() == [3, 1]


def test_what_the_mask_holds_is_charged_first() -> None:
    """A paused function that runs 7 leaves 3 of a cap of 10 to its siblings, and is not cut itself."""
    assert budgeted([1, 9, 0, 0], [7, 9, 0, 0], [0], {"a": 10}).replicas.tolist() == [1, 3, 0, 0]


def test_what_the_mask_holds_above_the_cap_leaves_nothing() -> None:
    """A paused function that runs more than the cap leaves its siblings nothing, and no other tenant less."""
    assert budgeted([1, 9, 5, 5], [20, 9, 0, 0], [0], {"a": 10, "b": 10}).replicas.tolist() == [1, 0, 5, 5]


def test_a_cap_of_zero_is_none_and_no_cap_is_no_limit() -> None:
    """A cap of 0 allows nothing; an unlimited one everything."""
    assert budgeted([3, 3, 3, 3], [3, 3, 3, 3], [], {"a": 0, "b": INF}).replicas.tolist() == [0, 0, 3, 3]
