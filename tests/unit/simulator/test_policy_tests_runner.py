"""Policy tests, run: what a load over time and events come to, and what is said of expectations that do not hold."""

import pytest

from autoscaler.core.reasons import Reason
from autoscaler.simulator.policy_tests.outcome import Outcome
from autoscaler.simulator.policy_tests.reading import PolicyTestError, read_tests
from autoscaler.simulator.policy_tests.runner import prepare

POLICIES = """\
apiVersion: autoscaler.faas.dev/v1alpha1
kind: Tenant
metadata: {name: acme}
spec: {namespaces: [acme], bounds: {allowZero: true}}
---
apiVersion: autoscaler.faas.dev/v1alpha1
kind: ScalingPolicy
metadata: {name: api, namespace: acme}
spec:
  functions: {names: [api]}
  metrics: [{type: rps, target: 10, utilization: 1}]
  concurrencyLimit: 5
  replicas: {max: 20}
  scaleDown: {stabilization: 0s}
  zero: {after: 2m}
  wake: {waiters: 3}
  alerts: [{match: {alertname: Rush}, boost: {factor: 2}, expires: 90s}]
"""


def run(case: str, policies: str = POLICIES, setup: str = "functions: [{name: acme/api, replicas: 3}]") -> Outcome:
    """Run one test, written without its name."""
    text = f"kind: PolicyTest\n{setup}\ntests:\n  - name: it\n" + "".join(f"    {line}\n" for line in case.splitlines())
    (one,) = prepare(read_tests("tests.yaml", text).suites[0], {"acme.yaml": policies}, lambda _name: True)
    return one.outcome()


def passes(case: str, setup: str = "functions: [{name: acme/api, replicas: 3}]") -> bool:
    """Tell whether a test passes; where it does not, say why."""
    outcome = run(case, setup=setup)
    assert outcome.failures == ()
    return outcome.has_passed


def test_replicas_follow_the_decisions() -> None:
    """What was decided is requested at the next tick, and ready after its start-up."""
    assert passes(
        """\
input: {acme/api: {rps: 30x1 45x4}}
duration: 5m
expect:
  - {at: 2m, replicas: 3, ready: 3, seen: value}
  - {at: 2m58s, replicas: 5}
  - {at: 3m8s, ready: 4}
  - {at: 3m20s, ready: 5}
  - {changes: 2}
""",
        setup="startUp: 30s\nfunctions: [{name: acme/api, replicas: 3}]",
    )


def test_an_expectation_sees_the_last_decision_up_to_its_time() -> None:
    """Between two ticks the earlier one counts, and an event's own step comes between them."""
    assert passes("""\
input: {acme/api: {rps: 0}}
events: [{type: wake, at: 5m1s, function: acme/api, waiting: 0}]
expect:
  - {at: 5m0.5s, replicas: 0}
  - {at: 5m1s, replicas: 1}
  - {at: 5m1.9s, replicas: 1, reason: WAKE}
""")


def test_zero_is_inferred_and_can_be_overridden() -> None:
    """A load of 0 is proven idleness, unless the test says that it is not."""
    assert passes("input: {acme/api: {rps: 0}}\nexpect: [{at: 5m, replicas: 0, reason: ZERO_IDLE, seen: proven-zero}]")
    assert passes("""\
input: {acme/api: {rps: 0, spans: [{from: 0s, to: 10m, idle: false}]}}
expect: [{at: 5m, replicas: 1, seen: value}]
""")
    assert passes("""\
input: {acme/api: {rps: 0, inFlight: 1}}
expect: [{at: 5m, replicas: 1, seen: value}]
""")


def test_requests_in_flight_keep_their_replicas() -> None:
    """Eleven in flight at five for each replica need three, whatever the rate says."""
    assert passes("""\
input: {acme/api: {rps: 5, inFlight: 11}}
expect: [{at: 5m, replicas: 3, stages: {guards: {replicas: 3, reason: IN_FLIGHT}}}]
""")


def test_what_is_unknown_is_unknown() -> None:
    """`_`, a gap between spans and an outage all are; a missed scrape makes a lower bound."""
    assert passes("""\
input:
  acme/api:
    spans:
      - {from: 0s, to: 2m, rps: 30}
      - {from: 2m, to: 3m, rps: _}
      - {from: 4m, to: 20m, rps: 30..10}
      - {from: 12m, to: 13m, lowerBound: true}
events: [{type: prometheusOutage, from: 8m, to: 9m}]
expect:
  - {at: 2m, seen: value}
  - {at: 2m30s, seen: unknown, reason: UNKNOWN_LOAD}
  - {at: 3m30s, seen: unknown}
  - {at: 4m30s, seen: lower-bound}
  - {at: 6m, seen: value}
  - {at: 7m58s, seen: value}
  - {at: 8m, seen: unknown}
  - {at: 8m30s, seen: unknown}
  - {at: 12m30s, seen: lower-bound}
  - {at: 20m, seen: value, replicas: 2}
""")


