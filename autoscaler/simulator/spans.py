"""A span of a Prometheus's past as workloads: which series are whose, and what is not known."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from autoscaler.core.columns import Floats
from autoscaler.core.fleet import FunctionKey
from autoscaler.policy.problems import Problem, shown
from autoscaler.policy.quantities import format_duration
from autoscaler.simulator.recorded_rates import RecordedRates
from autoscaler.simulator.traces import PrometheusTrace
from autoscaler.simulator.workload import MOST_RATE

NAMED_BY = ("function_name", "function")
"""Labels that say whose a series is."""


@dataclass(frozen=True, slots=True, eq=False)
class SpanSeries:
    """One series over the steps of a span.

    Attributes:
        labels: its labels.
        values: `(steps,) float64`, at the end of each step; nan: none, or one that is no number.
    """

    labels: Mapping[str, str]
    values: Floats


def query_of(trace: PrometheusTrace) -> str:
    """Give the query with its step in place of `{step}`."""
    return trace.query.replace("{step}", format_duration(trace.step))


def recorded(trace: PrometheusTrace, series: Sequence[SpanSeries], key: FunctionKey) -> RecordedRates | Problem:
    """Give a function's workload from the answer, or why there is none.

    Values of several series are summed where there are any; a step in which none has one is a gap.
    """
    its_own = [one for one in series if _is_of(one.labels, trace, key)]
    if not its_own and trace.match is None and len(series) == 1 and not _is_named(series[0].labels):
        its_own = list(series)
    if not its_own:
        return _wrong(key, f"has no series among the {len(series)} of the answer", _allowed(trace, key))
    values = np.array([one.values for one in its_own])
    is_known = ~np.isnan(values)
    rates = np.where(is_known.any(axis=0), np.where(is_known, values, 0.0).sum(axis=0), np.nan) * trace.scale
    if not is_known.any():
        return _wrong(key, "has no value within the whole span", "a span with data, and a query that gives some")
    if np.nanmin(rates) < 0 or np.nanmax(rates) > MOST_RATE:
        least_most = f"{np.nanmin(rates):g} to {np.nanmax(rates):g} requests/s"
        return _wrong(key, f"has rates of {least_most}", f"0 to {MOST_RATE:g} requests/s")
    edges_s = np.arange(trace.steps + 1, dtype=np.float64) * trace.step
    return RecordedRates(edges_s, rates, trace.repeat, trace.arrivals)


def strangers(series: Sequence[SpanSeries], keys: Sequence[FunctionKey]) -> list[str]:
    """Name the functions that an answer has series of and the scenario has not, sorted."""
    known = {str(key) for key in keys}
    found = {name for one in series if (name := _name_of(one.labels)) is not None}
    return sorted(found - known)


def _is_of(labels: Mapping[str, str], trace: PrometheusTrace, key: FunctionKey) -> bool:
    if trace.match is not None:
        return all(labels.get(name) == value for name, value in trace.match.items())
    return _name_of(labels) == str(key)


def _is_named(labels: Mapping[str, str]) -> bool:
    return any(name in labels for name in NAMED_BY)


def _name_of(labels: Mapping[str, str]) -> str | None:
    """Give `namespace/name` as labels have it; None: they name no function."""
    if "function_name" in labels:  # name.namespace; a name has no dot
        name, _, namespace = labels["function_name"].partition(".")
        namespace = namespace or labels.get("namespace", "")
        return f"{namespace}/{name}"
    if "function" in labels and "namespace" in labels:
        return f"{labels['namespace']}/{labels['function']}"
    return None


def _allowed(trace: PrometheusTrace, key: FunctionKey) -> str:
    if trace.match is not None:
        return "series with the labels of `match`: " + ", ".join(
            f"{name}={shown(trace.match[name])}" for name in trace.match
        )
    return (
        f"a series with function_name={key.name}.{key.namespace}, one with namespace={key.namespace} and "
        f"function={key.name}, or a single one without such labels; else say `match`"
    )


def _wrong(key: FunctionKey, wrong: str, allowed: str) -> Problem:
    return Problem(str(key), None, "", wrong, allowed)
