"""`explain --at`, `--last` and `replay` on the files of a decision log."""

import json
import time
from collections.abc import Mapping
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from autoscaler.adapters.decision_log import DecisionLog
from autoscaler.cli import root
from autoscaler.cli.errors import WrongConfiguration
from autoscaler.cli.settings import need_settings
from autoscaler.core.blast_radius import BlastRadiusRule
from autoscaler.core.controller import Controller
from autoscaler.core.fleet import FunctionKey
from autoscaler.core.journal.step import Step
from autoscaler.core.now import Now
from autoscaler.core.observation import Observation
from autoscaler.policy.compile import Compiler
from autoscaler.policy.deployment import Deployed
from autoscaler.policy.loading import load
from autoscaler.policy.provenance import Provenance
from autoscaler.policy.settings import BlastRadius, DecisionLogSettings
from tests.unit.core.fleets import observe

TICKS = 120
TENANT = """\
apiVersion: autoscaler.faas.dev/v1alpha1
kind: Tenant
metadata: {name: acme}
spec: {namespaces: [acme], source: main, bounds: {allowZero: true}}
"""
POLICY = """\
apiVersion: autoscaler.faas.dev/v1alpha1
kind: ScalingPolicy
metadata: {name: default, namespace: acme}
spec:
  functions: {names: ["*"]}
  metrics: [{type: rps, target: 10, utilization: 1}]
  scaleDown: {stabilization: 10s}
"""
CHEAPER = POLICY.replace("target: 10", "target: 20")
DEPLOYED = [
    Deployed(FunctionKey("acme", name), f"uid-{name}", {"faas_function": name}, {})
    for name in ("checkout", "thumbnail")
]


def run(*arguments: str) -> Result:
    clean: Mapping[str, str | None] = {"AUTOSCALER_SERVER": None, "AUTOSCALER_TOKEN": None, "COLUMNS": "200"}
    return CliRunner().invoke(root, arguments, env=clean)


def written(folder: Path, ends_utc_s: float, rule: BlastRadius | None) -> float:
    """Write four minutes of ticks that end now: the load of `thumbnail` doubles half-way. Give the time of that."""
    policies = load({"acme.yaml": TENANT + "---\n" + POLICY})
    plan = Compiler().compile(policies, DEPLOYED, ends_utc_s)
    log = DecisionLog(str(folder), DecisionLogSettings.model_validate({"flush": "0s"}), rule, tell=print)
    log.start()
    controller = Controller(None if rule is None else BlastRadiusRule(rule.replicas, rule.share, rule.period))
    requested, moment_s = [1.0, 1.0], 0.0
    for number in range(TICKS):
        now = Now(2.0 * number, ends_utc_s - 2.0 * (TICKS - number))
        rps = 40.0 if number < TICKS // 2 else 80.0
        moment_s = now.utc_s if number == TICKS // 2 else moment_s
        seen: Observation = observe(plan.fleet, requested, rps=[10.0, rps], in_flight=[1.0, 4.0])
        decisions = controller.step(now, seen, ())
        log.take_step(Step(now, seen, (), decisions), Provenance(policies, DEPLOYED))
        requested = decisions.desired.tolist()
    log.close()
    return moment_s


@pytest.fixture
def moment_s(tmp_path: Path) -> float:
    return written(tmp_path / "log", time.time(), BlastRadius())


def test_a_moment_is_explained_without_a_daemon(tmp_path: Path, moment_s: float) -> None:
    """`--at --log` gives the record of then, in the daemon's own words and as the daemon's JSON."""
    log = str(tmp_path / "log")
    before = run("explain", "acme/thumbnail", "--log", log, "--at", "2m10s ago", "--output", "json")
    after = run("explain", "acme/thumbnail", "--log", log, "--at", "10s ago", "--output", "json")
    assert json.loads(before.output)["decision"]["desired"] == 4
    decision = json.loads(after.output)["decision"]
    assert (decision["desired"], decision["reason"]) == (8, "DEMAND")
    words = run("explain", "acme/thumbnail", "--log", log, "--at", "10s ago")
    assert words.exit_code == 0
    assert all(sentence in words.output for sentence in decision["sentences"])


