"""Gateways that restart unseen, neighbours that flap, pods that are missed: never a value that is too low."""

from collections.abc import Iterator
from contextlib import ExitStack

import numpy as np
import pytest

from autoscaler.adapters.prometheus.asking import QUERY_LAG
from autoscaler.adapters.prometheus.signals import (
    VALUES,
    Column,
    Contribution,
    Rows,
    answered_by,
    columns_of,
    together,
)
from autoscaler.core.fleet import FunctionKey
from autoscaler.policy.evidence import PodLoad, by_pods, weigh
from autoscaler.policy.profiles import CATALOG, profile_of, profiles_of
from tests.integration.prometheus.attacks import FLAPPER, POD_NAMES, VICTIM, timeline
from tests.integration.prometheus.conftest import Pasts
from tests.integration.prometheus.loading import One, source
from tests.integration.prometheus.timeline import LAST, SCRAPE_S, at
from tests.servers.prometheus import VERSIONS, Prometheus

pytestmark = pytest.mark.server

FUNCTIONS = (VICTIM, FLAPPER, *(FunctionKey("acme", name) for name in POD_NAMES))
GATEWAYS = [name for name, known in CATALOG.items() if not known.is_per_pod]


@pytest.fixture(scope="session")
def every_attack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pasts]:
    """Servers that hold `timeline`."""
    with ExitStack() as stack:
        yield Pasts(stack, tmp_path_factory, timeline())


@pytest.fixture(params=VERSIONS)
def attacked(every_attack: Pasts, request: pytest.FixtureRequest) -> Prometheus:
    """Give a Prometheus that holds `timeline`, of each version in turn."""
    return every_attack.of(request.param)


def read(server: Prometheus, *jobs: str, **ready: int) -> dict[str, One]:
    """Read all functions at the gateways called as their jobs begin, as the daemon does with so many pods of each."""
    gateways = [{"profile": job.rsplit("-", 1)[0], "match": {"job": job}} for job in jobs]
    row_of = {f"{key.namespace}/{key.name}": row for row, key in enumerate(FUNCTIONS)}
    time_s, everybody = at(LAST).utc_s - QUERY_LAG * SCRAPE_S, np.ones(len(FUNCTIONS), np.bool_)
    parts = []
    for profile in profiles_of(source(server.url, *gateways)):
        answers = {query.name: server.query(query.text, time_s) for query in profile.queries}
        evidence = weigh(profile, answered_by(Rows(row_of, profile, everybody), answers))
        parts.append(Contribution(columns_of(evidence), everybody))
    columns = together(parts, len(FUNCTIONS))
    pods = np.array([ready.get(key.name, 0) for key in FUNCTIONS], np.float64)
    told = PodLoad(columns[VALUES], columns[Column.PODS], columns[Column.COVERED] == 1, columns[Column.QUIET] == 1)
    load = by_pods(told, pods, pods)
    values = np.where(np.isnan(load.values), None, load.values).T
    return {
        key.name: One(*values[row], bool(load.is_covered[row]), bool(load.is_quiet[row]))
        for row, key in enumerate(FUNCTIONS)
    }


def test_a_reload_of_caddy_is_noticed_though_no_counter_goes_back(attacked: Prometheus) -> None:
    """Its process goes on, and its counters pass what they were by the next scrape: the load is a lower bound."""
    victim = (read(attacked, "caddy-reloaded"))["victim"]
    assert (victim.is_covered, victim.is_idle) == (False, False)


@pytest.mark.parametrize("gateway", [name for name in GATEWAYS if name != "openfaas"])
def test_a_neighbour_whose_counter_goes_back_is_alone_in_it(attacked: Prometheus, gateway: str) -> None:
    """An Ingress, a router or a cluster that is removed and made again takes its own series with it, and no other's."""
    found = read(attacked, f"{gateway}-flapped")
    assert (found["victim"].is_covered, found["flapper"].is_covered) == (True, False)
    assert found["victim"].rps == pytest.approx(2.0, rel=1e-2)


def test_any_counter_that_goes_back_is_a_restart_where_nothing_else_would_tell(attacked: Prometheus) -> None:
    """Where the gateway does not say when it began, one function's counter that went back is told of all."""
    found = read(attacked, "nginx-ingress-unmarked")
    assert not found["victim"].is_covered


def test_a_pod_that_is_scraped_at_two_ports_is_one_pod(attacked: Prometheus) -> None:
    """Two pods can serve, and one is scraped, twice: what it says is not all."""
    victim = (read(attacked, "of-watchdog-doubled", victim=2))["victim"]
    assert (victim.is_covered, victim.is_idle) == (False, False)


def test_a_pod_that_is_scraped_at_two_ports_may_be_idle(attacked: Prometheus) -> None:
    """One pod can serve, and it is silent."""
    victim = (read(attacked, "of-watchdog-doubled", victim=1))["victim"]
    assert (victim.is_covered, victim.is_idle) == (True, True)


def test_pods_that_are_missed_are_missed_beside_another_gateway(attacked: Prometheus) -> None:
    """Two pods can serve and one is scraped: that a gateway before them is scraped too makes nothing whole."""
    found = read(attacked, "of-watchdog-beside", "haproxy-beside", victim=2)
    assert (found["victim"].is_covered, found["victim"].is_idle) == (False, False)
    found = read(attacked, "of-watchdog-beside", "haproxy-beside", victim=1)
    assert found["victim"].is_covered


def test_no_pod_is_no_zero_where_a_gateway_tells_of_calls(attacked: Prometheus) -> None:
    """Calls wait in a gateway for a function at zero: that it has no pods says nothing of them."""
    victim = (read(attacked, "of-watchdog-elsewhere", "haproxy-beside"))["victim"]
    assert victim.rps == pytest.approx(2.0, rel=1e-2)
    assert not victim.is_idle


def test_names_that_begin_alike_are_told_apart_by_their_pods(attacked: Prometheus) -> None:
    """A pod is of the Deployment whose name stands before the two hashes, whatever else begins so."""
    found = read(attacked, "of-watchdog-alike", **dict.fromkeys(POD_NAMES, 1))
    assert {name: (found[name].rps, found[name].is_covered) for name in POD_NAMES} == dict.fromkeys(
        POD_NAMES, (0.0, True)
    )
    found = read(attacked, "of-watchdog-alike", **dict.fromkeys(POD_NAMES, 2))
    assert not any(found[name].is_covered for name in POD_NAMES)


@pytest.mark.parametrize("gateway", ["haproxy", "caddy", "envoy", "traefik-v2"])
def test_what_an_old_process_still_serves_is_outlasted(gateway: str) -> None:
    """A replica that was replaced, or a process that was reloaded, ends its calls where no metric tells of them."""
    settings = source("http://p", {"profile": gateway, "requestTimeout": "100s"})
    assert profile_of(settings.gateways[0], settings).needs_s == 100.0
