"""`autoscaler sweep` as it is called."""

import json
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner, Result

from autoscaler.cli import root
from tests.integration.sweeps.study import POLICY, SCENARIO, STUDY, TENANT, write


def sweep(study: Path, *arguments: str | Path) -> Result:
    """Sweep with one process and the results beside the study."""
    words = ["sweep", study, "--results", study.parent / "out", "--processes", "1", *arguments]
    return CliRunner().invoke(root, list(map(str, words)))


def found(result: Result) -> dict[str, Any]:
    """Give the JSON of a sweep."""
    document: dict[str, Any] = json.loads(result.stdout)
    return document


def test_a_sweep_compares_its_policies_under_the_same_requests(tmp_path: Path) -> None:
    """Twelve runs become four configurations with intervals, a front, and differences seed by seed; Parquet has all."""
    result = sweep(write(tmp_path), "--output", "json")
    assert result.exit_code == 0, result.output
    document = found(result)
    assert (document["cells"], len(document["configurations"]), document["failures"]) == (12, 4, [])
    measures = document["configurations"][0]["measures"]
    assert measures["mean_wait"]["seeds"] == 3
    assert measures["mean_wait"]["half_width"] > 0
    assert measures["cost"] is None
    assert {one["policy"] for one in document["front"]} <= {"own", "two"}
    assert [(one["policy"]["policy"], one["base"]["policy"]) for one in document["differences"]] == [("two", "own")] * 2
    table = pq.read_table(tmp_path / "out" / "results.parquet")
    assert table.num_rows == 12 * 2  # everything together, and one tenant
    assert {"cell", "policy", "startUp", "seed", "each", "name", "mean_wait"} <= set(table.schema.names)
    assert set(table["each"].to_pylist()) == {"all", "tenant"}
    assert set(table["startUp"].to_pylist()) == {"1s", "5s"}


def test_the_table_names_configurations_and_what_beats_them(tmp_path: Path) -> None:
    """Without options one reads a table, its legend, and where every number is."""
    result = sweep(write(tmp_path))
    assert result.exit_code == 0, result.output
    assert all(word in result.output for word in ("Small", "mean_wait", "beaten by", "Against own", "results.parquet"))
    assert "12 runs: 4 configurations × 3 seeds" in result.stderr


def test_what_is_known_is_not_run_again(tmp_path: Path) -> None:
    """A sweep that was whole is answered from its results; another seed runs only its own cells; --fresh runs all."""
    study = write(tmp_path)
    first = found(sweep(study, "--output", "json"))
    again = sweep(study, "--output", "json")
    assert "All 12 runs are known already." in again.stderr
    assert found(again)["configurations"] == first["configurations"]
    study.write_text(STUDY.replace("seeds: 3", "seeds: 4"))
    more = sweep(study, "--output", "json")
    assert "16 runs: 4 configurations × 4 seeds, 12 known already" in more.stderr
    assert "known already" not in sweep(study, "--fresh").stderr


def test_runs_of_which_too_few_rows_were_kept_are_run_again(tmp_path: Path) -> None:
    """An objective for each function needs each function's row, so results without them are not known; finer ones are."""
    study = write(tmp_path)
    sweep(study)
    finer = ("--slo", "p99_wait<=30", "--each", "function", "--output", "json")
    first = sweep(study, *finer)
    assert "known already" not in first.stderr
    assert [one["slo"]["judged"] for one in found(first)["configurations"]] == [3, 3, 3, 3]
    assert "All 12 runs are known already." in sweep(study, *finer).stderr
    assert "All 12 runs are known already." in sweep(study).stderr


def test_recorded_functions_that_differ_by_less_than_a_millisecond_are_read_each(tmp_path: Path) -> None:
    """A service time of 1.4 ms costs more busy replica-seconds than one of 1.2 ms, whichever was read first."""
    (tmp_path / "calls.csv").write_text("function,time\n" + "".join(f"acme/a,{second}\n" for second in range(30)))
    text = "kind: Study\nscenario: scenario.yaml\nseeds: 1\nminimize: [idle_replica_seconds]\n"
    text += 'parameters: {"traces[0].service": [1.2ms, 1.4ms]}\n'
    scenario = "kind: Scenario\nduration: 40s\ntraces: [{file: calls.csv, serviceTimes: constant, replicas: 1}]\n"
    result = sweep(write(tmp_path, text, scenario + TENANT), "--output", "json")
    assert result.exit_code == 0, result.output
    idle = [one["measures"]["idle_replica_seconds"]["mean"] for one in found(result)["configurations"]]
    assert idle[0] - idle[1] == pytest.approx(30 * 0.0002)


