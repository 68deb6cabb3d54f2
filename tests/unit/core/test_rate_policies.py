"""Scaling policies, in numbers."""

import numpy as np
import pytest

from autoscaler.core.lanes import NO_POLICIES, RatePolicies, Select
from autoscaler.core.own_changes import CELLS
from autoscaler.core.rate_policies import RateLimits

ALL = slice(None)


def column(*values: float) -> np.ndarray:
    """Give a column."""
    return np.array(values, np.float64)


def pods(value: float, period_s: float = 15.0) -> tuple[bool, float, float]:
    """Give a policy of replicas."""
    return False, value, period_s


def percent(value: float, period_s: float = 15.0) -> tuple[bool, float, float]:
    """Give a policy of a percentage."""
    return True, value, period_s


def policies(*rules: tuple[int, Select, list[tuple[bool, float, float]]]) -> RatePolicies:
    """Give the policies of functions: row, select, and each policy."""
    every = [one for _, _, some in rules for one in some]
    return RatePolicies(
        rows=np.array([row for row, _, _ in rules]),
        select=np.array([select for _, select, _ in rules], np.uint8),
        starts=np.cumsum([0, *(len(some) for _, _, some in rules)]),
        is_percent=np.array([one[0] for one in every]),
        value=np.array([one[1] for one in every]),
        period_s=np.array([one[2] for one in every]),
    )


def up(*some: tuple[bool, float, float], select: Select = Select.MAX) -> RateLimits:
    """Give limits of growth of one function."""
    return RateLimits(policies((0, select, list(some))), NO_POLICIES, 1)


def down(*some: tuple[bool, float, float], select: Select = Select.MAX) -> RateLimits:
    """Give limits of shrinkage of one function."""
    return RateLimits(NO_POLICIES, policies((0, select, list(some))), 1)


def ceiling(limits: RateLimits, standing: float, now_s: float = 0.0) -> float:
    """Give the ceiling of the one function."""
    return float(limits.ceiling(ALL, column(standing), now_s)[0])


def floor(limits: RateLimits, standing: float, now_s: float = 0.0) -> float:
    """Give the floor of the one function."""
    return float(limits.floor(ALL, column(standing), now_s)[0])


def record(limits: RateLimits, before: float, after: float, now_s: float) -> None:
    """Record a change of the one function."""
    limits.record(ALL, column(before), column(after), now_s)


@pytest.mark.parametrize(("select", "expected"), [(Select.MAX, 6.0), (Select.MIN, 4.0), (Select.DISABLED, 3.0)])
def test_growth_takes_the_policy_that_is_selected(select: Select, expected: float) -> None:
    """From 3, Pods 1 allow 4 and Percent 100 allow 6: Max is 6, Min is 4, Disabled stays at 3."""
    assert ceiling(up(pods(1), percent(100), select=select), 3.0) == expected


@pytest.mark.parametrize(("select", "expected"), [(Select.MAX, 5.0), (Select.MIN, 9.0), (Select.DISABLED, 10.0)])
def test_shrinkage_takes_the_policy_that_is_selected(select: Select, expected: float) -> None:
    """From 10, Pods 1 allow 9 and Percent 50 allow 5: Max is the larger move, 5; Min is 9; Disabled stays at 10."""
    assert floor(down(pods(1), percent(50), select=select), 10.0) == expected


def test_products_are_those_of_doubles() -> None:
    """10 % more than 50 are 56 (50 × 1.1 > 55), 80 % less than 10 are 1 (10 × (1 − 0.8) < 2)."""
    assert ceiling(up(percent(10)), 50.0) == 56.0
    assert floor(down(percent(80)), 10.0) == 1.0


def test_own_raises_are_paid_for_until_a_period_has_gone() -> None:
    """4 Pods per 15 s: 3 raised at 0 s leave 1 until just before 15 s."""
    limits = up(pods(4))
    record(limits, 2.0, 5.0, 0.0)
    assert [ceiling(limits, 5.0, now_s) for now_s in (0.0, 14.0, 15.0)] == [6.0, 6.0, 9.0]


def test_own_cuts_give_way_to_raises() -> None:
    """After a cut from 9 to 5, 4 Pods per 15 s allow 5 + 4 + 4: nothing but what ran before."""
    limits = up(pods(4))
    record(limits, 9.0, 5.0, 0.0)
    assert ceiling(limits, 5.0, 10.0) == 13.0


