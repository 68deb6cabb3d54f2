"""One function under Poisson or recorded arrivals: for closed forms, reference tables and figures."""

from collections import deque
from dataclasses import dataclass
from math import inf
from typing import Protocol

import numpy as np

from autoscaler.core.columns import Floats
from autoscaler.simulator.per_request.instances import Instances
from autoscaler.simulator.per_request.members import Member
from autoscaler.simulator.per_request.sums import seconds_at, sums_at

CHUNK = 32_768
"""Requests drawn with one call: what they need stays in the processor's cache."""

DRAWN_AHEAD = 1_024


class Law(Protocol):
    """A distribution of seconds, such as those of `simulator.laws`."""

    def draw(self, number: int, generator: np.random.Generator, /) -> Floats:
        """Draw so many, `(number,) float64`."""


@dataclass(frozen=True, slots=True, eq=False)
class Account:
    """What happened to one function up to a moment; cumulative.

    Attributes:
        until_s: the moment.
        requests: that arrived; the other counts as in `Sums`.
        wait_s: summed waits: for a start-up, and in the queue; a start-up that goes on counts as a whole.
        waited: requests that waited at all, and do no more.
        allocated_s: instance-seconds, counted by how many there were; busy + idle + starting is the same.
        in_flight_s: request-seconds, counted by how many were there.
        sojourn_s: the same, counted by request.
        seconds_at: `(peak + 1,)`, seconds with 0, 1, 2, … instances.
    """

    until_s: float
    requests: int
    cold: int
    rejected: int
    late: int
    served: int
    queued: int
    misses: int
    live: int
    peak: int
    ended: int
    wait_s: float
    waited: int
    busy_s: float
    idle_s: float
    starting_s: float
    allocated_s: float
    zero_s: float
    lifespan_s: float
    in_flight_s: float
    sojourn_s: float
    queued_s: float
    seconds_at: Floats

    @property
    def cold_fraction(self) -> float | None:
        """Cold starts among the requests that were let in; None: there were none."""
        let_in = self.requests - self.rejected
        return self.cold / let_in if let_in else None

    @property
    def rejected_fraction(self) -> float | None:
        return self.rejected / self.requests if self.requests else None


class _Simulated:
    """One function, its instances, and what its requests waited."""

    def __init__(self, member: Member) -> None:
        self._instances = Instances([member], drawn_ahead=DRAWN_AHEAD)
        self._who = np.zeros(CHUNK, np.int32)
        self._wait_s, self._waited = 0.0, 0

    def serve(self, times_s: Floats, service_s: Floats) -> None:
        if len(times_s) > len(self._who):
            self._who = np.zeros(len(times_s), np.int32)
        self._instances.serve(times_s, self._who[: len(times_s)], service_s)
        self._note_waits()

    def account(self, until_s: float) -> Account:
        self._instances.settle(until_s)
        self._note_waits()
        state = self._instances.state
        columns = sums_at(state, until_s)
        named = {name: getattr(columns, name)[0].item() for name in columns.__slots__}
        wait_s = self._wait_s + named.pop("still_s")
        return Account(
            until_s=until_s, wait_s=wait_s, waited=self._waited, seconds_at=seconds_at(state, 0, until_s), **named
        )

    def _note_waits(self) -> None:
        for waits in self._instances.taken_waits():
            self._wait_s += float(np.sum(waits["wait_s"]))
            self._waited += len(waits)


