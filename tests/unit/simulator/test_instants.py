"""Moments of the calendar: what is read, and what is refused."""

import pytest

from autoscaler.simulator.instants import format_instant, parse_instant


@pytest.mark.parametrize(
    ("text", "utc_s"),
    [
        ("1970-01-01T00:00:00Z", 0.0),
        ("2026-03-02T00:00:00Z", 1_772_409_600.0),
        ("2026-03-02T09:00:00+09:00", 1_772_409_600.0),
        ("2026-03-02T00:00:00.250Z", 1_772_409_600.25),
        ("1969-12-31T23:59:59Z", -1.0),
    ],
)
def test_a_moment_with_its_zone_is_utc_seconds(text: str, utc_s: float) -> None:
    """Date, time and zone give UTC seconds, and what is written of them is read back as the same."""
    assert parse_instant(text) == utc_s
    assert parse_instant(format_instant(utc_s)) == utc_s


@pytest.mark.parametrize(
    "text", ["", "now", "2026-03-02", "2026-03-02T00:00:00", "2026-02-30T00:00:00Z", "1772409600", 1_772_409_600, None]
)
def test_what_is_no_moment_is_refused(text: object) -> None:
    """A day, a moment without a zone, a day that is none, a number: refused with what is allowed."""
    with pytest.raises(ValueError, match="time zone"):
        parse_instant(text)
