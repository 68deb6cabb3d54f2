"""What holds for the division of pools, whatever is asked: `CASES` random pools in each example."""

import numpy as np
from hypothesis import given, settings

from autoscaler.core.pool import Claims, shares, short_of
from autoscaler.core.promises import promised
from autoscaler.core.reclaim import Moving, moved
from autoscaler.core.water import shared_out
from tests.property.core.slow_pool import by_pool, permuted, random_claims, slow_shares
from tests.property.core.strategies import seeds
from tests.property.effort import examples

CASES = 200
"""Random pools in one example; with 60 examples and more below, over 20,000 in an ordinary run."""


UNLIKE = np.sqrt([2.0, 3.0, 5.0, 7.0, 11.0, 13.0, 17.0, 19.0])
"""Weights of which no two ever make equal claims."""


@given(seeds)
@settings(max_examples=examples(60), deadline=None)
def test_a_pool_is_divided_as_the_slow_way_does_it(seed: int) -> None:
    """Dividing by levels and one sort gives every tenant exactly what giving unit by unit does."""
    rng = np.random.default_rng(seed)
    for _ in range(CASES):
        claims = random_claims(rng)
        assert shares(claims).tolist() == slow_shares(claims), (seed, claims)


@given(seeds)
@settings(max_examples=examples(60), deadline=None)
def test_a_division_is_feasible_keeps_guarantees_and_wastes_nothing(seed: int) -> None:
    """Nobody gets more than it asks or less than its guarantee of that; a pool is never over but for the mask, nor idle."""
    rng = np.random.default_rng(seed)
    for _ in range(CASES):
        claims = random_claims(rng)
        got = shares(claims)
        assert np.all((got == np.floor(got)) & (got >= claims.own) & (got <= claims.demand))
        assert np.all(got >= claims.masked)
        in_use = by_pool(claims, np.maximum(got, claims.kept))
        held_over = by_pool(claims, np.maximum(np.maximum(claims.masked, claims.own), claims.kept))
        assert np.all(in_use <= np.maximum(claims.size, held_over))
        hungry = by_pool(claims, (got < claims.demand).astype(float)) > 0
        assert np.all(in_use[hungry] >= claims.size[hungry])
        assert np.array_equal(hungry & np.isfinite(claims.size), hungry)
        assert np.all(~hungry | short_of(claims))


@given(seeds)
@settings(max_examples=examples(40), deadline=None)
def test_a_division_is_fair_to_one_unit(seed: int) -> None:
    """Whoever wants more has, for its weight, at most one unit less than anybody was given above its guarantee."""
    rng = np.random.default_rng(seed)
    for _ in range(CASES):
        claims = random_claims(rng)
        above = shares(claims) - claims.own
        given_at_all = np.maximum(claims.masked - claims.own, 0.0)
        for hungry in np.flatnonzero(above + claims.own < claims.demand):
            for other in np.flatnonzero((above > given_at_all) & (claims.pool == claims.pool[hungry])):
                if claims.weight[hungry] == 0:
                    continue
                assert claims.weight[other] > 0, (seed, claims)
                assert above[other] / claims.weight[other] <= (above[hungry] + 1) / claims.weight[hungry] + 1e-9


@given(seeds)
@settings(max_examples=examples(25), deadline=None)
def test_what_one_tenant_asks_never_takes_anothers_guarantee(seed: int) -> None:
    """Whatever a tenant asks for, has masked or is given as weight, every other keeps min(demand, guarantee)."""
    rng = np.random.default_rng(seed)
    for _ in range(CASES):
        claims = random_claims(rng)
        one = int(rng.integers(len(claims.demand)))
        demand, masked, weight = claims.demand.copy(), claims.masked.copy(), claims.weight.copy()
        demand[one] += float(rng.integers(0, 10_000))
        masked[one] = float(rng.integers(0, demand[one] + 1))
        weight[one] = 1e6
        got = shares(claims._replace(demand=demand, masked=masked, weight=weight))
        others = np.arange(len(demand)) != one
        assert np.all(got[others] >= claims.own[others]), (seed, claims)


@given(seeds)
@settings(max_examples=examples(25), deadline=None)
def test_the_order_of_tenants_changes_no_sum_and_no_share_but_of_a_tie(seed: int) -> None:
    """In another order every tenant gets the same, to one unit where its claim is equal to another's."""
    rng = np.random.default_rng(seed)
    for _ in range(CASES):
        claims = random_claims(rng)
        order = rng.permutation(len(claims.demand))
        got, again = shares(claims)[order], shares(permuted(claims, order))
        assert np.all(np.abs(got - again) <= 1), (seed, claims)
        assert np.array_equal(by_pool(permuted(claims, order), got), by_pool(permuted(claims, order), again))
        unlike = claims._replace(weight=UNLIKE[: len(order)])  # no two claims are ever equal
        assert np.array_equal(shares(unlike)[order], shares(permuted(unlike, order)))


@given(seeds)
@settings(max_examples=examples(25), deadline=None)
def test_a_division_of_what_it_gave_is_the_same(seed: int) -> None:
    """With what it gave as what runs, a division gives the same again: equal inputs never flap."""
    rng = np.random.default_rng(seed)
    for _ in range(CASES):
        claims = random_claims(rng)
        got = shares(claims)
        assert np.array_equal(shares(claims._replace(current=got)), got), (seed, claims)


