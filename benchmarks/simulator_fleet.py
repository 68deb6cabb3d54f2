"""10,000 functions for a day at 1,000 requests/s in all, request by request, in both modes.

In the windowed mode the real controller decides on all of them every 2 s, 43,200 times; they go to zero after 10 minutes.
An instance per request is kept as long. Time is that of the processor, everything included but the start of Python.
"""

import time
from collections.abc import Iterator

from autoscaler.simulator.run import simulate
from autoscaler.simulator.scenario import parse
from benchmarks.report import Figure, at_least, at_most

FUNCTIONS, RATE = 10_000, 1_000.0
BOUND_S = 60.0


def measure() -> Iterator[Figure]:
    """Measure a day of both modes."""
    for mode, name in (("perRequest", "per_request"), ("windowed", "windowed")):
        _run(mode, "60s")  # compiles
        took_s, requests = _run(mode, "24h")
        yield at_most(f"fleet_day_{name}", took_s, "s", BOUND_S)
        yield at_least(f"fleet_{name}", requests / took_s / 1e6, "M/s", None)


def _run(mode: str, duration: str) -> tuple[float, int]:
    begin = time.process_time()
    scenario, policies = parse(document(mode, duration, FUNCTIONS, RATE))
    result = simulate(scenario, {"policies": policies})
    return time.process_time() - begin, result.total.requests


def document(mode: str, duration: str, functions: int, rate: float) -> str:
    """Give a scenario of alike functions that share so many requests/s."""
    keep_alive = "    keepAlive: 10m" if mode == "perRequest" else ""
    return f"""
kind: Scenario
mode: {mode}
duration: {duration}
startUp: 2s
functions:
  - name: f
    namespace: bench
    count: {functions}
    service: 200ms
{keep_alive}
    workload: {{type: constant, rate: {rate / functions:g}}}
---
apiVersion: autoscaler.faas.dev/v1alpha1
kind: Tenant
metadata: {{name: bench}}
spec:
  namespaces: [bench]
  source: main
  bounds: {{allowZero: true}}
---
apiVersion: autoscaler.faas.dev/v1alpha1
kind: ScalingPolicy
metadata: {{name: default, namespace: bench}}
spec:
  functions: {{names: ["*"]}}
  metrics: [{{type: concurrency, target: 1, utilization: 0.7}}]
  concurrencyLimit: 1
  zero: {{after: 10m}}
"""
