"""The only place where objects are wired together: clock first, then adapters, daemon, listeners."""

import asyncio
import contextlib
import os
from collections.abc import AsyncIterator, Iterator, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import asynccontextmanager, contextmanager
from functools import partial

import numpy as np
from aiohttp import web

from autoscaler.adapters import files, kubernetes
from autoscaler.adapters.alertmanager import read_cluster
from autoscaler.adapters.decision_log import DecisionLog, FileArchive
from autoscaler.adapters.kubernetes import KubernetesCluster
from autoscaler.adapters.prometheus import PrometheusLoads
from autoscaler.adapters.prometheus.errors import SourceError
from autoscaler.cli.background import beside
from autoscaler.cli.errors import WrongConfiguration
from autoscaler.cli.leading import election
from autoscaler.core.blast_radius import BlastRadiusRule
from autoscaler.core.controller import Controller
from autoscaler.daemon.ledger import Ledger
from autoscaler.daemon.loop import Daemon
from autoscaler.daemon.policies import Policies
from autoscaler.daemon.telemetry import log
from autoscaler.policy.resources import Given, label_keys
from autoscaler.policy.settings import BlastRadius, Settings
from autoscaler.policy.shards import Shard
from autoscaler.ports import Clock, DecisionSink
from autoscaler.server.app import build, build_metrics
from autoscaler.server.forwarding import FORWARDING
from autoscaler.server.run import Address, serve
from autoscaler.server.tally import TALLY
from autoscaler.server.tls import CertificateError, Certificates

HAND_ON_S = 25.0
"""How long a daemon that ends sees to it that wakes it held are answered by the one that follows: their usual hold, seconds."""


@asynccontextmanager
async def wired(settings: Settings, clock: Clock, sinks: Sequence[DecisionSink] = ()) -> AsyncIterator[Daemon]:
    """Run the daemon with its ordinary adapters and both listeners for the length of an `async with` block.

    Everything is taken down in the reverse order; outstanding writes are finished first. What fails in the
    background ends the block. Worker processes are spawned, so the main module must be importable without effect.

    Args:
        settings: where Prometheus, Kubernetes and the policy folder are, and what to listen on.
        clock: the wall's, or a demo's that runs faster.
        sinks: further takers of decisions; they are called in the thread that decides, one call at a time.

    Raises:
        WrongConfiguration: an address, the cluster's credentials or the policy folder cannot be used.
    """
    generator, certificates = np.random.default_rng(), _certificates(settings)
    async with contextlib.AsyncExitStack() as stack:
        slow_in = stack.enter_context(_thread("slow"))
        step_in = stack.enter_context(_thread("step"))
        shard = Shard.parse(settings.shard) if settings.shard is not None else None
        documents_in = stack.enter_context(_thread("documents"))
        files_read = await _policy_files(settings.policies)
        cluster = await stack.enter_async_context(_connected(settings, clock, generator))
        # Thousands of documents take as long as a list of the cluster, which an API server writes meanwhile.
        await stack.enter_async_context(beside(cluster.run()))
        reading = partial(Policies, files_read, Given.by(settings), documents_in, shard)
        policies = await asyncio.get_running_loop().run_in_executor(documents_in, reading)
        loads = await stack.enter_async_context(_reading(settings, cluster))
        leadership = await stack.enter_async_context(election(settings, clock, generator))
        ledger = Ledger()
        journal, archive = stack.enter_context(_decision_log(settings))
        daemon = Daemon(
            clock,
            cluster,
            loads,
            policies,
            settings,
            controller=Controller(_rule(settings.blast_radius)),
            leadership=leadership,
            generator=generator,
            step_in=step_in,
            slow_in=slow_in,
            sinks=sinks,
            journals=[one for one in (ledger, journal) if one is not None],
            past=loads,
            firing=[partial(read_cluster, members) for members in settings.alertmanager_clusters()],
            announcements=cluster.events() if settings.kubernetes.events else None,
            reviews=cluster.reviews() if settings.kubernetes.token_reviews else None,
            statuses=cluster.statuses() if settings.kubernetes.custom_resources else None,
            troubles=partial(_troubles, certificates, clock),
        )
        app = build(daemon, clock, archive=archive, leadership=leadership, certificates=certificates)
        await stack.enter_async_context(
            _listening(
                build_metrics(daemon, app[TALLY], archive, certificates, ledger),
                "metrics.listen",
                settings.metrics.listen,
            )
        )
        address = await stack.enter_async_context(_listening(app, "listen", settings.listen, certificates))
        policies.subscribe(lambda current: cluster.follow(current.namespaces))
        await stack.enter_async_context(beside(policies.follow(files.watch(settings.policies))))
        resources = cluster.resources()
        if resources is not None:
            await stack.enter_async_context(beside(policies.follow_resources(resources)))
        if leadership is not None:
            await stack.enter_async_context(beside(leadership.run()))
            stack.push_async_callback(app[FORWARDING].finish, HAND_ON_S)
            stack.push_async_callback(leadership.release)
        # Ended first: once its last writes are out the Lease is given up, and what is held or still comes is forwarded.
        await stack.enter_async_context(beside(daemon.run(), end=daemon.stop))
        log.info("listening", address=f"{address.host}:{address.port}", dry_run=settings.dry_run)
        yield daemon


