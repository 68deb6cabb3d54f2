"""What answers prove: values in, evidence out."""

from dataclasses import replace

import numpy as np
import pytest

from autoscaler.policy.evidence import Answered, Coverage, Evidence, PodCoverage, PodLoad, Sums, by_pods, weigh
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


@pytest.mark.parametrize("timeout", ["10m", "60s"])
@pytest.mark.parametrize("replaced", [None, 0.0, 1.0])
def test_a_process_that_was_replaced_may_end_calls_unseen(timeout: str, replaced: float | None) -> None:
    """Where a request may outlast the range, silence is no proof until nobody was replaced lately; values stay values."""
    found = weigh(profile(requestTimeout=timeout), answered(replace(WHOLE, replaced=replaced), **STILL))
    assert read(found) == (0.0, True, timeout == "60s" or replaced == 0.0)


@pytest.mark.parametrize(
    ("deaf", "expected"), [(0.0, (0.0, True, True)), (None, (0.0, True, False)), (1.0, (0.0, False, False))]
)
@pytest.mark.parametrize("name", ["nginx", "caddy-log"])
def test_a_log_proves_silence_only_with_its_heartbeat(
    name: str, deaf: float | None, expected: tuple[float | None, bool, bool]
) -> None:
    """A heartbeat that stopped makes lower bounds; without any, values are believed and zero is never proven."""
    still = STILL | {"concurrency": None, "in_flight": None}
    found = answered(replace(WHOLE, deaf=deaf), **still)
    silent = replace(found, signals={"rate": found.signals["rate"]})
    assert read(weigh(profile(profile=name), silent)) == expected


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


def test_a_gauge_of_a_function_never_called_is_believed() -> None:
    """Named as alive and without a counter: 0 in flight is idle; a first call that is not counted yet is load."""
    still, busy = (answered(alive=value, concurrency=value, in_flight=value) for value in (0.0, 1.0))
    assert read(weigh(OPENFAAS, still)) == (0.0, True, True)
    found = weigh(OPENFAAS, busy)
    assert (found.concurrency[0], found.in_flight[0], found.is_quiet[0]) == (1.0, 1.0, False)
    unreadable = weigh(OPENFAAS, answered(alive=NAN, concurrency=NAN, in_flight=NAN))
    assert (np.isnan(unreadable.in_flight[0]), unreadable.is_quiet[0]) == (True, False)


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


def test_a_series_that_may_be_anothers_makes_a_lower_bound() -> None:
    """A part of the load is missing, so what is left of it is no value, and its silence no proof."""
    here = np.array([True])
    for name in ("moved", "born"):
        found = answered(**STILL | {"rate": 4.0})
        found = replace(found, **{name: getattr(found, name)._replace(unclear=here)})
        assert read(weigh(OPENFAAS, found)) == (4.0, False, False)
    found = answered(**STILL)
    found = replace(found, signals=found.signals | {"in_flight": found.signals["in_flight"]._replace(unclear=here)})
    assert read(weigh(OPENFAAS, found)) == (0.0, False, False)


def test_what_may_go_on_unseen_has_to_be_outlasted() -> None:
    """HAProxy's requests in flight are known, and still those of a process that was told to end are in no metric."""
    names = ("haproxy", "of-watchdog")
    haproxy, watchdog = (profile(profile=name, match={"job": "g"}, requestTimeout="90s") for name in names)
    assert [weigh(one, answered(**STILL)).needs_s for one in (haproxy, watchdog)] == [90.0, 0.0]


def pods(targets: float | None, covered: float | None, resets: float | None) -> PodCoverage:
    """Give the coverage of one function by its own pods."""

    def sums(value: float | None) -> Sums:
        return Sums(np.array([NAN if value is None else value]), np.array([value is not None]))

    return PodCoverage(sums(targets), sums(covered), sums(resets))


WATCHDOG = profile(profile="of-watchdog", match={"job": "w"})


@pytest.mark.parametrize(
    ("coverage", "is_whole"),
    [
        (pods(2, 2, 0), True),
        (pods(2, 2, None), True),
        (pods(2, 1, 0), False),
        (pods(2, None, 0), False),
        (pods(2, 2, 1), False),
        (pods(None, None, None), False),
    ],
)
def test_a_function_is_covered_by_its_own_pods(coverage: PodCoverage, is_whole: bool) -> None:
    """Each of its pods had all its scrapes and began anew in none; without one nothing is known to be whole."""
    found = weigh(WATCHDOG, replace(answered(**STILL), coverage=coverage))
    assert read(found) == (0.0, is_whole, is_whole)
    assert found.pods[0] == (coverage.targets.values[0] if coverage.targets.present[0] else 0.0)


def told(pods: float, ready: float | None, requested: float = 1.0) -> tuple[float, bool, bool]:
    """Give what a covered and quiet load of 3 comes to with these pods and replicas."""
    one = np.array([True])
    load = PodLoad(np.full((3, 1), 3.0), np.array([pods]), one, one)
    counts = (None, None) if ready is None else (np.array([ready]), np.array([requested]))
    found = by_pods(load, *counts)
    return float(found.values[0, 0]), bool(found.is_covered[0]), bool(found.is_quiet[0])


@pytest.mark.parametrize(
    ("pods", "ready", "requested", "expected"),
    [
        (NAN, None, 1.0, (3.0, True, True)),
        (NAN, 5.0, 5.0, (3.0, True, True)),
        (2.0, 2.0, 2.0, (3.0, True, True)),
        (3.0, 2.0, 2.0, (3.0, True, True)),
        (1.0, 2.0, 2.0, (3.0, False, False)),
        (2.0, None, 2.0, (3.0, False, False)),
        (0.0, 0.0, 1.0, (3.0, True, True)),
        (0.0, 0.0, 0.0, (0.0, True, True)),
        (1.0, 0.0, 0.0, (3.0, True, True)),
    ],
)
def test_a_load_of_pods_is_whole_where_no_pod_is_missing(
    pods: float, ready: float | None, requested: float, expected: tuple[float, bool, bool]
) -> None:
    """Fewer scraped than can serve, or nobody knows how many can: a lower bound. None, and none asked for: zero."""
    assert told(pods, ready, requested) == expected
