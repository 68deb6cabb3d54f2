"""`autoscaler convert`: settings of other autoscalers as ScalingPolicy documents."""

import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import click

from autoscaler.adapters import files
from autoscaler.cli.errors import WrongConfiguration
from autoscaler.cli.onboarding import dns_name
from autoscaler.cli.output import print_json
from autoscaler.policy.conversion import Converted, Made, Remark, Wanted, convert
from autoscaler.policy.conversion.rendering import tenant, text
from autoscaler.policy.problems import Problem

_EPILOG = """\b
Examples:
  autoscaler convert scaledobject.yaml
      one ScalingPolicy for each function; what is not carried stands beside it and on the error output
  kubectl get scaledobjects,hpa,deployments -A -o yaml | autoscaler convert - --output-dir policies
      everything of a cluster; Deployments say what a share of their cpu is in cores
  autoscaler convert stack.yml --namespace openfaas-fn --tenant shop
      with a Tenant that has these namespaces, so that `autoscaler check` accepts the file as it is
\b
Exit codes: 0 everything was read, 1 something could not be converted, 2 wrong usage.
"""

_MOST_ALIKE = 5
"""Lines that differ by their object alone, of which so many are printed."""


@click.command(name="convert", epilog=_EPILOG)
@click.argument("paths", nargs=-1, required=True, metavar="FILE...")
@click.option("--output-dir", metavar="DIR", help="A file for each policy, in a folder; nothing there is overwritten.")
@click.option("--namespace", "-n", metavar="NAME", help="Namespace of objects that name none.")
@click.option("--tenant", "tenant_name", metavar="NAME", help="A Tenant with all these namespaces too.")
@click.option(
    "--dry-run/--live",
    "is_dry_run",
    default=True,
    show_default=True,
    help="Policies decide and record, and write nothing until `dryRun: true` is taken out; or write at once.",
)
@click.option(
    "--output",
    type=click.Choice(["yaml", "json"]),
    default="yaml",
    show_default=True,
    help="Documents for `check` and kubectl, or JSON for programs, with everything that is not carried.",
)
def command(
    paths: Sequence[str],
    output_dir: str | None,
    namespace: str | None,
    tenant_name: str | None,
    is_dry_run: bool,
    output: str,
) -> None:
    """Write the policies that FILEs come to, and name every field that is not carried, with why.

    FILE is a manifest, what `kubectl get -o yaml` prints, or an OpenFaaS stack file; - is the standard input. Converted are
    KEDA's ScaledObjects (triggers of Prometheus, cron and cpu), HorizontalPodAutoscalers, annotations of Knative
    Services and labels com.openfaas.scale.*.
    """
    for option, name in (("--namespace", namespace), ("--tenant", tenant_name)):
        if name is not None:
            dns_name(option, name)
    found = convert({path: _read(path) for path in paths}, Wanted(namespace, is_dry_run))
    if output_dir is not None and found.made:
        _write(Path(output_dir), found, tenant_name)
    if output == "json":
        print_json(_as_json(found, tenant_name))
    elif output_dir is None:
        click.echo(text(found, tenant_name), nl=False)
    if output == "yaml":
        _tell(found, output_dir)
    raise click.exceptions.Exit(1 if found.problems or not found.made else 0)


def _read(path: str) -> str:
    if path == "-":
        return sys.stdin.buffer.read().decode("utf-8", errors="surrogateescape")
    place = Path(path)
    if not files.has_text(place):
        why = "is a folder" if place.is_dir() else "is no file" if place.exists() else "is not there"
        raise WrongConfiguration(f"{path} {why}; allowed: files, or - for the standard input")
    return files.text(place)


def _write(folder: Path, found: Converted, tenant_name: str | None) -> None:
    """Write a file for each policy; where one is there already, none is written.

    Raises:
        WrongConfiguration: one is there, or the folder cannot be written.
    """
    texts = {f"{'-'.join(made.key)}.yaml": text(Converted((made,), (), ()), None) for made in found.made}
    if tenant_name is not None:
        texts[f"tenant-{tenant_name}.yaml"] = text(Converted((), (), ()), None, tenant(tenant_name, found))
    try:
        folder.mkdir(parents=True, exist_ok=True)
        there = [name for name in texts if (folder / name).exists()]
        if there:
            raise WrongConfiguration(f"{folder / there[0]} is there already; allowed: a folder without it")
        for name, content in texts.items():
            (folder / name).write_text(content, encoding="utf-8")
    except OSError as error:
        raise WrongConfiguration(f"{folder} cannot be written: {error.strerror}; allowed: a folder") from None


def _tell(found: Converted, output_dir: str | None) -> None:
    """Say what is not carried, what could not be read, and how much came of it, on the error output."""
    problems = [(f"{one.path} {one.wrong}", str(one)) for one in found.problems]
    remarks = [(one.words, str(one)) for one in found.remarks]
    for line in (*_without_repetition(problems), *_without_repetition(remarks)):
        click.echo(line, err=True)
    count = f"{len(found.made)} {'policy' if len(found.made) == 1 else 'policies'}"
    where = "" if output_dir is None or not found.made else f" in {output_dir}"
    left = sum(not one.is_carried for one in found.remarks)
    click.echo(f"{count}{where}; not carried: {left}; problems: {len(found.problems)}", err=True)


def _without_repetition(lines: Sequence[tuple[str, str]]) -> Iterator[str]:
    """Give what is said of a thousand objects alike for the first few of them.

    Args:
        lines: of each line what is the same for all that say the same, and the line.
    """
    alike: dict[str, list[str]] = {}
    for same, line in lines:
        alike.setdefault(same, []).append(line)
    for told in alike.values():
        yield from told[:_MOST_ALIKE]
        if len(told) > _MOST_ALIKE:
            yield f"  and {len(told) - _MOST_ALIKE} more like the last; --output json names all of them"


def _as_json(found: Converted, tenant_name: str | None) -> dict[str, object]:
    return {
        **({} if tenant_name is None else {"tenant": tenant(tenant_name, found)}),
        "policies": [_made(one) for one in found.made],
        "not_carried": [_remark(one) for one in found.remarks if not one.is_carried],
        "notes": [_remark(one) for one in found.remarks if one.is_carried],
        "problems": [_problem(one) for one in found.problems],
    }


def _made(made: Made) -> dict[str, object]:
    return {"file": made.file, "line": made.line, "source": made.source, "policy": made.document}


def _remark(remark: Remark) -> dict[str, object]:
    return {"file": remark.file, "line": remark.line, "path": remark.path, "why": remark.words}


def _problem(problem: Problem) -> dict[str, object]:
    return {
        "file": problem.file,
        "line": problem.line,
        "path": problem.path,
        "wrong": problem.wrong,
        "allowed": problem.allowed,
    }
