"""Schedules: cron with a time zone → spans of UTC seconds, on days when clocks change too."""

from datetime import UTC, datetime

import pytest
from pydantic import ValidationError

from autoscaler.policy.schedules import AHEAD_S, MOST_SPANS, Schedule, spans

DAY_S = 86_400.0


def at(text: str) -> float:
    """UTC seconds of a time such as 2026-03-29T01:00."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()


def schedule(cron: str, zone: str = "UTC", duration: str = "1h", **limits: int) -> Schedule:
    return Schedule.model_validate({"cron": cron, "timeZone": zone, "duration": duration, **(limits or {"min": 1})})


def written(one: Schedule, now: str, days: float) -> list[str]:
    """Spans of the days from now on, as `03-29T01:00–02:00`."""
    edges = spans(one, at(now), days * DAY_S).edges
    return [
        f"{datetime.fromtimestamp(start, UTC):%m-%dT%H:%M}–{datetime.fromtimestamp(end, UTC):%H:%M}"
        for start, end in edges
    ]


@pytest.mark.parametrize(
    ("cron", "zone", "duration", "now", "expected"),
    [
        # Clocks go forward at 01:00 UTC on 2026-03-29 in Berlin: 08:00 is an hour earlier from then on.
        ("0 8 * * *", "Europe/Berlin", "10h", "2026-03-28T00:00", ["03-28T07:00–17:00", "03-29T06:00–16:00"]),
        # 02:30 is skipped: the first moment after the gap.
        ("30 2 * * *", "Europe/Berlin", "1h", "2026-03-28T12:00", ["03-29T01:00–02:00", "03-30T00:30–01:30"]),
        # 02:30 is shown twice: the first time alone.
        ("30 2 * * *", "Europe/Berlin", "1h", "2026-10-24T12:00", ["10-25T00:30–01:30", "10-26T01:30–02:30"]),
        # A span over the change lasts its stretch of real time.
        ("0 1 * * *", "Europe/Berlin", "4h", "2026-03-28T12:00", ["03-29T00:00–04:00", "03-29T23:00–03:00"]),
        ("0 9 * * *", "America/New_York", "1h", "2026-03-07T12:00", ["03-07T14:00–15:00", "03-08T13:00–14:00"]),
        ("30 2 * * *", "America/New_York", "1h", "2026-03-07T12:00", ["03-08T07:00–08:00", "03-09T06:30–07:30"]),
        ("30 1 * * *", "America/New_York", "1h", "2026-10-31T12:00", ["11-01T05:30–06:30", "11-02T06:30–07:30"]),
        ("0 9 * * 1", "Asia/Tokyo", "10h", "2026-07-05T12:00", ["07-06T00:00–10:00"]),
        # Lord Howe Island changes by half an hour: 02:00 becomes 02:30 on 2026-10-04, 02:00 becomes 01:30 on 04-05.
        ("0 2 * * *", "Australia/Lord_Howe", "30m", "2026-10-03T00:00", ["10-03T15:30–16:00", "10-04T15:00–15:30"]),
        ("45 1 * * *", "Australia/Lord_Howe", "30m", "2026-04-04T00:00", ["04-04T14:45–15:15", "04-05T15:15–15:45"]),
    ],
)
def test_the_clocks_of_the_zone_count(cron: str, zone: str, duration: str, now: str, expected: list[str]) -> None:
    """A schedule begins by the clocks of its zone, before and after they change, and lasts real time."""
    assert written(schedule(cron, zone, duration), now, 2)[:2] == expected


def test_no_hour_is_passed_over_where_clocks_change_by_half_of_one() -> None:
    """Every other hour on Lord Howe Island is 00:00, 02:00 and 04:00 also on the day that has 01:30 twice."""
    one = schedule("0 */2 * * *", "Australia/Lord_Howe", "1m")
    expected = ["04-04T13:00–13:01", "04-04T15:30–15:31", "04-04T17:30–17:31"]
    assert written(one, "2026-04-04T12:00", 0.25) == expected
    assert written(one, "2026-04-04T15:30", 0.1) == expected[1:]


@pytest.mark.parametrize(
    ("now", "expected"),
    [
        ("2026-10-25T00:29", ["10-25T00:30–01:30"]),
        ("2026-10-25T00:30", ["10-25T00:30–01:30"]),
        ("2026-10-25T01:29", ["10-25T00:30–01:30"]),
        ("2026-10-25T01:30", []),
    ],
)
def test_a_plan_made_within_the_hour_shown_twice_is_the_same(now: str, expected: list[str]) -> None:
    """Whenever a plan is made, what lasts now is in it, and what the clocks show a second time is not."""
    assert written(schedule("30 2 * * *", "Europe/Berlin"), now, 0.5) == expected


def test_what_began_before_now_still_holds() -> None:
    """A span that began a month less a minute ago is in force."""
    assert written(schedule("0 0 1 * *", duration="31d"), "2026-01-31T23:59", 0.5) == ["01-01T00:00–00:00"]


def test_spans_that_touch_are_one() -> None:
    """Every minute for a minute is always, in one span."""
    found = spans(schedule("* * * * *", duration="1m"), at("2026-04-04T00:00"))
    assert len(found.edges) == 1
    assert found.known_until_s > at("2026-04-05T00:00")


def test_overlapping_firings_are_one_span() -> None:
    """A schedule that fires again before it ends goes on."""
    assert written(schedule("0 8,12 * * *", duration="6h"), "2026-04-04T00:00", 1) == ["04-04T08:00–18:00"]


def test_many_spans_are_known_less_far_ahead() -> None:
    """A schedule that is on every other minute fills its share of spans, and says until when they are all."""
    one, now_s = schedule("*/2 * * * *", duration="1m"), at("2026-04-04T00:00")
    found = spans(one, now_s, share=4)
    assert len(found.edges) == MOST_SPANS // 4
    assert found.known_until_s == now_s + len(found.edges) * 120
    assert len(spans(one, now_s, 16 * DAY_S).edges) == 2 * MOST_SPANS


def test_a_schedule_that_does_not_fire_is_known_to_be_silent() -> None:
    """The 29th of February is not within the next week: no spans, and all of that is known."""
    found = spans(schedule("0 0 29 2 *"), at("2026-04-04T00:00"))
    assert (found.edges, found.known_until_s) == ((), at("2026-04-04T00:00") + AHEAD_S)


def test_spans_are_fresh_for_half_of_what_they_cover() -> None:
    """Spans do from when they were made until half of them is over, and not before."""
    now_s = at("2026-04-04T00:00")
    found = spans(schedule("0 8 * * *"), now_s)
    assert [found.is_fresh(now_s + days * DAY_S) for days in (-0.001, 0, 3.99, 4)] == [False, True, True, False]


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"cron": "0 8 * *"}, "five fields"),
        ({"cron": "0 0 8 * * *"}, "this has 6"),
        ({"cron": "61 8 * * *"}, "bad minute"),
        ({"cron": "0 0 30 2 *"}, "bad day-of-month"),
        ({"cron": "@daily"}, "five fields"),
        ({"timeZone": "Europe/Berln"}, "did you mean Europe/Berlin"),
        ({"timeZone": "localtime"}, "IANA"),
        ({"timeZone": "../etc/passwd"}, "IANA"),
        ({"timeZone": "America"}, "IANA"),
        ({"timeZone": ""}, "IANA"),
        ({"duration": "32d"}, "less than or equal"),
        ({"duration": "0s"}, "greater than 0"),
        ({"min": None}, "min or max"),
        ({"min": 5, "max": 3}, "min up to max"),
    ],
)
def test_what_is_no_schedule_is_refused_with_what_is_allowed(fields: dict[str, object], words: str) -> None:
    """A wrong cron, zone, duration or pair of limits is answered with what is allowed."""
    with pytest.raises(ValidationError, match=words):
        Schedule.model_validate({"cron": "0 8 * * 1-5", "duration": "1h", "min": 1, **fields})
