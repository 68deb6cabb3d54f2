"""How clumped requests are within the steps that they were counted in: what planning needs and counts do not say.

Every halving of a stretch is a toss for its requests. Where they come independently both halves get what fair coins
give; where they come in bursts one of them gets more. How much more is a number, `rho`: of two requests of the stretch
the chance of being in the same half is (1 + rho) / 2. It is 0 for Poisson and 1 where all come in the same half.

Of steps it is known, since two neighbours are halves of something twice as long. Below them requests in flight at the
ends of steps tell it: two of those are two that came within one service time.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np

from autoscaler.core.columns import Floats

Basis = Literal["in flight", "steps", "chance", "unknown"]

MOST_RHO = 0.98
MOST_HALVINGS = 16

FEWEST_SEEN = 30
"""Requests that must have been in flight at ends of steps before they tell anything of bursts."""

FEWEST_PAIRS = 8
"""Neighbouring steps with two requests or more, likewise."""

SIGNIFICANT = 3.0
"""Standard errors that bursts must be beyond Poisson's: less is chance."""

BLOCKS = 16
"""Stretches of the recording each of which is left out once, to see how sure an estimate is."""

STEEPEST = 4.0
"""Factor by which `rho` may change from one halving to the next."""


@dataclass(frozen=True, slots=True)
class Clumps:
    """How the requests of one function are spread within a step.

    Attributes:
        rho: of each halving, of the step first; empty: they come at random moments.
        growth: how many times as often as by chance two requests of a step come within one service time.
        dispersion: variance of the counts of steps over their mean, 1 is Poisson; nan: no request.
        basis: what tells it. `in flight`: requests in flight at the ends of steps. `steps`: neighbouring steps alone, so
            bursts are taken to be within them as they are between them. `chance`: either, and it is no more than chance.
            `unknown`: too few requests, or ones that last as long as a step.
    """

    rho: tuple[float, ...]
    growth: float
    dispersion: float
    basis: Basis


@dataclass(frozen=True, slots=True)
class _Estimate:
    value: float
    error: float

    @property
    def upper(self) -> float:
        """One standard error more: too few replicas are worse than one too many."""
        return self.value + self.error

    def is_beyond(self, chance: float) -> bool:
        return self.value - SIGNIFICANT * self.error > chance


def clumps_of(counts: Floats, step_s: float, in_flight: Floats | None, service_s: float) -> Clumps:
    """Estimate how clumped one function's requests are within its steps.

    What requests in flight say is taken a standard error higher. What neighbouring steps say is taken as it is for all
    that is shorter: rates that change smoothly clump less and less there, so it is the careful end as it stands.

    Args:
        counts: `(steps,) float64` requests; nan: not known.
        in_flight: `(steps,) float64` requests in flight at the end of each step; nan: not known. None: nowhere.
        service_s: mean service time; no queue sees what is much shorter.
    """
    known = counts[~np.isnan(counts)]
    mean = float(known.mean()) if len(known) else 0.0
    dispersion = float(known.var() / mean) if mean else float("nan")
    reach = float(np.log2(step_s / service_s))
    if not mean or reach <= 0:
        return Clumps((), 1.0, dispersion, "unknown")
    between = _between_steps(counts)
    within = None if in_flight is None else _within_steps(counts, in_flight)
    if between is None and within is None:
        return Clumps((), 1.0, dispersion, "unknown")
    if not ((between and between.is_beyond(0.0)) or (within and within.is_beyond(1.0))):
        return Clumps((), 1.0, dispersion, "chance")
    first = float(np.clip(between.value if between else 0.0, 0.0, MOST_RHO))
    halvings = min(int(np.ceil(reach)) + 1, MOST_HALVINGS)  # one below a service time: a batch comes within that
    if within is None:
        return Clumps((first,) * halvings, (1 + first) ** reach, dispersion, "steps")
    growth = max(within.upper, 1.0)
    return Clumps(_falling(first, growth, reach, halvings), growth, dispersion, "in flight")


def _between_steps(counts: Floats) -> _Estimate | None:
    """Estimate `rho` of the halving whose halves are steps; None: too few steps have two requests."""
    sums, apart = counts[1:] + counts[:-1], counts[1:] - counts[:-1]
    known = ~np.isnan(sums)
    sums, apart = sums[known], apart[known]
    if np.count_nonzero(sums > 1) < FEWEST_PAIRS:
        return None
    parts = np.stack([apart**2 - sums, sums * (sums - 1)])
    return _estimated(parts, lambda means: means[0] / means[1])


def _within_steps(counts: Floats, in_flight: Floats) -> _Estimate | None:
    """Estimate how much likelier than by chance two requests of a step overlap; None: too few were seen in flight.

    The number of pairs over the mean squared is 1 for Poisson at any length; what it is more in flight than in steps
    came in from lengths between the two. How long requests are served cancels out.
    """
    known = ~(np.isnan(counts) | np.isnan(in_flight))
    steps, seen = counts[known], in_flight[known]
    if seen.sum() < FEWEST_SEEN or not np.any(steps > 1):
        return None
    parts = np.stack([seen * (seen - 1), seen, steps * (steps - 1), steps])
    return _estimated(parts, lambda means: means[0] / means[1] ** 2 * means[3] ** 2 / means[2])


def _estimated(parts: Floats, of: Callable[[Floats], Floats]) -> _Estimate | None:
    """Give a function of means and its standard error, by leaving out one stretch of time after the other.

    Args:
        parts: `(means, samples) float64`, in the order of time: neighbours are alike, so stretches are left out whole.
    """
    blocks = np.array_split(np.arange(parts.shape[1]), min(BLOCKS, parts.shape[1]))
    sums = np.stack([parts[:, block].sum(axis=1) for block in blocks], axis=1)
    sizes = np.array([len(block) for block in blocks])
    with np.errstate(invalid="ignore", divide="ignore"):
        value = float(of(sums.sum(axis=1) / sizes.sum()))
        without = of((sums.sum(axis=1)[:, None] - sums) / (sizes.sum() - sizes))
    known = without[np.isfinite(without)]
    if not np.isfinite(value) or len(known) < 2:
        return None
    error = float(np.sqrt((len(known) - 1) / len(known) * np.sum((known - known.mean()) ** 2)))
    return _Estimate(value, error)


def _falling(first: float, growth: float, reach: float, halvings: int) -> tuple[float, ...]:
    """Give `rho` of each halving: from that of the steps on by the same factor, such that all come to the growth.

    Args:
        reach: halvings down to a service time, any number above 0; those below it do not count.
    """
    places = np.arange(1, halvings + 1)
    shares = np.clip(reach - (places - 1), 0.0, 1.0)

    def rho(factor: float) -> Floats:
        result: Floats = np.minimum(max(first, 1e-3) * factor**places, MOST_RHO)
        return result

    low, high = 1 / STEEPEST, STEEPEST
    for _ in range(50):
        middle = (low * high) ** 0.5
        if np.sum(shares * np.log1p(rho(middle))) < np.log(growth):
            low = middle
        else:
            high = middle
    return tuple(rho((low * high) ** 0.5).tolist())
