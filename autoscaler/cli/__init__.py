"""The commands. Each is imported when it is asked for, so that `--help` is quick."""

import errno
import importlib
import os
import sys
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path, PurePath
from typing import NamedTuple

import click

PLUGIN = "kubectl autoscaler"
"""What the program is called as a plugin of kubectl."""

_NO_ROOM = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO})
"""Of the system's errors those by which a file takes no more. A pipe that nobody reads any more is click's to handle."""


class _Entry(NamedTuple):
    module: str
    summary: str


COMMANDS: Mapping[str, _Entry] = {
    "run": _Entry("autoscaler.cli.run", "The daemon, against a cluster."),
    "demo": _Entry("autoscaler.cli.demo", "The daemon against a simulated platform, live, on this machine alone."),
    "init": _Entry("autoscaler.cli.init", "Settings and documents to start with, from what is there; in dry run."),
    "convert": _Entry("autoscaler.cli.convert", "KEDA, HPA, Knative and OpenFaaS settings as ScalingPolicy."),
    "check": _Entry("autoscaler.cli.check", "Every problem of settings and policies at once."),
    "status": _Entry("autoscaler.cli.status", "Tenants and functions: load, replicas, budget, reason."),
    "explain": _Entry("autoscaler.cli.explain", "Why a function has the replicas it has, in words."),
    "take-up": _Entry("autoscaler.cli.take_up", "Decide again on a function that was left to a foreign writer."),
    "simulate": _Entry("autoscaler.cli.simulate", "One simulation of a scenario, in virtual time."),
    "sweep": _Entry(
        "autoscaler.cli.sweep", "Policies × parameters × traces × seeds; who dominates, what meets an SLO."
    ),
    "recommend": _Entry(
        "autoscaler.cli.recommend", "Documents ready to commit, from a Prometheus or a trace, and an SLO."
    ),
    "trace": _Entry("autoscaler.cli.trace", "Recorded traffic: describe, fit, resample, convert."),
    "selftest": _Entry(
        "autoscaler.cli.selftest", "The simulator against reference tables: expected, got, pass or fail."
    ),
    "test": _Entry("autoscaler.cli.policy_test", "Policy tests: under a load over time, expect replicas and reasons."),
    "replay": _Entry("autoscaler.cli.replay", "A decision log once more: the same again, or under other policies."),
    "manifests": _Entry("autoscaler.cli.manifests", "What an admin applies for a tenant: rights, receiver, alerts."),
    "tenants": _Entry("autoscaler.cli.tenants", "A process that keeps that for every Tenant of a cluster."),
    "schema": _Entry("autoscaler.cli.schema", "JSON Schema of policies and settings."),
}


class _Commands(click.Group):
    """Commands that are imported when they are asked for."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        entry = COMMANDS.get(cmd_name)
        if entry is None:
            return None
        command: click.Command = importlib.import_module(entry.module).command
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, entry.summary) for name, entry in COMMANDS.items()])


_EPILOG = """\b
Try it without a cluster:
  autoscaler demo
\b
On a cluster, look before you write:
  autoscaler init
  autoscaler check --config settings.yaml
  autoscaler run --config settings.yaml --dry-run
  autoscaler explain shop/thumbnail
\b
Exit codes: 0 fine, 1 the thing asked about is not so, 2 wrong usage or configuration.
"""


@click.group(cls=_Commands, epilog=_EPILOG, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="faas-autoscaler", prog_name="autoscaler")
def root() -> None:
    """Scales the functions of many tenants on Kubernetes, and says why.

    It reads request rates from Prometheus, takes alerts from Alertmanager, applies the policies of each
    tenant, and writes replica counts of Deployments. It stands beside any gateway and is never a proxy.
    """


def main() -> None:
    """Run the command that the arguments name.

    kubectl finds its plugins by their file names: `kubectl autoscaler status` runs `kubectl-autoscaler status`.
    """
    is_plugin = PurePath(sys.argv[0]).stem == "kubectl-autoscaler"
    try:
        root(prog_name=PLUGIN if is_plugin else "autoscaler")
    except OSError as error:
        if error.errno not in _NO_ROOM:
            raise
        _say_unwritten(error)
        sys.exit(2)


def _say_unwritten(error: OSError) -> None:
    """Say that the output could not be written; what is left of it would only fail again at the end."""
    with Path(os.devnull).open("wb") as nowhere:
        os.dup2(nowhere.fileno(), 1)
    with suppress(OSError):  # where the standard error has no room either, the exit code says it alone
        click.echo(f"Error: The output cannot be written: {error.strerror}; it is not whole.", err=True)
