"""The mode of an instance per request once more, as plainly as it can be said: what the kernel is compared with."""

from dataclasses import dataclass, field
from math import inf

from autoscaler.simulator.per_request.members import Limit, Member


@dataclass
class Instance:
    function: int
    number: int
    born_s: float
    end_s: float = inf
    idle_s: float = inf


@dataclass
class Counts:
    requests: int = 0
    cold: int = 0
    rejected: int = 0
    late: int = 0
    served: int = 0
    ended: int = 0
    peak: int = 0
    busy_s: float = 0.0
    idle_s: float = 0.0
    starting_s: float = 0.0
    allocated_s: float = 0.0
    lifespan_s: float = 0.0
    waits_s: list[float] = field(default_factory=list)


class Plain:
    """Lists that are searched from end to end at every event."""

    def __init__(self, members: list[Member], limits: list[Limit], stocks: list[int | None]) -> None:
        self.members, self.limits, self.stocks = members, limits, stocks
        self.counts = [Counts() for _ in members]
        self.tenant_peaks = [0] * len(limits)
        self.instances: list[Instance] = []
        self.queues: list[list[tuple[float, float]]] = [[] for _ in members]
        self.now_s = 0.0
        self._made = 0

    def serve(self, at_s: float, function: int, service_s: float) -> None:
        """Let everything happen that is due before a request, then the request."""
        self.pass_to(at_s)
        member, counts = self.members[function], self.counts[function]
        counts.requests += 1
        idle = [one for one in self.instances if one.function == function and one.idle_s < inf]
        if idle:
            self._occupy(max(idle, key=lambda one: one.number), service_s)
        elif self._may_start(function):
            self._start(function, at_s, service_s)
        elif member.queue is None or len(self.queues[function]) < member.queue:
            self.queues[function].append((at_s, service_s))
        else:
            counts.rejected += 1

    def pass_to(self, until_s: float) -> None:
        """Let everything happen that is due before a time: ends at it too, expiries at it not."""
        while True:
            ends = [(one.end_s, 0, one) for one in self.instances if one.end_s <= until_s]
            gone = [
                (one.idle_s + keep_s, 1, one)
                for one in self.instances
                if one.idle_s + (keep_s := self.members[one.function].keep_alive_s) < until_s
            ]
            late = [
                (queue[0][0] + self.members[function].patience_s, 2, function)
                for function, queue in enumerate(self.queues)
                if queue and queue[0][0] + self.members[function].patience_s < until_s
            ]
            due = sorted([*ends, *gone, *late], key=lambda event: event[:2])
            if not due:
                break
            at_s, _, what = due[0]
            self._account(at_s)
            if isinstance(what, int):
                self._give_up(what)
            elif what.end_s < inf:
                self._finish(what)
            else:
                self._expire(what)
        self._account(until_s)

    def _account(self, at_s: float) -> None:
        for one in self.instances:
            self.counts[one.function].allocated_s += at_s - self.now_s
        self.now_s = at_s

    def _give_up(self, function: int) -> None:
        came_s, _ = self.queues[function].pop(0)
        self.counts[function].late += 1
        self.counts[function].waits_s.append(self.now_s - came_s)

    def _finish(self, one: Instance) -> None:
        counts, queue = self.counts[one.function], self.queues[one.function]
        counts.served += 1
        one.end_s, one.idle_s = inf, self.now_s
        if queue:
            came_s, service_s = queue.pop(0)
            counts.waits_s.append(self.now_s - came_s)
            self._occupy(one, service_s)

    def _expire(self, one: Instance) -> None:
        counts = self.counts[one.function]
        self.instances.remove(one)
        counts.ended += 1
        counts.idle_s += self.now_s - one.idle_s
        counts.lifespan_s += self.now_s - one.born_s
        while starters := [
            (queue[0][0], function) for function, queue in enumerate(self.queues) if queue and self._may_start(function)
        ]:
            _, function = min(starters)
            self._start(function, *self.queues[function].pop(0))

    def _occupy(self, one: Instance, service_s: float) -> None:
        counts = self.counts[one.function]
        counts.idle_s += self.now_s - one.idle_s
        counts.busy_s += service_s
        one.idle_s, one.end_s = inf, self.now_s + service_s

    def _start(self, function: int, came_s: float, service_s: float) -> None:
        member, counts = self.members[function], self.counts[function]
        start_s = float(member.starts.take(1)[0])
        if member.colds is not None:
            service_s = float(member.colds.take(1)[0])
        self._made += 1
        end_s = self.now_s + start_s + service_s
        self.instances.append(Instance(function, self._made, self.now_s, end_s))
        counts.cold += 1
        counts.starting_s += start_s
        counts.busy_s += service_s
        counts.peak = max(counts.peak, sum(one.function == function for one in self.instances))
        tenant = member.tenant
        self.tenant_peaks[tenant] = max(self.tenant_peaks[tenant], self._live(tenant))
        if self.now_s - came_s + start_s > 0:
            counts.waits_s.append(self.now_s - came_s + start_s)

    def _live(self, tenant: int) -> int:
        return sum(self.members[one.function].tenant == tenant for one in self.instances)

    def _may_start(self, function: int) -> bool:
        member = self.members[function]
        limit = self.limits[member.tenant]
        live, own = self._live(member.tenant), sum(one.function == function for one in self.instances)
        if member.cap is not None and own >= member.cap:
            return False
        if limit.cap is not None and live >= limit.cap:
            return False
        stock = self.stocks[limit.pool]
        if stock is None or live < limit.guarantee:
            return True
        sharers = [tenant for tenant, one in enumerate(self.limits) if one.pool == limit.pool]
        taken = sum(max(self._live(tenant), self.limits[tenant].guarantee) for tenant in sharers)
        return taken < stock
