"""Faults while a real Prometheus scrapes a real exporter: nothing ever reads as idle, or as a value that is too low."""

import asyncio
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from autoscaler.adapters.clock import SystemClock
from autoscaler.adapters.prometheus import PrometheusLoads
from tests.integration.prometheus.loading import One, loads, openfaas, row, source
from tests.integration.prometheus.plans import plan_of
from tests.servers.exporter import Exporter
from tests.servers.process import PATIENCE
from tests.servers.prometheus import prometheus

pytestmark = pytest.mark.server
PLAN = plan_of({"ours": ["fn/busy"]})


async def read_until(made: PrometheusLoads, holds: Callable[[One], bool], what: str) -> list[One]:
    """Read again and again until it holds."""
    seen: list[One] = []
    end = time.monotonic() + 45 * PATIENCE
    while not seen or not holds(seen[-1]):
        if time.monotonic() > end:
            raise TimeoutError(f"not within {45 * PATIENCE} s: {what}; last {seen[-1]}")
        seen.append(row(await made.read(PLAN, SystemClock().now()), PLAN, "fn/busy"))
        await asyncio.sleep(0.1)
    return seen


async def test_faults_of_one_gateway_and_its_prometheus(tmp_path: Path) -> None:
    """Target failing, gateway restarted, Prometheus killed and back: unknown or lower bounds, then 20/s again."""
    with Exporter() as exporter:
        exporter.load("busy.fn", 20.0)
        exporter.know("busy.fn", 1)
        jobs = {"gateway": [exporter.address]}
        with prometheus(tmp_path, jobs) as server:
            settings = source(server.url, openfaas(), scrapeInterval="1s", timeout="3s")
            async with loads(patience_s=5.0, main=settings) as made:
                await read_until(made, lambda one: one.is_covered, "a whole range")

                exporter.is_broken = True
                failing = await read_until(made, lambda one: not one.is_covered, "the failing target to be seen")
                failing += await read_until(made, lambda one: one.is_unknown, "its series to go")
                exporter.is_broken = False
                failing += await read_until(made, lambda one: one.is_covered, "a whole range after failing scrapes")

                exporter.restart()
                restarted = await read_until(made, lambda one: not one.is_covered, "the restart to be seen")
                restarted += await read_until(made, lambda one: one.is_covered, "a whole range after a restart")

                server.server.kill()
                gone = await read_until(made, lambda one: one.is_unknown, "the loss of Prometheus to be seen")
                server.server.start()
                gone += await read_until(made, lambda one: one.is_covered, "a whole range after Prometheus was away")
    seen = [*failing, *restarted, *gone]
    assert not any(one.is_idle for one in seen)
    assert [one.rps for one in seen if one.is_covered] == [
        pytest.approx(20.0, rel=0.25) for one in seen if one.is_covered
    ]
