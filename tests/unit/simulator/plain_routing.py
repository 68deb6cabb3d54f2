"""Replicas with lines of their own once more, as plainly as it can be said: what the kernel of routing is compared with."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from math import inf

from autoscaler.simulator.spec import FunctionSpec


@dataclass(eq=False)
class Replica:
    """One that starts (`ready_s`), is ready (on the stack), drains, or is gone."""

    ready_s: float
    ends_s: list[float] = field(default_factory=list)
    line: list[tuple[float, float]] = field(default_factory=list)
    cut_s: float = inf

    @property
    def load(self) -> int:
        return len(self.ends_s) + len(self.line)


class PlainRouting:
    """One function; everything is searched at every event."""

    def __init__(self, spec: FunctionSpec, chances: Sequence[float] = ()) -> None:
        self.spec = spec
        self.stack = [Replica(0.0) for _ in range(spec.replicas)]
        self.starting: list[Replica] = []
        self.draining: list[Replica] = []
        self.queue: list[tuple[float, float]] = []
        self.waits_s: list[float] = []
        self.served = self.refused = self.failed = self.cold = 0
        self.busy_s = self.draining_s = 0.0
        self._now_s = 0.0
        self._chances = iter(chances)

    def scale(self, at_s: float, replicas: int) -> None:
        """Start or stop replicas."""
        self.pass_to(at_s)
        more = replicas - len(self.stack) - len(self.starting)
        assert isinstance(self.spec.start_s, float)
        self.starting += [Replica(at_s + self.spec.start_s) for _ in range(more)]
        for _ in range(-more):
            if self.starting:
                self.starting.pop()
                continue
            gone = self.stack.pop()
            if gone.load:
                grace_s = self.spec.termination_grace_s
                gone.cut_s = inf if grace_s is None else at_s + grace_s
                self.draining.append(gone)

    def arrive(self, at_s: float, service_s: float) -> None:
        """Let a request come."""
        self.pass_to(at_s)
        chance = next(self._chances, 0.0)
        chosen = self._chosen(chance)
        if chosen is not None:
            self._send(chosen, at_s, service_s)
            return
        self.cold += not self.stack
        if self.spec.gateway_queue is not None and len(self.queue) >= self.spec.gateway_queue:
            self.refused += 1
        else:
            self.queue.append((at_s, service_s))

    def pass_to(self, until_s: float) -> None:
        """Let everything happen that is due up to and with a time."""
        while (at_s := self._next_s()) <= until_s:
            self._account(at_s)
            self._happen(at_s)
            while self.queue and (chosen := self._least_loaded()) is not None:
                self._send(chosen, *self.queue.pop(0))
        self._account(until_s)

    def _next_s(self) -> float:
        ends = [end_s for one in self.stack + self.draining for end_s in one.ends_s]
        cuts, starts = [one.cut_s for one in self.draining], [one.ready_s for one in self.starting]
        patience = [self.queue[0][0] + self.spec.hold_s] if self.queue and self.spec.hold_s is not None else []
        return min([*ends, *cuts, *starts, *patience], default=inf)

    def _happen(self, at_s: float) -> None:
        for one in self.stack + self.draining:
            if at_s in one.ends_s:
                return self._end(one, at_s)
        for one in self.draining:
            if one.cut_s == at_s:
                self.draining.remove(one)
                self.failed += one.load
                self.waits_s += [at_s - came_s for came_s, _ in one.line]
                return None
        for one in self.starting:
            if one.ready_s == at_s:
                self.starting.remove(one)
                self.stack.append(one)
                return None
        came_s, _ = self.queue.pop(0)
        self.waits_s.append(at_s - came_s)
        self.refused += 1
        return None

    def _end(self, one: Replica, at_s: float) -> None:
        one.ends_s.remove(at_s)
        self.served += 1
        if one.line:
            came_s, service_s = one.line.pop(0)
            self.waits_s.append(at_s - came_s)
            one.ends_s.append(at_s + service_s)
        if one in self.draining and not one.load:
            self.draining.remove(one)

    def _chosen(self, chance: float) -> Replica | None:
        if self.spec.routing == "newestIdle":
            free = [one for one in self.stack if one.load < self.spec.concurrency_limit]
            return free[-1] if free else self._least_loaded()
        if self.spec.routing == "random" and self.stack:
            one = self.stack[int(chance * len(self.stack))]
            if one.load < self.spec.concurrency_limit + self.spec.replica_queue:
                return one
        return self._least_loaded()

    def _least_loaded(self) -> Replica | None:
        room = self.spec.concurrency_limit + self.spec.replica_queue
        least = min(self.stack, key=lambda one: one.load, default=None)
        return least if least is not None and least.load < room else None

    def _send(self, one: Replica, came_s: float, service_s: float) -> None:
        if len(one.ends_s) < self.spec.concurrency_limit:
            if self._now_s > came_s:
                self.waits_s.append(self._now_s - came_s)
            one.ends_s.append(self._now_s + service_s)
        else:
            one.line.append((came_s, service_s))

    def _account(self, at_s: float) -> None:
        self.busy_s += (at_s - self._now_s) * sum(bool(one.ends_s) for one in self.stack)
        self.draining_s += (at_s - self._now_s) * len(self.draining)
        self._now_s = at_s
