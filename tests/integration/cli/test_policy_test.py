"""`autoscaler test` as it is called: what passes, what fails with a diff, and what is refused."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from ruamel.yaml import YAML

from autoscaler.cli import root

ROOT = Path(__file__).parents[3]
PUBLISHED = ROOT / "policies" / "tests"
TENANT = """\
apiVersion: autoscaler.faas.dev/v1alpha1
kind: Tenant
metadata: {name: acme}
spec:
  namespaces: [acme]
  defaults: {metrics: [{type: rps, target: 10, utilization: 1}], scaleDown: {stabilization: 0s}}
"""
RIGHT = """\
kind: PolicyTest
policies: [acme.yaml]
functions: [{name: acme/api, replicas: 2}]
tests:
  - name: follows the load
    why: Ten requests/s are one replica.
    input: {acme/api: {rps: 20x2 40x3}}
    expect:
      - {at: 2m, replicas: 2, reason: DEMAND}
      - {at: 6m, replicas: 4}
  - name: never at zero
    input: {acme/api: {rps: 0+0x9}}
    expect: [{at: 9m, replicas: 1, reason: ZERO_NOT_ALLOWED}]
"""
WRONG = RIGHT.replace("{at: 6m, replicas: 4}", "{at: 6m, replicas: 5, reason: PANIC, seen: value}")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with a tenant and a file of tests that pass."""
    (tmp_path / "acme.yaml").write_text(TENANT)
    (tmp_path / "right.yaml").write_text(RIGHT)
    return tmp_path


def call(*arguments: str | Path) -> Result:
    return CliRunner().invoke(root, ["test", *map(str, arguments)])


def test_what_passes_says_success_and_exits_with_0(folder: Path) -> None:
    """A file, or a folder in which policies lie beside tests, with the number of tests and expectations."""
    for path in (folder, folder / "right.yaml"):
        result = call(path)
        assert result.exit_code == 0, result.output
        assert "right.yaml\n  SUCCESS  2 tests, 3 expectations" in result.output
        assert "acme.yaml" not in result.output


def test_a_wrong_expectation_fails_with_a_readable_diff(folder: Path) -> None:
    """Name, file and line, time, function, expected and got of what differs, the decisions around it, and why; exit 1."""
    (folder / "wrong.yaml").write_text(WRONG)
    result = call(folder)
    assert result.exit_code == 1
    lines = [line.strip() for line in result.output.splitlines()]
    assert f"{folder}/right.yaml" in lines
    assert "FAILED   1 of 2 tests" in lines
    assert f"follows the load  ({folder}/wrong.yaml:5)" in lines
    assert "Ten requests/s are one replica." in lines
    assert f"{folder}/wrong.yaml:10  at 6m, acme/api" in lines
    told = {line.split()[0] + line.split()[1]: line.split()[2] for line in lines if line[:2] in ("- ", "+ ")}
    assert told == {"-replicas:": "5", "+replicas:": "4", "-reason:": "PANIC", "+reason:": "DEMAND"}
    assert any(line.startswith("seen:") and line.endswith("value") for line in lines)
    assert any(line.startswith(">") and "6m" in line and "stays at 4" in line for line in lines)
    assert any("3 → 4" in line for line in lines)
    assert any("40 requests/s" in line for line in lines)
    assert lines[-1].startswith("FAILED: 1 of 4 tests")


def test_json_says_the_same(folder: Path) -> None:
    """Every failure with its place, what was expected and got, the decision in words, and its neighbours."""
    (folder / "wrong.yaml").write_text(WRONG)
    result = call(folder / "wrong.yaml", "--output", "json")
    assert result.exit_code == 1
    document = json.loads(result.stdout)
    assert (document["passed"], document["failed"]) == (1, 1)
    first, second = document["files"][0]["tests"]
    assert (first["passed"], second["passed"], second["failures"]) == (False, True, [])
    (failure,) = first["failures"]
    assert (failure["line"], failure["at_s"], failure["function"]) == (10, 360.0, "acme/api")
    assert failure["differences"] == [
        {"field": "replicas", "expected": "5", "got": "4"},
        {"field": "reason", "expected": "PANIC", "got": "DEMAND"},
    ]
    assert failure["decision"]
    assert {"at_s", "is_tick", "requested", "ready", "desired", "reason"} == set(failure["around"][0])


