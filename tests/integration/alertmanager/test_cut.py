"""The network between a real Alertmanager and the real daemon, cut before, in the middle of and after a notification."""

from pathlib import Path

import pytest

from tests.integration.alertmanager.deciding import BOOSTED, REPLICAS, site
from tests.integration.alertmanager.notifying import labels, notifying, receiver, tell
from tests.servers.link import linked

pytestmark = pytest.mark.server

CHECKOUT, THUMBNAIL = labels("acme/checkout"), labels("acme/thumbnail")
FUNCTIONS = ["acme/checkout", "acme/thumbnail"]


async def test_what_fires_over_a_cut_network_arrives_once_it_is_mended(tmp_path: Path) -> None:
    """Nothing comes while it is cut, and what holds stays; mended, what began and what ended meanwhile is told."""
    async with site(FUNCTIONS) as it:
        with linked(it.port) as link:
            async with notifying(tmp_path, receiver(f"http://127.0.0.1:{link.port}")) as alertmanager:
                await it.start(main=alertmanager.url)
                await tell(alertmanager, CHECKOUT)
                await it.until(lambda: it.replicas("acme/checkout") == BOOSTED, "it to rise")
                link.cut()
                await tell(alertmanager, THUMBNAIL)
                await tell(alertmanager, CHECKOUT, ends_in_s=0)
                await it.until(lambda: link.swallowed, "a try that nobody hears")
                await it.ticks()
                assert it.boosted() == ["acme/checkout"]
                assert it.replicas("acme/thumbnail") == REPLICAS
                link.mend()
                await it.until(lambda: it.replicas("acme/thumbnail") == BOOSTED, "the other to rise")
                await it.until(lambda: it.replicas("acme/checkout") == REPLICAS, "the one to fall")


async def test_an_answer_that_is_lost_makes_a_retry_and_no_step(tmp_path: Path) -> None:
    """A notification that was taken and is told again, as often as it may be, is one level of one alert."""
    async with site(FUNCTIONS) as it:
        with linked(it.port) as link:
            link.loses_answers = True
            async with notifying(tmp_path, receiver(f"http://127.0.0.1:{link.port}")) as alertmanager:
                await it.start(main=alertmanager.url)
                await tell(alertmanager, CHECKOUT, THUMBNAIL)
                await it.until(lambda: it.answered(200) >= 3, "two retries")
                assert link.swallowed >= 2
                link.loses_answers = False
                taken = it.answered(200)
                await it.until(lambda: it.answered(200) > taken, "the one whose answer arrives")
                await it.ticks()
                assert it.boosted() == FUNCTIONS
                assert [it.replicas(one) for one in FUNCTIONS] == [BOOSTED, BOOSTED]
                await tell(alertmanager, CHECKOUT, ends_in_s=0)
                await it.until(lambda: it.replicas("acme/checkout") == REPLICAS, "one end to lift it")


async def test_an_alertmanager_out_of_reach_at_the_start_is_read_back_later(tmp_path: Path) -> None:
    """A daemon that starts without it holds what runs, and has the boost as soon as it can be asked."""
    async with site(FUNCTIONS) as it, notifying(tmp_path, receiver(it.url)) as alertmanager:
        await it.start(main=alertmanager.url)
        await tell(alertmanager, CHECKOUT)
        await it.until(lambda: it.replicas("acme/checkout") == BOOSTED, "it to rise")
        await it.end()
        with linked(alertmanager.port) as link:
            link.cut()
            it.speed = 5.0  # a daemon tries again only after 10 s of its own
            await it.start(main=f"http://127.0.0.1:{link.port}")
            await it.ticks(10)
            assert (it.boosted(), it.boosted("FREEZE")) == ([], FUNCTIONS)
            assert it.replicas("acme/checkout") == BOOSTED
            link.mend()
            await it.until(lambda: it.boosted() == ["acme/checkout"], "the boost to be read back", 60)
            assert it.replicas("acme/checkout") == BOOSTED
