"""Averages over windows, and how far back what was seen is whole: coverage, and proof of zero.

A sample is itself a mean over the source's range R, so that a window W is the mean of the samples in
(now − max(0, W − R), now], at least the newest one. With W = R = 60 s the newest sample is the answer; with
R = 20 s the samples of the last 40 s are averaged. Samples that are lower bounds are averaged in no later tick.
"""

from typing import NamedTuple

import numpy as np

from autoscaler.core.columns import Bools, Codes, Floats, Ints, true_at
from autoscaler.core.derived import Derived
from autoscaler.core.fleet import Fleet
from autoscaler.core.lanes import MetricKind
from autoscaler.core.observation import Load
from autoscaler.core.part import Part
from autoscaler.core.samples import Samples, of_similar_length
from autoscaler.core.seen import Seen
from autoscaler.core.staged import NOBODY

SLACK_S = 1e-6
"""Two stretches this near are contiguous: times are sums of floats."""


class Cleaned(NamedTuple):
    """A tick's samples of a part, where everything that is no load is nan.

    Attributes:
        rps: `(size,) float64`; nan: unknown.
        not_rps: positions where it is unknown, ascending.
        concurrency: likewise.
        not_concurrency: likewise.
        in_flight: likewise; as it came, so that inf and negative numbers mean nothing.
        others: `(lanes,) float64`, further metrics; nan: unknown.
        is_covered: `(size,) bool`.
        is_idle: `(size,) bool`.
        unknown: positions of rows of which a metric that they use is unknown, ascending.
    """

    rps: Floats
    not_rps: Ints
    concurrency: Floats
    not_concurrency: Ints
    in_flight: Floats
    others: Floats
    is_covered: Bools
    is_idle: Bools
    unknown: Ints


def clean(load: Load, part: Part, fleet: Fleet, derived: Derived, guess: Ints = NOBODY) -> Cleaned:
    """Turn everything that is no load (nan, inf, negative) into nan, and find whose load is thereby unknown.

    Args:
        load: the samples.
        part: the rows that are looked at.
        fleet: the functions.
        derived: its constants.
        guess: rows whose load is likely to be unknown, ascending; used where the part is everything.
    """
    guess = guess if part.rows is None else NOBODY
    rps, bad_rps = _used(part.of(load.rps), derived.has_rps, guess)
    concurrency, bad_concurrency = _used(part.of(load.concurrency), derived.has_concurrency, guess)
    in_flight = part.of(load.in_flight)
    found = [
        bad_rps[derived.uses_rps[part.rows_at(bad_rps)]],
        bad_concurrency[derived.uses_concurrency[part.rows_at(bad_concurrency)]],
        part.within(derived.without_metric),
    ]
    covered, idle = part.of(load.is_covered), part.of(load.is_idle)
    others = np.empty(0)
    if fleet.others.rows.size:
        others, bad_others, covered, idle = _with_others(load, part, fleet, derived, rps, in_flight)
        found.append(bad_others)
    if derived.doubtful.size:
        covered, idle = _doubted(covered, idle, part.within(derived.doubtful))
    found = [rows for rows in found if rows.size]
    unknown = np.unique(np.concatenate(found)) if len(found) > 1 else (found[0] if found else NOBODY)
    return Cleaned(rps, bad_rps, concurrency, bad_concurrency, in_flight, others, covered, idle, unknown)


def _doubted(covered: Bools, idle: Bools, at: Ints) -> tuple[Bools, Bools]:
    """Take loads for lower bounds where nobody knows which rules are meant: they may raise, and lower nothing.

    As with every lower bound no recommendation comes of them, so that once the rules are known a look-back begins with
    what runs, and not with what other rules would have wanted.
    """
    covered, idle = covered.copy(), idle.copy()
    covered[at] = idle[at] = False
    return covered, idle


def _used(column: Floats, is_used: bool, guess: Ints) -> tuple[Floats, Ints]:
    """Clean a signal that somebody's decisions are made of; one that nobody uses is shown as it came."""
    return only_loads(column, guess) if is_used else (column, NOBODY)


