"""Replicas as they are at this moment: the last tick's columns, and what the watch has told since."""

from collections.abc import Callable

import numpy as np

from autoscaler.core.columns import Floats
from autoscaler.core.decisions import Decisions
from autoscaler.core.fleet import Fleet, FunctionKey


class Present:
    """Answers for one function what would cost whole columns to read, a thousand times a second if need be.

    Args:
        serving: gives the ready endpoints of a function's Service; None: it has none, or they are not known.
    """

    def __init__(self, serving: Callable[[FunctionKey], int | None]) -> None:
        self._serving = serving
        self._fleet: Fleet | None = None
        self._requested: Floats = np.zeros(0)
        self._ready: Floats = np.zeros(0)
        self._desired: Floats = np.zeros(0)
        self._since: dict[FunctionKey, tuple[int, int]] = {}

    def observed(self, fleet: Fleet, requested: Floats, ready: Floats) -> None:
        """Start from a tick's columns."""
        if fleet is not self._fleet:
            self._desired = requested.copy()
        self._fleet, self._requested, self._ready = fleet, requested, ready
        self._since.clear()

    def heard(self, key: FunctionKey, requested: int, ready: int) -> None:
        """Note what the watch tells; of Deployments outside the fleet nothing is kept."""
        if self._fleet is not None and key in self._fleet.row_of:
            self._since[key] = (requested, ready)

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

    def staying(self, key: FunctionKey) -> int:
        """Give replicas that can serve and will stay: a function that was just decided to go to zero has none."""
        row = self._fleet.row_of.get(key) if self._fleet is not None else None
        return self.ready(key) if row is not None and self._desired[row] >= 1 else 0
