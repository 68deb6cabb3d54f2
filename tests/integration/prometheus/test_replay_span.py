"""A span of a real Prometheus under other policies: `autoscaler replay --prometheus`."""

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result

from autoscaler.cli import root
from autoscaler.cli.prometheus_span import PrometheusSpan
from tests.integration.prometheus.whole_day import BEGIN_S, scrapes
from tests.servers.prometheus import Prometheus, prometheus, write_blocks

pytestmark = pytest.mark.server

POLICIES = """\
apiVersion: autoscaler.faas.dev/v1alpha1
kind: Tenant
metadata: {name: shop}
spec: {namespaces: [shop], bounds: {allowZero: true}}
---
apiVersion: autoscaler.faas.dev/v1alpha1
kind: ScalingPolicy
metadata: {name: all, namespace: shop}
spec:
  functions: {names: ["*"]}
  metrics: [{type: concurrency, target: 2, utilization: 1.0}]
  zero: {after: 5m}
  scaleDown: {stabilization: 0s}
"""
SPAN = ("--start", "2026-03-29T08:00:00Z", "--end", "2026-03-29T10:00:00Z")


@pytest.fixture(scope="module")
def day(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Prometheus]:
    """A Prometheus that holds two hours of a shop."""
    folder = tmp_path_factory.mktemp("day")
    write_blocks(folder, scrapes(hours=2))
    with prometheus(folder, {}) as server:
        yield server


@pytest.fixture
def policies(tmp_path: Path) -> Path:
    """A tenant whose functions go to zero after five minutes."""
    file = tmp_path / "shop.yaml"
    file.write_text(POLICIES)
    return file


def replayed(day: Prometheus, policies: Path, *more: str) -> Result:
    arguments = ["replay", "--prometheus", day.url, *SPAN, "--policy", str(policies), "--tick", "15s", *more]
    return CliRunner().invoke(root, arguments)


def test_it_says_what_would_have_been_beside_what_there_was(day: Prometheus, policies: Path) -> None:
    """Of each function: the replicas that the gateway had, and those that the documents would have given it."""
    result = replayed(day, policies, "--output", "json")
    assert result.exit_code == 0, result.output
    found = json.loads(result.stdout)
    functions = {one["function"]: one for one in found["functions"]}
    assert found["gateways"] == ["openfaas (job gateway)"]
    assert found["replicas_known"] == 3
    assert set(functions) == {"steady", "half", "never"}
    for one in functions.values():
        assert one["recorded"]["replica_seconds"] == pytest.approx(10 * 7200, rel=0.01)
    # 20 ± 10 requests/s of half a second are 10 ± 5 in flight, two to a replica.
    assert functions["steady"]["replayed"]["replica_seconds"] == pytest.approx(5.5 * 7200, rel=0.1)
    assert functions["steady"]["replayed"]["zeros"] == 0


def test_silence_that_is_proven_goes_to_zero_and_load_brings_it_back(day: Prometheus, policies: Path) -> None:
    """A function that is called for half of each hour is at zero for most of the other half, each time."""
    found = json.loads(replayed(day, policies, "--output", "json").stdout)
    half = next(one for one in found["functions"] if one["function"] == "half")
    never = next(one for one in found["functions"] if one["function"] == "never")
    assert half["replayed"]["zeros"] == 2
    assert 2 * 20 * 60 < half["replayed"]["zero_s"] < 2 * 30 * 60
    assert never["replayed"]["zero_s"] > 1.8 * 3600


def test_a_table_says_it_to_people(day: Prometheus, policies: Path) -> None:
    """Without --output there are tables of tenants and functions."""
    result = replayed(day, policies)
    assert result.exit_code == 0
    assert "shop/half" in result.stdout
    assert "there were → these documents" in result.stdout


@pytest.mark.parametrize(
    ("options", "code", "words"),
    [
        (("--start", "yesterday"), 2, "2026-03-29T08:00:00Z"),
        (("--end", "2026-03-29T07:00:00Z"), 2, "--end is not after --start"),
        (("--start", "2020-01-01T00:00:00Z", "--end", "2020-01-01T01:00:00Z"), 1, "No gateway"),
        (("--prometheus", "http://127.0.0.1:1"), 2, "--prometheus http://127.0.0.1:1"),
        (("--prometheus-header", "nonsense"), 2, "NAME=VALUE"),
        (("--tick", "soon"), 2, "--tick"),
    ],
)
def test_bad_input_is_answered_with_what_is_allowed(
    day: Prometheus, policies: Path, options: tuple[str, ...], code: int, words: str
) -> None:
    """Wrong spans, places and options exit 2 (nothing there: 1) and say what is allowed."""
    result = replayed(day, policies, *options)
    assert result.exit_code == code
    assert words in result.output


async def test_a_long_span_is_read_in_stretches(day: Prometheus) -> None:
    """A span that is too large to be held whole says the same moments, each once and in order."""
    whole = PrometheusSpan.find(day.url, {}, BEGIN_S, BEGIN_S + 7200)
    plan = whole.plan()
    seen = []
    for span in (whole, replace(whole, cells=1)):
        seen.append([(at.utc_s, *one.rps.tolist()) async for at, one in span.moments(plan, 30.0, 60.0)])
    assert [one[0] for one in seen[1]] == sorted({one[0] for one in seen[0]})
    np.testing.assert_allclose(seen[0], seen[1], equal_nan=True)


def test_a_log_and_a_prometheus_are_not_both(day: Prometheus, policies: Path, tmp_path: Path) -> None:
    """One of both is replayed."""
    result = replayed(day, policies, str(tmp_path))
    assert result.exit_code == 2


def test_documents_with_problems_are_not_replayed(day: Prometheus, tmp_path: Path) -> None:
    """Documents that are wrong are named with their line."""
    file = tmp_path / "wrong.yaml"
    file.write_text(POLICIES.replace("target: 2", "target: -2"))
    result = replayed(day, file)
    assert result.exit_code == 2
    assert "wrong.yaml:11" in result.output
