"""Shared memory of sources: what is written is read, and nothing is left behind."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from autoscaler.adapters.prometheus.segments import AttachedSegment, OwnedSegment, remove_orphans
from autoscaler.adapters.prometheus.signals import Column

LEFT = """
import os, signal
import numpy as np
from multiprocessing import resource_tracker
resource_tracker.register = lambda *_: None
from autoscaler.adapters.prometheus.segments import OwnedSegment
print(OwnedSegment(1, b"a/b", np.ones((1, 1), dtype=bool)).description.columns, flush=True)
os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.mark.parametrize("names", [["fn/a", "fn/ü", "other/c"], []])
async def test_names_go_out_and_columns_come_back(names: list[str]) -> None:
    """The worker sees the names and whom each gateway serves; the daemon sees the columns the worker wrote."""
    serves = np.resize([True, False, True], (2, len(names))).astype(np.bool_)
    columns = np.arange(len(Column) * len(names), dtype=np.float64).reshape(len(Column), len(names))
    owned = OwnedSegment(7, "\n".join(names).encode(), serves)
    attached = AttachedSegment(owned.description)
    try:
        read_names, read_serves = attached.read_names(2)
        attached.write(columns)
        assert list(read_names) == names
        assert (read_serves == serves).all()
        assert (await owned.columns() == columns).all()
    finally:
        attached.close()
        owned.close()


def test_what_a_killed_daemon_left_is_given_back_and_what_lives_stays() -> None:
    """Segments whose owner has ended are removed; those of a living process are not."""
    command = [sys.executable, "-c", LEFT]
    left = Path("/dev/shm") / subprocess.run(command, capture_output=True, text=True, check=False).stdout.strip()
    living = OwnedSegment(1, b"", np.ones((1, 0), dtype=np.bool_))
    try:
        assert left.is_file()
        remove_orphans()
        assert not left.exists()
        assert (Path("/dev/shm") / living.description.columns).exists()
    finally:
        living.close()
    assert not (Path("/dev/shm") / living.description.columns).exists()
