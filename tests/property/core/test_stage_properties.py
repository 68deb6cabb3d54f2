"""What holds for single parts of the core whatever is put in."""

import numpy as np
from hypothesis import given, settings

from autoscaler.core.blast_radius import contain
from autoscaler.core.budget import fill
from tests.property.core.strategies import seeds
from tests.property.effort import examples
from tests.unit.core.fleets import applied


@given(seeds)
@settings(max_examples=examples(150), deadline=None)
def test_fill_is_feasible_fair_and_wastes_nothing(seed: int) -> None:
    """A fill keeps the cap, uses all of it that is asked for, respects guarantees and one-each, and is even to one unit."""
    rng = np.random.default_rng(seed)
    share = np.sort(rng.integers(0, 4, rng.integers(1, 25)))
    share = np.unique(share, return_inverse=True)[1]
    demand = rng.integers(0, 12, len(share)).astype(float)
    guarantee = np.minimum(demand, rng.integers(0, 3, len(share)))
    current = rng.integers(0, 12, len(share)).astype(float)
    cap = rng.integers(0, 40, share[-1] + 1).astype(float)
    granted = fill(demand, guarantee, current, share, cap)
    assert np.all((granted >= 0) & (granted <= demand) & (granted == np.floor(granted)))
    for one in range(len(cap)):
        mine = share == one
        got, asked, own = granted[mine], demand[mine], guarantee[mine]
        assert got.sum() == min(cap[one], asked.sum())
        ones = np.maximum(own, np.minimum(asked, 1))
        if own.sum() <= cap[one]:
            assert np.all(got >= own)
        if ones.sum() <= cap[one]:
            assert np.all(got >= ones)
            above = got - own
            hungry = got < asked
            assert not hungry.any() or above.max() - above[hungry].min() <= 1 + (above.max() <= 1)
        elif own.sum() <= cap[one]:
            assert np.all(got <= ones)


@given(seeds)
@settings(max_examples=examples(60), deadline=None)
def test_fill_of_what_it_granted_changes_nothing(seed: int) -> None:
    """Filled again with what was granted as what runs, the same comes out: equal inputs never flap."""
    rng = np.random.default_rng(seed)
    share = np.zeros(rng.integers(1, 12), np.int64)
    demand = rng.integers(0, 12, len(share)).astype(float)
    guarantee, cap = np.zeros(len(share)), rng.integers(0, 40, 1).astype(float)
    granted = fill(demand, guarantee, rng.integers(0, 12, len(share)).astype(float), share, cap)
    assert fill(demand, guarantee, granted, share, cap).tolist() == granted.tolist()


@given(seeds)
@settings(max_examples=examples(100), deadline=None)
def test_containment_spends_no_more_than_the_credit(seed: int) -> None:
    """Cuts beyond the credit are put off to the unit, none is made larger, none is touched that the credit covers."""
    rng = np.random.default_rng(seed)
    count = int(rng.integers(1, 30))
    tenant = rng.integers(0, 3, count)
    replicas = rng.integers(0, 6, count).astype(float)
    level = np.maximum(rng.integers(0, 12, count).astype(float), 0)
    credit = rng.integers(0, 20, 3) + rng.random(3)
    excess = np.maximum(level - replicas, 0)
    at = np.flatnonzero(excess)
    outcome = contain(at, excess[at], replicas[at], tenant[at], credit, np.full(3, np.inf))
    left = applied(replicas, *outcome.changes).replicas
    for one in range(3):
        mine = tenant == one
        cut = (np.maximum(level, replicas) - left)[mine].sum()
        assert cut == min(excess[mine].sum(), np.floor(credit[one]))
        assert np.isclose(outcome.credit[one], credit[one] - cut)
    assert np.all((left >= replicas) & (left <= np.maximum(level, replicas)))
