"""Replicas of a test's functions: what is asked for is there at once, and ready after the start-up."""

from collections.abc import Sequence

import numpy as np

from autoscaler.core.columns import Codes, Floats
from autoscaler.core.obstacles import Obstacle


class Pods:
    """Requested and ready replicas of all functions.

    Attributes:
        requested: `(functions,) float64`, `spec.replicas`.
        ready: `(functions,) float64`, replicas that can serve.
        obstacle: `(functions,) uint8`, `Obstacle` that keeps new replicas from becoming ready.
    """

    def __init__(self, requested: Sequence[int], start_s: Sequence[float], created_s: Sequence[float | None]) -> None:
        """Begin.

        Args:
            requested: replicas at the start.
            start_s: seconds from asking for a replica to its being ready.
            created_s: when each function is deployed; None: long ago, so that its replicas are ready.
        """
        self.requested: Floats = np.array(requested, dtype=np.float64)
        self.ready: Floats = self.requested * np.array([one is None for one in created_s])
        self.obstacle: Codes = np.zeros(len(requested), np.uint8)
        self._start_s = start_s
        # (due, replicas) of each function, oldest first
        self._starting: list[list[tuple[float, int]]] = [
            [] if since_s is None else [(since_s + needs_s, replicas)]
            for replicas, needs_s, since_s in zip(requested, start_s, created_s, strict=True)
        ]

    def scale(self, row: int, replicas: int, now_s: float) -> None:
        """Ask for so many; of fewer, those that are still starting go first."""
        more = replicas - int(self.requested[row])
        self.requested[row] = replicas
        if more > 0:
            self._starting[row].append((now_s + self._start_s[row], more))
        self._drop(row, -more)
        self.advance(now_s)

    def advance(self, now_s: float) -> None:
        """Let what is due become ready, where nothing stands in its way."""
        for row, starting in enumerate(self._starting):
            while starting and starting[0][0] <= now_s and not self.obstacle[row]:
                self.ready[row] += starting.pop(0)[1]

    def obstruct(self, row: int, obstacle: Obstacle) -> None:
        """Let nothing new become ready."""
        self.obstacle[row] = obstacle

    def clear(self, row: int, now_s: float) -> None:
        """Take the obstacle away: what waited begins its start-up now."""
        self.obstacle[row] = Obstacle.NONE
        waiting = sum(replicas for _, replicas in self._starting[row])
        self._starting[row] = [(now_s + self._start_s[row], waiting)] if waiting else []
        self.advance(now_s)

    def _drop(self, row: int, fewer: int) -> None:
        starting = self._starting[row]
        while fewer > 0 and starting:
            due_s, replicas = starting.pop()
            if replicas > fewer:
                starting.append((due_s, replicas - fewer))
            fewer -= min(fewer, replicas)
        self.ready[row] -= max(fewer, 0)
