"""How long something takes that is not always the same: service times, start-up times."""

from abc import ABC, abstractmethod
from dataclasses import dataclass, field

import numpy as np

from autoscaler.core.columns import Floats


class Law(ABC):
    """A distribution of durations.

    Attributes:
        mean_s: its mean, seconds.
    """

    mean_s: float

    @abstractmethod
    def draw(self, number: int, generator: np.random.Generator) -> Floats:
        """Draw so many durations, `(number,) float64`, seconds >= 0."""


@dataclass(frozen=True, slots=True)
class Constant(Law):
    """Always the same; nothing is drawn.

    Attributes:
        mean_s: seconds, >= 0.
    """

    mean_s: float

    def __post_init__(self) -> None:
        _check(self.mean_s >= 0, f"mean_s {self.mean_s!r}", "at least 0 seconds")

    def draw(self, number: int, _generator: np.random.Generator) -> Floats:
        return np.full(number, self.mean_s)


@dataclass(frozen=True, slots=True)
class Exponential(Law):
    """Without a memory: the usual spread, with a standard deviation as large as the mean.

    Attributes:
        mean_s: seconds, > 0.
    """

    mean_s: float

    def __post_init__(self) -> None:
        _check(self.mean_s > 0, f"mean_s {self.mean_s!r}", "more than 0 seconds")

    def draw(self, number: int, generator: np.random.Generator) -> Floats:
        drawn = generator.standard_exponential(number)
        drawn *= self.mean_s
        return drawn


@dataclass(frozen=True, slots=True)
class Lognormal(Law):
    """Many short ones and a long tail, as measured durations of functions have it.

    Attributes:
        mean_s: seconds, > 0.
        cv: standard deviation as a multiple of the mean, > 0.
    """

    mean_s: float
    cv: float

    def __post_init__(self) -> None:
        _check(self.mean_s > 0, f"mean_s {self.mean_s!r}", "more than 0 seconds")
        _check(self.cv > 0, f"cv {self.cv!r}", "more than 0")

    def draw(self, number: int, generator: np.random.Generator) -> Floats:
        variance = float(np.log1p(self.cv**2))
        return generator.lognormal(float(np.log(self.mean_s)) - variance / 2, variance**0.5, number)


@dataclass(frozen=True, eq=False)
class Empirical(Law):
    """Values that were measured; each as likely as another, drawn with replacement.

    Attributes:
        values_s: `(values,) float64`, seconds >= 0, at least one of them above 0.
        mean_s: their mean.
    """

    values_s: Floats
    mean_s: float = field(init=False)

    def __post_init__(self) -> None:
        are_durations = bool(np.all(np.isfinite(self.values_s)) and np.all(self.values_s >= 0))
        is_right = are_durations and bool(np.any(self.values_s > 0))
        _check(is_right, "values_s", "finite durations of at least 0, not all of them 0")
        object.__setattr__(self, "mean_s", float(np.mean(self.values_s)))

    def draw(self, number: int, generator: np.random.Generator) -> Floats:
        drawn: Floats = self.values_s[generator.integers(0, len(self.values_s), number)]
        return drawn


@dataclass(frozen=True, eq=False)
class Quantiles(Law):
    """What percentiles tell: between two of them every duration is as likely as another.

    Attributes:
        fractions: `(points,) float64`, ascending from 0 to 1.
        values_s: `(points,) float64`, the durations that these fractions do not exceed; never falling, the last above 0.
        mean_s: the mean that follows.
    """

    fractions: Floats
    values_s: Floats
    mean_s: float = field(init=False)

    def __post_init__(self) -> None:
        at, values_s = self.fractions, self.values_s
        is_law = len(at) == len(values_s) >= 2 and at[0] == 0 and at[-1] == 1 and bool(np.all(np.diff(at) > 0))
        _check(is_law, "fractions", "ascending from 0 to 1, as many as values_s")
        is_rising = bool(np.all(np.isfinite(values_s)) and values_s[0] >= 0 and np.all(np.diff(values_s) >= 0))
        _check(
            is_rising and values_s[-1] > 0, "values_s", "finite durations of at least 0 that never fall, the last > 0"
        )
        mean_s = float(np.sum(np.diff(at) * (values_s[1:] + values_s[:-1]) / 2))  # the area under the straight pieces
        object.__setattr__(self, "mean_s", mean_s)

    def draw(self, number: int, generator: np.random.Generator) -> Floats:
        return np.interp(generator.random(number), self.fractions, self.values_s)


def _check(is_right: bool, what: str, allowed: str) -> None:
    if not is_right:
        raise ValueError(f"{what} is out of range; allowed: {allowed}")
