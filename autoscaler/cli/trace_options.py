"""Which trace the commands of `autoscaler trace` work on: a file, files of several days, or a span of a Prometheus."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

import click

from autoscaler.cli.errors import WrongConfiguration
from autoscaler.cli.prometheus_options import access_options, base_url, source_fields
from autoscaler.cli.times import duration_s, moment_s
from autoscaler.cli.trace_files import read_days, read_trace
from autoscaler.simulator.trace_sets.errors import TraceError
from autoscaler.simulator.trace_sets.formats import FORMATS
from autoscaler.simulator.trace_sets.plain import FIELDS
from autoscaler.simulator.trace_sets.trace_set import TraceSet

WITHIN_S = 600.0
"""Longest that reading a span of a Prometheus may take."""

_MOMENTS = "allowed: moments such as 2026-03-02T00:00:00Z, the beginning and the end of the span"

Command = TypeVar("Command", bound=Callable[..., object])


def trace_options(called: Command) -> Command:
    """Add what says where a trace is."""
    for option in (
        click.option("--end", metavar="TIME", help="Its end."),
        click.option("--start", metavar="TIME", help="Beginning of its span, such as 2026-03-02T00:00:00Z."),
        click.option("--prometheus", metavar="URL", help="A Prometheus in place of a file; needs --start and --end."),
        access_options,
        click.option(
            "--step", metavar="DURATION", help="Plain counts: length of a step. Default: as the times have it."
        ),
        click.option(
            "--column",
            "columns",
            multiple=True,
            metavar="FIELD=NAME",
            help=f"Plain tables: the column of a field, where it is named otherwise. Fields: {', '.join(FIELDS)}.",
        ),
        click.option("--format", "form", type=click.Choice(FORMATS), help="Format. Default: known by the first line."),
        click.argument("files", nargs=-1, metavar="[FILE]...", type=click.Path()),
    ):
        called = option(called)
    return called


def read_where(where: Mapping[str, Any]) -> TraceSet:
    """Read the trace that options name."""
    files = where["files"]
    if bool(files) == (where["prometheus"] is not None):
        raise WrongConfiguration("Which trace is not said; allowed: a FILE, or --prometheus with --start and --end")
    if where["prometheus"] is not None:
        return _read_prometheus(where)
    columns = dict(one.partition("=")[::2] for one in where["columns"])
    if wrong := [name for name in columns if name not in FIELDS or not columns[name]]:
        raise WrongConfiguration(
            f"--column {wrong[0]}={columns[wrong[0]]}; allowed: FIELD=NAME, fields {', '.join(FIELDS)}"
        )
    step_s = duration_s("--step", where["step"]) if where["step"] is not None else None
    try:
        if len(files) > 1:
            return read_days(files, where["form"])
        return read_trace(Path(files[0]), where["form"], columns=columns, step_s=step_s)
    except TraceError as error:
        raise WrongConfiguration("The trace cannot be used:", error.problems) from error


def _read_prometheus(where: Mapping[str, Any]) -> TraceSet:
    from autoscaler.cli.prometheus_span import PrometheusSpan
    from autoscaler.cli.trace_prometheus import read_span

    url = base_url("--prometheus", where["prometheus"])
    if missing := [f"--{name}" for name in ("start", "end") if where[name] is None]:
        raise WrongConfiguration(f"{' and '.join(missing)} {'is' if len(missing) == 1 else 'are'} missing; {_MOMENTS}")
    start_s, end_s = (moment_s(f"--{name}", where[name]) for name in ("start", "end"))
    if end_s <= start_s:
        raise WrongConfiguration("--end is not after --start; allowed: a later one")
    fields = source_fields(where["prometheus_token_file"], where["prometheus_ca_file"], where["prometheus_header"])
    span = PrometheusSpan.find(url, fields, start_s, end_s)
    return read_span(span, WITHIN_S)
