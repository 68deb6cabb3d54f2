"""Containers needed in each minute, of many functions: all that the minute mode knows of a load."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from autoscaler.core.columns import Bools, Floats

Containers = NDArray[np.int32]
"""`(rows, steps)`: containers by function and step."""

MOST_CONTAINERS = 1_000_000
"""Containers of one function in one step at most: more is a slip of the pen."""


class MinuteCountsError(ValueError):
    """Counts that cannot be simulated: what is wrong, and of which function."""


@dataclass(frozen=True, slots=True, eq=False)
class MinuteCounts:
    """How many containers each function keeps busy in each step of a trace.

    Attributes:
        names: `(functions,)`, each once.
        tenants: `(functions,)`, who owns each.
        containers: `(functions, steps)`, integers >= 0: containers that requests of the step need at once. It may be
            an array on disk: it is read a few hundred rows at a time.
        memory_gb: `(functions,) float64`, of one container.
        requests: `(functions,) float64`, requests of the whole trace; None: not known, fractions are then of containers.
        step_s: length of a step, seconds.
    """

    names: tuple[str, ...]
    tenants: tuple[str, ...]
    containers: NDArray[np.integer[Any]]
    memory_gb: Floats
    requests: Floats | None = None
    step_s: float = 60.0

    def __post_init__(self) -> None:
        number = len(self.names)
        if (
            self.containers.ndim != 2
            or len(self.containers) != number
            or not np.issubdtype(self.containers.dtype, np.integer)
        ):
            shape = f"{self.containers.dtype} {self.containers.shape}"
            raise MinuteCountsError(f"containers: {shape}; integers of shape ({number}, steps) are allowed")
        if not self.steps:
            raise MinuteCountsError("containers: no step; at least one is needed")
        if len(self.tenants) != number:
            raise MinuteCountsError(f"tenants: {len(self.tenants)} for {number} functions; one each is allowed")
        self._check("memory_gb", self.memory_gb, "finite numbers > 0", lambda column: column > 0)
        if self.requests is not None:
            self._check("requests", self.requests, "finite numbers >= 0", lambda column: column >= 0)
        if not 0 < self.step_s < np.inf:
            raise MinuteCountsError(f"step_s: {self.step_s!r}; seconds > 0 are allowed")

    def _check(self, field: str, column: Floats, allowed: str, is_right: Callable[[Floats], Bools]) -> None:
        if column.shape != (len(self.names),):
            raise MinuteCountsError(f"{field}: shape {column.shape}; ({len(self.names)},) is allowed")
        wrong = np.flatnonzero(~(np.isfinite(column) & is_right(column)))
        if len(wrong):
            row = int(wrong[0])
            raise MinuteCountsError(f"{field} of {self.names[row]}: {column[row]!r}; {allowed} are allowed")

    @property
    def steps(self) -> int:
        return int(self.containers.shape[1])

    def rows(self, start: int, end: int) -> Containers:
        """Give some functions' containers, `(rows, steps) int32`, checked.

        Raises:
            MinuteCountsError: a count is negative or absurd; it names function and step.
        """
        block = np.asarray(self.containers[start:end])
        if block.size and (block.min() < 0 or block.max() > MOST_CONTAINERS):
            row, step = (int(place) for place in np.argwhere((block < 0) | (block > MOST_CONTAINERS))[0])
            raise MinuteCountsError(
                f"containers of {self.names[start + row]} in step {step}: {int(block[row, step])}; "
                f"0 to {MOST_CONTAINERS} are allowed"
            )
        return block.astype(np.int32, copy=False)
