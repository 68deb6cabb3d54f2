"""The plan: columns in the order of keys, and work only for what changed."""

import numpy as np

from autoscaler.core.fleet import FunctionKey
from autoscaler.policy.compile import Compiler
from autoscaler.policy.deployment import Deployed
from autoscaler.policy.loading import PolicySet
from tests.unit.policy.texts import ACME, NOW_S, deployed, loaded, policy, tenant

POLICIES = loaded(
    ACME + "  budget: {replicas: {cap: 12}}\n",
    tenant("umbrella", "umbrella-fn", "{source: other, dryRun: true}"),
    policy("p", "acme-prod", "{concurrencyLimit: 20, concurrencyCap: 100, zero: {after: 1m}, wake: null}"),
)
CATALOG = [
    deployed("b", annotations={"autoscaler.faas.dev/paused": "true"}),
    deployed("z", "umbrella-fn"),
    deployed("a", annotations={"autoscaler.faas.dev/force": "4"}),
    deployed("a", "acme-dev"),
    deployed("stranger", "kube-system"),
    Deployed(FunctionKey("acme-prod", "postgres"), "u", {"app": "postgres"}, {}),
]


def test_rows_are_the_tenants_functions_by_key() -> None:
    """Only functions of claimed namespaces have rows, sorted by key, whatever the catalog's order."""
    for catalog in (CATALOG, CATALOG[::-1]):
        plan = Compiler().compile(POLICIES, catalog, NOW_S)
        assert [str(key) for key in plan.fleet.keys] == ["acme-dev/a", "acme-prod/a", "acme-prod/b", "umbrella-fn/z"]
        assert plan.fleet.row_of == {key: row for row, key in enumerate(plan.fleet.keys)}
        assert plan.fleet.uids[1] == "uid-acme-prod-a"
        assert [plan.fleet.tenants[index] for index in plan.fleet.tenant] == ["acme", "acme", "acme", "umbrella"]


def test_columns_say_what_policies_say() -> None:
    """Limits are numbers, inf where there is none, nan for no force."""
    rules = Compiler().compile(POLICIES, CATALOG, NOW_S).fleet.rules
    np.testing.assert_array_equal(rules.concurrency_cap, [np.inf, 100, 100, np.inf])
    np.testing.assert_array_equal(rules.zero_after_s, [np.inf, 60, 60, np.inf])
    np.testing.assert_array_equal(rules.max_replicas, [50, 50, 50, np.inf])
    np.testing.assert_array_equal(rules.target_concurrency, [70, 70, 70, 70])
    np.testing.assert_array_equal(rules.target_rps, [np.inf] * 4)
    np.testing.assert_array_equal(rules.force, [np.nan, 4, np.nan, np.nan])
    np.testing.assert_array_equal(rules.paused, [False, False, True, False])
    assert rules.force.dtype == np.float64
    assert rules.paused.dtype == np.bool_


def test_tenants_stand_in_the_plan_with_and_without_functions() -> None:
    """Every tenant in force is there, with cap (inf: none), source, namespaces and dry run."""
    plan = Compiler().compile(POLICIES, [], NOW_S)
    assert plan.fleet.tenants == ("acme", "umbrella")
    np.testing.assert_array_equal(plan.fleet.tenant_cap, [12, np.inf])
    assert plan.tenants["acme"].namespaces == {"acme-prod", "acme-dev"}
    assert (plan.tenants["umbrella"].source, plan.tenants["umbrella"].dry_run) == ("other", True)
    assert len(plan.fleet) == 0


def test_the_shells_part_is_in_the_same_rows() -> None:
    """Wake, dry run and policy name stand beside the fleet, row by row."""
    functions = Compiler().compile(POLICIES, CATALOG, NOW_S).functions
    assert [one.wake_hold_s for one in functions] == [25, None, None, 25]
    assert [one.policy for one in functions] == [None, "acme-prod/p", "acme-prod/p", None]
    assert [one.dry_run for one in functions] == [False, False, False, True]


def test_nothing_gives_an_empty_plan() -> None:
    """No documents: no rows, no tenants, whatever runs."""
    plan = Compiler().compile(PolicySet(), CATALOG, NOW_S)
    assert (len(plan.fleet), plan.tenants, plan.functions) == (0, {}, ())
    assert plan.fleet.rules.force.shape == (0,)


def test_only_what_changed_is_resolved_anew() -> None:
    """Functions that say the same share one resolution, and a change gives a new one to its function alone."""
    compiler = Compiler()
    catalog = [deployed(f"f{n}") for n in range(1000)]
    compiler.compile(POLICIES, catalog, NOW_S)
    before = [compiler.rules(one.key) for one in catalog]
    assert len({id(rules) for rules in before}) == 1
    catalog[7] = deployed("f7", labels={"com.openfaas.scale.max": "3"})
    catalog[8] = deployed("f8")  # the same words in another object
    plan = compiler.compile(POLICIES, catalog, NOW_S)
    after = [compiler.rules(one.key) for one in catalog]
    assert [n for n in range(1000) if after[n] is not before[n]] == [7]
    assert plan.fleet.rules.max_replicas[plan.fleet.row_of[FunctionKey("acme-prod", "f7")]] == 3


def test_changed_documents_reach_every_function() -> None:
    """A new policy set is in the next plan, also for functions that did not change."""
    compiler, catalog = Compiler(), [deployed("f")]
    assert compiler.compile(POLICIES, catalog, NOW_S).fleet.rules.max_replicas[0] == 50
    tighter = loaded(ACME.replace("50", "5"))
    assert compiler.compile(tighter, catalog, NOW_S).fleet.rules.max_replicas[0] == 5


def test_a_recreated_deployment_is_another_function() -> None:
    """The uid of a row is that of the Deployment that is there now."""
    compiler = Compiler()
    compiler.compile(POLICIES, [deployed("f", uid="old")], NOW_S)
    assert compiler.compile(POLICIES, [deployed("f", uid="new")], NOW_S).fleet.uids == ("new",)


def test_problems_of_labels_come_and_go_with_their_function() -> None:
    """A wrong label is told as long as its function is there, and again in every plan."""
    compiler = Compiler()
    wrong = deployed("f", labels={"com.openfaas.scale.max": "many"})
    for _ in range(2):
        compiler.compile(POLICIES, [wrong, deployed("g")], NOW_S)
        assert [problem.file for problem in compiler.problems] == ["acme-prod/f"]
    compiler.compile(POLICIES, [deployed("g")], NOW_S)
    assert compiler.problems == ()


def test_labels_that_keep_changing_fill_no_memory() -> None:
    """What a function once said is forgotten: the compiler holds what is said now, and little more."""
    compiler = Compiler()
    for count in range(3000):
        compiler.compile(POLICIES, [deployed("f", annotations={"autoscaler.faas.dev/force": str(count)})], NOW_S)
    assert len(compiler._shared) <= 1001


def test_what_everybody_has_is_kept_once() -> None:
    """A number that all functions share takes no memory for each; one that differs has a row for each."""
    deployments = [deployed(f"f{number}", labels={"com.openfaas.scale.min": str(number % 2)}) for number in range(100)]
    rules = Compiler().compile(loaded(ACME), deployments, NOW_S).fleet.rules
    assert (rules.stable_window_s.strides, set(rules.stable_window_s.tolist())) == ((0,), {60.0})
    assert rules.min_replicas.tolist() == [
        float(int(one.key.name[1:]) % 2) for one in sorted(deployments, key=lambda one: one.key)
    ]
