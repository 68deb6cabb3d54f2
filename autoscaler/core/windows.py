"""Averages over windows, and how far back what was seen is whole: coverage, and proof of zero.

A sample is itself a mean over the source's range R, so that a window W is the mean of the samples in
(now − max(0, W − R), now], at least the newest one. With W = R = 60 s the newest sample is the answer; with
R = 20 s the samples of the last 40 s are averaged. Samples that are lower bounds are averaged in no later tick.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from autoscaler.core.columns import Bools, Floats, Ints
from autoscaler.core.derived import Derived
from autoscaler.core.observation import Load
from autoscaler.core.samples import Samples, of_similar_length
from autoscaler.core.seen import Seen

SLACK_S = 1e-6
"""Two stretches this near are contiguous: times are sums of floats."""


class Cleaned(NamedTuple):
    """A tick's samples, where everything that is no load is nan.

    Attributes:
        rps: `(functions,) float64`; nan: unknown.
        concurrency: likewise.
        in_flight: likewise.
        unknown: `(functions,) bool`, a metric that the function uses is unknown; None: of no function.
        rows: those rows.
    """

    rps: Floats
    concurrency: Floats
    in_flight: Floats
    unknown: Bools | None
    rows: Ints


def clean(load: Load, derived: Derived) -> Cleaned:
    """Turn everything that is no load (nan, inf, negative) into nan, and find whose load is thereby unknown."""
    rps, bad_rps = _only_loads(load.rps)
    concurrency, bad_concurrency = _only_loads(load.concurrency)
    in_flight, _ = _only_loads(load.in_flight)
    unknown = np.zeros(len(rps), bool)
    if bad_rps is not None:
        unknown |= bad_rps & derived.uses_rps
    if bad_concurrency is not None:
        unknown |= bad_concurrency & derived.uses_concurrency
    unknown[derived.without_metric] = True
    rows = np.flatnonzero(unknown)
    return Cleaned(rps, concurrency, in_flight, unknown if rows.size else None, rows)


def _only_loads(column: Floats) -> tuple[Floats, Bools | None]:
    is_load = (column >= 0) & (column < np.inf)
    if is_load.all():
        return column, None
    bad = ~is_load
    column = column.copy()
    column[bad] = np.nan
    return column, bad


class Averages:
    """Means over the stable windows, from samples of the past where one sample does not cover the window."""

    def __init__(self, derived: Derived, horizon_s: Floats, ticks: int) -> None:
        self.rps = of_similar_length(np.flatnonzero(derived.uses_rps), horizon_s, ticks)
        self.concurrency = of_similar_length(np.flatnonzero(derived.uses_concurrency), horizon_s, ticks)

    def take(self, cleaned: Cleaned, is_covered: Bools, now_s: float) -> tuple[Floats, Floats]:
        """Take a tick's samples and give the means of requests/s and of concurrency; nan: unknown now."""
        return (
            _means(self.rps, cleaned.rps, is_covered, now_s),
            _means(self.concurrency, cleaned.concurrency, is_covered, now_s),
        )

    def carry(self, source: "Averages", new_of_old: Ints) -> None:
        """Take over what another instance knows of the same functions.

        Args:
            source: the other instance.
            new_of_old: `(functions of the source,) int64`, the row here; -1: gone.
        """
        for mine, theirs in ((self.rps, source.rps), (self.concurrency, source.concurrency)):
            for samples in mine:
                for old in theirs:
                    _, lanes, old_lanes = np.intersect1d(samples.rows, new_of_old[old.rows], return_indices=True)
                    if lanes.size:
                        samples.carry(lanes, old, old_lanes)


def _means(kept: tuple[Samples, ...], newest: Floats, is_covered: Bools, now_s: float) -> Floats:
    if not kept:
        return newest
    result = newest.copy()
    for samples in kept:
        sample, low = newest[samples.rows], np.flatnonzero(~is_covered[samples.rows])
        # A lower bound may raise the mean of its tick, and is not kept: bridged later, it would count as a value.
        kept_sample = sample.copy()
        kept_sample[low] = np.nan
        samples.push(kept_sample, now_s)
        means = samples.means()
        means[low] = np.fmax(means[low], (samples.sum[low] + sample[low]) / (samples.known[low] + 1))
        result[samples.rows] = means + 0.0 * sample  # nan where the newest is unknown
    return result


