"""Scenarios in the mode of an instance per request: budgets, results, and that nothing depends on slices of time."""

import numpy as np
import pytest

from autoscaler.core.fleet import FunctionKey
from autoscaler.simulator.per_request.merging import merged
from autoscaler.simulator.per_request.noted import AT_ONCE, NotedWaits
from autoscaler.simulator.per_request.scenario import run
from autoscaler.simulator.per_request.state import WAIT
from autoscaler.simulator.planning import plan_of
from autoscaler.simulator.request_stream import RequestStream
from autoscaler.simulator.result import Result
from autoscaler.simulator.run import simulate
from autoscaler.simulator.scenario import ScenarioError, parse
from autoscaler.simulator.spec import FunctionSpec
from autoscaler.simulator.waits import EXACT
from autoscaler.simulator.workload import Constant

TENANTS = """
---
apiVersion: autoscaler.faas.dev/v1alpha1
kind: Tenant
metadata: {{name: acme}}
spec: {{namespaces: [acme], source: main, budget: {{replicas: {{{acme}}}}}}}
---
apiVersion: autoscaler.faas.dev/v1alpha1
kind: Tenant
metadata: {{name: zeta}}
spec: {{namespaces: [zeta], source: main, budget: {{replicas: {{{zeta}}}}}}}
"""


def scenario(group: str = "", *, acme: str = "", zeta: str = "", pools: str = "", duration: str = "2m") -> str:
    functions = "".join(
        f"  - {{name: f, namespace: {namespace}, count: 2, service: 500ms, keepAlive: 10s,"
        f" workload: {{type: constant, rate: 4}}{group}}}\n"
        for namespace in ("acme", "zeta", "nobody")
    )
    head = f"kind: Scenario\nmode: perRequest\nduration: {duration}\nstartUp: 1s\n{pools}functions:\n{functions}"
    return head + TENANTS.format(acme=acme, zeta=zeta)


def result(text: str, seed: int = 1) -> Result:
    read, policies = parse(text)
    return run(read, plan_of(read, {"policies": policies}, read.utc), {}, seed)


def test_without_a_limit_every_request_is_served() -> None:
    """Whoever finds no idle instance starts one: waits are start-ups, and nobody is refused."""
    total = result(scenario()).total
    assert total.refused == 0
    assert total.cold == total.starts > 0
    assert total.wait_max_s == 1.0
    assert total.served + total.unfinished == total.requests


def test_a_seed_repeats_a_run_to_the_byte() -> None:
    """Equal seeds give equal bytes, another seed gives others."""
    first, again, other = (result(scenario(), seed).to_json() for seed in (1, 1, 2))
    assert first == again != other


def test_the_requests_are_those_of_the_windowed_mode() -> None:
    """Under one seed both modes meet as many requests, function by function."""
    windowed = parse(scenario().replace("mode: perRequest", "mode: windowed").replace(" keepAlive: 10s,", ""))
    other = simulate(windowed[0], {"policies": windowed[1]}, seed=1)
    ours = result(scenario())
    assert [row.requests for row in ours.functions] == [row.requests for row in other.functions]


def test_simulate_runs_the_mode_that_the_scenario_names() -> None:
    """`simulate` gives the very result of this mode."""
    read, policies = parse(scenario())
    assert simulate(read, {"policies": policies}, seed=1).to_json() == result(scenario()).to_json()


def test_a_tenants_cap_holds_and_is_named() -> None:
    """A tenant's functions together never have more instances than its cap, and the result says who was refused by it."""
    capped = result(scenario(acme="cap: 3"))
    rows = {row.tenant: row for row in capped.tenants}
    assert rows["acme"].replicas_max == 3
    assert rows["acme"].refused > 0
    assert rows["zeta"].refused == rows[None].refused == 0
    assert {(one.tenant, one.reason) for one in capped.bound} == {("acme", "BUDGET")}
    assert sum(one.ticks for one in capped.bound) == rows["acme"].refused


