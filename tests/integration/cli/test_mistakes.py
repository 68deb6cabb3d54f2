"""Mistakes that a person makes at the command line: each is said in plain words, none is passed over."""

import json
import os
from pathlib import Path

import pytest
from click.testing import Result

from tests.integration.cli.test_client import FUNCTION, STATUS, TENANTS, served
from tests.integration.cli.test_client import run as ask
from tests.integration.cli.test_commands import SETTINGS, TENANT, run, write

SCENARIO = """\
kind: Scenario
duration: 1m
functions:
  - {name: a, namespace: acme, workload: {type: constant, rate: 1}, service: 100ms}
"""


def refused(result: Result, *words: str) -> None:
    """Fail unless it ended as wrong usage, with these words and no traceback."""
    assert result.exit_code == 2, result.output
    assert isinstance(result.exception, SystemExit)
    assert all(word in result.output for word in words), result.output


@pytest.mark.parametrize("duration", ["nan", "inf", "-inf", "1e9"])
def test_a_demo_without_an_end_is_refused(duration: str) -> None:
    """A length that is no number, or has no end, is wrong usage before anything starts."""
    refused(run("demo", "--no-open", "--duration", duration), "--duration", "3600")


@pytest.mark.parametrize("token", ["two\nlines", "two words", "tab\tbed", "é", ""])
def test_a_token_that_no_header_carries_is_refused(tmp_path: Path, token: str) -> None:
    """A token with blanks, line breaks or signs outside ASCII, and an empty file, are named without being repeated."""
    (tmp_path / "token").write_text(token)
    result = ask("status", "--server", "http://127.0.0.1:9", "--token-file", str(tmp_path / "token"), token=None)
    refused(result, "token", "allowed")
    assert not token or token not in result.output


@pytest.mark.parametrize("server", ["127.0.0.1:8080", "localhost:8080", "ftp://127.0.0.1", "nonsense"])
def test_a_server_without_http_is_no_url(server: str) -> None:
    """An address without `http://` is said to be none, with what is allowed."""
    refused(ask("status", "--server", server), "is no URL", "http://HOST:PORT")


def test_a_refused_connection_is_said_in_plain_words() -> None:
    """Where nobody listens, the system's words are given without a library's."""
    result = ask("status", "--server", "http://127.0.0.1:1")
    refused(result, "Connection refused")
    assert "ssl:" not in result.output


@pytest.mark.parametrize("output", ["table", "json"])
def test_an_unknown_tenant_is_not_shown_as_an_empty_one(output: str) -> None:
    """`--tenant` with a name that the caller has no tenant of exits with 1 and names those it has."""
    answers: dict[str, tuple[int, object]] = {
        "/v1/status": (200, STATUS),
        "/v1/tenants": (200, TENANTS),
        "/v1/functions?tenant=acne": (200, {"functions": [], "continue": None}),
    }
    with served(answers) as url:
        result = ask("status", "--server", url, "--tenant", "acne", "--output", output)
    assert result.exit_code == 1
    assert "acne" in result.output
    assert "acme" in result.output


def test_one_replica_is_no_replicas() -> None:
    """The title of `explain` counts as people do."""
    one = FUNCTION | {"decision": {**FUNCTION["decision"], "desired": 1}}  # type: ignore[dict-item]
    with served({"/v1/functions/acme/a": (200, one)}) as url:
        title = ask("explain", "acme/a", "--server", url).output.splitlines()[0]
    assert title.endswith(": 1 replica, DEMAND")


def test_a_folder_without_documents_is_nothing_to_check(tmp_path: Path) -> None:
    """A folder in which no document is, such as the one around the right one, is not reported as free of problems."""
    (tmp_path / "policies").mkdir()
    write(tmp_path / "policies" / "inside", {"acme.yaml": TENANT})
    refused(run("check", str(tmp_path / "policies")), str(tmp_path / "policies"), "*.yaml")
    assert run("check", str(tmp_path / "policies" / "inside")).exit_code == 0


def test_settings_are_checked_though_their_folder_is_missing(tmp_path: Path) -> None:
    """A folder that is not on this machine is one problem more, beside those of the settings themselves."""
    config = tmp_path / "settings.yaml"
    config.write_text(SETTINGS.replace("    gateways", "    range: 1s\n    gateways") + "policies: /nothing/here\n")
    result = run("check", "--config", str(config), "--output", "json")
    assert result.exit_code == 1
    found = {(problem["path"], problem["line"]) for problem in json.loads(result.output)["problems"]}
    assert found == {("sources.main.range", 4), ("policies", 8)}


def test_what_is_no_file_is_not_waited_for(tmp_path: Path) -> None:
    """A pipe or a device is refused: reading it might never end."""
    os.mkfifo(tmp_path / "pipe.yaml")
    refused(run("check", str(tmp_path / "pipe.yaml")), "pipe.yaml")
    refused(run("check", "/dev/zero"), "/dev/zero")


