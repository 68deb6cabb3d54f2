"""Real scrapes of a tenant's exporter that lies about another tenant's functions: what counts, and what does not."""

import asyncio
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from autoscaler.adapters.clock import SystemClock
from autoscaler.adapters.prometheus import PrometheusLoads
from autoscaler.core.lanes import MetricKind
from autoscaler.policy.plan import Plan
from autoscaler.policy.promql import confined
from autoscaler.policy.source_settings import SourceSettings
from tests.integration.isolation.forging import ENFORCED, HONORED, PER_S, PLAIN, Forger, jobs
from tests.integration.prometheus.loading import One, loads, row, running, source
from tests.integration.prometheus.plans import Lane, own, plan_of, told, with_lanes
from tests.servers.exporter import Exporter
from tests.servers.page import ServedPage
from tests.servers.process import PATIENCE
from tests.servers.prometheus import Prometheus, prometheus

pytestmark = pytest.mark.server

PLAN = plan_of({"a": ["a-fn/busy"], "b": ["b-fn/busy", "b-fn/idle", "b-fn/unheard"]})
RATE = 10.0
RANGES_S = 6.0  # a range of the sources below, and what is looked at before it


def gateway(tenant: str) -> dict[str, object]:
    return {
        "profile": "openfaas",
        "match": {"namespace": f"{tenant}-gateway", "job": "gateway"},
        "defaultNamespace": f"{tenant}-fn",
        "tenants": [tenant],
    }


@contextmanager
def scraped(folder: Path, how: str) -> Iterator[tuple[SourceSettings, Forger]]:
    """Run two tenants' gateways, of which the first can lie, and one Prometheus that scrapes both."""
    with Forger() as liar, Exporter() as honest:
        honest.load("busy", RATE / 2)
        honest.load("busy.b-fn", RATE / 2)
        for name in ("busy.b-fn", "idle.b-fn"):
            honest.know(name)
        text = jobs(
            ("gateway", liar.address, {"namespace": "a-gateway"}, how),
            ("gateway", honest.address, {"namespace": "b-gateway"}, PLAIN),
        )
        with prometheus(folder, {}, config=text) as server:
            yield source(server.url, gateway("a"), gateway("b"), scrapeInterval="1s", timeout="5s"), liar


class Watch:
    """Reads again and again, and keeps what was seen of B."""

    def __init__(self, made: PrometheusLoads, plan: Plan = PLAN) -> None:
        self.made = made
        self.plan = plan
        self.seen: list[dict[str, One]] = []

    async def once(self) -> dict[str, One]:
        load = await self.made.read(self.plan, SystemClock().now())
        found = {str(key): row(load, self.plan, str(key)) for key in self.plan.fleet.keys}
        self.seen.append(found)
        return found

    async def until(self, holds: Callable[[dict[str, One]], bool], what: str) -> None:
        end = time.monotonic() + 40.0 * PATIENCE
        while not holds(await self.once()):
            assert time.monotonic() < end, f"never: {what}; last {self.seen[-1]}"
            await asyncio.sleep(0.25)

    async def lasting(self, seconds: float) -> None:
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            await self.once()
            await asyncio.sleep(0.25)


def is_whole(found: dict[str, One]) -> bool:
    """Tell whether B's loads are told as they are: one busy, one proven idle, one unknown."""
    busy, idle, unheard = (found[f"b-fn/{name}"] for name in ("busy", "idle", "unheard"))
    is_busy = busy.is_covered and busy.rps == pytest.approx(RATE, rel=0.35)
    return is_busy and idle == One(0.0, 0.0, 0.0, True, True) and unheard.is_unknown


def is_untouched(found: dict[str, One]) -> bool:
    """Tell whether nothing forged is in B's loads: neither a raise, nor proof of a zero that is none."""
    busy, idle, unheard = (found[f"b-fn/{name}"] for name in ("busy", "idle", "unheard"))
    is_low = all(one is None or one < 3 * RATE for one in (busy.rps, busy.concurrency, busy.in_flight))
    return is_low and not busy.is_idle and idle.rps in (0.0, None) and unheard.is_unknown and not unheard.is_idle


@pytest.mark.parametrize("how", [PLAIN, ENFORCED], ids=["honor_labels false", "honor_labels true, label enforced"])
async def test_a_gateway_that_lies_changes_nothing_of_another_tenant(tmp_path: Path, how: str) -> None:
    """However A's page names B's functions, gateway, targets and scrapes, B is read as before, zero proven as before.

    Both gateways have a function that is called `busy`, without a dot: it stays two functions.
    """
    with scraped(tmp_path, how) as (settings, liar):
        liar.load("busy", 3.0)
        async with loads(main=settings) as made:
            watch = Watch(made)
            await watch.until(lambda found: found["a-fn/busy"].rps == pytest.approx(3.0, rel=0.4), "A is read")
            await watch.until(is_whole, "B is read")
            liar.lies = True
            watch.seen.clear()
            await watch.until(lambda found: (found["a-fn/busy"].rps or 0.0) > PER_S / 2, "A's lies are scraped")
            await watch.lasting(RANGES_S)
            await watch.until(is_whole, "B is read as before")
    assert [found for found in watch.seen if not is_untouched(found)] == []


