"""The windowed mode, one function, the real controller deciding at each tick.

2,500 requests/s come, 5,000 a tick of 2 s; services are as long as is needed for about 8 replicas, and for about 2,000. Time
is that of the processor, the best of several runs.
"""

import time
from collections.abc import Iterator

from autoscaler.simulator.run import simulate
from autoscaler.simulator.scenario import parse
from benchmarks.report import Figure, at_least, at_most

RATE, UTILIZATION = 2_500.0, 0.7
BOUND, SPREAD = 5e6, 2.0
DURATION_S = 3_600.0
RUNS = 3


def measure() -> Iterator[Figure]:
    """Measure with few replicas and with many."""
    _per_s(8, 60.0)  # compiles
    rates = {replicas: max(_per_s(replicas, DURATION_S) for _ in range(RUNS)) for replicas in (8, 2_000)}
    for replicas, per_s in rates.items():
        yield at_least(f"windowed_{replicas}", per_s / 1e6, "M/s", BOUND / 1e6)
    yield at_most("windowed_8_to_2000", rates[8] / rates[2_000], "ratio", SPREAD)
    yield at_most("windowed_2000_to_8", rates[2_000] / rates[8], "ratio", SPREAD)


def _per_s(replicas: int, duration_s: float) -> float:
    """Give requests simulated in a second of processor time."""
    scenario, policies = parse(_document(replicas, duration_s))
    begin = time.process_time()
    result = simulate(scenario, {"policies": policies})
    took_s = time.process_time() - begin
    mean = result.total.ready_s / duration_s
    if duration_s == DURATION_S and not 0.7 * replicas <= mean <= 1.5 * replicas:
        raise AssertionError(f"about {replicas} replicas are to be measured, there were {mean:.1f}")
    return result.total.requests / took_s


def _document(replicas: int, duration_s: float) -> str:
    service_ms = replicas * UTILIZATION / RATE * 1_000
    return f"""
kind: Scenario
duration: {duration_s:g}s
startUp: 5s
functions:
  - name: one
    namespace: bench
    service: {service_ms:g}ms
    replicas: {replicas}
    workload: {{type: constant, rate: {RATE:g}}}
---
apiVersion: autoscaler.faas.dev/v1alpha1
kind: Tenant
metadata: {{name: bench}}
spec: {{namespaces: [bench], source: main}}
---
apiVersion: autoscaler.faas.dev/v1alpha1
kind: ScalingPolicy
metadata: {{name: default, namespace: bench}}
spec:
  functions: {{names: ["*"]}}
  metrics: [{{type: concurrency, target: 1, utilization: {UTILIZATION}}}]
  concurrencyLimit: 1
"""
