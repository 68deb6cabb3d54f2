"""Whole readings of gateways that name functions in one label, count at the end, or are the functions' own pods."""

from typing import Any

import pytest

from tests.integration.prometheus.loading import loads, read_at, row, running, source
from tests.integration.prometheus.plans import plan_of
from tests.integration.prometheus.timeline import LAST, at
from tests.servers.prometheus import Prometheus

pytestmark = pytest.mark.server


def gateway(profile: str, **more: Any) -> dict[str, Any]:
    return {"profile": profile, "match": {"job": profile}, **more}


async def test_pods_tell_a_load_that_is_whole_by_the_replicas_there_are(gateways: Prometheus) -> None:
    """Two of two pods are a value, two of three a lower bound; none, and none asked for, is a proven zero."""
    plan = plan_of({"ours": ["acme/steady", "acme/quiet", "acme/errors", "acme/asleep", "acme/starting"]})
    ready = running(steady=2, quiet=2, errors=3, starting=1)
    async with loads(main=source(gateways.url, gateway("of-watchdog")), replicas_of=ready) as made:
        load = await made.read(plan, at(LAST))
        (health,) = made.health()
    by_name = {key.name: row(load, plan, str(key)) for key in plan.fleet.keys}
    assert health.is_ok
    assert (by_name["steady"].rps, by_name["steady"].is_covered) == (pytest.approx(4.0), True)
    assert (by_name["quiet"].rps, by_name["quiet"].is_idle) == (0.0, True)
    assert (by_name["errors"].is_covered, by_name["errors"].is_unknown) == (False, False)
    assert (by_name["asleep"].rps, by_name["asleep"].is_covered, by_name["asleep"].is_idle) == (0.0, True, True)
    assert by_name["starting"].is_unknown
    assert not by_name["starting"].is_idle


async def test_without_the_replicas_no_load_of_pods_is_whole(gateways: Prometheus) -> None:
    """Where nobody says how many pods can serve, what was scraped may be less than all."""
    plan = plan_of({"ours": ["acme/quiet", "acme/steady"]})
    (load,) = await read_at(source(gateways.url, gateway("of-watchdog")), plan, [at(LAST)])
    assert row(load, plan, "acme/steady").rps == pytest.approx(4.0)
    assert not any(row(load, plan, name).is_covered for name in ("acme/quiet", "acme/steady"))
    assert not row(load, plan, "acme/quiet").is_idle


@pytest.mark.parametrize("profile", ["nginx", "haproxy"])
async def test_what_may_run_unseen_is_outlasted(gateways: Prometheus, profile: str) -> None:
    """Silence proves zero only when it has lasted longer than the longest request, reading after reading."""
    plan = plan_of({"ours": ["acme/quiet", "acme/steady"]})
    settings = source(gateways.url, gateway(profile, requestTimeout="80s"))
    readings = await read_at(settings, plan, [at(LAST - 2), at(LAST - 1), at(LAST)])
    assert [row(load, plan, "acme/quiet").is_idle for load in readings] == [False, False, True]
    assert not any(row(load, plan, "acme/steady").is_idle for load in readings)


NAMES = "{namespace}-{function}@{*}"
"""Reads `acme-steady-80@kubernetes` as acme/steady-80 and as acme-steady/80."""


async def test_a_series_of_two_functions_is_of_neither_and_is_named(gateways: Prometheus) -> None:
    """Both are known: neither gets the load, which each one's tenant is told of its own; the source is none the worse."""
    plan = plan_of({"ours": ["acme/steady-80"], "theirs": ["acme-steady/80", "acme/quiet-80"]})
    async with loads(main=source(gateways.url, gateway("traefik", names=NAMES))) as made:
        load = await made.read(plan, at(LAST))
        (health,) = made.health()
    assert row(load, plan, "acme/steady-80").is_unknown
    assert row(load, plan, "acme-steady/80").is_unknown
    assert row(load, plan, "acme/quiet-80").rps == 0.0
    assert (health.is_ok, health.error, health.failures) == (True, None, 0)
    words = {problem.tenant: problem.words for problem in health.query_problems}
    assert {problem.tenant: problem.namespace for problem in health.query_problems} == {
        "ours": "acme",
        "theirs": "acme-steady",
    }
    assert "acme/steady-80" in words["ours"]
    assert "acme-steady/80" not in words["ours"]
    assert "acme-steady/80" in words["theirs"]


async def test_one_whom_the_gateway_does_not_serve_takes_nothing_away(gateways: Prometheus) -> None:
    """A tenant cannot make another's load unknown by what it calls its function, where the gateway is not its own."""
    plan = plan_of({"ours": ["acme/steady-80"], "theirs": ["acme-steady/80"]})
    async with loads(main=source(gateways.url, gateway("traefik", names=NAMES, tenants=["ours"]))) as made:
        load = await made.read(plan, at(LAST))
        (health,) = made.health()
    assert row(load, plan, "acme/steady-80").rps == pytest.approx(4.0)
    assert row(load, plan, "acme-steady/80").is_unknown
    assert health.is_ok
