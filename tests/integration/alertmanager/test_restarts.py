"""A real Alertmanager and the real daemon, of which one dies in the middle and comes back."""

from pathlib import Path

import pytest

from tests.integration.alertmanager.deciding import BOOSTED, REPLICAS, site
from tests.integration.alertmanager.notifying import ended, killed, labels, notifying, receiver, tell

pytestmark = pytest.mark.server

CHECKOUT, THUMBNAIL = labels("acme/checkout"), labels("acme/thumbnail")
FUNCTIONS = ["acme/checkout", "acme/thumbnail"]


async def test_an_alertmanager_that_forgot_all_tells_the_same_level_again(tmp_path: Path) -> None:
    """Killed, it does not know what it has told; it tells again what fires, which is what was in force already."""
    async with site(FUNCTIONS) as it, notifying(tmp_path, receiver(it.url)) as alertmanager:
        await it.start(main=alertmanager.url)
        await tell(alertmanager, CHECKOUT)
        await it.until(lambda: it.replicas("acme/checkout") == BOOSTED, "it to rise")
        (before,) = it.daemon.health().boosts
        await killed(alertmanager)
        await it.ticks()
        assert it.replicas("acme/checkout") == BOOSTED
        await tell(alertmanager, CHECKOUT)  # as Prometheus does at its next evaluation
        await it.until(lambda: it.answered(200) == 2, "the same told again")
        await it.ticks()
        (after,) = it.daemon.health().boosts
        assert (after.id, after.floors) == (before.id, before.floors)
        assert it.replicas("acme/checkout") == BOOSTED


async def test_an_end_that_came_while_alertmanager_was_away_is_told_when_it_is_back(tmp_path: Path) -> None:
    """Ended in good order it remembers what it told, and so tells the end of it, though it never saw that alert fire."""
    async with site(FUNCTIONS) as it, notifying(tmp_path, receiver(it.url)) as alertmanager:
        await it.start(main=alertmanager.url)
        await tell(alertmanager, CHECKOUT)
        await it.until(lambda: it.replicas("acme/checkout") == BOOSTED, "it to rise")
        await ended(alertmanager)
        await tell(alertmanager, CHECKOUT, ends_in_s=0)
        await it.until(lambda: it.replicas("acme/checkout") == REPLICAS, "it to fall")
        assert it.boosted() == []


async def test_a_daemon_that_restarts_reads_back_what_fires(tmp_path: Path) -> None:
    """Alertmanager says nothing anew for an hour: the boost is there again, of the same alert and at the same height."""
    async with site(FUNCTIONS) as it, notifying(tmp_path, receiver(it.url)) as alertmanager:
        await it.start(main=alertmanager.url)
        await tell(alertmanager, CHECKOUT)
        await it.until(lambda: it.replicas("acme/checkout") == BOOSTED, "it to rise")
        (before,) = it.daemon.health().boosts
        await it.end()
        await it.start(main=alertmanager.url)
        await it.until(it.boosted, "the boost to be read back")
        (after,) = it.daemon.health().boosts
        assert after.id == before.id
        await it.ticks(10)  # longer than the window after which the load alone decides
        assert it.answered(200) == 0
        assert it.replicas("acme/checkout") == BOOSTED
        # The end that Alertmanager tells is of the alert that was read back, so it lifts that boost.
        await tell(alertmanager, CHECKOUT, ends_in_s=0)
        await it.until(lambda: it.replicas("acme/checkout") == REPLICAS, "it to fall")


async def test_alerts_that_changed_while_the_daemon_was_away_are_delivered(tmp_path: Path) -> None:
    """What began and what ended while nobody listened is told again until somebody does; each once."""
    async with site(FUNCTIONS) as it, notifying(tmp_path, receiver(it.url)) as alertmanager:
        await it.start(main=alertmanager.url)
        await tell(alertmanager, CHECKOUT)
        await it.until(lambda: it.replicas("acme/checkout") == BOOSTED, "it to rise")
        await it.end()
        await tell(alertmanager, CHECKOUT, ends_in_s=0)
        await tell(alertmanager, THUMBNAIL)
        await it.start(main=alertmanager.url)
        await it.until(lambda: it.answered(200) >= 1, "a notification")
        await it.until(lambda: it.replicas("acme/checkout") == REPLICAS, "the one to fall")
        await it.until(lambda: it.replicas("acme/thumbnail") == BOOSTED, "the other to rise")
        assert it.boosted() == ["acme/thumbnail"]


async def test_what_is_silenced_is_not_read_back(tmp_path: Path) -> None:
    """An alert that people have silenced fires still, and nobody is told of it: the daemon after a restart neither."""
    async with site(FUNCTIONS) as it, notifying(tmp_path, receiver(it.url)) as alertmanager:
        await it.start(main=alertmanager.url)
        await tell(alertmanager, CHECKOUT, THUMBNAIL)
        await it.until(lambda: len(it.boosted()) == 2, "two boosts")
        await it.end()
        alertmanager.silence(function="checkout")
        await it.start(main=alertmanager.url)
        await it.until(lambda: it.boosted() == ["acme/thumbnail"], "the other one to be read back")
        await it.until(lambda: it.replicas("acme/checkout") == REPLICAS, "the silenced one to fall")
