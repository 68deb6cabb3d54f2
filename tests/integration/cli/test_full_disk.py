"""Output that has nowhere to go: a full disk behind `>`, and a pipe that nobody reads any more."""

import subprocess
import sys
from pathlib import Path

import pytest

FULL = Path("/dev/full")
"""Linux's file that takes nothing."""

needs_full = pytest.mark.skipif(not FULL.exists(), reason="there is no /dev/full here")


def ran(*arguments: str, into: Path, errors_into: Path | None = None) -> subprocess.CompletedProcess[str]:
    """Run the program with its output, and perhaps its errors, going into a file."""
    command = [sys.executable, "-m", "autoscaler.cli", *arguments]
    with into.open("w") as output, (errors_into or Path("/dev/null")).open("w") as errors:
        where = errors if errors_into is not None else subprocess.PIPE
        return subprocess.run(command, stdout=output, stderr=where, text=True, timeout=120, check=False)


@needs_full
@pytest.mark.parametrize("arguments", [("check", "policies"), ("check", "policies", "--output", "json"), ("--help",)])
def test_a_full_disk_is_said_in_a_line(arguments: tuple[str, ...]) -> None:
    """What cannot be written ends with exit code 2 and one line that says why; there is no traceback."""
    result = ran(*arguments, into=FULL)
    assert result.returncode == 2
    assert result.stderr == "Error: The output cannot be written: No space left on device; it is not whole.\n"


@needs_full
def test_a_full_disk_behind_errors_too_leaves_the_exit_code() -> None:
    """Where the line that says it has no room either, the exit code is still 2."""
    assert ran("check", "policies", into=FULL, errors_into=FULL).returncode == 2
