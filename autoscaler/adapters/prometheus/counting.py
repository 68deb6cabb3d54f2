"""From raw samples of counters to requests by step: what was counted between two scrapes, and where nobody knows it.

As Prometheus's `increase`, a counter that goes back begins anew; unlike it, nothing is extrapolated, and a counter that a
scrape finds and the one before did not was born between the two, so its first value is an increase. Between scrapes that
are not next to each other nothing is known: what came meanwhile came at a time that nobody can say.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from autoscaler.adapters.prometheus.raw import Samples
from autoscaler.core.columns import Bools, Floats, Ints
from autoscaler.policy.finding import NOBODY

NEXT_WITHIN = 1.5
"""Scrape intervals within which a scrape is the next one after another: none was lost between them."""

BEGAN_WITHIN = 2.0
"""Scrape intervals before the first scrape of a target within which its process must have begun, for what its counters
say then to have come since: a target is found at once, and scraped within an interval of that."""

Target = tuple[str, str]
"""Job and instance of what is scraped."""

Place = Callable[[Mapping[str, str]], int]
"""Gives the row of a series by its labels; `NOBODY`: of no function; below that: of one of several."""


@dataclass(frozen=True, slots=True)
class Grid:
    """Steps of a span: one scrape interval each, or several where there would be too many.

    Attributes:
        start_s: its beginning, UTC seconds.
        interval_s: scrape interval.
        every: intervals of a step.
        steps: how many there are.
    """

    start_s: float
    interval_s: float
    every: int
    steps: int

    def phase(self, times_s: Floats) -> float:
        """Give how long after the ends of intervals scrapes are on average, in intervals: -0.5 to 0.5."""
        turns = np.exp(2j * np.pi * (times_s - self.start_s) / self.interval_s)
        return float(np.angle(turns.mean()) / (2 * np.pi))

    def intervals(self, times_s: Floats, phase: float) -> Ints:
        """Give the interval that each scrape ends; below 0 before the span.

        A target's scrapes are anywhere in intervals, so that what it counted is moved by half of one at most: each count
        stays whole, where sharing it between two would make bursts smaller.
        """
        return np.rint((times_s - self.start_s) / self.interval_s - phase).astype(np.int64) - 1


@dataclass(frozen=True, slots=True, eq=False)
class _Scrapes:
    """The scrapes of one target within a stretch, `(scrapes,)` each.

    Attributes:
        phase: as `Grid.phase`.
        times_s: when.
        follows: whether the target answered, and had answered at the scrape right before.
        is_new: whether its process began so shortly before that all it has counted came since.
    """

    phase: float
    times_s: Floats
    follows: Bools
    is_new: Bools

    def places(self, times_s: Floats) -> Ints:
        """Give which scrape each sample is of."""
        return np.clip(np.searchsorted(self.times_s, times_s - 1e-3), 0, len(self.times_s) - 1)


@dataclass(frozen=True, slots=True)
class Seen:
    """How the series of a stretch are told apart, by the names that they were asked for under.

    Attributes:
        up: whether targets answered.
        counter: requests.
        gauges: what requests in flight are the sum of, with a factor each; none: they are not known.
        starts: when processes began, UTC seconds.
        uptimes: how long they run, seconds.
    """

    up: str
    counter: str
    gauges: Mapping[str, float]
    starts: Sequence[str]
    uptimes: Sequence[str]


class Counting:
    """Counts the requests that one gateway saw, from stretches in the order of time.

    Args:
        grid: the steps.
        rows: how many functions there are.
        place: whose a series is.
        seen: what stretches hold.
        is_per_pod: whether targets are functions' own pods: what is not known of one then concerns its function alone.
    """

    def __init__(self, grid: Grid, rows: int, place: Place, seen: Seen, is_per_pod: bool) -> None:
        self.unclear: set[int] = set()
        self._grid = grid
        self._place = place
        self._seen = seen
        self._is_per_pod = is_per_pod
        self._requests = np.zeros((rows, grid.steps))
        self._in_flight = np.zeros((rows, grid.steps))
        self._is_missing = np.zeros((rows, grid.steps), dtype=np.bool_)
        self._is_scraped = np.zeros(grid.steps * grid.every, dtype=np.bool_)
        self._phases: dict[Target, float] = {}
        self._scraped: dict[Target, tuple[float, bool]] = {}
        self._counted: dict[_Labels, tuple[float, float]] = {}
        self._looked: dict[_Labels, int] = {}

    def take(self, found: Mapping[str, Sequence[Samples]]) -> None:
        """Count one stretch more."""
        began_s = self._began(found)
        scrapes = {}
        for one in found[self._seen.up]:
            target = _target(one)
            scrapes[target] = self._scrapes(target, one, began_s.get(target))
            self._note(one, target, scrapes[target])
        for one in found[self._seen.counter]:
            if _target(one) in scrapes:
                self._count(one, scrapes[_target(one)])
        for name, factor in self._seen.gauges.items():
            for one in found[name]:
                if _target(one) in scrapes:
                    self._look(name, factor, one, scrapes[_target(one)])

    def finished(self, is_alive: Bools | None = None) -> tuple[Floats, Floats | None]:
        """Give requests by step and those in flight at the end of each, `(rows, steps) float64`; nan: not known.

        Args:
            is_alive: `(intervals,) bool`, where something was scraped: of functions at zero there is no target of their
                own. None: the gateway's targets tell it.
        """
        is_scraped = (self._is_scraped if is_alive is None else is_alive).reshape(-1, self._grid.every).all(axis=1)
        known = ~self._is_missing & is_scraped
        requests = np.where(known, self._requests, np.nan)
        if not self._seen.gauges:
            return requests, None
        return requests, np.where(known & (self._in_flight > -1e-9), self._in_flight, np.nan)

    def _began(self, found: Mapping[str, Sequence[Samples]]) -> dict[Target, list[Samples]]:
        """Give when processes began, by target: each sample's value is a time."""
        result: dict[Target, list[Samples]] = {}
        for name in self._seen.starts:
            for one in found[name]:
                result.setdefault(_target(one), []).append(one)
        for name in self._seen.uptimes:
            for one in found[name]:
                began = Samples(one.labels, one.times_s, one.times_s - one.values)
                result.setdefault(_target(one), []).append(began)
        return result

    def _scrapes(self, target: Target, up: Samples, began: Sequence[Samples] | None) -> _Scrapes:
        grid = self._grid
        phase = self._phases.setdefault(target, grid.phase(up.times_s))
        before_s, was_up = self._scraped.get(target, (-np.inf, False))
        times_s, is_up = np.append(before_s, up.times_s), np.append(was_up, up.values == 1)
        follows = is_up[1:] & is_up[:-1] & (np.diff(times_s) <= NEXT_WITHIN * grid.interval_s)
        begun_s = np.full(len(up.times_s), -np.inf)
        for one in began or ():
            places = np.searchsorted(one.times_s, up.times_s + 1e-3) - 1
            begun_s = np.maximum(begun_s, np.where(places >= 0, one.values[np.maximum(places, 0)], -np.inf))
        is_new = is_up[1:] & (up.times_s - begun_s <= BEGAN_WITHIN * grid.interval_s)
        return _Scrapes(phase, up.times_s, follows, is_new)

    def _note(self, up: Samples, target: Target, scrapes: _Scrapes) -> None:
        """Note which intervals the scrapes of a target cover, and which they should and do not."""
        grid = self._grid
        ends = grid.intervals(up.times_s, scrapes.phase)
        is_whole = scrapes.follows | scrapes.is_new
        inside = is_whole & (ends >= 0) & (ends < len(self._is_scraped))
        self._is_scraped[ends[inside]] = True
        row = self._place(up.labels) if self._is_per_pod else None
        before = self._scraped.get(target)
        last = None if before is None else int(grid.intervals(np.array([before[0]]), scrapes.phase)[0])
        previous = np.append(ends[0] - 1 if last is None else last, ends[:-1])
        for place in np.flatnonzero(~scrapes.follows).tolist():
            # Where a process is new, its target was gone until then: what the old one still counted is all that is lost.
            to = min(previous[place] + 1, ends[place] - 1) if scrapes.is_new[place] else ends[place]
            self._miss(row, int(previous[place]) + 1, int(to))
        self._scraped[target] = (float(up.times_s[-1]), bool(up.values[-1] == 1))

    def _miss(self, row: int | None, first: int, last: int) -> None:
        """Note that requests of some intervals, both included, are not known; of a row, or (None) of all."""
        if last < max(first, 0) or (row is not None and row < 0):
            return
        steps = slice(max(first, 0) // self._grid.every, last // self._grid.every + 1)
        self._is_missing[slice(None) if row is None else row, steps] = True

    def _count(self, one: Samples, scrapes: _Scrapes) -> None:
        row = self._row(one.labels)
        if row is None:
            return
        name = frozenset(one.labels.items())
        before_s, before = self._counted.get(name, (-np.inf, 0.0))
        self._counted[name] = (float(one.times_s[-1]), float(one.values[-1]))
        earlier = np.append(before, one.values[:-1])
        goes_on = np.diff(np.append(before_s, one.times_s)) <= NEXT_WITHIN * self._grid.interval_s
        places = scrapes.places(one.times_s)
        is_born = ~goes_on & (scrapes.follows | scrapes.is_new)[places]
        is_back = is_born & ~scrapes.is_new[places] & (earlier > 0) & (one.values >= earlier)
        more = np.where(one.values < earlier, one.values, one.values - earlier)
        counted = np.where(goes_on, more, np.where(is_born, one.values, 0.0))
        ends = self._grid.intervals(one.times_s, scrapes.phase)
        inside = (ends >= 0) & (ends < len(self._is_scraped))
        np.add.at(self._requests[row], ends[inside] // self._grid.every, counted[inside])
        for end in ends[is_back].tolist():
            self._miss(row, end, end)

    def _look(self, name: str, factor: float, one: Samples, scrapes: _Scrapes) -> None:
        """Add what a gauge says at the last scrape of each step."""
        row = self._row(one.labels)
        if row is None:
            return
        key = frozenset([*one.labels.items(), ("", name)])
        ends = self._grid.intervals(one.times_s, scrapes.phase)
        is_first = np.diff(np.append(self._looked.get(key, -1), ends)) > 0  # scrapes may be denser than was thought
        self._looked[key] = int(ends[-1])
        every = self._grid.every
        inside = is_first & (ends >= 0) & (ends < len(self._is_scraped)) & (ends % every == every - 1)
        np.add.at(self._in_flight[row], ends[inside] // every, factor * one.values[inside])

    def _row(self, labels: Mapping[str, str]) -> int | None:
        place = self._place(labels)
        if place < NOBODY:
            self.unclear.add(place)
        return None if place < 0 else place


_Labels = frozenset[tuple[str, str]]


def _target(one: Samples) -> Target:
    return one.labels.get("job", ""), one.labels.get("instance", "")
