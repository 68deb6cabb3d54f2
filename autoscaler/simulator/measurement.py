"""What a Prometheus beside the platform knows: scrapes on a grid, and the answers it would give from them.

The simulator's loads and the twin's answers come from here, so that both see the platform with the lag
and the gaps with which the daemon sees a real one.
"""

from bisect import bisect_right
from dataclasses import dataclass, replace
from math import inf, isnan, nan

import numpy as np

from autoscaler.core.columns import Bools, Floats, Ints
from autoscaler.core.fleet import Fleet, FunctionKey
from autoscaler.core.observation import Load
from autoscaler.policy.evidence import Answered, Coverage, Evidence, Sums, weigh
from autoscaler.policy.profiles import NEWEST_WITHIN, OLDEST_WITHIN, Profile, profile_of
from autoscaler.policy.quantities import format_duration
from autoscaler.policy.source_settings import GatewaySettings, SourceSettings
from autoscaler.simulator.platform import Platform
from autoscaler.simulator.rates import Growth, extrapolated, growth, sum_over

LOOKBACK_S = 300.0
"""How old a sample may be at most to count as the current one; Prometheus's default."""

PHASE = 0.37
"""Fraction of an interval after the start at which the first scrape comes: scrapes fall between ticks, as in life."""

MOST_ORDERS = 64
"""Pairs of orders of functions that are remembered: functions come and go."""


@dataclass(frozen=True, slots=True, eq=False)
class Scrape:
    """One scrape of the gateway. Counters are born with their first count: nan before.

    Attributes:
        at_s: when.
        is_up: whether the target answered; every column is nan where it did not.
        keys: rows of the columns.
        started: `gateway_function_invocation_started`.
        total: `gateway_function_invocation_total`, summed over codes.
        service_count: `gateway_service_count`, replicas available; there for every function.
    """

    at_s: float
    is_up: bool
    keys: tuple[FunctionKey, ...]
    started: Floats
    total: Floats
    service_count: Floats


@dataclass(frozen=True, slots=True, eq=False)
class Answers:
    """What the queries of profile `openfaas` answer at one time; a nan is a series that is not there.

    Attributes:
        keys: rows of the columns.
        rate: `(functions,)`, requests/s over the range.
        concurrency: `(functions,)`, mean requests in flight over the range's scrapes.
        in_flight: `(functions,)`, requests in flight at the newest scrape.
        moved: `(functions,)`, requests started since the beginning of the range, of counters that were there then.
        born: `(functions,)`, requests started so far, of counters that were not.
        alive: `(functions,)`, replicas that the gateway knows of.
        up: 1 when every scrape of the range and the one before it found the target up, else 0; nan: there was none.
        scrapes: scrapes of the range and the one before it; nan: there was none.
        ragged: 0 when there are scrapes near the range's end and on either side of its beginning; nan: not all.
        resets: counters that went back since.
        replaced: processes of the gateway that others took the place of: there is but one for ever.
    """

    keys: tuple[FunctionKey, ...]
    rate: Floats
    concurrency: Floats
    in_flight: Floats
    moved: Floats
    born: Floats
    alive: Floats
    up: float
    scrapes: float
    ragged: float
    resets: float
    replaced: float = 0.0


