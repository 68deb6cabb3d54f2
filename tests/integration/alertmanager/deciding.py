"""The real daemon behind its real listener, in this process, for a real Alertmanager to notify.

What it decides on is in memory: a cluster of functions whose load never changes and wants two replicas of each, so that
whatever changes is an alert's doing. It can be killed and started anew over the same cluster, at the same address.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import numpy as np

from autoscaler.adapters.alertmanager import read_cluster
from autoscaler.adapters.clock import ScaledClock
from autoscaler.core.controller import Controller
from autoscaler.core.fleet import FunctionKey
from autoscaler.daemon.loop import Daemon
from autoscaler.daemon.policies import Policies
from autoscaler.policy.loading import Given
from autoscaler.policy.settings import Settings
from autoscaler.server.app import build
from autoscaler.server.run import serve
from autoscaler.server.tally import TALLY, Tally
from autoscaler.server.tls import Certificates
from tests.servers.process import PATIENCE, free_port
from tests.unit.daemon.fakes import MemoryCluster, MemoryLoads
from tests.unit.daemon.rig import sha256

OPERATOR = "operator-token"
REPLICAS, BOOSTED = 2, 5
"""Of each function without any alert, and while `HighLatency` fires for it."""

RULES = """\
  alerts:
    - {match: {alertname: HighLatency}, boost: {add: 3}, expires: 5m}
    - {match: {alertname: Burst}, boost: {add: 1}, expires: 5m}
    - {match: {alertname: Campaign}, boost: {floor: 7}, expires: 5m}
    - {match: {alertname: Draining}, freeze: true, expires: 5m}
    - {match: {alertname: QueueGrows}, wake: true, expires: 5m}
"""


def token(tenant: str) -> str:
    """Give a tenant's credential."""
    return f"token-of-{tenant}"


def documents(*tenants: str, rules: str = RULES) -> dict[str, str]:
    """Give each of these tenants a namespace of its name, a credential, and one policy for all its functions."""
    return {f"{name}.yaml": _DOCUMENTS.format(name=name, hash=sha256(token(name)), rules=rules) for name in tenants}


_DOCUMENTS = """\
apiVersion: autoscaler.faas.dev/v1alpha1
kind: Tenant
metadata: {{name: {name}}}
spec:
  namespaces: [{name}]
  source: main
  callers: [{{tokenSHA256: {hash}}}]
  bounds: {{allowZero: true}}
---
apiVersion: autoscaler.faas.dev/v1alpha1
kind: ScalingPolicy
metadata: {{name: default, namespace: {name}}}
spec:
  functions: {{names: ["*"]}}
  metrics: [{{type: concurrency, target: 10, utilization: 1}}]
  windows: {{stable: 1s}}
  scaleDown: {{stabilization: 0s, maxRate: 1000}}
  zero: {{after: 1h}}
{rules}"""


