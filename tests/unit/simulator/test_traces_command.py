"""`autoscaler simulate` with recorded traffic from files."""

import gzip
import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from autoscaler.cli import root

SCENARIO = """\
kind: Scenario
duration: 4m
functions:
  - {name: resize, namespace: acme, workload: {type: csv, file: rates.csv, unit: requests-per-minute, arrivals: even}, service: 200ms}
---
apiVersion: autoscaler.faas.dev/v1alpha1
kind: Tenant
metadata: {name: acme}
spec: {namespaces: [acme], source: main}
"""
RATES = "time,resize\n0,60\n60,\n120,30\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A scenario with its rates beside it."""
    (tmp_path / "scenario.yaml").write_text(SCENARIO)
    (tmp_path / "rates.csv").write_text(RATES)
    return tmp_path


def simulate(folder: Path, *arguments: str) -> Result:
    return CliRunner().invoke(root, ["simulate", str(folder / "scenario.yaml"), *arguments])


def without_hashes(folder: Path) -> bytes:
    """Give the JSON of a run without what it says of its files."""
    document = json.loads(simulate(folder, "--output", "json").stdout)
    assert document.pop("provenance")
    return json.dumps(document).encode()


def refused(folder: Path, *words: str) -> None:
    """Fail unless it ended as wrong configuration, with these words and no traceback."""
    result = simulate(folder)
    assert result.exit_code == 2, result.output
    assert isinstance(result.exception, SystemExit)
    assert all(word in result.output for word in words), result.output


def test_the_counts_of_a_file_arrive_and_its_gaps_are_said(folder: Path) -> None:
    """60 in the first minute, none in the unknown second, 30 in the third, none after the end; both gaps are named."""
    result = simulate(folder, "--output", "json")
    assert result.exit_code == 0, result.output
    document = json.loads(result.stdout)
    assert document["functions"][0]["requests"] == 90
    assert [(gap["function"], gap["from_s"], gap["to_s"]) for gap in document["gaps"]] == [
        ("acme/resize", 60.0, 120.0),
        ("acme/resize", 180.0, 240.0),
    ]
    table = simulate(folder).output
    assert "No data of acme/resize from 1m to 2m" in table
    assert "No data of acme/resize from 3m to 4m" in table


def test_a_gap_that_ends_with_the_run_is_told_in_whole_seconds(folder: Path) -> None:
    """Where a run's length is no whole number of seconds, its last gap is written as people read it, not in milliseconds."""
    scenario = folder / "scenario.yaml"
    scenario.write_text(scenario.read_text().replace("duration: 4m", "duration: 239500ms"))
    assert "No data of acme/resize from 3m to 4m" in simulate(folder).output


def test_a_packed_file_gives_the_same_bytes(folder: Path) -> None:
    """The same rates as .csv.gz are the same run; only the hashes of what was read are others."""
    plain = without_hashes(folder)
    (folder / "rates.csv.gz").write_bytes(gzip.compress(RATES.encode()))
    (folder / "scenario.yaml").write_text(SCENARIO.replace("rates.csv", "rates.csv.gz"))
    assert without_hashes(folder) == plain


def test_one_file_may_hold_many_functions(folder: Path) -> None:
    """A group of two takes the columns of their names, and a third function one that it names."""
    third = (
        "  - {name: other, namespace: acme, workload: {type: csv, file: rates.csv, column: resize-1}, service: 1s}\n---"
    )
    text = SCENARIO.replace("name: resize,", "name: resize, count: 2,").replace("---", third, 1)
    (folder / "scenario.yaml").write_text(text)
    (folder / "rates.csv").write_text("time,resize-0,resize-1\n0,60,0\n60,60,1\n")
    rows = json.loads(simulate(folder, "--output", "json").stdout)["functions"]
    assert [row["function"] for row in rows] == ["acme/other", "acme/resize-0", "acme/resize-1"]
    assert rows[1]["requests"] == 120
    assert rows[2]["requests"] == 1
    assert 30 < rows[0]["requests"] < 100


