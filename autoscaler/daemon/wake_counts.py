"""How long the parts of wakes take and how wakes end, counted by tenant: fixed buckets, a row for each tenant that woke something."""

from bisect import bisect_left
from collections.abc import Collection, Sequence
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from autoscaler.core.columns import Floats, Ints
from autoscaler.core.wake_state import WakeState
from autoscaler.ports.wakes import Spans, WakeTimes

Number = TypeVar("Number", bound=np.generic)

REQUEST_TO_PATCH_S = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0, 5.0)
"""Milliseconds where nothing stands in the way; seconds where the rate of writes or the API server does."""
PATCH_TO_READY_S = (0.1, 0.25, 0.5, 1.0, 2.0, 5.0, 10.0, 15.0, 25.0, 60.0)
"""What a pod takes to start; 25 s is the hold of a policy that says nothing."""
READY_TO_RELEASED_S = (0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0)
"""50 ms is what is promised at the 99th percentile."""

_BOUNDS_S: tuple[Sequence[float], ...] = (REQUEST_TO_PATCH_S, PATCH_TO_READY_S, READY_TO_RELEASED_S)
REQUEST_TO_PATCH, PATCH_TO_READY, READY_TO_RELEASED = range(3)

_ENDS: tuple[WakeState | None, ...] = (*WakeState, None)
_PLACES = {state: place for place, state in enumerate(_ENDS)}


class WakeCounts:
    """Columns by tenant; they grow by doubling, and a tenant that goes gives its row back."""

    def __init__(self) -> None:
        self._rows: dict[str, int] = {}
        self._counts: list[Ints] = [np.zeros((1, len(bounds) + 1), np.int64) for bounds in _BOUNDS_S]
        self._sums_s: Floats = np.zeros((1, len(_BOUNDS_S)))
        self._ended: Ints = np.zeros((1, len(_ENDS)), np.int64)

    def took(self, part: int, tenant: str, seconds: float, times: int = 1) -> None:
        """Count how long one part of a wake took.

        Args:
            part: `REQUEST_TO_PATCH`, `PATCH_TO_READY` or `READY_TO_RELEASED`.
            times: how often it took so long.
        """
        row = self._row(tenant)
        self._counts[part][row, bisect_left(_BOUNDS_S[part], seconds)] += times
        self._sums_s[row, part] += seconds * times

    def ended(self, tenant: str, state: WakeState | None, requests: int) -> None:
        """Count how requests ended; None: the gateway hung up."""
        row = self._row(tenant)
        self._ended[row, _PLACES[state]] += requests

    def retain(self, tenants: Collection[str]) -> None:
        """Forget tenants that are gone, and with them their room."""
        kept = [(name, row) for name, row in self._rows.items() if name in tenants]
        if len(kept) == len(self._rows):
            return
        rows = [row for _, row in kept]
        self._rows = {name: place for place, (name, _) in enumerate(kept)}
        self._counts = [column[rows] for column in self._counts]
        self._sums_s, self._ended = self._sums_s[rows], self._ended[rows]

    def times(self) -> WakeTimes:
        """Give a copy of all counts."""
        used = len(self._rows)
        ended = {state: self._ended[:used, place].copy() for state, place in _PLACES.items()}
        parts = (REQUEST_TO_PATCH, PATCH_TO_READY, READY_TO_RELEASED)
        to_patch, to_ready, to_released = (self._spans(part, used) for part in parts)
        return WakeTimes(tuple(self._rows), to_patch, to_ready, to_released, ended)

    def _spans(self, part: int, used: int) -> Spans:
        return Spans(np.array(_BOUNDS_S[part]), self._counts[part][:used].copy(), self._sums_s[:used, part].copy())

    def _row(self, tenant: str) -> int:
        row = self._rows.get(tenant)
        if row is None:
            row = self._rows[tenant] = len(self._rows)
            if row >= len(self._sums_s):
                self._grow(max(2 * row, 8))
        return row

    def _grow(self, rows: int) -> None:
        self._counts = [_grown(column, rows) for column in self._counts]
        self._sums_s, self._ended = _grown(self._sums_s, rows), _grown(self._ended, rows)


def _grown(column: NDArray[Number], rows: int) -> NDArray[Number]:
    result = np.zeros((rows, column.shape[1]), column.dtype)
    result[: len(column)] = column
    return result
