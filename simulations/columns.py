"""Columns of the studies' tables."""

from collections.abc import Callable, Mapping

from autoscaler.simulator.minutes.result import MinuteResult
from autoscaler.simulator.result import Row
from autoscaler.simulator.slo import MEASURES

COLUMNS: Mapping[str, Callable[[Row, float], str]] = {
    "requests": lambda row, _: f"{row.requests:,}",
    "cold": lambda row, _: f"{row.cold:,}",
    "refused": lambda row, _: f"{row.refused:,}",
    "wait p50": lambda row, _: seconds(row.wait_p50_s),
    "wait p95": lambda row, _: seconds(row.wait_p95_s),
    "longest wait": lambda row, _: seconds(row.wait_max_s),
    "replica-seconds": lambda row, _: f"{row.replica_seconds:,.0f}",
    "most replicas": lambda row, _: str(row.replicas_max),
    "hours at zero": lambda row, _: f"{row.zero_s / 3600:.1f}",
    "ready on average": lambda row, length_s: f"{ready(row, length_s):.2f}",
}
"""Of a function or a tenant, in a run of so many seconds."""

ON_COUNTS: Mapping[str, Callable[[MinuteResult, MinuteResult], str]] = {
    "cold starts": lambda one, _: f"{one.total.cold:,}",
    "cold p50": lambda one, _: percent(one.cold_fraction_quantile(0.5)),
    "cold p75": lambda one, _: percent(one.cold_fraction_quantile(0.75)),
    "cold p95": lambda one, _: percent(one.cold_fraction_quantile(0.95)),
    "allocated GB-s": lambda one, _: f"{one.total.allocated_gb_s:,.0f}",
    "idle GB-s": lambda one, _: f"{one.idle_gb_s:,.0f}",
    "waste": lambda one, first: "–" if (waste := one.waste_relative(first)) is None else f"{waste:.2f}",
}
"""Of a decider on counts by the minute, beside the first one of them."""


def ready(row: Row, length_s: float) -> float:
    """Give the ready replicas on average."""
    return row.ready_s / length_s


def seconds(value_s: float | None) -> str:
    """Write a wait; None: there was none."""
    return "–" if value_s is None else f"{value_s:.2f} s"


def percent(fraction: float | None) -> str:
    """Write a share; None: there was nothing to share."""
    return "–" if fraction is None else f"{100 * fraction:.1f} %"


def measure(name: str, estimate: Mapping[str, float | None] | None) -> str:
    """Write a measure of a sweep with the interval of its mean; None: there was nothing to measure."""
    if estimate is None or estimate["mean"] is None:
        return "–"
    unit = MEASURES[name].unit if name in MEASURES else "fraction"
    scale, form, sign = {"s": (1, ".2f", " s"), "fraction": (100, ".2f", " %"), "replicas": (1, ".1f", "")}.get(
        unit, (1, ",.0f", "")
    )
    half_width = estimate["half_width"]
    width = "" if half_width is None else f" ± {half_width * scale:{form}}"
    return f"{estimate['mean'] * scale:{form}}{width}{sign}"
