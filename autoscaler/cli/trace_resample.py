"""`autoscaler trace resample` and `convert`: new traces, and Parquet that is quick to read."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click
import numpy as np

from autoscaler.cli import trace_words as words
from autoscaler.cli.errors import WrongConfiguration
from autoscaler.cli.output import console, output_option, print_json
from autoscaler.cli.times import duration_s
from autoscaler.cli.trace_options import read_where, trace_options
from autoscaler.policy.strict import DNS_NAME
from autoscaler.simulator.trace_sets.measures import measures
from autoscaler.simulator.trace_sets.resampling import mixed, sampled, scaled, shifted
from autoscaler.simulator.trace_sets.trace_set import Events, TraceSet
from autoscaler.simulator.trace_sets.workloads import placed_requests


@click.command()
@trace_options
@click.option("--scale", type=float, help="So many times the requests of each function.")
@click.option(
    "--wander",
    metavar="DURATION",
    default="30m",
    show_default=True,
    help="How far the copies of --scale are moved at most; 0s keeps bursts together.",
)
@click.option("--shift", metavar="DURATION", help="All of it so much later, around the trace's end; -1h is earlier.")
@click.option("--mix", metavar="TENANT=FILE,…", help="Several traces in place of FILE, each as one tenant.")
@click.option("--sample", type=click.IntRange(min=1), help="So many functions that stand for all.")
@click.option("--seed", type=click.IntRange(min=0), default=1, show_default=True, help="Seed of what is drawn.")
@click.option(
    "--write",
    type=click.Path(dir_okay=False),
    help="Parquet to write; what is there is replaced. Default: only say what it would be like.",
)
@output_option
def resample(
    scale: float | None,
    wander: str,
    shift: str | None,
    mix: str | None,
    sample: int | None,
    seed: int,
    write: str | None,
    output: str,
    **where: Any,
) -> None:
    """A new trace from a recorded one: more of it, later, of several, or less of it; what is kept and lost is said.

    In this order: mix, shift, scale, sample. The same seed gives the same trace.
    """
    trace_set = _mix(mix, where, seed) if mix is not None else read_where(where)
    wander_s = duration_s("--wander", wander)
    before, root = measures(trace_set), np.random.SeedSequence(seed)
    generators = [np.random.Generator(np.random.SFC64(one)) for one in root.spawn(2)]
    try:
        if shift is not None:
            trace_set = shifted(trace_set, _signed(shift))
        if scale is not None:
            trace_set = scaled(trace_set, scale, generators[0], wander_s)
        if sample is not None:
            trace_set = sampled(trace_set, sample, generators[1]).trace_set
    except ValueError as error:
        raise WrongConfiguration(f"It cannot be resampled so; allowed: {error}") from error
    if write is not None:
        _write(trace_set, write)
    rows = words.likeness(before, measures(trace_set))
    if output == "json":
        print_json({**words.set_document(trace_set, measures(trace_set)), "likeness": rows})
        return
    out = console(has_markup=False)
    for note in trace_set.notes:
        out.print(f"· {note}", soft_wrap=True)
    out.print(words.likeness_table(rows))


def _mix(mix: str, where: Mapping[str, Any], seed: int) -> TraceSet:
    """Read several traces; where one holds single requests, counts of others become such."""
    if where["files"] or where["prometheus"] is not None:
        raise WrongConfiguration("--mix names its files itself; allowed: no FILE and no --prometheus beside it")
    parts = [part.partition("=") for part in mix.split(",")]
    tenants = [tenant for tenant, _, _ in parts]
    if any(not re.fullmatch(DNS_NAME, tenant) or not file for tenant, _, file in parts) or len(set(tenants)) < len(
        tenants
    ):
        raise WrongConfiguration(f"--mix {mix}; allowed: TENANT=FILE,…, each tenant once, named as namespaces are")
    sets = {tenant: read_where({**where, "files": (file,)}) for tenant, _, file in parts}
    try:
        if any(isinstance(one.load, Events) for one in sets.values()):
            generator = np.random.Generator(np.random.SFC64(np.random.SeedSequence(seed, spawn_key=(2,))))
            sets = {
                tenant: one if isinstance(one.load, Events) else placed_requests(one, generator)
                for tenant, one in sets.items()
            }
        return mixed(sets)
    except ValueError as error:
        raise WrongConfiguration(f"These cannot be mixed; allowed: {error}") from error


@click.command()
@trace_options
@click.option(
    "--write", type=click.Path(dir_okay=False), required=True, help="Parquet to write; what is there is replaced."
)
@click.option("--from", "begin", metavar="DURATION", help="Only from here on, counted from the trace's beginning.")
@click.option("--to", "until", metavar="DURATION", help="Only up to here.")
@output_option
def convert(write: str, begin: str | None, until: str | None, output: str, **where: Any) -> None:
    """A trace as Parquet, sorted by function, with all that is known of it: several times quicker to read."""
    trace_set = read_where(where)
    if begin is not None or until is not None:
        from_s = duration_s("--from", begin) if begin is not None else 0.0
        to_s = duration_s("--to", until) if until is not None else trace_set.length_s
        try:
            trace_set = trace_set.between(from_s, to_s)
        except ValueError as error:
            raise WrongConfiguration(f"--from and --to; allowed: {error}") from error
    _write(trace_set, write)
    if output == "json":
        print_json({"file": write, **words.set_document(trace_set, measures(trace_set))})
        return
    console(has_markup=False).print(
        f"{write}: {len(trace_set)} functions, {trace_set.totals().sum():.0f} requests.", soft_wrap=True
    )


def _write(trace_set: TraceSet, file: str) -> None:
    from autoscaler.cli.trace_parquet import write_parquet

    write_parquet(trace_set, Path(file))


def _signed(text: str) -> float:
    """Read a duration that may be negative."""
    return -duration_s("--shift", text[1:]) if text.startswith("-") else duration_s("--shift", text)
