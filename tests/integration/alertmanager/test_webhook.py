"""A real Alertmanager notifying our webhook with bearer credentials."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from autoscaler.core.fleet import FunctionKey
from autoscaler.server.app import build
from autoscaler.server.run import serve
from autoscaler.server.tally import TALLY, Tally
from tests.integration.http.fakes import ACME, FakeAutoscaling, HandClock
from tests.servers.alertmanager import Alertmanager, configuration
from tests.servers.process import running, wait_until

pytestmark = pytest.mark.server

CHECKOUT = {"alertname": "HighLatency", "namespace": "acme-prod", "function": "checkout"}
THUMBNAIL = {"alertname": "HighLatency", "namespace": "acme-prod", "function": "thumbnail"}
FOREIGN = {"alertname": "HighLatency", "namespace": "umbrella", "function": "render"}


@dataclass
class Pair:
    """An Alertmanager and the server that it notifies."""

    alertmanager: Alertmanager
    service: FakeAutoscaling
    tally: Tally

    def boosted(self) -> list[str]:
        """Give the functions that have a boost."""
        return sorted(key.name for keys in self.service.boosts.values() for key in keys)

    def answered(self, status: int) -> int:
        """Give how many notifications got this status."""
        return self.tally.requests["/v1/alerts", status]

    async def tell(self, *alerts: dict[str, str], ends_in_s: float = 3600.0) -> None:
        await asyncio.to_thread(self.alertmanager.tell, *alerts, ends_in_s=ends_in_s)

    async def until(self, condition: Callable[[], object], what: str) -> None:
        await asyncio.to_thread(wait_until, condition, what)


Start = Callable[..., AbstractAsyncContextManager[Pair]]


@pytest.fixture
def start(tmp_path: Path) -> Start:
    """Start both; the token that Alertmanager bears and how often it repeats are the test's."""

    @asynccontextmanager
    async def started(token: str = ACME, repeat_s: float = 3600) -> AsyncIterator[Pair]:
        service = FakeAutoscaling()
        app = build(service, HandClock())
        async with serve(app, "127.0.0.1:0") as at:
            config = configuration(f"http://{at.host}:{at.port}/v1/alerts", token, repeat_s=repeat_s)
            alertmanager = Alertmanager(tmp_path, config)
            server = running(alertmanager, alertmanager.is_ready)
            await asyncio.to_thread(server.__enter__)
            try:
                yield Pair(alertmanager, service, app[TALLY])
            finally:
                await asyncio.to_thread(server.__exit__, None, None, None)

    return started


async def test_an_alert_that_fires_is_a_boost_and_one_that_resolves_lifts_it(start: Start) -> None:
    """Firing raises a boost of the function that the labels name; resolved lifts it."""
    async with start() as pair:
        await pair.tell(CHECKOUT)
        await pair.until(pair.boosted, "a boost")
        assert list(pair.service.boosts.values()) == [(FunctionKey("acme-prod", "checkout"),)]
        await pair.tell(CHECKOUT, ends_in_s=0)
        await pair.until(lambda: not pair.boosted(), "the boost to be lifted")
        assert (pair.answered(200), pair.tally.alerts_accepted) == (2, 2)


async def test_alerts_of_one_group_count_each_once(start: Start) -> None:
    """Two alerts that come in one notification are two boosts; a third of a foreign namespace is dropped."""
    async with start() as pair:
        await pair.tell(CHECKOUT, THUMBNAIL, FOREIGN)
        await pair.until(lambda: pair.answered(200) == 2, "a notification of each namespace")
        assert pair.boosted() == ["checkout", "thumbnail"]
        assert (pair.tally.alerts_accepted, dict(pair.tally.alerts_dropped)) == (2, {"foreign-namespace": 1})


async def test_repeated_notifications_change_nothing(start: Start) -> None:
    """What Alertmanager repeats is taken again and leaves the same boosts."""
    async with start(repeat_s=1) as pair:
        await pair.tell(CHECKOUT, THUMBNAIL)
        await pair.until(lambda: pair.answered(200) >= 3, "three notifications")
        assert pair.boosted() == ["checkout", "thumbnail"]
        assert pair.tally.alerts_accepted == 2 * pair.answered(200)


async def test_one_of_a_group_resolves_while_the_other_fires(start: Start) -> None:
    """A group that still fires carries a resolved alert: that one is lifted, the other stays."""
    async with start() as pair:
        await pair.tell(CHECKOUT, THUMBNAIL)
        await pair.until(lambda: len(pair.boosted()) == 2, "two boosts")
        await pair.tell(CHECKOUT, ends_in_s=0)
        await pair.until(lambda: pair.boosted() == ["thumbnail"], "one boost to be lifted")


async def test_alerts_of_the_start_are_delivered_later(start: Start) -> None:
    """While the daemon is not ready Alertmanager gets 503, repeats, and nothing is lost."""
    async with start() as pair:
        ready = dict(pair.service.__dict__)
        pair.service.empty()
        await pair.tell(CHECKOUT)
        await pair.until(lambda: pair.answered(503) >= 1, "a refused notification")
        pair.service.__dict__.update(ready)
        await pair.until(lambda: pair.boosted() == ["checkout"], "the repeated notification")


async def test_a_wrong_credential_reaches_nothing(start: Start) -> None:
    """An Alertmanager with a wrong token gets 401 and raises no boost."""
    async with start(token="wrong") as pair:
        await pair.tell(CHECKOUT)
        await pair.until(lambda: pair.answered(401) >= 1, "a refused notification")
        assert not pair.boosted()
