"""What a trace set tells, and parts of it."""

from dataclasses import replace

import numpy as np
import pytest

from autoscaler.simulator.trace_sets.names import LONGEST, kubernetes_names
from autoscaler.simulator.trace_sets.resampling import scaled, shifted
from tests.unit.simulator.trace_sets.reading import counts, events
from tests.unit.simulator.trace_sets.sets import generator, of_counts, of_requests


def test_a_stretch_of_requests_begins_at_its_beginning() -> None:
    """Requests from 10 s to 20 s, the end not included, with the durations that are theirs."""
    times_s = (np.array([1.0, 10.0, 19.0]), np.array([20.0, 25.0]))
    part = of_requests(*times_s, length_s=30.0, durations_s=np.arange(5.0)).between(10.0, 20.0)
    load = events(part)
    assert load.times_s.tolist() == [0.0, 9.0]
    assert load.offsets.tolist() == [0, 2, 2]
    assert load.durations_s is not None
    assert load.durations_s.tolist() == [1.0, 2.0]
    assert part.length_s == 10.0


def test_a_stretch_of_counts_is_of_whole_steps() -> None:
    """From within a step on it begins with that step; a stretch within one step is refused."""
    whole = of_counts([[1, 2, 3, 4]])
    assert counts(whole.between(70.0, 200.0)).matrix.tolist() == [[2, 3]]
    with pytest.raises(ValueError, match="one step"):
        whole.between(61.0, 70.0)
    with pytest.raises(ValueError, match="within 0 and 240"):
        whole.between(0.0, 300.0)


def test_chosen_functions_keep_their_load() -> None:
    """Rows are in the order that is asked for."""
    chosen = of_requests(np.array([1.0]), np.array([2.0, 3.0]), length_s=4.0).chosen([1, 0])
    assert events(chosen).times_s.tolist() == [2.0, 3.0, 1.0]
    assert [one.name for one in chosen] == ["f-1", "f-0"]
    assert chosen.rates().tolist() == [0.5, 0.25]


def test_steps_that_are_not_known_are_in_no_mean() -> None:
    """Three requests in the two known minutes of three are 1.5 a minute."""
    assert of_counts([[1.0, np.nan, 2.0]]).rates().tolist() == [3 / 120]


@pytest.mark.filterwarnings("error")
def test_what_came_at_one_instant_has_no_rate() -> None:
    """A trace of one request without a duration lasts no time, so that nothing is known of a mean."""
    assert np.isnan(of_requests(np.array([0.0])).rates()).tolist() == [True]


@pytest.mark.parametrize(
    ("texts", "names"),
    [
        (["Img Resize!", "img-resize"], ["img-resize", "img-resize-2"]),
        (["a" * 64, "b" * 64], ["a" * 12, "b" * 12]),
        (["a" * 63 + "0", "a" * 63 + "1"], ["a" * 63, "a" * 55 + "-2"]),
        (["", "___"], ["function", "function-2"]),
        (["0" * 40 + "1", "0" * 40 + "2"], ["0" * 40 + "1", "0" * 40 + "2"]),
    ],
)
def test_names_are_kubernetes_and_different(texts: list[str], names: list[str]) -> None:
    """What tells two texts apart is kept, cut to what Kubernetes accepts."""
    found = kubernetes_names(texts)
    assert [found[text] for text in texts] == names
    assert all(len(name) <= LONGEST for name in found.values())


def test_requests_in_flight_stay_beside_their_steps() -> None:
    """A stretch, and some of the functions, keep what was in flight at the ends of their steps; copies of traffic do not."""
    whole = of_counts([[1, 2, 3, 4], [5, 6, 7, 8]])
    seen = np.arange(8.0).reshape(2, 4)
    whole = replace(whole, load=replace(counts(whole), in_flight=seen))
    part = counts(whole.between(60.0, 180.0).chosen([1]))
    assert part.in_flight is not None
    assert part.in_flight.tolist() == [[5.0, 6.0]]
    assert counts(scaled(whole, 2.0, generator())).in_flight is None
    assert counts(shifted(whole, 60.0)).in_flight is None
