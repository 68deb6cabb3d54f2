"""A whole daemon on in-memory ports, a hand-moved clock and the real controller and policies."""

import asyncio
import contextlib
import hashlib
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from autoscaler.core.controller import Controller
from autoscaler.core.decisions import DecisionRecord, Decisions
from autoscaler.daemon.alerts import ReadFiring
from autoscaler.daemon.loop import Daemon
from autoscaler.daemon.policies import Policies
from autoscaler.policy.alerts import Alert
from autoscaler.policy.loading import Given
from autoscaler.policy.settings import Settings
from autoscaler.policy.shards import Shard
from autoscaler.ports import (
    AccessReviews,
    Announcements,
    Caller,
    DecisionSink,
    Leadership,
    PastLoads,
    Role,
    Statuses,
    StepSink,
)
from tests.unit.daemon.clock import HandClock
from tests.unit.daemon.fakes import Inline, MemoryCluster, MemoryLoads

OPERATOR = Caller(Role.OPERATOR, None)
ACME = Caller(Role.TENANT, frozenset({"acme"}))


def sha256(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


def tenant(name: str = "acme", *, spec: str = "") -> str:
    """Give a Tenant document with the namespace of its name and further fields of its spec."""
    return f"""\
apiVersion: autoscaler.faas.dev/v1alpha1
kind: Tenant
metadata: {{name: {name}}}
spec:
  namespaces: [{name}]
  source: main
  callers: [{{tokenSHA256: {sha256(name)}}}]
  bounds: {{allowZero: true}}
{spec}"""


def policy(namespace: str = "acme", *, spec: str = "") -> str:
    """Give a ScalingPolicy for every function of a namespace: 10 in flight a replica, quick to act."""
    return f"""\
apiVersion: autoscaler.faas.dev/v1alpha1
kind: ScalingPolicy
metadata: {{name: default, namespace: {namespace}}}
spec:
  functions: {{names: ["*"]}}
  metrics: [{{type: concurrency, target: 10, utilization: 1}}]
  windows: {{stable: 60s}}
  scaleDown: {{stabilization: 0s, maxRate: 1000}}
{spec}"""


FILES = {"tenant.yaml": tenant(), "policy.yaml": policy()}
ZERO = "  zero: {after: 60s}\n"
BOOST = "  alerts: [{match: {alertname: Slow}, boost: {factor: 2, add: 1}, expires: 5m}]\n"


def settings(**changes: object) -> Settings:
    """Give settings with one source and no blast radius."""
    gateway = {"profile": "openfaas", "match": {"job": "gateway"}, "callers": [{"tokenSHA256": sha256("gateway")}]}
    document = {
        "tick": "2s",
        "sources": {"main": {"url": "http://prometheus", "gateways": [gateway]}},
        "operators": [{"tokenSHA256": sha256("operator")}],
        "blastRadius": None,
    }
    return Settings.model_validate(document | changes)


class Kept:
    """A sink that checks the core's invariants after every step and keeps what was decided."""

    def __init__(self, controller: Controller) -> None:
        self.decisions: list[Decisions] = []
        self._controller = controller

    def take(self, decisions: Decisions) -> None:
        self._controller.check_invariants()
        self.decisions.append(decisions)


@dataclass
class Rig:
    """A running daemon and what it runs on."""

    clock: HandClock
    cluster: MemoryCluster
    loads: MemoryLoads
    policies: Policies
    daemon: Daemon
    kept: Kept

    async def ticks(self, count: int = 1) -> None:
        """Let this many further ticks be done."""
        wanted = self.daemon.health().ticks + count
        await self.clock.until(lambda: self.daemon.health().ticks >= wanted, within_s=2.0 * count + 10, every_s=0.5)

    def record(self, name: str) -> DecisionRecord:
        """Give the last tick's decision on a function."""
        latest = self.daemon.latest()
        assert latest is not None
        keys = [str(key) for key in latest.fleet.keys]
        return latest.record(latest.rows.tolist().index(keys.index(name)))


@contextlib.asynccontextmanager
async def rig(
    cluster: MemoryCluster,
    *,
    files: Mapping[str, str] = FILES,
    loads: MemoryLoads | None = None,
    clock: HandClock | None = None,
    firing: Sequence[ReadFiring] = (),
    sinks: Sequence[DecisionSink] = (),
    controller: Controller | None = None,
    first_tick: bool = True,
    announcements: Announcements | None = None,
    past: PastLoads | None = None,
    journals: Sequence[StepSink] = (),
    leadership: Leadership | None = None,
    reviews: AccessReviews | None = None,
    statuses: Statuses | None = None,
    **changes: object,
) -> AsyncIterator[Rig]:
    """Run a daemon until the end of the block; its first tick is done when the block begins."""
    inline, clock, loads = Inline(), clock or HandClock(), loads or MemoryLoads()
    configured = settings(**changes)
    shard = Shard.parse(configured.shard) if configured.shard is not None else None
    policies = Policies(files, Given.by(configured), inline, shard)
    controller = controller or Controller(None)
    kept = Kept(controller)
    daemon = Daemon(
        clock,
        cluster,
        loads,
        policies,
        configured,
        controller=controller,
        generator=np.random.default_rng(1),
        step_in=inline,
        slow_in=inline,
        sinks=[kept, *sinks],
        announcements=announcements,
        past=past,
        journals=journals,
        leadership=leadership,
        reviews=reviews,
        statuses=statuses,
        firing=firing,
    )
    running = asyncio.ensure_future(daemon.run())
    try:
        if first_tick:
            await clock.settle()
        yield Rig(clock, cluster, loads, policies, daemon, kept)
    finally:
        daemon.stop()
        await clock.settle()
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


def slow(*, function: str | None = None, namespace: str = "acme", is_firing: bool = True, number: int = 1) -> Alert:
    """Give an alert `Slow`."""
    labels = {"alertname": "Slow", "namespace": namespace} | ({"function": function} if function else {})
    return Alert(f"fingerprint-{number}", "2026-01-01T00:00:00.000Z", is_firing, labels)
