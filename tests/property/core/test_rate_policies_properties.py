"""Rate limits equal the HPA's formula over a plain list of every own change."""

import math
from itertools import pairwise

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from autoscaler.core.lanes import RatePolicies, Select
from autoscaler.core.own_changes import CELLS, OwnChanges
from autoscaler.core.rate_policies import RateLimits
from autoscaler.core.rounding import MOST_REPLICAS
from tests.property.core.strategies import seeds
from tests.property.effort import examples

Known = dict[tuple[int, float], list[tuple[float, float]]]
"""Own changes, (time, change), of each function and period."""


def drawn(rng: np.random.Generator, functions: int, periods: np.ndarray) -> RatePolicies:
    """Draw policies for most of some functions."""
    rows = np.flatnonzero(rng.random(functions) < 0.7)
    starts = np.concatenate([[0], np.cumsum(rng.integers(1, 4, len(rows)))]).astype(np.int64)
    count = int(starts[-1])
    return RatePolicies(
        rows=rows,
        select=rng.choice([0, 0, 0, 1, 1, 2], len(rows)).astype(np.uint8),
        starts=starts,
        is_percent=rng.random(count) < 0.5,
        value=rng.choice([1.0, 2, 4, 10, 50, 80, 100, 150], count),
        period_s=rng.choice(periods, count),
    )


def lanes_of(*directions: RatePolicies) -> set[tuple[int, float]]:
    """Give each function and period that some policy looks at."""
    spans = (
        (policies, *one)
        for policies in directions
        for one in zip(policies.rows, pairwise(policies.starts), strict=True)
    )
    return {(int(row), float(s)) for policies, row, (start, end) in spans for s in policies.period_s[start:end]}


def limit(policies: RatePolicies, rule: int, standing: float, known: Known, now_s: float, sign: int) -> float:
    """Work out one limit, up (1) or down (-1)."""
    select, row = policies.select[rule], int(policies.rows[rule])
    if select == Select.DISABLED:
        return standing
    proposals, least = [], 0.0
    for at in range(policies.starts[rule], policies.starts[rule + 1]):
        value, period_s = float(policies.value[at]), float(policies.period_s[at])
        base = standing - sum(change for time_s, change in known[row, period_s] if time_s + period_s > now_s)
        if policies.is_percent[at]:
            exact = base * (1 + sign * value / 100)
            proposals.append(math.ceil(exact) if sign > 0 else math.trunc(exact))
            least = 1.0
        else:
            proposals.append(base + sign * value)
    pick = max if (select == Select.MAX) == (sign > 0) else min
    found = float(pick(proposals))
    return min(max(found, standing, least), MOST_REPLICAS) if sign > 0 else max(min(found, standing), 0.0)


def followed(lanes: set[tuple[int, float]], known: Known, new_of_old: np.ndarray, now_s: float) -> Known:
    """Give what another fleet's limits know: of the same period, else of the longest that the function had."""
    old_of_new = {int(new): old for old, new in enumerate(new_of_old) if new >= 0}
    result: Known = {}
    for row, period_s in lanes:
        old = old_of_new.get(row, -1)
        had = [one for function, one in known if function == old]
        source_s = period_s if period_s in had else max(had, default=0.0)
        changes = known.get((old, source_s), [])
        result[row, period_s] = [(time_s, change) for time_s, change in changes if time_s + source_s > now_s]
    return result


