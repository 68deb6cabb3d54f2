"""Documents from a real Prometheus and an objective: `autoscaler recommend`."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from autoscaler.cli import root
from autoscaler.policy.loading import load
from tests.integration.prometheus.whole_day import scrapes
from tests.servers.prometheus import Prometheus, prometheus, write_blocks

pytestmark = pytest.mark.server

SPAN = ("--start", "2026-03-29T08:00:00Z", "--end", "2026-03-29T10:00:00Z")
QUICK = ("--seeds", "1", "--tick", "15s", "--processes", "1", "--learn", "0.5")


@pytest.fixture(scope="module")
def day(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Prometheus]:
    """A Prometheus that holds two hours of a shop."""
    folder = tmp_path_factory.mktemp("day")
    write_blocks(folder, scrapes(hours=2))
    with prometheus(folder, {}) as server:
        yield server


def recommended(day: Prometheus, *more: str) -> Result:
    arguments = ["recommend", "--prometheus", day.url, *SPAN, *QUICK, "--output", "json", *more]
    return CliRunner().invoke(root, arguments)


def test_documents_keep_on_later_traffic_what_they_promise(day: Prometheus, tmp_path: Path) -> None:
    """Learned on the first hour they keep the objective on the second, can be committed, and say nothing new when in force."""
    result = recommended(day, "--slo", "p95_wait<=2", "--write", str(tmp_path / "policies"))
    assert result.exit_code == 0, result.output
    found = json.loads(result.stdout)
    functions = {one["function"]: one for one in found["functions"]}
    assert functions["steady"]["is_promised"]
    assert functions["half"]["is_promised"]
    assert all(one["held"] == one["of"] for one in functions.values())
    assert functions["never"]["sizing"] is None
    texts = {path: Path(path).read_text() for path in found["files"]}
    assert not load(texts).problems

    again = recommended(day, "--slo", "p95_wait<=2", "--policies", str(tmp_path / "policies"))
    assert again.exit_code == 0, again.output
    assert json.loads(again.stdout)["changes"] == []


def test_what_cannot_be_kept_is_said(day: Prometheus) -> None:
    """An objective that nothing keeps is promised for nobody, and the exit code says so."""
    result = recommended(day, "--slo", "max_wait<=0.0001,mean_wait<=0.00001")
    assert result.exit_code == 1
    found = json.loads(result.stdout)
    assert not any(one["is_promised"] for one in found["functions"] if one["function"] == "steady")
    assert found["is_kept"] is False


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--slo", "p99_wait>=1"), "less is better"),
        (("--slo", "p99_waits<=1"), "p99_wait"),
        (("--slo", "p99_wait<=1", "--minimize", "beauty"), "beauty is no measure"),
        (("--slo", "p99_wait<=1", "x.csv"), "--prometheus with"),
        (("--slo", "p99_wait<=1", "--policies", "nowhere"), "nowhere cannot be read"),
        (("--slo", "p99_wait<=1", "--service", "0s"), "more than 0s"),
        (("--slo", "p99_wait<=1", "--end", "2026-03-29T07:00:00Z"), "--end is not after --start"),
    ],
)
def test_bad_input_is_answered_with_what_is_allowed(day: Prometheus, options: tuple[str, ...], words: str) -> None:
    """Wrong objectives, files and options exit 2 and say what is allowed."""
    result = recommended(day, *options)
    assert result.exit_code == 2
    assert words in result.output
