"""Drafts of statuses: which numbers, whose turn, and what is worked out again."""

from typing import Any

import numpy as np
import pytest

from autoscaler.core.now import Now
from autoscaler.core.reasons import Reason
from autoscaler.policy.compile import Compiler
from autoscaler.policy.loaded import PolicySet
from autoscaler.policy.loading import load
from autoscaler.policy.plan import Plan
from autoscaler.policy.reports import Draft, Reports
from autoscaler.policy.resources import Given, Identity, Inputs, Resource
from autoscaler.policy.statuses import BudgetStatus
from tests.unit.policy.custom import GIVEN, POLICY, TENANT, accounts, acme, read, resource, ticked
from tests.unit.policy.texts import NOW_S, deployed, tenant

NOW = Now(100.0, NOW_S)
OTHER = Identity("Tenant", "", "other")
KEY = "team"


def planned(policies: PolicySet) -> Plan:
    """Give the plan of functions `a` and `b` of `acme-prod`, as settings of these tests have it."""
    return Compiler(GIVEN.pools).compile(policies, [deployed("a"), deployed("b")], NOW_S)


def drafts(policies: PolicySet, bound: Reason | None = Reason.PASSED, **columns: Any) -> dict[Identity, Draft]:
    """Give the drafts of one tick, by resource; `bound` None: no tenant has a budget."""
    plan = planned(policies)
    found = None if bound is None else accounts(plan.fleet, bound, **columns)
    return {draft.identity: draft for draft in Reports().drafts(policies, plan, ticked(plan, NOW, found))}


def reason_of(draft: Draft) -> str:
    return draft.text.reason


def test_a_file_has_no_status() -> None:
    """Only custom resources are reported: a file has none to write to."""
    policies = read(resource(POLICY, {}), files={"acme.yaml": tenant("acme", "acme-prod")})
    assert drafts(policies).keys() == {POLICY}


def test_each_says_how_many_functions_it_is_for() -> None:
    """A Tenant counts all functions of its namespaces, a policy those that it is the most specific one for."""
    named = Identity("ScalingPolicy", "acme-prod", "named")
    found = drafts(read(acme(), resource(POLICY, {}), resource(named, {"functions": {"names": ["a"]}})))
    assert {str(identity): draft.functions for identity, draft in found.items()} == {
        "Tenant acme": 2,
        "ScalingPolicy acme-prod/p": 1,
        "ScalingPolicy acme-prod/named": 1,
    }


def test_a_tenants_budget_is_in_numbers() -> None:
    """What was asked, granted, borrowed and lent stands beside guarantee and cap, and which budget refused the rest."""
    budget = {"replicas": {"guarantee": 4, "cap": 9}}
    numbers = {"asked": 12.0, "granted": 9.0, "borrowed": 5.0, "lent": 1.0, "guarantee": 4.0}
    draft = drafts(read(acme(budget=budget)), Reason.BUDGET, **numbers)[TENANT]
    assert draft.budget == BudgetStatus(guarantee=4, cap=9, asked=12, granted=9, borrowed=5, lent=1, bound_by="BUDGET")
    assert reason_of(draft) == "BudgetExhausted"


def test_no_cap_is_no_number() -> None:
    """An unlimited tenant has no cap in its status, and nothing that bound it."""
    budget = drafts(read(acme()), asked=3.0, granted=3.0)[TENANT].budget
    assert budget is not None
    assert (budget.cap, budget.bound_by) == (None, None)


def test_without_budgets_there_are_no_numbers() -> None:
    """Where no tenant has a budget nothing is counted, and every tenant is within it."""
    draft = drafts(read(acme()), None)[TENANT]
    assert (draft.budget, reason_of(draft)) == (None, "InForce")


def test_each_tenant_gets_its_own_numbers() -> None:
    """Numbers are found by the tenant's name, whatever the order of the documents."""
    policies = read(resource(OTHER, {"namespaces": ["other"]}), acme())
    found = drafts(policies, asked=np.array([1.0, 2.0]), granted=np.array([1.0, 2.0]))
    asked = {identity.name: draft.budget.asked for identity, draft in found.items() if draft.budget is not None}
    assert asked == {"acme": 1, "other": 2}


def test_a_pool_that_promises_too_much_is_said_to_those_it_promised() -> None:
    """A tenant with a guarantee is told of the emergency, one without is not."""
    promised = acme(pool="small", budget={"replicas": {"guarantee": 11}})
    found = drafts(read(promised, resource(OTHER, {"namespaces": ["other"], "pool": "small"})))
    assert (reason_of(found[TENANT]), reason_of(found[OTHER])) == ("EmergencyMode", "InForce")


def test_a_tenant_that_is_refused_has_no_numbers() -> None:
    """Of a Tenant that holds nothing neither namespaces nor numbers are claimed, and its budget is not known."""
    draft = drafts(
        read(resource(TENANT, {"namespaces": ["acme-prod"], "pool": "none"}), resource(OTHER, {"namespaces": ["o"]}))
    )[TENANT]
    assert (draft.functions, draft.budget, draft.text.namespaces) == (0, None, ())
    assert [(claim.type, claim.status) for claim in draft.text.claims] == [
        ("Accepted", "False"),
        ("InForce", "False"),
        ("WithinBudget", "Unknown"),
    ]


