"""Runs: the daemon's controller over the simulated platform."""

import json
from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from autoscaler.core.decisions import Decisions
from autoscaler.core.events import BoostFiring, BoostResolved, Event, Wake
from autoscaler.core.fleet import FunctionKey
from autoscaler.core.now import Now
from autoscaler.core.observation import Observation
from autoscaler.core.obstacles import Obstacle
from autoscaler.core.reasons import Reason
from autoscaler.policy.plan import Plan
from autoscaler.simulator.recorded_rates import RecordedRates
from autoscaler.simulator.result import Gap, Result, Row
from autoscaler.simulator.run import Run, plan_of, simulate
from autoscaler.simulator.scenario import ScenarioError, parse
from simulations.figures import read_study, scenarios

SCENARIO = """\
kind: Scenario
duration: {duration}
scrapeInterval: 5s
startUp: 4s
functions:
  - {{name: resize, namespace: acme, workload: {workload}, service: 200ms, serviceTimes: constant, {more}}}
events: {events}
---
apiVersion: autoscaler.faas.dev/v1alpha1
kind: Tenant
metadata: {{name: acme}}
spec: {{namespaces: [acme], source: main, bounds: {{allowZero: true}}, {tenant}}}
---
apiVersion: autoscaler.faas.dev/v1alpha1
kind: ScalingPolicy
metadata: {{name: default, namespace: acme}}
spec:
  functions: {{names: ["*"]}}
  {metric}
  scaleDown: {{stabilization: 30s}}
  zero: {{after: 1m}}
  {policy}
"""

Steps = list[tuple[Now, Observation | None, tuple[Event, ...], Decisions]]


DOCUMENTS = {
    "tenant": "dryRun: false",
    "policy": "",
    "metric": "metrics: [{type: rps, target: 4, utilization: 1}]",
}


def filled(workload: str, duration: str = "5m", more: str = "replicas: 0", events: str = "[]", **documents: str) -> str:
    return SCENARIO.format(workload=workload, duration=duration, more=more, events=events, **DOCUMENTS | documents)


def run(
    workload: str = "{type: constant, rate: 10}",
    duration: str = "5m",
    more: str = "replicas: 0",
    events: str = "[]",
    seed: int | None = None,
    **documents: str,
) -> tuple[Result, Steps]:
    """Run one function `acme/resize`, and give the outcome with every step of the controller."""
    scenario, policies = parse(filled(workload, duration, more, events, **documents))
    steps: Steps = []
    result = simulate(scenario, {"policies": policies}, seed=seed, record=lambda *step: steps.append(step))
    return result, steps


def replicas_at(steps: Steps, at_s: float) -> float:
    """Give what was requested at a tick."""
    return next(float(seen.requested[0]) for now, seen, _, _ in steps if seen and now.monotonic_s >= at_s)


def test_one_seed_gives_the_same_bytes_and_another_does_not() -> None:
    """Equal seeds, equal bytes; the next seed has other arrivals."""
    assert run(seed=3)[0].to_json() == run(seed=3)[0].to_json()
    assert run(seed=3)[0].to_json() != run(seed=4)[0].to_json()


def test_replicas_follow_the_load() -> None:
    """10/s at 4/s for each replica is 3 replicas; 40/s from the third minute on is 10."""
    workload = "{type: steps, arrivals: even, steps: [{at: 0s, rate: 10}, {at: 150s, rate: 40}]}"
    _, steps = run(workload, more="replicas: 3")
    assert replicas_at(steps, 140) == 3
    assert replicas_at(steps, 280) == 10


def test_a_request_to_a_function_at_zero_is_a_wake_at_that_moment() -> None:
    """The first request, at 63.5 s between two ticks, wakes; it waits the start-up time and no more."""
    workload = "{type: steps, arrivals: even, steps: [{at: 63500ms, rate: 0.001}]}"
    result, steps = run(workload)
    wakes = [(now.monotonic_s, events) for now, _, events, _ in steps if events]
    assert wakes == [(63.5, (Wake(FunctionKey("acme", "resize"), 1),))]
    row = result.functions[0]
    assert (row.requests, row.cold, row.wait_max_s) == (1, 1, pytest.approx(4.0))
    assert result.changes["WAITING"] == 1