class OneFunction:
    """A function whose callers are many and independent, from second 0 on, without instances at first.

    Args:
        rate: requests/s.
        service: law of the service times.
        keep_alive_s: seconds that an idle instance is kept; idle for exactly so long it still serves.
        generator: its children draw gaps, services, and start-ups.
        cold_service: law of the services that instances begin with, start-up included; None: as the others.
        start: law of the start-up before such a service; None: there is none.
        cap: most instances; None: any number.
        queue: most requests that wait where no instance may start; 0: such a request is refused; None: any number.
        patience_s: how long one waits in the queue at most.
    """

    def __init__(
        self,
        *,
        rate: float,
        service: Law,
        keep_alive_s: float,
        generator: np.random.Generator,
        cold_service: Law | None = None,
        start: Law | None = None,
        cap: int | None = None,
        queue: int | None = 0,
        patience_s: float = inf,
    ) -> None:
        for name, value, is_right in (
            ("rate", rate, 0 < rate < inf),
            ("keep_alive_s", keep_alive_s, keep_alive_s >= 0),
            ("cap", cap, cap is None or cap >= 1),
            ("queue", queue, queue is None or queue >= 0),
            ("patience_s", patience_s, patience_s > 0),
        ):
            if not is_right:
                raise ValueError(f"{name} {value!r} is out of range")
        self._rate, self._service = rate, service
        self._gaps, self._services, starts, colds = generator.spawn(4)
        self._function = _Simulated(
            Member(
                keep_alive_s,
                _Drawn(start, starts),
                None if cold_service is None else _Drawn(cold_service, colds),
                cap,
                queue,
                patience_s,
            )
        )
        self._times_s, self._service_s = np.empty(0), np.empty(0)
        self._drawn_s = 0.0

    def advance(self, until_s: float) -> Account:
        """Go on to a time, not before that of an earlier call, and give the account of all since second 0."""
        while self._drawn_s <= until_s:
            self._function.serve(self._times_s, self._service_s)
            self._draw()
        count = int(np.searchsorted(self._times_s, until_s, side="right"))
        self._function.serve(self._times_s[:count], self._service_s[:count])
        self._times_s, self._service_s = self._times_s[count:], self._service_s[count:]
        return self._function.account(until_s)

    def _draw(self) -> None:
        times_s = self._gaps.standard_exponential(CHUNK)
        times_s *= 1 / self._rate
        np.cumsum(times_s, out=times_s)
        times_s += self._drawn_s
        self._times_s, self._service_s = times_s, self._service.draw(CHUNK, self._services)
        self._drawn_s = float(times_s[-1])


def replay(
    times_s: Floats,
    service_s: Floats,
    *,
    keep_alive_s: float,
    cold_service_s: Floats | None = None,
    start_s: float = 0.0,
    cap: int | None = None,
    queue: int | None = 0,
    until_s: float | None = None,
) -> Account:
    """Let recorded requests come.

    Args:
        times_s: arrivals, ascending, seconds >= 0.
        service_s: service of each.
        cold_service_s: services that instances begin with, by number of the start, repeated when they run out; None: a
            request's own.
        until_s: end; None: the last arrival.

    Raises:
        ValueError: the arrivals are not ascending.
    """
    if np.any(np.diff(times_s) < 0):
        at = int(np.argmax(np.diff(times_s) < 0))
        raise ValueError(
            f"times_s[{at + 1}] {times_s[at + 1]} is before times_s[{at}] {times_s[at]}; ascending ones are needed"
        )
    colds = None if cold_service_s is None else _Recorded(cold_service_s)
    function = _Simulated(Member(keep_alive_s, _Same(start_s), colds, cap, queue))
    function.serve(times_s, service_s)
    return function.account(until_s if until_s is not None else float(times_s[-1]) if len(times_s) else 0.0)


class _Drawn:
    """Durations of a law, one after the other."""

    def __init__(self, law: Law | None, generator: np.random.Generator) -> None:
        self._law, self._generator = law, generator

    def take(self, number: int) -> Floats:
        return np.zeros(number) if self._law is None else self._law.draw(number, self._generator)


class _Same:
    """The same duration again and again."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds

    def take(self, number: int) -> Floats:
        return np.full(number, self._seconds)


class _Recorded:
    """Durations that were recorded, repeated."""

    def __init__(self, seconds: Floats) -> None:
        self._left = deque(seconds.tolist())

    def take(self, number: int) -> Floats:
        taken = np.resize(np.array(self._left), number)
        self._left.rotate(-number)
        return taken
