"""`autoscaler selftest`: recordings, from files to exit codes."""

import gzip
import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from autoscaler.cli import root

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


@pytest.mark.parametrize("options", [[], ["--kind", "hpa"], ["--recording", str(HPA), "--kind", "vpa"]])
def test_wrong_usage_is_told(options: list[str]) -> None:
    """What is left out or not known is named."""
    result = CliRunner().invoke(root, ["selftest", *options])
    assert result.exit_code == 2
    assert "--recording" in result.output or "--kind" in result.output


def test_the_other_kind_is_told() -> None:
    """A recording of one kind is none of the other."""
    result = run(HPA, "kpa")
    assert result.exit_code == 2
    assert "is no recording of kind kpa" in result.output
