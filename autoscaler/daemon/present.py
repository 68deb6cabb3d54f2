"""Replicas as they are at this moment: the last tick's columns, and what the watch has told since."""

from collections.abc import Callable

import numpy as np

from autoscaler.core.columns import Floats
from autoscaler.core.decisions import Decisions
from autoscaler.core.fleet import Fleet, FunctionKey
from autoscaler.ports import Clock

LEAVING_S = 2.0
"""How long replicas that were seen before a function went to zero and back are taken for those of before. Controllers
end them within some 100 ms; one that never came to see the zero leaves them where they are, and they serve on."""
MOST_LEAVING = 1_000
"""Functions of which that is kept before those are forgotten with whom it is over."""


class Present:
    """Answers for one function what would cost whole columns to read, a thousand times a second if need be.

    Args:
        serving: gives the ready endpoints of a function's Service; None: it has none, or they are not known.
        clock: measures for how long replicas are those of before.
    """

    def __init__(self, serving: Callable[[FunctionKey], int | None], clock: Clock) -> None:
        self._serving = serving
        self._clock = clock
        self._fleet: Fleet | None = None
        self._requested: Floats = np.zeros(0)
        self._ready: Floats = np.zeros(0)
        self._desired: Floats = np.zeros(0)
        self._since: dict[FunctionKey, tuple[int, int]] = {}
        self._leaving_s: dict[FunctionKey, float] = {}

    def observed(self, fleet: Fleet, requested: Floats, ready: Floats) -> None:
        """Start from a tick's columns."""
        if fleet is not self._fleet:
            self._desired = requested.copy()
        self._fleet, self._requested, self._ready = fleet, requested, ready
        self._since.clear()
        now_s = self._clock.now().monotonic_s
        for row in np.flatnonzero((requested == 0) & (ready > 0)).tolist():
            self._leaving_s[fleet.keys[row]] = now_s
        if len(self._leaving_s) > MOST_LEAVING:
            late = [key for key, at_s in self._leaving_s.items() if now_s - at_s > LEAVING_S]
            for key in late:
                del self._leaving_s[key]

    def heard(self, key: FunctionKey, requested: int, ready: int) -> None:
        """Note what the watch tells; of Deployments outside the fleet nothing is kept."""
        row = None if self._fleet is None else self._fleet.row_of.get(key)
        if row is None:
            return
        if key in self._since or (requested, ready) != (self._requested[row], self._ready[row]):
            self._since[key] = (requested, ready)
        if self.reachable(key, ready) == 0:
            self._leaving_s.pop(key, None)
        elif requested == 0:
            self._leaving_s[key] = self._clock.now().monotonic_s

    def decided(self, decisions: Decisions) -> None:
        """Note what a step wants."""
        if decisions.fleet is self._fleet:
            self._desired[decisions.rows] = decisions.desired

    def ready(self, key: FunctionKey) -> int:
        """Give replicas that can serve now; those that remain after `spec.replicas` went to 0 count as none."""
        row = self._fleet.row_of.get(key) if self._fleet is not None else None
        if row is None:
            return 0
        requested, ready = self._since.get(key, (int(self._requested[row]), int(self._ready[row])))
        return self.reachable(key, ready) if requested >= 1 else 0

    def reachable(self, key: FunctionKey, ready: int) -> int:
        """Give how many of these ready replicas can be reached: through a Service, those that are its endpoints.

        A Pod is ready some 10 to 100 ms before it is an endpoint, and a request that is released in between finds
        nobody behind the Service.
        """
        serving = self._serving(key) if ready >= 1 else None
        return ready if serving is None else min(ready, serving)

    def is_leaving(self, key: FunctionKey) -> bool:
        """Tell whether the replicas that are there may be those of before the function was at zero, which are ending.

        A count of ready ones and an endpoint say nothing of it, nor does a connection: they serve until they end.
        """
        at_s = self._leaving_s.get(key)
        return at_s is not None and self._clock.now().monotonic_s - at_s < LEAVING_S

    def is_wanted(self, key: FunctionKey) -> bool:
        """Tell whether the last step that was about a function wants a replica of it."""
        row = self._fleet.row_of.get(key) if self._fleet is not None else None
        return row is not None and bool(self._desired[row] >= 1)

    def staying(self, key: FunctionKey) -> int:
        """Give replicas that can serve and will stay: a function that was just decided to go to zero has none."""
        return self.ready(key) if self.is_wanted(key) else 0
