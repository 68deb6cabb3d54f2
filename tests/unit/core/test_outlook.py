"""What schedules hold now, and when that changes next."""

import numpy as np
import pytest

from autoscaler.core.lanes import Schedules
from autoscaler.core.outlook import NOTHING_SCHEDULED, Outlook, Scheduled, outlooks

INF = np.inf


def spans(*found: tuple[int, float, float, float, float]) -> Schedules:
    """Spans of (row, start, end, floor, ceiling)."""
    rows, starts_s, ends_s, floor, ceiling = np.array(found, np.float64).reshape(-1, 5).T
    return Schedules(rows.astype(np.int64), starts_s, ends_s, floor, ceiling)


@pytest.mark.parametrize(
    ("utc_s", "expected"),
    [
        (5.0, Outlook(NOTHING_SCHEDULED, 10.0, Scheduled(3, INF))),
        (10.0, Outlook(Scheduled(3, INF), 12.0, Scheduled(5, 8))),
        (12.0, Outlook(Scheduled(5, 8), 18.0, Scheduled(3, INF))),
        (19.0, Outlook(Scheduled(3, INF), 20.0, NOTHING_SCHEDULED)),
    ],
)
def test_the_next_change_is_told_with_what_then_holds(utc_s: float, expected: Outlook) -> None:
    """Of overlapping spans the highest floor and lowest ceiling hold; each edge at which that changes is next once."""
    schedules = spans((1, 10, 20, 3, INF), (1, 12, 18, 5, 8))
    assert outlooks(schedules, [0, 1], utc_s) == {1: expected}


def test_an_edge_at_which_nothing_changes_is_no_change() -> None:
    """The beginning and end of a lower floor within a higher one are passed over."""
    schedules = spans((0, 10, 20, 5, INF), (0, 12, 14, 2, INF))
    assert outlooks(schedules, [0], 11.0)[0].changes_s == 20.0


def test_one_that_goes_on_for_as_long_as_is_known_has_no_next_change() -> None:
    """Two spans that follow on each other with the same floor are one."""
    schedules = spans((0, 10, 20, 5, INF), (0, 20, INF, 5, INF))
    assert outlooks(schedules, [0], 15.0)[0] == Outlook(Scheduled(5, INF), INF, Scheduled(5, INF))


def test_what_is_over_and_rows_that_nobody_asked_for_are_left_out() -> None:
    """A span that ended is no schedule ahead, and other functions' spans are not told."""
    assert outlooks(spans((0, 10, 20, 5, INF), (1, 10, 30, 5, INF)), [0], 20.0) == {}
