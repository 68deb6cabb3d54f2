"""Changes of statuses: only what changed, only the daemon's own fields, times that move with a status alone."""

import json
from collections.abc import Mapping
from typing import Any

import pytest

from autoscaler.policy.conditions import Claim
from autoscaler.policy.reports import Draft, Text
from autoscaler.policy.status_changes import changes_of
from autoscaler.policy.statuses import STATUSES, BudgetStatus, Clipped
from tests.unit.policy.custom import POLICY, TENANT

T0, T1 = 1_767_225_600.0, 1_767_225_660.0
AT_T0, AT_T1 = "2026-01-01T00:00:00Z", "2026-01-01T00:01:00Z"
GOOD = (Claim("Accepted", "True", "Valid", "It is valid."), Claim("InForce", "True", "InForce", "It holds."))
BAD = (GOOD[0], Claim("InForce", "False", "LastGoodVersion", "The former one holds."))
CLIPPED = Clipped(field="replicas.max", asked="9", given="5", by="Tenant acme spec.bounds.maxReplicas")


def of_tenant(claims: tuple[Claim, ...] = GOOD, functions: int = 2, **budget: Any) -> Draft:
    numbers = BudgetStatus(guarantee=1, asked=2, granted=2, borrowed=1, lent=0, **budget)
    return Draft(TENANT, "acme", Text("u", 3, claims, ("acme-prod",)), functions, numbers)


def of_policy(*clipped: Clipped) -> Draft:
    return Draft(POLICY, "acme", Text("u", 3, GOOD, clipped=clipped), 2)


def written(status: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """Give a status after a write."""
    return {name: value for name, value in {**status, **changes}.items() if value is not None}


@pytest.mark.parametrize("draft", [of_tenant(cap=4, bound_by="BUDGET"), of_policy(CLIPPED)])
def test_the_first_patch_is_a_whole_valid_status(draft: Draft) -> None:
    """From nothing the patch makes a status that the published models accept."""
    status = written({}, changes_of(draft, {}, T0))
    STATUSES[draft.identity.kind].model_validate(status)
    assert [one["lastTransitionTime"] for one in status["conditions"]] == [AT_T0, AT_T0]
    assert {one["observedGeneration"] for one in status["conditions"]} == {status["observedGeneration"]} == {3}


@pytest.mark.parametrize("draft", [of_tenant(), of_tenant(cap=4), of_policy(), of_policy(CLIPPED)])
def test_what_is_there_already_is_not_written_again(draft: Draft) -> None:
    """A daemon that starts finds its own status as JSON of before, and has nothing to patch, whenever that is."""
    status = json.loads(json.dumps(written({}, changes_of(draft, {}, T0))))
    assert changes_of(draft, status, T1) == {}


def test_a_time_moves_with_its_status_alone() -> None:
    """Of two conditions the one that turns gets the new time; another reason for the same status moves none."""
    status = written({}, changes_of(of_tenant(), {}, T0))
    turned = written(status, changes_of(of_tenant(BAD), status, T1))
    assert [one["lastTransitionTime"] for one in turned["conditions"]] == [AT_T0, AT_T1]
    reworded = (GOOD[0], Claim("InForce", "False", "NotInForce", "Nothing holds."))
    again = written(turned, changes_of(of_tenant(reworded), turned, T1 + 60))
    assert [one["lastTransitionTime"] for one in again["conditions"]] == [AT_T0, AT_T1]
    assert again["conditions"][1]["reason"] == "NotInForce"


def test_only_what_changed_is_in_the_patch() -> None:
    """Numbers that moved are patched alone; conditions that did not stay out of it."""
    status = written({}, changes_of(of_tenant(), {}, T0))
    assert changes_of(of_tenant(functions=3), status, T1) == {"functions": 3}


def test_what_no_longer_holds_is_taken_away() -> None:
    """A budget that refuses nothing any more loses its reason, and one without a limit its cap."""
    status = written({}, changes_of(of_tenant(cap=4, bound_by="BUDGET"), {}, T0))
    after = written(status, changes_of(of_tenant(), status, T1))
    assert set(after["budget"]) == {"guarantee", "asked", "granted", "borrowed", "lent"}
    gone = Draft(TENANT, "acme", Text("u", 3, GOOD), 0)
    assert "budget" not in written(after, changes_of(gone, after, T1))


def test_nothing_stays_clipped_that_is_not() -> None:
    """A policy that came back within bounds has an empty list."""
    status = written({}, changes_of(of_policy(CLIPPED), {}, T0))
    assert written(status, changes_of(of_policy(), status, T1))["clipped"] == []


def test_what_others_write_stays() -> None:
    """Credentials that `tenants sync` made are in no patch of ours, first or later."""
    callers = [{"tokenSHA256": "0" * 64}]
    status = {"callers": callers}
    patch = changes_of(of_tenant(), status, T0)
    assert "callers" not in patch
    assert written(status, patch)["callers"] == callers


@pytest.mark.parametrize(
    "junk",
    [
        {"conditions": "none", "budget": 7, "functions": None, "namespaces": {}},
        {"conditions": [3, {"type": "Accepted", "status": "True", "lastTransitionTime": "yesterday"}]},
        {"conditions": [{"type": ["Accepted"], "status": "True", "lastTransitionTime": AT_T1}]},
    ],
)
def test_junk_in_a_status_is_replaced(junk: dict[str, Any]) -> None:
    """Whatever somebody wrote there, the patch makes a valid status of it."""
    status = written(junk, changes_of(of_tenant(), junk, T0))
    STATUSES["Tenant"].model_validate(status)
    assert status["conditions"][0]["lastTransitionTime"] == AT_T0
