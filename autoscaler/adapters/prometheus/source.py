"""One source as the daemon sees it: its rows, its readings and how they went."""

import asyncio
from dataclasses import dataclass

from autoscaler.adapters.prometheus.errors import SourceError
from autoscaler.adapters.prometheus.layout import names_of, rows_of, serves
from autoscaler.adapters.prometheus.messages import Adopt, Answer, Ask
from autoscaler.adapters.prometheus.past import SourcePast
from autoscaler.adapters.prometheus.pause import SickPause
from autoscaler.adapters.prometheus.pool import Pool
from autoscaler.adapters.prometheus.segments import OwnedSegment
from autoscaler.core.columns import Floats, Ints
from autoscaler.core.now import Now
from autoscaler.policy.plan import Plan
from autoscaler.policy.profiles import profiles_of
from autoscaler.policy.settings import SourceSettings
from autoscaler.ports import SourceHealth

_SHORT_PATIENCE_S = 0.25


@dataclass(frozen=True, slots=True, eq=False)
class Reading:
    """What came back: rows of the fleet, and `(columns, rows) float64` for them."""

    version: int
    rows: Ints
    columns: Floats


class Source:
    """Keeps one reading at a time going, in a task of its own, so that nobody has to wait for it.

    Args:
        name: as the settings call it.
        settings: where it is and which gateways it sees.
        pool: the workers.
        patience_s: longest wait for a healthy source; one that is known to be slower is given twice its last time.

    Raises:
        ValueError: a gateway's settings make no query.
    """

    def __init__(self, name: str, settings: SourceSettings, pool: Pool, patience_s: float) -> None:
        self.name = name
        self.settings = settings
        self._profiles = profiles_of(settings)
        self._pool = pool
        self._patience_s = patience_s
        self._pause = SickPause()
        self._rows: Ints | None = None
        self._segment: OwnedSegment | None = None
        self._read_into: OwnedSegment | None = None
        self._version = 0
        self._number = 0
        self._task: asyncio.Task[Reading | None] | None = None
        self._did_overrun = False
        self._is_ok = False
        self._error: str | None = "not read yet"
        self._query_s = 0.0
        self._series = 0
        self._failures = 0

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

        A reading that outlasts the patience goes on by itself, and its outcome shows in `health`; until it has
        ended the source is not asked again.
        """
        if self._task is None:
            if self._rows is None or not len(self._rows) or not self._pause.is_over(now.monotonic_s):
                return None
            self._task = asyncio.get_running_loop().create_task(self._reading(now, self._rows))
        task = self._task
        patience_s = _SHORT_PATIENCE_S if self._did_overrun else max(self._patience_s, 2 * self._query_s)
        done, _ = await asyncio.wait([task], timeout=patience_s)
        if not done:
            self._overran(patience_s)
            return None
        reading = task.result()
        return reading if reading is not None and reading.version == self._version else None

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
        try:
            answer = await self._pool.ask(adopt, ask)
            self._took(answer, now)
            if answer.is_sick:
                return None
            return Reading(segment.description.version, rows, await segment.columns())
        except SourceError as error:
            self._failed(str(error), now)
            return None
        finally:
            self._task = self._read_into = None
            if segment is not self._segment:
                segment.close()

    def _took(self, answer: Answer, now: Now) -> None:
        self._query_s, self._series = answer.query_s, answer.series
        if answer.is_sick:
            self._failed(answer.error or "", now)
            return
        self._pause.succeeded()
        self._did_overrun = False
        self._is_ok, self._error = answer.error is None, answer.error
        self._failures += answer.error is not None

    def _failed(self, error: str, now: Now) -> None:
        self._is_ok, self._error = False, error
        self._series = 0
        self._failures += 1
        self._pause.failed(now.monotonic_s)

    def _overran(self, patience_s: float) -> None:
        self._did_overrun = True
        self._is_ok, self._error = False, f"no answer yet after {patience_s:g} s"
