"""Scenarios whose functions come from traces, run by the command."""

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from autoscaler.cli import root
from tests.unit.simulator.trace_sets.test_plain import REQUESTS

SAMPLES = Path(__file__).resolve().parents[4] / "simulations" / "samples"
TENANT = "apiVersion: autoscaler.faas.dev/v1alpha1\nkind: Tenant\nmetadata: {name: %s}\nspec: {namespaces: [%s], source: main}\n"


def simulate(folder: Path, traces: str, *tenants: str) -> Result:
    documents = [f"kind: Scenario\nduration: 10m\ntraces:\n{traces}\n", *(TENANT % (one, one) for one in tenants)]
    (folder / "scenario.yaml").write_text("---\n".join(documents))
    return CliRunner().invoke(root, ["simulate", str(folder / "scenario.yaml"), "--output", "json"])


def rows(result: Result) -> dict[str, Any]:
    """Give the functions of a run that ended well, by name."""
    assert result.exit_code == 0, result.output
    return {row["function"]: row for row in json.loads(result.stdout)["functions"]}


def test_functions_of_a_trace_run_beside_each_other(tmp_path: Path) -> None:
    """Counts arrive as recorded; a trace without service times takes those of the document, a measured law included."""
    (tmp_path / "requests.csv").write_text(REQUESTS)
    (tmp_path / "times.csv").write_text("duration\n100\n300\n")
    (tmp_path / "counts.csv").write_text("function,time,requests\na,0,30\na,60,10\n")
    traces = (
        f"  - {{file: {SAMPLES / 'azure-2019'}, tenants: one}}\n"
        "  - {file: requests.csv, functions: [shop/*]}\n"
        "  - {file: counts.csv, serviceTimes: {type: empirical, file: times.csv, unit: ms}, replicas: 1}"
    )
    found = rows(simulate(tmp_path, traces, "trace", "shop", "default"))
    assert found["trace/c13acdc7567b"]["requests"] == 50
    assert (found["shop/cart"]["requests"], found["default/a"]["requests"]) == (2, 40)
    assert "blog/read" not in found


@pytest.mark.parametrize(
    ("traces", "words"),
    [
        ("  - {file: none.csv}", ["none.csv", "No such file"]),
        ("  - {file: requests.csv, functions: [shop/none]}", ["requests.csv", "traces[0]", "shop/none is none"]),
        ("  - {file: bad.csv, service: 1s}", ["bad.csv:3", "column 'time'", "ascend"]),
        ("  - {file: times.csv, service: 1s}", ["times.csv:1", "column 'function'"]),
        ("  - {file: counts.csv}", ["counts.csv", "traces[0]", "a `service`"]),
        ("  - {file: counts.csv, serviceTimes: {type: empirical, file: bad.csv}}", ["bad.csv:1", "column 'duration'"]),
        (
            "  - {file: requests.csv, columns: {fn: x}, step: 1}",
            ["scenario.yaml:4", "traces[0].step", "traces[0].columns", "fn is none"],
        ),
        ("  - {file: requests.csv}\n  - {file: requests.csv}", ["each name once in a namespace", "shop/cart"]),
        ("  - {file: requests.csv, scale: 0}", ["traces[0].scale", "greater than 0"]),
    ],
)
def test_what_cannot_be_used_is_said_with_its_place(tmp_path: Path, traces: str, words: list[str]) -> None:
    """Files, lines, columns and fields are named; nothing runs."""
    (tmp_path / "requests.csv").write_text(REQUESTS)
    (tmp_path / "bad.csv").write_text("function,time\na,5\na,4\n")
    (tmp_path / "times.csv").write_text("duration\n100\n")
    (tmp_path / "counts.csv").write_text("function,time,requests\na,0,30\na,60,10\n")
    result = simulate(tmp_path, traces, "shop", "blog")
    assert result.exit_code == 2, result.output
    assert isinstance(result.exception, SystemExit)
    assert all(word in result.output for word in words), result.output
