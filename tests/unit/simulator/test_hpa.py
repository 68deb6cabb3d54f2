"""The HPA baseline: each rule and each quirk by a small case of its own."""

from dataclasses import replace

import pytest

from autoscaler.core.lanes import Select
from autoscaler.simulator.baselines.hpa import Hpa, proposal
from autoscaler.simulator.baselines.hpa_rates import Changes
from autoscaler.simulator.baselines.hpa_spec import (
    Able,
    Active,
    HpaBehavior,
    HpaDirection,
    HpaMetric,
    HpaPolicy,
    HpaSight,
    HpaSpec,
    Limited,
    completed,
)

SHARED = HpaSpec(min_replicas=1, max_replicas=100, metric=HpaMetric.EXTERNAL_AVERAGE_VALUE, target_milli=10_000)
EMPTY = completed(None, None)


def pods(value: int, period_s: float = 15) -> HpaPolicy:
    return HpaPolicy(is_percent=False, value=value, period_s=period_s)


def percent(value: int, period_s: float = 15) -> HpaPolicy:
    return HpaPolicy(is_percent=True, value=value, period_s=period_s)


def behavior(up: HpaDirection | None = None, down: HpaDirection | None = None) -> HpaBehavior:
    """A behavior without look-back, whatever else is left out."""
    return completed(
        replace(up or HpaDirection(), window_s=0 if up is None or up.window_s is None else up.window_s),
        replace(down or HpaDirection(), window_s=0 if down is None or down.window_s is None else down.window_s),
    )


def run(spec: HpaSpec, *rounds: tuple[int, float | None], every_s: float = 15) -> list[int]:
    """Step an HPA through (current, metric), and give what it wants each time."""
    hpa = Hpa(spec)
    return [
        hpa.step(number * every_s, HpaSight(current, current, None if metric is None else round(metric * 1000))).desired
        for number, (current, metric) in enumerate(rounds)
    ]


@pytest.mark.parametrize(
    ("given", "grows_to"),
    [(None, 6), (EMPTY, 7)],
)
def test_no_behavior_is_not_an_empty_behavior(given: HpaBehavior | None, grows_to: int) -> None:
    """From 3, growth is max(2 × 3, 4) without a behavior, and 3 + 4 pods with an empty one."""
    assert run(replace(SHARED, behavior=given), (3, 900)) == [grows_to]


@pytest.mark.parametrize(("given", "third"), [(None, 10), (EMPTY, 1)])
def test_a_recommendation_counts_for_300_s_inclusive_only_without_a_behavior(
    given: HpaBehavior | None, third: int
) -> None:
    """The count found first is kept 300 s: to the end without a behavior, and dropped at 300 s with one."""
    assert run(replace(SHARED, behavior=given), (10, 10), (10, 10), (10, 10), every_s=150)[2] == third


@pytest.mark.parametrize(
    ("metric", "replicas"), [(90, 10), (110, 10), (89.999, 9), (110.001, 12), (0, 0), (1e9, 100_000_000)]
)
def test_the_dead_band_includes_its_ends(metric: float, replicas: int) -> None:
    """At 10 replicas of target 10, loads of 90 and 110 change nothing; a thousandth beyond does."""
    assert proposal(SHARED, HpaSight(10, 10, 0), round(metric * 1000)) == replicas


def test_each_direction_has_its_own_tolerance() -> None:
    """A tolerance of 0.5 for growth leaves that for shrinkage as the controller has it."""
    spec = replace(SHARED, behavior=behavior(up=HpaDirection(tolerance=0.5)))
    assert run(spec, (10, 150)) == [10]
    assert run(spec, (10, 151)) == [16]
    assert run(spec, (10, 89)) == [9]


@pytest.mark.parametrize(
    ("metric", "ready", "value", "replicas"),
    [
        (HpaMetric.EXTERNAL_VALUE, 25, 11_200, 29),
        (HpaMetric.EXTERNAL_VALUE, 0, 11_200, 2),
        (HpaMetric.EXTERNAL_VALUE, 10, 10_900, 10),
        (HpaMetric.PODS_AVERAGE_VALUE, 25, 11_200, 29),
        (HpaMetric.PODS_AVERAGE_VALUE, 0, 11_200, 0),
        (HpaMetric.EXTERNAL_AVERAGE_VALUE, 0, 11_200, 2),
        (HpaMetric.EXTERNAL_AVERAGE_VALUE, 0, 0, 0),
        (HpaMetric.EXTERNAL_AVERAGE_VALUE, 1, 10**18, 2**31 - 1),
    ],
)
def test_each_kind_of_metric_has_its_own_way_to_replicas(
    metric: HpaMetric, ready: int, value: int, replicas: int
) -> None:
    """A level multiplies ready pods (1.12 × 25 is 29 in doubles), a sum is shared; from zero a level stands alone."""
    assert proposal(replace(SHARED, metric=metric), HpaSight(ready, ready, value), value) == replicas


def test_percent_is_a_product_of_doubles() -> None:
    """10 % on 50 gives 56, and 80 % off 10 leaves 1, where whole numbers give 55 and 2."""
    up = replace(SHARED, behavior=behavior(up=HpaDirection(policies=(percent(10),))))
    down = replace(SHARED, behavior=behavior(down=HpaDirection(policies=(percent(80),))))
    assert run(up, (50, 1000)) == [56]
    assert run(down, (10, 0)) == [1]


