"""Functions that start together: who is named, by whom, and what becomes of a name that is nobody's."""

from collections.abc import Sequence

import pytest

from autoscaler.core.events import Wake
from autoscaler.core.fleet import FunctionKey
from autoscaler.policy.chains import MOST_TOGETHER, chain_findings
from autoscaler.policy.compile import Compiler
from autoscaler.policy.deployment import Deployed
from autoscaler.policy.loading import load
from autoscaler.policy.plan import Plan
from autoscaler.policy.reports import Reports
from autoscaler.policy.waking import started_with, woken
from tests.unit.policy.custom import GIVEN, POLICY, TENANT, acme, read, resource, ticked
from tests.unit.policy.test_reports import NOW
from tests.unit.policy.texts import ACME, NOW_S, deployed, loaded, policy, tenant


def chain(name: str, *names: str, namespace: str = "acme-prod") -> str:
    """Write the policy of one function that starts others."""
    return policy(name, namespace, f"{{functions: {{names: [{name}]}}, wake: {{with: [{', '.join(names)}]}}}}")


def planned(texts: Sequence[str], functions: Sequence[Deployed]) -> Plan:
    return Compiler().compile(loaded(*texts), functions, NOW_S)


def together(plan: Plan, name: str, namespace: str = "acme-prod") -> list[str]:
    """Give those that start with a function."""
    return [str(key) for key in plan.functions[plan.fleet.row_of[FunctionKey(namespace, name)]].wake_with]


def test_names_are_followed_to_their_end_nearest_first() -> None:
    """Whom one names comes first, then whom those name, each once and in the order of the names."""
    texts = [ACME, chain("a", "c", "b"), chain("b", "d"), chain("c", "d", "e")]
    plan = planned(texts, [deployed(name) for name in "abcde"])
    assert together(plan, "a") == [f"acme-prod/{name}" for name in "cbde"]
    assert together(plan, "b") == ["acme-prod/d"]
    assert together(plan, "d") == []
    assert not plan.unmet


def test_a_cycle_starts_each_once_and_nobody_twice() -> None:
    """Functions that name one another in a ring, or themselves, are no problem and never in their own list."""
    plan = planned([ACME, chain("a", "b", "a"), chain("b", "c"), chain("c", "a")], [deployed(name) for name in "abc"])
    assert [together(plan, name) for name in "abc"] == [
        ["acme-prod/b", "acme-prod/c"],
        ["acme-prod/c", "acme-prod/a"],
        ["acme-prod/a", "acme-prod/b"],
    ]
    assert not plan.unmet


def test_a_name_is_of_the_same_namespace_unless_it_says_one() -> None:
    """`b` is the neighbour's, `acme-dev/b` the tenant's other one."""
    functions = [deployed("a"), deployed("b"), deployed("b", "acme-dev")]
    assert together(planned([ACME, chain("a", "b")], functions), "a") == ["acme-prod/b"]
    assert together(planned([ACME, chain("a", "acme-dev/b")], functions), "a") == ["acme-dev/b"]


def test_who_is_never_woken_starts_with_nobody() -> None:
    """`wake: null` is stronger than a chain: it is left out, with whom it might have started, and that is told."""
    texts = [ACME, chain("a", "b"), policy("b", "acme-prod", "{functions: {names: [b]}, wake: null}")]
    plan = planned(texts, [deployed("a"), deployed("b")])
    assert together(plan, "a") == []
    ((problem,),) = plan.unmet.values()
    assert (problem.path, "wake: null" in problem.wrong) == ("wake.with[0]", True)
    (finding,) = chain_findings(plan)
    assert (finding.problem, finding.is_warning) == (problem, True)


@pytest.mark.parametrize("name", ["nobody", "stranger", "postgres"])
def test_another_tenants_function_is_told_as_one_that_is_not_there(name: str) -> None:
    """The words are the same for a name that nobody has, another tenant's function and what is no function at all."""
    functions = [deployed("a"), deployed("stranger", "umbrella-fn")]
    functions.append(Deployed(FunctionKey("acme-prod", "postgres"), "u", {"app": "postgres"}, {}))
    named = {"stranger": "umbrella-fn/stranger"}.get(name, name)
    texts = ["{defaults: {wake: {with: [" + named + "]}}}"]
    plan = planned([tenant("acme", "acme-prod", texts[0]), tenant("umbrella", "umbrella-fn")], functions)
    assert together(plan, "a") == []
    ((problem,),) = plan.unmet.values()
    assert problem.wrong == f"is '{named}', which is no function of this tenant"
    assert problem.file == "policies.yaml:4"


