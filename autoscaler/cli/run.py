"""`autoscaler run`: the daemon, against a cluster."""

import asyncio
import resource
import signal
import sys
from pathlib import Path
from typing import Any

import click

from autoscaler.cli.errors import WrongConfiguration
from autoscaler.cli.settings import CONFIG_VARIABLE, need_settings
from autoscaler.policy.settings import Settings

_MOST_DESCRIPTORS = 1_048_576
"""Linux's own bound of what one process may be given (`fs.nr_open`), unless somebody changed it."""

_SWITCH_S = 0.0005
"""How long a thread that computes keeps the interpreter while another one wants it. At Python's 5 ms a wake, whose step
is in a thread, spends up to as much on each way there and back: its p99 to the wire falls from 16 to 12 ms by this."""

_EPILOG = """\b
Examples:
  autoscaler run --config settings.yaml --dry-run
      decide and record, write nothing: the way to start on a cluster that is in use
  AUTOSCALER_TICK=5s AUTOSCALER_SOURCES__MAIN__URL=http://prometheus:9090 autoscaler run --config settings.yaml
      any setting as a variable: capitals, nested fields after two underscores
\b
The smallest settings:
  sources:
    main:
      url: http://prometheus.monitoring:9090
      gateways: [{profile: openfaas, match: {job: gateway}}]
  operators: [{tokenSHA256: "<output of: printf %s TOKEN | sha256sum>"}]
  policies: ./policies
"""


@click.command(name="run", epilog=_EPILOG)
@click.option("--config", envvar=CONFIG_VARIABLE, metavar="FILE", help="Settings, YAML.")
@click.option("--dry-run/--no-dry-run", default=None, help="Decide and record, write nothing.")
@click.option("--policies", metavar="DIR", help="Folder of policy documents.")
@click.option("--kubeconfig", metavar="FILE", help="Default: in-cluster, else $KUBECONFIG, else ~/.kube/config.")
@click.option("--context", metavar="NAME", help="Context of the kubeconfig.")
@click.option("--listen", metavar="HOST:PORT", help="Address of alerts, wakes, API and dashboard.")
@click.option("--metrics-listen", metavar="HOST:PORT", help="Address of /metrics, /healthz and /readyz.")
@click.option("--tick", metavar="DURATION", help="Interval of decisions, such as 2s.")
@click.option("--decision-log", metavar="DIR", help="Folder of the decision log. Default: none is kept.")
@click.option("--log-level", metavar="LEVEL", help="debug, info, warning or error.")
def command(config: str | None, **flags: object) -> None:
    """Run the daemon.

    Settings come from --config, then AUTOSCALER_… variables, then flags; later wins. SIGTERM and Ctrl-C end it:
    writes that are out are finished, nothing new is started, and a Lease is given up, so that a standby follows at once.
    """
    settings = need_settings(config, _as_settings(flags))
    _refuse_nothing_to_do(settings)
    _allow_many_connections()
    sys.setswitchinterval(_SWITCH_S)
    asyncio.run(_run(settings))


async def _run(settings: Settings) -> None:
    from autoscaler.adapters.clock import SystemClock
    from autoscaler.cli.wiring import wired
    from autoscaler.daemon.telemetry import configure

    configure(settings.log_level)
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopping.set)
    async with wired(settings, SystemClock()):
        await stopping.wait()


def _allow_many_connections() -> None:
    """Take as many file descriptors as this process may: each held request is one, and a login shell gives 1,024.

    A limit that is read once at the start of a program was made for `select`, which is not used here; Go's programs
    raise theirs likewise.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    most = _MOST_DESCRIPTORS if hard == resource.RLIM_INFINITY else min(hard, _MOST_DESCRIPTORS)
    if soft != resource.RLIM_INFINITY and soft < most:
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))


def _as_settings(flags: dict[str, Any]) -> dict[str, object]:
    """Put flags where the settings have them; a flag that was not given says nothing."""
    given = {name: value for name, value in flags.items() if value is not None}
    places = {
        "dry_run": ("dryRun",),
        "policies": ("policies",),
        "kubeconfig": ("kubernetes", "kubeconfig"),
        "context": ("kubernetes", "context"),
        "listen": ("listen",),
        "metrics_listen": ("metrics", "listen"),
        "tick": ("tick",),
        "decision_log": ("decisionLog", "path"),
        "log_level": ("logLevel",),
    }
    result: dict[str, Any] = {}
    for name, value in given.items():
        *around, last = places[name]
        inner = result
        for part in around:
            inner = inner.setdefault(part, {})
        inner[last] = value
    return result


def _refuse_nothing_to_do(settings: Settings) -> None:
    """Refuse settings with which no function could ever be scaled: silence would look like health.

    Raises:
        WrongConfiguration: there is no source, or no policy folder.
    """
    if not settings.sources:
        raise WrongConfiguration(
            "No sources: without a Prometheus no load is ever known. Name one under `sources` in --config "
            "(`autoscaler run --help` shows the smallest settings)."
        )
    if not Path(settings.policies).is_dir():
        raise WrongConfiguration(
            f"No policies: {settings.policies} is no folder. Name one with `policies` in --config or --policies; "
            "it holds Tenant and ScalingPolicy documents."
        )
