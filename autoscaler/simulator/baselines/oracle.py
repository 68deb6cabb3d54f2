"""Clairvoyant keep-or-drop: what no policy that starts on demand can beat, up to a tick.

An idle replica that is needed again within the break-even costs less than a cold start; any other costs more. Who knows
when it is needed decides right each time, at the very moment in which it goes idle. This bounds keep-alives: a policy that
also starts replicas ahead may have fewer cold starts, and where it guesses well it is cheaper too.
"""

from collections.abc import Callable
from typing import Protocol

import numpy as np

from autoscaler.core.columns import Floats, Ints
from autoscaler.core.fleet import Fleet
from autoscaler.core.observation import Observation
from autoscaler.core.reasons import Reason
from autoscaler.core.staged import Change
from autoscaler.core.stages import Stage
from autoscaler.core.trail import Trail
from autoscaler.simulator.baselines.deciding import Baseline, ceiling_of, within
from autoscaler.simulator.baselines.settings import Oracle
from autoscaler.simulator.baselines.watched import Watched
from autoscaler.simulator.workload import Requests


class Coming(Protocol):
    """The requests of a function, window by window; a `RequestStream` is one.

    Attributes:
        drawn_s: every request before it was given; inf: none ever comes.
    """

    drawn_s: float

    def draw(self) -> Requests: ...


class OracleBaseline(Baseline):
    """Scale on demand, and keep what will be needed again in time.

    Replicas are needed as if nobody ever waited: at each request as many as serve all that have come and not ended.

    Args:
        coming: gives the requests of a function by row, from the beginning.
    """

    def __init__(self, config: Oracle, fleet: Fleet, watched: Watched, coming: Callable[[int], Coming]) -> None:
        super().__init__(fleet, watched)
        self._break_even_s = config.break_even
        self._coming = coming
        self._futures: dict[int, Future] = {}
        self._kept: Floats = np.zeros(len(fleet))
        self._until_s: Floats = np.full(len(fleet), -np.inf)  # until when that stands

    def decide(self, now_s: float, observation: Observation) -> Trail:
        needed, current = self.watched.use().needed, observation.requested
        is_spare = current > needed
        for row in np.flatnonzero(is_spare & ((now_s >= self._until_s) | (self._kept > current))).tolist():
            self._look(row, now_s, float(current[row]))
        trail = Trail(needed.copy(), Reason.DEMAND)
        kept = np.minimum(self._kept, current)
        rows = np.flatnonzero(is_spare & (kept > needed))
        trail.apply(Stage.GUARDS, Change(rows, kept[rows], Reason.DELAY))
        rows = np.flatnonzero(trail.replicas == 0)
        trail.apply(Stage.IDLE, Change(rows, np.zeros(len(rows)), Reason.ZERO_IDLE))
        within(trail, observation.fleet.rules.min_replicas, ceiling_of(observation.fleet.rules))
        return trail

    def woken(self, _now_s: float, rows: Ints, waiting: Floats) -> Floats:
        needed = self.watched.needed_for(rows, waiting)
        result: Floats = np.minimum(needed, ceiling_of(self.fleet.rules)[rows])
        return result

    def _look(self, row: int, now_s: float, current: float) -> None:
        """Look ahead for one function: what is needed of it in time, and when."""
        future = self._futures.get(row)
        if future is None:
            future = self._futures[row] = Future(self._coming(row), float(self.watched.limits[row]))
        self._kept[row], self._until_s[row] = future.needed_within(now_s, self._break_even_s, current)


class Future:
    """What is yet to come of one function.

    Args:
        coming: its requests.
        limit: requests that one replica serves at once.
    """

    def __init__(self, coming: Coming, limit: float) -> None:
        self._coming, self._limit = coming, limit
        self._times_s: Floats = np.empty(0)
        self._ends_s: Floats = np.empty(0)
        self._needed: Floats = np.empty(0)

    def needed_within(self, now_s: float, stretch_s: float, enough: float) -> tuple[float, float]:
        """Give the most replicas that are needed within a stretch from now on, and until when that answer stands.

        Args:
            now_s: not before that of the last call.
            stretch_s: how far to look, seconds; the end is within.
            enough: more than so many need not be looked for.

        Returns:
            Replicas, `enough` at most; and the moment of the first request that needs so many: then they are needed, and it
            is to be asked anew. Where none comes in time, the moment after which one may.
        """
        self._draw(now_s, now_s + stretch_s)
        first, last = np.searchsorted(self._times_s, (now_s, now_s + stretch_s), side="right").tolist()
        if first == last:
            following = self._times_s[last] if last < len(self._times_s) else self._coming.drawn_s
            return 0.0, float(following) - stretch_s
        needed = np.minimum(self._needed[first:last], enough)
        at = int(needed.argmax())
        return float(needed[at]), float(self._times_s[first + at])

    def _draw(self, now_s: float, until_s: float) -> None:
        """Draw up to a moment, and forget what has ended."""
        if self._coming.drawn_s > until_s:
            return
        is_open = self._ends_s > now_s
        times_s, ends_s = [self._times_s[is_open]], [self._ends_s[is_open]]
        while self._coming.drawn_s <= until_s:
            window = self._coming.draw()
            times_s.append(window.times_s)
            ends_s.append(window.times_s + window.service_s)
        self._times_s, self._ends_s = np.concatenate(times_s), np.concatenate(ends_s)
        ended = np.searchsorted(np.sort(self._ends_s), self._times_s, side="right")
        in_flight = np.arange(1, len(self._times_s) + 1) - ended
        self._needed = np.maximum(np.ceil(in_flight / self._limit), 1.0)
