"""Back-off: of a function, and of a namespace in which nothing may be written."""

import numpy as np
import pytest

from autoscaler.core.fleet import FunctionKey
from autoscaler.daemon.backoff import NAMESPACE_MOST_S, RETRY_MOST_S, Backoff
from autoscaler.ports import ScaleOutcome, ScaleResult
from tests.unit.core.fleets import make_fleet

A, B, OTHER = FunctionKey("n", "a"), FunctionKey("n", "b"), FunctionKey("m", "a")
RETRY, FORBIDDEN, INVALID = (
    ScaleResult(outcome) for outcome in (ScaleOutcome.RETRY, ScaleOutcome.FORBIDDEN, ScaleOutcome.INVALID)
)


@pytest.fixture
def backoff() -> Backoff:
    return Backoff(np.random.default_rng(1))


def until_s(backoff: Backoff, key: FunctionKey, now_s: float = 0.0, uid: str = "u") -> float:
    block = backoff.block(key, uid, now_s)
    return now_s if block is None else block.until_s


def test_what_may_pass_is_waited_for_at_most_half_a_minute(backoff: Backoff) -> None:
    """Waits double from half a second, within a quarter of jitter, and end at thirty."""
    now_s, waits = 0.0, []
    for _ in range(12):
        backoff.failed(A, "u", RETRY, now_s)
        waits.append(until_s(backoff, A, now_s) - now_s)
        now_s += waits[-1]
    expected = [min(RETRY_MOST_S, 0.5 * 2**attempt) for attempt in range(12)]
    assert all(0.75 <= wait / nominal <= 1.25 for wait, nominal in zip(waits, expected, strict=True))


def test_a_right_that_lacks_is_tried_by_one_write_of_its_namespace(backoff: Backoff) -> None:
    """After one function was forbidden all of its namespace wait; when one is tried, the others wait for its answer."""
    backoff.failed(A, "u", FORBIDDEN, 0.0)
    wait_s = until_s(backoff, B)
    assert 1.5 <= wait_s <= 2.5
    assert until_s(backoff, OTHER) == 0.0
    assert backoff.block(B, "u", wait_s) is None
    backoff.begins(B, wait_s)
    assert backoff.block(A, "u", wait_s) is not None


def test_a_right_is_noticed_within_about_a_minute(backoff: Backoff) -> None:
    """However often a namespace was refused, it is tried every minute or so; once a write goes through, all may go."""
    now_s = 0.0
    for _ in range(20):
        backoff.begins(A, now_s)
        backoff.failed(A, "u", FORBIDDEN, now_s)
        wait_s = until_s(backoff, A, now_s) - now_s
        assert wait_s <= 1.25 * NAMESPACE_MOST_S
        now_s += wait_s
    assert backoff.went_through(B)
    assert backoff.block(A, "u", now_s) is None
    assert not backoff.went_through(B)


def test_one_forbidden_function_does_not_stop_its_namespace(backoff: Backoff) -> None:
    """Where others of a namespace are written, a function that is refused waits alone, ever longer."""
    now_s, waits = 0.0, []
    for _ in range(6):
        backoff.went_through(B)
        backoff.failed(A, "u", FORBIDDEN, now_s)
        assert backoff.block(B, "u", now_s) is None
        waits.append(until_s(backoff, A, now_s) - now_s)
        now_s += waits[-1]
    assert waits == sorted(waits)
    assert waits[-1] > 40


def test_a_right_that_is_taken_away_stops_the_namespace_at_the_second_refusal(backoff: Backoff) -> None:
    """Two refusals in a row, of whichever functions, are the namespace's."""
    backoff.went_through(A)
    backoff.failed(A, "u", FORBIDDEN, 0.0)
    assert backoff.block(B, "u", 0.0) is None
    backoff.failed(B, "u", FORBIDDEN, 0.0)
    assert backoff.block(FunctionKey("n", "third"), "u", 0.0) is not None


def test_a_failure_long_after_the_last_counts_as_the_first(backoff: Backoff) -> None:
    """A function refused ten times is tried after a minute again when it is refused a day later."""
    now_s = 0.0
    for _ in range(10):
        backoff.failed(A, "u", INVALID, now_s)
        now_s = until_s(backoff, A, now_s)
    backoff.failed(A, "u", INVALID, now_s + 86_400)
    assert until_s(backoff, A, now_s + 86_400) - (now_s + 86_400) <= 75


def test_another_object_of_that_name_starts_afresh(backoff: Backoff) -> None:
    """A recreated Deployment does not inherit its back-off; one that left is forgotten."""
    backoff.failed(A, "u", INVALID, 0.0)
    assert backoff.block(A, "another", 0.0) is None
    backoff.retain(make_fleet([("n", "b", {})]))
    assert backoff.block(A, "u", 0.0) is None


def test_answers_to_writes_that_were_out_together_count_once(backoff: Backoff) -> None:
    """Forty refusals of one moment make a namespace wait for as long as one does."""
    for number in range(40):
        backoff.failed(FunctionKey("n", f"f{number}"), "u", FORBIDDEN, 0.01 * number)
    assert until_s(backoff, A) <= 2.5


def test_a_first_refusal_after_an_outage_is_a_first_one(backoff: Backoff) -> None:
    """Failures of another kind before it do not lengthen the wait: one 403 after seven time-outs waits two seconds."""
    now_s = 0.0
    for _ in range(7):
        backoff.failed(A, "u", RETRY, now_s)
        now_s = until_s(backoff, A, now_s)
    backoff.failed(A, "u", FORBIDDEN, now_s)
    assert until_s(backoff, A, now_s) - now_s <= 2.5
