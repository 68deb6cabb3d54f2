"""What a Prometheus beside the platform knows: scrapes on a grid, and the answers it would give from them.

The simulator's loads and the twin's answers come from here, so that both see the platform with the lag
and the gaps with which the daemon sees a real one.
"""

from collections import deque
from dataclasses import dataclass
from math import floor, inf, nan

import numpy as np

from autoscaler.core.fleet import Fleet, Floats, FunctionKey
from autoscaler.core.observation import Load
from autoscaler.simulator.platform import Platform
from autoscaler.simulator.rates import rate, sum_over

LOOKBACK_S = 300.0
"""How old a sample may be at most to count as the current one; Prometheus's default."""

PHASE = 0.37
"""Fraction of an interval after the start at which the first scrape comes: scrapes fall between ticks, as in life."""


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
        moved: `(functions,)`, requests started since the beginning of the range.
        alive: `(functions,)`, replicas that the gateway knows of.
        up: 1 when every scrape of the range found the target up, else 0; nan: there was none.
        scrapes: scrapes within the range and one interval before it; nan: there was none.
        resets: counters that went back within the range.
    """

    keys: tuple[FunctionKey, ...]
    rate: Floats
    concurrency: Floats
    in_flight: Floats
    moved: Floats
    alive: Floats
    up: float
    scrapes: float
    resets: float


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
        self.interval_s = interval_s
        self.range_s = 4 * interval_s if range_s is None else range_s
        self.full_scrapes = max(1, floor(self.range_s / interval_s + 1e-9))
        self._phase_s = phase * interval_s
        self._number = 0
        self._scrapes: deque[Scrape] = deque()

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
        self._number += 1
        oldest_s = platform.now_s - self.range_s - max(LOOKBACK_S, self.interval_s)
        while self._scrapes[0].at_s < oldest_s:
            self._scrapes.popleft()
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

    def answers(self, keys: tuple[FunctionKey, ...], at_s: float, range_s: float | None = None) -> Answers:
        """Give what Prometheus would answer at a time about these functions.

        Args:
            at_s: the query's time, at most 300 s before the newest scrape.
            range_s: the stretch asked about; None: the one of the grid.
        """
        start_s = at_s - (self.range_s if range_s is None else range_s)
        inside = [scrape for scrape in self._scrapes if start_s < scrape.at_s <= at_s]
        times_s = np.array([scrape.at_s for scrape in inside])
        started = _rows([scrape.started for scrape in inside], inside, keys)
        total = _rows([scrape.total for scrape in inside], inside, keys)
        now, before = self._newest(at_s), self._newest(start_s)
        in_flight_sum = sum_over(started) - np.nan_to_num(sum_over(total))
        started_now = _current(now, "started", keys)
        longer_s = start_s - self.interval_s
        number = sum(longer_s < scrape.at_s <= at_s for scrape in self._scrapes)
        return Answers(
            keys=keys,
            rate=rate(started, times_s, start_s, at_s),
            concurrency=in_flight_sum / max(len(inside), 1),
            in_flight=started_now - np.nan_to_num(_current(now, "total", keys)),
            moved=started_now - np.nan_to_num(_current(before, "started", keys)),
            alive=_current(now, "service_count", keys),
            up=float(min(scrape.is_up for scrape in inside)) if inside else nan,
            scrapes=float(number) if number else nan,
            resets=0.0,
        )

    def load(self, fleet: Fleet, at_s: float) -> Load:
        """Give the sample of every function of a fleet, by the rules of the profile.

        A function that was never called has no counter: its load is 0 where the gateway names it.
        """
        answers = self.answers(fleet.keys, at_s)
        is_known = not np.isnan(answers.up)
        is_covered = answers.up == 1 and answers.scrapes >= self.full_scrapes and answers.resets == 0
        has_series = ~np.isnan(answers.moved)
        never_called = ~has_series & ~np.isnan(answers.alive) & np.isnan(answers.concurrency)
        nothing = np.where(never_called & is_known, 0.0, nan)
        rps, concurrency, in_flight = (
            np.where(never_called | (not is_known), nothing, column)
            for column in (answers.rate, answers.concurrency, answers.in_flight)
        )
        is_still = (rps == 0) & (concurrency == 0) & (in_flight == 0) & (never_called | (answers.moved == 0))
        return Load(
            rps=rps,
            concurrency=concurrency,
            in_flight=in_flight,
            is_covered=np.full(len(fleet), is_covered),
            is_idle=is_still & is_covered,
            range_s=np.full(len(fleet), self.range_s),
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
            range_s=np.full(len(fleet), self.range_s),
        )

    def _newest(self, at_s: float) -> Scrape | None:
        """Find the scrape that is current at a time; one that is too old is none."""
        for scrape in reversed(self._scrapes):
            if scrape.at_s <= at_s:
                return scrape if at_s - scrape.at_s < LOOKBACK_S else None
        return None


def _born(counts: Floats) -> Floats:
    """Give a counter's series: there is none before the first count."""
    result: Floats = np.where(counts > 0, counts, nan)
    return result


def _current(scrape: Scrape | None, column: str, keys: tuple[FunctionKey, ...]) -> Floats:
    if scrape is None:
        return np.full(len(keys), nan)
    values: Floats = getattr(scrape, column)
    return values if scrape.keys is keys else _realigned(values, scrape.keys, keys)


def _rows(columns: list[Floats], scrapes: list[Scrape], keys: tuple[FunctionKey, ...]) -> Floats:
    """Stack columns to `(scrapes, functions)`, each put into the order of `keys`."""
    aligned = [
        column if scrape.keys is keys else _realigned(column, scrape.keys, keys)
        for column, scrape in zip(columns, scrapes, strict=True)
    ]
    return np.array(aligned).reshape(len(aligned), len(keys))


def _realigned(values: Floats, there: tuple[FunctionKey, ...], wanted: tuple[FunctionKey, ...]) -> Floats:
    if there == wanted:
        return values
    row_of = {key: row for row, key in enumerate(there)}
    rows = np.array([row_of.get(key, len(there)) for key in wanted], dtype=np.intp)
    result: Floats = np.append(values, nan)[rows]
    return result
