"""What `autoscaler trace` says: tables for people, documents for programs."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table

from autoscaler.policy.quantities import format_duration
from autoscaler.simulator.instants import format_instant
from autoscaler.simulator.report.words import counted
from autoscaler.simulator.trace_sets.fitting import Fit, ServiceFit
from autoscaler.simulator.trace_sets.measures import Measures, Profile, hours_apart
from autoscaler.simulator.trace_sets.trace_set import SHORTEST_S, Counts, Events, TraceSet

BARS = " ▁▂▃▄▅▆▇█"


def plain(number: float | None) -> float | None:
    """Give a number for JSON; what is not known is null."""
    return None if number is None or not np.isfinite(number) else float(number)


def said(number: float | None, digits: int = 3) -> str:
    """Give a number for people; what is not known is a dash."""
    return "–" if number is None or not np.isfinite(number) else f"{number:.{digits}g}"


def kind_of(trace_set: TraceSet) -> str:
    """Say what was recorded."""
    match trace_set.load:
        case Events(durations_s=None):
            return "single requests, without service times"
        case Events():
            return "single requests with service times"
        case Counts() as load:
            return f"{load.of} counted every {format_duration(load.step_s)}"
        case None:
            return "configurations, no load"


def set_document(trace_set: TraceSet, found: Measures) -> dict[str, Any]:
    """Give a set and its measures as a document."""
    begins = trace_set.begins_utc_s
    return {
        "source": trace_set.source,
        "holds": kind_of(trace_set),
        "length_s": trace_set.length_s,
        "begins": None if begins is None else format_instant(begins),
        "tenants": len(trace_set.tenants()),
        "requests": plain(float(trace_set.totals().sum())),
        "notes": list(trace_set.notes),
        "measures": measures_document(found),
    }


def measures_document(found: Measures) -> dict[str, Any]:
    """Give measures as a document."""
    return {
        "functions": found.functions,
        "requests_per_s": plain(found.rate),
        "gap_cv": plain(found.gap_cv),
        "dispersion": plain(found.dispersion),
        "dispersion_together": plain(found.dispersion_together),
        "peak": plain(found.peak),
        "top_tenth_share": plain(found.top_share),
        "hours": None if np.isnan(found.hours).any() else found.hours.tolist(),
    }


def profile_document(trace_set: TraceSet, place: int, one: Profile) -> dict[str, Any]:
    """Give one function's profile as a document."""
    function = trace_set.functions[place]
    return {
        "tenant": function.tenant,
        "namespace": function.namespace,
        "function": function.name,
        "requests": plain(one.requests),
        "requests_per_s": plain(one.rate),
        "peak": plain(one.peak),
        "gap_cv": plain(one.gap_cv),
        "burstiness": plain(one.burstiness),
        "dispersion": plain(one.dispersion),
        "timer_s": plain(one.period_s),
        "active": plain(one.active),
        "service_s": plain(trace_set.service_s(place)),
        "memory_gb": plain(function.memory_gb),
    }


def print_set(out: Console, trace_set: TraceSet, found: Measures) -> None:
    """Print what a set is, and what it is like as a whole."""
    length = format_duration(round(trace_set.length_s)) if trace_set.length_s >= 1 else f"{trace_set.length_s:g} s"
    length = "at one instant" if trace_set.length_s < SHORTEST_S else length
    who = f"{counted(found.functions, 'function')} of {counted(len(trace_set.tenants()), 'tenant')}"
    out.print(f"{trace_set.source}: {kind_of(trace_set)}; {who}, {length}.")
    if trace_set.begins_utc_s is not None:
        out.print(f"It begins at {format_instant(trace_set.begins_utc_s)}.")
    for note in trace_set.notes:
        out.print(f"· {note}", soft_wrap=True)
    if trace_set.load is None:
        return
    what = "container-steps" if isinstance(trace_set.load, Counts) and trace_set.load.of == "containers" else "requests"
    rate = float("nan") if trace_set.length_s < SHORTEST_S else found.rate
    out.print(
        f"{trace_set.totals().sum():.0f} {what}, {said(rate, 4)}/s; the busiest tenth of the functions has {found.top_share:.0%}."
    )
    step_s = trace_set.load.step_s if isinstance(trace_set.load, Counts) else 0.0
    busiest = "minute" if step_s <= 60 else f"step of {format_duration(step_s)}"
    out.print(
        f"Busiest {busiest} {said(found.peak)} × the mean. Dispersion {said(found.dispersion_together)} of all together, "
        f"{said(found.dispersion)} of single functions; CV of gaps {said(found.gap_cv)} (1 is Poisson, 0 a timer)."
    )
    out.print(f"Hours of the day: {hours_line(found)}")


