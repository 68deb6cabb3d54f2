"""How long requests waited, and how many met no ready replica."""

from collections.abc import Sequence
from math import ceil, floor, log10

import numpy as np

from autoscaler.simulator.report.drawing import COLOURS, INK, SOFT, digits
from autoscaler.simulator.report.over_time import NO_TENANT
from autoscaler.simulator.report.parts import Column, Json, Picture, Section, Table, View
from autoscaler.simulator.report.words import counted, plain, share, short
from autoscaler.simulator.result import Result, Row
from autoscaler.simulator.timeline import Timeline, Waits

MOST_LINES = 7
MOST_ROWS = 200
SHORTEST_S = 0.001
"""Waits below this are drawn as if they were none: no planner tells them apart."""

CDF_POINTS = 400

LOGARITHMIC = {"type": "log", "exponentformat": "none", "dtick": 1, "minor": {"showgrid": False}}
"""An axis with a tick at each power of ten."""

WAIT_COLUMNS = (
    Column("requests", "", 0),
    Column("cold", "", 0),
    Column("refused", "", 0),
    Column("failed", "", 0),
    Column("SLO missed", "", 0),
    Column("wait, mean", "s", 3),
    Column("wait, p50", "s", 3),
    Column("wait, p95", "s", 3),
    Column("wait, p99", "s", 3),
    Column("wait, longest", "s", 3),
)


def waiting(result: Result, timeline: Timeline | None) -> Section:
    """Give the section about waits and cold starts."""
    pictures: list[tuple[Picture, Table | None]] = []
    tenants = wait_table("Tenants", result.tenants)
    waits = list(timeline.waits()) if timeline is not None else []
    if any(np.any(one.wait_s > SHORTEST_S) for one in waits):
        pictures.append((_tails(waits), tenants))
    cold = [row for row in result.functions if row.requests]
    if any(row.cold for row in cold):
        pictures.append((_cold_picture(cold), wait_table("Functions, the most cold requests first", _coldest(cold))))
    tables = () if pictures else (tenants,)
    return Section("waits", "Waits and cold starts", _words(result, bool(waits)), pictures, tables)


def wait_table(title: str, rows: Sequence[Row]) -> Table:
    """Give the waits of functions or of tenants."""
    names = (Column("tenant"),) if not any(row.function for row in rows) else (Column("tenant"), Column("function"))
    cells = [
        (
            row.tenant or NO_TENANT,
            *((row.function,) if len(names) > 1 else ()),
            row.requests,
            row.cold,
            row.refused,
            row.failed,
            row.slo_misses,
            row.wait_mean_s,
            row.wait_p50_s,
            row.wait_p95_s,
            row.wait_p99_s,
            row.wait_max_s,
        )
        for row in rows[:MOST_ROWS]
    ]
    return Table(title, (*names, *WAIT_COLUMNS), cells, max(len(rows) - MOST_ROWS, 0))


def _words(result: Result, has_waits: bool) -> list[str]:
    total = result.total
    words = [
        f"Of {counted(total.requests, 'request')} {share(total.cold, total.requests)} came while no replica was ready (cold) "
        f"and {share(total.refused, total.requests)} were answered without being served (refused)."
    ]
    if total.failed:
        words.append(f"{counted(total.failed, 'request')} failed: the replica that served them ended too soon.")
    if total.slo_misses is not None:
        words.append(f"{share(total.slo_misses, total.requests)} of all waited longer than their function's SLO.")
    if has_waits:
        words.append(
            "The first picture says which fraction of the requests waited longer than a given time; a refused request "
            "counts with the time until it was refused."
        )
    return words


def _tails(waits: Sequence[Waits]) -> Picture:
    whole, tenants = waits[0], sorted(waits[1:], key=lambda one: -one.requests)
    ends = _decades([wait_s for one in waits for wait_s in one.wait_s.tolist() if wait_s > SHORTEST_S])
    traces = [_tail("everything", whole, ends[0], {"color": INK, "width": 2.6})]
    if len(tenants) > 1:
        traces += [
            _tail(plain(short(one.name or NO_TENANT)), one, ends[0], {"color": COLOURS[place], "width": 1.6})
            for place, one in enumerate(tenants[:MOST_LINES])
        ]
    return Picture(
        id="waits-tail",
        title="Requests that waited longer than a time",
        words="For everything and for each tenant: the fraction of requests that waited longer than the time on the other axis; "
        "both axes are logarithmic.",
        views=[View("all", traces)],
        layout={
            "xaxis": {"title": {"text": "wait (seconds, logarithmic)"}, "range": ends, **LOGARITHMIC},
            "yaxis": {"title": {"text": "fraction of requests (log.)"}, **LOGARITHMIC},
        },
    )


def _decades(values: Sequence[float]) -> list[float]:
    """Give the ends of a logarithmic axis in powers of ten, with a little room on top."""
    return [floor(log10(min(values))), ceil(log10(max(values))) + 0.03]


def _tail(name: str, waits: Waits, from_decade: float, line: Json) -> Json:
    """Draw who waited longer; up to the shortest wait it is all who waited at all."""
    is_seen = waits.wait_s > SHORTEST_S
    longer, wait_s = waits.longer[is_seen], waits.wait_s[is_seen]
    return {
        "type": "scatter",
        "mode": "lines",
        "name": name,
        "x": digits([*([10.0**from_decade] if len(longer) else []), *wait_s]),
        "y": digits([*longer[:1], *longer]),
        "line": line,
    }


def _coldest(rows: Sequence[Row]) -> Sequence[Row]:
    return sorted(rows, key=lambda row: (-row.cold, row.function or ""))


def _cold_picture(rows: Sequence[Row]) -> Picture:
    """Draw how cold starts are spread over functions: a mean over requests hides those with few."""
    fractions = np.sort([row.cold / row.requests for row in rows])
    below = np.arange(1, len(fractions) + 1) / len(fractions)
    kept = np.unique(np.linspace(0, len(fractions) - 1, CDF_POINTS).astype(np.int64))
    quartiles = {
        name: float(np.quantile(fractions, at, method="inverted_cdf"))
        for name, at in (("p50", 0.5), ("p75", 0.75), ("p95", 0.95))
    }
    marks = [
        {"type": "line", "x0": at, "x1": at, "y0": 0, "y1": 1, "line": {"color": SOFT, "width": 1, "dash": "dot"}}
        for at in quartiles.values()
    ]
    said = ", ".join(f"{name} {share(at, 1.0)}" for name, at in quartiles.items())
    trace = {
        "type": "scatter",
        "mode": "lines",
        "name": "functions",
        "x": [0.0, *digits(fractions[kept]), 1.0],
        "y": [0.0, *digits(below[kept]), 1.0],
        "line": {"color": COLOURS[0], "width": 2, "shape": "hv"},
        "showlegend": False,
    }
    return Picture(
        id="cold",
        title=f"Cold starts by function: {said}",
        words=f"Fraction of functions whose share of cold requests is at most that on the other axis. {said}.",
        views=[View("all", [trace])],
        layout={
            "xaxis": {
                "title": {"text": "cold requests of a function (fraction)"},
                "range": [0, 1.03 * float(fractions[-1])],
            },
            "yaxis": {"title": {"text": "functions with at most that (fraction)"}, "range": [0, 1.02]},
            "shapes": marks,
        },
        height=320,
    )
