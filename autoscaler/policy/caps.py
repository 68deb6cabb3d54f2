"""Whether a policy's `concurrencyLimit` is what a replica really takes: by what its pods are told, and by what is seen.

The limit is the policy's word: replicas and budgets are reckoned with it, and nothing here stands in a request's way.
What holds requests back is the function's own proxy, or nothing at all, and then `concurrencyCap` is a wish.
"""

import math
from dataclasses import dataclass
from enum import IntEnum

import numpy as np

from autoscaler.core.columns import Bools, Codes, Floats

CAP_NOT_ENFORCED = "cap_not_enforced"
"""What a difference is called, wherever it is told."""

_SLACK = 1e-6
"""A mean that is above a limit by rounding alone is not above it."""


class CapState(IntEnum):
    """What is known of a limit; from `TOLD_LESS` on there is a difference."""

    NO_LIMIT = 0  # the policy has none
    NOT_KNOWN = 1  # nothing says what a replica enforces, and no more than the limit has been seen
    ENFORCED = 2  # its pods are told just this limit, and no more has been seen
    TOLD_LESS = 3  # they are told a smaller one: they refuse what replicas are reckoned to take
    TOLD_MORE = 4  # they are told a larger one, or that there is none
    SEEN_MORE = 5  # more is in flight, on average and now, than the replicas that there are take by it

    @property
    def is_difference(self) -> bool:
        """Whether something is to be put right."""
        return self >= CapState.TOLD_LESS


def cap_states(
    limit: Floats,
    enforced: Floats,
    may_queue: Bools,
    *,
    concurrency: Floats,
    in_flight: Floats,
    replicas: Floats,
) -> Codes:
    """Compare, function by function.

    A gateway counts what waits before a proxy that queues too, so there more in flight says nothing; and one that
    refuses is told so, or nothing is. Both the mean and the moment must be above, for all replicas asked for: a burst
    that waits for replicas is no proof.

    Args:
        limit: `(functions,) float64`, the policy's; inf: none.
        enforced: likewise, what pods are told; inf: that there is no limit, nan: nothing.
        may_queue: `(functions,) bool`, what is enforced makes requests wait, or may.
        concurrency: mean requests in flight over the stable window; nan: unknown.
        in_flight: requests in flight now; nan: unknown.
        replicas: replicas that there are or shall be, whichever is more.

    Returns:
        `(functions,) uint8`, `CapState`.
    """
    is_limited, is_equal = np.isfinite(limit), enforced == limit
    # Sums of flags, since choosing by mask would cost ten times as much; `told < limit` holds for no limit too.
    is_silent = np.isnan(enforced)
    is_less, is_more = (enforced < limit) & is_limited, enforced > limit
    seen = np.minimum(concurrency, in_flight)  # nan where either is
    is_above = seen > limit * np.maximum(replicas, 1.0) * (1 + _SLACK)
    by_flag = (
        (is_limited, CapState.NOT_KNOWN),
        (is_limited & is_equal, CapState.ENFORCED - CapState.NOT_KNOWN),
        (is_less, CapState.TOLD_LESS - CapState.NOT_KNOWN),
        (is_more, CapState.TOLD_MORE - CapState.NOT_KNOWN),
        (is_above & is_silent, CapState.SEEN_MORE - CapState.NOT_KNOWN),
        (is_above & is_equal & ~may_queue, CapState.SEEN_MORE - CapState.ENFORCED),
    )
    states = np.zeros(len(limit), np.uint8)
    for flag, value in by_flag:
        states += flag * np.uint8(value)
    return states


@dataclass(frozen=True, slots=True)
class Cap:
    """What is known of one function's limit.

    Attributes:
        state: in one word.
        limit: the policy's; None: there is none.
        enforced: what its pods are told; inf: that there is no limit, None: nothing.
        seen: requests in flight for each replica, the smaller of mean and moment; None: unknown.
    """

    state: CapState
    limit: float | None
    enforced: float | None
    seen: float | None

    @property
    def words(self) -> str | None:
        """Say it in a sentence, with what to do where there is a difference; None: there is no limit to speak of."""
        if self.limit is None:
            return None
        return _WORDS[self.state].format(
            limit=f"{self.limit:g}",
            told="no limit" if self.enforced == math.inf else f"{self.enforced or 0:g}",
            seen=f"{self.seen or 0:.3g}",
            plural="" if self.limit == 1 else "s",
        )


_WORDS = {
    CapState.NO_LIMIT: "",
    CapState.NOT_KNOWN: "Each replica is reckoned to take {limit} request{plural} at once; whether anything enforces that "
    "is not known.",
    CapState.ENFORCED: "Each replica takes {limit} request{plural} at once, and its own proxy enforces that.",
    CapState.TOLD_LESS: "concurrencyLimit is {limit}, but its pods are told to take {told}: the rest is refused or waits "
    "while replicas count as less than full. Set concurrencyLimit to {told}, or what the pods are told to {limit}.",
    CapState.TOLD_MORE: "concurrencyLimit is {limit}, but its pods are told to take {told}: nothing holds them to it. Set "
    "what the pods are told to {limit} (max_inflight, containerConcurrency), or concurrencyLimit to what they take.",
    CapState.SEEN_MORE: "concurrencyLimit is {limit}, but {seen} requests are in flight for each replica: nothing holds them "
    "to it. Let their own proxy enforce it (max_inflight, containerConcurrency), or set concurrencyLimit to what they "
    "take; where the gateway queues, say so by the annotation autoscaler.faas.dev/enforces.",
}


def cap_of(
    limit: float,
    enforced: float | None,
    may_queue: bool,
    *,
    concurrency: float | None,
    in_flight: float | None,
    replicas: float,
) -> Cap:
    """Compare for one function; arguments as `cap_states` has them, None where it has nan."""

    def one(value: float | None) -> Floats:
        return np.array([math.nan if value is None else value])

    states = cap_states(
        one(limit),
        one(enforced),
        np.array([may_queue]),
        concurrency=one(concurrency),
        in_flight=one(in_flight),
        replicas=one(replicas),
    )
    seen = None if concurrency is None or in_flight is None else min(concurrency, in_flight) / max(replicas, 1.0)
    return Cap(CapState(int(states[0])), limit if math.isfinite(limit) else None, enforced, seen)
