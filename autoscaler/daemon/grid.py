"""The grid of ticks: fixed points in time, so that a slow tick never shifts those after it."""

import math


class TickGrid:
    """Gives the next tick's time, and counts the ticks that ran over it.

    Attributes:
        overruns: ticks that took longer than the interval.

    Args:
        interval_s: seconds between ticks.
        start_s: monotonic seconds of the first.
    """

    def __init__(self, interval_s: float, start_s: float) -> None:
        self.overruns = 0
        self._interval_s = interval_s
        self._due_s = start_s

    def next_s(self, now_s: float) -> float:
        """Give the time of the tick after the one that ended now; grid points that passed meanwhile are left out."""
        passed = math.floor((now_s - self._due_s) / self._interval_s)
        self.overruns += passed >= 1
        self._due_s += (max(0, passed) + 1) * self._interval_s
        return self._due_s
