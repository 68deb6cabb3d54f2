"""`autoscaler manifests` and `autoscaler tenants sync` at the command line: what they print, and what they refuse."""

import base64
import hashlib
import re
import shlex
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from tests.integration.cli.test_commands import SETTINGS, TENANT, run, write
from tests.integration.cli.test_mistakes import refused

_PAGE = Path(__file__).resolve().parents[3] / "docs" / "tenants.md"


@pytest.fixture
def config(tmp_path: Path) -> str:
    """Settings whose policies have the tenant acme, of the namespace acme."""
    folder = write(tmp_path / "policies", {"tenant.yaml": TENANT})
    (tmp_path / "settings.yaml").write_text(f"{SETTINGS}policies: {folder}\n")
    return str(tmp_path / "settings.yaml")


def test_a_new_tenant_has_the_hash_of_the_token_that_is_printed() -> None:
    """The token is in the Secret and nowhere else; the Tenant has its SHA-256, and each run makes another."""
    one, other = (run("manifests", "tenant", "acme", "-n", "acme-prod") for _ in range(2))
    assert one.exit_code == 0
    documents = list(YAML(typ="safe").load_all(one.stdout))
    tenant, secret = documents[0], documents[1]
    token = base64.b64decode(secret["data"]["token"])
    assert tenant["spec"]["callers"] == [{"tokenSHA256": hashlib.sha256(token).hexdigest()}]
    assert len(token) >= 40
    assert token.decode() not in one.output
    assert one.stdout != other.stdout
    assert "kubectl label namespace acme-prod" in one.stderr


def test_the_namespaces_of_a_tenant_that_is_there_already(config: str) -> None:
    """With settings the namespaces are the document's, no Tenant is printed, and the hash to add is told."""
    result = run("manifests", "tenant", "acme", "--config", config)
    assert result.exit_code == 0, result.output
    documents = list(YAML(typ="safe").load_all(result.stdout))
    assert {one["metadata"]["namespace"] for one in documents} == {"acme"}
    token = base64.b64decode(documents[0]["data"]["token"])
    assert f"- tokenSHA256: {hashlib.sha256(token).hexdigest()}" in result.stderr


def test_a_tenant_that_is_a_resource_already() -> None:
    """With `--without-tenant` no Tenant is printed, whose budget would be taken away, and the hash to add is told."""
    result = run("manifests", "tenant", "acme", "-n", "acme-qa", "--without-tenant")
    assert result.exit_code == 0, result.output
    documents = list(YAML(typ="safe").load_all(result.stdout))
    assert [one["kind"] for one in documents if one["kind"] in ("Tenant", "Secret")] == ["Secret"]
    token = base64.b64decode(documents[0]["data"]["token"])
    assert f"- tokenSHA256: {hashlib.sha256(token).hexdigest()}" in result.stderr


def test_a_secret_that_is_there_already(config: str) -> None:
    """With `--token-secret` no Secret is printed, and the receiver names that one."""
    result = run("manifests", "tenant", "acme", "--config", config, "--token-secret", "mine")
    documents = {one["kind"]: one for one in YAML(typ="safe").load_all(result.stdout)}
    assert "Secret" not in documents
    (webhook,) = documents["AlertmanagerConfig"]["spec"]["receivers"][0]["webhookConfigs"]
    assert webhook["httpConfig"]["authorization"]["credentials"]["name"] == "mine"


