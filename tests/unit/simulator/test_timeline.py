"""Runs followed over time."""

import numpy as np
import pytest

from autoscaler.core.reasons import Reason
from autoscaler.simulator.result import Result
from autoscaler.simulator.run import simulate
from autoscaler.simulator.scenario import parse
from autoscaler.simulator.timeline import LIMITS, Quantity, Timeline

SCENARIO = """\
kind: Scenario
duration: 3m
scrapeInterval: 5s
startUp: 3s
functions:
  - {name: work, namespace: capped, count: 3, workload: &rush {type: constant, rate: 12}, service: 250ms, hold: 5s}
  - {name: work, namespace: free, count: 2, workload: *rush, service: 250ms}
  - {name: stray, namespace: nobody, workload: {type: constant, rate: 1}, service: 100ms, replicas: 1}
---
apiVersion: autoscaler.faas.dev/v1alpha1
kind: Tenant
metadata: {name: capped}
spec: {namespaces: [capped], source: main, budget: {replicas: {cap: 6}}}
---
apiVersion: autoscaler.faas.dev/v1alpha1
kind: Tenant
metadata: {name: free}
spec: {namespaces: [free], source: main}
---
apiVersion: autoscaler.faas.dev/v1alpha1
kind: ScalingPolicy
metadata: {name: default, namespace: capped}
spec:
  functions: {names: ["*"]}
  metrics: [{type: rps, target: 4, utilization: 0.7}]
  replicas: {min: 1}
---
apiVersion: autoscaler.faas.dev/v1alpha1
kind: ScalingPolicy
metadata: {name: default, namespace: free}
spec:
  functions: {names: ["*"]}
  metrics: [{type: rps, target: 4, utilization: 0.7}]
  replicas: {min: 1, max: 4}
"""


@pytest.fixture(scope="module")
def followed() -> tuple[Timeline, Result]:
    """Three minutes of two tenants and a function that nobody claims."""
    return follow()


def follow(**bounds: int) -> tuple[Timeline, Result]:
    timeline = Timeline(**bounds)
    scenario, documents = parse(SCENARIO)
    return timeline, simulate(scenario, {"scenario.yaml": documents}, watch=timeline.watch)


def test_tenants_add_up_to_everything(followed: tuple[Timeline, Result]) -> None:
    """At every point the tenants' lines, with what nobody claims, sum to the whole; names come sorted, nobody's last."""
    timeline, _ = followed
    tenants, whole = list(timeline.tenants()), timeline.whole()
    assert [line.name for line in tenants] == ["capped", "free", None]
    assert np.allclose(sum(line.mean for line in tenants), whole.mean, rtol=1e-4)
    assert np.allclose(sum(line.short for line in tenants), whole.short, rtol=1e-4)
    assert whole.at_s[0] == 0.0
    assert len(whole.at_s) == 91


def test_functions_are_the_busiest_and_the_rest(followed: tuple[Timeline, Result]) -> None:
    """Named are the functions with the highest load; what is left is one line, and together they are everything."""
    timeline, _ = followed
    named, rest = timeline.functions(5)
    assert [line.name for line in named] == [
        "capped/work-0",
        "capped/work-1",
        "capped/work-2",
        "free/work-0",
        "free/work-1",
    ]
    assert rest is not None
    assert rest.name == "1 others"
    assert np.allclose(sum(line.mean for line in (*named, rest)), timeline.whole().mean, rtol=1e-4)
    assert timeline.functions(6)[1] is None


def test_load_is_what_arrived(followed: tuple[Timeline, Result]) -> None:
    """Rates of requests, cold and refused ones give the counts of the result back."""
    timeline, result = followed
    seconds = timeline.whole().mean.sum(axis=0) * 2.0
    assert seconds[Quantity.LOAD] == pytest.approx(result.total.requests, rel=0.02)
    assert seconds[Quantity.COLD] == pytest.approx(result.total.cold, abs=1.0)
    assert result.total.refused > 0
    assert seconds[Quantity.REFUSED] == pytest.approx(result.total.refused, rel=0.05)


