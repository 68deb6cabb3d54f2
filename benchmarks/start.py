"""`python -m benchmarks.start`: from the daemon's start to ready, with 10,000 and 100,000 Deployments.

A real API server holds paused Deployments of the usual size. Started is the program itself, with a `Tenant` and a
`ScalingPolicy` for every hundred functions; ready is 200 from `/readyz`: everything is listed, and the first tick is
done. Beside it the cluster's cache alone, from connecting until it is whole, and a bare list: the same pages one after
the other over one connection, each read by the same parser and thrown away. Those two take turns, since the machine
has other things to do too. `--deployments 10000` measures that many only.
"""

import argparse
import asyncio
import statistics
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import aiohttp
import numpy as np
import orjson

from autoscaler.adapters.kubernetes import connect
from autoscaler.daemon.telemetry import configure
from autoscaler.policy.settings import KubernetesSettings
from benchmarks.deployments import admin, create
from benchmarks.dummy_prometheus import dummy_prometheus
from benchmarks.fleets import names
from benchmarks.memory import BOUND_MIB, resident_mib
from benchmarks.program import Program
from benchmarks.report import Figure, at_most, emit
from benchmarks.stall import longest_stall
from tests.servers.controlplane import DAEMON_TOKEN, ControlPlane

COUNTS = (10_000, 100_000)
ROUNDS = 5
BOUND_S = {10_000: 5.0, 100_000: 60.0}
BOUND_RATIO = 1.5
BOUND_STALL_MS = 10.0
_MANIFESTS = Path(__file__).resolve().parents[1] / "manifests"
_RIGHTS = ("base/rbac.yaml", "components/cluster-rights/rbac.yaml")


class Round(NamedTuple):
    """One turn: seconds of the bare list and of the cache, and the cache's longest stall, ms."""

    bare_s: float
    cache_s: float
    stall_ms: float


def measure(counts: Sequence[int]) -> list[Figure]:
    """Make Deployments, more each time, and start upon them."""
    figures: list[Figure] = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        plane = ControlPlane(folder)
        try:
            plane.start()
            for path in _RIGHTS:
                plane.apply((_MANIFESTS / path).read_text())
            made = 0
            for count in sorted(counts):
                begun_s = time.perf_counter()
                asyncio.run(create(plane, names(count)[made:]))
                figures.append(at_most(f"created_{_short(count)}", time.perf_counter() - begun_s, "s", None))
                made = count
                figures += _figures(count, plane, folder)
        finally:
            plane.stop()
    return figures


def _figures(count: int, plane: ControlPlane, folder: Path) -> list[Figure]:
    settings = KubernetesSettings(kubeconfig=str(plane.kubeconfig))
    rounds = [asyncio.run(_round(count, plane, settings)) for _ in range(ROUNDS)]
    started_s, held_mib = _start(count, plane, folder)
    short = _short(count)
    return [
        at_most(f"start_{short}", started_s, "s", BOUND_S.get(count)),
        at_most(f"cache_{short}", statistics.median(one.cache_s for one in rounds), "s", None),
        at_most(f"bare_list_{short}", statistics.median(one.bare_s for one in rounds), "s", None),
        at_most(
            f"list_ratio_{short}", statistics.median(one.cache_s / one.bare_s for one in rounds), "ratio", BOUND_RATIO
        ),
        at_most(f"resident_{short}", held_mib, "MiB", BOUND_MIB),
        at_most(f"stall_{short}", statistics.median(one.stall_ms for one in rounds), "ms", BOUND_STALL_MS),
    ]


async def _round(count: int, plane: ControlPlane, settings: KubernetesSettings) -> Round:
    bare_s = await _bare(plane, settings.page_size)
    cache_s: list[float] = []

    async def fill() -> None:
        begun_s = time.perf_counter()
        async with connect(settings, np.random.default_rng(1)) as cluster:
            watching = asyncio.create_task(cluster.run())
            while not cluster.is_synced():
                await asyncio.sleep(0.001)
            cache_s.append(time.perf_counter() - begun_s)
            watching.cancel()
            await asyncio.gather(watching, return_exceptions=True)
            if len(cluster.catalog().deployed) < count:
                raise RuntimeError(f"not all are listed: {cluster.problems()}")

    stall = await longest_stall(fill())
    return Round(bare_s, cache_s[0], stall.busy_ms)


async def _bare(plane: ControlPlane, page_size: int) -> float:
    begun_s = time.perf_counter()
    async with admin(plane, DAEMON_TOKEN) as session:
        params = {"limit": str(page_size)}
        while True:
            async with session.get("/apis/apps/v1/deployments", params=params) as answer:
                answer.raise_for_status()
                page = orjson.loads(await answer.read())
            token = page["metadata"].get("continue")
            if not token:
                break
            params["continue"] = token
        if isinstance(session.connector, aiohttp.TCPConnector):
            await session.connector.close(abort_ssl=True)
    return time.perf_counter() - begun_s


def _start(count: int, plane: ControlPlane, folder: Path) -> tuple[float, float]:
    """Start the program; give the seconds until it is ready, and the MiB that all its processes hold then."""
    with dummy_prometheus(count) as url, tempfile.TemporaryDirectory(dir=folder) as name:
        program = Program(Path(name), plane.kubeconfig, url, count)
        begun_s = time.perf_counter()
        with program.running() as pid:
            program.wait_ready()
            return time.perf_counter() - begun_s, resident_mib(pid)


def _short(count: int) -> str:
    return f"{count // 1_000}k" if count % 1_000 == 0 else str(count)


def main() -> int:
    """Run it as a program; exit code 1 where a figure misses its bound."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true", help="print one JSON object instead of a table")
    parser.add_argument("--deployments", type=int, action="append", help="how many; may be given more than once")
    given = parser.parse_args()
    configure("error")
    figures = measure(given.deployments or COUNTS)
    emit(figures, given.json)
    return int(any(figure.holds is False for figure in figures))


if __name__ == "__main__":
    sys.exit(main())
