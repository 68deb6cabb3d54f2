"""The past of all sources, as ticks would have read it: for windows that a start finds empty.

Range queries, because they cost a quarter of the same moments asked for one by one: Prometheus finds its series once.
The newest moments come first, since what is nearest to now is of the most use should time run out; whoever takes
them gets the oldest first.
"""

import asyncio
import itertools
import math
from typing import NamedTuple

import numpy as np

from autoscaler.adapters.prometheus.errors import SourceError
from autoscaler.adapters.prometheus.layout import names_of, rows_of, serves
from autoscaler.adapters.prometheus.messages import Adopt, Ask, Moments
from autoscaler.adapters.prometheus.pool import Pool
from autoscaler.adapters.prometheus.segments import OwnedSegment
from autoscaler.adapters.prometheus.signals import Column
from autoscaler.core.columns import Floats, Ints
from autoscaler.core.now import Now
from autoscaler.policy.plan import Plan
from autoscaler.policy.profiles import Profile
from autoscaler.policy.source_settings import SourceSettings

CHUNK_POINTS = 100_000
"""Functions times moments that are asked for at once: the worker that parses them needs 80 MB for so many."""
FEWEST = 2
"""Moments asked for first, to see what one costs."""
MOST = 128
"""Moments asked for at once, however few functions there are."""
BESIDE = 4
"""A question costs as much beside its moments as so many of these: 2 of 10,000 functions took 1.5 s, 20 took 5.7 s."""
CAUTION = 0.7
"""Share of the time left that a question may take by what the last one took."""
STEPS = (1, 2, 4)
"""Scrape intervals from one moment to the next. With every scrape nothing is missed; with the range R (four) every
scrape is in one answer, so that a proof of zero has no gap, but a burst as long as R may be read as its half."""

_numbers = itertools.count()


class Span(NamedTuple):
    """What is asked for.

    Attributes:
        now: the moment it is asked at.
        reach_s: how far back.
        until_s: the event loop's time by which everything must have been asked.
    """

    now: Now
    reach_s: float
    until_s: float


class SourcePast:
    """What one source says of the past, so far: moments, as seconds after `Span.now`, with columns as a reading has.

    Attributes:
        rows: `(sampled,) int64`, rows of the fleet.
        columns: `(columns, sampled) float64` of each moment.
        problem: why it does not reach back as far as was asked for; None: it does, or there was no time.
    """

    def __init__(self, name: str, settings: SourceSettings, profiles: tuple[Profile, ...], pool: Pool) -> None:
        self.rows: Ints = np.empty(0, dtype=np.int64)
        self.columns: dict[float, Floats] = {}
        self.problem: str | None = None
        self._name = name
        self._key = f"{name} past {next(_numbers)}"
        self._settings = settings
        self._profiles = profiles
        self._pool = pool
        self._began_s = 0.0
        self._moment_s = 0.0

    @property
    def range_s(self) -> float:
        """Seconds that a moment covers."""
        return self._settings.range_s

    async def read(self, plan: Plan, span: Span) -> None:
        """Ask as far back as there is time for; what fails leaves what was read before."""
        self.rows = rows_of(plan, self._name)
        if not len(self.rows):
            return
        most = min(MOST, max(1, CHUNK_POINTS // len(self.rows)))
        names = await names_of(plan.fleet.keys, self.rows)
        allowed = serves(plan.fleet, self.rows, self._profiles)
        segment = OwnedSegment(0, names, allowed, len(Column) * most)
        adopt = Adopt(self._key, self._settings, self._profiles, segment.description)
        try:
            await self._read(adopt, segment, span, most)
        except SourceError as error:
            self.problem = str(error)
        finally:
            self._pool.forget(self._key)
            segment.close()

    def at(self, after_s: float) -> Floats | None:
        """Give the columns that hold at a moment: of the last one until then, if that is not older than its range."""
        times = [one for one in self.columns if after_s - self.range_s <= one <= after_s]
        return self.columns[max(times)] if times else None

    async def _read(self, adopt: Adopt, segment: OwnedSegment, span: Span, most: int) -> None:
        scrape_s = self._settings.scrape_interval
        self._began_s = asyncio.get_running_loop().time()
        await self._ask(adopt, segment, span, 0.0, Moments(scrape_s, min(FEWEST, most)))
        oldest_s = min(self.columns)
        step_s = scrape_s * self._every(span, -oldest_s)
        while (left := math.ceil((span.reach_s + oldest_s) / step_s - 1e-9)) > 0:
            fit = self._fitting(span)
            if fit < 1:
                break
            await self._ask(adopt, segment, span, oldest_s - step_s, Moments(step_s, min(left, fit, most)))
            oldest_s = min(self.columns)
        await self._catch_up(adopt, segment, span, min(step_s, scrape_s), most)

    def _every(self, span: Span, has_s: float) -> int:
        """Choose how many scrape intervals apart moments are: as few as there is time for."""
        scrape_s, fit = self._settings.scrape_interval, self._fitting(span)
        allowed = [every for every in STEPS if every * scrape_s <= self.range_s]
        return next((every for every in allowed if (span.reach_s - has_s) / (every * scrape_s) <= fit), allowed[-1])

    def _fitting(self, span: Span) -> int:
        """Give how many moments there is time for in one question."""
        return math.floor(CAUTION * self._left_s(span) / max(self._moment_s, 1e-6)) - BESIDE

    async def _catch_up(self, adopt: Adopt, segment: OwnedSegment, span: Span, step_s: float, most: int) -> None:
        """Ask for what has passed while the past was asked for, lest a gap stands before the first tick."""
        passed_s = asyncio.get_running_loop().time() - self._began_s
        total = min(most, math.floor(passed_s / step_s))
        if 1 <= total <= self._fitting(span):
            await self._ask(adopt, segment, span, total * step_s, Moments(step_s, total))

    async def _ask(self, adopt: Adopt, segment: OwnedSegment, span: Span, last_s: float, past: Moments) -> None:
        loop = asyncio.get_running_loop()
        began_s = loop.time()
        timeout_s = min(self._settings.timeout, max(0.001, self._left_s(span)))
        ask = Ask(self._key, next(_numbers), span.now.utc_s + last_s, timeout_s, past=past)
        answer = await self._pool.ask(adopt, ask)
        if answer.is_sick:
            raise SourceError(answer.error or "no answer")
        kinds = len(Column)
        columns = await segment.columns(kinds * past.total)
        for place in range(past.total):
            at_s = last_s - (past.total - 1 - place) * past.step_s
            self.columns[at_s] = columns[place * kinds : (place + 1) * kinds]
        self._moment_s = (loop.time() - began_s) / (past.total + BESIDE)

    def _left_s(self, span: Span) -> float:
        return span.until_s - asyncio.get_running_loop().time()
