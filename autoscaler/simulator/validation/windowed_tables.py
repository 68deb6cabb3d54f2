"""The platform in virtual time with the real controller in the loop: queues, and replicas of a windowed autoscaler."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from itertools import groupby
from operator import attrgetter
from typing import TypeVar

import numpy as np

from autoscaler.core.decisions import Decisions
from autoscaler.core.events import Event
from autoscaler.core.now import Now
from autoscaler.core.observation import Observation
from autoscaler.simulator.result import Row
from autoscaler.simulator.run import simulate
from autoscaler.simulator.scenario import Scenario, parse
from autoscaler.simulator.validation.check import Check, by_errors, by_fraction
from autoscaler.simulator.validation.estimates import Estimate, mean_of
from autoscaler.simulator.validation.formulas import mean_of_ceiling, mean_wait_s, wait_quantile_s
from autoscaler.simulator.validation.on_demand_tables import FAST_QUEUES, QUEUES
from autoscaler.simulator.validation.reference import KNATIVE, knative_points
from autoscaler.simulator.validation.setting import Case, Setting, Table, once

Value = TypeVar("Value")

REPEATS = 20
"""Functions that are alike, each with requests of its own: as many independent runs."""

REQUESTS = 2e6
"""Of a full run of one queue, all repeats together."""

BIN = 0.01
"""Relative width of the bins in which long waits are counted: a quantile is no sharper."""

HOURS = 2.0
"""Virtual hours of a full run of the autoscalers; Knative's were measured for one."""

WARM_UP_S = 120.0
"""Virtual seconds left out at the beginning: the first window of a minute has to fill."""

ALLOWED = 0.1
"""Of the pods that were measured."""

SPAN_S = 59.0
"""Seconds between the first and the last of a minute's scrapes, one a second: what a rate over a minute counts."""

UTILIZATION = 0.73
"""Not Knative's 0.7: there 413 requests are exactly 10 replicas, and rounding decides which way the ceiling goes."""

RATES = (1.0, 2.0, 3.0, 5.0, 7.0, 20.0)

_TENANT = """---
apiVersion: autoscaler.faas.dev/v1alpha1
kind: Tenant
metadata: {name: check}
spec: {namespaces: [check], source: main}
"""


def queues(_setting: Setting) -> Iterator[Case]:
    """Compare a fixed number of replicas, one queue before them."""
    for _, alike in groupby(sorted((*QUEUES, *FAST_QUEUES)), key=lambda case: case[0]):
        yield partial(_queues, tuple(alike))


def _queues(alike: Sequence[tuple[float, float, int]], setting: Setting) -> Iterator[Check]:
    """Queues of the same rate, in one run."""
    rate = alike[0][0]
    duration_s = REQUESTS * setting.share / REPEATS / rate
    functions = [
        f"{{name: q{places}, namespace: check, count: {REPEATS}, service: {service_s}s, replicas: {places}, "
        f"workload: {{type: constant, rate: {rate}}}}}"
        for _, service_s, places in alike
    ]
    policies = [
        _policy(f"q{places}", f"{{type: rps, target: {rate}}}", f"{{min: {places}, max: {places}}}")
        for _, _, places in alike
    ]
    timing = f"tick: {duration_s / 4}s\nscrapeInterval: {duration_s / 2}s"
    result = simulate(*_scenario(setting, duration_s, timing, functions, policies))
    rows = _grouped([(row.function or "").removeprefix("check/") for row in result.functions], result.functions)
    for _, service_s, places in alike:
        name, load = f"{rate:g}/s, {service_s:g} s, {places} replicas", rate * service_s
        found = rows[f"q{places}"]
        yield by_errors(f"{name}: mean wait s", mean_wait_s(load, places, service_s), _mean(found, "wait_mean_s"))
        for fraction, field in ((0.95, "wait_p95_s"), (0.99, "wait_p99_s")):
            expected = wait_quantile_s(fraction, load, places, service_s)
            slack = BIN * expected
            yield by_errors(f"{name}: p{100 * fraction:g} wait s", expected, _mean(found, field), slack=slack)
        yield by_errors(f"{name}: busy", load, _mean(found, "busy_s", duration_s))


def ceiling(setting: Setting) -> Iterator[Check]:
    """Compare replicas by requests/s, free to fall at once, with the mean of ⌈what came in the window / what one takes⌉."""
    functions = [
        f"{{name: r{rate:g}, namespace: check, count: {REPEATS}, service: 200ms, concurrencyLimit: 1000, "
        f"replicas: {round(rate / UTILIZATION) + 1}, workload: {{type: constant, rate: {rate}}}}}"
        for rate in RATES
    ]
    policies = [
        _policy(f"r{rate:g}", f"{{type: rps, target: 1, utilization: {UTILIZATION}}}", "{min: 1}", max_fall=1_000)
        for rate in RATES
    ]
    ready = _ready(setting, functions, policies)
    for rate in RATES:
        expected = mean_of_ceiling(rate * SPAN_S, SPAN_S * UTILIZATION)
        yield by_errors(f"{rate:g}/s: ready", expected, mean_of(np.array(ready[f"r{rate:g}"])))


