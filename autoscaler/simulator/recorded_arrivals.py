"""Requests that were recorded one by one."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from autoscaler.core.columns import Floats
from autoscaler.simulator.laws import Law
from autoscaler.simulator.workload import Requests, Spacing, Workload

MOST_COPIES = 10_000

MOST_ROUNDS = 64
"""Repetitions within one window at most."""


@dataclass(frozen=True, eq=False)
class RecordedArrivals(Workload):
    """The recorded requests of one function, or several shifted copies of them, one over the other.

    A copy that is shifted begins anew at its end, so that none of its requests is lost. What copies keep is the day's
    pattern, within the shifts, and how bursts look within a copy; that bursts of different copies do not coincide
    makes the sum smoother than a real function of that rate is.

    Attributes:
        times_s: `(requests,) float64`, when each arrived, ascending, from 0 on and before `length_s`; may be a
            memory map.
        length_s: seconds that were recorded.
        durations_s: `(requests,) float64`, how long each was served, >= 0; None: not recorded.
        shifts_s: by how many seconds each copy is later.
        share: fraction of the last copy's requests that are kept, each by chance; above 0, at most 1.
        repeat: begin anew at the end; else nothing is known after it.

    Raises:
        ValueError: times or durations that are none.
    """

    times_s: Floats
    length_s: float
    durations_s: Floats | None = None
    shifts_s: tuple[float, ...] = (0.0,)
    share: float = 1.0
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
        if not 1 <= len(self.shifts_s) <= MOST_COPIES or not 0 < self.share <= 1:
            raise ValueError(
                f"{len(self.shifts_s)} copies and a share of {self.share!r}; 1 to {MOST_COPIES}, and 0 to 1"
            )

    def scaled(self, factor: float, spread_s: float, generator: np.random.Generator) -> "RecordedArrivals":
        """Give `factor` times as many requests by superposition: whole copies, and a share of one more.

        Args:
            factor: > 0.
            spread_s: copies are later by less than this, each by its own time; the first one not at all.
            generator: draws the shifts.

        Raises:
            ValueError: a factor that is none, or beyond the copies that are possible.
        """
        copies = int(np.ceil(factor)) if np.isfinite(factor) and 0 < factor <= MOST_COPIES else 0
        if not copies:
            raise ValueError(f"a factor of more than 0 and at most {MOST_COPIES}; it is {factor!r}")
        shifts_s = (0.0, *generator.uniform(0.0, spread_s, copies - 1).tolist())
        share = factor - (copies - 1)
        return RecordedArrivals(
            self.times_s, self.length_s, self.durations_s, shifts_s, share, self.repeat, self.arrivals
        )

    def shifted(self, by_s: float) -> "RecordedArrivals":
        """Give the same requests so much later; what so leaves the end comes back at the beginning."""
        shifts_s = tuple(float((shift_s + by_s) % self.length_s) for shift_s in self.shifts_s)
        return RecordedArrivals(
            self.times_s, self.length_s, self.durations_s, shifts_s, self.share, self.repeat, self.arrivals
        )

    @property
    def longest_window_s(self) -> float:
        return min(super().longest_window_s, MOST_ROUNDS * self.length_s) if self.repeat else super().longest_window_s

    def knots(self, start_s: float, end_s: float) -> Floats:
        return np.array([start_s, end_s])

    def cumulative(self, times_s: Floats) -> Floats:
        counts: Floats = np.zeros(len(times_s))
        rounds, rest = np.divmod(times_s, self.length_s) if self.repeat else (np.zeros(len(times_s)), times_s)
        inside = np.clip(rest, 0.0, self.length_s)
        for copy, shift_s in enumerate(self.shifts_s):
            before = np.searchsorted(self.times_s, self.length_s - shift_s)  # those that stay in this round
            wrapped = np.searchsorted(self.times_s, inside + self.length_s - shift_s) - before if shift_s else 0
            straight = np.searchsorted(self.times_s, inside - shift_s)
            counts += (wrapped + straight + rounds * len(self.times_s)) * self._share_of(copy)
        return counts

    def between(self, start_s: float, end_s: float, generator: np.random.Generator) -> Floats:
        return self._chosen(start_s, end_s, generator)[0]

    def requests(
        self, start_s: float, end_s: float, generator: np.random.Generator, law: Law, services: np.random.Generator
    ) -> Requests:
        times_s, places = self._chosen(start_s, end_s, generator)
        if self.durations_s is None:
            return Requests(times_s, law.draw(len(times_s), services))
        return Requests(times_s, np.asarray(self.durations_s[places], dtype=np.float64))

    def gaps(self, end_s: float) -> Floats:
        return np.empty((0, 2)) if self.repeat or end_s <= self.length_s else np.array([[self.length_s, end_s]])

    def _share_of(self, copy: int) -> float:
        return self.share if copy == len(self.shifts_s) - 1 else 1.0

    def _chosen(self, start_s: float, end_s: float, generator: np.random.Generator) -> tuple[Floats, np.ndarray]:
        """Give times and places of the requests in [start, end), in the order of their arrival."""
        times, places = [np.empty(0)], [np.empty(0, np.int64)]
        for copy, shift_s in enumerate(self.shifts_s):
            for first, last, later_s in self._slices(start_s, end_s, shift_s):
                found = np.arange(first, last)
                if self._share_of(copy) < 1:
                    found = found[generator.random(len(found)) < self.share]
                times.append(np.asarray(self.times_s[found], dtype=np.float64) + later_s)
                places.append(found)
        times_s, of = np.concatenate(times), np.concatenate(places)
        if len(times) > 2:
            order = np.argsort(times_s, kind="stable")
            times_s, of = times_s[order], of[order]
        return np.clip(times_s, start_s, np.nextafter(end_s, start_s)), of

    def _slices(self, start_s: float, end_s: float, shift_s: float) -> Iterator[tuple[int, int, float]]:
        """Give the stretches of a copy's requests within [start, end): from, to, and how much later they arrive.

        A copy is cut where it begins anew: what was recorded last comes first in each round.
        """
        length_s = self.length_s
        rounds = range(int(start_s // length_s), int(np.ceil(end_s / length_s))) if self.repeat else (0,)
        pieces = ((0.0, shift_s, shift_s - length_s), (shift_s, length_s, shift_s))
        for begin_s in (number * length_s for number in rounds):
            for from_s, to_s, later_s in pieces:
                low_s, high_s = max(start_s - begin_s, from_s), min(end_s - begin_s, to_s)
                if high_s > low_s:
                    first, last = np.searchsorted(self.times_s, (low_s - later_s, high_s - later_s)).tolist()
                    yield first, last, begin_s + later_s
