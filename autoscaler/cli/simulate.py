"""`autoscaler simulate`: one scenario in virtual time, with the daemon's own controller deciding."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter

import click
import numpy as np
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from autoscaler.cli import report as reports
from autoscaler.cli.errors import WrongConfiguration
from autoscaler.cli.minutes import is_minutes, simulate_minute_document
from autoscaler.cli.output import output_option
from autoscaler.cli.policy_files import texts_of
from autoscaler.cli.provenance import provenance
from autoscaler.cli.scenario_files import own_texts, read_text
from autoscaler.cli.simulate_words import print_result
from autoscaler.cli.traces import read_traces
from autoscaler.policy.problems import Problem
from autoscaler.simulator.compiled import IS_COMPILED
from autoscaler.simulator.invariants import InvariantError
from autoscaler.simulator.recorded import Traces
from autoscaler.simulator.report.ran import Ran
from autoscaler.simulator.result import as_document
from autoscaler.simulator.run import simulate
from autoscaler.simulator.scenario import CALLS, Scenario, ScenarioError, parse
from autoscaler.simulator.timeline import Timeline

MANY_REQUESTS = 2e6
"""Requests of a run from which on it takes more than a minute without compiled loops."""

_EPILOG = """\b
Examples:
  autoscaler simulate simulations/first-look/scenario.yaml
  autoscaler simulate simulations/tenant-cap/scenario.yaml --seed 7 --output json
  autoscaler simulate scenario.yaml --policies policies/
      the same traffic under other policies
  autoscaler simulate scenario.yaml --against policies/ --report run.html
      both, compared, as one page with pictures
  autoscaler simulate scenario.yaml --prometheus http://prometheus:9090 \\
      --query 'sum by (function_name) (rate(gateway_function_invocation_started[{step}]))' \\
      --start 2026-03-02T00:00:00Z --end 2026-03-03T00:00:00Z
      the same functions and policies under the traffic of that day
