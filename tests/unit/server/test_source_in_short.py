"""How a source fares, beside a function: which tenants' queries are told of to whom."""

import pytest

from autoscaler.ports import Caller, QueryProblem, Role, SourceHealth
from autoscaler.server.views import source_in_short

PROBLEMS = (
    QueryProblem("acme", "query of policy acme-prod/default: x", "acme-prod"),
    QueryProblem("acme", "query of policy acme-dev/secret-plan: x", "acme-dev"),
    QueryProblem("acme", "query of tenant acme: x", None),
    QueryProblem("umbrella", "query of policy umbrella/default: x", "umbrella"),
)
HEALTH = SourceHealth("main", True, None, 0.1, 10, 0, query_problems=PROBLEMS)


@pytest.mark.parametrize(("namespaces", "seen"), [(None, [0, 1, 2]), ({"acme-prod"}, [0, 2]), (set(), [2])])
def test_a_policy_is_named_to_those_who_may_see_its_namespace(namespaces: set[str] | None, seen: list[int]) -> None:
    """Who has rights in one namespace of a tenant reads nothing of the policies in its others."""
    caller = Caller(Role.TENANT, frozenset({"acme"}), None if namespaces is None else frozenset(namespaces))
    shown = source_in_short("main", [HEALTH], "acme", caller)
    assert shown is not None
    assert shown["query_problems"] == [PROBLEMS[place].words for place in seen]