class Site:
    """A daemon that can die and come back, and what outlives it.

    Attributes:
        port: of its listener, the same after every start.
        url: of its listener.
        cluster: the functions.
        loads: what is known of them.
        tally: counts of the present daemon's listener.
        daemon: the present daemon.
        operators: who speaks for every tenant.
        certificates: what the next start serves TLS with; None: plain HTTP.
        speed: seconds of the next daemon per second of the wall's.
    """

    def __init__(self, files: Mapping[str, str], functions: Sequence[str]) -> None:
        self._files = files
        self.operators: list[dict[str, str]] = [{"tokenSHA256": sha256(OPERATOR)}]
        self.certificates: Certificates | None = None
        self.speed = 1.0
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.cluster = MemoryCluster()
        self.loads = MemoryLoads(range_s=60.0)
        self.tally = Tally()
        self.daemon: Daemon
        self._stack = contextlib.AsyncExitStack()
        for function in functions:
            self.loads.concurrency[self.cluster.add(function, REPLICAS)] = 15.0

    async def start(self, *, cluster: str | None = None, **alertmanagers: str) -> None:
        """Start a daemon, and wait for its first tick.

        Args:
            cluster: whose members the Alertmanagers are; None: each is alone.
            alertmanagers: URL by name of those that it reads back.
        """
        settings = self._settings(
            {name: {"url": url, "timeout": "2s", "cluster": cluster} for name, url in alertmanagers.items()}
        )
        clock = ScaledClock(self.speed)
        executors = [self._stack.enter_context(ThreadPoolExecutor(1)) for _ in range(3)]
        policies = Policies(self._files, Given.by(settings), executors[2], None)
        self.daemon = Daemon(
            clock,
            self.cluster,
            self.loads,
            policies,
            settings,
            controller=Controller(None),
            generator=np.random.default_rng(1),
            step_in=executors[0],
            slow_in=executors[1],
            firing=[partial(read_cluster, members) for members in settings.alertmanager_clusters()],
        )
        app = build(self.daemon, clock, certificates=self.certificates)
        self.tally = app[TALLY]
        served = serve(app, f"127.0.0.1:{self.port}", shutdown_s=0.1, certificates=self.certificates)
        await self._stack.enter_async_context(served)
        await self._stack.enter_async_context(_deciding(self.daemon))
        await self.until(lambda: self.daemon.health().is_ready, "a first tick")

    async def end(self) -> None:
        """End the daemon: nothing that it knew is kept, and nobody listens."""
        await self._stack.aclose()

    async def until(self, condition: Callable[[], object], what: str, deadline_s: float = 30.0) -> None:
        """Wait until the condition holds while the daemon goes on."""
        try:
            async with asyncio.timeout(deadline_s * PATIENCE):
                while not condition():
                    await asyncio.sleep(0.02)
        except TimeoutError:
            raise TimeoutError(f"not within {deadline_s} s: {what}; {self.account()}") from None

    async def ticks(self, count: int = 2) -> None:
        """Let this many further ticks be done."""
        wanted = self.daemon.health().ticks + count
        await self.until(lambda: self.daemon.health().ticks >= wanted, f"{count} ticks")

    def replicas(self, function: str) -> int:
        """Give what the cluster is asked for."""
        namespace, _, name = function.partition("/")
        return self.cluster.deployments[FunctionKey(namespace, name)].requested

    def boosted(self, effect: str = "BOOST") -> list[str]:
        """Give what has an alert's effect of this kind, once for each alert."""
        return sorted(str(key) for one in self.daemon.health().boosts if one.effect.name == effect for key in one.keys)

    def answered(self, status: int) -> int:
        """Give how many notifications the present daemon has answered so."""
        return self.tally.requests["/v1/alerts", status]

    def _settings(self, alertmanagers: Mapping[str, object]) -> Settings:
        gateway = {"profile": "openfaas", "match": {"job": "gateway"}, "defaultNamespace": "acme"}
        return Settings.model_validate(
            {
                "tick": "200ms",
                "sources": {"main": {"url": "http://prometheus", "gateways": [gateway]}},
                "operators": self.operators,
                "blastRadius": None,
                "alertmanagers": alertmanagers,
                "kubernetes": {"writesPerSecond": 10_000, "writeBurst": 10_000},
            }
        )

    def account(self) -> str:
        """Say what the present daemon has counted, for a failure."""
        counted = (self.tally.alerts_accepted, dict(self.tally.alerts_dropped), dict(self.tally.requests))
        return f"boosted {self.boosted()[:5]}, counted {counted}"


@contextlib.asynccontextmanager
async def _deciding(daemon: Daemon) -> AsyncIterator[None]:
    running = asyncio.ensure_future(daemon.run())
    try:
        yield
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


@contextlib.asynccontextmanager
async def site(functions: Sequence[str], files: Mapping[str, str] | None = None) -> AsyncIterator[Site]:
    """Have a daemon over these functions that is the test's to start; without documents, those of tenant acme."""
    result = Site(files if files is not None else documents("acme"), functions)
    try:
        yield result
    finally:
        await result.end()
