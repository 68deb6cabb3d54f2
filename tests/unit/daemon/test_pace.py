"""The pace of writes: a rate that falls while the API server is sick and comes back by itself."""

import pytest

from autoscaler.daemon.pace import LEAST_SHARE, Pace


def sent(pace: Pace, from_s: float, for_s: float, *, fails_every: int = 0) -> tuple[int, float]:
    """Write as fast as it lets one, each answered at once; give how many went, and the end.

    Args:
        fails_every: the n-th of each n writes fails; 0: none does.
    """
    now_s, count = from_s, 0
    while now_s < from_s + for_s:
        if pace.take(now_s):
            count += 1
            if fails_every and count % fails_every == 0:
                pace.failed(now_s)
            else:
                pace.went_through(now_s)
        else:
            now_s += pace.wait_s(now_s)
    return count, now_s


@pytest.mark.parametrize("full", [20.0, 500.0])
def test_when_everything_fails_little_is_asked(full: float) -> None:
    """A server that fails every write is asked a twentieth of the full rate after ten seconds."""
    pace = Pace(full, 1, 0.0)
    sent(pace, 0.0, 10.0, fails_every=1)
    count, _ = sent(pace, 10.0, 10.0, fails_every=1)
    assert count == pytest.approx(full * LEAST_SHARE * 10, abs=2)


@pytest.mark.parametrize("full", [20.0, 500.0])
def test_the_full_rate_is_back_within_seconds_of_success(full: float) -> None:
    """Five seconds after a fault is over, writes go at the full rate again."""
    pace = Pace(full, 1, 0.0)
    sent(pace, 0.0, 60.0, fails_every=1)
    sent(pace, 60.0, 5.0)
    assert pace.per_second == full


@pytest.mark.parametrize(("every", "share"), [(20, 0.75), (3, 0.7)])
def test_a_few_failures_cost_little(every: int, share: float) -> None:
    """While most writes go through, even with one in three failing, most of the rate stays."""
    pace = Pace(20.0, 1, 0.0)
    count, _ = sent(pace, 0.0, 60.0, fails_every=every)
    assert count >= 20 * 60 * share


def test_failures_of_one_moment_count_once() -> None:
    """A hundred answers of failure in the same second slow it down as one does."""
    one, many = Pace(20.0, 100, 0.0), Pace(20.0, 100, 0.0)
    one.failed(1.0)
    for _ in range(100):
        many.failed(1.0)
    assert many.per_second == one.per_second < 20.0


def test_what_was_saved_up_is_forfeited_in_part() -> None:
    """After a failure no whole burst goes out at once."""
    pace = Pace(20.0, 100, 0.0)
    pace.failed(0.0)
    assert sum(pace.take(0.0) for _ in range(100)) == 60


def test_a_slow_rate_is_not_slowed_further() -> None:
    """Less than one write a second is never too much to ask."""
    pace = Pace(0.5, 1, 0.0)
    for second in range(60):
        pace.failed(float(second))
    assert pace.per_second == 0.5


def test_in_a_pause_nothing_goes_and_a_shorter_one_does_not_end_it() -> None:
    """A pause until 30 s that is followed by one until 10 s still holds at 29 s."""
    pace = Pace(20.0, 5, 0.0)
    pace.pause(30.0)
    pace.pause(10.0)
    assert not pace.take(29.0)
    assert pace.wait_s(29.0) == pytest.approx(1.0)
    assert pace.take(30.0)


def test_a_probe_is_the_least_share_at_once() -> None:
    """Told that it asks too much, it goes on at a twentieth of its rate, without its burst."""
    pace = Pace(500.0, 1000, 0.0)
    pace.probe(0.0)
    count, _ = sent(Pace(500.0, 1000, 0.0), 0.0, 1.0)
    assert count >= 1500
    assert pace.per_second == 25.0
    assert sum(pace.take(0.0) for _ in range(1000)) == 50
