"""Which functions a caller sees, as masks over prepared ticks."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autoscaler.core.fleet import FunctionKey
from autoscaler.core.now import Now
from autoscaler.core.reasons import Reason
from autoscaler.ports import Caller, Role
from autoscaler.server.selection import Filter, after, positions
from tests.integration.http.fleets import ROWS, many, tick

OPERATOR = Caller(Role.OPERATOR, None)
NOW = Now(0.0, 0.0)


@pytest.mark.parametrize(
    ("tenants", "wanted", "expected"),
    [
        (None, Filter(), 6),
        (frozenset({"acme"}), Filter(), 3),
        (frozenset({"acme", "wayne"}), Filter(), 4),
        (frozenset(), Filter(), 0),
        (frozenset({"acme"}), Filter(tenant="umbrella"), 0),
        (None, Filter(tenant="umbrella"), 2),
        (None, Filter(namespace="acme-prod"), 2),
        (None, Filter(namespace="acme"), 0),
        (None, Filter(reason=Reason.WAKE), 1),
        (frozenset({"acme"}), Filter(reason=Reason.WAKE), 0),
        (None, Filter("acme", "acme-prod", Reason.ZERO_IDLE), 1),
    ],
)
def test_filters_narrow_what_may_be_seen(tenants: frozenset[str] | None, wanted: Filter, expected: int) -> None:
    """A filter never widens what the caller may see."""
    caller = Caller(Role.OPERATOR if tenants is None else Role.TENANT, tenants)
    assert len(positions(tick(ROWS, NOW), caller, wanted)) == expected


def test_a_prefix_of_a_name_is_not_the_name() -> None:
    """`continue` at a function goes on with the next, also where one name begins with another."""
    rows = [row for row in many(12, 1) if row.name]
    decisions = tick(rows, NOW)
    found = positions(decisions, OPERATOR, Filter())
    key = decisions.fleet.keys[4]
    assert after(decisions, found, key)[0] == 5
    assert after(decisions, found, FunctionKey(key.namespace, key.name[:-1]))[0] == 0


@given(st.text(max_size=8), st.text(max_size=8))
def test_any_place_splits_the_functions_in_order(namespace: str, name: str) -> None:
    """Wherever a page is to go on, exactly the functions with larger keys follow."""
    decisions = tick(ROWS, NOW)
    found = positions(decisions, OPERATOR, Filter())
    place = FunctionKey(namespace, name)
    rest = after(decisions, found, place)
    assert [decisions.fleet.keys[row] for row in rest] == [key for key in decisions.fleet.keys if key > place]