def test_each_policy_looks_at_its_own_period() -> None:
    """Of 6 raised 20 s ago, 4 Pods per 15 s know nothing, and 8 Pods per 60 s leave 2: Min allows 2."""
    limits = up(pods(4, 15.0), pods(8, 60.0), select=Select.MIN)
    record(limits, 4.0, 10.0, 0.0)
    assert ceiling(limits, 10.0, 20.0) == 12.0
    assert ceiling(limits, 10.0, 60.0) == 14.0


def test_a_limit_never_pushes() -> None:
    """After 10 raised and a foreign cut to 3, the ceiling stays 3; after 10 cut and a foreign raise, the floor is it."""
    limits = up(pods(4))
    record(limits, 0.0, 10.0, 0.0)
    assert ceiling(limits, 3.0, 1.0) == 3.0
    limits = down(pods(4))
    record(limits, 20.0, 10.0, 0.0)
    assert floor(limits, 3.0, 1.0) == 3.0


def test_percent_alone_lets_a_function_leave_zero() -> None:
    """At 0, Percent allows 1 replica, alone or as the smaller of two; Pods allow theirs; Disabled allows none."""
    assert ceiling(up(percent(50)), 0.0) == 1.0
    assert ceiling(up(pods(4), percent(50), select=Select.MIN), 0.0) == 1.0
    assert ceiling(up(pods(4)), 0.0) == 4.0
    assert ceiling(up(percent(50), select=Select.DISABLED), 0.0) == 0.0


def test_limits_are_within_what_kubernetes_keeps() -> None:
    """No ceiling is above 2³¹ − 1, no floor below 0 nor -0.0."""
    assert ceiling(up(percent(900)), 2.0**31 - 10) == 2.0**31 - 1
    assert floor(down(pods(9)), 4.0) == 0.0
    assert str(floor(down(percent(150)), 0.0)) == "0.0"


def test_what_is_no_number_stands_for_none() -> None:
    """A standing of nan is 0, one of inf the most there may be; a change from nan is none."""
    assert ceiling(up(pods(4)), np.nan) == 4.0
    assert floor(down(pods(4)), np.inf) == 2.0**31 - 5
    limits = up(pods(4))
    record(limits, np.nan, 5.0, 0.0)
    assert ceiling(limits, 5.0, 1.0) == 9.0


def test_changes_of_both_directions_count_in_both() -> None:
    """A raise of 5 that follows a cut of 3 leaves, of 4 Pods either way, 2 up and 6 down."""
    one = [(0, Select.MAX, [pods(4)])]
    limits = RateLimits(policies(*one), policies(*one), 1)
    record(limits, 10.0, 7.0, 0.0)
    record(limits, 7.0, 12.0, 5.0)
    assert ceiling(limits, 12.0, 10.0) == 14.0
    assert floor(limits, 12.0, 10.0) == 6.0


def test_no_event_is_lost_by_another() -> None:
    """A raise too old for growth's period of 15 s still counts for shrinkage's 60 s after a second raise."""
    limits = RateLimits(policies((0, Select.MAX, [pods(4)])), policies((0, Select.MAX, [pods(2, 60.0)])), 1)
    record(limits, 10.0, 14.0, 0.0)
    record(limits, 14.0, 18.0, 20.0)
    assert floor(limits, 18.0, 30.0) == 8.0


def test_functions_without_policies_are_left_out() -> None:
    """Changes go to the functions that they belong to, given as all rows, as some, or as a slice."""
    rule = [pods(4)]
    limits = RateLimits(policies((1, Select.MAX, rule), (3, Select.MAX, rule)), NO_POLICIES, 4)
    limits.record(ALL, column(5, 5, 5, 5), column(9, 6, 9, 5), 0.0)
    limits.record(np.array([0, 3]), column(9, 5), column(1, 7), 1.0)
    limits.record(slice(2, 4), column(9, 7), column(9, 8), 2.0)
    assert limits.ceiling(ALL, column(6, 8), 3.0).tolist() == [9.0, 9.0]
    assert limits.ceiling(np.array([1]), column(8), 3.0).tolist() == [9.0]


def test_rules_of_one_and_of_three_policies_stand_side_by_side() -> None:
    """Each function has the limit of its own policies, asked for together or alone."""
    rules = policies(
        (0, Select.MAX, [pods(1)]),
        (1, Select.MIN, [pods(9), percent(50), pods(7)]),
        (2, Select.MAX, [pods(2), pods(5)]),
    )
    limits = RateLimits(rules, NO_POLICIES, 3)
    assert limits.ceiling(ALL, column(10, 10, 10), 0.0).tolist() == [11.0, 15.0, 15.0]
    assert limits.ceiling(np.array([0, 2]), column(10, 10), 0.0).tolist() == [11.0, 15.0]


