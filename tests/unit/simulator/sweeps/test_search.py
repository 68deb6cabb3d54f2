"""Searches: the cheapest that keeps an objective, and what they say of how sure that is."""

from collections.abc import Callable, Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from autoscaler.simulator.sweeps.beta import least_share
from autoscaler.simulator.sweeps.search import Outcome, halving, judged, smallest

SEEDS = (1, 2, 3, 4)


class Trier:
    """Evaluates numbers: they keep the objective from some number on, which a seed may move; and counts the tries."""

    def __init__(
        self, needed: Callable[[int], int], objective: Callable[[int, int], float] = lambda n, _: float(n)
    ) -> None:
        self.needed, self.objective = needed, objective
        self.tried: list[tuple[int, int]] = []

    def __call__(self, choices: Sequence[int], seeds: Sequence[int]) -> list[list[Outcome]]:
        self.tried += [(choice, seed) for choice in choices for seed in seeds]
        return [[self._outcome(choice, seed) for seed in seeds] for choice in choices]

    def _outcome(self, choice: int, seed: int) -> Outcome:
        short = self.needed(seed) - choice
        return Outcome(short <= 0, float(short), self.objective(choice, seed))


@given(needed=st.integers(1, 1000))
def test_bisection_finds_the_smallest_of_a_thousand_in_a_dozen_tries(needed: int) -> None:
    """Whatever number is needed, bisection finds it, and tries no more than the logarithm says."""
    trier = Trier(lambda _: needed)
    found = smallest(range(1, 1001), SEEDS, trier)
    assert found.best is not None
    assert found.best.choice == needed
    assert len(found.trials) <= 12
    assert found.is_exhaustive
    assert found.is_monotone


def test_a_choice_must_keep_it_under_every_seed() -> None:
    """Seed 3 needs seven, the others five: seven is the smallest, kept under four of four seeds."""
    found = smallest(range(1, 21), SEEDS, Trier(lambda seed: 7 if seed == 3 else 5))
    assert found.best is not None
    assert (found.best.choice, found.best.held, len(found.best.outcomes)) == (7, 4, 4)
    assert found.share is None


def test_what_was_chosen_is_judged_under_seeds_that_did_not_choose_it() -> None:
    """Five fresh seeds, under one of which seven are too few: four of five, and no other choice is tried again."""
    trier = Trier(lambda seed: {3: 7, 12: 8}.get(seed, 5))
    chosen = smallest(range(1, 21), SEEDS, trier)
    found = judged(chosen, range(11, 16), trier)
    assert found.best == chosen.best
    assert (found.fresh_held, len(found.fresh)) == (4, 5)
    assert found.share == pytest.approx(0.3426, abs=1e-4)
    assert {choice for choice, seed in trier.tried if seed > 10} == {7}


def test_the_promise_of_a_search_holds_where_luck_chooses() -> None:
    """Of fifty choices that keep it under 40 % of all seeds four seeds choose a lucky one, and fresh seeds do not take luck for more."""
    generator = np.random.default_rng(7)
    luck = generator.random((50, 400)) < 0.4

    def evaluate(choices: Sequence[int], seeds: Sequence[int]) -> list[list[Outcome]]:
        return [[Outcome(bool(luck[one, seed]), 0.0, float(one)) for seed in seeds] for one in choices]

    promised = []
    for first in range(0, 320, 8):
        found = judged(halving(range(50), range(first, first + 4), evaluate), range(first + 4, first + 8), evaluate)
        if found.best is not None:
            promised.append((least_share(4, 4, found.confidence), found.share))
    assert all(of_choosing > 0.47 for of_choosing, _ in promised)
    assert np.mean([share is not None and share <= 0.4 for _, share in promised]) >= 0.9