def test_a_function_may_have_a_cap_and_let_requests_wait() -> None:
    """Beyond its most instances, requests wait as long as the hold says, and are then refused."""
    capped = result(scenario(", maxReplicas: 1, whenFull: queue, hold: 2s, slo: 1500ms"))
    for row in capped.functions:
        assert row.replicas_max == 1
        assert row.late == row.refused > 0
        assert row.wait_max_s is not None
        assert row.wait_max_s <= 2.0 + 1e-9
        assert row.slo_misses is not None
        assert row.slo_misses >= row.late
    assert {one.reason for one in capped.bound} == {"MAX_REPLICAS"}


def test_a_gateways_queue_may_be_short() -> None:
    """Of those who would wait, no more do than the gateway's queue holds; the others are turned away."""
    assert all(
        row.turned_away > 0 for row in result(scenario(", maxReplicas: 1, whenFull: queue, gatewayQueue: 1")).functions
    )


def test_a_pools_size_binds_and_a_guarantee_is_kept() -> None:
    """Tenants that share a small pool are refused by it, but not within what one is guaranteed."""
    pools = "pools: {default: {replicas: 6}}\n"
    shared = result(scenario(pools=pools))
    kept = result(scenario(pools=pools, acme="guarantee: 5"))
    assert {one.reason for one in shared.bound} == {"POOL"}
    refused = {name: [row.refused for row in one.tenants] for name, one in (("shared", shared), ("kept", kept))}
    assert refused["kept"][0] < refused["shared"][0]
    assert refused["kept"][1] > refused["shared"][1]
    assert next(row for row in shared.pools if row.pool == "default").replicas_max == 6


def test_slices_of_time_change_nothing() -> None:
    """However many requests a slice holds, all come, in the same order: the first function's first where two come at once."""
    timer, random = (
        Constant(type="constant", rate=7.0, arrivals="even"),
        Constant(type="constant", rate=50.0),
    )
    both = []
    for aim in (10, 1_000_000):
        specs = [FunctionSpec(FunctionKey("acme", f"f-{number}"), 0.1) for number in range(4)]
        root = np.random.Generator(np.random.PCG64(1))
        streams = [RequestStream(spec, load, root) for spec, load in zip(specs, (timer, random) * 2, strict=True)]
        slices = list(merged(streams, 60.0, aim))
        both.append([np.concatenate([part[column] for part in slices]).tolist() for column in (1, 2, 3)])
    assert both[0] == both[1]
    times_s, who, _ = both[0]
    assert sorted(zip(times_s, who, strict=True)) == list(zip(times_s, who, strict=True))
    assert who.count(0) == 60 * 7 + 1


@pytest.mark.parametrize(
    ("group", "field"), [(", concurrencyLimit: 4", "concurrencyLimit"), (", routing: random", "routing")]
)
def test_what_this_mode_does_not_know_is_refused(group: str, field: str) -> None:
    """An instance serves one request at a time, and nobody is routed: other functions are named, with the field."""
    with pytest.raises(ScenarioError) as error:
        result(scenario(group))
    assert [problem.path for problem in error.value.problems] == [field]


def test_many_waits_are_counted_in_bins() -> None:
    """Beyond those that are kept one by one, quantiles are off by less than a hundredth, and the longest is exact."""
    generator = np.random.Generator(np.random.PCG64(1))
    noted = NotedWaits(2)
    waits = np.zeros(AT_ONCE + 10, WAIT)
    waits["wait_s"] = generator.exponential(2.0, len(waits))
    noted.add([waits])
    few = np.zeros(EXACT, WAIT)
    few["function"], few["wait_s"] = 1, np.arange(EXACT)
    noted.add([few])
    many, still_s = noted.of(0, np.empty(0)), np.array([9_999.0])
    assert len(many) == len(waits)
    assert many.quantile_s(0.99, len(waits)) == pytest.approx(np.quantile(waits["wait_s"], 0.99), rel=0.01)
    assert many.longest_s == np.max(waits["wait_s"])
    assert noted.of(1, still_s).longest_s == 9_999.0
    assert noted.of(1, np.empty(0)).quantile_s(0.5, EXACT) == EXACT // 2 - 1