def only_loads(column: Floats, guess: Ints = NOBODY) -> tuple[Floats, Ints]:
    """Give a column in which what is no load is nan, and where that is; to find it costs less where it was guessed."""
    is_load = np.ascontiguousarray(column).view(np.uint64) < _INFINITY  # the sign is the first bit, nan is above inf
    if is_load.all():
        return column, NOBODY
    is_guessed = np.count_nonzero(is_load) + len(guess) == len(column) and not is_load.take(guess).any()
    bad = guess if is_guessed else true_at(~is_load)
    values = column.take(bad)
    wrong = bad[~np.isnan(values)]
    if wrong.size:
        column = column.copy()
        column[wrong] = np.where(column[wrong] == 0.0, 0.0, np.nan)
    return column, bad[values != 0.0]


_INFINITY = np.array(np.inf).view(np.uint64)
"""The bits of inf; those of every finite number that is not negative are fewer, but for -0.0."""


def _with_others(
    load: Load, part: Part, fleet: Fleet, derived: Derived, rps: Floats, in_flight: Floats
) -> tuple[Floats, Ints, Bools, Bools]:
    """Take the further metrics into account: what they leave unknown, and what they say of coverage and idleness.

    A function that has only such metrics is covered where they are known and idle where all of them say so and no
    gateway says otherwise; any other function is idle only where both do. Rows with such metrics are never at rest,
    so that all lanes are in the part.
    """
    lanes = fleet.others
    at = part.within(lanes.rows)
    given = load.others if len(load.others) == len(at) else np.full(len(at), np.nan)
    others, bad = only_loads(given)
    bad_rows = np.unique(at[bad])
    says_idle = load.others_idle if len(load.others_idle) == len(at) else np.zeros(len(at), np.bool_)
    busy = at[~says_idle & (lanes.kind != MetricKind.CPU)]
    covered, idle = part.of(load.is_covered).copy(), part.of(load.is_idle).copy()
    alone = at[derived.only_others[lanes.rows]]
    covered[alone] = True
    is_called = (rps[alone] > 0) & (rps[alone] < np.inf)  # what nobody scales by is shown as it came
    idle[alone] = ~(is_called | (in_flight[alone] > 0))
    only_cpu = np.setdiff1d(alone, at[lanes.kind != MetricKind.CPU])
    idle[only_cpu] = part.of(load.is_idle)[only_cpu]
    covered[bad_rows] = False
    idle[busy] = False
    idle[bad_rows] = False
    return others, bad_rows, covered, idle


class Averaged(NamedTuple):
    """Means over the windows, of a part. All `(size,) float64`; nan: unknown.

    Attributes:
        rps: requests/s over the stable window.
        concurrency: requests in flight over the stable window.
        panic_rps: requests/s over the panic window.
        panic_concurrency: likewise in flight.
        others: `(lanes,)`, further metrics over the stable window.
    """

    rps: Floats
    concurrency: Floats
    panic_rps: Floats
    panic_concurrency: Floats
    others: Floats


