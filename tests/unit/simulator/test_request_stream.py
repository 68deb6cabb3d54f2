"""A function's requests and starts: they are its own, whatever else happens in a run."""

import numpy as np
import pytest

from autoscaler.core.columns import Floats
from autoscaler.core.fleet import FunctionKey
from autoscaler.simulator.laws import Empirical, Exponential, Law, Lognormal
from autoscaler.simulator.modulated import Mmpp
from autoscaler.simulator.request_stream import RequestStream, StartTimes
from autoscaler.simulator.spec import FunctionSpec
from autoscaler.simulator.streams import named
from autoscaler.simulator.workload import AIM_LONG, AIM_SHORT, LONG_S, WINDOWS_S, Constant, OnOff, Sine, Workload

KEY = FunctionKey("acme", "resize")
CONSTANT = Constant(type="constant", rate=5.0)
BURSTS = OnOff.model_validate({"type": "onOff", "rate": 40, "on": "3s", "off": "17s"})
WAVE = Sine.model_validate({"type": "sine", "mean": 5, "amplitude": 4, "period": "1h"})
STATES = Mmpp.model_validate({"type": "mmpp", "states": [{"rate": 9, "mean": "20s"}, {"rate": 1, "mean": "20s"}]})


def stream(workload: Workload, seed: int = 1, key: FunctionKey = KEY, service: Law | None = None) -> RequestStream:
    spec = FunctionSpec(key, service_s=0.2, service=service or Exponential(0.2))
    return RequestStream(spec, workload, np.random.default_rng(seed))


def up_to(source: RequestStream, until_s: float) -> tuple[Floats, Floats]:
    """Give times and service times of all requests before a time."""
    parts = [source.draw() for _ in range(10_000) if source.drawn_s < until_s]
    times_s, service_s = (np.concatenate(columns) for columns in zip(*parts, strict=True))
    return times_s[times_s < until_s], service_s[times_s < until_s]


@pytest.mark.parametrize("workload", [CONSTANT, BURSTS, WAVE, STATES])
def test_requests_come_in_order_as_many_as_the_rate_says(workload: Workload) -> None:
    """Over three hours of about 5/s: ascending, each within its window, within five standard errors of the mean."""
    times_s, service_s = up_to(stream(workload), 10_800.0)
    expected = float(workload.cumulative(np.array([10_800.0]))[0])
    spread = 5 if workload is not STATES else 5 * np.sqrt(1 + 2 * 16 / 5 / (2 / 20))
    assert np.all(np.diff(times_s) >= 0)
    assert len(times_s) == pytest.approx(expected, abs=spread * expected**0.5)
    assert len(service_s) == len(times_s)
    assert np.mean(service_s) == pytest.approx(0.2, rel=0.05)


def test_a_windows_requests_are_within_it() -> None:
    """What is drawn lies from the end of the last window on and before the end of this one."""
    source = stream(BURSTS)
    for _ in range(20):
        begin_s = source.drawn_s
        times_s = source.draw().times_s
        assert np.all((times_s >= begin_s) & (times_s < source.drawn_s))


def test_a_function_meets_the_same_requests_whatever_is_beside_it() -> None:
    """Other functions that draw first, or more, change nothing: the name and the seed decide."""
    alone = up_to(stream(CONSTANT), 3_600.0)
    root = np.random.default_rng(1)
    others = [RequestStream(FunctionSpec(FunctionKey("acme", name), 0.2), WAVE, root) for name in "abc"]
    for other in others:
        other.draw()
    beside = up_to(RequestStream(FunctionSpec(KEY, 0.2, service=Exponential(0.2)), CONSTANT, root), 3_600.0)
    assert all(np.array_equal(one, other) for one, other in zip(alone, beside, strict=True))


def test_another_name_or_seed_gives_others() -> None:
    """Two functions, and two seeds, share no arrival."""
    first = up_to(stream(CONSTANT), 600.0)[0]
    for other in (stream(CONSTANT, seed=2), stream(CONSTANT, key=FunctionKey("acme", "encode"))):
        assert not np.intersect1d(first, up_to(other, 600.0)[0]).size


def test_arrivals_do_not_depend_on_the_law_of_service() -> None:
    """Another law of the service times leaves every arrival where it is: policies are compared under one traffic."""
    laws = (Exponential(0.2), Lognormal(0.2, 3.0), Empirical(np.array([0.1, 0.3])))
    first, *others = (up_to(stream(CONSTANT, service=law), 600.0)[0] for law in laws)
    assert all(np.array_equal(first, other) for other in others)


@pytest.mark.parametrize("rate", [0.001, 0.1, 10.0, 1_000.0, 100_000.0])
def test_windows_hold_few_requests_and_are_few(rate: float) -> None:
    """A slow function is drawn in hours, a fast one in parts of a second: memory and calls stay small for both."""
    source = stream(Constant(type="constant", rate=rate))
    for _ in range(3):
        begin_s = source.drawn_s
        source.draw()
        length_s = source.drawn_s - begin_s
        assert rate * length_s <= (AIM_LONG if length_s > LONG_S else AIM_SHORT)
        assert rate * length_s >= AIM_LONG / 4 or length_s >= WINDOWS_S[-1]


def test_how_long_a_request_is_served_has_nothing_to_do_with_when_it_comes() -> None:
    """Gaps and service times, both exponential, are not correlated beyond five standard errors: two streams, not one."""
    times_s, service_s = up_to(stream(CONSTANT), 7_200.0)
    gaps_s = np.diff(times_s)
    for shift in (0, 1):
        correlation = np.corrcoef(gaps_s[: len(gaps_s) - 1], service_s[shift : shift + len(gaps_s) - 1])[0, 1]
        assert abs(correlation) < 5 / len(gaps_s) ** 0.5


def test_without_a_workload_nothing_ever_comes() -> None:
    """A function without traffic is drawn to the end of time from the beginning, and asking for more is a mistake."""
    source = RequestStream(FunctionSpec(KEY, 0.2), None, np.random.default_rng(1))
    assert source.drawn_s == np.inf
    with pytest.raises(ValueError, match="workload"):
        source.draw()


def test_the_nth_start_takes_the_same_time_however_starts_are_asked_for() -> None:
    """One by one, or a hundred at once: the start-up times are the same, in order."""
    spec = FunctionSpec(KEY, 0.2)
    one_by_one, at_once = (StartTimes(spec, Lognormal(3.0, 2.0), np.random.default_rng(1)) for _ in range(2))
    singly = np.concatenate([one_by_one.take(1) for _ in range(300)])
    assert np.array_equal(singly, np.concatenate([at_once.take(7), at_once.take(293)]))


def test_a_name_is_not_run_together_with_its_neighbour() -> None:
    """`a`, `bc` and `ab`, `c` are different names, and their generators too."""
    root = np.random.default_rng(1)
    assert named(root, "a", "bc").random() != named(root, "ab", "c").random()


def test_a_generator_without_a_seed_names_nothing() -> None:
    """Streams are named under a seed; a generator that has none is refused."""
    bits = np.random.SFC64(np.random.SeedSequence(1))

    class Own:
        """A sequence of somebody else's."""

        def generate_state(self, n_words: int, dtype: type = np.uint32) -> np.ndarray:
            return np.arange(n_words, dtype=dtype)

    np.random.bit_generator.ISeedSequence.register(Own)
    assert named(np.random.Generator(bits), "a").random() == named(np.random.Generator(bits), "a").random()
    with pytest.raises(ValueError, match="SeedSequence"):
        named(np.random.Generator(np.random.SFC64(Own())), "a")  # type: ignore[arg-type]
