"""What Prometheus would know of the platform, and with which lag and gaps."""

from types import SimpleNamespace
from typing import cast

import numpy as np
import pytest

from autoscaler.core.fleet import Fleet, FunctionKey
from autoscaler.core.observation import Load
from autoscaler.simulator.measurement import Measurement
from autoscaler.simulator.platform import FunctionSpec, Platform
from autoscaler.simulator.workload import Constant, Step, Steps, Workload

BUSY, QUIET = FunctionKey("acme", "busy"), FunctionKey("acme", "quiet")


def platform_of(workload: Workload, service_s: float = 0.5) -> Platform:
    """Give one function under a workload, with places for all, and one that nobody calls."""
    functions = [
        FunctionSpec(key, service_s=service_s, service="constant", concurrency_limit=1_000, replicas=1)
        for key in (BUSY, QUIET)
    ]
    return Platform(functions, {BUSY: workload}, np.random.default_rng(1), 1.0)


def even(rate: float) -> Constant:
    return Constant(type="constant", rate=rate, arrivals="even")


def fleet_of(*keys: FunctionKey) -> Fleet:
    """Give what a measurement needs of a fleet: its rows."""

    class Rows(SimpleNamespace):
        def __len__(self) -> int:
            return len(keys)

    return cast(Fleet, Rows(keys=keys))


def sample(measurement: Measurement, at_s: float, key: FunctionKey = BUSY) -> tuple[float, float, float, bool, bool]:
    """Give (rps, concurrency, in flight, covered, idle) of one function."""
    load: Load = measurement.load(fleet_of(BUSY, QUIET), at_s)
    row = (BUSY, QUIET).index(key)
    columns = (load.rps, load.concurrency, load.in_flight, load.is_covered, load.is_idle)
    return tuple(column[row].item() for column in columns)  # type: ignore[return-value]


def test_a_steady_load_is_read_as_it_is() -> None:
    """20/s of half a second each reads 20/s and 10 in flight, covered, once there are scrapes for it."""
    platform, measurement = platform_of(even(20.0)), Measurement(15.0)
    measurement.catch_up(platform, 120.0)
    rps, concurrency, in_flight, is_covered, is_idle = sample(measurement, 120.0)
    assert (rps, concurrency, in_flight) == pytest.approx((20.0, 10.0, 10.0), rel=0.06)
    assert (is_covered, is_idle) == (True, False)


def test_before_the_first_scrape_nothing_is_known() -> None:
    """Nothing scraped yet: every value is nan, nothing is covered, nothing is idle."""
    measurement = Measurement(15.0)
    measurement.catch_up(platform_of(even(20.0)), 1.0)
    assert np.isnan(sample(measurement, 1.0)[:3]).all()
    assert sample(measurement, 1.0)[3:] == (False, False)


def test_a_function_never_called_is_a_proven_zero_once_covered() -> None:
    """The gateway names it and has no counter of it: zero, proven after five scrapes and not before."""
    platform, measurement = platform_of(even(20.0)), Measurement(15.0)
    measurement.catch_up(platform, 65.0)
    assert sample(measurement, 65.0, QUIET) == (0.0, 0.0, 0.0, False, False)
    measurement.catch_up(platform, 66.0)
    assert sample(measurement, 66.0, QUIET) == (0.0, 0.0, 0.0, True, True)


def test_a_function_is_idle_when_its_last_call_left_the_range() -> None:
    """Calls to 100 s: not idle while the range of 60 s sees one, then proven zero with a series of its own."""
    steps = (Step.model_construct(at=0.0, rate=1.0), Step.model_construct(at=100.0, rate=0.0))
    platform, measurement = platform_of(Steps(type="steps", arrivals="even", steps=steps)), Measurement(15.0)
    measurement.catch_up(platform, 150.0)
    assert not sample(measurement, 150.0)[4]
    measurement.catch_up(platform, 180.0)
    assert sample(measurement, 180.0) == (0.0, 0.0, 0.0, True, True)


def test_a_long_call_is_never_idle() -> None:
    """One call of ten minutes moves no counter for long, but is in flight: concurrency 1, not idle."""
    steps = (Step.model_construct(at=10.0, rate=1.0), Step.model_construct(at=11.0, rate=0.0))
    workload = Steps(type="steps", arrivals="even", steps=steps)
    platform, measurement = platform_of(workload, service_s=600.0), Measurement(15.0)
    measurement.catch_up(platform, 300.0)
    assert sample(measurement, 300.0) == (0.0, 1.0, 1.0, True, False)


def test_the_first_call_is_a_load_though_its_rate_reads_zero() -> None:
    """A counter born at 1 within the range of a minute has no rate; it is a call a minute, and no proof of zero."""
    steps = (Step.model_construct(at=100.0, rate=1.0), Step.model_construct(at=101.0, rate=0.0))
    platform, measurement = platform_of(Steps(type="steps", arrivals="even", steps=steps)), Measurement(15.0)
    measurement.catch_up(platform, 140.0)
    answers = measurement.answers((BUSY,), 140.0)
    assert (answers.rate[0], answers.born[0]) == (0.0, 1.0)
    assert np.isnan(answers.moved[0])
    assert sample(measurement, 140.0) == (1 / 60, 0.0, 0.0, True, False)


def test_a_first_burst_is_a_load_at_the_first_scrape() -> None:
    """200 calls of a function never called before, within one scrape interval, read as 200 in a minute at once."""
    steps = (Step.model_construct(at=100.0, rate=20.0), Step.model_construct(at=110.0, rate=0.0))
    platform, measurement = platform_of(Steps(type="steps", arrivals="even", steps=steps)), Measurement(15.0)
    measurement.catch_up(platform, 111.0)
    rps, _, _, is_covered, _ = sample(measurement, 111.0)
    assert rps == pytest.approx(200 / 60, rel=0.01)
    assert is_covered


