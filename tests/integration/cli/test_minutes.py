"""`autoscaler simulate` of a comparison on counts per minute, from files to tables."""

import json
from pathlib import Path

import pytest

from autoscaler.cli.minutes import is_minutes, simulate_minute_document
from autoscaler.simulator.baselines.settings import BOUND_OF_ORACLE
from autoscaler.simulator.scenario import ScenarioError

TRACE = "app,mem_mb,invocations_day,m0,m1,m2,m3,m4\na,1024,4,1,0,0,2,0\nb,2048,1,0,1,0,0,0\n"
DOCUMENT = """# two apps
kind: MinuteScenario
title: two apps
trace: {file: apps.csv}
deciders:
  - {type: keepAlive, after: 1m}
  - {type: oracle, breakEven: 2m}
"""


@pytest.fixture
def study(tmp_path: Path) -> Path:
    (tmp_path / "apps.csv").write_text(TRACE)
    return tmp_path / "study.yaml"


def problems(study: Path, text: str) -> str:
    with pytest.raises(ScenarioError) as caught:
        simulate_minute_document(study, text, "table")
    return "\n".join(str(problem) for problem in caught.value.problems)


def test_every_decider_is_run_on_the_same_counts(study: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Cold starts, container-steps and GB-seconds of each decider are those counted by hand."""
    simulate_minute_document(study, DOCUMENT, "json")
    document = json.loads(capsys.readouterr().out)
    assert document["title"] == "two apps"
    kept, oracle = document["deciders"]
    assert (kept["policy"], oracle["policy"]) == ("keepAlive, after 1m", "oracle, breakEven 2m")
    assert (kept["total"]["cold"], kept["total"]["allocated_steps"]) == (4, 8)
    assert (oracle["total"]["cold"], oracle["total"]["allocated_steps"]) == (3, 6)
    assert kept["total"]["idle_gb_s"] == 60 * (1 + 2 + 2)
    assert kept["peak_containers"] == 2


def test_what_the_document_says_of_memory_and_limits_wins(study: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """GB-seconds are of the document's memory, and containers serve as many requests at once as it says."""
    document = DOCUMENT.replace("file: apps.csv", "file: apps.csv, memory: 512Mi")
    simulate_minute_document(study, document, "json")
    kept = json.loads(capsys.readouterr().out)["deciders"][0]["total"]
    assert kept["idle_gb_s"] == 60 * 0.5 * 4
    (study.parent / "requests.csv").write_text("function,time,requests\nf,0,240\nf,60,0\n")
    document = document.replace("apps.csv", "requests.csv, concurrencyLimit: 2, service: 2s")
    simulate_minute_document(study, document, "json")
    assert json.loads(capsys.readouterr().out)["deciders"][0]["total"]["used_steps"] == 4


def test_a_service_time_that_nobody_knows_is_told(study: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """What is taken in place of a service time that neither the trace nor the document says is said."""
    (study.parent / "requests.csv").write_text("function,time,requests\nf,0,240\nf,60,0\n")
    document = DOCUMENT.replace("apps.csv", "requests.csv")
    simulate_minute_document(study, document, "json")
    assert "1 of 1 functions are without service times: 1 s is taken." in capsys.readouterr().out
    simulate_minute_document(study, document.replace("requests.csv", "requests.csv, service: 2s"), "json")
    assert "without service times" not in capsys.readouterr().out


def test_the_table_compares_with_the_first_decider(study: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Waste is a multiple of the first decider's; beside an oracle stands what it is a bound of."""
    simulate_minute_document(study, DOCUMENT, "table")
    said = capsys.readouterr().out
    row = next(line for line in said.splitlines() if "oracle" in line)
    assert row.split("│")[-2].strip() == f"{2 / 5:.2f}"
    assert BOUND_OF_ORACLE in said
    simulate_minute_document(study, DOCUMENT.replace("  - {type: oracle, breakEven: 2m}\n", ""), "table")
    assert BOUND_OF_ORACLE not in capsys.readouterr().out


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (("after: 1m", "aftr: 1m"), "study.yaml:6: deciders[0].aftr: is no field; allowed: did you mean after?"),
        (("after: 1m", "after: -1m"), "study.yaml:6: deciders[0].after: is '-1m'; allowed: a duration"),
        (("type: oracle, breakEven: 2m", "type: kpa"), "deciders[1]: type 'kpa'"),
        (("after: 1m", "after: 90s"), "study.yaml:6: deciders[0]: after is 1m30s; allowed: whole steps of 1m"),
        (("apps.csv", "none.csv"), "none.csv: cannot be read: No such file or directory; allowed: "),
        (
            ("file: apps.csv", "file: apps.csv, functions: [x/y]"),
            "trace: cannot be used so; allowed: names of functions",
        ),
        (("file: apps.csv", "file: apps.csv, startUp: 1s"), "allowed: a trace without `startUp`, which does nothing"),
        (("kind: MinuteScenario", "kind: MinuteScenario\nticks: 3"), "study.yaml:3: ticks: is no field"),
    ],
)
def test_what_is_wrong_is_told_with_its_place(study: Path, change: tuple[str, str], told: str) -> None:
    """File, line, field, and what is allowed."""
    assert told in problems(study, DOCUMENT.replace(*change))


def test_an_impossible_count_is_told(study: Path) -> None:
    """A negative count names the trace's line, or function and step."""
    study.with_name("apps.csv").write_text(TRACE.replace("a,1024,4,1,0", "a,1024,4,-1,0"))
    assert "apps.csv:2: " in problems(study, DOCUMENT)


def test_policies_have_no_place_in_it(study: Path) -> None:
    """A second document is refused: it would decide nothing."""
    assert "has 2 documents" in problems(study, DOCUMENT + "---\nkind: ScalingPolicy\n")


@pytest.mark.parametrize(
    ("text", "is_it"),
    [
        (DOCUMENT, True),
        ("kind: 'MinuteScenario' # x\n", True),
        ("kind: Scenario\ntitle: MinuteScenario\n", False),
        ("title: x\nkind: MinuteScenarios\n", False),
    ],
)
def test_its_kind_tells_it_from_a_scenario(text: str, is_it: bool) -> None:
    """The line of its kind decides, wherever it is."""
    assert is_minutes(text) is is_it
