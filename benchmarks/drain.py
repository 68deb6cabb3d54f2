"""`python -m benchmarks.drain`: writes against a real API server: a drain of 20,000, wakes in its middle, 1,000 at once.

Bare: the same PATCHes over aiohttp alone, as many at once as the scheduler has out, answers read and not parsed. Both
take turns, so that they meet the same machine. On the wire: a request's last header byte was handed to the kernel.
"""

import asyncio
import contextlib
import ssl
import statistics
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import aiohttp
import numpy as np
import orjson

from autoscaler.adapters.clock import SystemClock
from autoscaler.adapters.kubernetes import KubernetesCluster, connect
from autoscaler.core.fleet import FunctionKey
from autoscaler.daemon.wishes import wishes
from autoscaler.daemon.writes import MOST_OUT, WriteScheduler
from autoscaler.policy.settings import KubernetesSettings
from autoscaler.ports import ScaleOutcome
from benchmarks import deployments
from benchmarks.fleets import names, plan_of
from benchmarks.report import Figure, at_least, at_most, main
from benchmarks.stall import longest_stall
from tests.servers.controlplane import ADMIN_TOKEN, ControlPlane

DRAINED, WOKEN = 20_000, 1_000
PER_SECOND, BURST = 100.0, 100
DRAIN_S = 30.0
TICK_S = 2.0
WAKE_EVERY_S = 0.1
ROUNDS = 5
RATIO_BOUND = 1.3
_RIGHTS = ("base/rbac.yaml", "components/cluster-rights/rbac.yaml")


class Wire:
    """When each function's last PATCH was handed to the kernel, perf_counter seconds."""

    def __init__(self) -> None:
        self.at_s: dict[str, float] = {}
        self.traced = aiohttp.TraceConfig()
        self.traced.on_request_headers_sent.append(self._sent)

    async def _sent(self, _: object, __: object, params: aiohttp.TraceRequestHeadersSentParams) -> None:
        if params.method == "PATCH":
            self.at_s[params.url.path] = time.perf_counter()

    def count(self, keys: Iterable[FunctionKey]) -> int:
        """Count those of some functions that were ever written."""
        return sum(_path(key) in self.at_s for key in keys)

    def waited_ms(self, key: FunctionKey, from_s: float) -> float:
        """Milliseconds from a moment to a function's PATCH."""
        return (self.at_s[_path(key)] - from_s) * 1_000


def measure() -> Sequence[Figure]:
    """Make 21,000 Deployments, drain 20,000 cuts for half a minute with wakes between them, then wake 1,000 at once."""
    with tempfile.TemporaryDirectory() as name:
        plane = ControlPlane(Path(name))
        try:
            plane.start()
            manifests = Path(__file__).resolve().parents[1] / "manifests"
            for path in _RIGHTS:
                plane.apply((manifests / path).read_text())
            return asyncio.run(_measure(plane))
        finally:
            plane.stop()


async def _measure(plane: ControlPlane) -> Sequence[Figure]:
    keys = names(DRAINED + WOKEN)
    await deployments.create(plane, keys)
    async with _session(plane, 32) as session:
        await _set(session, keys[:DRAINED], 3)
        await _set(session, keys[DRAINED:], 0)
        drain = await _drained(plane)
        ours, bare = [], []
        for _ in range(ROUNDS):
            await _set(session, keys[DRAINED:], 0)
            ours.append(await _woken(plane))
            await _set(session, keys[DRAINED:], 0)
            async with _session(plane, MOST_OUT) as fresh:
                bare.append(await _set(fresh, keys[DRAINED:], 1, MOST_OUT, was=0))
    ratios = [one / other for one, other in zip(ours, bare, strict=True)]
    return [
        *drain,
        at_most("wakes_1000_ratio", statistics.median(ratios), "ratio", RATIO_BOUND),
        at_most("wakes_1000", statistics.median(ours) * 1_000, "ms", None),
        at_most("wakes_1000_bare", statistics.median(bare) * 1_000, "ms", None),
    ]


class Running:
    """Watches and a scheduler as the daemon has them, and what a step would wish."""

    def __init__(self, cluster: KubernetesCluster, writes: WriteScheduler, wire: Wire) -> None:
        self.writes = writes
        self.wire = wire
        self._cluster = cluster
        plan = plan_of(DRAINED + WOKEN)
        uids = {deployed.key: deployed.uid for deployed in cluster.catalog().deployed}
        self._plan = replace(plan, fleet=replace(plan.fleet, uids=tuple(uids[key] for key in plan.fleet.keys)))
        self.keys = plan.fleet.keys
        self._may_write = np.ones(len(self.keys), dtype=np.bool_)
        self._wanted = cluster.replicas(self._plan.fleet).requested.copy()
        self._turn = asyncio.Lock()

    async def step(self, first: int, last: int, desired: float, *, is_tick: bool) -> float:
        """Want this count for some rows and take a step, of these rows or a tick's of all; give the loop's ms for it."""
        async with self._turn:
            self._wanted[first:last] = desired
            requested = self._cluster.replicas(self._plan.fleet).requested.copy()
            rows = np.arange(len(requested)) if is_tick else np.arange(first, last)
            if is_tick:
                self.writes.observed()
            before, after = requested[rows], self._wanted[rows]
            changed = np.flatnonzero(before != after)
            decided = SimpleNamespace(changed=changed, rows=rows, requested=before, desired=after)
            wished = await asyncio.to_thread(wishes, decided, self._plan, self._may_write)
            start = time.thread_time()
            self.writes.offer(wished, is_tick)
            return (time.thread_time() - start) * 1_000


