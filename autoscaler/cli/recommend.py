"""`autoscaler recommend`: documents ready to commit, from a Prometheus or a trace, and an objective."""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import click

from autoscaler.cli.errors import NotSo, WrongConfiguration
from autoscaler.cli.output import output_option, print_json
from autoscaler.cli.recommend_files import check_folder, written
from autoscaler.cli.recommend_inputs import Defaults, documents_in_force, of_namespaces
from autoscaler.cli.recommend_run import Effort, recommended
from autoscaler.cli.recommend_words import as_json, document_texts, print_recommendation
from autoscaler.cli.times import duration_s
from autoscaler.cli.trace_options import read_where, trace_options
from autoscaler.simulator.scenario import ScenarioError
from autoscaler.simulator.slo import MEASURES, Slo, SloError, measure_names

_EPILOG = """\b
Examples:
  autoscaler recommend --prometheus http://127.0.0.1:9090 --start 2026-03-02T00:00:00Z --end 2026-03-09T00:00:00Z \\
      --slo 'p99_wait<=0.5' --write policies/
      a week of a real gateway; functions are found by its series
  autoscaler recommend requests.csv --slo 'p95_wait<=200ms,cold<=1%' > policies.yaml
      a recording; the documents on standard output, what speaks for them beside it
  autoscaler recommend requests.csv --slo 'p99_wait<=0.5' --policies policies/ --output json
      against what is in force: what changes, what is saved, and who gets worse
\b
The first part of the trace is learned from, the later part only tried on; every number said is of the later part.
The objective is of every function by itself. Service times are the trace's where it has them; of a Prometheus they are the
mean requests in flight by the requests/s. In counts requests come in clumps, as dense as those in flight, or neighbouring
steps, let one see.
Exit codes: 0 every promise was kept on the later part, 1 one was not, or nothing can be promised, 2 wrong input.
"""


@click.command(name="recommend", epilog=_EPILOG)
@trace_options
@click.option("--namespace", "-n", multiple=True, metavar="NAME", help="Functions of these alone. Default: all.")
@click.option("--slo", required=True, metavar="TEXT", help="What is required, such as 'p99_wait<=0.5,cold<=1%'.")
@click.option(
    "--minimize",
    default="replica_seconds",
    show_default=True,
    metavar="MEASURE",
    help="What shall be least: replica_seconds, gb_seconds, …",
)
@click.option(
    "--policies",
    metavar="PATH",
    type=click.Path(path_type=Path),
    help="Documents in force: a file or folder. Default: none.",
)
@click.option(
    "--service", default="100ms", show_default=True, metavar="DURATION", help="Mean service time that is not known."
)
@click.option("--start-up", default="5s", show_default=True, metavar="DURATION", help="Until a replica is ready.")
@click.option(
    "--concurrency-limit",
    default=1,
    show_default=True,
    type=click.IntRange(1, 10_000),
    help="Requests that a replica serves at once, where it is not known.",
)
@click.option("--no-zero", is_flag=True, help="Send no function to zero that goes not there now.")
@click.option(
    "--learn",
    default=0.67,
    show_default=True,
    type=click.FloatRange(0.1, 0.9),
    help="Share of the trace that is learned from.",
)
@click.option(
    "--margin",
    default=0.1,
    show_default=True,
    type=click.FloatRange(0, 0.9),
    help="Share of each bound to stay below while learning.",
)
@click.option("--seeds", default=3, show_default=True, type=click.IntRange(1, 100), help="Seeds of each trial.")
@click.option("--tick", default="2s", show_default=True, metavar="DURATION", help="Interval of decisions.")
@click.option("--processes", type=click.IntRange(1, 1024), help="Processes on this machine. Default: its processors.")
@click.option(
    "--write", metavar="DIR", type=click.Path(path_type=Path), help="Write documents here. Default: to the output."
)
@click.option("--force", is_flag=True, help="Replace files that are there.")
@output_option
def command(
    *,
    namespace: Sequence[str],
    slo: str,
    minimize: str,
    policies: Path | None,
    service: str,
    start_up: str,
    concurrency_limit: int,
    no_zero: bool,
    learn: float,
    margin: float,
    seeds: int,
    tick: str,
    processes: int | None,
    write: Path | None,
    force: bool,
    output: str,
    **where: Any,
) -> None:
    """Find the cheapest policies that keep an objective on a trace, and write them.

    FILE is recorded traffic in any format of `autoscaler trace`; a span of a Prometheus stands in its place.

    For every function: utilization, floor, keep-alive and look-back. For every tenant: guarantee and cap. What documents in
    force say beside these stays as it is.
    """
    objective = _objective(slo, minimize)
    defaults = Defaults(_duration("--service", service), _duration("--start-up", start_up), concurrency_limit)
    texts = {} if policies is None else documents_in_force(policies)
    if write is not None:
        check_folder(write, force)
    try:
        found = of_namespaces(read_where(where), frozenset(namespace) or None)
        effort = Effort(learn, margin, seeds, _duration("--tick", tick), processes or os.cpu_count() or 1, not no_zero)
        outcome = recommended(found, texts, objective, minimize, defaults, effort)
    except ScenarioError as error:
        raise WrongConfiguration("The documents cannot be used:", error.problems) from error
    documents = document_texts(outcome)
    files, failure = _tried_to_write(write, documents)
    if output == "json":
        print_json(as_json(outcome, files))
    else:
        print_recommendation(outcome, files)
        if not files:
            click.echo("---\n".join(documents.values()), nl=False)
    if failure is not None:
        raise failure
    if not outcome.is_kept:
        raise NotSo("Not every function keeps the objective: see above.")


def _tried_to_write(
    folder: Path | None, documents: Mapping[str, str]
) -> tuple[Sequence[Path], WrongConfiguration | None]:
    """Write documents, or say why not: then they are for the output, since learning them took minutes."""
    try:
        return ([] if folder is None else written(folder, documents)), None
    except WrongConfiguration as error:
        return [], error


def _objective(slo: str, minimize: str) -> Slo:
    try:
        if minimize not in MEASURES:
            measure_names([minimize])
            raise SloError(f"{minimize} is of many functions", "a measure of one function, such as replica_seconds")
        return Slo.parse(slo)
    except SloError as error:
        raise WrongConfiguration(f"--slo or --minimize: {error}") from None


def _duration(option: str, text: str) -> float:
    seconds = duration_s(option, text)
    if seconds <= 0:
        raise click.BadParameter(f"{text!r} is none; more than 0s is allowed", param_hint=option)
    return seconds
