"""Models of traffic whose law is known."""

import numpy as np
import pytest

from autoscaler.simulator.laws import Quantiles
from autoscaler.simulator.modulated import Mmpp
from autoscaler.simulator.trace_sets.fitting import (
    FEWEST_REQUESTS,
    TwoStates,
    fit_arrivals,
    fit_percentiles,
    fit_service,
)
from tests.unit.simulator.trace_sets.sets import bursts, generator, of_counts, of_requests, poisson

LENGTH_S = 40_000.0


def test_poisson_is_fitted_by_poisson() -> None:
    """The nearest model of Poisson arrivals has their rate and a distance near 0."""
    best = fit_arrivals(of_requests(poisson(2.0, LENGTH_S), length_s=LENGTH_S), 0)[0]
    if best.model == "mmpp":  # which may be as near, with two states that are nearly one
        best = next(one for one in fit_arrivals(of_requests(poisson(2.0, LENGTH_S)), 0) if one.model == "poisson")
    assert best.document is not None
    assert best.document["rate"] == pytest.approx(2.0, rel=0.02)
    assert best.distance < 0.15


@pytest.mark.parametrize("stays_s", [(300.0, 30.0), (60.0, 60.0)])
def test_bursts_are_fitted_by_two_states(stays_s: tuple[float, float]) -> None:
    """Rates and lasting of both states come back within what chance allows, in a document that a scenario accepts."""
    times_s = bursts(0.5, 20.0, stays_s, LENGTH_S)
    best = fit_arrivals(of_requests(times_s, length_s=LENGTH_S), 0)[0]
    assert best.model == "mmpp"
    assert best.distance < 0.3
    model = Mmpp.model_validate(best.document)
    assert model.mean_rate == pytest.approx(len(times_s) / LENGTH_S, rel=0.02)
    low, high = sorted(model.states, key=lambda state: state.rate)
    assert high.rate == pytest.approx(20.0, rel=0.3)
    assert low.mean / high.mean == pytest.approx(stays_s[0] / stays_s[1], rel=0.4)


def test_a_timer_is_fitted_by_even_arrivals() -> None:
    """A request every five seconds is an even rate of 0.2/s."""
    best = fit_arrivals(of_requests(np.arange(0.0, LENGTH_S, 5.0), length_s=LENGTH_S), 0)[0]
    assert best.model == "timer"
    assert best.document == {"type": "constant", "rate": 0.2, "arrivals": "even"}


def test_counts_are_fitted_too() -> None:
    """Bursts of many minutes are seen in counts of minutes."""
    times_s = bursts(0.1, 5.0, (3_000.0, 600.0), 40 * 86_400.0)
    counts = np.bincount((times_s / 60).astype(np.int64))
    best = fit_arrivals(of_counts(counts[None, :]), 0)[0]
    model = Mmpp.model_validate(best.document)
    assert max(state.rate for state in model.states) == pytest.approx(5.0, rel=0.3)


def test_too_little_is_not_fitted() -> None:
    """A few requests tell no law."""
    assert fit_arrivals(of_requests(np.arange(FEWEST_REQUESTS - 1.0)), 0) == ()
    assert fit_service(np.ones(FEWEST_REQUESTS)) is None
    assert fit_service(np.arange(1.0, FEWEST_REQUESTS)) is None


def test_two_states_disperse_as_their_formula_says() -> None:
    """Short steps are Poisson's, long ones have the dispersion that the formula's limit is."""
    states = TwoStates((0.0, 10.0), (30.0, 10.0))
    found = states.dispersion(np.array([1e-6, 1e9]))
    assert found.tolist() == pytest.approx([1.0, 1 + 2 * 18.75 / (2.5 * (1 / 30 + 1 / 10))], rel=1e-4)


def test_lognormal_service_times_come_back() -> None:
    """Mean and spread of lognormal times are found, and the distance is small; of two alike values it is large."""
    drawn = generator().lognormal(-1.0, 0.8, 20_000)
    fit = fit_service(drawn)
    assert fit is not None
    assert fit.mean_s == pytest.approx(float(drawn.mean()))
    assert fit.cv == pytest.approx(np.sqrt(np.expm1(0.64)), rel=0.05)
    assert fit.distance < 0.02
    assert fit.quantiles_s[2] == pytest.approx(np.full(2, np.exp(-1 + 2.326 * 0.8)), rel=0.06)
    two = fit_service(np.repeat([0.1, 1.0], 500))
    assert two is not None
    assert two.distance > 0.3


def test_percentiles_are_fitted_by_their_own_mean() -> None:
    """A law that percentiles tell has the mean of its straight pieces."""
    law = Quantiles(np.array([0.0, 0.5, 1.0]), np.array([0.1, 0.2, 0.9]))
    fit = fit_percentiles(law)
    assert fit is not None
    assert fit.mean_s == pytest.approx(law.mean_s, rel=1e-3)