class Averages:
    """Means over the stable and panic windows, from samples of the past where one sample does not cover a window."""

    def __init__(self, fleet: Fleet, derived: Derived, range_s: Floats, ticks: int) -> None:
        rules = fleet.rules
        stable_s, panic_s = rules.stable_window_s - range_s, rules.panic_window_s - range_s
        panics = np.isfinite(rules.panic_threshold)
        self.rps = of_similar_length(true_at(derived.uses_rps), stable_s, ticks)
        self.concurrency = of_similar_length(true_at(derived.uses_concurrency), stable_s, ticks)
        self.panic_rps = of_similar_length(true_at(derived.uses_rps & panics), panic_s, ticks)
        self.panic_concurrency = of_similar_length(true_at(derived.uses_concurrency & panics), panic_s, ticks)
        lanes = np.arange(len(fleet.others.rows))
        self.others = of_similar_length(lanes, stable_s[fleet.others.rows], ticks)

    @property
    def signals(self) -> tuple[tuple[Samples, ...], ...]:
        """All samples that are kept, by signal."""
        return self.rps, self.concurrency, self.panic_rps, self.panic_concurrency, self.others

    def take(self, cleaned: Cleaned, part: Part, now_s: float) -> Averaged:
        """Take a tick's samples and give the means; nan: unknown now."""
        covered = cleaned.is_covered
        rps, concurrency = (cleaned.rps, cleaned.not_rps), (cleaned.concurrency, cleaned.not_concurrency)
        others = cleaned.others, true_at(np.isnan(cleaned.others))
        return Averaged(
            _means(self.rps, *rps, covered, part, now_s),
            _means(self.concurrency, *concurrency, covered, part, now_s),
            _means(self.panic_rps, *rps, covered, part, now_s),
            _means(self.panic_concurrency, *concurrency, covered, part, now_s),
            _means(self.others, *others, np.ones(len(cleaned.others), np.bool_), Part(len(cleaned.others)), now_s),
        )

    def is_resting(self, rows: Ints) -> Bools:
        """Tell of which rows nothing but zeros is kept."""
        resting = np.ones(len(rows), np.bool_)
        for signal in self.signals[:-1]:
            for samples in signal:
                resting &= samples.is_resting(rows)
        return resting

    def carry(self, source: "Averages", new_of_old: Ints, lane_of_old: Ints) -> None:
        """Take over what another instance knows of the same functions.

        Args:
            source: the other instance.
            new_of_old: `(functions of the source,) int64`, the row here; -1: gone.
            lane_of_old: `(lanes of the source,) int64`, the lane of the same further metric here; -1: gone.
        """
        for mine, theirs in zip(self.signals, source.signals, strict=True):
            found = lane_of_old if mine is self.others else new_of_old
            for samples in mine:
                for old in theirs:
                    _, lanes, old_lanes = np.intersect1d(samples.rows, found[old.rows], return_indices=True)
                    if lanes.size:
                        samples.carry(lanes, old, old_lanes)


def _means(
    kept: tuple[Samples, ...], newest: Floats, unknown: Ints, is_covered: Bools, part: Part, now_s: float
) -> Floats:
    if not kept:
        return newest
    if len(kept) == 1 and kept[0].lanes.is_all and part.rows is None:
        return kept[0].take(newest, unknown, is_covered, part, now_s)
    result = newest.copy()
    for samples in kept:
        _, at = samples.lanes.of(part, samples.functions)
        result[at] = samples.take(newest, unknown, is_covered, part, now_s)
    return result


