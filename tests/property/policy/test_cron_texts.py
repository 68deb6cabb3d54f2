"""Cron expressions as anybody may write them: refused in a sentence, or spans that are found in few steps."""

from hypothesis import example, given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from autoscaler.policy.schedules import AHEAD_S, MOST_SPANS, Schedule, spans
from tests.property.effort import examples

NOW_S = 1_790_000_000.0
PIECES = ["*", "?", "0", "1", "59", "60", "23", "24", "31", "32", "12", "13", "7", "8", "-", "/", ",", "#", "L", "W", "LW",
          "JAN", "DEC", "MON", "SUN", "mon", "@daily", "H", "~", "+", ".", "5L", "2#3", "0#6", "\t", "00", "٣", "²", "\0"]  # fmt: skip
FIELD = st.lists(st.sampled_from(PIECES), min_size=1, max_size=5).map("".join) | st.text(max_size=6)
PLAUSIBLE = st.sampled_from(["*", "*/2", "1-5", "0", "30", "1,15", "L", "2-4/2", "31", "29", "2", "MON#1", "5L", "FEB"])
CRONS = st.lists(FIELD | PLAUSIBLE, min_size=1, max_size=7).map(" ".join)
FIVE = st.tuples(*[FIELD | PLAUSIBLE] * 5).map(" ".join)
ZONES = st.sampled_from(["UTC", "Europe/Berlin", "Asia/Tokyo", "Australia/Lord_Howe", "Africa/Casablanca"]) | st.text(
    max_size=20
)


@settings(max_examples=examples(200), deadline=None)
@given(FIVE | CRONS, ZONES)
@example("0 0 30 2 *", "UTC")  # a day that never comes
@example("0 0 29 2 MON#5", "UTC")  # one that comes every 28 years
@example("0 0 31 4,6,9,11 *", "UTC")
@example("* * * * *", "localtime")
@example("* * * * *", "../etc/passwd")
@example("* * * * *", "/etc/localtime")
@example("* * * * *", "UTC\0")
def test_any_cron_is_refused_in_words_or_has_spans(cron: str, zone: str) -> None:
    """A schedule that is taken has few spans, in order, whatever it says; one that is not says what is allowed."""
    try:
        one = Schedule.model_validate({"cron": cron, "timeZone": zone, "duration": "10m", "min": 1})
    except ValidationError as error:
        for problem in error.errors():
            assert problem["loc"][0] in ("cron", "timeZone")
            assert len(problem["msg"]) < 300
        return
    found = spans(one, NOW_S)
    assert len(found.edges) <= MOST_SPANS
    assert NOW_S < found.known_until_s <= NOW_S + AHEAD_S
    assert all(start < end for start, end in found.edges)
