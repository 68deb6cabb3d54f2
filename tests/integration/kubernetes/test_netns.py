"""The launcher of tests that need addresses of their own."""

import os
import subprocess
import sys

import pytest

PROGRAM = """
import os, socket
listener = socket.create_server(("10.244.3.7", 8080))
print(socket.create_connection(("10.244.3.7", 8080)).getpeername()[0], os.environ["AUTOSCALER_TEST_NAMESPACE"])
print(*(name for _, name in socket.if_nameindex()))
"""


def launch(*command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "tests.servers.netns", *command], capture_output=True, text=True, check=False, timeout=30
    )


def test_pods_addresses_are_local_inside_and_nothing_leaves() -> None:
    """Inside, an address of the pods' range can be bound and reached, and there is no way out but loopback."""
    outcome = launch(sys.executable, "-c", PROGRAM)
    if "no network namespace can be made" in outcome.stderr and not os.environ.get("CI"):
        pytest.skip(outcome.stderr.strip())
    assert outcome.stdout.splitlines() == ["10.244.3.7 1", "lo"]


def test_a_missing_command_is_said() -> None:
    """Without a command the launcher says how it is used."""
    outcome = launch()
    assert outcome.returncode != 0
    assert "usage" in outcome.stderr
