"""1,000 wakes at once, against the same PATCHes sent bare, on a real API server.

Ours is the program itself: 1,000 requests for 1,000 functions at zero, sent in one instant by a client in another process,
until the API server has told of the last of the replicas. Bare are the same PATCHes over aiohttp alone, as many at once as
the write scheduler has out. Both are watched in the same way, and take turns, so that they meet the same machine.
"""

import asyncio
import contextlib
import ssl
import statistics
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from pathlib import Path

import aiohttp
import orjson

from autoscaler.core.fleet import FunctionKey
from autoscaler.daemon.writes import MOST_OUT
from benchmarks.deployments import create
from benchmarks.dummy_prometheus import dummy_prometheus
from benchmarks.fleets import names
from benchmarks.report import Figure, at_most
from benchmarks.wake_latency import FEW, TOKEN, Waking
from tests.servers.controlplane import ADMIN_TOKEN, ControlPlane

WOKEN, ROUNDS = 1_000, 3
BOUND = 1.3
TICKS = 3
_MANIFESTS = Path(__file__).resolve().parents[1] / "manifests"
_RIGHTS = ("base/rbac.yaml", "components/cluster-rights/rbac.yaml")
_DEPLOYMENTS = "/apis/apps/v1/deployments"


def measure() -> Sequence[Figure]:
    """Wake 1,000 functions at once, again and again, and write the same ones bare."""
    keys = names(FEW + (ROUNDS + 1) * WOKEN)
    with tempfile.TemporaryDirectory() as name, dummy_prometheus(FEW) as prometheus_url:
        folder = Path(name)
        plane = ControlPlane(folder)
        try:
            plane.start()
            for path in _RIGHTS:
                plane.apply((_MANIFESTS / path).read_text())
            asyncio.run(create(plane, keys, 0))
            # The last thousand are of no tenant, so that nobody but the bare client writes them.
            daemon = Waking(folder, plane.kubeconfig, prometheus_url, len(keys) - WOKEN, FEW)
            with daemon.running():
                daemon.wait_ticks(TICKS)
                return asyncio.run(_measure(plane, daemon, keys[FEW:]))
        finally:
            plane.stop()


async def _measure(plane: ControlPlane, daemon: Waking, keys: Sequence[FunctionKey]) -> Sequence[Figure]:
    bare_keys, ours, bare = keys[-WOKEN:], [], []
    async with _session(plane) as admin:
        for number in range(ROUNDS):
            woken = keys[number * WOKEN : (number + 1) * WOKEN]
            ours.append(await _until_written(admin, lambda some=woken: _ask(daemon, some)))  # type: ignore[misc]
            bare.append(await _until_written(admin, lambda: _patch(plane, bare_keys, 0, 1)))
            await _patch(plane, bare_keys, 1, 0)
    ratios = [one / other for one, other in zip(ours, bare, strict=True)]
    return [
        at_most("wakes_1000_ratio", statistics.median(ratios), "ratio", BOUND),
        at_most("wakes_1000", statistics.median(ours) * 1_000, "ms", None),
        at_most("wakes_1000_bare", statistics.median(bare) * 1_000, "ms", None),
    ]


async def _until_written(admin: aiohttp.ClientSession, start: Callable[[], Awaitable[None]]) -> float:
    """Start something, and give the seconds until 1,000 functions were told to have a replica."""
    async with admin.get(_DEPLOYMENTS, params={"limit": "1"}) as answer:
        version = (await answer.json())["metadata"]["resourceVersion"]
    query = {"watch": "true", "resourceVersion": version}
    async with admin.get(_DEPLOYMENTS, params=query) as events:
        begun_s = time.perf_counter()
        working = asyncio.ensure_future(start())
        seen: set[tuple[str, str]] = set()
        async for line in events.content:
            found = orjson.loads(line)["object"]
            if found["spec"].get("replicas", 0) == 1:
                seen.add((found["metadata"]["namespace"], found["metadata"]["name"]))
            if len(seen) == WOKEN or (working.done() and working.exception()):
                break
        took_s = time.perf_counter() - begun_s
        await working
    return took_s


async def _ask(daemon: Waking, keys: Sequence[FunctionKey]) -> None:
    """Ask for all of these in one instant."""
    connector = aiohttp.TCPConnector(limit=0)
    async with aiohttp.ClientSession(
        daemon.url, headers={"Authorization": f"Bearer {TOKEN}"}, connector=connector
    ) as session:

        async def ask(key: FunctionKey) -> None:
            async with session.post(f"/v1/wake/{key.namespace}/{key.name}?hold=0") as answer:
                answer.raise_for_status()
                await answer.read()

        await asyncio.gather(*(ask(key) for key in keys))


async def _patch(plane: ControlPlane, keys: Sequence[FunctionKey], old: int, new: int) -> None:
    """Write all of these as the daemon does, as many at once."""
    tests = [{"op": "test", "path": "/spec/replicas", "value": old or None}]
    body = orjson.dumps([*tests, {"op": "add", "path": "/spec/replicas", "value": new}])
    headers = {"Content-Type": "application/json-patch+json"}
    ahead = iter(keys)
    async with _session(plane, MOST_OUT) as session:

        async def send() -> None:
            for key in ahead:
                path = f"/apis/apps/v1/namespaces/{key.namespace}/deployments/{key.name}/scale"
                async with session.patch(path, data=body, headers=headers) as answer:
                    answer.raise_for_status()
                    await answer.read()

        await asyncio.gather(*(send() for _ in range(MOST_OUT)))


@contextlib.asynccontextmanager
async def _session(plane: ControlPlane, at_once: int = 4) -> AsyncIterator[aiohttp.ClientSession]:
    """Give a session that may do everything, with so many connections and long lines."""
    trust = ssl.create_default_context(cafile=plane.certificate)
    connector = aiohttp.TCPConnector(ssl=trust, limit=at_once)
    headers = {"Authorization": f"Bearer {ADMIN_TOKEN}"}
    async with aiohttp.ClientSession(
        plane.url, headers=headers, connector=connector, read_bufsize=1 << 20, timeout=aiohttp.ClientTimeout(600)
    ) as session:
        yield session
        await connector.close()