def test_a_write_takes_its_delay() -> None:
    """With a write delay of 3 s the woken request waits 3 s more, and other requests wake again meanwhile."""
    workload = "{type: steps, arrivals: even, steps: [{at: 63500ms, rate: 0.001}]}"
    scenario = run(workload, events="[]\nwriteDelay: 3s")[0]
    assert scenario.functions[0].wait_max_s == pytest.approx(7.0)


def test_a_function_without_wake_is_not_woken() -> None:
    """Where the policy says `wake: null`, a request at zero makes no event and is refused; the load that it shows starts it."""
    workload = "{type: steps, arrivals: even, steps: [{at: 63500ms, rate: 0.001}]}"
    result, steps = run(workload, policy="wake: null")
    assert not any(events for _, _, events, _ in steps)
    assert not any(seen.waiting.any() for _, seen, _, _ in steps if seen)
    row = result.functions[0]
    assert (row.requests, row.refused, row.turned_away, row.late, row.unfinished) == (1, 1, 1, 0, 0)
    assert (row.wait_max_s, row.replicas_max) == (0.0, 1)


def test_an_idle_function_goes_to_zero_with_proof_and_not_before() -> None:
    """Silent from 60 s on: zero after the proof covers a minute, and not a replica less than one before that."""
    workload = "{type: steps, arrivals: even, steps: [{at: 0s, rate: 4}, {at: 60s, rate: 0}]}"
    result, steps = run(workload, more="replicas: 1")
    assert replicas_at(steps, 118) == 1
    assert replicas_at(steps, 298) == 0
    assert result.changes == {"ZERO_IDLE": 1}


def test_while_prometheus_is_away_nothing_shrinks() -> None:
    """Traffic stops in the very minute in which Prometheus goes: no replica is removed until it is back."""
    workload = "{type: steps, arrivals: even, steps: [{at: 0s, rate: 20}, {at: 100s, rate: 0}]}"
    events = "[{type: prometheusOutage, from: 100s, to: 200s}]"
    _, steps = run(workload, more="replicas: 5", events=events)
    silent = [seen for now, seen, _, _ in steps if seen and 100 <= now.monotonic_s < 200]
    assert all(np.isnan(seen.load.rps).all() for seen in silent)
    assert {float(seen.requested[0]) for seen in silent} == {5.0}
    assert replicas_at(steps, 290) == 5  # 262 s: a window of a minute is known; from there on stabilization looks back
    assert replicas_at(steps, 298) < 5


def test_an_outage_leaves_a_gap_that_five_scrapes_fill() -> None:
    """Prometheus scrapes nothing while it is away: back at 200 s, with scrapes 5 s apart, it is covered from 221.85 s on."""
    events = "[{type: prometheusOutage, from: 100s, to: 200s}]"
    _, steps = run(more="replicas: 5", events=events)
    covered = {now.monotonic_s: bool(seen.load.is_covered[0]) for now, seen, _, _ in steps if seen}
    assert next(at_s for at_s, is_covered in covered.items() if 100 <= at_s < 230 and is_covered) == 222.0


@pytest.mark.parametrize("event", ["prometheusOutage", "targetDown"])
def test_back_from_an_outage_no_replica_is_removed_under_constant_load(event: str) -> None:
    """Five minutes without scrapes under 20/s: from the first answer on, never less than the 5 replicas."""
    events = f"[{{type: {event}, from: 100s, to: 400s}}]"
    workload = "{type: constant, rate: 20, arrivals: even}"
    _, steps = run(workload, duration="10m", more="replicas: 5", events=events)
    assert {float(seen.requested[0]) for _, seen, _, _ in steps if seen} == {5.0}


