"""A rate that itself changes by chance: states that follow each other, as bursts of unknown length do."""

from collections.abc import Callable
from typing import Annotated, Literal

import numpy as np
from pydantic import Field, model_validator

from autoscaler.core.columns import Floats
from autoscaler.policy.quantities import Duration
from autoscaler.policy.strict import Strict
from autoscaler.simulator.workload import Rate, Shape, Spacing, Workload

MOST_STATES = 100
SOJOURNS_AHEAD = 256
"""States that are drawn with one call, and about as many are in one window."""


class State(Strict):
    """A rate, for an exponentially distributed while."""

    rate: Rate = Field(description="Requests/s in it. No default.")
    mean: Annotated[Duration, Field(gt=0)] = Field(description="How long it lasts on average. No default.")


class Mmpp(Shape):
    """A Markov-modulated Poisson process: each state lasts an exponential time, then one of the others follows.

    Which one is drawn evenly; two states take turns. A run begins in a state as one finds it at any moment, so that the
    mean rate is the same at all times. Every function has a course of its own.
    """

    type: Literal["mmpp"]
    states: tuple[State, ...] = Field(
        min_length=2, max_length=MOST_STATES, strict=False, description="The states. No default."
    )

    @model_validator(mode="after")
    def _has_load(self) -> "Mmpp":
        if not any(state.rate for state in self.states):
            raise ValueError("one state with a rate above 0 at least")
        return self

    @property
    def mean_rate(self) -> float:
        """Requests/s on average over a long time."""
        return sum(state.rate * state.mean for state in self.states) / sum(state.mean for state in self.states)

    def knots(self, start_s: float, end_s: float) -> Floats:
        return np.array([start_s, end_s])

    def cumulative(self, times_s: Floats) -> Floats:
        """Give the requests expected from 0 to each time, over all courses that it may take."""
        return times_s * self.mean_rate

    def realised(self, generator: Callable[[], np.random.Generator]) -> Workload:
        return Course(self.states, self.arrivals, generator())


class Course(Workload):
    """One course of a modulated rate, drawn as far as somebody asks; what lies behind the last window is forgotten.

    So windows are asked for in the order of time.
    """

    def __init__(self, states: tuple[State, ...], arrivals: Spacing, generator: np.random.Generator) -> None:
        self.arrivals = arrivals
        self._generator = generator
        self._means_s = np.array([state.mean for state in states])
        self._state_rates = np.array([state.rate for state in states])
        self._state = int(generator.choice(len(states), p=self._means_s / self._means_s.sum()))
        self._edges_s, self._counts, self._rates = np.zeros(1), np.zeros(1), np.empty(0)

    @property
    def longest_window_s(self) -> float:
        return min(super().longest_window_s, SOJOURNS_AHEAD * float(self._means_s.mean()))

    def knots(self, start_s: float, end_s: float) -> Floats:
        self._draw(end_s)
        first, last = np.searchsorted(self._edges_s, start_s, side="right"), np.searchsorted(self._edges_s, end_s)
        return np.concatenate([[start_s], self._edges_s[first:last], [end_s]])

    def cumulative(self, times_s: Floats) -> Floats:
        self._draw(float(np.max(times_s)))
        piece = np.minimum(np.searchsorted(self._edges_s, times_s, side="right"), len(self._rates)) - 1
        result: Floats = self._counts[piece] + (times_s - self._edges_s[piece]) * self._rates[piece]
        return result

    def between(self, start_s: float, end_s: float, generator: np.random.Generator) -> Floats:
        times_s = super().between(start_s, end_s, generator)
        done = int(np.searchsorted(self._edges_s, end_s, side="right")) - 1
        self._edges_s, self._counts, self._rates = self._edges_s[done:], self._counts[done:], self._rates[done:]
        return times_s

    def _draw(self, until_s: float) -> None:
        """Draw on until the state at a time is known."""
        while self._edges_s[-1] <= until_s:
            others = len(self._means_s) - 1
            steps = 1 + self._generator.integers(0, others, SOJOURNS_AHEAD)
            states = (self._state + np.concatenate([[0], np.cumsum(steps)])) % (others + 1)
            self._state = int(states[-1])
            sojourns_s = self._generator.standard_exponential(SOJOURNS_AHEAD) * self._means_s[states[:-1]]
            rates = self._state_rates[states[:-1]]
            self._edges_s = np.concatenate([self._edges_s, self._edges_s[-1] + np.cumsum(sojourns_s)])
            self._counts = np.concatenate([self._counts, self._counts[-1] + np.cumsum(sojourns_s * rates)])
            self._rates = np.concatenate([self._rates, rates])
