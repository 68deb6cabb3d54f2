"""The commands by themselves: help, check, schema, settings, and what they say to bad input."""

import json
import re
import textwrap
from collections.abc import Mapping
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from autoscaler.cli import COMMANDS, root

SETTINGS = """\
sources:
  main:
    url: http://127.0.0.1:9
    gateways:
      - profile: openfaas
        match: {job: gateway}
"""
TENANT = """\
apiVersion: autoscaler.faas.dev/v1alpha1
kind: Tenant
metadata: {name: acme}
spec: {namespaces: [acme], source: main}
"""
MISTAKES = {
    "a.yaml": TENANT.replace("namespaces: [acme]", "namespaces: [acme, acme-dev]"),
    "b.yaml": TENANT.replace("name: acme", "name: other").replace("[acme]", "[acme]"),
    "c.yaml": TENANT.replace("kind: Tenant", "kind: Tennant").replace("name: acme", "name: third"),
    "d.yaml": "apiVersion: autoscaler.faas.dev/v1alpha1\nkind: ScalingPolicy\n"
    "metadata: {name: default, namespace: acme-dev}\nspec:\n  functions: {names: ['*']}\n  replicas: {min: -1}\n",
    "e.yaml": "kind: [\n",
}


def run(*arguments: str, env: Mapping[str, str | None] | None = None) -> Result:
    """Run a command in this process, without variables of the person's own."""
    clean = {"AUTOSCALER_CONFIG": None, "AUTOSCALER_SERVER": None, "AUTOSCALER_TOKEN": None, "COLUMNS": "200"}
    return CliRunner().invoke(root, arguments, env={**clean, **(env or {})})


def write(folder: Path, texts: Mapping[str, str]) -> Path:
    folder.mkdir(exist_ok=True)
    for name, text in texts.items():
        (folder / name).write_text(text)
    return folder


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_teaches(name: str) -> None:
    """Each command's help says what it does and gives an example."""
    result = run(name, "--help")
    assert result.exit_code == 0
    assert f"autoscaler {name}" in result.output


def test_help_lists_every_command_without_importing_it() -> None:
    """The list of commands is there, each with one line."""
    result = run("--help")
    assert result.exit_code == 0
    assert all(name in result.output for name in COMMANDS)


def test_an_unknown_command_is_wrong_usage() -> None:
    """A command that does not exist exits with 2."""
    assert run("frobnicate").exit_code == 2


def test_check_finds_nothing_wrong_with_good_documents(tmp_path: Path) -> None:
    """A good folder exits with 0."""
    folder = write(tmp_path / "policies", {"acme.yaml": TENANT})
    assert run("check", str(folder)).exit_code == 0


def test_check_names_five_mistakes_with_file_line_and_path(tmp_path: Path) -> None:
    """Five different mistakes in one folder are all there: file, line, path, what is wrong, what is allowed; exit 1."""
    folder = write(tmp_path / "policies", MISTAKES)
    result = run("check", str(folder), "--output", "json")
    assert result.exit_code == 1
    problems = json.loads(result.output)["problems"]
    places = {(Path(problem["file"]).name, problem["path"]) for problem in problems}
    assert ("a.yaml", "spec.namespaces[0]") in places
    assert ("b.yaml", "spec.namespaces[0]") in places
    assert ("c.yaml", "kind") in places
    assert ("d.yaml", "spec.replicas.min") in places
    assert any(name == "e.yaml" for name, _ in places)
    assert all(problem["line"] >= 1 and problem["wrong"] and problem["allowed"] for problem in problems)
    table = run("check", str(folder))
    assert table.exit_code == 1
    assert all(name in table.output for name in MISTAKES)


def test_check_of_one_file_and_of_none(tmp_path: Path) -> None:
    """A single file can be checked; a path that is not there and no path at all are wrong usage."""
    folder = write(tmp_path / "policies", MISTAKES)
    assert run("check", str(folder / "d.yaml")).exit_code == 1
    assert run("check", str(tmp_path / "nothing")).exit_code == 2
    assert run("check").exit_code == 2


def test_check_with_settings_knows_the_sources_and_names_lines(tmp_path: Path) -> None:
    """A tenant of a source that the settings lack, and a gateway of a tenant that the documents lack, are both named."""
    folder = write(tmp_path / "policies", {"acme.yaml": TENANT.replace("source: main", "source: mian")})
    config = tmp_path / "settings.yaml"
    config.write_text(SETTINGS + f"        tenants: [nobody]\npolicies: {folder}\n")
    problems = json.loads(run("check", "--config", str(config), "--output", "json").output)["problems"]
    found = {(Path(problem["file"]).name, problem["line"], problem["path"]) for problem in problems}
    assert ("acme.yaml", 4, "spec.source") in found
    assert ("settings.yaml", 7, "sources.main.gateways[0].tenants[0]") in found