@pytest.mark.parametrize(
    ("select", "grows_to", "shrinks_to"), [(Select.MAX, 24, 16), (Select.MIN, 22, 18), (Select.DISABLED, 20, 20)]
)
def test_select_takes_the_widest_the_narrowest_or_none(select: Select, grows_to: int, shrinks_to: int) -> None:
    """Of 2 pods and 20 %, Max allows the larger change, Min the smaller, Disabled none."""
    both = HpaDirection(select=select, policies=(pods(2), percent(20)))
    spec = replace(SHARED, behavior=behavior(both, both))
    assert run(spec, (20, 900)) == [grows_to]
    assert run(spec, (20, 10)) == [shrinks_to]


def test_both_directions_count_for_the_base_of_either() -> None:
    """After 4 pods of growth within the period, 2 pods of shrinkage are counted from what ran before it."""
    spec = replace(
        SHARED, behavior=behavior(HpaDirection(policies=(pods(4, 60),)), HpaDirection(policies=(pods(2, 60),)))
    )
    assert run(spec, (10, 900), (14, 10)) == [14, 14 - 6]


def test_a_new_change_takes_the_place_of_the_last_stale_one() -> None:
    """Of two stale changes the later is overwritten and lost to longer periods; the earlier stays and counts."""
    changes = Changes()
    changes.add(1, 0, longest_period_s=15)
    changes.add(2, 10, longest_period_s=15)
    changes.add(4, 40, longest_period_s=15)
    assert changes.within(100, 41) == 1 + 4


def test_a_change_exactly_as_old_as_the_period_no_longer_counts_and_is_not_stale() -> None:
    """At the very end of its period a change frees its place in the sum, not in the list."""
    changes = Changes()
    changes.add(1, 0, longest_period_s=15)
    changes.add(2, 15, longest_period_s=15)
    assert changes.within(15, 15) == 2
    assert changes.within(16, 15) == 3


def test_counts_outside_the_bounds_jump_to_them() -> None:
    """Above max and below min nothing is read and no rate holds: one round is enough, even without a metric."""
    spec = replace(SHARED, min_replicas=5, max_replicas=20, behavior=behavior())
    assert run(spec, (90, None)) == [20]
    assert run(spec, (1, None)) == [5]


def test_a_failing_metric_changes_nothing_and_keeps_the_limit_told_before() -> None:
    """Without a metric the count stays; ScalingLimited stands as the last whole round left it."""
    hpa = Hpa(SHARED)
    assert hpa.step(0, HpaSight(3, 3, 900_000)).limited is Limited.UP
    outcome = hpa.step(15, HpaSight(6, 6, None))
    assert (outcome.desired, outcome.active, outcome.able) == (6, Active.NO_EXTERNAL_METRIC, Able.GOT_SCALE)
    assert outcome.limited is Limited.UP


def test_a_zero_that_it_did_not_make_stays() -> None:
    """An object that starts at 0, or that somebody set to 0, is off, whatever the metric says."""
    spec = replace(SHARED, min_replicas=0, behavior=behavior())
    assert run(spec, (0, 900)) == [0]
    assert run(spec, (5, 50), (0, 900)) == [5, 0]


def test_it_wakes_from_its_own_zero_unless_growth_is_percent_alone() -> None:
    """From a 0 of its own it grows again by Pods; by Percent alone 0 grows to 0."""
    by_pods = replace(SHARED, min_replicas=0, behavior=behavior(HpaDirection(policies=(pods(4),))))
    by_percent = replace(SHARED, min_replicas=0, behavior=behavior(HpaDirection(policies=(percent(100),))))
    rounds: list[tuple[int, float]] = [(1, 0), (0, 900)]
    assert run(by_pods, *rounds, every_s=30) == [0, 4]
    assert run(by_percent, *rounds, every_s=30) == [0, 0]


def test_pods_metrics_never_go_to_zero() -> None:
    """A metric that pods report cannot wake anybody, so a 0 made with one counts as off."""
    spec = replace(SHARED, min_replicas=0, metric=HpaMetric.PODS_AVERAGE_VALUE, behavior=behavior())
    assert run(spec, (2, 0), (0, 900)) == [0, 0]


def test_windows_hold_both_directions() -> None:
    """Growth waits until no smaller recommendation is in its window, shrinkage until no larger one is."""
    spec = replace(SHARED, behavior=completed(HpaDirection(window_s=30), HpaDirection(window_s=30)))
    assert run(spec, (10, 100), (10, 200), (10, 200), (20, 100), (20, 100)) == [10, 10, 20, 20, 10]


def test_a_negative_metric_asks_for_nothing() -> None:
    """A level below 0 wants 0 replicas, which no limit binds."""
    spec = replace(SHARED, min_replicas=0, metric=HpaMetric.EXTERNAL_VALUE, behavior=behavior())
    outcome = Hpa(spec).step(0, HpaSight(3, 3, -50_000))
    assert (outcome.desired, outcome.limited, outcome.is_zeroed) == (0, Limited.WITHIN, True)
