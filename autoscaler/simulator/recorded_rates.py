"""Arrivals at rates that were recorded elsewhere, gaps included."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from autoscaler.core.columns import Floats
from autoscaler.simulator.pieces import Pieces
from autoscaler.simulator.workload import MOST_KNOTS, MOST_RATE, Spacing, Workload


@dataclass(frozen=True, eq=False)
class RecordedRates(Workload):
    """Rates from time to time, as a file or a Prometheus had them: a piecewise constant rate.

    Attributes:
        edges_s: `(rows + 1,) float64`, seconds at which each row begins, and at which the last one ends; ascending
            from 0.
        rates: `(rows,) float64`, requests/s within each row; nan: not known.
        repeat: begin anew at the end; else nothing is known after it.
        arrivals: the spacing.

    Raises:
        ValueError: edges or rates that are none.
    """

    edges_s: Floats
    rates: Floats
    repeat: bool = False
    arrivals: Spacing = "poisson"

    def __post_init__(self) -> None:
        edges_s, rates = self.edges_s, self.rates
        if len(rates) < 1 or len(edges_s) != len(rates) + 1:
            raise ValueError(f"{len(edges_s)} edges for {len(rates)} rates; one edge more than rates, and one rate")
        if edges_s[0] != 0 or not np.all(np.diff(edges_s) > 0) or not np.isfinite(edges_s[-1]):
            raise ValueError("edges that do not ascend from 0")
        if np.any(rates < 0) or np.any(rates > MOST_RATE):
            raise ValueError(f"rates that are not within 0 and {MOST_RATE:g} requests/s")

    @property
    def length_s(self) -> float:
        """Seconds that were recorded."""
        return float(self.edges_s[-1])

    @cached_property
    def pieces(self) -> Pieces:
        """The rates, counted up; no request is expected where none is known."""
        rate = np.nan_to_num(self.rates)
        if self.repeat:
            return Pieces.of(self.edges_s[:-1], rate, self.length_s)
        return Pieces.of(self.edges_s, np.append(rate, 0.0))

    @property
    def longest_window_s(self) -> float:
        return min(super().longest_window_s, self.pieces.span_of(MOST_KNOTS))

    def knots(self, start_s: float, end_s: float) -> Floats:
        return self.pieces.knots(start_s, end_s)

    def cumulative(self, times_s: Floats) -> Floats:
        return self.pieces.cumulative(times_s)

    def gaps(self, end_s: float) -> Floats:
        """Give the stretches up to an end of which the rate is not known; neighbouring ones are one."""
        unknown = np.flatnonzero(np.isnan(self.rates))
        found = np.stack([self.edges_s[unknown], self.edges_s[unknown + 1]], axis=1)
        if self.repeat:
            rounds = np.arange(np.ceil(end_s / self.length_s)) * self.length_s
            found = (found[None, :, :] + rounds[:, None, None]).reshape(-1, 2)
        elif end_s > self.length_s:
            found = np.append(found, [[self.length_s, end_s]], axis=0)
        found = np.minimum(found[found[:, 0] < end_s], end_s)
        return _joined(found)


def _joined(spans: Floats) -> Floats:
    """Make one span of those that touch."""
    if len(spans) < 2:
        return spans
    is_new = np.append(True, spans[1:, 0] > spans[:-1, 1])
    is_last = np.append(is_new[1:], True)
    return np.stack([spans[is_new, 0], spans[is_last, 1]], axis=1)
