"""From a wake request to its PATCH on the wire, 50 wakes/s, while 100,000 functions are decided on.

`autoscaler run` as its users run it, ticks of 2 s over 100,000 functions with the load and the replicas that they need, and
others at zero that are woken; after ten ticks, since in the first ones each function is new. A time runs from before
the request is sent, by a client in another process, until the PATCH arrives at an API server in a third: both their
HTTP is in it. With nothing else to do the machine bears 50 wakes/s far more easily: the same daemon with 100 functions
is shown beside it.
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
from benchmarks.fleets import NAMESPACE_SIZE, names
from benchmarks.program import Program
from benchmarks.report import Figure, at_most
from tests.servers.process import free_port
from tests.unit.daemon.rig import sha256

FUNCTIONS, FEW = 100_000, 100
WAKES, PER_SECOND = 1_500, 50.0
BOUND_MS = 10.0
SETTLED = 10
"""Ticks after which the daemon has taken note of every function once, which the first ones do."""
TOKEN = "operator"
_AT_ZERO = 10  # of the dummy's functions every tenth runs


class Waking(Program):
    """The daemon whose last functions may be written; no series says anything of them, so that only wakes do.

    Attributes:
        url: of its API.
    """

    def __init__(self, folder: Path, kubeconfig: Path, prometheus_url: str, count: int, loaded: int) -> None:
        self.url = f"http://127.0.0.1:{free_port()}"
        self._loaded = loaded
        super().__init__(folder, kubeconfig, prometheus_url, count)

    def _settings(self, folder: Path, kubeconfig: Path, prometheus_url: str, policies: Path) -> Path:
        for path in sorted(policies.iterdir())[: self._loaded // NAMESPACE_SIZE]:
            path.write_text(path.read_text().replace("source: main}", "source: main, dryRun: true}"))
        path = super()._settings(folder, kubeconfig, prometheus_url, policies)
        changes = {
            "tick": "2s",
            "dryRun": False,
            "listen": self.url.removeprefix("http://"),
            "operators": [{"tokenSHA256": sha256(TOKEN)}],
        }
        path.write_text(json.dumps(json.loads(path.read_text()) | changes))
        return path


def measure() -> Sequence[Figure]:
    """Wake 1,500 functions over half a minute beside 100,000 others, and beside a hundred."""
    many, few = latencies_ms(FUNCTIONS), latencies_ms(FEW)
    return [
        at_most("wake_to_patch_p99_100k", float(np.percentile(many, 99)), "ms", BOUND_MS),
        at_most("wake_to_patch_p50_100k", float(np.percentile(many, 50)), "ms", None),
        at_most("wake_to_patch_p99_100", float(np.percentile(few, 99)), "ms", None),
        at_most("wake_to_patch_p50_100", float(np.percentile(few, 50)), "ms", None),
    ]


def latencies_ms(loaded: int) -> list[float]:
    """Give the milliseconds of every wake, beside so many functions with load."""
    keys = names(loaded + 2 * WAKES)
    woken = [key for place, key in enumerate(keys) if place >= loaded and place % _AT_ZERO][:WAKES]
    with (
        tempfile.TemporaryDirectory() as name,
        dummy_prometheus(loaded) as prometheus_url,
        dummy_kubernetes(len(keys), Path(name), loaded) as kubeconfig,
    ):
        daemon = Waking(Path(name), kubeconfig, prometheus_url, len(keys), loaded)
        with daemon.running():
            daemon.wait_ticks(SETTLED)
            api_url = json.loads(kubeconfig.read_text())["clusters"][0]["cluster"]["server"]
            return asyncio.run(_wake(daemon.url, api_url, woken))


async def _wake(url: str, api_url: str, keys: Sequence[FunctionKey]) -> list[float]:
    asked_s: dict[str, float] = {}

    async def ask(session: aiohttp.ClientSession, key: FunctionKey) -> None:
        asked_s[f"/apis/apps/v1/namespaces/{key.namespace}/deployments/{key.name}/scale"] = time.monotonic()
        async with session.post(f"{url}/v1/wake/{key.namespace}/{key.name}?hold=0") as answer:
            answer.raise_for_status()
            await answer.read()

    async with aiohttp.ClientSession(headers={"Authorization": f"Bearer {TOKEN}"}) as session:
        start = time.monotonic()
        asking = []
        for number, key in enumerate(keys):
            await asyncio.sleep(start + number / PER_SECOND - time.monotonic())
            asking.append(asyncio.ensure_future(ask(session, key)))
        await asyncio.gather(*asking)
        await asyncio.sleep(1.0)
        async with session.get(f"{api_url}/arrivals") as answer:
            arrived_s: dict[str, float] = await answer.json(content_type=None)
    return [(arrived_s[path] - at_s) * 1_000 for path, at_s in asked_s.items()]