def test_the_changes_of_a_day(tmp_path: Path, moment_s: float) -> None:
    """`--last 24h` lists each change once, oldest first, with its account, and says how far back the log goes."""
    answer = run("explain", "acme/thumbnail", "--log", str(tmp_path / "log"), "--last", "24h", "--output", "json")
    found = json.loads(answer.output)
    assert [(one["requested"], one["desired"]) for one in found["decisions"]] == [(1, 4), (4, 8)]
    assert found["decisions"][1]["decided_utc_s"] == moment_s
    words = run("explain", "acme/thumbnail", "--log", str(tmp_path / "log"), "--last", "24h")
    assert words.output.index("1 → 4, DEMAND") < words.output.index("4 → 8, DEMAND")
    assert "the log begins then" in words.output
    calm = run("explain", "acme/thumbnail", "--log", str(tmp_path / "log"), "--last", "30s")
    assert calm.output == "Nothing changed.\n"


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["--at", "noon"], 2, "10m ago"),
        (["--last", "long"], 2, "duration"),
        (["--at", "1m ago", "--last", "1h"], 2, "one of them"),
        (["--at", "1m ago", "--watch"], 2, "one of them"),
        ([], 2, "--at or --last"),
        (["--at", "2001-01-01T00:00:00Z"], 1, "no decision on acme/thumbnail"),
        (["--last", "0s"], 1, "no decision on acme/thumbnail"),
    ],
)
def test_a_question_that_is_none_is_refused(
    tmp_path: Path, moment_s: float, arguments: list[str], code: int, words: str
) -> None:
    """What cannot be asked, or is not known, says what is allowed, or that it is not known; never a traceback."""
    result = run("explain", "acme/thumbnail", "--log", str(tmp_path / "log"), *arguments)
    assert result.exit_code == code, result.output
    assert words in result.output


def test_silence_about_a_function_is_no_calm(tmp_path: Path, moment_s: float) -> None:
    """A misspelt function, and a folder without a log, have no changes because nothing is known: exit code 1."""
    (tmp_path / "empty").mkdir()
    for function, folder in (("acme/thumbnale", "log"), ("acme/thumbnail", "empty")):
        result = run("explain", function, "--log", str(tmp_path / folder), "--last", "24h")
        assert result.exit_code == 1
        assert f"no decision on {function}" in result.output


def test_a_folder_that_is_none_is_refused(tmp_path: Path) -> None:
    """A log that is not there is named, with what is allowed."""
    for arguments in (("explain", "acme/f", "--last", "1h", "--log"), ("replay",)):
        result = run(*arguments, str(tmp_path / "nowhere"))
        assert result.exit_code == 2
        assert "No such file" in result.output
        assert "decision log" in result.output


def test_replay_reproduces_the_log(tmp_path: Path, moment_s: float) -> None:
    """Without other policies every step comes out again, under the blast radius that the daemon had."""
    result = run("replay", str(tmp_path / "log"))
    assert result.exit_code == 0, result.output
    assert result.output.startswith(f"identical: {TICKS} steps, {TICKS} of them ticks")
    (file,) = (tmp_path / "log").iterdir()
    assert json.loads(run("replay", str(file), "--output", "json").output)["is_identical"] is True