@given(seeds)
@settings(max_examples=examples(150), deadline=None)
def test_rate_limits_are_the_formula_over_all_own_changes(seed: int) -> None:
    """Ceilings and floors are those of the plain formula, through gaps, foreign writers and other fleets."""
    rng = np.random.default_rng(seed)
    periods, functions, now_s = rng.choice([3.0, 5.0, 7.5, 20.0, 30.0], 3), int(rng.integers(1, 10)), 0.0
    up, down = drawn(rng, functions, periods), drawn(rng, functions, periods)
    limits = RateLimits(up, down, functions)
    known: Known = {lane: [] for lane in lanes_of(up, down)}
    standing = rng.integers(0, 60, functions).astype(float)
    for _ in range(60):
        now_s += float(rng.choice([0.0, 0.5, 1.0, 10.0], p=[0.1, 0.5, 0.35, 0.05]))
        if rng.random() < 0.2:
            standing[rng.integers(functions)] = float(rng.choice([0.0, 3.0, 100.0]))
        for policies, ask, sign in ((up, limits.ceiling, 1), (down, limits.floor, -1)):
            is_asked = rng.random(len(policies.rows)) < 0.5
            which = np.arange(len(policies.rows)) if rng.random() < 0.5 else np.flatnonzero(is_asked)
            asked = standing[policies.rows[which]]
            found = ask(slice(None) if len(which) == len(policies.rows) else which, asked, now_s)
            expected = [
                limit(policies, int(rule), float(standing[policies.rows[rule]]), known, now_s, sign) for rule in which
            ]
            assert found.tolist() == expected
        change = np.where(rng.random(functions) < 0.4, rng.integers(-6, 9, functions), 0)
        decided = np.maximum(standing + change, 0.0)
        rows = np.flatnonzero(decided != standing)
        if rng.random() < 0.5:
            limits.record(slice(None), standing, decided, now_s)
        else:
            limits.record(rows, standing[rows], decided[rows], now_s)
        for row, period_s in known:
            if decided[row] != standing[row]:
                known[row, period_s].append((now_s, float(decided[row] - standing[row])))
        standing = decided
        if rng.random() < 0.05:
            before, functions = functions, int(rng.integers(1, 10))
            same = min(before, functions)
            new_of_old = np.full(before, -1)
            new_of_old[rng.permutation(before)[:same]] = rng.permutation(functions)[:same]
            up, down = drawn(rng, functions, periods), drawn(rng, functions, periods)
            fresh = RateLimits(up, down, functions)
            fresh.carry(limits, new_of_old)
            known = followed(lanes_of(up, down), known, new_of_old, now_s)
            limits, standing = fresh, rng.integers(0, 60, functions).astype(float)


@given(seeds)
@settings(max_examples=examples(40), deadline=None)
def test_a_pooled_change_ends_late_by_less_than_a_cell_and_never_early(seed: int) -> None:
    """With more ticks in a period than there are cells, raises count for a period at least, and a 64th more at most."""
    rng = np.random.default_rng(seed)
    period_s = float(rng.choice([30.0, 100.0, 1800.0]))
    changes = OwnChanges(np.array([0]), np.array([period_s]))
    made: list[tuple[float, int]] = []
    now_s = 0.0
    for _ in range(600):
        now_s += float(rng.exponential(period_s / rng.choice([20.0, 100.0, 400.0])))
        changes.expire(now_s)
        least = sum(one for time_s, one in made if time_s + period_s > now_s)
        most = sum(one for time_s, one in made if time_s + period_s + period_s / CELLS > now_s)
        assert least <= changes.net[0] <= most
        made.append((now_s, int(rng.integers(1, 5))))
        changes.record(np.array([float(made[-1][1])]), now_s)
        assert changes.nbytes <= 2 * CELLS * 4 + 3 * 8


@given(st.lists(st.floats(allow_nan=True, allow_infinity=True), min_size=6, max_size=6), seeds)
@settings(max_examples=examples(100), deadline=None)
def test_garbage_gives_a_number_of_replicas(garbage: list[float], seed: int) -> None:
    """Whatever is said to stand or to have been decided, each limit is a whole number of replicas, and no -0.0."""
    rng = np.random.default_rng(seed)
    up, down = drawn(rng, 3, np.array([5.0, 15.0])), drawn(rng, 3, np.array([5.0, 15.0]))
    limits, odd = RateLimits(up, down, 3), np.array(garbage)
    for now_s in (0.0, 1.0, 1.0, 30.0):
        limits.record(slice(None), odd[:3], odd[3:], now_s)
        for found in (
            limits.ceiling(slice(None), odd[up.rows], now_s),
            limits.floor(slice(None), odd[down.rows], now_s),
        ):
            assert np.all((found >= 0) & (found <= MOST_REPLICAS))
            assert not np.signbit(found).any()
