"""When requests arrive: a rate over time, and how arrivals are spaced under it."""

from abc import ABC, abstractmethod
from typing import Annotated, Literal

import numpy as np
from pydantic import Field, model_validator

from autoscaler.core.columns import Floats
from autoscaler.policy.quantities import Duration
from autoscaler.policy.settings import Strict

SINE_KNOTS = 128
"""Straight pieces that one period of a sine is made of: its rate is then off by at most 0.01 % of the amplitude."""


class Arrivals(Strict, ABC):
    """What all workloads share: how arrivals are spaced under their rate.

    Both spacings run one clock that ticks `rate` times a second: `even` sends a request at every whole
    tick, the first at the start; `poisson` sends them at exponential gaps of that clock.
    """

    arrivals: Literal["poisson", "even"] = Field(
        "poisson", description="Spacing: poisson (independent callers) or even (a timer). Default poisson."
    )

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


def _times_of(marks: Floats, knots: Floats, counts: Floats) -> Floats:
    """Invert the cumulative count; a mark on a silent stretch arrives where the rate comes back."""
    piece = np.searchsorted(counts, marks, side="right") - 1
    piece = np.minimum(piece, len(knots) - 2)
    slope = np.diff(counts) / np.diff(knots)
    times: Floats = knots[piece] + (marks - counts[piece]) / slope[piece]
    return np.clip(times, knots[0], np.nextafter(knots[-1], knots[0]))


class Constant(Arrivals):
    """The same rate at all times."""

    type: Literal["constant"]
    rate: float = Field(ge=0, description="Requests/s. No default.")

    def knots(self, start_s: float, end_s: float) -> Floats:
        return np.array([start_s, end_s])

    def cumulative(self, times_s: Floats) -> Floats:
        return times_s * self.rate


class Step(Strict):
    """From a time on, a rate."""

    at: Duration = Field(ge=0, description="When it begins, from the start of the run (or of the repetition).")
    rate: float = Field(ge=0, description="Requests/s from then on.")


class Steps(Arrivals):
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

    def knots(self, start_s: float, end_s: float) -> Floats:
        at = np.array([0.0, *(step.at for step in self.steps)])
        if self.repeat is not None:
            rounds = np.arange(np.floor(start_s / self.repeat), np.ceil(end_s / self.repeat))
            at = (at[None, :] + rounds[:, None] * self.repeat).ravel()
        inside = at[(at > start_s) & (at < end_s)]
        return np.unique(np.concatenate([[start_s], inside, [end_s]]))

    def cumulative(self, times_s: Floats) -> Floats:
        at = np.array([0.0, *(step.at for step in self.steps)])
        rate = np.array([0.0, *(step.rate for step in self.steps)])
        counts = np.concatenate([[0.0], np.cumsum(np.diff(at) * rate[:-1])])
        if self.repeat is None:
            return _along(times_s, at, rate, counts)
        rounds, rest = np.divmod(times_s, self.repeat)
        of_a_round = counts[-1] + (self.repeat - at[-1]) * rate[-1]
        result: Floats = rounds * of_a_round + _along(rest, at, rate, counts)
        return result


def _along(times_s: Floats, at: Floats, rate: Floats, counts: Floats) -> Floats:
    """Give the count at each time, from the counts at the steps and the rates between them."""
    step = np.searchsorted(at, times_s, side="right") - 1
    result: Floats = counts[step] + (times_s - at[step]) * rate[step]
    return result


class Sine(Arrivals):
    """A wave around a mean, such as day and night."""

    type: Literal["sine"]
    mean: float = Field(ge=0, description="Mean requests/s. No default.")
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


class OnOff(Arrivals):
    """Bursts: a rate for a while, silence for a while, and again."""

    type: Literal["onOff"]
    rate: float = Field(ge=0, description="Requests/s while on. No default.")
    on: Annotated[Duration, Field(gt=0)] = Field(description="Length of a burst. No default.")
    off: Annotated[Duration, Field(gt=0)] = Field(description="Length of the silence after it. No default.")

    def knots(self, start_s: float, end_s: float) -> Floats:
        return self._as_steps().knots(start_s, end_s)

    def cumulative(self, times_s: Floats) -> Floats:
        return self._as_steps().cumulative(times_s)

    def _as_steps(self) -> Steps:
        return Steps.model_construct(
            type="steps",
            arrivals=self.arrivals,
            steps=(Step.model_construct(at=0.0, rate=self.rate), Step.model_construct(at=self.on, rate=0.0)),
            repeat=self.on + self.off,
        )


Workload = Constant | Steps | Sine | OnOff
"""Any workload; `type` tells which."""

WORKLOADS: dict[str, type[Arrivals]] = {"constant": Constant, "steps": Steps, "sine": Sine, "onOff": OnOff}
"""The workloads by their `type`."""

WorkloadField = Annotated[Workload, Field(discriminator="type")]