def test_namespaces_are_those_that_nobody_else_claims() -> None:
    """What two claim is in neither's list."""
    found = drafts(read(acme(namespaces=["b", "a", "both"]), resource(OTHER, {"namespaces": ["both", "c"]})))
    assert (found[TENANT].text.namespaces, found[OTHER].text.namespaces) == (("a", "b"), ("c",))


def test_tenants_take_turns_and_what_is_nobodys_takes_its_namespaces() -> None:
    """A policy is reported in its tenant's turn; one that no tenant has must not take anybody's."""
    lonely = Identity("ScalingPolicy", "nobody", "p")
    found = drafts(read(acme(), resource(POLICY, {}), resource(lonely, {})))
    assert {draft.identity: draft.whose_turn for draft in found.values()} == {
        TENANT: "acme",
        POLICY: "acme",
        lonely: "nobody",
    }


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        (resource(POLICY, {"replicas": {"max": 70}}, generation=2), ("Clipped", 2)),
        (resource(POLICY, {"replicas": {"max": 4}}, uid="another"), ("InForce", 1)),
        (resource(POLICY, {"replicas": {"max": -1}}, generation=3), ("Invalid", 3)),
    ],
)
def test_a_changed_document_is_worked_out_again(changed: Resource, expected: tuple[str, int]) -> None:
    """The draft follows the version that was read last, an invalid one too, and the object that it is."""
    reports = Reports()
    before = read(acme(), resource(POLICY, {"replicas": {"max": 5}}))
    after = read(acme(), changed, previous=before)
    found = []
    for policies in (before, after):
        plan = planned(policies)
        found.append({draft.identity: draft for draft in reports.drafts(policies, plan, ticked(plan, NOW))}[POLICY])
    assert (found[1].text.reason, found[1].text.generation) == expected
    assert found[1].text.uid == changed.uid


def test_the_same_mistake_in_the_next_version_is_said_of_that_version() -> None:
    """Whoever waits for observedGeneration learns that the newest text was read, though it is as wrong as before."""
    reports, previous, generations = Reports(), read(acme(), resource(POLICY, {})), []
    for generation in (2, 3):
        previous = read(acme(), resource(POLICY, {"replicas": {"max": -1}}, generation), previous=previous)
        plan = planned(previous)
        found = {draft.identity: draft for draft in reports.drafts(previous, plan, ticked(plan, NOW))}
        generations.append((found[POLICY].text.generation, found[POLICY].text.reason))
    assert generations == [(2, "Invalid"), (3, "Invalid")]


def test_a_namespace_that_is_labelled_joins_the_list() -> None:
    """A Tenant that selects its namespaces lists those that carry the label now, though its text is the same."""
    given = Given(["main"], GIVEN.pools, [KEY])
    selecting = resource(TENANT, {"namespaceSelector": {"matchLabels": {KEY: "acme"}}})
    reports, previous, listed = Reports(), None, []
    for labelled in ({"a"}, {"a", "b"}):
        labels = {name: {KEY: "acme"} for name in labelled}
        previous = load(Inputs({}, {TENANT: selecting}, labels), previous, given)
        plan = planned(previous)
        (draft,) = reports.drafts(previous, plan, ticked(plan, NOW))
        listed.append(draft.text.namespaces)
    assert listed == [("a",), ("a", "b")]


def test_a_changed_bound_is_said_of_the_tenants_policies() -> None:
    """A Tenant that narrows its bounds clips a policy that did not change."""
    reports, own = Reports(), resource(POLICY, {"replicas": {"max": 5}})
    before = read(acme(), own)
    narrowed = resource(TENANT, {"namespaces": ["acme-prod"], "bounds": {"maxReplicas": 3}}, generation=2)
    reasons = []
    for policies in (before, read(narrowed, own, previous=before)):
        plan = planned(policies)
        found = {draft.identity: draft for draft in reports.drafts(policies, plan, ticked(plan, NOW))}
        reasons.append(found[POLICY].text.reason)
    assert reasons == ["InForce", "Clipped"]


def test_what_did_not_change_is_the_same_object() -> None:
    """One changed document among others leaves the others' texts as they were: nothing is worked out twice."""
    reports, own = Reports(), resource(POLICY, {"replicas": {"max": 5}})
    before = read(acme(), own, resource(OTHER, {"namespaces": ["o"]}))
    after = read(acme(), own, resource(OTHER, {"namespaces": ["o", "p"]}, generation=2), previous=before)
    texts = []
    for policies in (before, after):
        plan = planned(policies)
        texts.append({draft.identity: draft.text for draft in reports.drafts(policies, plan, ticked(plan, NOW))})
    assert texts[0][POLICY] is texts[1][POLICY]
    assert texts[0][OTHER] != texts[1][OTHER]
