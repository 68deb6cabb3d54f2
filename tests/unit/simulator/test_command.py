"""`autoscaler simulate` as it is called."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from autoscaler.cli import root

SCENARIO = """\
kind: Scenario
title: Small
duration: 2m
functions:
  - {name: resize, namespace: acme, workload: {type: constant, rate: 5}, service: 200ms}
"""
TENANT = """\
---
apiVersion: autoscaler.faas.dev/v1alpha1
kind: Tenant
metadata: {name: acme}
spec: {namespaces: [acme], source: main}
"""


@pytest.fixture
def scenario(tmp_path: Path) -> Path:
    """A small scenario with its tenant in the same file."""
    file = tmp_path / "scenario.yaml"
    file.write_text(SCENARIO + TENANT)
    return file


def simulate(*arguments: str | Path) -> Result:
    return CliRunner().invoke(root, ["simulate", *map(str, arguments)])


def test_the_table_names_tenants_functions_and_seed(scenario: Path) -> None:
    """Without options one reads a table by tenant, one by function, and the seed that repeats it."""
    result = simulate(scenario)
    assert result.exit_code == 0, result.output
    assert all(word in result.output for word in ("acme/resize", "replica-seconds", "Seed 1", "Small"))


def test_json_is_the_same_bytes_for_one_seed_and_others_for_another(scenario: Path) -> None:
    """Two runs with one seed print the same bytes; the next seed prints others."""
    first, again, other = (simulate(scenario, "--output", "json", "--seed", seed) for seed in ("5", "5", "6"))
    assert first.stdout_bytes == again.stdout_bytes
    assert first.stdout_bytes != other.stdout_bytes
    document = json.loads(first.stdout)
    assert (document["seed"], document["tenants"][0]["tenant"], document["ticks"]) == (5, "acme", 61)


def test_policies_may_lie_in_other_files(scenario: Path, tmp_path: Path) -> None:
    """A file or folder named by the scenario or by --policies holds the documents just as well."""
    inline = simulate(scenario, "--output", "json").stdout_bytes
    (tmp_path / "more").mkdir()
    (tmp_path / "more" / "tenant.yaml").write_text(TENANT)
    scenario.write_text(SCENARIO + "policies: [more/tenant.yaml]\n")
    assert simulate(scenario, "--output", "json").stdout_bytes == inline
    scenario.write_text(SCENARIO)
    for named in (tmp_path / "more", tmp_path / "more" / "tenant.yaml"):
        assert simulate(scenario, "--output", "json", "--policies", named).stdout_bytes == inline
    assert simulate(scenario, "--output", "json").stdout_bytes != inline
    scenario.write_text(SCENARIO + "policies: [more]\n")
    assert simulate(scenario, "--output", "json").stdout_bytes == inline


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (SCENARIO.replace("rate: 5", "rat: 5") + TENANT, ("scenario.yaml:5", "functions[0].workload.rat", "rate")),
        (SCENARIO + TENANT.replace("source", "sorce"), ("scenario.yaml:10", "spec.sorce", "source")),
        (SCENARIO + "policies: [missing.yaml, lost]\n", ("missing.yaml", "cannot be read", "lost")),
    ],
)
def test_a_mistake_is_told_with_file_line_and_path(scenario: Path, text: str, words: tuple[str, ...]) -> None:
    """What is wrong in the scenario or in a policy exits with 2 and says where and what is allowed."""
    scenario.write_text(text)
    result = simulate(scenario)
    assert result.exit_code == 2
    assert all(word in result.output for word in words), result.output


def test_a_file_that_cannot_be_used_is_told(tmp_path: Path) -> None:
    """A missing scenario, one that is no text, one too large, a missing folder: exit 2, never a traceback."""
    binary, large, good = tmp_path / "binary.yaml", tmp_path / "large.yaml", tmp_path / "good.yaml"
    binary.write_bytes(b"\xff\xfe\x00")
    large.write_text("#" * (5 << 20))
    good.write_text(SCENARIO)
    results = [
        simulate(tmp_path / "missing.yaml"),
        simulate(binary),
        simulate(large),
        simulate(good, "--policies", tmp_path / "nowhere"),
        simulate(good, "--seed", "-1"),
    ]
    assert [result.exit_code for result in results] == [2] * 5
    assert all("Traceback" not in result.output for result in results)
