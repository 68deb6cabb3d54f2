"""What is claimed of a custom resource: valid, in force, within bounds, within budget."""

from typing import Any

import pytest

from autoscaler.core.reasons import Reason
from autoscaler.policy.conditions import Claim, accepted, binding, clipped_of, in_force, within_bounds, within_budget
from autoscaler.policy.loaded import PolicySet, ResourceState
from autoscaler.policy.resources import Identity
from autoscaler.policy.statuses import MOST_CHARACTERS, MOST_CLIPPED, Clipped
from tests.unit.policy.custom import POLICY, TENANT, acme, read, resource
from tests.unit.policy.texts import policy, tenant

OTHER = Identity("Tenant", "", "other")


def short(claim: Claim) -> tuple[str, str]:
    return claim.status, claim.reason


def state_of(policies: PolicySet, identity: Identity) -> ResourceState:
    return policies.resources[identity]


def test_a_valid_document_is_accepted_and_in_force() -> None:
    """A Tenant and its policy that are fine say so, with nothing wrong in their words."""
    policies = read(acme(), resource(POLICY, {"replicas": {"max": 5}}))
    for identity in (TENANT, POLICY):
        state = state_of(policies, identity)
        assert (short(accepted(state)), short(in_force(state))) == (("True", "Valid"), ("True", "InForce"))


@pytest.mark.parametrize(
    ("spec", "reason", "word"),
    [
        ({"namespaces": ["acme-prod"], "budgets": {}}, "Invalid", "spec.budgets"),
        ({"namespaces": ["acme-prod"], "pool": "large"}, "UnknownPool", "spec.pool"),
        ({"namespaces": ["acme-prod"], "source": "far"}, "UnknownSource", "spec.source"),
    ],
)
def test_what_is_wrong_with_a_tenant_is_one_word_and_a_sentence(spec: dict[str, Any], reason: str, word: str) -> None:
    """A Tenant that is refused holds nothing; its reason is the kind of mistake, its message the field and what is allowed."""
    state = state_of(read(resource(TENANT, spec)), TENANT)
    claim = accepted(state)
    assert short(claim) == ("False", reason)
    assert claim.message.startswith(f"{word}: ")
    assert "allowed" in claim.message
    assert short(in_force(state)) == ("False", "NotInForce")


def test_the_last_good_version_stays_and_that_is_said() -> None:
    """An invalid version of a policy that was good is not accepted, and the former one holds."""
    good = read(acme(), resource(POLICY, {"replicas": {"max": 5}}))
    bad = read(acme(), resource(POLICY, {"replicas": {"max": -5}}, generation=2), previous=good)
    state = state_of(bad, POLICY)
    assert short(accepted(state)) == ("False", "Invalid")
    assert short(in_force(state)) == ("False", "LastGoodVersion")


def test_a_namespace_that_two_claim_is_said_in_both() -> None:
    """Both Tenants hold, without that namespace, and each says who claims it too."""
    policies = read(acme(), resource(OTHER, {"namespaces": ["acme-prod", "other"]}))
    for identity, rival in ((TENANT, "other"), (OTHER, "acme")):
        claim = accepted(state_of(policies, identity))
        assert short(claim) == ("False", "NamespaceConflict")
        assert rival in claim.message
        assert short(in_force(state_of(policies, identity))) == ("True", "InForce")


def test_a_file_with_the_same_name_wins() -> None:
    """A custom resource that a file doubles says that the file holds, and where it stands."""
    files = {"acme.yaml": tenant("acme", "acme-prod")}
    state = state_of(read(acme(), files=files), TENANT)
    claim = accepted(state)
    assert short(claim) == ("False", "DuplicateOfFile")
    assert "acme.yaml" in claim.message
    assert in_force(state).status == "False"


def test_a_policy_that_a_file_doubles_says_so_too() -> None:
    """The same holds for a ScalingPolicy."""
    files = {"acme.yaml": policy("p", "acme-prod", "{}")}
    state = state_of(read(acme(), resource(POLICY, {}), files=files), POLICY)
    assert short(accepted(state)) == ("False", "DuplicateOfFile")


def test_a_policy_of_nobodys_namespace_learns_no_others_names() -> None:
    """Where no tenant has the namespace, the status says so without naming any tenant or namespace of one."""
    lonely = Identity("ScalingPolicy", "acme-dev", "p")
    state = state_of(read(acme(), resource(lonely, {})), lonely)
    claim = accepted(state)
    assert short(claim) == ("False", "NoTenant")
    assert "acme-prod" not in claim.message
    assert short(in_force(state)) == ("False", "NoTenant")