def test_an_objective_on_waits_is_not_met_by_refusing(tmp_path: Path) -> None:
    """One instance that refuses most requests lets nobody wait; what is found refuses one in a hundred at most."""
    scenario = SCENARIO.replace("kind: Scenario", "kind: Scenario\nmode: perRequest").replace(
        "scrapeInterval: 5s\n", ""
    )
    scenario = scenario.replace("hold: 10s", "maxReplicas: 1").replace("duration: 40s", "duration: 5m")
    text = "kind: Study\nscenario: scenario.yaml\nseeds: 2\n"
    flags = ("--slo", "p99_wait<=2", "--minimize", "replicas", "--over", "functions[0].maxReplicas=1:16")
    result = sweep(write(tmp_path, text, scenario + TENANT), *flags, "--output", "json")
    assert result.exit_code == 0, result.output
    (search,) = found(result)["searches"]
    assert search["best"]["parameters"]["functions[0].maxReplicas"] > 2
    assert search["erlang_replicas"] is None
    assert "refused<=0.01" in found(result)["slo"]


def test_a_changed_document_is_another_run(tmp_path: Path) -> None:
    """Results are named by what they were run with: after a change of a policy its cells are run anew."""
    study = write(tmp_path)
    sweep(study)
    (tmp_path / "scenario.yaml").write_text(SCENARIO + TENANT + POLICY.replace("target: 4", "target: 3"))
    assert "known already" not in sweep(study).stderr


def test_a_damaged_part_is_passed_over_and_run_again(tmp_path: Path) -> None:
    """Half a file, and one that was being written, spoil nothing: what they held is run again."""
    study = write(tmp_path)
    first = found(sweep(study, "--output", "json"))
    parts = sorted((tmp_path / "out").glob("part-*.parquet"))
    parts[-1].write_bytes(parts[-1].read_bytes()[:-20])
    (tmp_path / "out" / ".part-000099.parquet.1").write_bytes(b"PAR1")
    again = sweep(study, "--output", "json")
    assert again.exit_code == 0
    assert "is damaged and passed over" in again.stderr
    assert found(again)["configurations"] == first["configurations"]
    assert not list((tmp_path / "out").glob(".part-*"))


FAILING = STUDY.replace(
    "  startUp: [1s, 5s]",
    "  ScalingPolicy/default.spec.replicas.min: [1, 5]\n  ScalingPolicy/default.spec.replicas.max: [8, 4]",
)


def test_cells_that_fail_are_recorded_and_the_others_kept(tmp_path: Path) -> None:
    """A combination that contradicts itself fails by itself, with its error; exit code 1; it is tried again next time."""
    study = write(tmp_path, FAILING)
    result = sweep(study, "--output", "json")
    assert result.exit_code == 1, result.output
    document = json.loads(result.stdout)
    assert len(document["failures"]) == 6
    assert all("spec.replicas" in one["error"] for one in document["failures"])
    assert {tuple(one["parameters"].values()) for one in document["failures"]} == {(5, 4)}
    assert len(document["configurations"]) == 6
    errors = pq.read_table(tmp_path / "out" / "results.parquet")["error"].to_pylist()
    assert sum(error is not None for error in errors) == 6
    assert "24 runs: 8 configurations × 3 seeds, 18 known already" in sweep(study).stderr


def test_a_search_finds_the_smallest_that_keeps_the_objective(tmp_path: Path) -> None:
    """Bisection over a fixed number of replicas finds what Erlang's formula asks for, within the noise of short runs."""
    text = "kind: Study\nscenario: scenario.yaml\npolicies: [{name: fixed, decider: {type: fixed, replicas: 1}}]\nseeds: 3\n"
    scenario = SCENARIO.replace("duration: 40s", "duration: 5m").replace(", hold: 10s", ", replicas: 8")
    flags = ("--slo", "p95_wait<=0.25", "--minimize", "replicas", "--over", "decider.replicas=1:64", "--output", "json")
    result = sweep(write(tmp_path, text, scenario + TENANT), *flags)
    assert result.exit_code == 0, result.output
    (search,) = found(result)["searches"]
    assert search["best"]["parameters"] == {"decider.replicas": 3}
    assert search["erlang_replicas"] == 3
    assert (search["held"], search["seeds"], search["tried"] <= 9) == (3, 3, True)
    assert (search["fresh_held"], search["fresh_seeds"]) == (3, 3)
    assert {seed for one in found(result)["configurations"] for seed in one["seeds"]} == {1, 2, 3}
    assert search["share_of_further_seeds"] == pytest.approx(0.05 ** (1 / 3))


