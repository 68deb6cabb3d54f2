"""`autoscaler convert` as people run it: files and the standard input in, documents, remarks and exit codes out."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from autoscaler.cli import root
from tests.servers.process import PATIENCE

SCALED = """\
apiVersion: keda.sh/v1alpha1
kind: ScaledObject
metadata: {name: thumbnail}
spec:
  scaleTargetRef: {name: thumbnail}
  pollingInterval: 5
  triggers: [{type: prometheus, metadata: {query: jobs_waiting, threshold: "5"}}]
"""


@pytest.fixture
def given(tmp_path: Path) -> Path:
    """Give a file with one ScaledObject that names no namespace."""
    path = tmp_path / "scaled.yaml"
    path.write_text(SCALED)
    return path


def run(*arguments: str | Path, text: str | None = None) -> Result:
    return CliRunner().invoke(root, ["convert", *map(str, arguments)], input=text)


def test_what_is_printed_is_what_check_accepts(given: Path, tmp_path: Path) -> None:
    """Documents alone go to the standard output, so that it can be a file; what is not carried goes beside it."""
    answer = run(given, "--namespace", "shop", "--tenant", "acme")
    assert answer.exit_code == 0
    assert f"{given}:6: spec.pollingInterval is not carried" in answer.stderr
    assert "spec.pollingInterval is not carried" not in answer.stdout
    written = tmp_path / "policies.yaml"
    written.write_text(answer.stdout)
    assert CliRunner().invoke(root, ["check", str(written)]).exit_code == 0


def test_the_standard_input_is_a_file(given: Path) -> None:
    """What `kubectl get -o yaml` prints can be piped in, beside files."""
    listed = "apiVersion: v1\nkind: List\nitems:\n" + SCALED.replace("apiVersion", "- apiVersion", 1).replace(
        "\n", "\n  "
    ).rstrip(" ").replace("thumbnail", "other")
    answer = run("-", given, "-n", "shop", "--output", "json", text=listed)
    assert [one["source"] for one in json.loads(answer.stdout)["policies"]] == [
        "ScaledObject other",
        "ScaledObject thumbnail",
    ]


def test_a_folder_gets_a_file_for_each_policy(given: Path, tmp_path: Path) -> None:
    """Its files are what `check` reads; nothing is written over."""
    folder = tmp_path / "policies"
    answer = run(given, "-n", "shop", "--tenant", "acme", "--output-dir", folder)
    assert (answer.exit_code, answer.stdout) == (0, "")
    assert sorted(path.name for path in folder.iterdir()) == ["shop-thumbnail.yaml", "tenant-acme.yaml"]
    assert CliRunner().invoke(root, ["check", str(folder)]).exit_code == 0
    (folder / "tenant-acme.yaml").unlink()
    (folder / "shop-thumbnail.yaml").write_text("mine")
    again = run(given, "-n", "shop", "--tenant", "acme", "--output-dir", folder)
    assert again.exit_code == 2
    assert "shop-thumbnail.yaml" in again.stderr
    assert [path.name for path in folder.iterdir()] == ["shop-thumbnail.yaml"]
    assert (folder / "shop-thumbnail.yaml").read_text() == "mine"


def test_programs_get_everything_as_json(given: Path) -> None:
    """Policies with their places, what is not carried, notes and problems, in fields of their own."""
    answer = run(given, "-n", "shop", "--output", "json")
    found = json.loads(answer.stdout)
    assert answer.stderr == ""
    assert found["policies"][0]["policy"]["metadata"] == {"name": "thumbnail", "namespace": "shop"}
    assert (found["policies"][0]["file"], found["policies"][0]["line"]) == (str(given), 1)
    assert [(one["line"], one["path"]) for one in found["not_carried"]] == [(6, "spec.pollingInterval")]
    assert found["notes"]
    assert found["problems"] == []


def test_a_policy_may_act_at_once(given: Path) -> None:
    """Without --live it decides and writes nothing."""
    assert "dryRun: true" in run(given, "-n", "shop").stdout
    assert "dryRun" not in run(given, "-n", "shop", "--live").stdout


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (SCALED, "scaled.yaml:3: metadata.namespace: is missing"),
        ("kind: [\n", "scaled.yaml:2"),
        (SCALED.replace('"5"', "many"), "scaled.yaml:7: spec.triggers[0].metadata.threshold: is 'many'; allowed:"),
        ("apiVersion: v1\nkind: Pod\nmetadata: {name: a}\n", "Pod a is not carried"),
    ],
)
def test_what_cannot_be_converted_ends_with_one(given: Path, content: str, words: str) -> None:
    """File, line, field and what is allowed are said; nothing is printed as if it were a policy."""
    given.write_text(content)
    answer = run(given)
    assert (answer.exit_code, answer.stdout) == (1, "")
    assert words in answer.stderr


@pytest.mark.parametrize(
    "arguments",
    [[], ["missing.yaml"], ["."], ["-", "--namespace", "No Name"], ["-", "--tenant", "../x"], ["-", "--output", "xml"]],
)
def test_wrong_usage_ends_with_two(arguments: list[str]) -> None:
    """Each says what is allowed, without a traceback."""
    answer = run(*arguments, text=SCALED)
    assert answer.exit_code == 2
    assert answer.stderr


def test_a_folder_that_cannot_be_written_is_said(given: Path) -> None:
    """It is wrong usage, with its name."""
    answer = run(given, "-n", "shop", "--output-dir", given / "below")
    assert answer.exit_code == 2
    assert str(given / "below") in answer.stderr


def test_it_runs_as_a_program(given: Path) -> None:
    """The command is there beside the others, and a broken pipe or an odd byte is no traceback."""
    program = Path(sys.executable).with_name("autoscaler")
    given.write_bytes(SCALED.encode() + b"# \xff\n")
    answer = subprocess.run(
        [program, "convert", given], capture_output=True, text=True, check=False, timeout=60 * PATIENCE
    )
    assert answer.returncode == 1
    assert "Traceback" not in answer.stderr


def test_what_is_said_of_many_objects_is_said_of_a_few(tmp_path: Path) -> None:
    """A hundred objects alike: five lines for each remark and problem, and how many more; JSON has all of them."""
    path = tmp_path / "many.yaml"
    path.write_text("---\n".join(SCALED.replace("thumbnail", f"f{number}") for number in range(100)))
    answer = run(path, "--namespace", "shop", "--output-dir", tmp_path / "policies")
    assert answer.exit_code == 0
    assert answer.stderr.count("spec.pollingInterval is not carried") == 5
    assert "and 95 more like the last" in answer.stderr
    told = json.loads(run(path, "--namespace", "shop", "--output", "json").stdout)
    assert sum(one["path"] == "spec.pollingInterval" for one in told["not_carried"]) == 100
    refused = run(path)
    assert refused.exit_code == 1
    assert refused.stderr.count("metadata.namespace: is missing") == 5
    assert "and 95 more like the last" in refused.stderr


def test_a_folder_gets_nothing_where_nothing_could_be_converted(given: Path, tmp_path: Path) -> None:
    """No Tenant without a policy either, so that the same command can be given again once the file is mended."""
    folder = tmp_path / "policies"
    assert run(given, "--tenant", "acme", "--output-dir", folder).exit_code == 1
    assert not folder.exists()
    assert run(given, "--tenant", "acme", "--output-dir", folder, "--namespace", "shop").exit_code == 0
