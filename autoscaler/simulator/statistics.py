"""What happened to a function or a tenant: requests, waits, and what its replicas cost."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from autoscaler.core.columns import Floats


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
        waits_s: `(requests that waited,) float64`, seconds, in no order; a refused request waited its hold,
            one that still waits is there with what it has waited so far. All others waited 0.
        starting_s: replica-seconds of starting.
        ready_s: replica-seconds of being ready, busy or idle.
        draining_s: replica-seconds of finishing what was being served when the replica was no longer wanted.
        zero_s: seconds with no replica requested; of several functions their sum.
        replicas_max: most replicas requested at once.
    """

    requests: int
    finished: int
    cold: int
    refused: int
    late: int
    turned_away: int
    waits_s: Floats
    starting_s: float
    ready_s: float
    draining_s: float
    zero_s: float
    replicas_max: int

    @property
    def replica_seconds(self) -> float:
        """Everything that was paid for: starting, ready and draining."""
        return self.starting_s + self.ready_s + self.draining_s

    @property
    def wait_mean_s(self) -> float | None:
        """Mean wait of all requests; None: there was none."""
        return float(np.sum(self.waits_s)) / self.requests if self.requests else None

    @property
    def wait_max_s(self) -> float | None:
        return self.wait_quantile_s(1.0)

    def wait_quantile_s(self, fraction: float) -> float | None:
        """Give the wait that this fraction of all requests did not exceed (nearest rank); None: no request."""
        if not self.requests:
            return None
        rank = max(int(np.ceil(fraction * self.requests)), 1)
        from_top = self.requests - rank
        if from_top >= len(self.waits_s):
            return 0.0
        return float(np.partition(self.waits_s, len(self.waits_s) - 1 - from_top)[len(self.waits_s) - 1 - from_top])


def together(parts: Sequence[FunctionStatistics]) -> FunctionStatistics:
    """Sum the statistics of several functions; `replicas_max` is the sum of their own highest."""
    return FunctionStatistics(
        requests=sum(part.requests for part in parts),
        finished=sum(part.finished for part in parts),
        cold=sum(part.cold for part in parts),
        refused=sum(part.refused for part in parts),
        late=sum(part.late for part in parts),
        turned_away=sum(part.turned_away for part in parts),
        waits_s=np.concatenate([np.empty(0), *(part.waits_s for part in parts)]),
        starting_s=sum(part.starting_s for part in parts),
        ready_s=sum(part.ready_s for part in parts),
        draining_s=sum(part.draining_s for part in parts),
        zero_s=sum(part.zero_s for part in parts),
        replicas_max=sum(part.replicas_max for part in parts),
    )