def test_without_a_best_or_a_fresh_seed_nothing_is_judged() -> None:
    """A search that found nothing, and one in which nothing is random, run nothing more and promise nothing."""
    none = Trier(lambda _: 10)
    assert judged(smallest(range(1, 9), SEEDS, none), (11, 12), none).share is None
    assert {seed for _, seed in none.tried} <= set(SEEDS)
    assert judged(smallest(range(1, 9), (1,), Trier(lambda _: 2)), (), none).share is None


def test_a_choice_that_breaks_under_the_first_seed_is_not_tried_under_the_others() -> None:
    """Seeds are spent on what may still be taken."""
    trier = Trier(lambda _: 15)
    smallest(range(1, 21), SEEDS, trier)
    assert {seed for choice, seed in trier.tried if choice < 15} == {1}


def test_no_choice_is_tried_twice_under_a_seed() -> None:
    """Each run is made once."""
    trier = Trier(lambda seed: 10 + seed)
    smallest(range(1, 50), SEEDS, trier)
    halver = Trier(lambda seed: 10 + seed)
    halving(range(1, 50), SEEDS, halver)
    assert len(set(trier.tried)) == len(trier.tried)
    assert len(set(halver.tried)) == len(halver.tried)


def test_where_none_keeps_it_the_nearest_is_named() -> None:
    """A range that is too small has no best; the largest, two short, is the nearest."""
    found = smallest(range(1, 9), SEEDS, Trier(lambda _: 10))
    assert found.best is None
    assert found.share is None
    assert found.nearest is not None
    assert (found.nearest.choice, found.nearest.excess) == (8, 2.0)
    halved = halving(range(1, 9), SEEDS, Trier(lambda _: 10))
    assert (halved.best, halved.nearest and halved.nearest.choice) == (None, 8)


def test_a_parameter_that_does_not_order_the_choices_is_noticed() -> None:
    """Where a look below what bisection passed over keeps it, the search says so, and takes the cheaper one."""
    kept = {*range(10, 31), *range(60, 101)}

    def evaluate(choices: Sequence[int], seeds: Sequence[int]) -> list[list[Outcome]]:
        return [[Outcome(one in kept, 0.0 if one in kept else 1.0, float(one)) for _ in seeds] for one in choices]

    found = smallest(range(1, 101), SEEDS, evaluate)
    assert found.best is not None
    assert (found.best.choice, found.is_monotone, found.is_exhaustive) == (10, False, False)


@given(needed=st.integers(1, 64), seeds=st.integers(1, 9))
def test_halving_finds_the_cheapest_where_costs_do_not_vary(needed: int, seeds: int) -> None:
    """With costs that seeds do not change, the cheapest that keeps it always comes out."""
    found = halving(range(1, 65), range(seeds), Trier(lambda _: needed))
    assert found.best is not None
    assert (found.best.choice, len(found.best.outcomes)) == (needed, seeds)


def test_halving_spends_fewer_runs_than_the_grid() -> None:
    """Of 64 choices under 8 seeds it makes far fewer than the 512 runs of the grid."""
    trier = Trier(lambda _: 5)
    found = halving(range(1, 65), range(8), trier)
    assert len(trier.tried) < 200
    assert not found.is_exhaustive


def test_what_was_cut_for_being_dear_is_looked_at_again_where_the_cheap_ones_break() -> None:
    """Cheap choices that fail under the last seed do not make a search come back with nothing."""
    found = halving(range(1, 17), SEEDS, Trier(lambda seed: 16 if seed == 4 else 1))
    assert found.best is not None
    assert found.best.choice == 16


def test_a_run_that_failed_keeps_nothing() -> None:
    """An outcome without a verdict is not taken for kept, in neither search."""

    def evaluate(choices: Sequence[int], seeds: Sequence[int]) -> list[list[Outcome]]:
        return [[Outcome(None, None, None) for _ in seeds] for _ in choices]

    assert smallest(range(3), SEEDS, evaluate).best is None
    assert halving(range(3), SEEDS, evaluate).best is None
