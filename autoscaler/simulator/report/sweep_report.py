"""The report of a sweep: the trade between what is to be small, and what policies differ in."""

from collections.abc import Mapping, Sequence
from itertools import combinations

from autoscaler.simulator.report.drawing import COLOURS, INK, REST, axis, digits
from autoscaler.simulator.report.parts import Cell, Column, Figure, Json, Picture, Report, Section, Table, View
from autoscaler.simulator.report.words import counted, plain, short
from autoscaler.simulator.slo import MEASURES
from autoscaler.simulator.sweeps.estimates import Estimate
from autoscaler.simulator.sweeps.outcome import Difference, Summary, SweepOutcome

MOST_POINTS = 3_000
"""Beaten configurations in a picture; those that nobody beats are all there."""

MOST_ROWS = 300
MOST_BARS = 40

OTHERS = ("cold", "p99_wait", "refused", "replicas", "gb_seconds", "cost")
"""Measures in tables beside those that are minimized."""


def sweep_report(outcome: SweepOutcome, command: str, foot: Mapping[str, str] | None = None) -> Report:
    """Give the report of a sweep.

    Args:
        command: what was typed.
        foot: what it was made with, by name.
    """
    sections = [_front(outcome)]
    if outcome.differences:
        sections.append(_differing(outcome))
    if outcome.failures:
        sections.append(_failed(outcome))
    seeds = max((len(summary.seeds) for summary in outcome.summaries), default=0)
    return Report(
        title=outcome.title or "Sweep",
        subtitle=f"{counted(len(outcome.summaries), 'configuration')}, {counted(seeds, 'seed')} each; "
        f"intervals hold with {100 * outcome.confidence:g} %",
        figures=_figures(outcome),
        sections=sections,
        command=command,
        foot={"seeds": ", ".join(map(str, _seeds(outcome))), **(foot or {})},
    )


def _figures(outcome: SweepOutcome) -> list[Figure]:
    figures = [
        Figure("configurations", f"{len(outcome.summaries):,}"),
        Figure("on the front", f"{len(outcome.front):,}", f"of {' and '.join(outcome.minimize)}"),
        Figure("runs that failed", f"{len(outcome.failures):,}"),
    ]
    if outcome.slo is not None:
        kept = sum(one.kept is not None and one.kept.held == one.kept.judged > 0 for one in outcome.summaries)
        figures.append(Figure("keep the SLO", f"{kept:,}", str(outcome.slo)))
    return figures


def _seeds(outcome: SweepOutcome) -> list[int]:
    return sorted({seed for summary in outcome.summaries for seed in summary.seeds})


def _front(outcome: SweepOutcome) -> Section:
    names = outcome.minimize if len(outcome.minimize) > 1 else (*outcome.minimize, _other(outcome.minimize))
    traces = sorted({one.configuration.trace for one in outcome.summaries})
    views: list[View] = []
    for first, second in combinations(names, 2):
        for trace in traces:
            here = [one for one in outcome.summaries if one.configuration.trace == trace and _has(one, (first, second))]
            if here:
                name = f"{first} against {second}" + (f", {trace}" if trace else "")
                axes = {"xaxis": axis(named(first)), "yaxis": axis(named(second))}
                views.append(View(name, _cloud(here, first, second), axes))
    picture = Picture(
        id="front",
        title="What one costs in terms of the other",
        words="A point for each configuration, with the interval of its mean over seeds in both directions; the line joins those "
        "that nobody beats in everything that is minimized. Left and below is better.",
        views=views,
        layout={"hovermode": "closest"},
        height=460,
    )
    words = (
        "Below and left is better. Whoever is beaten by another in everything that is minimized is pale; "
        "all configurations met the same requests under a seed.",
        *outcome.words,
    )
    tables = () if views else (_table(outcome, names),)
    return Section("trade", "The Pareto front", words, [(picture, _table(outcome, names))] if views else [], tables)


