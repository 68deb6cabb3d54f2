"""Panic: while load rises steeply nothing is lowered, and the short average may raise."""

from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from autoscaler.core.columns import Bools, Floats, Ints, true_at
from autoscaler.core.part import numbers_at
from autoscaler.core.reasons import Reason
from autoscaler.core.rounding import whole_up
from autoscaler.core.staged import Change, chosen

if TYPE_CHECKING:
    from autoscaler.core.sight import Sight

Bounded = Callable[[Ints, Floats], Floats]


class Panic:
    """Who panics, since when, and the most that was asked for meanwhile.

    Attributes:
        is_in: `(functions,) bool`, who panics.
        since_s: `(functions,) float64`, monotonic seconds at which panic began or was last renewed.
        peak: `(functions,) float64`, most replicas of this episode.
        is_first: `(functions,) bool`, the episode that every function with more than one replica begins with.
    """

    COLUMNS = ("is_in", "since_s", "peak", "is_first")

    def __init__(self, ready: Floats, panic_threshold: Floats, now_s: float) -> None:
        """Begin. What is found with more than one replica ready begins in panic with that as its peak, so that a
        restart cuts nothing for a whole stable window.
        """
        self.is_first = (ready > 1) & np.isfinite(panic_threshold)
        self.is_in = self.is_first.copy()
        self.since_s = np.full(len(ready), now_s)
        self.peak = np.where(self.is_first, ready, 0.0)

    def take(
        self, stable: Floats, proposal: Floats, sight: "Sight", bounded: Bounded, least_threshold: float
    ) -> "Panicked":
        """Take a tick's demand over both windows and give what holds.

        Panic begins, and is renewed, where what the short window wants is `panicThreshold` times what is ready; it
        ends after more than a stable window without. In panic the larger of both demands counts, and never less than
        any of this episode before. Functions whose load is unknown neither begin nor end anything.

        Args:
            stable: `(size,) float64`, demand over the stable window.
            proposal: `(size,) float64`, replicas that the load over the panic window would fill exactly.
            sight: the tick's rows, what is ready, rules.
            bounded: gives the demand of some positions from their proposals, kept within the tick's rates.
            least_threshold: the smallest panic threshold of any function.

        Source: Knative pkg/autoscaler/scaling/autoscaler.go `Scale`.
        """
        part, rules = sight.part, sight.rules
        may_be = _may_begin(proposal, sight.ready, least_threshold)
        may_be |= part.of(self.is_in)
        may_be[sight.cleaned.unknown] = False
        at = true_at(may_be)
        if not at.size:
            return Panicked((), at)
        rows = part.rows_at(at)
        threshold, proposed = numbers_at(rules.panic_threshold, at), proposal.take(at)
        begins = whole_up(proposed) / np.maximum(sight.ready.take(at), 1.0) >= threshold
        is_waning = self.is_in.take(rows) & ~begins
        ends = is_waning & (sight.now_s - self.since_s.take(rows) > numbers_at(rules.stable_window_s, at))
        self._renew(rows.compress(begins), sight.now_s)
        self._end(rows.compress(ends))
        is_in = true_at(begins | (is_waning & ~ends))
        at, rows = at.take(is_in), rows.take(is_in)
        asked = stable.take(at)
        peak = np.maximum(np.maximum(self.peak.take(rows), asked), bounded(at, proposal.take(at)))
        self.peak[rows] = peak
        is_bound, first = peak > asked, self.is_first.take(rows)
        restart = chosen(at, is_bound & first, peak, Reason.RESTART)
        return Panicked((chosen(at, is_bound & ~first, peak, Reason.PANIC), restart), at)

    def _renew(self, rows: Ints, now_s: float) -> None:
        self.is_in[rows] = True
        self.since_s[rows] = now_s
        self.is_first[rows] = False

    def _end(self, rows: Ints) -> None:
        self.is_in[rows] = False
        self.peak[rows] = 0.0
        self.is_first[rows] = False

    def is_calm(self, rows: Ints) -> Bools:
        """Tell who of these does not panic."""
        calm: Bools = ~self.is_in[rows]
        return calm

    def carry(self, new: Ints, source: "Panic", old: Ints) -> None:
        """Take over what another instance knows of the same functions."""
        for name in self.COLUMNS:
            getattr(self, name)[new] = getattr(source, name)[old]


class Panicked(NamedTuple):
    """The outcome of panic.

    Attributes:
        changes: rows that it raised.
        panicking: positions of rows in panic mode.
    """

    changes: tuple[Change, ...]
    panicking: Ints


def _may_begin(proposal: Floats, ready: Floats, least: float) -> Bools:
    """Say where a proposal is less than one replica short of the least threshold of all: nowhere else panic begins."""
    short = ready * least
    short -= 1.0
    may_begin: Bools = proposal > short
    return may_begin
