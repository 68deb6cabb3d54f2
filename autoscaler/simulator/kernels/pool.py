"""One array of numbers for all functions: regions that are taken, outgrown and given back."""

from collections import defaultdict

import numpy as np

from autoscaler.core.columns import Floats

LEAST = 8
"""Numbers that the smallest region holds: one cache line."""


class Pool:
    """Regions of powers of two. Those that are given back are taken again, so that memory follows what is in use.

    Attributes:
        numbers: all regions; another array whenever a region is taken that did not fit.
    """

    def __init__(self) -> None:
        self.numbers: Floats = np.empty(1 << 10)
        self._used = 0
        self._free: dict[int, list[int]] = defaultdict(list)

    def take(self, numbers: int) -> tuple[int, int]:
        """Give the place of a region for at least so many numbers, and how many it holds."""
        size = max(LEAST, 1 << (numbers - 1).bit_length())
        if self._free[size]:
            return self._free[size].pop(), size
        at = self._used
        self._used += size
        if self._used > len(self.numbers):
            more = np.empty(max(2 * len(self.numbers), 1 << (self._used - 1).bit_length()))
            more[:at] = self.numbers[:at]
            self.numbers = more
        return at, size

    def give_back(self, at: int, size: int) -> None:
        """Give a region back that is no longer needed; size 0: there is none."""
        if size:
            self._free[size].append(at)

    def move(self, at: int, size: int, numbers: int) -> tuple[int, int]:
        """Move the first `size` numbers of a region of that size to one for at least so many numbers."""
        new_at, new_size = self.take(numbers)
        self.numbers[new_at : new_at + size] = self.numbers[at : at + size]
        self.give_back(at, size)
        return new_at, new_size
