"""Recorded rates: what arrives under them, and what is not known."""

import numpy as np
import pytest

from autoscaler.core.columns import Floats
from autoscaler.core.fleet import FunctionKey
from autoscaler.simulator.recorded_rates import RecordedRates
from autoscaler.simulator.request_stream import RequestStream
from autoscaler.simulator.spec import FunctionSpec
from autoscaler.simulator.workload import Spacing, Workload

NAN = np.nan


def recorded(
    rates: list[float], step_s: float = 10.0, repeat: bool = False, arrivals: Spacing = "even"
) -> RecordedRates:
    edges_s = np.arange(len(rates) + 1) * step_s
    return RecordedRates(edges_s, np.array(rates), repeat, arrivals)


def arrivals(workload: RecordedRates, start_s: float, end_s: float, seed: int = 1) -> Floats:
    return workload.between(start_s, end_s, np.random.default_rng(seed))


def test_each_row_holds_until_the_next() -> None:
    """A row of 0.2/s and one of 0.5/s, ten seconds each: even arrivals at 0, 5, 10, 12, …, 18."""
    assert arrivals(recorded([0.2, 0.5]), 0.0, 30.0) == pytest.approx([0, 5, 10, 12, 14, 16, 18])


def test_nothing_arrives_in_a_gap_and_after_the_end() -> None:
    """Between rows of 1/s an unknown one is silent, and so is everything after the last row."""
    found = arrivals(recorded([1.0, NAN, 1.0]), 0.0, 1_000.0)
    assert found == pytest.approx([*range(10), *range(20, 30)])


def test_repeated_rates_begin_anew() -> None:
    """Twenty seconds of 0.1/s and silence, repeated: one arrival at 0, 20, 40, and windows may cut anywhere."""
    workload = recorded([0.1, 0.0], repeat=True)
    assert arrivals(workload, 0.0, 60.0) == pytest.approx([0, 20, 40])
    assert arrivals(workload, 15.0, 41.0) == pytest.approx([20, 40])


def test_poisson_arrivals_have_the_recorded_mean() -> None:
    """A thousand repetitions of 3/s and 1/s have 40 arrivals each on average, 30 of them in the first half."""
    found = arrivals(recorded([3.0, 1.0], repeat=True, arrivals="poisson"), 0.0, 20_000.0)
    assert len(found) == pytest.approx(40_000, rel=0.02)
    assert np.mean(found % 20 < 10) == pytest.approx(0.75, abs=0.01)


@pytest.mark.parametrize(
    ("workload", "end_s", "gaps"),
    [
        (recorded([1.0, 1.0]), 20.0, []),
        (recorded([1.0, 1.0]), 15.0, []),
        (recorded([NAN, NAN, 1.0, NAN]), 40.0, [[0, 20], [30, 40]]),
        (recorded([1.0, NAN]), 100.0, [[10, 100]]),
        (recorded([1.0, NAN]), 15.0, [[10, 15]]),
        (recorded([NAN, 1.0, NAN], repeat=True), 70.0, [[0, 10], [20, 40], [50, 70]]),
    ],
)
def test_gaps_are_named(workload: RecordedRates, end_s: float, gaps: list[list[float]]) -> None:
    """Unknown rows and what is after the record are gaps up to the end; neighbours are one gap."""
    assert workload.gaps(end_s).tolist() == gaps


class Watched(Workload):
    """A workload that notes how many arrivals are drawn at once."""

    def __init__(self, inner: Workload) -> None:
        self.inner = inner
        self.arrivals = inner.arrivals
        self.most = 0

    def knots(self, start_s: float, end_s: float) -> Floats:
        return self.inner.knots(start_s, end_s)

    def cumulative(self, times_s: Floats) -> Floats:
        return self.inner.cumulative(times_s)

    def between(self, start_s: float, end_s: float, generator: np.random.Generator) -> Floats:
        drawn = super().between(start_s, end_s, generator)
        self.most = max(self.most, len(drawn))
        return drawn


def requests_of(workload: Workload, until_s: float) -> Floats:
    """Draw windows until all requests before a time are there."""
    spec = FunctionSpec(FunctionKey("acme", "resize"), service_s=1.0)
    stream, drawn = RequestStream(spec, workload, np.random.default_rng(1)), [np.empty(0)]
    while stream.drawn_s < until_s:
        drawn.append(stream.draw().times_s)
    times_s = np.concatenate(drawn)
    return times_s[times_s < until_s]


def test_a_rush_after_a_long_silence_is_drawn_a_little_at_a_time() -> None:
    """After four silent hours 500/s come: drawn in windows of a few thousand, not of hours."""
    workload = Watched(recorded([0.0] * 4 + [500.0], step_s=3_600.0))
    assert len(requests_of(workload, 4 * 3_600 + 60)) == pytest.approx(30_000, abs=1)
    assert 1_000 < workload.most <= 4_096


def test_after_a_long_silence_nothing_of_a_rush_is_lost() -> None:
    """Of hours of silence and 500/s after them, the silence is silent and the rush is whole."""
    workload = recorded([0.0] * 4 + [500.0], step_s=3_600.0)
    times_s = requests_of(workload, 4 * 3_600.0 + 100)
    assert times_s[0] == pytest.approx(4 * 3_600.0)
    assert len(times_s) == pytest.approx(50_000, abs=1)


@pytest.mark.parametrize(
    ("edges_s", "rates"),
    [
        ([0.0], []),
        ([0.0, 10.0], [1.0, 2.0]),
        ([1.0, 10.0], [1.0]),
        ([0.0, 10.0, 10.0], [1.0, 1.0]),
        ([0.0, np.inf], [1.0]),
        ([0.0, NAN], [1.0]),
        ([0.0, 10.0], [-1.0]),
        ([0.0, 10.0], [1e9]),
        ([0.0, 10.0], [np.inf]),
    ],
)
def test_what_is_no_record_is_refused(edges_s: list[float], rates: list[float]) -> None:
    """Edges that do not ascend from 0, and rates below 0 or beyond what is simulated, are refused."""
    with pytest.raises(ValueError, match=r"edges|rates"):
        RecordedRates(np.array(edges_s), np.array(rates))
