"""The planner's tutorial: its documents are what its commands can run."""

import re
from pathlib import Path

import pytest
from click.testing import CliRunner

from autoscaler.cli import root
from autoscaler.cli.sweep_material import open_study, problems_before
from autoscaler.simulator.sweeps.grid import Grid

ROOT = Path(__file__).parents[3]
TEXT = (ROOT / "docs" / "planning.md").read_text(encoding="utf-8")
DOCUMENT = re.compile(r"^cat > (\S+) <<'END'\n(.*?)^END$", re.DOTALL | re.MULTILINE)


@pytest.fixture
def plan(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with every file that the tutorial writes; what `recommend` writes there is what the text shows of it."""
    (tmp_path / "requests.csv.gz").write_bytes((ROOT / "simulations/zero-or-latency/requests.csv.gz").read_bytes())
    documents = dict(DOCUMENT.findall(TEXT))
    shown = re.findall(r"^```yaml\n(.*?)^```$", TEXT, re.DOTALL | re.MULTILINE)
    tenant = documents["policies/acme.yaml"].partition("---")[0].replace("cap: 40", "cap: 9")
    for name, text in {**documents, "recommended/policy.yaml": shown[0], "recommended/tenant.yaml": tenant}.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_the_tutorial_writes_all_that_it_runs(plan: Path) -> None:
    """Every file that a command names is written by the text, or by a command before it."""
    assert {path.name for path in plan.rglob("*.yaml")} >= {
        "acme.yaml",
        "scenario.yaml",
        "baselines.yaml",
        "study.yaml",
    }


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("trace", "describe", "requests.csv.gz"), "8819 requests"),
        (("check", "policies"), "No problems"),
        (("check", "recommended"), "No problems"),
        (("test", "recommended/tests"), "SUCCESS"),
    ],
)
def test_quick_commands_say_what_the_text_shows(plan: Path, arguments: tuple[str, ...], words: str) -> None:
    """Describing the trace, checking and testing the documents end well, with the words of the text."""
    assert plan.exists()
    result = CliRunner().invoke(root, arguments)
    assert result.exit_code == 0, result.output
    assert words in result.output


def test_the_scenario_gives_the_numbers_of_the_text(plan: Path) -> None:
    """What is in force serves the requests of the text, as many cold, with as many above a second."""
    result = CliRunner().invoke(root, ["simulate", str(plan / "scenario.yaml")])
    assert result.exit_code == 0, result.output
    shown = next(line for line in TEXT.splitlines() if line.startswith("│ acme   │ acme/code │     8623"))
    numbers = re.findall(r"[\d.]+", shown)
    assert re.findall(r"[\d.]+", next(line for line in result.output.splitlines() if "acme/code" in line)) == numbers


@pytest.mark.parametrize("name", ["baselines.yaml", "study.yaml"])
def test_studies_of_the_text_can_be_run(plan: Path, name: str) -> None:
    """Nothing is wrong with the studies, whatever value a parameter takes."""
    opened = open_study(plan / name)
    grid = Grid(opened.study)
    assert problems_before(opened, grid) == ()
    assert grid.configurations == 6
