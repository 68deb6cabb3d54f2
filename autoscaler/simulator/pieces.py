"""A rate that is constant from time to time, counted up."""

from dataclasses import dataclass

import numpy as np

from autoscaler.core.columns import Floats


@dataclass(frozen=True, slots=True, eq=False)
class Pieces:
    """Rates from 0 on, each until the next; after the last it stays, or all begin anew.

    Attributes:
        at_s: `(pieces,) float64`, seconds at which each begins, ascending, the first 0.
        rate: `(pieces,) float64`, per second, >= 0.
        counts: `(pieces,) float64`, counted from 0 to the beginning of each.
        repeat_s: seconds after which all begin anew; None: never.
    """

    at_s: Floats
    rate: Floats
    counts: Floats
    repeat_s: float | None

    @classmethod
    def of(cls, at_s: Floats, rate: Floats, repeat_s: float | None = None) -> "Pieces":
        """Count rates up.

        Args:
            at_s: may hold 0 twice; the later one counts.
        """
        lasts = np.append(np.diff(at_s) > 0, True)
        at_s, rate = at_s[lasts], rate[lasts]
        counts = np.concatenate([[0.0], np.cumsum(np.diff(at_s) * rate[:-1])])
        return cls(at_s, rate, counts, repeat_s)

    def knots(self, start_s: float, end_s: float) -> Floats:
        """Give the times between which the rate is constant, both ends included, ascending."""
        at_s = self.at_s
        if self.repeat_s is not None:
            rounds = np.arange(np.floor(start_s / self.repeat_s), np.ceil(end_s / self.repeat_s))
            at_s = (at_s[None, :] + rounds[:, None] * self.repeat_s).ravel()
        first, last = np.searchsorted(at_s, start_s, side="right"), np.searchsorted(at_s, end_s, side="left")
        return np.concatenate([[start_s], at_s[first:last], [end_s]])

    def span_of(self, pieces: int) -> float:
        """Give the seconds that hold at most about so many pieces; inf where they do not begin anew."""
        return np.inf if self.repeat_s is None else max(pieces // len(self.at_s), 1) * self.repeat_s

    def cumulative(self, times_s: Floats) -> Floats:
        """Give the count from 0 to each time."""
        if self.repeat_s is None:
            return self._along(times_s)
        rounds, rest = np.divmod(times_s, self.repeat_s)
        of_a_round = self.counts[-1] + (self.repeat_s - self.at_s[-1]) * self.rate[-1]
        result: Floats = rounds * of_a_round + self._along(rest)
        return result

    def _along(self, times_s: Floats) -> Floats:
        piece = np.searchsorted(self.at_s, times_s, side="right") - 1
        result: Floats = self.counts[piece] + (times_s - self.at_s[piece]) * self.rate[piece]
        return result
