"""`python -m benchmarks.alerts`: alerts a second, and from a webhook to its answer and to its PATCH, beside 100,000 functions.

`autoscaler run` as its users run it, ticks of 2 s over 100,000 functions with the load and the replicas that they need,
every policy with an alert rule, and others whose alerts raise them to a floor; after ten ticks, since in the first ones each
function is new. A time runs from before the webhook is sent, by a client in another
process, until its answer, and until the PATCH arrives at an API server in a third. 50 webhooks/s, one alert each; writes
may be as many (the usual 20/s would be the queue that is measured). The same daemon with 100 functions is beside it. On a
machine that others use too, `chrt -r 5 python -m benchmarks.alerts` as root measures the daemon and not them.

Alerts a second: payloads of 1,000 that go on firing, as Alertmanager repeats them, one after the other over a kept
connection; a core's second is one in which the daemon's process computed a second. Beside it bare `orjson.loads` of the
same bodies.
"""

import asyncio
import json
import os
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import aiohttp
import numpy as np
import orjson

from autoscaler.core.fleet import FunctionKey
from benchmarks.dummy_kubernetes import dummy_kubernetes
from benchmarks.dummy_prometheus import dummy_prometheus
from benchmarks.fleets import names
from benchmarks.report import Figure, at_least, at_most, main
from benchmarks.wake_latency import Waking
from tests.servers.page import ServedPage

FUNCTIONS, FEW = 100_000, 100
WEBHOOKS, PER_SECOND = 1_500, 50.0
PAYLOADS, SIZE = 50, 1_000
SETTLED = 10
"""Ticks after which the daemon has taken note of every function once, which the first ones do."""
ANSWER_BOUND_MS, PATCH_BOUND_MS = 20.0, 50.0
_TOKEN = "operator"  # what Waking names
_RULE = "alerts: [{match: {alertname: Busy}, boost: {floor: 3}, expires: 5m}]"


class Alerted(Waking):
    """The daemon whose policies all have an alert rule, and which reads an Alertmanager back in which nothing fires."""

    def __init__(
        self, folder: Path, kubeconfig: Path, prometheus_url: str, alertmanager_url: str, count: int, loaded: int
    ) -> None:
        self._alertmanager_url = alertmanager_url
        super().__init__(folder, kubeconfig, prometheus_url, count, loaded)

    def _settings(self, folder: Path, kubeconfig: Path, prometheus_url: str, policies: Path) -> Path:
        for path in policies.iterdir():
            path.write_text(path.read_text().replace("target: 10}]}", f"target: 10}}], {_RULE}}}"))
        path = super()._settings(folder, kubeconfig, prometheus_url, policies)
        document = json.loads(path.read_text())
        document["alertmanagers"] = {"main": {"url": self._alertmanager_url}}
        document["kubernetes"]["writesPerSecond"] = 2 * PER_SECOND
        path.write_text(json.dumps(document))
        return path


class Times(NamedTuple):
    """Of each webhook, ms: until its answer, and until its PATCH is on the wire."""

    answered_ms: list[float]
    written_ms: list[float]


def measure() -> Sequence[Figure]:
    """Send small webhooks beside very many functions and beside few, and large ones beside few."""
    with _daemon(FUNCTIONS) as (daemon, _, api_url, keys):
        many = asyncio.run(_notify(daemon.url, api_url, keys))
    with _daemon(FEW) as (daemon, pid, api_url, keys):
        few = asyncio.run(_notify(daemon.url, api_url, keys))
        bodies = [_payload(keys[:SIZE]) for _ in range(PAYLOADS)]
        wall_s, busy_s = asyncio.run(_accept(daemon.url, pid, bodies))
    bare_s = _bare(bodies)
    accepted = SIZE * PAYLOADS
    return [
        at_most("webhook_answer_p99_100k", _p(many.answered_ms, 99), "ms", ANSWER_BOUND_MS),
        at_most("webhook_answer_p50_100k", _p(many.answered_ms, 50), "ms", None),
        at_most("webhook_to_patch_p99_100k", _p(many.written_ms, 99), "ms", PATCH_BOUND_MS),
        at_most("webhook_to_patch_p50_100k", _p(many.written_ms, 50), "ms", None),
        at_most("webhook_answer_p99_100", _p(few.answered_ms, 99), "ms", None),
        at_most("webhook_to_patch_p99_100", _p(few.written_ms, 99), "ms", None),
        at_least("alerts_per_core_second", accepted / busy_s, "/s", None),
        at_least("alerts_per_second", accepted / wall_s, "/s", None),
        at_least("bare_loads_per_second", accepted / bare_s, "/s", None),
        at_most("accepting_ratio", busy_s / bare_s, "ratio", None),
    ]


def _p(times_ms: Sequence[float], percent: float) -> float:
    return float(np.percentile(times_ms, percent))


