"""What the mode of an instance per request is told of functions and of their tenants."""

from dataclasses import dataclass
from math import inf
from typing import Protocol

from autoscaler.core.columns import Floats


class Durations(Protocol):
    """Whoever gives one duration after another."""

    def take(self, number: int, /) -> Floats:
        """Give the next so many, `(number,) float64`, seconds."""


@dataclass(frozen=True, slots=True)
class Member:
    """One function.

    Attributes:
        keep_alive_s: seconds for which an idle instance is kept; idle for exactly so long it still serves.
        starts: start-up seconds, by number of the start.
        colds: seconds of the service that an instance begins with; None: the request's own.
        cap: most instances; None: any number.
        queue: most requests that wait where no instance may start; 0: such a request is refused; None: any number.
        patience_s: how long one waits so at most, then it is refused; inf: for ever.
        slo_s: a longer wait is a miss; inf: none is.
        tenant: row of its tenant.
        ready: instances at the start, idle.
    """

    keep_alive_s: float
    starts: Durations
    colds: Durations | None = None
    cap: int | None = None
    queue: int | None = 0
    patience_s: float = inf
    slo_s: float = inf
    tenant: int = 0
    ready: int = 0


@dataclass(frozen=True, slots=True)
class Limit:
    """What the functions of one tenant may have together.

    Attributes:
        cap: most instances; None: any number.
        guarantee: instances of its pool that nobody else gets.
        pool: row of its pool.
    """

    cap: int | None = None
    guarantee: int = 0
    pool: int = 0
