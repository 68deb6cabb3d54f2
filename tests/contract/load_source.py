"""What a Prometheus must say of loads, whoever serves it: the real one beside an exporter, or the twin.

A test module inherits from `LoadSourceContract` and gives the fixture `load_server`:

    class TestTwin(LoadSourceContract):
        @pytest.fixture
        async def load_server(self): yield ...
"""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from typing import Protocol

import numpy as np
import pytest

from autoscaler.adapters.prometheus import PrometheusLoads
from autoscaler.core.fleet import Fleet, FunctionKey, Rules
from autoscaler.core.lanes import MetricKind, OtherMetrics
from autoscaler.core.now import Now
from autoscaler.core.observation import Load
from autoscaler.policy.plan import FunctionPlan, Plan, QueryPlan, TenantPlan
from autoscaler.policy.source_settings import SourceSettings

DEADLINE_S = 45.0
UNHEARD = FunctionKey("nobody", "unheard")


class LoadServer(Protocol):
    """One source, and hands to change what it sees.

    Attributes:
        settings: of the source; scrape interval 1 s or less.
        busy: a function called `rate` times a second, all the time.
        rate: at least 5.
        idle: a function that the gateway knows and that nobody has called yet.
    """

    settings: SourceSettings
    busy: FunctionKey
    rate: float
    idle: FunctionKey

    def now(self) -> Now:
        """Give the moment that the source's samples are of."""
        ...

    async def call_idle(self) -> None:
        """Have `idle` called once, or more often."""
        ...

    async def silence(self) -> None:
        """Make the source neither scrape nor answer, until `talk`."""
        ...

    async def talk(self) -> None:
        """End the silence."""
        ...


class Reading:
    """One reading, by function."""

    def __init__(self, load: Load, plan: Plan) -> None:
        self._load = load
        self._row = plan.fleet.row_of

    def rps(self, key: FunctionKey) -> float | None:
        """Give requests/s; None: unknown."""
        value = float(self._load.rps[self._row[key]])
        return None if np.isnan(value) else value

    def is_covered(self, key: FunctionKey) -> bool:
        return bool(self._load.is_covered[self._row[key]])

    def is_idle(self, key: FunctionKey) -> bool:
        return bool(self._load.is_idle[self._row[key]])

    def is_unknown(self, key: FunctionKey) -> bool:
        at = self._row[key]
        return bool(np.isnan([self._load.rps[at], self._load.concurrency[at], self._load.in_flight[at]]).all())


class Reader:
    """The adapter, over the functions of one server."""

    def __init__(self, server: LoadServer, loads: PrometheusLoads) -> None:
        self._server = server
        self._loads = loads
        self.plan = _plan([server.busy, server.idle, UNHEARD])

    async def read(self) -> Reading:
        """Read once, now."""
        return Reading(await self.load(), self.plan)

    async def load(self) -> Load:
        """Read once, now, and give everything."""
        return await self._loads.read(self.plan, self._server.now())

    async def read_until(self, holds: Callable[[Reading], bool], what: str) -> list[Reading]:
        """Read at every tenth of a second until it holds; the last reading is the one that does."""
        readings = []
        end = time.monotonic() + DEADLINE_S
        while True:
            readings.append(await self.read())
            if holds(readings[-1]):
                return readings
            if time.monotonic() > end:
                raise TimeoutError(f"not within {DEADLINE_S} s: {what}")
            await asyncio.sleep(0.1)


