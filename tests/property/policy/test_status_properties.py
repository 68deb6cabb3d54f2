"""Statuses of custom resources: whatever stands there, one write makes it right, and no second one is needed."""

import json
from typing import Any

from hypothesis import example, given, settings
from hypothesis import strategies as st

from autoscaler.policy.conditions import Claim
from autoscaler.policy.reports import Draft, Text
from autoscaler.policy.resources import Identity
from autoscaler.policy.status_changes import changes_of
from autoscaler.policy.statuses import STATUSES, BudgetStatus, Clipped
from tests.property.effort import examples

NAMES = (
    "observedGeneration",
    "conditions",
    "reason",
    "functions",
    "namespaces",
    "budget",
    "clipped",
    "callers",
    "other",
)
JUNK = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 5) | st.text(max_size=6),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["type", "status", "lastTransitionTime", "asked", "cap"]), inner, max_size=4)
    ),
    max_leaves=8,
)
BEFORE = st.dictionaries(st.sampled_from(NAMES), JUNK, max_size=6)
COUNT = st.integers(0, 10_000)
CLAIMS = st.lists(
    st.builds(
        Claim,
        st.sampled_from(["Accepted", "InForce", "WithinBounds", "WithinBudget"]),
        st.sampled_from(["True", "False", "Unknown"]),
        st.sampled_from(["Valid", "Invalid", "Clipped"]),
        st.text(max_size=20),
    ),
    max_size=4,
    unique_by=lambda claim: claim.type,
)
BUDGETS = st.builds(
    BudgetStatus, guarantee=COUNT, cap=st.none() | COUNT, asked=COUNT, granted=COUNT, borrowed=COUNT, lent=COUNT
)
CLIPPED = st.builds(
    Clipped, field=st.text(max_size=9), asked=st.text(max_size=9), given=st.text(max_size=9), by=st.text()
)


@st.composite
def drafts(draw: st.DrawFn) -> Draft:
    """Give a draft of either kind."""
    claims = tuple(draw(CLAIMS))
    if draw(st.booleans()):
        namespaces = tuple(draw(st.lists(st.sampled_from("abc"), unique=True)))
        text = Text("u", draw(COUNT), claims, namespaces)
        return Draft(Identity("Tenant", "", "acme"), "acme", text, draw(COUNT), draw(st.none() | BUDGETS))
    text = Text("u", draw(COUNT), claims, clipped=tuple(draw(st.lists(CLIPPED, max_size=3))))
    return Draft(Identity("ScalingPolicy", "acme-prod", "p"), "acme", text, draw(COUNT))


def written(status: dict[str, Any], changes: dict[str, Any]) -> dict[str, Any]:
    """Give a status after a write, as JSON gives it back."""
    whole = {name: value for name, value in {**status, **changes}.items() if value is not None}
    found: dict[str, Any] = json.loads(json.dumps(whole))
    return found


NOBODYS = Draft(Identity("ScalingPolicy", "acme-prod", "p"), "acme", Text("u", 0, ()), 0)


@settings(max_examples=examples(150), deadline=None)
@given(BEFORE, drafts(), st.integers(0, 2_000_000_000))
@example(before={"observedGeneration": False}, draft=NOBODYS, utc_s=0)
def test_one_write_is_enough(before: dict[str, Any], draft: Draft, utc_s: int) -> None:
    """After the write nothing has to change, at any later time; others' fields are as they were; ours are valid."""
    after = written(before, changes_of(draft, before, utc_s))
    assert changes_of(draft, after, utc_s + 1_000) == {}
    model = STATUSES[draft.identity.kind]
    ours = {one.alias or name for name, one in model.model_fields.items()} - {"callers"}
    assert {name: after.get(name) for name in NAMES if name not in ours} == {
        name: before.get(name) for name in NAMES if name not in ours
    }
    model.model_validate({name: value for name, value in after.items() if name in ours})


@settings(max_examples=examples(100), deadline=None)
@given(drafts(), drafts(), st.integers(0, 1_000_000_000), st.integers(1, 1_000_000))
def test_times_move_with_statuses_alone(first: Draft, second: Draft, utc_s: int, later_s: int) -> None:
    """A condition that keeps its status keeps its time; one that turns has the time of the write."""
    before = written({}, changes_of(first, {}, utc_s))
    known = {(one["type"], one["status"]): one["lastTransitionTime"] for one in before.get("conditions", [])}
    after = written(before, changes_of(second, before, utc_s + later_s))
    for one in after["conditions"]:
        kept = known.get((one["type"], one["status"]))
        assert kept is None or one["lastTransitionTime"] == kept
        assert kept is not None or one["lastTransitionTime"] not in known.values()