class Stretch:
    """For each function, the stretch until now over which a claim holds without a gap.

    Only rows in which something changed are written: where a claim goes on holding, nothing moves but the time of
    the last tick, which is one number for all.

    Attributes:
        holds: `(functions,) bool`, whether it held at the last tick.
        since_s: `(functions,) float64`, since when; inf where it does not hold.
        last_s: monotonic seconds of the last tick.
        resting: `(functions,) bool`, it held, and then nothing was known.
        rested_since_s: `(functions,) float64`, since when it held before that.
        rested_until_s: `(functions,) float64`, until when.
    """

    def __init__(self, functions: int) -> None:
        self.holds = np.zeros(functions, bool)
        self.since_s = np.full(functions, np.inf)
        self.last_s = -np.inf
        self.resting = np.zeros(functions, bool)
        self.rested_since_s = np.full(functions, np.inf)
        self.rested_until_s = np.full(functions, -np.inf)

    def take(self, holds: Bools, fails: Bools | None, start_s: Floats, now_s: float) -> None:
        """Take a tick's claims, each over (start, now].

        Args:
            holds: `(functions,) bool`, the claim holds.
            fails: `(functions,) bool`, it is known to be false; None: of no function. Where it neither holds nor
                fails it rests, and goes on if the next stretch reaches back to where it rested.
            start_s: `(functions,) float64`, where this tick's stretch begins, monotonic seconds.
            now_s: monotonic seconds.
        """
        self._rest(np.flatnonzero(self.holds & ~holds))
        if fails is not None:
            self.resting &= ~fails
        if len(start_s) and start_s.max() > self.last_s + SLACK_S:
            gaps = np.flatnonzero(self.holds & holds & (start_s > self.last_s + SLACK_S))
            self.since_s[gaps] = start_s[gaps]
        self._resume(np.flatnonzero(holds & ~self.holds), start_s)
        self.holds = holds
        self.last_s = now_s

    def _rest(self, rows: Ints) -> None:
        self.rested_since_s[rows] = self.since_s[rows]
        self.rested_until_s[rows] = self.last_s
        self.resting[rows] = True
        self.since_s[rows] = np.inf

    def _resume(self, rows: Ints, start_s: Floats) -> None:
        start_s = start_s[rows]
        goes_on = self.resting[rows] & (start_s <= self.rested_until_s[rows] + SLACK_S)
        self.since_s[rows] = np.where(goes_on, self.rested_since_s[rows], start_s)
        self.resting[rows] = False

    def carry(self, new: Ints, source: "Stretch", old: Ints) -> None:
        """Take over what another instance knows of the same functions."""
        self.last_s = source.last_s
        for name in ("holds", "since_s", "resting", "rested_since_s", "rested_until_s"):
            getattr(self, name)[new] = getattr(source, name)[old]


class Proof:
    """How far back the loads of all functions are covered, and proven to be zero."""

    def __init__(self, functions: int) -> None:
        self.covered = Stretch(functions)
        self.idle = Stretch(functions)

    def take(self, load: Load, cleaned: Cleaned, range_s: Floats, window_s: Floats, now_s: float) -> NDArray[np.uint8]:
        """Take a tick's samples and give `(functions,) uint8`, `Seen`.

        An unknown sample neither covers nor contradicts: what follows is contiguous if its range reaches back to
        what was known before. A sample that is known and not idle ends the proof of zero, an uncovered one too.
        """
        covered = load.is_covered.copy()
        covered[cleaned.rows] = False
        idle = load.is_idle & covered
        start_s = now_s - range_s
        self.covered.take(covered, None, start_s, now_s)
        self.idle.take(idle, ~idle if cleaned.unknown is None else ~(idle | cleaned.unknown), start_s, now_s)
        whole = self.covered.since_s <= now_s - window_s + SLACK_S
        seen = whole.view(np.uint8) + np.uint8(Seen.LOWER_BOUND)
        seen += (whole & idle).view(np.uint8)
        seen[cleaned.rows] = Seen.UNKNOWN
        return seen

    def idle_s(self, not_before_s: Floats, now_s: float) -> Floats:
        """Give `(functions,) float64`, seconds of zero proven without a gap until now; -inf: none.

        Args:
            not_before_s: `(functions,) float64`, monotonic seconds of the last activity known otherwise (a wake).
            now_s: monotonic seconds.
        """
        begin: Floats = np.maximum(self.idle.since_s, not_before_s)
        return now_s - begin

    def carry(self, new: Ints, source: "Proof", old: Ints) -> None:
        """Take over what another instance knows of the same functions."""
        self.covered.carry(new, source.covered, old)
        self.idle.carry(new, source.idle, old)
