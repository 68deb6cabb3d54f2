"""How often a sick source is asked."""

from autoscaler.adapters.prometheus.pause import SickPause


def asked_at(pause: SickPause, until_s: int, tick_s: int = 2) -> list[int]:
    """Give the seconds at which a source that always fails is asked, ticking."""
    asked = []
    for second in range(0, until_s, tick_s):
        if pause.is_over(second):
            pause.failed(second)
            asked.append(second)
    return asked


def test_a_source_that_stays_away_is_asked_every_thirty_seconds() -> None:
    """Three failures at the rate of ticks, then pauses that double up to 30 s."""
    assert asked_at(SickPause(), 160) == [0, 2, 4, 6, 10, 18, 34, 64, 94, 124, 154]


def test_one_success_starts_anew() -> None:
    """After a success the first failures are again asked at the rate of ticks."""
    pause = SickPause()
    asked_at(pause, 60)
    pause.succeeded()
    assert pause.is_over(0)
    assert asked_at(pause, 8) == [0, 2, 4, 6]
