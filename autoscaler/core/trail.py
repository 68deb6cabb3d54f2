"""The account of one step while it is written: replicas after every stage, and the reasons."""

import numpy as np
from numpy.typing import NDArray

from autoscaler.core.columns import Floats
from autoscaler.core.decisions import Stage
from autoscaler.core.reasons import Reason
from autoscaler.core.staged import Staged


class Trail:
    """Columns that the stages fill, one after the other.

    Attributes:
        stages: `(stages, decided) float64`, replicas after each stage.
        reasons: `(stages, decided) uint8`, what bound each stage; 0 where it changed nothing.
        reason: `(decided,) uint8`, what bound last.
        replicas: `(decided,) float64`, the outcome of the last stage put.
    """

    def __init__(self, decided: int) -> None:
        self.stages = np.empty((len(Stage), decided))
        self.reasons: NDArray[np.uint8] = np.zeros((len(Stage), decided), np.uint8)
        self.reason: NDArray[np.uint8] = np.zeros(decided, np.uint8)
        self.replicas: Floats = np.empty(0)

    def put(self, stage: Stage, staged: Staged, otherwise: Reason = Reason.PASSED) -> None:
        """Write down a stage's outcome.

        Args:
            stage: which stage.
            staged: its outcome.
            otherwise: the reason of the rows that none of its rules bound.
        """
        self.stages[stage] = staged.replicas
        self.replicas = staged.replicas
        if otherwise:
            self.reasons[stage] = otherwise
            self.reason[:] = otherwise
        for rows, reason in staged.bound:
            self.reasons[stage, rows] = reason
            self.reason[rows] = reason

    def name_unbound(self, reasons: NDArray[np.uint8]) -> None:
        """Give rows that nothing bound in this step the reason they had before."""
        free = self.reason == 0
        self.reason[free] = reasons[free]
