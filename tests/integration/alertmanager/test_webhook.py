"""A real Alertmanager that is refused: before the daemon has decided, and without a credential of anybody's."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from autoscaler.server.app import build
from autoscaler.server.run import serve
from autoscaler.server.tally import TALLY, Tally
from tests.integration.http.fakes import ACME, FakeAutoscaling, HandClock
from tests.servers.alertmanager import Alertmanager, configuration
from tests.servers.process import running, wait_until

pytestmark = pytest.mark.server

CHECKOUT = {"alertname": "HighLatency", "namespace": "acme-prod", "function": "checkout"}


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
    """Start both; the token that Alertmanager bears is the test's."""

    @asynccontextmanager
    async def started(token: str = ACME) -> AsyncIterator[Pair]:
        service = FakeAutoscaling()
        app = build(service, HandClock())
        async with serve(app, "127.0.0.1:0") as at:
            config = configuration(f"http://{at.host}:{at.port}/v1/alerts", token)
            alertmanager = Alertmanager(tmp_path, config)
            server = running(alertmanager, alertmanager.is_ready)
            await asyncio.to_thread(server.__enter__)
            try:
                yield Pair(alertmanager, service, app[TALLY])
            finally:
                await asyncio.to_thread(server.__exit__, None, None, None)

    return started


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
