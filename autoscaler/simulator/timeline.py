"""What a run looked like over time: streamed from its ticks, in memory that does not grow with it.

Of every point the mean over its ticks and the highest of them are kept.
"""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

from autoscaler.core.columns import Floats, Ints
from autoscaler.core.decisions import Decisions
from autoscaler.core.fleet import Fleet
from autoscaler.core.observation import Observation
from autoscaler.core.reasons import Reason
from autoscaler.core.stages import Stage
from autoscaler.simulator.lines import MOST_NUMBERS, MOST_POINTS, Lines
from autoscaler.simulator.platform import Platform
from autoscaler.simulator.statistics import FunctionStatistics, together

Numbers = NDArray[np.floating]
"""Of whichever width: half the memory where a picture is all that is made of them."""

LIMITS = (
    Reason.BUDGET,
    Reason.CONCURRENCY_BUDGET,
    Reason.POOL,
    Reason.RECLAIM,
    Reason.MAX_REPLICAS,
    Reason.CONCURRENCY_CAP,
    Reason.SCHEDULE_CEILING,
)
"""What can leave a function with fewer replicas than its demand and its floors ask for."""

_PLACE = {reason: place for place, reason in enumerate(LIMITS)}
_KEPT_TAILS = 72
"""Points of a distribution of waits: twelve a decade, down to one request in a million."""


class Quantity(IntEnum):
    """What is followed: the columns of a line."""

    LOAD = 0
    COLD = 1
    REFUSED = 2
    IN_FLIGHT = 3
    QUEUED = 4
    REQUESTED = 5
    READY = 6
    WANTED = 7


_COUNTED = (Quantity.LOAD, Quantity.COLD, Quantity.REFUSED)
"""Rates: what a platform counts up, over the time since the last tick."""


