"""Manifests that put replicas back: no foreign writers, but worth a word, since every load is decided twice."""

from dataclasses import dataclass

from autoscaler.core.fleet import Fleet, FunctionKey
from autoscaler.ports import Clock, ReplicaChange, RevertView

TIMES = 2
"""Times after which it is reported; one is a deploy that had nothing else to change."""

REMEMBERED_S = 7_200.0
"""Seconds without one after which it is forgotten; GitOps tools look at least once an hour."""

VIEWS = 100
"""Functions that are named in one answer, the latest."""


@dataclass(slots=True)
class _Reverter:
    by: str
    times: int
    last_s: float


class Reverts:
    """Counts how often a function's replicas were put back by apply, without a new pod template.

    Args:
        clock: measures how long ago.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._known: dict[FunctionKey, _Reverter] = {}

    def note(self, change: ReplicaChange) -> None:
        """Take over that an apply changed replicas."""
        now_s, known = self._clock.now().monotonic_s, self._known.pop(change.key, None)
        before = known.times if known is not None and now_s - known.last_s < REMEMBERED_S else 0
        self._known[change.key] = _Reverter(change.manager, before + 1, now_s)

    def retain(self, fleet: Fleet) -> None:
        """Forget functions that the fleet no longer has, and what is long ago."""
        now_s = self._clock.now().monotonic_s
        self._known = {
            key: known
            for key, known in self._known.items()
            if key in fleet.row_of and now_s - known.last_s < REMEMBERED_S
        }

    def views(self) -> list[RevertView]:
        """Name them, the latest first."""
        now_s = self._clock.now().monotonic_s
        found: list[RevertView] = []
        for key, known in reversed(self._known.items()):
            ago_s = now_s - known.last_s
            if len(found) >= VIEWS or ago_s >= REMEMBERED_S:
                break
            if known.times >= TIMES:
                found.append(RevertView(key, known.by, known.times, ago_s))
        return found