\b
A seed repeats a run to the byte. Exit codes: 0 it ran, 2 the scenario or a policy is wrong.
"""


@click.command(name="simulate", epilog=_EPILOG)
@click.argument("scenario", type=click.Path(dir_okay=False))
@click.option("--seed", type=click.IntRange(min=0), help="Seed of all randomness. Default: the scenario's.")
@click.option(
    "--policies", metavar="PATH", help="Policy documents used instead of the scenario's: a folder, or a file."
)
@click.option(
    "--against", metavar="PATH", help="What to compare with: another folder of policies, or another scenario."
)
@click.option("--report", metavar="FILE", help="Write the run as one HTML page with pictures, readable offline.")
@click.option("--prometheus", metavar="URL", help="Prometheus whose past is every function's traffic. Needs --query.")
@click.option("--query", metavar="PROMQL", help="Requests/s by function; {step} in it stands for the step.")
@click.option("--start", metavar="TIME", help="Beginning of the span, such as 2026-03-02T00:00:00Z.")
@click.option("--end", metavar="TIME", help="Its end; the run lasts as long as the span.")
@click.option("--step", metavar="DURATION", help="One rate a step. Default: 1m.")
@output_option
def command(
    scenario: str,
    seed: int | None,
    policies: str | None,
    against: str | None,
    report: str | None,
    output: str,
    **span: str | None,
) -> None:
    """Run one scenario in virtual time: who waited, how long, and what the replicas cost.

    SCENARIO is a YAML file: functions with their traffic, what befalls them, and policy documents. The decisions
    are made by the very code that the daemon runs, on loads with the lag and the gaps of Prometheus's scrapes.
    """
    path = Path(scenario)
    if report is not None:
        reports.needs_plotly(Path(report))
    try:
        text = read_text(path)
        if is_minutes(text):
            _refuse({"--seed": seed, "--policies": policies, "--against": against, "--report": report, **span})
            simulate_minute_document(path, text, output)
            return
        began_s = perf_counter()
        material = _material(path, text, policies, span)
        is_drawn = report is not None
        ran = _run(material, seed, is_drawn or _is_small(material.scenario))
        took_s = perf_counter() - began_s
        other = (
            None
            if against is None
            else _run(_other(against, path, text, span), ran.result.seed, ran.timeline is not None)
        )
    except ScenarioError as error:
        raise WrongConfiguration("The scenario cannot be run:", error.problems) from error
    except InvariantError as error:
        raise click.ClickException(
            f"The simulator contradicts itself, so no figure of this run holds: {error}"
        ) from error
    if output == "json":
        click.echo(_json(ran, other), nl=False)
    else:
        print_result(ran.result, took_s)
        reports.summary(ran, other)
    if report is not None:
        reports.write(Path(report), ran, other)


MOST_WATCHED = 50_000_000
"""Functions times ticks up to which the summary has lines over time without `--report`; 10,000 functions a day are nine times that."""


@dataclass(frozen=True, slots=True)
class Material:
    """Everything that one run needs, read.

    Attributes:
        name: what people call it: its folder of policies, or its file.
        scenario: the scenario.
        files: texts of its policy documents by name.
        traces: what its traffic needs.
    """

    name: str
    scenario: Scenario
    files: Mapping[str, str]
    traces: Traces


def _material(
    path: Path, text: str, policies: str | None, span: Mapping[str, str | None], option: str = "--policies"
) -> Material:
    parsed, others = parse(text, str(path))
    parsed = _under_span(parsed, span)
    files = texts_of(option, Path(policies)) if policies is not None else own_texts(path, parsed, others)
    traces = read_traces(path.parent, parsed, _say)
    for note in traces.notes:
        _say(note)
    return Material(policies or str(path), parsed.resolved(traces), files, traces)


def _other(against: str, path: Path, text: str, span: Mapping[str, str | None]) -> Material:
    """Read what a run is compared with: the same traffic under other policies, or another scenario."""
    if Path(against).is_dir():
        return _material(path, text, against, span, "--against")
    return _material(Path(against), read_text(Path(against)), None, span)


def _refuse(flags: Mapping[str, object]) -> None:
    given = [name if name.startswith("--") else f"--{name}" for name, value in flags.items() if value is not None]
    if given:
        raise click.UsageError(f"{given[0]} is not for a MinuteScenario, which has its deciders and no seed.")


def _json(ran: Ran, other: Ran | None) -> str:
    """Give the result; beside another, both by what they are."""
    if other is None:
        return ran.result.to_json().decode()
    both = {"result": as_document(ran.result), "against": as_document(other.result)}
    return json.dumps(both, sort_keys=True, indent=2) + "\n"


def _under_span(scenario: Scenario, span: Mapping[str, str | None]) -> Scenario:
    """Put every function under the span of a Prometheus that flags name; without flags nothing changes."""
    given = {name: value for name, value in span.items() if value is not None}
    if not given:
        return scenario
    missing = [name for name in ("prometheus", "query", "start", "end") if name not in given]
    if missing:
        problems = [Problem("flags", None, f"--{name}", "is missing", "this flag is needed") for name in missing]
        raise ScenarioError(problems)
    return scenario.under_span({"url": given.pop("prometheus"), **given}, "flags")


def _say(words: str) -> None:
    """Say something beside the result, which may be JSON."""
    click.echo(words, err=True)


def _is_small(scenario: Scenario) -> bool:
    """Tell whether looking at every tick, for a few lines of the summary, costs little beside the run."""
    return sum(1 for _ in scenario.specs()) * scenario.duration / scenario.tick <= MOST_WATCHED


def _run(material: Material, seed: int | None, is_watched: bool) -> Ran:
    scenario, timeline = material.scenario, Timeline()
    _tell_slow(scenario, material.traces)
    shown = Console(stderr=True)
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.percentage:.0f} %"),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=shown, transient=True, disable=not shown.is_terminal) as progress:
        task = progress.add_task("virtual time", total=scenario.duration)
        result = simulate(
            scenario,
            material.files,
            traces=material.traces,
            seed=seed,
            progress=lambda done_s: progress.update(task, completed=done_s),
            watch=timeline.watch if is_watched else None,
            provenance=provenance(scenario, material.files, material.traces),
        )
    return Ran(material.name, result, timeline if result.ticks and is_watched else None)


def _tell_slow(scenario: Scenario, traces: Traces) -> None:
    """Say of a large run without compiled loops how to make it fast."""
    if IS_COMPILED:
        return
    span_s = np.array([0.0, scenario.duration])
    calls = (workload for (_, name), workload in scenario.workloads(traces).items() if name == CALLS)
    expected = sum(float(np.diff(workload.cumulative(span_s))[0]) for workload in calls)
    if expected > MANY_REQUESTS:
        _say(
            f"{expected:,.0f} requests without numba take minutes; compiled they take seconds: "
            f"pip install 'faas-autoscaler[simulate]'"
        )