def test_a_tenants_default_is_met_where_one_namespace_has_it() -> None:
    """A default names a function of each namespace; those without it are none of its business."""
    text = tenant("acme", "acme-prod, acme-dev", "{defaults: {wake: {with: [b]}}}")
    plan = planned([text], [deployed("a"), deployed("b"), deployed("a", "acme-dev")])
    assert (together(plan, "a"), together(plan, "a", "acme-dev"), dict(plan.unmet)) == (["acme-prod/b"], [], {})


def test_a_chain_follows_the_functions_that_come_and_go() -> None:
    """A name that is nobody's is met as soon as its function is deployed, and again nobody's once that is gone."""
    policies, compiler = loaded(ACME, chain("a", "b")), Compiler()
    for names, found in (("a", []), ("ab", ["acme-prod/b"]), ("a", [])):
        plan = compiler.compile(policies, [deployed(name) for name in names], NOW_S)
        assert (together(plan, "a"), bool(plan.unmet)) == (found, not found)


def test_one_request_starts_a_hundred_functions_at_most() -> None:
    """A chain that is longer is cut at its far end, and told; what hangs together in millions costs no more."""
    names = [f"f{number:03}" for number in range(150)]
    texts = [chain(name, *names[place + 1 : place + 3]) for place, name in enumerate(names[:-1])]
    plan = planned([ACME, *texts], [deployed(name) for name in names])
    assert together(plan, "f000") == [f"acme-prod/{name}" for name in names[1 : MOST_TOGETHER + 1]]
    assert len(together(plan, "f100")) == 49
    assert {problem.path for named in plan.unmet.values() for problem in named} == {"wake.with"}
    assert len(plan.unmet) == 49


def test_a_request_comes_to_its_own_wake_and_then_theirs() -> None:
    """Those that start with it hold nobody, and are told once however many they start with; one that is never woken comes
    to nothing."""
    texts = [ACME, chain("a", "b"), policy("c", "acme-prod", "{functions: {names: [c]}, wake: null}")]
    plan = planned(texts, [deployed(name) for name in "abc"])
    a, b, _ = plan.fleet.keys
    assert [woken(plan, row, 7) for row in range(3)] == [(Wake(a, 7),), (Wake(b, 7),), ()]
    assert [started_with(plan, rows) for rows in ([0], [0, 0], [1, 2], [])] == [[Wake(b, 0)], [Wake(b, 0)], [], []]


@pytest.mark.parametrize("name", ["A", "a_b", "a/b/c", "/a", "a/", "", "-a"])
def test_a_name_that_no_function_can_have_is_refused(name: str) -> None:
    """Where it is, that it is no name, and what one looks like."""
    (problem,) = load({"p.yaml": ACME + policy("p", "acme-prod", f"{{wake: {{with: ['{name}']}}}}")}).problems
    assert (problem.path, problem.line) == ("spec.wake.with[0]", 11)
    assert "NAMESPACE/NAME" in problem.allowed


def test_a_namespace_of_somebody_else_is_refused_by_check() -> None:
    """Without a cluster already: a namespace that the tenant does not list has no function of its own."""
    (problem,) = load({"p.yaml": ACME + policy("p", "acme-prod", "{wake: {with: [b, umbrella-fn/b]}}")}).problems
    assert (problem.path, problem.allowed) == (
        "spec.wake.with[1]",
        "NAME, or NAMESPACE/NAME in acme-dev, acme-prod",
    )


def test_the_status_of_a_policy_names_whom_it_names_in_vain() -> None:
    """Its condition InForce stays true, and says which name is no function of the tenant; mended, it no longer does."""
    policies = read(acme(defaults={"wake": {"with": ["c"]}}), resource(POLICY, {"wake": {"with": ["b"]}}))
    reports, found = Reports(), []
    for names in ("a", "ab"):
        plan = Compiler(GIVEN.pools).compile(policies, [deployed(name) for name in names], NOW_S)
        drafts = {draft.identity: draft for draft in reports.drafts(policies, plan, ticked(plan, NOW, None))}
        claim = next(one for one in drafts[POLICY].text.claims if one.type == "InForce")
        found.append((claim.status, "'b', which is no function of this tenant" in claim.message))
        assert not any("wake.with" in one.message for one in drafts[TENANT].text.claims)
    assert found == [("True", True), ("True", False)]


def test_the_status_of_a_tenant_names_whom_its_defaults_name_in_vain() -> None:
    """A Tenant's defaults are told of beside the Tenant, where no policy says otherwise."""
    policies = read(acme(defaults={"wake": {"with": ["c"]}}))
    plan = Compiler(GIVEN.pools).compile(policies, [deployed("a")], NOW_S)
    (draft,) = Reports().drafts(policies, plan, ticked(plan, NOW, None))
    claim = next(one for one in draft.text.claims if one.type == "InForce")
    assert "wake.with[0]: is 'c', which is no function of this tenant" in claim.message
