"""Laws of durations: what they draw, and what they refuse."""

from collections.abc import Callable

import numpy as np
import pytest

from autoscaler.simulator.laws import Constant, Empirical, Exponential, Law, Lognormal, Quantiles

DRAWN = 200_000


def drawn(law: Law, number: int = DRAWN) -> np.ndarray:
    return law.draw(number, np.random.default_rng(1))


@pytest.mark.parametrize(
    ("law", "mean_s", "cv"),
    [
        (Constant(0.3), 0.3, 0.0),
        (Exponential(0.3), 0.3, 1.0),
        (Lognormal(0.3, 2.0), 0.3, 2.0),
        (Empirical(np.array([0.0, 1.0, 5.0])), 2.0, np.std([0.0, 1.0, 5.0]) / 2),
        (Quantiles(np.array([0.0, 0.5, 1.0]), np.array([0.0, 2.0, 4.0])), 2.0, 1 / np.sqrt(3)),
    ],
)
def test_a_law_has_the_mean_and_the_spread_that_it_says(law: Law, mean_s: float, cv: float) -> None:
    """Of 200,000 draws the mean is within five of its standard errors, and the relative spread is as told."""
    values_s = drawn(law)
    assert law.mean_s == pytest.approx(mean_s)
    assert np.mean(values_s) == pytest.approx(mean_s, abs=5 * cv * mean_s / DRAWN**0.5 + 1e-12)
    assert np.std(values_s) / np.mean(values_s) == pytest.approx(cv, rel=0.05, abs=1e-12)
    assert np.all(values_s >= 0)


def test_measured_values_are_drawn_as_they_are() -> None:
    """An empirical law gives its own values and no others, each about as often as it is listed."""
    values, counts = np.unique(drawn(Empirical(np.array([1.0, 2.0, 2.0, 7.0]))), return_counts=True)
    assert values.tolist() == [1.0, 2.0, 7.0]
    assert counts / DRAWN == pytest.approx([0.25, 0.5, 0.25], abs=0.01)


def test_percentiles_are_kept() -> None:
    """Of a law made of percentiles, that fraction of the draws is below each of them."""
    fractions, values_s = np.array([0.0, 0.25, 0.5, 0.99, 1.0]), np.array([0.1, 0.2, 0.5, 3.0, 60.0])
    values = drawn(Quantiles(fractions, values_s))
    assert [np.mean(values <= one) for one in values_s] == pytest.approx(fractions, abs=0.005)


@pytest.mark.parametrize("number", [0, 1, 5])
def test_any_number_can_be_drawn(number: int) -> None:
    """None, one and several: as many values as were asked for."""
    for law in (Constant(1.0), Exponential(1.0), Lognormal(1.0, 1.0), Empirical(np.ones(1))):
        assert len(drawn(law, number)) == number


@pytest.mark.parametrize(
    "make",
    [
        lambda: Constant(-1.0),
        lambda: Constant(np.nan),
        lambda: Exponential(0.0),
        lambda: Lognormal(1.0, 0.0),
        lambda: Lognormal(np.nan, 1.0),
        lambda: Empirical(np.empty(0)),
        lambda: Empirical(np.zeros(3)),
        lambda: Empirical(np.array([1.0, np.nan])),
        lambda: Empirical(np.array([1.0, -1.0])),
        lambda: Quantiles(np.array([0.0, 1.0]), np.array([2.0, 1.0])),
        lambda: Quantiles(np.array([0.1, 1.0]), np.array([1.0, 2.0])),
        lambda: Quantiles(np.array([0.0, 0.0, 1.0]), np.array([1.0, 2.0, 3.0])),
        lambda: Quantiles(np.array([0.0, 1.0]), np.array([0.0, 0.0])),
    ],
)
def test_a_law_that_is_none_is_refused(make: Callable[[], Law]) -> None:
    """Negative, empty, unknown and unordered values are told when the law is made, with what is allowed."""
    with pytest.raises(ValueError, match="allowed"):
        make()
