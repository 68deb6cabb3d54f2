"""One simulated function: its replicas, who is being served, who waits."""

from array import array
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from heapq import heapify, heappop, heappush, heapreplace
from itertools import chain, repeat
from math import inf
from typing import Literal

import numpy as np

from autoscaler.core.decisions import Decisions
from autoscaler.core.events import Event
from autoscaler.core.fleet import FunctionKey
from autoscaler.core.obstacles import Obstacle
from autoscaler.simulator.arrivals import Arrivals
from autoscaler.simulator.held import HeldRequests, HoldRule
from autoscaler.simulator.statistics import FunctionStatistics
from autoscaler.simulator.workload import Workload

DRAWN_AHEAD = 4_096
"""Service times drawn with one numpy call."""


@dataclass(frozen=True, slots=True)
class FunctionSpec:
    """One function of the platform.

    Attributes:
        key: namespace and name.
        service_s: mean seconds that a request is served.
        start_s: seconds from asking for a replica to its being ready; None: the platform's.
        concurrency_limit: requests that one replica serves at once, >= 1; more wait in one queue.
        labels: of its Deployment.
        annotations: of its Deployment.
        replicas: replicas at the start, ready at once.
        service: `exponential` or `constant` service times.
        hold_s: seconds that a request waits for a free replica at most, then it is refused; None: for ever.
    """

    key: FunctionKey
    service_s: float
    start_s: float | None = None
    concurrency_limit: int = 1
    labels: Mapping[str, str] = field(default_factory=dict)
    annotations: Mapping[str, str] = field(default_factory=dict)
    replicas: int = 0
    service: Literal["exponential", "constant"] = "exponential"
    hold_s: float | None = None

    def __post_init__(self) -> None:
        checks = {
            "service_s": self.service_s > 0,
            "start_s": self.start_s is None or self.start_s >= 0,
            "concurrency_limit": self.concurrency_limit >= 1,
            "replicas": self.replicas >= 0,
            "hold_s": self.hold_s is None or self.hold_s > 0,
        }
        for name, is_right in checks.items():
            if not is_right:
                raise ValueError(f"{self.key}: {name} {getattr(self, name)!r} is out of range")


