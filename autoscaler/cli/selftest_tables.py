"""The tables of `autoscaler selftest`: run, shown as they come, summed up."""

import gzip
from collections import Counter
from collections.abc import Iterator, Sequence
from functools import cache
from importlib.resources import files
from time import perf_counter

import click
from rich.console import Console
from rich.table import Table as Shown

from autoscaler.cli.errors import NotSo
from autoscaler.cli.output import console, print_json
from autoscaler.simulator.compiled import IS_COMPILED
from autoscaler.simulator.invariants import InvariantError
from autoscaler.simulator.validation.check import Check
from autoscaler.simulator.validation.setting import QUICK, Setting, Table

_COLOURS = {"pass": "green", "fail": "bold red", "reported": "dim"}
_SLOW = (
    "numba is not installed: the loops run interpreted, hundreds of times slower, so that this takes hours (--quick: half "
    "an hour). pip install 'faas-autoscaler[simulate]'"
)


def show_tables(tables: Sequence[Table], *, is_quick: bool, seed: int, output: str) -> bool:
    """Run tables and print them; tell whether every row with a verdict passes.

    Raises:
        NotSo: a run contradicts itself.
    """
    setting = Setting(reference_lines, seed, QUICK if is_quick else 1.0)
    if not IS_COMPILED:
        click.echo(_SLOW, err=True)
    began_s = perf_counter()
    verdicts: Counter[str] = Counter()
    documents = []
    for table, checks in _run(tables, setting):
        verdicts.update(check.verdict for check in checks)
        if output == "json":
            documents.append(_document(table, checks))
        else:
            _print(table, checks)
    counts = {verdict: verdicts[verdict] for verdict in _COLOURS}
    if output == "json":
        print_json({"seed": seed, "is_quick": is_quick, **counts, "tables": documents})
    else:
        said = f"{counts['pass']} pass, {counts['fail']} fail, {counts['reported']} reported"
        console().print(f"{said}. Seed {seed}, {perf_counter() - began_s:.0f} s.")
    return not counts["fail"]


@cache
def reference_lines(name: str) -> list[str]:
    """Give the lines of a file of reference data that the package carries."""
    data = files("autoscaler.simulator.validation").joinpath("data", name).read_bytes()
    return (gzip.decompress(data) if name.endswith(".gz") else data).decode().splitlines()


def _run(tables: Sequence[Table], setting: Setting) -> Iterator[tuple[Table, list[Check]]]:
    """Run the tables one after the other, with the one that runs named on a terminal."""
    shown = Console(stderr=True)
    for table in tables:
        with shown.status(f"{table.name}: {table.title} …"):
            try:
                checks = list(table.checks(setting))
            except InvariantError as error:
                raise NotSo(f"{table.name}: a run contradicts itself: {error}") from error
        yield table, checks


def _print(table: Table, checks: Sequence[Check]) -> None:
    shown = Shown(
        title=f"{table.name}: {table.title}", title_justify="left", caption=table.source, caption_justify="left"
    )
    shown.add_column("what", overflow="fold")
    for name in ("expected", "got", "off by at most"):
        shown.add_column(name, justify="right")
    for name in ("by", "verdict"):
        shown.add_column(name)
    for check in checks:
        tolerance = "–" if check.tolerance is None else f"{check.tolerance:.2g}"
        verdict = f"[{_COLOURS[check.verdict]}]{check.verdict}[/]"
        shown.add_row(check.name, f"{check.expected:.7g}", f"{check.got:.7g}", tolerance, check.basis, verdict)
    console().print(shown)


def _document(table: Table, checks: Sequence[Check]) -> dict[str, object]:
    rows = [
        {
            "name": check.name,
            "expected": check.expected,
            "got": check.got,
            "tolerance": check.tolerance,
            "basis": check.basis,
            "verdict": check.verdict,
        }
        for check in checks
    ]
    return {"name": table.name, "title": table.title, "source": table.source, "rows": rows}
