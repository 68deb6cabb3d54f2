"""What a report is made of: sections with words, pictures, and the table behind each picture."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

Json = dict[str, Any]
"""A part of a picture as plotly.js takes it. A text that begins with `var(--` is a colour of the page's style sheet."""

Cell = str | float | int | None
"""Of a table; None: there is no such number."""


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a table.

    Attributes:
        name: its head.
        unit: of its numbers; empty: they have none, or it holds words.
        decimals: digits after the point; None: words.
    """

    name: str
    unit: str = ""
    decimals: int | None = None


@dataclass(frozen=True, slots=True)
class Table:
    """The numbers behind a picture.

    Attributes:
        title: what they are.
        columns: from left to right.
        rows: a cell for each column.
        more: rows that were left out; they are in the JSON of the run.
    """

    title: str
    columns: Sequence[Column]
    rows: Sequence[Sequence[Cell]]
    more: int = 0


@dataclass(frozen=True, slots=True)
class View:
    """One of several contents of a picture, chosen by its name.

    Attributes:
        name: tenant, function or other; may be anything that a user wrote.
        traces: what plotly.js draws.
        layout: in place of parts of the picture's.
    """

    name: str
    traces: Sequence[Json]
    layout: Json = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture.

    Attributes:
        id: unique in its page, of letters and hyphens.
        title: what it shows, in a line.
        words: what is to be seen in it, for those who cannot see it.
        views: what it can show; the first is shown first. More than one has a list to choose from.
        layout: axes and shapes; colours and fonts are the page's.
        height: CSS pixels.
        chooser: what the views are, where there are several.
    """

    id: str
    title: str
    words: str
    views: Sequence[View]
    layout: Json
    height: int = 360
    chooser: str = "Show"


@dataclass(frozen=True, slots=True)
class Section:
    """A part of a report with a heading of its own.

    Attributes:
        id: unique in its page, of letters and hyphens.
        title: its heading.
        words: paragraphs below it.
        pictures: each with the table behind it; None: what it shows is in another picture's.
        table: a table without a picture.
    """

    id: str
    title: str
    words: Sequence[str] = ()
    pictures: Sequence[tuple[Picture, Table | None]] = ()
    tables: Sequence[Table] = ()


@dataclass(frozen=True, slots=True)
class Figure:
    """One of the numbers on top of a report.

    Attributes:
        name: what it is.
        value: with its unit.
        note: a few words below it.
    """

    name: str
    value: str
    note: str = ""


@dataclass(frozen=True, slots=True)
class Report:
    """A whole report.

    Attributes:
        title: what it is about.
        subtitle: a line below the title.
        figures: the most important numbers.
        sections: from top to bottom.
        command: what was typed.
        foot: what it was made with, by name: seeds, versions, hashes.
    """

    title: str
    subtitle: str
    figures: Sequence[Figure]
    sections: Sequence[Section]
    command: str
    foot: Mapping[str, str] = field(default_factory=dict)
