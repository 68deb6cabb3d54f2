"""Moments as people write them."""

import pytest

from autoscaler.policy.moments import format_moment, parse_moment

NOW_S = 1_774_749_600.0  # 2026-03-29T02:00:00Z


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("10m ago", NOW_S - 600),
        (" 1h30m ago ", NOW_S - 5_400),
        ("2026-03-29T01:59:59Z", NOW_S - 1),
        ("2026-03-29T03:59:59.5+02:00", NOW_S - 0.5),
        ("2026-03-28T00:00:00-05:00", NOW_S - 75_600),
    ],
)
def test_a_moment_is_read(text: str, seconds: float) -> None:
    """Times with an offset and stretches before now are UTC seconds."""
    assert parse_moment(text, NOW_S) == seconds


@pytest.mark.parametrize(
    "text", ["", "yesterday", "10 minutes ago", "ago", "-5m ago", "2026-13-01T00:00:00Z", "NaN", "1774749600"]
)
def test_what_is_no_moment_is_refused(text: str) -> None:
    """Everything else is refused with what is allowed."""
    with pytest.raises(ValueError, match="10m ago"):
        parse_moment(text, NOW_S)


def test_a_time_without_an_offset_is_refused() -> None:
    """Nobody has to guess whose two o'clock is meant."""
    with pytest.raises(ValueError, match="offset"):
        parse_moment("2026-03-29T01:00:00", NOW_S)


def test_the_future_is_not_known() -> None:
    """A time that is still to come is refused, with what the time is now."""
    with pytest.raises(ValueError, match=r"now is 2026-03-29T02:00:00\.000Z"):
        parse_moment("2026-03-29T02:00:01Z", NOW_S)


@pytest.mark.parametrize("seconds", [float("nan"), float("inf"), -1e18, 1e18])
def test_any_number_is_written(seconds: float) -> None:
    """What no calendar has is still shown."""
    assert format_moment(seconds).endswith(" s")