def test_a_range_makes_loads_late_as_a_source_does() -> None:
    """With samples over 60 s the first is whole, and a step takes a minute to be seen."""
    assert passes(
        """\
input: {acme/api: {rps: 30x2 60x4}}
expect:
  - {at: 0s, seen: value, reason: DEMAND}
  - {at: 3m30s, replicas: {min: 4, max: 5}}
  - {at: 4m, replicas: 6}
""",
        setup="range: 60s\nfunctions: [{name: acme/api, replicas: 3}]",
    )


def test_history_is_seen_and_changes_no_replicas() -> None:
    """After ten minutes of history the first window is whole, and replicas are as the test says."""
    assert passes("""\
history: 10m
input: {acme/api: {rps: 10x5}}
expect:
  - {at: 0s, seen: value, replicas: {max: 2}}
  - {changes: {min: 1}, to: 10s}
""")


def test_alerts_fire_repeat_and_resolve() -> None:
    """A boost outlives its expiry while it is repeated, and is lifted at its end."""
    assert passes("""\
input: {acme/api: {rps: 30}}
events: [{type: alert, from: 2m, to: 8m, labels: {alertname: Rush, namespace: acme}}]
expect:
  - {at: 2m, replicas: 6, reason: BOOST}
  - {always: 6, from: 2m, to: 8m}
  - {at: 8m, replicas: 3}
""")
    assert passes("""\
input: {acme/api: {rps: 30}}
events: [{type: alert, from: 2m, to: 8m, repeat: 10m, labels: {alertname: Rush, namespace: acme}}]
expect:
  - {at: 3m28s, replicas: 6}
  - {at: 3m32s, replicas: 3}
""")


def test_a_wake_holds_as_many_requests_as_the_policy_allows() -> None:
    """Of twelve requests three may wait, for one replica; held requests are served when it is ready."""
    assert passes(
        """\
input: {acme/api: {rps: 0}}
events: [{type: wake, at: 5m, function: acme/api, waiting: 12}]
expect:
  - {at: 5m20s, replicas: 1, ready: 0, reason: WAITING}
  - {at: 5m40s, replicas: 1, ready: 1}
  - {at: 15m, replicas: 0, reason: ZERO_IDLE}
""",
        setup="startUp: 30s\nfunctions: [{name: acme/api, replicas: 0}]",
    )


OTHERS = """\
---
apiVersion: autoscaler.faas.dev/v1alpha1
kind: ScalingPolicy
metadata: {name: others, namespace: acme}
spec:
  functions: {names: [queue]}
  metrics: [{type: queue, target: 100}]
  zero: {after: 2m}
  wake: null
---
apiVersion: autoscaler.faas.dev/v1alpha1
kind: ScalingPolicy
metadata: {name: pile, namespace: acme}
spec: {functions: {names: [pile]}, metrics: [{type: concurrency, target: 10, utilization: 1}]}
---
apiVersion: autoscaler.faas.dev/v1alpha1
kind: ScalingPolicy
metadata: {name: blind, namespace: acme}
spec:
  functions: {names: [blind]}
  metrics: [{query: "sum by (namespace, function) (rows)", target: 10}]
  scaleDown: {stabilization: 0s}
---
apiVersion: autoscaler.faas.dev/v1alpha1
kind: ScalingPolicy
metadata: {name: watched, namespace: acme}
spec:
  functions: {names: [watched]}
  metrics: [{query: "sum by (namespace, function) (rows)", activity: "sum by (namespace, function) (rows)", target: 10}]
  scaleDown: {stabilization: 0s}
  zero: {after: 2m}
---
apiVersion: autoscaler.faas.dev/v1alpha1
kind: ScalingPolicy
metadata: {name: daily, namespace: acme}
spec: {functions: {names: [daily]}, schedules: [{cron: "0 6 * * *", duration: 12h, min: 4}]}
"""


def others_pass(function: str, case: str, replicas: int = 1, setup: str = "") -> bool:
    """Tell whether a test of one of these functions passes."""
    functions = f"functions: [{{name: acme/{function}, replicas: {replicas}}}]{setup}"
    outcome = run(case, policies=POLICIES + OTHERS, setup=functions)
    assert outcome.failures == ()
    return outcome.has_passed


