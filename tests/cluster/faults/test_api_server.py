"""The API server and its store die, hang, slow down and refuse: nothing shrinks, and the load is followed again."""

import pytest

from tests.cluster.faults.site import MOVING, RULE, STEADY, Site
from tests.servers.faultproxy import PARTITION, SCALES, Fault, refused, slow
from tests.servers.process import wait_until

pytestmark = pytest.mark.server


def test_the_api_server_is_killed_and_restarted_mid_tick(site: Site) -> None:
    """Load that moved while the API server was away is answered once it is back; load that stayed moves nothing."""
    site.start_right()
    site.plane.stop_api()
    try:
        site.move()
        site.wait_seen(MOVING)
    finally:
        site.plane.start_api()
    site.wait_right(STEADY, MOVING)
    site.assert_stays(STEADY, MOVING)


def test_etcd_hangs_for_longer_than_every_deadline(site: Site) -> None:
    """With the store silent nothing is lost and nothing is cut.

    The short form lasts 8 s and the request deadline is 3 s, where 20 s and 10 s are usual; the soak run has 20 s.
    """
    site.start_right()
    site.plane.pause_etcd()
    try:
        site.move()
        site.wait_ticks(16)
    finally:
        site.plane.resume_etcd()
    site.wait_right(STEADY, MOVING)
    site.assert_stays(STEADY, MOVING)


def test_a_partition_heals(site: Site) -> None:
    """While nothing passes either way nothing is cut, and what load asks for is written once something does."""
    site.start_right()
    with site.proxy.stalled(), site.proxy.faults(PARTITION):
        site.move()
        site.wait_seen(MOVING)
        site.wait_ticks(12)
    site.wait_right(STEADY, MOVING)
    site.assert_stays(STEADY, MOVING)


def test_a_storm_of_429_is_answered_by_patience(site: Site) -> None:
    """While everything is refused with Retry-After, a function asks about once in that time; then load is followed."""
    site.start_right()
    with site.proxy.faults(refused(429, retry_after_s=2)) as storm:
        site.move()
        wait_until(lambda: storm.count >= 3, "writes to be refused")
        before, ticks = storm.count, 12
        site.wait_ticks(ticks)
        assert storm.count - before <= 2 * (ticks * RULE.tick_s / 2.0 + 1)
    site.wait_right(STEADY, MOVING, more_s=2.0)
    site.assert_stays(STEADY, MOVING)


def test_errors_at_random_are_tried_again(site: Site) -> None:
    """With one request in twenty answered 500, and one write in three 503, load is followed all the same."""
    site.start_right()
    with site.proxy.faults(Fault("PATCH", SCALES, share=0.3, status=503), refused(500, share=0.05)):
        for _ in range(2):
            site.proxy.cut_watches()
            site.move()
            site.wait_right(STEADY, MOVING, more_s=2.0)
    site.assert_stays(STEADY, MOVING)


def test_two_seconds_of_latency_delay_and_do_no_more(site: Site) -> None:
    """With every request 2 s late, load is followed 2 s later up and down."""
    site.start_right()
    with site.proxy.faults(slow(2.0)) as struck:
        for _ in range(2):
            site.move()
            site.wait_right(STEADY, MOVING, more_s=2.0)
        assert struck.count > 0
    site.assert_stays(STEADY, MOVING)
