"""A rate that changes by chance."""

from itertools import pairwise

import numpy as np
import pytest

from autoscaler.core.columns import Floats
from autoscaler.simulator.modulated import Course, Mmpp
from autoscaler.simulator.workload import Workload


def course(*states: tuple[float, str], seed: int = 1, arrivals: str = "even") -> Workload:
    document = {"type": "mmpp", "arrivals": arrivals, "states": [{"rate": rate, "mean": mean} for rate, mean in states]}
    return Mmpp.model_validate(document).realised(lambda: np.random.default_rng(seed))


def times(workload: Workload, until_s: float, step_s: float) -> Floats:
    generator = np.random.default_rng(2)
    edges_s = np.arange(0.0, until_s + step_s / 2, step_s)
    return np.concatenate([workload.between(a, b, generator) for a, b in pairwise(edges_s)])


def test_the_mean_rate_is_what_the_states_come_to() -> None:
    """10/s a quarter of the time and 2/s the rest: 4/s over a long time."""
    found = times(course((10, "5s"), (2, "15s")), 400_000.0, 400.0)
    assert len(found) / 400_000 == pytest.approx(4.0, rel=0.02)


def test_three_states_last_as_long_as_they_say() -> None:
    """Of three states that follow each other evenly each has the share of its mean time."""
    found = times(course((0, "10s"), (20, "20s"), (100, "30s"), arrivals="even"), 30_000.0, 30.0)
    a_second = np.bincount(found.astype(int), minlength=30_000)
    share = [np.mean((a_second >= low) & (a_second < high)) for low, high in ((0, 1), (19, 22), (98, 103))]
    assert share == pytest.approx([1 / 6, 2 / 6, 3 / 6], abs=0.04)


def test_a_run_begins_in_a_state_as_one_finds_it() -> None:
    """Over 600 courses the first second has the long-run mean of 4/s, not the 6/s of states chosen evenly."""
    generator = np.random.default_rng(2)
    first = [len(course((10, "5s"), (2, "15s"), seed=seed).between(0.0, 1.0, generator)) for seed in range(600)]
    assert np.mean(first) == pytest.approx(4.0, abs=5 * 3.5 / 600**0.5)


def test_bursts_are_far_from_poisson() -> None:
    """Counts of 10 s under long bursts vary far more than a Poisson process's, whose variance is its mean."""
    found = times(course((20, "30s"), (0, "90s"), arrivals="poisson"), 100_000.0, 400.0)
    counts = np.bincount((found / 10).astype(int))
    assert np.var(counts) / np.mean(counts) > 20


def test_how_far_one_asks_changes_nothing() -> None:
    """The same course in windows of a second and of an hour has the same requests."""
    short, long = (times(course((10, "5s"), (2, "15s")), 7_200.0, step_s) for step_s in (1.0, 3_600.0))
    assert short == pytest.approx(long)


def test_functions_have_courses_of_their_own() -> None:
    """Another generator is another course; the document itself knows only the mean."""
    one, other = (times(course((10, "50s"), (0, "50s"), seed=seed), 1_000.0, 100.0) for seed in (1, 2))
    assert len(one) != len(other) or not np.array_equal(one, other)
    mean = Mmpp.model_validate({"type": "mmpp", "states": [{"rate": 10, "mean": "5s"}, {"rate": 2, "mean": "15s"}]})
    assert mean.cumulative(np.array([0.0, 100.0])).tolist() == [0.0, 400.0]


def test_what_is_past_is_forgotten() -> None:
    """After a day of switching every second a course holds no more than it did in the beginning."""
    workload = course((1, "1s"), (0, "1s"))
    assert isinstance(workload, Course)
    times(workload, 86_400.0, 200.0)
    assert len(workload._rates) < 1_000
