"""Arrivals: where they lie under each shape of rate."""

import numpy as np
import pytest
from pydantic import TypeAdapter, ValidationError

from autoscaler.core.columns import Floats
from autoscaler.simulator.traces import WorkloadField
from autoscaler.simulator.workload import Workload

READER: TypeAdapter[Workload] = TypeAdapter(WorkloadField)


def arrivals(document: dict[str, object], start_s: float, end_s: float, seed: int = 1) -> Floats:
    return READER.validate_python(document).between(start_s, end_s, np.random.default_rng(seed))


def test_even_arrivals_lie_on_whole_ticks() -> None:
    """Two a second, evenly: at 0, 0.5, 1, 1.5; the end of a window belongs to the next one."""
    document = {"type": "constant", "rate": 2, "arrivals": "even"}
    assert arrivals(document, 0.0, 2.0).tolist() == [0.0, 0.5, 1.0, 1.5]
    assert arrivals(document, 2.0, 3.0).tolist() == [2.0, 2.5]


def test_steps_change_the_rate_at_their_times() -> None:
    """Silent to 10 s, one a second to 12 s, then silent to 20 s, then two a second."""
    steps = [{"at": "10s", "rate": 1}, {"at": "12s", "rate": 0}, {"at": "20s", "rate": 2}]
    document = {"type": "steps", "arrivals": "even", "steps": steps}
    assert arrivals(document, 0.0, 21.0) == pytest.approx([10.0, 11.0, 20.0, 20.5])


def test_steps_repeat() -> None:
    """A list repeated every 10 s: one request at the start of each round of one a second for a second."""
    steps = [{"at": "2s", "rate": 1}, {"at": "3s", "rate": 0}]
    document = {"type": "steps", "arrivals": "even", "repeat": "10s", "steps": steps}
    assert arrivals(document, 0.0, 40.0) == pytest.approx([2.0, 12.0, 22.0, 32.0])
    assert arrivals(document, 12.5, 22.5) == pytest.approx([22.0])


def test_bursts_are_silent_in_between() -> None:
    """On for 2 s at one a second, off for 8 s: 0, 1, 10, 11, …"""
    document = {"type": "onOff", "arrivals": "even", "rate": 1, "on": "2s", "off": "8s"}
    assert arrivals(document, 0.0, 21.0) == pytest.approx([0.0, 1.0, 10.0, 11.0, 20.0])


def test_a_sine_has_its_mean_over_whole_periods_and_its_peak_in_the_first_quarter() -> None:
    """A wave of mean 10 and amplitude 5: 600 a minute, and 500 / π more than its mean × 30 s in the rising half."""
    document = {"type": "sine", "arrivals": "even", "mean": 10, "amplitude": 5, "period": "1m"}
    assert len(arrivals(document, 0.0, 60.0)) == pytest.approx(600, abs=1)
    assert len(arrivals(document, 0.0, 30.0)) == pytest.approx(300 + 5 * 60 / np.pi, abs=1)
    shifted = document | {"phase": 0.5}
    assert len(arrivals(shifted, 0.0, 30.0)) == pytest.approx(300 - 5 * 60 / np.pi, abs=1)


def test_poisson_arrivals_have_exponential_gaps() -> None:
    """Gaps at 10 a second have mean 0.1 s and as large a standard deviation."""
    gaps = np.diff(arrivals({"type": "constant", "rate": 10}, 0.0, 10_000.0))
    assert np.mean(gaps) == pytest.approx(0.1, rel=0.015)
    assert np.std(gaps) == pytest.approx(0.1, rel=0.025)


def test_a_rate_of_zero_sends_nothing() -> None:
    """No request ever comes at rate 0, whatever the shape."""
    for document in (
        {"type": "constant", "rate": 0},
        {"type": "sine", "mean": 0, "amplitude": 0, "period": "1m"},
        {"type": "onOff", "rate": 0, "on": "1s", "off": "1s"},
        {"type": "steps", "steps": [{"at": "0s", "rate": 0}]},
    ):
        assert len(arrivals(document, 0.0, 1_000.0)) == 0


@pytest.mark.parametrize(
    "wrong",
    [
        {"type": "constant", "rate": -1},
        {"type": "constant", "rate": float("nan")},
        {"type": "constant", "rate": "5"},
        {"type": "constant", "rate": 1, "arrivals": "random"},
        {"type": "sine", "mean": 1, "amplitude": 2, "period": "1m"},
        {"type": "sine", "mean": 1, "amplitude": 1, "period": "0s"},
        {"type": "steps", "steps": []},
        {"type": "steps", "steps": [{"at": "5s", "rate": 1}, {"at": "5s", "rate": 2}]},
        {"type": "steps", "steps": [{"at": "5s", "rate": 1}], "repeat": "5s"},
        {"type": "onOff", "rate": 1, "on": "1s", "off": "0s"},
        {"type": "trace"},
        {"rate": 1},
    ],
)
def test_an_impossible_workload_is_refused(wrong: dict[str, object]) -> None:
    """Negative, contradictory, unknown or untyped workloads are refused."""
    with pytest.raises(ValidationError):
        READER.validate_python(wrong)
