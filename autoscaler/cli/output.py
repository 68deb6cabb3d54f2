"""How commands print: tables for people, JSON for programs."""

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import click
import orjson
from rich.console import Console

Command = TypeVar("Command", bound=Callable[..., object])


def output_option(command: Command) -> Command:
    """Add `--output table|json`."""
    return click.option(
        "--output",
        type=click.Choice(["table", "json"]),
        default="table",
        show_default=True,
        help="A table for people, or JSON for programs.",
    )(command)


def print_json(document: object) -> None:
    """Print one JSON document, indented."""
    click.echo(orjson.dumps(document, option=orjson.OPT_INDENT_2 | orjson.OPT_NON_STR_KEYS).decode())


def source_line(source: Mapping[str, Any]) -> str:
    """Say of a source that does not answer whole why, and since when."""
    age_s = source["whole_age_s"]
    since = "no whole answer yet" if age_s is None else f"last whole answer {age_s:.0f} s ago"
    return f"Source {source['name']}: {source['error'] or 'no reason known'} ({since})"


def console(*, has_markup: bool = True) -> Console:
    """Give the console of tables; where output goes to a file or a pipe, lines are not cut at a terminal's width.

    Args:
        has_markup: whether `[bold]` in a text is markup; not where texts are somebody's names and values.
    """
    result = Console(highlight=False, markup=has_markup, emoji=has_markup)
    return result if result.is_terminal else Console(highlight=False, markup=has_markup, emoji=has_markup, width=200)


def held_words(held: Mapping[str, Any]) -> str:
    """Say to whom a function is left, and until when."""
    if held["ends_in_s"] is None:
        return f"It is left to {held['by']} for as long as that is there."
    minutes = max(1, round(held["ends_in_s"] / 60))
    return (
        f"It is left to {held['by']}, who changed it {held['changes']} times; it is taken up again after "
        f"{minutes} more quiet {'minute' if minutes == 1 else 'minutes'}, or by `autoscaler take-up`."
    )
