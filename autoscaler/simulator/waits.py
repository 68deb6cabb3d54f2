"""How long requests waited, in memory that does not grow with their number."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from autoscaler.core.columns import Floats, Ints
from autoscaler.simulator.kernels.parts import BINS, BINS_AN_OCTAVE, LOWEST

EXACT = 2_048
"""Waits of a function that are kept as they are; with one more they go into bins."""


@dataclass(frozen=True, eq=False)
class Waits:
    """Waits of the requests that waited; all others waited 0.

    Of few each is there; of many those of a bin count as its middle, which is off by less than 0.8 %. Sum and longest
    are exact.

    Attributes:
        values_s: `(values,) float64`, seconds, in no order.
        counts: `(values,) int64`, requests that waited so long.
        total_s: sum of all waits, seconds.
        longest_s: the longest; 0 where none waited.
    """

    values_s: Floats
    counts: Ints
    total_s: float
    longest_s: float

    def __len__(self) -> int:
        """Give the requests that waited."""
        return int(self._up_to[-1]) if len(self._up_to) else 0

    def quantile_s(self, fraction: float, requests: int) -> float | None:
        """Give the wait that this fraction of all requests did not exceed (nearest rank); None: no request.

        Args:
            requests: all there were, those that did not wait included.
        """
        if not requests:
            return None
        rank = max(int(np.ceil(fraction * requests)), 1) - (requests - len(self))
        if rank <= 0:
            return 0.0
        if rank == len(self):
            return self.longest_s
        return min(float(self._sorted_s[np.searchsorted(self._up_to, rank)]), self.longest_s)

    @cached_property
    def _order(self) -> Ints:
        return np.argsort(self.values_s, kind="stable")

    @cached_property
    def _sorted_s(self) -> Floats:
        return self.values_s[self._order]

    @cached_property
    def _up_to(self) -> Ints:
        return np.cumsum(self.counts[self._order])


def waits_of(values_s: Floats) -> Waits:
    """Give waits that are known one by one."""
    total_s, longest_s = float(np.sum(values_s)), float(np.max(values_s, initial=0.0))
    return Waits(values_s, np.ones(len(values_s), dtype=np.int64), total_s, longest_s)


def all_of(parts: Sequence[Waits]) -> Waits:
    """Give the waits of several together; equal ones are counted up, so that bins of many functions stay few."""
    values_s = np.concatenate([np.empty(0), *(part.values_s for part in parts)])
    counts = np.concatenate([np.empty(0, dtype=np.int64), *(part.counts for part in parts)])
    values_s, at = np.unique(values_s, return_inverse=True)
    return Waits(
        values_s,
        np.bincount(at, weights=counts, minlength=len(values_s)).astype(np.int64),
        total_s=float(sum(part.total_s for part in parts)),
        longest_s=max((part.longest_s for part in parts), default=0.0),
    )


def bins_of(waits_s: Floats) -> Floats:
    """Count waits by their bins: `(BINS,) float64`."""
    fraction, octave = np.frexp(waits_s)
    places = (octave - 1 - LOWEST) * BINS_AN_OCTAVE + ((2 * fraction - 1) * BINS_AN_OCTAVE).astype(np.int64)
    return np.bincount(np.clip(places, 0, BINS - 1), minlength=BINS).astype(np.float64)


def of_bins(counts: Floats) -> tuple[Floats, Ints]:
    """Give the middles of the bins that hold waits, seconds, and how many each holds; the lowest counts as 0."""
    places = np.flatnonzero(counts)
    octave, part = np.divmod(places, BINS_AN_OCTAVE)
    middles_s = np.ldexp(1 + (part + 0.5) / BINS_AN_OCTAVE, octave + LOWEST)
    return np.where(places == 0, 0.0, middles_s), counts[places].astype(np.int64)
