"""10,000 requests held at once: what they cost in memory, and how long after a function is ready its requests are answered.

`autoscaler run` over a hundred functions with load, and others at zero. Memory is what all the daemon's processes hold
while 10,000 requests wait, over what they held before. Then all are made ready at once, which shows the last of 10,000
answers. Ready → released is taken apart from that, at 50 functions a second with one request each: from the moment at
which the API server tells of the endpoint until the client has its answer, a connection through the Service included.
"""

import asyncio
import json
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import aiohttp
import numpy as np

from autoscaler.core.fleet import FunctionKey
from benchmarks.dummy_kubernetes import dummy_kubernetes
from benchmarks.dummy_prometheus import dummy_prometheus
from benchmarks.fleets import names
from benchmarks.memory import resident_mib
from benchmarks.report import Figure, at_most
from benchmarks.wake_latency import FEW, TOKEN, Waking

HELD, FUNCTIONS = 10_000, 100
RELEASED, PER_SECOND = 500, 50.0
MEMORY_BOUND_MIB, RELEASE_BOUND_MS = 200.0, 50.0
OPENED_AT_ONCE = 500
"""Connections that are opened at once: a backlog of more would be the kernel's to hold."""
TICKS = 5
_AT_ZERO = 10  # of the dummy's functions every tenth runs
_HEADERS = {"Authorization": f"Bearer {TOKEN}"}


class Holding(Waking):
    """The daemon whose policies hold requests for as long as it takes to open 10,000 of them."""

    def _settings(self, folder: Path, kubeconfig: Path, prometheus_url: str, policies: Path) -> Path:
        for path in policies.iterdir():
            path.write_text(
                path.read_text().replace("target: 10}]}", "target: 10}], wake: {hold: 300s, waiters: 20000}}")
            )
        return super()._settings(folder, kubeconfig, prometheus_url, policies)


def measure() -> Sequence[Figure]:
    """Hold 10,000 requests, release them, then release 500 at a pace."""
    count = FEW + 2 * (FUNCTIONS + RELEASED)
    keys = names(count)
    asleep = [place for place in range(FEW, count) if place % _AT_ZERO]
    with (
        tempfile.TemporaryDirectory() as name,
        dummy_prometheus(FEW) as prometheus_url,
        dummy_kubernetes(count, Path(name), FEW) as kubeconfig,
    ):
        daemon = Holding(Path(name), kubeconfig, prometheus_url, count, FEW)
        with daemon.running() as pid:
            daemon.wait_ticks(TICKS)
            api_url = json.loads(kubeconfig.read_text())["clusters"][0]["cluster"]["server"]
            client = _Client(daemon, pid, api_url, keys)
            held_mib, last_ms = asyncio.run(client.hold(asleep[:FUNCTIONS]))
            released_ms = asyncio.run(client.release(asleep[FUNCTIONS : FUNCTIONS + RELEASED]))
    return [
        at_most("held_10k", held_mib, "MiB", MEMORY_BOUND_MIB),
        at_most("held_10k_last_answer", last_ms, "ms", None),
        at_most("ready_to_released_p99", float(np.percentile(released_ms, 99)), "ms", RELEASE_BOUND_MS),
        at_most("ready_to_released_p50", float(np.percentile(released_ms, 50)), "ms", None),
    ]


class _Client:
    """Those who call, and whoever makes functions ready."""

    def __init__(self, daemon: Waking, pid: int, api_url: str, keys: Sequence[FunctionKey]) -> None:
        self._daemon = daemon
        self._pid = pid
        self._api_url = api_url
        self._keys = keys

    async def hold(self, places: Sequence[int]) -> tuple[float, float]:
        """Hold requests for these functions; give the MiB that they cost, and the ms from ready to the last answer."""
        before_mib = resident_mib(self._pid)
        connector = aiohttp.TCPConnector(limit=0)
        timeout = aiohttp.ClientTimeout(total=600)
        async with aiohttp.ClientSession(headers=_HEADERS, connector=connector, timeout=timeout) as session:
            asking = []
            for first in range(0, HELD, OPENED_AT_ONCE):
                asking += [
                    asyncio.ensure_future(self._ask(session, places[number % len(places)]))
                    for number in range(first, first + OPENED_AT_ONCE)
                ]
                await self._until_held(len(asking))
            held_mib = resident_mib(self._pid) - before_mib
            at_s = await self._make_ready(session, places)
            return held_mib, (max(await asyncio.gather(*asking)) - at_s) * 1_000

    async def release(self, places: Sequence[int]) -> list[float]:
        """Ask for functions one after the other, and make each ready a second later; give ms from ready to answered."""
        async with aiohttp.ClientSession(headers=_HEADERS) as session:
            start_s, working = time.monotonic(), []
            for number, place in enumerate(places):
                await asyncio.sleep(start_s + number / PER_SECOND - time.monotonic())
                working.append(asyncio.ensure_future(self._released_ms(session, place)))
            return await asyncio.gather(*working)

    async def _released_ms(self, session: aiohttp.ClientSession, place: int) -> float:
        asking = asyncio.ensure_future(self._ask(session, place))
        await asyncio.sleep(1.0)
        ready_s = await self._make_ready(session, [place])
        return (await asking - ready_s) * 1_000

    async def _ask(self, session: aiohttp.ClientSession, place: int) -> float:
        """Ask for a function until it is ready; give the monotonic second of the answer."""
        key = self._keys[place]
        async with session.post(f"{self._daemon.url}/v1/wake/{key.namespace}/{key.name}") as answer:
            state = answer.headers.get("X-Wake-State")
            await answer.read()
        if state != "ready":
            raise RuntimeError(f"{key}: {answer.status}, {state}")
        return time.monotonic()

    async def _make_ready(self, session: aiohttp.ClientSession, places: Sequence[int]) -> float:
        async with session.post(f"{self._api_url}/ready", json=list(places)) as answer:
            at_s: float = await answer.json(content_type=None)
            return at_s

    async def _until_held(self, count: int) -> None:
        while True:
            metrics = await asyncio.to_thread(self._daemon.own_metrics)
            if metrics["autoscaler_wakes_held"] >= count:
                return
            await asyncio.sleep(0.05)
