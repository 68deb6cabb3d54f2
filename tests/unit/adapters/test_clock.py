"""The clocks tell both kinds of time, at their speed."""

import pytest

from autoscaler.adapters.clock import ScaledClock, SystemClock


async def test_the_system_clock_goes_forward() -> None:
    """Its monotonic seconds do not go back, and a wait of nothing or less ends."""
    clock = SystemClock()
    before = clock.now()
    await clock.sleep(-1)
    assert clock.now().monotonic_s >= before.monotonic_s


async def test_a_scaled_clock_runs_faster_in_both_kinds() -> None:
    """At a speed of 1,000 a wait of 10 s is short, and both kinds of time are at least 10 s on, by the same."""
    clock = ScaledClock(1_000)
    before = clock.now()
    await clock.sleep(10)
    after = clock.now()
    assert after.monotonic_s - before.monotonic_s >= 10
    assert after.utc_s - before.utc_s == pytest.approx(after.monotonic_s - before.monotonic_s, abs=1e-3)


@pytest.mark.parametrize("speed", [0, -1, float("nan")])
def test_a_speed_that_is_none_is_refused(speed: float) -> None:
    """A speed that is not above 0 is an error."""
    with pytest.raises(ValueError, match="above 0"):
        ScaledClock(speed)
