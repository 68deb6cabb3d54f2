"""How fast objects are written."""

from autoscaler.ports import Clock


class Pace:
    """Hands out turns at a steady rate, a second's worth of them at once.

    Args:
        per_s: turns per second, > 0.
    """

    def __init__(self, clock: Clock, per_s: float) -> None:
        self._clock = clock
        self._step_s = 1.0 / per_s
        self._next_s = float("-inf")

    async def turn(self) -> None:
        """Wait for a turn."""
        now_s = self._clock.now().monotonic_s
        self._next_s = max(self._next_s, now_s - 1.0) + self._step_s
        if self._next_s > now_s:
            await self._clock.sleep(self._next_s - now_s)

    def hold(self, seconds: float) -> None:
        """Give no turn for so long: the API server asked for it."""
        self._next_s = max(self._next_s, self._clock.now().monotonic_s + seconds)
