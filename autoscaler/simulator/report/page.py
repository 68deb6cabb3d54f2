"""A report as one page of HTML that needs nothing else: no network, no other file."""

import json
from base64 import b64encode
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from hashlib import sha256
from html import escape

from autoscaler.simulator.report.parts import Cell, Column, Figure, Picture, Report, Section, Table
from autoscaler.simulator.report.words import number


@dataclass(frozen=True, slots=True)
class Assets:
    """What every page carries.

    Attributes:
        library: plotly.js, minified.
        script: our own script, which draws.
        style: the style sheet.
    """

    library: str
    script: str
    style: str


def page(report: Report, assets: Assets) -> str:
    """Write a report as HTML.

    Whatever a user may have written (titles, names, the command) is text in it, never markup. The page's own security policy
    lets only its two scripts run and forbids it any connection.
    """
    pictures = {picture.id: asdict(picture) for section in report.sections for picture, _ in section.pictures}
    body = "".join(_body(report))
    return (
        f'<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{_policy(assets)}">\n'
        f'<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{escape(report.title)}</title>\n<style>{assets.style}</style>\n</head>\n<body>\n{body}"
        f'<script type="application/json" id="pictures">{_inert(pictures)}</script>\n'
        f"<script>{assets.library}</script>\n<script>{assets.script}</script>\n</body>\n</html>\n"
    )


def _policy(assets: Assets) -> str:
    hashes = " ".join(
        f"'sha256-{b64encode(sha256(text.encode()).digest()).decode()}'" for text in (assets.library, assets.script)
    )
    return (
        f"default-src 'none'; script-src {hashes}; style-src 'unsafe-inline'; img-src data: blob:; "
        "base-uri 'none'; form-action 'none'"
    )


def _inert(value: object) -> str:
    """Write JSON that cannot end the element it stands in."""
    text = json.dumps(value, separators=(",", ":"), allow_nan=False, ensure_ascii=False)
    return text.replace("<", "\\u003c").replace("\u2028", "\\u2028").replace("\u2029", "\\u2029")


def _body(report: Report) -> Iterator[str]:
    yield f"<header>\n<h1>{escape(report.title)}</h1>\n<p>{escape(report.subtitle)}</p>\n"
    yield f'<dl class="figures">{"".join(map(_figure, report.figures))}</dl>\n</header>\n'
    if len(report.sections) > 2:
        links = "".join(f'<li><a href="#{one.id}">{escape(one.title)}</a></li>' for one in report.sections)
        yield f'<nav aria-label="Sections"><ul>{links}</ul></nav>\n'
    yield '<main>\n<noscript><p class="note">Pictures need JavaScript; the tables have their numbers.</p></noscript>\n'
    for section in report.sections:
        yield from _section(section)
    yield "</main>\n"
    yield from _foot(report)


def _figure(figure: Figure) -> str:
    note = f"<dd class='note'>{escape(figure.note)}</dd>" if figure.note else ""
    return f"<div><dt>{escape(figure.name)}</dt><dd>{escape(figure.value)}</dd>{note}</div>"


def _section(section: Section) -> Iterator[str]:
    yield f'<section id="{section.id}" aria-labelledby="{section.id}-title">\n'
    yield f'<h2 id="{section.id}-title">{escape(section.title)}</h2>\n'
    yield from (f"<p>{escape(words)}</p>\n" for words in section.words)
    for picture, table in section.pictures:
        yield _picture(picture)
        if table is not None:
            yield f"<details><summary>Table: {escape(table.title)}</summary>\n{_table(table)}</details>\n"
    for table in section.tables:
        yield f"<h3>{escape(table.title)}</h3>\n{_table(table)}"
    yield "</section>\n"


def _picture(picture: Picture) -> str:
    chooser = ""
    if len(picture.views) > 1:
        options = "".join(f'<option value="{at}">{escape(view.name)}</option>' for at, view in enumerate(picture.views))
        chooser = f'<label class="chooser">{escape(picture.chooser)} <select data-picture="{picture.id}">{options}</select></label>'
    return (
        f'<figure>\n<figcaption id="picture-{picture.id}-title">{escape(picture.title)}</figcaption>\n{chooser}'
        f'<div class="picture" id="picture-{picture.id}" role="img" aria-labelledby="picture-{picture.id}-title" '
        f'aria-describedby="picture-{picture.id}-words" style="height:{picture.height}px"></div>\n'
        f'<p class="unseen" id="picture-{picture.id}-words">{escape(picture.words)}</p>\n</figure>\n'
    )


def _table(table: Table) -> str:
    heads = "".join(_head(column) for column in table.columns)
    rows = "".join(_row(table.columns, row) for row in table.rows)
    more = f'<p class="note">… and {table.more:,} more; the JSON output has them all.</p>' if table.more else ""
    return (
        f'<div class="scroll" tabindex="0" role="region" aria-label="{escape(table.title)}"><table>'
        f"<thead><tr>{heads}</tr></thead><tbody>{rows}</tbody></table></div>{more}\n"
    )


def _head(column: Column) -> str:
    unit = f"<small>{escape(column.unit)}</small>" if column.unit else ""
    kind = ' class="number"' if column.decimals is not None else ""
    return f'<th scope="col"{kind}>{escape(column.name)}{unit}</th>'


def _row(columns: Sequence[Column], row: Sequence[Cell]) -> str:
    return f"<tr>{''.join(_cell(column, cell) for column, cell in zip(columns, row, strict=True))}</tr>"


def _cell(column: Column, cell: Cell) -> str:
    if column.decimals is None or isinstance(cell, str):
        return f"<td>{escape('' if cell is None else str(cell))}</td>"
    return f'<td class="number">{number(cell, column.decimals)}</td>'


def _foot(report: Report) -> Iterator[str]:
    yield "<footer>\n<h2>How it was made</h2>\n"
    yield f'<p>Command</p>\n<pre class="scroll" tabindex="0"><code>{escape(report.command)}</code></pre>\n<dl class="foot">'
    yield from (f"<div><dt>{escape(name)}</dt><dd>{escape(value)}</dd></div>" for name, value in report.foot.items())
    yield "</dl>\n</footer>\n"
