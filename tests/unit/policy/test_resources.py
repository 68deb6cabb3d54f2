"""Custom resources beside files: what is in force, what is kept, what is said, and what is not read again."""

import json
from dataclasses import replace
from typing import Any

import pytest

from autoscaler.policy.documents import API_VERSION
from autoscaler.policy.loading import Given, Inputs, PolicySet, load
from autoscaler.policy.reading import MAX_MISTAKES, MAX_VALUES
from autoscaler.policy.resources import Identity, Resource, label_keys
from autoscaler.policy.settings import PoolSettings
from autoscaler.policy.shards import Shard, restricted
from tests.unit.policy.custom import POLICY, TENANT, acme, read, resource
from tests.unit.policy.texts import ACME, policy, tenant

SEVEN = resource(POLICY, {"replicas": {"max": 7}})


def changed(old: Resource, **spec: Any) -> Resource:
    """Give the next generation of a resource."""
    new = resource(old.identity, spec, old.generation + 1, old.uid)
    return replace(new, callers=old.callers)


def max_of(policies: PolicySet) -> int | None:
    return policies.policies["acme-prod"]["p"].document.spec.replicas.max


def codes(policies: PolicySet) -> list[tuple[str, int | None, str, str]]:
    return [(one.file, one.line, one.path, one.code) for one in policies.problems]


def test_resources_hold_as_files_do() -> None:
    """A Tenant and a policy that are resources are in force, and their fields' places are resource and path."""
    policies = read(acme(), SEVEN)
    assert (policies.problems, policies.namespaces, max_of(policies)) == ((), {"acme-prod": "acme"}, 7)
    loaded = policies.policies["acme-prod"]["p"]
    assert loaded.at("spec.replicas.max") == "ScalingPolicy acme-prod/p spec.replicas.max"
    assert (loaded.at(""), loaded.line("spec")) == ("ScalingPolicy acme-prod/p", None)
    assert policies.tenants["acme"].at("spec.bounds") == "Tenant acme spec.bounds"


def test_files_and_resources_are_used_together() -> None:
    """A policy that is a resource is for the namespace of a Tenant in a file, and the other way round."""
    assert max_of(read(SEVEN, files={"t.yaml": ACME})) == 7
    mixed = read(acme(), files={"p.yaml": policy("p", "acme-prod", "{replicas: {max: 6}}")})
    assert max_of(mixed) == 6


def test_of_one_identity_in_both_the_file_holds() -> None:
    """The resource is refused and told where the file has it, whatever it says, until the file lets go."""
    policies = read(acme(namespaces=["other"]), files={"t.yaml": ACME})
    assert policies.owned == {"acme": ("acme-dev", "acme-prod")}
    assert codes(policies) == [("Tenant acme", None, "metadata.name", "DuplicateOfFile")]
    assert "t.yaml:3" in policies.problems[0].wrong
    assert policies.resources[TENANT].in_force is None
    assert read(acme(namespaces=["other"]), previous=policies).owned == {"acme": ("other",)}


def test_a_broken_file_still_holds_against_the_resource_of_its_name() -> None:
    """Else mending the file would take a Tenant from the resource again."""
    policies = read(acme(), files={"t.yaml": ACME.replace("bounds", "bonds")})
    assert policies.tenants == {}
    assert {problem.code for problem in policies.problems} == {"Invalid", "DuplicateOfFile"}


def test_the_last_good_version_of_a_resource_stays_in_force() -> None:
    """An invalid generation is told with what holds instead; the next valid one holds."""
    before = read(acme(), SEVEN)
    broken = changed(SEVEN, replicas={"max": "seven"})
    policies = read(acme(), broken, previous=before)
    for _ in range(2):
        state = policies.resources[POLICY]
        assert state.in_force is not None
        assert (max_of(policies), state.in_force.is_kept, state.resource.generation) == (7, True, 2)
        assert [(problem.path, "last good version" in problem.wrong) for problem in state.problems] == [
            ("spec.replicas.max", True)
        ]
        policies = read(acme(), broken, previous=policies)
    policies = read(acme(), changed(broken, replicas={"max": 9}), previous=policies)
    assert (max_of(policies), policies.problems, policies.refused) == (9, (), frozenset())


