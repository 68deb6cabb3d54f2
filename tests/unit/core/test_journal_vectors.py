"""Sections of a frame: which places of a vector changed, and by what."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from autoscaler.core.journal.vectors import Places, Writer, packed_places, read_places, sections

SIZES = (1, 2, 4, 8)


@pytest.mark.parametrize(
    ("places", "total", "form"),
    [
        ([0, 1, 2], 3, Places.ALL),
        ([0, 2, 3, 5, 6, 7], 8, Places.MASK),
        ([3], 10_000, Places.GAPS),
        ([0, 256], 10_000, Places.GAPS),
        ([0, 257], 10_000, Places.WIDE_GAPS),
        ([3, 999], 1_000, Places.WIDE_GAPS),
        ([0, 99_999], 100_000, Places.WIDEST_GAPS),
        ([], 5, Places.GAPS),
    ],
)
def test_the_shortest_form_is_chosen(places: list[int], total: int, form: Places) -> None:
    """All, many, few and far places are named each in their own way, and read back."""
    named = packed_places(np.array(places, np.int64), total)
    assert named[0] is form
    found, end = read_places(named[1], 0, form, total, len(places))
    assert found.tolist() == places
    assert end == len(named[1])


@given(st.data())
def test_any_vectors_come_back(data: st.DataObject) -> None:
    """Whatever two vectors of any width hold, what is told of their difference makes one into the other."""
    writer, expected = Writer(), []
    for number in range(data.draw(st.integers(1, 4))):
        size, count = data.draw(st.sampled_from(SIZES)), data.draw(st.integers(0, 70))
        words = st.lists(st.integers(0, 2 ** (8 * size) - 1), min_size=count, max_size=count)
        before = np.array(data.draw(words), f"u{size}")
        after = np.where(
            np.array(data.draw(st.lists(st.booleans(), min_size=count, max_size=count)), bool), before, before ^ 5
        )
        writer.put(number, 0, before, after.astype(before.dtype))
        expected.append((before, after.astype(before.dtype)))
    for section in sections(writer.bytes()):
        expected[section.column][0][section.places] ^= section.differences
    assert all(before.tobytes() == after.tobytes() for before, after in expected)