def test_a_tenants_cap_binds() -> None:
    """A load of 10 replicas in a tenant with a cap of 4 gets 4, with the budget as the reason."""
    result, _ = run("{type: constant, rate: 40}", tenant="budget: {replicas: {cap: 4}}")
    assert result.tenants[0].replicas_max == 4
    assert result.changes["BUDGET"] >= 1


def test_an_alert_boosts_while_it_fires() -> None:
    """An alert with factor 3 over a demand of 3 holds 9 replicas while it fires; resolved, they go again."""
    events = "[{type: alert, from: 120s, to: 240s, repeat: 30s, labels: {alertname: Rush, namespace: acme, function: resize}}]"
    policy = "alerts: [{match: {alertname: Rush}, boost: {factor: 3}, expires: 1m}]"
    workload = "{type: constant, rate: 10, arrivals: even}"
    _, steps = run(workload, duration="8m", more="replicas: 3", events=events, policy=policy)
    assert [replicas_at(steps, at_s) for at_s in (118, 124, 238, 470)] == [3, 9, 9, 3]
    sent = [event for _, _, events, _ in steps for event in events]
    assert [type(event) for event in sent] == [BoostFiring] * 4 + [BoostResolved]


def test_a_wake_event_starts_a_function_without_a_request() -> None:
    """An event of type wake raises a function at zero that nobody calls."""
    events = "[{type: wake, at: 61s, namespace: acme, function: resize}]"
    result, steps = run("{type: constant, rate: 0}", duration="2m", events=events)
    assert replicas_at(steps, 64) == 1
    assert result.changes["WAKE"] == 1


def test_dry_run_decides_and_writes_nothing() -> None:
    """Under a tenant's dryRun the changes are counted and no replica ever starts."""
    result, steps = run(tenant="dryRun: true")
    assert result.functions[0].replicas_max == 0
    assert sum(result.changes.values()) > 0
    assert {float(seen.requested[0]) for _, seen, _, _ in steps if seen} == {0.0}


def test_functions_without_a_tenant_are_left_alone() -> None:
    """A namespace that no tenant claims is simulated and never scaled."""
    text = filled("{type: constant, rate: 10}", "1m", "replicas: 1")
    scenario, policies = parse(text.replace("namespace: acme, workload", "namespace: other, workload"))
    result = simulate(scenario, {"policies": policies})
    assert (result.functions[0].tenant, result.functions[0].replicas_max) == (None, 1)
    assert result.changes == {}


def test_a_wrong_policy_stops_the_run() -> None:
    """A run without a document that was meant to be there would mislead: its problem is told instead."""
    with pytest.raises(ScenarioError) as caught:
        run(policy="zeroo: null")
    assert [problem.path for problem in caught.value.problems] == ["spec.zeroo"]


def test_progress_is_told_to_the_end() -> None:
    """Virtual time is told in order, up to the duration."""
    text = filled("{type: constant, rate: 1}", "1m", "replicas: 1")
    scenario, policies = parse(text)
    told: list[float] = []
    simulate(scenario, {"policies": policies}, progress=told.append)
    assert told == sorted(told)
    assert told[-1] == 60.0


@pytest.mark.parametrize("folder", scenarios(), ids=lambda folder: folder.name)
def test_a_study_runs_and_its_sums_are_right(folder: Path) -> None:
    """The first quarter of an hour of every study runs; tenants' rows are the sums of their functions', as JSON too."""
    scenario, files, traces = read_study(folder)
    result = simulate(scenario.model_copy(update={"duration": 900.0}), files, traces=traces)
    assert result.ticks == 900 / scenario.tick + 1
    assert sum(result.decided.values()) == result.ticks * len(result.functions)
    for tenant in result.tenants:
        rows = [row for row in result.functions if row.tenant == tenant.tenant]
        same: tuple[Callable[[Row], float], ...] = (
            lambda row: row.requests,
            lambda row: row.cold,
            lambda row: row.refused,
            lambda row: row.replica_seconds,
            lambda row: row.zero_s,
            lambda row: row.panic_ticks,
        )
        assert all(sum(map(number, rows)) == pytest.approx(number(tenant)) for number in same)
        assert tenant.replicas_max <= sum(row.replicas_max for row in rows)
    document = json.loads(result.to_json())
    assert [row["function"] for row in document["functions"]] == [row.function for row in result.functions]
    assert {Reason[name] for name in document["changes"]} <= set(Reason)


