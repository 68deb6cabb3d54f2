"""The whole twin: one platform, moved along by a clock, behind its servers on loopback."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from aiohttp import web

from autoscaler.core.fleet import FunctionKey
from autoscaler.simulator.measurement import Measurement
from autoscaler.simulator.platform import FunctionSpec, Platform
from autoscaler.simulator.workload import Workload
from autoscaler.twin.alertmanager import Alertmanager, AlertRule
from autoscaler.twin.clock import Clock
from autoscaler.twin.deployments import Deployment, Deployments
from autoscaler.twin.gateway import Gateway
from autoscaler.twin.kubernetes import KubernetesApi, Rights, kubeconfig
from autoscaler.twin.prometheus import Mode, PrometheusApi

TARGET = {"namespace": "openfaas", "job": "gateway"}
"""Labels of the gateway as a scrape target."""

DEFAULT_NAMESPACE = "openfaas-fn"
"""Namespace of a function that the gateway is asked for without one."""

_STEP_S = 0.05
_ALERTS_S = 0.5
_FUNCTION_LABEL = "faas_function"
_FUNCTION_LABELS = frozenset({_FUNCTION_LABEL, "autoscaler.faas.dev/function"})
_SERVICE_S = 0.05
_CLOSE_S = 0.2


@dataclass(frozen=True, slots=True)
class Scenario:
    """What the twin is at the start.

    Attributes:
        functions: the functions; each becomes a Deployment labelled `faas_function`.
        workloads: generated traffic, by function; its second 0 is `warmup_s` before the twin starts.
        bystanders: replicas of Deployments that are no functions.
        rules: the Alertmanager's.
        scrape_interval_s: of Prometheus.
        start_s: start-up seconds of a replica whose function says nothing else.
        warmup_s: seconds of platform time that have passed, scrapes included, before anybody asks.
    """

    functions: Sequence[FunctionSpec] = ()
    workloads: Mapping[FunctionKey, Workload] = field(default_factory=dict)
    bystanders: Mapping[FunctionKey, int] = field(default_factory=dict)
    rules: Sequence[AlertRule] = ()
    scrape_interval_s: float = 1.0
    start_s: float = 1.0
    warmup_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Tokens:
    """The credentials that the twin's API server knows."""

    admin: str
    scaler: str