@dataclass(frozen=True, slots=True, eq=False)
class Line:
    """One function, one tenant, or all, over time.

    `LOAD`, `COLD` and `REFUSED` are requests/s, `IN_FLIGHT` and `QUEUED` are requests, the others replicas; `COLD` came while no
    replica was ready, `QUEUED` wait for a place, and `WANTED` is what demand and floors ask for, before limits and budgets.

    Attributes:
        name: the tenant, or `namespace/name`; None: of functions that no tenant claims.
        at_s: `(points,) float64`, virtual seconds at which each point begins.
        mean: `(points, quantities) float32`.
        most: likewise, the highest of any tick; where functions were summed afterwards, their highest mean.
        short: `(points, limits) float32`, mean replicas that each of `LIMITS` took off. Of a single function only their sum
            is kept, and stands with the one that took most off at once.
    """

    name: str | None
    at_s: Floats
    mean: Numbers
    most: Numbers
    short: Numbers

    def thinned(self, points: int) -> "Line":
        """Give it with at most so many points, neighbours merged."""
        each = -(-len(self.at_s) // points)
        if each <= 1:
            return self
        starts = np.arange(0, len(self.at_s), each)
        counts = np.diff(np.append(starts, len(self.at_s)))[:, None].astype(np.float32)
        return Line(
            self.name,
            self.at_s[starts],
            np.add.reduceat(self.mean, starts) / counts,
            np.maximum.reduceat(self.most, starts),
            np.add.reduceat(self.short, starts) / counts,
        )


@dataclass(frozen=True, slots=True, eq=False)
class Waits:
    """How long requests waited.

    Attributes:
        name: the tenant; None: of functions that no tenant claims.
        requests: how many there were.
        longer: `(points,) float64`, fractions of all requests, descending from 1.
        wait_s: `(points,) float64`, seconds that this fraction of the requests waited or more.
    """

    name: str | None
    requests: int
    longer: Floats
    wait_s: Floats


class Timeline:
    """Follows a run: hand `watch` to `simulate`, and ask for lines when it is over."""

    def __init__(self, points: int = MOST_POINTS, numbers: int = MOST_NUMBERS) -> None:
        """Begin before the first tick.

        Args:
            points: most points of a line.
            numbers: most numbers kept of all functions' lines, and as many of all tenants'.
        """
        self._points, self._numbers = points, numbers
        self._platform: Platform | None = None

    def watch(self, at_s: float, _observation: Observation, decisions: Decisions, platform: Platform) -> None:
        """Take a full tick in."""
        if self._platform is None:
            self._begin(decisions.fleet, platform)
        quantities = self._quantities(at_s, decisions, platform)
        of_function, of_tenant = self._shorts(decisions)
        tenants = np.vstack([self._by_tenant(quantities), of_tenant])
        self._functions.add(at_s, np.vstack([quantities, of_function], dtype=np.float32))
        self._tenants.add(at_s, tenants.astype(np.float32))
        self._all.add(at_s, tenants.sum(axis=1, keepdims=True, dtype=np.float64).astype(np.float32))

    @property
    def is_empty(self) -> bool:
        """Whether there was no tick."""
        return self._platform is None

    def whole(self) -> Line:
        """Give everything together; its name is empty.

        Raises:
            ValueError: there was no tick.
        """
        return self._line("", self._begun()._all, 0)

    def tenants(self) -> Iterator[Line]:
        """Give every tenant that has functions, by name; what no tenant claims comes last."""
        if self._platform is not None:
            for row in np.unique(self._tenant).tolist():
                yield self._line(self._names[row], self._tenants, row)

    def functions(self, most: int) -> tuple[list[Line], Line | None]:
        """Give the functions with the highest mean load, ties by name, and what is left summed; None: nothing is.

        Args:
            most: how many at most.
        """
        if self._platform is None:
            return [], None
        mean = self._functions.mean
        order = np.argsort(-mean[:, Quantity.LOAD].sum(axis=0), kind="stable")
        named = [self._function_line(row, mean) for row in sorted(order[:most].tolist())]
        rest = order[most:]
        if not rest.size:
            return named, None
        sums = mean[:, : len(Quantity), rest].sum(axis=2)
        short = np.zeros((len(mean), len(LIMITS)), np.float32)
        for row in rest.tolist():
            short += self._function_short(row, mean)
        return named, Line(f"{len(rest)} others", self._functions.at_s, sums, sums, short)

    def waits(self) -> Iterator[Waits]:
        """Give how long requests waited: of all (its name is empty), then by tenant as above."""
        if self._platform is None:
            return
        parts: dict[int, list[FunctionStatistics]] = defaultdict(list)
        row_of = dict(zip(self._keys, self._tenant.tolist(), strict=True))
        for key, statistics in self._platform.all_statistics():
            parts[row_of[key]].append(statistics)
        yield _waits("", together([part for row in sorted(parts) for part in parts[row]]))
        for row in sorted(parts):
            yield _waits(self._names[row], together(parts[row]))

    def _begin(self, fleet: Fleet, platform: Platform) -> None:
        """Learn who is there; a run never changes its functions."""
        self._platform, self._keys = platform, platform.keys
        self._names: tuple[str | None, ...] = (*fleet.tenants, None)
        tenants = [fleet.row_of.get(key) for key in self._keys]
        self._tenant: Ints = np.array(
            [len(fleet.tenants) if row is None else int(fleet.tenant[row]) for row in tenants], dtype=np.int64
        )
        self._stretches: Ints = np.flatnonzero(np.diff(self._tenant, prepend=-1))
        row_of = {key: row for row, key in enumerate(self._keys)}
        self._rows: Ints = np.array([row_of[key] for key in fleet.keys], dtype=np.int64)
        self._functions = Lines(len(Quantity) + 2, len(self._keys), self._points, self._numbers)
        series = len(Quantity) + len(LIMITS)
        self._tenants = Lines(series, len(self._names), self._points, self._numbers)
        self._all = Lines(series, 1, self._points, self._numbers)
        self._at_s = 0.0
        self._counts: Floats = np.zeros((len(_COUNTED), len(self._keys)))

    def _begun(self) -> "Timeline":
        if self._platform is None:
            raise ValueError("no tick was watched")
        return self

    def _quantities(self, at_s: float, decisions: Decisions, platform: Platform) -> Floats:
        """Give `(quantities, functions)` of a tick."""
        requested, started = platform.requested_column(), platform.started_column()
        counts = np.array([started, platform.cold_column(), platform.refused_column()])
        passed_s = at_s - self._at_s
        wanted = requested.copy()
        wanted[self._rows] = 0.0  # of a row at rest, which nobody decided
        wanted[self._rows[decisions.rows]] = wanted_before_limits(decisions)
        result = np.empty((len(Quantity), len(self._keys)))
        result[list(_COUNTED)] = (counts - self._counts) / passed_s if passed_s > 0 else 0.0
        result[Quantity.IN_FLIGHT] = started - platform.finished_column()
        result[Quantity.QUEUED] = platform.queued_column()
        result[Quantity.REQUESTED] = requested
        result[Quantity.READY] = platform.ready_column()
        result[Quantity.WANTED] = wanted
        self._at_s, self._counts = at_s, counts
        return result

    def _shorts(self, decisions: Decisions) -> tuple[Floats, Floats]:
        """Give what limits took off.

        Returns:
            `(2, functions)`: replicas, and which limit took most, with how many, as one number; `(limits, tenants)`.
        """
        of_function = np.zeros((2, len(self._keys)))
        of_tenant = np.zeros((len(LIMITS), len(self._names)))
        for place, positions, short in taken_off(decisions):
            rows = self._rows[decisions.rows[positions]]
            of_function[0, rows] += short
            of_function[1, rows] = np.maximum(of_function[1, rows], _packed(short, place))
            of_tenant[place] += np.bincount(self._tenant[rows], weights=short, minlength=len(self._names))
        return of_function, of_tenant

    def _by_tenant(self, quantities: Floats) -> Floats:
        """Sum functions up; they are sorted by namespace, so that a tenant's are few stretches."""
        stretches = np.add.reduceat(quantities, self._stretches, axis=1)
        tenant, tenants = self._tenant[self._stretches], len(self._names)
        return np.array([np.bincount(tenant, weights=row, minlength=tenants) for row in stretches])

    def _line(self, name: str | None, lines: Lines, row: int) -> Line:
        mean, most = lines.mean[:, :, row], lines.most[:, :, row]
        kept = len(Quantity)
        return Line(name, lines.at_s, mean[:, :kept], most[:, :kept], mean[:, kept:])

    def _function_line(self, row: int, mean: Numbers) -> Line:
        kept = len(Quantity)
        short = self._function_short(row, mean)
        return Line(
            str(self._keys[row]), self._functions.at_s, mean[:, :kept, row], self._functions.most[:, :kept, row], short
        )

    def _function_short(self, row: int, mean: Numbers) -> Numbers:
        place = _unpacked(self._functions.most[:, len(Quantity) + 1, row])
        short = np.zeros((len(mean), len(LIMITS)), np.float32)
        is_short = np.flatnonzero(place >= 0)
        short[is_short, place[is_short]] = mean[is_short, len(Quantity), row]
        return short


def wanted_before_limits(decisions: Decisions) -> Floats:
    """Give `(decided,) float64`, the replicas that demand and floors came to, before limits and budgets."""
    wanted = decisions.desired.copy()
    for change in reversed(decisions.applied):
        if change.stage < Stage.LIMITS:
            break
        wanted[change.rows] = change.before
    return wanted


def taken_off(decisions: Decisions) -> Iterator[tuple[int, Ints, Floats]]:
    """Give what each limit took off, last first: its place in `LIMITS`, positions within the decided rows, replicas > 0."""
    after = decisions.desired.copy()
    for change in reversed(decisions.applied):
        if change.stage < Stage.LIMITS:
            break
        short = change.before - after[change.rows]
        after[change.rows] = change.before
        place = _PLACE.get(change.reason)
        is_short = short > 0
        if place is not None and is_short.any():
            yield place, change.rows[is_short], short[is_short]


def _packed(short: Floats, place: int) -> Floats:
    """Put a shortage and its limit into one number whose highest is the highest shortage's."""
    result: Floats = np.rint(short) * (len(LIMITS) + 1) + place + 1
    return result


def _unpacked(packed: Numbers) -> Ints:
    """Give the place of the limit; -1: there was none."""
    result: Ints = packed.astype(np.int64) % (len(LIMITS) + 1) - 1
    return result


def _waits(name: str | None, part: FunctionStatistics) -> Waits:
    longer = [10.0 ** (-place / 12) for place in range(_KEPT_TAILS + 1)]
    kept = [fraction for fraction in longer if fraction * part.requests >= 1]
    found = [part.wait_quantile_s(1.0 - fraction) or 0.0 for fraction in kept]
    return Waits(name, part.requests, np.array(kept), np.array(found))
