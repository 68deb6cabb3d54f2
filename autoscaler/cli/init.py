"""`autoscaler init`: settings and documents to begin with, from what Prometheus and the cluster have."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import click

from autoscaler.adapters.kubernetes import ClusterError
from autoscaler.adapters.prometheus.errors import SourceError
from autoscaler.adapters.prometheus.survey import Survey
from autoscaler.cli.errors import NotSo, WrongConfiguration
from autoscaler.cli.kubeconfig import read_access
from autoscaler.cli.looking import sightings
from autoscaler.cli.onboarding import dns_name, duration_s
from autoscaler.cli.output import output_option, print_json
from autoscaler.cli.prometheus_options import HERE, access_options, base_url, source_fields
from autoscaler.cli.starting import Folder
from autoscaler.cli.surveying import deployed
from autoscaler.policy.settings import KubernetesSettings
from autoscaler.policy.source_settings import SourceSettings
from autoscaler.policy.starting.choosing import Start, choose
from autoscaler.policy.starting.documents import Place, documents, helm_values, settings_text
from autoscaler.policy.starting.words import (
    as_json,
    found_lines,
    label_commands,
    no_gateway_lines,
    unsure_lines,
    zero_lines,
)

FOLDER = "autoscaler-config"
_LISTEN, _METRICS = "127.0.0.1:8080", "127.0.0.1:9091"
_EPILOG = """\b
Examples:
  kubectl -n monitoring port-forward svc/prometheus 9090      in another terminal
  autoscaler init
      asks the Prometheus at http://127.0.0.1:9090 and the cluster of your kubeconfig; writes autoscaler-config/
  autoscaler init --namespace shop --zero-after 15m
      one namespace; its functions may go to zero
  autoscaler init --in-cluster-prometheus http://prometheus.monitoring:9090
      also writes values for the Helm chart, with the address that Prometheus has inside the cluster
