"""Servers that die, hang and come back in the middle: nothing shrinks, and the reason says why."""

import signal

import pytest

from tests.cluster.installation.site import Site
from tests.servers.process import wait_until

pytestmark = pytest.mark.server


def steady(site: Site, name: str) -> None:
    """Bring a function of acme to three replicas under a load that stays."""
    site.function("acme-prod", name, 1)
    site.traffic.rates[f"{name}.acme-prod"] = 25.0
    site.wait_replicas("acme-prod", name, 3)


def end(site: Site, name: str) -> None:
    site.traffic.rates[f"{name}.acme-prod"] = 0.0
    site.wait_replicas("acme-prod", name, 0)


def wait_seen(site: Site, name: str, seen: str) -> None:
    site.wait_seen("acme-prod", name, seen)


def hold_through_ticks(site: Site, name: str, count: int = 12) -> None:
    """Watch for a number of ticks that no replica goes."""
    until = site.ticks() + count

    def passed() -> bool:
        assert site.plane.replicas("acme-prod", name) >= 3
        return site.ticks() >= until

    wait_until(passed, f"{count} ticks", 150, 0.1)


@pytest.mark.parametrize("fault", ["hangs", "is killed"])
def test_prometheus_fails_and_nothing_shrinks(site: Site, fault: str) -> None:
    """While Prometheus hangs or is gone, replicas stay and the reason is that the load is unknown."""
    name = "prom-hangs" if fault == "hangs" else "prom-killed"
    steady(site, name)
    server = site.prometheus.server
    if fault == "hangs":
        server.send(signal.SIGSTOP)
    else:
        server.kill()
    try:
        wait_seen(site, name, "unknown")
        assert site.daemon.record("acme-prod", name)["reason"] == "UNKNOWN_LOAD"
        hold_through_ticks(site, name)
    finally:
        if fault == "hangs":
            server.send(signal.SIGCONT)
        else:
            server.start()
    wait_seen(site, name, "value")
    hold_through_ticks(site, name)
    end(site, name)


def test_the_gateways_target_is_down_and_nothing_shrinks(site: Site) -> None:
    """While scrapes fail, what Prometheus still answers is a lower bound or unknown, and replicas stay."""
    steady(site, "target-down")
    site.exporter.is_broken = True
    try:
        wait_until(
            lambda: site.daemon.record("acme-prod", "target-down")["seen"] in ("unknown", "lower-bound"),
            "the failed scrapes to be seen",
            30,
            0.1,
        )
        hold_through_ticks(site, "target-down", 20)
    finally:
        site.exporter.is_broken = False
    wait_seen(site, "target-down", "value")
    hold_through_ticks(site, "target-down")
    end(site, "target-down")


def test_the_gateway_restarts_under_constant_load_and_nothing_shrinks(site: Site) -> None:
    """Counters that begin anew are no fall of the load: from the first answer on no replica is removed."""
    steady(site, "restarted")
    site.exporter.restart()
    hold_through_ticks(site, "restarted", 24)
    end(site, "restarted")


def test_the_api_server_goes_and_comes_back(site: Site) -> None:
    """While the API server is away nothing is lost; once it is back, the load is followed again."""
    steady(site, "api-away")
    site.plane.stop_api()
    site.traffic.rates["api-away.acme-prod"] = 58.0
    wait_until(lambda: site.daemon.record("acme-prod", "api-away")["rps"] > 50, "the higher load to be seen")
    site.plane.start_api()
    site.wait_replicas("acme-prod", "api-away", 6, 150)
    end(site, "api-away")


def test_the_daemon_is_killed_and_restarted(site: Site) -> None:
    """After `kill -9` and a start nothing is scaled wrongly, and a firing alert's boost holds."""
    steady(site, "survivor")
    wait_seen(site, "survivor", "value")  # of a load that is not wholly known a boost makes no multiple
    latency = 'test_latency_seconds{namespace="acme-prod",function="survivor"}'
    site.exporter.set(latency, 3.0)
    site.wait_replicas("acme-prod", "survivor", 6)
    site.daemon.kill()
    site.daemon.begin()
    until = site.ticks() + 24

    def passed() -> bool:
        assert site.plane.replicas("acme-prod", "survivor") == 6
        return site.ticks() >= until

    wait_until(passed, "24 ticks after the restart", 150, 0.1)
    wait_until(lambda: site.daemon.record("acme-prod", "survivor")["reason"] == "BOOST", "a tick to say BOOST")
    site.exporter.set(latency, 0.1)
    site.wait_replicas("acme-prod", "survivor", 3)
    end(site, "survivor")
