"""`autoscaler simulate`: comparisons, traces, an instance per request, and what an outcome rests on."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from autoscaler.cli import root

FUNCTIONS = """\
kind: Scenario
duration: 3m
prices: {replicaHour: 0.04, gbHour: 0.06}
functions:
  - {name: resize, namespace: acme, workload: {type: constant, rate: 5}, service: 200ms, slo: 100ms}
  - name: burst
    namespace: acme
    workload: {type: mmpp, states: [{rate: 20, mean: 5s}, {rate: 0, mean: 20s}]}
    service: 100ms
    serviceTimes: {type: lognormal, cv: 2.0}
    startUp: {type: exponential, mean: 2s}
"""
TENANT = """\
---
apiVersion: autoscaler.faas.dev/v1alpha1
kind: Tenant
metadata: {name: acme}
spec: {namespaces: [acme], source: main, budget: {replicas: {cap: 2}}}
"""
REQUESTS = """\
function,namespace,time,duration
cart,shop,0.5,0.2
cart,shop,30,0.4
search,find,12.5,1.5
"""
WITHOUT_NUMBA = """\
import sys
sys.modules["numba"] = None
from autoscaler.cli import root
root(sys.argv[1:])
"""


@pytest.fixture
def scenario(tmp_path: Path) -> Path:
    """Two functions of one tenant, whose cap binds."""
    file = tmp_path / "scenario.yaml"
    file.write_text(FUNCTIONS + TENANT)
    return file


def simulate(*arguments: str | Path) -> Result:
    return CliRunner().invoke(root, ["simulate", *map(str, arguments)])


def document(*arguments: str | Path) -> Any:
    result = simulate(*arguments, "--output", "json")
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def test_tables_show_where_replica_seconds_went(scenario: Path) -> None:
    """Busy, idle and starting time, what waits missed, GB-seconds and cost have columns; what nobody has, has none."""
    words = simulate(scenario).output
    assert all(one in words for one in ("busy", "idle", "starting", "missed slo", "GB-s", "cost", "BUDGET"))
    assert "failed" not in words


def test_an_outcome_names_what_it_rests_on(scenario: Path, tmp_path: Path) -> None:
    """Versions, CPU features, and hashes of scenario and policies; another policy changes its hash alone."""
    found = document(scenario)["provenance"]
    assert {"faas-autoscaler", "python", "numpy", "numba", "cpu", "scenario", "policies"} == set(found)
    (tmp_path / "more").mkdir()
    (tmp_path / "more" / "tenant.yaml").write_text(TENANT.replace("cap: 2", "cap: 5"))
    other = document(scenario, "--policies", tmp_path / "more")["provenance"]
    assert {name for name in found if found[name] != other[name]} == {"policies"}


def test_a_comment_changes_no_hash(scenario: Path) -> None:
    """Hashes are of what is said, not of how it is written."""
    before = document(scenario)["provenance"]
    scenario.write_text(f"# about\n{FUNCTIONS}{TENANT}# the end\n")
    assert document(scenario)["provenance"] == before


def test_two_policies_are_compared_under_the_same_requests(scenario: Path, tmp_path: Path) -> None:
    """Against a folder of policies: both results, with as many requests of each function, and other replicas."""
    (tmp_path / "more").mkdir()
    (tmp_path / "more" / "tenant.yaml").write_text(TENANT.replace("cap: 2", "cap: 50"))
    both = document(scenario, "--against", tmp_path / "more")
    ours, theirs = both["result"], both["against"]
    assert [row["requests"] for row in ours["functions"]] == [row["requests"] for row in theirs["functions"]]
    assert ours["total"]["replicas_max"] == 2 < theirs["total"]["replicas_max"]
    assert ours["bound"]
    assert not theirs["bound"]


def test_an_instance_per_request_meets_the_same_requests(scenario: Path) -> None:
    """In mode perRequest the arrivals are those of the windows, the tenant's cap holds, and nobody ticks."""
    windowed = document(scenario)
    scenario.write_text(f"mode: perRequest\n{FUNCTIONS}{TENANT}")
    found = document(scenario)
    assert [row["requests"] for row in found["functions"]] == [row["requests"] for row in windowed["functions"]]
    assert (found["ticks"], found["decided"], found["total"]["replicas_max"]) == (0, {}, 2)


@pytest.mark.parametrize(
    ("field", "decider"),
    [("title: x", "controller"), ("decider: {type: fixed, replicas: 3}", "fixed"), ("mode: perRequest", "")],
)
def test_a_result_names_who_decided(scenario: Path, field: str, decider: str) -> None:
    """The daemon's own, a baseline, or nobody; under a baseline the tenant's cap of 2 does not hold."""
    scenario.write_text(f"{field}\n{FUNCTIONS}{TENANT}")
    found = document(scenario)
    assert (found["decider"], found["total"]["replicas_max"] > 2) == (decider, decider == "fixed")


