"""`autoscaler sweep`: policies × parameters × traces × seeds, and who dominates, what meets an objective."""

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from functools import partial
from importlib.metadata import version
from pathlib import Path
from time import perf_counter

import click

from autoscaler.cli import report as reports
from autoscaler.cli.errors import NotSo, WrongConfiguration
from autoscaler.cli.output import output_option, print_json
from autoscaler.cli.sweep_flags import with_flags
from autoscaler.cli.sweep_material import Opened, deciders_of, open_study, problems_before
from autoscaler.cli.sweep_pools import Pool, cluster, local
from autoscaler.cli.sweep_run import Sweep, measure, shown
from autoscaler.cli.sweep_search import Searched, search
from autoscaler.cli.sweep_store import opened
from autoscaler.cli.sweep_words import as_json, duration_words, print_outcome, print_searches
from autoscaler.cli.sweep_work import Worker, read_before
from autoscaler.policy.problems import Problem
from autoscaler.simulator.baselines.settings import BOUND_OF_ORACLE, ORACLE
from autoscaler.simulator.scenario import Scenario, ScenarioError
from autoscaler.simulator.sweeps.grid import Cell, Grid, cell_key
from autoscaler.simulator.sweeps.outcome import SweepOutcome, outcome_of
from autoscaler.simulator.sweeps.running import WorkersLostError
from autoscaler.simulator.sweeps.study import Study, StudyError

MOST_CELLS = 1_000_000
"""Cells of a sweep at most, unless `--yes` says otherwise."""

_EPILOG = """\b
Examples:
  autoscaler sweep simulations/keep-alive/study.yaml
  autoscaler sweep study.yaml --report sweep.html
  autoscaler sweep study.yaml --slo 'p99_wait<=0.5' --minimize replicas
      the cheapest of the grid that keeps it, by successive halving
  autoscaler sweep study.yaml --slo 'p99_wait<=0.5' --minimize replicas --over decider.replicas=1:50
      the smallest value that keeps it, by bisection
  autoscaler sweep study.yaml --scheduler tcp://scheduler:8786
      on a Dask cluster
\b
Killed and started again it goes on where it was: results are kept in --results, by what each was run with.
How to write a study: docs/sweeps.md.
Exit codes: 0 every run went well (and a search found something), 1 not so, 2 the study or a flag is wrong.
"""


@dataclass(frozen=True, slots=True)
class Flags:
    """What was typed beside the study.

    Attributes:
        results: folder of the results; None: `STUDY.results` in the current folder.
        processes: on this machine; None: one for each processor.
        scheduler: address of a Dask scheduler; None: on this machine.
        is_fresh: forget what is in the folder.
        may_be_long: run however many cells there are.
    """

    results: str | None
    processes: int | None
    scheduler: str | None
    is_fresh: bool
    may_be_long: bool


@click.command(name="sweep", epilog=_EPILOG)
@click.argument("study", type=click.Path(dir_okay=False))
@click.option("--results", metavar="DIR", help="Folder of the results. Default: STUDY.results in the current folder.")
@click.option("--processes", type=click.IntRange(1, 1024), help="Processes on this machine. Default: its processors.")
@click.option("--scheduler", metavar="ADDRESS", help="Dask scheduler whose workers run the cells: tcp://HOST:PORT.")
@click.option("--slo", metavar="TEXT", help="What is required: 'p99_wait<=0.5,cold<=1%'. Default: the study's.")
@click.option(
    "--each", type=click.Choice(["all", "tenant", "function"]), help="Of whom --slo is required. Default: all."
)
@click.option("--minimize", metavar="MEASURE", help="Search for the cheapest that keeps the objective.")
@click.option("--over", metavar="PATH=LOW:HIGH[:STEP]", help="Bisect this parameter; more of it costs more.")
@click.option("--fresh", is_flag=True, help="Forget the results that are there.")
@click.option("--yes", is_flag=True, help=f"Run more than {MOST_CELLS} cells too.")
@click.option("--report", metavar="FILE", help="Write pictures and tables as one HTML file.")
@output_option
def command(
    study: str,
    results: str | None,
    processes: int | None,
    scheduler: str | None,
    fresh: bool,
    yes: bool,
    report: str | None,
    output: str,
    **objective: str | None,
) -> None:
    """Run a scenario under many policies, parameters, traces and seeds, and compare what they cost and who waits.

    STUDY is a YAML file that names a scenario and what is varied. Policies meet the same requests under a seed, so
    their differences are theirs.
    """
    if report is not None:
        reports.needs_plotly(Path(report))
    flags = Flags(results, processes, scheduler, fresh, yes)
    began_s = perf_counter()
    try:
        opened_study = with_flags(open_study(Path(study)), objective)
        outcome, searches, cells, file = _sweep(opened_study, flags)
    except (StudyError, ScenarioError) as error:
        raise WrongConfiguration("The study cannot be run:", error.problems) from error
    took_s = perf_counter() - began_s
    foot = _provenance(opened_study)
    if output == "json":
        print_json(as_json(outcome, searches, cells=cells, took_s=took_s, file=file, provenance=foot))
    else:
        print_outcome(outcome)
        print_searches(searches, outcome)
        click.echo(f"{cells} {'run' if cells == 1 else 'runs'} in {duration_words(took_s)}; every number: {file}")
    if report is not None:
        reports.write_sweep(Path(report), outcome, foot)
    _judge(outcome, searches)


def _judge(outcome: SweepOutcome, searches: Sequence[Searched]) -> None:
    if outcome.failures:
        count = len(outcome.failures)
        raise NotSo(f"{count} {'run' if count == 1 else 'runs'} failed; the others are kept.")
    if searches and all(one.found.best is None for one in searches):
        raise NotSo("Nothing that was tried keeps the objective under every seed.")


