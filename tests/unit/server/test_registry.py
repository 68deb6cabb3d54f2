"""The registry of metrics, and the page that is written from it."""

import re
from pathlib import Path

import pytest

from autoscaler.server.registry import CHAPTERS, METRICS, Kind, Metric, Unit
from autoscaler.server.registry.page import page

PAGE = Path(__file__).parents[3] / "docs" / "metrics.md"
ENDINGS = {Unit.BYTES: "_bytes", Unit.SECONDS: "_seconds", Unit.TIME: "_timestamp_seconds", Unit.REPLICA_SECONDS: "_replica_seconds"}  # fmt: skip


def test_the_page_is_current() -> None:
    """docs/metrics.md is what `python -m autoscaler.server.registry` writes."""
    assert PAGE.read_text() == page()


def test_no_metric_is_registered_twice() -> None:
    """Each name stands in one chapter, once."""
    assert sum(len(chapter.metrics) for chapter in CHAPTERS) == len(METRICS)


@pytest.mark.parametrize("metric", METRICS.values(), ids=lambda metric: metric.name)
def test_names_are_as_prometheus_wants_them(metric: Metric) -> None:
    """Our prefix, base units at the end, `_total` on counters alone, and a meaning that is one sentence."""
    stem = metric.name.removesuffix("_total")
    assert re.fullmatch(r"autoscaler_[a-z_]+", metric.name)
    assert (stem != metric.name) == (metric.kind is Kind.COUNTER)
    assert stem.endswith(ENDINGS.get(metric.unit, ""))
    assert metric.meaning[0].isupper()
    assert metric.meaning.endswith(".")
    assert "\n" not in metric.meaning