def test_a_plain_receiver_names_its_file() -> None:
    """For Alertmanager without the operator the token is a file, whose path is told; nothing secret is printed."""
    result = run("manifests", "tenant", "acme", "-n", "a", "--format", "alertmanager", "--token-file", "/t")
    (document,) = YAML(typ="safe").load_all(result.stdout)
    http = document["receivers"][1]["webhook_configs"][0]["http_config"]
    assert http["authorization"]["credentials_file"] == "/t"
    assert "/t must hold the token" in result.stderr


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["acme"], ["No namespaces", "--namespace"]),
        (["Acme", "-n", "a"], ["NAME 'Acme'", "lower-case"]),
        (["acme", "-n", "a_b"], ["--namespace 'a_b'", "lower-case"]),
        (["acme", "-n", "a", "--url", "ftp://x"], ["--url ftp://x", "http"]),
        (["acme", "-n", "a", "--group", ""], ["--group ''", "1 to 512"]),
        (["acme", "-n", "a", "--group", "system:masters"], ["--group", "system:"]),
        (["acme", "-n", "a", "--group", "{tennant}-devs"], ["--group '{tennant}-devs'", "{tenant}"]),
        (["acme", "-n", "a", "--without-tenant", "--config", "x"], ["--without-tenant", "--config"]),
        (["acme", "-n", "a", "--service-account", "a/b/c"], ["--service-account 'a/b/c'", "NAMESPACE/NAME"]),
        (["acme", "-n", "a", "--daemon-rights", "autoscaler"], ["--daemon-rights", "NAMESPACE/NAME"]),
        (["acme", "-n", "a", "--slow", "1"], ["--slow '1'", "30s"]),
        (["acme", "-n", "a", "--slow", "0s"], ["--slow 0s", "too short"]),
        (["acme", "-n", "a", "--token-secret", "../x"], ["--token-secret '../x'", "lower-case"]),
        (["acme", "-n", "a", "--token-file", "/t"], ["--format alertmanager"]),
        (["acme", "-n", "a", "--format", "helm"], ["kubectl", "alertmanager"]),
        (["acme", "-n", "a", "--most-policies", "-1"], ["--most-policies", "0"]),
    ],
)
def test_mistakes_are_named(options: list[str], words: list[str]) -> None:
    """Each answer says which option is wrong, how, and what is allowed."""
    refused(run("manifests", "tenant", *options), *words)


def test_an_unknown_tenant_is_named(config: str) -> None:
    """A name that no document has is refused with the one that is meant."""
    refused(run("manifests", "tenant", "acmee", "--config", config), "acmee", "did you mean acme")
    refused(run("manifests", "tenant", "acme", "--config", config, "-n", "acme"), "--namespace and --config")


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--overlap", "30d"], ["--overlap 30d", "--rotate"]),
        (["--rotate", "x"], ["--rotate 'x'", "30s"]),
        (["--resync", "100ms"], ["--resync", "too short"]),
        (["--lease", "a/b"], ["--lease 'a/b'", "lower-case"]),
        (["--writes-per-second", "0"], ["--writes-per-second"]),
        (["--kubeconfig", "/nowhere", "--once"], ["/nowhere", "no such file"]),
        (["--kubeconfig", "/nowhere", "--dry-run"], ["/nowhere", "no such file"]),
    ],
)
def test_mistakes_of_sync_are_named(options: list[str], words: list[str]) -> None:
    """Each answer says which option is wrong, how, and what is allowed; nothing is asked of a cluster before."""
    refused(run("tenants", "sync", *options), *words)


def commands_of_the_page() -> list[list[str]]:
    """Give the arguments of every whole `autoscaler manifests` and `tenants` command of the how-to, without pipes."""
    found = re.findall(
        r"(?:^\$ |`)autoscaler ((?:manifests (?:tenant|recordings)|tenants sync) [^`|>\n]+)", _PAGE.read_text(), re.M
    )
    return [shlex.split(text) for text in found]


def test_the_commands_of_the_how_to_are_commands() -> None:
    """Each prints YAML as it stands on the page; what asks a cluster gets as far as to look for one."""
    commands = commands_of_the_page()
    assert {tuple(one[:2]) for one in commands} == {
        ("manifests", "tenant"),
        ("manifests", "recordings"),
        ("tenants", "sync"),
    }
    for command in commands:
        if command[0] == "tenants":
            refused(run(*command, "--kubeconfig", "/nowhere"), "/nowhere", "no such file")
            continue
        result = run(*command)
        assert result.exit_code == 0, result.output
        assert list(YAML(typ="safe").load_all(result.stdout))
