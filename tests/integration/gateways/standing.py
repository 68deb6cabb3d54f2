"""Three kinds of gateways, two replicas of each, scraped by each Prometheus, and read as the daemon reads them.

Every kind has namespaces of its own, two of one tenant (where a namespace is the beginning of another, and a function has
a dash) and one of a second tenant, so that one source holds them all.
"""

import asyncio
import io
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack, ExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

from autoscaler.adapters.clock import SystemClock
from autoscaler.adapters.prometheus import PrometheusLoads
from autoscaler.policy.profiles import SIGNAL_LABEL, profile_of
from autoscaler.policy.source_settings import SourceSettings
from tests.integration.gateways import pages
from tests.integration.prometheus.loading import One, loads, row
from tests.integration.prometheus.plans import plan_of
from tests.servers.caddy import caddy
from tests.servers.haproxy import haproxy
from tests.servers.nginx import nginx
from tests.servers.process import PATIENCE, wait_until
from tests.servers.prometheus import Prometheus, configured
from tests.servers.published import heartbeat_job, scrape_job
from tests.servers.upstream import Upstream, upstream

INTERVAL = "1s"
HEARTBEAT = "300ms"
RANGE_S = 4.0
REQUEST_TIMEOUT_S = 6.0
REPLICAS = 2
WRITTEN_S = 1.0
"""Seconds after which mtail has surely read a line: it looks four times a second."""

KINDS = {"haproxy": haproxy, "nginx": nginx, "caddy": caddy}
LOGS = ("nginx", "caddy")
NAMES = ("prod/resize", "prod/resize-v2", "prod-eu/resize", "globex/thumb-nail")
"""Functions of each kind, called by tests; `NEVER` is called by none."""

NEVER = "prod/never"


def functions(kind: str, *names: str) -> list[str]:
    """Give functions of a kind of gateway by their whole names, such as `haproxy-prod/resize`; default: `NAMES`."""
    return [f"{kind}-{name}" for name in names or NAMES]


PLAN = plan_of(
    {f"{kind}-acme": functions(kind, *NAMES[:3], NEVER) for kind in KINDS}
    | {f"{kind}-globex": functions(kind, NAMES[3]) for kind in KINDS}
)


@dataclass(frozen=True)
class Standing:
    """All that runs.

    Attributes:
        gateways: replicas by kind.
        upstreams: what stands behind each function, by its whole name.
        servers: each scrapes all of it.
    """

    gateways: Mapping[str, list[Any]]
    upstreams: Mapping[str, Upstream]
    servers: list[Prometheus]

    def urls(self, kind: str) -> list[str]:
        """Give where functions of a kind are called."""
        return [one.url for one in self.gateways[kind]]

    def ways(self, *names: str) -> list[tuple[str, str]]:
        """Give each replica's address with each function behind it, of those called so in every kind's namespaces."""
        return [(url, name) for kind in KINDS for url in self.urls(kind) for name in functions(kind, *names)]

    def received(self, kind: str) -> Counter[str]:
        """Give how many calls have reached each function of a kind."""
        return Counter({name: len(self.upstreams[name].received) for name in functions(kind)})

    def wait_for_scrapes(self) -> None:
        """Wait until all that was called before has been written, counted and scraped."""
        written_s = time.time() + WRITTEN_S
        for server in self.servers:
            wait_until(
                lambda one=server: (one.value("min(timestamp(up))") or 0.0) > written_s, "scrapes of every target"
            )

    def counts(self, kind: str, since_utc_s: float) -> list[Counter[str]]:
        """Give how many calls of each function the profile's own query counts since then, exactly, by each server."""
        return [self._count(server, kind, since_utc_s) for server in self.servers]

    def _count(self, server: Prometheus, kind: str, since_utc_s: float) -> Counter[str]:
        now_s = time.time()
        source = settings(server).model_copy(update={"range": max(now_s - since_utc_s, RANGE_S)})
        profile = profile_of(source.gateways[list(KINDS).index(kind)], source)
        (proof,) = (query.text for query in profile.queries if query.name == "proof")
        total: Counter[str] = Counter()
        for series in server.query(proof, now_s):
            if series["metric"].get(SIGNAL_LABEL) in ("moved", "born"):
                for key in profile.readings(series["metric"]) & PLAN.fleet.row_of.keys():
                    total[f"{key.namespace}/{key.name}"] += round(float(series["value"][1]))
        return +total


