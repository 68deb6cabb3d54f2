"""One function's arrivals, drawn ahead window by window, so that the steps of time never change them."""

from bisect import bisect_right

import numpy as np

from autoscaler.simulator.workload import Workload

HOUR_S = 3_600.0
"""How long windows stay as long as they are."""

AIM = 1_000
"""Arrivals that a window shall hold: few enough to keep memory small, enough to pay for a numpy call."""


class Arrivals:
    """A cursor over the arrivals of one workload."""

    def __init__(self, workload: Workload | None, generator: np.random.Generator, start_s: float) -> None:
        """Begin at a time; what the workload would have sent before it never arrives."""
        self._workload = workload
        self._generator = generator
        self._drawn_s = start_s
        self._window_s, self._windows_until_s = 0.0, start_s
        self._times: list[float] = []
        self._next = 0

    def take(self, until_s: float) -> list[float]:
        """Give the arrivals up to and with `until_s` that were not given yet, ascending."""
        self._draw(until_s)
        end = bisect_right(self._times, until_s, lo=self._next)
        taken = self._times[self._next : end]
        self._next = end
        return taken

    def peek(self, until_s: float) -> float | None:
        """Give the next arrival if it is not after `until_s`; it stays to be taken."""
        while self._next >= len(self._times):
            if self._workload is None or self._drawn_s > until_s:
                return None
            self._draw(self._drawn_s)
        at_s = self._times[self._next]
        return at_s if at_s <= until_s else None

    def _draw(self, until_s: float) -> None:
        if self._workload is None or self._drawn_s > until_s:
            return
        del self._times[: self._next]
        self._next = 0
        while self._drawn_s <= until_s:
            if self._drawn_s >= self._windows_until_s:
                self._window_s, self._windows_until_s = _window_s(self._workload, self._drawn_s), self._drawn_s + HOUR_S
            end_s = self._drawn_s + self._window_s
            self._times += self._workload.between(self._drawn_s, end_s, self._generator).tolist()
            self._drawn_s = end_s


def _window_s(workload: Workload, from_s: float) -> float:
    """Give the length of the windows of an hour."""
    an_hour = float(np.diff(workload.cumulative(np.array([from_s, from_s + HOUR_S])))[0])
    return float(np.clip(AIM * HOUR_S / max(an_hour, 1e-9), 1.0, 600.0))
