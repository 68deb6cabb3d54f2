"""What answers prove: values in, evidence out."""

from dataclasses import replace

import numpy as np
import pytest

from autoscaler.policy.evidence import Answered, Coverage, Evidence, Sums, weigh
from autoscaler.policy.profiles import Profile, profiles_of
from autoscaler.policy.source_settings import SourceSettings

NAN = float("nan")
WHOLE = Coverage(up=1, scrapes=5, ragged=0, resets=0)
ONE_ROW = {"moved": None, "born": None, "alive": None, "rate": None, "concurrency": None, "in_flight": None}


def profile(**gateway: object) -> Profile:
    """Give the profile of a gateway: scrapes every 15 s, range a minute."""
    settings = {"url": "http://p", "gateways": [{"profile": "openfaas", **gateway}]}
    (found,) = profiles_of(SourceSettings.model_validate(settings))
    return found


OPENFAAS = profile()


def answered(coverage: Coverage = WHOLE, **values: float | None) -> Answered:
    """Give the answers about one function; None: no such series."""
    found = ONE_ROW | values
    sums = {
        name: Sums(np.array([NAN if one is None else one]), np.array([one is not None])) for name, one in found.items()
    }
    return Answered(
        signals={name: sums[name] for name in ("rate", "concurrency", "in_flight")},
        moved=sums["moved"],
        born=sums["born"],
        alive=sums["alive"],
        coverage=coverage,
    )


def read(found: Evidence) -> tuple[float | None, bool, bool]:
    """Give requests/s, None: unknown; whether it is a value; whether the function is quiet."""
    rps = float(found.rps[0])
    return None if np.isnan(rps) else rps, bool(found.is_covered[0]), bool(found.is_quiet[0])


STILL = {"moved": 0.0, "rate": 0.0, "concurrency": 0.0, "in_flight": 0.0}


def test_a_load_is_its_rate() -> None:
    """What a counter that was there before the range grew by is left to rate."""
    assert read(weigh(OPENFAAS, answered(moved=700.0, rate=10.0, concurrency=2.0, in_flight=3.0))) == (
        10.0,
        True,
        False,
    )


def test_silence_is_quiet() -> None:
    """Counters that stand still with nothing in flight are quiet, and need no wait where in-flight is known."""
    found = weigh(OPENFAAS, answered(**STILL))
    assert read(found) == (0.0, True, True)
    assert found.needs_s == 0.0


@pytest.mark.parametrize("name", ["moved", "rate", "concurrency", "in_flight"])
@pytest.mark.parametrize("value", [1.0, NAN, None])
def test_any_sign_of_a_call_or_nothing_known_is_no_quiet(name: str, value: float | None) -> None:
    """One signal that is not 0, no number, or not there is enough to forbid zero."""
    assert not read(weigh(OPENFAAS, answered(**STILL | {name: value})))[2]


@pytest.mark.parametrize(
    ("rate", "born", "expected"),
    [
        (None, 1.0, 1 / 60),
        (0.0, 1.0, 1 / 60),
        (0.03, 101.0, 101 / 60),
        (4.0, 101.0, 4.0),
    ],
)
def test_a_counter_born_within_the_range_is_what_it_counted(rate: float | None, born: float, expected: float) -> None:
    """Its first value is no increase, so rate leaves it out; the larger of both is the load, and a value."""
    found = weigh(OPENFAAS, answered(rate=rate, born=born, concurrency=0.0, in_flight=0.0))
    assert read(found) == (pytest.approx(expected), True, False)


@pytest.mark.parametrize(
    "coverage",
    [
        replace(WHOLE, up=0),
        replace(WHOLE, scrapes=3),
        replace(WHOLE, scrapes=None),
        replace(WHOLE, ragged=1),
        replace(WHOLE, ragged=None),
        replace(WHOLE, resets=1),
    ],
)
def test_without_cover_everything_is_a_lower_bound_and_nothing_is_born(coverage: Coverage) -> None:
    """After an outage an old counter looks born: what it ever counted is no load, and silence no proof."""
    assert read(weigh(OPENFAAS, answered(coverage, rate=0.5, born=1e6, in_flight=0.0))) == (0.5, False, False)
    assert read(weigh(OPENFAAS, answered(coverage, born=1e6, in_flight=0.0))) == (0.0, False, False)
    assert read(weigh(OPENFAAS, answered(coverage, **STILL))) == (0.0, False, False)


