"""Deploys under load, with `replicas:` in the manifest: never counted, and below demand for one tick at most."""

import time
from collections.abc import Callable

import pytest

from tests.cluster.foreign.tools import NAMESPACE, REPLICAS, Tools

pytestmark = pytest.mark.server

Deploy = Callable[[Tools, str, int], None]


def by_apply(tools: Tools, name: str, version: int) -> None:
    tools.apply(name, version)


def by_server_side_apply(tools: Tools, name: str, version: int) -> None:
    tools.apply(name, version, "--server-side", "--force-conflicts")


def by_helm(tools: Tools, name: str, version: int) -> None:
    tools.upgrade(name, version)


def deploy_and_wait(tools: Tools, deploy: Deploy, name: str, version: int) -> int:
    """Deploy, and wait until the function has what its load asks for; gives the ticks that this took."""
    deploy(tools, name, version)
    first = tools.site.ticks()
    tools.site.wait_replicas(NAMESPACE, name, REPLICAS, 60.0)
    return tools.site.ticks() - first


def decided_after(tools: Tools, name: str, loaded_s: float) -> set[tuple[int, int]]:
    """Give what was decided on a function since a time: from how many replicas to how many."""
    history = tools.function(name)["history"]
    return {(past["requested"], past["desired"]) for past in history if past["decided_utc_s"] > loaded_s}


@pytest.mark.parametrize(
    ("deploy", "name", "deploys"),
    [(by_apply, "applied", 20), (by_server_side_apply, "server-side", 5), (by_helm, "charted", 5)],
)
def test_deploys_under_load(tools: Tools, deploy: Deploy, name: str, deploys: int) -> None:
    """Each sets two replicas with a new pod template; the next tick has the load's five again; nobody is accused."""
    before = tools.foreign_writes()
    tools.site.plane.namespace(NAMESPACE)
    deploy(tools, name, 0)
    tools.site.exporter.know(f"{name}.{NAMESPACE}", 2)
    tools.load(name)
    loaded_s = time.time()
    ticks = [deploy_and_wait(tools, deploy, name, version + 1) for version in range(deploys)]
    # The tick that was under way when it was deployed may have looked before, and its count is read afterwards; on a busy
    # machine now and then several later. That no tick decided otherwise is seen in what was decided.
    assert sorted(ticks)[len(ticks) // 2] <= 2
    assert decided_after(tools, name, loaded_s) == {(2, REPLICAS)}
    assert tools.function(name)["held"] is None
    assert tools.foreign_writes() == before
    tools.end(name)


@pytest.mark.parametrize(
    ("deploy", "name", "manager"),
    [(by_apply, "reapplied", "kubectl-client-side-apply"), (by_server_side_apply, "reapplied-ssa", "kubectl")],
)
def test_the_same_manifest_again_is_reported_and_not_counted(
    tools: Tools, deploy: Deploy, name: str, manager: str
) -> None:
    """An apply that only puts replicas back is undone each time; the status names who it is, and how often."""
    before = tools.foreign_writes()
    tools.site.plane.namespace(NAMESPACE)
    deploy(tools, name, 0)
    tools.site.exporter.know(f"{name}.{NAMESPACE}", 2)
    tools.load(name)
    for _ in range(4):
        deploy_and_wait(tools, deploy, name, 0)
    assert tools.function(name)["held"] is None
    assert tools.foreign_writes() == before
    reverted = tools.site.daemon.ask("/v1/status").json()["reverted"]
    assert [(one["by"], one["times"]) for one in reverted if one["function"] == name] == [(manager, 4)]
    tools.end(name)