def test_a_filter_runs_only_what_it_names(folder: Path) -> None:
    """A part of a name, in any case, is enough; one that no test has is wrong usage."""
    (folder / "wrong.yaml").write_text(WRONG)
    assert call(folder / "wrong.yaml", "-k", "NEVER").exit_code == 0
    assert call(folder / "wrong.yaml", "--filter", "follows").exit_code == 1
    nothing = call(folder, "-k", "xyz")
    assert nothing.exit_code == 2
    assert "'xyz'" in nothing.output


def test_every_mistake_of_every_file_is_told_at_once(folder: Path) -> None:
    """Wrong fields, a missing file, a wrong policy, a metric that the policy lacks: file, line, path; exit 2, nothing runs."""
    (folder / "fields.yaml").write_text(RIGHT.replace("reason: DEMAND", "reason: DEMANT").replace("at: 6m", "at: 7m"))
    (folder / "missing.yaml").write_text(RIGHT.replace("[acme.yaml]", "[acme.yaml, nowhere.yaml]"))
    (folder / "none.yaml").write_text(RIGHT.replace("policies: [acme.yaml]\n", ""))
    (folder / "metric.yaml").write_text(RIGHT.replace("{rps: 20x2 40x3}", "{concurrency: 20x5}"))
    (folder / "mine.yaml").write_text(
        RIGHT.replace("policies: [acme.yaml]\n", "") + "---\n" + TENANT.replace("target: 10", "target: -10")
    )
    result = call(folder)
    assert result.exit_code == 2
    assert "SUCCESS" not in result.output
    for words in (
        "fields.yaml:9: tests[0].expect[0].reason",
        "did you mean DEMAND",
        "missing.yaml:2: policies[1]",
        "none.yaml:1: policies",
        "metric.yaml:7: tests[0].input.acme/api.rps",
        "mine.yaml:19: spec.defaults.metrics[0].target",
    ):
        assert words in result.output, result.output
    assert "Traceback" not in result.output


@pytest.mark.parametrize(
    "content", [b"\xff\xfe\x00", b"kind: PolicyTest\n", b"kind: PolicyTset\n", b"a: [\n", b"#" * (17 << 20)]
)
def test_a_file_that_holds_no_tests_is_refused(tmp_path: Path, content: bytes) -> None:
    """Whatever a file holds, the answer is words and exit code 2."""
    file = tmp_path / "tests.yaml"
    file.write_bytes(content)
    result = call(file)
    assert result.exit_code == 2
    assert isinstance(result.exception, SystemExit)
    assert "tests.yaml" in result.output


def test_a_place_without_tests_is_refused(tmp_path: Path) -> None:
    """No file at all, an empty folder, policies alone, no argument: nothing that passes by being nothing."""
    (tmp_path / "policies").mkdir()
    (tmp_path / "policies" / "acme.yaml").write_text(TENANT)
    (tmp_path / "empty").mkdir()
    results = [call(tmp_path / "nowhere"), call(tmp_path / "empty"), call(tmp_path / "policies"), call()]
    assert [result.exit_code for result in results] == [2] * 4


def test_the_published_tests_pass() -> None:
    """`autoscaler test policies/tests` is part of the documentation, and holds."""
    result = call(PUBLISHED)
    assert result.exit_code == 0, result.output


def test_every_example_has_a_test() -> None:
    """Each folder of policies/examples and the defaults are named by some file of policies/tests."""
    tested = set()
    for file in PUBLISHED.glob("*.yaml"):
        for document in YAML(typ="safe").load_all(file.read_text()):
            places = [(file.parent / name).resolve() for name in document.get("policies", [])]
            tested |= {
                place if place.suffix else place.relative_to(ROOT / "policies" / "examples").parts[0]
                for place in places
            }
    examples = {folder.name for folder in (ROOT / "policies" / "examples").iterdir() if folder.is_dir()}
    assert examples <= tested, f"without a test: {sorted(examples - tested)}"
    assert (ROOT / "policies" / "defaults.yaml").resolve() in tested


def test_every_published_test_says_what_it_shows() -> None:
    """Tests are documentation: each has a name and a sentence."""
    for file in PUBLISHED.glob("*.yaml"):
        for document in YAML(typ="safe").load_all(file.read_text()):
            for case in document.get("tests", []):
                assert case.get("why", "").endswith("."), f"{file.name}: {case['name']}"
