"""The Prometheus text format as values."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client.parser import text_string_to_metric_families

from autoscaler.server import exposition
from autoscaler.server.registry import Kind, Metric, Unit

TOTAL = Metric("a_total", Kind.COUNTER, Unit.THINGS, "Things.")
BY_X = Metric("a_total", Kind.COUNTER, Unit.THINGS, "Things.", ("x", "y"))


def test_a_family_has_help_type_and_samples() -> None:
    """HELP and TYPE stand before the samples, whole numbers without a point, labels in their order."""
    text = exposition.family(BY_X, [(("1", "2"), 3), (("2", ""), 0.5)])
    assert text == '# HELP a_total Things.\n# TYPE a_total counter\na_total{x="1",y="2"} 3\na_total{x="2",y=""} 0.5\n'


def test_a_single_has_no_labels() -> None:
    """A metric without labels is one sample."""
    assert exposition.single(TOTAL, 7) == "# HELP a_total Things.\n# TYPE a_total counter\na_total 7\n"


@pytest.mark.parametrize("value", [None, float("nan"), float("inf")])
def test_a_family_without_samples_is_left_out(value: float | None) -> None:
    """What has no value, or none that is a number, is absent, its header too."""
    assert exposition.single(TOTAL, value) == ""


def test_labels_that_are_not_the_metrics_are_a_mistake() -> None:
    """A sample with more or fewer label values than the metric has labels is never written."""
    with pytest.raises(ValueError, match="zip"):
        exposition.family(BY_X, [(("1",), 1)])


def test_rows_leave_out_what_is_not_known() -> None:
    """Rows that are nan or infinite have no sample; without any there is nothing."""
    labels = ['{n="0"}', '{n="1"}', '{n="2"}', '{n="3"}']
    text = exposition.rows("a", labels, np.array([1.0, np.nan, np.inf, 2.25]))
    assert text.splitlines() == ['a{n="0"} 1', 'a{n="3"} 2.25']
    assert exposition.rows("a", labels[:2], np.array([np.nan, np.nan])) == ""
    assert exposition.rows("a", [], np.array([])) == ""


@pytest.mark.parametrize(
    "column", [np.array([0, 7, 255], np.uint8), np.array([0, 7, 255]), np.array([0.0, 7.0, 255.0])]
)
def test_rows_of_whole_numbers_have_no_point(column: np.ndarray) -> None:
    """Codes, counts and replicas are written as whole numbers, whatever the column holds them in."""
    assert exposition.rows("a", ["{}"] * 3, column).split() == ["a{}", "0", "a{}", "7", "a{}", "255"]


@given(st.lists(st.floats(-1e300, 1e300), min_size=1, max_size=8), st.sampled_from([6, 15]))
def test_rows_are_as_exact_as_asked(values: list[float], digits: int) -> None:
    """Numbers come back to as many digits as asked for, whole numbers below 2^53 to the last."""
    lines = exposition.rows("a", ["{}"] * len(values), np.array(values), digits).splitlines()
    found = [float(line.split(" ")[1]) for line in lines]
    assert found == pytest.approx(values, rel=10.0 ** (1 - digits), abs=0)
    whole = np.array([2.0**53 - 1, 123_456_789.0])
    assert exposition.rows("a", ["{}"] * 2, whole).split() == ["a{}", "9007199254740991", "a{}", "123456789"]


@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=30))
def test_label_values_come_back_as_they_were(value: str) -> None:
    """Whatever a label's value holds, a reader of the format reads the same value, and one sample."""
    text = exposition.family(BY_X, [((value, ""), 1)])
    (family,) = text_string_to_metric_families(text)
    assert [sample.labels for sample in family.samples] == [{"x": value, "y": ""}]


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_numbers_come_back_as_they_were(value: float) -> None:
    """A number is written so that it reads back the same."""
    assert float(exposition.number(value)) == value
