"""Requests that were recorded one by one."""

from itertools import pairwise
from typing import Any

import numpy as np
import pytest

from autoscaler.core.columns import Floats
from autoscaler.simulator.laws import Exponential
from autoscaler.simulator.recorded_arrivals import RecordedArrivals
from autoscaler.simulator.workload import Requests

LENGTH_S = 100.0


def record(number: int = 400, seed: int = 1) -> RecordedArrivals:
    generator = np.random.default_rng(seed)
    times_s = np.sort(generator.uniform(0, LENGTH_S, number))
    return RecordedArrivals(times_s, LENGTH_S, times_s / 1_000)


def drawn(workload: RecordedArrivals, until_s: float = LENGTH_S, step_s: float = LENGTH_S) -> Requests:
    generator, services = np.random.default_rng(5), np.random.default_rng(6)
    edges_s = np.append(np.arange(0.0, until_s, step_s), until_s)
    parts = [workload.requests(a, b, generator, Exponential(1.0), services) for a, b in pairwise(edges_s)]
    times_s, service_s = (np.concatenate(columns) for columns in zip(*parts, strict=True))
    return Requests(times_s, service_s)


@pytest.mark.parametrize("step_s", [LENGTH_S, 7.0, 0.3])
def test_a_record_is_given_back_as_it_is(step_s: float) -> None:
    """Whatever the windows: every request at its time, with its own duration, none twice."""
    workload = record()
    found = drawn(workload, step_s=step_s)
    assert np.array_equal(found.times_s, workload.times_s)
    assert np.array_equal(found.service_s, workload.durations_s)


def test_without_durations_they_are_drawn_by_the_functions_law() -> None:
    """Where none was recorded, service times are those of the law that the function has."""
    found = drawn(RecordedArrivals(record(20_000).times_s, LENGTH_S))
    assert np.mean(found.service_s) == pytest.approx(1.0, rel=0.05)


def test_a_record_may_begin_anew() -> None:
    """Repeated, the second round is the first one, a length later; without, nothing comes and that is said."""
    first = record()
    workload = RecordedArrivals(first.times_s, LENGTH_S, first.durations_s, repeat=True)
    found = drawn(workload, 250.0, 8.0).times_s
    of_a_round = drawn(first).times_s
    assert found == pytest.approx(np.concatenate([of_a_round, of_a_round + 100, (of_a_round + 200)[of_a_round < 50]]))
    assert workload.gaps(250.0).size == 0
    assert len(drawn(first, 250.0).times_s) == 400
    assert first.gaps(250.0).tolist() == [[100.0, 250.0]]


@pytest.mark.parametrize("repeat", [False, True])
def test_what_is_expected_up_to_a_time_is_what_comes(repeat: bool) -> None:
    """Counted up, rounds give exactly the requests that arrive before each time."""
    workload = RecordedArrivals(record().times_s, LENGTH_S, repeat=repeat)
    found, at_s = drawn(workload, 200.0).times_s, np.linspace(0.0, 200.0, 41)
    assert workload.cumulative(at_s) == pytest.approx(np.searchsorted(found, at_s), abs=1)


def test_arrays_on_disk_do_as_well(tmp_path: Any) -> None:
    """Times and durations in memory maps give the same requests: a trace need not fit in memory."""
    workload = record()

    def mapped(name: str, values: Floats) -> Floats:
        values.tofile(tmp_path / name)
        return np.memmap(tmp_path / name, dtype=np.float64, mode="r")

    assert workload.durations_s is not None
    on_disk = RecordedArrivals(mapped("times", workload.times_s), LENGTH_S, mapped("durations", workload.durations_s))
    found, expected = drawn(on_disk, step_s=9.0), drawn(workload, step_s=9.0)
    assert np.array_equal(found.times_s, expected.times_s)
    assert np.array_equal(found.service_s, expected.service_s)


@pytest.mark.parametrize(
    "fields",
    [
        {"length_s": 0.0},
        {"length_s": np.inf},
        {"times_s": np.array([-1.0, 2.0])},
        {"times_s": np.array([1.0, 100.0])},
        {"durations_s": np.ones(3)},
    ],
)
def test_a_record_that_is_none_is_refused(fields: dict[str, Any]) -> None:
    """Times outside the record, durations of other requests: refused when it is made."""
    given = {"times_s": np.array([1.0, 2.0]), "length_s": LENGTH_S} | fields
    with pytest.raises(ValueError, match=r"\d"):
        RecordedArrivals(**given)