def test_a_resource_made_anew_keeps_nothing() -> None:
    """Another object under the same name, and one without a good version, leave nothing in force and are named."""
    before = read(acme(), SEVEN)
    anew = resource(POLICY, {"replicas": {"max": "seven"}}, uid="another")
    for previous in (before, None):
        policies = read(acme(), anew, previous=previous)
        assert (policies.policies, policies.refused) == ({}, {POLICY})
        assert policies.resources[POLICY].in_force is None


def test_a_deleted_resource_is_gone() -> None:
    """Without the Tenant nothing of its namespaces is anybody's, and its policies change nothing."""
    before = read(acme(), SEVEN)
    assert read(acme(), previous=before).policies == {}
    without = read(SEVEN, previous=before)
    assert (without.tenants, without.namespaces, without.policies) == ({}, {}, {})
    assert codes(without) == [("ScalingPolicy acme-prod/p", None, "metadata.namespace", "NoTenant")]
    assert read(acme(), SEVEN, previous=without).problems == ()


def test_other_tenants_namespaces_are_not_told_to_a_team() -> None:
    """What a team reads of its own resource names no namespace of anybody else; an operator's file is helped."""
    stray = Identity("ScalingPolicy", "acme-pord", "p")
    (problem,) = read(acme(), resource(stray, {})).problems
    assert "acme-prod" not in str(problem)
    (problem,) = read(acme(), files={"p.yaml": policy("p", "acme-pord", "{}")}).problems
    assert "did you mean acme-prod?" in problem.allowed


def test_what_stops_fitting_its_tenant_keeps_its_last_good_version() -> None:
    """A resource is checked against its Tenant as a file is."""
    limited = acme(defaults={"concurrencyLimit": 10})
    before = read(limited, resource(POLICY, {"concurrencyCap": 40}))
    after = read(limited, resource(POLICY, {"concurrencyCap": 4}, 2), previous=before)
    assert after.policies["acme-prod"]["p"].document.spec.concurrency_cap == 40
    assert codes(after) == [("ScalingPolicy acme-prod/p", None, "spec.concurrencyCap", "Invalid")]


def test_what_is_unchanged_is_not_read_again() -> None:
    """One changed document leaves every other the very same object, listed anew or not, whatever its status says."""
    other = [
        resource(Identity("Tenant", "", "other"), {"namespaces": ["x"]}),
        resource(Identity("ScalingPolicy", "x", "p"), {"zero": None}),
    ]
    texts = {"f.yaml": tenant("filed", "f") + policy("p", "f", "{}")}
    before = read(acme(), SEVEN, *other, files=texts)
    relisted = [replace(one, document={"never": "read"}, status={"reason": "InForce"}) for one in other]
    after = read(acme(), changed(SEVEN, replicas={"max": 8}), *relisted, files=texts, previous=before)
    assert max_of(after) == 8
    for name in ("other", "filed"):
        assert after.tenants[name] is before.tenants[name]
    for namespace in ("x", "f"):
        assert after.policies[namespace] is before.policies[namespace]


def test_a_file_that_changes_in_one_place_is_read_there_alone() -> None:
    """Of a file the documents that stand where they stood are the very same ones."""
    texts = [tenant("a", "a"), tenant("b", "b", "{dryRun: false}"), tenant("c", "c")]
    before = load({"t.yaml": "---\n".join(texts)})
    texts[1] = tenant("b", "b", "{dryRun: true}")
    after = load({"t.yaml": "---\n".join(texts)}, before)
    assert [after.tenants[name] is before.tenants[name] for name in "abc"] == [True, False, True]


def test_other_settings_read_everything_anew() -> None:
    """What was checked against other sources is not believed."""
    before = load({"t.yaml": ACME}, None, Given(sources=["main"]))
    assert load({"t.yaml": ACME}, before, Given(sources=["other"])).problems != ()


def test_credentials_that_were_made_move_without_the_document() -> None:
    """New `status.callers` come with the same document, and reach a last good version too."""
    first, second = ("1" * 64, "2" * 64)

    def with_callers(one: Resource, token: str) -> Resource:
        from autoscaler.policy.resources import callers_of

        return replace(one, callers=callers_of({"callers": [{"tokenSHA256": token}, {"tokenSHA256": "no"}, 7]}))

    before = read(with_callers(acme(), first))
    assert [one.token_sha256 for one in before.tenants["acme"].callers] == [first]
    after = read(with_callers(acme(), second), previous=before)
    assert after.tenants["acme"].document is before.tenants["acme"].document
    assert [one.token_sha256 for one in after.tenants["acme"].callers] == [second]
    broken = with_callers(changed(acme(), namespaces="?"), first)
    kept = read(broken, previous=after).tenants["acme"]
    assert (kept.is_kept, [one.token_sha256 for one in kept.callers]) == (True, [first])


