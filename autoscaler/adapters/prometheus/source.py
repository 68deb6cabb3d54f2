"""One source as the daemon sees it: its rows, its readings and how they went."""

import asyncio
from dataclasses import dataclass, replace

import numpy as np

from autoscaler.adapters.prometheus.errors import SourceError
from autoscaler.adapters.prometheus.layout import names_of, rows_of, serves
from autoscaler.adapters.prometheus.messages import Adopt, Answer, Ask, Unclear
from autoscaler.adapters.prometheus.past import SourcePast
from autoscaler.adapters.prometheus.pause import SickPause
from autoscaler.adapters.prometheus.pool import Pool
from autoscaler.adapters.prometheus.segments import OwnedSegment
from autoscaler.adapters.prometheus.wall import Wall
from autoscaler.core.columns import Floats, Ints
from autoscaler.core.now import Now
from autoscaler.policy.plan import Plan
from autoscaler.policy.profiles import profiles_of
from autoscaler.policy.source_settings import SourceSettings
from autoscaler.ports import SourceHealth

_FRESH_TICKS = 2
_SHORT_PATIENCE_S = 0.25
_NEARLY = 0.9


@dataclass(frozen=True, slots=True, eq=False)
class Reading:
    """What came back.

    Attributes:
        version: of the layout that it was written to.
        rows: `(sampled,) int64`, rows of the fleet.
        columns: `(columns, sampled) float64`.
        asked_s: monotonic seconds that it is of.
        utc_s: UTC seconds that it is of.
        is_after_gap: the one before counted later than it was of, or the wall clock jumped, and between what the two
            cover lies a stretch that nobody has seen: it proves nothing beyond its own range.
    """

    version: int
    rows: Ints
    columns: Floats
    asked_s: float
    utc_s: float = 0.0
    is_after_gap: bool = False


