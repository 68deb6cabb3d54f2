"""Machine code of kernels that is kept from run to run: it is never that of sources which are no more."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import autoscaler

pytest.importorskip("numba", reason="without it nothing is compiled")

SCRIPT = """
import numpy as np
from autoscaler.simulator.kernels.pooled import shrink
from autoscaler.simulator.kernels.state import new_functions
functions, pool = new_functions(1), np.array([1.0, 0.0, 2.0, 1.0, 3.0, 2.0])
functions["starting"] = 3
shrink(0, 1, functions, pool)
print(*pool[:4:2], *shrink.stats.cache_hits.values())
"""
"""Three replicas start and are ready at 1, 2 and 3 s; one is too many."""

PARTS = ("__init__.py", "core/__init__.py", "core/columns.py", "simulator/__init__.py", "simulator/compiled.py")


def ran(folder: Path) -> list[str]:
    """Run the script on a copy of the package; give who still starts, and how often kept code was found."""
    environment = {**os.environ, "PYTHONPATH": str(folder)}
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT],
        env=environment,
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=300,
        check=True,
    )
    return done.stdout.split()


def test_a_kernel_is_compiled_anew_when_one_that_it_calls_in_another_file_changed(tmp_path: Path) -> None:
    """A second run takes the kept code; after a change in a file that only its callee is in, the caller does as that says."""
    package, copy = Path(autoscaler.__file__).parent, tmp_path / "autoscaler"
    for part in ("simulator/kernels", "simulator/per_request"):
        shutil.copytree(package / part, copy / part, ignore=shutil.ignore_patterns("__pycache__"))
    for part in PARTS:
        (copy / part).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(package / part, copy / part)
    newest_is_gone, oldest_is_gone = ["1.0", "2.0"], ["2.0", "3.0"]
    assert ran(tmp_path) == newest_is_gone
    assert ran(tmp_path) == [*newest_is_gone, "1"]
    callee = copy / "simulator" / "kernels" / "parts.py"
    callee.write_text(
        callee.read_text().replace("+ 1] > pool[begin + 2 * newest + 1]", "+ 1] < pool[begin + 2 * newest + 1]")
    )
    assert ran(tmp_path) == oldest_is_gone
