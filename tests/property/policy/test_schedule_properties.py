"""Schedules against a slow reading of the calendar, minute by minute."""

from datetime import UTC, datetime

from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from autoscaler.policy.schedules import Schedule, spans
from tests.property.effort import examples

HOUR_S, DAY_S = 3600.0, 86_400.0
NOW = st.integers(int(datetime(2026, 1, 1, tzinfo=UTC).timestamp()), int(datetime(2027, 6, 1, tzinfo=UTC).timestamp()))
FIELD = st.sampled_from(["*", "*/7", "0", "30", "1,2", "5-9", "0-59/20"])
HOURS = st.sampled_from(["*", "*/5", "0", "2", "1-3", "8,20", "23"])
DAYS = st.sampled_from(["*", "1", "31", "L", "*/2", "29"])
WEEKDAYS = st.sampled_from(["*", "1-5", "0", "SUN", "MON#1", "5L"])
CRONS = st.tuples(FIELD, HOURS, DAYS, st.sampled_from(["*", "3", "10-12"]), WEEKDAYS).map(" ".join)
ZONES = st.sampled_from(["UTC", "Europe/Berlin", "America/New_York", "Asia/Tokyo", "Australia/Lord_Howe"])
DURATIONS = st.sampled_from(["30s", "1m", "45m", "10h", "3d", "31d"])


@settings(max_examples=examples(150), deadline=None)
@given(CRONS, ZONES, DURATIONS, NOW, st.integers(1, 20))
def test_spans_are_apart_ascending_and_not_over(cron: str, zone: str, duration: str, now_s: int, share: int) -> None:
    """Whatever is scheduled: spans end after now, begin before what is known ends, and are few."""
    try:
        one = Schedule.model_validate({"cron": cron, "timeZone": zone, "duration": duration, "min": 1})
    except ValidationError:
        return
    found = spans(one, now_s, share=share)
    assert now_s < found.known_until_s <= now_s + 8 * DAY_S
    assert len(found.edges) <= max(2, 256 // share)
    assert all(start < end and end > now_s and start < found.known_until_s for start, end in found.edges)
    assert all(end < start for (_, end), (start, _) in zip(found.edges, found.edges[1:], strict=False))


@settings(max_examples=examples(100), deadline=None)
@given(CRONS, ZONES, DURATIONS, NOW, st.floats(0, 0.999))
def test_a_plan_made_later_says_the_same(cron: str, zone: str, duration: str, now_s: int, part: float) -> None:
    """For every moment that two plans know, made an hour, a day or a change of clocks apart, they say the same."""
    try:
        one = Schedule.model_validate({"cron": cron, "timeZone": zone, "duration": duration, "min": 1})
    except ValidationError:
        return
    early = spans(one, now_s)
    later_s = now_s + int(part * (early.known_until_s - now_s))
    late = spans(one, later_s)
    moments = [later_s + minute * 60 for minute in range(0, int((early.known_until_s - later_s) / 60), 7)]
    holds = [[any(start <= at < end for start, end in found.edges) for at in moments] for found in (early, late)]
    assert holds[0] == holds[1]


@settings(max_examples=examples(150), deadline=None)
@given(st.sampled_from([0, 2, 8, 23]), st.sampled_from([0, 30]), ZONES, NOW)
def test_a_daily_schedule_is_what_the_clock_on_the_wall_says(hour: int, minute: int, zone: str, now_s: int) -> None:
    """Each day that has the named time on its clocks has one span, which begins at that time's first showing."""
    from zoneinfo import ZoneInfo

    one = Schedule.model_validate({"cron": f"{minute} {hour} * * *", "timeZone": zone, "duration": "1m", "min": 1})
    begins = [start for start, _ in spans(one, now_s, 2 * DAY_S).edges if start > now_s]
    shown = []
    for at in range(now_s - now_s % 60 + 60, now_s + int(2 * DAY_S), 60):
        clock = datetime.fromtimestamp(at, ZoneInfo(zone))
        if (clock.hour, clock.minute, clock.fold) == (hour, minute, 0):
            shown.append(float(at))
    skipped = [at for at in begins if at not in shown]
    assert set(shown) <= set(begins)
    for at in skipped:
        before, after = (datetime.fromtimestamp(at + by, ZoneInfo(zone)) for by in (-1, 0))
        assert before.utcoffset() != after.utcoffset()


@settings(max_examples=examples(200), deadline=None)
@given(
    st.text(max_size=20)
    | st.lists(st.sampled_from(["*", "/", "-", ",", "#", "L", "W", "0", "5", "59", "MON", "?", "@"]), max_size=9).map(
        "".join
    )
)
def test_any_text_is_a_schedule_or_refused(text: str) -> None:
    """Whatever stands where a cron expression or a zone belongs is accepted and compiled, or refused."""
    for fields in ({"cron": text}, {"timeZone": text}, {"cron": f"0 0 {text} * {text}"}):
        try:
            one = Schedule.model_validate({"cron": "0 8 * * *", "duration": "1h", "min": 1, **fields})
        except ValidationError:
            continue
        assert spans(one, 1.8e9).known_until_s > 1.8e9
