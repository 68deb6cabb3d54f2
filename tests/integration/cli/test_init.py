"""`init` with what it cannot use: one clear sentence, exit code 2, and nothing written."""

from collections.abc import Mapping
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from autoscaler.cli import root
from tests.servers.page import ServedPage
from tests.servers.process import free_port

KUBECONFIG = """\
apiVersion: v1
kind: Config
current-context: here
clusters: [{name: here, cluster: {server: "http://127.0.0.1:1"}}]
contexts: [{name: here, context: {cluster: here, user: me}}]
users: [{name: me, user: {token: secret}}]
"""


def run(folder: Path, *arguments: str) -> Result:
    clean: Mapping[str, str | None] = {"KUBECONFIG": str(folder / "kubeconfig"), "HOME": str(folder), "COLUMNS": "200"}
    return CliRunner().invoke(root, ["init", "--output-dir", str(folder / "new"), *arguments], env=clean)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--prometheus", "prometheus:9090"], "http or https"),
        (["--prometheus", "http://"], "http or https"),
        (["--prometheus", "http://host:9090/?a=b"], "http or https"),
        (["--prometheus", "http://me:secret@host:9090"], "has a password in it"),
        (["--in-cluster-prometheus", "ftp://host"], "http or https"),
        (["--prometheus-token-file", "nowhere"], "a file is allowed"),
        (["--prometheus-ca-file", "nowhere"], "a file is allowed"),
        (["--prometheus-header", "X-Scope-OrgID: main"], "NAME=VALUE is allowed"),
        (["--namespace", "Shop!"], "lower-case letters"),
        (["--tenant", "a b"], "lower-case letters"),
        (["--zero-after", "soon"], "a duration"),
        (["--zero-after", "0s"], "and more"),
        (["--kubeconfig", "nowhere"], "no such file"),
        (["--context", "other"], "allowed: here"),
    ],
)
def test_what_is_no_option_says_what_is_allowed(tmp_path: Path, arguments: list[str], words: str) -> None:
    """Each is refused before anything is asked or written."""
    (tmp_path / "kubeconfig").write_text(KUBECONFIG)
    result = run(tmp_path, *arguments)
    assert result.exit_code == 2, result.output
    assert words in result.output
    assert "Traceback" not in result.output
    assert "secret" not in result.output
    assert not (tmp_path / "new").exists()


def test_a_prometheus_that_does_not_answer(tmp_path: Path) -> None:
    """Nobody listens at the URL: it is named, with the command that makes one reachable."""
    (tmp_path / "kubeconfig").write_text(KUBECONFIG)
    result = run(tmp_path, "--prometheus", f"http://127.0.0.1:{free_port()}")
    assert result.exit_code == 2
    assert "--prometheus http://127.0.0.1:" in result.output
    assert "kubectl port-forward" in result.output
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize(
    "element",
    [
        "1",
        '{"metric": "x", "value": [0, "1"]}',
        '{"metric": {"__name__": 1}, "value": [0, "1"]}',
        '{"metric": {}}',
        '{"metric": {}, "value": [0, "much"]}',
        '{"metric": {}, "value": [0, 1]}',
    ],
)
def test_an_answer_that_holds_no_series(tmp_path: Path, element: str) -> None:
    """Something else than a Prometheus answers like one: it is said to be no answer, and nothing is written."""
    (tmp_path / "kubeconfig").write_text(KUBECONFIG)
    text = f'{{"status": "success", "data": {{"resultType": "vector", "result": [{element}]}}}}'
    with ServedPage(lambda: text, content_type="application/json") as server:
        result = run(tmp_path, "--prometheus", f"http://{server.address}")
    assert result.exit_code == 2, result.output
    assert "what is no series" in result.output
    assert not (tmp_path / "new").exists()
