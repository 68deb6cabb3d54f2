"""What only some functions have: scaling policies, further metrics, schedules, gathered into lanes."""

import numpy as np

from autoscaler.core.fleet import FunctionKey
from autoscaler.core.lanes import MetricKind, Select
from autoscaler.policy.compile import Compiler
from autoscaler.policy.deployment import Deployed
from autoscaler.policy.plan import Plan, QueryPlan
from tests.unit.policy.texts import ACME, NOW_S, deployed, loaded, policy

HOUR_S = 3600.0


def plan(*specs: str, functions: int | None = None) -> Plan:
    """Compile policies p0, p1, … for functions f0, f1, …, one each."""
    documents = [
        policy(f"p{number}", "acme-prod", f"{{functions: {{names: [f{number}]}}, {spec[1:-1]}}}")
        for number, spec in enumerate(specs)
    ]
    catalog = [deployed(f"f{number}") for number in range(len(specs) if functions is None else functions)]
    return Compiler().compile(loaded(ACME, *documents), catalog, NOW_S)


def test_scaling_policies_are_rules_of_their_functions() -> None:
    """Each function with policies has a rule, in the order of rows, and each rule its policies."""
    up = "{scaleUp: {policies: [{type: Pods, value: 4, period: 15s}, {type: Percent, value: 100, period: 1m}]}}"
    rates = plan(up, "{}", up.replace("]}", "], selectPolicy: Min}")).fleet.rate_up
    np.testing.assert_array_equal(rates.rows, [0, 2])
    np.testing.assert_array_equal(rates.select, [Select.MAX, Select.MIN])
    np.testing.assert_array_equal(rates.starts, [0, 2, 4])
    np.testing.assert_array_equal(rates.is_percent, [False, True, False, True])
    np.testing.assert_array_equal(rates.value, [4, 100, 4, 100])
    np.testing.assert_array_equal(rates.period_s, [15, 60, 15, 60])
    assert (rates.rows.dtype, rates.select.dtype, rates.is_percent.dtype) == (np.int64, np.uint8, np.bool_)


def test_a_direction_that_is_disabled_needs_no_policies() -> None:
    """`selectPolicy: Disabled` is a rule by itself, and of its direction alone."""
    fleet = plan("{scaleDown: {selectPolicy: Disabled}}").fleet
    assert fleet.rate_up.rows.tolist() == []
    np.testing.assert_array_equal(fleet.rate_down.select, [Select.DISABLED])
    assert np.diff(fleet.rate_down.starts).tolist() == [1]


def test_further_metrics_are_lanes_beside_the_gateways() -> None:
    """Of several metrics each that no gateway measures is a lane, with target × utilization and its own words."""
    made = plan(
        "{metrics: [{type: rps, target: 10}, {type: cpu, target: 500m}, {type: queue, target: 100, utilization: 0.5}]}",
        "{}",
        "{metrics: [{query: sum(jobs), activity: sum(busy), target: 3, targetType: Value}, {query: other, target: 1}]}",
    )
    others = made.fleet.others
    np.testing.assert_array_equal(others.rows, [0, 0, 2, 2])
    np.testing.assert_array_equal(others.kind, [MetricKind.CPU, MetricKind.QUEUE, MetricKind.QUERY, MetricKind.QUERY])
    np.testing.assert_array_equal(others.target, [0.5, 50, 3, 1])
    np.testing.assert_array_equal(others.is_value, [False, False, True, False])
    assert others.names == ("cpu", "queue", "sum(jobs)", "other")
    assert made.queries == (
        None,
        None,
        QueryPlan('sum(jobs{namespace=~"acme-dev|acme-prod"})', 'sum(busy{namespace=~"acme-dev|acme-prod"})'),
        QueryPlan('other{namespace=~"acme-dev|acme-prod"}', None),
    )
    np.testing.assert_array_equal(made.fleet.rules.target_rps, [7, np.inf, np.inf])
    np.testing.assert_array_equal(made.fleet.rules.target_concurrency, [np.inf, 70, np.inf])
    np.testing.assert_array_equal(made.fleet.rules.utilization_rps, [0.7, 1, 1])


def test_a_long_query_is_called_by_its_beginning() -> None:
    """Words call a query by one short line, while all of it is asked."""
    text = " + ".join(["jobs"] * 40)
    made = plan(f"{{metrics: [{{query: {text}, target: 1}}]}}")
    assert len(made.fleet.others.names[0]) <= 81
    (query,) = made.queries
    assert query is not None
    assert query.query.count("jobs{") == 40


def test_a_namespace_of_nobody_is_not_asked_for() -> None:
    """Of namespaces that another tenant claims too nothing is read, though the document names them."""
    from autoscaler.policy.loading import load
    from tests.unit.policy.texts import tenant

    files = {
        "a.yaml": ACME + policy("p", "acme-prod", "{metrics: [{query: jobs, target: 1}]}"),
        "b.yaml": tenant("umbrella", "acme-dev"),
    }
    (query,) = Compiler().compile(load(files), [deployed("f")], NOW_S).queries
    assert query is not None
    assert query.query == 'jobs{namespace=~"acme-prod"}'