def test_a_policy_of_a_contested_namespace_learns_no_tenants_names() -> None:
    """Where two tenants claim the namespace, its policies say only that this is so."""
    rival = resource(OTHER, {"namespaces": ["acme-prod"]})
    claim = accepted(state_of(read(acme(), rival, resource(POLICY, {})), POLICY))
    assert short(claim) == ("False", "NoTenant")
    assert "other" not in claim.message


def test_a_message_has_an_end() -> None:
    """A document in which everything is wrong fills its message up to the bound, and not beyond."""
    spec = {"namespaces": ["acme-prod"], **{f"field-{number}": number for number in range(99)}}
    message = accepted(state_of(read(resource(TENANT, spec)), TENANT)).message
    assert len(message) == MOST_CHARACTERS


def clips(spec: dict[str, Any], **bounds: Any) -> tuple[Clipped, ...]:
    """Give what is clipped of a policy under a Tenant with these bounds and defaults beyond them."""
    whole = acme(bounds=bounds, defaults={"schedules": [{"cron": "0 8 * * *", "duration": "1h", "max": 90}]})
    policies = read(whole, resource(POLICY, spec))
    return clipped_of(policies.tenants["acme"], policies.policies["acme-prod"]["p"])


def test_a_clipped_field_names_what_was_asked_what_is_given_and_the_bound() -> None:
    """Of a policy beyond bounds every field of its own is named; what its Tenant's own defaults lose is not its."""
    spec = {"replicas": {"max": 70, "min": 10}, "zero": {"after": "5m"}}
    bound = "Tenant acme spec.bounds."
    assert clips(spec, maxReplicas=50) == (
        Clipped(field="replicas.max", asked="70", given="50", by=f"{bound}maxReplicas"),
        Clipped(field="zero", asked='{"after": "5m"}', given="null", by=f"{bound}allowZero"),
    )


@pytest.mark.parametrize("spec", [{}, {"replicas": {"max": 50}}, {"zero": None}, {"replicas": {"min": 50}}])
def test_what_is_within_bounds_is_not_clipped(spec: dict[str, Any]) -> None:
    """A policy that asks for what the bound allows, or for nothing, loses nothing."""
    assert clips(spec, maxReplicas=50) == ()
    assert short(within_bounds(())) == ("True", "WithinBounds")


def test_no_limit_is_beyond_a_limit() -> None:
    """A policy that asks for no maximum gets the bound, and that is said."""
    assert [(one.asked, one.given) for one in clips({"replicas": {"max": None}}, maxReplicas=50)] == [("null", "50")]


def test_the_claim_on_bounds_names_every_field() -> None:
    """The message says field, both values and the bound; of what holds nowhere no bound was asked."""
    found = tuple(Clipped(field=f"f{n}", asked="2", given="1", by="b") for n in range(MOST_CLIPPED))
    claim = within_bounds(found)
    assert short(claim) == ("False", "Clipped")
    assert "f49" in claim.message
    assert short(within_bounds(None)) == ("Unknown", "NotKnown")


@pytest.mark.parametrize(
    ("bound", "is_emergency", "expected"),
    [
        (None, False, ("Unknown", "NotKnown")),
        (Reason.PASSED, False, ("True", "WithinBudget")),
        (Reason.BUDGET, False, ("False", "BudgetExhausted")),
        (Reason.POOL, False, ("False", "PoolExhausted")),
        (Reason.CONCURRENCY_BUDGET, False, ("False", "ConcurrencyExhausted")),
        (Reason.RECLAIM, False, ("False", "Reclaiming")),
        (Reason.PASSED, True, ("False", "EmergencyMode")),
        (Reason.POOL, True, ("False", "EmergencyMode")),
    ],
)
def test_the_claim_on_the_budget_names_what_is_exhausted(
    bound: Reason | None, is_emergency: bool, expected: tuple[str, str]
) -> None:
    """Each budget that can refuse has its own word; a pool that promises too much comes first."""
    assert short(within_budget(bound, is_emergency=is_emergency)) == expected


def test_the_first_claim_that_does_not_hold_binds() -> None:
    """What is not known binds nothing; where all hold, it is in force."""
    good, unknown = Claim("Accepted", "True", "Valid", ""), Claim("WithinBounds", "Unknown", "NotKnown", "")
    kept = Claim("InForce", "False", "LastGoodVersion", "")
    assert binding((good, unknown)) == "InForce"
    assert binding((good, kept, Claim("WithinBounds", "False", "Clipped", ""))) == "LastGoodVersion"