def _sweep(opened_study: Opened, flags: Flags) -> tuple[SweepOutcome, list[Searched], int, Path]:
    """Run what a study asks for; give what it came to, the number of its runs, and the file of all results."""
    study = opened_study.study
    grid = Grid(study, study.search.over if study.search is not None else None)
    if problems := problems_before(opened_study, grid):
        raise StudyError(problems)
    worker = Worker(opened_study.material, study.rows, read_before(opened_study.material, grid, _say))
    _check_size(opened_study, grid, worker, flags)
    folder = Path(flags.results or f"{Path(opened_study.file).stem}.results")
    with opened(folder, study.rows, flags.is_fresh) as store:
        for path in store.broken:
            _say(f"{path} is damaged and passed over; what it held is run again.")
        sweep = Sweep(store, partial(cell_key, contents=opened_study.contents, rest=opened_study.rest))
        searches = _run(opened_study, sweep, grid, worker, flags)
        file = store.finish()
        outcome = outcome_of(study, store.results(), is_random=not opened_study.material.variants.is_on_counts)
        words = (BOUND_OF_ORACLE,) if ORACLE in deciders_of(opened_study) else ()
        return replace(outcome, words=words), searches, store.asked, file


def _check_size(opened_study: Opened, grid: Grid, worker: Worker, flags: Flags) -> None:
    """Refuse a grid that nobody means, with the time that it would take."""
    is_bisected = grid.without is not None
    if grid.cells <= MOST_CELLS or flags.may_be_long or is_bisected:
        return
    configuration = next(iter(grid))
    first = measure(worker, Cell(configuration, opened_study.study.seed_list[0]))
    processes = flags.processes or os.cpu_count() or 1
    time = duration_words(first.cell_s * grid.cells / processes)
    wrong = f"has {grid.cells:,} cells, about {time} on {processes} processes"
    allowed = f"at most {MOST_CELLS:,} cells, or more with --yes"
    raise StudyError(
        [Problem(opened_study.file, opened_study.lines.get("parameters", 1), "parameters", wrong, allowed)]
    )


def _run(opened_study: Opened, sweep: Sweep, grid: Grid, worker: Worker, flags: Flags) -> list[Searched]:
    """Run the whole grid, or search it; what is done is on the disk whatever ends it."""
    study, is_search = opened_study.study, opened_study.study.search is not None
    known = grid.cells - sum(1 for _ in sweep.missing(_cells(grid))) if sweep.store.has_any and not is_search else 0
    first = next(sweep.missing(_cells(grid)), None)
    if first is None and not is_search:
        _say(f"All {grid.cells} runs are known already.")
        sweep.note(_cells(grid))
        return []
    if first is not None:
        sweep.take(measure(worker, first))
    try:
        with _pool(flags, worker) as sweep.pool:
            if is_search:
                with shown(None) as sweep.advance:
                    fresh = () if opened_study.material.variants.is_on_counts else study.fresh_seeds
                    return search(study, sweep, grid, _scenarios(opened_study, grid), fresh)
            _tell_size(study, grid, sweep, known)
            with shown(grid.cells) as sweep.advance:
                sweep.run(_cells(grid), grid.cells)
    except WorkersLostError as error:
        words = (
            f"The workers were lost: {error}. What is done is kept in {sweep.store.folder}; the same command goes on."
        )
        raise NotSo(words) from error
    except KeyboardInterrupt:
        words = f"Interrupted. What is done is kept in {sweep.store.folder}; the same command goes on."
        raise NotSo(words) from None
    return []


def _pool(flags: Flags, worker: Worker) -> AbstractContextManager[Pool]:
    if flags.scheduler is not None:
        return cluster(flags.scheduler, worker)
    return local(flags.processes or os.cpu_count() or 1, worker)


def _cells(grid: Grid) -> Iterator[Cell]:
    return (Cell(configuration, seed) for configuration in grid for seed in grid.study.seed_list)


def _scenarios(opened_study: Opened, grid: Grid) -> Mapping[str, Scenario]:
    """Give a scenario of each trace; none on counts, where nobody waits."""
    variants = opened_study.material.variants
    if variants.is_on_counts:
        return {}
    bases = (configuration for configuration, path, _ in grid.singles() if path is None)
    return {base.trace: variants.made(base)[0] for base in bases}


def _tell_size(study: Study, grid: Grid, sweep: Sweep, known: int) -> None:
    """Say before the start how many runs there are and how long they take."""
    size = sweep.pool.size if sweep.pool is not None else 1
    time = duration_words(sweep.cell_s * max(grid.cells - known, 0) / size)
    seeds = len(study.seed_list)
    words = f"{grid.cells} {'run' if grid.cells == 1 else 'runs'}: {grid.configurations} "
    words += f"{'configuration' if grid.configurations == 1 else 'configurations'} × {seeds} {'seed' if seeds == 1 else 'seeds'}"
    _say(
        f"{words}{f', {known} known already' if known else ''}; about {time} on {size} {'process' if size == 1 else 'processes'}."
    )


def _say(words: str) -> None:
    """Say something beside the result, which may be JSON."""
    click.echo(words, err=True)


def _provenance(opened_study: Opened) -> dict[str, str]:
    """Name what the figures rest on."""
    study = opened_study.study
    return {
        "faas-autoscaler": version("faas-autoscaler"),
        "study": opened_study.file,
        "scenario and version": opened_study.rest,
        "seeds": ", ".join(map(str, study.seed_list[:20])) + (" …" if len(study.seed_list) > 20 else ""),
    }
