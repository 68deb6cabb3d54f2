"""`autoscaler tenants sync`: a process of its own that keeps what every Tenant is given."""

import asyncio
import secrets
import signal
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import click

from autoscaler.cli.errors import NotSo, WrongConfiguration
from autoscaler.cli.onboarding import dns_name, duration_s, site_options
from autoscaler.policy.onboarding.credentials import RotationTimes
from autoscaler.policy.onboarding.site import Site
from autoscaler.policy.settings import KubernetesSettings, LeadershipSettings

if TYPE_CHECKING:
    import numpy as np

    from autoscaler.ports import Clock, Leadership
    from autoscaler.sync.passing import Outcome
    from autoscaler.sync.process import Sync

_LEASE = "autoscaler-sync"
_TOKEN_BYTES = 32
_EPILOG = """\b
Examples:
  autoscaler tenants sync --dry-run
      what one pass would write, and nothing is written
  autoscaler tenants sync --group 'oidc:{tenant}-developers' --rotate 30d
      for as long as it runs; components/tenants-sync of the manifests has its rights
  autoscaler tenants sync --once
      one pass, for CI or cron
\b
Exit codes: 0 ended, or all is as it shall be; 1 with --once: something could not be brought about; 2 wrong usage.
"""


@dataclass(frozen=True, slots=True)
class _Asked:
    """What the options say, the site apart."""

    kubernetes: KubernetesSettings
    times: RotationTimes
    resync_s: float
    writes_per_s: float
    lease: LeadershipSettings
    is_once: bool
    wait_s: float
    is_dry: bool


@click.group(name="tenants", epilog="\b\nExample:\n  autoscaler tenants sync --dry-run\n")
def command() -> None:
    """Give the Tenants of a cluster what they need."""


@command.command(name="sync", short_help="Keep rights, credential and alerts of every Tenant.", epilog=_EPILOG)
@click.option("--kubeconfig", metavar="FILE", help="Default: in-cluster, else $KUBECONFIG, else ~/.kube/config.")
@click.option("--context", metavar="NAME", help="Context of the kubeconfig.")
@click.option(
    "--rotate", default="30d", show_default=True, metavar="DURATION", help="Age at which a token is replaced."
)
@click.option(
    "--overlap",
    default="1h",
    show_default=True,
    metavar="DURATION",
    help="How long the old token is valid beside the new one; Alertmanager must read a Secret within it.",
)
@click.option(
    "--resync", default="1m", show_default=True, metavar="DURATION", help="Longest time until drift is noticed."
)
@click.option(
    "--writes-per-second", type=click.FloatRange(0.1, 1000.0), default=50.0, show_default=True, help="Rate of writes."
)
@click.option("--lease", default=_LEASE, show_default=True, metavar="NAME", help="Lease; who holds it writes.")
@click.option("--lease-namespace", metavar="NAME", help="Its namespace. Default: the pod's own, else default.")
@click.option("--once", "is_once", is_flag=True, help="Make one pass and end.")
@click.option(
    "--wait",
    default="12s",
    show_default=True,
    metavar="DURATION",
    help="With --once: how long to wait for the Lease; one whose holder ended without a word is free after 9s.",
)
@click.option("--dry-run", "is_dry", is_flag=True, help="Print what one pass would write; write nothing.")
@click.option(
    "--log-level", type=click.Choice(["debug", "info", "warning", "error"]), default="info", show_default=True
)
@site_options
def sync_command(
    *,
    kubeconfig: str | None,
    context: str | None,
    rotate: str,
    overlap: str,
    resync: str,
    writes_per_second: float,
    lease: str,
    lease_namespace: str | None,
    is_once: bool,
    wait: str,
    is_dry: bool,
    log_level: str,
    site: Site,
) -> None:
    """Keep, for every Tenant resource, what `autoscaler manifests tenant` prints, with a credential that rotates.

    It owns what it makes: an object that is changed or deleted comes back, one of a Tenant that is gone is deleted, and
    one that somebody else made is left alone. SIGTERM and Ctrl-C end it and give its Lease up.
    """
    times = RotationTimes(duration_s("--rotate", rotate, 1.0), duration_s("--overlap", overlap, 1.0))
    if times.overlap_s >= times.rotate_s:
        raise WrongConfiguration(f"--overlap {overlap} is not below --rotate ({rotate}); allowed: less than that")
    if lease_namespace is not None:
        dns_name("--lease-namespace", lease_namespace)
    asked = _Asked(
        KubernetesSettings(kubeconfig=kubeconfig, context=context, page_size=500),
        times,
        duration_s("--resync", resync, 1.0),
        writes_per_second,
        LeadershipSettings(lease=dns_name("--lease", lease), namespace=lease_namespace),
        is_once,
        duration_s("--wait", wait),
        is_dry,
    )
    asyncio.run(_run(asked, site, log_level))


