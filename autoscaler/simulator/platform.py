"""A simulated platform in virtual time: requests, replicas that take a while to start, queues.

Functions share nothing here but the clock: what one does to another (budgets, caps) is the controller's
doing. So each is advanced by itself, which needs no common event heap, and the outcome depends neither
on the order of functions nor on the steps in which time is advanced.
"""

from bisect import bisect
from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise

import numpy as np

from autoscaler.core.columns import Bools, Codes, Floats, true_at
from autoscaler.core.decisions import Decisions
from autoscaler.core.events import Event
from autoscaler.core.fleet import FunctionKey
from autoscaler.core.obstacles import Obstacle
from autoscaler.simulator.function import FunctionSpec, SimulatedFunctions
from autoscaler.simulator.held import HoldRule
from autoscaler.simulator.kernels.state import Column
from autoscaler.simulator.laws import Law
from autoscaler.simulator.request_stream import RequestStream
from autoscaler.simulator.statistics import FunctionStatistics
from autoscaler.simulator.workload import Workload

__all__ = ["FunctionSpec", "Platform"]


NO_OBSTACLE = np.uint8(Obstacle.NONE)


class Platform:
    """Functions under their workloads, from virtual second 0 on.

    Columns have the rows of `keys`, which are sorted.
    """

    def __init__(
        self,
        functions: Sequence[FunctionSpec],
        arrivals: Mapping[FunctionKey, Workload],
        generator: np.random.Generator,
        start_s: float | Law,
    ) -> None:
        """Set the functions up at second 0.

        Args:
            arrivals: workload by function; a function without one gets no requests of its own.
            generator: whose seed every function draws under, by its name: neither its neighbours nor what was drawn
                from the generator before make a difference.
            start_s: start-up seconds of a replica whose function says nothing else, or their law.

        Raises:
            ValueError: a time is negative, or a name is there twice.
        """
        if not isinstance(start_s, Law) and start_s < 0:
            raise ValueError(f"start_s {start_s!r}: at least 0 seconds are needed")
        self.now_s = 0.0
        specs = sorted(functions, key=lambda spec: spec.key)
        self._functions = SimulatedFunctions([(spec, arrivals.get(spec.key)) for spec in specs], generator, start_s)
        self._own_s = np.zeros(len(specs))
        self._index([spec.key for spec in specs])

    def _index(self, keys: Sequence[FunctionKey]) -> None:
        self._keys = tuple(keys)
        self._row_of = {key: row for row, key in enumerate(self._keys)}
        if len(self._row_of) < len(self._keys):
            raise ValueError(f"{next(one for one, other in pairwise(self._keys) if one == other)} is there already")

    @property
    def keys(self) -> tuple[FunctionKey, ...]:
        """The functions, sorted; another object whenever one was added or removed."""
        return self._keys

    def spec(self, key: FunctionKey) -> FunctionSpec:
        return self._functions.specs[self._row_of[key]]

    def row(self, key: FunctionKey) -> int:
        """Row of a function in all columns."""
        return self._row_of[key]

    def add(self, spec: FunctionSpec, workload: Workload | None = None) -> None:
        """Add a function now; its replicas are ready at once, its workload keeps the platform's clock.

        Raises:
            ValueError: there is one of this name.
        """
        if spec.key in self._row_of:
            raise ValueError(f"{spec.key} is there already")
        row = bisect(self._keys, spec.key)
        self._functions.insert(row, spec, workload, self.now_s)
        self._own_s = np.insert(self._own_s, row, self.now_s)
        self._index([*self._keys[:row], spec.key, *self._keys[row:]])

    def remove(self, key: FunctionKey) -> None:
        """Remove a function with its requests and statistics.

        Raises:
            KeyError: there is none of this name.
        """
        row = self._row_of[key]
        self._functions.delete(row)
        self._own_s = np.delete(self._own_s, row)
        self._index([*self._keys[:row], *self._keys[row + 1 :]])

    def advance(self, until_s: float) -> None:
        """Let everything up to and with `until_s` happen; an earlier time does nothing."""
        if until_s < self.now_s:
            return
        due = true_at(self._column(Column.NEXT) <= until_s)
        self._functions.advance(due, float(until_s))
        self.now_s = until_s

    def advance_one(self, key: FunctionKey, until_s: float) -> None:
        """Let everything up to and with `until_s` happen to one function; the others stay behind.

        Between two moments at which all are advanced, one may be scaled alone: functions share nothing.
        """
        row = self._row_of[key]
        if until_s >= self._now_s(row):
            self._functions.advance(np.array([row]), float(until_s))
            self._own_s[row] = until_s

    def next_asleep_arrival(self, until_s: float, among: Bools | None = None) -> tuple[float, FunctionKey] | None:
        """Find the first request, from now up to `until_s`, that meets a function with nothing requested.

        Nothing is advanced. This is when a gateway asks for a wake; ties go to the first name.

        Args:
            among: `(functions,) bool`, rows of `keys` that are looked at; None: all.
        """
        is_asleep = (self._column(Column.REQUESTED) == 0) & (self._column(Column.ARRIVAL) <= until_s)
        rows = true_at(is_asleep if among is None else is_asleep & among)
        if not len(rows):
            return None
        for row in rows[self._functions.is_used_up(rows)].tolist():
            self._functions.look_ahead(row, until_s)
        arrivals_s = self._column(Column.ARRIVAL)[rows]
        first = int(np.argmin(arrivals_s))
        return (float(arrivals_s[first]), self._keys[rows[first]]) if arrivals_s[first] <= until_s else None

    def foreseen(self, key: FunctionKey) -> RequestStream:
        """Give the very requests that a function meets, once more, from second 0 on: for who may look ahead."""
        return self._functions.foreseen(self._row_of[key])

    def hold_by(self, key: FunctionKey, rule: HoldRule) -> None:
        """Hold requests that find no ready replica as a policy says; where nobody says it they wait for ever."""
        self._functions.hold_by(self._row_of[key], rule)

    def decided(self, decisions: Decisions, events: Sequence[Event]) -> None:
        """Take in what a step made of the requests that are held, of every function that it was about."""
        keys = decisions.fleet.keys
        if decisions.is_tick:
            named = true_at(self._column(Column.WAITING)).tolist()
        else:
            named = [self._row_of[keys[row]] for row in decisions.rows.tolist()]
        for row in named:
            self._functions.decided(row, decisions, events, self._now_s(row))

    def scale(self, key: FunctionKey, replicas: int) -> None:
        """Ask for replicas now: new ones are ready after the start-up time, surplus ones take nothing more.

        Of a surplus the starting ones go first, newest first; busy ones finish what they serve.
        """
        row = self._row_of[key]
        self._functions.scale(row, replicas, self._now_s(row))

    def obstruct(self, key: FunctionKey, obstacle: Obstacle) -> None:
        """Put an obstacle in the way of replicas that are not ready, or take it away with `Obstacle.NONE`.

        A quota and full nodes keep further replicas from starting; `NOT_READY` (they crash) those too that start now.
        """
        row = self._row_of[key]
        self._functions.obstruct(row, obstacle, self._now_s(row))

    def enter(self, key: FunctionKey) -> None:
        """Count a request that somebody else carries (a real HTTP call) as started."""
        self._functions.carried_in(self._row_of[key])

    def leave(self, key: FunctionKey) -> None:
        """Count such a request as finished."""
        self._functions.carried_out(self._row_of[key])

    def requested(self, key: FunctionKey) -> int:
        return int(self._one(key)["requested"])

    def ready(self, key: FunctionKey) -> int:
        return int(self._one(key)["ready"])

    def obstacle(self, key: FunctionKey) -> Obstacle:
        """Why replicas are missing, as Kubernetes would say it."""
        return Obstacle(self._functions.obstacle(self._row_of[key]))

    def in_flight(self, key: FunctionKey) -> int:
        """Requests accepted and not finished, those that wait included."""
        return self.started(key) - self.finished(key)

    def waiting(self, key: FunctionKey) -> int:
        """Requests that wait while no replica is ready."""
        return 0 if self.ready(key) else self.queued(key)

    def queued(self, key: FunctionKey) -> int:
        """Requests that wait for a free place, for whatever reason."""
        return int(self._one(key)["queue"] + self._one(key)["held"])

    def started(self, key: FunctionKey) -> int:
        """Requests accepted since the start, as a gateway counts them."""
        return int(self._one(key)["started"])

    def finished(self, key: FunctionKey) -> int:
        """Requests answered since the start, refused ones included."""
        return int(self._one(key)["finished"])

    def requested_column(self) -> Floats:
        return self._column(Column.REQUESTED).copy()

    def ready_column(self) -> Floats:
        return self._column(Column.READY).copy()

    def waiting_column(self) -> Floats:
        return self._column(Column.WAITING).copy()

    def queued_column(self) -> Floats:
        """Requests that wait for a free place, for whatever reason."""
        return self._counts("queue") + self._counts("held")

    def started_column(self) -> Floats:
        return self._counts("started")

    def finished_column(self) -> Floats:
        return self._counts("finished")

    def refused_column(self) -> Floats:
        """Requests answered without being served, since the start."""
        return self._counts("refused")

    def cold_column(self) -> Floats:
        """Requests that came while no replica was ready, since the start."""
        return self._counts("cold")

    def obstacle_column(self) -> Codes:
        """Why replicas are missing, `Obstacle`, as Kubernetes would say it."""
        result = np.full(len(self._keys), NO_OBSTACLE)
        for row in true_at(self._column(Column.READY) < self._column(Column.REQUESTED)).tolist():
            result[row] = self._functions.obstacle(row)
        return result

    def statistics(self, key: FunctionKey) -> FunctionStatistics:
        """Give what happened to a function up to now."""
        row = self._row_of[key]
        return self._functions.statistics(row, self._now_s(row))

    def all_statistics(self) -> Iterator[tuple[FunctionKey, FunctionStatistics]]:
        """Give what happened to every function, in the order of `keys`."""
        for key in self._keys:
            yield key, self.statistics(key)

    def _now_s(self, row: int) -> float:
        """Give a function's time: one that was advanced by itself may be ahead of all."""
        return max(float(self.now_s), float(self._own_s[row]))

    def _one(self, key: FunctionKey) -> np.void:
        one: np.void = self._functions.rows[self._row_of[key]]
        return one

    def _column(self, column: Column) -> Floats:
        numbers: Floats = self._functions.columns[column]
        return numbers

    def _counts(self, name: str) -> Floats:
        return self._functions.rows[name].astype(np.float64)
