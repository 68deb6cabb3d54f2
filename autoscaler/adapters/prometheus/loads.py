"""All Prometheus servers of the settings as one source of loads."""

import asyncio
import math
from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from autoscaler.adapters.prometheus.inquiries import Inquiries, Problems, ReplicasOf
from autoscaler.adapters.prometheus.layout import moved_rows
from autoscaler.adapters.prometheus.past import SourcePast, Span
from autoscaler.adapters.prometheus.pool import SHARED_BYTES, Pool
from autoscaler.adapters.prometheus.quiet import QuietStretches
from autoscaler.adapters.prometheus.segments import remove_orphans
from autoscaler.adapters.prometheus.signals import VALUES, Column
from autoscaler.adapters.prometheus.source import Reading, Source
from autoscaler.core.columns import Bools, Floats
from autoscaler.core.fleet import FunctionKey
from autoscaler.core.now import Now
from autoscaler.core.observation import Load
from autoscaler.policy.evidence import PodLoad, by_pods
from autoscaler.policy.plan import Plan
from autoscaler.policy.source_settings import SourceSettings
from autoscaler.ports import Past, QueryProblem, Replicas, SourceHealth


class PrometheusLoads:
    """Implements `ports.LoadSource`.

    Everything heavy (queries, parsing) happens in worker processes, so a reading of 100,000 functions stalls
    the event loop no longer than copying its columns takes.

    Args:
        sources: Prometheus servers by name.
        patience_s: longest that a reading waits for a source, seconds; the default is the default tick. A source
            that is slower is unknown in this reading and goes on by itself until its own time-out; what it says counts
            in the reading after that, and none waits for it until it is quick again. The only source there is, which
            keeps nobody from theirs, is waited for twice as long as it took the last time.
        workers: processes that sources share, at most.
        replicas_of: replicas there are, so that cores and loads summed over fewer pods than can serve are told from
            less load; None: they are not known, and no sum over pods is believed.

    Raises:
        ValueError: a gateway's settings make no query.
    """

    def __init__(
        self,
        sources: Mapping[str, SourceSettings],
        patience_s: float = 2.0,
        workers: int = 2,
        replicas_of: ReplicasOf | None = None,
    ) -> None:
        is_alone = len(sources) <= 1
        shared_bytes = None if is_alone else SHARED_BYTES
        self._pool = Pool(max(1, min(workers, len(sources))), shared_bytes=shared_bytes)
        self._sources = {name: Source(name, one, self._pool, patience_s, is_alone) for name, one in sources.items()}
        self._replicas_of = replicas_of
        self._has_pods = any(source.has_pods for source in self._sources.values())
        self._inquiries = Inquiries(sources, self._pool, patience_s, replicas_of)
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
        await asyncio.gather(self._inquiries.stop(), *(source.stop() for source in self._sources.values()))
        await self._pool.close()
        self._inquiries.release()
        for source in self._sources.values():
            source.release()

    async def read(self, plan: Plan, now: Now) -> Load:
        """Read one sample of every function; what cannot be known is nan, never an exception.

        Of a function whose policy has neither requests/s nor concurrency, those columns, `is_covered` and `is_idle`
        still say what its gateway says: nothing, where it has none. What its lanes say is in `others` and
        `others_idle` alone. A value of `others` is whole, or it is nan: where pods are missing in a sum of cores
        nothing is known, since a lane has no lower bounds. It was asked for in this reading, or (slow queries) in
        one not longer ago than the source's time-out or two ticks.
        """
        await self._adopt(plan)
        self._inquiries.start(now)
        readings = await asyncio.gather(*(source.read(now) for source in self._sources.values()))
        await self._inquiries.wait(now)
        others = self._inquiries.told(now)
        await asyncio.sleep(0)  # what follows takes as long again, where there are 100,000 of each
        found = dict(zip(self._sources, readings, strict=True))
        replicas = self._replicas_of(plan.fleet) if self._replicas_of is not None and self._has_pods else None
        return self._load(len(plan.fleet), found, others, replicas)

    async def past(
        self, plan: Plan, now: Now, *, reach_s: float, within_s: float, every_s: float = 0.0, fine_s: float = 0.0
    ) -> Past:
        """Read samples of the past, each as `read` would have given it then.

        A source that cannot be asked, or not that far back within the time, is unknown before what it did say. So are
        further metrics: how many pods a sum of cores was over, nobody can say of the past. Call it before the first
        `read`; what silence proves counts from here.

        Args:
            now: the moment it is asked at; the past is told as seconds before it, whatever the wall clock showed then.
            reach_s: how far back.
            within_s: longest that it may take.
            every_s: distance of ticks; 0: there are none.
            fine_s: the newest stretch of it in which moments shall be no further apart than ticks are, lest they weigh
                less than ticks do in one window. Between two that were asked for the earlier one stands.
        """
        await self._adopt(plan)
        self._quiet = QuietStretches(len(plan.fleet))
        span = Span(now, reach_s, asyncio.get_running_loop().time() + within_s)
        pasts = [source.past() for source in self._sources.values()]
        await asyncio.gather(*(past.read(plan, span) for past in pasts))
        moments = {one for past in pasts for one in past.columns}
        if moments and every_s > 0:
            fine_s = min(fine_s, -min(moments))
            moments |= {-place * every_s for place in range(math.floor(fine_s / every_s))}
        problems = {name: one.problem for name, one in zip(self._sources, pasts, strict=True) if one.problem}
        return Past((self._then(plan, pasts, now, after_s) for after_s in sorted(moments)), problems)

    def _then(self, plan: Plan, pasts: Sequence[SourcePast], now: Now, after_s: float) -> tuple[Now, Load]:
        at = Now(now.monotonic_s + after_s, now.utc_s + after_s)
        found = {name: past.at(after_s) for name, past in zip(self._sources, pasts, strict=True)}
        rows = {name: past.rows for name, past in zip(self._sources, pasts, strict=True)}
        readings = {
            name: None if columns is None else Reading(0, rows[name], columns, at.monotonic_s)
            for name, columns in found.items()
        }
        return at, self._load(len(plan.fleet), readings, (np.empty(0), np.empty(0, np.bool_)), None)

    def health(self) -> Sequence[SourceHealth]:
        """Say how the last reading of each source went.

        A source whose cores or queues cannot be read is not whole. Tenants' queries are theirs: that one fails is
        told beside it, and says nothing of the source; and so is that series may be of two functions, to the tenant of
        each, who is not told of the other.
        """
        problems = self._inquiries.problems()
        return [
            _health(source.health(), problems.get(name), self._unclear(source))
            for name, source in self._sources.items()
        ]

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
        await self._inquiries.adopt(plan)
        self._plan = plan

    def _load(
        self,
        rows: int,
        readings: Mapping[str, Reading | None],
        others: tuple[Floats, Bools],
        replicas: Replicas | None,
    ) -> Load:
        known = {
            name: self._by_pods(name, reading, replicas) for name, reading in readings.items() if reading is not None
        }
        is_idle = np.zeros(rows, dtype=np.bool_)
        range_s = np.zeros(rows)
        for name, reading in known.items():
            seconds = self._sources[name].settings.range_s
            range_s[reading.rows] = seconds
            # The controller takes a late answer's range for one that ends now; what it joins to that must be there.
            is_idle[reading.rows] = self._idle(reading, seconds)
        columns = _joined(rows, list(known.values()))
        rps, concurrency, in_flight = columns[: len(VALUES)]
        is_covered = columns[Column.COVERED] == 1.0
        return Load(rps, concurrency, in_flight, is_covered, is_idle, range_s, *others)

    def _by_pods(self, name: str, reading: Reading, replicas: Replicas | None) -> Reading:
        """Say what a reading proves where functions' own pods tell it, by the replicas that there are."""
        if not self._sources[name].has_pods:
            return reading
        columns = reading.columns.copy()
        told = PodLoad(columns[VALUES], columns[Column.PODS], columns[Column.COVERED] == 1, columns[Column.QUIET] == 1)
        ready, requested = (None, None)
        if replicas is not None:
            ready, requested = replicas.ready[reading.rows], replicas.requested[reading.rows]
        found = by_pods(told, ready, requested)
        columns[VALUES], columns[Column.COVERED], columns[Column.QUIET] = found.values, found.is_covered, found.is_quiet
        return replace(reading, columns=columns)

    def _unclear(self, source: Source) -> list[QueryProblem]:
        """Say of which tenants' functions some series count for nobody."""
        found = []
        for gateway, function, more in source.unclear:
            key = FunctionKey(*function.split("/", 1))
            row = None if self._plan is None else self._plan.fleet.row_of.get(key)
            if self._plan is None or row is None:
                continue
            tenant = self._plan.fleet.tenants[self._plan.fleet.tenant[row]]
            others = f", nor for {more} more of this namespace" if more else ""
            words = f"gateway {gateway}: series that may be of {function} or of another function count for neither"
            found.append(QueryProblem(tenant, f"{words}{others} (see names)", key.namespace))
        return found

    def _idle(self, reading: Reading, range_s: float) -> Bools:
        """Tell which rows of a reading are proven idle."""
        is_quiet: Bools = (reading.columns[Column.QUIET] == 1.0) & (not reading.is_after_gap)
        needs_s = reading.columns[Column.NEEDS_S]
        waiting = np.flatnonzero(needs_s > 0)
        if waiting.size:
            rows = reading.rows[waiting]
            is_quiet[waiting] = self._quiet.proven(rows, is_quiet[waiting], needs_s[waiting], reading.asked_s, range_s)
        return is_quiet


def _health(health: SourceHealth, problems: Problems | None, unclear: Sequence[QueryProblem]) -> SourceHealth:
    if problems is None:
        return replace(health, query_problems=tuple(unclear))
    error = "; ".join([*([health.error] if health.error is not None else []), *problems.own]) or None
    is_ok = health.is_ok and not problems.own
    return replace(health, is_ok=is_ok, error=error, query_problems=(*problems.tenants, *unclear))


def _joined(rows: int, readings: Sequence[Reading]) -> Floats:
    """Put the columns of all readings into the rows of the fleet: `(columns, rows) float64`, nan where none is."""
    if len(readings) == 1 and len(readings[0].rows) == rows:
        return readings[0].columns  # the common case: a copy of 100,000 rows would cost 2 ms of the event loop
    columns = np.full((len(Column), rows), np.nan)
    for reading in readings:
        columns[:, reading.rows] = reading.columns
    return columns
