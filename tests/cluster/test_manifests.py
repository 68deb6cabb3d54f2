"""The shipped manifests are taken by a real API server as `kubectl apply -k` sends them."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.servers.binaries import require
from tests.servers.controlplane import ControlPlane
from tests.servers.process import wait_until

pytestmark = pytest.mark.server

MANIFESTS = Path(__file__).resolve().parents[2] / "manifests"


def kubectl(plane: ControlPlane, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run kubectl as admin."""
    command = [require("kubectl"), "--kubeconfig", plane.admin_kubeconfig, *arguments]
    environment = {**os.environ, "HOME": str(plane.folder)}
    return subprocess.run(command, capture_output=True, text=True, check=False, env=environment)


def test_base_is_applied_and_its_pod_is_admitted(pods: ControlPlane) -> None:
    """`kubectl apply -k manifests/base` succeeds, and the pod passes the restricted pod security level."""
    outcome = kubectl(pods, "apply", "-k", str(MANIFESTS / "base"))
    assert outcome.returncode == 0, outcome.stderr
    assert "Warning" not in outcome.stderr

    def admitted() -> bool:
        found = pods.request("GET", "/api/v1/namespaces/autoscaler/pods")
        return any(pod["metadata"]["labels"].get("app.kubernetes.io/name") == "autoscaler" for pod in found["items"])

    wait_until(admitted, "the daemon's pod to be admitted", 60)


def test_base_configuration_passes_check(tmp_path: Path) -> None:
    """The settings and policies of the base have no problem that `autoscaler check` would name."""
    program = Path(sys.executable).with_name("autoscaler")
    base = MANIFESTS / "base"
    command = [program, "check", "--config", str(base / "settings.yaml"), str(base / "policies")]
    outcome = subprocess.run(command, capture_output=True, text=True, check=False, cwd=tmp_path)
    assert outcome.returncode == 0, outcome.stdout + outcome.stderr


@pytest.mark.parametrize(
    ("program", "command", "example"),
    [
        ("promtool", ["check", "config", "--syntax-only"], "prometheus-scrape.yaml"),
        ("promtool", ["check", "rules"], "prometheus-rules.yaml"),
        ("amtool", ["check-config"], "alertmanager-receiver.yaml"),
    ],
)
def test_examples_are_what_the_servers_take(program: str, command: list[str], example: str) -> None:
    """The examples for Prometheus and Alertmanager pass those programs' own checks."""
    outcome = subprocess.run(
        [require(program), *command, str(MANIFESTS / "examples" / example)], capture_output=True, text=True, check=False
    )
    assert outcome.returncode == 0, outcome.stdout + outcome.stderr