def test_a_search_of_the_grid_names_the_cheapest_or_says_that_none_keeps_it(tmp_path: Path) -> None:
    """Successive halving picks the cheaper of two that keep it; an objective nobody keeps is exit code 1."""
    study = write(tmp_path, STUDY.replace("minimize: [mean_wait, replica_seconds]\n", ""))
    met = sweep(study, "--slo", "refused<=0.5", "--minimize", "replica_seconds", "--output", "json")
    assert met.exit_code == 0, met.output
    (search,) = found(met)["searches"]
    assert search["best"]["policy"] in ("own", "two")
    unmet = sweep(study, "--slo", "mean_wait<=0", "--minimize", "replica_seconds", "--output", "json")
    assert unmet.exit_code == 1
    (search,) = json.loads(unmet.stdout)["searches"]
    assert search["best"] is None
    assert search["nearest"] is not None


def test_too_many_cells_are_refused_before_they_start_with_the_time_they_take(tmp_path: Path) -> None:
    """Ten million cells are not begun: the answer says how long they would take, and how to ask for it."""
    text = STUDY.replace(
        "startUp: [1s, 5s]",
        "decider.replicas: {from: 1, to: 1000}\n  functions[0].concurrencyLimit: {from: 1, to: 2000}",
    )
    text = text.replace("  - name: own\n", "").replace("seeds: 3", "seeds: 5")
    result = sweep(write(tmp_path, text))
    assert result.exit_code == 2
    assert "study.yaml:6: parameters: has 10,000,000 cells, about" in result.output
    assert "more with --yes" in result.output
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("study", "flags", "words"),
    [
        (STUDY.replace("[1s, 5s]", "[1s, soon]"), (), "study.yaml:8: parameters.startUp[1]: so"),
        (STUDY.replace("startUp:", "startUpp:"), (), "startUpp: is no field; allowed: did you mean startUp?"),
        (STUDY.replace("startUp:", "functions/resize.service:"), (), "has no entry named resize; allowed: work"),
        (STUDY.replace("startUp:", "ScalingPolicy/x.spec.a:"), (), "there is no document ScalingPolicy/x"),
        (STUDY.replace("type: fixed", "type: fixd"), (), "'fixd'; allowed: 'controller', 'fixed'"),
        (STUDY.replace("scenario.yaml", "gone.yaml"), (), "gone.yaml: cannot be read"),
        (STUDY.replace("[1s, 5s]", "[]"), (), "study.yaml:8: parameters.startUp: has no values, so the grid is empty"),
        (STUDY, ("--slo", "p99<=1"), "flags: --slo: p99 is no measure"),
        (STUDY, ("--minimize", "cost"), "flags: --minimize: has nothing to keep"),
        (STUDY, ("--over", "a=1:2"), "flags: --over: says nothing by itself"),
        (STUDY, ("--slo", "cold<=1", "--minimize", "cost", "--over", "a=5:1"), "flags: --over: '5:1' is no range"),
        (STUDY, ("--each", "tenant"), "flags: --each: says nothing by itself"),
        (STUDY, ("--scheduler", "nobody"), "flags: --scheduler: nobody is no address; allowed: tcp://HOST:PORT"),
        (
            STUDY,
            ("--slo", "cold<=1", "--minimize", "cost", "--over", "nope.x=1:3"),
            "search.over: so",
        ),
        (
            STUDY.replace("name: own", "{name: own, documents: [gone]}"),
            (),
            "policy own, documents[0]: cannot be read",
        ),
        (STUDY, ("--scheduler", "tcp://127.0.0.1:9"), "--scheduler: tcp://127.0.0.1:9 does not answer"),
    ],
)
def test_what_is_wrong_is_said_before_anything_runs(
    tmp_path: Path, study: str, flags: tuple[str, ...], words: str
) -> None:
    """Exit code 2, with file, line and field, or the flag; and what is allowed."""
    result = sweep(write(tmp_path, study), *flags)
    assert result.exit_code == 2, result.output
    assert words in result.output
    assert "allowed: " in result.output


def test_all_of_it_is_said_at_once(tmp_path: Path) -> None:
    """Two values that cannot be are two answers."""
    result = sweep(write(tmp_path, STUDY.replace("[1s, 5s]", "[soon, later, 1s]")))
    assert ("parameters.startUp[0]" in result.output, "parameters.startUp[1]" in result.output) == (True, True)
