"""Our own writes are nobody else's: this daemon's, those of before its restart, and another daemon's."""

from pathlib import Path

import pytest

from tests.cluster.foreign.tools import NAMESPACE, Tools
from tests.cluster.installation.documents import write_policies
from tests.cluster.installation.site import DaemonProcess
from tests.servers.process import free_port, running

pytestmark = pytest.mark.server


def go_up_and_down(tools: Tools, name: str) -> None:
    """Take a function to five replicas, to three and to zero."""
    key = f"{name}.{NAMESPACE}"
    for rate, replicas in ((45.0, 5), (25.0, 3), (0.0, 0)):
        tools.site.traffic.rates[key] = rate
        tools.site.wait_replicas(NAMESPACE, name, replicas)


def test_a_daemons_own_writes_and_a_second_ones_never_count(tools: Tools, tmp_path: Path) -> None:
    """Two daemons without a Lease follow the same load through zero, where nobody is named: neither accuses the other."""
    site = tools.site
    site.plane.namespace(NAMESPACE)
    before = tools.foreign_writes()
    write_policies(tmp_path / "policies")
    listen = f"127.0.0.1:{free_port()}"
    second = DaemonProcess(tmp_path, site.plane, site.prometheus.url, site.alertmanager.url, listen)
    site.function(NAMESPACE, "shared")
    with running(second, second.is_ready, 60):
        for _ in range(2):
            go_up_and_down(tools, "shared")
        for daemon in (site.daemon, second):
            assert daemon.ask("/v1/status").json()["held"] == []
            # Named, ours are never counted; unnamed ones might be, where two daemons see a load at different moments.
            assert set(tools.foreign_writes(daemon)) - set(before) <= {"unnamed"}
    tools.end("shared")


def test_writes_from_before_a_restart_are_ours(tools: Tools) -> None:
    """A daemon that was killed comes back to counts that it wrote itself, and accuses nobody of them."""
    tools.steady("survivor")
    tools.site.daemon.kill()
    tools.site.daemon.begin()
    tools.site.wait_seen(NAMESPACE, "survivor", "value")
    assert tools.is_steady_through_ticks("survivor", 5)
    assert tools.function("survivor")["held"] is None
    assert tools.foreign_writes() == {}
    tools.end("survivor")
