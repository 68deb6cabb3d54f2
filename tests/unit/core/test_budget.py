"""Stage 6: a tenant's functions share its cap."""

import numpy as np
import pytest

from autoscaler.core.budget import Household, cut, fill
from autoscaler.core.derived import derive
from autoscaler.core.part import Part
from autoscaler.core.reasons import Reason
from autoscaler.core.trail import Trail
from tests.unit.core.fleets import INF, applied, make_fleet


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


def budgeted(
    replicas: list[float],
    requested: list[float],
    masked: list[int],
    caps: dict[str, float],
    rules: dict[str, float] | None = None,
    part: list[int] | None = None,
) -> tuple[Trail, list[float]]:
    """Run stage 6 for tenants a (functions 0, 1) and b (functions 2, 3); give the replicas, and the room that is left."""
    fleet = make_fleet([(tenant, name, (rules or {}) if name == "x" else {}) for tenant in "ab" for name in "xy"], caps)
    chosen, derived, asked = Part(4, None if part is None else np.array(part)), derive(fleet), np.array(replicas, float)
    household = Household(
        part=chosen,
        fleet=fleet,
        derived=derived,
        requested=np.array(requested, float),
        minima=chosen.of(fleet.rules.min_replicas),
        masked=np.array(masked, np.int64),
    )
    over = np.flatnonzero(household.sums(asked) > derived.cap)
    trail = applied(asked, cut(asked, over, derived.cap, household, None, Reason.BUDGET))
    return trail, (derived.cap - household.sums(trail.replicas)).tolist()


def test_only_the_tenant_above_its_cap_is_cut() -> None:
    """A tenant above its cap is cut to it; its neighbour's rows are left alone."""
    trail, room = budgeted([9, 9, 9, 9], [0, 0, 0, 0], [], {"a": 10})
    assert trail.replicas.tolist() == [5, 5, 9, 9]
    assert trail.reason.tolist() == [Reason.BUDGET, Reason.BUDGET, 0, 0]
    assert room == [0, INF]


def test_who_gets_all_it_asks_for_is_not_bound() -> None:
    """Of demands of 1 and 20 under a cap of 10 the first gets its 1, and only the second is told of the budget."""
    trail, _ = budgeted([1, 20, 0, 0], [0, 0, 0, 0], [], {"a": 10})
    assert (trail.replicas.tolist(), trail.reason.tolist()) == ([1, 9, 0, 0], [0, Reason.BUDGET, 0, 0])


def test_own_minima_come_before_everything() -> None:
    """Under a cap of 4 a function with a minimum of 3 keeps it, and its sibling gets the fourth."""
    assert budgeted([9, 9, 0, 0], [0, 0, 0, 0], [], {"a": 4}, {"min_replicas": 3.0})[0].replicas.tolist() == [
        3,
        1,
        0,
        0,
    ]


def test_what_the_mask_holds_is_charged_first() -> None:
    """A paused function that runs 7 leaves 3 of a cap of 10 to its siblings, and is not cut itself."""
    assert budgeted([1, 9, 0, 0], [7, 9, 0, 0], [0], {"a": 10})[0].replicas.tolist() == [1, 3, 0, 0]


def test_what_the_mask_holds_above_the_cap_leaves_nothing() -> None:
    """A paused function that runs more than the cap leaves its siblings nothing, and no other tenant less."""
    trail, room = budgeted([1, 9, 5, 5], [20, 9, 0, 0], [0], {"a": 10, "b": 10})
    assert (trail.replicas.tolist(), room) == ([1, 0, 5, 5], [-10, 0])


def test_a_cap_of_zero_is_none_and_no_cap_is_no_limit() -> None:
    """A cap of 0 allows nothing; an unlimited one everything."""
    assert budgeted([3, 3, 3, 3], [3, 3, 3, 3], [], {"a": 0, "b": INF})[0].replicas.tolist() == [0, 0, 3, 3]


def test_a_cap_that_is_just_reached_cuts_nothing() -> None:
    """Ten replicas under a cap of 10 stay, and leave no room; under one of 10.9 too, which is ten."""
    for cap in (10.0, 10.9):
        trail, room = budgeted([6, 4, 1, 1], [0, 0, 0, 0], [], {"a": cap})
        assert (trail.replicas.tolist(), room) == ([6, 4, 1, 1], [0, INF])


def test_rows_at_rest_take_nothing_of_a_cap() -> None:
    """Of rows 1, 2 and 3 alone, which a tick looks at, those of a tenant above its cap are split, by name."""
    trail, room = budgeted([9, 4, 4], [0, 0, 0], [], {"a": 5, "b": 6}, part=[1, 2, 3])
    assert (trail.replicas.tolist(), room) == ([5, 3, 3], [0, 0])


@pytest.mark.parametrize(
    ("tenants", "sums"), [("a", [2, 0, 0]), ("c", [0, 0, 2]), ("ac", [2, 0, 3]), ("aab", [5, 4, 0]), ("bbc", [0, 5, 4])]
)
def test_tenants_without_functions_have_nothing(tenants: str, sums: list[float]) -> None:
    """Sums by tenant are 0 for a tenant without functions, wherever it stands, and whole for every other."""
    names = [(tenant, f"f{place}", {}) for place, tenant in enumerate(tenants)]
    derived = derive(make_fleet(names, {"a": INF, "b": INF, "c": INF}))
    assert derived.by_tenants(np.arange(2.0, 2.0 + len(tenants))).tolist() == sums
