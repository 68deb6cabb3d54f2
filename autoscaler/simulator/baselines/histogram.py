"""The hybrid histogram policy's mathematics: from idle times to when a function is unloaded, loaded and unloaded again.

Source: Shahrad et al., "Serverless in the Wild" (USENIX ATC 2020), §4.2: idle times in bins of a minute up to four hours;
the 5th and the 99th percentile, rounded outwards to a bin and moved outwards by 10 %, say when to load before the next
call and how long to keep; where the bins say nothing (coefficient of variation below 2) it is kept for the whole range;
where most idle times are beyond the range a forecast of the next one decides, with 15 % either way. Ours differs in
that forecast: an autoregression of the first order over the last 16 idle times in place of an ARIMA fitted anew at
each call. Histograms are not aged.
"""

import numpy as np
from numpy.typing import NDArray

from autoscaler.core.columns import Floats, Ints
from autoscaler.simulator.baselines.settings import Histogram

Counts = NDArray[np.int32]

REMEMBERED = 16
"""Idle times that a forecast is made of."""


class IdleHistograms:
    """Idle times of functions, and what follows from them.

    Attributes:
        prewarm_s: `(functions,) float64`, seconds that a function is unloaded after it went idle; 0: it stays loaded.
        keep_s: `(functions,) float64`, seconds that it is loaded from then on, if no call comes.

    Args:
        functions: how many.
        settings: bins, percentiles, margins.
    """

    def __init__(self, functions: int, settings: Histogram) -> None:
        self._settings = settings
        self._bins = np.zeros((functions, round(settings.range / settings.bin)), np.int32)
        self._beyond = np.zeros(functions, np.int64)
        self._last = np.full((functions, REMEMBERED), np.nan)
        self.prewarm_s: Floats = np.zeros(functions)
        self.keep_s: Floats = np.full(functions, settings.range)

    def seen(self, rows: Ints, idle_s: Floats) -> None:
        """Learn how long functions were idle until a call came.

        Args:
            rows: `(rows,) int64`, each once.
            idle_s: `(rows,) float64`, from the end of the last execution to the call.
        """
        number = np.floor(idle_s / self._settings.bin).astype(np.int64)
        is_within = number < self._bins.shape[1]
        self._bins[rows[is_within], number[is_within]] += 1
        self._beyond[rows[~is_within]] += 1
        self._last[rows] = np.roll(self._last[rows], -1, axis=1)
        self._last[rows, -1] = idle_s
        self._renew(rows)

    def _renew(self, rows: Ints) -> None:
        """Work out the windows of some functions anew."""
        settings, bins = self._settings, self._bins[rows]
        known = bins.sum(axis=1)
        all_seen = known + self._beyond[rows]
        prewarm_s, keep_s = np.zeros(len(rows)), np.full(len(rows), settings.range)
        is_clear = _variation(bins) >= settings.cv
        prewarm_s[is_clear], keep_s[is_clear] = _of_bins(settings, bins[is_clear])
        is_rare = self._beyond[rows] > settings.out_of_bounds * all_seen
        expected_s = forecast(self._last[rows[is_rare]])
        prewarm_s[is_rare] = (1 - settings.forecast_margin) * expected_s
        keep_s[is_rare] = 2 * settings.forecast_margin * expected_s
        self.prewarm_s[rows], self.keep_s[rows] = prewarm_s, keep_s


def forecast(idle_s: Floats) -> Floats:
    """Expect the next idle time of each function from its last ones.

    Args:
        idle_s: `(functions, last) float64`, oldest first, one at least in each; nan: there were not so many.

    Returns:
        `(functions,)`: the mean, moved towards the last one by the correlation of neighbours; within what was seen.
    """
    mean = np.nanmean(idle_s, axis=1) if len(idle_s) else np.empty(0)
    off = idle_s - mean[:, None]
    together = np.nansum(off[:, 1:] * off[:, :-1], axis=1)
    alone = np.nansum(off * off, axis=1)
    slope = np.divide(together, alone, out=np.zeros_like(mean), where=alone > 0)
    expected = mean + np.clip(slope, -1.0, 1.0) * off[:, -1]
    low, high = (np.nanmin(idle_s, axis=1), np.nanmax(idle_s, axis=1)) if len(idle_s) else (mean, mean)
    result: Floats = np.clip(expected, low, high)
    return result


def _variation(bins: Counts) -> Floats:
    """Give the coefficient of variation of each row's counts: 0 where all bins are alike, or empty."""
    mean = bins.mean(axis=1)
    result: Floats = np.divide(bins.std(axis=1), mean, out=np.zeros(len(bins)), where=mean > 0)
    return result


def _of_bins(settings: Histogram, bins: Counts) -> tuple[Floats, Floats]:
    """Give when to load and for how long, from rows with one count at least."""
    counted = bins.cumsum(axis=1)
    total = counted[:, -1:]
    head = (counted >= np.maximum(settings.head * total, 1)).argmax(axis=1)
    tail = (counted >= settings.tail * total).argmax(axis=1)
    prewarm_s = head * settings.bin * (1 - settings.margin)
    return prewarm_s, (tail + 1) * settings.bin * (1 + settings.margin) - prewarm_s
