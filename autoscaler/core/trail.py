"""The account of one step while it is written: one column of replicas, and every change that a rule made to it."""

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np

from autoscaler.core.columns import Codes, Floats, Ints
from autoscaler.core.reasons import REASON_OF, Reason
from autoscaler.core.staged import Change
from autoscaler.core.stages import Stage


class Applied(NamedTuple):
    """A change that was applied, so that it can be told and taken back.

    Attributes:
        stage: in which stage.
        rows: `(bound,) int64`, positions, each once.
        before: `(bound,) float64`, their replicas before it.
        reason: the rule.
    """

    stage: Stage
    rows: Ints
    before: Floats
    reason: Reason


class Trail:
    """Replicas as the stages leave them, one after the other.

    Only changes are written down: most stages bind few rows, and eight columns of everybody's replicas would cost more
    than all rules together.

    Attributes:
        replicas: `(decided,) float64`, as the last rule left them.
        reason: `(decided,) uint8`, what bound last.
        applied: every change, in order.
    """

    def __init__(self, replicas: Floats, otherwise: Reason) -> None:
        """Begin with replicas that no rule has bound yet.

        Args:
            replicas: `(decided,) float64`; changed from now on.
            otherwise: the reason of whatever no rule binds.
        """
        self.replicas = replicas
        self.reason: Codes = np.full(len(replicas), otherwise, np.uint8)
        self.applied: list[Applied] = []

    def apply(self, stage: Stage, *changes: Change) -> None:
        """Apply what rules of a stage found, in their order."""
        for rows, replicas, reason in changes:
            if rows.size:
                self.applied.append(Applied(stage, rows, self.replicas.take(rows), reason))
                self.replicas[rows] = replicas
                self.reason[rows] = reason.value

    def order(self, rows: Ints, replicas: Floats) -> None:
        """Put orders in place of everything that any rule has found for these rows so far."""
        if not rows.size:
            return
        kept = ((change, ~np.isin(change.rows, rows)) for change in self.applied)
        applied = [Applied(one.stage, one.rows[is_kept], one.before[is_kept], one.reason) for one, is_kept in kept]
        self.applied = [Applied(Stage.DEMAND, rows, replicas, Reason.FORCED), *applied]
        self.replicas[rows] = replicas
        self.reason[rows] = Reason.FORCED

    def name_unbound(self, reasons: Codes) -> None:
        """Give rows that nothing bound in this step the reason they had before."""
        free = self.reason == 0
        self.reason[free] = reasons[free]


def columns_after(replicas: Floats, applied: Iterable[Applied], stages: int) -> Floats:
    """Give `(stages, decided) float64`, replicas after every stage, from the last and the changes."""
    after = np.empty((stages, len(replicas)))
    column, stage = replicas.copy(), stages - 1
    for change in reversed(list(applied)):
        while stage >= change.stage:
            after[stage] = column
            stage -= 1
        column[change.rows] = change.before
    while stage >= 0:
        after[stage] = column
        stage -= 1
    return after


def changes_of(stages: Floats, reasons: Codes) -> tuple[Applied, ...]:
    """Give changes that lead to the same columns: one for each stage and reason. The opposite of the two below.

    Args:
        stages: `(stages, decided) float64`, replicas after every stage.
        reasons: `(stages, decided) uint8`, what bound each stage; `DEMAND` and 0 are no changes.
    """
    found = []
    for stage in Stage:
        for code in np.unique(reasons[stage]).tolist():
            if code not in (Reason.PASSED, Reason.DEMAND):
                rows = np.flatnonzero(reasons[stage] == code)
                found.append(Applied(stage, rows, stages[max(stage - 1, 0), rows], REASON_OF[code]))
    return tuple(found)


def reasons_of(decided: int, applied: Iterable[Applied], otherwise: Reason, stages: int) -> Codes:
    """Give `(stages, decided) uint8`, what bound each stage."""
    reasons = np.zeros((stages, decided), np.uint8)
    reasons[0] = otherwise
    for change in applied:
        reasons[change.stage, change.rows] = change.reason
    return reasons
