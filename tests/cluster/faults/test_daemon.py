"""The daemon itself is struck: its token, its clock, its life."""

import time

import pytest

from tests.cluster.faults.clocks import MovableClock
from tests.cluster.faults.site import MOVING, STEADY, Site
from tests.servers.process import wait_until

pytestmark = pytest.mark.server


def test_an_expired_token_is_followed_by_a_rotated_one(site: Site) -> None:
    """While the token in the file is refused nothing is cut; the next one is picked up without a restart."""
    site.start_right()
    site.credentials.withdraw()
    site.move()
    refused_from = time.monotonic()

    def is_refused() -> bool:
        site.proxy.cut_watches()
        return any(one.status == 401 and one.at_s >= refused_from for one in site.proxy.seen[-20:])

    wait_until(is_refused, "the token to be refused", 40, 1.0)
    site.move()
    site.wait_ticks(8)
    site.credentials.rotate()
    site.wait_right(STEADY, MOVING)
    site.assert_stays(STEADY, MOVING)


def test_it_is_killed_again_and_again_while_load_changes(site: Site) -> None:
    """Killed in the middle of what it did, it goes on from what Kubernetes and Prometheus hold."""
    site.start_right()
    for _ in range(3):
        site.move()
        site.daemon.kill()
        site.daemon.begin()
    site.wait_right(STEADY, MOVING)
    site.assert_stays(STEADY, MOVING)


def test_its_wall_clock_is_moved_by_an_hour(site: Site) -> None:
    """With a clock an hour off, forward or back, nothing is cut without reason; once it is right, load is followed."""
    clock = MovableClock(site.folder / "offset")
    site.start_right()
    site.daemon.stop()
    site.daemon.env = clock.env
    try:
        site.daemon.begin()
        for moved_s in (3600, -3600):
            clock.move(moved_s)
            site.move()
            site.wait_ticks(10)
            clock.move(0)
            site.wait_right(STEADY, MOVING)
        site.assert_stays(STEADY, MOVING)
    finally:
        site.daemon.stop()
        site.daemon.env = None
        site.daemon.begin()
