"""What each daemon reads of the loads: Prometheus servers beside the platform, and what befalls them."""

import asyncio
from collections.abc import Callable, Mapping, MutableMapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from autoscaler.core.columns import Bools
from autoscaler.core.fleet import Fleet, FunctionKey
from autoscaler.core.now import Now
from autoscaler.core.observation import Load
from autoscaler.policy.plan import Plan
from autoscaler.ports import Past, SourceHealth
from autoscaler.simulator.measurement import Measurement
from tests.deterministic.eventloop import VirtualLoop
from tests.deterministic.process import Process
from tests.deterministic.site import SCRAPE_S

Spoil = Callable[[Load, np.random.Generator], Load]

LAG_S = SCRAPE_S / 8
USUAL_S = 0.05


@dataclass
class Prometheus:
    """One server.

    Attributes:
        name: of the source.
        measurement: its scrapes.
        spoilers: spoil its answers, by fault.
        answers_in_s: how long it takes, by fault; the longest counts, and none answers after a tick.
        is_scraping: 0: it does, else the number of faults that keep it from it.
        is_target_down: likewise, whether the gateway fails its scrapes.
    """

    name: str
    measurement: Measurement
    spoilers: dict[int, Spoil] = field(default_factory=dict)
    answers_in_s: dict[int, float] = field(default_factory=dict)
    is_not_scraping: int = 0
    is_target_down: int = 0

    def takes_s(self, patience_s: float) -> float:
        return min(patience_s, max([USUAL_S, *self.answers_in_s.values()]))


class MemoryLoads:
    """Implements `ports.LoadSource` and `ports.PastLoads` for one process.

    Args:
        patience_s: longest that a reading takes.
        known: is told, by process, of which functions the last reading knew the load.
        distort: imitates a defect of the daemon; None: none.
    """

    def __init__(
        self,
        loop: VirtualLoop,
        process: Process,
        servers: Sequence[Prometheus],
        patience_s: float,
        rng: np.random.Generator,
        known: MutableMapping[int, Mapping[FunctionKey, bool]],
        distort: Callable[[Load], Load] | None = None,
    ) -> None:
        self._loop = loop
        self._process = process
        self._servers = servers
        self._patience_s = patience_s
        self._rng = rng
        self._known = known
        self._distort = distort

    async def read(self, plan: Plan, now: Now) -> Load:
        """Read one sample of every function."""
        fleet = plan.fleet
        at_s = self._loop.now_s - LAG_S
        loads = [(self._rows(plan, server.name), self._answer(server, fleet, at_s)) for server in self._servers]
        await asyncio.sleep(max(server.takes_s(self._patience_s) for server in self._servers))
        await self._process.gate()
        merged = _merged(loads)
        trusted = merged.is_covered & np.isfinite(merged.rps) & np.isfinite(merged.concurrency) | merged.is_idle
        self._known[self._process.number] = dict(zip(fleet.keys, trusted.tolist(), strict=True))
        return merged if self._distort is None else self._distort(merged)

    async def past(
        self, plan: Plan, now: Now, *, reach_s: float, within_s: float, every_s: float, fine_s: float
    ) -> Past:
        """Read samples of the past, as ticks would have; of what came before the last `fine_s`, one for each range."""
        await asyncio.sleep(min(within_s, max(server.takes_s(within_s) for server in self._servers)))
        await self._process.gate()
        asked_s = self._loop.now_s
        ages_s = [*np.arange(reach_s, fine_s, -2 * every_s), *np.arange(fine_s, 0.0, -every_s)]
        ages_s = [float(age_s) for age_s in ages_s if 0 < age_s < asked_s]
        moments = [
            (Now(now.monotonic_s - age_s, now.utc_s - age_s), self._at(plan, asked_s - age_s)) for age_s in ages_s
        ]
        return Past(iter(moments), {})

    def _at(self, plan: Plan, at_s: float) -> Load:
        found = [(self._rows(plan, one.name), self._answer(one, plan.fleet, at_s - LAG_S)) for one in self._servers]
        return _merged(found)

    def health(self) -> Sequence[SourceHealth]:
        """Say how each source fares."""
        return [SourceHealth(server.name, not server.spoilers, None, USUAL_S, 1, 0) for server in self._servers]

    def _rows(self, plan: Plan, source: str) -> Bools:
        is_of = np.array([plan.tenants[name].source == source for name in plan.fleet.tenants], dtype=bool)
        return is_of[plan.fleet.tenant] if len(plan.fleet) else np.zeros(0, dtype=bool)

    def _answer(self, server: Prometheus, fleet: Fleet, at_s: float) -> Load:
        measurement = server.measurement
        if server.takes_s(self._patience_s) >= self._patience_s:
            return measurement.silence(fleet)
        load = measurement.load(fleet, at_s)
        for spoiler in server.spoilers.values():
            load = spoiler(load, self._rng)
        return load


def silent(load: Load) -> Load:
    """Give the load of nobody: nothing is known."""
    nothing, no = np.full(len(load.rps), np.nan), np.zeros(len(load.rps), dtype=bool)
    return replace(load, rps=nothing, concurrency=nothing, in_flight=nothing, is_covered=no, is_idle=no)


def forgotten(load: Load, rows: Bools) -> Load:
    """Give a load of which some rows are unknown."""

    def without(column: np.ndarray) -> np.ndarray:
        return np.where(rows, np.nan, column)

    return replace(
        load,
        rps=without(load.rps),
        concurrency=without(load.concurrency),
        in_flight=without(load.in_flight),
        is_covered=load.is_covered & ~rows,
        is_idle=load.is_idle & ~rows,
    )


def lessened(load: Load, share: float) -> Load:
    """Give the lower bounds that a window shows of which only a share was scraped."""
    no = np.zeros(len(load.rps), dtype=bool)
    return replace(load, rps=load.rps * share, concurrency=load.concurrency * share, is_covered=no, is_idle=no)


def _merged(loads: Sequence[tuple[Bools, Load]]) -> Load:
    (_, result), *others = loads
    for rows, load in others:
        names = ("rps", "concurrency", "in_flight", "is_covered", "is_idle", "range_s")
        columns = {name: np.where(rows, getattr(load, name), getattr(result, name)) for name in names}
        result = replace(result, **columns)
    return result