def _rule(blast_radius: BlastRadius | None) -> BlastRadiusRule | None:
    if blast_radius is None:
        return None
    return BlastRadiusRule(blast_radius.replicas, blast_radius.share, blast_radius.period)


@contextmanager
def _decision_log(settings: Settings) -> Iterator[tuple[DecisionLog | None, FileArchive | None]]:
    """Keep the decision log open; what waits for the disk at the end is written first."""
    path = settings.decision_log.path
    if path is None:
        yield None, None
        return
    decision_log = DecisionLog(
        path, settings.decision_log, settings.blast_radius, tell=log.warning, dry_run=settings.dry_run
    )
    decision_log.start()
    try:
        yield decision_log, FileArchive(decision_log, path)
    finally:
        decision_log.close()


async def _policy_files(folder: str) -> dict[str, str]:
    try:
        return dict(await asyncio.to_thread(files.read, folder))
    except OSError as error:
        raise WrongConfiguration(f"policies: {folder} cannot be read ({error.strerror}); a folder is allowed") from None


@contextmanager
def _thread(name: str) -> Iterator[Executor]:
    """Keep one thread; what it does when the block ends is not waited for."""
    executor = ThreadPoolExecutor(max_workers=1, thread_name_prefix=name)
    try:
        yield executor
    finally:
        executor.shutdown(wait=False, cancel_futures=True)


@asynccontextmanager
async def _connected(
    settings: Settings, clock: Clock, generator: np.random.Generator
) -> AsyncIterator[KubernetesCluster]:
    connecting = kubernetes.connect(
        settings.kubernetes,
        generator,
        label_keys=label_keys(settings.namespace_labels),
        monotonic=lambda: clock.now().monotonic_s,
    )
    async with contextlib.AsyncExitStack() as stack:
        try:
            cluster = await stack.enter_async_context(connecting)
        except kubernetes.ConfigurationError as error:
            raise WrongConfiguration(f"kubernetes: {error}") from None
        yield cluster


@asynccontextmanager
async def _reading(settings: Settings, cluster: KubernetesCluster) -> AsyncIterator[PrometheusLoads]:
    loads = PrometheusLoads(settings.sources, patience_s=settings.tick, replicas_of=cluster.replicas)
    try:
        try:
            await loads.start()
        except (SourceError, OSError) as error:
            raise WrongConfiguration(f"sources: they cannot be read: {error}; enough processes are needed") from None
        yield loads
    finally:
        await loads.close()


def _certificates(settings: Settings) -> Certificates | None:
    try:
        return Certificates(settings.tls) if settings.tls is not None else None
    except CertificateError as error:
        raise WrongConfiguration(str(error)) from None


def _troubles(certificates: Certificates | None, clock: Clock) -> dict[str, str | None]:
    return {} if certificates is None else {"certificate": certificates.trouble(clock.now().utc_s)}


@asynccontextmanager
async def _listening(
    app: web.Application, field: str, listen: str, certificates: Certificates | None = None
) -> AsyncIterator[Address]:
    async with contextlib.AsyncExitStack() as stack:
        try:
            address = await stack.enter_async_context(serve(app, listen, certificates=certificates))
        except ValueError as error:
            raise WrongConfiguration(f"{field}: {error}") from None
        except OSError as error:
            why = os.strerror(error.errno) if error.errno and error.errno > 0 else error.strerror
            raise WrongConfiguration(f"{field}: {listen} cannot be listened on: {why}; a free one is allowed") from None
        yield address
