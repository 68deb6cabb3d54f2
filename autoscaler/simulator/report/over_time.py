"""Replicas and load over time: together, by tenant, and of the busiest functions."""

from collections.abc import Iterator, Sequence

import numpy as np

from autoscaler.core.columns import Floats
from autoscaler.simulator.report.drawing import COLOURS, INK, REST, SOFT, Clock, axis, layer, steps
from autoscaler.simulator.report.parts import Cell, Column, Json, Picture, Section, Table, View
from autoscaler.simulator.report.words import plain, short
from autoscaler.simulator.timeline import LIMITS, Line, Quantity, Timeline

WHOLE_POINTS, PART_POINTS = 1_000, 400
MOST_TENANTS, MOST_FUNCTIONS = 20, 20
MOST_LAYERS = 7
"""Tenants with an area of their own; the rest are one."""

TABLE_POINTS = 24
NO_TENANT = "(no tenant)"


def over_time(timeline: Timeline, clock: Clock) -> Section:
    """Give the section about replicas and load over time."""
    lines = list(timeline.tenants())
    busiest = sorted(lines, key=lambda line: -_total(line, Quantity.LOAD))[:MOST_TENANTS]
    functions, rest = timeline.functions(MOST_FUNCTIONS)
    whole = timeline.whole()
    views = [View("Everything", _traces(whole.thinned(WHOLE_POINTS), clock))]
    if len(lines) > 1:
        views += [View(f"Tenant {name_of(line)}", _traces(line.thinned(PART_POINTS), clock)) for line in busiest]
    views += [View(str(line.name), _traces(line.thinned(PART_POINTS), clock)) for line in functions]
    if rest is not None:
        views.append(View(f"The {rest.name} functions", _traces(rest.thinned(PART_POINTS), clock)))
    main = Picture(
        id="over-time",
        title="Replicas, requests/s, and requests in flight",
        words="Three panels over virtual time: replicas wanted before limits, requested and ready; requests per second, "
        "with those that were cold or refused; requests in flight and those of them that wait for a place.",
        views=views,
        layout=_panels(clock),
        height=620,
    )
    pictures: list[tuple[Picture, Table | None]] = [(main, _over_time_table(whole, clock))]
    if len(lines) > 1:
        pictures.append((_pile(lines, whole, clock), _tenant_table(lines)))
    words = (
        "“Wanted” is what demand and floors ask for, before any limit or budget; “ready” are replicas that can serve. "
        f"A point is the mean of the ticks of {_span(whole, clock)}; the pale line is the highest of them.",
    )
    return Section("time", "Replicas and load over time", words, pictures)


def name_of(line: Line) -> str:
    """Name a tenant's line."""
    return line.name if line.name is not None else NO_TENANT


def piled(lines: Sequence[Line], values: Sequence[Floats], clock: Clock) -> list[Json]:
    """Give areas upon each other, the largest below; those beyond the first few are one, on top."""
    order = sorted(range(len(lines)), key=lambda place: -float(values[place].sum()))
    named, others = order[:MOST_LAYERS], order[MOST_LAYERS:]
    places = clock.steps(lines[0].at_s)
    traces = [
        layer(plain(short(name_of(lines[place]))), places, values[place], COLOURS[number])
        for number, place in enumerate(named)
    ]
    if others:
        total = np.sum([values[place] for place in others], axis=0)
        traces.append(layer(f"{len(others)} more", places, total, REST))
    return traces


def _traces(line: Line, clock: Clock) -> list[Json]:
    places, mean, most = clock.steps(line.at_s), line.mean, line.most
    wanted, requested, ready = (mean[:, one] for one in (Quantity.WANTED, Quantity.REQUESTED, Quantity.READY))
    dotted = {"color": INK, "width": 1.3, "shape": "hv", "dash": "dot"}
    return [
        steps("ready", places, ready, COLOURS[0], fill="tozeroy", fillcolor="var(--c1-pale)"),
        steps("requested", places, requested, COLOURS[1]),
        steps("wanted before limits", places, wanted, INK, line=dotted),
        steps("load, highest", places, most[:, Quantity.LOAD], "var(--c3-pale)", yaxis="y2"),
        steps("load, mean", places, mean[:, Quantity.LOAD], COLOURS[2], yaxis="y2"),
        steps("cold", places, mean[:, Quantity.COLD], COLOURS[6], yaxis="y2"),
        steps("refused", places, mean[:, Quantity.REFUSED], "var(--bad)", yaxis="y2"),
        steps("in flight", places, mean[:, Quantity.IN_FLIGHT], COLOURS[3], yaxis="y3"),
        steps("waiting for a place", places, mean[:, Quantity.QUEUED], COLOURS[4], yaxis="y3"),
    ]


def _panels(clock: Clock) -> Json:
    return {
        "xaxis": clock.axis(anchor="y3"),
        "yaxis": axis("replicas", domain=[0.56, 1.0]),
        "yaxis2": axis("requests/s", domain=[0.29, 0.51]),
        "yaxis3": axis("requests", domain=[0.0, 0.24]),
        "hovermode": "x unified",
    }


