"""What a sweep came to, as tables for people and as JSON for programs."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from itertools import chain, islice
from pathlib import Path
from typing import Any

from rich.table import Table

from autoscaler.cli.output import console
from autoscaler.cli.sweep_search import Searched
from autoscaler.simulator.slo import MEASURES
from autoscaler.simulator.sweeps.estimates import Estimate
from autoscaler.simulator.sweeps.grid import OWN_TRACE, Configuration, short, typed
from autoscaler.simulator.sweeps.ledger import Kept
from autoscaler.simulator.sweeps.outcome import Summary, SweepOutcome
from autoscaler.simulator.sweeps.search import Found, Trial

MOST_SHOWN = 40
"""Rows of a table; JSON and Parquet have all."""

MOST_FAILURES = 5


def print_outcome(outcome: SweepOutcome) -> None:
    """Print configurations, differences and failures."""
    out = console(has_markup=False)
    if outcome.summaries:
        out.print(_summaries(outcome))
        if len(outcome.summaries) > MOST_SHOWN:
            out.print(f"… and {len(outcome.summaries) - MOST_SHOWN} configurations more; --output json has them all.")
        for line in (_legend(outcome), *outcome.words):
            out.print(line, soft_wrap=True)
    if outcome.differences:
        out.print(_differences(outcome))
    for failure in outcome.failures[:MOST_FAILURES]:
        out.print(
            f"Failed: {failure.configuration}, seed {failure.seed}: {failure.error}", soft_wrap=True, markup=False
        )
    if len(outcome.failures) > MOST_FAILURES:
        out.print(f"… and {len(outcome.failures) - MOST_FAILURES} runs more failed; results.parquet has each error.")


def _names(outcome: SweepOutcome) -> tuple[str, ...]:
    """Give the measures of tables: what is minimized, and what the objective is about."""
    asked = [condition.measure for condition in outcome.slo.required] if outcome.slo is not None else []
    return tuple(dict.fromkeys([*outcome.minimize, *asked]))


def _summaries(outcome: SweepOutcome) -> Table:
    """Make the table: the front first, then those it beats."""
    paths = tuple(dict.fromkeys(path for one in outcome.summaries for path, _ in one.configuration.settings))
    has_traces = any(one.configuration.trace != OWN_TRACE for one in outcome.summaries)
    table = Table(title=outcome.title or "Configurations", title_justify="left")
    for name in ["policy", *(["trace"] if has_traces else []), *map(short, paths)]:
        table.add_column(name, overflow="fold")
    for name in _names(outcome):
        table.add_column(f"{name} {_unit(name)}".rstrip(), justify="right")
    table.add_column("beaten by", overflow="fold")
    if outcome.slo is not None:
        table.add_column("SLO", justify="right")
    front = outcome.front
    of_front = {id(one) for one in front}
    beaten = (one for one in outcome.summaries if id(one) not in of_front)
    for summary in islice(chain(front, beaten), MOST_SHOWN):
        mine = summary.configuration
        values = mine.values
        cells = [mine.policy, *([mine.trace] if has_traces else [])]
        cells += [typed(values[path]) if path in values else "" for path in paths]
        cells += [_estimate(summary.measures[name]) for name in _names(outcome)]
        cells.append(_beaten(summary))
        table.add_row(*cells, *([_kept(summary.kept)] if outcome.slo is not None else []))
    return table


def _beaten(summary: Summary) -> str:
    if not summary.is_ranked:
        return "–"
    if summary.dominated_by is None:
        return "nobody"
    return f"{summary.dominated_by}{'' if summary.is_certain else ' (perhaps)'}"


def _kept(kept: Kept | None) -> str:
    if kept is None or not kept.judged:
        return "–"
    return f"{kept.held} of {kept.judged}"


def _legend(outcome: SweepOutcome) -> str:
    percent = f"{100 * outcome.confidence:g} %"
    words = f"± is the {percent} interval of the mean over seeds (Student's t). Beaten by: as good in all of "
    words += f"{', '.join(outcome.minimize)} and better in one; perhaps: the seeds leave it open."
    if not all(one.is_ranked for one in outcome.summaries):
        words += " –: it ran under fewer seeds than others, and is not compared with them."
    if outcome.slo is not None:
        words += f" SLO: seeds under which {outcome.slo} was kept."
    return words


def _differences(outcome: SweepOutcome) -> Table:
    """Make the table of policies against the base: paired by seed."""
    base = outcome.differences[0].base.policy
    table = Table(title=f"Against {base}, under the same requests", title_justify="left")
    table.add_column("configuration", overflow="fold")
    for name in _names(outcome):
        table.add_column(f"{name} {_unit(name)}".rstrip(), justify="right")
    for difference in outcome.differences[:MOST_SHOWN]:
        cells = [_estimate(difference.measures[name], is_signed=True) for name in _names(outcome)]
        table.add_row(str(difference.policy), *cells)
    return table


def print_searches(searches: Sequence[Searched], outcome: SweepOutcome) -> None:
    """Print what searches came to."""
    out = console(has_markup=False)
    for one in searches:
        for line in search_lines(one, outcome):
            out.print(line, soft_wrap=True, markup=False)


def search_lines(one: Searched, outcome: SweepOutcome) -> list[str]:
    """Say what a search came to, and how sure that is."""
    found, slo = one.found, str(outcome.slo)
    tried = f"{len(found.trials)} {'choice' if len(found.trials) == 1 else 'choices'} tried"
    under = f" under {one.trace}" if one.trace != OWN_TRACE else ""
    if found.best is None:
        nearest = found.nearest
        near = f"; nearest is {nearest.choice}, {_excess(nearest.excess)}" if nearest is not None else ""
        lines = [f"Nothing keeps {slo}{under}{near}. {tried}."]
    else:
        best = found.best
        lines = [
            f"Cheapest that keeps {slo}{under}: {best.choice}, {one.minimize} {best.objective:.4g}. "
            f"{_sureness(found, best)} {tried}."
        ]
        if found.fresh_held < len(found.fresh):
            lines.append(
                "Fresh seeds broke the objective that the choosing ones kept: ask for more seeds, or for less."
            )
        if not found.is_exhaustive:
            lines.append("Cheaper ones may have been passed over: only a whole grid is sure.")
    if not found.is_monotone:
        lines.append("More did not always keep it better, so a cheaper value may keep it too: run the whole grid.")
    if one.erlang is not None:
        lines.append(
            f"Erlang's formula: {one.erlang} replicas that are always ready keep it (Poisson arrivals, exponential service)."
        )
    return lines


def _sureness(found: Found[Configuration], best: Trial[Configuration]) -> str:
    """Say under which seeds a choice kept the objective, and what that promises."""
    if not found.fresh:
        return "On counts nothing is random."
    return (
        f"Chosen by {len(best.outcomes)} seeds, kept under {found.fresh_held} of {len(found.fresh)} fresh ones: "
        f"with {100 * found.confidence:g} % confidence under {100 * (found.share or 0.0):.0f} % of further ones or more."
    )


def _excess(excess: float) -> str:
    return "which had nothing to judge or failed" if excess == float("inf") else f"{100 * excess:.3g} % beyond"


def _unit(name: str) -> str:
    unit = MEASURES[name].unit if name in MEASURES else "fraction"
    return {"s": "(s)", "replica-s": "", "GB-s": "", "fraction": "", "replicas": "", "money": ""}[unit]


def _estimate(value: Estimate | None, is_signed: bool = False) -> str:
    if value is None:
        return "–"
    sign = "+" if is_signed else ""
    width = "" if value.half_width is None else f" ± {value.half_width:.2g}"
    return f"{value.mean:{sign}.4g}{width}"


def duration_words(seconds: float) -> str:
    """Write how long something takes: two units at most, since it is reckoned."""
    if seconds < 1:
        return "less than a second"
    for unit, size, lower, lower_size in (("d", 86_400, "h", 3_600), ("h", 3_600, "min", 60), ("min", 60, "s", 1)):
        if seconds >= size:
            whole = round(seconds / lower_size) * lower_size
            return f"{whole // size:,} {unit} {whole % size // lower_size} {lower}"
    return f"{seconds:.0f} s"


def as_json(
    outcome: SweepOutcome,
    searches: Sequence[Searched],
    *,
    cells: int,
    took_s: float,
    file: Path,
    provenance: Mapping[str, str],
) -> dict[str, Any]:
    """Give everything that was found."""
    return {
        "title": outcome.title,
        "cells": cells,
        "took_s": took_s,
        "results": str(file),
        "minimize": list(outcome.minimize),
        "slo": None if outcome.slo is None else str(outcome.slo),
        "confidence": outcome.confidence,
        "words": list(outcome.words),
        "configurations": [_summary_json(one) for one in outcome.summaries],
        "front": [_configuration_json(one.configuration) for one in outcome.front],
        "differences": [
            {
                "policy": _configuration_json(one.policy),
                "base": _configuration_json(one.base),
                "measures": _measures_json(one.measures),
            }
            for one in outcome.differences
        ],
        "failures": [
            {**_configuration_json(one.configuration), "seed": one.seed, "error": one.error} for one in outcome.failures
        ],
        "searches": [_search_json(one) for one in searches],
        "provenance": dict(provenance),
    }


def _configuration_json(configuration: Configuration) -> dict[str, Any]:
    return {
        "policy": configuration.policy,
        "trace": configuration.trace or None,
        "parameters": configuration.values,
    }


def _summary_json(summary: Summary) -> dict[str, Any]:
    beaten = summary.dominated_by
    return {
        **_configuration_json(summary.configuration),
        "seeds": list(summary.seeds),
        "measures": _measures_json(summary.measures),
        "beaten_by": None if beaten is None else _configuration_json(beaten),
        "beaten_certainly": summary.is_certain,
        "is_ranked": summary.is_ranked,
        "slo": None if summary.kept is None else _kept_json(summary.kept),
    }


def _kept_json(kept: Kept) -> dict[str, Any]:
    worst = kept.worst
    return {
        "held": kept.held,
        "judged": kept.judged,
        "share_of_further_seeds": kept.share,
        "worst": None
        if worst is None
        else {"name": worst.name, "condition": str(worst.condition), "excess": worst.excess},
    }


def _measures_json(measures: Mapping[str, Estimate | None]) -> dict[str, Any]:
    return {name: None if one is None else asdict(one) for name, one in measures.items()}


def _search_json(one: Searched) -> dict[str, Any]:
    found = one.found
    return {
        "trace": one.trace or None,
        "minimize": one.minimize,
        "over": one.over,
        "best": None if found.best is None else _configuration_json(found.best.choice),
        "objective": None if found.best is None else found.best.objective,
        "held": None if found.best is None else found.best.held,
        "seeds": None if found.best is None else len(found.best.outcomes),
        "fresh_held": found.fresh_held if found.fresh else None,
        "fresh_seeds": len(found.fresh) or None,
        "share_of_further_seeds": found.share,
        "nearest": None if found.nearest is None else _configuration_json(found.nearest.choice),
        "tried": len(found.trials),
        "is_exhaustive": found.is_exhaustive,
        "is_monotone": found.is_monotone,
        "erlang_replicas": one.erlang,
    }
