"""What is told of wakes that were held: where the time went, function by function and tenant by tenant."""

from collections.abc import Mapping
from dataclasses import dataclass

from autoscaler.core.columns import Floats, Ints
from autoscaler.core.wake_state import WakeState


@dataclass(frozen=True, slots=True)
class WakeRecord:
    """One wake of a function: from the first request that was held until nobody waits any more.

    Attributes:
        tenant: whose function it was then.
        asked_s: monotonic seconds at which the first request came.
        sent_s: seconds from then until the write that starts it was on the wire; None: it started, or was starting,
            without a write of ours, or there was none.
        answered_s: seconds until that write was accepted; None: it was not.
        ready_s: seconds until the function could be reached; None: it was not while anybody waited.
        ended_s: seconds until the last request was let go; None: somebody waits still.
        requests: requests that came for it.
        served: those that were told to go on.
        writes: times that the write was sent.
        state: how its last request ended; None: by hanging up, or nothing has ended yet.
        reason: what forbade it, as `WakeResult` names it; None: nothing did.
    """

    tenant: str
    asked_s: float
    sent_s: float | None
    answered_s: float | None
    ready_s: float | None
    ended_s: float | None
    requests: int
    served: int
    writes: int
    state: WakeState | None
    reason: str | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Spans:
    """How long one part of wakes took, counted by tenant.

    Attributes:
        bounds_s: upper bounds of the buckets, seconds, the last one finite: `(buckets,) float64`.
        counts: wakes by tenant and bucket, those beyond the last bound in one more: `(tenants, buckets + 1) int64`.
        sums_s: seconds in all, by tenant: `(tenants,) float64`.
    """

    bounds_s: Floats
    counts: Ints
    sums_s: Floats


@dataclass(frozen=True, slots=True, eq=False)
class WakeTimes:
    """Where the time of wakes went, since the daemon's start, of tenants that are there now and woke something.

    Attributes:
        tenants: their names, the rows of everything else.
        request_to_patch: from a wake's first request until the write is on the wire.
        patch_to_ready: from then until the function can be reached.
        ready_to_released: from then until the requests that wait are let go.
        ended: requests by how they ended, `(tenants,) int64` each; None: the gateway hung up.
    """

    tenants: tuple[str, ...]
    request_to_patch: Spans
    patch_to_ready: Spans
    ready_to_released: Spans
    ended: Mapping[WakeState | None, Ints]