def test_a_schedule_follows_the_calendar_of_the_run() -> None:
    """From 08:00 in Tokyo (23:00 UTC) five replicas at least: a run from 22:58 UTC has them from its second minute on."""
    policy = 'schedules: [{cron: "0 8 * * *", timeZone: Asia/Tokyo, duration: 2m, min: 5}]'
    _, steps = run(
        "{type: constant, rate: 1}", events="[]\nutc: 2026-03-01T22:58:00Z", policy=policy, more="replicas: 1"
    )
    assert steps[0][0].utc_s == 1_772_405_880.0
    assert [replicas_at(steps, at_s) for at_s in (118, 124)] == [1, 5]


def test_a_plan_is_made_again_before_its_schedules_run_out() -> None:
    """Plans that are good for 100 s are asked for at 0, 100, 200 and 300 s, and the next tick has the new fleet."""
    scenario, policies = parse(filled("{type: constant, rate: 1}"))
    asked: list[float] = []
    fleets: list[tuple[float, int]] = []

    def plan(utc_s: float) -> Plan:
        asked.append(utc_s - scenario.utc)
        return replace(plan_of(scenario, {"policies": policies}, utc_s), known_until_s=utc_s + 100.0)

    def record(now: Now, seen: Observation | None, _events: tuple[Event, ...], _decisions: Decisions) -> None:
        if seen is not None:
            fleets.append((now.monotonic_s, id(seen.fleet)))

    Run(scenario, plan, 1, {}, record).to_the_end()
    assert asked == [0, 100, 200, 300]
    changes = [later[0] for earlier, later in pairwise(fleets) if earlier[1] != later[1]]
    assert changes == [100, 200, 300]


def test_behind_a_quota_replicas_are_missing_and_the_controller_sees_why() -> None:
    """Load for 5 replicas behind a quota from the start: one runs, the observation says so, and after it there are five."""
    events = '[{type: quota, from: 1s, to: 150s, functions: ["*/res*"]}]'
    workload = "{type: constant, rate: 20, arrivals: even}"
    _, steps = run(workload, more="replicas: 1", events=events)
    seen = {now.monotonic_s: observation for now, observation, _, _ in steps if observation is not None}
    behind = [one for at_s, one in seen.items() if 60 <= at_s < 150]
    assert {float(one.ready[0]) for one in behind} == {1.0}
    assert {int(one.obstacle[0]) for one in behind if one.requested[0] > 1} == {Obstacle.QUOTA_EXCEEDED}
    assert any(one.requested[0] > 1 for one in behind)
    assert seen[298.0].ready[0] == 5
    assert seen[298.0].obstacle[0] == Obstacle.NONE


def test_of_two_obstacles_at_once_the_newer_is_seen_and_the_older_stays() -> None:
    """A crash within a longer quota is what is seen while it lasts, and the quota again after it."""
    events = (
        "[{type: quota, from: 1s, to: 200s, functions: [acme/resize]}, "
        "{type: crash, from: 100s, to: 150s, functions: [acme/resize]}]"
    )
    _, steps = run("{type: constant, rate: 20, arrivals: even}", more="replicas: 1", events=events)
    seen = {
        now.monotonic_s: int(observation.obstacle[0]) for now, observation, _, _ in steps if observation is not None
    }
    assert [seen[at_s] for at_s in (98.0, 120.0, 160.0, 298.0)] == [
        Obstacle.QUOTA_EXCEEDED,
        Obstacle.NOT_READY,
        Obstacle.QUOTA_EXCEEDED,
        Obstacle.NONE,
    ]


