"""Who has which namespace: listed, selected by labels, claimed twice, coming and going."""

from collections.abc import Mapping

import pytest

from autoscaler.policy.loading import Inputs, PolicySet, load
from autoscaler.policy.provenance import documents_of
from autoscaler.policy.resources import Identity, Resource
from tests.unit.policy.custom import resource
from tests.unit.policy.texts import policy, tenant

LABELS = {
    "one": {"team": "acme"},
    "two": {"team": "acme", "stage": "prod"},
    "three": {"team": "umbrella"},
    "four": {},
}


def selecting(name: str, **labels: str) -> Resource:
    return resource(Identity("Tenant", "", name), {"namespaceSelector": {"matchLabels": labels}})


def listing(name: str, *namespaces: str) -> Resource:
    return resource(Identity("Tenant", "", name), {"namespaces": list(namespaces)})


def owned(
    *tenants: Resource, labels: Mapping[str, Mapping[str, str]] = LABELS, previous: PolicySet | None = None
) -> PolicySet:
    return load(Inputs(resources={one.identity: one for one in tenants}, namespace_labels=labels), previous)


def test_a_selector_means_all_of_its_labels() -> None:
    """A Tenant has the namespaces that carry every label it names, and none where none does."""
    assert owned(selecting("a", team="acme")).owned == {"a": ("one", "two")}
    assert owned(selecting("a", team="acme", stage="prod")).owned == {"a": ("two",)}
    assert owned(selecting("a", team="nobody")).owned == {"a": ()}


def test_a_namespace_joins_and_leaves_by_its_label() -> None:
    """A label that comes makes the namespace its tenant's, one that goes leaves it to nobody."""
    before = owned(selecting("a", team="acme"))
    after = owned(selecting("a", team="acme"), labels={**LABELS, "one": {}, "four": {"team": "acme"}}, previous=before)
    assert (after.owned, after.namespaces) == ({"a": ("four", "two")}, {"four": "a", "two": "a"})
    assert after.tenants["a"] is before.tenants["a"]


def test_two_claims_leave_a_namespace_to_nobody_and_both_are_told() -> None:
    """Whether listed or selected, whoever came first, the rest of both stays theirs."""
    first, second = selecting("a", team="acme"), listing("b", "two", "four")
    before = owned(first)
    for policies in (owned(first, second), owned(second, first), owned(first, second, previous=before)):
        assert policies.namespaces == {"one": "a", "four": "b"}
        assert [(one.file, one.path, one.code) for one in policies.problems] == [
            ("Tenant a", "spec.namespaceSelector", "NamespaceConflict"),
            ("Tenant b", "spec.namespaces[0]", "NamespaceConflict"),
        ]
        assert "Tenant b spec.namespaces[0]" in policies.problems[0].wrong
    assert owned(first, previous=policies).namespaces == {"one": "a", "two": "a"}


def test_a_rename_is_two_claims_until_the_old_name_is_gone() -> None:
    """While both names stand the namespaces are nobody's, and afterwards they are the new one's."""
    old, new = listing("acme", "one"), listing("acme-corp", "one")
    both = owned(old, new, previous=owned(old))
    assert both.namespaces == {}
    assert owned(new, previous=both).namespaces == {"one": "acme-corp"}


def test_a_namespace_that_moves_takes_its_policies_along() -> None:
    """A policy stays in force under the tenant that has its namespace now, and is checked against that one."""
    files = {"p.yaml": policy("p", "b", "{concurrencyCap: 40}")}
    limited = "{defaults: {concurrencyLimit: 10}}"
    before = load({"t.yaml": tenant("x", "a, b", limited) + "---\n" + tenant("y", "c", limited), **files})
    assert before.problems == ()
    after = load({"t.yaml": tenant("x", "a", limited) + "---\n" + tenant("y", "b, c", limited), **files}, before)
    assert (after.problems, after.namespaces["b"], list(after.policies)) == ((), "y", ["b"])
    strict = load({"t.yaml": tenant("x", "a", limited) + "---\n" + tenant("y", "b, c"), **files}, after)
    assert [problem.path for problem in strict.problems] == ["spec.concurrencyCap"]


def test_a_log_has_the_namespaces_that_a_selector_came_to() -> None:
    """What is recorded of a Tenant that selects names its namespaces, so that a replay needs no labels."""
    policies = owned(selecting("a", team="acme"), selecting("b", team="nobody"))
    replayed = load(documents_of(policies))
    assert (replayed.problems, replayed.namespaces) == ((), policies.namespaces)


@pytest.mark.parametrize("is_a_file", [True, False])
def test_a_namespace_in_dispute_for_a_while_costs_no_last_good_version(*, is_a_file: bool) -> None:
    """A policy that was broken before a tenant's rename holds afterwards as it did: as it was when it was valid."""
    place, old, new = Identity("ScalingPolicy", "one", "p"), listing("acme", "one"), listing("acme-corp", "one")

    def told(most: str, generation: int, previous: PolicySet | None, *tenants: Resource) -> PolicySet:
        spec = {"replicas": {"max": int(most) if most.isdigit() else most}}
        beside = () if is_a_file else (resource(place, spec, generation),)
        files = {"p.yaml": policy("p", "one", f"{{replicas: {{max: {most}}}}}")} if is_a_file else {}
        return load(Inputs(files, {one.identity: one for one in (*tenants, *beside)}), previous)

    broken = told("seven", 2, told("7", 1, None, old), old)
    both = told("seven", 2, told("seven", 2, broken, old, new), old, new)
    assert both.policies == {}
    after = told("seven", 2, both, new)
    kept = after.policies["one"]["p"]
    assert (kept.document.spec.replicas.max, kept.is_kept, after.refused) == (7, True, frozenset())
    gone = load(Inputs({}, {new.identity: new}), load(Inputs({}, {new.identity: new}), both))
    assert gone.memory.good == {}


def test_a_misfit_in_dispute_for_a_while_keeps_its_last_good_version() -> None:
    """So does one that does not fit its tenant."""
    tenants = tenant("x", "b", "{defaults: {concurrencyLimit: 10}}")
    disputed = tenants + "---\n" + tenant("y", "b")
    good = load({"t.yaml": tenants, "p.yaml": policy("p", "b", "{concurrencyCap: 40}")})
    misfit = {"p.yaml": policy("p", "b", "{concurrencyCap: 40, concurrencyLimit: null}")}
    before = load({"t.yaml": tenants, **misfit}, good)
    assert before.policies["b"]["p"].is_kept
    after = load({"t.yaml": tenants, **misfit}, load({"t.yaml": disputed, **misfit}, before))
    assert (after.policies["b"]["p"].is_kept, after.refused) == (True, frozenset())
