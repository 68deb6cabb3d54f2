"""When requests arrive: a rate over time, and how arrivals are spaced under it."""

from abc import ABC, abstractmethod
from functools import cached_property
from typing import Annotated, Literal

import numpy as np
from pydantic import Field, model_validator

from autoscaler.core.columns import Floats
from autoscaler.policy.quantities import Duration
from autoscaler.policy.strict import Strict
from autoscaler.simulator.pieces import Pieces

SINE_KNOTS = 128
"""Straight pieces that one period of a sine is made of: its rate is then off by at most 0.01 % of the amplitude."""


MOST_RATE = 1e6
"""Requests/s of one function at most: more arrivals than memory holds are a slip of the pen."""

Spacing = Literal["poisson", "even"]
Rate = Annotated[float, Field(ge=0, le=MOST_RATE)]


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
        if self.arrivals == "even":
            marks = np.arange(np.ceil(first), np.ceil(last), dtype=np.float64)
        else:
            number = generator.poisson(last - first)
            marks = np.sort(generator.uniform(first, last, number))
        return _times_of(marks, knots, counts)

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
    piece = np.searchsorted(counts, marks, side="right") - 1
    piece = np.minimum(piece, len(knots) - 2)
    slope = np.diff(counts) / np.diff(knots)
    times: Floats = knots[piece] + (marks - counts[piece]) / slope[piece]
    return np.clip(times, knots[0], np.nextafter(knots[-1], knots[0]))


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

    def knots(self, start_s: float, end_s: float) -> Floats:
        piece_s = self.period / SINE_KNOTS
        inside = np.arange(np.floor(start_s / piece_s) + 1, np.ceil(end_s / piece_s)) * piece_s
        return np.unique(np.concatenate([[start_s], inside[(inside > start_s) & (inside < end_s)], [end_s]]))

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

    def knots(self, start_s: float, end_s: float) -> Floats:
        return self.pieces.knots(start_s, end_s)

    def cumulative(self, times_s: Floats) -> Floats:
        return self.pieces.cumulative(times_s)


SHAPES: dict[str, type[Shape]] = {"constant": Constant, "steps": Steps, "sine": Sine, "onOff": OnOff}
"""The workloads that need nothing but the document, by their `type`."""
