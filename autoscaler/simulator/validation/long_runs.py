"""One function on demand, run long enough, cut into batches."""

from dataclasses import dataclass
from operator import attrgetter

import numpy as np

from autoscaler.core.columns import Floats
from autoscaler.simulator.per_request.one_function import Account, OneFunction
from autoscaler.simulator.validation.estimates import Estimate, ratio_of

BATCHES = 40
"""Of a run: enough that three standard errors mean nearly what they mean with infinitely many."""

WARM_UP = 2
"""Batches left out at the beginning: nothing runs at second 0."""


@dataclass(frozen=True, slots=True, eq=False)
class LongRun:
    """The batches of a run: what happened in each."""

    marks: tuple[Account, ...]

    def gained(self, name: str) -> Floats:
        """Give what a sum gained in each batch, `(batches,)`."""
        values = np.array([attrgetter(name)(mark) for mark in self.marks], dtype=np.float64)
        return np.diff(values)

    def per_request(self, name: str) -> Estimate:
        """Estimate a sum's mean per request that arrived."""
        return ratio_of(self.gained(name), self.gained("requests"))

    def per_second(self, *names: str) -> Estimate:
        """Estimate the mean of several sums together per second."""
        return ratio_of(np.sum([self.gained(name) for name in names], axis=0), self.gained("until_s"))

    def fraction_at(self, instances: int) -> Estimate:
        """Estimate the fraction of the time that there were exactly so many instances."""
        if not instances:
            return self.per_second("zero_s")
        column = [mark.seconds_at[instances] if instances < len(mark.seconds_at) else 0.0 for mark in self.marks]
        return ratio_of(np.diff(np.array(column)), self.gained("until_s"))


def long_run(function: OneFunction, requests: float, rate: float, *, least_batch_s: float = 0.0) -> LongRun:
    """Run a function.

    Args:
        requests: about how many, warm-up not included.
        rate: requests/s.
        least_batch_s: batches are at least so long, that each is nearly independent of the one before it.
    """
    batch_s = max(requests / rate / BATCHES, least_batch_s)
    marks = [function.advance((WARM_UP + number) * batch_s) for number in range(BATCHES + 1)]
    return LongRun(tuple(marks))
