"""`python -m benchmarks.memory`: memory of all the daemon's processes after reading 100,000 functions.

The daemon's own packages are imported, as they are in `autoscaler run`. Resident memory counts a page that two
processes share twice; proportional memory counts it once.
"""

import asyncio
import importlib
import os
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from autoscaler.adapters.prometheus import PrometheusLoads
from autoscaler.core.now import Now
from benchmarks.dummy_prometheus import dummy_prometheus
from benchmarks.fleets import plan_of
from benchmarks.report import Figure, at_most, main
from benchmarks.stall import settings

FUNCTIONS = 100_000
READINGS = 5
BOUND_MIB = 500.0


def measure() -> Sequence[Figure]:
    """Read 100,000 functions several times and add up what all processes hold then."""
    importlib.import_module("autoscaler.cli.wiring")
    with dummy_prometheus(FUNCTIONS) as url:
        dummy = set(children(os.getpid()))
        main_mib, others_mib, pss_mib = asyncio.run(_measure(url, dummy))
    return [
        at_most("resident_100k", main_mib + others_mib, "MiB", BOUND_MIB),
        at_most("resident_main", main_mib, "MiB", None),
        at_most("resident_workers", others_mib, "MiB", None),
        at_most("proportional_100k", pss_mib, "MiB", None),
    ]


async def _measure(url: str, without: set[int]) -> tuple[float, float, float]:
    plan = plan_of(FUNCTIONS)
    loads = PrometheusLoads({"main": settings(url)}, patience_s=60.0)
    await loads.start()
    try:
        for _ in range(READINGS):
            load = await loads.read(plan, Now(time.monotonic(), time.time()))
            if not (load.rps > 0).all():
                raise RuntimeError(f"not everything was read: {loads.health()}")
        ours = os.getpid()
        others = [one for one in children(ours) if one not in without]
        return (
            memory_mib(ours, "Rss"),
            sum(memory_mib(one, "Rss") for one in others),
            sum(memory_mib(one, "Pss") for one in [ours, *others]),
        )
    finally:
        await loads.close()


def children(pid: int) -> list[int]:
    """Give the processes that a process started."""
    return [int(one) for task in Path(f"/proc/{pid}/task").iterdir() for one in (task / "children").read_text().split()]


def memory_mib(pid: int, kind: str) -> float:
    """Give a process's memory of a kind (`Rss`, `Pss`), MiB."""
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
        if line.startswith(f"{kind}:"):
            return int(line.split()[1]) / 1024
    raise ValueError(f"no {kind} of process {pid}")


if __name__ == "__main__":
    sys.exit(main(measure, __doc__ or ""))