async def test_honored_labels_without_more_let_a_page_speak_for_others(tmp_path: Path) -> None:
    """With honor_labels alone a page names its own labels, and nothing that we could ask tells it from B's: never do it."""
    with scraped(tmp_path, HONORED) as (settings, liar):
        async with loads(main=settings) as made:
            watch = Watch(made)
            await watch.until(is_whole, "B is read")
            liar.lies = True
            await watch.until(lambda found: not is_untouched(found), "A's lies count for B")


LANES = with_lanes(
    PLAN,
    Lane("b-fn/busy", MetricKind.CPU),
    Lane("b-fn/busy", MetricKind.QUEUE),
    own("b-fn/busy", confined("sum(waiting_orders)", ["b-fn"])),
)
MATCHED = {"cpu": {"match": {"job": "kubelet"}}, "queue": {"match": {"job": "queue-worker"}}}
TRUE = [0.5, 7.0, 3.0]


def kubelet() -> str:
    """Give the page of B's node: half a core."""
    labels = 'namespace="b-fn",pod="busy-ghjk2-ghjkl",container="main"'
    return f"container_cpu_usage_seconds_total{{{labels}}} {time.monotonic() / 2:.3f}\n"


@contextmanager
def cores_and_queues(folder: Path, labels: dict[str, str]) -> Iterator[tuple[Prometheus, Forger]]:
    """Run a node, a queue worker and B's own exporter beside A's, whose target has these labels."""
    queue = 'queue_worker_pending_messages{function_name="busy.b-fn",queue_name="main"} 7\n'
    with (
        Forger() as liar,
        ServedPage(kubelet) as node,
        ServedPage(lambda: queue) as worker,
        ServedPage(lambda: "waiting_orders 3\n") as orders,
    ):
        text = jobs(
            ("gateway", liar.address, labels, PLAIN),
            ("kubelet", node.address, {}, HONORED),
            ("queue-worker", worker.address, {}, PLAIN),
            ("orders", orders.address, {"namespace": "b-fn"}, PLAIN),
        )
        with prometheus(folder, {}, config=text) as server:
            yield server, liar


async def others_of_b(server: Prometheus, liar: Forger, more: dict[str, object]) -> list[list[float | None]]:
    """Give cores, queue and own query of B's function once they are all there, then while A lies, for a while."""
    settings = source(server.url, gateway("b"), scrapeInterval="1s", timeout="5s", **more)
    seen: list[list[float | None]] = []
    async with loads(main=settings, replicas_of=running(busy=1)) as made:

        async def read() -> list[float | None]:
            load = await made.read(LANES, SystemClock().now())
            seen.append(told(load, LANES, "b-fn/busy"))
            await asyncio.sleep(0.25)
            return seen[-1]

        end = time.monotonic() + 40.0 * PATIENCE
        while await read() != pytest.approx(TRUE, rel=0.2):
            assert time.monotonic() < end, f"B's metrics are not read: {seen[-1]}, {made.health()}"
        liar.lies = True
        seen.clear()
        end = time.monotonic() + RANGES_S
        while time.monotonic() < end:
            await read()
    return seen


def is_true(values: list[float | None]) -> list[bool]:
    """Tell of each value whether it is B's own, or unknown."""
    return [one is None or one == pytest.approx(true, rel=0.3) for one, true in zip(values, TRUE, strict=True)]


async def test_further_metrics_count_from_where_they_are_matched(tmp_path: Path) -> None:
    """With `cpu.match` and `queue.match`, and a target label `namespace`, A's page has no say in any metric of B."""
    with cores_and_queues(tmp_path, {"namespace": "a-gateway"}) as (server, liar):
        seen = await others_of_b(server, liar, MATCHED)
    assert [values for values in seen if not all(is_true(values))] == []
    assert any(None not in values for values in seen)


async def test_further_metrics_without_a_match_are_anybodys(tmp_path: Path) -> None:
    """A target without a label `namespace`, and no match: then A's page counts for B, so both belong in every set-up."""
    with cores_and_queues(tmp_path, {}) as (server, liar):
        seen = await others_of_b(server, liar, {})
    assert is_true(seen[-1]) == [False, False, False]