def test_what_limits_took_off_is_the_result_s_account(followed: tuple[Timeline, Result]) -> None:
    """By tenant and by function the replicas that each limit took are those of `Result.bound`, replica-second by replica-second.

    The tick at the very end lasts no time.
    """
    timeline, result = followed
    assert {bound.reason for bound in result.bound} == {"BUDGET", "MAX_REPLICAS"}
    for line in timeline.tenants():
        for place, reason in enumerate(LIMITS):
            expected = sum(one.short_s for one in result.bound if (one.tenant, one.reason) == (line.name, reason.name))
            assert float(line.short[:-1, place].sum()) * 2.0 == pytest.approx(expected, rel=1e-4)
    named, _ = timeline.functions(6)
    for line in named:
        expected = sum(one.short_s for one in result.bound if one.function == line.name)
        assert float(line.short[:-1].sum()) * 2.0 == pytest.approx(expected, rel=1e-4)


def test_wanted_is_before_every_limit(followed: tuple[Timeline, Result]) -> None:
    """Under a cap of 6 a tenant wants more and has 6, so does one whose functions have a maximum of their own; a function that
    nobody claims wants what it has.
    """
    timeline, _ = followed
    capped, free, stray = timeline.tenants()
    assert free.most[:, Quantity.REQUESTED].max() == 8.0
    assert free.mean[-1, Quantity.WANTED] > 9.0
    assert capped.most[:, Quantity.REQUESTED].max() == 6.0
    assert capped.mean[-1, Quantity.WANTED] > 9.0
    assert np.all(stray.mean[:, Quantity.WANTED] == 1.0)


def test_a_function_s_shortage_stands_with_the_limit_that_took_most(followed: tuple[Timeline, Result]) -> None:
    """The cap's functions are short by the budget, the others by their own maximum, and by nothing else."""
    named, _ = followed[0].functions(6)
    limits = {line.name: {LIMITS[place] for place in np.flatnonzero(line.short.sum(axis=0))} for line in named}
    assert limits["capped/work-0"] == {Reason.BUDGET}
    assert limits["free/work-0"] == {Reason.MAX_REPLICAS}
    assert limits["nobody/stray"] == set()


def test_waits_are_the_result_s(followed: tuple[Timeline, Result]) -> None:
    """The fraction that waited longer than a time falls with it, and at one in a hundred it is the row's p99."""
    timeline, result = followed
    whole, *tenants = timeline.waits()
    assert whole.requests == result.total.requests
    assert np.all(np.diff(whole.wait_s) >= 0.0)
    for row, waits in zip(result.tenants, tenants, strict=True):
        assert (waits.name, waits.requests) == (row.tenant, row.requests)
        at = int(np.argmin(np.abs(waits.longer - 0.01))) if row.requests >= 100 else None
        assert at is None or waits.wait_s[at] == pytest.approx(row.wait_p99_s, rel=0.01)


def test_few_points_say_the_same() -> None:
    """With room for few points the sums over the run stay, and so does the highest."""
    timeline, result = follow(points=16)
    fine, _ = follow()
    coarse, whole = timeline.whole(), fine.whole()
    assert len(coarse.at_s) <= 16
    assert coarse.most[:, Quantity.REQUESTED].max() == whole.most[:, Quantity.REQUESTED].max()
    assert result.total.requests > 0
    thin = whole.thinned(10)
    assert len(thin.at_s) <= 10
    assert thin.most[:, Quantity.LOAD].max() == whole.most[:, Quantity.LOAD].max()
    assert thin.at_s[1] == 20.0


def test_nothing_watched_is_empty() -> None:
    """Before a tick there are no lines, and the whole is refused."""
    timeline = Timeline()
    assert timeline.is_empty
    assert list(timeline.tenants()) == []
    assert timeline.functions(3) == ([], None)
    assert list(timeline.waits()) == []
    with pytest.raises(ValueError, match="no tick"):
        timeline.whole()