class Measurement:
    """Scrapes kept as long as an answer may need them."""

    def __init__(self, interval_s: float, range_s: float | None = None, phase: float = PHASE) -> None:
        """Set the grid up.

        Args:
            interval_s: seconds between scrapes, > 0.
            range_s: stretch that one answer covers; None: four intervals.
            phase: fraction of an interval after second 0 at which the first scrape comes.
        """
        if not 0 < interval_s < inf:
            raise ValueError(f"scrape interval {interval_s!r}: more than 0 seconds are needed")
        self._profile = _profile(interval_s, range_s)
        self.interval_s = interval_s
        self.range_s = self._profile.range_s
        self._phase_s = phase * interval_s
        self._number = 0
        self._scrapes: list[Scrape] = []
        self._times_s: list[float] = []  # of the scrapes, ascending
        self._seen: _Seen | None = None
        self._weighed: _Weighed | None = None
        self._range_column = np.empty(0)
        self._order = _Order()

    @property
    def due_s(self) -> float:
        """When the next scrape is due, virtual seconds."""
        return self._phase_s + self._number * self.interval_s

    def scrape(self, platform: Platform, is_up: bool = True) -> Scrape:
        """Scrape the gateway as it is now, keep that, and give it.

        Args:
            is_up: False: the target does not answer, and its series end here.
        """
        keys = platform.keys
        nothing = np.full(len(keys), nan)
        scrape = Scrape(
            at_s=platform.now_s,
            is_up=is_up,
            keys=keys,
            started=_born(platform.started_column()) if is_up else nothing,
            total=_born(platform.finished_column()) if is_up else nothing,
            service_count=platform.ready_column() if is_up else nothing,
        )
        self._scrapes.append(scrape)
        self._times_s.append(scrape.at_s)
        self._number += 1
        oldest_s = platform.now_s - self.range_s - max(LOOKBACK_S, 2 * self.interval_s)
        while self._times_s[0] < oldest_s:
            del self._scrapes[0], self._times_s[0]
        return scrape

    def skip(self, until_s: float) -> None:
        """Leave out the scrapes that are due up to and with `until_s`: Prometheus itself is away."""
        while self.due_s <= until_s:
            self._number += 1

    def catch_up(self, platform: Platform, until_s: float) -> None:
        """Advance a platform to a time, with every scrape that is due on the way."""
        while self.due_s <= until_s:
            platform.advance(self.due_s)
            self.scrape(platform)
        platform.advance(until_s)

    def answers(self, keys: tuple[FunctionKey, ...], at_s: float) -> Answers:
        """Give what Prometheus would answer at a time about these functions.

        Args:
            at_s: the query's time, at most 300 s before the newest scrape.
        """
        start_s = at_s - self.range_s
        inside, now, before = self._within(start_s, at_s), self._newest(at_s), self._newest(start_s)
        if self._seen is None or not self._seen.is_of(keys, inside, now, before):
            self._seen = self._see(keys, inside, now, before)  # it stays while no scrape comes or goes
        seen = self._seen
        near_s = OLDEST_WITHIN * self.interval_s
        since_before = self._within(start_s - near_s, at_s)
        ends = (
            (at_s - NEWEST_WITHIN * self.interval_s, at_s),
            (start_s, start_s + near_s),
            (start_s - near_s, start_s),
        )
        return Answers(
            keys=keys,
            rate=extrapolated(seen.growth, start_s, at_s),
            concurrency=seen.concurrency,
            in_flight=seen.in_flight,
            moved=seen.moved,
            born=seen.born,
            alive=seen.alive,
            up=float(min(scrape.is_up for scrape in since_before)) if since_before else nan,
            scrapes=float(len(since_before)) if since_before else nan,
            ragged=0.0 if all(self._within(*end) for end in ends) else nan,
            resets=0.0,
        )

    def load(self, fleet: Fleet, at_s: float) -> Load:
        """Give the sample of every function of a fleet, by the rules of the profile.

        Further metrics are left out, hence unknown: no gateway has them. Whoever simulates any adds them.
        """
        evidence = self._weigh(self.answers(fleet.keys, at_s))
        return Load(
            rps=evidence.rps,
            concurrency=evidence.concurrency,
            in_flight=evidence.in_flight,
            is_covered=evidence.is_covered,
            is_idle=evidence.is_quiet,  # the profile has an in-flight signal, so that no silence has to be waited for
            range_s=self._ranges(len(fleet)),
        )

    def silence(self, fleet: Fleet) -> Load:
        """Give the sample of a tick at which Prometheus does not answer: nothing is known of any function."""
        nothing, no = np.full(len(fleet), nan), np.zeros(len(fleet), dtype=np.bool_)
        return Load(
            rps=nothing,
            concurrency=nothing,
            in_flight=nothing,
            is_covered=no,
            is_idle=no,
            range_s=self._ranges(len(fleet)),
        )

    def _ranges(self, functions: int) -> Floats:
        if len(self._range_column) != functions:
            self._range_column = np.full(functions, self.range_s)
        return self._range_column

    def _weigh(self, answers: Answers) -> Evidence:
        """Say what answers prove. Between two scrapes nothing moves but the rates, since the range does.

        So what was said at the last tick stands, with these rates in the place of those; but where a counter was born,
        whose rate is weighed against what it was born with.
        """
        coverage = (answers.up, answers.scrapes, answers.ragged, answers.resets, answers.replaced)
        weighed = self._weighed
        if weighed is not None and weighed.seen is self._seen and weighed.coverage == coverage:
            return weighed.with_rate(answers.rate)
        evidence = weigh(self._profile, _answered(answers))
        has_born = self._seen is None or not np.isnan(answers.born).all()
        self._weighed = None if has_born else _Weighed.of(self._seen, coverage, evidence, answers.rate)
        return evidence

    def _see(
        self, keys: tuple[FunctionKey, ...], inside: list[Scrape], now: Scrape | None, before: Scrape | None
    ) -> "_Seen":
        """Sum up what scrapes tell, whatever the time within them."""
        started = self._order.stacked(inside, "started", keys)
        total = self._order.stacked(inside, "total", keys)
        in_flight_sum = sum_over(started) - np.nan_to_num(sum_over(total))
        started_now, started_then = (self._order.column(scrape, "started", keys) for scrape in (now, before))
        return _Seen(
            keys=keys,
            inside=inside,
            now=now,
            before=before,
            growth=growth(started, np.array([scrape.at_s for scrape in inside])),
            concurrency=in_flight_sum / max(len(inside), 1),
            in_flight=started_now - np.nan_to_num(self._order.column(now, "total", keys)),
            moved=started_now - started_then,
            born=np.where(np.isnan(started_then), started_now, nan),
            alive=self._order.column(now, "service_count", keys),
        )

    def _within(self, from_s: float, to_s: float) -> list[Scrape]:
        """Give the scrapes of (from, to]."""
        return self._scrapes[bisect_right(self._times_s, from_s) : bisect_right(self._times_s, to_s)]

    def _newest(self, at_s: float) -> Scrape | None:
        """Find the scrape that is current at a time; one that is too old is none."""
        place = bisect_right(self._times_s, at_s) - 1
        return self._scrapes[place] if place >= 0 and at_s - self._times_s[place] < LOOKBACK_S else None


