"""A span of a real Prometheus as a trace."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from autoscaler.cli import root
from autoscaler.cli.trace_files import read_trace
from autoscaler.simulator.trace_sets.trace_set import Counts
from tests.integration.prometheus.whole_day import BEGIN_S, SERVICE_S, scrapes
from tests.servers.prometheus import Prometheus, prometheus, write_blocks

pytestmark = pytest.mark.server

SPAN = ("--start", "2026-03-29T08:00:00Z", "--end", "2026-03-29T10:00:00Z")


@pytest.fixture(scope="module")
def day(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Prometheus]:
    """A Prometheus that holds two hours of a shop."""
    folder = tmp_path_factory.mktemp("day")
    write_blocks(folder, scrapes(hours=2))
    with prometheus(folder, {}) as server:
        yield server


def trace(*arguments: str) -> Result:
    return CliRunner().invoke(root, ["trace", *arguments])


def test_a_span_becomes_a_trace_with_service_times(day: Prometheus, tmp_path: Path) -> None:
    """Its functions, their rates and, by Little's law, how long they are served are read; the moment it begins is kept."""
    file = tmp_path / "day.parquet"
    result = trace("convert", "--prometheus", day.url, *SPAN, "--write", str(file))
    assert result.exit_code == 0, result.output
    found = read_trace(file)
    assert [str(one.key) for one in found] == ["shop/half", "shop/never", "shop/steady"]
    assert found.begins_utc_s == BEGIN_S
    assert isinstance(found.load, Counts)
    assert found.rates() == pytest.approx([4.0, 0.0, 20.0], rel=0.05)
    assert [found.service_s(place) for place in (0, 2)] == pytest.approx([SERVICE_S] * 2, rel=0.1)
    assert found.service_s(1) is None
    assert any("1 of 3 functions are without a service time" in note for note in found.notes)


def test_a_span_is_described(day: Prometheus) -> None:
    """One that is called for half of each hour is twice as busy in its busiest step as on average."""
    result = trace("describe", "--prometheus", day.url, *SPAN, "--output", "json")
    assert result.exit_code == 0, result.output
    found = json.loads(result.stdout)
    assert found["begins"] == "2026-03-29T08:00:00Z"
    half = next(one for one in found["functions"] if one["function"] == "half")
    assert half["peak"] == pytest.approx(2.0, rel=0.05)
    assert half["active"] == pytest.approx(0.5, abs=0.05)