@pytest.mark.parametrize(
    ("variable", "meant"),
    [
        ("AUTOSCALER_DRYRUN", "AUTOSCALER_DRY_RUN"),
        ("AUTOSCALER_SOURCE__MAIN__URL", "AUTOSCALER_SOURCES"),
        ("AUTOSCALER_METRICS_LISTEN", "AUTOSCALER_METRICS__LISTEN"),
        ("AUTOSCALER_KUBECONFIG", "AUTOSCALER_KUBERNETES__KUBECONFIG"),
    ],
)
def test_a_variable_that_nearly_names_a_setting_is_refused(tmp_path: Path, variable: str, meant: str) -> None:
    """A dry run that was asked for with a slip must not become a real one."""
    config = tmp_path / "settings.yaml"
    config.write_text(SETTINGS)
    refused(run("run", "--config", str(config), env={variable: "true"}), variable, meant)


@pytest.mark.parametrize(
    "variable", ["SERVICE_HOST", "SERVICE_PORT_METRICS", "PORT", "PORT_8080_TCP_ADDR", "TOKEN", "CONFIG", "BUILD"]
)
def test_other_variables_with_the_same_beginning_are_left_alone(tmp_path: Path, variable: str) -> None:
    """Kubernetes names a Service called autoscaler in variables of its pods; they are no settings."""
    config = tmp_path / "settings.yaml"
    config.write_text(SETTINGS)
    policies = write(tmp_path / "policies", {"acme.yaml": TENANT})
    value = str(config) if variable == "CONFIG" else "tcp://10.0.0.1:8080"
    result = run("check", "--config", str(config), str(policies), env={f"AUTOSCALER_{variable}": value})
    assert result.exit_code == 0, result.output


def test_a_variable_that_is_no_json_is_named() -> None:
    """A mapping that is written as something else is named by its setting, without a library's words."""
    result = run("run", env={"AUTOSCALER_SOURCES": "prometheus:9090"})
    refused(result, "environment: sources", "JSON")
    assert "EnvSettingsSource" not in result.output


def test_simulate_names_every_problem_of_a_folder(tmp_path: Path) -> None:
    """A file that is no text hides nothing that is wrong in another."""
    (tmp_path / "scenario.yaml").write_text(SCENARIO)
    folder = write(tmp_path / "policies", {"b.yaml": TENANT.replace("kind: Tenant", "kind: Tennant")})
    (folder / "a.yaml").write_bytes(b"\xff\xfe")
    (folder / ".c.yaml").write_text("kind: Nothing\n")
    result = run("simulate", str(tmp_path / "scenario.yaml"), "--policies", str(folder))
    refused(result, "a.yaml", "b.yaml")
    assert ".c.yaml" not in result.output


def test_simulate_wants_documents(tmp_path: Path) -> None:
    """A folder without documents would scale nothing, and is refused."""
    (tmp_path / "scenario.yaml").write_text(SCENARIO)
    (tmp_path / "policies").mkdir()
    refused(run("simulate", str(tmp_path / "scenario.yaml"), "--policies", str(tmp_path / "policies")), "*.yaml")


def test_simulate_says_which_functions_no_tenant_has(tmp_path: Path) -> None:
    """Policies that fit none of the scenario's namespaces are said to scale nothing."""
    (tmp_path / "scenario.yaml").write_text(SCENARIO)
    folder = write(tmp_path / "policies", {"other.yaml": TENANT.replace("[acme]", "[other]")})
    fits = write(tmp_path / "fits", {"acme.yaml": TENANT})
    said = run("simulate", str(tmp_path / "scenario.yaml"), "--policies", str(folder)).output
    well = run("simulate", str(tmp_path / "scenario.yaml"), "--policies", str(fits)).output
    (line,) = [line for line in said.splitlines() if line.startswith("Nothing scaled")]
    assert "acme/a" in line
    assert "no tenant" in line
    assert "no tenant" not in well


@pytest.mark.parametrize(
    ("text", "allowed"),
    [
        (TENANT.replace("source: main", "dryRun: yes"), "true or false"),
        (TENANT.replace("source: main", "source: 5"), "a text"),
        (TENANT.replace("name: acme", "name: Acme_1"), "a-z, 0-9 and -"),
    ],
)
def test_what_is_allowed_is_said_in_plain_words(tmp_path: Path, text: str, allowed: str) -> None:
    """What is allowed is said without a pattern or the words of a library."""
    result = run("check", str(write(tmp_path / "policies", {"acme.yaml": text})), "--output", "json")
    assert result.exit_code == 1
    assert any(allowed in problem["allowed"] for problem in json.loads(result.output)["problems"])
    assert "pattern" not in result.output
    assert "valid" not in result.output


@pytest.mark.parametrize("content", [b"\xff\xfe\x00", b"a: " + b"[" * 5_000 + b"]" * 5_000])
def test_what_is_no_text_is_said_in_plain_words(tmp_path: Path, content: bytes) -> None:
    """A binary file and an absurdly nested one are problems, without a library's advice to programmers."""
    (tmp_path / "a.yaml").write_bytes(content)
    result = run("check", str(tmp_path))
    assert result.exit_code == 1
    assert "max_depth" not in result.output
    assert "#x" not in result.output


def test_a_workload_that_does_not_exist_is_named(tmp_path: Path) -> None:
    """An unknown kind of traffic is named with those there are."""
    (tmp_path / "scenario.yaml").write_text(SCENARIO.replace("constant", "poison"))
    refused(run("simulate", str(tmp_path / "scenario.yaml")), "'poison'", "'constant'")
    assert "tag" not in run("simulate", str(tmp_path / "scenario.yaml")).output
