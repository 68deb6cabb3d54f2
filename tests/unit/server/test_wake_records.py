"""Wakes in words: how each ended, where its time went, and what became of its requests."""

from dataclasses import replace

import pytest

from autoscaler.core.now import Now
from autoscaler.ports import WakeRecord, WakeState
from autoscaler.server.wake_records import sentence, shown

NOW = Now(160.0, 1_700_000_060.0)
SERVED = WakeRecord("acme", 100.0, 0.004, 0.016, 1.25, 1.2512, requests=25, served=25, writes=1, state=WakeState.READY)
UNKNOWN = WakeRecord("acme", 100.0, None, None, None, None, requests=1, served=0, writes=0, state=None)


def test_a_wake_has_every_part_as_seconds_since_its_first_request() -> None:
    """The moment is told by both clocks, each part from the first request on, and the state by its code."""
    found = shown(SERVED, NOW)
    words = found.pop("sentence")
    assert isinstance(words, str)
    assert found == {
        "asked_utc_s": 1_700_000_000.0,
        "asked_ago_s": 60.0,
        "sent_s": 0.004,
        "answered_s": 0.016,
        "ready_s": 1.25,
        "ended_s": 1.2512,
        "requests": 25,
        "served": 25,
        "writes": 1,
        "state": "ready",
        "reason": None,
    }


def test_what_did_not_happen_is_null() -> None:
    """A wake that goes on has no end and no state, and none of it reads as 0."""
    found = shown(UNKNOWN, NOW)
    assert [found[name] for name in ("sent_s", "answered_s", "ready_s", "ended_s", "state", "reason")] == [None] * 6


def test_parts_follow_each_other_and_add_up() -> None:
    """The sentence gives what each part took, not when it ended."""
    parts = sentence(SERVED, NOW).split("; ")
    assert [part.split(" until")[0] for part in parts[1:5]] == ["4.0 ms", "12 ms", "1.23 s", "1.2 ms"]
    assert parts[0] == "ready after 1.25 s"
    assert parts[5] == "25 requests, served"


@pytest.mark.parametrize("state", list(WakeState))
def test_every_end_has_words(state: WakeState) -> None:
    """Whatever state a wake can end in, it is said, with the reason where there is one."""
    ended = replace(UNKNOWN, state=state, ended_s=0.003, reason="BUDGET")
    assert "after 3.0 ms (BUDGET)" in sentence(ended, NOW)


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({}, "goes on for 60.0 s"),
        ({"ended_s": 3.0}, "given up by the gateway after 3.00 s"),
        ({"ready_s": 1.0, "ended_s": 1.0, "state": WakeState.READY, "served": 1}, "it was starting already"),
        ({"sent_s": 0.01, "writes": 1}, "it is not accepted yet"),
        ({"sent_s": 0.01, "writes": 2, "ended_s": 25.0}, "it was not accepted, sent 2 times"),
        ({"sent_s": 0.01, "answered_s": 0.02, "ended_s": 25.0, "state": WakeState.NOT_READY}, "it could not be reached"),
        ({"ended_s": 900.0, "state": WakeState.REFUSED, "requests": 312, "reason": "BUDGET"}, "refused (BUDGET), for 900 s"),
        ({"sent_s": 0.01, "answered_s": 2.0, "writes": 3}, "sent 3 times"),
        ({"ended_s": 25.0, "state": WakeState.NOT_READY, "requests": 4}, "4 requests, none served"),
        ({"ended_s": 25.0, "state": WakeState.READY, "ready_s": 25.0, "requests": 4, "served": 3}, "4 requests, 3 served"),
        ({"ended_s": 25.0, "ready_s": 190.0, "state": WakeState.NOT_READY}, "190 s until it could be reached"),
    ],
)  # fmt: skip
def test_what_went_otherwise_is_said(changes: dict[str, object], says: str) -> None:
    """A wake that goes on, that was given up, that needed no write, or more than one, says so."""
    assert says in sentence(replace(UNKNOWN, **changes), NOW)  # type: ignore[arg-type]


def test_a_watch_that_is_quicker_than_the_answer_takes_no_time() -> None:
    """A function that is reached before its write is answered waited nothing after it, not less than nothing."""
    assert "0.0 ms until it could be reached" in sentence(replace(SERVED, answered_s=1.3, ended_s=1.4), NOW)
