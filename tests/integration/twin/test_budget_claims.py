"""The judge of the budget fight: it sees what the accounts show, and what speaks against a claim."""

from dataclasses import replace

import numpy as np
import pytest

from autoscaler.core.accounts import Accounts
from autoscaler.core.budgets import Budgets, without_budgets
from autoscaler.core.decisions import Decisions
from autoscaler.core.now import Now
from autoscaler.core.reasons import Reason
from autoscaler.twin.budget_claims import (
    ADDED_UP,
    BORROWED,
    GUARANTEED,
    KEPT,
    LENT_AGAIN,
    RECLAIMED,
    SHARED,
    BudgetWitness,
)
from autoscaler.twin.claims import Claim
from tests.unit.core.fleets import make_fleet

TENANTS = ("acme", "globex", "umbrella", "wayne")
GUARANTEES = {"acme": 8.0, "globex": 2.0, "umbrella": 4.0, "wayne": 2.0}
P, POOL = Reason.PASSED, Reason.POOL


def budgets() -> Budgets:
    guarantee = np.array([GUARANTEES[name] for name in TENANTS])
    return replace(without_budgets(TENANTS), guarantee=guarantee, size=np.array([20.0]))


def tick(at_s: float, **of: tuple[float, float, Reason]) -> Decisions:
    """Give a tick in which each tenant asked for, got and was bound by so much; who is not named asked for 1."""
    rows = [of.get(name, (1.0, 1.0, P)) for name in TENANTS]
    asked, granted = (np.array([row[place] for row in rows]) for place in (0, 1))
    guarantee = budgets().guarantee
    borrowed = np.maximum(granted - guarantee, 0.0)
    free = 20.0 - guarantee.sum()
    idle = np.maximum(guarantee - granted, 0.0) * (np.array(TENANTS) != "globex")
    from_others = max(borrowed.sum() - free, 0.0)
    lent = idle * (from_others / idle.sum() if idle.sum() else 0.0)
    nothing = np.zeros(len(TENANTS))
    accounts = Accounts(
        **dict.fromkeys(Accounts.__dataclass_fields__, nothing)
        | {"asked": asked, "granted": granted, "charged": granted, "borrowed": borrowed, "lent": lent}
        | {"bound": np.array([int(row[2]) for row in rows], np.uint8)}
    )
    fleet = make_fleet([(name, "f", {}) for name in TENANTS], budgets=budgets())
    one = np.ones(len(fleet))
    return Decisions(
        now=Now(at_s, at_s), fleet=fleet, is_tick=True, rows=np.arange(len(fleet)), seen=np.full(len(fleet), 2, np.uint8),
        rps=one, concurrency=one, in_flight=one, requested=one, ready=one, desired=one,
        reason=np.full(len(fleet), int(Reason.DEMAND), np.uint8), applied=(), accounts=accounts,
    )  # fmt: skip


FIGHT = (
    tick(1.0),
    tick(5.0, umbrella=(20.0, 16.0, POOL)),
    tick(15.0, umbrella=(20.0, 8.0, POOL), wayne=(12.0, 9.0, POOL)),
    tick(30.0, acme=(8.0, 8.0, P), umbrella=(20.0, 5.0, POOL), wayne=(12.0, 5.0, POOL)),
    tick(50.0, umbrella=(20.0, 8.0, POOL), wayne=(12.0, 9.0, POOL)),
)


def judged(*ticks: Decisions) -> dict[Claim, bool]:
    witness = BudgetWitness(Now(0.0, 0.0))
    for one in ticks:
        witness.take(one)
    assert witness.ticks == len(ticks)
    return {verdict.claim: verdict.is_seen for verdict in witness.verdicts()}


def test_a_whole_fight_shows_every_claim() -> None:
    """Flood, sharing by weight, reclaim and rest, one tick of each, show everything."""
    assert all(judged(*FIGHT).values())


@pytest.mark.parametrize(
    ("missing", "unseen"),
    [
        ({1, 2, 3, 4}, {BORROWED, KEPT, SHARED, RECLAIMED, LENT_AGAIN}),
        ({2, 3, 4}, {SHARED, RECLAIMED, LENT_AGAIN}),
        ({3}, {RECLAIMED, LENT_AGAIN}),
        ({4}, {LENT_AGAIN}),
    ],
)
def test_what_did_not_happen_is_not_seen(missing: set[int], unseen: set[Claim]) -> None:
    """Without some of its ticks the fight lacks what those alone showed."""
    found = judged(*(one for place, one in enumerate(FIGHT) if place not in missing))
    assert {claim for claim, is_seen in found.items() if not is_seen} == unseen


def test_a_tenant_below_its_guarantee_speaks_against_it() -> None:
    """One tick in which somebody gets less than it asks for within its guarantee is enough."""
    found = judged(*FIGHT, tick(55.0, acme=(8.0, 7.0, POOL)))
    assert not found[GUARANTEED]
    assert found[BORROWED]


def test_more_than_the_pool_and_what_was_borrowed_speaks_against_the_sums() -> None:
    """So does a tenant that gets more than it asks for."""
    assert not judged(*FIGHT, tick(55.0, acme=(1.0, 2.0, P)))[ADDED_UP]
    assert not judged(
        *FIGHT,
        tick(55.0, globex=(2.0, 2.0, P), acme=(8.0, 8.0, P), umbrella=(4.0, 4.0, P), wayne=(2.0, 2.0, P)),
        over(),
    )[ADDED_UP]


def over() -> Decisions:
    """Give a tick in which more is charged than the pool has and was borrowed."""
    given = tick(56.0)
    assert given.accounts is not None
    return replace(given, accounts=replace(given.accounts, charged=np.array([21.0, 0.0, 0.0, 0.0])))
