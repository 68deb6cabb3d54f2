"""`python -m benchmarks.metrics`: a scrape of 100,000 functions, whole, against prometheus-client with the same gauges.

The daemon's own `/metrics` serves the decisions of a real controller over the mixed fleet of `benchmarks.decisions`, in a
process of its own; the client is another one that reads and drops the answer. Memory is what that process holds at the
most while it is scraped, above what it held before the first scrape. The stall is the longest that the event loop's
thread computed between two wakes of a ticker, in all scrapes. Half of the scrapes are done while the controller ticks in
its thread without a pause, as no daemon does. prometheus-client keeps one gauge for each of our families, with the same
labels, and writes the same samples, likewise in a process of its own; that its gauges must be set, too, is left out.
"""

import asyncio
import contextlib
import ctypes
import gc
import multiprocessing
import os
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, NamedTuple

import requests
from prometheus_client import CollectorRegistry, Gauge
from prometheus_client.exposition import start_http_server

from autoscaler.core.decisions import Decisions
from autoscaler.core.journal.step import Step
from autoscaler.daemon.ledger import Ledger
from autoscaler.policy.plan import Plan
from autoscaler.policy.provenance import NOWHERE
from autoscaler.ports import Health, Replicas
from autoscaler.server.app import build_metrics
from autoscaler.server.registry.functions import FUNCTIONS as FAMILIES
from autoscaler.server.registry.functions import LABELS
from autoscaler.server.run import serve
from benchmarks.memory import memory_mib, peak_mib
from benchmarks.mixed import moment, running
from benchmarks.report import Figure, at_most, main
from benchmarks.stall import Stall, longest_stall
from tests.servers.process import free_port

FUNCTIONS = 100_000
SCRAPES = 5
BOUND_S = 1.0
BOUND_MIB = 20.0
BOUND_MS = 10.0
_SETTLING = 10


class Scrapes(NamedTuple):
    """What scrapes of one server came to.

    Attributes:
        took_s: each, first byte asked for to last byte read; the best is given, for others work here too.
        processor_s: what the server computed for one, on the mean.
        mib: what the server held at the most, above what it held before the first.
        body_mib: of one answer on the wire.
    """

    took_s: list[float]
    processor_s: float
    mib: float
    body_mib: float


class Standing:
    """The daemon as `/metrics` asks it: decisions that stand still, or go on in a thread."""

    def __init__(self, count: int) -> None:
        self._controller, self._world, self._decisions, self._rng = running(count, _SETTLING)
        self._ticks = _SETTLING
        self.meter = Ledger()
        self._plan = Plan(self._world.fleet, (), {})
        self._goes_on = threading.Event()
        self.tick()

    def tick(self) -> None:
        """Decide once more."""
        observation = self._world.observation(self._rng, self._world.requested)
        load = replace(
            observation.load, concurrency=observation.load.rps / 10.0
        )  # so that every family has its samples
        observation, now = replace(observation, load=load), moment(self._ticks)
        self._decisions = self._controller.step(now, observation, ())
        self.meter.take_step(Step(now, observation, (), self._decisions), NOWHERE)
        self._ticks += 1

    def go_on(self) -> None:
        """Tick in a thread until `rest`."""
        self._goes_on.set()
        threading.Thread(target=self._tick_on, daemon=True).start()

    def rest(self) -> None:
        """Tick no more."""
        self._goes_on.clear()

    def _tick_on(self) -> None:
        while self._goes_on.is_set():
            self.tick()

    def plan(self) -> Plan:
        """Give a plan without tenants' documents."""
        return self._plan

    def latest(self) -> Decisions:
        """Give the last tick."""
        return self._decisions.whole()

    def replicas(self) -> Replicas:
        """Give replicas as they stand."""
        return Replicas(self._world.requested, self._world.requested)

    def health(self) -> Health:
        """Give the state of a daemon that is well."""
        return Health(True, self._ticks, 0, 1.0, 1.0, False, (), (), {}, (), ())