def settings(server: Prometheus) -> SourceSettings:
    """Give the settings of the pages, with this server, its short interval, and the tenants of each kind."""
    gateways = []
    for kind in KINDS:
        (gateway,) = pages.source(kind)["gateways"]
        tenants = [f"{kind}-acme", f"{kind}-globex"]
        gateways.append({**gateway, "tenants": tenants, "requestTimeout": f"{REQUEST_TIMEOUT_S}s"})
    return SourceSettings.model_validate({"url": server.url, "scrapeInterval": INTERVAL, "gateways": gateways})


@contextmanager
def standing(folder: Path, programs: Sequence[str]) -> Iterator[Standing]:
    """Run it all for the length of a `with` block.

    Args:
        folder: where configurations, logs and data go.
        programs: which Prometheus servers.
    """
    with ExitStack() as stack:
        names = [name for kind in KINDS for name in functions(kind, *NAMES, NEVER)]
        upstreams = {name: stack.enter_context(upstream()) for name in names}
        addresses = {name: one.address for name, one in upstreams.items()}
        gateways: dict[str, list[Any]] = {}
        for kind, run in KINDS.items():
            own = {name: address for name, address in addresses.items() if name.startswith(f"{kind}-")}
            gateways[kind] = [stack.enter_context(run(_made(folder / f"{kind}-{one}"), own)) for one in range(REPLICAS)]
        jobs = [scrape_job(kind, [one.target for one in gateways[kind]], INTERVAL) for kind in KINDS]
        jobs += [heartbeat_job(kind, [_host(one.url) for one in gateways[kind]], HEARTBEAT) for kind in LOGS]
        text = io.StringIO()
        YAML().dump({"scrape_configs": jobs}, text)
        servers = [stack.enter_context(configured(_made(folder / one), text.getvalue(), one)) for one in programs]
        yield Standing(gateways, upstreams, servers)


def _host(url: str) -> str:
    return url.removeprefix("http://")


def _made(folder: Path) -> Path:
    folder.mkdir()
    return folder


Row = Mapping[str, One]
"""What was read of every function at one moment, by its whole name."""


class Readers:
    """Read what stands as the daemon does, again and again, each from its own Prometheus."""

    def __init__(self, made: Sequence[PrometheusLoads]) -> None:
        self._made = made

    async def until(self, holds: Callable[[Row], bool], what: str) -> list[list[Row]]:
        """Read again and again until it held for each; gives all that each has read."""
        return await asyncio.gather(*(self._until(one, holds, what) for one in self._made))

    async def calm(self) -> None:
        """Wait until nothing is called any more, and all that was called before has left the range."""
        await self.until(
            lambda now: now[f"haproxy-{NEVER}"].is_covered and all(_is_calm(one) for one in now.values()), "calm"
        )

    async def _until(self, made: PrometheusLoads, holds: Callable[[Row], bool], what: str) -> list[Row]:
        seen: list[Row] = []
        end = time.monotonic() + 30 * PATIENCE
        while not seen or not holds(seen[-1]):
            if time.monotonic() > end:
                raise TimeoutError(f"{what}; last {seen[-1]}")
            await asyncio.sleep(0.1)
            load = await made.read(PLAN, SystemClock().now())
            names = [f"{key.namespace}/{key.name}" for key in PLAN.fleet.keys]
            seen.append({name: row(load, PLAN, name) for name in names})
        return seen


@asynccontextmanager
async def reading(stand: Standing) -> AsyncIterator[Readers]:
    """Read from every Prometheus for the length of an `async with` block."""
    async with AsyncExitStack() as stack:
        made = [loads(patience_s=5.0, workers=1, main=settings(server)) for server in stand.servers]
        yield Readers([await stack.enter_async_context(one) for one in made])


def _is_calm(one: One) -> bool:
    return one.is_unknown or (one.is_covered and one.rps == 0.0 and not one.in_flight)
