"""The demo, end to end, as a person starts it."""

import json
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from autoscaler.twin.budget_claims import CLAIMS as BUDGET_CLAIMS
from autoscaler.twin.claims import CLAIMS
from tests.servers.process import PATIENCE, Server, wait_until

AUTOSCALER = Path(sys.executable).parent / "autoscaler"


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the command to its end."""
    command = [str(AUTOSCALER), "demo", "--no-open", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=200, check=False)


def test_everything_is_seen(tmp_path: Path) -> None:
    """Every claim is found in the decision records, exit code 0; a picture of the outage is saved beside it."""
    picture = tmp_path / "demo.svg"
    done = run("--duration", "45", "--speed", "2", "--output", "json", "--record", str(picture))
    summary = json.loads(done.stdout)
    unseen = [claim for claim in summary["claims"] if not claim["seen"]]
    assert (unseen, done.returncode, summary["holds"]) == ([], 0, True), done.stderr
    assert [claim["claim"] for claim in summary["claims"]] == [claim.code for claim in CLAIMS]
    assert summary["ticks"] > 30
    assert "UNKNOWN_LOAD" in picture.read_text()
    assert "@font-face" not in picture.read_text()


def test_the_budget_fight_adds_up(tmp_path: Path) -> None:
    """Who lends, who borrows and who gets it back is found in the accounts of the ticks; a picture shows the table."""
    picture = tmp_path / "budgets.svg"
    done = run(
        "--scenario", "budgets", "--duration", "45", "--speed", "2", "--output", "json", "--record", str(picture)
    )
    summary = json.loads(done.stdout)
    unseen = [claim for claim in summary["claims"] if not claim["seen"]]
    assert (unseen, done.returncode, summary["holds"], summary["scenario"]) == ([], 0, True, "budgets"), done.stderr
    assert [claim["claim"] for claim in summary["claims"]] == [claim.code for claim in BUDGET_CLAIMS]
    assert all(word in picture.read_text() for word in ("borrowed", "umbrella", "POOL"))


def test_it_stops_when_told(tmp_path: Path) -> None:
    """SIGTERM ends it with exit code 1, its worker processes with it."""
    server = Server([AUTOSCALER, "demo", "--no-open"], tmp_path / "log", env={"PYTHONUNBUFFERED": "1"})
    server.start()
    try:
        server.wait_for(lambda: "dashboard: http://127.0.0.1:" in server.tail())
        process = server.process
        assert process is not None
        children = workers_of(process.pid)
        assert children
        server.send(signal.SIGTERM)
        assert process.wait(20 * PATIENCE) == 1
        wait_until(lambda: not any(is_running(child) for child in children), "its workers to end", 10.0)
    finally:
        server.stop()


def workers_of(parent: int) -> list[int]:
    """Give the child processes of a process."""
    children = Path(f"/proc/{parent}/task/{parent}/children")
    return [int(child) for child in children.read_text().split()]


def is_running(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (["--duration", "10"], "45"),
        (["--duration", "long"], "--duration"),
        (["--speed", "0"], "--speed"),
        (["--scenario", "none"], "budgets"),
        (["--speed", "100"], "20"),
        (["--port", "70000"], "65535"),
    ],
)
def test_wrong_usage_says_what_is_allowed(arguments: list[str], named: str) -> None:
    """A value that cannot be is exit code 2 and words with what is allowed, never a traceback."""
    done = run(*arguments)
    assert done.returncode == 2
    assert named in done.stderr
    assert "Traceback" not in done.stderr


def test_a_port_in_use_is_refused() -> None:
    """A port that something else listens on is exit code 2, before anything is started."""
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        done = run("--port", str(other.getsockname()[1]))
    assert (done.returncode, "Traceback" in done.stderr) == (2, False)