async def _run(asked: _Asked, site: Site, log_level: str) -> None:
    from autoscaler.daemon.telemetry import configure
    from autoscaler.ports import OwnedError
    from autoscaler.sync.passing import NoLonger

    configure(log_level)
    try:
        if asked.is_dry or asked.is_once:
            await _one_pass(asked, site)
            return
        async with _wired(asked, site) as (sync, _):
            await _until_told_to_end(sync)
    except (OwnedError, NoLonger) as error:
        raise NotSo(f"Nothing is known for sure: {error}") from None


async def _one_pass(asked: _Asked, site: Site) -> None:
    """Make one pass.

    Raises:
        NotSo: something could not be brought about, or another process is at it.
    """
    async with _wired(asked, site) as (sync, leadership):
        try:
            await asyncio.wait_for(leadership.gained(), asked.wait_s)
        except TimeoutError:
            holder = leadership.state()
            why = holder.problem or f"the Lease {holder.lease} is held by {holder.holder}"
            raise NotSo(f"Nothing was written: {why}.") from None
        outcome = await sync.once()
    click.echo(_summary(outcome, asked.is_dry))
    for place, problem in (*outcome.problems.items(), *outcome.left.items()):
        click.echo(f"{place}: {problem}", err=True)
    if outcome.problems:
        raise click.exceptions.Exit(1)


def _summary(outcome: "Outcome", is_dry: bool) -> str:
    words = "would be" if is_dry else "were"
    missing = f"; this cluster has no {' and no '.join(outcome.missing)}" if outcome.missing else ""
    return (
        f"{outcome.tenants} tenants: {outcome.written} objects {words} written, {outcome.deleted} deleted, "
        f"{outcome.rotated} tokens made, {len(outcome.left)} left to others, {len(outcome.problems)} failed{missing}."
    )


async def _until_told_to_end(sync: "Sync") -> None:
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopping.set)
    working = asyncio.ensure_future(sync.run())
    told = asyncio.ensure_future(stopping.wait())
    try:
        await asyncio.wait((working, told), return_when=asyncio.FIRST_COMPLETED)
        if working.done():
            working.result()
    finally:
        for task in (working, told):
            task.cancel()
        await asyncio.gather(working, told, return_exceptions=True)


@asynccontextmanager
async def _wired(asked: _Asked, site: Site) -> AsyncIterator[tuple["Sync", "Leadership"]]:
    """Wire the process together for the length of a block: clock first, then the cluster, then its Lease."""
    import numpy as np

    from autoscaler.adapters.clock import SystemClock
    from autoscaler.adapters.kubernetes import ConfigurationError
    from autoscaler.adapters.kubernetes.owned import open_owned
    from autoscaler.cli.background import beside
    from autoscaler.ports import OwnedObjects
    from autoscaler.sync.pace import Pace
    from autoscaler.sync.passing import Passing
    from autoscaler.sync.process import Sync
    from autoscaler.sync.rehearsal import Rehearsal

    clock, generator = SystemClock(), np.random.default_rng()
    async with AsyncExitStack() as stack:
        try:
            real = await stack.enter_async_context(open_owned(asked.kubernetes))
            leadership = await stack.enter_async_context(_leadership(asked, clock, generator))
        except ConfigurationError as error:
            raise WrongConfiguration(f"kubernetes: {error}") from None
        objects: OwnedObjects = Rehearsal(real, click.echo) if asked.is_dry else real
        pace = Pace(clock, asked.writes_per_s)
        passing = Passing(
            objects, site, asked.times, clock, pace, lambda: secrets.token_urlsafe(_TOKEN_BYTES), leadership.may_write
        )
        await stack.enter_async_context(beside(leadership.run()))
        stack.push_async_callback(leadership.release)
        yield Sync(objects, passing, leadership, clock, generator, asked.resync_s), leadership


@asynccontextmanager
async def _leadership(asked: _Asked, clock: "Clock", generator: "np.random.Generator") -> AsyncIterator["Leadership"]:
    """Take part in the election of this process's own Lease; a dry run writes nothing, the Lease included."""
    from autoscaler.adapters.kubernetes.lease import open_lease, own_namespace
    from autoscaler.cli.leading import identity
    from autoscaler.daemon.leadership import Alone, Election

    if asked.is_dry:
        yield Alone()
        return
    opening = open_lease(
        asked.kubernetes,
        asked.lease.namespace or own_namespace(),
        asked.lease.lease,
        timeout_s=asked.lease.renew_deadline / 2,
        silence_s=asked.lease.duration,
        utc=lambda: clock.now().utc_s,
    )
    async with opening as lease:
        yield Election(clock, lease, asked.lease, identity(None), "", generator)
