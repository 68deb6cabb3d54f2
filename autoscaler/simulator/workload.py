"""When requests arrive: a rate over time, and how arrivals are spaced under it."""

from abc import ABC, abstractmethod
from collections.abc import Callable
from functools import cached_property
from typing import Annotated, Literal, NamedTuple

import numpy as np
from pydantic import Field, model_validator

from autoscaler.core.columns import Floats
from autoscaler.policy.quantities import Duration
from autoscaler.policy.strict import Strict
from autoscaler.simulator.laws import Law
from autoscaler.simulator.pieces import Pieces

SINE_KNOTS = 128
"""Straight pieces that one period of a sine is made of: its rate is then off by at most 0.01 % of the amplitude."""

MOST_KNOTS = 8_192
"""Straight pieces of a rate within one window, at most, where the rate repeats; about so many."""

MOST_RATE = 1e6
"""Requests/s of one function at most: more arrivals than memory holds are a slip of the pen."""

WINDOWS_S = np.exp2(np.arange(-4.0, 18.0))
"""Lengths that a window of drawn requests may have: from a sixteenth of a second to a day and a half."""

LONG_S, AIM_LONG, AIM_SHORT = 8.0, 2_048, 65_536
"""Requests expected in a window at most: few in one that is longer than this, so that ten thousand slow functions are
held in memory; many in a shorter one, so that a fast function pays for its numpy calls."""

Spacing = Literal["poisson", "even"]
Rate = Annotated[float, Field(ge=0, le=MOST_RATE)]


class Requests(NamedTuple):
    """Requests in the order of their arrival.

    Attributes:
        times_s: `(requests,) float64`, when each arrives, ascending.
        service_s: `(requests,) float64`, how long each is served, wherever and whenever that is.
    """

    times_s: Floats
    service_s: Floats


class Workload(ABC):
    """When requests arrive at one function: how many are expected over time, and how they are spaced.

    Both spacings run one clock that ticks `rate` times a second: `even` sends a request at every whole
    tick, the first at the start; `poisson` sends them at exponential gaps of that clock.

    Attributes:
        arrivals: the spacing.
    """

    arrivals: Spacing

    @abstractmethod
    def knots(self, start_s: float, end_s: float) -> Floats:
        """Give the times between which the rate is straight, both ends included, ascending."""

    @abstractmethod
    def cumulative(self, times_s: Floats) -> Floats:
        """Give the requests expected from 0 to each time."""

    def between(self, start_s: float, end_s: float, generator: np.random.Generator) -> Floats:
        """Draw the arrivals in [start, end), ascending seconds.

        Args:
            generator: drawn from only for poisson spacing.
        """
        knots = self.knots(start_s, end_s)
        counts = self.cumulative(knots)
        first, last = float(counts[0]), float(counts[-1])
        if last <= first:
            return np.empty(0)
        counts -= first
        if self.arrivals == "even":
            marks = np.arange(np.ceil(first), np.ceil(last), dtype=np.float64) - first
        else:
            marks = _poisson(last - first, generator)
        return _times_of(marks, knots, counts)

    def requests(
        self, start_s: float, end_s: float, generator: np.random.Generator, law: Law, services: np.random.Generator
    ) -> Requests:
        """Draw the requests in [start, end).

        Args:
            generator: of the arrivals.
            law: of the service times, where the workload knows none itself.
            services: generator of the service times.
        """
        times_s = self.between(start_s, end_s, generator)
        return Requests(times_s, law.draw(len(times_s), services))

    def realised(self, _generator: Callable[[], np.random.Generator]) -> "Workload":
        """Give one course of a workload whose rate itself is random; every other one is its own.

        Args:
            _generator: makes the generator that a course is drawn from.
        """
        return self

    @property
    def longest_window_s(self) -> float:
        """Seconds that are drawn at once at most; bounds the knots within them."""
        return float(WINDOWS_S[-1])

    def window_s(self, from_s: float) -> float:
        """Give how many seconds are drawn at once from a time on: it depends on nothing but the workload."""
        lengths_s = WINDOWS_S[: max(int(np.searchsorted(WINDOWS_S, self.longest_window_s, side="right")), 1)]
        counts = self.cumulative(from_s + np.concatenate([[0.0], lengths_s]))
        most = np.where(lengths_s > LONG_S, AIM_LONG, AIM_SHORT)
        fits = np.flatnonzero(counts[1:] - counts[0] <= most)
        return float(lengths_s[fits[-1]] if len(fits) else lengths_s[0])

    def gaps(self, _end_s: float) -> Floats:
        """Give the stretches from 0 to an end of which the rate is not known, `(gaps, 2) float64`, from and to.

        No request arrives in them: silence is simulated there, and said to be no knowledge.
        """
        return np.empty((0, 2))


class Shape(Strict, Workload):
    """What the workloads that a document describes share."""

    arrivals: Spacing = Field(
        "poisson", description="Spacing: poisson (independent callers) or even (a timer). Default poisson."
    )


def _times_of(marks: Floats, knots: Floats, counts: Floats) -> Floats:
    """Invert the cumulative count; a mark on a silent stretch arrives where the rate comes back."""
    slope = np.diff(counts) / np.diff(knots)
    times_s: Floats
    if len(slope) == 1:
        times_s = marks / slope[0]  # no product with its inverse: 3 · 0.05 is no 0.15
        times_s += knots[0]
    else:
        piece = np.minimum(np.searchsorted(counts, marks, side="right") - 1, len(slope) - 1)
        times_s = knots[piece] + (marks - counts[piece]) / slope[piece]
    return np.clip(times_s, knots[0], np.nextafter(knots[-1], knots[0]), out=times_s)


