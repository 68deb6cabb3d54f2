"""What keeps containers from minute to minute: each policy says how many are there when a minute begins."""

from dataclasses import dataclass, field
from typing import Protocol

import numpy as np

from autoscaler.simulator.minutes.counts import Containers
from autoscaler.simulator.minutes.maxima import Maxima, before, filled

BLOCK_CELLS = 1 << 17
"""Cells of a matrix that a policy without memory looks at together: half a mebibyte, which a core's own cache holds."""


class MinutePolicy(Protocol):
    """Says how many containers a function has when a step begins."""

    @property
    def title(self) -> str:
        """What people call it, with its parameters."""

    @property
    def block_cells(self) -> int:
        """How many cells it is best given together."""

    def kept(self, maxima: Maxima, containers: Containers) -> Containers:
        """Give the containers that are ready as each step begins, before its requests come.

        Args:
            maxima: sliding maxima of `containers`, shared by all policies that look at the same rows.
            containers: `(rows, steps) int32` that the requests of each step need.

        Returns:
            `(rows, steps)`. But for the oracle, a column depends on the steps before it alone.
        """


@dataclass(frozen=True, slots=True)
class KeepAlive:
    """A container is kept for a fixed time after its last use: the previous steps' maximum is ready.

    On a grid of minutes that is also the rule "cold if more than so many minutes passed since the previous active one".

    Attributes:
        steps: how long, >= 1; as long as the trace: what was started once stays.
    """

    steps: int
    block_cells: int = field(default=BLOCK_CELLS, init=False)

    def __post_init__(self) -> None:
        _check("steps", self.steps, 1)

    @property
    def title(self) -> str:
        return f"keep-alive of {self.steps} steps"

    def kept(self, maxima: Maxima, _containers: Containers) -> Containers:
        return before(maxima.over(self.steps))


@dataclass(frozen=True, slots=True)
class Fixed:
    """So many containers are always there; what is needed above them starts, and goes at once.

    Attributes:
        containers: >= 0.
    """

    containers: int
    block_cells: int = field(default=BLOCK_CELLS, init=False)

    def __post_init__(self) -> None:
        _check("containers", self.containers, 0)

    @property
    def title(self) -> str:
        return f"{self.containers} containers"

    def kept(self, _maxima: Maxima, containers: Containers) -> Containers:
        return np.full_like(containers, self.containers)


@dataclass(frozen=True, slots=True)
class Oracle:
    """Knows the future, and keeps a container through a silence just when that is worth a cold start.

    It starts nothing ahead: knowing the future, that would cost nothing and wait for nobody. So it is the bound of all
    that only keep and drop: against a keep-alive of its break-even it has no more cold starts and no more idle time.

    Attributes:
        break_even_steps: longest silence of a container that costs no more than a cold start, >= 0.
    """

    break_even_steps: int
    block_cells: int = field(default=BLOCK_CELLS, init=False)

    def __post_init__(self) -> None:
        _check("break_even_steps", self.break_even_steps, 0)

    @property
    def title(self) -> str:
        return f"oracle, a cold start worth {self.break_even_steps} idle steps"

    def kept(self, _maxima: Maxima, containers: Containers) -> Containers:
        allocated = filled(containers, self.break_even_steps)
        return np.minimum(allocated, before(allocated))


def _check(field: str, value: int, least: int) -> None:
    if value < least:
        raise ValueError(f"{field} {value!r}: at least {least} is allowed")
