"""One group of alerts as Alertmanager tells it."""

from collections.abc import Iterator
from math import inf

import numpy as np

from autoscaler.core.columns import Bools, Ints

FORGOTTEN_AFTER_S = 240.0
"""An alert that Prometheus tells no more has ended after so long: four times the longer of its interval and a minute."""

Told = tuple[Ints, Ints]
"""Alerts that fire, and alerts that have ended, of one notification."""


class AlertGroup:
    """Which alerts fire, what was told of them, and when the next flush is.

    Args:
        alerts: how many there may be.
        wait_s: from the first alert of a new group to its first flush.
        interval_s: between flushes.
        repeat_s: a notification that says nothing new is sent after more than this.
    """

    def __init__(self, alerts: int, wait_s: float, interval_s: float, repeat_s: float) -> None:
        self._wait_s, self._interval_s, self._repeat_s = wait_s, interval_s, repeat_s
        self._ends_s = np.full(alerts, -inf)  # until when each fires
        self._told: Bools = np.zeros(alerts, np.bool_)
        self._told_s = -inf
        self._flush_s = inf

    def tell(self, now_s: float, is_firing: Bools) -> None:
        """Take in what an evaluation of all rules came to."""
        self._ends_s[is_firing] = now_s + FORGOTTEN_AFTER_S
        self._ends_s[~is_firing] = np.minimum(self._ends_s[~is_firing], now_s)
        if self._flush_s == inf and is_firing.any():
            self._flush_s = now_s + self._wait_s

    def flush(self, now_s: float) -> Iterator[Told]:
        """Give the notifications of all flushes that are due, in their order."""
        while self._flush_s <= now_s:
            at_s, self._flush_s = self._flush_s, self._flush_s + self._interval_s
            is_firing = self._ends_s > at_s
            ended = self._told & ~is_firing
            is_new = bool((is_firing & ~self._told).any() or ended.any())
            if is_new or (is_firing.any() and at_s - self._told_s > self._repeat_s):
                yield np.flatnonzero(is_firing), np.flatnonzero(ended)
                self._told, self._told_s = is_firing, at_s
            if not is_firing.any():
                self._flush_s = inf  # an empty group is no more; the next alert begins a new one
