"""How commands reach the daemon: straight or through a kubeconfig's API server, as whom, and in which namespace."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from autoscaler.cli import PLUGIN, root
from tests.integration.cli.test_client import FUNCTION, SECRET, STATUS, TENANTS, served

PROXY = "/api/v1/namespaces/autoscaler/services/autoscaler:http/proxy"
EXPLAINED = "/v1/functions/shop/a"


def kubeconfig(folder: Path, server: str, user: Mapping[str, Any] | None = None) -> str:
    """Write a kubeconfig with two contexts: `work` is the current one, of namespace `shop`; `bare` names none."""
    document = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "c", "cluster": {"server": server}}],
        "users": [{"name": "me", "user": {"token": SECRET} if user is None else dict(user)}],
        "contexts": [
            {"name": "work", "context": {"cluster": "c", "user": "me", "namespace": "shop"}},
            {"name": "bare", "context": {"cluster": "c", "user": "me"}},
        ],
        "current-context": "work",
    }
    path = folder / "config"
    path.write_text(json.dumps(document))
    return str(path)


def run(*arguments: str, name: str = PLUGIN, **environment: str) -> Result:
    """Run a command, as kubectl does unless another name is given."""
    nothing = dict.fromkeys(("AUTOSCALER_TOKEN", "AUTOSCALER_SERVER", "AUTOSCALER_TOKEN_FILE"))
    return CliRunner().invoke(root, arguments, env={**nothing, "COLUMNS": "200", **environment}, prog_name=name)


def tables(place: str) -> dict[str, tuple[int, object]]:
    """Give the answers that `status` asks for, each with this query."""
    return {
        f"{PROXY}/v1/status{place}": (200, STATUS),
        f"{PROXY}/v1/tenants{place}": (200, TENANTS),
        f"{PROXY}/v1/functions{place}": (200, {"functions": [], "continue": None}),
    }


def test_the_plugin_asks_through_the_api_server(tmp_path: Path) -> None:
    """With nothing but a kubeconfig the daemon's Service is asked, in the namespace of its current context."""
    with served({PROXY + EXPLAINED: (200, FUNCTION), **tables("?namespace=shop")}) as url:
        access = kubeconfig(tmp_path, url)
        explained = run("explain", "a", "--kubeconfig", access)
        status = run("status", "--kubeconfig", access)
    assert explained.exit_code == 0, explained.output
    assert status.exit_code == 0, status.output
    assert "namespace shop" in status.output


@pytest.mark.parametrize(
    ("options", "place"),
    [(("-n", "other"), "?namespace=other"), (("-A",), ""), (("--context", "bare"), "?namespace=default")],
)
def test_the_namespace_can_be_said(options: tuple[str, ...], place: str, tmp_path: Path) -> None:
    """`-n` names one, `-A` means all, a context without one means `default`, as kubectl has it."""
    with served(tables(place)) as url:
        result = run("status", "--kubeconfig", kubeconfig(tmp_path, url), *options)
    assert result.exit_code == 0, result.output


def test_without_kubectl_a_context_is_asked_for(tmp_path: Path) -> None:
    """The program by its own name goes through a cluster where --context or --kubeconfig says so, and else straight."""
    with served({PROXY + EXPLAINED: (200, FUNCTION)}) as url:
        access = kubeconfig(tmp_path, url)
        through = run("explain", "shop/a", "--context", "work", name="autoscaler", KUBECONFIG=access)
        named = run("explain", "a", "-n", "shop", "--kubeconfig", access, name="autoscaler")
    nobody = run("explain", "a", name="autoscaler", KUBECONFIG=access)
    assert through.exit_code == 0, through.output
    assert named.exit_code == 0, named.output
    assert nobody.exit_code == 2
    assert "names no namespace" in nobody.output


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("explain", "shop/a", "-n", "other"), "NAMESPACE/FUNCTION"),
        (("explain", "a/b/c"), "NAMESPACE/FUNCTION"),
        (("explain", "/a"), "NAMESPACE/FUNCTION"),
        (("take-up", "shop/"), "NAMESPACE/FUNCTION"),
        (("status", "-A", "-n", "shop"), "--all-namespaces"),
        (("status", "--service", "autoscaler"), "NAMESPACE/NAME:PORT"),
        (("status", "--service", "a/../b:c"), "NAMESPACE/NAME:PORT"),
        (("status", "--context", "nothing"), "work, bare"),
        (("status", "--kubeconfig", "/nothing"), "no such file"),
    ],
)
def test_wrong_usage_says_what_is_allowed(arguments: tuple[str, ...], words: str, tmp_path: Path) -> None:
    """A function, namespace, Service or context that cannot be meant exits with 2, and nothing is asked."""
    access = () if "--kubeconfig" in arguments else ("--kubeconfig", kubeconfig(tmp_path, "http://127.0.0.1:1"))
    result = run(*arguments, *access)
    assert result.exit_code == 2
    assert words in result.output


@pytest.mark.parametrize("text", ["", "{", "[]", "clusters: nothing", "current-context: a", "\x00"])
def test_a_kubeconfig_that_is_none_is_said(text: str, tmp_path: Path) -> None:
    """Any other file exits with 2 and its name, without a traceback."""
    (tmp_path / "config").write_text(text)
    result = run("status", "--kubeconfig", str(tmp_path / "config"))
    assert result.exit_code == 2
    assert isinstance(result.exception, SystemExit)
    assert "config" in result.output


def test_a_context_without_a_bearer_token_needs_one(tmp_path: Path) -> None:
    """Certificates and passwords cannot be checked by the daemon; the answer says how to make a token, and one helps."""
    with served({PROXY + EXPLAINED: (200, FUNCTION)}) as url:
        access = kubeconfig(tmp_path, url, {"username": "me", "password": "p"})
        result = run("explain", "a", "--kubeconfig", access)
    assert result.exit_code == 2
    assert "kubectl create token" in result.output


