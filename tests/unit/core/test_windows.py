"""Averages, coverage and proof, as the controller's decisions show them."""

import numpy as np
import pytest

from autoscaler.core.controller import Controller
from autoscaler.core.decisions import DecisionRecord
from autoscaler.core.memory import told_range
from autoscaler.core.part import Part
from autoscaler.core.reasons import Reason
from autoscaler.core.samples import Samples
from autoscaler.core.seen import Seen
from tests.unit.core.fleets import INF, NAN, make_fleet, observe, one, stepped


def run(controller: Controller, fleet: object, samples: list[tuple[float, dict[str, object]]]) -> list[DecisionRecord]:
    """Give one function's decisions for (seconds, columns of its load)."""
    return [stepped(controller, seconds, observe(fleet, 5, **columns)).record(0) for seconds, columns in samples]


def test_a_sample_that_covers_the_window_is_a_value_at_once() -> None:
    """With a range of 60 s and a window of 60 s the first covered sample is a value."""
    assert run(Controller(None), one(), [(0, {"rps": 30.0})])[0].seen is Seen.VALUE


def test_a_shorter_range_is_a_lower_bound_until_the_window_is_covered() -> None:
    """With a range of 20 s and a window of 60 s, 40 s of samples are needed after the first."""
    records = run(Controller(None), one(), [(t, {"rps": 30.0, "range_s": 20.0}) for t in range(0, 60, 10)])
    assert [record.seen for record in records] == [Seen.LOWER_BOUND] * 4 + [Seen.VALUE] * 2


def test_a_gap_in_coverage_starts_the_window_anew() -> None:
    """A stretch that no sample covers is not bridged, one within the range of the next sample is."""
    controller = Controller(None)
    whole = [(t, {"rps": 30.0, "range_s": 20.0}) for t in range(0, 70, 10)]
    run(controller, one(), whole)
    fleet = one()
    controller = Controller(None)
    run(controller, fleet, whole)
    assert run(controller, fleet, [(78, {"rps": 30.0, "range_s": 20.0})])[0].seen is Seen.VALUE
    assert run(controller, fleet, [(99, {"rps": 30.0, "range_s": 20.0})])[0].seen is Seen.LOWER_BOUND


def test_uncovered_samples_are_bridged_by_the_next_one_only_as_far_as_it_reaches() -> None:
    """One uncovered tick within the range of the next covered one leaves the window whole; six of them do not."""
    whole = [(10.0 * n, {"rps": 30.0, "range_s": 20.0}) for n in range(7)]
    down = {"rps": 30.0, "range_s": 20.0, "is_covered": False}
    for ticks, seen in ((1, Seen.VALUE), (6, Seen.LOWER_BOUND)):
        fleet, controller = one(), Controller(None)
        gap = [(70.0 + 10 * n, down) for n in range(ticks)]
        records = run(controller, fleet, [*whole, *gap, (70.0 + 10 * ticks, whole[0][1])])
        assert records[-1].seen is seen


def test_an_uncovered_sample_is_a_lower_bound() -> None:
    """A value whose own range is not wholly covered is a lower bound, whatever came before."""
    fleet, controller = one(), Controller(None)
    records = run(controller, fleet, [(0, {"rps": 30.0}), (2, {"rps": 30.0, "is_covered": False}), (4, {"rps": 30.0})])
    assert [record.seen for record in records] == [Seen.VALUE, Seen.LOWER_BOUND, Seen.VALUE]


@pytest.mark.parametrize("value", [NAN, INF, -INF, -1.0])
def test_what_is_no_load_is_unknown(value: float) -> None:
    """NaN, Inf and negative values are an unknown load, and what runs stays."""
    record = run(Controller(None), one(), [(0, {"rps": value})])[0]
    assert (record.seen, record.rps, record.desired, record.reason) == (Seen.UNKNOWN, None, 5, Reason.UNKNOWN_LOAD)


