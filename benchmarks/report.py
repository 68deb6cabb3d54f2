"""How every benchmark prints its figures: a table for people, one JSON object for programs."""

import argparse
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Figure:
    """One measured figure.

    Attributes:
        name: what was measured, unique within a benchmark.
        value: the measurement.
        unit: its unit, such as `ns` or `ratio`.
        bound: what it is held against; None: for information.
        holds: whether the value keeps the bound; None where there is no bound.
    """

    name: str
    value: float
    unit: str
    bound: float | None
    holds: bool | None


def at_most(name: str, value: float, unit: str, bound: float | None) -> Figure:
    """Make a figure that holds while it is not above its bound."""
    return Figure(name, value, unit, bound, None if bound is None else value <= bound)


def at_least(name: str, value: float, unit: str, bound: float | None) -> Figure:
    """Make a figure that holds while it is not below its bound."""
    return Figure(name, value, unit, bound, None if bound is None else value >= bound)


def emit(figures: Sequence[Figure], as_json: bool) -> None:
    """Print figures: one JSON object keyed by name, or a table."""
    if as_json:
        print(
            json.dumps(
                {f.name: {"value": f.value, "unit": f.unit, "bound": f.bound, "holds": f.holds} for f in figures}
            )
        )
        return
    width = max((len(figure.name) for figure in figures), default=6)
    print(f"{'figure':<{width}}  {'value':>12}  {'bound':>10}  {'unit':<8}  holds")
    for figure in figures:
        bound = "-" if figure.bound is None else f"{figure.bound:g}"
        holds = "-" if figure.holds is None else "yes" if figure.holds else "NO"
        print(f"{figure.name:<{width}}  {figure.value:>12,.2f}  {bound:>10}  {figure.unit:<8}  {holds}")


def main(measure: Callable[[], Sequence[Figure]], description: str) -> int:
    """Run a benchmark as a program; exit code 1 where a figure misses its bound."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--json", action="store_true", help="print one JSON object instead of a table")
    as_json: bool = parser.parse_args().json
    figures = measure()
    emit(figures, as_json)
    return int(any(figure.holds is False for figure in figures))


def parts_main(parts: Mapping[str, Callable[[], Iterable[Figure]]], description: str | None) -> int:
    """Run a benchmark of several parts as a program; exit code 1 where a figure misses its bound."""
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true", help="print one JSON object instead of a table")
    parser.add_argument("--only", choices=sorted(parts), action="append", help="these parts alone")
    asked = parser.parse_args()
    figures = [figure for name in asked.only or parts for figure in parts[name]()]
    emit(figures, asked.json)
    return int(any(figure.holds is False for figure in figures))
