"""Requests that were recorded one by one."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from autoscaler.core.columns import Floats
from autoscaler.simulator.laws import Law
from autoscaler.simulator.workload import Requests, Spacing, Workload

MOST_ROUNDS = 64
"""Repetitions within one window at most."""


@dataclass(frozen=True, eq=False)
class RecordedArrivals(Workload):
    """The recorded requests of one function.

    Attributes:
        times_s: `(requests,) float64`, when each arrived, ascending, from 0 on and before `length_s`; may be a
            memory map.
        length_s: seconds that were recorded.
        durations_s: `(requests,) float64`, how long each was served, >= 0; None: not recorded.
        repeat: begin anew at the end; else nothing is known after it.

    Raises:
        ValueError: times or durations that are none.
    """

    times_s: Floats
    length_s: float
    durations_s: Floats | None = None
    repeat: bool = False
    arrivals: Spacing = "even"

    def __post_init__(self) -> None:
        times_s, durations_s = self.times_s, self.durations_s
        if not (self.length_s > 0 and np.isfinite(self.length_s)):
            raise ValueError(f"length_s {self.length_s!r}; more than 0 seconds are needed")
        if durations_s is not None and len(durations_s) != len(times_s):
            raise ValueError(f"{len(durations_s)} durations of {len(times_s)} requests")
        if len(times_s) and not (times_s[0] >= 0 and times_s[-1] < self.length_s):
            raise ValueError(
                f"times from {times_s[0]:g} to {times_s[-1]:g} s; from 0 on and before {self.length_s:g} s"
            )

    @property
    def longest_window_s(self) -> float:
        return min(super().longest_window_s, MOST_ROUNDS * self.length_s) if self.repeat else super().longest_window_s

    def knots(self, start_s: float, end_s: float) -> Floats:
        return np.array([start_s, end_s])

    def cumulative(self, times_s: Floats) -> Floats:
        rounds, rest = np.divmod(times_s, self.length_s) if self.repeat else (np.zeros(len(times_s)), times_s)
        inside = np.clip(rest, 0.0, self.length_s)
        counts: Floats = np.searchsorted(self.times_s, inside) + rounds * len(self.times_s)
        return counts

    def between(self, start_s: float, end_s: float, generator: np.random.Generator) -> Floats:
        return self._within(start_s, end_s)[0]

    def requests(
        self, start_s: float, end_s: float, generator: np.random.Generator, law: Law, services: np.random.Generator
    ) -> Requests:
        times_s, places = self._within(start_s, end_s)
        if self.durations_s is None:
            return Requests(times_s, law.draw(len(times_s), services))
        return Requests(times_s, np.asarray(self.durations_s[places], dtype=np.float64))

    def gaps(self, end_s: float) -> Floats:
        return np.empty((0, 2)) if self.repeat or end_s <= self.length_s else np.array([[self.length_s, end_s]])

    def _within(self, start_s: float, end_s: float) -> tuple[Floats, np.ndarray]:
        """Give times and places of the requests in [start, end), in the order of their arrival."""
        times, places = [np.empty(0)], [np.empty(0, np.int64)]
        for first, last, begin_s in self._slices(start_s, end_s):
            times.append(np.asarray(self.times_s[first:last], dtype=np.float64) + begin_s)
            places.append(np.arange(first, last))
        return np.clip(np.concatenate(times), start_s, np.nextafter(end_s, start_s)), np.concatenate(places)

    def _slices(self, start_s: float, end_s: float) -> Iterator[tuple[int, int, float]]:
        """Give the stretches of the record within [start, end): from, to, and when their round begins."""
        length_s = self.length_s
        rounds = range(int(start_s // length_s), int(np.ceil(end_s / length_s))) if self.repeat else (0,)
        for begin_s in (number * length_s for number in rounds):
            low_s, high_s = max(start_s - begin_s, 0.0), min(end_s - begin_s, length_s)
            if high_s > low_s:
                first, last = np.searchsorted(self.times_s, (low_s, high_s)).tolist()
                yield first, last, begin_s