def measure() -> Sequence[Figure]:
    """Scrape both."""
    plain, ticking, packed, stall = _ours()
    theirs = _theirs()
    return [
        at_most("scrape_100k", min(plain.took_s), "s", BOUND_S),
        at_most("scrape_100k_gzip", min(packed.took_s), "s", BOUND_S),
        at_most("scrape_100k_ticking", min(ticking.took_s), "s", None),
        at_most("processor_100k", plain.processor_s, "s", None),
        at_most("processor_100k_gzip", packed.processor_s, "s", None),
        at_most("memory_100k", max(plain.mib, packed.mib), "MiB", BOUND_MIB),
        at_most("stall_100k", stall.busy_ms, "ms", BOUND_MS),
        at_most("late_100k", stall.late_ms, "ms", None),
        at_most("body_100k", plain.body_mib, "MiB", None),
        at_most("body_100k_gzip", packed.body_mib, "MiB", None),
        at_most("prometheus_client", min(theirs.took_s), "s", None),
        at_most("prometheus_client_memory", theirs.mib, "MiB", None),
        at_most("of_prometheus_client", min(plain.took_s) / min(theirs.took_s), "ratio", None),
    ]


def _ours() -> tuple[Scrapes, Scrapes, Scrapes, Stall]:
    with _started(_serve_ours) as (pid, port, connection):
        plain = _scraped(pid, port, "identity")
        packed = _scraped(pid, port, "gzip")
        connection.send("tick")
        ticking = _scraped(pid, port, "identity")
        connection.send("stop")
        stall = connection.recv()
    return plain, ticking, packed, stall


def _theirs() -> Scrapes:
    with _started(_serve_theirs) as (pid, port, connection):
        before = connection.recv()
        scrapes = _scraped(pid, port, "identity")
        return scrapes._replace(mib=peak_mib(pid) - before)


def _scraped(pid: int, port: int, encoding: str) -> Scrapes:
    Path(f"/proc/{pid}/clear_refs").write_text("5")  # what it holds at the most is counted from here
    before, took_s, size = memory_mib(pid, "Rss"), list[float](), 0
    computed_s = _processor_s(pid)
    with requests.Session() as session:
        session.trust_env = False
        for _ in range(SCRAPES):
            begun = time.perf_counter()
            url, headers = f"http://127.0.0.1:{port}/metrics", {"Accept-Encoding": encoding}
            with session.get(url, headers=headers, stream=True, timeout=60) as answer:
                answer.raise_for_status()
                size = sum(len(piece) for piece in answer.raw.stream(1 << 20, decode_content=False))
            took_s.append(time.perf_counter() - begun)
    return Scrapes(took_s, (_processor_s(pid) - computed_s) / SCRAPES, peak_mib(pid) - before, size / 2**20)


def _processor_s(pid: int) -> float:
    """Give what all threads of a process have computed, seconds."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@contextlib.contextmanager
def _started(serving: Callable[[Connection], None]) -> Iterator[tuple[int, int, Any]]:
    """Serve in a process of its own for the length of a `with` block; gives its id, its port, and its ear."""
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=serving, args=(theirs,), daemon=True)
    process.start()
    assert process.pid is not None
    try:
        yield process.pid, ours.recv(), ours
    finally:
        process.kill()
        process.join()


def _serve_ours(connection: Connection) -> None:
    asyncio.run(_listen(connection))


async def _listen(connection: Connection) -> None:
    service = Standing(FUNCTIONS)
    gc.collect()
    gc.freeze()  # as the daemon does with a plan of this size
    ctypes.CDLL(None).malloc_trim(0)  # what setting up left free would hide what a scrape takes

    async def obey() -> None:
        while await asyncio.to_thread(connection.recv) == "tick":
            service.go_on()
        service.rest()

    async with serve(build_metrics(service, meter=service.meter), "127.0.0.1:0") as at:
        connection.send(at.port)
        connection.send(await longest_stall(obey()))
        await asyncio.Event().wait()


def _serve_theirs(connection: Connection) -> None:
    registry, decisions = CollectorRegistry(), Standing(FUNCTIONS).latest()
    before = memory_mib(os.getpid(), "Rss")
    fleet, columns = decisions.fleet, [decisions.rps, decisions.desired]
    for place, family in enumerate(FAMILIES.metrics):
        gauge = Gauge(family.name.removesuffix("_total"), family.meaning, LABELS, registry=registry)
        for row, value in enumerate(columns[place % 2].tolist()):
            namespace, name = fleet.keys[row]
            gauge.labels(fleet.tenants[fleet.tenant[row]], namespace, name).set(value)
    port = free_port()
    start_http_server(port, "127.0.0.1", registry)
    connection.send(port)
    connection.send(before)
    threading.Event().wait()


if __name__ == "__main__":
    sys.exit(main(measure, __doc__ or ""))