class Source:
    """Keeps one reading at a time going, in a task of its own, so that nobody has to wait for it.

    Args:
        name: as the settings call it.
        settings: where it is and which gateways it sees.
        pool: the workers.
        patience_s: longest that anybody waits for it.
        is_alone: whether there is no other source, so that nobody else waits for this one: then it is given twice the
            time that it last took, if that is more.

    Raises:
        ValueError: a gateway's settings make no query.
    """

    def __init__(
        self, name: str, settings: SourceSettings, pool: Pool, patience_s: float, is_alone: bool = False
    ) -> None:
        self.name = name
        self.settings = settings
        self._profiles = profiles_of(settings)
        self._pool = pool
        self._patience_s = patience_s
        self._is_alone = is_alone
        self._pause = SickPause()
        self._rows: Ints | None = None
        self._segment: OwnedSegment | None = None
        self._read_into: OwnedSegment | None = None
        self._version = 0
        self._number = 0
        self._task: asyncio.Task[Reading | None] | None = None
        self._late: Reading | None = None
        self._last_late_s = np.inf
        self._is_slow = False
        self._wall = Wall()
        self._is_ok = False
        self._error: str | None = "not read yet"
        self._query_s = 0.0
        self._series = 0
        self._failures = 0
        self.unclear: tuple[Unclear, ...] = ()

    @property
    def has_pods(self) -> bool:
        """Whether a gateway of it is the functions' own pods."""
        return any(profile.is_per_pod for profile in self._profiles)

    async def adopt(self, plan: Plan) -> None:
        """Take over the rows of a changed plan."""
        rows = rows_of(plan, self.name)
        names = await names_of(plan.fleet.keys, rows)
        allowed = serves(plan.fleet, rows, self._profiles)
        await asyncio.sleep(0)  # making the segment of 100,000 rows takes 2 ms of its own
        if self._segment is not None and self._segment is not self._read_into:
            self._segment.close()
        self._version += 1
        self._rows = rows
        self._segment = OwnedSegment(self._version, names, allowed)

    async def read(self, now: Now) -> Reading | None:
        """Give the reading of this moment; None where it is not known in time, or the source is left alone.

        A reading that outlasts the patience goes on by itself, and until it has ended the source is not asked again.
        What it comes to is given the next time, unless it is too old then: so a source that is slower than ticks are
        is read all the same, one reading later, and nobody waits for it.
        """
        late, self._late = self._late, None
        if back_s := self._wall.back_s(now):
            self._is_ok = False
            self._error = (
                f"this machine's clock was set back by {back_s:.0f} s; loads are unknown until it has caught up"
            )
            return None
        if self._task is None and self._pause.is_over(now.monotonic_s) and self._rows is not None and len(self._rows):
            self._task = asyncio.get_running_loop().create_task(self._reading(now, self._rows))
        if (task := self._task) is not None:
            done, _ = await asyncio.wait([task], timeout=self._waiting_s())
            if done:
                late, self._late = task.result(), None
            elif late is None:
                self._overran()
        if late is None or late.version != self._version or now.monotonic_s - late.asked_s > self._freshness_s():
            return None
        has_jumped = self._wall.answered(Now(late.asked_s, late.utc_s), self.settings.range_s)
        is_after_gap = has_jumped or late.asked_s - self.settings.range_s > self._last_late_s
        self._last_late_s = late.asked_s if now.monotonic_s > late.asked_s else np.inf
        return replace(late, is_after_gap=is_after_gap)

    def past(self) -> SourcePast:
        """Give what asks it for the past."""
        return SourcePast(self.name, self.settings, self._profiles, self._pool)

    def health(self) -> SourceHealth:
        """Say how the last reading went."""
        return SourceHealth(self.name, self._is_ok, self._error, self._query_s, self._series, self._failures)

    async def stop(self) -> None:
        """Stop reading."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])

    def release(self) -> None:
        """Give memory back, once no worker can write to it any more."""
        if self._segment is not None:
            self._segment.close()
            self._segment = None

    async def _reading(self, now: Now, rows: Ints) -> Reading | None:
        segment = self._segment
        if segment is None:
            return None
        self._read_into = segment
        self._number += 1
        adopt = Adopt(self.name, self.settings, self._profiles, segment.description)
        ask = Ask(self.name, self._number, now.utc_s, self.settings.timeout)
        began_s = asyncio.get_running_loop().time()
        try:
            answer = await self._pool.ask(adopt, ask)
            self._took(answer, now)
            self._is_slow = self._was_slow(asyncio.get_running_loop().time() - began_s, answer.is_sick)
            if not answer.is_sick:
                columns = await segment.columns()
                self._late = Reading(segment.description.version, rows, columns, now.monotonic_s, now.utc_s)
            return self._late
        except SourceError as error:
            self._failed(str(error), now)
            return None
        finally:
            self._task = self._read_into = None
            if segment is not self._segment:
                segment.close()

    def _took(self, answer: Answer, now: Now) -> None:
        self._query_s, self._series, self.unclear = answer.query_s, answer.series, answer.unclear
        if answer.is_sick:
            self._failed(answer.error or "", now)
            return
        self._pause.succeeded()
        self._is_ok, self._error = answer.error is None, answer.error
        self._failures += answer.error is not None

    def _failed(self, error: str, now: Now) -> None:
        self._is_ok, self._error = False, error
        self._series = 0
        self._failures += 1
        self._pause.failed(now.monotonic_s)

    def _patience(self) -> float:
        return max(self._patience_s, 2 * self._query_s) if self._is_alone else self._patience_s

    def _was_slow(self, took_s: float, is_sick: bool) -> bool:
        """Tell whether the next reading need not wait for it: others would at every tick, for one that never answers."""
        runs_out = is_sick and not self._is_alone and took_s > _NEARLY * self.settings.timeout
        return runs_out or took_s > self._patience()

    def _waiting_s(self) -> float:
        """Give how long this reading waits: one that was too slow the last time keeps nobody waiting."""
        if not self._is_slow:
            return self._patience()
        return _SHORT_PATIENCE_S if self._is_alone else 0.0

    def _freshness_s(self) -> float:
        """Give the age at which a late answer is too old: no older than what a scrape says may be anyway."""
        return max(self.settings.scrape_interval, _FRESH_TICKS * self._patience_s)

    def _overran(self) -> None:
        self._is_slow = True
        self._is_ok, self._error = False, f"no answer yet after {self._patience():g} s"
