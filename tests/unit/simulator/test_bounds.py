"""Who got less than was wanted: what limits and budgets took, tick by tick."""

from autoscaler.simulator.bounds import Bound
from autoscaler.simulator.run import simulate
from autoscaler.simulator.scenario import parse

SCENARIO = """\
kind: Scenario
duration: 2m
tick: 2s
startUp: 0s
functions:
  - {name: busy, namespace: acme, workload: {type: constant, rate: 50, arrivals: even}, service: 100ms, concurrencyLimit: 10,
     replicas: 1}
  - {name: quiet, namespace: acme, workload: {type: constant, rate: 1, arrivals: even}, service: 100ms, replicas: 1}
---
apiVersion: autoscaler.faas.dev/v1alpha1
kind: Tenant
metadata: {name: acme}
spec:
  namespaces: [acme]
  source: main
  budget: {replicas: {cap: CAP}}
---
apiVersion: autoscaler.faas.dev/v1alpha1
kind: ScalingPolicy
metadata: {name: all, namespace: acme}
spec:
  functions: {names: ["*"]}
  metrics: [{type: rps, target: 5, utilization: 1.0}]
  replicas: {max: MAX}
"""


def bound(cap: int, most: int) -> tuple[Bound, ...]:
    scenario, policies = parse(SCENARIO)
    return simulate(scenario, {"policies": policies.replace("CAP", str(cap)).replace("MAX", str(most))}).bound


def test_where_nothing_binds_nothing_is_said() -> None:
    """Ten replicas are wanted and there are enough: nobody was bound."""
    assert bound(cap=50, most=50) == ()


def test_a_maximum_is_told_with_its_shortfall() -> None:
    """10 wanted and 4 allowed: 6 replicas short at every tick from which on the load is known."""
    (one,) = bound(cap=50, most=4)
    assert (one.tenant, one.function, one.reason) == ("acme", "acme/busy", "MAX_REPLICAS")
    assert 30 <= one.ticks <= 61
    assert one.short_s / one.ticks <= 6 * 2.0
    assert one.short_s >= 6 * 2.0 * 30


def test_the_tick_at_the_very_end_lasts_no_time() -> None:
    """One of ten is short at each tick that counts; the last is decided when the run ends, and keeps nothing from anybody."""
    (one,) = bound(cap=50, most=9)
    assert one.short_s == 2.0 * (one.ticks - 1)


def test_a_budget_takes_what_the_maximum_left() -> None:
    """Max 8 of 10, then a cap of 6 with one for the other function: each rule is told with what it took itself."""
    found = {one.reason: one for one in bound(cap=6, most=8) if one.function == "acme/busy"}
    assert set(found) == {"MAX_REPLICAS", "BUDGET"}
    assert found["BUDGET"].short_s / found["BUDGET"].ticks <= 3 * 2.0
    assert found["BUDGET"].short_s > found["MAX_REPLICAS"].short_s
