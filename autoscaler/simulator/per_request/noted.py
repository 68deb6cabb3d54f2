"""What the requests of every function waited, in memory that does not grow with their number."""

from collections.abc import Iterable

import numpy as np

from autoscaler.core.columns import Floats, Ints
from autoscaler.simulator.per_request.state import Records
from autoscaler.simulator.waits import EXACT, Waits, bins_of, of_bins

AT_ONCE = 1 << 18
"""Waits that are put to their functions at once."""


class NotedWaits:
    """Waits by function: each of the first ones, the counts of bins beyond."""

    def __init__(self, functions: int) -> None:
        self._parts = [_Part() for _ in range(functions)]
        self._fresh: list[Records] = []
        self._count = 0

    def add(self, waits: Iterable[Records]) -> None:
        """Add waits, `WAIT`."""
        for some in waits:
            self._fresh.append(some)
            self._count += len(some)
        if self._count > AT_ONCE:
            self._sort()

    def of(self, function: int, still_s: Floats) -> Waits:
        """Give the waits of a function.

        Args:
            still_s: what those have waited so far who still wait.
        """
        self._sort()
        return self._parts[function].waits(still_s)

    def _sort(self) -> None:
        if not self._fresh:
            return
        fresh = np.concatenate(self._fresh)
        fresh = fresh[np.argsort(fresh["function"], kind="stable")]
        functions, begins = np.unique(fresh["function"], return_index=True)
        for function, waits_s in zip(functions.tolist(), np.split(fresh["wait_s"], begins[1:]), strict=True):
            self._parts[function].add(waits_s)
        self._fresh, self._count = [], 0


class _Part:
    """The waits of one function."""

    __slots__ = ("_bins", "_count", "_longest_s", "_total_s", "_values")

    def __init__(self) -> None:
        self._values: list[Floats] = []
        self._bins: Floats | None = None
        self._count, self._total_s, self._longest_s = 0, 0.0, 0.0

    def add(self, waits_s: Floats) -> None:
        self._count += len(waits_s)
        self._total_s += float(np.sum(waits_s))
        self._longest_s = max(self._longest_s, float(np.max(waits_s)))
        if self._bins is not None:
            self._bins += bins_of(waits_s)
            return
        self._values.append(waits_s)
        if self._count > EXACT:
            self._bins = bins_of(np.concatenate(self._values))
            self._values = []

    def waits(self, still_s: Floats) -> Waits:
        values_s, counts = self._kept()
        return Waits(
            np.concatenate([values_s, still_s]),
            np.concatenate([counts, np.ones(len(still_s), np.int64)]),
            total_s=self._total_s + float(np.sum(still_s)),
            longest_s=max(self._longest_s, float(np.max(still_s, initial=0.0))),
        )

    def _kept(self) -> tuple[Floats, Ints]:
        if self._bins is not None:
            return of_bins(self._bins)
        values_s = np.concatenate([np.empty(0), *self._values])
        return values_s, np.ones(len(values_s), np.int64)
