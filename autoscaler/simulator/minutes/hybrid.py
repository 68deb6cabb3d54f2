"""The hybrid histogram policy on a grid of steps."""

from dataclasses import dataclass, field

import numpy as np

from autoscaler.simulator.baselines.histogram import IdleHistograms
from autoscaler.simulator.baselines.settings import Hybrid
from autoscaler.simulator.minutes.counts import Containers
from autoscaler.simulator.minutes.maxima import Maxima, before


@dataclass(frozen=True, slots=True)
class HybridHistogram:
    """Unloads a function, and loads it ahead of the call that its idle times promise.

    A function that needs containers in two steps in a row was not idle between them. Where it was, its idle time is the
    distance of the two steps: on average that is what lies between a call somewhere in one and a call somewhere in the
    other. Containers beyond the first are kept for a fixed time, unless the first is unloaded meanwhile.

    Attributes:
        settings: bins, percentiles, margins.
        step_s: length of a step, seconds.
    """

    settings: Hybrid
    step_s: float
    block_cells: int = field(default=1 << 22, init=False)

    @property
    def title(self) -> str:
        return f"hybrid histogram of {self.settings.range / 3600:g} h"

    def kept(self, maxima: Maxima, containers: Containers) -> Containers:
        rows, steps = containers.shape
        histograms = IdleHistograms(rows, self.settings)
        recent = before(maxima.over(max(round(self.settings.keep / self.step_s), 1)))
        result = np.zeros_like(containers)
        last = np.full(rows, -1)
        for step in range(steps):
            distance = step - last
            idle_s = distance * self.step_s
            prewarm_s, keep_s = histograms.prewarm_s, histograms.keep_s
            is_next, was_used = distance == 1, last >= 0
            is_loaded = was_used & (is_next | ((idle_s >= prewarm_s) & (idle_s <= prewarm_s + keep_s)))
            several = np.maximum(recent[:, step], 1)
            result[:, step] = is_loaded * np.where((prewarm_s > 0) & ~is_next, 1, several)
            is_active = containers[:, step] > 0
            woken = np.flatnonzero(is_active & was_used & ~is_next)
            if len(woken):
                histograms.seen(woken, idle_s[woken])
            last[is_active] = step
        return result