@contextmanager
def _daemon(loaded: int) -> Any:
    """Run it over so many functions with load; gives it, its process, the API server and the functions to be raised."""
    keys = names(loaded + WEBHOOKS)
    with (
        tempfile.TemporaryDirectory() as name,
        dummy_prometheus(loaded) as prometheus_url,
        dummy_kubernetes(len(keys), Path(name), loaded) as kubeconfig,
        ServedPage(lambda: "[]") as alertmanager,
    ):
        daemon = Alerted(Path(name), kubeconfig, prometheus_url, f"http://{alertmanager.address}", len(keys), loaded)
        with daemon.running() as pid:
            daemon.wait_ticks(SETTLED)
            api_url = json.loads(kubeconfig.read_text())["clusters"][0]["cluster"]["server"]
            yield daemon, pid, api_url, keys[loaded:]


def _payload(keys: Sequence[FunctionKey]) -> bytes:
    """Give a webhook's body as Alertmanager writes it: an alert about each of these functions."""
    return json.dumps(
        {
            "version": "4",
            "status": "firing",
            "receiver": "autoscaler",
            "groupKey": '{}:{alertname="Busy"}',
            "truncatedAlerts": 0,
            "groupLabels": {"alertname": "Busy"},
            "commonLabels": {"alertname": "Busy", "severity": "scaling"},
            "commonAnnotations": {},
            "externalURL": "http://alertmanager.monitoring:9093",
            "alerts": [_alert(key) for key in keys],
        }
    ).encode()


def _alert(key: FunctionKey) -> dict[str, Any]:
    labels = {
        "alertname": "Busy",
        "namespace": key.namespace,
        "function": key.name,
        "severity": "scaling",
        "team": "acme",
    }
    return {
        "status": "firing",
        "labels": labels,
        "annotations": {"summary": "Requests wait too long", "runbook": "https://runbooks.example.org/Busy"},
        "startsAt": "2026-01-01T00:00:00.123456789Z",
        "endsAt": "0001-01-01T00:00:00Z",
        "generatorURL": "http://prometheus.monitoring:9090/graph?g0.expr=latency_seconds%7Bquantile%3D%220.9%22%7D+%3E+1",
        "fingerprint": f"{hash(key) & (1 << 64) - 1:016x}",
    }


async def _notify(url: str, api_url: str, keys: Sequence[FunctionKey]) -> Times:
    """Send a webhook for each function at a pace."""
    sent_s: dict[str, float] = {}
    answered_ms: list[float] = []

    async def send(session: aiohttp.ClientSession, key: FunctionKey) -> None:
        path = f"/apis/apps/v1/namespaces/{key.namespace}/deployments/{key.name}/scale"
        body = _payload([key])
        at_s = sent_s[path] = time.monotonic()
        await _post(session, url, body, 1)
        answered_ms.append((time.monotonic() - at_s) * 1_000)

    async with aiohttp.ClientSession(headers=_HEADERS) as session:
        start, sending = time.monotonic(), []
        for number, key in enumerate(keys):
            await asyncio.sleep(start + number / PER_SECOND - time.monotonic())
            sending.append(asyncio.ensure_future(send(session, key)))
        await asyncio.gather(*sending)
        await asyncio.sleep(3.0)
        async with session.get(f"{api_url}/arrivals") as answer:
            arrived_s: dict[str, float] = await answer.json(content_type=None)
    return Times(answered_ms, [(arrived_s[path] - at_s) * 1_000 for path, at_s in sent_s.items()])


async def _accept(url: str, pid: int, bodies: Sequence[bytes]) -> tuple[float, float]:
    """Send these one after the other; give seconds of the wall, and of the daemon's computing."""
    async with aiohttp.ClientSession(headers=_HEADERS) as session:
        await _post(session, url, bodies[0], SIZE)  # the first one of them raises, the others repeat
        await asyncio.sleep(3.0)
        wall_s, busy_s = time.perf_counter(), _busy_s(pid)
        for body in bodies:
            await _post(session, url, body, SIZE)
        return time.perf_counter() - wall_s, _busy_s(pid) - busy_s


_HEADERS = {"Authorization": f"Bearer {_TOKEN}", "Content-Type": "application/json"}


async def _post(session: aiohttp.ClientSession, url: str, body: bytes, count: int) -> None:
    async with session.post(f"{url}/v1/alerts", data=body) as answer:
        answer.raise_for_status()
        taken = orjson.loads(await answer.read())
    if taken != {"accepted": count, "dropped": {}}:
        raise RuntimeError(f"not everything was accepted: {taken}")


def _busy_s(pid: int) -> float:
    """Give how long a process has computed, seconds."""
    user, system = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[11:13]
    return (int(user) + int(system)) / os.sysconf("SC_CLK_TCK")


def _bare(bodies: Sequence[bytes]) -> float:
    start = time.process_time()
    for body in bodies:
        orjson.loads(body)
    return time.process_time() - start


if __name__ == "__main__":
    sys.exit(main(measure, __doc__ or ""))