class LoadSourceContract:
    """The tests. Each gets a server of its own."""

    @pytest.fixture
    async def reader(self, load_server: LoadServer) -> AsyncIterator[Reader]:
        """Run the adapter until the busy function is a value."""
        loads = PrometheusLoads({"main": load_server.settings}, patience_s=1.0)
        await loads.start()
        try:
            reader = Reader(load_server, loads)
            await reader.read_until(lambda one: one.is_covered(load_server.busy), "a whole range")
            yield reader
        finally:
            await loads.close()

    async def test_loads_read_as_they_are(self, load_server: LoadServer, reader: Reader) -> None:
        """Constant load reads as its rate, silence that is known as zero, and what nobody knows as unknown."""
        one = await reader.read()
        assert one.rps(load_server.busy) == pytest.approx(load_server.rate, rel=0.35)
        assert not one.is_idle(load_server.busy)
        assert one.rps(load_server.idle) == 0.0
        assert one.is_idle(load_server.idle)
        assert one.is_unknown(UNHEARD)
        assert not one.is_idle(UNHEARD)

    async def test_the_first_call_ends_idleness(self, load_server: LoadServer, reader: Reader) -> None:
        """A function called for the first time is idle no longer, and idle again when its range is silent."""
        await load_server.call_idle()
        await reader.read_until(lambda one: not one.is_idle(load_server.idle), "the call to be seen")
        await reader.read_until(lambda one: one.is_idle(load_server.idle), "silence")

    async def test_silence_and_return(self, load_server: LoadServer, reader: Reader) -> None:
        """A source that is silent and comes back lowers nothing: unknown, then lower bounds, then the same value."""
        await load_server.silence()
        await reader.read_until(lambda one: one.is_unknown(load_server.busy), "silence")
        until_s = load_server.now().utc_s + 2 * load_server.settings.range_s
        silent = await reader.read_until(lambda _: load_server.now().utc_s > until_s, "two ranges of silence")
        assert all(one.is_unknown(load_server.busy) and not one.is_idle(load_server.idle) for one in silent)
        await load_server.talk()
        back = await reader.read_until(lambda one: one.rps(load_server.busy) is not None, "an answer")
        whole = await reader.read_until(lambda one: one.is_covered(load_server.busy), "a whole range")
        assert not any(one.is_idle(load_server.busy) for one in [*back, *whole])
        assert whole[-1].rps(load_server.busy) == pytest.approx(load_server.rate, rel=0.35)

    async def test_what_it_has_not_is_unknown(self, load_server: LoadServer, reader: Reader) -> None:
        """Cores, queues and a tenant's query of which it has nothing are unknown, never 0 or idle; the rest is read."""
        lanes = OtherMetrics(
            rows=np.full(3, reader.plan.fleet.row_of[load_server.busy]),
            kind=np.array([MetricKind.CPU, MetricKind.QUEUE, MetricKind.QUERY], dtype=np.uint8),
            names=("cpu", "queue", "no_such_metric"),
            target=np.ones(3),
            is_value=np.zeros(3, dtype=np.bool_),
        )
        own = QueryPlan("no_such_metric", "no_such_metric")
        plan = replace(reader.plan, fleet=replace(reader.plan.fleet, others=lanes), queries=(None, None, own))
        reader.plan = plan
        load = await reader.load()
        assert np.isnan(load.others).all()
        assert not load.others_idle.any()
        assert Reading(load, plan).rps(load_server.busy) == pytest.approx(load_server.rate, rel=0.35)


def _plan(functions: list[FunctionKey]) -> Plan:
    keys = tuple(sorted(functions))
    columns = {name: np.full(len(keys), np.inf) for name in Rules.__dataclass_fields__}
    columns["paused"] = np.zeros(len(keys), dtype=np.bool_)
    fleet = Fleet(
        keys=keys,
        uids=tuple(str(key) for key in keys),
        row_of={key: row for row, key in enumerate(keys)},
        tenant=np.zeros(len(keys), dtype=np.int64),
        tenants=("ours",),
        tenant_cap=np.array([np.inf]),
        rules=Rules(**columns),
    )
    tenant = TenantPlan("ours", frozenset(key.namespace for key in keys), "main", frozenset(), None, dry_run=False)
    return Plan(fleet, (FunctionPlan(None, 25.0, 1_000, (), dry_run=False),) * len(keys), {"ours": tenant})
