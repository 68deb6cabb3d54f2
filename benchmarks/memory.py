"""`python -m benchmarks.memory`: memory of all the daemon's processes over 100,000 functions.

Measured is the program itself, in dry run, after several ticks over an API server and a Prometheus on loopback that
answer with prepared bodies: every function has a Deployment and a Service, a tenth of them a ready endpoint. Resident
memory counts a page that two processes share twice; proportional memory counts it once. What is held between two ticks is
the least of several looks; the most that was ever held, while a worker reads answers above all, is beside it.
"""

import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from benchmarks.dummy_kubernetes import dummy_kubernetes
from benchmarks.dummy_prometheus import dummy_prometheus
from benchmarks.program import Program
from benchmarks.report import Figure, at_most, main

FUNCTIONS = 100_000
TICKS = 5
SAMPLES, SAMPLE_S = 12, 1.0
BOUND_MIB = 500.0


def measure() -> Sequence[Figure]:
    """Run the program for a while and add up what all its processes hold then."""
    with tempfile.TemporaryDirectory() as name, dummy_prometheus(FUNCTIONS) as url:
        folder = Path(name)
        with dummy_kubernetes(FUNCTIONS, folder) as kubeconfig:
            program = Program(folder, kubeconfig, url, FUNCTIONS)
            with program.running() as pid:
                program.wait_ticks(TICKS)
                all_mib, main_mib, shared_mib = min(_held(pid) for _ in range(SAMPLES))
                most_mib, most_workers_mib = peak_mib(pid), max(peak_mib(one) for one in family(pid)[1:])
    return [
        at_most("resident_100k", all_mib, "MiB", BOUND_MIB),
        at_most("resident_main", main_mib, "MiB", None),
        at_most("resident_workers", all_mib - main_mib, "MiB", None),
        at_most("proportional_100k", shared_mib, "MiB", None),
        at_most("peak_main", most_mib, "MiB", None),
        at_most("peak_worker", most_workers_mib, "MiB", None),
    ]


def _held(pid: int) -> tuple[float, float, float]:
    """Give what all processes hold, what the first one does, and what all do if shared pages count once, MiB."""
    time.sleep(SAMPLE_S)
    return resident_mib(pid), memory_mib(pid, "Rss"), sum(memory_mib(one, "Pss") for one in family(pid))


def resident_mib(pid: int) -> float:
    """Give what a process and all those that it started hold, MiB."""
    return sum(memory_mib(one, "Rss") for one in family(pid))


def family(pid: int) -> list[int]:
    """Give a process and all those that it started, and they."""
    return [pid, *(one for child in children(pid) for one in family(child))]


def children(pid: int) -> list[int]:
    """Give the processes that a process started."""
    return [int(one) for task in Path(f"/proc/{pid}/task").iterdir() for one in (task / "children").read_text().split()]


def memory_mib(pid: int, kind: str) -> float:
    """Give a process's memory of a kind (`Rss`, `Pss`), MiB."""
    return _field(Path(f"/proc/{pid}/smaps_rollup"), kind)


def peak_mib(pid: int) -> float:
    """Give the most that a process has held, MiB."""
    return _field(Path(f"/proc/{pid}/status"), "VmHWM")


def _field(path: Path, name: str) -> float:
    for line in path.read_text().splitlines():
        if line.startswith(f"{name}:"):
            return int(line.split()[1]) / 1024
    raise ValueError(f"{path}: no {name}")


if __name__ == "__main__":
    sys.exit(main(measure, __doc__ or ""))
