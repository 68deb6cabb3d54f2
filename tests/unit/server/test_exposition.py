"""The Prometheus text format as values."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client.parser import text_string_to_metric_families

from autoscaler.server import exposition


def test_a_family_has_help_type_and_samples() -> None:
    """HELP and TYPE stand before the samples, whole numbers without a point."""
    text = exposition.family("a_total", "counter", "Things.", [({}, 3), ({"x": "1"}, 0.5)])
    assert text == '# HELP a_total Things.\n# TYPE a_total counter\na_total 3\na_total{x="1"} 0.5\n'


def test_a_family_without_samples_is_left_out() -> None:
    """What has no value is absent, its header too."""
    assert exposition.family("a", "gauge", "Things.", [({}, None)]) == ""


def test_a_column_leaves_out_what_is_not_known() -> None:
    """Rows that are nan or infinite have no sample."""
    values = np.array([1.0, np.nan, np.inf, 2.25])
    text = "".join(exposition.column("a", "Things.", ['{n="0"}', '{n="1"}', '{n="2"}', '{n="3"}'], values))
    assert text.splitlines()[2:] == ['a{n="0"} 1', 'a{n="3"} 2.25']


def test_a_column_comes_in_pieces() -> None:
    """No piece has more than a thousand rows, and together they have all of them."""
    rows = 2_500
    pieces = list(exposition.column("a", "Things.", [f'{{n="{n}"}}' for n in range(rows)], np.ones(rows)))
    counts = [piece.count("\n") for piece in pieces[1:]]
    assert max(counts) <= 1_000
    assert sum(counts) == rows


def test_a_column_without_rows_is_left_out() -> None:
    """A selection that chooses nothing writes nothing."""
    assert "".join(exposition.column("a", "Things.", [], np.array([]))) == ""


@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=30))
def test_label_values_come_back_as_they_were(value: str) -> None:
    """Whatever a label's value holds, a reader of the format reads the same value, and one sample."""
    text = exposition.family("a", "gauge", "Things.", [({"x": value}, 1)])
    (family,) = text_string_to_metric_families(text)
    assert [sample.labels for sample in family.samples] == [{"x": value}]


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_numbers_come_back_as_they_were(value: float) -> None:
    """A number is written so that it reads back the same."""
    assert float(exposition.number(value)) == value