def test_a_queue_at_0_is_idle_and_a_query_only_with_an_activity() -> None:
    """What an empty queue proves, a query proves where the policy asks for activity beside it, and else never."""
    series = "{others: {NAME: 30x2 0x30}}"
    expect = "expect: [{at: 30m, replicas: 0, reason: ZERO_IDLE}]"
    for function, name in (
        ("queue", "queue"),
        ("watched", "query"),
        ("watched", "'sum by (namespace, function) (rows)'"),
    ):
        assert others_pass(function, f"input: {{acme/{function}: {series.replace('NAME', name)}}}\n{expect}")
    assert others_pass(
        "blind", f"input: {{acme/blind: {series.replace('NAME', 'query')}}}\nexpect: [{{at: 20m, seen: value}}]"
    )


def test_what_is_never_woken_is_not_woken() -> None:
    """Under `wake: null` a request changes nothing, and none is held."""
    assert others_pass(
        "queue",
        """\
input: {acme/queue: {others: {queue: 0}}}
events: [{type: wake, at: 5m, function: acme/queue, waiting: 50}]
expect: [{always: 0}]
""",
        replicas=0,
    )


def test_obstacles_are_told_to_the_controller() -> None:
    """Behind a quota what piles up in flight asks for no more, and the decision says why."""
    assert others_pass(
        "pile",
        """\
input: {acme/pile: {concurrency: 10x1 20x1 60x6}}
events: [{type: quota, from: 2m, to: 7m, functions: [acme/pile]}]
expect:
  - {at: 6m, replicas: 2, ready: 1, reason: QUOTA_EXCEEDED}
  - {at: 9m, replicas: 6, ready: 6}
""",
    )


def test_schedules_go_on_for_as_long_as_the_test_does() -> None:
    """A plan knows about a week of a calendar; twenty days later a daily schedule still holds."""
    assert others_pass(
        "daily",
        """\
input: {acme/daily: {concurrency: 0}}
utc: 2026-03-01T00:00:00+01:00
expect:
  - {at: 487h30m, replicas: 4, reason: SCHEDULE}
  - {at: 486h30m, replicas: 1}
""",
        setup="\ntick: 10m",
    )


def test_marks_others_and_restarts() -> None:
    """Annotations come and go, somebody else scales, a foreign writer is left alone, the daemon forgets."""
    assert passes("""\
input: {acme/api: {rps: 30}}
events:
  - {type: mark, at: 2m, function: acme/api, annotations: {autoscaler.faas.dev/force: "7"}}
  - {type: mark, at: 4m, function: acme/api, annotations: {autoscaler.faas.dev/force: null}}
  - {type: scale, at: 6m, function: acme/api, replicas: 9}
  - {type: foreignWriter, from: 8m, to: 10m, function: acme/api}
  - {type: scale, at: 9m, function: acme/api, replicas: 12}
  - {type: restart, at: 12m}
expect:
  - {at: 3m, replicas: 7, reason: FORCED}
  - {at: 5m, replicas: 3}
  - {at: 6m10s, replicas: {max: 8}}
  - {at: 9m30s, replicas: 12, reason: FOREIGN_WRITER}
  - {at: 11m30s, replicas: 3}
  - {at: 12m30s, seen: lower-bound}
""")


def test_obstacles_keep_replicas_from_becoming_ready() -> None:
    """Behind a quota or a rollout what is asked for is not ready; when it goes, start-up begins."""
    assert passes(
        """\
input: {acme/api: {rps: 30x1 50x9}}
events:
  - {type: quota, from: 1m, to: 5m, functions: ["acme/*"]}
  - {type: rollout, from: 5m, to: 6m, function: acme/api}
expect:
  - {at: 4m, ready: 3}
  - {at: 6m5s, ready: 3}
  - {at: 6m10s, ready: 5}
""",
        setup="startUp: 10s\nfunctions: [{name: acme/api, replicas: 3}]",
    )


def test_a_function_may_be_deployed_later() -> None:
    """Before it is deployed there is no decision on it; then there is."""
    setup = "functions: [{name: acme/api, replicas: 3}, {name: acme/new, created: 2m}]"
    outcome = run(
        """\
input: {acme/api: {rps: 30}, acme/new: {concurrency: 0}}
duration: 4m
expect:
  - {function: acme/new, at: 1m, replicas: 0}
  - {function: acme/new, at: 3m, replicas: 1}
  - {function: acme/api, at: 3m, replicas: 3}
""",
        setup=setup,
    )
    assert [(failure.path, failure.differences[0].field) for failure in outcome.failures] == [
        ("tests[0].expect[0]", "decision")
    ]


