"""Other writers of replicas: counted, reported by name, left alone after a few changes, taken up again when quiet."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from autoscaler.core.columns import Bools
from autoscaler.core.fleet import Fleet, FunctionKey
from autoscaler.ports import Clock, HeldView, ReplicaChange

CHANGES = 3
"""Changes of one function by others after which it is left alone."""

QUIET_S = 600.0
"""Seconds without one after which it is taken up again."""


@dataclass(slots=True)
class _Rival:
    by: str
    changes: int
    last_s: float


class ForeignWriters:
    """Knows which functions somebody else writes.

    Args:
        clock: measures how long they have been quiet.
        rivals: names the autoscaler of every Deployment that has one; such a function is never written.
    """

    def __init__(self, clock: Clock, rivals: Callable[[], Mapping[FunctionKey, str]]) -> None:
        self._clock = clock
        self._rivals = rivals
        self._changes: dict[FunctionKey, _Rival] = {}
        self._counts: Counter[str] = Counter()

    def changed(self, change: ReplicaChange) -> None:
        """Count a change by somebody else; a deploy is none."""
        if change.is_deploy:
            return
        now_s = self._clock.now().monotonic_s
        self._counts[change.manager] += 1
        known = self._changes.get(change.key)
        before = known.changes if known is not None and now_s - known.last_s < QUIET_S else 0
        self._changes[change.key] = _Rival(change.manager, before + 1, now_s)

    def held(self, fleet: Fleet) -> Bools:
        """Tell by row which functions are left alone: `(functions,) bool`."""
        result = np.zeros(len(fleet), dtype=bool)
        rows = (fleet.row_of.get(view.key) for view in self.views())
        result[[row for row in rows if row is not None]] = True
        return result

    def views(self) -> Sequence[HeldView]:
        """Name the functions that are left alone, by whom they are changed, and until when."""
        now_s, rivals = self._clock.now().monotonic_s, self._rivals()
        self._changes = {key: rival for key, rival in self._changes.items() if now_s - rival.last_s < QUIET_S}
        counted = [
            HeldView(key, rival.by, rival.changes, rival.last_s + QUIET_S - now_s)
            for key, rival in self._changes.items()
            if rival.changes >= CHANGES and key not in rivals
        ]
        return [*(HeldView(key, name, 0, None) for key, name in rivals.items()), *counted]

    def counts(self) -> Mapping[str, int]:
        """Give changes by others since the start, by manager."""
        return self._counts

    def take_up(self, key: FunctionKey) -> bool:
        """Forget a function's foreign changes; False: there were not enough to leave it alone, or an autoscaler has it."""
        known = self._changes.pop(key, None)
        return known is not None and known.changes >= CHANGES and key not in self._rivals()
