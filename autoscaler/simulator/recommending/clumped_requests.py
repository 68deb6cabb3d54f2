"""As many requests in each step as were counted, in clumps within it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np

from autoscaler.core.columns import Floats, Ints
from autoscaler.simulator.recorded_rates import RecordedRates
from autoscaler.simulator.workload import Spacing, Workload

AIM = 4_096
"""Requests that are placed at once, about, and held until the next: steps are placed whole."""


@dataclass(frozen=True, eq=False)
class ClumpedRequests(Workload):
    """Counted requests, each step halved again and again, with a coin of its own for each half.

    A coin is drawn from a beta law with a mean of one half, so that of two requests the chance of being in the same half
    is (1 + rho) / 2; below the last halving they come at random moments. So the counts of steps are those recorded, and
    what varies from seed to seed is where in a step its bursts are.

    Source: the multifractal wavelet model of Riedi, Crouse, Ribeiro and Baraniuk (IEEE Transactions on Information Theory
    45, 1999), here of whole requests.

    Attributes:
        step_s: length of a step.
        counts: `(steps,) float64` requests of each; nan: not known. What is no whole number is drawn: 2.3 is 2 or 3.
        rho: of each halving, 0 to below 1, of the step first.
        rates: the counts as rates: what is expected of every course.
        key: seed of the coins.
    """

    step_s: float
    counts: Floats
    rho: tuple[float, ...]
    rates: RecordedRates
    key: int = 0
    arrivals: Spacing = "poisson"
    _kept: dict[int, Floats] = field(default_factory=dict, init=False, repr=False)

    @classmethod
    def of(cls, counts: Floats, step_s: float, rho: tuple[float, ...]) -> "ClumpedRequests":
        """Make one of counts.

        Raises:
            ValueError: a rate beyond those that are simulated.
        """
        edges_s: Floats = np.arange(len(counts) + 1, dtype=np.float64) * step_s
        return cls(step_s, counts, rho, RecordedRates(edges_s, counts / step_s))

    def realised(self, generator: Callable[[], np.random.Generator]) -> "ClumpedRequests":
        return replace(self, key=int(generator().integers(2**63)))

    def knots(self, start_s: float, end_s: float) -> Floats:
        return self.rates.knots(start_s, end_s)

    def cumulative(self, times_s: Floats) -> Floats:
        return self.rates.cumulative(times_s)

    @property
    def longest_window_s(self) -> float:
        return self.rates.longest_window_s

    def gaps(self, end_s: float) -> Floats:
        return self.rates.gaps(end_s)

    def between(self, start_s: float, end_s: float, _generator: np.random.Generator) -> Floats:
        length_s = self._together * self.step_s
        first, last = int(start_s / length_s), int(np.ceil(end_s / length_s))
        last = min(last, -(-len(self.counts) // self._together))
        times_s = np.concatenate([np.empty(0), *(self._block(number) for number in range(first, last))])
        within: Floats = times_s[(times_s >= start_s) & (times_s < end_s)]
        return within

    @cached_property
    def _together(self) -> int:
        """Steps of a block: it depends on nothing but the counts, so that windows change no request."""
        return max(1, int(AIM / max(float(np.nan_to_num(self.counts).mean()), AIM / len(self.counts))))

    def _block(self, number: int) -> Floats:
        """Give the moments of the requests of a block of steps, ascending; the last block is kept for the next window."""
        if number not in self._kept:
            generator = np.random.Generator(np.random.SFC64(np.random.SeedSequence([self.key, number])))
            first = number * self._together
            counts = np.nan_to_num(self.counts[first : first + self._together])
            placed = first * self.step_s + placed_s(counts, self.step_s, self.rho, generator)
            self._kept.clear()
            self._kept[number] = placed
        return self._kept[number]


def placed_s(counts: Floats, step_s: float, rho: Sequence[float], generator: np.random.Generator) -> Floats:
    """Place the requests of steps that follow each other: ascending seconds from the first step's beginning.

    Args:
        counts: `(steps,) float64` >= 0; what is no whole number is rounded up or down by chance, right on average.
        rho: of each halving.
    """
    whole = np.floor(counts)
    parts = (whole + (generator.random(len(counts)) < counts - whole)).astype(np.int64)
    places = np.flatnonzero(parts)  # the empty parts, most of all soon, are not carried along
    parts = parts[places]
    for one in rho:
        left = _heads(parts, one, generator)
        parts = np.stack([left, parts - left], axis=1).reshape(-1)
        places = np.stack([2 * places, 2 * places + 1], axis=1).reshape(-1)[parts > 0]
        parts = parts[parts > 0]
    times_s = (np.repeat(places, parts) + generator.random(int(parts.sum()))) * (step_s / 2 ** len(rho))
    return np.sort(times_s)


def _heads(tosses: Ints, rho: float, generator: np.random.Generator) -> Ints:
    """Toss a coin of its own for each number of tosses, and count its heads."""
    if rho <= 0:
        return generator.binomial(tosses, 0.5)
    alike = (1 / rho - 1) / 2
    return generator.binomial(tosses, generator.beta(alike, alike, len(tosses)))