class SimulatedFunction:
    """Replicas with places, one queue before them, first come first served.

    All places are one pool: with service times that do not depend on a replica's company it makes no
    difference which replica has a free place. It does when replicas go: the idle ones go first.
    Behind an obstacle no further replica starts: those that are asked for are missing until it is gone.
    Of events at the same instant, a request ends before a replica gets ready, that before a hold ends, and
    that before a request arrives, so ties are the same in every run.
    """

    __slots__ = (
        "_accounted_s",
        "_arrivals",
        "_busy",
        "_carried",
        "_cold",
        "_draining",
        "_draining_s",
        "_generator",
        "_held",
        "_hold_s",
        "_limit",
        "_missing",
        "_obstacle",
        "_other_s",
        "_queue",
        "_ready_s",
        "_refused",
        "_replicas_max",
        "_services",
        "_start_s",
        "_starting",
        "_starting_s",
        "_waits",
        "_zero_s",
        "finished",
        "now_s",
        "ready",
        "requested",
        "spec",
        "started",
    )

    def __init__(
        self,
        spec: FunctionSpec,
        workload: Workload | None,
        generator: np.random.Generator,
        start_s: float,
        now_s: float,
    ) -> None:
        arrivals, self._generator = generator.spawn(2)
        self.spec = spec
        self.now_s = now_s
        self.requested = self.ready = spec.replicas
        self.started = self.finished = 0
        self._arrivals = Arrivals(workload, arrivals, now_s)
        self._start_s = start_s
        self._limit = spec.concurrency_limit
        self._hold_s = inf if spec.hold_s is None else spec.hold_s
        self._held: HeldRequests | None = None
        self._busy: list[float] = []  # heap of the times at which requests end
        self._draining: list[float] = []  # likewise, on replicas that are no longer wanted
        self._starting: deque[float] = deque()  # ascending times at which replicas get ready
        self._obstacle = Obstacle.NONE
        self._missing = 0  # replicas that are asked for and cannot start
        self._queue: deque[float] = deque()  # ascending times at which those who wait arrived
        self._other_s = inf  # when the next event other than an arrival or an end of service is due
        self._services = iter(()) if spec.service == "exponential" else repeat(spec.service_s)
        self._carried = 0
        self._cold = self._refused = 0
        self._waits = array("d")
        self._replicas_max = spec.replicas
        self._accounted_s = now_s
        self._starting_s = self._ready_s = self._draining_s = self._zero_s = 0.0

    @property
    def in_flight(self) -> int:
        return self.started - self.finished

    @property
    def held(self) -> int:
        """Requests that a gateway holds while there is no ready replica, under the policy's rule."""
        return 0 if self._held is None else len(self._held)

    @property
    def queued(self) -> int:
        return len(self._queue) + self.held

    @property
    def waiting(self) -> int:
        return 0 if self.ready else self.queued

    def hold_by(self, rule: HoldRule) -> None:
        """Hold requests that find no ready replica as the policy says, from now on; before they wait for ever."""
        self._held = HeldRequests(self.spec.key, rule, self._hold_s)

    def decided(self, decisions: Decisions, events: Sequence[Event]) -> None:
        """Take in what a step of now made of the requests that are held."""
        if self._held is not None:
            self._give_up(self._held.decided(decisions, events), self.now_s)
            self._plan()

    def advance(self, until_s: float) -> None:
        """Let everything up to and with `until_s` happen."""
        busy, places = self._busy, self.ready * self._limit
        for at_s in self._arrivals.take(until_s):
            if self._other_s <= at_s or (busy and busy[0] <= at_s):
                self._settle(at_s)
                places = self.ready * self._limit
            self.started += 1
            if len(busy) < places:
                heappush(busy, at_s + self._service_s())
            else:
                self._join_queue(at_s)
        self._settle(until_s)
        self.now_s = until_s

    def next_arrival_s(self, until_s: float) -> float | None:
        return self._arrivals.peek(until_s)

    def scale(self, replicas: int) -> None:
        if replicas < 0:
            raise ValueError(f"{self.spec.key}: {replicas} replicas; at least 0")
        self._account(self.now_s)
        more = replicas - self.requested
        self.requested = replicas
        self._replicas_max = max(self._replicas_max, replicas)
        if more > 0:
            self._start(more)
        elif more < 0:
            self._remove(-more)
        self._plan()
        self._settle(self.now_s)

    @property
    def obstacle(self) -> Obstacle:
        """Why replicas are missing, as Kubernetes would say it; a replica that merely starts is not ready."""
        if self.ready >= self.requested:
            return Obstacle.NONE
        return self._obstacle if self._missing else Obstacle.NOT_READY

    def obstruct(self, obstacle: Obstacle) -> None:
        """Put an obstacle in the way of replicas that are not ready, or take it away.

        Pods that are not ready to serve stay so, those that start now included; the other obstacles hold up only
        what has no node yet.
        """
        self._account(self.now_s)
        self._obstacle = obstacle
        if obstacle is Obstacle.NOT_READY:
            self._missing += len(self._starting)
            self._starting.clear()
        elif obstacle is Obstacle.NONE:
            missing, self._missing = self._missing, 0
            self._start(missing)
        self._plan()
        self._settle(self.now_s)

    def carried_in(self) -> None:
        self.started += 1
        self._carried += 1

    def carried_out(self) -> None:
        if not self._carried:
            raise ValueError(f"{self.spec.key}: no carried request is in flight")
        self._carried -= 1
        self.finished += 1

    def statistics(self) -> FunctionStatistics:
        self._account(self.now_s)
        held = self._held.still() if self._held is not None else ()
        still_waiting = [self.now_s - at_s for at_s in chain(self._queue, held)]
        return FunctionStatistics(
            requests=self.started,
            finished=self.finished,
            cold=self._cold,
            refused=self._refused,
            late=self._held.late if self._held is not None else 0,
            turned_away=self._held.turned_away if self._held is not None else 0,
            waits_s=np.concatenate([np.array(self._waits, dtype=np.float64), np.array(still_waiting)]),
            starting_s=self._starting_s,
            ready_s=self._ready_s,
            draining_s=self._draining_s,
            zero_s=self._zero_s,
            replicas_max=self._replicas_max,
        )

    def _join_queue(self, at_s: float) -> None:
        if not self.ready:
            self._cold += 1
            if self._held is not None:
                return self._be_held(self._held, at_s)
        self._queue.append(at_s)
        if len(self._queue) == 1:
            self._plan()
        return None

    def _be_held(self, held: HeldRequests, at_s: float) -> None:
        if not held.arrive(at_s):
            self._refused += 1
            self.finished += 1
        elif len(held) == 1:
            self._plan()

    def _give_up(self, arrived_s: Sequence[float], at_s: float) -> None:
        """Answer held requests that are let go without being served."""
        self._waits.extend(at_s - arrival_s for arrival_s in arrived_s)
        self._refused += len(arrived_s)
        self.finished += len(arrived_s)

    def _settle(self, until_s: float) -> None:
        """Let everything but arrivals up to and with `until_s` happen."""
        busy, queue = self._busy, self._queue
        while True:
            end_s = busy[0] if busy else inf
            if end_s <= self._other_s:
                if end_s > until_s:
                    return
                self.finished += 1
                if queue:
                    self._waits.append(end_s - queue.popleft())
                    heapreplace(busy, end_s + self._service_s())
                    self._plan()
                else:
                    heappop(busy)
            elif self._other_s <= until_s:
                self._happen(self._other_s)
            else:
                return

    def _happen(self, at_s: float) -> None:
        """Let the one event other than an arrival or an end of service happen that is due at `at_s`."""
        if self._draining and self._draining[0] <= at_s:
            self._account(at_s)
            heappop(self._draining)
            self.finished += 1
        elif self._starting and self._starting[0] <= at_s:
            self._account(at_s)
            self._starting.popleft()
            self.ready += 1
            if self.held and self._held is not None:
                self._queue.extend(self._held.reached())
            self._fill(at_s)
        elif self._held is not None and self._held.next_end_s() <= at_s:
            self._give_up(self._held.expire(at_s), at_s)
        else:
            self._waits.append(at_s - self._queue.popleft())
            self._refused += 1
            self.finished += 1
        self._plan()

    def _fill(self, at_s: float) -> None:
        """Give free places to those who wait."""
        while self._queue and len(self._busy) < self.ready * self._limit:
            self._waits.append(at_s - self._queue.popleft())
            heappush(self._busy, at_s + self._service_s())

    def _plan(self) -> None:
        """Note when the next event other than an arrival or an end of service is due."""
        self._other_s = min(
            self._draining[0] if self._draining else inf,
            self._starting[0] if self._starting else inf,
            self._queue[0] + self._hold_s if self._queue else inf,
            self._held.next_end_s() if self._held is not None else inf,
        )

    def _start(self, more: int) -> None:
        if self._obstacle is Obstacle.NONE:
            self._starting.extend([self.now_s + self._start_s] * more)
        else:
            self._missing += more

    def _remove(self, surplus: int) -> None:
        gone = min(surplus, self._missing)
        self._missing -= gone
        surplus -= gone
        while surplus and self._starting:
            self._starting.pop()
            surplus -= 1
        self.ready -= surplus
        places = self.ready * self._limit
        self._draining += self._busy[places:]  # cutting a heap's tail leaves a heap
        del self._busy[places:]
        heapify(self._draining)

    def _account(self, at_s: float) -> None:
        """Add up replica-seconds to `at_s`, before anything about replicas changes."""
        passed_s = at_s - self._accounted_s
        paid = self._missing if self._obstacle is Obstacle.NOT_READY else 0  # a pod that crashes holds its place
        self._starting_s += passed_s * (len(self._starting) + paid)
        self._zero_s += passed_s * (self.requested == 0)
        self._ready_s += passed_s * self.ready
        self._draining_s += passed_s * -(-len(self._draining) // self._limit)
        self._accounted_s = at_s

    def _service_s(self) -> float:
        service_s = next(self._services, None)
        if service_s is None:
            drawn = self._generator.standard_exponential(DRAWN_AHEAD) * self.spec.service_s
            self._services = iter(drawn.tolist())
            service_s = next(self._services)
        return service_s
