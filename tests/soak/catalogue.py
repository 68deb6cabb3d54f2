"""Every fault that a soak run may draw, as a context: it begins with the block and is over at its end."""

import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass

import numpy as np
import requests

from tests.cluster.faults.clocks import MovableClock
from tests.cluster.faults.documents import NAMESPACES, OPERATOR
from tests.cluster.faults.site import MOVING, OWN, STEADY, Site
from tests.servers import faultproxy
from tests.servers.faultproxy import PARTITION, SCALES, gone_as_event, gone_as_status, refused, slow
from tests.servers.process import wait_until

Struck = Callable[[Site, MovableClock, np.random.Generator], AbstractContextManager[object]]


@dataclass(frozen=True)
class Fault:
    """One kind of fault.

    Attributes:
        struck: does it for the length of a block.
        lasts_s: about how long, seconds; up to three times that.
        more_s: what of it remains when the block has ended, such as a Retry-After; seconds.
    """

    struck: Struck
    lasts_s: float = 4.0
    more_s: float = 0.0


@contextmanager
def api_killed(site: Site, _clock: MovableClock, _generator: np.random.Generator) -> Iterator[None]:
    """The API server is killed, and started at the end."""
    site.plane.stop_api()
    try:
        yield
    finally:
        site.plane.start_api()


@contextmanager
def etcd_paused(site: Site, _clock: MovableClock, _generator: np.random.Generator) -> Iterator[None]:
    """The API server's store stands still for 20 s at least."""
    site.plane.pause_etcd()
    start_s = time.monotonic()
    try:
        yield
        time.sleep(max(0.0, start_s + 20.0 - time.monotonic()))
    finally:
        site.plane.resume_etcd()


def struck_by(*faults: faultproxy.Fault, cuts: bool = False) -> Struck:
    """Make the proxy strike requests; with `cuts` the watches break first."""

    @contextmanager
    def strike(site: Site, _clock: MovableClock, _generator: np.random.Generator) -> Iterator[None]:
        with site.proxy.faults(*faults):
            if cuts:
                site.proxy.cut_watches()
            yield

    return strike


@contextmanager
def watches_cut(site: Site, _clock: MovableClock, _generator: np.random.Generator) -> Iterator[None]:
    """Watches break at the beginning and at the end."""
    site.proxy.cut_watches()
    yield
    site.proxy.cut_watches()


@contextmanager
def watches_stalled(site: Site, _clock: MovableClock, _generator: np.random.Generator) -> Iterator[None]:
    """Watches stay open and silent."""
    with site.proxy.stalled():
        yield


@contextmanager
def events_disordered(site: Site, _clock: MovableClock, _generator: np.random.Generator) -> Iterator[None]:
    """Events come twice and in any order."""
    with site.proxy.disordered(0.5):
        site.proxy.cut_watches()
        yield


@contextmanager
def partitioned(site: Site, _clock: MovableClock, _generator: np.random.Generator) -> Iterator[None]:
    """Nothing passes."""
    with ExitStack() as stack:
        stack.enter_context(site.proxy.stalled())
        stack.enter_context(site.proxy.faults(PARTITION))
        yield


@contextmanager
def token_withdrawn(site: Site, _clock: MovableClock, _generator: np.random.Generator) -> Iterator[None]:
    """The token is refused within ten seconds; another one comes at the end."""
    site.credentials.withdraw()
    try:
        yield
        site.proxy.cut_watches()
    finally:
        site.credentials.rotate()


@contextmanager
def killed_in_a_loop(site: Site, _clock: MovableClock, generator: np.random.Generator) -> Iterator[None]:
    """The daemon is killed and started, five times, in the middle of whatever it does."""
    for _ in range(5):
        site.daemon.kill()
        site.daemon.begin()
        time.sleep(float(generator.uniform(0.0, 3.0)))
    yield


@contextmanager
def recreated(site: Site, _clock: MovableClock, generator: np.random.Generator) -> Iterator[None]:
    """A Deployment is deleted and made anew under its name, before and after, with any number of replicas."""
    key = OWN["recreated"]
    for is_over in (False, True):
        site.plane.delete(*key)
        site.plane.deployment(*key, {"faas_function": key[1]}, int(generator.integers(0, 9)))
        if not is_over:
            yield


@contextmanager
def namespace_deleted(site: Site, _clock: MovableClock, _generator: np.random.Generator) -> Iterator[None]:
    """A tenant's namespace goes and comes back with its function."""
    key = (NAMESPACES["doomed"], "shop")
    site.plane.request("DELETE", f"/api/v1/namespaces/{key[0]}")
    yield
    wait_until(lambda: not site.has_namespace(key[0]), "the namespace to be gone", 60, 0.2)
    site.function(key, 1)
    site.load(key, 45.0)


@contextmanager
def webhooks_broken(site: Site, _clock: MovableClock, generator: np.random.Generator) -> Iterator[None]:
    """Bodies cut off, broken and of others come as fast as they are answered, beside connections that drip."""
    stopping = threading.Event()
    with ThreadPoolExecutor(1) as beside, ExitStack() as open_:
        sending = beside.submit(_send_broken, site, generator.spawn(1)[0], stopping)
        try:
            for number in range(50):
                one = open_.enter_context(socket.create_connection(_address(site)))
                one.sendall(b"POST /v1/alerts HTTP/1.1\r\nHost: x\r\nContent-Length: 100000\r\n"[: 20 + number])
            yield
        finally:
            stopping.set()
        sending.result(60)