def named(measure: str) -> str:
    """Name a measure with its unit, for an axis."""
    unit = MEASURES[measure].unit if measure in MEASURES else "fraction"
    return f"{measure.replace('_', ' ')} ({unit})"


def _other(minimize: Sequence[str]) -> str:
    return "replica_seconds" if "replica_seconds" not in minimize else "p99_wait"


def _has(summary: Summary, names: Sequence[str]) -> bool:
    return all(summary.measures[name] is not None for name in names)


def _cloud(summaries: Sequence[Summary], first: str, second: str) -> list[Json]:
    """Draw configurations by policy, and the line of those that nobody beats."""
    policies = list(dict.fromkeys(one.configuration.policy for one in summaries))
    free = [one for one in summaries if one.is_ranked and one.dominated_by is None]
    beaten = [one for one in summaries if not one.is_ranked or one.dominated_by is not None][:MOST_POINTS]
    ordered = sorted(free, key=lambda one: _mean(one, first))
    line = {
        "type": "scatter",
        "mode": "lines",
        "name": "the front",
        "x": digits([_mean(one, first) for one in ordered]),
        "y": digits([_mean(one, second) for one in ordered]),
        "line": {"color": INK, "width": 1.4, "dash": "dot", "shape": "hv"},
        "hoverinfo": "skip",
    }
    traces = [line]
    for place, policy in enumerate(policies):
        colour = COLOURS[place] if place < len(COLOURS) else REST
        mine = [one for one in (*free, *beaten) if one.configuration.policy == policy]
        traces.append(_points(plain(short(policy)), mine, first, second, colour))
    return traces


def _points(name: str, summaries: Sequence[Summary], first: str, second: str, colour: str) -> Json:
    return {
        "type": "scatter",
        "mode": "markers",
        "name": name,
        "x": digits([_mean(one, first) for one in summaries]),
        "y": digits([_mean(one, second) for one in summaries]),
        "error_x": _bars(summaries, first, colour),
        "error_y": _bars(summaries, second, colour),
        "text": [plain(str(one.configuration)) for one in summaries],
        "hovertemplate": "%{text}<br>%{x} / %{y}<extra></extra>",
        "marker": {
            "color": colour,
            "size": [10 if one.dominated_by is None else 6 for one in summaries],
            "opacity": [1.0 if one.dominated_by is None else 0.45 for one in summaries],
        },
    }


def _bars(summaries: Sequence[Summary], name: str, colour: str) -> Json:
    widths = [_half(one.measures[name]) for one in summaries]
    return {
        "type": "data",
        "array": digits(widths),
        "color": colour,
        "thickness": 1,
        "width": 3,
        "visible": any(widths),
    }


def _mean(summary: Summary, name: str) -> float:
    found = summary.measures[name]
    return found.mean if found is not None else float("nan")


def _half(estimate: Estimate | None) -> float:
    return 0.0 if estimate is None or estimate.half_width is None else estimate.half_width


def _table(outcome: SweepOutcome, names: Sequence[str]) -> Table:
    shown = [*names, *(name for name in OTHERS if name not in names and _is_known(outcome, name))]
    columns = [Column("configuration"), Column("trace"), Column("beaten by")]
    if outcome.slo is not None:
        columns.append(Column("keeps the SLO", "of seeds"))
    for name in shown:
        columns += [Column(name.replace("_", " "), _unit(name), 4), Column("±", _unit(name), 4)]
    order = sorted(
        outcome.summaries, key=lambda one: (not one.is_ranked or one.dominated_by is not None, *_sorting(one, names))
    )
    rows: list[Sequence[Cell]] = [_row(outcome, one, shown) for one in order[:MOST_ROWS]]
    return Table("Configurations, the front first", columns, rows, max(len(order) - MOST_ROWS, 0))


