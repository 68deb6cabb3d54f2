"""`autoscaler simulate` of a comparison on counts per minute: every decider over the same trace."""

import re
from dataclasses import replace
from pathlib import Path
from time import perf_counter

import click
import numpy as np
import orjson
from rich.table import Table

from autoscaler.cli.output import console, print_json
from autoscaler.cli.trace_files import read_trace
from autoscaler.policy.parsing import read_documents
from autoscaler.policy.problems import Problem
from autoscaler.policy.quantities import format_duration
from autoscaler.simulator.baselines.settings import BOUND_OF_ORACLE, ORACLE
from autoscaler.simulator.minutes.counts import MinuteCounts, MinuteCountsError
from autoscaler.simulator.minutes.document import KIND, MinuteScenario, parse
from autoscaler.simulator.minutes.from_traces import UNKNOWN_SERVICE_S, counts_of
from autoscaler.simulator.minutes.result import QUANTILES, MinuteResult
from autoscaler.simulator.scenario import ScenarioError
from autoscaler.simulator.trace_sets.errors import TraceError
from autoscaler.simulator.trace_sets.trace_set import TraceSet

_KIND_LINE = re.compile(rf"^kind:\s*['\"]?{KIND}\b", re.MULTILINE)


def is_minutes(text: str) -> bool:
    """Tell whether a file is such a comparison, whatever else is wrong with it."""
    return _KIND_LINE.search(text) is not None


def simulate_minute_document(path: Path, text: str, output: str) -> None:
    """Run the comparison that a file describes, and print it.

    Raises:
        ScenarioError: the document or its trace cannot be used.
    """
    scenario = parse(text, str(path))
    counts, trace_set = read_counts(path, scenario)
    for note in trace_set.notes:
        click.echo(note, err=True)
    began_s = perf_counter()
    try:
        results = scenario.run(counts)
    except ScenarioError as error:
        lines = read_documents(str(path), text)[0].lines
        located = (replace(one, file=str(path), line=lines.get(one.path)) for one in error.problems)
        raise ScenarioError(list(located)) from error
    except MinuteCountsError as error:
        raise ScenarioError([Problem(str(path), None, "trace", "has an impossible count", str(error))]) from error
    took_s = perf_counter() - began_s
    if output == "json":
        found = [orjson.loads(result.to_json()) for result in results]
        trace = {"source": trace_set.source, "notes": trace_set.notes}
        print_json({"title": scenario.title, "trace": trace, "deciders": found})
    else:
        _print(scenario, counts, results, took_s)


def read_counts(path: Path, scenario: MinuteScenario) -> tuple[MinuteCounts, TraceSet]:
    """Read the counts that a comparison decides on, and the trace that they are from.

    Args:
        path: the document's file; the trace is relative to it.

    Raises:
        ScenarioError: the trace cannot be read, or has no counts.
    """
    trace_set, use = _trace_set(path, scenario), scenario.trace
    said = use.model_fields_set
    try:
        counts = counts_of(
            trace_set,
            use.service or UNKNOWN_SERVICE_S,
            memory_gb=use.memory if "memory" in said else None,
            concurrency_limit=use.concurrency_limit if "concurrency_limit" in said else None,
        )
    except ValueError as error:
        raise ScenarioError([Problem(str(path), None, "trace", "has no counts to decide on", str(error))]) from error
    unknown = 0 if use.service else sum(trace_set.service_s(place) is None for place in range(len(trace_set)))
    if unknown and counts.requests is not None:
        note = f"{unknown} of {len(trace_set)} functions are without service times: {UNKNOWN_SERVICE_S:g} s is taken."
        trace_set = trace_set.noting(note)
    return counts, trace_set


def _trace_set(path: Path, scenario: MinuteScenario) -> TraceSet:
    """Read the trace, and choose of it what the document wants."""
    use = scenario.trace
    generator = np.random.Generator(np.random.SFC64(np.random.SeedSequence(use.seed)))
    try:
        found = read_trace(path.parent / use.file, use.format, columns=use.columns, step_s=use.step)
        return use.chosen(found, generator)
    except TraceError as error:
        raise ScenarioError(error.problems) from error
    except ValueError as error:
        raise ScenarioError([Problem(str(path), None, "trace", "cannot be used so", str(error))]) from error


def _print(scenario: MinuteScenario, counts: MinuteCounts, results: tuple[MinuteResult, ...], took_s: float) -> None:
    table = Table(title=scenario.title or None, title_justify="left")
    table.add_column("decider")
    quantiles = [f"p{100 * quantile:g}" for quantile in QUANTILES]
    first, *others = quantiles
    for name in (
        "cold starts",
        f"cold by function {first}",
        *others,
        "containers",
        "most",
        "GB-s",
        "idle GB-s",
        "waste",
    ):
        table.add_column(name, justify="right")
    for result in results:
        table.add_row(*_cells(result, results[0]))
    out = console(has_markup=False)
    out.print(table)
    steps = f"{counts.steps} steps of {format_duration(counts.step_s)}"
    out.print(
        f"{len(counts.names)} functions, {steps}, {len(results)} deciders in {took_s:.2f} s. Waste: idle GB-s, the first one's being 1."
    )
    if any(decider.type == ORACLE for decider in scenario.deciders):
        out.print(BOUND_OF_ORACLE, soft_wrap=True)


def _cells(result: MinuteResult, base: MinuteResult) -> list[str]:
    total, waste = result.total, result.waste_relative(base)
    fractions = [result.cold_fraction_quantile(quantile) for quantile in QUANTILES]
    return [
        result.policy,
        str(total.cold),
        *("–" if fraction is None else f"{100 * fraction:.1f} %" for fraction in fractions),
        f"{total.allocated_steps / result.counts.steps:.1f}",
        str(int(result.allocated_by_step.max())),
        f"{total.allocated_gb_s:.0f}",
        f"{total.idle_gb_s:.0f}",
        "–" if waste is None else f"{waste:.2f}",
    ]
