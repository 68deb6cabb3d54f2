"""All Prometheus servers of the settings as one source of loads."""

import asyncio
from collections.abc import Mapping, Sequence

import numpy as np

from autoscaler.adapters.prometheus.layout import moved_rows
from autoscaler.adapters.prometheus.pool import Pool
from autoscaler.adapters.prometheus.quiet import QuietStretches
from autoscaler.adapters.prometheus.segments import remove_orphans
from autoscaler.adapters.prometheus.signals import VALUES, Column
from autoscaler.adapters.prometheus.source import Reading, Source
from autoscaler.core.columns import Bools, Floats
from autoscaler.core.now import Now
from autoscaler.core.observation import Load
from autoscaler.policy.plan import Plan
from autoscaler.policy.settings import SourceSettings
from autoscaler.ports import SourceHealth


class PrometheusLoads:
    """Implements `ports.LoadSource`.

    Everything heavy (queries, parsing) happens in worker processes, so a reading of 100,000 functions stalls
    the event loop no longer than copying its columns takes.

    Args:
        sources: Prometheus servers by name.
        patience_s: longest that a reading waits for a source that answered the last time, seconds; the default
            is the default tick. A source that did not answer in time is unknown in this reading, goes on by
            itself until its own time-out, and delays the next readings by a quarter second at most.
        workers: processes that sources share, at most.

    Raises:
        ValueError: a gateway's settings make no query.
    """

    def __init__(self, sources: Mapping[str, SourceSettings], patience_s: float = 2.0, workers: int = 2) -> None:
        self._pool = Pool(max(1, min(workers, len(sources))))
        self._sources = {name: Source(name, one, self._pool, patience_s) for name, one in sources.items()}
        self._plan: Plan | None = None
        self._quiet = QuietStretches()

    async def start(self) -> None:
        """Start the workers and wait until they run.

        Raises:
            SourceError: one does not start.
        """
        remove_orphans()
        if self._sources:
            await self._pool.start()

    async def close(self) -> None:
        """End the workers and give their memory back."""
        await asyncio.gather(*(source.stop() for source in self._sources.values()))
        await self._pool.close()
        for source in self._sources.values():
            source.release()

    async def read(self, plan: Plan, now: Now) -> Load:
        """Read one sample of every function; what cannot be known is nan, never an exception."""
        await self._adopt(plan)
        readings = await asyncio.gather(*(source.read(now) for source in self._sources.values()))
        return self._load(len(plan.fleet), dict(zip(self._sources, readings, strict=True)), now)

    def health(self) -> Sequence[SourceHealth]:
        """Say how the last reading of each source went."""
        return [source.health() for source in self._sources.values()]

    def worker_pids(self) -> list[int]:
        """Give the ids of the worker processes."""
        return self._pool.pids()

    async def _adopt(self, plan: Plan) -> None:
        """Take over another plan; its rows are told to the workers once, not every tick."""
        if plan is self._plan:
            return
        if self._plan is None or plan.fleet is not self._plan.fleet:
            rows = len(plan.fleet)
            self._quiet = (
                QuietStretches(rows)
                if self._plan is None
                else self._quiet.moved(await moved_rows(self._plan.fleet, plan.fleet))
            )
        for source in self._sources.values():
            await source.adopt(plan)
        self._plan = plan

    def _load(self, rows: int, readings: Mapping[str, Reading | None], now: Now) -> Load:
        known = {name: reading for name, reading in readings.items() if reading is not None}
        is_idle = np.zeros(rows, dtype=np.bool_)
        range_s = np.zeros(rows)
        for name, reading in known.items():
            seconds = self._sources[name].settings.range_s
            range_s[reading.rows] = seconds
            is_idle[reading.rows] = self._idle(reading, now, seconds)
        columns = _joined(rows, list(known.values()))
        rps, concurrency, in_flight = columns[: len(VALUES)]
        return Load(rps, concurrency, in_flight, columns[Column.COVERED] == 1.0, is_idle, range_s)

    def _idle(self, reading: Reading, now: Now, range_s: float) -> Bools:
        """Tell which rows of a reading are proven idle."""
        is_quiet: Bools = reading.columns[Column.QUIET] == 1.0
        needs_s = reading.columns[Column.NEEDS_S]
        waiting = np.flatnonzero(needs_s > 0)
        if waiting.size:
            rows = reading.rows[waiting]
            is_quiet[waiting] = self._quiet.proven(rows, is_quiet[waiting], needs_s[waiting], now.monotonic_s, range_s)
        return is_quiet


def _joined(rows: int, readings: Sequence[Reading]) -> Floats:
    """Put the columns of all readings into the rows of the fleet: `(columns, rows) float64`, nan where none is."""
    if len(readings) == 1 and len(readings[0].rows) == rows:
        return readings[0].columns  # the common case: a copy of 100,000 rows would cost 2 ms of the event loop
    columns = np.full((len(Column), rows), np.nan)
    for reading in readings:
        columns[:, reading.rows] = reading.columns
    return columns