def hours_line(found: Measures) -> str:
    """Draw the pattern of a day in a line."""
    if np.isnan(found.hours).any():
        return "not known: it is shorter than a day, or its steps are longer than an hour"
    bars = "".join(BARS[round(share / found.hours.max() * 8)] for share in found.hours.tolist())
    busiest, quietest = int(found.hours.argmax()), int(found.hours.argmin())
    ratio = said(found.hours.max() / found.hours.min()) if found.hours.min() > 0 else "∞"
    return f"{bars} most at {busiest:02d}:00, least at {quietest:02d}:00, {ratio} ×"


def profiles_table(trace_set: TraceSet, rows: Iterable[tuple[int, Profile]]) -> Table:
    """Give a table of functions."""
    table = Table(title="Functions, busiest first", title_justify="left")
    table.add_column("function")
    for name in ("requests", "/s", "peak ×", "gap CV", "dispersion", "timer", "active", "service", "memory"):
        table.add_column(name, justify="right")
    for place, one in rows:
        service_s, memory_gb = trace_set.service_s(place), trace_set.functions[place].memory_gb
        table.add_row(
            str(trace_set.functions[place].key),
            f"{one.requests:.0f}",
            *(said(value) for value in (one.rate, one.peak, one.gap_cv, one.dispersion)),
            "" if one.period_s is None else f"every {one.period_s:.4g} s",
            f"{one.active:.0%}",
            "–" if service_s is None else f"{service_s:.3g} s",
            "–" if memory_gb is None else f"{memory_gb * 1024:.0f} Mi",
        )
    return table


def fit_document(fits: Sequence[Fit]) -> list[dict[str, Any]]:
    """Give models as documents, the nearest first."""
    return [
        {
            "model": one.model,
            "workload": one.document,
            "distance": plain(one.distance),
            "dispersion": [
                {"step_s": step_s, "recorded": plain(recorded), "model": plain(modelled)}
                for step_s, (recorded, modelled) in zip(one.scales_s, one.dispersion.tolist(), strict=True)
            ],
            "kept": list(one.kept),
            "lost": list(one.lost),
        }
        for one in fits
    ]


def service_document(fit: ServiceFit | None) -> dict[str, Any] | None:
    """Give a law as a document."""
    if fit is None:
        return None
    names = ("p50", "p95", "p99")
    quantiles = zip(names, fit.quantiles_s.tolist(), strict=True)
    return {
        "service": format_duration(max(round(fit.mean_s, 3), 0.001)),
        "serviceTimes": {"type": "lognormal", "cv": float(f"{fit.cv:.4g}")},
        "mean_s": fit.mean_s,
        "distance": fit.distance,
        "quantiles_s": {name: {"recorded": of[0], "model": of[1]} for name, of in quantiles},
    }


def likeness(before: Measures, after: Measures) -> list[dict[str, Any]]:
    """Give what of a set is in another: each measure before and after."""
    one, other = measures_document(before), measures_document(after)
    rows = [{"measure": name, "before": one[name], "after": other[name]} for name in one if name != "hours"]
    apart = plain(hours_apart(before.hours, after.hours))
    return [*rows, {"measure": "hours_apart", "before": None if apart is None else 0.0, "after": apart}]


_WORDS: Mapping[str, str] = {
    "functions": "functions",
    "requests_per_s": "requests/s of all",
    "gap_cv": "CV of a function's gaps",
    "dispersion": "dispersion of a function's steps",
    "dispersion_together": "dispersion of all together",
    "peak": "busiest minute × the mean",
    "top_tenth_share": "share of the busiest tenth",
    "hours_apart": "hours of the day, distance (0 alike, 1 nothing)",
}


def likeness_table(rows: Sequence[Mapping[str, Any]]) -> Table:
    """Give a table of what was kept and lost."""
    table = Table(title="Kept and lost", title_justify="left")
    for name in ("measure", "before", "after", ""):
        table.add_column(name, justify="left" if name in ("measure", "") else "right")
    for row in rows:
        before, after = row["before"], row["after"]
        table.add_row(_WORDS[row["measure"]], said(before, 4), said(after, 4), _verdict(row["measure"], before, after))
    return table


def _verdict(measure: str, before: float | None, after: float | None) -> str:
    """Say in a word what became of a measure; a tenth is kept."""
    if before is None or after is None:
        return ""
    if measure == "hours_apart":
        return "kept" if after <= 0.05 else "lost"
    return "kept" if abs(after - before) <= 0.1 * max(abs(before), 1e-9) else "changed"