def _pile(lines: Sequence[Line], whole: Line, clock: Clock) -> Picture:
    thin = [line.thinned(PART_POINTS) for line in lines]
    traces = piled(thin, [line.mean[:, Quantity.REQUESTED].astype(np.float64) for line in thin], clock)
    top = whole.thinned(PART_POINTS)
    dotted = {"color": SOFT, "width": 1.3, "shape": "hv", "dash": "dot"}
    traces.append(steps("all wanted", clock.steps(top.at_s), top.mean[:, Quantity.WANTED], SOFT, line=dotted))
    return Picture(
        id="by-tenant",
        title="Replicas requested, by tenant",
        words="Replicas requested of each tenant piled up over virtual time, and as a dotted line what all wanted before limits.",
        views=[View("all", traces)],
        layout={"xaxis": clock.axis(), "yaxis": axis("replicas"), "hovermode": "x unified"},
    )


def _over_time_table(whole: Line, clock: Clock) -> Table:
    thin = whole.thinned(TABLE_POINTS)
    columns = (
        Column("from", clock.unit, 2),
        Column("load, mean", "requests/s", 1),
        Column("load, highest", "requests/s", 1),
        Column("cold, mean", "requests/s", 3),
        Column("refused, mean", "requests/s", 3),
        Column("in flight, mean", "requests", 1),
        Column("wanted, mean", "replicas", 1),
        Column("requested, mean", "replicas", 1),
        Column("ready, mean", "replicas", 1),
        Column("ready, highest", "replicas", 0),
        Column("taken off by limits, mean", "replicas", 1),
    )
    rows: list[Sequence[Cell]] = []
    for place, at_s in enumerate(thin.at_s.tolist()):
        mean, most = thin.mean[place].tolist(), thin.most[place].tolist()
        rows.append(
            (
                at_s / clock.unit_s,
                mean[Quantity.LOAD],
                most[Quantity.LOAD],
                mean[Quantity.COLD],
                mean[Quantity.REFUSED],
                mean[Quantity.IN_FLIGHT],
                mean[Quantity.WANTED],
                mean[Quantity.REQUESTED],
                mean[Quantity.READY],
                most[Quantity.READY],
                float(thin.short[place].sum()),
            )
        )
    return Table("Everything, over time", columns, rows)


def _tenant_table(lines: Sequence[Line]) -> Table:
    columns = (
        Column("tenant"),
        Column("load, mean", "requests/s", 2),
        Column("load, highest", "requests/s", 1),
        Column("wanted, mean", "replicas", 1),
        Column("requested, mean", "replicas", 1),
        Column("requested, highest", "replicas", 0),
        Column("taken off by limits, mean", "replicas", 2),
    )
    return Table("Tenants, over the whole run", columns, list(_tenant_rows(lines)))


def _tenant_rows(lines: Sequence[Line]) -> Iterator[Sequence[Cell]]:
    for line in lines:
        mean, most = line.mean.mean(axis=0).tolist(), line.most.max(axis=0).tolist()
        yield (
            name_of(line),
            mean[Quantity.LOAD],
            most[Quantity.LOAD],
            mean[Quantity.WANTED],
            mean[Quantity.REQUESTED],
            most[Quantity.REQUESTED],
            float(line.short.mean(axis=0).sum()),
        )


def _total(line: Line, quantity: Quantity) -> float:
    return float(line.mean[:, quantity].sum())


def _span(line: Line, clock: Clock) -> str:
    """Say how long a point of a line lasts."""
    thin = line.thinned(WHOLE_POINTS)
    each_s = float(thin.at_s[1] - thin.at_s[0]) if len(thin.at_s) > 1 else 0.0
    return f"{each_s:g} s" if each_s else "one tick"


def shortages(timeline: Timeline, clock: Clock) -> Picture | None:
    """Draw the replicas that limits took off, by tenant and limit; None: none did."""
    found: list[tuple[Line, Floats]] = []
    for line in timeline.tenants():
        thin = line.thinned(PART_POINTS)
        for place in np.flatnonzero(thin.short.sum(axis=0)).tolist():
            named = Line(f"{name_of(line)}: {LIMITS[place].name}", thin.at_s, thin.mean, thin.most, thin.short)
            found.append((named, thin.short[:, place].astype(np.float64)))
    if not found:
        return None
    return Picture(
        id="shortages",
        title="Replicas that limits and budgets took off",
        words="For each tenant and limit, the replicas wanted that it did not allow, piled up over virtual time.",
        views=[View("all", piled([line for line, _ in found], [values for _, values in found], clock))],
        layout={
            "xaxis": clock.axis(),
            "yaxis": axis("replicas taken off"),
            "hovermode": "x unified",
            "showlegend": True,
        },
    )