def _address(site: Site) -> tuple[str, int]:
    host, _, port = site.daemon.url.removeprefix("http://").rpartition(":")
    return host, int(port)


def _send_broken(site: Site, generator: np.random.Generator, stopping: threading.Event) -> None:
    headers = {"Authorization": f"Bearer {OPERATOR}", "Content-Type": "application/json"}
    with requests.Session() as session:
        while not stopping.is_set():
            body = bytearray(_FOREIGN)
            for _ in range(int(generator.integers(0, 4))):
                body[int(generator.integers(len(body)))] = int(generator.integers(256))
            cut = bytes(body[: int(generator.integers(len(body) // 2, len(body) + 1))])
            answer = session.post(f"{site.daemon.url}/v1/alerts", data=cut, headers=headers, timeout=30)
            if answer.status_code not in (200, 400, 503):
                raise AssertionError(f"{answer.status_code} for {cut!r}: {answer.text}")


@contextmanager
def woken(site: Site, _clock: MovableClock, generator: np.random.Generator) -> Iterator[None]:
    """Requests for functions, running ones and one that sleeps, without end; many hang up. At the end none is held."""
    stopping, callers = threading.Event(), generator.spawn(4)
    with ThreadPoolExecutor(len(callers)) as pool:
        asking = [pool.submit(_ask_for_functions, site, one, stopping) for one in callers]
        try:
            yield
        finally:
            stopping.set()
        for one in asking:
            one.result(60)
    wait_until(lambda: _metric(site, "autoscaler_wakes_held") == 0, "every place of who hung up to be free", 10)


def _ask_for_functions(site: Site, generator: np.random.Generator, stopping: threading.Event) -> None:
    keys, headers = (STEADY, MOVING, OWN["hidden"]), {"Authorization": f"Bearer {OPERATOR}"}
    while not stopping.is_set():
        namespace, name = keys[int(generator.integers(len(keys)))]
        url = f"{site.daemon.url}/v1/wake/{namespace}/{name}?hold=5s"
        try:
            answer = requests.post(url, headers=headers, timeout=float(generator.choice([0.02, 0.3, 8.0])))
        except requests.RequestException:
            continue  # who asked has hung up
        if answer.status_code not in (200, 429, 503):
            raise AssertionError(f"{answer.status_code} for a wake of {namespace}/{name}: {answer.text}")


def _metric(site: Site, name: str) -> float:
    text = requests.get(f"{site.daemon.metrics_url}/metrics", timeout=10).text
    return float(next(line.split()[-1] for line in text.splitlines() if line.startswith(f"{name} ")))


_FOREIGN = json.dumps(
    {
        "version": "4",
        "alerts": [
            {
                "status": status,
                "labels": {"alertname": "Busy", "namespace": namespace, "function": "steady"},
                "startsAt": "2026-01-01T00:00:00Z",
                "fingerprint": "00c0ffee00c0ffee",
            }
            for namespace in (*NAMESPACES.values(), "elsewhere")
            for status in ("firing", "resolved")
        ],
    }
).encode()
"""Alerts that no policy has a rule for, or of a namespace that nobody has."""


def clock_moved(offset_s: int) -> Struck:
    """Move the daemon's wall clock by so much."""

    @contextmanager
    def move(_site: Site, clock: MovableClock, _generator: np.random.Generator) -> Iterator[None]:
        clock.move(offset_s)
        try:
            yield
        finally:
            clock.move(0)

    return move


CATALOGUE = {
    "API server killed": Fault(api_killed),
    "etcd paused for 20 s": Fault(etcd_paused),
    "watches cut": Fault(watches_cut, 2.0),
    "watches stalled": Fault(watches_stalled),
    "watches gone (410 status)": Fault(struck_by(gone_as_status(), cuts=True)),
    "watches gone (410 event)": Fault(struck_by(gone_as_event(), cuts=True)),
    "events twice and disordered": Fault(events_disordered),
    "429 with Retry-After 2": Fault(struck_by(refused(429, 2)), more_s=3.0),
    "500 for 5 %": Fault(struck_by(refused(500, share=0.05), cuts=True)),
    "PATCH applied, answered too late": Fault(struck_by(faultproxy.Fault("PATCH", SCALES, answer_hold_s=4.0)), 6.0),
    "PATCH applied, connection cut": Fault(struck_by(faultproxy.Fault("PATCH", SCALES, is_cut=True)), 6.0),
    "latency 2 s": Fault(struck_by(slow(2.0)), 6.0, more_s=2.0),
    "partition": Fault(partitioned),
    "token withdrawn, then rotated": Fault(token_withdrawn, 5.0),
    "kill -9, five times": Fault(killed_in_a_loop, 0.5),
    "Deployment recreated": Fault(recreated, 2.0),
    "namespace deleted": Fault(namespace_deleted, 2.0),
    "webhooks broken, cut and dripping": Fault(webhooks_broken),
    "requests that wake and hang up": Fault(woken),
    "clock an hour fast": Fault(clock_moved(3600)),
    "clock an hour slow": Fault(clock_moved(-3600)),
}
"""What may be drawn, by name."""