class Times(NamedTuple):
    """When samples are from, and how far back they reach.

    Attributes:
        range_s: `(functions,) float64`, seconds.
        shortest_s: the shortest of them.
        now_s: monotonic seconds.
    """

    range_s: Floats
    shortest_s: float
    now_s: float


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
        gaps: rows that began anew at the last tick, since it came later than their samples reach back.
    """

    COLUMNS = ("holds", "since_s", "resting", "rested_since_s", "rested_until_s")

    def __init__(self, functions: int) -> None:
        self.holds = np.zeros(functions, bool)
        self.since_s = np.full(functions, np.inf)
        self.last_s = -np.inf
        self.resting = np.zeros(functions, bool)
        self.rested_since_s = np.full(functions, np.inf)
        self.rested_until_s = np.full(functions, -np.inf)
        self.gaps = NOBODY

    def take(self, holds: Bools, fails: Bools | None, part: Part, at: Times, of_moment: Bools) -> None:
        """Take a tick's claims, each over (now − range, now]. Rows outside the part go on holding.

        Args:
            holds: `(size,) bool`, the claim holds.
            fails: `(size,) bool`, it is known to be false; None: of no function. Where it neither holds nor
                fails it rests, and goes on if the next stretch reaches back to where it rested.
            part: the rows these are of; whatever is outside held at the last tick and holds.
            at: when.
            of_moment: `(functions,) bool`, the claim is of this moment and says nothing of what was before: it begins
                now, and goes on from tick to tick that are no further apart than the range.
        """
        held, self.gaps, (range_s, shortest_s, now_s) = part.of(self.holds), NOBODY, at
        self._rest(part.rows_at(true_at(held & ~holds)))
        if fails is not None:
            part.put(self.resting, part.of(self.resting) & ~fails)
        if self.last_s > -np.inf and now_s - shortest_s > self.last_s + SLACK_S:
            rows = part.rows_at(true_at(held & holds))
            rows = rows[now_s - range_s[rows] > self.last_s + SLACK_S]
            self.since_s[rows] = now_s - range_s[rows] * ~of_moment[rows]
            self.gaps = rows
        rows = part.rows_at(true_at(holds & ~held))
        if rows.size:
            self._resume(rows, now_s - range_s[rows], now_s - range_s[rows] * ~of_moment[rows])
        part.put(self.holds, holds)
        self.last_s = now_s

    def _rest(self, rows: Ints) -> None:
        self.rested_since_s[rows] = self.since_s[rows]
        self.rested_until_s[rows] = self.last_s
        self.resting[rows] = True
        self.since_s[rows] = np.inf

    def _resume(self, rows: Ints, reached_s: Floats, begun_s: Floats) -> None:
        goes_on = self.resting[rows] & (reached_s <= self.rested_until_s[rows] + SLACK_S)
        self.since_s[rows] = np.where(goes_on, self.rested_since_s[rows], begun_s)
        self.resting[rows] = False

    def carry(self, new: Ints, source: "Stretch", old: Ints) -> None:
        """Take over what another instance knows of the same functions."""
        self.last_s = source.last_s
        for name in self.COLUMNS:
            getattr(self, name)[new] = getattr(source, name)[old]


class Proof:
    """How far back the loads of all functions are covered, and proven to be zero."""

    def __init__(self, functions: int) -> None:
        self.covered = Stretch(functions)
        self.idle = Stretch(functions)
        self.is_whole = np.zeros(functions, np.bool_)

    def take(
        self,
        cleaned: Cleaned,
        part: Part,
        at: Times,
        *,
        window_s: Floats,
        of_moment: Bools,
        alone: Bools,
    ) -> Codes:
        """Take a tick's samples and give `(size,) uint8`, `Seen`.

        An unknown sample neither covers nor contradicts: what follows is contiguous if its range reaches back to
        what was known before. A sample that is known and not idle ends the proof of zero, an uncovered one too.

        A queue that is empty now was not empty for the whole range, and may have held something while nothing was
        known of it: its proof begins with its first sample, and ends with any unknown one.

        Args:
            cleaned: the samples.
            part: the rows these are of.
            at: when.
            window_s: `(functions,) float64`, how far back loads have to be covered.
            of_moment: `(functions,) bool`, the sample of one of its metrics is of a moment.
            alone: `(functions,) bool`, it has none of a gateway.
        """
        covered = cleaned.is_covered
        if cleaned.unknown.size:
            covered = covered.copy()
            covered[cleaned.unknown] = False
        idle = cleaned.is_idle & covered
        fails = ~idle
        fails[cleaned.unknown] = of_moment[part.rows_at(cleaned.unknown)]
        self.covered.take(covered, None, part, at, of_moment & alone)
        self.is_whole[self.covered.gaps] = False
        self.idle.take(idle, fails, part, at, of_moment)
        whole = self._whole(covered, part, window_s, at.now_s)
        seen = whole.view(np.uint8) + np.uint8(Seen.LOWER_BOUND)
        seen += (whole & idle).view(np.uint8)
        seen[cleaned.unknown] = Seen.UNKNOWN
        return seen

    def _whole(self, covered: Bools, part: Part, window_s: Floats, now_s: float) -> Bools:
        """Tell where a whole window is covered; once it is, it stays so until the coverage ends."""
        whole = part.of(self.is_whole) & covered
        pending = true_at(covered & ~whole)
        rows = part.rows_at(pending)
        whole[pending] = self.covered.since_s[rows] + window_s[rows] <= now_s + SLACK_S
        part.put(self.is_whole, whole)
        return whole

    def idle_s(self, rows: Ints, not_before_s: Floats, now_s: float) -> Floats:
        """Give `(rows,) float64`, seconds of zero proven without a gap until now; -inf: none.

        Args:
            rows: rows of the fleet that are asked for.
            not_before_s: `(functions,) float64`, monotonic seconds of the last activity known otherwise (a wake).
            now_s: monotonic seconds.
        """
        result: Floats = now_s - np.maximum(self.idle.since_s[rows], not_before_s[rows])
        return result

    def carry(self, new: Ints, source: "Proof", old: Ints) -> None:
        """Take over what another instance knows of the same functions."""
        self.is_whole[new] = False  # windows may be others now
        self.covered.carry(new, source.covered, old)
        self.idle.carry(new, source.idle, old)