def test_a_function_without_a_metric_is_unknown() -> None:
    """Without any metric there is nothing to go by."""
    record = run(Controller(None), one(target_rps=INF), [(0, {"rps": 0.0, "concurrency": 0.0})])[0]
    assert (record.seen, record.desired) == (Seen.UNKNOWN, 5)


def test_an_unknown_signal_that_no_metric_uses_harms_nothing() -> None:
    """A function that scales on requests/s is known though its concurrency is not."""
    assert run(Controller(None), one(), [(0, {"rps": 20.0, "concurrency": NAN})])[0].desired == 2


def test_the_window_averages_samples_of_the_last_w_less_r() -> None:
    """With W = 60 s and R = 20 s the mean is over the samples of the last 40 s, the one just 40 s old left out."""
    loads = [100.0, 10.0, 20.0, 30.0, 40.0]
    samples = [(10.0 * n, {"rps": load, "range_s": 20.0}) for n, load in enumerate(loads)]
    assert run(Controller(None), one(), samples)[-1].rps == 25.0


def test_unknown_samples_are_left_out_of_the_mean() -> None:
    """The mean is over what is known; while the newest is unknown the load is unknown."""
    loads = [10.0, NAN, 30.0]
    samples = [(10.0 * n, {"rps": load, "range_s": 20.0}) for n, load in enumerate(loads)]
    records = run(Controller(None), one(), samples)
    assert [record.rps for record in records] == [10.0, None, 20.0]


def test_windows_differ_by_function_and_metric() -> None:
    """Every function is averaged over its own window and metric, in one fleet."""
    fleet = make_fleet(
        [
            ("t", "a", {"stable_window_s": 60.0}),
            ("t", "b", {"stable_window_s": 30.0}),
            ("t", "c", {"target_rps": INF, "target_concurrency": 1.0, "stable_window_s": 600.0}),
        ]
    )
    controller = Controller(None)
    for n, load in enumerate([10.0, 20.0, 30.0, 40.0]):
        decisions = stepped(controller, 10.0 * n, observe(fleet, 9, rps=load, concurrency=2 * load, range_s=20.0))
    assert decisions.rps[:2].tolist() == [25.0, 40.0]
    assert decisions.concurrency[2] == 50.0


@pytest.mark.parametrize("horizon_s", [(40.0, 64.0, 33.0), (40.0, 40.0, 40.0)])
def test_an_hour_of_samples_sums_exactly(horizon_s: tuple[float, ...]) -> None:
    """A running sum over thousands of irregular ticks is the sum of its samples to the bit, windows alike or not."""
    rng = np.random.default_rng(3)
    samples, now_s, kept = Samples(np.arange(3), np.array(horizon_s), 7, 3), 0.0, []
    for _ in range(3000):
        now_s += float(rng.exponential(2.0))
        values = np.where(rng.random(3) < 0.1, NAN, rng.exponential(1e4, 3))
        kept.append((now_s, values))
        means = samples.take(values, np.flatnonzero(np.isnan(values)), np.ones(3, np.bool_), Part(3), now_s)
    for lane, length_s in enumerate(horizon_s):
        inside = [values[lane] for time_s, values in kept if time_s > now_s - length_s and not np.isnan(values[lane])]
        exact = np.sum(np.floor(np.array(inside) * 2**20) / 2**20)
        assert samples.sum[lane] == exact
        assert np.isnan(means[lane]) if np.isnan(kept[-1][1][lane]) else means[lane] == exact / len(inside)


