"""Replicas that are ready some time after they were asked for."""

from collections import deque
from math import inf

import numpy as np

from autoscaler.core.columns import Floats, Ints


class Lagging:
    """What was asked for of each function, as far back as the start-up time.

    Args:
        ready: `(functions,) float64`, ready at the beginning.
        start_up_s: seconds from a raise until its replicas are ready.
    """

    def __init__(self, ready: Floats, start_up_s: float) -> None:
        self._start_up_s = start_up_s
        self._asked: deque[tuple[float, Floats]] = deque([(-inf, ready)])

    def ready(self, now_s: float, requested: Floats) -> Floats:
        """Give the replicas that have been asked for throughout the start-up time; those that end are gone at once."""
        self._asked.append((now_s, requested.copy()))
        while len(self._asked) > 1 and self._asked[1][0] <= now_s - self._start_up_s:
            self._asked.popleft()
        ready = self._asked[0][1].copy()
        for _, asked in self._asked:
            np.minimum(ready, asked, out=ready)
        return ready

    def carry(self, before: "Lagging", new: Ints, old: Ints) -> None:
        """Take over what was asked for of functions that were there before.

        Args:
            new: their rows here.
            old: their rows there.
        """
        first = self._asked[0][1]
        self._asked = deque((at_s, _moved(asked, first, new, old)) for at_s, asked in before._asked)


def _moved(asked: Floats, otherwise: Floats, new: Ints, old: Ints) -> Floats:
    moved = otherwise.copy()
    moved[new] = asked[old]
    return moved