@given(seeds)
@settings(max_examples=examples(25), deadline=None)
def test_a_tenant_that_leaves_takes_nothing_from_another(seed: int) -> None:
    """Where guarantees fit into the pool, a tenant that is gone lowers nobody."""
    rng = np.random.default_rng(seed)
    for _ in range(CASES):
        claims = random_claims(rng)
        stays = np.arange(len(claims.demand)) != int(rng.integers(len(claims.demand)))
        assert np.all(shares(permuted(claims, np.flatnonzero(stays))) >= shares(claims)[stays]), (seed, claims)


@given(seeds)
@settings(max_examples=examples(20), deadline=None)
def test_oscillating_demand_makes_no_more_changes_than_it_has(seed: int) -> None:
    """While one tenant's demand goes up and down by one, nobody's share moves by more than that, nor where it need not."""
    rng = np.random.default_rng(seed)
    for _ in range(20):
        claims = random_claims(rng)
        one, got = int(rng.integers(len(claims.demand))), shares(claims)
        for tick in range(6):
            demand = claims.demand.copy()
            demand[one] += tick % 2
            before = got
            got = shares(claims._replace(demand=demand, current=before))
            if tick > 0:
                assert np.abs(got - before).sum() <= 2, (seed, claims)
            if got[one] == before[one]:
                assert np.array_equal(got, before), (seed, claims)


@given(seeds)
@settings(max_examples=examples(40), deadline=None)
def test_guarantees_are_scaled_to_a_pool_by_largest_remainder(seed: int) -> None:
    """Scaled promises come to the pool exactly, each is its quota rounded down or up, and what fits stays as it is."""
    rng = np.random.default_rng(seed)
    for _ in range(CASES):
        count, pools = int(rng.integers(1, 9)), 2
        asked, pool = rng.integers(0, 30, count).astype(float), rng.integers(0, pools, count)
        size = np.where(rng.random(pools) < 0.2, np.inf, rng.integers(0, 60, pools)).astype(float)
        got, is_scaled = promised(asked, pool, size)
        total = np.bincount(pool, weights=asked, minlength=pools)
        assert np.array_equal(is_scaled, total > size)
        assert np.array_equal(np.bincount(pool, weights=got, minlength=pools), np.minimum(total, size))
        quota = asked * np.where(is_scaled, size / np.maximum(total, 1.0), 1.0)[pool]
        assert np.all(np.abs(got - quota) < 1.0)
        assert np.all(got <= asked)


def moving_of(rng: np.random.Generator, claims: Claims) -> Moving:
    """Make what stands in the way of a division."""
    count = len(claims.demand)
    return Moving(
        held=np.where(rng.random(count) < 0.5, 0.0, rng.integers(0, 9, count)).astype(float),
        running=claims.current + rng.integers(0, 3, count),
        is_strict=rng.random(len(claims.size)) < 0.5,
    )


@given(seeds)
@settings(max_examples=examples(60), deadline=None)
def test_reclaim_is_bounded_and_takes_no_guarantee(seed: int) -> None:
    """On its way to a share nobody gets more than it asks; guarantees never wait but in strict pools, and there fit."""
    rng = np.random.default_rng(seed)
    for _ in range(CASES):
        claims = random_claims(rng)
        moving, target = moving_of(rng, claims), shares(claims)
        got = moved(target, claims, moving)
        strict = moving.is_strict[claims.pool]
        assert np.all((got <= claims.demand) & (got >= claims.masked)), (seed, claims)
        assert np.all(strict | (got >= claims.own)), (seed, claims)
        assert np.all(got >= np.minimum(target, claims.current)), (seed, claims)
        most = np.maximum(claims.size, by_pool(claims, target))
        held = np.minimum(moving.held, np.maximum(claims.current - claims.guarantee, 0.0))
        assert np.all(by_pool(claims, got) <= most + by_pool(claims, held)), (seed, claims)
        raised = by_pool(claims, np.maximum(got - claims.current, 0.0))
        taken = by_pool(claims, np.maximum(moving.running, got))
        kept = by_pool(claims, np.maximum(claims.kept - claims.current, 0.0))
        fits = (taken <= np.maximum(claims.size, by_pool(claims, np.maximum(target, claims.kept)))) | (raised <= kept)
        assert np.all(~moving.is_strict | fits), (seed, claims)


@given(seeds)
@settings(max_examples=examples(40), deadline=None)
def test_reclaim_ends_at_the_shares(seed: int) -> None:
    """Once nothing is held and what was cut has gone, everybody has its share, in two ticks at most."""
    rng = np.random.default_rng(seed)
    for _ in range(CASES):
        claims = random_claims(rng)
        moving, now = moving_of(rng, claims), claims
        for _ in range(3):
            nothing = Moving(np.zeros(len(claims.demand)), now.current, moving.is_strict)
            now = now._replace(current=moved(shares(now), now, nothing))
        assert np.array_equal(now.current, shares(now)), (seed, claims)


@given(seeds)
@settings(max_examples=examples(30), deadline=None)
def test_large_stocks_and_odd_weights_are_divided_to_the_unit(seed: int) -> None:
    """A million units among weights from a billionth to a million: all are given, and no claim is passed over."""
    rng = np.random.default_rng(seed)
    count = int(rng.integers(2, 40))
    need, weight = np.floor(rng.exponential(1e5, count)), 10.0 ** rng.uniform(-9, 6, count)
    stock = np.floor(np.array([rng.random() * need.sum()]))
    nobody, pool = np.zeros(count), np.zeros(count, np.int64)
    got = shared_out(nobody, need, weight, nobody, pool, stock)
    assert got.sum() == min(stock[0], need.sum())
    last, following = (got / weight)[got > 0], ((got + 1) / weight)[got < need]
    assert not len(following) or not len(last) or last.max() <= following.min()
