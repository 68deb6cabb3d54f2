"""Watches that break, stall, forget and mix things up: the cache comes right, and decisions never suffer from it."""

import time

import pytest

from tests.cluster.faults.site import MOVING, OWN, RULE, STEADY, Site
from tests.servers.faultproxy import SCALES, WATCHES, Fault, gone_as_event, gone_as_status
from tests.servers.process import wait_until

pytestmark = pytest.mark.server


def test_watches_are_cut_and_what_changed_meanwhile_is_seen(site: Site) -> None:
    """A count that somebody changed while no watch could be opened is put right after it."""
    key = OWN["cut"]
    site.wait_right(key)
    with site.proxy.faults(Fault("GET", WATCHES, status=503)) as struck:
        assert site.proxy.cut_watches() >= 1
        wait_until(lambda: struck.count >= 2, "watches to be opened again")
        site.plane.scale(*key, 5)
    site.wait_right(key)
    site.assert_stays(key)


def test_watches_stall_and_load_is_followed_all_the_same(site: Site) -> None:
    """Open and silent watches hide what was written; the answers to our own writes are enough to go on from.

    The ready count is as old as the watches, and a cut is at most to half of it: so what falls again is what rose.
    """
    if site.traffic.rate(MOVING) > 40:
        site.move()
    site.start_right()
    site.wait_viewed(MOVING)
    with site.proxy.stalled():
        site.move()
        site.wait_right(STEADY, MOVING)
        site.move()
        site.wait_right(STEADY, MOVING)
    site.assert_stays(STEADY, MOVING)


def test_a_foreign_change_behind_a_stalled_watch_is_found_by_the_lost_write(site: Site) -> None:
    """A write decided from an old count changes nothing; the count is read again and the decision made anew."""
    key = OWN["stalled"]
    site.wait_right(key)
    with site.proxy.stalled():
        site.plane.scale(*key, 7)
        site.load(key, 55.0)
        site.wait_right(key)
    site.assert_stays(key)


@pytest.mark.parametrize("gone", [gone_as_status(), gone_as_event()], ids=["status", "event"])
def test_resumed_watches_that_are_gone_are_listed_anew(site: Site, gone: Fault) -> None:
    """410 in either form, over and over, costs a list each time, ever more rarely, and no decision."""
    site.start_right()
    start_s = time.monotonic()
    with site.proxy.faults(gone) as struck:
        site.proxy.cut_watches()
        wait_until(lambda: struck.count >= 4, "watches to be refused")
        site.move()
        site.wait_right(STEADY, MOVING)
    assert site.proxy.count("GET", r"/deployments\?.*limit=", start_s) >= 2
    site.assert_stays(STEADY, MOVING)


def test_events_come_twice_and_in_any_order(site: Site) -> None:
    """An older version of an object after a newer one is no news, and nothing swings."""
    site.start_right()
    with site.proxy.disordered(0.5):
        site.proxy.cut_watches()
        for _ in range(2):
            site.move()
            site.wait_right(STEADY, MOVING)
    site.assert_stays(STEADY, MOVING)


def test_answers_of_writes_that_were_applied_come_too_late(site: Site) -> None:
    """A write that timed out and was applied all the same is neither repeated nor undone."""
    site.start_right()
    for late in (Fault("PATCH", SCALES, answer_hold_s=4.0), Fault("PATCH", SCALES, is_cut=True)):
        start_s = time.monotonic()
        with site.proxy.faults(late) as struck:
            site.move()
            site.wait_right(STEADY, MOVING, more_s=3.0)
            assert struck.count >= 1
            site.wait_ticks(5)
        took_s = time.monotonic() - start_s
        # Each write is decided at most once a tick, and what was applied is not asked for again.
        assert site.proxy.count("PATCH", SCALES, start_s) <= 2 * took_s / RULE.tick_s
    site.assert_stays(STEADY, MOVING)
