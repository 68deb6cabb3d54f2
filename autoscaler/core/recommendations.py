"""The largest recommendation of a look-back, per function, without keeping every tick's."""

import numpy as np

from autoscaler.core.columns import Floats, Ints

STEPS = 16
"""Falls remembered per function. Where there are more, those of one fourteenth of the window become one, the largest
value with the latest time: it holds longer than it should by less than that fourteenth, and never lets go too early."""


class Recommendations:
    """A sliding maximum for each function, over a window of its own.

    Only falls need to be remembered: a recommendation that a later, larger one follows can never be the maximum
    again. So each row keeps a short list of falling values with the last time at which each held, and rows whose
    recommendation stays the same cost nothing but a comparison.

    Attributes:
        peak: `(functions,) float64`, largest earlier recommendation within the window; 0: none.
    """

    def __init__(self, functions: int) -> None:
        self.last = np.zeros(functions)
        self.last_s = np.zeros(functions)
        self.peak = np.zeros(functions)
        self.peak_ends_s = np.full(functions, np.inf)
        self.values = np.zeros((functions, STEPS))
        self.times_s = np.zeros((functions, STEPS))
        self.count = np.zeros(functions, np.int64)

    def begin(self, rows: Ints, replicas: Floats, now_s: float) -> None:
        """Count what runs as a recommendation of functions that are new."""
        self.last[rows] = replicas
        self.last_s[rows] = now_s

    def carry(self, new: Ints, source: "Recommendations", old: Ints, window_s: Floats) -> None:
        """Take over what another instance knows of the same functions, and apply windows that may have changed."""
        for name in ("last", "last_s", "values", "times_s", "count"):
            getattr(self, name)[new] = getattr(source, name)[old]
        self._front(new, window_s)

    def record(self, wanted: Floats, unsure: Ints, window_s: Floats, now_s: float) -> None:
        """Take a tick's recommendations.

        Args:
            wanted: `(functions,) float64`, whole replicas; kept, so the caller must not change it afterwards.
            unsure: rows whose load is unknown or a lower bound: meanwhile their last recommendation stands, if it is
                larger. What may lower nothing ages nothing either.
            window_s: `(functions,) float64`, look-back, seconds.
            now_s: monotonic seconds.
        """
        if unsure.size:
            wanted[unsure] = np.maximum(wanted[unsure], self.last[unsure])
        changed = np.flatnonzero(wanted != self.last)
        if changed.size:
            falls = wanted[changed] < self.last[changed]
            self._push(changed[falls], window_s, now_s)
            self._drop_smaller(changed[~falls], wanted)
        self.last = wanted
        self.last_s.fill(now_s)
        ended = np.flatnonzero(self.peak_ends_s <= now_s)
        if ended.size:
            self._drop_ended(ended, window_s, now_s)

    def _push(self, rows: Ints, window_s: Floats, now_s: float) -> None:
        rows = rows[window_s[rows] > 0]
        full = rows[self.count[rows] == STEPS]
        if full.size:
            self._drop_ended(full, window_s, now_s)
            self._merge(full[self.count[full] == STEPS], window_s)
        at = self.count[rows]
        self.values[rows, at] = self.last[rows]
        self.times_s[rows, at] = self.last_s[rows]
        self.count[rows] = at + 1
        self._front(rows[at == 0], window_s)

    def _merge(self, rows: Ints, window_s: Floats) -> None:
        """Make room in full rows: falls in one cell of a time grid become one."""
        times, values, place = self.times_s[rows], self.values[rows], np.arange(len(rows))[:, None]
        cell = np.floor(times / (window_s[rows][:, None] / (STEPS - 2)))
        is_last = np.ones(times.shape, bool)
        is_last[:, :-1] = cell[:, 1:] != cell[:, :-1]
        is_first = np.roll(is_last, 1, axis=1)
        merged = np.cumsum(is_first, axis=1) - 1
        place = np.broadcast_to(place, times.shape)
        self.values[rows[place[is_first]], merged[is_first]] = values[is_first]
        self.times_s[rows[place[is_last]], merged[is_last]] = times[is_last]
        self.count[rows] = merged[:, -1] + 1
        self._front(rows, window_s)

    def _drop_smaller(self, rows: Ints, wanted: Floats) -> None:
        rows = rows[self.count[rows] > 0]
        is_entry = np.arange(STEPS)[None, :] < self.count[rows][:, None]
        self.count[rows] = (is_entry & (self.values[rows] > wanted[rows][:, None])).sum(axis=1)
        empty = rows[self.count[rows] == 0]
        self.peak[empty] = 0.0
        self.peak_ends_s[empty] = np.inf

    def _drop_ended(self, rows: Ints, window_s: Floats, now_s: float) -> None:
        index = np.arange(STEPS)[None, :]
        is_entry = index < self.count[rows][:, None]
        ended = (is_entry & (self.times_s[rows] + window_s[rows][:, None] <= now_s)).sum(axis=1)
        source = np.minimum(index + ended[:, None], STEPS - 1)
        self.values[rows] = np.take_along_axis(self.values[rows], source, axis=1)
        self.times_s[rows] = np.take_along_axis(self.times_s[rows], source, axis=1)
        self.count[rows] -= ended
        self._front(rows, window_s)

    def _front(self, rows: Ints, window_s: Floats) -> None:
        has = self.count[rows] > 0
        self.peak[rows] = self.values[rows, 0] * has
        self.peak_ends_s[rows] = np.where(has, self.times_s[rows, 0] + window_s[rows], np.inf)