def test_zero_needs_contiguous_proof() -> None:
    """Proof that breaks (activity, an uncovered stretch) starts anew; an unknown tick within the range does not break it."""
    fleet, controller = one(zero_after_s=100.0), Controller(None)
    idle: dict[str, object] = {"rps": 0.0, "is_idle": True}
    busy: dict[str, object] = {"rps": 0.0, "is_idle": False}
    unknown: dict[str, object] = {"rps": NAN}
    samples = [(0, idle), (30, busy), (60, idle), (70, unknown), (99, idle), (100, idle)]
    assert [record.desired for record in run(controller, fleet, samples)] == [1, 1, 1, 5, 1, 0]
    assert [record.desired for record in run(controller, fleet, [(170, idle), (200, idle), (210, idle)])] == [1, 1, 0]


def test_idle_without_coverage_proves_nothing() -> None:
    """A claim of idleness over a range that is not covered is no proof."""
    fleet, controller = one(zero_after_s=10.0), Controller(None)
    records = run(controller, fleet, [(t, {"rps": 0.0, "is_idle": True, "is_covered": False}) for t in (0, 30, 60)])
    records += run(controller, fleet, [(70, {"rps": 0.0, "is_idle": True, "range_s": 5.0})])
    assert [record.desired for record in records] == [5, 5, 5, 5]
    fleet, controller = one(zero_after_s=100.0), Controller(None)
    claims = [(t, {"rps": 0.0, "is_idle": True, "is_covered": t == 110}) for t in range(0, 120, 10)]
    assert run(controller, fleet, claims)[-1].desired == 1


def test_unknown_samples_cover_nothing() -> None:
    """Ticks of unknown load cover no window and prove no zero, whatever they claim of their targets."""
    fleet, controller = one(zero_after_s=30.0), Controller(None)
    wrong: dict[str, object] = {"rps": NAN, "is_idle": True, "range_s": 20.0}
    records = run(controller, fleet, [(10.0 * n, wrong) for n in range(8)])
    records += run(controller, fleet, [(80.0, {**wrong, "rps": 0.0})])
    assert [record.seen for record in records] == [Seen.UNKNOWN] * 8 + [Seen.LOWER_BOUND]
    assert records[-1].desired == 5


def test_a_range_that_changes_keeps_the_samples() -> None:
    """When a source's range becomes shorter, the samples there are go on counting."""
    fleet, controller = one(), Controller(None)
    run(controller, fleet, [(10.0 * n, {"rps": 10.0, "range_s": 20.0}) for n in range(3)])
    record = run(controller, fleet, [(30.0, {"rps": 50.0, "range_s": 15.0})])[0]
    assert record.rps == 20.0


def test_lower_bounds_within_a_bridged_window_lower_no_mean() -> None:
    """Uncovered samples that read too low leave the mean as it was, so that the first covered one after them cuts nothing."""
    fleet, controller = one(), Controller(None)
    uncovered = range(60, 76, 2)
    samples = [
        (t, {"rps": 37.5 if t in uncovered else 50.0, "is_covered": t not in uncovered, "range_s": 20.0})
        for t in range(0, 80, 2)
    ]
    records = run(controller, fleet, samples)
    assert [record.seen for record in records[29:40]] == [Seen.VALUE] + [Seen.LOWER_BOUND] * 8 + [Seen.VALUE] * 2
    assert [(record.rps, record.desired) for record in records[29:]] == [(50.0, 5)] * 11


def test_lower_bounds_above_the_mean_count() -> None:
    """An uncovered sample above the mean raises it; one that is all there is counts, however far back others are."""
    fleet, controller = one(), Controller(None)
    high = {"rps": 90.0, "range_s": 20.0, "is_covered": False}
    records = run(controller, fleet, [(0, {"rps": 50.0, "range_s": 20.0}), (10, high)])
    assert (records[-1].rps, records[-1].seen, records[-1].desired) == (70.0, Seen.LOWER_BOUND, 7)
    records = run(controller, fleet, [(500, {**high, "rps": 30.0}), (502, {**high, "rps": 60.0})])
    assert [record.rps for record in records] == [30.0, 60.0]