def test_a_dry_run_is_decided_and_not_written() -> None:
    """The decision says what would be; what runs stays, and counts as one change."""
    assert passes(
        """\
input: {acme/api: {rps: 60}}
expect:
  - {at: 2m, replicas: 6, ready: 3}
  - {changes: 1}
""",
        setup='functions: [{name: acme/api, replicas: 3, annotations: {autoscaler.faas.dev/dry-run: "true"}}]',
    )


def test_a_failure_says_expected_and_got_with_what_was_decided_around_it() -> None:
    """Every field that differs is there, those that do not are apart, with the decision's record and its neighbours."""
    outcome = run("""\
input: {acme/api: {rps: 30x1 60x4 10x4}}
expect:
  - {at: 5m, replicas: 4, reason: WAKE, seen: value, stages: {demand: {replicas: 9}}}
  - {at: 5m, replicas: 6}
""")
    (failure,) = outcome.failures
    assert (failure.path, failure.line, failure.at_s, str(failure.function)) == (
        "tests[0].expect[0]",
        7,
        300.0,
        "acme/api",
    )
    assert {one.field: (one.expected, one.got) for one in failure.differences} == {
        "replicas": ("4", "6"),
        "reason": ("WAKE", "DEMAND"),
        "demand replicas": ("9", "6"),
    }
    assert failure.same == (("seen", "value"),)
    assert failure.record is not None
    assert failure.record.reason is Reason.DEMAND
    times = [one.at_s for one in failure.around]
    assert times == sorted(times)
    assert any(one.desired == 6 and one.requested == 5 for one in failure.around)
    assert any(time > 420.0 for time in times)


def test_spans_say_when_they_first_fail_and_how_often() -> None:
    """Bounds, forbidden codes and a number of changes each fail with the first decision that breaks them."""
    outcome = run("""\
input: {acme/api: {rps: 30x1 60x4 10x4}}
expect:
  - {always: {max: 5}, from: 2m, to: 7m}
  - {never: [MAX_REPLICAS, DEMAND], from: 1m}
  - {changes: 0}
  - {always: {min: 1, max: 6}}
""")
    first, second, third = outcome.failures
    assert [one.path for one in outcome.failures] == [f"tests[0].expect[{position}]" for position in range(3)]
    assert (first.differences[0].expected, first.differences[0].got) == ("always up to 5", "6")
    assert 150.0 < first.at_s <= 180.0
    assert first.more > 100
    assert (second.at_s, second.differences[0].got) == (60.0, "DEMAND")
    assert third.differences[0].field == "changes"
    assert int(third.differences[0].got) >= 4


@pytest.mark.parametrize(
    ("case", "setup", "path", "words"),
    [
        ("input: {other/x: {rps: 1}}", "functions: [{name: other/x}]", "functions[0].name", "acme"),
        ("input: {acme/api: {concurrency: 1}}", "functions: [{name: acme/api}]", "tests[0].input.acme/api.rps", "rps"),
        (
            "input: {acme/api: {rps: 1, others: {gpu: 1}}}",
            "functions: [{name: acme/api}]",
            "tests[0].input.acme/api.others.gpu",
            "none",
        ),
        (
            "input: {acme/api: {rps: 1}}",
            'functions: [{name: acme/api, labels: {autoscaler.faas.dev/function: "false"}}]',
            "functions[0]",
            "no such label",
        ),
        (
            "input: {acme/api: {rps: 1}}",
            "functions: [{name: acme/api, labels: {autoscaler.faas.dev/mx: '3'}}]",
            "autoscaler.faas.dev/mx",
            "autoscaler.faas.dev/max",
        ),
    ],
)
def test_what_contradicts_the_policies_is_refused(case: str, setup: str, path: str, words: str) -> None:
    """Functions of nobody, metrics that the policy does not use or that are missing, labels that say nothing."""
    with pytest.raises(PolicyTestError) as caught:
        run(f"{case}\nexpect: [{{at: 1m, replicas: 1}}]", setup=setup)
    found = {problem.path: problem for problem in caught.value.problems}
    assert path in found
    assert words in found[path].allowed


def test_what_is_wrong_with_documents_is_told() -> None:
    """A policy that is refused makes no test pass by its defaults."""
    with pytest.raises(PolicyTestError) as caught:
        run("expect: [{at: 1m, replicas: 1}]", policies=POLICIES.replace("max: 20", "mx: 20"))
    assert caught.value.problems[0].path == "spec.replicas.mx"


def test_a_test_repeats_to_the_byte() -> None:
    """Two runs come to the same outcome."""
    case = "input: {acme/api: {rps: 0+1x300}}\ninterval: 2s\nexpect: [{at: 5m, replicas: 99}]"
    assert run(case) == run(case)
