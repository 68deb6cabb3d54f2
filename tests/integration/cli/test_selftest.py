"""`autoscaler selftest`: recordings, from files to exit codes."""

import gzip
import json
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from autoscaler.cli import root
from autoscaler.cli.selftest_tables import show_tables
from autoscaler.simulator.validation.check import Check, exactly
from autoscaler.simulator.validation.reference import FILES
from autoscaler.simulator.validation.setting import Setting, Table, once

RECORDINGS = Path(__file__).resolve().parents[2] / "golden" / "recordings"
HPA = RECORDINGS / "hpa_decisions.jsonl.gz"


def run(recording: Path, kind: str, *options: str) -> Result:
    return CliRunner().invoke(root, ["selftest", "--recording", str(recording), "--kind", kind, *options])


@pytest.fixture
def few() -> list[dict[str, object]]:
    """The first three sequences of the HPA's recording."""
    with gzip.open(HPA, "rt") as text:
        return [json.loads(next(text)) for _ in range(3)]


def plain(folder: Path, sequences: list[dict[str, object]]) -> Path:
    file = folder / "recording.jsonl"
    file.write_text("".join(f"{json.dumps(sequence)}\n" for sequence in sequences))
    return file


@pytest.mark.parametrize(("kind", "name"), [("hpa", "hpa_decisions"), ("kpa", "knative_kpa_decisions")])
def test_the_shipped_recordings_are_identical(kind: str, name: str) -> None:
    """Both recordings end with all of their sequences identical, and exit 0."""
    result = run(RECORDINGS / f"{name}.jsonl.gz", kind)
    assert result.output == "150 of 150 sequences identical\n"
    assert result.exit_code == 0


def test_a_plain_file_is_read_whatever_its_name(tmp_path: Path, few: list[dict[str, object]]) -> None:
    """Compressed or not is told by the content."""
    file = plain(tmp_path, few)
    assert run(file, "hpa").output == "3 of 3 sequences identical\n"
    packed = tmp_path / "packed.jsonl"
    packed.write_bytes(gzip.compress(file.read_bytes()))
    assert run(packed, "hpa").output == "3 of 3 sequences identical\n"


def test_a_difference_is_named_and_exits_1(tmp_path: Path, few: list[dict[str, object]]) -> None:
    """A sequence with another answer is told with its time and both answers; the others are still compared."""
    few[1]["steps"][7]["desired"] += 1  # type: ignore[index]
    few[1]["steps"][9]["desired"] += 1  # type: ignore[index]
    expected = few[1]["steps"][7]["desired"]  # type: ignore[index]
    result = run(plain(tmp_path, few), "hpa")
    first, last = result.output.splitlines()
    assert first.startswith(f"{few[1]['name']}: differs first at t=105: expected {expected}, got {expected - 1} (")
    assert last == "2 of 3 sequences identical"
    assert result.exit_code == 1


def test_json_has_the_same(tmp_path: Path, few: list[dict[str, object]]) -> None:
    """`--output json` has the counts and each first difference, and exits alike."""
    few[2]["steps"][0]["desired"] += 3  # type: ignore[index]
    result = run(plain(tmp_path, few), "hpa", "--output", "json")
    document = json.loads(result.output)
    assert (document["kind"], document["sequences"], document["identical"]) == ("hpa", 3, 2)
    (found,) = document["differences"]
    assert (found["name"], found["t"], found["expected"] - found["got"]) == (few[2]["name"], 0, 3)
    assert found["reason"]
    assert result.exit_code == 1


@pytest.mark.parametrize("kept", [2, 10, 2_000, 129_000])
def test_a_cut_gzip_file_is_told(tmp_path: Path, kept: int) -> None:
    """What is left of a file that was cut off is never half a success."""
    file = tmp_path / "cut.jsonl.gz"
    file.write_bytes(HPA.read_bytes()[:kept])
    result = run(file, "hpa")
    assert result.exit_code == 2
    assert "cut off or broken" in result.output
    assert str(file) in result.output


@pytest.mark.parametrize(
    ("content", "word"),
    [
        (b"\x1f\x8bnot gzip after all", "broken"),
        (b"\xff\xfe\x00", "UTF-8"),
        (b"", "holds no sequence"),
        (b'{"name": "a"', "one whole JSON object a line"),
        (b'{"name": "a", "spec": 3, "steps": []}', "spec"),
    ],
)
def test_what_is_no_recording_is_told(tmp_path: Path, content: bytes, word: str) -> None:
    """Whatever a file holds, the answer names it and says what is allowed; exit 2."""
    file = tmp_path / "odd"
    file.write_bytes(content)
    for kind in ("hpa", "kpa"):
        result = run(file, kind)
        assert result.exit_code == 2
        assert word in result.output
        assert str(file) in result.output
        assert "allowed: " in result.output


