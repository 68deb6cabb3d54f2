"""What the calendar holds of a function: as JSON, and in the words of the command line."""

from datetime import UTC, datetime

import numpy as np

from autoscaler.cli.schedule_words import schedule_words
from autoscaler.core.lanes import Schedules
from autoscaler.server.scheduling import scheduled

MONDAY_8 = datetime(2026, 11, 23, 8, tzinfo=UTC).timestamp()
MONDAY_18 = datetime(2026, 11, 23, 18, tzinfo=UTC).timestamp()
OFFICE_HOURS = Schedules(
    np.array([3]), np.array([MONDAY_8]), np.array([MONDAY_18]), np.array([5.0]), np.array([np.inf])
)


def test_no_bound_is_null_and_the_next_change_is_told_with_its_bounds() -> None:
    """Before office hours nothing is bound; at their beginning the floor comes."""
    expected = {"min": None, "max": None, "next": {"min": 5, "max": None, "utc_s": MONDAY_8}}
    assert scheduled(OFFICE_HOURS, [3], MONDAY_8 - 60) == {3: expected}


def test_words_say_until_when_and_what_then() -> None:
    """A line names the bounds of now, the moment with its weekday in UTC, and the bounds from then on."""
    found = scheduled(OFFICE_HOURS, [3], MONDAY_8)[3]
    assert list(schedule_words(found)) == ["Schedule: at least 5 until Mon 2026-11-23 18:00 UTC, then no bound."]


def test_a_function_without_schedules_has_no_line() -> None:
    """Where nothing is scheduled nothing is said."""
    assert list(schedule_words(None)) == []