class Twin:
    """The simulated platform and its four servers. `served` runs it.

    Attributes:
        deployments: the cluster's objects.
        platform: what runs; second 0 is `warmup_s` before the start.
        gateway_is_up: whether the gateway answers scrapes.
    """

    def __init__(self, scenario: Scenario, tokens: Tokens, clock: Clock, generator: np.random.Generator) -> None:
        self._clock = clock
        self._tokens = tokens
        self._origin = clock.now()
        self._warmup_s = scenario.warmup_s
        self.gateway_is_up = True
        self.deployments = Deployments()
        self.platform = Platform(scenario.functions, scenario.workloads, generator, scenario.start_s)
        self.measurement = Measurement(scenario.scrape_interval_s)
        self.measurement.catch_up(self.platform, scenario.warmup_s)
        self.kubernetes = KubernetesApi(
            self.deployments, {tokens.admin: Rights.ADMIN, tokens.scaler: Rights.SCALER}, bookmark_s=1.0
        )
        self.prometheus = PrometheusApi(
            self.measurement,
            lambda: self.platform.keys,
            clock,
            origin_utc_s=self._origin.utc_s - scenario.warmup_s,
            target=TARGET,
        )
        self.gateway = Gateway(self.platform, clock, DEFAULT_NAMESPACE)
        self.alertmanager = Alertmanager(self.platform, scenario.rules)
        self._urls: dict[str, str] = {}
        self._moving: list[asyncio.Task[None]] = []
        for spec in scenario.functions:
            labels = {**spec.labels, _FUNCTION_LABEL: spec.key.name}
            self.deployments.create(
                spec.key, spec.replicas, labels=labels, annotations=spec.annotations, template_labels=labels
            )
        for key, replicas in scenario.bystanders.items():
            self.deployments.create(key, replicas)
        for deployment in self.deployments:
            self._report(deployment)
        self.deployments.subscribe(self._follow)

    @property
    def kubernetes_url(self) -> str:
        return self._urls["kubernetes"]

    @property
    def prometheus_url(self) -> str:
        return self._urls["prometheus"]

    @property
    def gateway_url(self) -> str:
        return self._urls["gateway"]

    def kubeconfig(self, is_admin: bool = False) -> str:
        """Give a kubeconfig for the scaler, or for the admin."""
        return kubeconfig(self.kubernetes_url, self._tokens.admin if is_admin else self._tokens.scaler)

    def connect(self, daemon_url: str, gateway_token: str) -> None:
        """Point the gateway's wakes and the Alertmanager's notifications at a daemon."""
        self.gateway.connect(daemon_url, gateway_token)
        self.alertmanager.connect(daemon_url)

    def now_s(self) -> float:
        """Give the platform's time, seconds."""
        return self._clock.now().monotonic_s - self._origin.monotonic_s + self._warmup_s

    def advance(self, until_s: float) -> None:
        """Move the platform on, with every scrape that is due, and report what runs to the cluster."""
        measurement = self.measurement
        while measurement.due_s <= until_s:
            self.platform.advance(measurement.due_s)
            if self.prometheus.mode is Mode.SILENT:
                measurement.skip(measurement.due_s)
            else:
                measurement.scrape(self.platform, self.gateway_is_up)
        self.platform.advance(until_s)
        for key in self.platform.keys:
            platform = self.platform
            self.deployments.set_status(key, platform.requested(key), platform.ready(key), platform.obstacle(key))

    def _follow(self, kind: str, changed: Deployment) -> None:
        """Do to the platform what was done to a Deployment."""
        key, is_known = changed.key, changed.key in self.platform.keys
        if not is_known and kind != "DELETED":
            if _FUNCTION_LABELS & {*changed.template_labels, *changed.labels}:
                self.platform.add(FunctionSpec(key=key, service_s=_SERVICE_S))
                is_known = True
            else:
                self._report(changed)
        if not is_known:
            return
        if kind == "DELETED":
            self.platform.remove(key)
        elif self.platform.requested(key) != changed.replicas:
            self.platform.scale(key, changed.replicas)

    def _report(self, deployment: Deployment) -> None:
        """Report a Deployment as running whole; nothing simulates what is no function."""
        self.deployments.set_status(deployment.key, deployment.replicas, deployment.replicas)

    def start(self, urls: Mapping[str, str]) -> None:
        """Begin to move; `urls` says where each server listens."""
        self._urls = dict(urls)
        self._moving = [asyncio.create_task(self._drive()), asyncio.create_task(self._alert())]

    async def stop(self) -> None:
        """Stand still."""
        for task in self._moving:
            task.cancel()
        await asyncio.gather(*self._moving, return_exceptions=True)

    def check(self) -> None:
        """Raise what stopped the platform, if anything did; whoever waits for the twin asks now and then."""
        for task in self._moving:
            if task.done() and not task.cancelled():
                task.result()

    async def _drive(self) -> None:
        while True:
            self.advance(self.now_s())
            self.gateway.ask_for_waiting()
            await self._clock.sleep(_STEP_S)

    async def _alert(self) -> None:
        while True:
            await self.alertmanager.evaluate(self._clock.now())
            await self._clock.sleep(_ALERTS_S)


@contextlib.asynccontextmanager
async def served(twin: Twin) -> AsyncIterator[Twin]:
    """Serve a twin on free loopback ports, and move it along, for the length of an `async with` block."""
    applications = {
        "kubernetes": twin.kubernetes.application(),
        "prometheus": twin.prometheus.application(),
        "gateway": twin.gateway.application(),
    }
    async with contextlib.AsyncExitStack() as stack:
        urls = {name: await stack.enter_async_context(_listening(app)) for name, app in applications.items()}
        stack.push_async_callback(twin.gateway.close)
        stack.push_async_callback(twin.alertmanager.close)
        twin.start(urls)
        stack.push_async_callback(twin.stop)
        yield twin
        twin.check()


@contextlib.asynccontextmanager
async def _listening(application: web.Application) -> AsyncIterator[str]:
    runner = web.AppRunner(application, access_log=None, shutdown_timeout=_CLOSE_S)
    await runner.setup()
    try:
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        port = runner.addresses[0][1]
        yield f"http://127.0.0.1:{port}"
    finally:
        await runner.cleanup()
