"""Loads of policy tests: what their notation means, and what a source reads of them."""

import math

import numpy as np
import pytest

from autoscaler.simulator.policy_tests.notation import MOST_SAMPLES, Ramp, parse_series, parse_value
from autoscaler.simulator.policy_tests.signals import Course, Segment, of_series, of_spans, without

NAN = math.nan


def same(values: tuple[float, ...] | list[float], expected: list[float]) -> bool:
    return np.array_equal(np.array(values), np.array(expected), equal_nan=True)


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("40x2", [40, 40, 40]),
        ("0+10x3", [0, 10, 20, 30]),
        ("9-3x3", [9, 6, 3, 0]),
        ("1 2.5 1e2", [1, 2.5, 100]),
        ("_ 5 _x2", [NAN, 5, NAN, NAN]),
        ("  1x0   0x1 ", [1, 0, 0]),
    ],
)
def test_series_are_written_as_promtool_does(text: str, values: list[float]) -> None:
    """AxN is A and N more, A+BxN adds B each time, _xN is N times unknown, terms follow each other."""
    series = parse_series(text)
    assert same(series.values, values)
    assert not series.is_endless


def test_a_number_holds_throughout() -> None:
    """A bare number is no sample but a constant."""
    assert parse_series(40).is_endless
    assert parse_series(40).values == (40.0,)


@pytest.mark.parametrize(
    "written",
    ["", " ", "ten", "10x", "10+x3", "-1", "5-10x1", "1x-3", "nan", "Inf", True, None, [1], -1, math.inf, 1.5e999],
)
def test_what_is_no_series_is_refused(written: object) -> None:
    """Neither words nor negative nor infinite loads are a series; the message says what is allowed."""
    with pytest.raises(ValueError, match=r"promtool's notation|0 and more|of 0 or more"):
        parse_series(written)


@pytest.mark.parametrize("text", ["0x1000000000", "1 " * (MOST_SAMPLES + 1), "0+1x99999999999999999999", "_x100001"])
def test_a_series_without_an_end_is_refused_before_it_is_expanded(text: str) -> None:
    """A short text that stands for a billion samples costs nothing."""
    with pytest.raises(ValueError, match=f"at most {MOST_SAMPLES} samples"):
        parse_series(text)


@pytest.mark.parametrize(("written", "ramp"), [(5, Ramp(5, 5)), ("10..50", Ramp(10, 50)), ("50..0.5", Ramp(50, 0.5))])
def test_a_span_has_a_value_or_a_ramp(written: object, ramp: Ramp) -> None:
    """A number stands for itself, FROM..TO for a straight line."""
    assert parse_value(written) == ramp


@pytest.mark.parametrize("written", ["-1..5", "1..", "..5", "1...5", -1, "x", None, True, "1..-5"])
def test_what_is_no_value_is_refused(written: object) -> None:
    """A span's value is a load, a ramp of loads, or _."""
    with pytest.raises(ValueError, match=r"FROM\.\.TO|of 0 or more"):
        parse_value(written)


def means(segments: list[Segment], times: list[float], range_s: float) -> list[float]:
    return Course(segments, range_s + 100).samples(np.array(times), range_s).mean.tolist()


def test_a_sample_is_the_mean_over_its_range() -> None:
    """Half a range at 10 and half at 30 reads 20; a ramp reads its middle."""
    steps = of_series(parse_series("10 30"), 60.0)
    assert means(steps, [60.0, 90.0, 120.0], 60.0) == [10.0, 20.0, 30.0]
    ramp = of_spans([(0.0, 100.0, Ramp(0.0, 50.0))])
    assert means(ramp, [20.0, 100.0], 10.0) == [7.5, 47.5]


def test_a_load_before_the_beginning_is_as_at_the_beginning() -> None:
    """At 0s a sample covers what was before, and reads what holds at 0s."""
    assert means(of_series(parse_series("10 30"), 60.0), [-30.0, 0.0], 60.0) == [10.0, 10.0]


def test_a_step_is_seen_by_the_next_sample_and_not_by_the_one_at_its_time() -> None:
    """A sample covers (t − range, t]: at the time of the step itself everything in it is old."""
    assert means(of_series(parse_series("10 30"), 60.0), [60.0, 62.0], 2.0) == [10.0, 30.0]


def test_what_is_unknown_now_is_unknown_and_what_was_makes_a_reading_low() -> None:
    """Within a gap nothing is known; after it half a covered range reads half, and is not whole."""
    samples = Course(of_series(parse_series("10 _ 10 10"), 60.0), 200.0).samples(
        np.array([60.0, 90.0, 150.0, 180.0]), 60.0
    )
    assert same(samples.mean.tolist(), [10.0, NAN, 5.0, 10.0])
    assert samples.is_whole.tolist() == [True, False, False, True]
    assert same(samples.latest.tolist(), [10.0, NAN, 10.0, 10.0])


def test_zero_is_zero_over_the_whole_range() -> None:
    """One busy second within the range is no zero, whatever the sample at its end says."""
    course = Course(of_spans([(0.0, 9.0, Ramp(0, 0)), (9.0, 10.0, Ramp(1e-9, 1e-9)), (10.0, 90.0, Ramp(0, 0))]), 100.0)
    assert course.samples(np.array([8.0, 12.0, 40.0]), 10.0).is_zero.tolist() == [True, False, True]


def test_after_the_end_nothing_is_known() -> None:
    """A series that has ended says nothing, and neither does a gap between spans."""
    assert same(means(of_series(parse_series("1"), 10.0), [10.0, 12.0], 2.0), [1.0, NAN])
    assert same(
        means(of_spans([(5.0, 10.0, Ramp(1, 1)), (20.0, 30.0, Ramp(2, 2))]), [4.0, 8.0, 15.0, 25.0], 2.0),
        [NAN, 1, NAN, 2],
    )


def test_long_courses_read_whole_numbers() -> None:
    """A week at 40 still reads 40, not 40.000000004: a ceiling would make a replica of the difference."""
    for text, value in (("40x10079", 40.0), ("0.7x10079", 0.7)):
        course = Course(of_series(parse_series(text), 60.0), 100.0)
        samples = course.samples(np.arange(0.0, 604_800.0, 30.0), 60.0)
        assert np.unique(samples.mean).tolist() == [value]


def test_an_outage_cuts_what_is_there() -> None:
    """Cutting the middle of a ramp leaves its two ends where they were."""
    cut = without(of_spans([(0.0, 100.0, Ramp(0, 100))]), 40.0, 60.0)
    assert cut == [Segment(0.0, 40.0, 0.0, 40.0), Segment(60.0, 100.0, 60.0, 100.0)]
    assert without(of_series(parse_series(7), 1.0), 5.0, 6.0)[1] == Segment(6.0, math.inf, 7.0, 7.0)
    assert without(cut, 0.0, 200.0) == []
