"""`autoscaler trace`: recorded traffic looked at, fitted, made larger or smaller, and written so that it is quick to read."""

from collections.abc import Mapping, Sequence
from typing import Any

import click
import numpy as np

from autoscaler.cli import trace_words as words
from autoscaler.cli.errors import NotSo, WrongConfiguration
from autoscaler.cli.output import console, output_option, print_json
from autoscaler.cli.trace_options import read_where, trace_options
from autoscaler.cli.trace_resample import convert, resample
from autoscaler.simulator.trace_sets.fitting import fit_arrivals, fit_percentiles, fit_service
from autoscaler.simulator.trace_sets.measures import measures, profiles
from autoscaler.simulator.trace_sets.trace_set import Events, TraceSet

MOST_SHOWN = 20
"""Functions shown in a table; JSON has them all."""

_EPILOG = """\b
Examples:
  autoscaler trace describe invocations_per_function_md.anon.d01.csv
      Azure's durations and memory are taken from the files beside it
  autoscaler trace fit requests.csv.gz --column function=route --column time=at
  autoscaler trace resample requests.parquet --scale 10 --sample 50 --write tenfold.parquet
  autoscaler trace resample --mix shop=shop.csv,blog=blog.csv --write two.parquet
  autoscaler trace convert --prometheus http://prometheus:9090 \\
      --start 2026-03-02T00:00:00Z --end 2026-03-03T00:00:00Z --write day.parquet
\b
A trace is a file of these formats, known by its first line, or a span of a Prometheus:
  azure2019   requests by minute; a folder, or invocations with durations and memory beside; of several days
              one after another (d01, d02, …)
  azure2021   app,func,end_timestamp,duration of each request
  azureLLM    TIMESTAMP,ContextTokens,GeneratedTokens
  opendc      a file, or a folder with one for each function
  ibm         configurations of Code Engine, without a load
  containers  containers needed in each minute: app,mem_mb,m0,m1,…
  plain       CSV or Parquet: function,time and, where known, namespace,tenant,duration,memory_mib;
              gap in place of time; requests, where a row is a count
\b
Exit codes: 0 fine, 1 it holds nothing to work on, 2 it cannot be read or used.
"""


@click.group(name="trace", epilog=_EPILOG)
def command() -> None:
    """Recorded traffic: describe, fit, resample, convert."""


@command.command()
@trace_options
@output_option
def describe(output: str, **where: Any) -> None:
    """What a trace is like: rates, bursts, timers, hours of the day.

    Dispersion is the variance of the counts of a function's steps (minutes) over their mean, CV that of gaps: 1 is
    Poisson, less is more regular, more is bursty.
    """
    trace_set = read_where(where)
    found, rows = measures(trace_set), list(enumerate(profiles(trace_set)))
    if output == "json":
        functions = [words.profile_document(trace_set, place, one) for place, one in rows]
        print_json({**words.set_document(trace_set, found), "functions": functions})
        return
    out = console(has_markup=False)
    words.print_set(out, trace_set, found)
    if trace_set.load is not None:
        rows.sort(key=lambda row: -row[1].requests)
        out.print(words.profiles_table(trace_set, rows[:MOST_SHOWN]))
        timers = sum(one.period_s is not None for _, one in rows)
        more = f" {len(rows) - MOST_SHOWN} more functions are in --output json." if len(rows) > MOST_SHOWN else ""
        out.print(f"{timers} of {len(rows)} functions are timers.{more}")


@command.command()
@trace_options
@click.option(
    "--function", "names", multiple=True, metavar="NAMESPACE/NAME", help="Of these alone. Default: the busiest 20."
)
@output_option
def fit(names: tuple[str, ...], output: str, **where: Any) -> None:
    """Simple models of each function, as a scenario has them, and how far they are from what was recorded.

    Arrivals: Poisson, a timer, or a rate of two states (mmpp); the distance is that of the dispersions of longer and
    longer steps: 0 alike, 0.69 a factor of two. Service times: lognormal; the distance is Kolmogorov and Smirnov's.
    """
    trace_set = read_where(where)
    documents = [_fitted(trace_set, place) for place in _places(trace_set, names)]
    if output == "json":
        print_json({"functions": documents})
        return
    if not documents:
        raise NotSo("The trace has no requests to fit anything to.")
    _print_fits(documents)


def _fitted(trace_set: TraceSet, place: int) -> dict[str, Any]:
    """Fit one function."""
    law = trace_set.functions[place].service
    its_own = trace_set.load.durations_of(place) if isinstance(trace_set.load, Events) else None
    service = fit_service(its_own) if its_own is not None else fit_percentiles(law) if law is not None else None
    return {
        "function": str(trace_set.functions[place].key),
        "requests": float(trace_set.totals()[place]),
        "arrivals": words.fit_document(fit_arrivals(trace_set, place)),
        "service": words.service_document(service),
    }


def _places(trace_set: TraceSet, names: Sequence[str]) -> list[int]:
    keys = {str(one.key): place for place, one in enumerate(trace_set)}
    if lost := [name for name in names if name not in keys]:
        allowed = f"functions of the trace, such as {next(iter(keys), 'none')}"
        raise WrongConfiguration(f"--function {lost[0]} is not in the trace; allowed: {allowed}")
    if names:
        return [keys[name] for name in names]
    totals = trace_set.totals()
    return [int(place) for place in np.argsort(-totals, kind="stable")[:MOST_SHOWN] if totals[place] > 0]


def _print_fits(documents: Sequence[Mapping[str, Any]]) -> None:
    out = console(has_markup=False)
    for one in documents:
        out.print(f"{one['function']}, {one['requests']:.0f} requests", style="bold", soft_wrap=True)
        if not one["arrivals"]:
            out.print("  too few requests to fit arrivals to")
        for place, model in enumerate(one["arrivals"]):
            mark = "→" if place == 0 else " "
            out.print(
                f"  {mark} workload: {_flow(model['workload'])}  distance {words.said(model['distance'])}",
                soft_wrap=True,
            )
            out.print(f"      keeps {', '.join(model['kept'])}; loses {', '.join(model['lost'])}", soft_wrap=True)
        if (service := one["service"]) is not None:
            tails = ", ".join(
                f"{name} {of['recorded']:.3g} s, {of['model']:.3g} s" for name, of in service["quantiles_s"].items()
            )
            law = _flow(service["serviceTimes"])
            out.print(
                f"    service: {service['service']}, serviceTimes: {law}  distance {words.said(service['distance'])}",
                soft_wrap=True,
            )
            out.print(f"      recorded and lognormal: {tails}", soft_wrap=True)


def _flow(value: Any) -> str:
    """Write a value as YAML's flow style."""
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{name}: {_flow(inner)}" for name, inner in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(_flow(inner) for inner in value) + "]"
    return str(value)


command.add_command(resample)
command.add_command(convert)
