"""`python -m benchmarks.tick`: reading 10,000 functions from a real Prometheus against the bare queries.

Bare: the same requests one after the other over a kept connection, bodies read, not parsed. Readings and bare queries
take turns, so that both meet the same machine.
"""

import asyncio
import statistics
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import requests

from autoscaler.adapters.prometheus import PrometheusLoads
from autoscaler.core.now import Now
from autoscaler.policy.profiles import profiles_of
from autoscaler.policy.settings import SourceSettings
from benchmarks.fleets import names, plan_of
from benchmarks.report import Figure, at_most, main
from benchmarks.stall import settings
from tests.servers.prometheus import prometheus, write_blocks

FUNCTIONS = 10_000
ROUNDS = 15
BOUND = 1.5
_START_S = 1_700_000_000.0
_SCRAPE_S = 15.0
_SCRAPES = 12


def measure() -> Sequence[Figure]:
    """Make three minutes of scrapes of a gateway with 10,000 functions, and read their end again and again."""
    with tempfile.TemporaryDirectory() as name:
        write_blocks(Path(name), dict(_samples()))
        with prometheus(Path(name), {}) as server:
            readings, bare = asyncio.run(_measure(settings(server.url)))
    ratios = [reading / queries for reading, queries in zip(readings, bare, strict=True)]
    return [
        at_most("tick_ratio_10k", statistics.median(ratios), "ratio", BOUND),
        at_most("reading_10k", statistics.median(readings) * 1_000, "ms", None),
        at_most("bare_queries_10k", statistics.median(bare) * 1_000, "ms", None),
    ]


async def _measure(source: SourceSettings) -> tuple[list[float], list[float]]:
    plan = plan_of(FUNCTIONS)
    loads = PrometheusLoads({"main": source}, patience_s=60.0)
    await loads.start()
    now = Now(1_000.0, _START_S + (_SCRAPES - 1) * _SCRAPE_S + 7.0)
    readings, bare = [], []
    try:
        with requests.Session() as session:
            session.trust_env = False
            for _ in range(ROUNDS + 1):
                start = time.perf_counter()
                load = await loads.read(plan, now)
                readings.append(time.perf_counter() - start)
                if not (load.rps > 0).all() or not load.is_covered.all():
                    raise RuntimeError(f"not everything was read: {loads.health()}")
                bare.append(await asyncio.to_thread(_bare, session, source, now))
    finally:
        await loads.close()
    return readings[1:], bare[1:]  # the first ones open connections and tell the worker its functions


def _bare(session: requests.Session, source: SourceSettings, now: Now) -> float:
    start = time.perf_counter()
    for profile in profiles_of(source):
        for query in profile.queries:
            params = {"query": query.text, "time": f"{now.utc_s - 1.5:.3f}"}
            answer = session.get(f"{source.url}/api/v1/query", params=params, headers={"Accept-Encoding": "identity"})
            answer.raise_for_status()
    return time.perf_counter() - start


def _samples() -> Iterator[tuple[str, Iterable[tuple[float, float]]]]:
    times = [_START_S + scrape * _SCRAPE_S for scrape in range(_SCRAPES)]
    target = 'instance="gateway:8082",job="gateway"'
    yield f"up{{{target}}}", [(time_s, 1) for time_s in times]
    yield f"process_start_time_seconds{{{target}}}", [(time_s, 1) for time_s in times]
    for key in names(FUNCTIONS):
        labels = f'function_name="{key.name}.{key.namespace}",{target}'
        calls = [(time_s, 150.0 * position) for position, time_s in enumerate(times)]
        yield f"gateway_function_invocation_started{{{labels}}}", calls
        yield f'gateway_function_invocation_total{{code="200",{labels}}}', calls
        yield f"gateway_service_count{{{labels}}}", [(time_s, 3) for time_s in times]


if __name__ == "__main__":
    sys.exit(main(measure, __doc__ or ""))
