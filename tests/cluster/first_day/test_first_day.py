"""The commands of docs/first-day.md as they stand there: from nothing to a function at zero, and awake again."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.servers.binaries import require
from tests.servers.controlplane import ControlPlane
from tests.servers.exporter import Exporter
from tests.servers.process import Server, is_listening, running, wait_until
from tests.servers.prometheus import Prometheus, prometheus

PAGE = (Path(__file__).resolve().parents[3] / "docs/first-day.md").read_text()
NAMESPACE, FUNCTION = "first-day", "thumbnail"
MOST_COMMANDS, MOST_LINES = 5, 12


class Place(NamedTuple):
    """An own cluster as somebody has it on the first day.

    Attributes:
        plane: the cluster; a pod of the function runs.
        server: the Prometheus, which scrapes the gateway.
        gateway: its counters.
    """

    plane: ControlPlane
    server: Prometheus
    gateway: Exporter


@pytest.fixture(scope="module")
def place(pods: ControlPlane, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    """A function of a gateway, scraped; nothing of ours is there."""
    folder = tmp_path_factory.mktemp("prometheus")
    with Exporter() as gateway, prometheus(folder, {"gateway": [gateway.address]}) as server:
        pods.namespace(NAMESPACE)
        pods.deployment(NAMESPACE, FUNCTION, {"faas_function": FUNCTION}, 1)
        gateway.know(f"{FUNCTION}.{NAMESPACE}", 1)
        wait_until(lambda: server.query("count_over_time(gateway_service_count[1m]) > 3"), "some scrapes")
        yield Place(pods, server, gateway)


class Shell:
    """Runs commands as they are written, in an empty folder, with the words in capitals replaced."""

    def __init__(self, folder: Path, place: Place) -> None:
        self.folder = folder
        self._words = {"URL": place.server.url, "NAMESPACE": NAMESPACE, "FUNCTION": FUNCTION}
        programs = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
        self._env = {"PATH": programs, "KUBECONFIG": str(place.plane.admin_kubeconfig), "HOME": str(folder)}

    def _filled(self, command: str) -> str:
        return re.sub(r"\b(URL|NAMESPACE|FUNCTION)\b", lambda found: self._words[found[1]], command)

    def run(self, command: str) -> str:
        """Run a command to its end, which must be good; give what it printed."""
        done = self._done(command)
        assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
        return done.stdout

    def is_good(self, command: str) -> bool:
        """Run a command to its end, and tell whether that is good."""
        return self._done(command).returncode == 0

    def _done(self, command: str) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            ["sh", "-c", self._filled(command)],
            cwd=self.folder,
            env={**os.environ, **self._env},
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )

    def left_open(self, command: str, log: str) -> Server:
        """Give a command that runs on, as in a terminal of its own."""
        line = f"cd {self.folder} && exec {self._filled(command)}"
        return Server(["sh", "-c", line], self.folder / log, self._env)


def five_commands() -> list[str]:
    """Give the commands of the page's section of that name, in order."""
    section = PAGE.partition("## Five commands")[2].partition("\n## ")[0]
    blocks = re.findall(r"^```sh\n(.*?)^```", section, re.MULTILINE | re.DOTALL)
    return [line for block in blocks for line in block.splitlines() if line]


def compare_command() -> str:
    """Give the page's comparison of what was done with what we would have done."""
    found = re.search(r"^\$ (autoscaler status --compare .*)$", PAGE, re.MULTILINE)
    assert found is not None
    return found[1]


def smallest() -> tuple[str, str]:
    """Give the page's smallest settings and tenant."""
    section = PAGE.partition("## The smallest configuration")[2].partition("\n## ")[0]
    settings, tenant = re.findall(r"^```yaml\n(.*?)^```", section, re.MULTILINE | re.DOTALL)
    return settings, tenant


def is_ready(port: int = 9091) -> bool:
    return (
        is_listening(port)
        and subprocess.run(
            ["curl", "-fsS", "-o", "/dev/null", f"http://127.0.0.1:{port}/readyz"], check=False, capture_output=True
        ).returncode
        == 0
    )


def test_to_zero_and_awake_in_five_commands(place: Place, tmp_path: Path) -> None:
    """`init`, a dry run that changes nothing, `status`, a run that lets an idle function go to zero, a wake.

    In between, the page's `status --compare` answers from the log that the written settings keep.
    """
    require("curl")  # the page's last command is its
    shell, commands = Shell(tmp_path, place), five_commands()
    assert len(commands) <= MOST_COMMANDS
    init, dry_run, status, run, wake = commands

    said = shell.run(init)
    assert "profile openfaas" in said
    assert f"{NAMESPACE} (1)" in said

    with running(shell.left_open(dry_run, "dry-run.log"), is_ready, 90):
        shown = shell.run(status)
        assert f"{NAMESPACE}/{FUNCTION}" in shown
        assert "dry run" in shown
        assert place.plane.replicas(NAMESPACE, FUNCTION) == 1
    assert f"{NAMESPACE}/{FUNCTION}" in shell.run(compare_command())

    daemon = shell.left_open(run, "run.log")
    with running(daemon, is_ready, 90):
        try:
            wait_until(lambda: place.plane.replicas(NAMESPACE, FUNCTION) == 0, "zero", 240, 0.2)
        except TimeoutError as error:
            raise TimeoutError(f"{error}: {shell.run(status)}\n{daemon.tail()}") from None
        shell.run(wake)
        wait_until(lambda: place.plane.replicas(NAMESPACE, FUNCTION) == 1, "a replica", 30, 0.1)
        assert "WAKE" in shell.run(f"autoscaler explain {NAMESPACE}/{FUNCTION} --token-file autoscaler-config/token")


def test_the_smallest_configuration_works(place: Place, tmp_path: Path) -> None:
    """Settings and a tenant in twelve lines or fewer, as the page has them, are enough for a function to be decided on."""
    settings, tenant = (text.replace("shop", NAMESPACE) for text in smallest())
    assert len((settings + tenant).splitlines()) <= MOST_LINES
    (tmp_path / "policies").mkdir()
    (tmp_path / "policies/shop.yaml").write_text(tenant)
    url = re.search(r"url: (\S+)", settings)
    assert url is not None
    (tmp_path / "settings.yaml").write_text(settings.replace(url[1], place.server.url))
    shell = Shell(tmp_path, place)
    assert "No problems" in shell.run("autoscaler check --config settings.yaml")
    where = "--listen 127.0.0.1:8080 --metrics-listen 127.0.0.1:9091"
    daemon = shell.left_open(f"autoscaler run --config settings.yaml --dry-run --decision-log log {where}", "run.log")
    explain = f"autoscaler explain {NAMESPACE}/{FUNCTION} --log log --at '1s ago'"
    with running(daemon, is_ready, 90):
        wait_until(lambda: shell.is_good(explain), "a decision of a second ago in the log")
    assert "openfaas" in settings
    assert "1 replica" in shell.run(explain)
