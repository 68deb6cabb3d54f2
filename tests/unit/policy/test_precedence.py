"""Precedence: each layer over the one below, and bounds over all of them."""

import pytest

from autoscaler.core.fleet import FunctionKey
from autoscaler.policy.compile import Compiler
from autoscaler.policy.deployment import Deployed
from autoscaler.policy.labels import Said
from autoscaler.policy.loading import PolicySet
from autoscaler.policy.precedence import BUILT_IN, fits
from autoscaler.policy.rules import FunctionRules
from tests.unit.policy.texts import ACME, NOW_S, deployed, loaded, policy


def rules_of(policies: PolicySet, function: Deployed) -> FunctionRules:
    compiler = Compiler()
    compiler.compile(policies, [function], NOW_S)
    found = compiler.rules(function.key)
    assert found is not None
    return found


def test_without_a_word_the_built_in_defaults_hold() -> None:
    """A tenant that says nothing gets the documented defaults, each with the default as its origin."""
    rules = rules_of(loaded(ACME), deployed("f"))
    assert {path: said.value for path, said in rules.fields.items()} == {
        path: said.value for path, said in BUILT_IN.items()
    } | {"replicas.max": 50}
    assert rules.fields["windows.stable"].origin == "built-in default"


def test_each_layer_overrides_the_one_below() -> None:
    """Tenant defaults beat built-in ones, a policy beats those, a label beats the policy; the origin says which."""
    policies = loaded(
        ACME + "  defaults: {replicas: {min: 1, max: 20}, windows: {stable: 90s}}\n",
        policy("p", "acme-prod", "{replicas: {min: 2}, scaleDown: {maxRate: 4}}"),
    )
    fields = rules_of(policies, deployed("f", labels={"autoscaler.faas.dev/min": "3"})).fields
    assert {
        path: fields[path] for path in ("replicas.min", "replicas.max", "scaleDown.maxRate", "scaleUp.maxRate")
    } == {
        "replicas.min": Said(3, "autoscaler.faas.dev/min"),
        "replicas.max": Said(20, "policies.yaml:7"),
        "scaleDown.maxRate": Said(4.0, "policies.yaml:13"),
        "scaleUp.maxRate": Said(1000.0, "built-in default"),
    }
    assert fields["windows.stable"].value == 90


def test_a_default_written_out_still_overrides() -> None:
    """A policy that writes a built-in default's value means it: it beats the tenant's default."""
    policies = loaded(
        ACME + "  defaults: {wake: null, zero: {after: 1m}, replicas: {max: 5}}\n",
        policy("p", "acme-prod", "{wake: {hold: 25s}, zero: null, replicas: {max: null}}"),
    )
    rules = rules_of(policies, deployed("f"))
    assert rules.plan.wake_hold_s == 25
    assert rules.fields["zero"].value is None
    assert rules.fields["replicas.max"].value == 50  # the tenant's bound


@pytest.mark.parametrize(
    ("name", "labels", "expected"),
    [
        ("thumb", {"tier": "batch", "zone": "a"}, "acme-prod/exact"),
        ("thumbnail", {"tier": "batch", "zone": "a"}, "acme-prod/longer"),
        ("thin", {"tier": "batch", "zone": "a"}, "acme-prod/shorter"),
        ("other", {"tier": "batch", "zone": "a"}, "acme-prod/two-labels"),
        ("other", {"tier": "batch"}, "acme-prod/one-label"),
        ("other", {}, "acme-prod/all"),
    ],
)
def test_the_most_specific_policy_holds(name: str, labels: dict[str, str], expected: str) -> None:
    """Exact name, then the longest pattern, then the most labels, then `*`."""
    policies = loaded(
        ACME,
        policy("all", "acme-prod", "{}"),
        policy("exact", "acme-prod", "{functions: {names: [unused, thumb]}}"),
        policy("longer", "acme-prod", "{functions: {names: ['thumb*']}}"),
        policy("shorter", "acme-prod", "{functions: {names: ['th*']}}"),
        policy("one-label", "acme-prod", "{functions: {matchLabels: {tier: batch}}}"),
        policy("two-labels", "acme-prod", "{functions: {matchLabels: {tier: batch, zone: a}}}"),
    )
    assert rules_of(policies, deployed(name, labels=labels)).plan.policy == expected


def test_ties_go_to_the_first_name() -> None:
    """Of two policies that are equally specific the first by name holds, whatever their order in the files."""
    for names in (("b", "a"), ("a", "b")):
        policies = loaded(ACME, *(policy(name, "acme-prod", "{}") for name in names))
        assert rules_of(policies, deployed("f")).plan.policy == "acme-prod/a"


def test_a_policy_is_for_its_own_namespace() -> None:
    """A policy changes nothing in another namespace of the same tenant."""
    policies = loaded(ACME, policy("p", "acme-prod", "{}"))
    assert rules_of(policies, deployed("f", "acme-dev")).plan.policy is None


@pytest.mark.parametrize(
    ("pattern", "name", "expected"),
    [
        ("*", "any", True),
        ("a*", "a", True),
        ("a*b", "ab", True),
        ("a*a", "a", False),
        ("a*b*c", "axxbxc", True),
        ("a*b*c", "acb", False),
        ("*mid*", "xmidy", True),
        ("a.c", "abc", False),
        ("ab*ba", "aba", False),
    ],
)
def test_a_star_stands_for_any_text(pattern: str, name: str, expected: bool) -> None:
    """`*` stands for any text, the empty one included, and nothing else is special."""
    assert fits(pattern, name) is expected