def _row(outcome: SweepOutcome, one: Summary, shown: Sequence[str]) -> Sequence[Cell]:
    beaten = "" if one.is_ranked else "not compared: fewer seeds"
    beaten = beaten if one.dominated_by is None else f"{one.dominated_by}{'' if one.is_certain else ' (not certain)'}"
    cells: list[Cell] = [str(one.configuration), one.configuration.trace or "the scenario's", beaten]
    if outcome.slo is not None:
        cells.append(f"{one.kept.held} of {one.kept.judged}" if one.kept is not None else "")
    for name in shown:
        found = one.measures[name]
        cells += [None, None] if found is None else [found.mean, found.half_width]
    return cells


def _sorting(summary: Summary, names: Sequence[str]) -> tuple[float, ...]:
    return tuple(_mean(summary, name) if _has(summary, (name,)) else float("inf") for name in names)


def _is_known(outcome: SweepOutcome, name: str) -> bool:
    return any(one.measures.get(name) is not None for one in outcome.summaries)


def _unit(name: str) -> str:
    return MEASURES[name].unit if name in MEASURES else "fraction"


def _differing(outcome: SweepOutcome) -> Section:
    """Compare with the base, seed by seed."""
    names = [*outcome.minimize, *(name for name in OTHERS if name not in outcome.minimize)]
    found = [name for name in names if any(one.measures.get(name) is not None for one in outcome.differences)]
    base = outcome.differences[0].base.policy
    shown = outcome.differences[:MOST_BARS]
    picture = Picture(
        id="paired",
        title=f"Difference from {base}, seed by seed",
        words=f"For each configuration the mean difference from {base} under the same requests, with its interval; where the "
        "interval does not touch zero the difference is certain.",
        views=[View(named(name), [_forest(shown, name)], _difference_axis(name)) for name in found],
        layout={
            "yaxis": {
                "autorange": "reversed",
                "tickvals": list(range(len(shown))),
                "ticktext": [plain(short(str(one.policy))) for one in shown],
            },
            "hovermode": "closest",
        },
        height=150 + 24 * len(shown),
    )
    columns = [Column("configuration"), Column("against")]
    for name in found:
        columns += [Column(name.replace("_", " "), _unit(name), 4), Column("±", _unit(name), 4)]
    rows: list[Sequence[Cell]] = []
    for one in outcome.differences[:MOST_ROWS]:
        cells: list[Cell] = [str(one.policy), str(one.base)]
        for name in found:
            value = one.measures[name]
            cells += [None, None] if value is None else [value.mean, value.half_width]
        rows.append(cells)
    table = Table("Differences from the base", columns, rows, max(len(outcome.differences) - MOST_ROWS, 0))
    words = (
        "Under a seed every configuration meets the same requests, so that differences are known better than either mean.",
    )
    return Section("paired-section", f"Against {base}", words, [(picture, table)])


def _difference_axis(name: str) -> Json:
    return {"xaxis": axis(f"difference of {named(name)}", zeroline=True, zerolinewidth=2)}


def _forest(found: Sequence[Difference], name: str) -> Json:
    places = [(place, one.measures[name]) for place, one in enumerate(found)]
    known = [(place, one) for place, one in places if one is not None]
    return {
        "type": "scatter",
        "mode": "markers",
        "name": named(name),
        "x": digits([one.mean for _, one in known]),
        "y": [place for place, _ in known],
        "error_x": {
            "type": "data",
            "array": digits([_half(one) for _, one in known]),
            "color": REST,
            "thickness": 1.4,
            "width": 4,
        },
        "marker": {
            "size": 9,
            "color": [COLOURS[0] if one.sign < 0 else "var(--bad)" if one.sign > 0 else REST for _, one in known],
        },
        "hovertemplate": "%{x}<extra></extra>",
        "showlegend": False,
    }


def _failed(outcome: SweepOutcome) -> Section:
    columns = (Column("configuration"), Column("seed", "", 0), Column("error"))
    rows = [(str(one.configuration), one.seed, one.error) for one in outcome.failures[:MOST_ROWS]]
    table = Table("Runs that failed", columns, rows, max(len(outcome.failures) - MOST_ROWS, 0))
    return Section("failures", "What could not be run", ("The others are kept.",), (), (table,))
