"""A wall clock that a test can move, for one process alone."""

import subprocess
from pathlib import Path

from tests.servers.binaries import require


class MovableClock:
    """How far off a process's wall clock is; its monotonic clock stays right.

    Args:
        file: where the offset is kept; the process looks at it once a second.
    """

    def __init__(self, file: Path) -> None:
        self._file = file
        told = subprocess.run([require("faketime"), "-f", "+0", "env"], check=True, capture_output=True, text=True)
        self._library = next(
            line.partition("=")[2] for line in told.stdout.splitlines() if line.startswith("LD_PRELOAD=")
        )
        self.move(0)

    def move(self, offset_s: int) -> None:
        """Set the offset; whoever reads the file sees all of it or nothing."""
        beside = self._file.with_suffix(".new")
        beside.write_text(f"{offset_s:+d}")
        beside.replace(self._file)

    @property
    def env(self) -> dict[str, str]:
        """Environment of the process."""
        return {
            "LD_PRELOAD": self._library,
            "FAKETIME_TIMESTAMP_FILE": str(self._file),
            "FAKETIME_CACHE_DURATION": "1",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
        }
