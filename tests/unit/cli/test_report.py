"""Reports at the command line: written to a file, or told in a few lines."""

import sys
from pathlib import Path

import numpy as np
import pytest

from autoscaler.cli import report
from autoscaler.cli.errors import WrongConfiguration
from autoscaler.cli.report_words import sparkline
from autoscaler.simulator.report.ran import Ran
from tests.unit.simulator.report.values import BOUND, result, row

RAN = Ran(
    "policies", result(row("acme", requests=10, cold=1, wait_p99_s=0.5), row("umbrella", requests=3), bound=BOUND)
)


def test_a_sparkline_is_as_high_as_its_highest() -> None:
    """Each block is the highest of its stretch, the highest of all is full, and only zero is empty."""
    assert sparkline(np.array([0.0, 1.0, 8.0])) == " ▁█"
    assert sparkline(np.array([0.01, 8.0])) == "▁█"
    assert sparkline(np.array([0.0, 0.0])) == "  "
    assert sparkline(np.array([])) == ""
    assert sparkline(np.array([1.0, 4.0, 2.0, 2.0]), columns=2) == "█▄"


def test_a_summary_names_who_was_bound_and_what_another_policy_changes(capsys: pytest.CaptureFixture[str]) -> None:
    """Tenants stand with their waits and limits, then the functions that were bound, then the other run and who is worse."""
    before = Ran("before", result(row("acme", requests=10, wait_p99_s=0.1), row("umbrella", requests=3)))
    report.summary(RAN, before)
    said = capsys.readouterr().out
    for expected in (
        "BUDGET",
        "10.0 %",
        "acme/resize lacked 2.00 replica-hours",
        "Worse: acme, p99 wait 100 ms → 500 ms",
    ):
        assert expected in said
    assert "policies against before" in said


def test_a_summary_counts_requests_where_there_are_no_ticks(capsys: pytest.CaptureFixture[str]) -> None:
    """Where every request decides for itself, those who were refused an instance are requests."""
    report.summary(Ran("alone", result(row("acme", requests=10), ticks=0, bound=BOUND)))
    said = capsys.readouterr().out
    assert "acme/resize was refused an instance for 40 requests, 2.00 hours of service: BUDGET." in said
    assert "ticks" not in said


def test_a_summary_says_that_a_baseline_knows_no_budgets(capsys: pytest.CaptureFixture[str]) -> None:
    """Caps, guarantees and pools do not hold under somebody else's rules; under our own nothing is said."""
    for decider, is_said in (("hpa", True), ("controller", False)):
        report.summary(Ran("x", result(row("acme", requests=10), decider=decider)))
        assert ("caps, guarantees and pools" in capsys.readouterr().out) is is_said


def test_a_report_is_one_file_with_plotly_in_it(tmp_path: Path) -> None:
    """The page carries the whole library once, and the command that was typed."""
    file = tmp_path / "run.html"
    report.write(file, RAN, command="autoscaler simulate x.yaml --report run.html")
    text = file.read_text(encoding="utf-8")
    assert text.count("* plotly.js v") == 1
    assert "autoscaler simulate x.yaml --report run.html" in text


def test_a_file_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    """A folder that is not there ends in exit code 2 with the file's name."""
    file = tmp_path / "nowhere" / "run.html"
    with pytest.raises(WrongConfiguration, match="nowhere") as caught:
        report.write(file, RAN, command="command")
    assert caught.value.exit_code == 2
    with pytest.raises(WrongConfiguration, match="no folder"):
        report.needs_plotly(file)
    report.needs_plotly(tmp_path / "run.html")


def test_without_plotly_the_way_to_get_it_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the extra is missing, whoever wants a report is told before the run what to install."""
    monkeypatch.setitem(sys.modules, "plotly", None)
    with pytest.raises(WrongConfiguration, match="faas-autoscaler\\[simulate\\]"):
        report.needs_plotly()
