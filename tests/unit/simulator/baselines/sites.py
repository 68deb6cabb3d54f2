"""Deciders over a small platform, and whole runs under them."""

from collections.abc import Mapping, Sequence

import numpy as np
from pydantic import TypeAdapter

from autoscaler.core.decisions import Decisions
from autoscaler.core.fleet import FunctionKey
from autoscaler.core.now import Now
from autoscaler.core.observation import Load, Observation
from autoscaler.core.reasons import REASON_OF, Reason
from autoscaler.simulator.baselines.registry import make_decider
from autoscaler.simulator.baselines.settings import DeciderField
from autoscaler.simulator.platform import Platform
from autoscaler.simulator.result import Result
from autoscaler.simulator.run import plan_of, simulate
from autoscaler.simulator.scenario import parse

CONFIG = TypeAdapter(DeciderField)
NAN = float("nan")

SCENARIO = """\
kind: Scenario
duration: {duration}
tick: {tick}
scrapeInterval: {scrape}
startUp: {start_up}
decider: {decider}
functions:
{functions}
events: {events}
---
apiVersion: autoscaler.faas.dev/v1alpha1
kind: Tenant
metadata: {{name: acme}}
spec: {{namespaces: [acme], source: main, bounds: {{allowZero: true}}}}
---
apiVersion: autoscaler.faas.dev/v1alpha1
kind: ScalingPolicy
metadata: {{name: default, namespace: acme}}
spec:
  functions: {{names: ["*"]}}
  metrics: {metrics}
  {policy}
"""

METRICS = "[{type: rps, target: 10, utilization: 1}]"

IDLE = "{name: f, namespace: acme, workload: {type: constant, rate: 0}, service: 1s}"


def document(decider: str, functions: Sequence[str] = (IDLE,), **more: str) -> str:
    """Give a scenario's text; functions scale by requests/s, 10 for each replica, unless it is said otherwise."""
    defaults = {
        "duration": "10m",
        "tick": "2s",
        "scrape": "15s",
        "start_up": "2s",
        "events": "[]",
        "policy": "",
        "metrics": METRICS,
    }
    lines = "\n".join(f"  - {one}" for one in functions)
    return SCENARIO.format(decider=decider, functions=lines, **defaults | more)


def ran(decider: str, functions: Sequence[str], **more: str) -> tuple[Result, Mapping[str, list[tuple[float, int]]]]:
    """Run a scenario; give the outcome, and of each function when its replicas changed, and to how many."""
    scenario, policies = parse(document(decider, functions, **more))
    moves: dict[str, list[tuple[float, int]]] = {}

    def record(now: Now, _seen: Observation | None, _events: object, decisions: Decisions) -> None:
        for at in decisions.changed.tolist():
            key = str(decisions.fleet.keys[decisions.rows[at]])
            moves.setdefault(key, []).append((now.monotonic_s, int(decisions.desired[at])))

    return simulate(scenario, {"policies": policies}, record=record), moves


class Bench:
    """A decider that is stepped by hand over loads that a test makes up; what it decides is what then runs.

    Attributes:
        replicas: what runs of each function, in the order of their names.
    """

    def __init__(self, decider: str, functions: Sequence[str] = (IDLE,), replicas: int = 0, **more: str) -> None:
        scenario, policies = parse(document(decider, functions, **more))
        self.plan = plan_of(scenario, {"policies": policies}, scenario.utc)
        root = np.random.Generator(np.random.PCG64(1))
        platform = Platform(tuple(scenario.specs()), {}, root, 2.0)
        self.decider = make_decider(scenario.decider)(scenario, self.plan, platform)
        self.replicas = np.full(len(self.plan.fleet), float(replicas))

    def tick(
        self, at_s: float, rps: float = NAN, in_flight: float = 0.0, ready: float | None = None
    ) -> tuple[int, Reason]:
        """Step all functions under the same load; give replicas and reason of the first."""
        decisions = self.decider.step(Now(at_s, at_s), self.seen(rps, in_flight, ready), ())
        self.replicas = decisions.desired.copy()
        return int(decisions.desired[0]), REASON_OF[int(decisions.reason[0])]

    def seen(self, rps: float, in_flight: float, ready: float | None) -> Observation:
        """Make what a tick sees."""
        size = len(self.plan.fleet)

        def column(value: float) -> np.ndarray:
            return np.full(size, value)

        load = Load(
            rps=column(rps),
            concurrency=column(NAN),
            in_flight=column(in_flight),
            is_covered=np.ones(size, bool),
            is_idle=column(rps) == 0,
            range_s=column(60.0),
        )
        there = self.replicas if ready is None else column(ready)
        return Observation(self.plan.fleet, load, self.replicas, there, column(0.0), np.zeros(size, bool))


F = FunctionKey("acme", "f")
