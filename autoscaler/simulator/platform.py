"""A simulated platform in virtual time: requests, replicas that take a while to start, queues.

Functions share nothing here but the clock: what one does to another (budgets, caps) is the controller's
doing. So each is advanced by itself, which needs no common event heap, and the outcome depends neither
on the order of functions nor on the steps in which time is advanced.
"""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence

import numpy as np

from autoscaler.core.columns import Codes, Floats
from autoscaler.core.decisions import Decisions
from autoscaler.core.events import Event
from autoscaler.core.fleet import FunctionKey
from autoscaler.core.obstacles import Obstacle
from autoscaler.simulator.function import FunctionSpec, SimulatedFunction
from autoscaler.simulator.held import HoldRule
from autoscaler.simulator.statistics import FunctionStatistics
from autoscaler.simulator.workload import Workload

__all__ = ["FunctionSpec", "Platform"]


class Platform:
    """Functions under their workloads, from virtual second 0 on.

    Columns have the rows of `keys`, which are sorted.
    """

    def __init__(
        self,
        functions: Sequence[FunctionSpec],
        arrivals: Mapping[FunctionKey, Workload],
        generator: np.random.Generator,
        start_s: float,
    ) -> None:
        """Set the functions up at second 0.

        Args:
            arrivals: workload by function; a function without one gets no requests of its own.
            generator: every function draws from children of it, spawned in the order of `functions`.
            start_s: start-up seconds of a replica whose function says nothing else.
        """
        if start_s < 0:
            raise ValueError(f"start_s {start_s!r}: at least 0 seconds are needed")
        self.now_s = 0.0
        self._generator = generator
        self._start_s = start_s
        self._functions: dict[FunctionKey, SimulatedFunction] = {}
        self._keys: tuple[FunctionKey, ...] = ()
        for spec in functions:
            self.add(spec, arrivals.get(spec.key))

    @property
    def keys(self) -> tuple[FunctionKey, ...]:
        """The functions, sorted; another object whenever one was added or removed."""
        return self._keys

    def spec(self, key: FunctionKey) -> FunctionSpec:
        return self._functions[key].spec

    def add(self, spec: FunctionSpec, workload: Workload | None = None) -> None:
        """Add a function now; its replicas are ready at once, its workload keeps the platform's clock.

        Raises:
            ValueError: there is one of this name.
        """
        if spec.key in self._functions:
            raise ValueError(f"{spec.key} is there already")
        start_s = self._start_s if spec.start_s is None else spec.start_s
        self._functions[spec.key] = SimulatedFunction(spec, workload, self._generator.spawn(1)[0], start_s, self.now_s)
        self._keys = tuple(sorted(self._functions))

    def remove(self, key: FunctionKey) -> None:
        """Remove a function with its requests and statistics.

        Raises:
            KeyError: there is none of this name.
        """
        del self._functions[key]
        self._keys = tuple(sorted(self._functions))

    def advance(self, until_s: float) -> None:
        """Let everything up to and with `until_s` happen; an earlier time does nothing."""
        if until_s < self.now_s:
            return
        for function in self._functions.values():
            if until_s >= function.now_s:
                function.advance(until_s)
        self.now_s = until_s

    def advance_one(self, key: FunctionKey, until_s: float) -> None:
        """Let everything up to and with `until_s` happen to one function; the others stay behind.

        Between two moments at which all are advanced, one may be scaled alone: functions share nothing.
        """
        function = self._functions[key]
        if until_s >= function.now_s:
            function.advance(until_s)

    def next_asleep_arrival(
        self, until_s: float, among: Collection[FunctionKey] | None = None
    ) -> tuple[float, FunctionKey] | None:
        """Find the first request, from now up to `until_s`, that meets a function with nothing requested.

        Nothing is advanced. This is when a gateway asks for a wake; ties go to the first name.

        Args:
            among: functions looked at; None: all.
        """
        first: tuple[float, FunctionKey] | None = None
        for key in self._functions if among is None else among:
            function = self._functions[key]
            if function.requested == 0:
                at_s = function.next_arrival_s(until_s if first is None else first[0])
                if at_s is not None and (first is None or (at_s, key) < first):
                    first = (at_s, key)
        return first

    def hold_by(self, key: FunctionKey, rule: HoldRule) -> None:
        """Hold requests that find no ready replica as a policy says; where nobody says it they wait for ever."""
        self._functions[key].hold_by(rule)

    def decided(self, decisions: Decisions, events: Sequence[Event]) -> None:
        """Take in what a step made of the requests that are held, of every function that it was about."""
        keys = decisions.fleet.keys
        named = self._functions if decisions.is_tick else [keys[row] for row in decisions.rows.tolist()]
        for key in named:
            if self._functions[key].held:
                self._functions[key].decided(decisions, events)

    def scale(self, key: FunctionKey, replicas: int) -> None:
        """Ask for replicas now: new ones are ready after the start-up time, surplus ones take nothing more.

        Of a surplus the starting ones go first, newest first; busy ones finish what they serve.
        """
        self._functions[key].scale(replicas)

    def obstruct(self, key: FunctionKey, obstacle: Obstacle) -> None:
        """Put an obstacle in the way of replicas that are not ready, or take it away with `Obstacle.NONE`.

        A quota and full nodes keep further replicas from starting; `NOT_READY` (they crash) those too that start now.
        """
        self._functions[key].obstruct(obstacle)

    def enter(self, key: FunctionKey) -> None:
        """Count a request that somebody else carries (a real HTTP call) as started."""
        self._functions[key].carried_in()

    def leave(self, key: FunctionKey) -> None:
        """Count such a request as finished."""
        self._functions[key].carried_out()

    def requested(self, key: FunctionKey) -> int:
        return self._functions[key].requested

    def ready(self, key: FunctionKey) -> int:
        return self._functions[key].ready

    def obstacle(self, key: FunctionKey) -> Obstacle:
        """Why replicas are missing, as Kubernetes would say it."""
        return self._functions[key].obstacle

    def in_flight(self, key: FunctionKey) -> int:
        """Requests accepted and not finished, those that wait included."""
        return self._functions[key].in_flight

    def waiting(self, key: FunctionKey) -> int:
        """Requests that wait while no replica is ready."""
        return self._functions[key].waiting

    def queued(self, key: FunctionKey) -> int:
        """Requests that wait for a free place, for whatever reason."""
        return self._functions[key].queued

    def started(self, key: FunctionKey) -> int:
        """Requests accepted since the start, as a gateway counts them."""
        return self._functions[key].started

    def finished(self, key: FunctionKey) -> int:
        """Requests answered since the start, refused ones included."""
        return self._functions[key].finished

    def requested_column(self) -> Floats:
        return self._column(lambda function: function.requested)

    def ready_column(self) -> Floats:
        return self._column(lambda function: function.ready)

    def waiting_column(self) -> Floats:
        return self._column(lambda function: function.waiting)

    def started_column(self) -> Floats:
        return self._column(lambda function: function.started)

    def finished_column(self) -> Floats:
        return self._column(lambda function: function.finished)

    def obstacle_column(self) -> Codes:
        """Why replicas are missing, `Obstacle`, as Kubernetes would say it."""
        return self._column(lambda function: function.obstacle).astype(np.uint8)

    def statistics(self, key: FunctionKey) -> FunctionStatistics:
        """Give what happened to a function up to now."""
        return self._functions[key].statistics()

    def all_statistics(self) -> Iterator[tuple[FunctionKey, FunctionStatistics]]:
        """Give what happened to every function, in the order of `keys`."""
        for key in self._keys:
            yield key, self._functions[key].statistics()

    def _column(self, number: Callable[[SimulatedFunction], int]) -> Floats:
        values = (number(self._functions[key]) for key in self._keys)
        return np.fromiter(values, dtype=np.float64, count=len(self._keys))