def test_schedules_are_spans_of_their_functions() -> None:
    """Each span has its function's row, UTC edges, floor (0: none) and ceiling (inf: none); the plan knows till when."""
    made = plan(
        "{}",
        '{schedules: [{cron: "0 8 * * *", duration: 2h, min: 5}, {cron: "0 23 1 1 *", duration: 1h, max: 0}]}',
    )
    spans = made.fleet.schedules
    assert spans.rows.tolist() == [1] * 9
    np.testing.assert_array_equal(spans.starts_s[:2], [NOW_S + 8 * HOUR_S, NOW_S + 32 * HOUR_S])
    np.testing.assert_array_equal(spans.ends_s - spans.starts_s, [2 * HOUR_S] * 8 + [HOUR_S])
    np.testing.assert_array_equal(spans.floor, [5] * 8 + [0])
    np.testing.assert_array_equal(spans.ceiling, [np.inf] * 8 + [0])
    assert made.known_until_s == NOW_S + 8 * 24 * HOUR_S


def test_without_schedules_a_plan_is_known_for_ever() -> None:
    """Nothing runs out where nothing is scheduled, and no lane is there."""
    made = plan("{}", "{}")
    assert made.known_until_s == np.inf
    assert [len(lane.rows) for lane in (made.fleet.schedules, made.fleet.others, made.fleet.rate_up)] == [0, 0, 0]
    assert made.queries == ()


def test_a_plan_made_later_has_what_comes_then() -> None:
    """The same documents compiled a week later know the week after; in between spans stay as they are."""
    policies = loaded(ACME, policy("p", "acme-prod", '{schedules: [{cron: "0 8 * * *", duration: 2h, min: 5}]}'))
    compiler, catalog = Compiler(), [deployed("f")]
    first = compiler.compile(policies, catalog, NOW_S)
    soon = compiler.compile(policies, catalog, NOW_S + 24 * HOUR_S)
    later = compiler.compile(policies, catalog, first.known_until_s)
    assert (soon.known_until_s, later.known_until_s) == (first.known_until_s, first.known_until_s + 8 * 24 * HOUR_S)
    np.testing.assert_array_equal(soon.fleet.schedules.starts_s, first.fleet.schedules.starts_s)
    assert later.fleet.schedules.starts_s[0] == first.known_until_s + 8 * HOUR_S


def test_the_tightest_schedule_says_until_when_a_plan_is_known() -> None:
    """Of several schedules the one that is known least far ahead counts."""
    made = plan('{schedules: [{cron: "0 8 * * *", duration: 2h, min: 5}, {cron: "*/2 * * * *", duration: 1m, min: 1}]}')
    assert made.known_until_s == NOW_S + 128 * 120


def test_functions_that_say_the_same_have_lanes_of_their_own() -> None:
    """Rules are shared, lanes are not: each function under one policy has its own, in the order of rows."""
    documents = policy(
        "p",
        "acme-prod",
        '{metrics: [{type: queue, target: 1}], schedules: [{cron: "0 8 * * 4", duration: 2h, min: 5}], '
        "scaleUp: {policies: [{type: Pods, value: 1, period: 15s}]}}",
    )
    catalog = [deployed(f"f{number}") for number in range(3)]
    fleet = Compiler().compile(loaded(ACME, documents), catalog, NOW_S).fleet
    np.testing.assert_array_equal(fleet.others.rows, [0, 1, 2])
    np.testing.assert_array_equal(fleet.rate_up.starts, [0, 1, 2, 3])
    np.testing.assert_array_equal(fleet.schedules.rows, [0, 0, 1, 1, 2, 2])
    np.testing.assert_array_equal(fleet.schedules.starts_s, [NOW_S + 8 * HOUR_S, NOW_S + 176 * HOUR_S] * 3)


def test_the_time_of_creation_is_a_column() -> None:
    """A Deployment's creation is in its row; nan where it is not known."""
    known = Deployed(FunctionKey("acme-prod", "a"), "u", {"faas_function": "a"}, {}, created_s=NOW_S - 5)
    fleet = Compiler().compile(loaded(ACME), [known, deployed("b")], NOW_S).fleet
    np.testing.assert_array_equal(fleet.created_s, [NOW_S - 5, np.nan])


def test_each_new_field_reaches_its_column() -> None:
    """Panic, stabilization of growth, delay, fallback, deadline and initial replicas are columns of the rules."""
    rules = plan(
        "{windows: {stable: 2m, panic: 12s, panicThreshold: 3}, scaleUp: {stabilization: 30s}, scaleDown: {delay: 45s}, "
        "fallback: {after: 5, behavior: current-if-higher, replicas: 4}, progressDeadline: 2m, replicas: {initial: 3}}",
        "{}",
        "{windows: {panic: null}}",
        "{windows: {stable: 5s}}",
    ).fleet.rules
    np.testing.assert_array_equal(rules.panic_window_s[[0, 1, 3]], [12, 6, 0.5])
    np.testing.assert_array_equal(rules.panic_threshold, [3, 2, np.inf, 2])
    np.testing.assert_array_equal(rules.stabilization_up_s, [30, 0, 0, 0])
    np.testing.assert_array_equal(rules.delay_s, [45, 0, 0, 0])
    np.testing.assert_array_equal(rules.fallback_after, [5, 3, 3, 3])
    np.testing.assert_array_equal(rules.fallback_replicas, [4, np.nan, np.nan, np.nan])
    np.testing.assert_array_equal(rules.progress_deadline_s, [120, 600, 600, 600])
    np.testing.assert_array_equal(rules.initial, [3, 1, 1, 1])
