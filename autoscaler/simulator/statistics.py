"""What happened to a function or a tenant: requests, waits, and what its replicas cost."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from autoscaler.core.columns import Floats
from autoscaler.simulator.waits import Waits, all_of


@dataclass(frozen=True, slots=True, eq=False)
class FunctionStatistics:
    """Sums of a run so far.

    Attributes:
        requests: accepted.
        finished: answered, refused ones included.
        cold: requests that came while no replica was ready, so that they waited for a start.
        refused: answered without being served: those of the next two, and those that waited in vain for a free place.
        late: came while no replica was ready, and none was in time: the hold of their policy ended.
        turned_away: likewise, and were refused at once: too many were held already, or the function may not start.
        waits: of the requests that waited; a refused request waited its hold, one that still waits is there with what
            it has waited so far. All others waited 0.
        starting_s: replica-seconds of starting.
        ready_s: replica-seconds of being ready, busy or idle.
        draining_s: replica-seconds of finishing what was being served when the replica was no longer wanted.
        zero_s: seconds with no replica requested; of several functions their sum.
        replicas_max: most replicas requested at once.
        served: requests that ended as they should, counted when they end.
        failed: requests cut while they were served.
        starts: replicas begun.
        busy_s: of `ready_s`, what served at least one request, requests packed onto as few replicas as hold them.
        idle_s: of `ready_s`, what served none.
        allocated_s: replica-seconds of everything that was there, added up by its own.
        slo_misses: requests that waited longer than their function's `slo_s`.
        in_flight_s: request-seconds: the area under the number in flight.
        sojourn_s: the same by request: from arrival to answer, or up to now.
        queued_s: request-seconds: the area under the number that waits; of the waits this is the sum.
    """

    requests: int
    finished: int
    cold: int
    refused: int
    late: int
    turned_away: int
    waits: Waits
    starting_s: float
    ready_s: float
    draining_s: float
    zero_s: float
    replicas_max: int
    served: int
    failed: int
    starts: int
    busy_s: float
    idle_s: float
    allocated_s: float
    slo_misses: int
    in_flight_s: float
    sojourn_s: float
    queued_s: float

    @property
    def replica_seconds(self) -> float:
        """Everything that was paid for: starting, ready and draining."""
        return self.starting_s + self.ready_s + self.draining_s

    @property
    def waited_s(self) -> float:
        """Sum of all waits, request-seconds: what the area under the number that waits is too."""
        return self.waits.total_s

    @property
    def waits_s(self) -> Floats:
        """`(requests that waited,) float64`, seconds, in no order; of very many those of a bin as its middle."""
        return np.repeat(self.waits.values_s, self.waits.counts)

    @property
    def wait_mean_s(self) -> float | None:
        """Mean wait of all requests; None: there was none."""
        return self.waits.total_s / self.requests if self.requests else None

    @property
    def wait_max_s(self) -> float | None:
        return self.wait_quantile_s(1.0)

    def wait_quantile_s(self, fraction: float) -> float | None:
        """Give the wait that this fraction of all requests did not exceed (nearest rank); None: no request."""
        return self.waits.quantile_s(fraction, self.requests)


def together(parts: Sequence[FunctionStatistics]) -> FunctionStatistics:
    """Sum the statistics of several functions; `replicas_max` is the sum of their own highest."""
    return FunctionStatistics(
        requests=sum(part.requests for part in parts),
        finished=sum(part.finished for part in parts),
        cold=sum(part.cold for part in parts),
        refused=sum(part.refused for part in parts),
        late=sum(part.late for part in parts),
        turned_away=sum(part.turned_away for part in parts),
        waits=all_of([part.waits for part in parts]),
        starting_s=sum(part.starting_s for part in parts),
        ready_s=sum(part.ready_s for part in parts),
        draining_s=sum(part.draining_s for part in parts),
        zero_s=sum(part.zero_s for part in parts),
        replicas_max=sum(part.replicas_max for part in parts),
        served=sum(part.served for part in parts),
        failed=sum(part.failed for part in parts),
        starts=sum(part.starts for part in parts),
        busy_s=sum(part.busy_s for part in parts),
        idle_s=sum(part.idle_s for part in parts),
        allocated_s=sum(part.allocated_s for part in parts),
        slo_misses=sum(part.slo_misses for part in parts),
        in_flight_s=sum(part.in_flight_s for part in parts),
        sojourn_s=sum(part.sojourn_s for part in parts),
        queued_s=sum(part.queued_s for part in parts),
    )
