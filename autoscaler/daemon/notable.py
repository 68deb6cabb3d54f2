"""Which decisions people shall be told of: those that change replicas, and those that a limit or an obstacle binds."""

from collections.abc import Sequence

import numpy as np

from autoscaler.core.columns import Bools, Floats, Ints
from autoscaler.core.decisions import DecisionRecord, Decisions
from autoscaler.core.fleet import Fleet
from autoscaler.core.reasons import Reason

AT_REST = frozenset(
    {
        Reason.FALLBACK,
        Reason.MAX_REPLICAS,
        Reason.CONCURRENCY_CAP,
        Reason.SCHEDULE_CEILING,
        Reason.BUDGET,
        Reason.POOL,
        Reason.CONCURRENCY_BUDGET,
        Reason.RECLAIM,
        Reason.BLAST_RADIUS,
        Reason.PAUSED,
        Reason.FOREIGN_WRITER,
        Reason.FORCED,
        Reason.ROLLOUT,
        Reason.NOT_READY,
        Reason.NOT_SCHEDULABLE,
        Reason.QUOTA_EXCEEDED,
    }
)
"""Reasons that are told even where nothing changes: somebody may wait for replicas that do not come.

An unknown load is not among them: it concerns all functions of a source at once, and is said of the source.
"""

APART_S = 60.0
"""Seconds between two of one function: what came meanwhile is told then, as it is then."""

MOST_AT_ONCE = 500
"""Of one step at most; the others are found again at the next."""

_NEVER = -np.inf
_NOTHING = -1


class Notable:
    """Finds what is new since a function was last told of.

    Nothing is told of a function that is first seen in a state that changes nothing: a start of the daemon is no news.
    """

    def __init__(self) -> None:
        self._fleet: Fleet | None = None
        self._reason = np.empty(0, np.int16)
        self._desired = np.empty(0, np.int32)
        self._told_s: Floats = np.empty(0)
        self._owed = np.zeros(0, dtype=bool)
        self._at_rest = np.zeros(256, dtype=bool)
        self._at_rest[[int(reason) for reason in AT_REST]] = True

    def take(self, decisions: Decisions) -> Sequence[DecisionRecord]:
        """Give the decisions of a step that are worth telling, the longest untold first."""
        if decisions.fleet is not self._fleet:
            self._follow(decisions.fleet)
        positions = np.flatnonzero(self._is_news(decisions))
        rows = decisions.rows[positions]
        oldest = np.argsort(self._told_s[rows], kind="stable")[:MOST_AT_ONCE]
        positions, rows = positions[oldest], rows[oldest]
        self._reason[rows] = decisions.reason[positions]
        self._desired[rows] = decisions.desired[positions]
        self._told_s[rows] = decisions.now.monotonic_s
        self._owed[rows] = False
        return [decisions.record(int(position)) for position in positions]

    def _is_news(self, decisions: Decisions) -> Bools:
        rows, reason = decisions.rows, decisions.reason
        is_change = decisions.desired != decisions.requested
        is_other = (reason != self._reason[rows]) | (is_change & (decisions.desired != self._desired[rows]))
        is_due = decisions.now.monotonic_s - self._told_s[rows] >= APART_S
        is_news = ((is_change | self._at_rest[reason]) & is_other) | self._owed[rows]
        self._owed[rows] = is_news
        self._forget(rows[~is_change & ~self._at_rest[reason]])
        result: Bools = is_news & is_due
        return result

    def _forget(self, rows: Ints) -> None:
        """Let a reason that has ended be news when it comes again."""
        self._reason[rows] = _NOTHING

    def _follow(self, fleet: Fleet) -> None:
        before, size = self._fleet, len(fleet)
        reason, desired = np.full(size, _NOTHING, np.int16), np.full(size, _NOTHING, np.int32)
        told_s, owed = np.full(size, _NEVER), np.zeros(size, dtype=bool)
        if before is not None:
            known = [(row, before.row_of.get(key, _NOTHING)) for row, key in enumerate(fleet.keys)]
            pairs = np.array([pair for pair in known if pair[1] != _NOTHING], dtype=np.int64).reshape(-1, 2)
            rows, olds = pairs[:, 0], pairs[:, 1]
            reason[rows], desired[rows] = self._reason[olds], self._desired[olds]
            told_s[rows], owed[rows] = self._told_s[olds], self._owed[olds]
        self._fleet, self._reason, self._desired, self._told_s, self._owed = fleet, reason, desired, told_s, owed