def test_without_policies_there_is_nothing_to_do() -> None:
    """A fleet without policies has no limits, and keeps nothing."""
    limits = RateLimits(NO_POLICIES, NO_POLICIES, 3)
    limits.record(ALL, column(1, 1, 1), column(2, 2, 2), 0.0)
    assert limits.ceiling(ALL, np.empty(0), 0.0).tolist() == limits.floor(ALL, np.empty(0), 0.0).tolist() == []
    assert limits.nbytes < 100


def test_a_change_recorded_twice_at_one_instant_counts_twice() -> None:
    """Two changes while the clock stands still, or goes back, both count, and end together."""
    limits = up(pods(9))
    record(limits, 1.0, 3.0, 10.0)
    record(limits, 3.0, 6.0, 10.0)
    record(limits, 6.0, 7.0, 4.0)
    assert ceiling(limits, 7.0, 24.0) == 10.0
    assert ceiling(limits, 7.0, 25.0) == 16.0


def test_up_to_64_ticks_of_a_period_are_exact() -> None:
    """With 64 raises of 1 in 32 s, each ends exactly 64 s later; a 65th and the 64th end together, with the later."""
    limits = up(pods(200, 64.0))
    for tick in range(CELLS + 2):
        record(limits, float(tick), float(tick + 1), 0.5 * tick)
    assert [ceiling(limits, 66.0, now_s) for now_s in (63.9, 64.0, 64.5, 95.0)] == [200.0, 201.0, 202.0, 263.0]
    assert [ceiling(limits, 66.0, now_s) for now_s in (95.4, 95.5, 96.0, 96.5)] == [263.0, 263.0, 265.0, 266.0]


def test_memory_is_bounded() -> None:
    """Two policies each way, of 15 s and 60 s at ticks of 2 s, cost less than 450 bytes a function."""
    functions, rng = 500, np.random.default_rng(1)
    both = policies(*((row, Select.MAX, [pods(4, 15.0), percent(100, 60.0)]) for row in range(functions)))
    limits, sizes = RateLimits(both, both, functions), []
    for tick in range(200):
        before = rng.integers(0, 30, functions).astype(float)
        limits.record(ALL, before, rng.integers(0, 30, functions).astype(float), 2.0 * tick)
        sizes.append(limits.nbytes)
    assert sizes[-1] < 450 * functions
    assert max(sizes[60:]) == sizes[60]


def test_another_fleet_knows_the_changes_of_the_same_functions() -> None:
    """Rows that move keep their changes, rows that are gone and rows that are new have none."""
    rule = [pods(4)]
    both = policies((0, Select.MAX, rule), (1, Select.MAX, rule))
    limits, fresh = RateLimits(both, NO_POLICIES, 2), RateLimits(both, NO_POLICIES, 2)
    limits.record(ALL, column(5, 5), column(7, 8), 0.0)
    fresh.carry(limits, np.array([1, -1]))
    assert fresh.ceiling(ALL, column(5, 7), 5.0).tolist() == [9.0, 9.0]
    assert fresh.ceiling(ALL, column(5, 7), 15.0).tolist() == [9.0, 11.0]


def test_another_period_takes_what_the_longest_knew() -> None:
    """A policy of 30 s that follows ones of 15 s and 60 s knows the raises of the last 30 s."""
    limits, fresh = up(pods(4, 15.0), pods(9, 60.0)), up(pods(9, 30.0))
    record(limits, 0.0, 1.0, 0.0)
    record(limits, 1.0, 3.0, 30.0)
    fresh.carry(limits, np.array([0]))
    assert ceiling(fresh, 3.0, 40.0) == 10.0
    assert ceiling(fresh, 3.0, 60.0) == 12.0


def test_one_functions_odd_number_leaves_the_others_their_own() -> None:
    """Whatever one standing number is, beside another it counts as it does alone: within 0 and the most there is."""
    rule = [pods(4)]
    both = policies((0, Select.MAX, rule), (1, Select.MAX, rule))
    limits = RateLimits(both, both, 2)
    for odd, most, least in ((-5.0, 4.0, 0.0), (1e300, 2**31 - 1, 2**31 - 5), (np.nan, 4.0, 0.0), (9.0, 13.0, 5.0)):
        assert limits.ceiling(ALL, column(odd, 6), 0.0).tolist() == [most, 10.0]
        assert limits.floor(ALL, column(odd, 6), 0.0).tolist() == [least, 2.0]
