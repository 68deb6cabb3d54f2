"""OpenFaaS's own controllers on a real API server: the Community Edition's is left alone, a gateway's start is a call."""

import pytest

from tests.cluster.foreign.community import MANAGER, MOST, CommunityController
from tests.cluster.foreign.tools import NAMESPACE, Tools
from tests.servers.process import wait_until

pytestmark = pytest.mark.server

CONTROLLER = f"OpenFaaS CE's own controller ({MANAGER})"


def deploy(tools: Tools, name: str, replicas: int) -> None:
    """Make a function as OpenFaaS does, its label on the pods, and wait until it is decided on."""
    tools.site.plane.namespace(NAMESPACE)
    tools.site.plane.deployment(NAMESPACE, name, replicas=replicas, template_labels={"faas_function": name})
    tools.site.exporter.know(f"{name}.{NAMESPACE}", replicas)
    tools.site.wait_known(NAMESPACE, name)


def test_the_community_edition_is_known_by_its_moves_and_left_alone(tools: Tools) -> None:
    """Three zeros are undone and it is named, everywhere; then one move tells it of another function; nothing is fought."""
    site = tools.site
    with CommunityController(site.plane, NAMESPACE) as community:
        deploy(tools, "idle", 1)
        tools.wait_left_to("idle", CONTROLLER)
        assert community.moves["idle", 0, 1] == 3
        wait_until(lambda: tools.function("idle")["decision"]["reason"] == "FOREIGN_WRITER", "a tick after it", 30, 0.1)
        assert "zero: null" in tools.function("idle")["held"]["advice"]
        assert CONTROLLER in tools.ours("explain", f"{NAMESPACE}/idle").stdout
        assert CONTROLLER in tools.ours("status").stdout
        assert tools.foreign_writes()[MANAGER] == 3

        site.traffic.rates[f"busy.{NAMESPACE}"] = 75.0
        deploy(tools, "busy", 2)
        tools.wait_left_to("busy", CONTROLLER)
        site.wait_replicas(NAMESPACE, "busy", MOST)
        assert tools.is_steady_through_ticks("busy", MOST, 4)
        assert sum(count for (name, _, _), count in community.moves.items() if name == "busy") == 1
        assert sum(community.moves.values()) == 4
    for name in ("idle", "busy"):
        assert tools.ours("take-up", f"{NAMESPACE}/{name}").returncode == 0
        tools.end(name)


def test_a_start_by_the_gateway_is_activity(tools: Tools) -> None:
    """A function that OpenFaaS's gateway starts from zero is awake, as if we had been asked, and nobody is accused."""
    site, before = tools.site, tools.foreign_writes()
    deploy(tools, "started", 0)
    until = site.ticks() + 2
    wait_until(lambda: site.ticks() >= until, "a tick that finds it at zero", 60, 0.1)
    site.plane.scale(NAMESPACE, "started", 1, MANAGER)
    wait_until(lambda: site.daemon.record(NAMESPACE, "started")["reason"] == "WAKE", "the start to be noticed", 30, 0.1)
    assert tools.is_steady_through_ticks("started", 1, 4)
    assert tools.foreign_writes() == before
    tools.end("started")
