"""What one gateway's answers prove of each function: one account of it, for the daemon and the simulator."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from autoscaler.core.columns import Bools, Floats
from autoscaler.policy.profiles import Profile, SignalName

_GAUGES: tuple[SignalName, SignalName] = ("concurrency", "in_flight")
_NOISE = 1e-9  # a difference of sums may be this far below 0 and still mean 0


class Sums(NamedTuple):
    """One kind of series: `values (rows,) float64`, nan without one; `present (rows,) bool`.

    Present with a value of nan is a series whose value is no number: it is there, and tells nothing. `unclear
    (rows,) bool`, where a series is left out because it may be of this function or of another; None: nowhere.
    """

    values: Floats
    present: Bools
    unclear: Bools | None = None


@dataclass(frozen=True, slots=True)
class Coverage:
    """The series of query `proof` that tell how well the targets were scraped; None: not in the answer.

    Attributes are as in `SignalQuery`.
    """

    up: float | None
    scrapes: float | None
    ragged: float | None
    resets: float | None
    replaced: float | None = None
    deaf: float | None = None

    @property
    def is_seen(self) -> bool:
        """Whether a target was scraped at all."""
        return self.up is not None

    def is_whole(self, full_scrapes: int) -> bool:
        """Whether the range is wholly covered, so that values are values."""
        is_full = self.scrapes is not None and self.scrapes >= full_scrapes
        is_heard = self.deaf in (None, 0)
        return self.up == 1 and is_full and self.ragged == 0 and self.resets in (None, 0) and is_heard


@dataclass(frozen=True, slots=True, eq=False)
class PodCoverage:
    """The same where each function's own pods are the targets, by function.

    Attributes are as in `SignalQuery`.
    """

    targets: Sums
    covered: Sums
    resets: Sums

    @property
    def is_seen(self) -> bool:
        """Whether a target was scraped at all; a fleet at zero has none, and nothing is wrong with that."""
        return True

    def is_whole(self, full_scrapes: int) -> Bools:
        """Tell of which functions every pod was wholly covered: how many scrapes that takes, the query knows."""
        did_not_reset = ~self.resets.present | (self.resets.values == 0)
        result: Bools = self.targets.present & (self.covered.values == self.targets.values) & did_not_reset
        return result


@dataclass(frozen=True, slots=True, eq=False)
class Answered:
    """The answers of one gateway to its profile's queries, by function.

    Attributes:
        signals: `rate`, `concurrency` and `in_flight`, those that the profile asks for.
        moved: `moved` of query `proof`.
        born: `born` of it.
        alive: `alive` of it.
        coverage: the rest of it.
        went_back: `went_back` of it; None: the profile does not ask for it.
    """

    signals: Mapping[SignalName, Sums]
    moved: Sums
    born: Sums
    alive: Sums
    coverage: Coverage | PodCoverage
    went_back: Sums | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Evidence:
    """What is known of each function, `(rows,)` each.

    Attributes:
        rps: float64, requests/s; nan: unknown.
        concurrency: float64, mean requests in flight; nan: unknown.
        in_flight: float64, requests in flight at the newest scrape; nan: unknown.
        is_covered: bool, the values are values; else they are lower bounds.
        is_quiet: bool, nothing moved and nothing is known to be in flight: idle, if for longer than `needs_s`.
        needs_s: seconds of quiet that prove zero; 0 where an in-flight signal tells it of the range itself.
        pods: float64, pods that were scraped; nan: targets are no pods of functions.
    """

    rps: Floats
    concurrency: Floats
    in_flight: Floats
    is_covered: Bools
    is_quiet: Bools
    needs_s: float
    pods: Floats


class PodLoad(NamedTuple):
    """Loads of functions, and how many of their own pods told them.

    `values (3, rows) float64`: requests/s, mean requests in flight, requests in flight; `pods (rows,) float64`, nan:
    gateways told it; `is_covered` and `is_quiet (rows,) bool`.
    """

    values: Floats
    pods: Floats
    is_covered: Bools
    is_quiet: Bools


def weigh(profile: Profile, answered: Answered) -> Evidence:
    """Say what the answers prove, by the rules that `Profile` states."""
    rows = len(answered.moved.present)
    nothing = np.full(rows, np.nan)
    if not answered.coverage.is_seen:
        no = np.zeros(rows, dtype=np.bool_)
        return Evidence(nothing, nothing, nothing, is_covered=no, is_quiet=no, needs_s=profile.needs_s, pods=nothing)
    is_whole = answered.coverage.is_whole(profile.full_scrapes)
    if answered.went_back is not None:
        is_whole = is_whole & ~answered.went_back.present
    is_clear = is_whole & ~_is_unclear(answered)
    is_silent = _is_silent(answered)
    rps, understates = _rps(profile, answered, is_silent, is_whole)
    concurrency, in_flight = (_value(answered, name, is_silent) for name in _GAUGES)
    return Evidence(
        rps=rps,
        concurrency=concurrency,
        in_flight=in_flight,
        is_covered=is_clear & ~understates,
        is_quiet=is_clear & _is_quiet(profile, answered, is_silent, (rps, concurrency, in_flight)),
        needs_s=profile.needs_s,
        pods=np.nan_to_num(answered.coverage.targets.values) if isinstance(answered.coverage, PodCoverage) else nothing,
    )


def whole_cores(cores: Floats, pods: Floats, ready: Floats | None) -> Floats:
    """Say what a sum over pods proves: nothing where fewer pods are in it than can serve.

    A kubelet that is not scraped, or a pod of which there is one sample yet, would else look like less load.

    Args:
        cores: `(rows,) float64`, cores in use by the pods that were found; nan: none was.
        pods: `(rows,) float64`, how many were found; nan: the sum is not one of pods, and is believed.
        ready: `(rows,) float64`, replicas that can serve; None: not known, so that no sum over pods is believed.

    Returns:
        `(rows,) float64`, cores in use; nan: unknown.
    """
    by_function = np.isnan(pods)
    whole: Bools = by_function if ready is None else by_function | (pods >= ready)
    result: Floats = np.where(whole, cores, np.nan)
    return result


def by_pods(load: PodLoad, ready: Floats | None, requested: Floats | None) -> PodLoad:
    """Say what loads prove that the functions' own pods tell: nothing whole where fewer were scraped than can serve.

    A pod that is not found yet, or not scraped, would else look like less load. Where there is none, and none is
    asked for, nothing can be in flight, and that nothing is scraped is no gap.

    Args:
        load: as it was read.
        ready: `(rows,) float64`, replicas that can serve; None: not known, so that no load is whole.
        requested: `(rows,) float64`, replicas asked for; None likewise.
    """
    tells = ~np.isnan(load.pods)
    if ready is None or requested is None:
        return load._replace(is_covered=load.is_covered & ~tells, is_quiet=load.is_quiet & ~tells)
    is_whole = ~tells | (load.pods >= ready)
    is_gone = tells & (load.pods == 0) & (ready == 0) & (requested == 0)
    values = load.values.copy()
    values[:, is_gone] = 0.0
    return PodLoad(values, load.pods, (load.is_covered & is_whole) | is_gone, (load.is_quiet & is_whole) | is_gone)


def _is_unclear(answered: Answered) -> Bools:
    """Tell of which functions some series is left out because it may be of another."""
    result = np.zeros(len(answered.moved.present), dtype=np.bool_)
    for sums in (answered.moved, answered.born, answered.went_back, *answered.signals.values()):
        if sums is not None and sums.unclear is not None:
            result |= sums.unclear
    return result


def _is_silent(answered: Answered) -> Bools:
    """Tell which functions have no counter of their own, but are named as alive: no call of theirs was counted yet.

    A gauge is no counter: a watchdog tells of 0 in flight before its first call, and of 1 while that runs.
    """
    own = answered.moved.present | answered.born.present
    if "rate" in answered.signals:
        own = own | answered.signals["rate"].present
    return ~own & answered.alive.present


def _value(answered: Answered, name: SignalName, is_silent: Bools) -> Floats:
    """Give a signal: 0 where nobody ever called and it says nothing else; nan where there is none, or more calls ended
    than began."""
    signal = answered.signals.get(name)
    if signal is None:
        return np.full(len(is_silent), np.nan)
    with np.errstate(invalid="ignore"):
        sound = np.where(signal.values < -_NOISE, np.nan, np.maximum(signal.values, 0.0))
    result: Floats = np.where(is_silent & ~signal.present, 0.0, sound)
    return result


def _rps(profile: Profile, answered: Answered, is_silent: Bools, is_whole: Bools | bool) -> tuple[Floats, Bools]:
    """Give requests/s, and where they are too low.

    A counter's first value is no increase, so `rate` leaves it out: 100 calls before the first scrape of a new
    counter and 1 after it read 0.03/s over a minute instead of 1.7/s.

    Args:
        is_whole: where what new counters counted came within the range; elsewhere nobody knows, they may be old.
    """
    rps = _value(answered, "rate", is_silent)
    if "rate" not in answered.signals:
        return rps, np.zeros(len(rps), dtype=np.bool_)
    moved, born = answered.moved, answered.born
    did_move = born.present | (moved.present & (moved.values != 0))  # NaN too: what cannot be read is no calm
    rps[did_move & ~answered.signals["rate"].present] = 0.0  # a counter of one sample has no rate yet
    grown = np.where(moved.present, moved.values, 0.0) if profile.counts_moved else 0.0
    called = born.values + grown  # both: one of two names of a function is new
    is_born = born.present & np.isfinite(called)
    since_s = np.where(is_whole, profile.range_s, np.inf)
    rps[is_born] = np.maximum(rps, called / since_s)[is_born]
    return rps, did_move & ((rps == 0.0) | (born.present & ~is_born))


def _is_quiet(profile: Profile, answered: Answered, is_silent: Bools, values: tuple[Floats, Floats, Floats]) -> Bools:
    """Tell where the answers say that nothing was called and, as far as the profile can tell, nothing runs."""
    if not profile.has_activity or not _may_prove(profile, answered.coverage):
        return np.zeros(len(is_silent), dtype=np.bool_)
    known_still = answered.moved.present & (answered.moved.values == 0) & ~answered.born.present
    quiet: Bools = known_still | (is_silent if profile.has_alive else False)
    names: tuple[SignalName, ...] = ("rate", *_GAUGES)
    for name, column in zip(names, values, strict=True):
        if name in answered.signals:
            quiet = quiet & (column == 0.0)
    return quiet


def _may_prove(profile: Profile, coverage: Coverage | PodCoverage) -> bool:
    """Tell whether silence may be a proof: nobody whom nothing is read of ends calls, and a log is known to be read.

    A pod that is replaced ends its own function's calls, and no scaling touches it.
    """
    if isinstance(coverage, PodCoverage):
        return True
    is_replaced = profile.minds_replaced and coverage.replaced != 0
    is_deaf = profile.has_heartbeat and coverage.deaf != 0
    return not is_replaced and not is_deaf
