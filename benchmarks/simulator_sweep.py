"""A sweep in two processes against the same in one: the command, from its start to its end.

The sweep has 72 cells: a fixed number of replicas and the real controller, three start-up times, twelve seeds. Time is that of the
clock on the wall: on a machine of two processors that does other work, the figure is theirs. `two_sweeps_beside` is what
the machine itself gives: two sweeps of one process each, at the same time, against one after the other.
"""

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from benchmarks.report import Figure, at_least, at_most

BOUND = 1.8

_SCENARIO = """
kind: Scenario
duration: 1h
startUp: 5s
functions:
  - name: f
    namespace: bench
    count: 10
    service: 200ms
    workload: {type: sine, mean: 40, amplitude: 30, period: 1h}
---
apiVersion: autoscaler.faas.dev/v1alpha1
kind: Tenant
metadata: {name: bench}
spec: {namespaces: [bench], source: main}
---
apiVersion: autoscaler.faas.dev/v1alpha1
kind: ScalingPolicy
metadata: {name: default, namespace: bench}
spec:
  functions: {names: ["*"]}
  metrics: [{type: concurrency, target: 1, utilization: 0.7}]
  concurrencyLimit: 1
  replicas: {min: 1}
"""
_STUDY = """
kind: Study
scenario: scenario.yaml
policies:
  - {name: controller, decider: {type: controller}}
  - {name: fixed, decider: {type: fixed, replicas: 16}}
parameters:
  startUp: [2s, 5s, 10s]
seeds: 12
"""


def measure() -> Iterator[Figure]:
    """Measure one process, then two."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "scenario.yaml").write_text(_SCENARIO)
        (folder / "study.yaml").write_text(_STUDY)
        _took_s(folder, 1)  # compiles
        took_s = {processes: _took_s(folder, processes) for processes in (1, 2)}
        beside_s = _beside_s(folder)
    yield at_most("sweep_one_process", took_s[1], "s", None)
    yield at_most("sweep_two_processes", took_s[2], "s", None)
    yield at_least("two_sweeps_beside", 2 * took_s[1] / beside_s, "ratio", None)
    bound = BOUND if (os.cpu_count() or 1) > 1 else None
    yield at_least("sweep_two_to_one", took_s[1] / took_s[2], "ratio", bound)


def _took_s(folder: Path, processes: int) -> float:
    begin = time.perf_counter()
    subprocess.run(_command(folder, processes, "results"), check=True, capture_output=True)
    return time.perf_counter() - begin


def _beside_s(folder: Path) -> float:
    """Give how long two sweeps of one process each take at the same time."""
    begin = time.perf_counter()
    both = [subprocess.Popen(_command(folder, 1, name), stdout=subprocess.DEVNULL) for name in ("one", "other")]
    if any(one.wait() for one in both):
        raise AssertionError("a sweep failed")
    return time.perf_counter() - begin


def _command(folder: Path, processes: int, results: str) -> list[str]:
    study, place = str(folder / "study.yaml"), str(folder / results)
    options = ["--fresh", "--output", "json", "--processes", str(processes), "--results", place]
    return [sys.executable, "-m", "autoscaler.cli", "sweep", study, *options]
