"""Service times from requests in flight."""

import numpy as np
import pytest

from autoscaler.simulator.trace_sets.littles_law import service_times
from tests.unit.simulator.trace_sets.sets import generator

STEP_S = 15.0


def test_requests_in_flight_over_requests_per_second_is_the_service_time() -> None:
    """Whatever the load, where nobody waits: 20 requests/s of which 10 are in flight take half a second."""
    requests = np.array([[300.0] * 240, [150.0, 450.0] * 120])
    found = service_times(requests, requests / STEP_S * 0.5, STEP_S)
    assert found.mean_s.tolist() == pytest.approx([0.5, 0.5])
    assert not found.is_quiet.any()


def test_waits_under_load_are_left_out() -> None:
    """Where busy minutes have requests in flight for longer, the quieter half of the requests tells."""
    requests = np.where(np.arange(240) % 80 < 8, 600.0, 60.0)[None]
    seconds = np.where(requests > 100, 2.0, 0.5)
    found = service_times(requests, requests / STEP_S * seconds, STEP_S)
    assert found.is_quiet[0]
    assert found.mean_s[0] < 0.8 < (requests * seconds).sum() / requests.sum()


def test_starts_in_quiet_minutes_do_not_make_it_longer() -> None:
    """Quiet traffic that waits for starts from zero says nothing of the rest: the whole is taken."""
    requests = np.where(np.arange(240) % 40 < 20, 600.0, 60.0)[None]
    seconds = np.where(requests > 100, 0.5, 2.0)
    found = service_times(requests, requests / STEP_S * seconds, STEP_S)
    assert not found.is_quiet[0]
    assert 0.5 < found.mean_s[0] < 0.7


def test_chance_alone_makes_no_quiet_half() -> None:
    """A few requests seen in flight are as often fewer as more in quiet minutes, and hardly ever believed."""
    drawn = generator()
    requests = drawn.poisson(38.0, (100, 240)).astype(np.float64)
    found = service_times(requests, drawn.poisson(requests / STEP_S * 0.5).astype(np.float64), STEP_S)
    assert found.mean_s.mean() == pytest.approx(0.5, rel=0.03)


def test_what_nobody_knows_is_not_known() -> None:
    """No requests, none seen in flight, unknown steps, no gauge at all: no service time, and no zero."""
    requests = np.array([[0.0, 0.0], [5.0, 5.0], [np.nan, 30.0]])
    in_flight = np.array([[0.0, 0.0], [0.0, 0.0], [7.0, 1.0]])
    assert service_times(requests, in_flight, STEP_S).mean_s[:2] == pytest.approx([np.nan, np.nan], nan_ok=True)
    assert service_times(requests, in_flight, STEP_S).mean_s[2] == pytest.approx(0.5)
    assert np.isnan(service_times(requests, None, STEP_S).mean_s).all()
    assert len(service_times(np.empty((0, 2)), np.empty((0, 2)), STEP_S).mean_s) == 0