def test_a_file_that_is_not_there_or_a_folder_is_told(tmp_path: Path) -> None:
    """A name that cannot be read is wrong usage."""
    for name in (tmp_path / "missing.jsonl", tmp_path):
        result = run(name, "kpa")
        assert result.exit_code == 2
        assert name.name in result.output


@pytest.mark.parametrize(
    ("options", "named"),
    [
        (["--kind", "hpa"], "--recording"),
        (["--recording", str(HPA)], "--kind"),
        (["--recording", str(HPA), "--kind", "vpa"], "--kind"),
        (["--recording", str(HPA), "--kind", "hpa", "--quick"], "--quick"),
        (["--recording", str(HPA), "--kind", "hpa", "--seed", "0"], "--seed"),
        (["--only", "golden", "--only", "nothing"], "'opendc', 'azure', 'golden'"),
        (["--seed", "-1"], "--seed"),
    ],
)
def test_wrong_usage_is_told(options: list[str], named: str) -> None:
    """What is left out, not known or out of place is named."""
    result = CliRunner().invoke(root, ["selftest", *options])
    assert result.exit_code == 2
    assert named in result.output


def test_a_table_is_shown_with_its_verdicts() -> None:
    """Each row has what was expected, what came, how far it may be off, and the verdict; the last line sums up."""
    result = CliRunner().invoke(root, ["selftest", "--only", "opendc"])
    assert result.exit_code == 0
    row = next(line for line in result.output.splitlines() if "frequent-noconcurrency, kept 5 min: cold" in line)
    assert [cell.strip() for cell in row.split("│")[2:-1]] == ["18", "18", "0", "exact", "pass"]
    assert result.output.splitlines()[-1].startswith("4 pass, 0 fail, 10 reported. Seed 1, ")


def test_tables_as_json_are_the_same_bytes_each_time() -> None:
    """`--output json` has every row, in the order of the tables whatever the order of the flags, and a seed repeats it."""
    options = ["selftest", "--quick", "--only", "conserved", "--only", "opendc", "--seed", "4", "--output", "json"]
    first, again = (CliRunner().invoke(root, options).output for _ in range(2))
    assert first == again
    document = json.loads(first)
    assert [table["name"] for table in document["tables"]] == ["opendc", "conserved"]
    assert (document["seed"], document["is_quick"], document["fail"]) == (4, True, 0)
    rows = [row for table in document["tables"] for row in table["rows"]]
    assert len(rows) == document["pass"] + document["reported"]
    assert {row["verdict"] for row in rows} == {"pass", "reported"}
    assert {row["tolerance"] for row in rows if row["verdict"] == "reported"} == {None}


@pytest.mark.parametrize("output", ["table", "json"])
def test_one_row_that_fails_is_enough(capsys: pytest.CaptureFixture[str], output: str) -> None:
    """Whatever else passes, a row that fails is shown, counted, and told to the caller, who exits 1."""

    def case(_setting: Setting) -> Iterator[Check]:
        yield exactly("right", 1, 1)
        yield exactly("wrong", 1, 2)

    assert not show_tables([Table("t", "a title", "a source", once(case))], is_quick=False, seed=1, output=output)
    shown = capsys.readouterr().out
    if output == "json":
        document = json.loads(shown)
        assert (document["pass"], document["fail"]) == (1, 1)
        assert document["tables"][0]["rows"][1]["verdict"] == "fail"
    else:
        assert "1 pass, 1 fail, 0 reported." in shown


def test_every_file_of_reference_data_says_where_it_is_from() -> None:
    """The README beside the data names each file, and each file that it names is there."""
    data = files("autoscaler.simulator.validation").joinpath("data")
    readme = data.joinpath("README.md").read_text()
    assert {file.name for file in data.iterdir()} == {*FILES, "README.md"}
    assert all(f"`{name}`" in readme for name in FILES)


def test_the_other_kind_is_told() -> None:
    """A recording of one kind is none of the other."""
    result = run(HPA, "kpa")
    assert result.exit_code == 2
    assert "is no recording of kind kpa" in result.output