def test_functions_of_a_trace_have_their_tenants(tmp_path: Path) -> None:
    """A file of requests alone: its functions run, each namespace a tenant of its own, and the file's hash is told."""
    (tmp_path / "requests.csv").write_text(REQUESTS)
    file = tmp_path / "scenario.yaml"
    file.write_text("kind: Scenario\nduration: 1m\ntraces: [{file: requests.csv}]\n")
    found = document(file)
    assert [(row["tenant"], row["function"], row["requests"]) for row in found["functions"]] == [
        ("find", "find/search", 1),
        ("shop", "shop/cart", 2),
    ]
    assert found["functions"][1]["busy_s"] == pytest.approx(0.6)
    assert "trace requests.csv" in found["provenance"]


def test_a_trace_beside_documents_keeps_their_tenants(tmp_path: Path) -> None:
    """A namespace that a Tenant claims is that tenant's, whatever the trace calls it; only the other one is made up."""
    (tmp_path / "requests.csv").write_text(REQUESTS)
    file = tmp_path / "scenario.yaml"
    tenant = TENANT.replace("namespaces: [acme]", "namespaces: [shop]")
    file.write_text(f"kind: Scenario\nduration: 1m\ntraces: [{{file: requests.csv}}]\n{tenant}")
    assert [row["tenant"] for row in document(file)["functions"]] == ["find", "acme"]


def test_measured_durations_are_read_from_their_file(scenario: Path, tmp_path: Path) -> None:
    """Service times in a CSV: the mean of its column is how long a replica is busy for each request."""
    (tmp_path / "durations.csv").write_text("duration\n100\n300\n")
    law = "serviceTimes: {type: empirical, file: durations.csv, unit: ms}"
    scenario.write_text(FUNCTIONS.replace("service: 200ms", law, 1) + TENANT)
    row = next(row for row in document(scenario)["functions"] if row["function"] == "acme/resize")
    assert row["busy_s"] / row["served"] == pytest.approx(0.2, rel=0.05)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (FUNCTIONS.replace("lognormal, cv: 2.0", "lognormal"), ("scenario.yaml:10", "functions[1].serviceTimes.cv")),
        (FUNCTIONS + "traces: [{file: missing.csv}]\n", ("missing.csv", "cannot be read")),
        (
            FUNCTIONS.replace("service: 200ms", "serviceTimes: {type: empirical, file: none.csv}"),
            ("none.csv", "cannot be read"),
        ),
    ],
)
def test_a_mistake_in_what_is_read_is_told(scenario: Path, text: str, words: tuple[str, ...]) -> None:
    """A law without its field, a trace and a file of durations that are not there: exit 2, where, and what is allowed."""
    scenario.write_text(text + TENANT)
    result = simulate(scenario)
    assert result.exit_code == 2
    assert all(word in result.output for word in words), result.output


def interpreted(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    """Run a command where numba is not installed."""
    command = [sys.executable, "-c", WITHOUT_NUMBA, *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)


@pytest.mark.parametrize("mode", ["windowed", "perRequest"])
def test_without_numba_the_same_bytes_come_out(scenario: Path, mode: str) -> None:
    """Interpreted, a run gives every number that it gives compiled, and says that it was interpreted."""
    scenario.write_text(f"mode: {mode}\n{FUNCTIONS}{TENANT}")
    slow = interpreted("simulate", scenario, "--output", "json")
    assert slow.returncode == 0, slow.stderr
    assert "install" not in slow.stderr  # it is small, and needs none
    found, expected = json.loads(slow.stdout), document(scenario)
    assert found["provenance"].pop("numba").startswith("no")
    expected["provenance"].pop("numba")
    assert found == expected


def test_a_large_run_without_numba_says_how_to_make_it_fast(scenario: Path) -> None:
    """Nine million requests expected: before they begin one reads what to install; a policy that is wrong ends it here."""
    text = (FUNCTIONS + TENANT).replace("rate: 5", "rate: 50000").replace("source: main", "sorce: main")
    scenario.write_text(text)
    assert "faas-autoscaler[simulate]" in interpreted("simulate", scenario).stderr


def test_a_comparison_on_counts_takes_no_flags_of_a_run(scenario: Path) -> None:
    """A MinuteScenario draws nothing at random and has its deciders: a seed or other policies are refused by name."""
    scenario.write_text("kind: MinuteScenario\n")
    result = simulate(scenario, "--seed", "3")
    assert result.exit_code == 2
    assert "--seed" in result.output