\b
Nothing is changed but the folder. Exit codes: 0 written, 1 no gateway or no function was found, 2 wrong usage, or
Prometheus or the cluster cannot be asked.
"""


@dataclass(frozen=True, slots=True)
class _Asked:
    """Where to look, and where to write.

    Attributes:
        prometheus: base URL, as it is reached from here.
        in_cluster: base URL, as it is reached inside the cluster; None: not told.
        source: further settings of the source.
        kubernetes: settings of the cluster, as far as they were given.
        namespaces: what is looked at; None: everything.
        folder: where files go.
    """

    prometheus: str
    in_cluster: str | None
    source: Mapping[str, object]
    kubernetes: Mapping[str, object]
    namespaces: frozenset[str] | None
    folder: Folder


@click.command(name="init", epilog=_EPILOG)
@click.option(
    "--prometheus", default=HERE, show_default=True, metavar="URL", help="The Prometheus, as it is reached from here."
)
@click.option(
    "--in-cluster-prometheus",
    metavar="URL",
    help="The same Prometheus, as it is reached inside the cluster: writes values for the Helm chart too.",
)
@access_options
@click.option("--kubeconfig", metavar="FILE", help="Default: $KUBECONFIG, else ~/.kube/config.")
@click.option("--context", metavar="NAME", help="Context of the kubeconfig. Default: its current one.")
@click.option(
    "--namespace", "-n", multiple=True, metavar="NAME", help="Look here alone; repeat for more. Default: all."
)
@click.option("--tenant", metavar="NAME", help="One tenant for all namespaces. Default: one for each, named like it.")
@click.option("--zero-after", metavar="DURATION", help="To zero after silence of this length. Default: never.")
@click.option("--output-dir", default=FOLDER, show_default=True, metavar="DIR", help="Where to write.")
@click.option("--force", is_flag=True, help="Replace files that are there; a token that is there stays.")
@output_option
def command(
    *,
    prometheus: str,
    in_cluster_prometheus: str | None,
    prometheus_token_file: str | None,
    prometheus_ca_file: str | None,
    prometheus_header: Sequence[str],
    kubeconfig: str | None,
    context: str | None,
    namespace: Sequence[str],
    tenant: str | None,
    zero_after: str | None,
    output_dir: str,
    force: bool,
    output: str,
) -> None:
    """Find out what is there, and write settings, tenants and policies to begin with: in dry run.

    The gateway is known by its series in Prometheus; functions are the Deployments that carry the label faas_function or
    autoscaler.faas.dev/function. What is written is checked, and what is unsure is said.
    """
    kubernetes = {
        name: value for name, value in (("kubeconfig", kubeconfig), ("context", context)) if value is not None
    }
    asked = _Asked(
        prometheus=base_url("--prometheus", prometheus),
        in_cluster=None
        if in_cluster_prometheus is None
        else base_url("--in-cluster-prometheus", in_cluster_prometheus),
        source=source_fields(prometheus_token_file, prometheus_ca_file, prometheus_header),
        kubernetes=kubernetes,
        namespaces=frozenset(dns_name("--namespace", one) for one in namespace) or None,
        folder=Folder(Path(output_dir), is_forced=force),
    )
    owner = None if tenant is None else dns_name("--tenant", tenant)
    zero_after_s = None if zero_after is None else duration_s("--zero-after", zero_after)
    asked.folder.refuse_to_replace([asked.folder.settings, asked.folder.token])
    cluster = f"context {read_access(kubeconfig, context).context}"
    start = _look(asked)
    _refuse_nothing(asked, start, output)
    written = _write(asked, start, documents(start, owner, zero_after_s))
    problems = asked.folder.problems()
    if output == "json":
        found = {"prometheus": asked.prometheus, **as_json(start), "written": [str(path) for path in written]}
        print_json(
            {**found, "label_commands": label_commands(start.unlabelled), "problems": [str(one) for one in problems]}
        )
    else:
        _say(asked, start, cluster, written, [*zero_lines(start, zero_after_s), *_of_the_place(asked)])
    if problems:
        raise WrongConfiguration("What was written has problems:", problems)


def _look(asked: _Asked) -> Start:
    """Ask Prometheus and the cluster.

    Raises:
        WrongConfiguration: one of them cannot be asked.
    """
    source = SourceSettings.model_validate(
        {"url": asked.prometheus, **asked.source, "gateways": [{"profile": "openfaas"}]}
    )
    try:
        with Survey(source) as survey:
            found = list(sightings(survey))
    except SourceError as error:
        allowed = (
            "the base URL of a Prometheus that answers from here; `kubectl port-forward` makes one, and where it asks who "
            "you are, --prometheus-token-file or --prometheus-header says it"
        )
        raise WrongConfiguration(f"--prometheus {asked.prometheus}: {error}; allowed: {allowed}") from None
    try:
        settings = KubernetesSettings.model_validate(asked.kubernetes)
        there = asyncio.run(deployed(settings, asked.namespaces))
    except ClusterError as error:
        allowed = "a context that may list Deployments; --namespace asks for some namespaces alone"
        raise WrongConfiguration(f"The cluster cannot be asked: {error}; allowed: {allowed}") from None
    return choose(found, there, asked.namespaces)


def _refuse_nothing(asked: _Asked, start: Start, output: str) -> None:
    """Write nothing where there is nothing to scale.

    Raises:
        NotSo: there is no gateway, or no function.
    """
    lines: list[str] = []
    if not start.gateways:
        lines = no_gateway_lines(asked.prometheus)
    elif not start.namespaces:
        within = f" in {', '.join(sorted(asked.namespaces))}" if asked.namespaces is not None else ""
        lines = [
            f"No Deployment{within} calls itself a function, and no series of {start.gateways[0].profile} names one.",
            "Label those that are: kubectl -n NAMESPACE label deployment NAME autoscaler.faas.dev/function=true",
        ]
    if lines and output == "json":
        print_json({"prometheus": asked.prometheus, **as_json(start), "written": []})
    if lines:
        raise NotSo("\n".join([*lines, "Nothing was written."]))


def _write(asked: _Asked, start: Start, policies: Mapping[str, str]) -> list[Path]:
    """Write everything, or nothing where a file is there already; give what was written.

    Raises:
        WrongConfiguration: a file is there already, or cannot be written.
    """
    folder = asked.folder
    here = Place(
        prometheus=asked.prometheus,
        policies=str(folder.policies),
        listen=_LISTEN,
        metrics_listen=_METRICS,
        decision_log=str(folder.path / "decisions"),
        kubernetes=asked.kubernetes,
        leadership=False,
        source=asked.source,
    )
    texts = {folder.settings: settings_text(start, here, folder.token_sha256)}
    texts |= {folder.policies / name: text for name, text in policies.items()}
    if asked.in_cluster is not None:
        values = helm_values(start, asked.in_cluster, asked.source, folder.token_sha256, policies)
        texts[folder.helm_values] = values
    return folder.write(texts)


def _say(asked: _Asked, start: Start, cluster: str, written: Sequence[Path], further: Sequence[str]) -> None:
    """Say what was found, what is unsure, what was written, and what comes next."""
    for line in found_lines(start, asked.prometheus, cluster):
        click.echo(line)
    unsure = [*unsure_lines(start), *further]
    if unsure:
        click.echo("\nUnsure:")
    for line in unsure:
        click.echo(f"- {line}")
    commands = label_commands(start.unlabelled)
    if commands:
        click.echo("\nThe gateway names these, and they do not call themselves functions. To have them scaled:")
    for line in commands:
        click.echo(f"  {line}")
    click.echo("\nWritten, in dry run, and checked:")
    for path in written:
        click.echo(f"  {path}")
    click.echo("\nNext, from this folder:")
    click.echo(f"  autoscaler run --config {asked.folder.settings}      (decides, writes nothing; leave it open)")
    click.echo(f"  autoscaler status --token-file {asked.folder.token}")
    if asked.in_cluster is not None:
        click.echo("Or in the cluster, with the image that you built:")
        click.echo(
            f"  helm install autoscaler manifests/chart -n autoscaler --create-namespace --values {asked.folder.helm_values} "
            "--set image.repository=REGISTRY/faas-autoscaler"
        )


def _of_the_place(asked: _Asked) -> list[str]:
    lines = []
    host = urlsplit(asked.prometheus).hostname or ""
    if asked.in_cluster is None and (host == "localhost" or host.startswith("127.")):
        lines.append(
            f"{asked.prometheus} is an address of this machine: a daemon in the cluster needs Prometheus's own "
            "(--in-cluster-prometheus http://NAME.NAMESPACE:PORT)."
        )
    if asked.in_cluster is not None and asked.source:
        lines.append("helm-values.yaml names files of this machine: mount yours, and say where they are.")
    return lines
