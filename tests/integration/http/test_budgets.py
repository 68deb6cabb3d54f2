"""Budgets over HTTP: each tenant its own numbers, the operator the pools too, and the same in `/metrics`."""

import pytest

from autoscaler.cli.budget_words import budget_table, pool_lines
from tests.integration.http.conftest import Listening
from tests.integration.http.fakes import ACME, OPERATOR, UMBRELLA
from tests.integration.http.fleets import SIZE, contested
from tests.integration.http.test_metrics import samples


@pytest.fixture
def fight(listening: Listening) -> Listening:
    """A tick in which three tenants contest a pool."""
    assert listening.service.decisions is not None
    listening.service.decisions = contested(listening.service.decisions)
    return listening


async def test_a_tenant_sees_its_own_numbers_alone(fight: Listening) -> None:
    """What it asked for, got and borrowed; of pools, whose numbers are of others too, nothing."""
    answer = await fight.read("/v1/tenants", ACME)
    (row,) = answer["tenants"]
    budget = row["budget"]
    assert (budget["asked"], budget["granted"], budget["refused"], budget["borrowed"]) == (5, 5, 0, 1)
    assert (budget["bound_by"], budget["concurrency"], budget["promised"]) == (None, None, 4)
    assert answer["pools"] == []


@pytest.mark.parametrize(("token", "is_told"), [(UMBRELLA, False), (OPERATOR, True)])
async def test_what_others_use_of_a_pool_is_told_to_operators_alone(
    fight: Listening, token: str, is_told: bool
) -> None:
    """A refusal by the pool says to the tenant what it has itself, and to an operator what the others have too."""
    answer = await fight.read("/v1/functions/umbrella/render", token)
    (words,) = (one for one in answer["decision"]["sentences"] if one.startswith("Budget"))
    assert "asks for 12 and gets 7" in words
    assert ("of 14 in the pool others use 9, and 21 are asked for in all" in words) is is_told
    assert any(character.isdigit() for character in words.rpartition(";")[2]) is is_told


async def test_an_operator_sees_pools_and_who_was_refused(fight: Listening) -> None:
    """Asked is granted and refused together, and what is in use is the sum over the tenants."""
    answer = await fight.read("/v1/tenants", OPERATOR)
    budgets = {row["tenant"]: row["budget"] for row in answer["tenants"]}
    assert all(one["asked"] == one["granted"] + one["refused"] for one in budgets.values())
    assert (budgets["umbrella"]["refused"], budgets["umbrella"]["bound_by"]) == (5, "POOL")
    assert budgets["umbrella"]["concurrency"] == 70
    assert answer["pools"] == [
        {"pool": "default", "replicas": SIZE, "guaranteed": 10, "charged": 16, "free": 0, "over": 2, "emergency": False}
    ]
    assert sum(one["charged"] for one in budgets.values()) == 16


async def test_people_read_sums_and_what_is_too_much(fight: Listening) -> None:
    """The table ends with the sums of all, and the pool's line says by how much it is over."""
    answer = await fight.read("/v1/tenants", OPERATOR)
    table = budget_table(answer["tenants"])
    assert table is not None
    assert [list(column.cells)[-1] for column in table.columns] == ["all", "", "10", "", "21", "16", "5", "6", "0", ""]
    (line,) = pool_lines(answer["pools"])
    assert "14 replicas, 10 guaranteed, 16 in use, 2 too many" in line


async def test_metrics_have_the_same_numbers(fight: Listening) -> None:
    """A number that there is none of has no sample."""
    found = samples(await fight.scrape())
    umbrella, pool = (("tenant", "umbrella"),), (("pool", "default"),)
    assert found["autoscaler_tenant_budget_refused", umbrella] == 5
    assert found["autoscaler_tenant_budget_concurrency", umbrella] == 70
    assert ("autoscaler_tenant_budget_concurrency", (("tenant", "acme"),)) not in found
    assert (found["autoscaler_pool_replicas", pool], found["autoscaler_pool_over", pool]) == (SIZE, 2)
    assert found["autoscaler_pool_emergency", pool] == 0


async def test_without_budgets_there_is_nothing_to_see(listening: Listening) -> None:
    """Where no tenant has a budget its numbers are null, there is no table, and no line of a pool without a limit."""
    answer = await listening.read("/v1/tenants", OPERATOR)
    assert all(row["budget"]["granted"] is None for row in answer["tenants"])
    assert budget_table(answer["tenants"]) is None
    assert list(pool_lines(answer["pools"])) == []
    assert not any(name.startswith("autoscaler_tenant_budget") for name, _ in samples(await listening.scrape()))