def test_a_gateway_without_resets_to_count_is_covered() -> None:
    """A gateway that nobody called and that tells no process start has no series to count resets of."""
    assert read(weigh(OPENFAAS, answered(replace(WHOLE, resets=None), **STILL))) == (0.0, True, True)


def test_without_a_target_nothing_is_known() -> None:
    """No series `up`: every value is unknown, whatever else was answered."""
    found = weigh(OPENFAAS, answered(replace(WHOLE, up=None), alive=1.0, **STILL))
    assert np.isnan([found.rps, found.concurrency, found.in_flight]).all()
    assert read(found) == (None, False, False)


def test_one_of_two_names_is_new() -> None:
    """A function with an old counter under one name and a new one under the other has the calls of both."""
    found = weigh(OPENFAAS, answered(moved=120.0, born=60.0, rate=2.0, concurrency=0.0, in_flight=0.0))
    assert read(found) == (3.0, True, False)
    still = weigh(OPENFAAS, answered(**STILL | {"born": 0.0}))
    assert not read(still)[2]


def test_calls_that_rate_does_not_see_make_a_lower_bound() -> None:
    """Calls between the last scrape before the range and the first one in it moved the counter, and no rate."""
    assert read(weigh(OPENFAAS, answered(**STILL | {"moved": 9.0}))) == (0.0, False, False)


@pytest.mark.parametrize("born", [NAN, float("inf")])
def test_a_counter_that_cannot_be_read_is_no_calm(born: float) -> None:
    """A newborn counter of NaN or Inf is a lower bound of 0, not idle; a rate of NaN stays unknown."""
    assert read(weigh(OPENFAAS, answered(born=born, concurrency=0.0, in_flight=0.0))) == (0.0, False, False)
    assert read(weigh(OPENFAAS, answered(born=5.0, rate=NAN)))[0] is None


def test_a_function_never_called_carries_nothing_where_it_is_named() -> None:
    """Without a counter a function is 0 where `alive` names it, and unknown elsewhere."""
    found = weigh(OPENFAAS, answered(alive=0.0))
    assert read(found) == (0.0, True, True)
    assert (found.concurrency[0], found.in_flight[0]) == (0.0, 0.0)
    assert read(weigh(OPENFAAS, answered()))[::2] == (None, False)


def test_more_ended_than_started_is_unknown() -> None:
    """A negative number of requests in flight tells nothing; a difference of sums may be a hair below 0."""
    assert np.isnan(weigh(OPENFAAS, answered(**STILL | {"in_flight": -1.0})).in_flight[0])
    assert weigh(OPENFAAS, answered(**STILL | {"in_flight": -1e-12})).in_flight[0] == 0.0


def test_what_a_custom_profile_cannot_tell_it_does_not_prove() -> None:
    """Without a rate `rps` is unknown; without activity nothing is quiet; without in-flight quiet has to last."""
    queries = {"rate": "r{{selector}}", "activity": "a{{selector}}"}
    custom = profile(profile="custom", queries=queries, requestTimeout="100s")
    all_of_it = answered(moved=0.0, rate=0.0)
    only_rate = replace(all_of_it, signals={"rate": all_of_it.signals["rate"]})
    found = weigh(custom, only_rate)
    assert (read(found), found.needs_s) == ((0.0, True, True), 100.0)
    assert np.isnan(found.in_flight[0])
    assert read(weigh(custom, replace(all_of_it, signals={})))[0] is None
    idle = profile(profile="custom", queries={"rate": "r{{selector}}"})
    assert read(weigh(idle, replace(only_rate, moved=all_of_it.born))) == (0.0, True, False)