@pytest.mark.parametrize(
    ("document", "allowed"),
    [
        (None, "262144"),
        ({"spec": {"functions": {"names": ["x"] * MAX_VALUES}}}, str(MAX_VALUES)),
        ({"spec": {"alerts": [{f"k{number}": 1 for number in range(2 * MAX_MISTAKES)}]}}, str(MAX_MISTAKES)),
    ],
    ids=["bytes", "values", "mistakes"],
)
def test_what_is_too_large_is_refused_in_one_sentence(document: dict[str, Any] | None, allowed: str) -> None:
    """A resource beyond a bound has one problem, which says the bound."""
    whole = None if document is None else {**(SEVEN.document or {}), **document}
    policies = read(acme(), replace(SEVEN, document=whole, size_bytes=300_000))
    (problem,) = policies.problems
    assert problem.file == "ScalingPolicy acme-prod/p"
    assert allowed in problem.allowed


def test_a_resource_whose_metadata_shrink_is_read_again() -> None:
    """Annotations move no generation, and may alone have been what made it too large."""
    large = replace(SEVEN, document=None, size_bytes=10**6)
    policies = read(acme(), SEVEN, previous=read(acme(), large))
    assert (policies.problems, max_of(policies)) == ((), 7)
    kept = read(acme(), large, previous=policies)
    state = kept.resources[POLICY]
    assert state.in_force is not None
    assert (max_of(kept), state.in_force.is_kept) == (7, True)


def test_deep_nesting_is_refused() -> None:
    """A document nested deeper than any of ours is refused before its model looks at it."""
    deep: Any = 1
    for _ in range(900):
        deep = [deep]
    policies = read(acme(), replace(SEVEN, document={**(SEVEN.document or {}), "spec": deep}))
    assert [problem.wrong for problem in policies.problems] == ["is too large"]


@pytest.mark.parametrize(
    ("applied", "spec", "paths"),
    [
        ({"spec": {"zero": None}}, {}, ["spec.zero"]),
        ({"spec": {"zero": None}}, {"zero": None}, []),
        ({"spec": {"windows": {"panic": None}}}, {"windows": {"stable": "60s"}}, ["spec.windows.panic"]),
        ({"spec": {"zero": {"after": "5m"}}}, {}, []),
        ("no mapping", {}, []),
    ],
)
def test_a_null_that_apply_dropped_is_refused(applied: Any, spec: dict[str, Any], paths: list[str]) -> None:
    """Left out is inherited, so a null that was meant and is not there makes the document invalid at its field."""
    policies = read(acme(), replace(resource(POLICY, spec), applied=json.dumps(applied)))
    assert [problem.path for problem in policies.problems] == paths


def test_a_tenants_own_nulls_mean_what_left_out_means() -> None:
    """Of a Tenant only its defaults are inherited, so a dropped null elsewhere is no mistake."""
    applied = {"spec": {"budget": {"replicas": {"cap": None}}, "defaults": {"wake": None}}}
    (problem,) = read(replace(acme(), applied=json.dumps(applied))).problems
    assert problem.path == "spec.defaults.wake"


def test_a_shard_has_the_resources_of_its_tenants() -> None:
    """Every resource is some shard's and no two's, those without a tenant the first one's."""
    tenants = [resource(Identity("Tenant", "", f"t{n}"), {"namespaces": [f"n{n}"]}) for n in range(8)]
    policies = [resource(Identity("ScalingPolicy", f"n{n}", "p"), {}) for n in range(9)]
    broken = resource(Identity("Tenant", "", "broken"), {"namespaces": "?"})
    whole = read(*tenants, *policies, broken)
    parts = [restricted(whole, Shard(number, 3)) for number in range(3)]
    assert sorted(str(one) for part in parts for one in part.resources) == sorted(map(str, whole.resources))
    assert policies[8].identity in parts[0].resources
    assert [identity for part in parts for identity in part.refused] == [broken.identity]
    for part in parts:
        assert part.owned.keys() == part.tenants.keys()


def test_presets_name_the_keys_of_others() -> None:
    """Capsule and Rancher stand for their labels, any other key for itself."""
    assert label_keys(["capsule", "x/y"]) == ("capsule.clastix.io/tenant", "x/y")
    assert label_keys(["rancher"]) == ("field.cattle.io/projectId",)


