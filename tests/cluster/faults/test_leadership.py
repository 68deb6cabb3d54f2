"""Two daemons with one Lease: a holder that stood still for longer than the Lease finds another one at work."""

import contextlib
import signal
import time
from collections.abc import Iterator

import pytest

from tests.cluster.faults.site import MOVING, STEADY, DaemonProcess, Site
from tests.servers.faultproxy import SCALES, Fault
from tests.servers.process import running, wait_until

pytestmark = pytest.mark.server

LEASE = """\
leadership: {lease: faults, namespace: autoscaler, duration: 4s, renewDeadline: 2500ms, retryPeriod: 500ms}
"""


@pytest.fixture
def pair(site: Site) -> Iterator[tuple[DaemonProcess, DaemonProcess]]:
    """A holder behind the proxy and a standby beside it, in the place of the daemon that is alone."""
    site.start_right()
    direct = site.credentials.kubeconfig(site.folder / "direct.kubeconfig", site.plane.url)
    proxied = site.folder / "kubeconfig"
    policies, prometheus = site.folder / "policies", site.prometheus.url
    first = DaemonProcess(site.folder, proxied, prometheus, policies, "first", LEASE)
    second = DaemonProcess(site.folder, direct, prometheus, policies, "second", LEASE)
    site.daemon.stop()
    try:
        with running(first, first.is_ready, 60):
            wait_until(first.leads, "the first to lead", 60)
            with running(second, second.is_ready, 60):
                yield first, second
    finally:
        site.daemon.begin()


def test_a_holder_that_was_stopped_and_goes_on_does_no_harm(
    site: Site, pair: tuple[DaemonProcess, DaemonProcess]
) -> None:
    """Stopped with a write on its way, it is followed; awake again it stands by, and its late write changes nothing."""
    first, second = pair
    assert not second.leads()
    start_s = time.monotonic()
    with site.proxy.faults(Fault("PATCH", SCALES, hold_s=12.0)) as held:
        site.move()
        wait_until(lambda: held.count >= 1, "the holder to write", 60)
        with stopped(first):
            wait_until(second.leads, "the second to lead", 60)
            site.wait_right(STEADY, MOVING, of=second)
        wait_until(lambda: not first.leads(), "the first to stand by", 60)
    wait_until(lambda: site.proxy.statuses("PATCH", SCALES, start_s), "the late write to be answered", 60)
    assert set(site.proxy.statuses("PATCH", SCALES, start_s)) == {422}
    site.assert_stays(STEADY, MOVING, of=second, ticks=8)
    second.kill()
    site.move()
    wait_until(first.leads, "the first to lead again", 60)
    site.wait_right(STEADY, MOVING, of=first)
    site.assert_stays(STEADY, MOVING, of=first)


@contextlib.contextmanager
def stopped(daemon: DaemonProcess) -> Iterator[None]:
    """Let a process stand still for the length of a `with` block."""
    daemon.send(signal.SIGSTOP)
    try:
        yield
    finally:
        daemon.send(signal.SIGCONT)
