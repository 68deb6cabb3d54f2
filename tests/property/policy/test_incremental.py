"""Documents that change one by one come to the same plan as if everything were read and compiled anew."""

from dataclasses import fields

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from autoscaler.core.fleet import Fleet
from autoscaler.policy.compile import Compiler
from autoscaler.policy.loading import Inputs, PolicySet, load
from autoscaler.policy.resources import Identity, Resource
from tests.unit.policy.custom import GIVEN, resource
from tests.unit.policy.texts import NOW_S, deployed

NAMES = ("a", "b", "c")
CATALOG = [deployed(f"f{number}", namespace) for namespace in NAMES for number in range(2)]

tenant_specs = st.fixed_dictionaries(
    {"namespaces": st.lists(st.sampled_from(NAMES), min_size=1, max_size=2)},
    optional={
        "bounds": st.builds(lambda most: {"maxReplicas": most}, st.integers(1, 5)),
        "budget": st.builds(lambda cap: {"replicas": {"cap": cap}}, st.integers(0, 9)),
        "defaults": st.builds(lambda least: {"replicas": {"min": least}}, st.integers(0, 3)),
        "source": st.sampled_from(["main", "nowhere"]),
    },
)
query = {"metrics": [{"type": "query", "query": "sum(x)", "target": 5}]}
policy_specs = st.one_of(
    st.builds(lambda most: {"replicas": {"max": most}}, st.integers(-1, 9)),
    st.just(query),
    st.builds(lambda name: {"functions": {"names": [name]}, "dryRun": True}, st.sampled_from(["f0", "f*"])),
)
changes = st.one_of(
    st.tuples(st.just("Tenant"), st.just(""), st.sampled_from(("x", "y")), st.none() | tenant_specs),
    st.tuples(st.just("ScalingPolicy"), st.sampled_from(NAMES), st.sampled_from("pq"), st.none() | policy_specs),
)


def in_force(policies: PolicySet) -> dict[Identity, tuple[object, bool]]:
    return {identity: (loaded.document, loaded.is_kept) for identity, loaded in policies.documents()}


def columns(fleet: Fleet) -> dict[str, list[object]]:
    """Give everything of a fleet that rules decide."""
    rules = {field.name: getattr(fleet.rules, field.name) for field in fields(fleet.rules)}
    found = {**rules, "tenant": fleet.tenant, "cap": fleet.tenant_cap, "guarantee": fleet.budgets.guarantee}
    return {name: np.nan_to_num(column, nan=-1.0).tolist() for name, column in found.items()}


@given(steps=st.lists(changes, max_size=12))
def test_one_change_after_the_other_is_what_all_of_them_are(steps: list[tuple[str, str, str, object]]) -> None:
    """After every change documents in force, problems, namespaces and columns are those of a reader that remembers only
    what was in force."""
    resources: dict[Identity, Resource] = {}
    quick, slow = PolicySet(), PolicySet()
    compiler = Compiler()
    for number, (kind, namespace, name, spec) in enumerate(steps):
        identity = Identity(kind, namespace, name)
        if spec is None:
            resources.pop(identity, None)
        else:
            resources[identity] = resource(identity, spec, number + 1)  # type: ignore[arg-type]
        inputs = Inputs(resources=dict(resources))
        quick = load(inputs, quick, GIVEN)
        forgetful = PolicySet(tenants=slow.tenants, policies=slow.policies, namespaces=slow.namespaces)
        slow = load(inputs, forgetful, GIVEN)
        assert in_force(quick) == in_force(slow)
        assert (quick.problems, quick.namespaces, quick.owned) == (slow.problems, slow.namespaces, slow.owned)
        assert quick.refused == slow.refused
        plan, anew = compiler.compile(quick, CATALOG, NOW_S), Compiler().compile(slow, CATALOG, NOW_S)
        assert (plan.fleet.keys, plan.functions, plan.queries) == (anew.fleet.keys, anew.functions, anew.queries)
        assert columns(plan.fleet) == columns(anew.fleet)
        assert plan.tenants == anew.tenants


def test_a_change_of_one_namespace_resolves_that_one_alone() -> None:
    """A policy that changes has the functions of its namespace resolved anew, a Tenant those of all its namespaces."""
    tenants = [
        resource(Identity("Tenant", "", "x"), {"namespaces": ["a", "b"]}),
        resource(Identity("Tenant", "", "y"), {"namespaces": ["c"]}),
    ]
    policies = [resource(Identity("ScalingPolicy", name, "p"), {}) for name in NAMES]
    resources = {one.identity: one for one in (*tenants, *policies)}
    compiler, documents = Compiler(), load(Inputs(resources=resources), None, GIVEN)
    compiler.compile(documents, CATALOG, NOW_S)
    assert compiler.renewed == len(CATALOG)
    for changed, renewed in (
        (resource(policies[0].identity, {"replicas": {"max": 3}}, 2), 2),
        (resource(tenants[0].identity, {"namespaces": ["a", "b"], "dryRun": True}, 2), 4),
    ):
        resources = {**resources, changed.identity: changed}
        documents = load(Inputs(resources=resources), documents, GIVEN)
        compiler.compile(documents, CATALOG, NOW_S)
        assert compiler.renewed == renewed