async def _drained(plane: ControlPlane) -> list[Figure]:
    """Let ticks wish for 20,000 cuts again and again, and wake a function now and then."""
    async with _running(plane, writes_per_second=PER_SECOND, write_burst=BURST) as daemon:
        asked: list[tuple[int, float]] = []
        offers_ms: list[float] = []

        async def tick() -> None:
            while True:
                offers_ms.append(await daemon.step(0, DRAINED, 1.0, is_tick=True))
                await asyncio.sleep(TICK_S)

        async def wake() -> None:
            for row in range(DRAINED, DRAINED + WOKEN):
                await asyncio.sleep(WAKE_EVERY_S)
                asked.append((row, time.perf_counter()))
                await daemon.step(row, row + 1, 1.0, is_tick=False)

        working = [asyncio.ensure_future(work()) for work in (tick, wake)]
        await asyncio.sleep(2 * TICK_S)  # the burst is over
        before = daemon.wire.count(daemon.keys[:DRAINED])
        stall = await longest_stall(asyncio.sleep(DRAIN_S))
        drained = daemon.wire.count(daemon.keys[:DRAINED]) - before
        for task in working:
            task.cancel()
        await asyncio.gather(*working, return_exceptions=True)
        waited_ms = [daemon.wire.waited_ms(daemon.keys[row], at_s) for row, at_s in asked[:-5]]
        lost = daemon.writes.counts[ScaleOutcome.LOST]
    return [
        at_least("drain_rate_ratio", drained / DRAIN_S / PER_SECOND, "ratio", 0.95),
        at_most("drain_lost", lost, "writes", 0),
        at_most("drain_offer_20k", statistics.median(offers_ms), "ms", 5.0),
        at_most("drain_stall", stall.busy_ms, "ms", None),
        at_most("wake_in_drain_p50", float(np.percentile(waited_ms, 50)), "ms", None),
        at_most("wake_in_drain_p99", float(np.percentile(waited_ms, 99)), "ms", None),
    ]


async def _woken(plane: ControlPlane) -> float:
    """Wake a thousand at once; give the seconds until the last answer."""
    async with _running(plane) as daemon:
        start = time.perf_counter()
        await daemon.step(DRAINED, DRAINED + WOKEN, 1.0, is_tick=False)
        while daemon.writes.counts[ScaleOutcome.DONE] < WOKEN:
            await asyncio.sleep(0.001)
        return time.perf_counter() - start


async def _set(
    session: aiohttp.ClientSession,
    keys: Iterable[FunctionKey],
    replicas: int,
    at_once: int = 32,
    was: int | None = None,
) -> float:
    """Put functions at a count; give the seconds that it took.

    Args:
        was: test first that they are at this count, as the daemon does; None: whatever they are at.
    """
    ahead = iter(keys)
    tests = [] if was is None else [{"op": "test", "path": "/spec/replicas", "value": was or None}]
    body = orjson.dumps([*tests, {"op": "add", "path": "/spec/replicas", "value": replicas}])
    headers = {"Content-Type": "application/json-patch+json"}

    async def send() -> None:
        for key in ahead:
            async with session.patch(_path(key), data=body, headers=headers) as answer:
                answer.raise_for_status()
                await answer.read()

    start = time.perf_counter()
    await asyncio.gather(*(send() for _ in range(at_once)))
    return time.perf_counter() - start


@contextlib.asynccontextmanager
async def _session(plane: ControlPlane, at_once: int) -> AsyncIterator[aiohttp.ClientSession]:
    """Give a session that may do everything, with so many connections."""
    trust = ssl.create_default_context(cafile=plane.certificate)
    connector = aiohttp.TCPConnector(ssl=trust, limit=at_once)
    headers = {"Authorization": f"Bearer {ADMIN_TOKEN}"}
    async with aiohttp.ClientSession(plane.url, headers=headers, connector=connector) as session:
        yield session
        await connector.close()


@contextlib.asynccontextmanager
async def _running(plane: ControlPlane, **rates: float) -> AsyncIterator[Running]:
    """Run watches and a scheduler as the daemon does."""
    settings = KubernetesSettings.model_validate({"kubeconfig": str(plane.kubeconfig), **rates})
    generator = np.random.default_rng(1)
    async with connect(settings, generator) as cluster:
        writes = WriteScheduler(SystemClock(), cluster, settings, generator)
        tasks = [asyncio.create_task(cluster.run()), asyncio.create_task(writes.run())]
        while not cluster.is_synced():
            await asyncio.sleep(0.05)
        try:
            yield Running(cluster, writes, _traced(cluster))
        finally:
            await writes.close(30.0)
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)


def _traced(cluster: KubernetesCluster) -> Wire:
    """Have the adapter's own session tell when a request goes out."""
    wire, client = Wire(), cluster._connection._writes.rest_client
    client.pool_manager = client.pool_manager or client._create_pool_manager()
    wire.traced.freeze()
    client.pool_manager._trace_configs.append(wire.traced)
    return wire


def _path(key: FunctionKey) -> str:
    return f"/apis/apps/v1/namespaces/{key.namespace}/deployments/{key.name}/scale"


if __name__ == "__main__":
    sys.exit(main(measure, __doc__ or ""))
