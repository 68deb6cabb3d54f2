"""Rounds at intervals: whose turn it is at a tick."""

from collections.abc import Sequence
from hashlib import blake2b

import numpy as np

from autoscaler.core.columns import Floats, Ints
from autoscaler.core.fleet import FunctionKey


class Rounds:
    """One loop for each function, all with the same period, each with a phase of its own.

    A phase comes from the function's name, so that no function's rounds depend on others, and a fleet's are spread. A round
    takes place at the first tick from its moment on, and counts as having taken place at that moment: by their numbers
    rounds are exactly a period apart.

    Args:
        keys: the functions.
        period_s: seconds, > 0.
        name: of the loop; loops of other names have other phases.
    """

    def __init__(self, keys: Sequence[FunctionKey], period_s: float, name: str) -> None:
        self.period_s = period_s
        self._phase_s = np.array([_fraction(f"{key}/{name}") for key in keys]) * period_s
        self.number: Ints = np.full(len(keys), -1, np.int64)

    def due(self, now_s: float) -> Ints:
        """Give the rows whose turn it is, ascending; of several rounds that passed it is the last one's.

        `number` has the number of the round of each row from then on.
        """
        number = np.floor((now_s - self._phase_s) / self.period_s).astype(np.int64)
        rows = np.flatnonzero(number > self.number)
        self.number[rows] = number[rows]
        return rows

    def moment_s(self, rows: Ints) -> Floats:
        """Give the moments of the last rounds of some rows."""
        result: Floats = self._phase_s[rows] + self.number[rows] * self.period_s
        return result


def _fraction(name: str) -> float:
    """Give a number in [0, 1) that is always the same for a name."""
    return int.from_bytes(blake2b(name.encode(), digest_size=6).digest(), "big") / 2**48