def _profile(interval_s: float, range_s: float | None) -> Profile:
    """Give the profile by which the daemon would read this Prometheus."""
    gateway = GatewaySettings(profile="openfaas")
    source = SourceSettings.model_validate(
        {
            "url": "http://simulated",
            "scrapeInterval": format_duration(interval_s),
            "range": None if range_s is None else format_duration(range_s),
            "gateways": [gateway],
        }
    )
    return profile_of(gateway, source)


def _answered(answers: Answers) -> Answered:
    """Give answers as the rules take them."""

    def sums(column: Floats) -> Sums:
        return Sums(column, ~np.isnan(column))

    def single(value: float) -> float | None:
        return None if isnan(value) else value

    return Answered(
        signals={
            "rate": sums(answers.rate),
            "concurrency": sums(answers.concurrency),
            "in_flight": sums(answers.in_flight),
        },
        moved=sums(answers.moved),
        born=sums(answers.born),
        alive=sums(answers.alive),
        coverage=Coverage(
            up=single(answers.up),
            scrapes=single(answers.scrapes),
            ragged=single(answers.ragged),
            resets=single(answers.resets),
            replaced=single(answers.replaced),
        ),
    )


def _born(counts: Floats) -> Floats:
    """Give a counter's series: there is none before the first count."""
    result: Floats = np.where(counts > 0, counts, nan)
    return result


