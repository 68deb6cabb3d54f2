"""What a platform in the path of the requests knows by itself: every request, at once, without a Prometheus between."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from autoscaler.core.columns import Bools, Floats, Ints
from autoscaler.core.fleet import FunctionKey
from autoscaler.simulator.platform import Platform


class Use(NamedTuple):
    """What functions were used for since the look before. All `(functions,)`.

    Attributes:
        is_used: a request came, or is being served or waits.
        needed: float64, replicas that the requests in flight need; one at least where it was used.
    """

    is_used: Bools
    needed: Floats


class Watched:
    """Counters of the functions of a fleet, in its order.

    Args:
        keys: the functions.
        platform: looked at, never changed.
    """

    def __init__(self, keys: Sequence[FunctionKey], platform: Platform) -> None:
        row_of = {key: row for row, key in enumerate(platform.keys)}
        self._rows = np.array([row_of[key] for key in keys], np.int64)
        self._platform = platform
        self.limits = np.array([platform.spec(key).concurrency_limit for key in keys], np.float64)
        self._started = np.zeros(len(self._rows))

    def requested(self) -> Floats:
        return self._platform.requested_column()[self._rows]

    def ready(self) -> Floats:
        return self._platform.ready_column()[self._rows]

    def use(self) -> Use:
        """Look at who was used since the last look."""
        started = self._platform.started_column()[self._rows]
        in_flight = started - self._platform.finished_column()[self._rows]
        is_used = (started > self._started) | (in_flight > 0)
        self._started = started
        return Use(is_used, np.maximum(np.ceil(in_flight / self.limits), is_used))

    def needed_for(self, rows: Ints, requests: Floats) -> Floats:
        """Give the replicas that so many requests need, one at least."""
        result: Floats = np.maximum(np.ceil(requests / self.limits[rows]), 1.0)
        return result
