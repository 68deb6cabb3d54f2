"""From a call to a function at zero until it is answered, through each gateway's off-path form, on real parts.

A real control plane with its controllers, the real kube-proxy, pods that are processes with a start-up time of their own,
two daemons, and the gateways with the shipped configurations, all in a network namespace. Beside each call another function
is started bare: its scale is written, and its Service is tried every 10 ms until it answers: that is the pod's own start-up
and the control plane's own time. Both take turns; every function is used once.
"""

import asyncio
import contextlib
import json
import ssl
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import aiohttp
import numpy as np

from benchmarks.report import Figure, at_most, emit
from tests.cluster.wake.documents import GATEWAY_TOKEN, NAMESPACE
from tests.cluster.wake.gateways import GATEWAYS, Waking
from tests.cluster.wake.site import Site, site
from tests.servers import netns
from tests.servers.controlplane import ADMIN_TOKEN, ControlPlane
from tests.servers.process import wait_until
from tests.servers.wake_forms import Wiring
from tests.soak.faults import cluster

TURNS = 12
"""Calls through each gateway."""
START_UP_S = 0.3
OVER_MS = 60.0
APART_S = 1.3
"""Between two starts: kube-proxy writes its rules at once after a quiet second, and else when that is over."""
_SLEEP, _STAY_AWAKE = "zero: {after: 2s}", "zero: {after: 1h}"
SETTLED_S = 5.0
"""What kube-proxy takes for the rules of all Services that were just made; the first start would wait for them."""
TRIED_EVERY_S = 0.01
PATIENCE_S = 30.0


def measure() -> list[Figure]:
    """Measure in a network namespace; outside of one, in a process that is."""
    if netns.is_inside():
        return _measure()
    command = [sys.executable, "-m", "tests.servers.netns", sys.executable, "-m", "benchmarks.wake_cold"]
    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()[-1]
    return [Figure(name, **rest) for name, rest in json.loads(said).items()]


def _measure() -> list[Figure]:
    forms = [one for one in GATEWAYS if not one.form.is_on_path]
    with tempfile.TemporaryDirectory() as name, contextlib.ExitStack() as stack:
        folder = Path(name)
        for part in ("plane", "site", *(one.name for one in forms)):
            (folder / part).mkdir()
        plane = stack.enter_context(cluster(folder / "plane"))
        made = stack.enter_context(site(plane, folder / "site", ("@function",)))
        policies = folder / "site" / "policies" / "waking.yaml"
        policies.write_text(policies.read_text().replace(_SLEEP, _STAY_AWAKE))  # what goes to sleep changes rules too
        for one in forms:
            for turn in range(TURNS):
                made.function(f"{one.name}-{turn}", START_UP_S)
                made.function(f"bare-{one.name}-{turn}", START_UP_S)
        wait_until(lambda: made.known(list(made.addresses)), "the daemon to know all functions", 120, 0.1)
        urls = {one.name: stack.enter_context(_gateway(one, made, folder)).url for one in forms}
        called, bare = asyncio.run(_turns(plane, made, urls))
    return _figures(called, bare)


def _gateway(one: Waking, made: Site, folder: Path) -> contextlib.AbstractContextManager[object]:
    theirs = {f"{NAMESPACE}/{name}": at for name, at in made.addresses.items() if name.startswith(f"{one.name}-")}
    wiring = Wiring(folder / one.name, [daemon.address for daemon in made.daemons], GATEWAY_TOKEN, theirs)
    return one.run(one.form, wiring)


async def _turns(plane: ControlPlane, made: Site, urls: dict[str, str]) -> tuple[dict[str, list[float]], list[float]]:
    """Give ms of every call by gateway, and those of every bare start."""
    called: dict[str, list[float]] = {name: [] for name in urls}
    bare: list[float] = []
    trust = ssl.create_default_context(cafile=plane.certificate)
    headers = {"Authorization": f"Bearer {ADMIN_TOKEN}"}
    async with (
        aiohttp.ClientSession(plane.url, headers=headers, connector=aiohttp.TCPConnector(ssl=trust)) as admin,
        aiohttp.ClientSession(connector=aiohttp.TCPConnector(force_close=True)) as caller,
    ):
        await asyncio.sleep(SETTLED_S)
        for turn in range(TURNS):
            for name, url in urls.items():
                called[name].append(await _call(caller, f"{url}/function/{name}-{turn}.{NAMESPACE}/"))
                await asyncio.sleep(APART_S)
                bare.append(await _start(admin, caller, f"bare-{name}-{turn}", made))
                await asyncio.sleep(APART_S)
    return called, bare


async def _call(caller: aiohttp.ClientSession, url: str) -> float:
    begun_s = time.perf_counter()
    async with caller.get(url) as answer:
        answer.raise_for_status()
        await answer.read()
    return (time.perf_counter() - begun_s) * 1_000


async def _start(admin: aiohttp.ClientSession, caller: aiohttp.ClientSession, name: str, made: Site) -> float:
    """Write a function's scale, and try its Service until it answers; give the ms that it took."""
    path = f"/apis/apps/v1/namespaces/{NAMESPACE}/deployments/{name}/scale"
    headers = {"Content-Type": "application/merge-patch+json"}
    timeout = aiohttp.ClientTimeout(total=PATIENCE_S, sock_connect=0.1)
    begun_s = time.perf_counter()
    async with admin.patch(path, json={"spec": {"replicas": 1}}, headers=headers) as answer:
        answer.raise_for_status()
    while time.perf_counter() < begun_s + PATIENCE_S:
        with contextlib.suppress(aiohttp.ClientConnectorError, aiohttp.ServerTimeoutError):
            async with caller.get(f"http://{made.addresses[name]}/", timeout=timeout) as served:
                await served.read()
                if served.status == 200:
                    return (time.perf_counter() - begun_s) * 1_000
        await asyncio.sleep(TRIED_EVERY_S)
    raise TimeoutError(f"{name} does not answer within {PATIENCE_S:g} s of its start")


def _figures(called: dict[str, list[float]], bare: Sequence[float]) -> list[Figure]:
    everything = [took for each in called.values() for took in each]
    own_ms = float(np.percentile(bare, 99))
    return [
        at_most("zero_to_answered_p99", float(np.percentile(everything, 99)), "ms", own_ms + OVER_MS),
        at_most("zero_to_answered_p50", float(np.percentile(everything, 50)), "ms", None),
        at_most("bare_start_p99", own_ms, "ms", None),
        at_most("bare_start_p50", float(np.percentile(bare, 50)), "ms", None),
        *(
            at_most(f"zero_to_answered_p{percent}_{name}", float(np.percentile(took, percent)), "ms", None)
            for name, took in called.items()
            for percent in (50, 99)
        ),
    ]


if __name__ == "__main__":
    emit(measure(), as_json=True)