def knative(setting: Setting) -> Iterator[Check]:
    """Compare Knative's own rule with hours of real Knative: target utilization 0.7, a minute's window, no panic."""
    points = list(knative_points(setting.lines(KNATIVE)))
    functions = [
        f"{{name: k{number}, namespace: check, service: {point.response_s}s, serviceTimes: constant, "
        f"concurrencyLimit: 1000, replicas: {round(point.ready)}, workload: {{type: constant, rate: {point.rate}}}}}"
        for number, point in enumerate(points)
    ]
    policies = [
        _policy(f"k{number}", f"{{type: {point.metric}, target: {point.target:g}, utilization: 0.7}}", "{min: 1}")
        for number, point in enumerate(points)
    ]
    ready = _ready(setting, functions, policies)
    for number, point in enumerate(points):
        name = f"{point.metric} {point.target:g}, {point.rate:g}/s: ready pods"
        yield by_fraction(name, point.ready, ready[f"k{number}"][0], ALLOWED)


_EACH_SECOND = "tick: 2s\nscrapeInterval: 1s\nrange: 60s"


def _policy(name: str, metric: str, replicas: str, max_fall: float = 2.0) -> str:
    """Give a policy that does nothing but what Knative's rule does."""
    return f"""---
apiVersion: autoscaler.faas.dev/v1alpha1
kind: ScalingPolicy
metadata: {{name: {name}, namespace: check}}
spec:
  functions: {{names: ["{name}", "{name}-*"]}}
  metrics: [{metric}]
  replicas: {replicas}
  windows: {{stable: 60s, panic: null}}
  scaleUp: {{maxRate: 1000, tolerance: 0, stabilization: 0s, policies: []}}
  scaleDown: {{maxRate: {max_fall:g}, tolerance: 0, delay: 0s, stabilization: 0s, policies: []}}
  zero: null
"""


def _scenario(
    setting: Setting, duration_s: float, timing: str, functions: Sequence[str], policies: Sequence[str]
) -> tuple[Scenario, Mapping[str, str]]:
    """Give functions under their policies as a scenario, and its documents."""
    listed = "\n".join(f"  - {function}" for function in functions)
    text = (
        f"kind: Scenario\nseed: {setting.scenario_seed}\nduration: {duration_s}s\nstartUp: 0s\nblastRadius: null\n{timing}\n"
        f"functions:\n{listed}\n"
    )
    scenario, others = parse(text + _TENANT + "".join(policies), "selftest")
    return scenario, {"selftest": others}


def _ready(setting: Setting, functions: Sequence[str], policies: Sequence[str]) -> Mapping[str, Sequence[float]]:
    """Give the mean ready replicas of the functions of each group, as the ticks found them once windows were whole."""
    duration_s = max(3_600 * HOURS * setting.share, 3_600.0)
    scenario, documents = _scenario(setting, duration_s, _EACH_SECOND, functions, policies)
    seen: list[Observation] = []
    total, ticks = np.zeros(sum(group.count for group in scenario.functions)), 0

    def record(now: Now, observation: Observation | None, _events: Sequence[Event], _decisions: Decisions) -> None:
        nonlocal ticks
        if observation is not None and now.monotonic_s >= WARM_UP_S:
            seen[:] = [observation]
            total[:] += observation.ready
            ticks += 1

    simulate(scenario, documents, record=record)
    return _grouped([key.name for key in seen[0].fleet.keys], (total / ticks).tolist())


def _grouped(names: Sequence[str], values: Sequence[Value]) -> Mapping[str, Sequence[Value]]:
    """Put what belongs to functions of one group together."""
    found: dict[str, list[Value]] = defaultdict(list)
    for name, value in zip(names, values, strict=True):
        found[name.split("-")[0]].append(value)
    return found


def _mean(rows: Sequence[Row], field: str, divisor: float = 1.0) -> Estimate:
    """Give the mean of a field over functions that are alike."""
    return mean_of(np.array([attrgetter(field)(row) for row in rows], dtype=np.float64) / divisor)


TABLES = (
    Table("replicas", "Fixed replicas with a queue, in the windowed mode", "Erlang-C", queues),
    Table(
        "window",
        "Replicas by requests/s, in the windowed mode, the real controller deciding",
        "E⌈Poisson(rate × window) / (window × target × utilization)⌉",
        once(ceiling),
    ),
    Table(
        "knative",
        "Mean ready pods of Knative, the real controller deciding by Knative's rule",
        "pacslab/conc-value-perf-modelling: 16 runs of 60 minutes",
        once(knative),
    ),
)
