"""What every profile comes to on what its gateway says, in a real Prometheus of either version."""

from typing import Any

import numpy as np
import pytest

from autoscaler.adapters.prometheus.asking import QUERY_LAG
from autoscaler.adapters.prometheus.signals import Rows, answered_by
from autoscaler.core.fleet import FunctionKey
from autoscaler.policy.evidence import Evidence, PodLoad, by_pods, weigh
from autoscaler.policy.profiles import CATALOG, Profile, profile_of
from tests.integration.prometheus.gatewaytimes import NAMES, SPACE
from tests.integration.prometheus.loading import One, source
from tests.integration.prometheus.speaking import SPOKEN, Calls, read
from tests.integration.prometheus.timeline import LAST, SCRAPE_S, at
from tests.servers.prometheus import Prometheus

pytestmark = pytest.mark.server

READ: dict[tuple[str, str, str], Evidence] = {}
EVERY = pytest.mark.parametrize("gateway", CATALOG)
WITHOUT_CODES = {"openfaas", "caddy", "haproxy", "envoy"}
"""Those whose counter of requests has one series for all status codes."""


def made(gateways: Prometheus, gateway: str, job: str, **more: Any) -> Profile:
    settings = source(gateways.url, {"profile": gateway, "match": {"job": job}, **more})
    return profile_of(settings.gateways[0], settings)


def loads(gateways: Prometheus, gateway: str, job: str = "", ready: float = 2) -> dict[str, One]:
    """Read every function by the profile's own queries and rules; what was read once is not asked again.

    Args:
        ready: pods of each that can serve; matters where they are the targets.
    """
    asked = (gateways.url, gateway, job or gateway)
    if asked not in READ:
        READ[asked] = evidence(gateways, gateway, job or gateway)
    found = whole(READ[asked], ready)
    return {name: one(found, row) for row, name in enumerate(NAMES)}


def evidence(gateways: Prometheus, gateway: str, job: str) -> Evidence:
    profile = made(gateways, gateway, job)
    time_s = at(LAST).utc_s - QUERY_LAG * SCRAPE_S
    answers = {query.name: gateways.query(query.text, time_s) for query in profile.queries}
    rows = Rows({f"{SPACE}/{name}": row for row, name in enumerate(NAMES)}, profile, np.ones(len(NAMES), np.bool_))
    return weigh(profile, answered_by(rows, answers))


def whole(found: Evidence, ready: float) -> Evidence:
    """Say what it comes to with so many pods, as the daemon does."""
    pods = np.full(len(NAMES), ready)
    told = PodLoad(
        np.vstack([found.rps, found.concurrency, found.in_flight]), found.pods, found.is_covered, found.is_quiet
    )
    load = by_pods(told, pods, pods)
    return Evidence(*load.values, load.is_covered, load.is_quiet, found.needs_s, found.pods)


def one(found: Evidence, row: int) -> One:
    values = [float(column[row]) for column in (found.rps, found.concurrency, found.in_flight)]
    rps, concurrency, in_flight = (None if np.isnan(value) else value for value in values)
    return One(rps, concurrency, in_flight, bool(found.is_covered[row]), bool(found.is_quiet[row]))


@EVERY
def test_what_tests_say_is_what_was_recorded(gateway: str) -> None:
    """Every line that tests make has the metric and the labels of one that the gateway exported, and none is left out."""
    forms = {said.form for said in read(gateway)}
    calls = Calls(FunctionKey(SPACE, "resize"), 3, {"200": 2})
    assert {said.form for said in SPOKEN[gateway](calls)} <= forms
    exported = {said.metric for said in read(gateway)}
    assert {needed.metric for needed in CATALOG[gateway].needed} <= exported
    assert set(CATALOG[gateway].signs) <= exported


@EVERY
def test_a_steady_load_of_two_gateways_is_added_up(gateways: Prometheus, gateway: str) -> None:
    """4 requests/s, 2 in flight, half of each in either gateway (or pod)."""
    steady = loads(gateways, gateway)["steady"]
    assert steady.rps == pytest.approx(4.0, rel=1e-3)
    assert steady.is_covered
    assert not steady.is_idle
    if CATALOG[gateway].has_in_flight:
        assert (steady.concurrency, steady.in_flight) == (pytest.approx(2.0), pytest.approx(2.0))
    else:
        assert (steady.concurrency, steady.in_flight) == (None, None)


@EVERY
def test_silence_is_a_value_of_zero_and_a_proof_in_time(gateways: Prometheus, gateway: str) -> None:
    """A function that nobody has called for ten minutes is quiet; how long that must last, the profile says."""
    quiet = loads(gateways, gateway)["quiet"]
    assert (quiet.rps, quiet.is_covered, quiet.is_idle) == (0.0, True, True)
    profile = made(gateways, gateway, gateway, requestTimeout="100s")
    at_once = CATALOG[gateway].has_in_flight and not CATALOG[gateway].drains
    assert profile.needs_s == (0.0 if at_once else 100.0)


