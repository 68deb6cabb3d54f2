"""Confidence: Student's t, Clopper and Pearson's bound, means over seeds and paired differences."""

import math

import pytest

from autoscaler.simulator.sweeps.beta import incomplete_beta, least_share, student_quantile
from autoscaler.simulator.sweeps.estimates import estimate, paired


@pytest.mark.parametrize(
    ("degrees", "quantile"),
    [(1, 12.706205), (2, 4.302653), (4, 2.776445), (9, 2.262157), (29, 2.045230), (1000, 1.962339)],
)
def test_student_quantiles_are_those_of_the_tables(degrees: int, quantile: float) -> None:
    """The 97.5 % quantile of Student's t is the printed one at every number of degrees."""
    assert student_quantile(0.975, degrees) == pytest.approx(quantile, abs=1e-6)


def test_one_degree_of_freedom_is_the_cauchy_distribution() -> None:
    """With one degree the quantile is a tangent, however far out."""
    for probability in (0.6, 0.9, 0.999):
        assert student_quantile(probability, 1) == pytest.approx(math.tan(math.pi * (probability - 0.5)))


@pytest.mark.parametrize(("a", "b", "x"), [(2, 3, 0.4), (5, 1, 0.9), (1, 7, 0.05), (12, 9, 0.5)])
def test_the_incomplete_beta_function_is_a_sum_of_binomials(a: int, b: int, x: float) -> None:
    """For whole numbers it is the chance of at least `a` of `a + b - 1` at the chance x."""
    of = a + b - 1
    binomials = sum(math.comb(of, k) * x**k * (1 - x) ** (of - k) for k in range(a, of + 1))
    assert incomplete_beta(a, b, x) == pytest.approx(binomials, rel=1e-12)


@pytest.mark.parametrize(("held", "of", "least"), [(10, 10, 0.05**0.1), (0, 5, 0.0), (8, 10, 0.493099), (1, 1, 0.05)])
def test_a_share_has_clopper_and_pearsons_lower_bound(held: int, of: int, least: float) -> None:
    """Ten of ten leave 74 % with 95 % confidence; one of one leaves hardly anything; none leaves nothing."""
    assert least_share(held, of, 0.95) == pytest.approx(least, abs=1e-6)


def test_a_mean_has_the_interval_of_its_seeds() -> None:
    """Values 1, 2, 3: mean 2, and half a width of t(0.975, 2) / sqrt(3)."""
    found = estimate([1.0, 2.0, 3.0], 0.95)
    assert found is not None
    assert (found.mean, found.seeds) == (2.0, 3)
    assert found.half_width == pytest.approx(4.302653 / math.sqrt(3))
    assert (found.low, found.high) == (2.0 - found.half_width, 2.0 + found.half_width)


def test_what_had_nothing_to_measure_is_left_out_and_is_not_zero() -> None:
    """None is no value: of [None, 4] the mean is 4, of one seed there is no interval, of none no mean."""
    found = estimate([None, 4.0], 0.95)
    assert found is not None
    assert (found.mean, found.half_width, found.seeds, found.low, found.sign) == (4.0, None, 1, None, 0)
    assert estimate([None, None], 0.95) is None


def test_pairs_take_out_what_both_share() -> None:
    """Two policies that differ by one under every seed differ by exactly one, however much the seeds vary."""
    mine, theirs = [11.0, 101.0, 1001.0], [10.0, 100.0, 1000.0]
    difference = paired(mine, theirs, 0.95)
    assert difference is not None
    assert (difference.mean, difference.half_width, difference.sign) == (1.0, 0.0, 1)
    alone = estimate(mine, 0.95)
    assert alone is not None
    assert alone.sign == 0


def test_a_pair_of_which_one_has_no_value_says_nothing() -> None:
    """A seed counts in a difference only where both had something to measure."""
    difference = paired([1.0, None, 5.0], [3.0, 1.0, None], 0.95)
    assert difference is not None
    assert (difference.mean, difference.seeds) == (-2.0, 1)