def test_replay_says_that_it_lost_something(tmp_path: Path, moment_s: float) -> None:
    """Damage in the middle is told, and what could not be compared for it is no success."""
    (file,) = (tmp_path / "log").iterdir()
    data = bytearray(file.read_bytes())
    data[len(data) // 2] ^= 255
    file.write_bytes(bytes(data))
    result = run("replay", str(tmp_path / "log"), "--output", "json")
    found = json.loads(result.output)
    assert found["damaged"] == 1
    assert found["steps"] < TICKS


def test_other_policies_for_one_document(tmp_path: Path, moment_s: float) -> None:
    """A file replaces the documents of its names and leaves the rest: the tenant is the recorded one."""
    (tmp_path / "cheaper.yaml").write_text(CHEAPER)
    arguments = ("replay", str(tmp_path / "log"), "--policy", str(tmp_path / "cheaper.yaml"))
    result = run(*arguments, "--output", "json")
    assert result.exit_code == 0, result.output
    found = json.loads(result.output)
    functions = {one["function"]: one for one in found["functions"]}
    thumbnail = functions["thumbnail"]
    assert (thumbnail["first"]["recorded"], thumbnail["first"]["replayed"]) == (4, 2)
    assert thumbnail["replayed"]["replica_seconds"] < 0.6 * thumbnail["recorded"]["replica_seconds"]
    assert functions["checkout"]["differing_ticks"] == 0
    (tenant,) = found["tenants"]
    assert tenant["tenant"] == "acme"
    assert tenant["differing_ticks"] == thumbnail["differing_ticks"]
    words = run(*arguments)
    assert "acme/thumbnail" in words.output
    assert "4 DEMAND → 2 DEMAND" in words.output


def test_a_folder_replaces_everything(tmp_path: Path, moment_s: float) -> None:
    """A folder without the tenant leaves its functions to nobody, which is said."""
    others = tmp_path / "others"
    others.mkdir()
    (others / "t.yaml").write_text(TENANT.replace("[acme]", "[elsewhere]"))
    found = json.loads(run("replay", str(tmp_path / "log"), "--policy", str(others), "--output", "json").output)
    assert found["functions"] == []
    assert found["unscaled"] == ["acme/checkout", "acme/thumbnail"]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (POLICY.replace("target: 10", "target: -1"), "wrong.yaml:6"),
        (POLICY.replace("namespace: acme", "namespace: other"), "other is no tenant's"),
        ("", "kind"),
    ],
)
def test_wrong_policies_are_refused(tmp_path: Path, moment_s: float, text: str, words: str) -> None:
    """What is wrong with the other documents is named with its line, and nothing is replayed."""
    (tmp_path / "wrong.yaml").write_text(text or "kind: Nothing\n")
    result = run("replay", str(tmp_path / "log"), "--policy", str(tmp_path / "wrong.yaml"))
    assert result.exit_code == 2
    assert words in result.output


def test_what_is_no_log_is_refused(tmp_path: Path) -> None:
    """A file of something else, an empty folder and a flag without its sense are refused with what is allowed."""
    (tmp_path / "notes.decisions").write_text("dear diary")
    for arguments, words in (
        ((str(tmp_path / "notes.decisions"),), "no decision log"),
        ((str(tmp_path),), "holds no decision log"),
        ((str(tmp_path), "--policy", "nowhere.yaml"), "holds no decision log"),
    ):
        result = run("replay", *arguments)
        assert result.exit_code == 2, result.output
        assert words in result.output


def test_the_flag_and_the_variables_are_the_setting(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`--decision-log` and `AUTOSCALER_DECISION_LOG__…` say what the settings' file would; without them there is no log."""
    assert need_settings(None, {}).decision_log.path is None
    monkeypatch.setenv("AUTOSCALER_DECISION_LOG__RETENTION", "2d")
    monkeypatch.setenv("AUTOSCALER_DECISION_LOG__MAX_BYTES", "null")
    settings = need_settings(None, {"decisionLog": {"path": str(tmp_path)}}).decision_log
    assert (settings.path, settings.retention, settings.max_bytes, settings.flush) == (
        str(tmp_path),
        172_800.0,
        None,
        1.0,
    )
    assert "--decision-log DIR" in run("run", "--help").output


@pytest.mark.parametrize(
    "wrong", [{"retention": "0s"}, {"retention": 7}, {"maxBytes": 5}, {"flush": "-1s"}, {"folder": "x"}]
)
def test_wrong_settings_of_the_log_are_named(wrong: dict[str, object]) -> None:
    """A field that is none, or out of range, is refused by its path."""
    with pytest.raises(WrongConfiguration, match=rf"decisionLog\.{next(iter(wrong))}"):
        need_settings(None, {"decisionLog": wrong})
