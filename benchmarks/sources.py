"""`python -m benchmarks.sources`: one reading of 200 small Prometheus servers, against their queries sent bare.

Each source has a hundred functions and answers with prepared bodies, all from one process on loopback. Bare are the
same queries one after the other over a kept connection for each source, bodies read, not parsed, from one thread: what
a tick costs that does nothing else. Readings and bare queries take turns on the same machine. Memory is that of the
worker processes, counted once where they share pages.
"""

import asyncio
import statistics
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace

import requests

from autoscaler.adapters.prometheus import PrometheusLoads
from autoscaler.core.now import Now
from autoscaler.policy.plan import Plan
from autoscaler.policy.profiles import profiles_of
from autoscaler.policy.source_settings import SourceSettings
from benchmarks.dummy_prometheus import dummy_prometheus
from benchmarks.fleets import NAMESPACE_SIZE, plan_of
from benchmarks.memory import memory_mib
from benchmarks.report import Figure, at_most, main
from benchmarks.stall import longest_stall, settings

SOURCES = 200
ROUNDS = 7
BOUND = 1.3
BOUND_MS = 10.0


def measure() -> Sequence[Figure]:
    """Read all sources and ask them bare, in turns."""
    with dummy_prometheus(SOURCES * NAMESPACE_SIZE, SOURCES) as url:
        sources = {f"source-{number:03d}": settings(f"{url}/{number}") for number in range(SOURCES)}
        read_s, bare_s, busy_ms, memory, processes = asyncio.run(_measure(sources))
    ratio = statistics.median(read / bare for read, bare in zip(read_s, bare_s, strict=True))
    return [
        at_most("reading_ratio_200", ratio, "ratio", BOUND),
        at_most("reading_200", statistics.median(read_s) * 1_000, "ms", None),
        at_most("bare_200", statistics.median(bare_s) * 1_000, "ms", None),
        at_most("stall_200", busy_ms, "ms", BOUND_MS),
        at_most("workers_200", processes, "processes", None),
        at_most("memory_200", memory, "MiB", None),
    ]


def _plan(sources: Sequence[str]) -> Plan:
    """Make a plan in which each tenant has a source of its own."""
    plan = plan_of(len(sources) * NAMESPACE_SIZE)
    tenants = {
        name: replace(tenant, source=source)
        for (name, tenant), source in zip(sorted(plan.tenants.items()), sources, strict=True)
    }
    return replace(plan, tenants=tenants)


async def _measure(sources: Mapping[str, SourceSettings]) -> tuple[list[float], list[float], float, float, int]:
    plan = _plan(list(sources))
    loads = PrometheusLoads(sources, patience_s=60.0)
    await loads.start()
    try:
        read_s, bare_s, busy_ms = list[float](), list[float](), list[float]()
        connections = {name: requests.Session() for name in sources}
        for _ in range(ROUNDS + 1):
            start = time.perf_counter()
            stall = await longest_stall(_read(loads, plan))
            read_s.append(time.perf_counter() - start)
            busy_ms.append(stall.busy_ms)
            bare_s.append(await asyncio.to_thread(_bare, sources, connections))
        pids = loads.worker_pids()
        memory = sum(memory_mib(pid, "Pss") for pid in pids)
        return read_s[1:], bare_s[1:], max(busy_ms[1:]), memory, len(pids)  # the first one told the workers their rows
    finally:
        await loads.close()


async def _read(loads: PrometheusLoads, plan: Plan) -> None:
    load = await loads.read(plan, Now(time.monotonic(), time.time()))
    if not (load.rps > 0).all():
        raise RuntimeError(f"not everything was read: {[one for one in loads.health() if not one.is_ok]}")


def _bare(sources: Mapping[str, SourceSettings], connections: Mapping[str, requests.Session]) -> float:
    start = time.perf_counter()
    for name, one in sources.items():
        session = connections[name]
        session.trust_env = False
        for profile in profiles_of(one):
            for query in profile.queries:
                params = {"query": query.text, "time": f"{time.time():.3f}"}
                answer = session.get(f"{one.url}/api/v1/query", params=params, headers={"Accept-Encoding": "identity"})
                answer.raise_for_status()
    return time.perf_counter() - start


if __name__ == "__main__":
    sys.exit(main(measure, __doc__ or ""))