def _poisson(expected: float, generator: np.random.Generator) -> Floats:
    """Give the ticks of a clock of rate 1 within [0, expected): sums of exponential gaps."""
    number = int(expected + 4 * expected**0.5) + 4
    ticks = np.cumsum(generator.standard_exponential(number))
    while ticks[-1] < expected:
        ticks = np.concatenate([ticks, ticks[-1] + np.cumsum(generator.standard_exponential(number))])
    return ticks[: np.searchsorted(ticks, expected)]


class Constant(Shape):
    """The same rate at all times."""

    type: Literal["constant"]
    rate: Rate = Field(description="Requests/s. No default.")

    def knots(self, start_s: float, end_s: float) -> Floats:
        return np.array([start_s, end_s])

    def cumulative(self, times_s: Floats) -> Floats:
        return times_s * self.rate


class Step(Strict):
    """From a time on, a rate."""

    at: Duration = Field(ge=0, description="When it begins, from the start of the run (or of the repetition).")
    rate: Rate = Field(description="Requests/s from then on.")


class Steps(Shape):
    """A list of rates, each from its time on; silent before the first."""

    type: Literal["steps"]
    steps: tuple[Step, ...] = Field(min_length=1, strict=False, description="The steps, in order of time.")
    repeat: Annotated[Duration, Field(gt=0)] | None = Field(
        None, description="Period after which the list begins anew. Default: none, the last rate stays."
    )

    @model_validator(mode="after")
    def _in_order(self) -> "Steps":
        at = [step.at for step in self.steps]
        if at != sorted(set(at)):
            raise ValueError("steps in ascending order of `at`, no time twice")
        if self.repeat is not None and at[-1] >= self.repeat:
            raise ValueError(f"a `repeat` after the last step ({at[-1]:g}s)")
        return self

    @cached_property
    def pieces(self) -> Pieces:
        """The rates, counted up."""
        at_s = np.array([0.0, *(step.at for step in self.steps)])
        rate = np.array([0.0, *(step.rate for step in self.steps)])
        return Pieces.of(at_s, rate, self.repeat)

    @property
    def longest_window_s(self) -> float:
        return min(super().longest_window_s, self.pieces.span_of(MOST_KNOTS))

    def knots(self, start_s: float, end_s: float) -> Floats:
        return self.pieces.knots(start_s, end_s)

    def cumulative(self, times_s: Floats) -> Floats:
        return self.pieces.cumulative(times_s)


class Sine(Shape):
    """A wave around a mean, such as day and night."""

    type: Literal["sine"]
    mean: Rate = Field(description="Mean requests/s. No default.")
    amplitude: float = Field(ge=0, description="Largest distance from the mean, requests/s; at most the mean.")
    period: Annotated[Duration, Field(gt=0)] = Field(description="Length of one wave. No default.")
    phase: float = Field(
        0.0, ge=0, lt=1, description="Fraction of the period at which it starts; 0 is the mean, rising. Default 0."
    )

    @model_validator(mode="after")
    def _never_negative(self) -> "Sine":
        if self.amplitude > self.mean:
            raise ValueError(f"an amplitude of at most the mean ({self.mean:g}), so that no rate is below 0")
        return self

    @property
    def longest_window_s(self) -> float:
        return MOST_KNOTS / SINE_KNOTS * self.period

    def knots(self, start_s: float, end_s: float) -> Floats:
        piece_s = self.period / SINE_KNOTS
        inside = np.arange(np.floor(start_s / piece_s) + 1, np.ceil(end_s / piece_s)) * piece_s
        return np.concatenate([[start_s], inside[(inside > start_s) & (inside < end_s)], [end_s]])

    def cumulative(self, times_s: Floats) -> Floats:
        turn = 2 * np.pi / self.period
        shift = 2 * np.pi * self.phase
        waves: Floats = self.amplitude / turn * (np.cos(shift) - np.cos(turn * times_s + shift))
        result: Floats = self.mean * times_s + waves
        return np.maximum.accumulate(result)


class OnOff(Shape):
    """Bursts: a rate for a while, silence for a while, and again."""

    type: Literal["onOff"]
    rate: Rate = Field(description="Requests/s while on. No default.")
    on: Annotated[Duration, Field(gt=0)] = Field(description="Length of a burst. No default.")
    off: Annotated[Duration, Field(gt=0)] = Field(description="Length of the silence after it. No default.")

    @cached_property
    def pieces(self) -> Pieces:
        """The rates, counted up."""
        return Pieces.of(np.array([0.0, self.on]), np.array([self.rate, 0.0]), self.on + self.off)

    @property
    def longest_window_s(self) -> float:
        return min(super().longest_window_s, self.pieces.span_of(MOST_KNOTS))

    def knots(self, start_s: float, end_s: float) -> Floats:
        return self.pieces.knots(start_s, end_s)

    def cumulative(self, times_s: Floats) -> Floats:
        return self.pieces.cumulative(times_s)


SHAPES: dict[str, type[Shape]] = {"constant": Constant, "steps": Steps, "sine": Sine, "onOff": OnOff}
"""The workloads that need nothing but the document, by their `type`."""