@EVERY
def test_a_long_call_is_no_silence_where_it_is_seen(gateways: Prometheus, gateway: str) -> None:
    """A call of ten minutes moves no counter: it is in flight where that is known, and else has to be outlasted."""
    long = loads(gateways, gateway)["long"]
    assert long.is_covered
    if CATALOG[gateway].has_in_flight:
        assert (long.in_flight, long.is_idle) == (2.0, False)
    else:
        assert made(gateways, gateway, gateway).needs_s > 0


@EVERY
def test_a_call_that_ended_just_now_is_no_silence(gateways: Prometheus, gateway: str) -> None:
    """A long call that ended at the newest scrape is in the range, whatever counts it."""
    over = loads(gateways, gateway)["over"]
    assert (over.is_covered or over.rps == 0.0, over.is_idle) == (True, False)


@EVERY
def test_counters_born_with_a_value_are_activity(gateways: Prometheus, gateway: str) -> None:
    """30 calls by a counter's first scrape and 60 by its second are 1/s over the minute at least, which rate may not say.

    Some versions of Prometheus take the second 30 for a climb, and look beyond it.
    """
    born = loads(gateways, gateway)["born"]
    assert 1.0 <= (born.rps or 0) < 1.2
    assert (born.is_covered, born.is_idle) == (True, False)


@EVERY
def test_a_status_code_that_is_new_is_activity(gateways: Prometheus, gateway: str) -> None:
    """A function's first errors begin a series of their own: 2/s of old ones and 60 new ones in a minute are 3/s."""
    errors = loads(gateways, gateway)["errors"]
    # Where there is one series, rate takes the 60 for the end of a climb and looks a little beyond it.
    expected = pytest.approx(10 / 3, rel=0.02) if gateway in WITHOUT_CODES else pytest.approx(3.0)
    assert (errors.rps, errors.is_covered) == (expected, True)


@EVERY
def test_a_gateway_that_began_anew_gives_lower_bounds(gateways: Prometheus, gateway: str) -> None:
    """Nothing is whole, nothing is zero: not what counts again, and not what has not been called since."""
    found = loads(gateways, gateway, f"{gateway}-anew", ready=1)
    assert not any(load.is_covered or load.is_idle for load in found.values())
    assert found["steady"].rps is not None


@EVERY
def test_a_gateway_that_began_anew_is_told_by_its_start_alone(gateways: Prometheus, gateway: str) -> None:
    """Where no counter goes back, the process's start or uptime says that what was counted before is gone."""
    born = loads(gateways, gateway, f"{gateway}-hushed", ready=1)["born"]
    assert (born.is_unknown, born.is_covered, born.is_idle) == (False, False, False)


@EVERY
@pytest.mark.parametrize("what", ["lost", "down"])
def test_one_of_two_gateways_missed_gives_lower_bounds(gateways: Prometheus, gateway: str, what: str) -> None:
    """The newest scrape of one is missing, or it did not answer once: what the other says is not all."""
    found = loads(gateways, gateway, f"{gateway}-{what}")
    assert not any(load.is_covered or load.is_idle for load in found.values())


@EVERY
def test_nobody_scraped_is_nothing_known(gateways: Prometheus, gateway: str) -> None:
    """Without a target nothing is a value, and nothing is zero."""
    found = loads(gateways, gateway, "elsewhere")
    assert all(load.is_unknown and not load.is_covered and not load.is_idle for load in found.values())


@pytest.mark.parametrize("gateway", [name for name, known in CATALOG.items() if known.is_per_pod])
class TestPods:
    """Profiles whose targets are the functions' own pods."""

    def test_a_pod_that_is_not_scraped_makes_its_function_a_lower_bound(
        self, gateways: Prometheus, gateway: str
    ) -> None:
        """Where three pods can serve and two are scraped, what two say is not all."""
        found = loads(gateways, gateway, ready=3)
        assert found["steady"].rps == pytest.approx(4.0, rel=1e-3)
        assert not any(load.is_covered or load.is_idle for load in found.values())

    def test_no_pod_and_none_asked_for_is_zero(self, gateways: Prometheus, gateway: str) -> None:
        """A function at zero has no pod that could be scraped, and nothing that could run."""
        found = loads(gateways, gateway, "elsewhere", ready=0)
        assert all((load.rps, load.is_covered, load.is_idle) == (0.0, True, True) for load in found.values())

    def test_one_functions_new_pod_is_nothing_to_the_others(self, gateways: Prometheus, gateway: str) -> None:
        """Where one function's pod has lost a scrape only that function's load is a lower bound."""
        found = loads(gateways, gateway, f"{gateway}-grown")
        assert {name for name, load in found.items() if not load.is_covered} == {"steady"}