POOLS = {"default": PoolSettings(), "small": PoolSettings(replicas=10)}


@pytest.mark.parametrize(
    ("spec", "path", "code"),
    [
        ({"pool": "smal"}, "spec.pool", "UnknownPool"),
        ({"source": "mian"}, "spec.source", "UnknownSource"),
        ({"budget": {"concurrency": {"cap": 9}}, "defaults": {"metrics": [{"type": "rps", "target": 1}]}},
         "spec.defaults.metrics", "Invalid"),
        ({"namespaces": [], "namespaceSelector": {"matchLabels": {"a": "b"}}},
         "spec.namespaceSelector.matchLabels", "Invalid"),
        ({"namespaceSelector": {"matchLabels": {"k": "b"}}}, "spec", "Invalid"),
    ],
)  # fmt: skip
def test_a_tenant_that_names_what_is_not_there_is_refused(spec: dict[str, Any], path: str, code: str) -> None:
    """A pool, a source or a label that settings do not name, and a budget that nothing has a weight in, are refused."""
    given = Given(["main"], POOLS, ["k"])
    policies = load(Inputs(resources={TENANT: acme(**spec)}), None, given)
    assert [(problem.path, problem.code) for problem in policies.problems] == [(path, code)]
    assert policies.tenants == {}


def test_a_policy_without_a_weight_is_refused_under_a_concurrency_budget() -> None:
    """Where the tenant has a cap in requests, a policy needs a concurrency target or a limit, inherited or its own."""
    capped = acme(budget={"concurrency": {"cap": 9}})
    rps = {"metrics": [{"type": "rps", "target": 5}]}
    assert codes(read(capped, resource(POLICY, rps))) == [
        ("ScalingPolicy acme-prod/p", None, "spec.metrics", "Invalid")
    ]
    assert read(capped, resource(POLICY, rps | {"concurrencyLimit": 3})).problems == ()
    assert read(acme(), resource(POLICY, rps)).problems == ()


def test_promises_beyond_a_pool_are_said_and_stay_in_force() -> None:
    """Guarantees that a pool has not are problems of the pool and of who alone asks too much, and all hold, scaled."""

    def of(name: str, guarantee: int) -> Resource:
        budget = {"replicas": {"guarantee": guarantee}}
        return resource(Identity("Tenant", "", name), {"namespaces": [name], "pool": "small", "budget": budget})

    assert read(of("a", 4), of("b", 6)).problems == ()
    policies = read(of("a", 4), of("b", 12))
    assert codes(policies) == [
        ("Tenant b", None, "spec.budget.replicas.guarantee", "EmergencyMode"),
        ("settings", None, "pools.small.replicas", "EmergencyMode"),
    ]
    assert set(policies.tenants) == {"a", "b"}
    state = policies.resources[Identity("Tenant", "", "b")]
    assert (len(state.problems), state.in_force is not None and state.in_force.is_kept) == (1, False)


def test_files_that_were_never_read_are_named() -> None:
    """A file that cannot even be named is one of which nothing is known, unless it was read whole before."""
    broken = {"p.yaml": "kind: ]", "t.yaml": ACME}
    first = load(broken)
    assert (first.unread, load(broken, first).unread) == ({"p.yaml"}, {"p.yaml"})
    mended = load({**broken, "p.yaml": policy("p", "acme-prod", "{}")}, first)
    assert (mended.unread, load(broken, mended).unread) == (frozenset(), frozenset())


def test_a_document_of_a_file_that_has_no_good_version_is_named() -> None:
    """An invalid document and one that does not fit its tenant are refused; one whose good version is known is not."""
    good, bad = policy("p", "acme-prod", "{}"), policy("p", "acme-prod", "{concurrencyCap: 4}")
    worse = policy("p", "acme-prod", "{replicas: {max: x}}")
    before = load({"t.yaml": ACME, "p.yaml": good})
    for text in (bad, worse):
        assert load({"t.yaml": ACME, "p.yaml": text}).refused == {POLICY}
        assert load({"t.yaml": ACME, "p.yaml": text}, before).refused == frozenset()


def test_documents_are_of_this_version() -> None:
    """A resource of another version is refused by its model."""
    old = replace(SEVEN, document={**(SEVEN.document or {}), "apiVersion": API_VERSION + "x"})
    assert [problem.path for problem in read(acme(), old).problems] == ["apiVersion"]
