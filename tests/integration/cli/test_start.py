"""`autoscaler run` as a process that cannot start: words and exit code 2, and nothing left behind."""

import json
import os
import resource
import shlex
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from tests.integration.cli.test_commands import SETTINGS, TENANT, write
from tests.servers.process import Server

KUBECONFIG = {
    "apiVersion": "v1",
    "kind": "Config",
    "current-context": "c",
    "clusters": [{"name": "c", "cluster": {"server": "http://127.0.0.1:9"}}],
    "users": [{"name": "u", "user": {"token": "t"}}],
    "contexts": [{"name": "c", "context": {"cluster": "c", "user": "u"}}],
}
WITHOUT_WORKERS = """\
import multiprocessing
from autoscaler.cli import root
if __name__ == "__main__":
    multiprocessing.set_executable("/bin/false")
    root()
"""


@pytest.fixture
def taken() -> Iterator[str]:
    """An address on which somebody else listens."""
    with socket.create_server(("127.0.0.1", 0)) as other:
        yield f"127.0.0.1:{other.getsockname()[1]}"


@pytest.fixture
def usable(tmp_path: Path) -> list[str]:
    """Flags of `run` with which it would start."""
    (tmp_path / "kubeconfig").write_text(json.dumps(KUBECONFIG))
    policies = write(tmp_path / "policies", {"acme.yaml": TENANT})
    config = tmp_path / "settings.yaml"
    config.write_text(SETTINGS + f"policies: {policies}\nlisten: 127.0.0.1:0\nmetrics: {{listen: 127.0.0.1:0}}\n")
    return ["--config", str(config), "--kubeconfig", str(tmp_path / "kubeconfig")]


def refused(*arguments: str, program: tuple[str, ...] = ("-m", "autoscaler.cli")) -> str:
    """Run it to its end, and give its words; fail unless it exits with 2 and without a traceback."""
    clean: Mapping[str, str] = {name: text for name, text in os.environ.items() if not name.startswith("AUTOSCALER_")}
    done = subprocess.run(
        [sys.executable, *program, "run", *arguments],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        env=clean,
    )
    said = done.stdout + done.stderr
    assert done.returncode == 2, said
    assert "Traceback" not in said
    return said


@pytest.mark.parametrize("flag", ["--listen", "--metrics-listen"])
def test_a_port_in_use_is_said(usable: list[str], taken: str, flag: str) -> None:
    """An address that somebody else listens on is named."""
    assert taken in refused(*usable, flag, taken)


@pytest.mark.parametrize("text", ["", "[1, 2]", "a: [", "{apiVersion: v1, kind: Config}", None])
def test_a_kubeconfig_that_cannot_be_read_is_said(usable: list[str], tmp_path: Path, text: str | None) -> None:
    """An empty, broken or incomplete file, and a folder, are named."""
    path = tmp_path / "other"
    path.mkdir() if text is None else path.write_text(text)
    assert str(path) in refused(*usable, "--kubeconfig", str(path))


def test_a_missing_folder_of_policies_is_said(usable: list[str], tmp_path: Path) -> None:
    """A folder that is not there is named."""
    assert str(tmp_path / "nothing") in refused(*usable, "--policies", str(tmp_path / "nothing"))


def test_workers_that_do_not_start_are_said(usable: list[str], tmp_path: Path) -> None:
    """Where no process can be started that reads a source, it says so."""
    script = tmp_path / "without_workers.py"
    script.write_text(WITHOUT_WORKERS)
    assert "sources:" in refused(*usable, program=(str(script),))


def test_a_wrong_url_is_said_in_words_and_not_repeated(usable: list[str]) -> None:
    """A URL that is none is refused with what is allowed; what it holds may be a password and is not shown."""
    config = Path(usable[1])
    config.write_text(config.read_text().replace("http://127.0.0.1:9", "ftp://user:secret@prometheus"))
    said = refused(*usable)
    assert "is no http or https URL; allowed: http://HOST:PORT/PREFIX" in said
    assert "secret" not in said
    assert "^https" not in said


def test_each_connection_that_may_be_had_is_taken(usable: list[str], tmp_path: Path) -> None:
    """The soft limit of file descriptors, with which a shell starts it, is raised to the hard one: a held request is one."""

    def soft_limit() -> int:
        assert server.process is not None
        return resource.prlimit(server.process.pid, resource.RLIMIT_NOFILE)[0]

    command = f"ulimit -Sn 256 && exec {shlex.join([sys.executable, '-m', 'autoscaler.cli', 'run', *usable])}"
    server = Server(["sh", "-c", command], tmp_path / "daemon.log")
    server.start()
    try:
        server.wait_for(lambda: soft_limit() == resource.getrlimit(resource.RLIMIT_NOFILE)[1])
    finally:
        server.stop()
