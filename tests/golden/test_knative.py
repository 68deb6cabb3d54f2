"""The controller in the loop against real measurements of Knative's autoscaler."""

import numpy as np
import pytest

from autoscaler.core.columns import Floats
from autoscaler.core.decisions import Decisions
from autoscaler.core.events import Event
from autoscaler.core.now import Now
from autoscaler.core.observation import Observation
from autoscaler.simulator.run import simulate
from autoscaler.simulator.scenario import parse

MEASURED = {1: 1.993, 2: 3.122, 3: 4.796, 5: 7.523, 7: 10.401, 20: 28.43}
"""Requests/s → mean ready replicas in 60 minutes: target 1 request/s, utilization 0.7, window 60 s.

Measured in 2021 by github.com/pacslab/conc-value-perf-modelling. Panic is off here: Knative counts requests of six
seconds, where a rate over four scrapes of one second counts those of three, and of a Poisson stream of one request a
second three seconds hold twice the mean, and more, in one window of thirty.
"""

SCENARIO = """\
kind: Scenario
duration: 62m
tick: 2s
scrapeInterval: 1s
startUp: 1s
blastRadius: null
functions:
"""
FUNCTION = (
    "  - {{name: at-{rate}, namespace: acme, workload: {{type: constant, rate: {rate}}}, service: 1s, "
    "serviceTimes: constant, concurrencyLimit: 100, replicas: 1}}\n"
)
POLICIES = """\
---
apiVersion: autoscaler.faas.dev/v1alpha1
kind: Tenant
metadata: {name: acme}
spec: {namespaces: [acme], source: main}
---
apiVersion: autoscaler.faas.dev/v1alpha1
kind: ScalingPolicy
metadata: {name: default, namespace: acme}
spec:
  functions: {names: ["*"]}
  metrics: [{type: rps, target: 1, utilization: 0.7}]
  windows: {panic: null}
  scaleDown: {stabilization: 0s}
"""


@pytest.fixture(scope="module")
def ready() -> dict[str, float]:
    """Run an hour of Poisson traffic and give each function's mean of ready replicas, after two minutes of warming up."""
    scenario, policies = parse(SCENARIO + "".join(FUNCTION.format(rate=rate) for rate in MEASURED) + POLICIES)
    looks: list[Floats] = []
    names: list[str] = []

    def record(now: Now, seen: Observation | None, _events: tuple[Event, ...], _decisions: Decisions) -> None:
        if seen is not None and now.monotonic_s > 120:
            looks.append(seen.ready)
            names[:] = [key.name for key in seen.fleet.keys]

    simulate(scenario, {"policies": policies}, record=record)
    return dict(zip(names, np.mean(looks, axis=0).tolist(), strict=True))


@pytest.mark.parametrize("rate", MEASURED)
def test_mean_replicas_are_within_a_tenth_of_what_knative_had(rate: int, ready: dict[str, float]) -> None:
    """Under the same traffic and policy there are as many replicas as a real Knative had, within 10 %."""
    assert ready[f"at-{rate}"] == pytest.approx(MEASURED[rate], rel=0.1)