def test_a_queue_that_fills_wakes_a_function_without_a_request() -> None:
    """Messages from 60 s on, ten a second, taken off at 5/s by each replica: replicas come, and the queue is held."""
    more = (
        "replicas: 0, metrics: {queue: {type: backlog, service: 200ms, "
        "arriving: {type: steps, steps: [{at: 60s, rate: 10}]}}}"
    )
    text = "metrics: [{type: queue, target: 20}]"
    _, steps = run("{type: constant, rate: 0}", more=more, policy=f"{text}\n  replicas: {{max: 10}}", metric="")
    waiting = [float(seen.load.others[0]) for _, seen, _, _ in steps if seen is not None]
    assert replicas_at(steps, 58) == 0
    assert replicas_at(steps, 120) >= 1
    assert waiting[29] == 0
    assert 0 < max(waiting) < 2_000


def test_while_prometheus_is_away_further_metrics_are_unknown_and_go_on() -> None:
    """A queue that nobody sees for a minute has grown when it is seen again."""
    more = "replicas: 1, metrics: {queue: {type: backlog, service: 1h, arriving: {type: constant, rate: 1}}}"
    events = "[{type: prometheusOutage, from: 60s, to: 120s}]"
    policy = "metrics: [{type: queue, target: 1000}]"
    _, steps = run("{type: constant, rate: 0}", more=more, events=events, policy=policy, metric="")
    found = {now.monotonic_s: seen for now, seen, _, _ in steps if seen is not None}
    assert found[58.0].load.others.tolist() == [58]
    assert not np.isfinite(found[90.0].load.others).any()
    assert found[120.0].load.others.tolist() == [120]


def test_a_metric_that_the_policy_needs_and_the_scenario_has_not_stops_the_run() -> None:
    """A policy by cpu over a scenario without one would hold for ever: its absence is told instead."""
    with pytest.raises(ScenarioError) as caught:
        run(policy="metrics: [{type: cpu, target: 1}]", metric="")
    assert [(problem.file, problem.path) for problem in caught.value.problems] == [("acme/resize", "metrics.cpu")]


def test_recorded_traffic_arrives_and_its_gaps_are_told() -> None:
    """A minute at 2/s, a minute that is not known, silence after the record: 120 requests, and one gap to the end."""
    text = filled("{type: csv, file: rates.csv}")
    scenario, policies = parse(text)
    key = FunctionKey("acme", "resize")
    rates = RecordedRates(np.array([0.0, 60.0, 120.0]), np.array([2.0, np.nan]), arrivals="even")
    result = simulate(scenario, {"policies": policies}, traces={(key, ""): rates})
    assert result.functions[0].requests == 120
    assert result.gaps == (Gap("acme/resize", "", 60.0, 300.0),)


def test_recorded_traffic_that_nobody_read_stops_the_run() -> None:
    """A scenario with a CSV cannot be run without its rates: the field that names it is told."""
    scenario, policies = parse(filled("{type: csv, file: rates.csv}"))
    with pytest.raises(ScenarioError) as caught:
        simulate(scenario, {"policies": policies})
    assert [problem.path for problem in caught.value.problems] == ["functions[0].workload"]


def test_decisions_of_full_ticks_are_counted_by_reason() -> None:
    """Five minutes of ticks of 2 s for one function are 151 decisions, a changed one or not."""
    result, _ = run()
    assert sum(result.decided.values()) == result.ticks == 151
    assert {Reason[name] for name in result.decided} <= set(Reason)


def test_ticks_in_panic_mode_are_counted() -> None:
    """A load that grows tenfold within seconds panics for at least a stable window of 30 ticks; a constant one never does."""
    workload = "{type: steps, arrivals: even, steps: [{at: 0s, rate: 4}, {at: 150s, rate: 40}]}"
    assert run(workload, more="replicas: 1")[0].functions[0].panic_ticks >= 30
    assert run("{type: constant, rate: 3, arrivals: even}", more="replicas: 1")[0].functions[0].panic_ticks == 0
