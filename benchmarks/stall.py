"""`python -m benchmarks.stall`: longest stall of the event loop while 100,000 functions are read.

A ticker in the loop wakes every millisecond. The stall that is held to its bound is the longest time that the loop's
thread computed between two wakes: that is ours, whatever else the machine does. How late the ticker was by the wall's
clock is shown beside it, and how late with nothing to do.
"""

import asyncio
import sys
import time
from collections.abc import Awaitable, Sequence
from typing import NamedTuple

from autoscaler.adapters.prometheus import PrometheusLoads
from autoscaler.core.now import Now
from autoscaler.policy.source_settings import SourceSettings
from benchmarks.dummy_prometheus import dummy_prometheus
from benchmarks.fleets import plan_of
from benchmarks.report import Figure, at_most, main

FUNCTIONS = 100_000
READINGS = 5
BOUND_MS = 10.0
_TICK_S = 0.001


class Stall(NamedTuple):
    """The longest stretches between two wakes, ms: by the wall's clock, and in the loop's thread."""

    late_ms: float
    busy_ms: float


def measure() -> Sequence[Figure]:
    """Read 100,000 functions several times, the first one with a new fleet."""
    with dummy_prometheus(FUNCTIONS) as url:
        idle, reading, read_s = asyncio.run(_measure(url))
    return [
        at_most("stall_100k", reading.busy_ms, "ms", BOUND_MS),
        at_most("late_100k", reading.late_ms, "ms", None),
        at_most("late_idle", idle.late_ms, "ms", None),
        at_most("reading_100k", read_s, "s", None),
    ]


async def _measure(url: str) -> tuple[Stall, Stall, float]:
    plan = plan_of(FUNCTIONS)
    loads = PrometheusLoads({"main": settings(url)}, patience_s=60.0)
    await loads.start()
    try:
        took: list[float] = []

        async def read() -> None:
            for _ in range(READINGS):
                start = time.perf_counter()
                load = await loads.read(plan, Now(time.monotonic(), time.time()))
                took.append(time.perf_counter() - start)
                if not (load.rps > 0).all():
                    raise RuntimeError(f"not everything was read: {loads.health()}")

        reading = await longest_stall(read())
        idle = await longest_stall(asyncio.sleep(sum(took)))
        return idle, reading, min(took)
    finally:
        await loads.close()


async def longest_stall(work: Awaitable[object]) -> Stall:
    """Measure the loop while the work is done."""
    late_ms, busy_ms = [0.0], [0.0]

    async def tick() -> None:
        while True:
            wall, busy = time.perf_counter(), time.thread_time()
            await asyncio.sleep(_TICK_S)
            late_ms.append((time.perf_counter() - wall - _TICK_S) * 1_000)
            busy_ms.append((time.thread_time() - busy) * 1_000)

    ticking = asyncio.get_running_loop().create_task(tick())
    await asyncio.sleep(0.05)
    del late_ms[:-1], busy_ms[:-1]
    await work
    ticking.cancel()
    return Stall(max(late_ms), max(busy_ms))


def settings(url: str) -> SourceSettings:
    """Give settings of one source with one gateway."""
    gateway = {"profile": "openfaas", "match": {"job": "gateway"}}
    return SourceSettings.model_validate({"url": url, "timeout": "60s", "gateways": [gateway]})


if __name__ == "__main__":
    sys.exit(main(measure, __doc__ or ""))