@dataclass(frozen=True, slots=True, eq=False)
class _Seen:
    """What scrapes tell of functions; the columns are as in `Answers`.

    Attributes:
        inside: the scrapes of the range.
        now: the current scrape.
        before: the scrape that was current at the beginning of the range.
    """

    keys: tuple[FunctionKey, ...]
    inside: list[Scrape]
    now: Scrape | None
    before: Scrape | None
    growth: Growth
    concurrency: Floats
    in_flight: Floats
    moved: Floats
    born: Floats
    alive: Floats

    def is_of(
        self, keys: tuple[FunctionKey, ...], inside: list[Scrape], now: Scrape | None, before: Scrape | None
    ) -> bool:
        return self.keys is keys and self.inside == inside and self.now is now and self.before is before


@dataclass(frozen=True, slots=True, eq=False)
class _Weighed:
    """What answers proved that had no counter born within their range.

    Attributes:
        seen: the scrapes they were from.
        coverage: how well these cover the range.
        evidence: what they proved.
        takes_rate: `(functions,) bool`, where requests/s are the rate as it was answered, or both are unknown; None:
            everywhere.
    """

    seen: _Seen
    coverage: tuple[float, ...]
    evidence: Evidence
    takes_rate: Bools | None

    @staticmethod
    def of(seen: _Seen | None, coverage: tuple[float, ...], evidence: Evidence, rate: Floats) -> "_Weighed | None":
        if seen is None:
            return None
        takes_rate = (evidence.rps == rate) | (np.isnan(evidence.rps) & np.isnan(rate))
        return _Weighed(seen, coverage, evidence, None if takes_rate.all() else takes_rate)

    def with_rate(self, rate: Floats) -> Evidence:
        """Give what the same answers prove with other rates of the same growth."""
        return replace(
            self.evidence, rps=rate if self.takes_rate is None else np.where(self.takes_rate, rate, self.evidence.rps)
        )


class _Order:
    """Columns of scrapes put into the order of other functions; how, is found once for two orders."""

    def __init__(self) -> None:
        self._found: dict[tuple[int, int], tuple[object, object, Ints | None]] = {}

    def stacked(self, scrapes: list[Scrape], name: str, keys: tuple[FunctionKey, ...]) -> Floats:
        """Give columns as `(scrapes, functions)`."""
        return np.array([self.column(scrape, name, keys) for scrape in scrapes]).reshape(len(scrapes), len(keys))

    def column(self, scrape: Scrape | None, name: str, keys: tuple[FunctionKey, ...]) -> Floats:
        """Give a column of a scrape; nan where it has no such function."""
        if scrape is None:
            return np.full(len(keys), nan)
        values: Floats = getattr(scrape, name)
        rows = self._rows(scrape.keys, keys)
        return values if rows is None else np.append(values, nan)[rows]

    def _rows(self, there: tuple[FunctionKey, ...], wanted: tuple[FunctionKey, ...]) -> Ints | None:
        """Find the rows of some functions among others; None: they are the same."""
        if there is wanted:
            return None
        found = self._found.get((id(there), id(wanted)))
        if found is None:
            if len(self._found) >= MOST_ORDERS:
                self._found.clear()
            rows = None if there == wanted else _places(there, wanted)
            found = self._found[id(there), id(wanted)] = (there, wanted, rows)  # kept, so that the ids stay theirs
        return found[2]


def _places(there: tuple[FunctionKey, ...], wanted: tuple[FunctionKey, ...]) -> Ints:
    row_of = {key: row for row, key in enumerate(there)}
    return np.array([row_of.get(key, len(there)) for key in wanted], dtype=np.int64)
