"""A span of a Prometheus as workloads: whose series are whose, and what is a gap."""

import numpy as np
import pytest
from pydantic import ValidationError

from autoscaler.core.fleet import FunctionKey
from autoscaler.policy.problems import Problem
from autoscaler.simulator.recorded_rates import RecordedRates
from autoscaler.simulator.spans import SpanSeries, query_of, recorded, strangers
from autoscaler.simulator.traces import PrometheusTrace

KEY = FunctionKey("acme", "resize")
NAN = float("nan")
BASE: dict[str, object] = {
    "type": "prometheus",
    "url": "http://127.0.0.1:9090",
    "query": "sum by (function_name) (rate(x[{step}]))",
    "start": "2026-03-02T00:00:00Z",
    "end": "2026-03-02T00:03:00Z",
}


def trace(**fields: object) -> PrometheusTrace:
    return PrometheusTrace.model_validate(BASE | fields)


def series(*values: float, **labels: str) -> SpanSeries:
    return SpanSeries(labels, np.array(values))


def rates(of: PrometheusTrace, *found: SpanSeries) -> list[float]:
    made = recorded(of, found, KEY)
    assert isinstance(made, RecordedRates), made
    return made.rates.tolist()


def wrong(of: PrometheusTrace, *found: SpanSeries) -> str:
    made = recorded(of, found, KEY)
    assert isinstance(made, Problem)
    assert made.file == "acme/resize"
    assert made.allowed
    return made.wrong


def test_the_step_stands_in_the_query() -> None:
    """`{step}` becomes the step as PromQL writes it; other braces stay."""
    assert query_of(trace(query='rate(x{a="b"}[{step}])')) == 'rate(x{a="b"}[1m])'
    assert query_of(trace(step="1m30s", query="rate(x[{step}])", end="2026-03-02T00:06:00Z")) == "rate(x[1m30s])"


@pytest.mark.parametrize(
    "labels",
    [
        {"function_name": "resize.acme"},
        {"function_name": "resize", "namespace": "acme"},
        {"namespace": "acme", "function": "resize"},
        {},
    ],
)
def test_a_series_is_found_by_its_names_or_is_the_only_one(labels: dict[str, str]) -> None:
    """OpenFaaS's label, namespace and function, or a single series without names: all are this function's rates."""
    assert rates(trace(), series(1.0, 2.0, 3.0, **labels)) == [1.0, 2.0, 3.0]


def test_series_of_others_are_left_out_and_named() -> None:
    """Another function's series is not this one's, and is named where the scenario has no such function."""
    found = [series(1, 1, 1, function_name="resize.acme"), series(9, 9, 9, function_name="other.acme"), series(7, 7, 7)]
    assert rates(trace(), *found) == [1, 1, 1]
    assert strangers(found, [KEY]) == ["acme/other"]
    assert "among the 1" in wrong(trace(), series(9, 9, 9, function_name="other.acme"))
    assert "among the 2" in wrong(trace(), series(1, 1, 1), series(2, 2, 2))


def test_match_chooses_series_and_sums_them() -> None:
    """Two series with the labels asked for are summed, scaled; one that differs is left out."""
    chosen = trace(match={"service": "web"}, scale=2.0)
    found = [series(1, 2, 3, service="web", code="200"), series(1, NAN, 1, service="web"), series(9, 9, 9, service="x")]
    assert rates(chosen, *found) == [4, 4, 8]
    assert "no series" in wrong(chosen, series(1, 1, 1))


def test_a_step_without_any_value_is_a_gap() -> None:
    """Where no series has a value nothing is known, and the gap is named."""
    made = recorded(trace(), [series(1.0, NAN, 2.0)], KEY)
    assert isinstance(made, RecordedRates)
    assert made.gaps(180.0).tolist() == [[60.0, 120.0]]
    assert made.length_s == 180.0


def test_an_answer_without_values_or_with_impossible_ones_is_refused() -> None:
    """No value at all, a negative rate, one beyond what is simulated: said, with the values."""
    assert "no value" in wrong(trace(), series(NAN, NAN, NAN))
    assert "-1" in wrong(trace(), series(1, -1, 1))
    assert "1e+08" in wrong(trace(), series(1, 1e8, 1))


@pytest.mark.parametrize(
    "fields",
    [
        {"url": "prometheus:9090"},
        {"query": ""},
        {"start": "2026-03-02"},
        {"start": "2026-03-02T00:00:00"},
        {"start": "2026-03-02T00:03:00Z"},
        {"start": "2026-03-02T00:05:00Z"},
        {"start": "2026-03-02T00:00:00.5Z"},
        {"end": "2026-03-02T00:03:30Z"},
        {"end": 1_700_000_000},
        {"step": "500ms"},
        {"step": "1500ms"},
        {"step": "0s"},
        {"start": "1900-01-01T00:00:00Z", "step": "1s"},
        {"scale": -1},
        {"nonsense": 1},
    ],
)
def test_an_impossible_span_is_refused(fields: dict[str, object]) -> None:
    """A span without a time zone, a beginning after its end, part of a step, or too many steps is refused."""
    with pytest.raises(ValidationError):
        trace(**fields)
