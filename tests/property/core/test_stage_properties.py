"""What holds for single parts of the core whatever is put in."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from autoscaler.core.blast_radius import contain
from autoscaler.core.budget import fill
from autoscaler.core.recommendations import STEPS, Recommendations
from tests.property.core.strategies import seeds
from tests.property.effort import examples


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
    outcome = contain(replicas, level, tenant, credit, np.full(3, np.inf))
    excess = np.maximum(level - replicas, 0)
    for one in range(3):
        mine = tenant == one
        cut = (np.maximum(level, replicas) - outcome.replicas)[mine].sum()
        assert cut == min(excess[mine].sum(), np.floor(credit[one]))
        assert np.isclose(outcome.credit[one], credit[one] - cut)
    assert np.all((outcome.replicas >= replicas) & (outcome.replicas <= np.maximum(level, replicas)))


@given(seeds, st.sampled_from([0.0, 5.0, 30.0, 300.0]))
@settings(max_examples=examples(80), deadline=None)
def test_the_sliding_maximum_is_that_of_all_recommendations(seed: int, window_s: float) -> None:
    """The peak is the largest recommendation of the window, as if all had been kept; after too many falls it is no less."""
    rng = np.random.default_rng(seed)
    functions, windows = 4, np.full(4, window_s)
    kept, now_s = Recommendations(functions), 0.0
    kept.begin(np.arange(functions), np.full(functions, 5.0), 0.0)
    history = [(0.0, np.full(functions, 5.0))]
    level, merged = np.full(functions, 5.0), np.zeros(functions, bool)
    for _ in range(60):
        now_s += float(rng.choice([1.0, 2.0, 7.0]))
        level = np.maximum(level + rng.integers(-2, 3, functions) * (rng.random(functions) < 0.5), 0)
        unknown = np.flatnonzero(rng.random(functions) < 0.1)
        level[unknown] = history[-1][1][unknown]
        kept.record(level.copy(), unknown, windows, now_s)
        history.append((now_s, level.copy()))
        inside = [values for time_s, values in history if time_s + window_s > now_s or time_s == now_s]
        merged |= kept.count == STEPS
        peak, exact = np.maximum(kept.peak, level), np.max(inside, axis=0)
        assert np.all(peak >= exact)
        assert np.all((peak == exact) | merged)


def test_a_long_descent_lets_go_within_a_fourteenth() -> None:
    """Through 200 falls in 200 s a look-back of 60 s holds every value for 60 s at least and 64.3 s at most."""
    kept, windows = Recommendations(1), np.array([60.0])
    kept.begin(np.array([0]), np.array([1000.0]), 0.0)

    def recommended(time_s: float) -> float:
        return max(1000.0 - max(time_s, 0.0), 800.0)

    for now_s in np.arange(1.0, 400.0):
        kept.record(np.array([recommended(now_s)]), np.empty(0, np.int64), windows, now_s)
        held = max(kept.peak[0], recommended(now_s))
        assert recommended(now_s - 59) <= held <= recommended(now_s - 64)
