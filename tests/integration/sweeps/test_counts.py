"""Sweeps on counts per minute."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from autoscaler.cli import root
from autoscaler.simulator.baselines.settings import BOUND_OF_ORACLE

TRACE = "app,mem_mb,invocations_day,m0,m1,m2,m3,m4\na,1024,4,1,0,0,2,0\nb,2048,1,0,1,0,0,0\n"
SCENARIO = """\
kind: MinuteScenario
trace: {file: apps.csv}
deciders: [{type: keepAlive, after: 1m}]
"""
STUDY = """\
kind: Study
scenario: apps.yaml
policies:
  - {name: keep, parameters: {decider.after: [1m, 2m, 3m]}}
  - {name: oracle, decider: {type: oracle, breakEven: 2m}}
minimize: [cold, idle_gb_seconds]
"""


def sweep(folder: Path, study: str = STUDY, scenario: str = SCENARIO) -> Result:
    (folder / "apps.csv").write_text(TRACE)
    (folder / "apps.yaml").write_text(scenario)
    (folder / "study.yaml").write_text(study)
    words = ["sweep", folder / "study.yaml", "--results", folder / "out", "--processes", "1", "--output", "json"]
    return CliRunner().invoke(root, list(map(str, words)))


def test_keep_alives_are_swept_on_counts(tmp_path: Path) -> None:
    """Each keep-alive is one run, whatever the seeds; longer ones idle more and are no colder; nobody waits."""
    result = sweep(tmp_path)
    assert result.exit_code == 0, result.output
    document = json.loads(result.stdout)
    assert document["cells"] == 4
    values = {
        one["parameters"].get("decider.after", "oracle"): {
            name: one["measures"][name] and one["measures"][name]["mean"]
            for name in ("cold", "idle_gb_seconds", "replica_seconds", "p99_wait")
        }
        for one in document["configurations"]
    }
    assert values["1m"] == {"cold": 1.0, "idle_gb_seconds": 300.0, "replica_seconds": 480.0, "p99_wait": None}
    assert values["oracle"]["replica_seconds"] == 360.0
    assert document["words"] == [BOUND_OF_ORACLE]
    assert values["1m"]["idle_gb_seconds"] < values["2m"]["idle_gb_seconds"] < values["3m"]["idle_gb_seconds"]
    assert values["1m"]["cold"] >= values["2m"]["cold"] >= values["3m"]["cold"]
    assert {one["beaten_certainly"] for one in document["configurations"]} == {None, True}


def test_traces_that_differ_by_less_than_a_millisecond_are_read_each(tmp_path: Path) -> None:
    """At 1.2 ms a request one container serves 45,000 requests a minute, at 1.4 ms it takes two, whichever was read first."""
    (tmp_path / "busy.csv").write_text("function,time,requests\n" + "".join(f"a,{60 * n},45000\n" for n in range(3)))
    scenario = SCENARIO.replace("apps.csv", "busy.csv")
    study = STUDY.split("policies", maxsplit=1)[0] + "parameters: {trace.service: [1.2ms, 1.4ms]}\n"
    result = sweep(tmp_path, study, scenario)
    assert result.exit_code == 0, result.output
    values = [one["measures"]["replicas"]["mean"] for one in json.loads(result.stdout)["configurations"]]
    assert values == [1.0, 2.0]


@pytest.mark.parametrize(
    ("study", "words"),
    [
        (STUDY.replace("name: oracle,", "name: oracle, documents: [x.yaml],"), "policies[1].documents"),
        (STUDY + "traces: [{name: a, workload: {type: constant, rate: 1}}]\n", "traces[0]: is no trace of counts"),
        (STUDY.replace("decider.after: [1m", "decider.after: [soon"), "is 'soon'"),
        (STUDY.replace("decider.after", "Tenant/a.spec.b"), "Tenant/a.spec.b is of a document"),
    ],
)
def test_what_has_no_meaning_on_counts_is_refused(tmp_path: Path, study: str, words: str) -> None:
    """Documents decide nothing there, and traces are of counts: exit code 2, with the place."""
    result = sweep(tmp_path, study)
    assert result.exit_code == 2, result.output
    assert words in result.output
