"""Memory of the simulator: whether it grows with simulated time, and with the rows of a trace that is read.

Runs are programs of their own, whose anonymous resident memory is looked at all the while; the highest counts. Pages of
mapped files are left out: the kernel takes those back when it wants. Of a run with ten times the time, or the rows,
memory must be nearly the same. Traces are tables of single requests of 1,000 functions, sorted by time; 200 functions are simulated.
"""

import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet

from benchmarks.report import Figure, at_most
from benchmarks.simulator_fleet import document

GROWTH = 1.2
ROWS = (1_000_000, 10_000_000)
HOURS = (2, 20)
FUNCTIONS, SIMULATED = 1_000, 200
LOOKS_S = 0.002

_SIMULATE = """
import sys
from pathlib import Path
from autoscaler.simulator.run import simulate
from autoscaler.simulator.scenario import parse
scenario, policies = parse(Path(sys.argv[1]).read_text())
simulate(scenario, {"policies": policies})
"""
_READ = """
import sys
from pathlib import Path
from autoscaler.cli.trace_files import read_trace
read_trace(Path(sys.argv[1]))
"""


def measure() -> Iterator[Figure]:
    """Measure both modes over time, and both kinds of table over rows."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for mode, title in (("perRequest", "per_request"), ("windowed", "windowed")):
            yield from _grown(f"{title}_simulated_time", [_simulated(folder, mode, hours) for hours in HOURS])
        for suffix in ("csv", "parquet"):
            yield from _grown(f"{suffix}_rows", [_read(folder, suffix, rows) for rows in ROWS])


def _grown(name: str, mib: Sequence[float]) -> Iterator[Figure]:
    yield at_most(f"memory_{name}", mib[0], "MiB", None)
    yield at_most(f"memory_{name}_times_10", mib[1], "MiB", None)
    yield at_most(f"memory_{name}_growth", mib[1] / mib[0], "ratio", GROWTH)


def _simulated(folder: Path, mode: str, hours: int) -> float:
    path = folder / "scenario.yaml"
    path.write_text(document(mode, f"{hours}h", SIMULATED, 100.0))
    return _peak_mib(_SIMULATE, path)


def _read(folder: Path, suffix: str, rows: int) -> float:
    path = folder / f"trace.{suffix}"
    _write(path, rows)
    try:
        return _peak_mib(_READ, path)
    finally:
        path.unlink()


def _write(path: Path, rows: int) -> None:
    """Write a table of requests."""
    generator = np.random.Generator(np.random.SFC64(1))
    names = pa.array([f"f-{number}" for number in range(FUNCTIONS)])
    which = pa.array(generator.integers(0, FUNCTIONS, rows, dtype=np.int32))
    table = pa.table(
        {
            "namespace": pa.DictionaryArray.from_arrays(pa.array(np.zeros(rows, np.int32)), pa.array(["bench"])).cast(
                pa.string()
            ),
            "function": pa.DictionaryArray.from_arrays(which, names).cast(pa.string()),
            "time": np.round(np.cumsum(generator.standard_exponential(rows)) * 0.01, 6),
            "duration": np.round(generator.standard_exponential(rows) * 0.2, 6),
        }
    )
    if path.suffix == ".csv":
        pyarrow.csv.write_csv(table, path)
    else:
        pyarrow.parquet.write_table(table, path)


def _peak_mib(program: str, path: Path) -> float:
    """Run a program and give the most anonymous memory it had, MiB."""
    with subprocess.Popen([sys.executable, "-c", program, str(path)]) as process:
        most_kib = 0
        while process.poll() is None:
            most_kib = max(most_kib, _anonymous_kib(process.pid))
            time.sleep(LOOKS_S)
    if process.returncode:
        raise RuntimeError(f"the program ended with {process.returncode}")
    return most_kib / 1024


def _anonymous_kib(pid: int) -> int:
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except (FileNotFoundError, ProcessLookupError):
        return 0
    return next((int(line.split()[1]) for line in lines if line.startswith("RssAnon:")), 0)
