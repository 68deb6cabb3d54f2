"""Proof of zero where no in-flight signal is: silence that outlasts the longest request."""

import numpy as np

from autoscaler.core.columns import Bools, Floats, Ints


class QuietStretches:
    """Since when each function has been silent without a gap. Rows are those of the fleet.

    A call that runs moves no counter, so a range without movement proves nothing until the silence is longer
    than the longest request that the gateway lets run.
    """

    def __init__(self, rows: int = 0) -> None:
        self._since_s = np.full(rows, np.nan)
        self._until_s = np.full(rows, np.nan)

    def moved(self, origin: Ints) -> "QuietStretches":
        """Give the stretches of a changed fleet; `origin` as `layout.moved_rows` gives it."""
        stretches = QuietStretches(len(origin))
        kept = np.flatnonzero(origin >= 0)
        stretches._since_s[kept] = self._since_s[origin[kept]]
        stretches._until_s[kept] = self._until_s[origin[kept]]
        return stretches

    def proven(self, rows: Ints, is_quiet: Bools, needs_s: Floats, now_s: float, range_s: float) -> Bools:
        """Take in a sample and tell where silence proves zero.

        Args:
            rows: `(sampled,) int64`, rows of the fleet that the sample is of.
            is_quiet: `(sampled,) bool`, the range was covered and silent.
            needs_s: `(sampled,) float64`, silence needed, seconds.
            now_s: end of the sample's range, monotonic seconds.
            range_s: its length.
        """
        quiet = rows[is_quiet]
        broken = quiet[~(self._until_s[quiet] >= now_s - range_s)]
        self._since_s[broken] = now_s - range_s
        self._until_s[quiet] = now_s
        loud = rows[~is_quiet]
        self._since_s[loud] = self._until_s[loud] = np.nan
        lasted_s = now_s - self._since_s[rows]
        with np.errstate(invalid="ignore"):
            result: Bools = is_quiet & (lasted_s > needs_s)
        return result