def test_a_source_that_is_silent_changes_no_range() -> None:
    """A tick without an answer covers 0 s: what samples cover stays as it was, and no history is laid out anew for it."""
    fleet, controller = one(), Controller(None)
    run(controller, fleet, [(0, {"rps": 50.0}), (2, {})])
    before = controller.state_bytes
    run(controller, fleet, [(4, {"range_s": 0.0})])
    assert controller.state_bytes == before


def test_a_new_fleet_in_a_silent_tick_keeps_what_samples_cover() -> None:
    """A policy that changes while a source says nothing leaves the samples their 20 s: the mean is over the last 40 s."""
    controller = Controller(None)
    run(controller, one(), [(10.0 * n, {"rps": load, "range_s": 20.0}) for n, load in enumerate((100.0, 10.0, 20.0))])
    other = one(max_replicas=99.0)
    records = run(controller, other, [(30, {"range_s": 0.0}), (40, {"rps": 30.0, "range_s": 20.0})])
    assert [record.rps for record in records] == [None, 20.0]


def test_samples_beyond_four_million_are_kept_as_that() -> None:
    """A sample of 1e300 counts as 2²² in later means, so that sums stay exact; its neighbour's 30 stay 30."""
    fleet, controller = make_fleet([("t", "f", {}), ("t", "g", {})]), Controller(None)
    for seconds, load in ((0, 1e300), (10, 0.0)):
        decisions = stepped(controller, seconds, observe(fleet, 5, rps=[load, 30.0], range_s=20.0))
    assert decisions.rps.tolist() == [2.0**21, 30.0]


def test_a_range_that_is_none_is_not_taken() -> None:
    """A source's range of nan, inf, 0 or less leaves what was told before."""
    told = told_range(np.array([20.0, INF, NAN, 0.0, -1.0, 1e-3]), np.full(6, 5.0))
    assert told.tolist() == [20.0, 5.0, 5.0, 5.0, 5.0, 1e-3]


@pytest.mark.parametrize(("first_s", "rules"), [(20.0, {}), (15.0, {}), (20.0, {"max_replicas": 99.0})])
def test_each_range_bridges_its_own_gaps(first_s: float, rules: dict[str, float]) -> None:
    """Of two functions a tick 30 s late leaves one of samples of 60 s whole and begins one of 20 s anew, in any fleet."""
    fleet, controller = make_fleet([("t", "f", {}), ("t", "g", {})]), Controller(None)
    for seconds in range(0, 80, 10):
        before = stepped(controller, seconds, observe(fleet, 5, rps=50.0, range_s=[60.0, first_s]))
    assert before.seen.tolist() == [Seen.VALUE, Seen.VALUE]
    other = make_fleet([("t", "f", rules), ("t", "g", {})]) if rules else fleet
    late = stepped(controller, 100, observe(other, 5, rps=50.0, range_s=[60.0, 20.0]))
    assert late.seen.tolist() == [Seen.VALUE, Seen.LOWER_BOUND]


def test_an_unknown_sample_is_lost_for_its_own_function_alone() -> None:
    """Where only some functions use a metric, what is unknown of one is bridged for that one and kept of the others."""
    fleet = make_fleet(
        [
            ("t", "a", {"target_rps": INF, "target_concurrency": 1.0, "stable_window_s": 60.0}),
            ("t", "b", {"stable_window_s": 60.0}),
            ("t", "c", {"stable_window_s": 60.0}),
        ]
    )
    controller = Controller(None)
    for n, rps in enumerate([[NAN, 10.0, 10.0], [NAN, NAN, 20.0], [NAN, 30.0, 60.0]]):
        seen = observe(fleet, 9, rps=np.array(rps), concurrency=np.array([6.0, NAN, NAN]), range_s=20.0)
        decisions = stepped(controller, 10.0 * n, seen)
    assert decisions.rps[1:].tolist() == [20.0, 30.0]
    assert decisions.concurrency[0] == 6.0
    controller.check_invariants()