def test_after_a_long_outage_what_was_ever_counted_is_no_load() -> None:
    """Away for longer than Prometheus looks back, every counter looks born: until one more scrape, lower bounds."""
    platform, measurement = platform_of(even(10.0)), Measurement(15.0)
    measurement.catch_up(platform, 1200.0)
    measurement.skip(1600.0)
    seen = {}
    for at_s in np.arange(1600.0, 1720.0, 1.0).tolist():
        measurement.catch_up(platform, at_s)
        seen[at_s] = sample(measurement, at_s)
    assert np.nanmax([rps for rps, *_ in seen.values()]) < 10.1
    first = min(at_s for at_s, (*_, is_covered, _) in seen.items() if is_covered)
    assert first == 1671.0  # the first scrape is at 1610.55, and the range of a minute begins after it
    assert all(one[3] for at_s, one in seen.items() if at_s >= first)
    assert measurement.answers((BUSY,), 1655.0).born[0] > 10_000


def test_after_an_outage_of_prometheus_values_are_lower_bounds_until_covered() -> None:
    """Four minutes without scrapes: then nothing, then values that are not covered, covered after five scrapes."""
    platform, measurement = platform_of(even(10.0)), Measurement(15.0)
    measurement.catch_up(platform, 180.0)
    measurement.skip(420.0)
    measurement.catch_up(platform, 421.0)
    assert np.isnan(sample(measurement, 421.0)[0])
    covered = {}
    for at_s in (426.0, 441.0, 456.0, 471.0, 486.0):
        measurement.catch_up(platform, at_s)
        covered[at_s] = sample(measurement, at_s)[3]
    assert covered == {426.0: False, 441.0: False, 456.0: False, 471.0: False, 486.0: True}
    assert sample(measurement, 486.0)[0] == pytest.approx(10.0)


def test_a_target_that_is_down_is_not_covered_and_ends_its_series() -> None:
    """While the target is down nothing is in flight for certain; a range with a failed scrape is not covered."""
    platform, measurement = platform_of(even(10.0)), Measurement(15.0)
    measurement.catch_up(platform, 120.0)
    platform.advance(measurement.due_s)
    measurement.scrape(platform, is_up=False)
    _, _, in_flight, is_covered, is_idle = sample(measurement, platform.now_s)
    assert np.isnan(in_flight)
    assert (is_covered, is_idle) == (False, False)
    assert not sample(measurement, platform.now_s, QUIET)[4]


def test_silence_knows_nothing() -> None:
    """While Prometheus does not answer every value is nan."""
    load = Measurement(15.0).silence(fleet_of(BUSY, QUIET))
    assert np.isnan(np.concatenate([load.rps, load.concurrency, load.in_flight])).all()
    assert not load.is_covered.any()
    assert not load.is_idle.any()


def test_functions_may_come_and_go_between_scrapes() -> None:
    """A function that was added later has its own samples only, and one that went has none now."""
    platform, measurement = platform_of(even(20.0)), Measurement(15.0)
    measurement.catch_up(platform, 60.0)
    new = FunctionSpec(FunctionKey("acme", "another"), service_s=0.5, concurrency_limit=1_000, replicas=1)
    platform.add(new, even(5.0))
    platform.remove(QUIET)
    measurement.catch_up(platform, 150.0)
    answers = measurement.answers((new.key, BUSY, QUIET), 150.0)
    assert answers.rate[:2] == pytest.approx([5.0, 20.0], rel=0.02)
    assert np.isnan([answers.rate[2], answers.alive[2], answers.moved[2]]).all()


def test_a_scrape_interval_of_zero_is_refused() -> None:
    """There is no grid without an interval."""
    with pytest.raises(ValueError, match="scrape interval"):
        Measurement(0.0)


def test_between_scrapes_a_load_is_what_one_asked_anew_says() -> None:
    """Asked every second, under starts and ends of load and an outage, each answer is bit for bit that of a first question."""
    began, ended = FunctionKey("acme", "began"), FunctionKey("acme", "ended")
    keys = (began, BUSY, ended, QUIET)
    steps = {
        began: (Step.model_construct(at=0.0, rate=0.0), Step.model_construct(at=70.0, rate=0.3)),
        BUSY: (Step.model_construct(at=0.0, rate=20.0),),
        ended: (Step.model_construct(at=0.0, rate=2.0), Step.model_construct(at=90.0, rate=0.0)),
    }
    workloads = {key: Steps(type="steps", steps=those) for key, those in steps.items()}
    functions = [FunctionSpec(key, service_s=0.4, concurrency_limit=50, replicas=1) for key in keys]
    platform = Platform(functions, workloads, np.random.default_rng(3), 1.0)
    always, anew, fleet = Measurement(7.0), Measurement(7.0), fleet_of(*keys)
    for second in range(1, 240):
        while always.due_s <= second:
            platform.advance(always.due_s)
            for measurement in (always, anew):
                measurement.scrape(platform, is_up=not 150 < second < 160)
        said, first = always.load(fleet, float(second)), anew.load(fleet_of(*keys), float(second))
        for name in ("rps", "concurrency", "in_flight", "is_covered", "is_idle", "range_s"):
            np.testing.assert_array_equal(getattr(said, name), getattr(first, name), err_msg=f"{name} at {second} s")
