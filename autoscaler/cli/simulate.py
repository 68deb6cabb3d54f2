"""`autoscaler simulate`: one scenario in virtual time, with the daemon's own controller deciding."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from time import perf_counter

import click
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from autoscaler.adapters import files as folders
from autoscaler.cli.errors import WrongConfiguration
from autoscaler.cli.output import console, output_option
from autoscaler.cli.traces import read_traces
from autoscaler.policy.problems import Problem
from autoscaler.policy.quantities import format_duration
from autoscaler.simulator.result import Gap, Result, Row
from autoscaler.simulator.run import simulate
from autoscaler.simulator.scenario import Scenario, ScenarioError, Traces, parse

MAX_BYTES = 4 << 20
MOST_GAPS = 5
"""Stretches without data named in words; JSON has them all."""

MOST_SHOWN = 40
"""Functions shown in a table; JSON has them all."""

_EPILOG = """\b
Examples:
  autoscaler simulate simulations/first-look/scenario.yaml
  autoscaler simulate simulations/tenant-cap/scenario.yaml --seed 7 --output json
  autoscaler simulate scenario.yaml --policies policies/
      the same traffic under other policies
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
@click.option("--policies", metavar="DIR", help="Folder of policy documents used instead of the scenario's.")
@click.option("--prometheus", metavar="URL", help="Prometheus whose past is every function's traffic. Needs --query.")
@click.option("--query", metavar="PROMQL", help="Requests/s by function; {step} in it stands for the step.")
@click.option("--start", metavar="TIME", help="Beginning of the span, such as 2026-03-02T00:00:00Z.")
@click.option("--end", metavar="TIME", help="Its end; the run lasts as long as the span.")
@click.option("--step", metavar="DURATION", help="One rate a step. Default: 1m.")
@output_option
def command(scenario: str, seed: int | None, policies: str | None, output: str, **span: str | None) -> None:
    """Run one scenario in virtual time: who waited, how long, and what the replicas cost.

    SCENARIO is a YAML file: functions with their traffic, what befalls them, and policy documents. The decisions
    are made by the very code that the daemon runs, on loads with the lag and the gaps of Prometheus's scrapes.
    """
    path = Path(scenario)
    try:
        parsed, others = parse(_text(path), str(path))
        parsed = _under_span(parsed, span)
        files = _folder(Path(policies)) if policies is not None else _files(path, parsed, others)
        traces = read_traces(path.parent, parsed, _say)
        began_s = perf_counter()
        result = _run(parsed, files, traces, seed)
    except ScenarioError as error:
        raise WrongConfiguration("The scenario cannot be run:", error.problems) from error
    if output == "json":
        click.echo(result.to_json().decode(), nl=False)
    else:
        _print(result, perf_counter() - began_s)


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


def _run(scenario: Scenario, files: dict[str, str], traces: Traces, seed: int | None) -> Result:
    shown = Console(stderr=True)
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.percentage:.0f} %"),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=shown, transient=True, disable=not shown.is_terminal) as progress:
        task = progress.add_task("virtual time", total=scenario.duration)
        return simulate(
            scenario,
            files,
            traces=traces,
            seed=seed,
            progress=lambda done_s: progress.update(task, completed=done_s),
        )


def _files(path: Path, scenario: Scenario, others: str) -> dict[str, str]:
    """Give the policy documents that a scenario names, and those in its own file."""
    files = {str(path.parent / name): _text(path.parent / name) for name in scenario.policies}
    return files | ({str(path): others} if others.strip() else {})


def _folder(folder: Path) -> dict[str, str]:
    """Read a folder as the daemon reads it."""
    if not folder.is_dir():
        raise ScenarioError([Problem(str(folder), None, "", "is no folder", "a folder of policy documents")])
    found = {str(folder / name): text for name, text in folders.read(folder).items()}
    if not found:
        allowed = "*.yaml or *.yml directly in it"
        raise ScenarioError([Problem(str(folder), None, "", "holds no policy documents", allowed)])
    return found


def _text(path: Path) -> str:
    try:
        if path.stat().st_size > MAX_BYTES:
            raise ScenarioError([Problem(str(path), None, "", "is too large", f"at most {MAX_BYTES} bytes")])
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise ScenarioError([Problem(str(path), None, "", "is no text", "UTF-8")]) from error
    except OSError as error:
        wrong = f"cannot be read: {error.strerror}"
        raise ScenarioError([Problem(str(path), None, "", wrong, "a file that can be read")]) from error


def _print(result: Result, took_s: float) -> None:
    out = console()
    requests = sum(row.requests for row in result.tenants)
    out.print(_table("Tenants", result.tenants, is_tenants=True))
    out.print(_table("Functions", result.functions[:MOST_SHOWN], is_tenants=False))
    if len(result.functions) > MOST_SHOWN:
        out.print(f"… and {len(result.functions) - MOST_SHOWN} functions more; --output json has them all.")
    changes = ", ".join(f"{name} {number}" for name, number in result.changes.items()) or "none"
    out.print(f"Changes by reason: {changes}")
    out.print(f"Decisions by reason: {', '.join(f'{name} {number}' for name, number in result.decided.items())}")
    _print_gaps(result.gaps)
    out.print(
        f"{result.title or 'Scenario'}: {result.duration_s:g} virtual seconds, {result.ticks} ticks, "
        f"{requests} requests in {took_s:.1f} s. Seed {result.seed}."
    )
    if homeless := [row.function or "" for row in result.functions if not row.tenant]:
        more = f" and {len(homeless) - 1} more" if len(homeless) > 1 else ""
        out.print(f"Nothing scaled {homeless[0]}{more}: no tenant has their namespace.", soft_wrap=True)


def _print_gaps(gaps: Sequence[Gap]) -> None:
    """Say what was not known of recorded traffic: silence there is no measurement."""
    out = console()
    for gap in gaps[:MOST_GAPS]:
        what = f"{gap.function}'s {gap.metric}" if gap.metric else gap.function
        span = f"from {format_duration(gap.from_s)} to {format_duration(gap.to_s)}"
        out.print(f"No data of {what} {span}: nothing arrives then.", soft_wrap=True)
    if len(gaps) > MOST_GAPS:
        lost_s = sum(gap.to_s - gap.from_s for gap in gaps)
        out.print(f"… and {len(gaps) - MOST_GAPS} stretches more, {lost_s:g} s in all; --output json has them all.")


def _table(title: str, rows: tuple[Row, ...], is_tenants: bool) -> Table:
    table = Table(title=title, title_justify="left")
    table.add_column("tenant")
    if not is_tenants:
        table.add_column("function")
    for name in ("requests", "cold", "refused", "wait p50", "p95", "max", "replica-seconds", "most replicas"):
        table.add_column(name, justify="right")
    for row in rows:
        names = [row.tenant or "(none)"] if is_tenants else [row.tenant or "(none)", row.function or ""]
        counts = [str(row.requests), str(row.cold), str(row.refused)]
        waits = [_seconds(wait_s) for wait_s in (row.wait_p50_s, row.wait_p95_s, row.wait_max_s)]
        table.add_row(*names, *counts, *waits, f"{row.replica_seconds:.0f}", str(row.replicas_max))
    return table


def _seconds(seconds: float | None) -> str:
    return "–" if seconds is None else f"{seconds:.2f} s"