def test_bounds_clip_what_policies_and_labels_ask_for() -> None:
    """Neither a policy nor a label gets past the tenant's bounds; the origin is the bound's place, beside what was asked."""
    policies = loaded(ACME, policy("p", "acme-prod", "{replicas: {min: 60, max: 70}}"))
    rules = rules_of(policies, deployed("f", labels={"com.openfaas.scale.max": "100"}))
    assert (rules.columns["min_replicas"], rules.columns["max_replicas"]) == (50, 50)
    assert "policies.yaml:6" in rules.fields["replicas.max"].origin
    assert rules.fields["replicas.max"].asked == Said(100, "com.openfaas.scale.max")


def test_bounds_clip_every_number_of_replicas() -> None:
    """Initial replicas, those of a fallback, and both limits of a schedule stay within the tenant's bound too."""
    spec = (
        "{replicas: {initial: 60}, fallback: {behavior: current-if-higher, replicas: 70}, "
        "schedules: [{cron: '0 8 * * *', duration: 1h, min: 80, max: 90}, {cron: '0 8 * * *', duration: 1h, min: 2}]}"
    )
    rules = rules_of(loaded(ACME, policy("p", "acme-prod", spec)), deployed("f"))
    assert (rules.columns["initial"], rules.columns["fallback_replicas"]) == (50, 50)
    assert [(one.min, one.max) for one in rules.schedules] == [(50, 50), (2, None)]
    assert all("policies.yaml:6" in rules.fields[path].origin for path in ("replicas.initial", "fallback", "schedules"))


def test_zero_needs_the_tenants_leave() -> None:
    """Without `allowZero` zero is off, whoever asks for it, and the origin says why."""
    forbidding = ACME.replace("allowZero: true", "allowZero: false")
    policies = loaded(forbidding, policy("p", "acme-prod", "{zero: {after: 5m}}"))
    rules = rules_of(policies, deployed("f", labels={"com.openfaas.scale.zero": "true"}))
    assert rules.columns["zero_after_s"] == float("inf")
    assert "policies.yaml:6" in rules.fields["zero"].origin


def test_target_times_utilization_is_the_column() -> None:
    """The target columns hold target × utilization, inf where the policy has no such metric."""
    policies = loaded(ACME, policy("p", "acme-prod", "{metrics: [{type: rps, target: 50, utilization: 0.6}]}"))
    columns = rules_of(policies, deployed("f")).columns
    assert (columns["target_rps"], columns["target_concurrency"]) == (30, float("inf"))


def test_dry_run_of_tenant_policy_or_function_is_enough() -> None:
    """Any of the three asks for a dry run, and an annotation cannot lift it."""
    plain, dry = loaded(ACME), loaded(ACME + "  dryRun: true\n")
    by_policy = loaded(ACME, policy("p", "acme-prod", "{dryRun: true}"))
    annotated = {"autoscaler.faas.dev/dry-run": "true"}
    lifted = {"autoscaler.faas.dev/dry-run": "false"}
    assert not rules_of(plain, deployed("f", annotations=lifted)).plan.dry_run
    assert rules_of(plain, deployed("f", annotations=annotated)).plan.dry_run
    assert rules_of(dry, deployed("f", annotations=lifted)).plan.dry_run
    assert rules_of(by_policy, deployed("f", annotations=lifted)).plan.dry_run


def test_alert_rules_know_whose_they_are() -> None:
    """A rule's id names the document that said it, so that two tenants' rules never share one."""
    alerts = "alerts: [{match: {a: b}, boost: {add: 1}}, {match: {c: d}, boost: {factor: 2}, expires: 1m}]"
    policies = loaded(ACME + f"  defaults: {{{alerts}}}\n", policy("p", "acme-prod", f"{{{alerts}}}"))
    own = rules_of(policies, deployed("f")).plan.alerts
    inherited = rules_of(policies, deployed("f", "acme-dev")).plan.alerts
    assert [rule.id for rule in own] == ["acme-prod/p#0", "acme-prod/p#1"]
    assert [rule.id for rule in inherited] == ["tenant acme#0", "tenant acme#1"]
    assert [(rule.factor, rule.add, rule.expires_s) for rule in own] == [(1, 1, 300), (2, 0, 60)]


def test_an_unknown_function_has_no_rules() -> None:
    """Asking for a function that no plan had gives nothing."""
    assert Compiler().rules(FunctionKey("a", "b")) is None


def test_a_target_of_next_to_nothing_is_still_more_than_nothing() -> None:
    """A target and a utilization whose product is rounded to 0 aim at the smallest number there is: 0 / 0 is no ratio."""
    metrics = "{metrics: [{type: rps, target: 1e-300, utilization: 1e-300}]}"
    assert 0 < rules_of(loaded(ACME, policy("p", "acme-prod", metrics)), deployed("f")).columns["target_rps"] < 1e-300


def test_labels_that_contradict_each_other_are_told_in_one_order() -> None:
    """Of a minimum above a maximum both labels are left out, the minimum first, however Python hashes their names."""
    compiler, labels = Compiler(), {"autoscaler.faas.dev/min": "9", "autoscaler.faas.dev/max": "3"}
    compiler.compile(loaded(ACME), [deployed("f", labels=labels)], NOW_S)
    assert [problem.path for problem in compiler.problems] == list(labels)