def test_every_mistake_of_every_file_is_told_at_once(folder: Path) -> None:
    """A bad cell in one file and a missing other file are told together, with file, line and column."""
    more = "  - {name: other, namespace: acme, workload: {type: csv, file: other.csv}, service: 1s}\n---"
    (folder / "scenario.yaml").write_text(SCENARIO.replace("---", more, 1))
    (folder / "rates.csv").write_text("time,resize\n0,1\n60,-2\n")
    refused(folder, "rates.csv:3: column 'resize': is '-2'", "other.csv: cannot be read: No such file")


@pytest.mark.parametrize(
    ("name", "content", "word"),
    [
        ("rates.csv", b"", "is empty"),
        ("rates.csv", b"time,resize\n0,1\n60,\xff\n", "rates.csv:3: is no text"),
        ("rates.csv.gz", b"", "is empty"),
        ("rates.csv.gz", RATES.encode(), "is no gzip"),
        ("rates.csv.gz", gzip.compress(RATES.encode(), mtime=0)[:-12], "ends too early"),
        ("rates.csv.gz", gzip.compress(RATES.encode(), mtime=0)[:-8] + bytes(8), "is no gzip, or a damaged one"),
    ],
)
def test_a_file_that_is_none_is_told(folder: Path, name: str, content: bytes, word: str) -> None:
    """Empty, no text, no gzip, a truncated or a damaged one: exit 2 and why."""
    (folder / "scenario.yaml").write_text(SCENARIO.replace("rates.csv", name))
    (folder / name).write_bytes(content)
    refused(folder, name, word)


def test_a_small_file_that_unpacks_to_a_huge_one_is_told(folder: Path) -> None:
    """No more than is allowed is ever unpacked: 65 MiB of noughts in 64 KiB are refused."""
    (folder / "scenario.yaml").write_text(SCENARIO.replace("rates.csv", "rates.csv.gz"))
    (folder / "rates.csv.gz").write_bytes(gzip.compress(bytes(65 << 20)))
    refused(folder, "rates.csv.gz: is too large")


def test_a_folder_is_no_file(folder: Path) -> None:
    """A folder in place of the file is told, not read."""
    (folder / "scenario.yaml").write_text(SCENARIO.replace("rates.csv", "."))
    refused(folder, "cannot be read")


@pytest.mark.parametrize(
    ("fields", "path", "allowed"),
    [
        ("file: rates.csv, step: 1m, time: t", "functions[0].workload", "not both"),
        ("file: rates.csv, unit: rpm", "functions[0].workload.unit", "requests-per-minute"),
        ("file: rates.csv, colum: a", "functions[0].workload.colum", "did you mean column?"),
        ("file: rates.csv, scale: -1", "functions[0].workload.scale", "greater than or equal to 0"),
        ("file: rates.csv, step: 0s", "functions[0].workload.step", "more than 0s"),
        ("column: a", "functions[0].workload.file", "needed"),
    ],
)
def test_a_wrong_field_of_a_file_is_told_with_its_line(folder: Path, fields: str, path: str, allowed: str) -> None:
    """Contradictions, unknown units and misspelt fields name line, field and what is allowed."""
    text = SCENARIO.replace("file: rates.csv, unit: requests-per-minute, arrivals: even", fields)
    (folder / "scenario.yaml").write_text(text)
    refused(folder, "scenario.yaml:4", path, allowed)


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        (["--prometheus", "http://127.0.0.1:9"], ("--query", "--start", "--end")),
        (["--step", "1m"], ("--prometheus",)),
        (
            ["--prometheus", "127.0.0.1:9", "--query", "x", "--start", "2026-01-01T00:00:00Z", "--end", "now"],
            ("url", "end"),
        ),
    ],
)
def test_half_a_span_in_flags_is_wrong_usage(folder: Path, flags: list[str], words: tuple[str, ...]) -> None:
    """A span needs all of its flags, and each must be what it should; which ones are not is told at once."""
    result = simulate(folder, *flags)
    assert result.exit_code == 2
    assert all(word in result.output for word in words), result.output
    assert "Traceback" not in result.output
