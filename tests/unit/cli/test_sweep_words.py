"""What a sweep prints: names and values are somebody's, and no markup."""

from pathlib import Path

import pytest
from click.testing import CliRunner

from autoscaler.cli import root
from autoscaler.cli.sweep_words import print_outcome
from autoscaler.simulator.slo import NAMES
from autoscaler.simulator.sweeps.cell import CellResult, Row
from autoscaler.simulator.sweeps.grid import Cell, Configuration
from autoscaler.simulator.sweeps.outcome import outcome_of
from autoscaler.simulator.sweeps.study import parse_study

STUDY = """\
kind: Study
title: "[red]of :smile: [/y]"
scenario: s.yaml
policies: [{name: "[/y]"}, {name: "[bold]"}]
parameters: {policies: [[a, b], [c]]}
seeds: 1
"""


def test_brackets_in_names_and_values_are_printed_as_they_are(capsys: pytest.CaptureFixture[str]) -> None:
    """Titles, policies and lists of texts that look like markup stand in the tables, and end nothing."""
    study, _ = parse_study(STUDY, "study.yaml")
    results = [
        CellResult(
            Cell(Configuration(policy, "[dim]", (("policies", value),)), 1),
            (Row("all", "", tuple(float(number) for number, _ in enumerate(NAMES))),),
        )
        for policy in ("[/y]", "[bold]")
        for value in ('["a","b"]', '["c"]')
    ]
    print_outcome(outcome_of(study, results))
    said = capsys.readouterr().out
    assert all(word in said for word in ("[red]of :smile: [/y]", "[bold]", "[dim]", "[a, b]", "[c]"))


def test_a_report_that_cannot_be_written_is_said_before_the_sweep(tmp_path: Path) -> None:
    """A folder in the place of the report ends it before anything runs."""
    result = CliRunner().invoke(root, ["sweep", str(tmp_path / "none.yaml"), "--report", str(tmp_path)])
    assert result.exit_code == 2
    assert "The report cannot be written" in result.output
