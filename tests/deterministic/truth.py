"""What the true load needed at any second, and since when which order stood: what a daemon is judged by."""

from collections import defaultdict
from collections.abc import Mapping
from math import ceil, inf

import numpy as np

from autoscaler.core.columns import Floats, Ints
from autoscaler.core.fleet import FunctionKey
from tests.deterministic.documents import MOST, STABLE_S, TARGET, ZERO_AFTER_S
from tests.deterministic.site import SCRAPE_S, Drawn, Site

MARGIN = 0.35
"""Replicas by which the mean of a window may be measured too low: a scrape of a dip shorter than it counts whole."""
AHEAD_S = 2
"""Seconds by which a mean over the ticks' samples may be newer than that over all seconds: half a tick."""


class Truth:
    """The load and the orders as they are.

    Attributes:
        lag_s: seconds by which a write may follow what was measured: a scrape, the tick after it, and one more.
    """

    def __init__(self, site: Site) -> None:
        self.lag_s = SCRAPE_S + 0.5 + 2 * site.settings.tick
        self._site = site
        self._demand: dict[FunctionKey, Ints] = {}
        self._hidden: Mapping[str, list[list[float]]] = defaultdict(list)
        times_s = np.arange(0.0, site.end_s + 200.0)
        for one in site.functions:
            self._demand[one.key] = _demand(one, times_s)

    def hide(self, source: str, from_s: float) -> list[float]:
        """Note that a source does not show its load from now on; the second number is to be set at the end."""
        span = [from_s, inf]
        self._hidden[source].append(span)
        return span

    def demand(self, key: FunctionKey, at_s: float) -> int:
        """Give the replicas that the stable window before a second needed."""
        return int(self._demand[key][int(at_s)])

    def most_within(self, key: FunctionKey, from_s: float, to_s: float) -> int:
        """Give the largest demand of a stretch."""
        found = self._demand[key][max(0, int(from_s)) : int(to_s) + 1]
        return int(found.max(initial=0))

    def least_within(self, key: FunctionKey, from_s: float, to_s: float) -> int:
        """Give the smallest demand of a stretch."""
        return self._least(key, int(from_s), int(to_s))

    def need(self, one: Drawn, at_s: float, since_s: float) -> int:
        """Give the fewest replicas to which the load gives a reason to cut.

        It is the largest demand of the look-back, each as the smallest of what it was within `lag_s` of its second, since
        nobody can say at which moment it was measured. Stretches in which it was not shown are left out.

        Args:
            since_s: when whoever cuts began to look at this function.
        """
        lag = ceil(self.lag_s)
        look_s = max(at_s - one.rules.stabilization_s + lag, since_s + STABLE_S + lag)
        seconds = [int(at_s) - lag, *range(int(look_s) + 1, int(at_s) - lag)]
        shown = [second for second in seconds if second >= lag and self.is_shown(one, second - lag, second + lag)]
        return max((self._least(one.key, second - lag, second + lag + AHEAD_S) for second in shown), default=0)

    def was_called(self, one: Drawn, at_s: float) -> bool:
        """Tell whether a request came within the keep-alive before a second, by more than `lag_s`."""
        workload = one.workload()
        begin, end = np.array([max(0.0, at_s - ZERO_AFTER_S + self.lag_s), max(0.0, at_s - self.lag_s)])
        counts = workload.cumulative(np.array([begin, max(begin, end)]))
        return bool(counts[1] - counts[0] > 1.0)

    def _least(self, key: FunctionKey, from_second: int, to_second: int) -> int:
        return int(self._demand[key][max(0, from_second) : to_second + 1].min())

    def is_shown(self, one: Drawn, from_s: float, to_s: float) -> bool:
        """Tell whether a function's source showed its load over a stretch, and a stable window before and after."""
        spans = self._hidden[self._site.source_of[one.tenant]]
        return not any(begin < to_s + STABLE_S and from_s - STABLE_S < end for begin, end in spans)


def _demand(one: Drawn, times_s: Floats) -> Ints:
    """Give what the load needs at every second, averaged as it is defined: a mean of means over the source's range."""
    workload, range_s = one.workload(), 4 * SCRAPE_S
    counts = workload.cumulative(times_s)
    samples = (counts - workload.cumulative(np.maximum(times_s - range_s, 0.0))) / range_s
    length = int(STABLE_S - range_s)
    mean = np.convolve(samples, np.ones(length), "full")[: len(samples)] / length
    load = mean * (one.service_s if one.rules.metric == "concurrency" else 1.0)
    result: Ints = np.ceil(np.maximum(load / TARGET - MARGIN, 0.0)).astype(np.int64)
    return np.minimum(result, MOST)