def test_a_credential_program_that_fails_is_said(tmp_path: Path) -> None:
    """What the kubeconfig's program says is in the answer, and nothing else is printed or asked."""
    command = {
        "apiVersion": "client.authentication.k8s.io/v1",
        "command": "sh",
        "args": ["-c", "echo please log in >&2; exit 3"],
        "interactiveMode": "Never",
    }
    result = run("status", "--kubeconfig", kubeconfig(tmp_path, "http://127.0.0.1:1", {"exec": command}))
    assert result.exit_code == 2
    assert "please log in" in result.output
    assert "ERROR" not in result.output


def test_two_tokens_go_to_two_servers(tmp_path: Path) -> None:
    """The kubeconfig's token is the API server's, the one that was given is the daemon's."""
    seen: list[tuple[str | None, str | None]] = []
    with served({PROXY + EXPLAINED: (200, FUNCTION)}, seen) as url:
        run("explain", "a", "--kubeconfig", kubeconfig(tmp_path, url), "--token", "given")
        run("explain", "a", "--kubeconfig", kubeconfig(tmp_path, url))
    assert seen == [(f"Bearer {SECRET}", "Bearer given"), (f"Bearer {SECRET}", f"Bearer {SECRET}")]


def test_a_cluster_credential_is_not_sent_in_clear_text(tmp_path: Path) -> None:
    """To --server goes the kubeconfig's token only where nobody can read it; one that was given goes anywhere."""
    with served({EXPLAINED: (200, FUNCTION)}) as url:
        access = kubeconfig(tmp_path, "http://127.0.0.1:1")
        here = run("explain", "a", "--server", url, "--kubeconfig", access)
        given = run("explain", "a", "--server", url, "--kubeconfig", access, "--token", SECRET)
    there = run("explain", "a", "--server", "http://192.0.2.1:8080", "--kubeconfig", access)
    assert (here.exit_code, given.exit_code, there.exit_code) == (0, 0, 2)
    assert "unencrypted" in there.output
    assert SECRET not in there.output


@pytest.mark.parametrize(
    ("status", "words"),
    [
        (403, "faas-autoscaler-callers"),
        (404, "--service"),
        (401, "--context"),
        (503, "when a daemon is ready"),
    ],
)
def test_what_the_api_server_refuses_is_told_from_the_daemon(status: int, words: str, tmp_path: Path) -> None:
    """Its own words, what would be right, and always exit code 2: nothing was said about the function."""
    refusal = {"kind": "Status", "message": "the cluster's own words", "code": status}
    with served({PROXY + EXPLAINED: (status, refusal)}) as url:
        result = run("explain", "a", "--kubeconfig", kubeconfig(tmp_path, url))
    assert result.exit_code == 2
    assert "the cluster's own words" in result.output
    assert words in result.output


def test_what_the_daemon_refuses_is_its_own(tmp_path: Path) -> None:
    """Through the proxy a 404 of the daemon stays what it is: there is no such function, exit code 1."""
    refusal = {"error": {"what": "there is no such function", "where": "path", "allowed": "one of yours"}}
    with served({PROXY + EXPLAINED: (404, refusal)}) as url:
        result = run("explain", "a", "--kubeconfig", kubeconfig(tmp_path, url))
    assert result.exit_code == 1
    assert "no such function" in result.output


PROGRESS = {
    "leadership": {"is_leader": True, "lease": "autoscaler", "identity": "p", "holder": "p", "transitions": 1},
    "listed": [
        {"kind": "deployments", "listed": 12_000, "watches": 5, "synced": 3, "is_needed": True},
        {"kind": "pods", "listed": 7, "watches": 1, "synced": 1, "is_needed": False},
    ],
    "writes_queued": {"wake": {"waiting": 0, "waited_s": 0.0}, "raise": {"waiting": 900, "waited_s": 31.0}},
    "writes_per_second": 19.8,
}


def test_status_of_a_start_says_how_far_it_is() -> None:
    """Before the first tick there are no tables yet: the header says what is listed and what waits; exit code 1."""
    refusal = {"error": {"what": "the first tick is not done", "where": "daemon", "allowed": "ask again"}}
    starting = STATUS | PROGRESS | {"is_ready": False, "last_tick_age_s": None}
    with served({"/v1/status": (200, starting), "/v1/tenants": (503, refusal)}) as url:
        table = run("status", "--server", url, "--token", SECRET, name="autoscaler")
        document = run("status", "--server", url, "--token", SECRET, "--output", "json", name="autoscaler")
    assert (table.exit_code, document.exit_code) == (1, 1)
    for words in (
        "NOT READY",
        "12000 deployments (2 of 5 namespaces",
        "7 pods",
        "900 raises",
        "31 s",
        "Lease autoscaler",
    ):
        assert words in table.output
    assert json.loads(document.stdout)["status"]["listed"] == PROGRESS["listed"]


def test_of_many_failed_writes_ten_are_named() -> None:
    """The others are counted, those that the daemon left out too."""
    failure = STATUS["write_failures"][0]
    many = [failure | {"function": f"f{number}"} for number in range(100)]
    answers: dict[str, tuple[int, object]] = {
        "/v1/status": (200, STATUS | {"write_failures": many, "write_failures_total": 5_000}),
        "/v1/tenants": (200, TENANTS),
        "/v1/functions": (200, {"functions": [], "continue": None}),
    }
    with served(answers) as url:
        said = run("status", "--server", url, "--token", SECRET, name="autoscaler").output
    assert "acme/f9:" in said
    assert "acme/f10:" not in said
    assert "4990 more" in said