@pytest.mark.parametrize(
    ("text", "path", "line"),
    [
        ("tick: 2\n" + SETTINGS, "tick", 1),
        ("dryRn: true\n" + SETTINGS, "dryRn", 1),
        (SETTINGS + "kubernetes: {pageSize: 0}\n", "kubernetes.pageSize", 7),
        (SETTINGS.replace("http://", "ftp://"), "sources.main.url", 3),
        (SETTINGS.replace("openfaas", "apache"), "sources.main.gateways[0].profile", 5),
        (SETTINGS + "operators: [{tokenSHA256: secret-token}]\n", "operators[0].tokenSHA256", 7),
        (SETTINGS.replace("    gateways", "    range: 1s\n    gateways"), "sources.main.range", 4),
        (SETTINGS + "tick: 1s\ntick: 2s\n", "tick", 8),
    ],
)
def test_wrong_settings_are_refused_with_path_and_line(tmp_path: Path, text: str, path: str, line: int) -> None:
    """`check` says where, `run` refuses to start with the same words and exit code 2; a token is never repeated."""
    config = tmp_path / "settings.yaml"
    config.write_text(text)
    checked = run(
        "check", "--config", str(config), str(write(tmp_path / "policies", {"acme.yaml": TENANT})), "--output", "json"
    )
    assert checked.exit_code == 1
    assert (path, line) in {(problem["path"], problem["line"]) for problem in json.loads(checked.output)["problems"]}
    refused = run("run", "--config", str(config))
    assert refused.exit_code == 2
    assert f"settings.yaml:{line}: {path}" in refused.output
    assert "secret-token" not in checked.output + refused.output


@pytest.mark.parametrize("text", ["- a\n- b\n", "just text\n", "a: 1\n---\nb: 2\n", "a: [\n", "\0", "\xff"])
def test_settings_that_are_no_settings_are_refused(tmp_path: Path, text: str) -> None:
    """Whatever the file holds, the answer is words and exit code 2."""
    config = tmp_path / "settings.yaml"
    config.write_bytes(text.encode("latin-1"))
    result = run("run", "--config", str(config))
    assert result.exit_code == 2
    assert str(config) in result.output
    assert result.exception is None or isinstance(result.exception, SystemExit)


def test_variables_win_over_the_file_and_flags_over_both(tmp_path: Path) -> None:
    """A wrong value is reported where it came from: the file, the environment, a flag."""
    config = tmp_path / "settings.yaml"
    config.write_text("tick: 1\n" + SETTINGS)
    from_file = run("run", "--config", str(config))
    from_environment = run("run", "--config", str(config), env={"AUTOSCALER_TICK": "two"})
    from_flag = run("run", "--config", str(config), "--tick", "three", env={"AUTOSCALER_TICK": "2s"})
    assert "settings.yaml:1: tick: is 1" in from_file.output
    assert "environment: tick: is 'two'" in from_environment.output
    assert "flags: tick: is 'three'" in from_flag.output


def test_an_empty_configuration_is_refused_with_words(tmp_path: Path) -> None:
    """Without a source, or without a folder of policies, `run` does not start and says what to do."""
    config = tmp_path / "settings.yaml"
    nothing = run("run")
    assert nothing.exit_code == 2
    assert "sources" in nothing.output
    config.write_text(SETTINGS + f"policies: {tmp_path / 'nothing'}\n")
    no_policies = run("run", "--config", str(config))
    assert no_policies.exit_code == 2
    assert "policies" in no_policies.output


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        (("--listen", "8080"), "HOST:PORT"),
        (("--listen", "127.0.0.1:99999"), "HOST:PORT"),
        (("--listen", "192.0.2.1:8080"), "192.0.2.1:8080"),
        (("--kubeconfig", "/nothing/here"), "/nothing/here"),
    ],
)
def test_an_address_or_kubeconfig_that_cannot_be_used_is_said(
    tmp_path: Path, flags: tuple[str, str], words: str
) -> None:
    """What only shows at the start is words and exit code 2 too, not a traceback."""
    kubeconfig = tmp_path / "kubeconfig"
    kubeconfig.write_text(
        json.dumps(
            {
                "apiVersion": "v1",
                "kind": "Config",
                "current-context": "c",
                "clusters": [{"name": "c", "cluster": {"server": "http://127.0.0.1:9"}}],
                "users": [{"name": "u", "user": {"token": "t"}}],
                "contexts": [{"name": "c", "context": {"cluster": "c", "user": "u"}}],
            }
        )
    )
    config = tmp_path / "settings.yaml"
    policies = write(tmp_path / "policies", {"acme.yaml": TENANT})
    config.write_text(SETTINGS + f"policies: {policies}\nlisten: 127.0.0.1:0\nmetrics: {{listen: 127.0.0.1:0}}\n")
    given = ("--kubeconfig", str(kubeconfig), *flags)
    result = run("run", "--config", str(config), *given)
    assert result.exit_code == 2, result.output
    assert words in result.output
    assert "Traceback" not in result.output


@pytest.mark.parametrize("name", ["tenant", "scalingpolicy", "settings"])
def test_schemas_are_printed(name: str) -> None:
    """Each schema is one JSON document of its dialect; all of them come by name."""
    document = json.loads(run("schema", name).output)
    assert document["$schema"].endswith("2020-12/schema")
    assert json.loads(run("schema").output)[name] == document


@pytest.mark.parametrize("function", ["", "a", "/a", "a/", "a/b/c"])
def test_explain_wants_a_namespace_and_a_function(function: str) -> None:
    """Anything but NAMESPACE/FUNCTION is wrong usage, before anything is asked."""
    result = run("explain", function, "--server", "http://127.0.0.1:9")
    assert result.exit_code == 2
    assert "NAMESPACE/FUNCTION" in result.output


def test_the_example_in_the_help_is_right(tmp_path: Path) -> None:
    """The smallest settings of `run --help` pass `check`."""
    text = run("run", "--help").output
    start = text.rindex("\n", 0, text.index(" sources:")) + 1
    settings = textwrap.dedent(text[start:])
    settings = re.sub(r"<output[^>]*>", "a" * 64, settings.replace("./policies", str(tmp_path / "policies")))
    config = tmp_path / "settings.yaml"
    config.write_text(settings + "\n")
    write(tmp_path / "policies", {"acme.yaml": TENANT})
    result = run("check", "--config", str(config))
    assert result.exit_code == 0, result.output
