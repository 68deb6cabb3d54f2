"""`explain --policy`: which document, line or label set each field of a function."""

import json
from typing import Any

import pytest

from tests.integration.cli.test_client import run, served


def field(name: str, value: object, layer: str, by: str, asked: object = None) -> dict[str, Any]:
    """Give one field as the API shows it."""
    return {"field": name, "value": value, "layer": layer, "by": by, "asked": asked}


LABELLED = {"value": 100, "layer": "label", "by": "com.openfaas.scale.max"}
FOUND: dict[str, Any] = {
    "namespace": "acme",
    "function": "a",
    "tenant": "acme",
    "policy": "acme/default",
    "dry_run": False,
    "paused": False,
    "force": None,
    "fields": [
        field("metrics", [{"type": "rps", "target": 5.0}], "document", "ScalingPolicy acme/default spec.metrics"),
        field("replicas.min", 3, "label", "autoscaler.faas.dev/min"),
        field("replicas.max", 50, "bound", "tenants.yaml:6", LABELLED),
        field("zero", None, "built-in", "built-in default"),
    ],
    "problems": [],
}
PATH = "/v1/functions/acme/a/policy"


def said(**changes: object) -> str:
    """Give what the command prints of this answer."""
    with served({PATH: (200, FOUND | changes)}) as url:
        result = run("explain", "acme/a", "--policy", "--server", url)
    assert result.exit_code == 0, result.output
    return result.output


def line_of(output: str, start: str) -> str:
    return next(line for line in output.splitlines() if line.startswith(start))


def test_every_field_has_its_value_and_who_set_it() -> None:
    """A line for each field: a custom resource and its path, a label, a bound, a default; null where there is none."""
    output = said()
    assert line_of(output, "metrics ").endswith("ScalingPolicy acme/default spec.metrics")
    assert '"target": 5.0' in line_of(output, "metrics ")
    assert line_of(output, "replicas.min ").split()[1:] == ["3", "label", "autoscaler.faas.dev/min"]
    assert line_of(output, "replicas.max ").split()[1:] == ["50", "bound", "tenants.yaml:6"]
    assert line_of(output, "zero ").split()[1:] == ["null", "built-in", "default"]


def test_what_a_bound_took_away_is_said_below() -> None:
    """Of a clipped field both numbers, the bound's place, and who asked stand in one line."""
    line = line_of(said(), "Clipped: replicas.max")
    assert all(part in line for part in ("50", "tenants.yaml:6", "com.openfaas.scale.max", "100"))


@pytest.mark.parametrize(
    ("changes", "start"),
    [({"force": 2}, "Forced: 2"), ({"paused": True}, "Paused:"), ({"dry_run": True}, "Dry run:")],
)
def test_orders_over_all_fields_are_said(changes: dict[str, object], start: str) -> None:
    """An order that stands over every field is said, and only where there is one."""
    assert line_of(said(**changes), start)
    assert start not in said()


def test_labels_that_are_left_out_are_said() -> None:
    """A label that cannot be read is named with what is wrong."""
    assert line_of(said(problems=["acme/a: x/y: is no label of ours"]), "Left out: acme/a: x/y")


def test_json_is_the_apis_answer() -> None:
    """For programs the answer is printed as it is."""
    with served({PATH: (200, FOUND)}) as url:
        result = run("explain", "acme/a", "--policy", "--server", url, "--output", "json")
    assert json.loads(result.output) == FOUND


@pytest.mark.parametrize("other", [("--watch",), ("--at", "1m ago"), ("--last", "1h")])
def test_it_is_one_question_of_several(other: tuple[str, ...]) -> None:
    """Together with another question it is wrong usage, and both are named."""
    result = run("explain", "acme/a", "--policy", *other)
    assert result.exit_code == 2
    assert "--policy" in result.output


def test_a_function_that_is_not_there_is_not_so() -> None:
    """An unknown function is exit code 1, in the daemon's words."""
    refusal = {"error": {"what": "there is no such function", "where": "path", "allowed": "one of your own"}}
    with served({PATH: (404, refusal)}) as url:
        result = run("explain", "acme/a", "--policy", "--server", url)
    assert result.exit_code == 1
    assert "there is no such function" in result.output
